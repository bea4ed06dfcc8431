// SPDX-License-Identifier: Apache-2.0
/* A chain of calls in the place of one.
 *
 * Theory of operation
 *
 *   stop of the guest's call   number and arguments become the first link's
 *   exit stop                  the step says what is next: the program counter goes back to the
 *                              instruction and the registers become the next link's ...
 *   entry stop, exit stop      ... as TRACEE_TRAPPED knows it
 *   last exit stop             the registers are what the guest's own call would have left
 *
 * A signal between two links would run a handler on top of a call that the guest never made: all but those
 * that a fault raises are blocked meanwhile, in the kernel's mask, which no guest can read while it is
 * inside.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>

#include "ptrace_backend/chain.h"

#define SIGNAL_BIT(number) (1ULL << ((number) - 1))
#define FAULTS                                                                                \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGFPE) | \
	 SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS))

#ifndef PTRACE_GETSIGMASK
#define PTRACE_GETSIGMASK 0x420a
#define PTRACE_SETSIGMASK 0x420b
#endif

static void after_link(struct tracee *tracee)
{
	tracee->chain.goes_on = false;
	tracee->chain.step(tracee, tracee_result(tracee));
}

static int64_t number_of(const struct tracee *tracee, enum syscall_index call)
{
	return syscall_number(tracee->regs.compat ? ARCH_COMPAT_CALLS : ARCH_CALLS, call);
}

enum verdict chain_start(struct tracee *tracee, enum syscall_index call, const uint64_t arguments[6],
			 chain_step *step)
{
	struct call_chain *chain = &tracee->chain;
	int64_t number = number_of(tracee, call);
	uint64_t blocked = ~(uint64_t)FAULTS;

	if (number < 0)
		return tracee_answer(tracee, -ENOSYS);
	if (ptrace(PTRACE_GETSIGMASK, tracee->tid, sizeof(chain->mask), &chain->mask) < 0 ||
	    ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(blocked), &blocked) < 0)
		return tracee_answer(tracee, -ENOSYS);
	chain->step = step;
	chain->number = tracee->regs.number;
	memcpy(chain->arguments, tracee->entry_arguments, sizeof(chain->arguments));
	registers_set_number(&tracee->regs, number);
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, arguments[i]);
	tracee->on_exit = after_link;
	return VERDICT_EXIT;
}

void chain_call(struct tracee *tracee, enum syscall_index call, const uint64_t arguments[6],
		chain_step *step)
{
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, arguments[i]);
	registers_repeat_call(&tracee->regs, number_of(tracee, call));
	tracee->chain.step = step;
	tracee->chain.goes_on = true;
	tracee->repeats = true;
}

void chain_end(struct tracee *tracee, int64_t result)
{
	struct call_chain *chain = &tracee->chain;

	ptrace(PTRACE_SETSIGMASK, tracee->tid, sizeof(chain->mask), &chain->mask);
	chain->step = NULL;
	chain->goes_on = false;
	tracee->repeats = false;
	tracee_set_result(tracee, result);
	registers_finish_trap(&tracee->regs, chain->number, chain->arguments);
}
