// SPDX-License-Identifier: Apache-2.0
/* The listing of /proc: the guest's processes and none of the host's.
 *
 * Theory of operation
 *
 * Filtering getdents would put a stop on every directory read. Instead opening /proc itself for
 * reading opens a directory of ours, below the view directory, whose names are those of the host's
 * /proc with the guest's pids in place of all pids; it is brought up to date at each such open. Its
 * entries are empty: whatever is opened through the fd is resolved as a path in /proc, for
 * tracee_link_position() takes the directory for /proc. Programs that walk trees compare fstat() with
 * stat(): with faked ids, under which every stat is ours, both answer with /proc's own status; with
 * real ids both are the directory's, for whatever looks at /proc looks there (but for statfs, whose
 * answer tells that it is a proc).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/tracer.h"

/* The pid that a name spells, or 0. */
static pid_t pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return *end || name[0] < '1' || name[0] > '9' || pid > 1 << 30 ? 0 : (pid_t)pid;
}

static bool is_process(struct tracer *tracer, pid_t pid)
{
	const struct tracee *tracee = tracer_find(tracer, pid);

	return tracee && tracee->tgid == pid;
}

/* An empty entry of the same kind, for d_type. */
static void copy_entry(int from, int to, const struct dirent *entry)
{
	char text[PATH_SIZE];
	ssize_t n;

	switch (entry->d_type) {
	case DT_DIR:
		mkdirat(to, entry->d_name, 0555);
		break;
	case DT_LNK:
		n = readlinkat(from, entry->d_name, text, sizeof(text) - 1);
		if (n >= 0) {
			text[n] = '\0';
			if (symlinkat(text, to, entry->d_name) < 0)
				return;
		}
		break;
	default:
		n = openat(to, entry->d_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (n >= 0)
			close((int)n);
	}
}

static bool make_listing(struct tracer *tracer)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	_cleanup_close_ int listing = -EBADF;
	char *path = talloc_asprintf(tracer, "%s/proc", tracer->view_directory);
	struct dirent *entry;

	if (!proc || !path || mkdir(path, 0755) < 0)
		return false;
	listing = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (listing < 0)
		return false;
	while ((entry = readdir(proc)))
		if (entry->d_name[0] != '.' && !pid_of(entry->d_name))
			copy_entry(dirfd(proc), listing, entry);
	if (fstat(listing, &tracer->listing_status) < 0 || fstat(dirfd(proc), &tracer->proc_status) < 0)
		return false;
	tracer->proc_listing = path;
	return true;
}

/* Takes away the processes that have ended and adds those that came. */
static bool update_listing(struct tracer *tracer)
{
	_cleanup_closedir_ DIR *listing = opendir(tracer->proc_listing);
	struct dirent *entry;
	char name[16];

	if (!listing)
		return false;
	while ((entry = readdir(listing))) {
		pid_t pid = pid_of(entry->d_name);

		if (pid && !is_process(tracer, pid))
			unlinkat(dirfd(listing), entry->d_name, AT_REMOVEDIR);
	}
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (at->tid != at->tgid)
				continue;
			snprintf(name, sizeof(name), "%d", (int)at->tid);
			if (mkdirat(dirfd(listing), name, 0555) < 0 && errno != EEXIST)
				return false;
		}
	return true;
}

bool procview_is_listing(const struct tracer *tracer, const struct stat *status)
{
	return tracer->proc_listing && status->st_ino == tracer->listing_status.st_ino &&
	       status->st_dev == tracer->listing_status.st_dev;
}

void procview_list(struct tracee *tracee, struct path_result *result, int flags)
{
	struct tracer *tracer = tracee->tracer;
	char host[PATH_SIZE];
	size_t length;

	if (!(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_PROC) ||
	    result->position.length > 0 || (flags & (O_ACCMODE | O_PATH)) ||
	    path_to_host(tracee_table(tracee), &result->position, host, sizeof(host)) < 0 ||
	    strcmp(host, "/proc") != 0)
		return;
	if (!tracer->proc_listing && !make_listing(tracer))
		return;
	length = strlen(tracer->proc_listing);
	if (!update_listing(tracer) || length >= sizeof(result->host))
		return;
	memcpy(result->host, tracer->proc_listing, length + 1);
	result->host_length = (uint32_t)length;
}
