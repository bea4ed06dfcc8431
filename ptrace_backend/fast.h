/* SPDX-License-Identifier: Apache-2.0 */
/* The fast path, the tracer's side: calls with paths that guest processes translate and make themselves, in
 * the stub (stub/stub.c), without a stop.
 *
 * fast.c keeps what the stub reads, fast_publish.c tells it of paths, fast_watch.c takes that back; fast_site.c knows the
 * call sites; the architecture's fast_patch.c patches them and puts right what a signal finds in the stub.
 * All of it may be asked for a tracer or process without a fast path, and does nothing.
 */
#ifndef AMPHORA_PTRACE_FAST_H
#define AMPHORA_PTRACE_FAST_H

#include "core/base/error.h"
#include "core/model/fast_path.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/tracee.h"

/* Whether the binary is laid out for it. What else it takes is decide()'s. */
bool fast_is_supported(void);
/* Whether text may be written by a thread that isn't the tracer, as the one that is notified of calls: not where the kernel
 * has PROC_MEM_FORCE_PTRACE (Linux 6.12; Debian's from 7 on). */
bool fast_is_written_by_any_thread(void);
/* Before the filter is made: chooses the base, makes the shared file in the view directory. Returns 0, or -errno:
 * there is no fast path then. */
int fast_start(struct tracer *tracer, struct error *err);
void fast_stop(struct tracer *tracer);
/* The address behind the stub's system call, as the filter sees it; 0: none. */
uint64_t fast_call_address(const struct tracer *tracer);
/* What it may change from there: enum fast_may of fast_area.h. */
uint32_t fast_may(const struct tracer *tracer);

/* At an exec: what the loader needs. `image_shift`: from our addresses to those of our image there. `interpreter`: host
 * path of the program's, or NULL; where that has a copy (fast_copy.h) *ret_copy is its path, and the script's object
 * what is to be mapped of either. Returns the path of the shared file, or NULL: not for this program. */
const char *fast_fill_script(struct tracee *tracee, struct load_script *script, uint64_t image_shift,
			     const char *interpreter, const char **ret_copy);
/* The loader has mapped it, with the records there (0: it couldn't). */
void fast_loaded(struct tracee *tracee, uint64_t records);

/* Around the handler of any call. */
void fast_before_call(struct tracee *tracee);
void fast_after_call(struct tracee *tracee);
/* Where a call of this row takes its one or two names away (`second` may be NULL), what is known by them is void.
 * With tracee->fast_removal set its exit has to be seen. */
void fast_removes(struct tracee *tracee, const struct syscall_row *row, const struct path_result *first,
		  const struct path_result *second);
void fast_call_over(struct tracee *tracee);
/* By a signal: it may have taken a name away in the stub, and not have told. */
void fast_is_killed(const struct tracee *tracee);
/* At any stop, before it is handled: the call before it is over. */
void fast_on_stop(struct tracee *tracee, int signal, int event);
/* A file has got a record. */
void fast_recorded(struct tracer *tracer, uint64_t inode);
/* The file at this host path, or behind this magic link, is that of emulated hard links. */
void fast_is_linked(struct tracer *tracer, const char *host);
/* There is a place for emulated hard links: removals take its lock from now on. */
void fast_has_objects(struct tracer *tracer);
/* The guest sees another mode of a directory from now on. */
void fast_directory_shown(struct tracer *tracer, const struct stat *real, mode_t shown);
/* Whether any process's program has an inode number that is the same modulo TRACER_RUNNING. */
void fast_program_runs(struct tracer *tracer, uint64_t inode, bool any);
void fast_known_absent(struct tracer *tracer, const struct stat *status);

/* What an absolute path leads to is the same name as long as this is the same; 0: nothing is known of this tracee's. */
uint64_t fast_generation(struct tracee *tracee);
/* As tracee_resolve_string() with PATH_FOLLOW, and watches what the path leads through, but not the file itself.
 * Returns 0, or -errno when that isn't possible. */
int fast_watches(struct tracee *tracee, const char *guest, struct path_result *result, uint64_t *ret_generation);
uint64_t fast_hash_path(const char *guest);

/* A host path that is about to be opened. The directory that stands for /proc must not be looked into by the fd. */
void fast_opens(struct tracee *tracee, const char *host, int flags);

/* At a signal-delivery stop. True: it is dealt with, the tracee has gone on without it. */
bool fast_on_signal(struct tracee *tracee, int signal);

/* A guest traces it from now on: it is to see the program as it is, and its waits are to be seen by us. */
void fast_is_traced(struct tracee *tracee, struct tracee *by);

/* At a fork event; `child` may be NULL, `flags` are clone(2)'s. */
void fast_on_clone(struct tracee *tracee, struct tracee *child, uint64_t flags);

/* Life of an address space. */
struct fast_sites;
struct fast_sites *fast_sites_share(struct fast_sites *sites);
void fast_sites_release(struct fast_sites *sites);
/* Whether an address range is part of the area: hidden from /proc/PID/maps. */
bool fast_is_area(const struct tracee_mm *mm, uint64_t start, uint64_t end);

/* What it does, all 0 for a tracer without. */
const struct fast_path_counts *fast_counts(const struct tracer *tracer);
/* The same as a line of the log. */
void fast_log(const struct tracer *tracer);
/* A process goes without. */
void fast_lacks(const struct tracee *tracee, enum fast_path_lack lack);

#endif
