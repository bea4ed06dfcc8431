// SPDX-License-Identifier: Apache-2.0
/* Threads asleep in a System V call.
 *
 * Theory of operation
 *
 *   the guest's call becomes ppoll(NULL, 0, timeout) ---> asleep in the kernel, on the object's list
 *      another thread's call does its part: done, off the list, PTRACE_INTERRUPT --+
 *      a signal, or the time is over -------------------------------------------+--+--> exit stop
 *
 * Done, or after the time (EAGAIN), the registers become what the guest's own call would have left. An
 * interrupt that comes before the sleep ends it at once, since it stays pending (or is sent again).
 *
 * A signal wakes a traced thread even when it is ignored. Hence the call is made again, with its place on the
 * list, and the signal's own stop decides: a handler ends it with EINTR, a stop by job control does for
 * semop, and what has been done meanwhile is its result.
 *
 * Where an outer filter trapped the call, a stop can come before the ppoll as well: see answer().
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <talloc.h>

#include "ptrace_backend/process_status.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/syscall_table.h"

#define KERNEL_SIGSET_SIZE 8
#define NSEC_PER_SEC	   1000000000ULL
#define FAR_SECONDS	   4000000000LL /* longer is no limit */

struct ipc_waiter *ipc_waiter_new(struct tracee *tracee, struct ipc_object *object)
{
	struct ipc_waiter *waiter = talloc_zero(tracee, struct ipc_waiter);

	if (waiter) {
		waiter->tracee = tracee;
		waiter->object = object;
	}
	tracee->ipc_waiter = waiter;
	return waiter;
}

static void leave_list(struct ipc_waiter *waiter)
{
	if (waiter->list)
		TAILQ_REMOVE(waiter->list, waiter, entry);
	waiter->list = NULL;
}

void ipc_waiter_forget(struct tracee *tracee)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;

	tracee->ipc_waiter = NULL;
	if (waiter)
		leave_list(waiter);
	talloc_free(waiter);
}

void ipc_wake(struct ipc_waiter *waiter, int64_t result)
{
	leave_list(waiter);
	waiter->done = true;
	waiter->result = result;
	waiter->object = NULL;
	ptrace(PTRACE_INTERRUPT, waiter->tracee->tid, NULL, NULL); /* ESRCH: killed meanwhile */
}

void ipc_wake_all(struct ipc_waiters *list, int64_t result)
{
	while (!TAILQ_EMPTY(list))
		ipc_wake(TAILQ_FIRST(list), result);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NSEC_PER_SEC + (uint64_t)time.tv_nsec;
}

/* Of one that is done. */
static int64_t result_of(struct tracee *tracee)
{
	const struct ipc_waiter *waiter = tracee->ipc_waiter;

	return waiter->receives && waiter->message ?
		       ipc_deliver(tracee, waiter->message, &waiter->wanted) :
		       waiter->result;
}

static int64_t take_result(struct tracee *tracee)
{
	int64_t result = result_of(tracee);

	ipc_waiter_forget(tracee);
	return result;
}

/* The registers are the guest's, at its call, as if it had not been made. */
static void interrupted(struct tracee *tracee)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;

	waiter->interrupted = true;
	waiter->after = registers_program_counter(&tracee->regs);
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, tracee->entry_arguments[i]);
	registers_repeat_call(&tracee->regs, waiter->number);
	tracee->repeats = true;
	tracee->trapped.active = false; /* it traps again */
}

/* EINTR, or what makes the kernel restart the call. */
static bool is_interruption(int64_t result)
{
	return result == -EINTR || (result <= -512 && result >= -516);
}

static void slept(struct tracee *tracee)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;

	if (!waiter->done && is_interruption(tracee_result(tracee))) {
		interrupted(tracee);
		return;
	}
	tracee_restore_arguments(tracee);
	registers_set_number(&tracee->regs, waiter->number);
	if (!waiter->done) {
		leave_list(waiter);
		waiter->result = tracee_result(tracee) ? tracee_result(tracee) : -EAGAIN;
	}
	tracee_set_result(tracee, take_result(tracee));
}

static enum verdict fall_asleep(struct tracee *tracee)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;
	int64_t number = syscall_number(tracee->regs.compat ? ARCH_COMPAT_CALLS : ARCH_CALLS, ROW_ppoll);
	uint64_t arguments[6] = { 0, 0, 0, 0, KERNEL_SIGSET_SIZE }, left;
	struct timespec timeout;
	int error = number < 0 ? -ENOSYS : 0;

	if (waiter->deadline && !error) {
		left = now() < waiter->deadline ? waiter->deadline - now() : 0;
		timeout = (struct timespec){ (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
		error = ipc_put_timeout(tracee, &timeout, &arguments[2]);
	}
	if (error) {
		ipc_waiter_forget(tracee);
		return tracee_answer(tracee, error);
	}
	waiter->number = tracee->regs.number;
	waiter->interrupted = false;
	registers_set_number(&tracee->regs, number);
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, arguments[i]);
	tracee->on_exit = slept;
	return VERDICT_EXIT;
}

enum verdict ipc_sleep(struct tracee *tracee, struct ipc_waiter *waiter, struct ipc_waiters *list,
		       const struct timespec *timeout)
{
	if (timeout && timeout->tv_sec < FAR_SECONDS)
		waiter->deadline = now() + (uint64_t)timeout->tv_sec * NSEC_PER_SEC +
				   (uint64_t)timeout->tv_nsec;
	TAILQ_INSERT_TAIL(list, waiter, entry);
	waiter->list = list;
	return fall_asleep(tracee);
}

bool ipc_goes_on(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;

	if (!waiter)
		return false;
	if (waiter->number != tracee->regs.number) { /* a debugger's jump; nothing else leads here */
		ipc_waiter_forget(tracee);
		return false;
	}
	*ret_verdict = waiter->done ? tracee_answer(tracee, take_result(tracee)) : fall_asleep(tracee);
	return true;
}

/* The call is over while the program counter is at its instruction: before it is made again, when the other
 * registers are the guest's, or before the ppoll that stands for a trapped one. */
static void answer(struct tracee *tracee, const struct ipc_waiter *waiter, int64_t result)
{
	struct trapped_call *call = &tracee->trapped;

	if (registers_fetch(tracee->tid, &tracee->regs) < 0)
		return;
	if (waiter->interrupted) {
		registers_answer_trap(&tracee->regs, waiter->after, result);
	} else {
		tracee->regs.number = call->number;
		memcpy(tracee->regs.arguments, call->arguments, sizeof(call->arguments));
		registers_rewind(&tracee->regs, call->after);
		registers_answer_trap(&tracee->regs, call->after, result);
	}
	registers_store(tracee->tid, &tracee->regs);
	call->active = false;
	tracee->on_exit = NULL;
	tracee->state = TRACEE_RUNNING;
}

static void answer_done(struct tracee *tracee)
{
	answer(tracee, tracee->ipc_waiter, result_of(tracee));
	ipc_waiter_forget(tracee);
}

static bool is_at_call(const struct tracee *tracee)
{
	return tracee->ipc_waiter &&
	       (tracee->ipc_waiter->interrupted || tracee->state == TRACEE_TRAPPED);
}

/* One that is made again finds its result by itself. It may have trapped already: this stop comes before the
 * SIGSYS's. */
void ipc_on_interrupt(struct tracee *tracee)
{
	if (tracee->ipc_waiter && tracee->state == TRACEE_TRAPPED && tracee->ipc_waiter->done)
		answer_done(tracee);
}

void ipc_interrupt_again(struct tracee *tracee)
{
	if (tracee->ipc_waiter && tracee->ipc_waiter->done)
		ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
}

static bool stops(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* The others count it as asleep before the ppoll that stands for a trapped call is made: a signal that comes
 * then interrupts it as one that comes later. */
void ipc_before_signal(struct tracee *tracee, int signal)
{
	struct ipc_waiter *waiter = tracee->ipc_waiter;
	enum signal_disposition disposition;

	if (!is_at_call(tracee))
		return;
	if (waiter->done) {
		answer_done(tracee);
		return;
	}
	disposition = signal ? process_disposition(tracee->tid, signal) : SIGNAL_IGNORED;
	if (disposition == SIGNAL_IGNORED || (disposition == SIGNAL_DEFAULT && !stops(signal))) {
		if (!waiter->interrupted) { /* trapped_undo() puts the guest's call back */
			waiter->interrupted = true;
			waiter->after = tracee->trapped.after;
		}
		return;
	}
	if (disposition == SIGNAL_CAUGHT || waiter->ends_by_stop)
		answer(tracee, waiter, -EINTR);
	ipc_waiter_forget(tracee);
}
