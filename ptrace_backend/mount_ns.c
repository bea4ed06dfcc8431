// SPDX-License-Identifier: Apache-2.0
/* Mount tables of guests: copied for a mount namespace, cleaned up when full; and the directories that
 * stand for a tmpfs.
 *
 * Theory of operation
 *
 * A tmpfs is a directory below the view directory, and it lives as long as some mount of some namespace
 * shows a place in it. That is looked up, not counted, when a mount or a namespace goes: such a
 * directory is shared by copies of the table and by binds of what lies in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/tracer.h"

#define INDICES_SPARE 64 /* compact below that */

struct mount_table *tracee_mounts(const struct tracee *tracee)
{
	struct guest_namespace *namespace = tracee->namespaces.in[NAMESPACE_MOUNT];

	return namespace ? namespace->mounts : tracee->tracer->mounts;
}

static void copy_labels(struct mount_label *to, const struct mount_label *from, uint32_t count,
			const int32_t *map)
{
	for (uint32_t i = 0; i < count; i++)
		if (map[i] >= 0)
			to[map[i]] = from[i];
}

static void remap(struct tracee_fs *fs, const int32_t *map)
{
	fs->root.mount = map[fs->root.mount];
	if (fs->cwd_mount >= 0)
		fs->cwd_mount = map[fs->cwd_mount];
}

static void keep_places(const struct tracee_fs *fs, bool *keep)
{
	keep[fs->root.mount] = true;
	if (fs->cwd_mount >= 0)
		keep[fs->cwd_mount] = true;
}

/* As the kernel does when a mount namespace goes to another user namespace: its owner is root there, and
 * must not see what was covered, nor write where that was forbidden. */
static void lock_all(struct path_table *table)
{
	for (uint32_t i = 0; i < table->mount_count; i++) {
		uint32_t flags = table->mounts[i].flags;

		flags |= PATH_MOUNT_LOCK(flags & PATH_MOUNT_OPTIONS);
		/* What was detached must not cover its place again. */
		if ((int)i != table->root && !(flags & PATH_MOUNT_HIDDEN))
			flags |= PATH_MOUNT_LOCKED;
		path_table_set_flags(table, (int)i, flags);
	}
}

void mount_table_copy(struct tracee *tracee, struct mount_table *to, const struct mount_table *from,
		      bool lock)
{
	bool keep[PATH_MOUNTS_MAX] = { false };
	int32_t map[PATH_MOUNTS_MAX];

	keep_places(tracee->fs, keep);
	path_table_copy(to->table, from->table, keep, map);
	copy_labels(to->labels, from->labels, from->table->mount_count, map);
	remap(tracee->fs, map);
	if (lock)
		lock_all(to->table);
}

/* Calls `visit` once for each fs of the threads that see these mounts. */
static void each_fs(struct tracee *tracee, void (*visit)(struct tracee_fs *, void *), void *data)
{
	const struct mount_table *mounts = tracee_mounts(tracee);
	struct tracer *tracer = tracee->tracer;
	unsigned round = ++tracer->fs_round;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (!at->fs || at->fs->round == round || tracee_mounts(at) != mounts)
				continue;
			at->fs->round = round;
			visit(at->fs, data);
		}
}

static void visit_keep(struct tracee_fs *fs, void *keep)
{
	keep_places(fs, keep);
}

static void visit_remap(struct tracee_fs *fs, void *map)
{
	remap(fs, map);
}

/* Keeps the lazily detached mounts that this link below /proc leads into. */
static void keep_by_link(const struct mount_table *mounts, int directory, const char *name, bool *keep)
{
	const struct path_table *table = mounts->table;
	char host[PATH_SIZE];
	ssize_t length = readlinkat(directory, name, host, sizeof(host) - 1);

	host[length < 0 ? 0 : length] = '\0';
	for (uint32_t i = 0; length > 0 && i < table->mount_count; i++) {
		const char *root = table->strings + table->mounts[i].host;
		size_t size = strlen(root);

		if (mounts->labels[i].lazy && !strncmp(host, root, size) &&
		    (host[size] == '/' || !host[size]))
			keep[i] = true;
	}
}

static void keep_by_process(const struct mount_table *mounts, pid_t tid, bool *keep)
{
	_cleanup_closedir_ DIR *fds = NULL;
	const struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)tid);
	keep_by_link(mounts, AT_FDCWD, path, keep);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)tid);
	fds = opendir(path);
	while (fds && (entry = readdir(fds)))
		keep_by_link(mounts, dirfd(fds), entry->d_name, keep);
}

/* What was detached with MNT_DETACH goes when nobody has it open or stands there, by whatever way it was
 * handed on. (An fd that is on its way in a socket isn't seen.) What such a mount sat on stays, too. */
static void keep_lazy(struct tracee *tracee, const struct mount_table *mounts, bool *keep)
{
	const struct path_table *table = mounts->table;
	struct tracer *tracer = tracee->tracer;
	bool any = false;

	for (uint32_t i = 0; i < table->mount_count; i++)
		any = any || mounts->labels[i].lazy;
	for (size_t i = 0; any && i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			keep_by_process(mounts, at->tid, keep);
	while (any) {
		any = false;
		for (uint32_t i = 0; i < table->mount_count; i++) {
			int parent = table->mounts[i].parent;

			if (!keep[i] || parent < 0 || keep[parent])
				continue;
			keep[parent] = true;
			any = true;
		}
	}
}

void mount_table_compact(struct tracee *tracee)
{
	struct mount_table *mounts = tracee_mounts(tracee), *copy;
	bool keep[PATH_MOUNTS_MAX] = { false };
	int32_t map[PATH_MOUNTS_MAX];

	if (mounts->table->mount_count + INDICES_SPARE < PATH_MOUNTS_MAX &&
	    mounts->table->strings_used < PATH_STRINGS / 2)
		return;
	copy = talloc(mounts, struct mount_table);
	if (copy)
		copy->table = talloc(copy, struct path_table);
	if (!copy || !copy->table) {
		talloc_free(copy);
		return;
	}
	each_fs(tracee, visit_keep, keep);
	keep_lazy(tracee, mounts, keep);
	path_table_copy(copy->table, mounts->table, keep, map);
	copy_labels(copy->labels, mounts->labels, mounts->table->mount_count, map);
	memcpy(mounts->table, copy->table, sizeof(*copy->table));
	memcpy(mounts->labels, copy->labels, sizeof(copy->labels));
	each_fs(tracee, visit_remap, map);
	talloc_free(copy);
	guest_tmpfs_collect(tracee->tracer);
}

bool mount_is_busy(struct tracee *tracee, int mount)
{
	struct tracer *tracer = tracee->tracer;
	struct path_position cwd;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (!at->fs || at->state == TRACEE_NEW ||
			    tracee_mounts(at) != tracee_mounts(tracee))
				continue;
			if (at->fs->root.mount == mount)
				return true;
			if (at->fs->cwd_mount == mount && tracee_cwd_position(at, &cwd) == 0 &&
			    cwd.mount == mount)
				return true;
		}
	return false;
}

void mount_label(struct tracee *tracee, int mount, const char *type, const char *source)
{
	struct mount_label *label = &tracee_mounts(tracee)->labels[mount];

	*label = (struct mount_label){ 0 };
	snprintf(label->type, sizeof(label->type), "%s", type);
	snprintf(label->source, sizeof(label->source), "%s", source);
}

/* tmpfs */

struct guest_tmpfs {
	struct guest_tmpfs *next;
	size_t length;
	char host[];
};

int guest_tmpfs_make(struct tracer *tracer, mode_t mode, char *host, size_t size)
{
	struct guest_tmpfs *tmpfs;
	int length = snprintf(host, size, "%s/%u", tracer->mounts_directory,
			      tracer->tmpfs_serial++);

	if (length >= (int)size)
		return -ENAMETOOLONG;
	tmpfs = talloc_size(tracer, sizeof(*tmpfs) + (size_t)length + 1);
	if (!tmpfs)
		return -ENOMEM;
	if (mkdir(host, 0700) < 0 || chmod(host, mode) < 0) {
		int error = -errno;

		talloc_free(tmpfs);
		return error;
	}
	tmpfs->length = (size_t)length;
	memcpy(tmpfs->host, host, (size_t)length + 1);
	tmpfs->next = tracer->tmpfs;
	tracer->tmpfs = tmpfs;
	return 0;
}

static bool lies_in(const struct guest_tmpfs *tmpfs, const char *host)
{
	return !strncmp(host, tmpfs->host, tmpfs->length) &&
	       (host[tmpfs->length] == '/' || !host[tmpfs->length]);
}

bool guest_tmpfs_has(const struct tracer *tracer, const char *host)
{
	for (const struct guest_tmpfs *at = tracer->tmpfs; at; at = at->next)
		if (lies_in(at, host))
			return true;
	return false;
}

static bool shows(const struct mount_table *mounts, const struct guest_tmpfs *tmpfs)
{
	const struct path_table *table = mounts->table;

	for (uint32_t i = 0; i < table->mount_count; i++)
		if ((!(table->mounts[i].flags & PATH_MOUNT_HIDDEN) || mounts->labels[i].lazy) &&
		    lies_in(tmpfs, table->strings + table->mounts[i].host))
			return true;
	return false;
}

static bool is_shown(const struct tracer *tracer, const struct guest_tmpfs *tmpfs)
{
	if (shows(tracer->mounts, tmpfs))
		return true;
	for (const struct guest_namespace *at = tracer->namespaces; at; at = at->next)
		if (at->kind == NAMESPACE_MOUNT && at->mounts->table->mount_count &&
		    shows(at->mounts, tmpfs))
			return true;
	return false;
}

void guest_tmpfs_collect(struct tracer *tracer)
{
	for (struct guest_tmpfs **at = &tracer->tmpfs; *at;) {
		struct guest_tmpfs *tmpfs = *at;

		if (is_shown(tracer, tmpfs)) {
			at = &tmpfs->next;
			continue;
		}
		*at = tmpfs->next;
		file_remove_tree(AT_FDCWD, tmpfs->host);
		talloc_free(tmpfs);
	}
}
