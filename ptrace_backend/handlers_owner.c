// SPDX-License-Identifier: Apache-2.0
/* chown and chmod with faked ids.
 *
 * Theory of operation
 *
 * chown changes nothing on the host: owner and group go into the record. chmod changes the real
 * file as far as is safe and useful (ids_chmod()); what then differs from the wish is remembered.
 * The object is held by an O_PATH fd from resolving to the last change (file_object.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/capability.h"
#include "ptrace_backend/file_object.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#define NO_ID ((uint32_t)-1)

static int remember(struct tracee *tracee, const struct file_object *object)
{
	return ids_remember(tracee->tracer, object->fd, &object->real, &object->shown);
}

/* A chown takes a file's capabilities, root's too. Another host user's file keeps its own: that it has another owner is
 * the record's word alone. */
static int drop_capabilities(const struct tracee *tracee, const struct file_object *object)
{
	const struct record_file file = { .status = &object->real, .fd = object->fd };
	int result;

	if (!S_ISREG(object->real.st_mode) || !capability_is_likely(&file))
		return 0;
	result = capability_remove(&file);
	return object->real.st_uid == tracee->tracer->host_uid ? result : 0;
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

/* Who takes set-id bits away by a chown must be allowed to, as well. */
static bool may_chmod(const struct credentials *credentials, const struct stat *shown)
{
	return credentials->fsuid == shown->st_uid || credentials_capable(credentials, CAP_FOWNER);
}

/* uid and gid are the caller's, in its user namespace. */
static enum verdict chown_object(struct tracee *tracee, struct file_object *object, uid_t uid, gid_t gid)
{
	struct stat *shown = &object->shown;
	uid_t own_uid = uid == NO_ID ? NO_ID : user_ns_take_uid(tracee, uid);
	gid_t own_gid = gid == NO_ID ? NO_ID : user_ns_take_gid(tracee, gid);
	bool unmapped = (uid != NO_ID && own_uid == NO_ID) || (gid != NO_ID && own_gid == NO_ID);
	mode_t mode = mode_after_chown(&tracee->credentials, shown);
	int result = 0;

	uid = own_uid;
	gid = own_gid;
	if (unmapped) {
		result = -EINVAL;
	} else if (!user_ns_maps(tracee, shown->st_uid, shown->st_gid)) {
		result = -EPERM;
	} else if (!may_chown(&tracee->credentials, shown, uid, gid) ||
		   (mode != shown->st_mode && !may_chmod(&tracee->credentials, shown))) {
		result = -EPERM;
	} else {
		shown->st_mode = mode;
		if (uid != NO_ID)
			shown->st_uid = uid;
		if (gid != NO_ID)
			shown->st_gid = gid;
		result = drop_capabilities(tracee, object);
		result = result ? result : remember(tracee, object);
	}
	close(object->fd);
	return tracee_answer(tracee, result);
}

/* chown, lchown, fchownat */
enum verdict handle_chown(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned owner = (unsigned)row->paths[0].path + 1;
	struct file_object object;
	int result;

	if (!tracee->tracer->fake_ids)
		return translate_paths(tracee, row);
	result = file_object_open(tracee, row, true, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chown_object(tracee, &object, (uid_t)tracee_argument(tracee, owner),
			    (gid_t)tracee_argument(tracee, owner + 1));
}

enum verdict handle_fchown(struct tracee *tracee, const struct syscall_row *row)
{
	int fd = (int)tracee_argument(tracee, 0), result;
	struct file_object object;

	if (!tracee->tracer->fake_ids)
		return handle_fd_write(tracee, row);
	result = fd < 0 ? -EBADF : file_object_open_fd(tracee, fd, true, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chown_object(tracee, &object, (uid_t)tracee_argument(tracee, 1),
			    (gid_t)tracee_argument(tracee, 2));
}

/* chmod */

static int change_mode(struct tracee *tracee, struct file_object *object, mode_t mode)
{
	const struct credentials *credentials = &tracee->credentials;
	struct stat *shown = &object->shown;
	int result;

	if (S_ISLNK(object->real.st_mode))
		return -EOPNOTSUPP;
	if (!may_chmod(credentials, shown))
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

static enum verdict chmod_object(struct tracee *tracee, struct file_object *object, mode_t mode)
{
	int result = change_mode(tracee, object, mode);

	close(object->fd);
	return tracee_answer(tracee, result);
}

/* chmod, fchmodat, fchmodat2 */
enum verdict handle_chmod(struct tracee *tracee, const struct syscall_row *row)
{
	struct file_object object;
	int result;

	if (!tracee->tracer->fake_ids)
		return translate_paths(tracee, row);
	result = file_object_open(tracee, row, true, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chmod_object(tracee, &object,
			    (mode_t)tracee_argument(tracee, (unsigned)row->paths[0].path + 1));
}

enum verdict handle_fchmod(struct tracee *tracee, const struct syscall_row *row)
{
	int fd = (int)tracee_argument(tracee, 0), result;
	struct file_object object;

	if (!tracee->tracer->fake_ids)
		return handle_fd_write(tracee, row);
	result = fd < 0 ? -EBADF : file_object_open_fd(tracee, fd, true, &object);
	if (result)
		return tracee_answer(tracee, result);
	return chmod_object(tracee, &object, (mode_t)tracee_argument(tracee, 1));
}
