/* SPDX-License-Identifier: Apache-2.0 */
/* amphora's own process under a seccomp filter that answers SIGSYS, as an Android app has one.
 *
 * The C library makes such calls before main() (set_robust_list, rseq) and in the ordinary course of
 * its functions (poll, access, mkdir on x86-64). Everything here may run before the C library's start.
 */
#ifndef AMPHORA_START_H
#define AMPHORA_START_H

#include <signal.h>
#include <stdbool.h>

/* For a SIGSYS handler: makes the trapped call by another that does the same, if there is one, and puts
 * the result where the call's is expected. -ENOSYS when there is none: returns false then. Async-signal-
 * safe. `context` is the handler's ucontext_t. */
bool start_answer_trap(const siginfo_t *info, void *context);

/* Removes SIGSYS from a set that is about to be blocked: a blocked SIGSYS kills. */
static inline void start_keep_traps(sigset_t *set)
{
	sigdelset(set, SIGSYS);
}

#endif
