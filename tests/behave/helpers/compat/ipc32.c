// SPDX-License-Identifier: Apache-2.0
/* ipc32: a 32-bit program without a C library that makes System V calls, by ipc(2) where its architecture has
 * that, and prints what they gave: no ids and no addresses. */
#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/arch/loader_arch.h"

#define IPC_64	  0x100
#define IPC_CREAT 01000
#define NOWAIT	  04000
#define P(pointer) ((long)(pointer))

enum { SEMOP = 1, SEMGET, SEMCTL, SEMTIMEDOP, MSGSND = 11, MSGRCV, MSGGET, MSGCTL, SHMAT = 21, SHMDT, SHMGET,
       SHMCTL };
enum { IPC_RMID, IPC_SET, IPC_STAT, GETVAL = 12, SETVAL = 16 };

#if defined(__i386__)
static long call(long which, long first, long second, long third, long pointer, long fifth)
{
	return arch_syscall(117, which, first, second, third, pointer, fifth);
}
#else
static long call(long which, long first, long second, long third, long pointer, long fifth)
{
	long result;

	switch (which & 0xffff) {
	case SEMOP:
		return arch_syscall(298, first, pointer, second, 0, 0, 0);
	case SEMGET:
		return arch_syscall(299, first, second, third, 0, 0, 0);
	case SEMCTL:
		return arch_syscall(300, first, second, third, *(long *)pointer, 0, 0);
	case SEMTIMEDOP:
		return arch_syscall(312, first, pointer, second, fifth, 0, 0);
	case MSGSND:
		return arch_syscall(301, first, pointer, second, third, 0, 0);
	case MSGRCV:
		if (which == MSGRCV)
			return arch_syscall(302, first, ((long *)pointer)[0], second, ((long *)pointer)[1],
					    third, 0);
		return arch_syscall(302, first, pointer, second, fifth, third, 0);
	case MSGGET:
		return arch_syscall(303, first, second, 0, 0, 0, 0);
	case MSGCTL:
		return arch_syscall(304, first, second, pointer, 0, 0, 0);
	case SHMAT:
		result = arch_syscall(305, first, pointer, second, 0, 0, 0);
		*(long *)third = result;
		return (unsigned long)result > -4096UL ? result : 0;
	case SHMDT:
		return arch_syscall(306, pointer, 0, 0, 0, 0, 0);
	case SHMGET:
		return arch_syscall(307, first, second, third, 0, 0, 0);
	default:
		return arch_syscall(308, first, second, pointer, 0, 0, 0);
	}
}
#endif

/* The compiler calls it. */
void *memset(void *to, int byte, size_t size)
{
	for (volatile char *at = to; size--; at++)
		*at = (char)byte;
	return to;
}

static void show(const char *name, long result)
{
	char text[80], digits[12], *at = digits + sizeof(digits);
	unsigned long left = result < 0 ? 0UL - (unsigned long)result : (unsigned long)result;
	size_t length = 0;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (result < 0)
		*--at = '-';
	while (*name)
		text[length++] = *name++;
	text[length++] = ' ';
	while (at < digits + sizeof(digits))
		text[length++] = *at++;
	text[length++] = '\n';
	arch_syscall(4, 1, P(text), (long)length, 0, 0, 0);
}

struct status { /* of a segment, with IPC_64 */
	uint32_t key, uid, gid, cuid, cgid;
	uint16_t mode, pad1, sequence, pad2;
	uint32_t unused[2], size, times[6], creator, last, attached, rest[2];
};

static void segments(void)
{
	long id = call(SHMGET, 0, 5000, IPC_CREAT | 0600, 0, 0), place = 0, again = 0;
	struct status status;

	show("shmget", id < 0 ? id : 0);
	show("shmat", call(SHMAT, id, 0, P(&place), 0, 0));
	*(volatile long *)place = 1234;
	show("shmat again", call(SHMAT, id, 010000 /* SHM_RDONLY */, P(&again), 0, 0));
	show("shared", *(volatile long *)again);
	show("stat", call(SHMCTL, id, IPC_STAT | IPC_64, 0, P(&status), 0));
	show("size", (long)status.size);
	show("attached", (long)status.attached);
	show("mode", status.mode);
	show("shmdt", call(SHMDT, 0, 0, 0, again, 0));
	show("shmdt again", call(SHMDT, 0, 0, 0, again, 0));
	show("remove", call(SHMCTL, id, IPC_RMID | IPC_64, 0, 0, 0));
	show("shmdt last", call(SHMDT, 0, 0, 0, place, 0));
	show("gone", call(SHMCTL, id, IPC_STAT | IPC_64, 0, P(&status), 0));
}

static void semaphores(void)
{
	struct {
		uint16_t number;
		int16_t operation, flags;
	} down = { 1, -2, 0 }, up = { 1, 1, 0 };
	long id = call(SEMGET, 0, 2, IPC_CREAT | 0600, 0, 0), three = 3, none = 0;
	int32_t moment[2] = { 0, 20000000 }, bad[2] = { 0, 1000000000 };

	show("semget", id < 0 ? id : 0);
	show("setval", call(SEMCTL, id, 1, SETVAL | IPC_64, P(&three), 0));
	show("semop", call(SEMOP, id, 1, 0, P(&down), 0));
	show("getval", call(SEMCTL, id, 1, GETVAL | IPC_64, P(&none), 0));
	show("timed out", call(SEMTIMEDOP, id, 1, 0, P(&down), P(moment)));
	show("bad time", call(SEMTIMEDOP, id, 1, 0, P(&down), P(bad)));
	show("up", call(SEMOP, id, 1, 0, P(&up), 0));
	if (arch_syscall(2, 0, 0, 0, 0, 0, 0) == 0) { /* fork */
		call(SEMOP, id, 1, 0, P(&up), 0);
		arch_syscall(1, 0, 0, 0, 0, 0, 0);
	}
	up.operation = -3;
	show("waited for", call(SEMOP, id, 1, 0, P(&up), 0));
	arch_syscall(114, -1, 0, 0, 0, 0, 0); /* wait4 */
	show("remove", call(SEMCTL, id, 0, IPC_RMID | IPC_64, P(&none), 0));
	show("gone", call(SEMOP, id, 1, 0, P(&up), 0));
}

static void messages(void)
{
	struct {
		int32_t type;
		char text[32];
	} letter = { 7, "seven" }, got = { 0, "" };
	long id = call(MSGGET, 0, IPC_CREAT | 0600, 0, 0, 0), packed[2] = { P(&got), 7 };

	show("msgget", id < 0 ? id : 0);
	show("msgsnd", call(MSGSND, id, 6, 0, P(&letter), 0));
	letter.type = 8;
	show("msgsnd 8", call(MSGSND, id, 4, 0, P(&letter), 0));
	show("msgrcv packed", call(MSGRCV, id, 32, 0, P(packed), 0));
	show("type", got.type);
	show("text", got.text[0]);
	show("msgrcv", call(MSGRCV | 1 << 16, id, 32, 0, P(&got), -9));
	show("type", got.type);
	show("none", call(MSGRCV | 1 << 16, id, 32, NOWAIT, P(&got), 0));
	show("remove", call(MSGCTL, id, IPC_RMID | IPC_64, 0, 0, 0));
	show("gone", call(MSGSND, id, 4, 0, P(&letter), 0));
}

__attribute__((used)) static void body(void)
{
	segments();
	semaphores();
	messages();
	arch_syscall(ARCH_SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}

#ifdef __i386__
__asm__(".globl _start\n_start: and $-16, %esp\ncall body\n");
#else
__asm__(".globl _start\n_start: bl body\n");
#endif
