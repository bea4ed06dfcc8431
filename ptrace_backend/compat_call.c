// SPDX-License-Identifier: Apache-2.0
/* A call from its entry to its handler and back, of 64-bit and of 32-bit programs.
 *
 * Theory of operation
 *
 * A 32-bit call has numbers of its own, and most often the arguments of the 64-bit call of the same
 * name, in the same order: its table leads to that call's row, and the same handler takes it. What
 * differs is the shape that the table notes. Arguments are put right here before the handler sees
 * them (16-bit ids, flags that the older call lacks), structures in layout.c.
 *
 * The shape changes the tracer's view alone: the kernel runs the call that the guest made, with the
 * registers that a handler changed. Those get their values back at the exit, always, since a program
 * with eight registers keeps its path where it passed it.
 *
 * socketcall(2) has its arguments in memory. They are copied to where the guest can't change them, the
 * handler of the socket call sees them in the place of registers, and what it changes is changed in
 * the copy.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/tracer.h"

#define ARGUMENT_BITS (REGISTER_RESULT - 1)
#define NO_ID16	      0xffff
#define SOCKETCALL_SENDTO 11 /* linux/net.h: SYS_SENDTO */
#define OVERFLOW_ID16 65534

void tracee_set_number(struct tracee *tracee, int64_t number)
{
	if (tracee->regs.compat && number >= 0) {
		const struct syscall_row *row = syscall_row(number);

		number = row ? syscall_number(ARCH_COMPAT_CALLS, row->index) : -1;
	}
	registers_set_number(&tracee->regs, number);
}

static void widen_ids(struct tracee *tracee, unsigned first, unsigned count)
{
	uint64_t *arguments = tracee->regs.arguments;

	for (unsigned i = first; i < first + count; i++)
		arguments[i] = (uint16_t)arguments[i] == NO_ID16 ? (uint32_t)-1 :
								  (uint16_t)arguments[i];
}

static void widen_arguments(struct tracee *tracee, const struct syscall_row *row,
			    enum call_shape shape)
{
	uint64_t *arguments = tracee->regs.arguments;

	if (shape == SHAPE_UMOUNT)
		arguments[1] = 0;
	else if (shape == SHAPE_WAITPID)
		arguments[3] = 0;
	if (shape != SHAPE_IDS16)
		return;
	switch ((enum syscall_index)row->index) {
	case ROW_chown:
	case ROW_lchown:
	case ROW_fchown:
		widen_ids(tracee, 1, 2);
		break;
	case ROW_setuid:
	case ROW_setgid:
	case ROW_setfsuid:
	case ROW_setfsgid:
		widen_ids(tracee, 0, 1);
		break;
	case ROW_setreuid:
	case ROW_setregid:
		widen_ids(tracee, 0, 2);
		break;
	case ROW_setresuid:
	case ROW_setresgid:
		widen_ids(tracee, 0, 3);
		break;
	default:
		break;
	}
}

static void narrow_result(struct tracee *tracee, const struct syscall_row *row)
{
	switch ((enum syscall_index)row->index) {
	case ROW_getuid:
	case ROW_geteuid:
	case ROW_getgid:
	case ROW_getegid:
	case ROW_setfsuid:
	case ROW_setfsgid:
		if (tracee->regs.result > UINT16_MAX)
			tracee->regs.result = OVERFLOW_ID16;
		break;
	default:
		break;
	}
}

/* An earlier handler may have set on_exit and answered after all. */
static enum verdict handle(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict;

	if (tracee->tracer->calls)
		tracee->tracer->calls[row->index]++;
	tracee->on_exit = NULL;
	if (tracee->mm->emulator.missing && emulator_call(tracee, row, &verdict))
		return verdict;
	fast_before_call(tracee);
	verdict = row->enter ? row->enter(tracee, row) : translate_paths(tracee, row);
	fast_after_call(tracee);
	return verdict;
}

enum verdict syscall_enter(struct tracee *tracee, const struct syscall_call *call)
{
	const struct syscall_row *row = syscall_call_row(call);
	enum verdict verdict;

	memcpy(tracee->entry_arguments, tracee->regs.arguments, sizeof(tracee->entry_arguments));
	tracee->entry_number = tracee->regs.number;
	tracee->entry_after = tracee->regs.after;
	tracee->call = call;
	if (!tracee->regs.compat)
		return handle(tracee, row);
	widen_arguments(tracee, row, call->shape);
	verdict = handle(tracee, row);
	if (verdict == VERDICT_SKIP && call->shape == SHAPE_IDS16)
		narrow_result(tracee, row);
	if (verdict == VERDICT_CONTINUE && (tracee->regs.changed & ARGUMENT_BITS))
		return continue_and_restore(tracee);
	return verdict;
}

void syscall_exit(struct tracee *tracee)
{
	if (tracee->on_exit)
		tracee->on_exit(tracee);
	if (tracee->regs.compat && !tracee->chain.goes_on)
		tracee_restore_arguments(tracee);
}

/* socketcall */

static void after_socketcall(struct tracee *tracee)
{
	uint64_t registers[6];
	unsigned changed = tracee->regs.changed & ARGUMENT_BITS;

	memcpy(registers, tracee->regs.arguments, sizeof(registers));
	memcpy(tracee->regs.arguments, tracee->entry_arguments, sizeof(registers));
	if (tracee->inner_exit)
		tracee->inner_exit(tracee);
	memcpy(tracee->regs.arguments, registers, sizeof(registers));
	memcpy(tracee->entry_arguments, tracee->outer_arguments, sizeof(registers));
	tracee->regs.changed = (tracee->regs.changed & ~(unsigned)ARGUMENT_BITS) | changed;
	tracee_restore_arguments(tracee);
}

/* What the filter would have decided from registers: true for a call that the kernel may just run. */
static bool passes(const struct tracee *tracee, const struct syscall_row *row,
		   const uint64_t *arguments)
{
	switch ((enum filter_rule)row->rule) {
	case RULE_SOCKET:
		return (uint32_t)arguments[0] == AF_UNIX;
	case RULE_ADDRESS: /* else see netlink_route.c: as the second filter */
		return arguments[4] == 0 && (row->index != ROW_sendto || !tracee->tracer->netlinks);
	case RULE_ACCEPT:
		return arguments[1] == 0;
	case RULE_PASSCRED:
		return (uint32_t)arguments[1] != SOL_SOCKET || (uint32_t)arguments[2] != SO_PASSCRED;
	case RULE_PEERCRED:
		return (uint32_t)arguments[1] != SOL_SOCKET || (uint32_t)arguments[2] != SO_PEERCRED;
	default:
		return row->action == ACTION_PASS;
	}
}

enum verdict handle_socketcall(struct tracee *tracee, const struct syscall_row *row)
{
	static const uint8_t counts[SOCKETCALL_MAX + 1] = { 0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4,
							    6, 6, 2, 5, 5, 3, 3, 4, 5, 4 };
	uint32_t which = (uint32_t)tracee_argument(tracee, 0), block[6] = { 0 };
	const struct syscall_row *inner = socketcall_row(which);
	enum verdict verdict = VERDICT_CONTINUE;
	uint64_t address;
	int error;

	(void)row;
	if (!inner)
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, tracee_argument(tracee, 1), block, counts[which] * sizeof(block[0])) < 0)
		return tracee_answer(tracee, -EFAULT);
	memcpy(tracee->outer_arguments, tracee->entry_arguments, sizeof(tracee->outer_arguments));
	for (unsigned i = 0; i < 6; i++)
		tracee->regs.arguments[i] = tracee->entry_arguments[i] = block[i];
	tracee->on_exit = NULL;
	if (inner->index == ROW_send && tracee->tracer->netlinks) /* the address is NULL: nothing was read there */
		inner = socketcall_row(SOCKETCALL_SENDTO);
	if (!passes(tracee, inner, tracee->regs.arguments))
		verdict = inner->action == ACTION_ERRNO ? tracee_answer(tracee, -inner->error) :
							  handle(tracee, inner);
	/* Another call first, or in its place, in its own registers. */
	if (tracee->precall_done || (verdict == VERDICT_EXIT && (tracee->regs.changed & REGISTER_NUMBER))) {
		memcpy(tracee->entry_arguments, tracee->outer_arguments,
		       sizeof(tracee->entry_arguments));
		return verdict;
	}
	for (unsigned i = 0; i < 6; i++)
		block[i] = (uint32_t)tracee->regs.arguments[i];
	memcpy(tracee->regs.arguments, tracee->outer_arguments, sizeof(tracee->outer_arguments));
	tracee->regs.changed &= ~(unsigned)ARGUMENT_BITS;
	if (verdict == VERDICT_SKIP) {
		memcpy(tracee->entry_arguments, tracee->outer_arguments,
		       sizeof(tracee->entry_arguments));
		return verdict;
	}
	error = tracee_put(tracee, block, counts[which] * sizeof(block[0]), &address);
	if (error) {
		tracee->on_exit = NULL;
		return tracee_answer(tracee, error);
	}
	tracee_set_argument(tracee, 1, address);
	tracee->inner_exit = verdict == VERDICT_EXIT ? tracee->on_exit : NULL;
	tracee->on_exit = after_socketcall;
	return VERDICT_EXIT;
}
