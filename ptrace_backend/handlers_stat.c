// SPDX-License-Identifier: Apache-2.0
/* The stat family with faked ids or emulated hard links: answered by the tracer at the entry stop.
 *
 * Theory of operation
 *
 * The tracer has the guest's real rights, so its own fstat() of the resolved file is what the
 * kernel would tell the guest; owner, mode and rdev are then replaced and the structure is
 * written into the guest. struct stat is the kernel's own layout on the 64-bit architectures we
 * build for; layout.c knows those of 32-bit programs.
 *
 * What a stat costs beyond its stop: process_vm_readv (path), openat2, fstat, close,
 * process_vm_writev; the record adds nothing in the usual case (core/store/record.h). fstat(2):
 * fstatat of /proc/TID/fd/N and process_vm_writev.
 *
 * Checks come in the kernel's order: flags, path pointer, path, result pointer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/tracer.h"
#include "ptrace_backend/syscall_table.h"

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)
#define FD_LINK_SIZE 64

/* Whether what the kernel says isn't what the guest should see, and we may tell. */
static bool is_answered(const struct tracee *tracee)
{
	return tracee->tracer->fake_ids ||
	       (tracee->tracer->links && guest_links_has_our_rights(tracee));
}

/* In the ids of the caller's user namespace. */
static void show_ids(struct tracee *tracee, struct stat *status)
{
	status->st_uid = user_ns_show_uid(tracee, status->st_uid);
	status->st_gid = user_ns_show_gid(tracee, status->st_gid);
}

static enum verdict answer_status(struct tracee *tracee, uint64_t address, struct stat *status)
{
	show_ids(tracee, status);
	return tracee_answer(tracee, layout_write_stat(tracee, address, status));
}

/* AT_EMPTY_PATH with "" or NULL: the object is dirfd itself. 1, 0 or -EFAULT. */
static int is_empty_path(const struct tracee *tracee, uint64_t address, uint64_t flags)
{
	char first;

	if (!(flags & AT_EMPTY_PATH))
		return 0;
	if (!address)
		return 1;
	return tracee_read(tracee, address, &first, 1) < 0 ? -EFAULT : first == '\0';
}

/* Where a resolved object is: by fd, or by host path with these flags. */
static const char *object_host(const struct path_result *object)
{
	return object->host_length ? object->host : "/";
}

static int object_flags(const struct path_result *object)
{
	return object->flags & PATH_RESULT_MAGIC ? 0 : AT_SYMLINK_NOFOLLOW;
}

static void patch(struct tracee *tracee, const struct path_result *object, struct stat *status)
{
	if (object->flags & PATH_RESULT_MAGIC)
		guest_links_count_link(tracee->tracer, object_host(object), status);
	else
		guest_links_count(tracee->tracer, object_host(object), status);
	if (!(object->flags & PATH_RESULT_MAGIC))
		ids_guest_stat(tracee->tracer, object_host(object), object->fd, status);
	else if (object->fd >= 0)
		ids_guest_stat(tracee->tracer, NULL, object->fd, status);
	else
		ids_guest_stat_link(tracee->tracer, object_host(object), status);
	procview_own(tracee, &object->position, status);
}

static enum verdict stat_path(struct tracee *tracee, int dirfd, uint64_t path, uint32_t flags,
			      uint64_t address)
{
	struct path_result *object = tracee_result_buffer(tracee, 0);
	struct stat status;
	int result = tracee_resolve(tracee, dirfd, path, flags | PATH_WANT_FD, object);

	result = procfile_look(tracee, result, object);
	if (result)
		return tracee_answer(tracee, result);
	if (object->fd >= 0)
		result = fstat(object->fd, &status);
	else
		result = fstatat(AT_FDCWD, object_host(object), &status, object_flags(object));
	if (result < 0)
		result = -errno;
	else
		patch(tracee, object, &status);
	if (object->fd >= 0)
		close(object->fd);
	return result ? tracee_answer(tracee, result) : answer_status(tracee, address, &status);
}

/* The kernel's answer, patched; without the file at hand only the index can help. */
static void patch_at_exit(struct tracee *tracee)
{
	struct stat status;

	if (tracee_result(tracee) != 0 || !layout_stat_is_own(tracee) ||
	    tracee_read(tracee, tracee->saved[0], &status, sizeof(status)) < 0)
		return;
	ids_guest_stat(tracee->tracer, NULL, -1, &status);
	show_ids(tracee, &status);
	tracee_write(tracee, tracee->saved[0], &status, sizeof(status));
}

/* What a call with an empty path looks at: the magic link of dirfd or of the cwd. Returns 0, or
 * -EBADF. */
static int base_link(const struct tracee *tracee, int dirfd, char link[FD_LINK_SIZE])
{
	if (dirfd == AT_FDCWD)
		snprintf(link, FD_LINK_SIZE, "/proc/%d/cwd", (int)tracee->tid);
	else if (dirfd < 0)
		return -EBADF;
	else
		tracee_fd_host(tracee, dirfd, link, FD_LINK_SIZE);
	return 0;
}

/* The object of an fd, or the cwd. /proc/PID is its process's (newuidmap asks). */
static void patch_base(struct tracee *tracee, const char *link, int dirfd, struct stat *status)
{
	struct path_position position;
	static dev_t proc_device;
	struct stat proc;

	ids_guest_stat_link(tracee->tracer, link, status);
	guest_links_count_link(tracee->tracer, link, status);
	if (!proc_device && stat("/proc", &proc) == 0)
		proc_device = proc.st_dev;
	if (status->st_dev == proc_device && dirfd != AT_FDCWD &&
	    tracee_fd_position(tracee, dirfd, &position) == 0)
		procview_own(tracee, &position, status);
}

static enum verdict stat_base(struct tracee *tracee, int dirfd, uint64_t address)
{
	char link[FD_LINK_SIZE];
	struct stat status;

	if (base_link(tracee, dirfd, link) < 0)
		return tracee_answer(tracee, -EBADF);
	if (stat(link, &status) < 0) {
		if (errno == ENOENT)
			return tracee_answer(tracee, -EBADF);
		/* A process that isn't dumpable keeps its /proc/TID/fd from us. */
		tracee->saved[0] = address;
		tracee->on_exit = patch_at_exit;
		return VERDICT_EXIT;
	}
	patch_base(tracee, link, dirfd, &status);
	return answer_status(tracee, address, &status);
}

/* stat, lstat */
enum verdict handle_stat(struct tracee *tracee, const struct syscall_row *row)
{
	if (!is_answered(tracee))
		return translate_paths(tracee, row);
	return stat_path(tracee, AT_FDCWD, tracee_argument(tracee, 0),
			 row->paths[0].follow == FOLLOW_ALWAYS ? PATH_FOLLOW : 0,
			 tracee_argument(tracee, 1));
}

enum verdict handle_fstat(struct tracee *tracee, const struct syscall_row *row)
{
	int fd = (int)tracee_argument(tracee, 0);

	(void)row;
	if (!is_answered(tracee))
		return VERDICT_CONTINUE;
	if (fd < 0) /* AT_FDCWD too */
		return tracee_answer(tracee, -EBADF);
	return stat_base(tracee, fd, tracee_argument(tracee, 1));
}

enum verdict handle_newfstatat(struct tracee *tracee, const struct syscall_row *row)
{
	int dirfd = (int)tracee_argument(tracee, 0), empty;
	uint64_t path = tracee_argument(tracee, 1), address = tracee_argument(tracee, 2);
	uint32_t flags = (uint32_t)tracee_argument(tracee, 3);

	if (!is_answered(tracee))
		return translate_paths(tracee, row);
	if (flags & ~(uint32_t)STAT_FLAGS)
		return tracee_answer(tracee, -EINVAL);
	empty = is_empty_path(tracee, path, flags);
	if (empty < 0)
		return tracee_answer(tracee, empty);
	if (empty)
		return stat_base(tracee, dirfd, address);
	return stat_path(tracee, dirfd, path, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW,
			 address);
}

/* statx */

static void status_from_statx(const struct statx *from, struct stat *to)
{
	*to = (struct stat){
		.st_dev = makedev(from->stx_dev_major, from->stx_dev_minor),
		.st_ino = from->stx_ino,
		.st_nlink = from->stx_nlink,
		.st_mode = from->stx_mode,
		.st_uid = from->stx_uid,
		.st_gid = from->stx_gid,
		.st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor),
		.st_size = (off_t)from->stx_size,
		.st_blocks = (blkcnt_t)from->stx_blocks,
		.st_ctim = { .tv_sec = from->stx_ctime.tv_sec, .tv_nsec = from->stx_ctime.tv_nsec },
	};
}

static void status_into_statx(const struct stat *from, struct statx *to)
{
	to->stx_dev_major = major(from->st_dev);
	to->stx_dev_minor = minor(from->st_dev);
	to->stx_ino = from->st_ino;
	to->stx_nlink = (uint32_t)from->st_nlink;
	to->stx_mode = (uint16_t)from->st_mode;
	to->stx_uid = from->st_uid;
	to->stx_gid = from->st_gid;
	to->stx_rdev_major = major(from->st_rdev);
	to->stx_rdev_minor = minor(from->st_rdev);
	to->stx_size = (uint64_t)from->st_size;
	to->stx_blocks = (uint64_t)from->st_blocks;
}

static enum verdict answer_statx(struct tracee *tracee, struct statx *status)
{
	status->stx_uid = user_ns_show_uid(tracee, status->stx_uid);
	status->stx_gid = user_ns_show_gid(tracee, status->stx_gid);
	return tracee_answer(tracee, tracee_write(tracee, tracee_argument(tracee, 4), status,
						  sizeof(*status)));
}

/* The record is found by device, inode and ctime: ask for these whatever the guest wants. */
static int read_statx(const struct tracee *tracee, int fd, const char *host, int flags,
		      struct statx *ret_status)
{
	int sync = (int)tracee_argument(tracee, 2) & AT_STATX_SYNC_TYPE;
	unsigned mask = (unsigned)tracee_argument(tracee, 3) | STATX_BASIC_STATS;

	return statx(fd, host, flags | sync, mask, ret_status) < 0 ? -errno : 0;
}

static enum verdict statx_base(struct tracee *tracee, int dirfd)
{
	char link[FD_LINK_SIZE];
	struct statx extended;
	struct stat status;
	int result;

	if (base_link(tracee, dirfd, link) < 0)
		return tracee_answer(tracee, -EBADF);
	result = read_statx(tracee, AT_FDCWD, link, 0, &extended);
	if (result == -EACCES)
		return VERDICT_CONTINUE; /* not dumpable: unpatched, but an answer */
	if (result)
		return tracee_answer(tracee, result == -ENOENT ? -EBADF : result);
	status_from_statx(&extended, &status);
	patch_base(tracee, link, dirfd, &status);
	status_into_statx(&status, &extended);
	return answer_statx(tracee, &extended);
}

enum verdict handle_statx(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *object = tracee_result_buffer(tracee, 0);
	int dirfd = (int)tracee_argument(tracee, 0), result;
	uint64_t path = tracee_argument(tracee, 1);
	uint32_t flags = (uint32_t)tracee_argument(tracee, 2);
	struct statx extended;
	struct stat status;

	if (!is_answered(tracee))
		return translate_paths(tracee, row);
	if ((flags & ~(uint32_t)STAT_FLAGS) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    (tracee_argument(tracee, 3) & STATX__RESERVED))
		return tracee_answer(tracee, -EINVAL);
	result = is_empty_path(tracee, path, flags);
	if (result < 0)
		return tracee_answer(tracee, result);
	if (result)
		return statx_base(tracee, dirfd);
	result = tracee_resolve(tracee, dirfd, path,
				PATH_WANT_FD | (flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW),
				object);
	result = procfile_look(tracee, result, object);
	if (result)
		return tracee_answer(tracee, result);
	if (object->fd >= 0)
		result = read_statx(tracee, object->fd, "", AT_EMPTY_PATH, &extended);
	else
		result = read_statx(tracee, AT_FDCWD, object_host(object), object_flags(object),
				    &extended);
	if (!result) {
		status_from_statx(&extended, &status);
		patch(tracee, object, &status);
		status_into_statx(&status, &extended);
	}
	if (object->fd >= 0)
		close(object->fd);
	return result ? tracee_answer(tracee, result) : answer_statx(tracee, &extended);
}
