// SPDX-License-Identifier: Apache-2.0
/* Live state: one claimed directory a container.
 *
 * Theory of operation
 *
 * The claim is a lock on the file `lock` inside the directory, so it can't outlive the monitor and
 * needs no guess about recycled pids. A monitor that goes renames its directory away before it
 * deletes anything; one that comes checks, once it holds the lock, that the path still leads to the
 * file it locked, and starts over when it doesn't. Hence two monitors never own one name, and
 * nobody deletes a directory that another has just claimed. What monitors left that were killed, or whose
 * sandbox let them delete nothing, is swept by those that start later.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/monitor/state.h"

#define CLAIM_ATTEMPTS 16
/* A sweep holds another's lock for a moment: one that is in use stays locked. */
#define BUSY_ATTEMPTS 5
#define BUSY_PAUSE_NS (4 * 1000 * 1000)
/* What a start spends on the dead; a directory younger than this may be one that is being claimed. */
#define SWEEP_MAX	  16
#define SWEEP_AGE_SECONDS 10

struct state {
	int containers_fd; /* base/containers */
	int directory_fd;
	int lock_fd;
	const char *name;
	const char *path;
};

static int state_destroy(struct state *state)
{
	if (state->lock_fd >= 0)
		close(state->lock_fd);
	if (state->directory_fd >= 0)
		close(state->directory_fd);
	if (state->containers_fd >= 0)
		close(state->containers_fd);
	return 0;
}

/* Opens parent/name as a directory that only we can use, making it when missing. */
static int open_private_directory(int parent_fd, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	if (mkdirat(parent_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid() || (status.st_mode & 077))
		return -EPERM;
	return steal_fd(&fd);
}

/* One attempt: 0 with directory_fd and lock_fd set, -EEXIST when another holds it, -EAGAIN when
 * the directory changed under us. */
static int try_claim(struct state *state)
{
	_cleanup_close_ int directory = -EBADF, lock = -EBADF;
	char path[NAME_MAX + 8];
	struct stat locked, found;

	directory = open_private_directory(state->containers_fd, state->name);
	if (directory < 0)
		return directory == -ENOENT ? -EAGAIN : directory;
	lock = openat(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EEXIST : -errno;
	snprintf(path, sizeof(path), "%s/lock", state->name);
	if (fstat(lock, &locked) < 0)
		return -errno;
	if (fstatat(state->containers_fd, path, &found, AT_SYMLINK_NOFOLLOW) < 0 ||
	    found.st_ino != locked.st_ino || found.st_dev != locked.st_dev)
		return -EAGAIN;
	state->directory_fd = steal_fd(&directory);
	state->lock_fd = steal_fd(&lock);
	return 0;
}

static int claim(struct state *state)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
	int result = -EAGAIN, busy = 0;

	for (int i = 0; i < CLAIM_ATTEMPTS && result != 0; i++) {
		result = try_claim(state);
		if (result == -EEXIST && ++busy < BUSY_ATTEMPTS)
			nanosleep(&pause, NULL);
		else if (result != -EAGAIN)
			break;
	}
	return result;
}

/* Takes a directory out of sight, then away. Its lock is held. */
static void remove_directory(int containers, const char *name)
{
	char gone[NAME_MAX + 1];

	if (snprintf(gone, sizeof(gone), ".gone-%d-%s", (int)getpid(), name) < (int)sizeof(gone) &&
	    renameat(containers, name, containers, gone) == 0)
		file_remove_tree(containers, gone);
}

/* Removes a directory whose lock nobody holds. Ours is held until it is out of sight, so that nobody
 * claims it meanwhile. */
static void remove_abandoned(int containers, const char *name)
{
	_cleanup_close_ int lock = -EBADF;
	char path[NAME_MAX + 8];
	struct stat status;

	if (fstatat(containers, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(status.st_mode) || time(NULL) - status.st_mtime < SWEEP_AGE_SECONDS)
		return;
	snprintf(path, sizeof(path), "%s/lock", name);
	lock = openat(containers, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		remove_directory(containers, name);
}

static void sweep(const struct state *state)
{
	int fd = openat(state->containers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int budget = SWEEP_MAX;

	while (entries && budget > 0 && (entry = readdir(entries))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, state->name))
			continue;
		budget--;
		remove_abandoned(state->containers_fd, entry->d_name);
	}
}

/* What a dead monitor left. */
static int empty_directory(struct state *state)
{
	_cleanup_closedir_ DIR *entries = NULL;
	struct dirent *entry;
	int fd = openat(state->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	entries = fdopendir(fd);
	if (!entries) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(entries))) {
		int result;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, "lock"))
			continue;
		result = file_remove_tree(state->directory_fd, entry->d_name);
		if (result < 0)
			return result;
	}
	return 0;
}

int state_claim(void *parent, const char *base, const char *name, struct state **ret_state,
		struct error *err)
{
	/* A host path: the runtime directory, which the store has checked. */
	_cleanup_close_ int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state *state;
	int result;

	if (base_fd < 0)
		return error_set(err, errno, "cannot open the state directory %s", base);
	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > NAME_MAX - 16)
		return error_plain(err, "'%s' cannot be a container's name", name);
	state = talloc_zero(parent, struct state);
	if (!state)
		return error_set(err, ENOMEM, "cannot keep the state of %s", name);
	state->directory_fd = state->lock_fd = -EBADF;
	talloc_set_destructor(state, state_destroy);
	state->name = talloc_strdup(state, name);
	state->path = talloc_asprintf(state, "%s/containers/%s", base, name);
	state->containers_fd = open_private_directory(base_fd, "containers");
	result = state->containers_fd < 0 ? state->containers_fd : claim(state);
	if (result == 0)
		result = empty_directory(state);
	if (result == 0) {
		sweep(state);
		*ret_state = state;
		return 0;
	}
	if (result == -EEXIST) {
		error_plain(err, "the container name '%s' is in use", name);
		error_hint(err, "Choose another --name, or end that container");
	} else {
		error_set(err, -result, "cannot make the state directory %s", state->path);
	}
	talloc_free(state);
	return result;
}

bool state_is_live(const char *base, const char *name)
{
	_cleanup_close_ int lock = -EBADF;
	char path[PATH_MAX];

	/* A host path: the runtime directory, which the store has checked. */
	if (!*name || *name == '.' || strchr(name, '/') ||
	    snprintf(path, sizeof(path), "%s/containers/%s/lock", base, name) >= (int)sizeof(path))
		return false;
	lock = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC); /* a host path */
	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

const char *state_path(const struct state *state)
{
	return state->path;
}

int state_process_start_time(pid_t pid, unsigned long long *ret_ticks)
{
	char path[64], text[1024];
	const char *at;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	length = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	/* The command's name, field 2, may hold spaces and brackets: count from its end. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EINVAL;
	*ret_ticks = strtoull(at + 1, NULL, 10);
	return 0;
}

static void add_process(struct json_object *json, const char *pid_key, const char *time_key,
			pid_t pid)
{
	unsigned long long ticks = 0;

	json_object_object_add(json, pid_key, json_object_new_int(pid));
	if (pid > 0 && state_process_start_time(pid, &ticks) == 0)
		json_object_object_add(json, time_key, json_object_new_int64((int64_t)ticks));
}

static struct json_object *facets_json(const struct plan *plan)
{
	struct json_object *facets = json_object_new_object();

	for (enum facet facet = 0; facet < FACET_COUNT; facet++) {
		struct json_object *json = json_object_new_object();
		const struct plan_facet *chosen = &plan->facets[facet];

		json_object_object_add(
			json, "mechanism", json_object_new_string(mechanism_name(chosen->mechanism)));
		json_object_object_add(json, "strength",
				       json_object_new_string(strength_name(chosen->strength)));
		if (chosen->refusal_count)
			json_object_object_add(
				json, "reason",
				json_object_new_string(chosen->refusals[chosen->refusal_count - 1].reason));
		if (chosen->weakened)
			json_object_object_add(json, "weakened", json_object_new_boolean(1));
		json_object_object_add(facets, facet_name(facet), json);
	}
	return facets;
}

static struct json_object *warnings_json(const struct plan *plan)
{
	struct json_object *warnings = json_object_new_array();

	for (unsigned i = 0; i < plan->warning_count; i++)
		json_object_array_add(warnings, json_object_new_string(plan->warnings[i]));
	return warnings;
}

int state_write(const struct state *state, const struct plan *plan, const char *backend, pid_t first,
		struct error *err)
{
	struct json_object *json = json_object_new_object();
	char created[40];
	time_t now = time(NULL);
	struct tm utc;
	const char *text;
	int result;

	gmtime_r(&now, &utc);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_object_object_add(json, "amphora_state", json_object_new_int(1));
	json_object_object_add(json, "name", json_object_new_string(state->name));
	json_object_object_add(json, "backend", json_object_new_string(backend));
	json_object_object_add(json, "rootfs", json_object_new_string(plan->rootfs));
	json_object_object_add(json, "created", json_object_new_string(created));
	add_process(json, "monitor_pid", "monitor_start_time", getpid());
	add_process(json, "pid", "start_time", first);
	json_object_object_add(json, "facets", facets_json(plan));
	json_object_object_add(json, "warnings", warnings_json(plan));
	text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY);
	/* Live state is void once the machine has crashed: it needn't wait for the disk. */
	result = text ? file_replace_at(state->directory_fd, "state.json", text, strlen(text), 0600, false) :
			-ENOMEM;
	json_object_put(json);
	if (result < 0)
		return error_set(err, -result, "cannot write %s/state.json", state->path);
	return 0;
}

void state_remove(struct state *state)
{
	remove_directory(state->containers_fd, state->name);
	talloc_free(state);
}
