// SPDX-License-Identifier: Apache-2.0
/* Emulated user namespaces: what ids look like inside, and the files that say so.
 *
 * Theory of operation
 *
 * Credentials and the record of owners stay in the container's own ids; a thread's user namespace only
 * translates what goes in and out (user_ns_take_uid(), user_ns_show_uid()).
 *
 * write(2) never stops, so an open of uid_map, gid_map or setgroups for writing gives the guest a memfd.
 * The namespace keeps an fd of it and looks whether something is in it whenever ids are asked for; the
 * opener's rights were noted at the open. Hence a write that the kernel would refuse for its content is
 * accepted and has no effect. One that it would refuse whatever is written gets a sealed memfd, which
 * answers EPERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/tracee.h"

#define MAP_TEXT_MAX 4096 /* a page, as in the kernel */

enum map_file { MAP_UIDS, MAP_GIDS, MAP_SETGROUPS, MAP_PROJECTS, MAP_FILES };

static const char *const file_names[MAP_FILES] = {
	[MAP_UIDS] = "uid_map",
	[MAP_GIDS] = "gid_map",
	[MAP_SETGROUPS] = "setgroups",
	[MAP_PROJECTS] = "projid_map",
};

static const struct id_map *uids_of(const struct guest_namespace *user)
{
	return user ? &user->user->uids : NULL;
}

static const struct id_map *gids_of(const struct guest_namespace *user)
{
	return user ? &user->user->gids : NULL;
}

/* What was written */

static void set_roots(struct tracer *tracer, const struct guest_namespace *user)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->namespaces.in[NAMESPACE_USER] == user)
				at->credentials.root_uid = id_map_take(uids_of(user), 0);
}

/* new_idmap_permitted() of the kernel: its own id, or a capability in the parent. */
static bool is_permitted(const struct guest_namespace *user, const struct map_writer *writer,
			 const struct id_map *map)
{
	bool gids = writer->file == MAP_GIDS;
	bool own = map->ranges[0].outside == (gids ? writer->gid : writer->uid);

	if (writer->seen_from != user && writer->seen_from != user->owner)
		return false;
	if (gids ? writer->setgid : writer->setuid)
		return true;
	return map->count == 1 && map->ranges[0].count == 1 && own &&
	       user->user->owner == writer->uid && (!gids || user->user->setgroups_denied);
}

static void take_map(struct tracer *tracer, struct guest_namespace *user,
		     const struct map_writer *writer, const char *text, size_t size)
{
	bool gids = writer->file == MAP_GIDS;
	struct id_map *map = gids ? &user->user->gids : &user->user->uids;
	const struct id_map *parent = gids ? gids_of(user->owner) : uids_of(user->owner);
	struct id_map read;

	if (map->count)
		return;
	if (id_map_parse(text, size, parent, &read) < 0 || !is_permitted(user, writer, &read)) {
		log_debug("what a guest wrote to %s is not permitted", file_names[writer->file]);
		return;
	}
	*map = read;
	if (!gids)
		set_roots(tracer, user);
}

static void take_setgroups(struct guest_namespace *user, const char *text, size_t size)
{
	if (size >= 4 && !strncmp(text, "deny", 4) && !user->user->gids.count)
		user->user->setgroups_denied = true;
}

/* Looks whether something has been written since. */
static void settle(struct tracer *tracer, struct guest_namespace *user)
{
	char text[MAP_TEXT_MAX];

	for (; user; user = user->owner)
		for (unsigned i = 0; i < MAP_WRITERS; i++) {
			struct map_writer writer = user->user->writers[i];
			ssize_t n = writer.fd ? pread(writer.fd, text, sizeof(text), 0) : 0;

			if (n <= 0)
				continue;
			user->user->writers[i].fd = 0;
			close(writer.fd);
			if (writer.file == MAP_SETGROUPS)
				take_setgroups(user, text, (size_t)n);
			else if (writer.file != MAP_PROJECTS)
				take_map(tracer, user, &writer, text, (size_t)n);
		}
}

void user_ns_free(struct guest_namespace *namespace)
{
	for (unsigned i = 0; i < MAP_WRITERS; i++)
		if (namespace->user->writers[i].fd)
			close(namespace->user->writers[i].fd);
}

/* Ids */

static struct guest_namespace *settled(struct tracee *tracee)
{
	struct guest_namespace *user = tracee->namespaces.in[NAMESPACE_USER];

	settle(tracee->tracer, user);
	return user;
}

uid_t user_ns_show_uid(struct tracee *tracee, uid_t uid)
{
	return id_map_show(uids_of(settled(tracee)), uid);
}

gid_t user_ns_show_gid(struct tracee *tracee, gid_t gid)
{
	return id_map_show(gids_of(settled(tracee)), gid);
}

uid_t user_ns_take_uid(struct tracee *tracee, uid_t uid)
{
	return id_map_take(uids_of(settled(tracee)), uid);
}

gid_t user_ns_take_gid(struct tracee *tracee, gid_t gid)
{
	return id_map_take(gids_of(settled(tracee)), gid);
}

bool user_ns_maps(struct tracee *tracee, uid_t uid, gid_t gid)
{
	const struct guest_namespace *user = settled(tracee);

	return id_map_has(uids_of(user), uid) && id_map_has(gids_of(user), gid);
}

bool user_ns_has_root(struct tracee *tracee, uid_t uid)
{
	for (const struct guest_namespace *user = settled(tracee); user; user = user->owner)
		if (id_map_take(&user->user->uids, 0) == uid)
			return true;
	return uid == 0;
}

bool user_ns_allows_setgroups(struct tracee *tracee)
{
	const struct guest_namespace *user = settled(tracee);

	return !user || (user->user->gids.count && !user->user->setgroups_denied);
}

void user_ns_credentials(struct tracee *tracee)
{
	struct credentials *credentials = &tracee->credentials;
	const struct guest_namespace *user = settled(tracee);

	credentials->permitted = credentials->effective = CREDENTIALS_ALL_CAPABILITIES;
	credentials->bounding = CREDENTIALS_ALL_CAPABILITIES;
	credentials->inheritable = credentials->ambient = 0;
	credentials->securebits = 0;
	credentials->root_uid = id_map_take(uids_of(user), 0);
}

/* Files */

static void put_map(FILE *out, const struct id_map *map, const struct id_map *seen_by)
{
	if (!map) /* the container's own */
		fprintf(out, "%10u %10u %10u\n", 0u, 0u, UINT32_MAX);
	for (uint32_t i = 0; map && i < map->count; i++)
		fprintf(out, "%10u %10u %10u\n", map->ranges[i].inside,
			id_map_has(seen_by, map->ranges[i].outside) ?
				id_map_show(seen_by, map->ranges[i].outside) :
				ID_NONE,
			map->ranges[i].count);
}

static void put_content(struct tracee *reader, struct guest_namespace *user, int file, int fd)
{
	const struct guest_namespace *seen_by = reader->namespaces.in[NAMESPACE_USER];
	_cleanup_fclose_ FILE *out = fdopen(fd, "w");

	if (!out) {
		close(fd);
		return;
	}
	if (seen_by == user && user)
		seen_by = user->owner;
	switch (file) {
	case MAP_UIDS:
		put_map(out, uids_of(user), uids_of(seen_by));
		break;
	case MAP_GIDS:
		put_map(out, gids_of(user), gids_of(seen_by));
		break;
	case MAP_SETGROUPS:
		fputs(user && user->user->setgroups_denied ? "deny\n" : "allow\n", out);
		break;
	default:
		put_map(out, NULL, NULL);
	}
}

static bool is_written(const struct guest_namespace *user, int file)
{
	return !user || (file == MAP_UIDS && user->user->uids.count) ||
	       (file == MAP_GIDS && user->user->gids.count);
}

static void add_writer(struct tracee *tracee, struct guest_namespace *user, int file, int fd)
{
	struct map_writer *free = NULL;

	for (unsigned i = 0; i < MAP_WRITERS && !free; i++)
		if (!user->user->writers[i].fd)
			free = &user->user->writers[i];
	if (!free) { /* opened and never written: the first of them gives way */
		free = &user->user->writers[0];
		close(free->fd);
	}
	*free = (struct map_writer){
		.fd = fd,
		.file = file,
		.uid = tracee->credentials.euid,
		.gid = tracee->credentials.egid,
		.setuid = namespaces_capable(tracee, user->owner, CAP_SETUID),
		.setgid = namespaces_capable(tracee, user->owner, CAP_SETGID),
		.seen_from = tracee->namespaces.in[NAMESPACE_USER],
	};
}

/* saved: file, pid of the process it belongs to, whether it is for writing. */
static void after_memfd(struct tracee *tracee)
{
	int64_t guest_fd = tracee_result(tracee);
	int file = (int)tracee->saved[0], fd;
	const struct tracee *subject = tracer_find(tracee->tracer, (pid_t)tracee->saved[1]);
	struct guest_namespace *user = subject ? subject->namespaces.in[NAMESPACE_USER] : NULL;

	tracee_restore_arguments(tracee);
	if (guest_fd < 0)
		return;
	fd = procview_open_memfd(tracee, (int)guest_fd, O_RDWR);
	if (fd < 0)
		return;
	settle(tracee->tracer, user);
	if (!tracee->saved[2]) {
		put_content(tracee, user, file, fd);
	} else if (is_written(user, file)) {
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
		close(fd);
	} else {
		add_writer(tracee, user, file, fd);
	}
}

static int parse_file(const char *host, pid_t *ret_pid)
{
	int pid, thread, used = 0;

	if (sscanf(host, "/proc/%d/task/%d/%n", &pid, &thread, &used) == 2 && used)
		pid = thread;
	else if (sscanf(host, "/proc/%d/%n", &pid, &used) != 1 || !used)
		return -1;
	*ret_pid = pid;
	for (int file = 0; file < MAP_FILES; file++)
		if (!strcmp(host + used, file_names[file]))
			return file;
	return -1;
}

bool user_ns_open(struct tracee *tracee, const struct path_result *result, int flags,
		  enum verdict *ret_verdict)
{
	uint64_t address;
	pid_t pid;
	int file;

	if (!tracee->tracer->fake_ids || (flags & O_PATH) ||
	    !(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_PROC))
		return false;
	file = parse_file(result->host, &pid);
	if (file < 0)
		return false;
	if ((flags & O_ACCMODE) != O_RDONLY &&
	    (tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY)) {
		*ret_verdict = tracee_answer(tracee, -EROFS);
		return true;
	}
	if (tracee_put(tracee, file_names[file], strlen(file_names[file]) + 1, &address) < 0) {
		*ret_verdict = tracee_answer(tracee, -ENOMEM);
		return true;
	}
	tracee->saved[0] = (uint64_t)file;
	tracee->saved[1] = (uint64_t)pid;
	tracee->saved[2] = (flags & O_ACCMODE) != O_RDONLY;
	tracee->on_exit = after_memfd;
	tracee_set_number(tracee, SYS_memfd_create);
	tracee_set_argument(tracee, 0, address);
	tracee_set_argument(tracee, 1,
			    MFD_ALLOW_SEALING | (flags & O_CLOEXEC ? MFD_CLOEXEC : 0));
	*ret_verdict = VERDICT_EXIT;
	return true;
}
