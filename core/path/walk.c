// SPDX-License-Identifier: Apache-2.0
/* The resolver's walk: one component after the other, as link_path_walk() does in the kernel.
 *
 * Theory of operation
 *
 * The text still to come is kept right-aligned in a buffer: a symlink's text is put before it, with
 * a slash between. A trailing slash, and the kernel's LOOKUP_FOLLOW and LOOKUP_DIRECTORY that come
 * with it, outlive the symlink that they were met on (walk->slash, follow, directory).
 *
 * The host kernel checks a directory whenever a name is looked up through it. A component that looks
 * nothing up (".", "..", a mount point, the last one with PATH_PARENT) needs the same check, made by
 * asking for "directory/.", unless a lookup has passed through the directory (walk->searched).
 */
#include <errno.h>

#include "core/path/internal.h"

/* Room for the text of nested symlinks. The kernel has no such limit: a chain of links whose
 * unconsumed tails exceed it is ENAMETOOLONG here. */
#define PENDING_SIZE (4 * PATH_SIZE)

struct pending {
	char buffer[PENDING_SIZE];
	char link[PATH_SIZE];
	char object[PATH_SIZE]; /* of a name that is an emulated hard link */
};

enum step {
	STEP_ON,      /* go on with the next component */
	STEP_DONE,    /* the walk stands at the object */
	STEP_LINK,    /* a symlink's text is in pending->link */
	STEP_UNNAMED, /* the last component must not be looked at */
};

/* The current place must be a directory that may be searched. */
static int check_search(struct path_walk *walk)
{
	const struct path_request *request = walk->request;
	long answer;

	if (walk->searched && walk->length <= walk->searched)
		return 0;
	if (walk->position_flags & PATH_POSITION_DELETED)
		return 0;
	if (walk->length + 3 > PATH_SIZE)
		return -ENAMETOOLONG;
	path_copy(walk->result->host + walk->length, "/.", 3);
	answer = request->ops->is_directory(request->context, walk->result->host);
	walk->result->host[walk->length] = '\0';
	if (answer <= 0)
		return answer ? (int)answer : -ENOTDIR;
	walk->searched = walk->length;
	return 0;
}

/* Goes to the root of a mount, and of the mounts stacked on it. */
static int enter(struct path_walk *walk, int child)
{
	for (; child >= 0; child = path_walk_mount_here(walk)) {
		int error;

		if (walk->request->flags & PATH_NO_XDEV)
			return -EXDEV;
		error = path_walk_set(walk, child, "", 0);
		if (error)
			return error;
	}
	return 0;
}

/* From the root of a mount to the place that its mount point covers. Returns false at the process's
 * root, at the top of the tree, and in a detached mount. */
static bool leave_mount(struct path_walk *walk, int *ret_error)
{
	const struct path_table *table = walk->request->table;
	const struct path_position *root = walk->root;
	int mount = walk->mount;

	while (table->mounts[mount].parent >= 0 &&
	       !(table->mounts[mount].flags & PATH_MOUNT_HIDDEN)) {
		const char *point = path_mount_point(table, mount);
		size_t length = table->mounts[mount].point_length;

		mount = table->mounts[mount].parent;
		if (root->mount == mount && root->length == length &&
		    path_equal(root->rel, point, length))
			return false;
		if (length) {
			*ret_error = walk->request->flags & PATH_NO_XDEV
					     ? -EXDEV
					     : path_walk_set(walk, mount, point, length);
			return true;
		}
	}
	return false;
}

static int go_up(struct path_walk *walk)
{
	const struct path_request *request = walk->request;
	bool deleted = walk->position_flags & PATH_POSITION_DELETED;
	bool stay = path_walk_at(walk, walk->root);
	int error = 0;

	walk->rooted = true;
	if (!stay && !path_walk_rel_length(walk))
		stay = !leave_mount(walk, &error);
	if (error)
		return error;
	if (stay)
		return request->flags & PATH_BENEATH ? -EXDEV : enter(walk, path_walk_mount_here(walk));
	path_walk_pop(walk);
	if (deleted) {
		/* Its parent may be gone as well: then names in it are missing too. */
		if (request->ops->is_directory(request->context, path_walk_host(walk)) == 1)
			walk->position_flags &= ~(uint32_t)PATH_POSITION_DELETED;
		walk->searched = 0;
	}
	return enter(walk, path_walk_mount_here(walk));
}

static int jump_to_root(struct path_walk *walk)
{
	if (walk->request->flags & PATH_BENEATH)
		return -EXDEV;
	/* nd_jump_root() compares with a root that a relative path hasn't set before its first ".."
	 * or jump, so the first absolute symlink is refused even in the root's own mount (6.18). */
	if (walk->request->flags & PATH_NO_XDEV &&
	    (!walk->rooted || walk->mount != walk->root->mount))
		return -EXDEV;
	walk->rooted = true;
	return path_walk_start(walk, walk->root);
}

static int magic_allowed(const struct path_request *request)
{
	if (request->flags & PATH_NO_MAGICLINKS)
		return -ELOOP;
	return request->flags & (PATH_BENEATH | PATH_IN_ROOT) ? -EXDEV : 0;
}

/* From a symlink back to its directory, where its text starts. */
static int leave_link(struct path_walk *walk, const struct path_component *component)
{
	walk->length -= component->size + 1;
	walk->origin = NULL;
	return STEP_LINK;
}

/* Follows a symlink of a proc mount at the current place. A place of its own because of the size
 * of struct path_magic. Returns a step or -errno. */
static __attribute__((noinline)) int follow_magic(struct path_walk *walk, struct pending *pending,
						  const struct path_component *component,
						  struct path_end *end)
{
	const struct path_request *request = walk->request;
	struct path_position *link = &walk->result->position;
	struct path_magic magic;
	size_t size;
	long answer;
	int error;

	link->mount = walk->mount;
	link->flags = 0;
	link->length = (uint32_t)path_walk_rel_length(walk);
	path_copy(link->rel, path_walk_rel(walk), link->length);
	link->rel[link->length] = '\0';
	answer = request->ops->magic(request->context, link, &magic);
	if (answer == -EINVAL) /* an ordinary symlink: its own text */
		return leave_link(walk, component);
	if (answer < 0)
		return (int)answer;

	switch (magic.kind) {
	case PATH_MAGIC_TEXT:
		size = path_text_length(magic.text);
		if (size >= PATH_SIZE)
			return -ENAMETOOLONG;
		path_copy(pending->link, magic.text, size + 1);
		return leave_link(walk, component);
	case PATH_MAGIC_POSITION:
		error = magic_allowed(request);
		if (error)
			return error;
		if (request->flags & PATH_NO_XDEV && magic.position.mount != walk->mount)
			return -EXDEV;
		error = path_walk_start(walk, &magic.position);
		walk->origin = NULL; /* magic is about to go out of scope */
		if (!error && !component->final)
			error = path_walk_require_directory(walk);
		return error ? error : STEP_ON;
	case PATH_MAGIC_OPAQUE:
		error = magic_allowed(request);
		if (error)
			return error;
		end->flags |= PATH_RESULT_MAGIC;
		return component->final ? STEP_DONE : -ENOTDIR;
	}
	return -EINVAL;
}

static bool uses_magic(const struct path_walk *walk)
{
	return walk->request->ops->magic &&
	       walk->request->table->mounts[walk->mount].flags & PATH_MOUNT_PROC;
}

/* The symlink whose text was just read is an emulated hard link: a file. Returns a step, -errno, or
 * STEP_LINK for an ordinary symlink. */
static int look_at_object(const struct path_walk *walk, struct pending *pending, size_t size,
			  const struct path_component *component, struct path_end *end)
{
	const struct path_request *request = walk->request;
	long length = request->ops->object(request->context, walk->mount, walk->result->host,
					   pending->link, size, pending->object);

	if (length <= 0)
		return length ? (int)length : STEP_LINK;
	if (!component->final)
		return -ENOTDIR;
	end->flags |= PATH_RESULT_LINK;
	end->object = pending->object;
	end->object_length = (size_t)length;
	return STEP_DONE;
}

/* Looks at a name that no mount covers; the walk stands on it already. Returns a step or -errno. */
static int look_up(struct path_walk *walk, struct pending *pending,
		   const struct path_component *component, bool follow, struct path_end *end)
{
	const struct path_request *request = walk->request;
	size_t parent = walk->length - component->size - 1;
	const char *host = path_walk_host(walk);
	long size = request->ops->readlink(request->context, host, pending->link, PATH_SIZE);

	if (size == -EINVAL || size >= 0)
		walk->searched = parent;
	if (size == -EINVAL)
		return STEP_ON;
	if (size == -ENOENT && component->final && request->flags & PATH_CREATE) {
		end->flags |= PATH_RESULT_MISSING;
		return STEP_DONE;
	}
	if (size < 0)
		return (int)size;
	if (request->ops->object) {
		int outcome = look_at_object(walk, pending, (size_t)size, component, end);

		if (outcome != STEP_LINK)
			return outcome;
	}
	if (!follow) {
		end->flags |= PATH_RESULT_SYMLINK;
		return STEP_DONE;
	}
	if (++walk->links > PATH_LINKS_MAX || request->flags & PATH_NO_SYMLINKS)
		return -ELOOP;
	if (size == 0)
		return -ENOENT;
	if (size >= PATH_SIZE)
		return -ENAMETOOLONG;
	pending->link[size] = '\0';
	if (uses_magic(walk))
		return follow_magic(walk, pending, component, end);
	return leave_link(walk, component);
}

static int step(struct path_walk *walk, struct pending *pending,
		const struct path_component *component, struct path_end *end)
{
	uint32_t flags = walk->request->flags;
	bool normal = component->kind == PATH_LAST_NORMAL;
	int child, error;

	if (path_is_hidden(walk->request, component))
		return -ENOENT;
	if (walk->request->ops->search && !(walk->position_flags & PATH_POSITION_DELETED)) {
		error = (int)walk->request->ops->search(walk->request->context, path_walk_host(walk));
		if (error < 0)
			return error;
	}
	if (component->final &&
	    (flags & PATH_PARENT || (flags & PATH_CREATE && component->slash && normal))) {
		error = check_search(walk);
		if (!error && normal && walk->position_flags & PATH_POSITION_DELETED)
			error = flags & PATH_PARENT ? -ENOENT : -EISDIR;
		return error ? error : STEP_UNNAMED;
	}
	if (!normal) {
		error = check_search(walk);
		if (!error && component->kind == PATH_LAST_DOTDOT)
			error = go_up(walk);
		return error ? error : STEP_ON;
	}
	if (walk->position_flags & PATH_POSITION_DELETED)
		return -ENOENT;
	if (component->slash) {
		walk->slash = true;
		walk->directory = true;
		walk->follow = true;
	}
	error = path_walk_append(walk, component->name, component->size);
	if (error)
		return error;
	child = path_walk_mount_here(walk);
	if (child >= 0) {
		walk->length -= component->size + 1;
		error = check_search(walk);
		if (!error)
			error = enter(walk, child);
		return error ? error : STEP_ON;
	}
	return look_up(walk, pending, component, !component->final || walk->follow, end);
}

/* Puts the link's text before the rest. Returns the new text, or NULL when there is no room. */
static const char *expand(struct pending *pending, const char *rest)
{
	size_t size = path_text_length(pending->link);
	size_t rest_size = path_text_length(rest);
	char *end = pending->buffer + PENDING_SIZE;
	char *start;

	if (size + rest_size + 2 > PENDING_SIZE)
		return NULL;
	start = end - rest_size - 1;
	if (rest != start)
		path_copy(start, rest, rest_size + 1);
	if (rest_size)
		*--start = '/';
	start -= size;
	path_copy(start, pending->link, size);
	return start;
}

/* The object has been reached: what LOOKUP_DIRECTORY asks. */
static int check_object(struct path_walk *walk, const struct path_component *last,
			const struct path_end *end)
{
	const struct path_mount *mount = &walk->request->table->mounts[walk->mount];

	if (!walk->directory || end->flags & (PATH_RESULT_MISSING | PATH_RESULT_MAGIC))
		return 0;
	if (end->flags & PATH_RESULT_SYMLINK)
		return -ENOTDIR;
	if (last->kind != PATH_LAST_NORMAL)
		return 0;
	if (!path_walk_rel_length(walk))
		return mount->flags & PATH_MOUNT_FILE ? -ENOTDIR : 0;
	return path_walk_require_directory(walk);
}

static int finish(struct path_walk *walk, const struct path_component *last, int outcome,
		  struct path_end *end)
{
	int error;

	end->last = last->kind;
	if (outcome == STEP_UNNAMED) {
		if (last->kind == PATH_LAST_NORMAL) {
			end->name = last->name;
			end->size = last->size;
			end->slash = last->slash;
		}
		return path_walk_finish(walk, end);
	}
	error = check_object(walk, last, end);
	if (error)
		return error;
	end->slash = walk->slash;
	return path_walk_finish(walk, end);
}

/* A file can't be passed through; the kernel says so before it looks at the next component. */
static int check_passed(const struct path_walk *walk, const struct path_component *component)
{
	const struct path_mount *mount = &walk->request->table->mounts[walk->mount];

	if (component->final || path_walk_rel_length(walk))
		return STEP_ON;
	return mount->flags & PATH_MOUNT_FILE ? -ENOTDIR : STEP_ON;
}

/* A symlink's text starts at the walk's place or at the root. */
static int start_link(struct path_walk *walk, struct path_component *component, const char **text)
{
	int error;

	if (**text != '/')
		return 0;
	error = jump_to_root(walk);
	component->kind = PATH_LAST_ROOT;
	while (**text == '/')
		++*text;
	return error;
}

int path_slow(struct path_walk *walk, const char *text)
{
	struct path_component component = {.kind = PATH_LAST_ROOT};
	struct path_end end = {0};
	struct pending pending;
	int outcome = STEP_ON;
	bool bet = false; /* a symlink has been followed since the last bet */

	while (*text) {
		path_next(text, &component);
		if (bet && component.kind == PATH_LAST_NORMAL && !walk->no_open_path &&
		    !(walk->position_flags & PATH_POSITION_DELETED)) {
			bet = false;
			outcome = path_fast(walk, text);
			if (outcome != PATH_USE_WALK)
				return outcome;
		}
		outcome = step(walk, &pending, &component, &end);
		if (outcome == STEP_ON)
			outcome = check_passed(walk, &component);
		if (outcome < 0)
			return outcome;
		if (outcome == STEP_DONE || outcome == STEP_UNNAMED)
			break;
		text = component.rest;
		if (outcome == STEP_LINK) {
			int error;

			text = expand(&pending, text);
			if (!text)
				return -ENAMETOOLONG;
			error = start_link(walk, &component, &text);
			if (error)
				return error;
			bet = true;
		}
	}
	return finish(walk, &component, outcome, &end);
}
