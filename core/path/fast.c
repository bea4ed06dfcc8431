// SPDX-License-Identifier: Apache-2.0
/* The resolver's bet: no symlink on the way, so one openat2(RESOLVE_NO_SYMLINKS) tells all.
 *
 * Theory of operation
 *
 * The text is applied lexically. Without a symlink that is exact, except that the kernel also wants
 * every directory on the way to exist and to be searchable, even one that a later ".." leaves:
 * hence a text with ".." is given to the kernel as it stands, below the host path of the start.
 * Where the text enters a mount, "parent/." is asked first, since the mount's host path says
 * nothing about the directory that holds its mount point.
 * ELOOP means that a symlink was met. ENOENT, ENOTDIR, EACCES and ENAMETOOLONG mean that none was
 * met before the component that is to blame, so they are the guest's answer too. Anything else
 * (no openat2, no free fd) is the walk's to find out.
 *
 * Left to the walk: ".." at a mount's root or at the process's root, ".." onto a mount point, ".."
 * mixed with entering a mount.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/path/internal.h"

struct scan {
	const char *text;
	struct path_component last;
	const struct path_position *origin; /* where the walk started, or NULL: its first `floor` */
	size_t floor;			    /* bytes of the host path, which never change */
	size_t base;   /* length of the host path of the start, or of the mount last entered */
	size_t parent; /* length of the host path without the last component */
	bool any;      /* a component was met */
	bool dotted;   /* one of them was ".." */
	bool entered;  /* the last one is a mount point, and the walk stands in the mount */
	bool unnamed;  /* stopped before the last component: PATH_PARENT and the like */
};

static int judge(struct path_walk *walk, long error)
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -EACCES:
	case -ENAMETOOLONG:
		return (int)error;
	case -ENOSYS:
		walk->no_open_path = true;
		return PATH_USE_WALK;
	default:
		return PATH_USE_WALK;
	}
}

/* open_path() of the host path's first `length` bytes plus suffix (at most two bytes). What lies
 * behind `length` is restored. */
static long probe_host(struct path_walk *walk, size_t length, const char *suffix, int flags)
{
	const struct path_request *request = walk->request;
	char *host = walk->result->host;
	char saved[3];
	long fd;

	if (length + 3 > PATH_SIZE)
		return -E2BIG;
	if (!length && !suffix[0])
		suffix = "/";
	for (size_t i = 0; i < sizeof(saved); i++) {
		saved[i] = host[length + i];
		host[length + i] = suffix[i];
		if (!suffix[i])
			break;
	}
	fd = request->ops->open_path(request->context, host, flags);
	for (size_t i = 0; i < sizeof(saved); i++) {
		host[length + i] = saved[i];
		if (!suffix[i])
			break;
	}
	return fd;
}

/* open_path() of the start's host path, then the first `size` bytes of the text, then suffix. */
static __attribute__((noinline)) long probe_text(struct path_walk *walk, const struct scan *scan,
						 size_t size, const char *suffix, int flags)
{
	const struct path_request *request = walk->request;
	size_t suffix_size = path_text_length(suffix);
	char host[PATH_SIZE];
	size_t length = scan->floor;

	if (length + size + suffix_size + 2 > PATH_SIZE)
		return -E2BIG;
	if (scan->origin) {
		int answer = path_to_host(request->table, scan->origin, host, sizeof(host));

		if (answer < 0)
			return -E2BIG;
		length = answer == 1 ? 0 : (size_t)answer;
	} else {
		path_copy(host, walk->result->host, length);
	}
	if (length + size + suffix_size + 2 > PATH_SIZE)
		return -E2BIG;
	host[length++] = '/';
	path_copy(host + length, scan->text, size);
	path_copy(host + length + size, suffix, suffix_size + 1);
	return request->ops->open_path(request->context, host, flags);
}

/* Asks whether the directory that holds the last component is there and searchable. 0, -errno or
 * PATH_USE_WALK. */
static int check_parent(struct path_walk *walk, const struct scan *scan)
{
	long fd;

	if (scan->dotted)
		fd = probe_text(walk, scan, (size_t)(scan->last.name - scan->text), ".",
				O_DIRECTORY);
	else
		fd = probe_host(walk, scan->parent, "/.", O_DIRECTORY);
	if (fd < 0)
		return judge(walk, fd);
	walk->request->ops->close(walk->request->context, (int)fd);
	return 0;
}

/* The walk stands on a mount point, reached without "..". Goes to the root of the topmost mount
 * on it. */
static int enter(struct path_walk *walk, struct scan *scan, int child)
{
	const struct path_table *table = walk->request->table;
	int error;

	/* With no known start below, a failed bet couldn't be undone. */
	if (scan->dotted || !scan->origin)
		return PATH_USE_WALK;
	error = check_parent(walk, scan);
	if (error)
		return error;
	for (int above = child; above >= 0; above = path_mount_on(table, above, "", 0))
		child = above;
	if (path_walk_set(walk, child, "", 0))
		return PATH_USE_WALK;
	if (table->mounts[child].flags & PATH_MOUNT_FILE && !scan->last.final)
		return -ENOTDIR;
	scan->entered = true;
	scan->base = walk->length;
	return 0;
}

static int go_up(struct path_walk *walk, struct scan *scan)
{
	if (!path_walk_rel_length(walk) || path_walk_at(walk, walk->root) ||
	    (!scan->origin && walk->length <= scan->floor))
		return PATH_USE_WALK;
	path_walk_pop(walk);
	scan->dotted = true;
	return path_walk_mount_here(walk) >= 0 ? PATH_USE_WALK : 0;
}

/* Applies the text. 0, -errno or PATH_USE_WALK. */
static int apply(struct path_walk *walk, struct scan *scan)
{
	uint32_t flags = walk->request->flags;
	const char *text = scan->text;
	bool crossed = false;
	int child, error;

	while (*text) {
		struct path_component *last = &scan->last;

		path_next(text, last);
		text = last->rest;
		scan->parent = walk->length;
		scan->entered = false;
		if (path_is_hidden(walk->request, last))
			return PATH_USE_WALK;
		if (last->final && (flags & PATH_PARENT ||
				    (flags & PATH_CREATE && last->slash &&
				     last->kind == PATH_LAST_NORMAL))) {
			scan->unnamed = true;
			return 0;
		}
		scan->any = true;
		if (last->kind == PATH_LAST_DOT)
			continue;
		if (last->kind == PATH_LAST_DOTDOT) {
			error = crossed ? PATH_USE_WALK : go_up(walk, scan);
			if (error)
				return error;
			continue;
		}
		if (path_walk_append(walk, last->name, last->size))
			return PATH_USE_WALK;
		child = path_walk_mount_here(walk);
		if (child >= 0) {
			error = enter(walk, scan, child);
			if (error)
				return error;
			crossed = true;
		}
	}
	return 0;
}

/* The last component isn't looked at. */
static int end_at_parent(struct path_walk *walk, const struct scan *scan)
{
	const struct path_component *last = &scan->last;
	struct path_end end = {.last = last->kind};
	int error = 0;

	/* With nothing before it but a directory the call itself tells the rest. */
	if (scan->parent != scan->base || scan->dotted || path_start_unknown(walk))
		error = check_parent(walk, scan);
	if (error)
		return error;
	if (last->kind == PATH_LAST_NORMAL) {
		end.name = last->name;
		end.size = last->size;
		end.slash = last->slash;
	}
	return path_walk_finish(walk, &end);
}

/* The last component is a mount point: its parent has been checked and the flags tell the type. */
static int end_at_mount(struct path_walk *walk)
{
	const struct path_table *table = walk->request->table;
	const struct path_end end = {.last = PATH_LAST_NORMAL, .slash = walk->slash};

	if (walk->directory && table->mounts[walk->mount].flags & PATH_MOUNT_FILE)
		return -ENOTDIR;
	return path_walk_finish(walk, &end);
}

static long probe_object(struct path_walk *walk, const struct scan *scan, int flags)
{
	if (scan->dotted)
		return probe_text(walk, scan, path_text_length(scan->text), "", flags);
	if (scan->last.kind == PATH_LAST_DOT)
		return probe_host(walk, walk->length, "/.", flags);
	return probe_host(walk, walk->length, scan->last.slash ? "/" : "", flags);
}

static int end_at_object(struct path_walk *walk, const struct scan *scan)
{
	const struct path_request *request = walk->request;
	struct path_end end = {.last = scan->last.kind, .slash = walk->slash};
	int flags = walk->directory ? O_DIRECTORY : 0;
	int error;
	long fd;

	fd = probe_object(walk, scan, flags);
	/* It may be an emulated hard link, too. */
	if (fd == -ELOOP && !walk->follow && !request->ops->object) {
		/* When only the last component is a symlink, that one is the object. */
		fd = probe_object(walk, scan, flags | O_NOFOLLOW);
		end.flags |= PATH_RESULT_SYMLINK;
	}
	if (fd == -ENOENT && request->flags & PATH_CREATE &&
	    scan->last.kind == PATH_LAST_NORMAL) {
		error = 0;
		if (scan->parent != scan->base || scan->dotted)
			error = check_parent(walk, scan);
		if (error)
			return error;
		walk->checked = true;
		end.flags = PATH_RESULT_MISSING;
		return path_walk_finish(walk, &end);
	}
	if (fd < 0)
		return judge(walk, fd);
	walk->checked = true;
	if (request->flags & PATH_WANT_FD)
		walk->result->fd = (int)fd;
	else
		request->ops->close(request->context, (int)fd);
	return path_walk_finish(walk, &end);
}

static int end_at_root(struct path_walk *walk)
{
	const struct path_end end = {.last = PATH_LAST_ROOT};

	return path_walk_finish(walk, &end);
}

int path_fast(struct path_walk *walk, const char *text)
{
	bool directory = walk->directory, follow = walk->follow, slash = walk->slash;
	struct scan scan = {
		.text = text,
		.origin = walk->origin,
		.floor = walk->length,
		.base = walk->length,
	};
	int outcome = apply(walk, &scan);

	if (outcome == 0 && scan.last.slash && scan.last.kind == PATH_LAST_NORMAL &&
	    !scan.unnamed) {
		walk->slash = true;
		walk->directory = true;
		walk->follow = true;
	}
	if (outcome == 0) {
		if (scan.unnamed)
			outcome = end_at_parent(walk, &scan);
		else if (!scan.any)
			outcome = end_at_root(walk);
		else if (scan.entered)
			outcome = end_at_mount(walk);
		else
			outcome = end_at_object(walk, &scan);
	}
	if (outcome != PATH_USE_WALK)
		return outcome;

	walk->directory = directory;
	walk->follow = follow;
	walk->slash = slash;
	if (scan.origin) {
		path_walk_start(walk, scan.origin);
	} else {
		walk->length = scan.floor;
		walk->position_flags = 0;
	}
	return PATH_USE_WALK;
}
