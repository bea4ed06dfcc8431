/* SPDX-License-Identifier: Apache-2.0 */
/* Other calls that a tracee makes one after another in the place of the guest's own: where something has to
 * be done with its address space, only it can do so.
 *
 * Signals wait until the last one is over; SIGKILL doesn't, and a link that was made is undone with the
 * process. A step allocates nothing that only chain_end() would free.
 */
#ifndef AMPHORA_PTRACE_CHAIN_H
#define AMPHORA_PTRACE_CHAIN_H

#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracee.h"

/* For a handler that has changed nothing yet: its verdict. `step` gets the call's result, and ends with
 * chain_call() or chain_end(). -ENOSYS where the architecture lacks the call. Memory from tracee_put()
 * is for this first call alone. The first call may be one that the filter stops; the others must pass. */
enum verdict chain_start(struct tracee *tracee, enum syscall_index call, const uint64_t arguments[6],
			 chain_step *step);
void chain_call(struct tracee *tracee, enum syscall_index call, const uint64_t arguments[6],
		chain_step *step);
/* The guest's own call is over, with this result. */
void chain_end(struct tracee *tracee, int64_t result);

/* For the tracer: a link is under way; another one is about to be made. */
static inline bool chain_is_active(const struct tracee *tracee)
{
	return tracee->chain.step != NULL;
}
static inline bool chain_goes_on(const struct tracee *tracee)
{
	return tracee->chain.goes_on;
}

#endif
