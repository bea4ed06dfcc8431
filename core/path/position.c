// SPDX-License-Identifier: Apache-2.0
/* Positions: to a host path, to the path that the guest sees, and back from a host path. */
#include <errno.h>

#include "core/path/internal.h"

static bool position_valid(const struct path_table *table, const struct path_position *position)
{
	return position->mount >= 0 && position->mount < (int)table->mount_count &&
	       position->length < PATH_SIZE;
}

int path_to_host(const struct path_table *table, const struct path_position *position, char *host,
		 size_t size)
{
	size_t prefix, length;

	if (!position_valid(table, position))
		return -EINVAL;
	prefix = table->mounts[position->mount].host_length;
	length = prefix + (position->length ? position->length + 1 : 0);
	if (!length) {
		if (size < 2)
			return -ENAMETOOLONG;
		host[0] = '/';
		host[1] = '\0';
		return 1;
	}
	if (length >= size)
		return -ENAMETOOLONG;
	path_copy(host, path_mount_host(table, position->mount), prefix);
	if (position->length) {
		host[prefix] = '/';
		path_copy(host + prefix + 1, position->rel, position->length);
	}
	host[length] = '\0';
	return (int)length;
}

/* Whether rel is `above` or lies below it; "" is above everything. */
static bool is_below(const char *rel, size_t length, const char *above, size_t above_length)
{
	if (!above_length)
		return true;
	return length >= above_length && path_equal(rel, above, above_length) &&
	       (length == above_length || rel[above_length] == '/');
}

int path_to_guest(const struct path_table *table, const struct path_position *root,
		  const struct path_position *position, char *guest, size_t size)
{
	const char *rel = position->rel;
	size_t length = position->length;
	int mount = position->mount;
	size_t start = size;
	/* A new directory may stand where the deleted root was. */
	bool root_deleted = root->flags & PATH_POSITION_DELETED;
	bool deleted = position->flags & PATH_POSITION_DELETED;

	if (!position_valid(table, position) || !position_valid(table, root))
		return -EINVAL;
	if (size < 2)
		return -ENAMETOOLONG;
	/* The path grows from the end of the buffer towards its start, one mount at a time. */
	guest[--start] = '\0';
	for (;;) {
		bool in_root = mount == root->mount &&
			       is_below(rel, length, root->rel, root->length) &&
			       (!root_deleted || deleted);
		size_t skip = in_root && root->length ? root->length + 1 : 0;

		if (length > skip) {
			if (start < length - skip + 1)
				return -ENAMETOOLONG;
			start -= length - skip;
			path_copy(guest + start, rel + skip, length - skip);
			guest[--start] = '/';
		}
		if (in_root)
			break;
		if (table->mounts[mount].parent < 0 ||
		    table->mounts[mount].flags & PATH_MOUNT_HIDDEN)
			return -ENOENT;
		rel = path_mount_point(table, mount);
		length = table->mounts[mount].point_length;
		mount = table->mounts[mount].parent;
	}
	if (start == size - 1) {
		guest[0] = '/';
		guest[1] = '\0';
		return 1;
	}
	length = size - 1 - start;
	if (start)
		path_copy(guest, guest + start, length + 1);
	return (int)length;
}

static bool has_mount(const struct path_table *table, int mount, const char *rel, size_t length,
		      uint32_t flags)
{
	int child = path_mount_on(table, mount, rel, length);

	return child >= 0 && (table->mounts[child].flags & flags) == flags;
}

/* Whether a mount with these flags sits on (mount, rel) or, with parents_only, on rel's parents. */
static bool is_covered(const struct path_table *table, int mount, const char *rel, size_t length,
		       uint32_t flags, bool parents_only)
{
	if (!table->mounts[mount].child_lengths)
		return false;
	/* A mount on the mount's own root covers everything in it. */
	if (!(parents_only && !length) && has_mount(table, mount, "", 0, flags))
		return true;
	for (size_t i = 0; i < length; i++) {
		if (rel[i] == '/' && has_mount(table, mount, rel, i, flags))
			return true;
	}
	return !parents_only && length && has_mount(table, mount, rel, length, flags);
}

static bool is_locked_away(const struct path_table *table, int mount, const char *rel,
			   size_t length)
{
	return is_covered(table, mount, rel, length, PATH_MOUNT_LOCKED, false);
}

/* Whether a walk from the top can reach this mount's root: nothing above covers its mount point. */
static bool mount_reachable(const struct path_table *table, int mount)
{
	while (table->mounts[mount].parent >= 0) {
		const struct path_mount *entry = &table->mounts[mount];
		const char *point = path_mount_point(table, mount);

		if (entry->flags & PATH_MOUNT_HIDDEN ||
		    path_mount_on(table, entry->parent, point, entry->point_length) != mount ||
		    is_covered(table, entry->parent, point, entry->point_length, 0, true))
			return false;
		mount = entry->parent;
	}
	return true;
}

/* rel of a host path inside a mount's host tree; false when it lies outside. */
static bool host_in_mount(const struct path_table *table, int mount, const char *host, size_t length,
			  const char **ret_rel, size_t *ret_length)
{
	size_t prefix = table->mounts[mount].host_length;

	if (!is_below(host, length, path_mount_host(table, mount), prefix))
		return false;
	if (length > prefix)
		prefix++; /* the slash */
	*ret_rel = host + prefix;
	*ret_length = length - prefix;
	return true;
}

static void set_position(struct path_position *position, int mount, const char *rel, size_t length)
{
	position->mount = mount;
	position->flags = 0;
	position->length = (uint32_t)length;
	path_copy(position->rel, rel, length);
	position->rel[length] = '\0';
}

enum reach { REACHABLE, ATTACHED, ANY };

/* The best mount for a host path, or -1. Newest first, so that a later equal doesn't win. */
static int best_mount(const struct path_table *table, const char *host, size_t length,
		      enum reach reach)
{
	int best = -1;

	for (int i = (int)table->mount_count - 1; i >= 0; i--) {
		const struct path_mount *mount = &table->mounts[i];
		const char *rel;
		size_t rel_length;

		if ((reach != ANY && mount->flags & PATH_MOUNT_HIDDEN) ||
		    (best >= 0 && mount->host_length <= table->mounts[best].host_length) ||
		    !host_in_mount(table, i, host, length, &rel, &rel_length) ||
		    is_locked_away(table, i, rel, rel_length))
			continue;
		if (reach != REACHABLE || (mount_reachable(table, i) &&
				!is_covered(table, i, rel, rel_length, 0, false)))
			best = i;
	}
	return best;
}

int path_from_host(const struct path_table *table, int hint_mount, const char *host,
		   struct path_position *ret_position)
{
	size_t length = path_text_length(host);
	size_t rel_length = 0;
	const char *rel = "";
	bool hinted;
	int mount;

	if ((length && host[0] != '/') || length >= PATH_SIZE)
		return -ENOENT;
	while (length && host[length - 1] == '/')
		length--;
	hinted = hint_mount >= 0 && hint_mount < (int)table->mount_count &&
		 host_in_mount(table, hint_mount, host, length, &rel, &rel_length) &&
		 !is_locked_away(table, hint_mount, rel, rel_length);
	mount = hint_mount;
	if (!hinted || is_covered(table, hint_mount, rel, rel_length, 0, false))
		mount = best_mount(table, host, length, REACHABLE);
	if (mount < 0)
		mount = hinted ? hint_mount : best_mount(table, host, length, ATTACHED);
	if (mount < 0)
		mount = best_mount(table, host, length, ANY);
	if (mount < 0)
		return -ENOENT;
	host_in_mount(table, mount, host, length, &rel, &rel_length);
	set_position(ret_position, mount, rel, rel_length);
	return 0;
}

int path_from_host_in(const struct path_table *table, int mount, const char *host,
		      struct path_position *ret_position)
{
	size_t length = path_text_length(host), rel_length;
	const char *rel;

	while (length && host[length - 1] == '/')
		length--;
	if (mount < 0 || mount >= (int)table->mount_count || length >= PATH_SIZE ||
	    !host_in_mount(table, mount, host, length, &rel, &rel_length) ||
	    is_locked_away(table, mount, rel, rel_length))
		return -ENOENT;
	set_position(ret_position, mount, rel, rel_length);
	return 0;
}
