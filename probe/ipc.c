// SPDX-License-Identifier: Apache-2.0
/* System V IPC: Android's kernels are built without it, and its filters trap the calls. */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "probe/check.h"

static int make_segment(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	void *place = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
	int code = place == (void *)-1 ? errno : 0; /* NOLINT: what shmat returns */

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return code;
}

static int make_semaphore(void)
{
	struct sembuf up = {.sem_op = 1};
	int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	int code = id < 0 || semop(id, &up, 1) < 0 ? errno : 0;

	if (id >= 0)
		semctl(id, 0, IPC_RMID);
	return code;
}

static int make_queue(void)
{
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	if (id < 0)
		return errno;
	msgctl(id, IPC_RMID, NULL);
	return 0;
}

static void check_sysvipc(struct probe_context *context, const struct probe_check *check)
{
	static const struct {
		int (*make)(void);
		const char *name;
	} kinds[] = {
		{make_segment, "shared memory"}, {make_semaphore, "semaphores"}, {make_queue, "message queues"},
	};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int code = kinds[i].make();

		/* A full table is no lack. */
		if (code && code != ENOSPC && code != ENOMEM) {
			probe_fails(context, check->facts[0], code, "no %s; under ptrace they are emulated",
				    kinds[i].name);
			return;
		}
	}
	probe_works(context, check->facts[0], 0, "%s", "");
}

const struct probe_check probe_ipc_checks[] = {
	{check_sysvipc, PROBE_FACTS(FACT_ID_SYSVIPC), 0, NULL},
	{0},
};
