// SPDX-License-Identifier: Apache-2.0
/* Made files of /proc: where they are kept, and how they stay live.
 *
 * Theory of operation
 *
 * Android hides /proc/stat, /proc/net and more from apps; top, vmstat, a JVM and glibc want them. A row
 * of procfile_rows names a file and what makes it. Whether the host hides it is found by opening
 * it, when the guest first looks. A made file is a real one below the view directory, and a path
 * that names it in the guest's /proc is resolved to it: open, stat and access need nothing else.
 *
 * top and vmstat keep such a file open and read it again with lseek and read, which don't stop. inotify
 * tells how often a made file is open; as long as any is, a thread rewrites it every REFRESH_MS, and
 * otherwise it sleeps. It is started for the first hidden file that changes. Where inotify is refused (its
 * per-user limit), a file is as fresh as its last open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/start/start.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracer.h"

#define REFRESH_MS   200
#define FRESH_MS     20 /* opened again within that time: not made again */
#define NAME_SIZE    64

enum made_state { MADE_UNKNOWN, MADE_HOSTS, MADE_OURS };

struct made_file {
	enum made_state state;
	int fd;
	int watch;
	unsigned open_count; /* as inotify tells */
	uint64_t made_at;    /* ms */
};

struct procfiles {
	struct tracer *tracer;
	char *directory;
	size_t directory_length;
	int inotify, wake; /* -EBADF: not live */
	pthread_t thread;
	bool has_thread, stopping;
	struct uts_names names;
	unsigned count;
	struct made_file files[];
};

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* In place: readers have it open. */
static void make_content(struct procfiles *files, unsigned index)
{
	const struct procfile_row *row = &procfile_rows[index];
	struct made_file *file = &files->files[index];
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (row->make)
		row->make(files->tracer, out);
	else
		fputs(row->text, out);
	if (fclose(out) == 0 && pwrite(file->fd, text, size, 0) == (ssize_t)size &&
	    ftruncate(file->fd, (off_t)size) == 0)
		file->made_at = now_ms();
	free(text);
}

/* The refreshing thread */

static void count_opens(struct procfiles *files)
{
	char buffer[4096] __attribute__((aligned(8)));
	ssize_t length = read(files->inotify, buffer, sizeof(buffer));

	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= length;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		for (unsigned i = 0; i < files->count; i++) {
			struct made_file *file = &files->files[i];

			if (file->state != MADE_OURS || file->watch != event->wd)
				continue;
			if (event->mask & IN_OPEN)
				file->open_count++;
			else if ((event->mask & IN_CLOSE) && file->open_count)
				file->open_count--;
		}
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

static bool refresh_open(struct procfiles *files)
{
	bool any = false;

	for (unsigned i = 0; i < files->count; i++) {
		if (files->files[i].state != MADE_OURS || !files->files[i].open_count)
			continue;
		any = true;
		if (procfile_rows[i].make && now_ms() - files->files[i].made_at >= REFRESH_MS)
			make_content(files, i);
	}
	return any;
}

static void *refresh(void *argument)
{
	struct procfiles *files = argument;
	struct pollfd ready[2] = { { .fd = files->inotify, .events = POLLIN },
				   { .fd = files->wake, .events = POLLIN } };
	int timeout = -1;

	while (poll(ready, 2, timeout) >= 0 || errno == EINTR) {
		pthread_mutex_lock(&files->tracer->lock);
		if (files->stopping) {
			pthread_mutex_unlock(&files->tracer->lock);
			break;
		}
		if (ready[0].revents & POLLIN)
			count_opens(files);
		timeout = refresh_open(files) ? REFRESH_MS : -1;
		pthread_mutex_unlock(&files->tracer->lock);
	}
	return NULL;
}

static void start_thread(struct procfiles *files)
{
	sigset_t all, before;

	files->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* -1: no second try */
	files->wake = eventfd(0, EFD_CLOEXEC);
	if (files->inotify < 0 || files->wake < 0)
		return;
	sigfillset(&all);
	start_keep_traps(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	files->has_thread = pthread_create(&files->thread, NULL, refresh, files) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void procfile_stop(struct tracer *tracer)
{
	struct procfiles *files = tracer->procfiles;
	uint64_t one = 1;

	if (!files)
		return;
	pthread_mutex_lock(&tracer->lock);
	files->stopping = true;
	tracer->procfiles = NULL;
	pthread_mutex_unlock(&tracer->lock);
	if (files->has_thread && write(files->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(files->thread, NULL);
	for (unsigned i = 0; i < files->count; i++)
		if (files->files[i].state == MADE_OURS)
			close(files->files[i].fd);
	if (files->inotify >= 0)
		close(files->inotify);
	if (files->wake >= 0)
		close(files->wake);
	talloc_free(files);
}

/* Finding and making */

static struct procfiles *start(struct tracer *tracer)
{
	struct procfiles *files = talloc_zero_size(
		tracer, sizeof(*files) + procfile_row_count * sizeof(files->files[0]));

	if (!files)
		return NULL;
	files->tracer = tracer;
	files->count = procfile_row_count;
	files->inotify = files->wake = -EBADF;
	files->directory = talloc_asprintf(files, "%s/made", tracer->view_directory);
	if (!files->directory || (mkdir(files->directory, 0755) < 0 && errno != EEXIST)) {
		talloc_free(files);
		return NULL;
	}
	chmod(files->directory, 0755); /* whatever the umask: with real ids guests are any user */
	files->directory_length = strlen(files->directory);
	tracer->procfiles = files;
	return files;
}

/* A kernel may lack a file; all of them are missing from a proc mounted with subset=pid. */
static bool is_hidden(const char *name)
{
	char path[sizeof("/proc/") + NAME_SIZE], byte;
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "/proc/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && read(fd, &byte, 1) >= 0)
		return false;
	return errno == EACCES || errno == EPERM ||
	       (errno == ENOENT && access("/proc/stat", F_OK) < 0 && errno == ENOENT);
}

static void made_path(const struct procfiles *files, unsigned index, char *path, size_t size)
{
	const char *name = procfile_rows[index].name, *slash = strrchr(name, '/');

	snprintf(path, size, "%s/%u.%s", files->directory, index, slash ? slash + 1 : name);
}

/* Whatever the host has: what tells of the container. */
static bool is_own(const struct procfiles *files, unsigned index)
{
	const struct procfile_row *row = &procfile_rows[index];

	return row->container || (row->sysvipc && files->tracer->plan->emulate_sysvipc);
}

static void decide_file(struct procfiles *files, unsigned index)
{
	struct made_file *file = &files->files[index];
	char path[PATH_SIZE];

	file->state = MADE_HOSTS;
	if (!is_own(files, index) &&
	    ((procfile_rows[index].sysvipc && procfile_rows[index].make) || !is_hidden(procfile_rows[index].name)))
		return;
	made_path(files, index, path, sizeof(path));
	file->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (file->fd < 0)
		return;
	fchmod(file->fd, 0444);
	if (procfile_rows[index].make && !is_own(files, index) && files->inotify == -EBADF)
		start_thread(files);
	if (files->has_thread)
		file->watch = inotify_add_watch(files->inotify, path, IN_OPEN | IN_CLOSE);
	file->state = MADE_OURS;
}

/* The row that a name below /proc means, or -1. */
static int find_row(const char *name)
{
	const char *rest = name;

	while (*rest >= '0' && *rest <= '9')
		rest++;
	if (!strncmp(name, "self/", 5))
		rest = name + 4;
	else if (!strncmp(name, "thread-self/", 12))
		rest = name + 11;
	if (rest > name && *rest == '/') {
		if (!strncmp(rest, "/task/", 6)) {
			rest += 6;
			while (*rest >= '0' && *rest <= '9')
				rest++;
		}
		if (strncmp(rest, "/net/", 5) != 0)
			return -1;
		name = rest + 1;
	}
	for (unsigned i = 0; i < procfile_row_count; i++)
		if (!strcmp(procfile_rows[i].name, name))
			return (int)i;
	return -1;
}

/* A path whose directory is hidden can't be resolved: it counts as it is written. */
static const char *unresolved_name(struct tracee *tracee, struct path_result *result)
{
	static const char proc[] = "/proc/";
	char name[NAME_SIZE];
	const char *path = tracee->tracer->path;
	char host[PATH_SIZE];
	size_t length;

	if (strncmp(path, proc, sizeof(proc) - 1) != 0)
		return NULL;
	length = strlen(path + sizeof(proc) - 1);
	if (length >= sizeof(name) || find_row(path + sizeof(proc) - 1) < 0)
		return NULL;
	memcpy(name, path + sizeof(proc) - 1, length + 1);
	if (tracee_resolve_string(tracee, AT_FDCWD, "/proc", PATH_FOLLOW, result) < 0 ||
	    !(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_PROC) ||
	    path_to_host(tracee_table(tracee), &result->position, host, sizeof(host)) < 0 ||
	    strcmp(host, "/proc") != 0)
		return NULL;
	if (result->position.length)
		return NULL;
	memcpy(result->position.rel, name, length + 1);
	result->position.length = (uint32_t)length;
	return result->position.rel;
}

static const char *resolved_name(const struct tracee *tracee, const struct path_result *result,
				 char host[PATH_SIZE])
{
	if (!(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_PROC) ||
	    path_to_host(tracee_table(tracee), &result->position, host, PATH_SIZE) < 0 ||
	    strncmp(host, "/proc/", 6) != 0)
		return NULL;
	return host + 6;
}

int procfile_look(struct tracee *tracee, int error, struct path_result *result)
{
	struct tracer *tracer = tracee->tracer;
	struct procfiles *files = tracer->procfiles;
	char host[PATH_SIZE];
	struct made_file *file;
	const char *name;
	int index;

	if (error && error != -EACCES && error != -EPERM && error != -ENOENT)
		return error;
	name = error ? unresolved_name(tracee, result) : resolved_name(tracee, result, host);
	index = name ? find_row(name) : -1;
	if (index < 0)
		return error;
	if (!files)
		files = start(tracer);
	if (!files)
		return error;
	file = &files->files[index];
	if (file->state == MADE_UNKNOWN)
		decide_file(files, (unsigned)index);
	if (file->state != MADE_OURS)
		return error;
	files->names = *namespaces_uts(tracee);
	tracer->ipc_shown = ipc_space(tracee, false);
	if (is_own(files, (unsigned)index) || now_ms() - file->made_at >= FRESH_MS)
		make_content(files, (unsigned)index);
	if (!error && result->fd >= 0)
		close(result->fd);
	result->fd = -1;
	result->flags = 0;
	result->last = PATH_LAST_NORMAL;
	made_path(files, (unsigned)index, result->host, sizeof(result->host));
	result->host_length = (uint32_t)strlen(result->host);
	return 0;
}

const struct uts_names *procfile_names(const struct tracer *tracer)
{
	return &tracer->procfiles->names;
}

bool procfile_is_made(const struct tracer *tracer, const char *host)
{
	const struct procfiles *files = tracer->procfiles;

	return files && !strncmp(host, files->directory, files->directory_length) &&
	       host[files->directory_length] == '/';
}

/* name: what procfile_for_process() wrote. */
static int process_file_position(const struct tracee *tracee, const char *name,
				 struct path_position *ret_position)
{
	char path[PATH_SIZE];
	int pid, rest = 0, length;

	if (sscanf(name, "p%*d.%d.%n", &pid, &rest) != 1 || !rest)
		return -ENOENT;
	length = snprintf(path, sizeof(path), "/proc/%d/", pid);
	snprintf(path + length, sizeof(path) - (size_t)length, "%s", name + rest);
	for (char *at = path + length; *at; at++)
		if (*at == ':')
			*at = '/';
	return path_from_host(tracee_table(tracee), -1, path, ret_position);
}

int procfile_position(const struct tracee *tracee, const char *host,
		      struct path_position *ret_position)
{
	const struct procfiles *files = tracee->tracer->procfiles;
	char name[PATH_SIZE];
	unsigned long index;

	if (!procfile_is_made(tracee->tracer, host))
		return -ENOENT;
	host += files->directory_length + 1;
	if (*host == 'p')
		return process_file_position(tracee, host, ret_position);
	index = strtoul(host, NULL, 10);
	if (index >= files->count)
		return -ENOENT;
	snprintf(name, sizeof(name), "/proc/%s", procfile_rows[index].name);
	return path_from_host(tracee_table(tracee), -1, name, ret_position);
}

int procfile_for_process(const struct tracee *reader, pid_t pid, const char *rest, char *path,
			 size_t size)
{
	struct tracer *tracer = reader->tracer;
	struct procfiles *files = tracer->procfiles ? tracer->procfiles : start(tracer);
	int length;

	if (!files)
		return -ENOENT;
	length = snprintf(path, size, "%s/p%d.%d.", files->directory, (int)reader->tid, (int)pid);
	if (length < 0 || (size_t)length + strlen(rest) >= size)
		return -ENAMETOOLONG;
	strcpy(path + length, rest);
	for (char *at = path + length; *at; at++)
		if (*at == '/')
			*at = ':';
	return 0;
}
