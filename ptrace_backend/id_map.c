// SPDX-License-Identifier: Apache-2.0
/* The id maps of an emulated user namespace. */
#include <errno.h>
#include <string.h>

#include "ptrace_backend/id_map.h"

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* A decimal number of 32 bits. NULL: none there. */
static const char *parse_number(const char *at, const char *end, uint32_t *ret_number)
{
	uint64_t number = 0;
	const char *digit;

	at = skip_blanks(at, end);
	for (digit = at; digit < end && *digit >= '0' && *digit <= '9'; digit++) {
		number = number * 10 + (uint64_t)(*digit - '0');
		if (number > UINT32_MAX)
			return NULL;
	}
	*ret_number = (uint32_t)number;
	return digit == at ? NULL : digit;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

static bool is_valid(const struct id_map *map, const struct id_range *range)
{
	if (!range->count || range->inside == ID_NONE || range->outside == ID_NONE ||
	    (uint64_t)range->inside + range->count > UINT32_MAX ||
	    (uint64_t)range->outside + range->count > UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < map->count; i++)
		if (overlap(map->ranges[i].inside, map->ranges[i].count, range->inside,
			    range->count) ||
		    overlap(map->ranges[i].outside, map->ranges[i].count, range->outside,
			    range->count))
			return false;
	return true;
}

/* From parent's ids to the container's: a range must lie in one of parent's. */
static int lift(const struct id_map *parent, struct id_range *range)
{
	for (uint32_t i = 0; i < parent->count; i++) {
		const struct id_range *at = &parent->ranges[i];

		if (range->outside < at->inside ||
		    (uint64_t)range->outside + range->count > (uint64_t)at->inside + at->count)
			continue;
		range->outside = at->outside + (range->outside - at->inside);
		return 0;
	}
	return -EPERM;
}

int id_map_parse(const char *text, size_t size, const struct id_map *parent,
		 struct id_map *ret_map)
{
	const char *at = text, *end = text + size;

	ret_map->count = 0;
	while (at < end) {
		struct id_range range;

		at = parse_number(at, end, &range.inside);
		at = at && at < end ? parse_number(at, end, &range.outside) : NULL;
		at = at && at < end ? parse_number(at, end, &range.count) : NULL;
		at = at ? skip_blanks(at, end) : NULL;
		if (!at || (at < end && *at != '\n') || !is_valid(ret_map, &range) ||
		    ret_map->count == ID_MAP_MAX)
			return -EINVAL;
		if (at < end)
			at++;
		ret_map->ranges[ret_map->count++] = range;
	}
	if (!ret_map->count)
		return -EINVAL;
	for (uint32_t i = 0; parent && i < ret_map->count; i++)
		if (lift(parent, &ret_map->ranges[i]) < 0)
			return -EPERM;
	return 0;
}

static const struct id_range *find_outside(const struct id_map *map, uint32_t outside)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (outside - map->ranges[i].outside < map->ranges[i].count)
			return &map->ranges[i];
	return NULL;
}

uint32_t id_map_show(const struct id_map *map, uint32_t outside)
{
	const struct id_range *range;

	if (!map)
		return outside;
	range = find_outside(map, outside);
	return range ? range->inside + (outside - range->outside) : ID_OVERFLOW;
}

bool id_map_has(const struct id_map *map, uint32_t outside)
{
	return !map || find_outside(map, outside);
}

uint32_t id_map_take(const struct id_map *map, uint32_t inside)
{
	if (!map)
		return inside;
	for (uint32_t i = 0; i < map->count; i++)
		if (inside - map->ranges[i].inside < map->ranges[i].count)
			return map->ranges[i].outside + (inside - map->ranges[i].inside);
	return ID_NONE;
}
