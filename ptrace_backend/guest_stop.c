// SPDX-License-Identifier: Apache-2.0
/* The stops that a tracing guest is told about.
 *
 * Theory of operation
 *
 * Every tracee is seized by us already, hence almost every stop that ptrace(2) promises is a real one that
 * we get first: it is held (not resumed) and told. The order in which the kernel reports a call fits,
 * because the filter's event lies inside:
 *
 *   entry stop     told; the guest may change registers
 *   seccomp event  ours: the call is translated from the registers as they are now. Told as well when a
 *                  filter of the guest's own asked for it (guest_filter.c). For a call that is notified to us,
 *                  or that an outer filter traps, there is no such event: it is told at the entry.
 *   exit stop      ours first: results and arguments are put right; then told
 *
 * Not real are: what PTRACE_ATTACH and PTRACE_TRACEME have in the place of PTRACE_EVENT_STOP; and all
 * of execve, which for the guest ends when the loader has. While that runs it is watched call by call, with
 * all signals blocked; its last call says where the program starts, and the registers become those of a
 * program that was just executed. Then come the exec event, the exit of execve and the SIGTRAP that
 * untold execs give, each of them one hold that leads to the next.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ptrace_backend/chain.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/tracer.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/trapped.h"

#ifndef PTRACE_EVENTMSG_SYSCALL_ENTRY
#define PTRACE_EVENTMSG_SYSCALL_ENTRY 1 /* Linux 5.3 */
#define PTRACE_EVENTMSG_SYSCALL_EXIT  2
#endif
#define SYSCALL_BIT 0x80 /* PTRACE_O_TRACESYSGOOD */

/* Attack: the calls of a chain pass untranslated. Whoever could change the registers then would make any. */
bool guest_must_wait(const struct tracee *tracee)
{
	return tracee->state == TRACEE_LOADING || tracee->state == TRACEE_LOADED ||
	       chain_is_active(tracee);
}

void guest_hold(struct tracee *tracee, int code, guest_continuation *then)
{
	struct guest_trace *guest = tracee->guest;

	guest->held = true;
	guest->waited = false;
	guest->listening = false;
	guest->interrupt = false;
	guest->info_made = false;
	guest->code = code;
	guest->then = then;
	guest->serial = ++tracee->tracer->guest_serial;
	guest_trace_set_options(tracee);
	guest_wait_notify(tracee);
}

/* The kernel's siginfo is of another stop. */
static void make_info(struct guest_trace *guest, int signal, int si_code, pid_t pid, uid_t uid)
{
	memset(&guest->info, 0, sizeof(guest->info));
	guest->info.si_signo = signal;
	guest->info.si_code = si_code;
	guest->info.si_pid = pid;
	guest->info.si_uid = uid;
	guest->info_made = true;
}

static int syscall_code(const struct guest_trace *guest)
{
	return SIGTRAP | (guest->options & PTRACE_O_TRACESYSGOOD ? SYSCALL_BIT : 0);
}

static bool steps(const struct guest_trace *guest)
{
	return guest->go == GUEST_GO_STEP || guest->go == GUEST_GO_BLOCK;
}

/* Attack: where the result comes back in the register of argument 0, filters see a copy of it, which a tracer
 * that changes the register doesn't change. A call that passed could become one that is refused, or looked
 * at. It is left, and made again with the registers as they are. */
static void hold_call(struct tracee *tracee, int code, guest_continuation *then)
{
	if (ARCH_RESULT_IN_ARGUMENT && registers_fetch(tracee->tid, &tracee->regs) == 0)
		tracee->saved[1] = tracee->regs.arguments[0];
	guest_hold(tracee, code, then);
}

static void make_again(struct tracee *tracee)
{
	tracee->regs.arguments[0] = tracee->saved[1];
	memcpy(tracee->entry_arguments, tracee->regs.arguments, sizeof(tracee->entry_arguments));
	registers_repeat_call(&tracee->regs, (int64_t)tracee->saved[0]);
	tracee->repeats = true;
}

bool guest_enters_again(struct tracee *tracee)
{
	struct __ptrace_syscall_info info;

	if (!ARCH_RESULT_IN_ARGUMENT || registers_fetch(tracee->tid, &tracee->regs) < 0 ||
	    !registers_hide_argument(&tracee->regs, tracee->saved[1]) ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info) <= 0)
		return false;
	tracee->saved[0] = info.entry.nr; /* an event has it at the same place */
	if ((int)tracee->saved[0] < 0) /* it isn't made */
		return false;
	tracee->saved[1] = tracee->regs.arguments[0];
	/* Filters look at the number that an entry leaves, and no more at -1 that an event does. */
	tracee_set_number(tracee, info.op == PTRACE_SYSCALL_INFO_SECCOMP ? -1 : SYS_sched_yield);
	registers_store(tracee->tid, &tracee->regs);
	tracee->on_exit = make_again;
	tracee->state = TRACEE_EXIT_WANTED;
	tracee->regs.after = registers_program_counter(&tracee->regs);
	if (tracee->filters)
		guest_filter_pass(tracee);
	return true;
}

static void keep_result(struct tracee *tracee)
{
	tracee_set_result(tracee, (int64_t)tracee->saved[0]);
}

/* A guest that traces has taken the call away: our filter, which refuses what is no call, doesn't touch the
 * result that it left. */
static void enter_call(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;

	(void)signal;
	if (guest && registers_fetch_entry(tracee->tid, &tracee->regs) == 0) {
		guest->number = tracee->regs.number;
		guest->traps = trapped_is_due(tracee);
		guest->taken = guest->number < 0;
	}
	if (guest && guest->taken && registers_fetch(tracee->tid, &tracee->regs) == 0) {
		memcpy(tracee->entry_arguments, tracee->regs.arguments,
		       sizeof(tracee->entry_arguments));
		tracee->saved[0] = (uint64_t)tracee->regs.result;
		tracee->on_exit = keep_result;
		tracee->state = TRACEE_EXIT_WANTED;
		tracee->regs.after = registers_program_counter(&tracee->regs);
		if (guest->asked) /* natively a filter isn't asked about it again */
			guest_filter_pass(tracee);
	}
	tracee_resume(tracee, 0);
}

static void after_asking(struct tracee *tracee, int signal)
{
	if (guest_enters_again(tracee))
		tracee_resume(tracee, 0);
	else
		enter_call(tracee, signal);
}

/* True for a call about which a filter of the guest's own asks, but for which no event of that will come: it is
 * notified to us, or an outer filter traps it. */
static bool asks_at_entry(struct tracee *tracee, uint32_t *ret_answer)
{
	if (!guest_filter_watches(tracee) || registers_fetch_entry(tracee->tid, &tracee->regs) < 0)
		return false;
	*ret_answer = guest_filter_answer(tracee);
	return (*ret_answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE &&
	       (trapped_is_due(tracee) ||
		(guest_filter_our_answer(tracee) & SECCOMP_RET_ACTION_FULL) ==
			SECCOMP_RET_USER_NOTIF);
}

static bool ask_at_entry(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	const int code = SIGTRAP | PTRACE_EVENT_SECCOMP << 8;
	uint32_t answer;

	if (!asks_at_entry(tracee, &answer))
		return false;
	guest->asked = true;
	guest->message = answer & SECCOMP_RET_DATA;
	hold_call(tracee, code, after_asking);
	make_info(guest, SIGTRAP, code, tracee->tid,
		  user_ns_show_uid(tracee, tracee->credentials.ruid));
	return true;
}

static void after_entry(struct tracee *tracee, int signal)
{
	if (guest_enters_again(tracee))
		tracee_resume(tracee, 0);
	else if (!tracee->guest || !ask_at_entry(tracee))
		enter_call(tracee, signal);
}

bool guest_on_entry(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	bool repeated = guest->skip_entry, was_asked = guest->asked;

	guest->in_call = true;
	guest->skip_entry = false;
	guest->own_filter = guest->asked = guest->taken = guest->traps = false;
	if (repeated || guest->go != GUEST_GO_SYSCALL) {
		guest->asked = tracee->repeats && was_asked;
		return !guest->asked && ask_at_entry(tracee);
	}
	guest->message = PTRACE_EVENTMSG_SYSCALL_ENTRY;
	hold_call(tracee, syscall_code(guest), after_entry);
	return true;
}

static void tell_exit(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;

	if (guest->go == GUEST_GO_SYSCALL) {
		guest->message = PTRACE_EVENTMSG_SYSCALL_EXIT;
		guest_hold(tracee, syscall_code(guest), tracee_resume);
	} else if (steps(guest)) {
		/* The kernel has one for the way out of a call, but we resumed with PTRACE_SYSCALL. */
		guest_hold(tracee, SIGTRAP, tracee_resume);
		make_info(guest, SIGTRAP, TRAP_BRKPT, 0, 0);
	} else {
		tracee_resume(tracee, 0);
	}
}

void guest_on_exit(struct tracee *tracee, bool in_place)
{
	struct guest_trace *guest = tracee->guest;

	guest->in_call = false;
	if (tracee->repeats) {
		guest->skip_entry = guest->go == GUEST_GO_SYSCALL;
		tracee_resume(tracee, 0);
	} else if (!in_place && guest->go == GUEST_GO_SYSCALL && guest->traps) {
		guest->exit_due = true;
		tracee_resume(tracee, 0);
	} else {
		tell_exit(tracee);
	}
}

/* Nothing is to be made again. */
static void after_trap_exit(struct tracee *tracee, int signal)
{
	if (registers_fetch(tracee->tid, &tracee->regs) == 0) {
		tracee_set_number(tracee, -1);
		registers_store(tracee->tid, &tracee->regs);
	}
	tracee_resume(tracee, signal);
}

bool guest_on_trap_answered(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	bool taken = guest->taken;

	guest->taken = false;
	if (!guest->exit_due)
		return false;
	guest->exit_due = false;
	if (tracee->state == TRACEE_TRAPPED) /* another call in its place: its exit will be told */
		return false;
	if (!taken) {
		tracee_set_number(tracee, tracee->trapped.number);
		registers_store(tracee->tid, &tracee->regs);
	}
	guest_hold(tracee, syscall_code(guest), after_trap_exit);
	make_info(guest, SIGTRAP, syscall_code(guest), tracee->tid, 0);
	return true;
}

bool guest_on_seccomp(struct tracee *tracee, guest_continuation *then)
{
	struct guest_trace *guest = tracee->guest;
	bool told = guest->asked || tracee->repeats;
	uint32_t answer;

	guest->in_call = true;
	guest->own_filter = false;
	if (!(guest->options & PTRACE_O_TRACESECCOMP) || !tracee->filters || tracee->trapped.active ||
	    registers_fetch_entry(tracee->tid, &tracee->regs) < 0)
		return false;
	answer = guest_filter_answer(tracee);
	if ((answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE)
		return false;
	guest->own_filter = true;
	if (told)
		return false;
	guest->message = answer & SECCOMP_RET_DATA;
	hold_call(tracee, SIGTRAP | PTRACE_EVENT_SECCOMP << 8, then);
	return true;
}

static void after_signal(struct tracee *tracee, int signal)
{
	tracee->repeats = false;
	ipc_before_signal(tracee, signal);
	trapped_undo(tracee, signal);
	tracee_resume(tracee, signal);
}

bool guest_on_signal(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;
	bool attached = guest->stop_sent && signal == SIGSTOP;

	if (guest_must_wait(tracee))
		return false;
	if (tracee->state == TRACEE_TRAPPED)
		guest->skip_entry = guest->go == GUEST_GO_SYSCALL;
	guest->in_call = false;
	guest_hold(tracee, signal, after_signal);
	if (attached) {
		guest->stop_sent = false;
		make_info(guest, SIGSTOP, SI_KERNEL, 0, 0);
	}
	return true;
}

/* A group stop goes on as one when nobody traces any more. */
static void after_event_stop(struct tracee *tracee, int signal)
{
	if (!tracee->guest && tracee->group_stopped)
		ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
	else
		tracee_resume(tracee, signal);
}

bool guest_on_event_stop(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;
	bool asked = guest->interrupt || guest->listening;

	if (guest->first_stop) {
		guest->first_stop = false;
		guest->in_call = false;
		guest_hold(tracee, guest->seized ? SIGTRAP | PTRACE_EVENT_STOP << 8 : SIGSTOP,
			   tracee_resume);
		if (!guest->seized)
			make_info(guest, SIGSTOP, SI_USER, 0, 0);
		return true;
	}
	if (guest_must_wait(tracee))
		return false;
	guest->in_call = false;
	if (!tracee->group_stopped && !asked)
		return false; /* one of our own */
	if (guest->seized) {
		guest->message = 0;
		guest_hold(tracee, signal | PTRACE_EVENT_STOP << 8, after_event_stop);
	} else if (tracee->group_stopped) {
		guest_hold(tracee, guest->stop_sent ? SIGSTOP : signal, after_event_stop);
		guest->stop_sent = false;
	} else { /* it was continued before PTRACE_ATTACH could take its stop over */
		guest->interrupt = false;
		syscall(SYS_tgkill, tracee->tgid, tracee->tid, SIGSTOP);
		return false;
	}
	return true;
}

bool guest_on_event(struct tracee *tracee, int event)
{
	struct guest_trace *guest = tracee->guest;
	uint32_t option = event == PTRACE_EVENT_VFORK_DONE ? PTRACE_O_TRACEVFORKDONE :
							     PTRACE_O_TRACEEXIT;
	unsigned long message = 0;

	if (!guest->by || !(guest->options & option))
		return false;
	ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &message);
	guest->message = message;
	guest_hold(tracee, SIGTRAP | event << 8, tracee_resume);
	return true;
}

void guest_on_clone(struct tracee *tracee, struct tracee *child, int event, uint64_t flags)
{
	struct guest_trace *guest = tracee->guest;
	uint32_t option = event == PTRACE_EVENT_FORK  ? PTRACE_O_TRACEFORK :
			  event == PTRACE_EVENT_VFORK ? PTRACE_O_TRACEVFORK :
							PTRACE_O_TRACECLONE;
	bool told = guest->options & option;

	guest->in_call = true;
	if (child && (told || (flags & CLONE_PTRACE)) &&
	    guest_trace_begin(child, guest->by, guest->seized, guest->options) == 0)
		child->guest->first_stop = true;
	if (told && child) {
		guest->message = (uint64_t)child->tid;
		guest_hold(tracee, SIGTRAP | event << 8, tracee_resume);
	} else {
		tracee_resume(tracee, 0);
	}
}

/* execve */

void guest_on_exec(struct tracee *tracee, pid_t former)
{
	struct guest_trace *guest = tracee->guest;
	uint64_t all = ~UINT64_C(0);

	guest->execed = true;
	guest->load_ended = false;
	guest->in_call = true;
	guest->former = (uint64_t)former;
	if (ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(guest->mask), &guest->mask) == 0)
		ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(all), &all);
	else
		guest->mask = all;
}

static void after_exec_exit(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;

	if (guest && !guest->seized && !(guest->options & PTRACE_O_TRACEEXEC)) {
		guest_hold(tracee, SIGTRAP, tracee_resume);
		make_info(guest, SIGTRAP, SI_USER, tracee->tid,
			  user_ns_show_uid(tracee, tracee->credentials.ruid));
		return;
	}
	tracee_resume(tracee, signal);
}

static void after_exec_event(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;

	if (guest)
		guest->in_call = false;
	if (guest && guest->go == GUEST_GO_SYSCALL) {
		guest->message = PTRACE_EVENTMSG_SYSCALL_EXIT;
		guest_hold(tracee, syscall_code(guest), after_exec_exit);
	} else if (guest && steps(guest)) {
		guest_hold(tracee, SIGTRAP, after_exec_exit);
		make_info(guest, SIGTRAP, TRAP_BRKPT, 0, 0);
	} else {
		after_exec_exit(tracee, signal);
	}
}

static void finish_exec(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	bool told = guest->execed;

	guest->execed = guest->load_ended = false;
	if (guest->mask != ~UINT64_C(0))
		ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(guest->mask), &guest->mask);
	registers_enter_program(&tracee->regs, guest->entry, guest->stack,
				syscall_number(tracee->regs.compat ? ARCH_COMPAT_CALLS : ARCH_CALLS,
					       ROW_execve));
	registers_store(tracee->tid, &tracee->regs);
	tracee->state = TRACEE_RUNNING;
	if (!guest->by) {
		guest_trace_drop(tracee);
		tracee_resume(tracee, 0);
	} else if (told && (guest->options & PTRACE_O_TRACEEXEC)) {
		guest->in_call = true;
		guest->message = guest->former;
		guest_hold(tracee, SIGTRAP | PTRACE_EVENT_EXEC << 8, after_exec_event);
		make_info(guest, SIGTRAP, SIGTRAP | PTRACE_EVENT_EXEC << 8, tracee->tid,
			  user_ns_show_uid(tracee, tracee->credentials.ruid));
	} else if (told) {
		after_exec_event(tracee, 0);
	} else {
		guest->in_call = false;
		tracee_resume(tracee, 0);
	}
}

bool guest_loader_ends(const struct tracee *tracee)
{
	const struct syscall_call *call = tracee_call(tracee);
	uint64_t mark = tracee->regs.compat ? (uint32_t)LOADER_MARK : LOADER_MARK;

	return call && syscall_call_row(call)->index == ROW_prctl &&
	       tracee_argument(tracee, 0) == PR_SET_NAME && tracee_argument(tracee, 4) == mark;
}

void guest_on_loader(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;

	if (!guest || registers_fetch(tracee->tid, &tracee->regs) < 0) {
		tracee_resume(tracee, 0);
		return;
	}
	guest->in_call = !guest->in_call;
	if (guest->in_call) {
		if (guest_loader_ends(tracee)) {
			guest->load_ended = true;
			guest->entry = tracee_argument(tracee, 2);
			guest->stack = tracee_argument(tracee, 3);
		}
	} else if (guest->load_ended) {
		finish_exec(tracee);
		return;
	}
	tracee_resume(tracee, 0);
}
