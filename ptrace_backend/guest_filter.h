/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp filters that guests install themselves. */
#ifndef AMPHORA_PTRACE_GUEST_FILTER_H
#define AMPHORA_PTRACE_GUEST_FILTER_H

#include "ptrace_backend/tracee.h"

struct seccomp_data;

/* What its own filters answer to the call that the registers show, or to *data: SECCOMP_RET_ALLOW when it
 * has none. The kernel asks them as well, and refuses what they refuse. */
uint32_t guest_filter_answer(const struct tracee *tracee);
uint32_t guest_filter_answer_to(const struct tracee *tracee, const struct seccomp_data *data);
/* The same of ours. */
uint32_t guest_filter_our_answer(const struct tracee *tracee);

/* At a seccomp event. True when the call is decided by the guest's filters, and not told to another guest that
 * traces: stores the verdict. */
bool guest_filter_decides(struct tracee *tracee, enum verdict *ret_verdict);

/* At an entry stop or seccomp event, the registers are stored: lets a call pass that we make and the guest
 * didn't. It must stop at its exit. Nothing before Linux 4.8. */
void guest_filter_pass(struct tracee *tracee);
/* Whether that is done by this program counter. No guest is to have it. */
bool guest_filter_lets_pass(uint64_t counter);
/* At the next stop. */
void guest_filter_lift(struct tracee *tracee);

/* True when each of the tracee's calls has to stop at its entry, because the guest that traces
 * might have to be asked about a call that is notified to us. */
bool guest_filter_watches(const struct tracee *tracee);

/* Whether the loader's calls stop, so that they can be let pass. */
static inline bool guest_filter_watches_loader(const struct tracee *tracee)
{
	return tracee->filters && tracee->tracer->plan->seccomp_stop_after_entry;
}
/* A system-call stop of the loader; the tracee isn't resumed. */
void guest_filter_on_loader(struct tracee *tracee);

/* Life. */
void guest_filter_inherit(struct tracee *child, const struct tracee *parent);
void guest_filter_release(struct tracee *tracee);
/* At a stop that is no fork event: what the kernel has is known again. */
void guest_filter_settle(struct tracee *tracee);
/* Whether a thread of the process has some. */
bool guest_filter_in_process(const struct tracee *tracee);
/* prctl(PR_SET_SECCOMP) */
enum verdict guest_filter_install(struct tracee *tracee, bool all_threads, unsigned argument);

#endif
