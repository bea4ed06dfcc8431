// SPDX-License-Identifier: Apache-2.0
/* Names that come and go with faked ids: mknod, mkdir, symlink, unlink; and the calls around a
 * record that other handlers make.
 *
 * Theory of operation
 *
 * The calls themselves are translated and run by the kernel. The fake root's new files need no
 * record: the real owner is shown as root. Others' do, and a stop at the exit writes it, which
 * only they pay for. A device can't be made by the kernel: an empty regular file with a record
 * stands for it. A directory is always made with all owner bits, or root couldn't fill it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/store/record.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/syscall_table.h"

/* The tracer can't know a guest's umask otherwise. */
static mode_t read_umask(const struct tracee *tracee)
{
	struct process_status status;

	return process_status(tracee->tid, &status) == 0 ? status.umask : 022;
}

/* The host path of a new name, argument `index`, lies in the scratch area until the exit stop. */
static bool save_new_name(struct tracee *tracee, unsigned index)
{
	tracee->saved[4] = tracee_argument(tracee, index);
	return tracee_in_scratch(tracee, tracee->saved[4]);
}

static void own_at_exit(struct tracee *tracee)
{
	char host[PATH_SIZE];

	if (tracee_result(tracee) >= 0 &&
	    tracee_read_string(tracee, tracee->saved[4], host, sizeof(host)) > 0)
		ids_own(tracee, host);
	tracee_restore_arguments(tracee);
}

/* Whether the directory of the new name, which the first result is, is a set-group-id one: only the record can
 * tell of such. */
static bool gives_group(struct tracee *tracee)
{
	const struct path_result *name = tracee_result_buffer(tracee, 0);
	struct stat shown = { .st_mode = S_IFDIR };

	if (!tracee->tracer->record || record_count(tracee->tracer->record) == 0)
		return false;
	ids_new_owner(tracee, name->host, &shown);
	return shown.st_mode & S_ISGID;
}

enum verdict ids_created(struct tracee *tracee, unsigned index)
{
	const struct credentials *credentials = &tracee->credentials;

	if (!tracee->tracer->fake_ids ||
	    (credentials->fsuid == tracee->tracer->own_uid &&
	     credentials->fsgid == tracee->tracer->own_gid && !gives_group(tracee)) ||
	    !save_new_name(tracee, index))
		return VERDICT_CONTINUE;
	tracee->on_exit = own_at_exit;
	return VERDICT_EXIT;
}

/* saved[3] has the owner bits that were asked for. */
static void narrow_at_exit(struct tracee *tracee)
{
	char host[PATH_SIZE];
	struct stat real, shown;
	_cleanup_close_ int fd = -EBADF;

	if (tracee_result(tracee) == 0 &&
	    tracee_read_string(tracee, tracee->saved[4], host, sizeof(host)) > 0)
		fd = open(host, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &real) == 0) {
		shown = real;
		ids_new_owner(tracee, host, &shown);
		shown.st_mode = (shown.st_mode & ~(mode_t)S_IRWXU) |
				((mode_t)tracee->saved[3] & S_IRWXU & ~read_umask(tracee));
		ids_remember(tracee->tracer, fd, &real, &shown);
	}
	tracee_restore_arguments(tracee);
}

/* mkdir, mkdirat */
enum verdict handle_mkdir(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned mode_index = (unsigned)row->paths[0].path + 1;
	mode_t mode = (mode_t)tracee_argument(tracee, mode_index);
	enum verdict verdict = translate_paths(tracee, row);

	if (verdict != VERDICT_CONTINUE || !tracee->tracer->fake_ids)
		return verdict;
	if ((mode & S_IRWXU) == S_IRWXU || !save_new_name(tracee, mode_index - 1))
		return verdict;
	tracee->saved[3] = mode;
	tracee_set_argument(tracee, mode_index, mode | S_IRWXU);
	tracee->on_exit = narrow_at_exit;
	return VERDICT_EXIT;
}

/* An empty regular file that is remembered as a device. Returns 0 or -errno. */
static int make_device(struct tracee *tracee, const struct path_result *place, mode_t mode,
		       dev_t device)
{
	_cleanup_close_ int fd =
		open(place->host, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0600);
	struct stat real, shown;
	int result;

	if (fd < 0)
		return -errno;
	mode &= ~read_umask(tracee);
	result = fstat(fd, &real) < 0 ? -errno : ids_chmod(fd, &real, mode);
	if (!result) {
		shown = real;
		ids_new_owner(tracee, place->host, &shown);
		shown.st_mode = mode;
		shown.st_rdev = device;
		result = ids_remember(tracee->tracer, fd, &real, &shown);
	}
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
		return translate_paths(tracee, row);
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
	else if (permissions_on(tracee) && permissions_create(tracee, place) < 0)
		result = -EACCES;
	else if (!credentials_capable(&tracee->credentials, CAP_MKNOD) &&
		 !(S_ISCHR(mode) && device == 0)) /* a whiteout */
		result = -EPERM;
	else
		result = make_device(tracee, place, mode & (S_IFMT | 07777), device);
	return tracee_answer(tracee, result);
}

static void forget_at_exit(struct tracee *tracee)
{
	if (tracee_result(tracee) == 0)
		record_forget(tracee->tracer->record, (dev_t)tracee->saved[4],
			      (ino_t)tracee->saved[5]);
	tracee_restore_arguments(tracee);
}

enum verdict ids_removed(struct tracee *tracee, const char *host)
{
	struct record *record = tracee->tracer->record;
	struct stat status;

	if (!record || record_count(record) == 0 ||
	    fstatat(AT_FDCWD, host, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (status.st_nlink > 1 && !S_ISDIR(status.st_mode)) ||
	    !record_has(record, status.st_dev, status.st_ino))
		return VERDICT_CONTINUE;
	tracee->saved[4] = status.st_dev;
	tracee->saved[5] = status.st_ino;
	tracee->on_exit = forget_at_exit;
	return VERDICT_EXIT;
}

/* unlink, unlinkat, rmdir */
enum verdict handle_unlink(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict = translate_paths(tracee, row);
	bool directory = row->index == ROW_rmdir ||
			 (row->paths[0].flags >= 0 && tracee_argument(tracee, 2));

	if (!directory)
		verdict = guest_links_unlink(tracee, verdict);
	if (verdict != VERDICT_CONTINUE || !tracee->tracer->fake_ids)
		return verdict;
	return ids_removed(tracee, tracee_result_buffer(tracee, 0)->host);
}

void ids_widen(const struct tracee *tracee, int fd, struct stat *real)
{
	struct stat shown = *real;

	ids_guest_stat(tracee->tracer, NULL, fd, &shown);
	if (ids_chmod(fd, real, real->st_mode) == 0)
		ids_remember(tracee->tracer, fd, real, &shown);
}

void ids_grant(struct tracee *tracee, const struct path_result *file, const struct stat *real,
	       uint64_t open_flags)
{
	static const mode_t needed[] = { S_IRUSR, S_IWUSR, S_IRUSR | S_IWUSR, S_IRUSR | S_IWUSR };
	mode_t missing = needed[open_flags & O_ACCMODE] & ~real->st_mode;
	_cleanup_close_ int fd = -EBADF;
	struct stat now;

	if (!missing || (open_flags & O_PATH) || !tracee->tracer->fake_ids ||
	    real->st_uid != tracee->tracer->host_uid ||
	    (!S_ISREG(real->st_mode) && !S_ISDIR(real->st_mode)) ||
	    !credentials_capable(&tracee->credentials, CAP_DAC_OVERRIDE) ||
	    (tracee_mount_flags(tracee, &file->position) & (PATH_MOUNT_READ_ONLY | PATH_MOUNT_SHARED)))
		return;
	fd = open(file->host, O_PATH | O_CLOEXEC |
				      (file->flags & PATH_RESULT_MAGIC ? 0 : O_NOFOLLOW));
	if (fd >= 0 && fstat(fd, &now) == 0 && now.st_ino == real->st_ino)
		ids_widen(tracee, fd, &now);
}

static void widen_directory(struct tracee *tracee, const char *host, int access)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat now;

	if (faccessat(AT_FDCWD, host, access, 0) == 0 || errno != EACCES)
		return;
	fd = open(host, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &now) == 0 && now.st_uid == tracee->tracer->host_uid)
		ids_widen(tracee, fd, &now);
}

void ids_grant_parent(struct tracee *tracee, const struct path_result *name)
{
	char parent[PATH_SIZE];

	if (!tracee->tracer->fake_ids || !credentials_capable(&tracee->credentials, CAP_DAC_OVERRIDE) ||
	    (tracee_mount_flags(tracee, &name->position) & (PATH_MOUNT_READ_ONLY | PATH_MOUNT_SHARED)))
		return;
	if (path_parent(name, parent) && parent[0])
		widen_directory(tracee, parent, W_OK | X_OK);
}

static bool searches_all(const struct tracee *tracee)
{
	return tracee->tracer->fake_ids &&
	       (credentials_capable(&tracee->credentials, CAP_DAC_OVERRIDE) ||
		credentials_capable(&tracee->credentials, CAP_DAC_READ_SEARCH));
}

long ids_grant_search(void *context, const char *host)
{
	struct tracee *tracee = context;
	static struct path_position position;
	long error = permissions_on(tracee) ? permissions_search(tracee, host) : 0;

	if (!error && host[0] && searches_all(tracee) &&
	    path_from_host(tracee_table(tracee), -1, host, &position) == 0 &&
	    !(tracee_mount_flags(tracee, &position) & (PATH_MOUNT_READ_ONLY | PATH_MOUNT_SHARED)))
		widen_directory(tracee, host, X_OK);
	return error;
}

int ids_resolve_again(struct tracee *tracee, const struct path_request *request,
		      struct path_result *result)
{
	struct path_request again = *request;
	struct path_ops ops = *request->ops;

	if (!searches_all(tracee))
		return -EACCES;
	ops.open_path = NULL;
	ops.close = NULL;
	ops.search = ids_grant_search;
	again.ops = &ops;
	return path_resolve(&again, result);
}
