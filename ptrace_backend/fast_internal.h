/* SPDX-License-Identifier: Apache-2.0 */
/* Between fast.c and fast_site.c. */
#ifndef AMPHORA_PTRACE_FAST_INTERNAL_H
#define AMPHORA_PTRACE_FAST_INTERNAL_H

#include "ptrace_backend/fast.h"

#define WATCHED_MAX 16384
#define REFUSED_MAX 1024

struct fast {
	uint64_t base;
	struct fast_shared *shared;
	char *path; /* of its file */
	uint32_t table_sequence;
	unsigned removals; /* calls under way that take watched names away */
	size_t watched_count;
	uint64_t watched[WATCHED_MAX]; /* hashes of host paths */
	uint64_t refused[REFUSED_MAX]; /* of guest directories that can't be published */
	uint64_t patched, declined;    /* sites; calls that came back */
};

/* Writes into the area of the tracee. Returns 0 or -errno. */
int fast_write(struct tracee *tracee, size_t offset, const void *data, size_t size);
/* A call that may be fast has stopped, with its instruction before `after`: patches the site. */
void fast_seen(struct tracee *tracee, uint64_t after);

#endif
