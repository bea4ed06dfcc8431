/* SPDX-License-Identifier: Apache-2.0 */
/* The id maps of an emulated user namespace: user_namespaces(7) on numbers. Pure.
 *
 * "Outside" are the container's own ids, in which credentials and the record of owners are kept;
 * "inside" is what processes of the namespace see.
 */
#ifndef AMPHORA_PTRACE_ID_MAP_H
#define AMPHORA_PTRACE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_MAP_MAX  340	  /* lines, as in the kernel since 4.15 */
#define ID_OVERFLOW 65534 /* /proc/sys/kernel/overflowuid */
#define ID_NONE	    ((uint32_t)-1)

struct id_range {
	uint32_t inside, outside, count;
};

struct id_map {
	uint32_t count; /* 0: not written yet, nothing is mapped */
	struct id_range ranges[ID_MAP_MAX];
};

/* The text that was written to uid_map or gid_map. Its second column is in ids of `parent` (NULL: the
 * container's own). Returns 0 or -EINVAL; -EPERM: an id that isn't mapped in parent. */
int id_map_parse(const char *text, size_t size, const struct id_map *parent,
		 struct id_map *ret_map);
/* What the namespace's processes see for an id. A NULL map is the container's own namespace. */
uint32_t id_map_show(const struct id_map *map, uint32_t outside);
/* Whether an id has a name in the namespace. */
bool id_map_has(const struct id_map *map, uint32_t outside);
/* The id that processes of the namespace call so, or ID_NONE. */
uint32_t id_map_take(const struct id_map *map, uint32_t inside);

#endif
