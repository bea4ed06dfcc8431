/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a record log in memory: a hash by (device, inode) with open addressing. */
#ifndef AMPHORA_STORE_RECORD_INDEX_H
#define AMPHORA_STORE_RECORD_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store/record_log.h"

struct record_index {
	struct record_line *lines; /* RECORD_LINE_NONE: empty; GONE: keeps probe sequences whole */
	size_t capacity;	   /* power of two */
	size_t used;		   /* slots that aren't empty */
	size_t live;		   /* of these, not gone */
};

/* An empty index; `parent` owns its memory. Returns 0 or -ENOMEM. */
int record_index_init(void *parent, struct record_index *index);
void record_index_clear(struct record_index *index);

/* The live line of a file, or NULL. Valid until the next put or make_room. */
struct record_line *record_index_find(const struct record_index *index, uint64_t device,
				      uint64_t inode);

/* Before a put that may allocate: at most half of the slots are in use afterwards, so that lookups,
 * which may not allocate, have room for what they find. Returns 0 or -ENOMEM. */
int record_index_make_room(void *parent, struct record_index *index);
/* Whether a put is possible without that. */
bool record_index_has_room(const struct record_index *index);
/* Adds or replaces; a line that is RECORD_LINE_GONE takes the file out. Needs room. */
void record_index_put(struct record_index *index, const struct record_line *line);
/* Takes a line out that find returned. */
void record_index_drop(struct record_index *index, struct record_line *line);

/* Mixes a file's identity into well-spread bits. */
static inline size_t record_index_hash(uint64_t device, uint64_t inode)
{
	return (size_t)(((inode ^ (device << 40)) * UINT64_C(0x9e3779b97f4a7c15)) >> 20);
}

static inline bool record_line_is_live(const struct record_line *line)
{
	return line->kind == RECORD_LINE_XATTR || line->kind == RECORD_LINE_SIDECAR;
}

#endif
