// SPDX-License-Identifier: Apache-2.0
/* The mount table: building it, and finding the mount on a place.
 *
 * Theory of operation
 *
 * A mount point is found by (parent mount, rel) in a chained hash whose newest entries come first.
 * The hash looks at the length and the last eight bytes of rel only, so it costs the same at every
 * depth; before it, one bit of the parent's child_lengths refuses nearly every directory.
 * Entries are never reused: a position of a detached mount stays valid.
 */
#include <errno.h>

#include "core/path/internal.h"

static uint32_t bucket_of(int mount, const char *rel, size_t length)
{
	uint64_t word = 0;
	size_t tail = length < sizeof(word) ? length : sizeof(word);

	for (size_t i = length - tail; i < length; i++)
		word = word << 8 | (unsigned char)rel[i];
	word ^= (uint64_t)length << 32 ^ (uint64_t)(uint32_t)mount << 48;
	word *= 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio */
	return (uint32_t)(word >> 40) & (PATH_BUCKETS - 1);
}

int path_table_lookup(const struct path_table *table, int mount, const char *rel, size_t length)
{
	uint32_t entry = table->buckets[bucket_of(mount, rel, length)];

	while (entry) {
		int index = (int)entry - 1;
		const struct path_mount *candidate = &table->mounts[index];

		/* A locked mount was detached with what it sits on and covers it still. */
		if (candidate->parent == mount && candidate->point_length == length &&
		    (candidate->flags & (PATH_MOUNT_HIDDEN | PATH_MOUNT_LOCKED)) !=
			    PATH_MOUNT_HIDDEN &&
		    path_equal(path_mount_point(table, index), rel, length))
			return index;
		entry = candidate->next;
	}
	return -1;
}

/* The stub maps the table while the tracer changes it: readers retry on an odd or changed
 * sequence. */
void path_table_begin(struct path_table *table)
{
	__atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void path_table_end(struct path_table *table)
{
	__atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELEASE);
}

static uint32_t add_string(struct path_table *table, const char *text, size_t length)
{
	uint32_t offset = table->strings_used;

	path_copy(table->strings + offset, text, length);
	table->strings[offset + length] = '\0';
	table->strings_used += (uint32_t)length + 1;
	return offset;
}

static size_t host_root_length(const char *host)
{
	size_t length = path_text_length(host);

	while (length && host[length - 1] == '/')
		length--;
	return length;
}

static void fill_mount(struct path_table *table, int parent, const char *point, size_t point_length,
		       const char *host, uint32_t flags)
{
	struct path_mount *mount = &table->mounts[table->mount_count];
	size_t host_length = host_root_length(host);

	mount->parent = parent;
	mount->flags = flags;
	mount->point = add_string(table, point, point_length);
	mount->point_length = (uint32_t)point_length;
	mount->host = add_string(table, host, host_length);
	mount->host_length = (uint32_t)host_length;
	mount->next = 0;
	mount->child_lengths = 0;
}

void path_table_init(struct path_table *table, const char *host_root, uint32_t flags)
{
	table->sequence = 0;
	table->mount_count = 0;
	table->strings_used = 0;
	table->root = 0;
	for (size_t i = 0; i < PATH_BUCKETS; i++) {
		table->buckets[i] = 0;
		PATH_KEEP_LOOP();
	}
	fill_mount(table, -1, "", 0, host_root, flags);
	table->mount_count = 1;
}

void path_table_link(struct path_table *table, int index)
{
	struct path_mount *mount = &table->mounts[index];
	uint32_t bucket = bucket_of(mount->parent, path_mount_point(table, index),
				    mount->point_length);

	mount->next = table->buckets[bucket];
	table->buckets[bucket] = (uint32_t)index + 1;
	table->mounts[mount->parent].child_lengths |= 1ull << (mount->point_length & 63);
}

void path_table_unlink(struct path_table *table, int index)
{
	struct path_mount *mount = &table->mounts[index];
	uint32_t *at = &table->buckets[bucket_of(mount->parent, path_mount_point(table, index),
						 mount->point_length)];

	while (*at && *at != (uint32_t)index + 1)
		at = &table->mounts[*at - 1].next;
	if (*at)
		*at = mount->next;
	mount->next = 0;
}

int path_table_place(struct path_table *table, int parent, const char *rel, size_t length,
		     const char *host, uint32_t flags)
{
	int index = (int)table->mount_count;

	if (index >= PATH_MOUNTS_MAX ||
	    table->strings_used + host_root_length(host) + length + 2 > PATH_STRINGS)
		return -ENOSPC;
	path_table_begin(table);
	fill_mount(table, parent, rel, length, host, flags);
	path_table_link(table, index);
	table->mount_count++;
	path_table_end(table);
	return index;
}

int path_table_add(struct path_table *table, const struct path_position *point, const char *host,
		   uint32_t flags)
{
	int parent, above;
	const char *rel;
	size_t length;

	if (!point || host[0] != '/' || point->mount < 0 ||
	    point->mount >= (int)table->mount_count || point->length >= PATH_SIZE ||
	    host_root_length(host) >= PATH_SIZE)
		return -EINVAL;
	parent = point->mount;
	rel = point->rel;
	length = point->length;
	/* A covered place can't be mounted on: the new mount goes on top of what covers it. */
	above = path_mount_on(table, parent, rel, length);
	while (above >= 0) {
		parent = above;
		rel = "";
		length = 0;
		above = path_mount_on(table, parent, rel, length);
	}
	return path_table_place(table, parent, rel, length, host, flags);
}

int path_table_remove(struct path_table *table, int mount)
{
	if (mount < 0 || mount >= (int)table->mount_count || mount == table->root ||
	    table->mounts[mount].flags & PATH_MOUNT_HIDDEN)
		return -EINVAL;
	for (uint32_t i = 0; i < table->mount_count; i++) {
		if ((int)i != mount && !(table->mounts[i].flags & PATH_MOUNT_LOCKED) &&
		    !(table->mounts[i].flags & PATH_MOUNT_HIDDEN) &&
		    path_table_sits_on(table, (int)i, mount))
			return -EBUSY;
	}
	return path_table_detach(table, mount);
}

void path_table_root(const struct path_table *table, struct path_position *ret_root)
{
	int mount = table->root;

	for (int above = mount; above >= 0; above = path_mount_on(table, mount, "", 0))
		mount = above;
	ret_root->mount = mount;
	ret_root->flags = 0;
	ret_root->length = 0;
	ret_root->rel[0] = '\0';
}
