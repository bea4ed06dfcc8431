/* SPDX-License-Identifier: Apache-2.0 */
/* The contract between the tracer and the stub, which is code of ours inside guest processes: what lies
 * where in the area that the loader maps for it, and what is in there.
 *
 *	base + FAST_TEXT	the stub, from our own image			r-x
 *	base + FAST_SITES	a record a patched call site			r-x, written by the tracer;
 *				elsewhere with FAST_RECORDS_APART
 *	base + FAST_PROCESS	struct fast_process				r-x, written by the tracer
 *	base + FAST_SHARED	struct fast_shared, one a container		r--, written by the tracer
 *	base + FAST_SLOTS	a slot a thread that is in the stub		rw-
 *
 * The base is the same in all processes of a container, because the filter names the one address from which
 * calls may pass. What its bits 16 to 23 are matters on x86-64: arch/x86_64/fast_patch.c.
 */
#ifndef AMPHORA_PTRACE_FAST_AREA_H
#define AMPHORA_PTRACE_FAST_AREA_H

#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/arch/fast_arch.h"

#define FAST_TEXT	  0x0
#define FAST_TEXT_SIZE	  0x4000
#define FAST_SITES	  0x4000
#define FAST_SITES_MAX	  128
#define FAST_SITE_SIZE	  256 /* of a struct fast_site and what fills it up */
#define FAST_RECORDS_SIZE (FAST_SITES_MAX * FAST_SITE_SIZE)
#define FAST_PROCESS	  0xc000
#define FAST_SHARED	  0x10000
#define FAST_SHARED_SIZE  0xb0000
#define FAST_SLOTS	  0xc0000
#define FAST_SLOTS_MAX	  128
#define FAST_SLOT_SIZE	  0x4000
#define FAST_SIZE	  (FAST_SLOTS + FAST_SLOTS_MAX * FAST_SLOT_SIZE)

/* A slot's fields, by offset: the entry is assembly. Behind these lie the program's registers (arch/fast_arch.h). */
#define SLOT_BUSY   0
#define SLOT_PHASE  4
#define SLOT_SITE   8
#define SLOT_RESULT 16
#define SLOT_STACK  0x2000 /* top of the stub's stack */
#define SLOT_PATH   0x2000 /* a host path */
#define SLOT_PATH_SIZE 0x1000
#define SLOT_STATUS 0x3000 /* struct stat, or a link below /proc and its text */
#define SLOT_ASIDE  0x3f00 /* stands for the slot in calls that don't count */
#define SLOT_GENERATION 0x200
#define SLOT_RANDOM 0x3f8 /* tests: struct fast_shared's switched */
#define SLOT_ABSENT 0x400 /* struct fast_absence */
#define SLOT_ABSENT_MAX 128

/* Where a thread is in the stub. */
#define FAST_BEFORE 0 /* nothing has been done: the call can be made again from its site */
#define FAST_CALLS  1 /* at or in the one call that counts */
#define FAST_DONE   2 /* SLOT_RESULT is its result */

#define FAST_IS_SLOW_TEXT -0x7000
#define FAST_IS_SLOW (-0x7000L) /* the stub's answer when the tracer has to be asked */

#define FAST_PATH_MAX	 1024 /* longer paths are the tracer's */
#define FAST_ENTRIES_MAX 2048
#define FAST_BUCKETS	 4096
#define FAST_STRINGS	 (192 * 1024)
#define FAST_ABSENT	 16384 /* pairs: an inode is in either of two */
#define FAST_BLOOM_WORDS 2048
#define FAST_NAMES_WORDS 1024 /* one name in 20,000 is taken for another */
#define FAST_WATCHED_WORDS 2048
#define FAST_PROGRAMS	 8192

/* What is a process's own. */
struct fast_process {
	uint32_t off; /* its view isn't the container's (chroot, namespaces), or it has a filter of its own */
	uint32_t cwd_length;
	uint64_t cwd_generation; /* cwd is right in this one */
	uint64_t cwd_version;	 /* another one: it was written meanwhile */
	char cwd[4000];		 /* guest path of the working directory */
	uint32_t others;	 /* a thread may have other ids than the container's own: files that it makes need a record */
};

enum fast_entry_flags {
	FAST_ENTRY_WRITABLE = 1 << 0, /* by its mount */
	FAST_ENTRY_SETGID = 1 << 1,   /* what is made in it gets its group */
	FAST_ENTRY_BY_FD = 1 << 2,    /* whoever has an fd of it has come by this guest path's mount */
	FAST_ENTRY_LEAF = 1 << 3,     /* FAST_HASH_LEAF: no directory for what is in it */
};

/* A guest directory whose host path is known; or a name that means something somewhere, or a symlink, and the host path of
 * what that leads to. */
struct fast_entry {
	uint64_t hash;
	uint64_t device, inode;
	uint32_t guest, guest_length; /* offset into strings */
	uint32_t host, host_length;
	uint32_t next, next_inode; /* index plus one */
	uint32_t flags;		   /* enum fast_entry_flags */
	int32_t mount;
};

struct fast_absence {
	uint64_t inode, change;
};

enum fast_site_flags {
	FAST_SITE_RELATIVE = 1 << 0,	 /* the record is a copy's: its addresses count from itself */
	FAST_SITE_OPENS_COPIES = 1 << 1, /* it is the interpreter's */
};

#define FAST_COPIES_MAX 8
#define FAST_COPY_PATH	 256

/* A library that has a copy with its sites patched: the dynamic linker opens that. */
struct fast_copy {
	uint32_t version; /* odd: being changed, or none */
	uint32_t length;  /* of original */
	uint64_t hash;	  /* FAST_HASH of original */
	char original[FAST_COPY_PATH], copy[FAST_COPY_PATH]; /* host paths */
};

/* Calls that change something, as far as the filter lets them pass (fast_policy.c). */
enum fast_may {
	FAST_MAY_OPEN = 1 << 0,	  /* openat that writes or creates */
	FAST_MAY_NAME = 1 << 1,	  /* mkdirat, unlinkat, renameat, linkat, symlinkat */
	FAST_MAY_CHANGE = 1 << 2, /* fchmod, utimensat of an fd: Landlock doesn't look at them */
};

struct fast_shared {
	uint64_t stub; /* its address, for the copies' records */
	uint64_t generation; /* odd: being changed. Another one: entries may be wrong */
	uint32_t off;	     /* nothing is fast any more */
	uint32_t links;	     /* a symlink may be an emulated hard link, and what is in `recorded` its file */
	uint32_t fake_ids, host_uid, host_gid, own_uid, own_gid;
	uint32_t proven;     /* every record is in `recorded` */
	uint32_t access;     /* faccessat2 may be tried */
	uint32_t statx;	     /* and statx */
	uint32_t switched;   /* tests: so many calls of 256 are left to the tracer, drawn at random; 0 */
	uint32_t seed;	     /* of these draws; another one at each stop */
	uint32_t may;	     /* enum fast_may */
	uint32_t objects;    /* there are emulated hard links */
	uint64_t proc_device;
	char record_name[40];	     /* of the attribute that a record is in */
	char capability_name[48], stamp_name[32]; /* of those with file capabilities; the first ends in the kernel's own */
	uint64_t recorded[FAST_BLOOM_WORDS];	   /* Bloom filter of inodes with a record */
	struct fast_absence absent[FAST_ABSENT];   /* inodes known to have none */
	uint64_t names[FAST_NAMES_WORDS];	   /* Bloom filter of names that mean something somewhere */
	struct fast_copy copies[FAST_COPIES_MAX];
	uint64_t watched[FAST_WATCHED_WORDS];	   /* Bloom filter of hashes of host paths: fast_watch.c */
	uint64_t programs[FAST_PROGRAMS / 64];	   /* inodes, modulo FAST_PROGRAMS, of programs that run */
	uint32_t buckets[FAST_BUCKETS];		   /* index of an entry plus one */
	uint32_t inode_buckets[FAST_BUCKETS];	   /* the same by FAST_INODE_BUCKET, directories alone */
	struct fast_entry entries[FAST_ENTRIES_MAX];
	char strings[FAST_STRINGS];
};
_Static_assert(sizeof(struct fast_shared) <= FAST_SHARED_SIZE, "as much is mapped");

#define FAST_INODE_BUCKET(inode) (fast_mix(inode) % FAST_BUCKETS)
/* The first of the two places of an inode. */
#define FAST_ABSENCE(inode) (fast_mix(inode) % FAST_ABSENT & ~1ULL)

#define FAST_HASH_START 0xcbf29ce484222325ULL
/* Of a file by its own name, not of a directory for what is in it. */
#define FAST_HASH_LEAF(hash) FAST_HASH_STEP(hash, 0)
/* Of a symlink, for what it leads to. */
#define FAST_HASH_LINK(hash) FAST_HASH_STEP(FAST_HASH_LEAF(hash), 0)
#define FAST_HASH_STEP(hash, byte) (((hash) ^ (uint8_t)(byte)) * 0x100000001b3ULL)

/* Two bits of a Bloom filter of `bits` (a power of two). */
static inline uint64_t fast_mix(uint64_t value)
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	return value;
}

static inline int fast_bloom_has(const uint64_t *words, unsigned count, uint64_t value)
{
	uint64_t mixed = fast_mix(value);
	unsigned first = (unsigned)mixed % (count * 64), second = (unsigned)(mixed >> 32) % (count * 64);

	return (int)(words[first / 64] >> (first % 64) & words[second / 64] >> (second % 64) & 1);
}

static inline void fast_bloom_add(uint64_t *words, unsigned count, uint64_t value)
{
	uint64_t mixed = fast_mix(value);
	unsigned first = (unsigned)mixed % (count * 64), second = (unsigned)(mixed >> 32) % (count * 64);

	words[first / 64] |= 1ULL << (first % 64);
	words[second / 64] |= 1ULL << (second % 64);
}

#endif
