// SPDX-License-Identifier: Apache-2.0
/* chown, chmod, mknod and what makes or removes files, with faked ids.
 *
 * Theory of operation
 *
 * chown changes nothing on the host: owner and group go into the record. chmod changes the real file as
 * far as is safe and useful: the owner keeps read and write (and search, where anybody may), because
 * the guest's root may always do these and the real user is the owner; set-id bits are never real,
 * because they would hand the host user's rights to other host users. What then differs from the
 * wish is remembered. A device is an empty regular file with a record.
 *
 * The object is always held by an O_PATH fd from resolving to the last change.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#define NO_ID ((uint32_t)-1)

/* The object of a chown or chmod. */
struct object {
	int fd;		   /* O_PATH */
	struct stat real;  /* as the host has it */
	struct stat shown; /* as the guest sees it */
};

static int open_link(struct tracee *tracee, const char *link, struct object *ret_object)
{
	ret_object->fd = open(link, O_PATH | O_CLOEXEC);
	if (ret_object->fd < 0)
		return errno == ENOENT ? -EBADF : -errno;
	if (fstat(ret_object->fd, &ret_object->real) < 0) {
		int result = -errno;

		close(ret_object->fd);
		return result;
	}
	ret_object->shown = ret_object->real;
	ids_guest_stat(tracee->tracer, NULL, ret_object->fd, &ret_object->shown);
	return 0;
}

/* What an fd or the cwd (AT_FDCWD) refers to. Returns 0 or -errno. */
static int open_base(struct tracee *tracee, int fd, struct object *ret_object)
{
	struct path_position *position = &tracee_result_buffer(tracee, 0)->position;
	char link[64];
	int result;

	if (fd == AT_FDCWD) {
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tracee->tid);
		result = tracee_cwd_position(tracee, position);
	} else {
		if (fd < 0)
			return -EBADF;
		tracee_fd_host(tracee, fd, link, sizeof(link));
		result = tracee->tracer->any_read_only ?
				 tracee_fd_position(tracee, fd, position) :
				 -ENOENT;
	}
	if (!result && (tracee_mount_flags(tracee, position) & PATH_MOUNT_READ_ONLY))
		return -EROFS;
	return open_link(tracee, link, ret_object);
}

/* What the path argument of a row refers to. Returns 0 or -errno. */
static int open_object(struct tracee *tracee, const struct syscall_row *row,
		       struct object *ret_object)
{
	const struct path_argument *argument = &row->paths[0];
	struct path_result *result = tracee_result_buffer(tracee, 0);
	uint64_t address = tracee_argument(tracee, (unsigned)argument->path);
	uint32_t resolve = argument->follow == FOLLOW_NEVER ? 0 : PATH_FOLLOW;
	int dirfd = AT_FDCWD, error;
	const char *host;

	if (argument->dirfd >= 0)
		dirfd = (int)tracee_argument(tracee, (unsigned)argument->dirfd);
	if (argument->flags >= 0) {
		uint32_t flags = (uint32_t)tracee_argument(tracee, (unsigned)argument->flags);
		char first = 1;

		if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
			return -EINVAL;
		if (flags & AT_SYMLINK_NOFOLLOW)
			resolve = 0;
		if ((flags & AT_EMPTY_PATH) && address &&
		    tracee_read(tracee, address, &first, 1) < 0)
			return -EFAULT;
		if ((flags & AT_EMPTY_PATH) && (!address || !first))
			return open_base(tracee, dirfd, ret_object);
	}
	error = tracee_resolve(tracee, dirfd, address, resolve | PATH_WANT_FD, result);
	if (error)
		return error;
	host = result->host_length ? result->host : "/";
	ret_object->fd = result->fd;
	if (ret_object->fd < 0)
		ret_object->fd =
			open(host, O_PATH | O_CLOEXEC |
					   (result->flags & PATH_RESULT_MAGIC ? 0 : O_NOFOLLOW));
	if (ret_object->fd < 0)
		return -errno;
	if (tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY)
		error = -EROFS;
	else if (fstat(ret_object->fd, &ret_object->real) < 0)
		error = -errno;
	if (error) {
		close(ret_object->fd);
		return error;
	}
	ret_object->shown = ret_object->real;
	ids_guest_stat(tracee->tracer, result->flags & PATH_RESULT_MAGIC ? NULL : host,
		       ret_object->fd, &ret_object->shown);
	return 0;
}

static int remember(struct tracee *tracee, const struct object *object)
{
	return ids_remember(tracee->tracer, object->fd, &object->real, &object->shown);
}

/* chown */

/* The kernel's chown_ok() and chgrp_ok(). */
static bool may_chown(const struct credentials *credentials, const struct stat *shown, uid_t uid,
		      gid_t gid)
{
	bool owner = credentials->fsuid == shown->st_uid;

	if (credentials_capable(credentials, CAP_CHOWN))
		return true;
	if (uid != NO_ID && !(owner && uid == shown->st_uid))
		return false;
	return gid == NO_ID ||
	       (owner && (gid == shown->st_gid || credentials_in_group(credentials, gid)));
}

/* Set-id bits don't survive a chown, root's neither (setattr_should_drop_suidgid). */
static mode_t mode_after_chown(const struct credentials *credentials, const struct stat *shown)
{
	mode_t mode = shown->st_mode;

	if (S_ISDIR(mode))
		return mode;
	if ((mode & S_IXGRP) || (!credentials_in_group(credentials, shown->st_gid) &&
				 !credentials_capable(credentials, CAP_FSETID)))
		mode &= ~(mode_t)S_ISGID;
	return mode & ~(mode_t)S_ISUID;
}

static enum verdict chown_object(struct tracee *tracee, struct object *object, uid_t uid, gid_t gid)
{
	struct stat *shown = &object->shown;
	int result = 0;

	if (!may_chown(&tracee->credentials, shown, uid, gid)) {
		result = -EPERM;
	} else {
		shown->st_mode = mode_after_chown(&tracee->credentials, shown);
		if (uid != NO_ID)
			shown->st_uid = uid;
		if (gid != NO_ID)
			shown->st_gid = gid;
		result = remember(tracee, object);
	}
	close(object->fd);
	return tracee_answer(tracee, result);
}

/* chown, lchown, fchownat */
enum verdict handle_chown(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned owner = (unsigned)row->paths[0].path + 1;
	struct object object;
	int result;

	if (!tracee->tracer->fake_ids)
		return translate_paths(tracee, row);
	result = open_object(tracee, row, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chown_object(tracee, &object, (uid_t)tracee_argument(tracee, owner),
			    (gid_t)tracee_argument(tracee, owner + 1));
}

enum verdict handle_fchown(struct tracee *tracee, const struct syscall_row *row)
{
	int fd = (int)tracee_argument(tracee, 0), result;
	struct object object;

	if (!tracee->tracer->fake_ids)
		return handle_fd_write(tracee, row);
	result = fd < 0 ? -EBADF : open_base(tracee, fd, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chown_object(tracee, &object, (uid_t)tracee_argument(tracee, 1),
			    (gid_t)tracee_argument(tracee, 2));
}

/* chmod */

/* The permission bits that a real file gets when the guest asks for `mode`. */
static mode_t real_mode(mode_t mode)
{
	mode_t real = (mode & 0777) | S_IRUSR | S_IWUSR;

	if (S_ISDIR(mode))
		return real | S_IXUSR | (mode & S_ISVTX);
	return mode & 0111 ? real | S_IXUSR : real;
}

static int chmod_real(const struct object *object, mode_t mode)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", object->fd);
	return chmod(link, mode) < 0 ? -errno : 0;
}

static int change_mode(struct tracee *tracee, struct object *object, mode_t mode)
{
	const struct credentials *credentials = &tracee->credentials;
	struct stat *shown = &object->shown;
	int result;

	if (S_ISLNK(object->real.st_mode))
		return -EOPNOTSUPP;
	if (credentials->fsuid != shown->st_uid && !credentials_capable(credentials, CAP_FOWNER))
		return -EPERM;
	mode = (mode & 07777) | (shown->st_mode & S_IFMT);
	if (!credentials_in_group(credentials, shown->st_gid) &&
	    !credentials_capable(credentials, CAP_FSETID))
		mode &= ~(mode_t)S_ISGID;
	result = chmod_real(object, real_mode(mode));
	if (!result)
		object->real.st_mode = (object->real.st_mode & S_IFMT) | real_mode(mode);
	else if (result != -EPERM && result != -EROFS) /* another host user's: remembered only */
		return result;
	shown->st_mode = mode;
	return remember(tracee, object);
}

static enum verdict chmod_object(struct tracee *tracee, struct object *object, mode_t mode)
{
	int result = change_mode(tracee, object, mode);

	close(object->fd);
	return tracee_answer(tracee, result);
}

/* chmod, fchmodat, fchmodat2 */
enum verdict handle_chmod(struct tracee *tracee, const struct syscall_row *row)
{
	struct object object;
	int result;

	if (!tracee->tracer->fake_ids)
		return translate_paths(tracee, row);
	result = open_object(tracee, row, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chmod_object(tracee, &object,
			    (mode_t)tracee_argument(tracee, (unsigned)row->paths[0].path + 1));
}

enum verdict handle_fchmod(struct tracee *tracee, const struct syscall_row *row)
{
	int fd = (int)tracee_argument(tracee, 0), result;
	struct object object;

	if (!tracee->tracer->fake_ids)
		return handle_fd_write(tracee, row);
	result = fd < 0 ? -EBADF : open_base(tracee, fd, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chmod_object(tracee, &object, (mode_t)tracee_argument(tracee, 1));
}

/* mknod */

/* The tracer can't know a guest's umask otherwise. Since Linux 4.7; 022 before. */
static mode_t read_umask(const struct tracee *tracee)
{
	char path[64], text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tracee->tid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 022;
	line = strstr(text, "\nUmask:");
	return line ? (mode_t)strtoul(line + strlen("\nUmask:"), NULL, 8) & 0777 : 022;
}

/* An empty regular file that is remembered as a device. Returns 0 or -errno. */
static int make_device(struct tracee *tracee, const struct path_result *place, mode_t mode,
		       dev_t device)
{
	struct object object;
	int result;

	object.fd = open(place->host, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0600);
	if (object.fd < 0)
		return -errno;
	mode &= ~read_umask(tracee);
	result = fchmod(object.fd, real_mode(mode)) < 0 || fstat(object.fd, &object.real) < 0 ?
			 -errno :
			 0;
	if (!result) {
		object.shown = object.real;
		object.shown.st_uid = tracee->credentials.fsuid;
		object.shown.st_gid = tracee->credentials.fsgid;
		object.shown.st_mode = mode;
		object.shown.st_rdev = device;
		result = remember(tracee, &object);
	}
	close(object.fd);
	if (result)
		unlink(place->host);
	return result;
}

/* mknod, mknodat */
enum verdict handle_mknod(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned path = (unsigned)row->paths[0].path;
	struct path_result *place = tracee_result_buffer(tracee, 0);
	mode_t mode = (mode_t)tracee_argument(tracee, path + 1);
	/* The kernel's 32-bit dev_t, which is how the C library encodes small numbers too. */
	dev_t device = (uint32_t)tracee_argument(tracee, path + 2);
	struct stat status;
	int dirfd = AT_FDCWD, result;

	if (!tracee->tracer->fake_ids || (!S_ISBLK(mode) && !S_ISCHR(mode)))
		return handle_create(tracee, row);
	if (row->paths[0].dirfd >= 0)
		dirfd = (int)tracee_argument(tracee, (unsigned)row->paths[0].dirfd);
	result = tracee_resolve(tracee, dirfd, tracee_argument(tracee, path), PATH_PARENT, place);
	if (result)
		return tracee_answer(tracee, result);
	if (place->last != PATH_LAST_NORMAL || (place->flags & PATH_RESULT_MOUNT_ROOT) ||
	    fstatat(AT_FDCWD, place->host, &status, AT_SYMLINK_NOFOLLOW) == 0)
		result = -EEXIST;
	else if (place->flags & PATH_RESULT_SLASH)
		result = -ENOENT;
	else if (tracee_mount_flags(tracee, &place->position) & PATH_MOUNT_READ_ONLY)
		result = -EROFS;
	else if (!credentials_capable(&tracee->credentials, CAP_MKNOD) &&
		 !(S_ISCHR(mode) && device == 0)) /* a whiteout */
		result = -EPERM;
	else
		result = make_device(tracee, place, mode & (S_IFMT | 07777), device);
	return tracee_answer(tracee, result);
}

/* Names that come and go: translated, and the record kept up. */

/* mkdir, mkdirat, symlink, symlinkat; mknod of what the host user may make */
enum verdict handle_create(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict = translate_paths(tracee, row);

	return verdict == VERDICT_CONTINUE ? ids_created(tracee, tracee_result_buffer(tracee, 0)) :
					     verdict;
}

/* unlink, unlinkat, rmdir */
enum verdict handle_unlink(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict = translate_paths(tracee, row);

	if (verdict != VERDICT_CONTINUE || !tracee->tracer->fake_ids)
		return verdict;
	return ids_removed(tracee, tracee_result_buffer(tracee, 0)->host);
}
