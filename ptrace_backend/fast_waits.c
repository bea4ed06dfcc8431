// SPDX-License-Identifier: Apache-2.0
/* Waits that the stub makes, when a guest begins to trace: those of its threads have to be seen by us from then on. The
 * stub makes no new ones (fast_is_traced()); who is in one is interrupted, and sent back to its site at that stop
 * (fast_watch.c). */
#include <sys/ptrace.h>

#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/process_status.h"

/* Whether a thread sleeps in a call of its own, not in one of the stub's. */
static bool sleeps_elsewhere(const struct tracee *tracee)
{
	uint64_t stub = tracee->mm->fast_base + FAST_TEXT, stack, counter;

	return process_sleeps_at(tracee->tid, &stack, &counter) && (counter < stub || counter >= stub + FAST_TEXT_SIZE);
}

void fast_recall_waits(struct tracee *by)
{
	const struct tracer *tracer = by->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (at->tgid != by->tgid || !at->mm || !at->mm->fast_base || sleeps_elsewhere(at))
				continue;
			at->fast_recalled = true;
			ptrace(PTRACE_INTERRUPT, at->tid, NULL, NULL);
		}
}
