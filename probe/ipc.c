// SPDX-License-Identifier: Apache-2.0
/* System V IPC: Android's kernels are built without it, and its filters trap the calls. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A traced child makes the call. 0 when the tracer sees it, as a seccomp event or as the SIGSYS of an outer
 * filter; an outer filter's errno outranks both. */
static bool call_unseen(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_shmget, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(program) / sizeof(program[0]), program };
	bool unseen = true;
	int status;
	pid_t child = probe_fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(1);
		raise(SIGSTOP);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0)
			(void)shmget(IPC_PRIVATE, 0, 0);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		return true;
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(uintptr_t)PTRACE_O_TRACESECCOMP);
	ptrace(PTRACE_CONT, child, NULL, NULL);
	if (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		unseen = status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) && WSTOPSIG(status) != SIGSYS;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return unseen;
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
			bool unseen = call_unseen();

			probe_fails(context, check->facts[0], code,
				    unseen ? "no %s: a filter around us answers the calls" :
					     "no %s; under ptrace they are emulated",
				    kinds[i].name);
			context->facts->fact[check->facts[0]].value = unseen;
			return;
		}
	}
	probe_works(context, check->facts[0], 0, "%s", "");
}

const struct probe_check probe_ipc_checks[] = {
	{check_sysvipc, PROBE_FACTS(FACT_ID_SYSVIPC), 0, NULL},
	{0},
};
