/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a program's dynamic linker and C library with their call sites patched beforehand, so that a process
 * needn't stop to have it done. Each copy has one segment more, with the sites' records.
 */
#ifndef AMPHORA_PTRACE_FAST_COPY_H
#define AMPHORA_PTRACE_FAST_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ptrace_backend/fast.h"

#define FAST_COPY_SITES 64

struct fast_copy_site {
	uint64_t after; /* offset in the file of what follows the call's instruction */
	uint32_t number;
};

/* Patches one site: its instructions lie before `after`, `distance` from there is where its record is going to
 * be. Returns false where the site isn't what it should be, and has changed nothing then. */
typedef bool fast_copy_patcher(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record);

/* Turns a shared object of `size` bytes into a copy of itself, in place: `room` bytes are there, those behind `size`
 * are 0. Sites that the patcher refuses are left out. Pure, and doesn't trust the bytes. Returns the new size;
 * -ENOEXEC: it is no ELF file of ours, or has no program header to spare; -ENOSPC: too little room; -ENOENT: no site
 * was patched. */
ssize_t fast_copy_edit(uint8_t *bytes, size_t size, size_t room, const struct fast_copy_site *sites, unsigned count,
		       fast_copy_patcher *patch, void *context);

/* A call that might have been fast has stopped. */
void fast_copy_seen(struct tracee *tracee, uint64_t after);
/* At an exec. The copy that stands for this interpreter, and what the loader has to map: or NULL. */
const char *fast_copy_of(struct tracee *tracee, const char *host, struct load_object *ret_object);
/* The host path of what a copy is made of, with its status; NULL when `host` isn't one. */
const char *fast_copy_original(const struct tracer *tracer, const char *host, struct stat *ret_status);

#endif
