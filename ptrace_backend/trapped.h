/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a seccomp filter above ours answers with SIGSYS, as an Android app's does: done in another
 * way, each once. trapped.def says how.
 */
#ifndef AMPHORA_PTRACE_TRAPPED_H
#define AMPHORA_PTRACE_TRAPPED_H

#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracee.h"

enum trapped_decision {
	TRAPPED_HANDLED, /* the row's handler, else ENOSYS; or the errno of syscalls.def */
	TRAPPED_BY,	 /* way() */
	TRAPPED_LACKS,	 /* error */
};

/* Changes the tracee's registers to those of another call, or answers: as a syscall_handler does. */
struct trapped_row {
	bool decided; /* has a row in trapped.def */
	uint8_t decision;
	int error;
	syscall_handler *way;
};
const struct trapped_row *trapped_row(int number);

/* trapped_calls.c: the ways. */
syscall_handler lacks_openat2, by_fstatat, by_openat, by_dup3, by_faccessat, by_mkdirat, by_mknodat,
	by_symlinkat, by_linkat, by_unlinkat, by_renameat, by_fchmodat, by_fchownat, by_utimensat,
	by_flagless, by_ppoll, by_pselect, by_epoll_pwait, by_setitimer, by_clock, by_accept4,
	by_clone, by_getpgid, own_ids, by_mprotect;

/* Whether an outer filter traps the call of this number. */
bool trapped_covers(const struct tracee *tracee, int64_t number);
bool trapped_any(const struct plan *plan);
/* Whether it will trap the call that the registers show. */
bool trapped_is_due(const struct tracee *tracee);
/* At a signal stop for SIGSYS. True when the outer filter trapped a call: it has been answered, or
 * tracee->state says that another is about to be made; the signal is not for the guest. */
bool trapped_on_sigsys(struct tracee *tracee);
/* A signal is about to be delivered before the other call was made: back to the guest's own. */
void trapped_undo(struct tracee *tracee, int signal);
/* At the exit of the other call, after its handler's own on_exit. */
void trapped_on_exit(struct tracee *tracee);
/* A process that the other call made, and its first stop. */
void trapped_inherit(struct tracee *child, const struct tracee *parent);
void trapped_on_first_stop(struct tracee *child);

#endif
