// SPDX-License-Identifier: Apache-2.0
/* ipc(2): all System V calls in one, as 32-bit x86 programs make them. Only the form with IPC_64 structures. */
#include <errno.h>

#include "ptrace_backend/handlers.h"
#include "ptrace_backend/sysvipc.h"

enum {
	CALL_SEMOP = 1,
	CALL_SEMGET,
	CALL_SEMCTL,
	CALL_SEMTIMEDOP,
	CALL_MSGSND = 11,
	CALL_MSGRCV,
	CALL_MSGGET,
	CALL_MSGCTL,
	CALL_SHMAT = 21,
	CALL_SHMDT,
	CALL_SHMGET,
	CALL_SHMCTL,
};
#define WITH_IPC_64 0x100

/* Hands the arguments to a handler as if they were the call's. */
static enum verdict as(struct tracee *tracee, syscall_handler *handler, const struct syscall_row *row,
		       const uint64_t (*arguments)[5])
{
	for (unsigned i = 0; i < 5; i++)
		tracee->regs.arguments[i] = (*arguments)[i];
	return handler(tracee, row);
}
#define AS(handler, ...) as(tracee, handler, row, &(const uint64_t[5]){ __VA_ARGS__ })

static enum verdict receive(struct tracee *tracee, unsigned version, const uint64_t *argument)
{
	uint32_t buffer[2]; /* address, type */

	if (version)
		return ipc_msgrcv(tracee, (int)argument[1], argument[4], (uint64_t)(int32_t)argument[2],
				  (int32_t)argument[5], (unsigned)argument[3]);
	if (tracee_read(tracee, argument[4], buffer, sizeof(buffer)) < 0)
		return tracee_answer(tracee, -EFAULT);
	return ipc_msgrcv(tracee, (int)argument[1], buffer[0], (uint64_t)(int32_t)argument[2],
			  (int32_t)buffer[1], (unsigned)argument[3]);
}

static enum verdict control_semaphores(struct tracee *tracee, const uint64_t *argument)
{
	int command = (int)argument[3];
	uint32_t value;

	if (!argument[4])
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, argument[4], &value, sizeof(value)) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (!(command & WITH_IPC_64) && (command == IPC_STAT || command == SEM_STAT || command == IPC_SET))
		return tracee_answer(tracee, -ENOSYS);
	return tracee_answer(tracee, ipc_semctl(tracee, (int)argument[1], (int)argument[2],
						command & ~WITH_IPC_64, value));
}

static enum verdict control(struct tracee *tracee, syscall_handler *handler,
			    const struct syscall_row *row, const uint64_t *argument)
{
	int command = (int)argument[2];

	if (!(command & WITH_IPC_64) && command != IPC_RMID)
		return tracee_answer(tracee, -ENOSYS);
	return AS(handler, argument[1], (uint64_t)(command & ~WITH_IPC_64), argument[4]);
}

enum verdict handle_ipc(struct tracee *tracee, const struct syscall_row *row)
{
	const uint64_t *argument = tracee->entry_arguments; /* call, first, second, third, pointer, fifth */
	unsigned version = (uint32_t)argument[0] >> 16;

	switch (argument[0] & 0xffff) {
	case CALL_SEMOP:
		return AS(handle_semop, argument[1], argument[4], argument[2]);
	case CALL_SEMTIMEDOP:
		return AS(handle_semtimedop, argument[1], argument[4], argument[2], argument[5]);
	case CALL_SEMGET:
		return AS(handle_semget, argument[1], argument[2], argument[3]);
	case CALL_SEMCTL:
		return control_semaphores(tracee, argument);
	case CALL_MSGSND:
		return AS(handle_msgsnd, argument[1], argument[4], argument[2], argument[3]);
	case CALL_MSGRCV:
		return receive(tracee, version, argument);
	case CALL_MSGGET:
		return AS(handle_msgget, argument[1], argument[2]);
	case CALL_MSGCTL:
		return control(tracee, handle_msgctl, row, argument);
	case CALL_SHMAT:
		if (version == 1)
			return tracee_answer(tracee, -EINVAL);
		return ipc_attach(tracee, (int)argument[1], argument[4], (unsigned)argument[2], argument[3]);
	case CALL_SHMDT:
		return AS(handle_shmdt, argument[4]);
	case CALL_SHMGET:
		return AS(handle_shmget, argument[1], argument[2], argument[3]);
	case CALL_SHMCTL:
		return control(tracee, handle_shmctl, row, argument);
	default:
		return tracee_answer(tracee, -ENOSYS);
	}
}
