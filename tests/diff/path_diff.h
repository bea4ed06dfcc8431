/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of path_diff share: the random tree, the script that mounts it, the cases. */
#ifndef AMPHORA_TESTS_DIFF_PATH_DIFF_H
#define AMPHORA_TESTS_DIFF_PATH_DIFF_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/path/resolve.h"

#define STEPS_MAX 128
#define BASES_MAX 32
#define BATCH_MAX 500
#define PATH_ROOM (PATH_SIZE + 16)

/* What is done to the fresh tree, in the same order by the kernel and to the mount table. */
enum step_kind {
	STEP_MOUNT,  /* binds host path `source` on guest path `path` */
	STEP_DETACH, /* lazy unmount of the mount at `path` */
	STEP_BASE,   /* opens `path` as the next base */
	STEP_CHROOT,
	STEP_DELETE, /* rmdir of the host path `source` */
};

struct step {
	enum step_kind kind;
	bool follow;
	int expected; /* errno of the resolver, 0: fine */
	int error;    /* errno of the kernel, by the oracle */
	char source[PATH_ROOM]; /* relative to the tree's directory */
	char path[PATH_ROOM];
};

enum case_kind {
	CASE_LOOKUP,  /* openat2(O_PATH) */
	CASE_EMPTY,   /* AT_EMPTY_PATH */
	CASE_CREATE,  /* openat(O_CREAT), undone */
	CASE_MKDIR,   /* undone */
	CASE_SYMLINK, /* undone */
	CASE_RENAME,  /* of a path to itself: looks, changes nothing */
	CASE_RMDIR,   /* only of paths that end in ".", ".." or "/" */
	CASE_KINDS
};

struct test_case {
	enum case_kind kind;
	int base;	   /* 0: the working directory */
	int open_flags;	   /* LOOKUP, CREATE */
	uint64_t resolve;  /* LOOKUP: RESOLVE_* */
	char path[PATH_ROOM];
};

struct answer {
	int error;
	bool created;
	bool left_behind; /* what was created could not be removed by the oracle */
	bool mount_root;
	uint64_t dev, ino; /* of the object; MKDIR, SYMLINK: of its directory */
	char guest[PATH_ROOM];
};

struct shared {
	int step_count;
	int case_count;
	struct step steps[STEPS_MAX];
	struct test_case cases[BATCH_MAX];
	struct answer answers[BATCH_MAX];
};

static inline __attribute__((noreturn)) void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(99);
}

/* xorshift64*: one seed makes one tree and its cases. */
static uint64_t random_state;

static inline uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull >> 32) % limit);
}

static inline bool chance(uint32_t percent)
{
	return random_below(100) < percent;
}

#endif
