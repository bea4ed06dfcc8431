// SPDX-License-Identifier: Apache-2.0
/* ptrace(2) for guests: who traces whom. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/tracer.h"

/* Life */

int guest_trace_begin(struct tracee *tracee, struct tracee *by, bool seized, uint32_t options)
{
	struct guest_trace *guest = talloc_zero(tracee, struct guest_trace);
	struct process_status status;

	if (!guest)
		return -ENOMEM;
	guest->by = by;
	guest->seized = seized;
	guest->options = options;
	guest->options_due = options & GUEST_OPTIONS_OWN;
	guest->mask = ~UINT64_C(0);
	guest->is_child = tracee->tid == tracee->tgid && process_status(tracee->tid, &status) == 0 &&
			  status.parent == by->tgid;
	tracee->guest = guest;
	tracee->tracer->guest_traces++;
	tracee->tracer->guest_traced = true;
	fast_is_traced(tracee, by);
	return 0;
}

void guest_trace_drop(struct tracee *tracee)
{
	if (!tracee->guest)
		return;
	talloc_free(tracee->guest);
	tracee->guest = NULL;
	tracee->tracer->guest_traces--;
}

void guest_trace_set_options(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	uint64_t options = TRACER_OPTIONS | (guest->options & GUEST_OPTIONS_OWN);

	if (guest->options_due &&
	    ptrace(PTRACE_SETOPTIONS, tracee->tid, NULL, (void *)(uintptr_t)options) == 0)
		guest->options_due = false;
}

void guest_trace_let_go(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;
	guest_continuation *then = guest->then;
	bool held = guest->held;

	if (tracee->state == TRACEE_LOADING || tracee->state == TRACEE_LOADED) {
		guest->by = NULL; /* finish_exec() */
		guest->held = false;
	} else {
		guest_trace_drop(tracee);
	}
	if (held)
		then(tracee, signal);
}

void guest_trace_release(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;

	guest_trace_drop(tracee);
	if (!tracer->guest_traces)
		return;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->guest && at->guest->by == tracee) {
				if (at->guest->options & PTRACE_O_EXITKILL)
					kill(at->tid, SIGKILL);
				guest_trace_let_go(at, 0);
			}
}

/* Rights */

static bool may_trace_all(const struct tracee *by)
{
	return by->tracer->fake_ids ? credentials_capable(&by->credentials, CAP_SYS_PTRACE) :
				      process_has_capability(by->tid, CAP_SYS_PTRACE);
}

bool guest_trace_may_gain(const struct tracee *tracee)
{
	return !tracee->guest || !tracee->guest->by || may_trace_all(tracee->guest->by);
}

/* kernel/ptrace.c: __ptrace_may_access() with PTRACE_MODE_ATTACH_REALCREDS */
static bool may_trace(const struct tracee *by, const struct tracee *target)
{
	const struct credentials *ours = &by->credentials, *theirs = &target->credentials;
	struct process_status own, other;

	if (may_trace_all(by))
		return true;
	if (by->tracer->fake_ids)
		return ours->ruid == theirs->ruid && ours->ruid == theirs->euid &&
		       ours->ruid == theirs->suid && ours->rgid == theirs->rgid &&
		       ours->rgid == theirs->egid && ours->rgid == theirs->sgid &&
		       !(theirs->permitted & ~ours->permitted);
	if (process_status(by->tid, &own) < 0 || process_status(target->tid, &other) < 0)
		return false;
	for (unsigned i = PROCESS_REAL; i <= PROCESS_SAVED; i++)
		if (other.users[i] != own.users[PROCESS_REAL] ||
		    other.groups[i] != own.groups[PROCESS_REAL])
			return false;
	return true;
}

/* Requests without a stop */

static int64_t trace_me(struct tracee *tracee)
{
	struct process_status status;
	struct tracee *parent;

	if (tracee->guest)
		return -EPERM;
	parent = process_status(tracee->tgid, &status) == 0 ?
			 tracer_find(tracee->tracer, status.parent) :
			 NULL;
	return parent ? guest_trace_begin(tracee, parent, false, 0) : -EPERM;
}

static int64_t attach(struct tracee *by, pid_t pid, bool seize, uint64_t address, uint64_t options)
{
	struct tracee *target = tracer_find(by->tracer, pid);
	int error;

	if (seize && (address || (options & ~GUEST_OPTIONS_KNOWN)))
		return -EIO;
	if (!target || target->state == TRACEE_NEW)
		return -ESRCH;
	if (target->tgid == by->tgid || target->guest || !may_trace(by, target))
		return -EPERM;
	error = guest_trace_begin(target, by, seize, seize ? (uint32_t)options : 0);
	if (error)
		return error;
	/* A tracee that we hold for nobody is in a call, or in user mode. */
	target->guest->in_call = target->state == TRACEE_EXIT_WANTED ||
				 target->state == TRACEE_EXECING ||
				 (target->filters && target->state != TRACEE_RUNNING &&
				  target->loader_calls);
	target->guest->stop_sent = !seize;
	if (target->group_stopped) {
		target->guest->interrupt = true;
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	} else if (!seize) {
		syscall(SYS_tgkill, target->tgid, pid, SIGSTOP);
	} else if (target->guest->options_due || guest_filter_watches(target)) {
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL); /* to set them at a stop */
	}
	return 0;
}

enum verdict handle_ptrace(struct tracee *tracee, const struct syscall_row *row)
{
	int request = (int)tracee_argument(tracee, 0);
	pid_t pid = (pid_t)tracee_argument(tracee, 1);
	uint64_t address = tracee_argument(tracee, 2), data = tracee_argument(tracee, 3);
	struct tracee *target;

	(void)row;
	if (!tracee->tracer->plan->seccomp_stop_after_entry)
		return tracee_answer(tracee, -EPERM);
	if (request == PTRACE_TRACEME)
		return tracee_answer(tracee, trace_me(tracee));
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return tracee_answer(tracee, attach(tracee, pid, request == PTRACE_SEIZE, address, data));
	target = tracer_find(tracee->tracer, pid);
	if (!target || !target->guest || !target->guest->by ||
	    target->guest->by->tgid != tracee->tgid)
		return tracee_answer(tracee, -ESRCH);
	if (request == PTRACE_KILL) {
		kill(pid, SIGKILL);
		return tracee_answer(tracee, 0);
	}
	if (request == PTRACE_INTERRUPT) {
		if (!target->guest->seized)
			return tracee_answer(tracee, -EIO);
		target->guest->interrupt = true;
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
		return tracee_answer(tracee, 0);
	}
	if (!target->guest->held)
		return tracee_answer(tracee, -ESRCH);
	return tracee_answer(tracee, guest_request(tracee, target, request, address, data));
}
