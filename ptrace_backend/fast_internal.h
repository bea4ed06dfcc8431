/* SPDX-License-Identifier: Apache-2.0 */
/* Between the fast_*.c and the architecture's fast_patch.c. */
#ifndef AMPHORA_PTRACE_FAST_INTERNAL_H
#define AMPHORA_PTRACE_FAST_INTERNAL_H

#include "core/base/mount_info.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/fast_area.h"

#define WATCHED_MAX 16384
#define WATCHED_SIZE (WATCHED_MAX * sizeof(uint64_t))
#define REFUSED_MAX 1024
#define REMOVING_MAX 256
#define LINKS_MAX	    (FAST_ENTRIES_MAX / 2)
#define FAST_SEEN_MAX	64
#define FAST_OFTEN	64 /* stops of a site */
#define FAST_RANGES_MAX 32

struct fast {
	uint64_t base;
	struct fast_shared *shared;
	char *path; /* of its file */
	uint32_t table_sequence;
	unsigned read_only; /* mounts at the start */
	uint32_t entry_count, strings_used; /* of *shared */
	uint32_t link_count;		    /* entries of symlinks */
	unsigned steps_left;		    /* of a walk */
	size_t watched_count;
	uint64_t *watched; /* WATCHED_MAX hashes of host paths */
	uint64_t refused[REFUSED_MAX]; /* of guest paths that can't be published */
	uint64_t cwd_version;	       /* of the newest that a process was told */
	size_t reached;		       /* by the newest walk: what there is of its path */
	struct fast_path_counts *counts; /* in the shared file */
	uint64_t magic;		       /* what marks records in copies: fast_copy.h */
	struct fast_copies *copies;
	bool has_copies;
	bool only_copies; /* no process's own text is patched: --fast-path only-prepatched */
	/* fast_watch.c: names that calls under way take away, and calls of which there was no room for that. */
	unsigned removing_count, unlisted;
	struct {
		const struct tracee *tracee;
		uint64_t hash;
	} removing[REMOVING_MAX];
};

/* fast_watch.c. Makes what the stub knows void. */
void fast_bump(struct fast *fast);
/* As the stub computes it, and for sets, where 0 is an empty place. */
uint64_t fast_hash_text(const char *text, size_t length);
uint64_t fast_hash(const char *text, size_t length);
/* From now on a removal of this host path makes all void. Returns 0, -ENOSPC, or -EAGAIN: a call may be about to. */
int fast_watch(struct fast *fast, const char *host);
/* The same for all that it lies in. */
int fast_watch_above(struct fast *fast, const char *host);

/* What is known of an address space's text; a copy of it shares this until one of them changes. */
struct fast_sites {
	unsigned references;
	unsigned count;
	struct fast_place places[FAST_SITES_MAX]; /* of each record; several may have the same */
	unsigned range_count, looks;
	struct load_range ranges[FAST_RANGES_MAX]; /* private file mappings with text */
	struct {
		uint64_t key; /* of a site and a number */
		unsigned calls;
	} seen[FAST_SEEN_MAX];
};

/* Whether a filter above ours answers a call of the stub's with SIGSYS. */
static inline bool fast_is_trapped(const struct plan *plan, unsigned number)
{
	return plan->trapped[number / 64] >> number % 64 & 1;
}

/* Offsets of the stub's instructions from its start. */
extern const char amphora_stub_start[], amphora_stub_call_after[], amphora_stub_make_call[], amphora_stub_told[];

static inline uint64_t fast_stub_offset(const char *symbol)
{
	return (uint64_t)(symbol - amphora_stub_start);
}

/* fast_lack.c. Where the counts are; what ends the fast path for all processes. */
struct fast_path_counts *fast_counts_of(struct fast_shared *shared);
void fast_ends(struct tracer *tracer, enum fast_path_lack lack);

/* fast_publish.c. The path of a call that stopped though it might have been fast, at an address of the tracee's: what it
 * leads to is published. Single names are right as they are, unless the directory has to be known (`changes`). */
void fast_learn(struct tracee *tracee, int dirfd, uint64_t address, bool follows, bool changes);
/* Whether what this tracee's paths lead to is what the stub may know. */
bool fast_may_learn(const struct tracee *tracee);
/* Whether the tracee sees the container as its first process did. */
bool fast_has_plain_view(const struct tracee *tracee);
/* Writes where the guest itself can't. Returns 0 or -errno. */
int fast_write_text(struct tracee *tracee, uint64_t address, const void *data, size_t size);
/* fast_cwd.c. Into struct fast_process, what a process mustn't be told wrong: where that fails nobody is fast any more. */
void fast_write_process(struct tracee *tracee, size_t offset, const void *data, size_t size);
/* Tells it the working directory, and gives its guest path: "" where that can't be told. */
void fast_publish_cwd(struct tracee *tracee, char *guest, size_t size);
/* Whether files that it makes may need a record. */
void fast_tell_ids(struct tracee *tracee);
/* fast_policy.c. The calls that change something which the stub may make: enum fast_may. */
uint32_t fast_policy(const struct tracer *tracer);
/* Has the stub leave masks alone. */
void fast_policy_spare(const struct tracer *tracer);
/* How many mounts are read-only: where a guest makes one so, it may hold an fd of what lies there. */
unsigned fast_policy_read_only(const struct tracer *tracer);

/* fast_alias.c. Whether look() says yes to any other path of the host's that leads to the same, by bind mounts; or these
 * can't be told. */
bool fast_any_alias(const struct mount_info *mounts, const char *host,
		    bool (*look)(const void *context, const char *alias), const void *context);
/* Writes into the area of the tracee. Returns 0 or -errno. */
int fast_write(struct tracee *tracee, size_t offset, const void *data, size_t size);
/* A call that may be fast has stopped, with its instruction before `after`: patches the site.
 * Returns how often it has. */
unsigned fast_seen(struct tracee *tracee, uint64_t after);

/* Whether these addresses are text that is mapped privately from a file. */
bool fast_is_text(struct tracee *tracee, struct fast_sites *sites, uint64_t start, size_t size);
/* Of the record that an address of the area lies in; NULL: none. */
const struct fast_place *fast_place_at(const struct tracee *tracee, uint64_t address);
/* Its site, or 0. */
uint64_t fast_site_at(const struct tracee *tracee, uint64_t address);
/* Whether it is the one that the jump leads to. */
bool fast_is_first(const struct tracee *tracee, const struct fast_place *place);
/* Whether what a call has said is the program's, though the stub was interrupted behind it: something would be lost, or
 * made twice. */
bool fast_is_final(uint32_t number, int64_t result);
/* fast_waits.c. Threads of this process that may wait in the stub come back to their sites, from where they stop. */
void fast_recall_waits(struct tracee *by);
/* Of these, one that was interrupted behind its call: what it has taken away may have been known. */
void fast_ends_early(struct fast *fast, uint32_t number);
/* Of which every result is the program's: a child that was told of isn't told of again. */
bool fast_waits(uint32_t number);
/* Registers are what the program wants them to be, wherever it is. */
bool fast_is_slot(const struct tracee *tracee, uint64_t slot);
void fast_release_slot(struct tracee *tracee, uint64_t slot);
/* Gives the tracee its registers as they are in regs.raw. */
void fast_store_registers(struct tracee *tracee);

/* The architecture's (fast_on_signal() of fast.h is as well). The tracee is at a call's stop, and the call has the
 * number that regs say: its site becomes a jump. `after` may lie in a record, which made a call for a number that it
 * doesn't know. False: it isn't one that can be patched. */
bool fast_patch(struct tracee *tracee, struct fast_sites *sites, uint64_t after);

struct fast_copy_context {
	const struct fast *fast;
	uint32_t flags; /* of the records: enum fast_site_flags */
};

/* The same for a site of a copy (fast_copy_patcher of fast_copy.h; the context is a struct fast_copy_context). */
bool fast_patch_copy(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record);
/* Whether an address lies in a record of a copy. */
bool fast_is_copied_record(const struct tracee *tracee, uint64_t address);
/* Sites become what they were. Threads may be in any of them. */
void fast_unpatch(struct tracee *tracee);
/* At a stop that a guest is told of, other than a signal's: the registers become those of the site. */
void fast_on_stop_told(struct tracee *tracee, bool in_call);
/* An address for the area, one of many. */
uint64_t fast_choose_base(unsigned random);

#endif
