/* SPDX-License-Identifier: Apache-2.0 */
/* The images that the kernel executes in place of a guest's program, each with the loader in it: our
 * own, and for a 32-bit program the loader alone as a 32-bit ELF file.
 *
 * The kernel must set the process up itself (address space, vDSO, stack, auxiliary vector) for the kind
 * of program that will run there: an image of the same kind is the only way.
 */
#ifndef AMPHORA_PTRACE_CARRIER_H
#define AMPHORA_PTRACE_CARRIER_H

#include "core/base/error.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/tracee.h"

/* compat_image.c */
extern const char amphora_compat_loader[], amphora_compat_loader_end[];

/* Where things are in a process that has just executed a carrier. */
struct carrier {
	uint64_t loader;		/* its entry */
	uint64_t script;		/* where the load script goes */
	uint64_t keep_start, keep_end;	/* the loader's pages */
	uint64_t shift;			/* from our own addresses; 0 in the 32-bit one */
	struct load_range unmap[2 * LOAD_RANGES_MAX];
	unsigned unmap_count;
};

/* Once: where our own image and its loader are. Returns 0 or -errno. */
int carrier_init(struct error *err);
/* The machine of 32-bit programs that can be executed, EM_*, or 0. */
unsigned carrier_compat_machine(void);
/* What the tracee's execve is given: a path that the kernel opens. `compat`: for a 32-bit program.
 * Returns 0 or -errno (-ENOEXEC: no place for the 32-bit loader is executable). */
int carrier_path(const struct tracee *tracee, bool compat, char *path, size_t size);
/* At the exec event, with the registers read: where things are. `script` is an object of ours that holds the
 * script: in our own image it goes to the same object. Returns 0 or -errno. */
int carrier_locate(const struct tracee *tracee, bool compat, const void *script,
		   struct carrier *ret_carrier);

#endif
