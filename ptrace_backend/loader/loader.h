/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between the tracer, which plans an execve, and the loader, which carries it out
 * inside the new process.
 */
#ifndef AMPHORA_PTRACE_LOADER_H
#define AMPHORA_PTRACE_LOADER_H

#include <stdint.h>

#define LOAD_SEGMENTS_MAX 24
#define LOAD_IMAGE_MAX	  (20 * 1024)
#define LOAD_RANGES_MAX	  8 /* of one image */

struct load_range {
	uint64_t start, end;
};

struct load_segment {
	uint64_t address;   /* page-aligned virtual address in the object */
	uint64_t offset;    /* page-aligned file offset */
	uint64_t file_size; /* bytes from offset that come from the file; 0: none */
	uint64_t size;	    /* bytes from address in memory; the rest is zero */
	uint32_t protection;
	uint32_t reserved;
};

struct load_object {
	uint64_t path;	     /* offset of the host path from the script; 0: no such object */
	uint64_t span_start; /* lowest page-aligned address */
	uint64_t span_size;
	uint64_t alignment;  /* largest p_align, at least a page */
	uint64_t entry;
	uint64_t phdr;	     /* virtual address of the program headers, 0 when not mapped */
	uint32_t phdr_count;
	uint32_t phdr_size;
	uint32_t fixed;	     /* ET_EXEC: at its own addresses */
	uint32_t segment_count;
	struct load_segment segments[LOAD_SEGMENTS_MAX];
};

enum load_flags {
	LOAD_EXECUTABLE_STACK = 1 << 0,
	LOAD_FAKE_IDS = 1 << 1, /* write ids below into the auxiliary vector */
	LOAD_HWCAP = 1 << 2,	/* and hwcap */
	LOAD_HELD = 1 << 3,	/* the tracer has the program open: it isn't opened here */
	LOAD_SECURE = 1 << 4,	/* with LOAD_FAKE_IDS: AT_SECURE is 1 */
};

struct load_script {
	struct load_object program, interpreter;
	uint64_t stack;	      /* the stack pointer that the kernel made: argc is there */
	uint64_t page_size;
	uint64_t scratch_size; /* the guest-read-only area to make, but for a page of strings behind it */
	uint64_t execfn;      /* offset of the string for AT_EXECFN */
	uint64_t size;	      /* of the script with its strings; at most LOAD_IMAGE_MAX */
	uint64_t keep_start, keep_end; /* the loader's own pages */
	struct load_range unmap[2 * LOAD_RANGES_MAX]; /* segments of our own image and its interpreter */
	uint32_t unmap_count;
	uint32_t flags;
	uint64_t hwcap;	      /* AT_HWCAP */
	uint64_t fast_base;   /* where the fast path's area goes (fast_area.h); 0: none */
	uint64_t fast_text;   /* the stub in our own image */
	uint64_t fast_records; /* where its records should go, where they are apart; 0: anywhere */
	uint64_t fast_path;   /* offset of the shared file's host path */
	uint64_t fast_call;   /* address there of the stub's function that makes a call (stub_arch.h) */
	uint64_t copy;	      /* offset of what is mapped for the interpreter where there is the area; 0: itself */
	uint32_t ids[4];      /* AT_UID, AT_EUID, AT_GID, AT_EGID */
	char command[16];     /* comm */
};
_Static_assert(sizeof(struct load_script) % sizeof(uint64_t) == 0 &&
		       sizeof(struct load_object) == 64 + LOAD_SEGMENTS_MAX * 40,
	       "the same for 32-bit loaders");

/* With the fast path one such call is made and answered, when the area is there: its path is the shared file's, its fourth
 * argument where the records are. All opens are the stub's then. */
/* The loader's openat passes the scratch area's address as its fifth argument, and this as
 * its sixth, so that the tracer knows the stop. Its last call, PR_SET_NAME, has the program's entry, its stack
 * and this behind the name. */
#define LOADER_MARK 0x616d70686f7261ULL
/* In the place of openat's directory: there is no fd, and the tracer writes the file's bytes where anonymous
 * memory waits for them. The fourth argument is what is added to the segments' addresses. */
#define LOADER_FILL (-101)

#endif
