// SPDX-License-Identifier: Apache-2.0
/* The hash of record lines. */
#include <errno.h>
#include <string.h>
#include <talloc.h>

#include "core/store/record_index.h"

#define CAPACITY_INITIAL 256

/* The slot of this file, or the empty one where it would go. */
static struct record_line *find_slot(const struct record_index *index, uint64_t device,
				     uint64_t inode)
{
	size_t mask = index->capacity - 1, at = record_index_hash(device, inode) & mask;

	while (index->lines[at].kind != RECORD_LINE_NONE &&
	       (index->lines[at].inode != inode || index->lines[at].device != device))
		at = (at + 1) & mask;
	return &index->lines[at];
}

struct record_line *record_index_find(const struct record_index *index, uint64_t device,
				      uint64_t inode)
{
	struct record_line *line = find_slot(index, device, inode);

	return record_line_is_live(line) ? line : NULL;
}

static int resize(void *parent, struct record_index *index, size_t capacity)
{
	struct record_index old = *index;

	index->lines = talloc_zero_array(parent, struct record_line, (unsigned)capacity);
	if (!index->lines) {
		index->lines = old.lines;
		return -ENOMEM;
	}
	index->capacity = capacity;
	index->used = old.live;
	for (size_t i = 0; i < old.capacity; i++)
		if (record_line_is_live(&old.lines[i]))
			*find_slot(index, old.lines[i].device, old.lines[i].inode) = old.lines[i];
	talloc_free(old.lines);
	return 0;
}

int record_index_init(void *parent, struct record_index *index)
{
	*index = (struct record_index){ 0 };
	return resize(parent, index, CAPACITY_INITIAL);
}

void record_index_clear(struct record_index *index)
{
	memset(index->lines, 0, index->capacity * sizeof(*index->lines));
	index->used = index->live = 0;
}

int record_index_make_room(void *parent, struct record_index *index)
{
	if ((index->used + 1) * 2 <= index->capacity)
		return 0;
	return resize(parent, index,
		      index->live * 4 > index->capacity ? index->capacity * 2 : index->capacity);
}

bool record_index_has_room(const struct record_index *index)
{
	return (index->used + 1) * 4 <= index->capacity * 3;
}

void record_index_put(struct record_index *index, const struct record_line *line)
{
	struct record_line *slot = find_slot(index, line->device, line->inode);
	bool was_live = record_line_is_live(slot), is_live = record_line_is_live(line);

	if (slot->kind == RECORD_LINE_NONE) {
		if (!is_live)
			return;
		index->used++;
	}
	index->live = index->live + is_live - was_live;
	*slot = *line;
}

void record_index_drop(struct record_index *index, struct record_line *line)
{
	line->kind = RECORD_LINE_GONE;
	index->live--;
}
