/* SPDX-License-Identifier: Apache-2.0 */
/* What the resolver's files share: byte helpers without libc, mount lookup, the walk's state.
 *
 * Only for core/path/. Everything here must compile freestanding into an object without undefined
 * symbols, so the loops keep the compiler from turning them into memcpy() or strlen().
 */
#ifndef AMPHORA_PATH_INTERNAL_H
#define AMPHORA_PATH_INTERNAL_H

#include "core/path/link.h"
#include "core/path/resolve.h"

/* An empty asm that the loop idiom passes of gcc and clang can't see through. */
#define PATH_KEEP_LOOP() __asm__ volatile("" ::: "memory")

/* Copies size bytes; the ranges may overlap when to < from. */
static inline void path_copy(char *to, const char *from, size_t size)
{
	while (size >= sizeof(uint64_t)) {
		uint64_t word;

		__builtin_memcpy(&word, from, sizeof(word));
		__builtin_memcpy(to, &word, sizeof(word));
		to += sizeof(word);
		from += sizeof(word);
		size -= sizeof(word);
		PATH_KEEP_LOOP();
	}
	while (size--) {
		*to++ = *from++;
		PATH_KEEP_LOOP();
	}
}

static inline size_t path_text_length(const char *text)
{
	size_t length = 0;

	while (text[length]) {
		length++;
		PATH_KEEP_LOOP();
	}
	return length;
}

static inline bool path_equal(const char *a, const char *b, size_t size)
{
	while (size--) {
		if (a[size] != b[size])
			return false;
		PATH_KEEP_LOOP();
	}
	return true;
}

/* Copies only the bytes in use: a position is 4 KiB. */
static inline void path_position_copy(struct path_position *to, const struct path_position *from)
{
	to->mount = from->mount;
	to->flags = from->flags;
	to->length = from->length;
	path_copy(to->rel, from->rel, from->length);
	to->rel[from->length] = '\0';
}

static inline const char *path_mount_host(const struct path_table *table, int mount)
{
	return table->strings + table->mounts[mount].host;
}

static inline const char *path_mount_point(const struct path_table *table, int mount)
{
	return table->strings + table->mounts[mount].point;
}

/* table.c, for table_change.c: what readers see as one change lies between these two. */
void path_table_begin(struct path_table *table);
void path_table_end(struct path_table *table);
/* Makes mounts[index] findable at its parent and point, and not so. */
void path_table_link(struct path_table *table, int index);
void path_table_unlink(struct path_table *table, int index);
/* Adds a mount; the place must be the root of the topmost mount there, or free. */
int path_table_place(struct path_table *table, int parent, const char *rel, size_t length,
		     const char *host, uint32_t flags);

/* The newest mount on (mount, rel), or -1. */
int path_table_lookup(const struct path_table *table, int mount, const char *rel, size_t length);

/* Same; nearly every directory is refused here by one bit. */
static inline int path_mount_on(const struct path_table *table, int mount, const char *rel,
				size_t length)
{
	if (!(table->mounts[mount].child_lengths >> (length & 63) & 1))
		return -1;
	return path_table_lookup(table, mount, rel, length);
}

/* Where a resolution stands. Its host path is kept in result->host, and rel is its tail. */
struct path_walk {
	const struct path_request *request;
	struct path_result *result;
	const struct path_position *root;   /* request's, or its base in a scoped lookup */
	const struct path_position *origin; /* the walk stands exactly here; NULL: elsewhere */
	int32_t mount;
	uint32_t position_flags; /* enum path_position_flags */
	size_t prefix;	 /* length of the mount's host root in result->host */
	size_t length;	 /* of result->host */
	size_t searched; /* directories of this mount up to this length are known to be
			  * searchable; 0: none */
	bool follow;	 /* the last component, when it is a symlink */
	bool directory;	 /* required of the object */
	bool slash;	 /* a trailing slash was met, in the path or in a link that ended it */
	bool no_open_path;
	bool checked; /* the host path has been opened without meeting a symlink */
	bool rooted; /* the kernel has looked at the root: see jump_to_root() */
	int links; /* followed so far */
};

/* One component of a path. */
struct path_component {
	const char *name;
	size_t size;
	const char *rest; /* after the slashes that follow it */
	enum path_last kind;
	bool final; /* nothing but slashes follows */
	bool slash; /* final, and slashes follow */
};

/* The component at *text, which must not start with a slash nor be empty. */
static inline void path_next(const char *text, struct path_component *ret)
{
	const char *end = text;

	while (*end && *end != '/')
		end++;
	ret->name = text;
	ret->size = (size_t)(end - text);
	ret->kind = PATH_LAST_NORMAL;
	if (text[0] == '.') {
		if (ret->size == 1)
			ret->kind = PATH_LAST_DOT;
		else if (ret->size == 2 && text[1] == '.')
			ret->kind = PATH_LAST_DOTDOT;
	}
	ret->slash = *end == '/';
	while (*end == '/')
		end++;
	ret->rest = end;
	ret->final = !*end;
	ret->slash = ret->slash && ret->final;
}

/* A name that the guest can't use. */
static inline bool path_is_hidden(const struct path_request *request,
				  const struct path_component *component)
{
	return request->ops->object && component->kind == PATH_LAST_NORMAL &&
	       link_is_hidden(component->name, component->size);
}

static inline size_t path_walk_rel_length(const struct path_walk *walk)
{
	return walk->length > walk->prefix ? walk->length - walk->prefix - 1 : 0;
}

static inline const char *path_walk_rel(const struct path_walk *walk)
{
	return walk->result->host + walk->prefix + 1;
}

/* Mount on the place where the walk stands, or -1. */
static inline int path_walk_mount_here(const struct path_walk *walk)
{
	return path_mount_on(walk->request->table, walk->mount, path_walk_rel(walk),
			     path_walk_rel_length(walk));
}

/* The walk's host path for a system call: the host's own root has length 0. */
static inline const char *path_walk_host(struct path_walk *walk)
{
	if (!walk->length)
		return "/";
	walk->result->host[walk->length] = '\0';
	return walk->result->host;
}

static inline bool path_walk_at(const struct path_walk *walk, const struct path_position *position)
{
	/* A new directory may stand where a deleted one was. */
	return walk->mount == position->mount &&
	       walk->position_flags == (position->flags & PATH_POSITION_DELETED) &&
	       path_walk_rel_length(walk) == position->length &&
	       path_equal(path_walk_rel(walk), position->rel, position->length);
}

/* Puts the walk at (mount, rel). 0 or -ENAMETOOLONG. */
int path_walk_set(struct path_walk *walk, int mount, const char *rel, size_t length);
/* Puts the walk at a position and remembers it as the origin. */
int path_walk_start(struct path_walk *walk, const struct path_position *position);
/* Appends a component. 0 or -ENAMETOOLONG. */
int path_walk_append(struct path_walk *walk, const char *name, size_t size);
/* Removes the last component; rel must not be empty. */
void path_walk_pop(struct path_walk *walk);

/* Whether the walk stands on a base that may be no directory. It may even be an O_PATH fd of a
 * symlink, which the host's lookup of a name below it would follow. */
static inline bool path_start_unknown(const struct path_walk *walk)
{
	return walk->origin && walk->origin == walk->request->base &&
	       walk->origin != walk->request->root &&
	       !(walk->origin->flags & PATH_POSITION_DIRECTORY);
}

/* 0, -ENOTDIR or -errno. A deleted directory counts as one. */
int path_walk_require_directory(struct path_walk *walk);

/* How a resolution ended, for path_walk_finish(). */
struct path_end {
	enum path_last last;
	const char *name; /* new name below the place where the walk stands, or NULL */
	size_t size;
	bool slash;
	uint32_t flags; /* enum path_result_flags to add */
	const char *object; /* PATH_RESULT_LINK: host path instead of the walk's */
	size_t object_length;
};

/* Fills the result in. 0 or -ENAMETOOLONG. */
int path_walk_finish(struct path_walk *walk, const struct path_end *end);

#define PATH_USE_WALK 1 /* path_fast(): one openat2() can't tell */

/* Resolves text from where the walk stands with as few openat2() as possible. 0, -errno, or
 * PATH_USE_WALK with the walk where it was. */
int path_fast(struct path_walk *walk, const char *text);
/* Resolves text component by component. 0 or -errno. */
int path_slow(struct path_walk *walk, const char *text);

#endif
