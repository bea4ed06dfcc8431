// SPDX-License-Identifier: Apache-2.0
/* A call before the guest's own: at its exit the program counter goes back to the instruction, and the
 * registers are the guest's again. */
#include <string.h>

#include "ptrace_backend/precall.h"

static void after_precall(struct tracee *tracee)
{
	precall_done *done = tracee->precall_done;
	int64_t result = tracee_result(tracee);

	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, tracee->entry_arguments[i]);
	registers_repeat_call(&tracee->regs, (int64_t)tracee->saved[5]);
	tracee->repeats = true;
	tracee->precall_done = NULL;
	done(tracee, result);
}

enum verdict precall(struct tracee *tracee, int64_t number, const uint64_t arguments[6],
		     precall_done *done)
{
	tracee->saved[5] = (uint64_t)tracee->regs.number;
	tracee->precall_done = done;
	tracee_set_number(tracee, number);
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, arguments[i]);
	tracee->on_exit = after_precall;
	return VERDICT_EXIT;
}
