// SPDX-License-Identifier: Apache-2.0
/* The event loop's body: one wait status in, one resumed tracee out.
 *
 * Theory of operation
 *
 * Tracees are attached with PTRACE_SEIZE; children are attached by the kernel (PTRACE_O_TRACEFORK
 * and friends) and die with us (PTRACE_O_EXITKILL). Every stop is one of:
 *
 *   seccomp event    a call that the filter traces, at its entry; the handler's verdict resumes it
 *   syscall stop     the exit of a call whose handler asked for it, or an execve that failed
 *   exec event       the new image is there, nothing of it has run: exec.c sends it to the loader
 *   fork events      the parent's side; the child's first stop may come before or after, and the event
 *                    never comes from a parent that was killed inside the call
 *   group stop       PTRACE_LISTEN, so that job control works as without a tracer
 *   signal stop      passed on, but for SIGSYS of a filter above ours (trapped.c)
 *
 * Those of a tracee that a guest traces are told to that guest, and go on when it says so (guest_stop.c).
 *
 * On kernels before 4.8 the seccomp event came before the syscall-entry stop; there a resume with
 * PTRACE_SYSCALL gives the entry stop first, which is skipped (plan->seccomp_stop_after_entry is
 * false).
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "core/base/log.h"
#include "ptrace_backend/arch/guest_requests.h"
#include "ptrace_backend/chain.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracer.h"
#include "ptrace_backend/trapped.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/* How it goes on when nothing of ours is left to be seen. */
static int request_of_guest(const struct tracee *tracee)
{
	if (!tracee->guest && !tracee->filters)
		return PTRACE_CONT;
	if (tracee->state == TRACEE_LOADING || tracee->state == TRACEE_LOADED)
		return tracee->guest || guest_filter_watches_loader(tracee) ? PTRACE_SYSCALL : PTRACE_CONT;
	if (!tracee->guest)
		return PTRACE_CONT;
	switch (tracee->guest->go) {
	case GUEST_GO_SYSCALL:
		return PTRACE_SYSCALL;
	case GUEST_GO_STEP:
		return PTRACE_SINGLESTEP;
	case GUEST_GO_BLOCK:
		return GUEST_PTRACE_SINGLEBLOCK;
	case GUEST_GO_ON:
		break;
	}
	return guest_filter_watches(tracee) ? PTRACE_SYSCALL : PTRACE_CONT;
}

/* ESRCH is a tracee killed meanwhile: its exit status will come. */
void tracee_resume(struct tracee *tracee, int signal)
{
	int request = tracee->state == TRACEE_EXIT_WANTED || tracee->state == TRACEE_EXECING ||
				      tracee->state == TRACEE_TRAPPED ?
			      PTRACE_SYSCALL :
			      request_of_guest(tracee);

	if (tracee->fast_delivery.call && request == PTRACE_CONT)
		request = PTRACE_SINGLESTEP;
	/* Any stop takes a pending PTRACE_INTERRUPT with it, and this one wasn't told. */
	if (tracee->guest && tracee->guest->interrupt && !guest_must_wait(tracee))
		ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
	ptrace((enum __ptrace_request)request, tracee->tid, NULL, (void *)(uintptr_t)signal);
}

void tracee_restore_arguments(struct tracee *tracee)
{
	for (unsigned i = ARCH_RESULT_IN_ARGUMENT; i < 6; i++)
		if (tracee->regs.arguments[i] != tracee->entry_arguments[i])
			registers_set_argument(&tracee->regs, i, tracee->entry_arguments[i]);
}

/* A signal came into a call that wasn't to stop at its exit, such as the open of a terminal or of a leased
 * file. The kernel may make it again, and then its path must not be what a handler's own calls have put in
 * the same place: it is to be the guest's call, translated anew. */
static void restore_interrupted(struct tracee *tracee)
{
	struct registers regs = { .compat = false };
	bool rewritten = false;

	if (tracee->state != TRACEE_RUNNING || tracee->regs.compat || tracee->trapped.active ||
	    chain_is_active(tracee) || registers_fetch(tracee->tid, &regs) < 0 ||
	    regs.number != tracee->entry_number || !registers_restart(&regs, tracee->entry_after))
		return;
	for (unsigned i = ARCH_RESULT_IN_ARGUMENT; i < 6; i++)
		rewritten = rewritten || tracee_in_scratch(tracee, regs.arguments[i]);
	for (unsigned i = ARCH_RESULT_IN_ARGUMENT; rewritten && i < 6; i++)
		registers_set_argument(&regs, i, tracee->entry_arguments[i]);
	registers_store(tracee->tid, &regs);
}

/* The guest that watches sees the call that was made. */
static void restore_call(struct tracee *tracee)
{
	if (tracee->repeats || tracee->trapped.active)
		return;
	tracee_restore_arguments(tracee);
	registers_set_number(&tracee->regs, tracee->guest->number);
}

static void resume_call_of_ours(struct tracee *tracee)
{
	if (tracee->regs.number >= 0)
		guest_filter_pass(tracee);
	tracee_resume(tracee, 0);
}

/* A call that stopped for a filter of the guest's own: whether it would have stopped for ours. */
static bool is_ours(const struct tracee *tracee, const struct syscall_call *call)
{
	uint32_t action = guest_filter_our_answer(tracee) & SECCOMP_RET_ACTION_FULL;

	return call && (action == SECCOMP_RET_TRACE || action == SECCOMP_RET_USER_NOTIF);
}

/* True when the loader's: a filter of the guest's own may ask about any. */
static bool on_loader_call(struct tracee *tracee)
{
	bool loads = tracee->state == TRACEE_LOADING || tracee->state == TRACEE_LOADED;

	if (loads && tracee->filters && !is_ours(tracee, tracee_call(tracee))) {
		resume_call_of_ours(tracee);
		return true;
	}
	if ((!tracee->exec && tracee->state != TRACEE_LOADING) || !exec_on_loader_call(tracee))
		return false;
	registers_store(tracee->tid, &tracee->regs);
	resume_call_of_ours(tracee);
	return true;
}

/* Our part of a seccomp event. */
static void on_call(struct tracee *tracee, int signal)
{
	const struct syscall_call *call;
	enum verdict verdict;
	bool rewritten = true;

	(void)signal;
	if (registers_fetch_entry(tracee->tid, &tracee->regs) < 0)
		return;
	tracee->in_wait = false;
	tracee->repeats = false;
	tracee->fast_delivery.call = 0;
	if (!tracee->trapped.active) { /* else another call's arguments lie there */
		tracee->scratch_used = 0;
		tracee->stack_used = 0;
	}
	if (on_loader_call(tracee))
		return;
	if (chain_is_active(tracee)) { /* in a trapped call's place: the path is a host's */
		tracee->state = TRACEE_EXIT_WANTED;
		tracee->skip_entry_stop = !tracee->tracer->plan->seccomp_stop_after_entry;
		resume_call_of_ours(tracee);
		return;
	}
	call = tracee_call(tracee);
	if (tracee->guest) {
		tracee->guest->number = tracee->regs.number;
		tracee->guest->traps = trapped_is_due(tracee);
		memcpy(tracee->entry_arguments, tracee->regs.arguments,
		       sizeof(tracee->entry_arguments));
	}
	if (guest_filter_decides(tracee, &verdict)) {
		rewritten = false;
	} else if (tracee->guest && tracee->guest->own_filter && !is_ours(tracee, call)) {
		verdict = VERDICT_CONTINUE;
	} else if (!call || syscall_call_row(call)->action != ACTION_TRACE) {
		/* RET_TRACE of a filter above ours: as without a tracer (seccomp(2)). */
		tracee_answer(tracee, -ENOSYS);
		verdict = VERDICT_SKIP;
	} else {
		verdict = syscall_enter(tracee, call);
	}
	/* The exit is told, or a shared slot given back there, or a name is gone then. */
	if ((verdict != VERDICT_EXIT && tracee->guest && tracee->guest->go != GUEST_GO_ON) ||
	    (verdict == VERDICT_CONTINUE && (tracee_shares_slot(tracee) || tracee->fast_removal))) {
		tracee->on_exit = verdict == VERDICT_CONTINUE ? tracee_restore_arguments : NULL;
		verdict = VERDICT_EXIT;
	}
	if (verdict == VERDICT_SKIP) {
		tracee_end_share(tracee);
		fast_call_over(tracee);
	}
	if (verdict == VERDICT_EXIT || tracee->trapped.active) {
		if (tracee->state != TRACEE_EXECING)
			tracee->state = TRACEE_EXIT_WANTED;
		tracee->skip_entry_stop = !tracee->tracer->plan->seccomp_stop_after_entry;
	}
	rewritten = rewritten && verdict != VERDICT_SKIP && (tracee->regs.changed || tracee->trapped.active);
	registers_store(tracee->tid, &tracee->regs);
	if (rewritten && tracee->filters) {
		guest_filter_pass(tracee);
		if (tracee->passing_from && verdict == VERDICT_CONTINUE && !tracee->trapped.active) {
			tracee->on_exit = tracee_restore_arguments;
			tracee->state = TRACEE_EXIT_WANTED;
		}
	}
	tracee_resume(tracee, 0);
}

static void on_call_told(struct tracee *tracee, int signal)
{
	if (guest_enters_again(tracee))
		tracee_resume(tracee, 0);
	else
		on_call(tracee, signal);
}

static void on_seccomp(struct tracee *tracee)
{
	if (tracee->guest && !guest_must_wait(tracee) && guest_on_seccomp(tracee, on_call_told))
		return;
	on_call(tracee, 0);
}

static void on_syscall_stop(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	bool in_place = tracee->trapped.active;

	if (tracee->skip_entry_stop) {
		tracee->skip_entry_stop = false;
		ipc_interrupt_again(tracee);
		tracee_resume(tracee, 0);
		return;
	}
	if (tracee->state == TRACEE_LOADED || tracee->state == TRACEE_LOADING) {
		if (tracee->filters)
			guest_filter_on_loader(tracee);
		guest_on_loader(tracee);
		return;
	}
	if (tracee->state == TRACEE_TRAPPED) {
		if (guest)
			guest->in_call = true;
		tracee->state = TRACEE_EXIT_WANTED;
		ipc_interrupt_again(tracee);
		if (tracee->filters)
			registers_fetch_entry(tracee->tid, &tracee->regs);
		resume_call_of_ours(tracee);
		return;
	}
	if (guest && !guest->in_call) {
		if (!guest_on_entry(tracee))
			tracee_resume(tracee, 0);
		return;
	}
	if (registers_fetch(tracee->tid, &tracee->regs) == 0) {
		bool handled = tracee->state != TRACEE_RUNNING;

		if (!handled) /* the repeated call itself, which passed */
			tracee->repeats = false;
		tracee->scratch_used = 0;
		if (tracee->state == TRACEE_EXECING)
			exec_on_failure(tracee);
		else if (tracee->state == TRACEE_EXIT_WANTED)
			syscall_exit(tracee);
		if (chain_goes_on(tracee)) {
			registers_store(tracee->tid, &tracee->regs);
			tracee->state = TRACEE_TRAPPED;
			tracee_resume(tracee, 0);
			return;
		}
		if (guest && handled)
			restore_call(tracee);
		trapped_on_exit(tracee);
		registers_store(tracee->tid, &tracee->regs);
	}
	tracee_end_share(tracee);
	fast_call_over(tracee);
	tracee->on_exit = NULL;
	tracee->state = TRACEE_RUNNING;
	if (guest)
		guest_on_exit(tracee, in_place);
	else
		tracee_resume(tracee, 0);
}

/* The parent's side of fork, vfork, clone. */
static void on_clone(struct tracee *tracee, int event)
{
	unsigned long message = 0;
	struct tracee *child;
	uint64_t flags;
	bool stopped;

	if (ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &message) < 0)
		return; /* killed meanwhile: end_orphans() */
	/* Of a call without a stop at its exit they may be those of an earlier one, which has failed. */
	flags = tracee->state == TRACEE_EXIT_WANTED ? tracee->clone_flags : 0;
	if (!flags && registers_fetch(tracee->tid, &tracee->regs) == 0)
		flags = tracee->regs.number == SYS_clone3 ? tracee->clone_flags : registers_clone_flags(&tracee->regs);
	if (!flags && event == PTRACE_EVENT_VFORK)
		flags = CLONE_VM | CLONE_VFORK; /* vfork(2) itself */
	tracee->clone_flags = 0;
	tracee->passing_from = tracee->passing_child; /* to be inherited */

	child = tracer_find(tracee->tracer, (pid_t)message);
	stopped = child != NULL;
	if (child) {
		/* Its first stop came first and waits for us. */
		tracee->tracer->new_count--;
		tracee_inherit(child, tracee, flags);
		trapped_inherit(child, tracee);
		guest_filter_lift(child);
		trapped_on_first_stop(child);
		child->state = TRACEE_RUNNING;
	} else if (kill((pid_t)message, 0) == 0) { /* else it has been killed and reaped */
		child = tracee_new(tracee->tracer, (pid_t)message);
		if (!child) {
			kill((pid_t)message, SIGKILL);
		} else {
			tracee_inherit(child, tracee, flags);
			trapped_inherit(child, tracee);
			child->state = TRACEE_RUNNING;
		}
	}
	tracee->passing_from = tracee->passing_child = 0;
	fast_on_clone(tracee, child, flags);
	if (tracee->guest)
		guest_on_clone(tracee, child, event, flags);
	else
		tracee_resume(tracee, 0);
	if (stopped && (!child->guest || !guest_on_event_stop(child, SIGTRAP)))
		tracee_resume(child, 0);
}

/* The thread that called execve has the leader's tid; its own has no exit status. The other threads
 * end with one each. */
static void on_exec(struct tracer *tracer, struct tracee *tracee)
{
	unsigned long former = 0;

	ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &former);
	if (former && (pid_t)former != tracee->tid) {
		struct tracee *caller = tracer_find(tracer, (pid_t)former);
		pid_t leader = tracee->tid;

		if (caller) {
			tracee_free(tracee);
			tracee_rename(caller, leader);
			tracee = caller;
		}
	}
	tracee->passing_from = 0;
	tracee->loader_calls = guest_filter_watches_loader(tracee); /* execve's exit comes first */
	tracee->loader_ends = false;
	tracee->regs.compat = exec_is_compat(tracee);
	if (registers_fetch(tracee->tid, &tracee->regs) == 0)
		exec_on_event(tracee);
	registers_store(tracee->tid, &tracee->regs);
	if (tracee->guest)
		guest_on_exec(tracee, former ? (pid_t)former : tracee->tid);
	tracee_resume(tracee, 0);
}

static void on_signal(struct tracee *tracee, int signal)
{
	if (signal == SIGSYS && trapped_on_sigsys(tracee)) {
		if (!tracee->guest || !guest_on_trap_answered(tracee))
			tracee_resume(tracee, 0);
		return;
	}
	if (signal == SIGCHLD && tracee->tracer->guest_traced)
		guest_wait_on_sigchld(tracee);
	if (chain_is_active(tracee)) { /* SIGSTOP or a fault: the next link is made all the same */
		tracee_resume(tracee, signal);
		return;
	}
	if (fast_on_signal(tracee, signal) || (tracee->guest && guest_on_signal(tracee, signal)))
		return;
	tracee->repeats = false;
	ipc_before_signal(tracee, signal);
	trapped_undo(tracee, signal);
	tracee_resume(tracee, signal);
}

static bool is_fork(int event)
{
	return event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE;
}

/* A new process has a copy of the registers, and is told of it by on_clone(). */
static void lift(struct tracee *tracee, int event)
{
	if (is_fork(event))
		tracee->passing_child = tracee->passing_from;
	guest_filter_lift(tracee);
}

static void on_stop(struct tracer *tracer, struct tracee *tracee, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	affinity_on_stop(tracee);
	fast_on_stop(tracee, signal, event);
	if (tracee->guest)
		guest_trace_set_options(tracee);
	if (tracee->passing_from && event != PTRACE_EVENT_EXEC)
		lift(tracee, event);
	if (tracee->filters_given && !is_fork(event))
		guest_filter_settle(tracee);
	switch (event) {
	case PTRACE_EVENT_SECCOMP:
		on_seccomp(tracee);
		return;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_clone(tracee, event);
		return;
	case PTRACE_EVENT_EXEC:
		on_exec(tracer, tracee);
		return;
	case PTRACE_EVENT_STOP:
		restore_interrupted(tracee);
		trapped_on_first_stop(tracee);
		ipc_on_interrupt(tracee);
		tracee->group_stopped = signal == SIGSTOP || signal == SIGTSTP ||
					signal == SIGTTIN || signal == SIGTTOU;
		if (tracee->guest && guest_on_event_stop(tracee, signal))
			return;
		if (tracee->group_stopped)
			ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
		else
			tracee_resume(tracee, 0);
		return;
	case 0:
		break;
	default:
		if (!tracee->guest || !guest_on_event(tracee, event))
			tracee_resume(tracee, 0);
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		on_syscall_stop(tracee);
	} else {
		restore_interrupted(tracee);
		on_signal(tracee, signal);
	}
}

/* Whether a thread is inside a clone(CLONE_PARENT): its child is ours from the start when it is the first
 * process, or a child of ours itself. */
static bool any_gives_siblings(const struct tracer *tracer)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->clone_flags & CLONE_PARENT)
				return true;
	return false;
}

/* A child of a parent that was killed inside fork(2) would wait for ever. It hasn't run an
 * instruction and nobody was told its pid: it ends, as if the signal had come before the call. (A
 * thread is killed along with its process; its parent is the process's.) */
static void end_if_orphan(const struct tracee *child)
{
	struct process_status status;

	if (process_status(child->tid, &status) == 0 && status.tgid == child->tid &&
	    status.parent == getpid() && !any_gives_siblings(child->tracer))
		kill(child->tid, SIGKILL);
}

/* A child that was killed before it ran, of a parent whose guest asked for PTRACE_O_TRACEEXIT. */
static void end_if_ending(const struct tracee *child, int status)
{
	if (status >> 16 == PTRACE_EVENT_EXIT)
		ptrace(PTRACE_CONT, child->tid, NULL, NULL);
}

static void end_orphans(const struct tracer *tracer)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->state == TRACEE_NEW)
				end_if_orphan(at);
}

/* A leader ends after all its threads. One that is left was killed inside execve, when it had the
 * leader's tid already and its own had gone. */
static void forget(struct tracer *tracer, struct tracee *tracee)
{
	pid_t tid = tracee->tid;
	/* Threads share their memory. */
	bool leads = tracee->tgid == tid && (!tracee->mm || tracee->mm->references > 1);

	tracee_free(tracee);
	for (size_t i = 0; leads && i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i], *next; at; at = next) {
			next = at->hash_next;
			if (at->tgid == tid)
				tracee_free(at);
		}
}

static void on_end(struct tracer *tracer, struct tracee *tracee, pid_t tid, int status)
{
	if (tid == tracer->init) {
		tracer->init_status = status;
		tracer->init_ended = true;
	} else if (tracer->lingers && tracee && tid == tracee->tgid && WIFEXITED(status)) {
		tracer->init_status = status;
	}
	if (!tracee)
		return;
	if (tracee->state == TRACEE_NEW)
		tracer->new_count--;
	if (tracee->guest)
		guest_wait_on_end(tracee, status);
	if (tid == tracee->tgid)
		guest_wait_forget(tracer, tid);
	if (WIFSIGNALED(status) || tracee->tid != tracee->tgid)
		tracer->any_killed = true;
	if (WIFSIGNALED(status))
		fast_is_killed(tracee);
	forget(tracer, tracee);
	if (tracer->new_count > 0)
		end_orphans(tracer);
}

bool tracer_handle(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee = tracer_find(tracer, tid);

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		on_end(tracer, tracee, tid, status);
		return tid == tracer->init;
	}
	if (!WIFSTOPPED(status))
		return false;
	tracer->stops++;
	if (!tracee) {
		/* A new child, ahead of its parent's event: it stays stopped until that comes. */
		tracee = tracee_new(tracer, tid);
		if (!tracee) {
			kill(tid, SIGKILL);
			return false;
		}
		tracer->new_count++;
		if (tracer->any_killed)
			end_if_orphan(tracee);
		end_if_ending(tracee, status);
		return false;
	}
	if (tracee->state == TRACEE_NEW) {
		end_if_ending(tracee, status);
		return false;
	}
	on_stop(tracer, tracee, status);
	return false;
}

void tracer_signal_all(struct tracer *tracer, int signal)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			kill(at->tid, signal);
}

void tracer_kill_all(struct tracer *tracer)
{
	int status;
	pid_t tid;

	/* A guest may have held one in its last stop, where the signal changes nothing. */
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->guest && at->guest->held)
				ptrace(PTRACE_CONT, at->tid, NULL, (void *)(uintptr_t)SIGKILL);
	while (tracer->tracee_count > 0) {
		tracer_signal_all(tracer, SIGKILL);
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			struct tracee *tracee = tracer_find(tracer, tid);

			if (tracee)
				forget(tracer, tracee);
		} else {
			/* PTRACE_EVENT_EXIT and stops on the way out. */
			ptrace(PTRACE_CONT, tid, NULL, (void *)(uintptr_t)SIGKILL);
			if (!tracer_find(tracer, tid)) {
				kill(tid, SIGKILL);
				tracee_new(tracer, tid);
			}
		}
	}
}
