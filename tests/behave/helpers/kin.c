// SPDX-License-Identifier: Apache-2.0
/* Processes that a tracer may lose count of.
 *   kin siblings N   children by clone(CLONE_PARENT), after a process was killed; prints how many didn't run
 *   kin execute N    processes that are killed while one of their threads executes a program
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t busy(void)
{
	pid_t pid = fork();

	while (pid == 0)
		;
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int siblings(int count)
{
	pid_t load[3];
	int lost = 0;

	end(busy());
	for (unsigned i = 0; i < 3; i++)
		load[i] = busy();
	for (int i = 0; i < count; i++) {
		int ends[2];
		char byte;

		if (pipe(ends) < 0)
			return 1;
		if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0)
			_exit(write(ends[1], "x", 1) != 1);
		close(ends[1]);
		lost += read(ends[0], &byte, 1) != 1;
		close(ends[0]);
	}
	for (unsigned i = 0; i < 3; i++)
		end(load[i]);
	printf("lost %d\n", lost);
	return 0;
}

static char *self;

static void *execute(void *nothing)
{
	char *const argv[] = {self, "nothing", NULL};

	execv(self, argv);
	return nothing;
}

static void *work(void *nothing)
{
	for (;;)
		getppid();
	return nothing;
}

static int execute_and_kill(int count)
{
	for (int i = 0; i < count; i++) {
		struct timespec delay = {.tv_nsec = (long)(rand() % 1500) * 1000};
		pid_t pid = fork();

		if (pid == 0) {
			pthread_t thread;

			for (unsigned j = 0; j < 3; j++)
				pthread_create(&thread, NULL, work, NULL);
			pthread_create(&thread, NULL, execute, NULL);
			for (;;)
				pause();
		}
		nanosleep(&delay, NULL);
		end(pid);
	}
	puts("done");
	return 0;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 3 && !strcmp(argv[1], "siblings"))
		return siblings(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "execute"))
		return execute_and_kill(atoi(argv[2]));
	return 0;
}
