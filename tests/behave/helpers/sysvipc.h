/* SPDX-License-Identifier: Apache-2.0 */
/* What sysvipc.c and sysvipc-life.c share. */
#ifndef AMPHORA_HELPERS_SYSVIPC_H
#define AMPHORA_HELPERS_SYSVIPC_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

union semun {
	int val;
	void *pointer;
};

static inline void say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
	fflush(stdout);
}

/* Ids and addresses differ: whether it worked is what counts. */
static inline long ok(long result)
{
	return result < 0 ? result : 0;
}

static inline void nap(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0)
		;
}

static inline int operate(int id, int number, int operation, int flags)
{
	struct sembuf one = { (unsigned short)number, (short)operation, (short)flags };

	return semop(id, &one, 1);
}

static inline int semaphore(int id, int number, int command, int value)
{
	union semun argument = { .val = value };

	return semctl(id, number, command, argument);
}

struct letter {
	long type;
	char text[9000];
};

static inline int send(int id, long type, const char *text, int flags)
{
	struct letter letter = { .type = type };

	strcpy(letter.text, text);
	return msgsnd(id, &letter, strlen(text), flags);
}

static inline void receive(const char *what, int id, long type, size_t size, int flags)
{
	struct letter letter = { 0 };
	ssize_t length = msgrcv(id, &letter, size, type, flags);

	if (length < 0)
		say(what, -1);
	else
		printf("%s: %ld %zd %.20s\n", what, letter.type, length, letter.text);
}

#endif
