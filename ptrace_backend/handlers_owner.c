// SPDX-License-Identifier: Apache-2.0
/* chown and chmod with faked ids.
 *
 * Theory of operation
 *
 * chown changes nothing on the host: owner and group go into the record. chmod changes the real
 * file as far as is safe and useful (ids_chmod()); what then differs from the wish is remembered.
 * The object is held by an O_PATH fd from resolving to the last change.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/compat.h"
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
	char link[64];

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tracee->tid);
	else if (fd < 0)
		return -EBADF;
	else
		tracee_fd_host(tracee, fd, link, sizeof(link));
	if (tracee_fd_refuses_change(tracee, fd) == -EROFS)
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
	if (tracee_result_is_read_only(tracee, result))
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

/* uid and gid are the caller's, in its user namespace. */
static enum verdict chown_object(struct tracee *tracee, struct object *object, uid_t uid, gid_t gid)
{
	struct stat *shown = &object->shown;
	uid_t own_uid = uid == NO_ID ? NO_ID : user_ns_take_uid(tracee, uid);
	gid_t own_gid = gid == NO_ID ? NO_ID : user_ns_take_gid(tracee, gid);
	bool unmapped = (uid != NO_ID && own_uid == NO_ID) || (gid != NO_ID && own_gid == NO_ID);
	int result = 0;

	uid = own_uid;
	gid = own_gid;
	if (unmapped) {
		result = -EINVAL;
	} else if (!user_ns_maps(tracee, shown->st_uid, shown->st_gid)) {
		result = -EPERM;
	} else if (!may_chown(&tracee->credentials, shown, uid, gid)) {
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
	result = ids_chmod(object->fd, &object->real, mode);
	/* Another host user's file: remembered only. */
	if (result && result != -EPERM && result != -EROFS)
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
