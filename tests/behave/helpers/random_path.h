/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and paths at random, the same ones for the same seed. */
#ifndef AMPHORA_TEST_RANDOM_PATH_H
#define AMPHORA_TEST_RANDOM_PATH_H

#include <stdint.h>
#include <string.h>

static uint64_t state; /* the seed */

static unsigned next(unsigned below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % below;
}

/* A few components, below the place or relative: mostly of the first four of `count` names. One slash of `doubled` is two,
 * one path of 40 ends in one. */
static void make_path(char path[128], const char *place, const char *const *names, unsigned count, unsigned doubled)
{
	unsigned components = 1 + next(3);

	strcpy(path, next(3) ? place : "");
	for (unsigned i = 0; i < components; i++) {
		if (path[0] || i)
			strcat(path, next(doubled) ? "/" : "//");
		strcat(path, names[next(next(4) ? 4 : count)]);
	}
	if (!next(40))
		strcat(path, "/");
}

#endif
