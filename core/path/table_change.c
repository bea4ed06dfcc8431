// SPDX-License-Identifier: Apache-2.0
/* Changes of a mount table in which guests live already: bind, detach, move, pivot, copy.
 *
 * Theory of operation
 *
 * An index means one mount for as long as the table lives, because positions hold it. Hence detaching
 * only marks a mount (PATH_MOUNT_HIDDEN): what stands in it can go on, but nothing leads into it or out
 * of it. Indices change in path_table_copy() alone, which tells how.
 */
#include <errno.h>

#include "core/path/internal.h"

static bool is_attached(const struct path_table *table, int mount)
{
	return mount >= 0 && mount < (int)table->mount_count &&
	       !(table->mounts[mount].flags & PATH_MOUNT_HIDDEN);
}

bool path_table_sits_on(const struct path_table *table, int mount, int above)
{
	for (uint32_t i = 0; mount >= 0 && i <= table->mount_count; i++) {
		if (mount == above)
			return true;
		if (table->mounts[mount].flags & PATH_MOUNT_HIDDEN)
			return false;
		mount = table->mounts[mount].parent;
	}
	return false;
}

void path_table_top(const struct path_table *table, struct path_position *position)
{
	int above = path_mount_on(table, position->mount, position->rel, position->length);

	for (; above >= 0; above = path_mount_on(table, above, "", 0)) {
		position->mount = above;
		position->flags = 0;
		position->length = 0;
		position->rel[0] = '\0';
	}
}

void path_table_set_flags(struct path_table *table, int mount, uint32_t flags)
{
	path_table_begin(table);
	table->mounts[mount].flags = flags;
	path_table_end(table);
}

/* Takes the newest mounts away again: nobody has seen them. */
static void truncate_to(struct path_table *table, uint32_t count, uint32_t strings)
{
	path_table_begin(table);
	while (table->mount_count > count)
		path_table_unlink(table, (int)--table->mount_count);
	table->strings_used = strings;
	path_table_end(table);
}

/* Where a mount on `source` or below it sits, seen from there; NULL: it sits elsewhere. */
static const char *point_below(const struct path_table *table, int mount,
			       const struct path_position *source, size_t *ret_length)
{
	const char *point = path_mount_point(table, mount);
	size_t length = table->mounts[mount].point_length, skip = source->length;

	if (table->mounts[mount].parent != source->mount || length < skip ||
	    !path_equal(point, source->rel, skip) ||
	    (skip && length > skip && point[skip] != '/'))
		return NULL;
	if (skip && length > skip)
		skip++;
	*ret_length = length - skip;
	return point + skip;
}

int path_table_bind(struct path_table *table, const struct path_table *from,
		    const struct path_position *source, const char *host,
		    const struct path_position *point, uint32_t flags, bool recursive,
		    int32_t ret_copies[PATH_MOUNTS_MAX])
{
	uint32_t before = table->mount_count, strings = table->strings_used;
	uint32_t count = from->mount_count;
	int first = path_table_add(table, point, host, flags);
	bool any;

	if (first < 0)
		return first;
	for (uint32_t i = 0; i < PATH_MOUNTS_MAX; i++)
		ret_copies[i] = -1;
	/* A mount may have a higher index than one that sits on it. */
	do {
		any = false;
		for (uint32_t i = 0; i < count; i++) {
			const struct path_mount *mount = &from->mounts[i];
			const char *at;
			size_t length;
			int parent = first, copy;

			if (ret_copies[i] >= 0 || mount->parent < 0 || !is_attached(from, (int)i) ||
			    !(recursive || mount->flags & PATH_MOUNT_LOCKED))
				continue;
			at = point_below(from, (int)i, source, &length);
			if (!at) {
				parent = ret_copies[mount->parent];
				at = path_mount_point(from, (int)i);
				length = mount->point_length;
			}
			if (parent < 0)
				continue;
			copy = path_table_place(table, parent, at, length,
						path_mount_host(from, (int)i), mount->flags);
			if (copy < 0) {
				truncate_to(table, before, strings);
				return copy;
			}
			ret_copies[i] = copy;
			any = true;
		}
	} while (any);
	return first;
}

int path_table_detach(struct path_table *table, int mount)
{
	bool any = true;

	if (!is_attached(table, mount) || mount == table->root)
		return -EINVAL;
	path_table_begin(table);
	table->mounts[mount].flags |= PATH_MOUNT_HIDDEN;
	while (any) {
		any = false;
		for (uint32_t i = 0; i < table->mount_count; i++) {
			int parent = table->mounts[i].parent;

			if (parent < 0 || !is_attached(table, (int)i) || is_attached(table, parent))
				continue;
			table->mounts[i].flags |= PATH_MOUNT_HIDDEN;
			any = true;
		}
	}
	path_table_end(table);
	return 0;
}

/* Puts a mount on the topmost mount of a place. -ENOSPC, and nothing has changed. */
static int put_on(struct path_table *table, int index, const struct path_position *place)
{
	struct path_mount *mount = &table->mounts[index];
	int parent = place->mount, above;
	const char *rel = place->rel;
	size_t length = place->length;

	if (table->strings_used + length + 1 > PATH_STRINGS)
		return -ENOSPC;
	above = path_mount_on(table, parent, rel, length);
	for (; above >= 0; above = path_mount_on(table, above, "", 0)) {
		parent = above;
		rel = "";
		length = 0;
	}
	mount->parent = parent;
	mount->point = table->strings_used;
	mount->point_length = (uint32_t)length;
	path_copy(table->strings + mount->point, rel, length);
	table->strings[mount->point + length] = '\0';
	table->strings_used += (uint32_t)length + 1;
	path_table_link(table, index);
	return 0;
}

int path_table_move(struct path_table *table, int mount, const struct path_position *point)
{
	int error;

	if (!is_attached(table, mount) || mount == table->root)
		return -EINVAL;
	if (path_table_sits_on(table, point->mount, mount))
		return -ELOOP;
	path_table_begin(table);
	path_table_unlink(table, mount);
	error = put_on(table, mount, point);
	if (error)
		path_table_link(table, mount);
	path_table_end(table);
	return error;
}

int path_table_pivot(struct path_table *table, int root, int new_root,
		     const struct path_position *put_old)
{
	struct path_mount *old, *new;
	struct path_mount saved;
	int error;

	if (root == new_root || root == put_old->mount)
		return -EBUSY;
	if (!is_attached(table, root) || !is_attached(table, new_root) || new_root == table->root ||
	    !path_table_sits_on(table, new_root, root) ||
	    !path_table_sits_on(table, put_old->mount, new_root))
		return -EINVAL;
	old = &table->mounts[root];
	new = &table->mounts[new_root];
	path_table_begin(table);
	path_table_unlink(table, new_root);
	if (old->parent >= 0)
		path_table_unlink(table, root);
	saved = *old;
	error = put_on(table, root, put_old);
	if (error) {
		if (saved.parent >= 0)
			path_table_link(table, root);
		path_table_link(table, new_root);
		path_table_end(table);
		return error;
	}
	new->parent = saved.parent;
	new->point = saved.point;
	new->point_length = saved.point_length;
	if (new->parent >= 0)
		path_table_link(table, new_root);
	if (table->root == root)
		table->root = new_root;
	/* As in the kernel the root of the tree is what stays locked. */
	new->flags |= old->flags & PATH_MOUNT_LOCKED;
	old->flags &= ~(uint32_t)PATH_MOUNT_LOCKED;
	path_table_end(table);
	return 0;
}

void path_table_copy(struct path_table *to, const struct path_table *from,
		     const bool keep[PATH_MOUNTS_MAX], int32_t ret_map[PATH_MOUNTS_MAX])
{
	uint32_t count = 0;
	bool any = true;

	for (uint32_t i = 0; i < from->mount_count; i++)
		ret_map[i] = is_attached(from, (int)i) || keep[i] ? 0 : -1;
	while (any) { /* what a kept mount is covered with */
		any = false;
		for (uint32_t i = 0; i < from->mount_count; i++) {
			const struct path_mount *mount = &from->mounts[i];

			if (ret_map[i] == 0 || !(mount->flags & PATH_MOUNT_LOCKED) ||
			    mount->parent < 0 || ret_map[mount->parent] < 0)
				continue;
			ret_map[i] = 0;
			any = true;
		}
	}
	for (uint32_t i = 0; i < from->mount_count; i++)
		if (ret_map[i] == 0)
			ret_map[i] = (int32_t)count++;
	for (uint32_t i = 0; i < PATH_BUCKETS; i++) {
		to->buckets[i] = 0;
		PATH_KEEP_LOOP();
	}
	to->sequence = 0;
	to->mount_count = count;
	to->strings_used = 0;
	to->root = ret_map[from->root];
	for (uint32_t i = 0; i < from->mount_count; i++) {
		const struct path_mount *old = &from->mounts[i];
		struct path_mount *new = &to->mounts[ret_map[i] < 0 ? 0 : ret_map[i]];

		if (ret_map[i] < 0)
			continue;
		new->parent = old->parent < 0 ? -1 : ret_map[old->parent];
		new->flags = old->flags;
		new->point = to->strings_used;
		new->point_length = old->point_length;
		path_copy(to->strings + new->point, path_mount_point(from, (int)i),
			  old->point_length + 1);
		to->strings_used += old->point_length + 1;
		new->host = to->strings_used;
		new->host_length = old->host_length;
		path_copy(to->strings + new->host, path_mount_host(from, (int)i),
			  old->host_length + 1);
		to->strings_used += old->host_length + 1;
		new->next = 0;
		new->child_lengths = 0;
	}
	for (uint32_t i = 0; i < count; i++)
		if (to->mounts[i].parent >= 0)
			path_table_link(to, (int)i);
}
