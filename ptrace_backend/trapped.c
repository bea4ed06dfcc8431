// SPDX-License-Identifier: Apache-2.0
/* A call that an outer filter trapped: decided, and carried out once.
 *
 * Theory of operation
 *
 * RET_TRAP outranks our filter's RET_TRACE and USER_NOTIF, so that a call which the outer filter traps
 * shows as a signal stop for SIGSYS and nothing else; it has not been made. Either it is answered at
 * this stop, or another call takes its place:
 *
 *   SIGSYS          the registers become the other call's, the program counter goes back to the
 *                   system-call instruction
 *   entry stop      \  one of them or both, as our filter says; the other call is translated like any
 *   seccomp event   /
 *   exit stop       the registers become what the guest's own call would have left
 *
 * A signal that comes between the first two takes all back: the guest's handler sees its own call, not
 * made yet, and the instruction traps again after it. At the exit, a result that makes the kernel restart
 * the call makes it restart the guest's own, which traps again. So the guest's call is made once and
 * exactly once, and no state outlives it but the deadline of a wait.
 *
 * A SIGSYS of a guest's own filter goes to the guest. The kernel has already undone a block of SIGSYS,
 * and with it the handler, when it raised a signal that was blocked: the guest loses that, as it would
 * have lost its life without us.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "core/base/compat.h"
#include "ptrace_backend/chain.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/trapped.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code */
#endif

#ifdef SYS_open
#define LEGACY(...) __VA_ARGS__
#else
#define LEGACY(...)
#endif
#define HANDLED(call)	[SYS_##call] = { .decided = true, .decision = TRAPPED_HANDLED },
#define BY(call, name)	[SYS_##call] = { .decided = true, .decision = TRAPPED_BY, .way = name },
#define LACKS(call, code) \
	[SYS_##call] = { .decided = true, .decision = TRAPPED_LACKS, .error = code },

static const struct trapped_row rows[PLAN_TRAP_WORDS * 64] = {
#include "ptrace_backend/trapped.def"
};

const struct trapped_row *trapped_row(int number)
{
	static const struct trapped_row none;

	return number >= 0 && number < (int)(sizeof(rows) / sizeof(rows[0])) ? &rows[number] : &none;
}

/* Numbers beyond the map are what its last one is: no call of any kernel. */
bool trapped_covers(const struct tracee *tracee, int64_t number)
{
	const int64_t last = PLAN_TRAP_WORDS * 64 - 1;
	int64_t bit = number < 0 || number > last ? last : number;

	return tracee->tracer->plan->trapped[bit / 64] >> (bit % 64) & 1;
}

bool trapped_any(const struct plan *plan)
{
	for (unsigned i = 0; i < PLAN_TRAP_WORDS; i++)
		if (plan->trapped[i])
			return true;
	return false;
}

bool trapped_is_due(const struct tracee *tracee)
{
	return tracee->regs.compat ? trapped_any(tracee->tracer->plan) :
				     trapped_covers(tracee, tracee->regs.number);
}

/* Whether it can be the outer filter's: a guest's own may trap too, and a process can send itself any
 * siginfo_t. */
static bool is_outer_trap(const struct tracee *tracee, const siginfo_t *info)
{
	if (info->si_code != SYS_SECCOMP)
		return false;
	return info->si_arch == ARCH_AUDIT ? trapped_covers(tracee, info->si_syscall) :
					     trapped_any(tracee->tracer->plan);
}

static enum verdict lacks(struct tracee *tracee, int error)
{
	tracee->on_exit = NULL;
	tracee->precall_done = NULL;
	return tracee_answer(tracee, -error);
}

/* A handler that wants its call made can't have it. */
static enum verdict handle(struct tracee *tracee, const struct syscall_row *row)
{
	if (!row || row->action == ACTION_PASS || !syscall_row_applies(row, tracee->tracer))
		return lacks(tracee, ENOSYS);
	if (row->action == ACTION_ERRNO)
		return tracee_answer(tracee, -row->error);
	if (row->enter && row->enter(tracee, row) == VERDICT_SKIP)
		return VERDICT_SKIP;
	if (chain_is_active(tracee) || tracee->ipc_waiter)
		return VERDICT_EXIT; /* in its place, as by another's way */
	return lacks(tracee, ENOSYS);
}

/* RET_TRAP outranks what a filter of the guest's own may have answered. */
static bool guest_answers(struct tracee *tracee, enum verdict *ret_verdict)
{
	uint32_t answer = guest_filter_answer(tracee), action = answer & SECCOMP_RET_ACTION_FULL;

	if (action == SECCOMP_RET_TRACE && guest_filter_watches(tracee) && guest_was_asked(tracee))
		return false;
	switch (action) {
	case SECCOMP_RET_ERRNO:
		*ret_verdict = lacks(tracee, (int)(answer & SECCOMP_RET_DATA));
		return true;
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		*ret_verdict = lacks(tracee, ENOSYS);
		return true;
	default:
		return false;
	}
}

static enum verdict carry_out(struct tracee *tracee, int number)
{
	const struct trapped_row *trapped = trapped_row(number);
	const struct syscall_row *row = syscall_row(number);

	switch ((enum trapped_decision)trapped->decision) {
	case TRAPPED_BY:
		return trapped->way(tracee, row);
	case TRAPPED_LACKS:
		return lacks(tracee, trapped->error);
	case TRAPPED_HANDLED:
		break;
	}
	return handle(tracee, row);
}

/* The other call, whose number and arguments the registers have: answered at once where its handler would
 * answer a notification. */
static enum verdict replace(struct tracee *tracee)
{
	const struct syscall_row *row = syscall_row(tracee->regs.number);
	uint64_t arguments[6];

	if (!row || trapped_covers(tracee, row->number))
		return lacks(tracee, ENOSYS);
	if (!row->notify || !syscall_row_applies(row, tracee->tracer))
		return VERDICT_CONTINUE;
	memcpy(arguments, tracee->regs.arguments, sizeof(arguments));
	if (row->enter(tracee, row) == VERDICT_SKIP)
		return VERDICT_SKIP;
	tracee->on_exit = NULL;
	tracee->regs.number = row->number;
	memcpy(tracee->regs.arguments, arguments, sizeof(arguments));
	return VERDICT_CONTINUE;
}

static bool is_same_call(const struct tracee *tracee, uint64_t after)
{
	return tracee->trapped.number == tracee->regs.number && tracee->trapped.after == after &&
	       !memcmp(tracee->trapped.arguments, tracee->regs.arguments,
		       sizeof(tracee->trapped.arguments));
}

bool trapped_on_sigsys(struct tracee *tracee)
{
	struct trapped_call *call = &tracee->trapped;
	enum verdict verdict;
	siginfo_t info;
	uint64_t after;

	if (ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) < 0 || !is_outer_trap(tracee, &info))
		return false;
	tracee->regs.compat = info.si_arch == ARCH_COMPAT_AUDIT;
	if (registers_fetch(tracee->tid, &tracee->regs) < 0)
		return true;
	if (info.si_syscall < 0 && tracee->guest && tracee->guest->taken) { /* keep_result() was at its exit */
		registers_answer_trap(&tracee->regs, registers_program_counter(&tracee->regs),
				      tracee->regs.result);
		registers_store(tracee->tid, &tracee->regs);
		return true;
	}
	after = (uint64_t)(uintptr_t)info.si_call_addr;
	tracee->regs.number = info.si_syscall;
	tracee->regs.after = after;
	if (registers_program_counter(&tracee->regs) != after) /* made up */
		return false;
	if ((guest_filter_answer(tracee) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRAP)
		return false; /* the guest's own, and the newer one's data */
	call->restarted = call->restarted && is_same_call(tracee, after);
	call->number = info.si_syscall;
	call->after = after;
	call->finish = NULL;
	memcpy(call->arguments, tracee->regs.arguments, sizeof(call->arguments));
	memcpy(tracee->entry_arguments, call->arguments, sizeof(call->arguments));
	tracee->scratch_used = 0;
	tracee->stack_used = 0;

	if (!guest_answers(tracee, &verdict))
		verdict = info.si_arch == ARCH_AUDIT ? carry_out(tracee, info.si_syscall) :
						       lacks(tracee, ENOSYS);
	if (verdict != VERDICT_SKIP)
		verdict = replace(tracee);
	fast_after_call(tracee); /* what has changed is void before anyone goes on */
	if (verdict == VERDICT_SKIP) {
		if (call->finish)
			call->finish(tracee);
		registers_answer_trap(&tracee->regs, after, tracee->regs.result);
	} else {
		call->active = true;
		tracee->state = TRACEE_TRAPPED;
		registers_rewind(&tracee->regs, after);
	}
	registers_store(tracee->tid, &tracee->regs);
	return true;
}

void trapped_undo(struct tracee *tracee, int signal)
{
	struct trapped_call *call = &tracee->trapped;

	/* A wait that a handler interrupts is over; any other signal leaves its time limit. */
	if (call->restarted && process_disposition(tracee->tid, signal) == SIGNAL_CAUGHT)
		call->restarted = false;
	if (tracee->state != TRACEE_TRAPPED)
		return;
	call->active = false;
	tracee->state = TRACEE_RUNNING;
	if (registers_fetch(tracee->tid, &tracee->regs) < 0)
		return;
	tracee->regs.number = call->number;
	memcpy(tracee->regs.arguments, call->arguments, sizeof(call->arguments));
	registers_rewind(&tracee->regs, call->after);
	registers_store(tracee->tid, &tracee->regs);
}

void trapped_on_exit(struct tracee *tracee)
{
	struct trapped_call *call = &tracee->trapped;

	if (!call->active)
		return;
	call->active = false;
	if (call->finish)
		call->finish(tracee);
	registers_finish_trap(&tracee->regs, call->number, call->arguments);
}

void trapped_inherit(struct tracee *child, const struct tracee *parent)
{
	if (!parent->trapped.active)
		return;
	child->trapped = parent->trapped;
	child->trapped.active = false;
	child->trapped.of_parent = true;
}

void trapped_on_first_stop(struct tracee *child)
{
	struct trapped_call *call = &child->trapped;

	if (!call->of_parent)
		return;
	call->of_parent = false;
	if (registers_fetch(child->tid, &child->regs) < 0)
		return;
	registers_finish_trap(&child->regs, call->number, call->arguments);
	registers_store(child->tid, &child->regs);
}
