// SPDX-License-Identifier: Apache-2.0
/* What the guest sees of a file's owner and mode: between the record and the handlers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/store/record.h"
#include "ptrace_backend/handlers.h"

static void show_own_ids(const struct tracer *tracer, struct stat *status)
{
	if (status->st_uid == tracer->host_uid)
		status->st_uid = 0;
	if (status->st_gid == tracer->host_gid)
		status->st_gid = 0;
}

/* file->status is *status. */
static void guest_stat(struct tracer *tracer, const struct record_file *file, struct stat *status)
{
	struct record_entry entry;

	if (!tracer->fake_ids)
		return;
	if (!tracer->record || record_get(tracer->record, file, &entry) == 0) {
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
	show_own_ids(tracer, &plain);
	if (plain.st_uid == shown->st_uid && plain.st_gid == shown->st_gid &&
	    plain.st_mode == shown->st_mode)
		return record_clear(tracer->record, &file);
	if (!S_ISBLK(entry.mode) && !S_ISCHR(entry.mode))
		entry.rdev = 0;
	return record_set(tracer->record, &file, &entry);
}

void ids_own(struct tracee *tracee, const char *host)
{
	_cleanup_close_ int fd = open(host, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat real, shown;

	if (fd < 0 || fstat(fd, &real) < 0)
		return;
	shown = real;
	shown.st_uid = tracee->credentials.fsuid;
	shown.st_gid = tracee->credentials.fsgid;
	ids_remember(tracee->tracer, fd, &real, &shown);
}

static void own_at_exit(struct tracee *tracee)
{
	char host[PATH_SIZE];

	if (tracee_result(tracee) >= 0 &&
	    tracee_read_string(tracee, tracee->saved[4], host, sizeof(host)) > 0)
		ids_own(tracee, host);
}

enum verdict ids_created(struct tracee *tracee, const struct path_result *file)
{
	(void)file;
	if (!tracee->tracer->fake_ids ||
	    (tracee->credentials.fsuid == 0 && tracee->credentials.fsgid == 0))
		return VERDICT_CONTINUE;
	for (unsigned i = 0; i < 3; i++) {
		if (!tracee_in_scratch(tracee, tracee_argument(tracee, i)))
			continue;
		tracee->saved[4] = tracee_argument(tracee, i);
		tracee->on_exit = own_at_exit;
		return VERDICT_EXIT;
	}
	return VERDICT_CONTINUE;
}

static void forget_at_exit(struct tracee *tracee)
{
	if (tracee_result(tracee) == 0)
		record_forget(tracee->tracer->record, (dev_t)tracee->saved[4],
			      (ino_t)tracee->saved[5]);
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
