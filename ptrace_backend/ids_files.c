// SPDX-License-Identifier: Apache-2.0
/* What the guest sees of a file's owner and mode: between the record and the handlers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/store/record.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/tracer.h"

static void show_own_ids(const struct tracer *tracer, struct stat *status)
{
	if (status->st_uid == tracer->host_uid)
		status->st_uid = tracer->own_uid;
	if (status->st_gid == tracer->host_gid)
		status->st_gid = tracer->own_gid;
}

/* file->status is *status. */
static void guest_stat(struct tracer *tracer, const struct record_file *file, struct stat *status)
{
	if (procview_is_listing(tracer, status)) {
		*status = tracer->proc_status;
		return;
	}
	struct record_entry entry;

	if (!tracer->fake_ids)
		return;
	if (!tracer->record || record_get(tracer->record, file, &entry) == 0) {
		fast_known_absent(tracer, status);
		show_own_ids(tracer, status);
		return;
	}
	status->st_uid = entry.uid;
	status->st_gid = entry.gid;
	if ((entry.mode & S_IFMT) != (status->st_mode & S_IFMT)) {
		/* Stands for a device, fifo or socket. */
		status->st_rdev = entry.rdev;
		status->st_size = status->st_blocks = 0;
	}
	status->st_mode = entry.mode;
}

void ids_guest_stat(struct tracer *tracer, const char *host, int fd, struct stat *status)
{
	struct record_file file = { .status = status, .fd = fd, .host = host };

	guest_stat(tracer, &file, status);
}

void ids_guest_stat_link(struct tracer *tracer, const char *link, struct stat *status)
{
	struct record_file file = { .status = status, .fd = -1, .host = link, .follow = true };

	guest_stat(tracer, &file, status);
}

int ids_remember(struct tracer *tracer, int fd, const struct stat *real, const struct stat *shown)
{
	struct record_file file = { .status = real, .fd = fd };
	struct record_entry entry = {
		.uid = shown->st_uid,
		.gid = shown->st_gid,
		.mode = shown->st_mode,
		.rdev = shown->st_rdev,
	};
	struct stat plain = *real;

	if (!tracer->record)
		return 0;
	if (S_ISDIR(real->st_mode))
		fast_directory_shown(tracer, real, shown->st_mode);
	show_own_ids(tracer, &plain);
	if (plain.st_uid == shown->st_uid && plain.st_gid == shown->st_gid &&
	    plain.st_mode == shown->st_mode)
		return record_clear(tracer->record, &file);
	if (!S_ISBLK(entry.mode) && !S_ISCHR(entry.mode))
		entry.rdev = 0;
	fast_recorded(tracer, real->st_ino);
	return record_set(tracer->record, &file, &entry);
}

int ids_chmod(int fd, struct stat *real, mode_t mode)
{
	mode_t bits = (mode & 0777) | S_IRUSR | S_IWUSR;
	char link[32];

	if (S_ISDIR(mode))
		bits |= S_IXUSR | (mode & S_ISVTX);
	else if (mode & 0111)
		bits |= S_IXUSR;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (chmod(link, bits) < 0)
		return -errno;
	real->st_mode = (real->st_mode & S_IFMT) | bits;
	return 0;
}

/* fs/inode.c: inode_init_owner() */
void ids_new_owner(const struct tracee *tracee, const char *host, struct stat *shown)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(host, '/');
	struct stat directory;

	shown->st_uid = tracee->credentials.fsuid;
	shown->st_gid = tracee->credentials.fsgid;
	snprintf(parent, sizeof(parent), "%.*s", slash && slash > host ? (int)(slash - host) : 1, host);
	if (!slash || fstatat(AT_FDCWD, parent, &directory, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	ids_guest_stat(tracee->tracer, parent, -1, &directory);
	if (!(directory.st_mode & S_ISGID))
		return;
	shown->st_gid = directory.st_gid;
	if (S_ISDIR(shown->st_mode))
		shown->st_mode |= S_ISGID;
}

void ids_own(struct tracee *tracee, const char *host)
{
	_cleanup_close_ int fd = open(host, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat real, shown;

	if (fd < 0 || fstat(fd, &real) < 0)
		return;
	shown = real;
	ids_new_owner(tracee, host, &shown);
	ids_remember(tracee->tracer, fd, &real, &shown);
}
