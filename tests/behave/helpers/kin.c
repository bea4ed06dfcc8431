// SPDX-License-Identifier: Apache-2.0
/* Processes that a tracer may lose count of.
 *   kin siblings N   children by clone(CLONE_PARENT), after a process was killed; prints how many didn't run
 *   kin execute N    processes that are killed while one of their threads executes a program
 *   kin arguments N  threads that execute /script by vfork at once, each with 3000 arguments of its own
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
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

#define ARGUMENTS 3000
static int rounds;

static pid_t start_script(const char *const *argv, int output)
{
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(output, 1);
		execv("/script", (char *const *)(uintptr_t)argv);
		_exit(1);
	}
	return pid;
}

/* The script says its first and last argument and how many they are. */
static int run_script(const char *tag)
{
	const char *argv[ARGUMENTS + 2] = {"script"};
	char said[256], expected[256];
	size_t length = 0;
	ssize_t n;
	int ends[2];
	pid_t pid;

	for (unsigned i = 1; i <= ARGUMENTS; i++)
		argv[i] = tag;
	snprintf(expected, sizeof(expected), "%s %s %d\n", tag, tag, ARGUMENTS);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	pid = start_script(argv, ends[1]);
	close(ends[1]);
	while (length < sizeof(said) - 1 &&
	       (n = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return strcmp(said, expected) != 0;
}

static void *run_scripts(void *number)
{
	uintptr_t wrong = 0;

	for (int i = 0; i < rounds; i++) {
		char tag[32];

		snprintf(tag, sizeof(tag), "t%lu-%d", (unsigned long)(uintptr_t)number, i);
		wrong += (unsigned)run_script(tag);
	}
	return (void *)wrong;
}

static int arguments(int count)
{
	pthread_t threads[8];
	uintptr_t wrong = 0;

	rounds = count;
	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, run_scripts, (void *)i);
	for (unsigned i = 0; i < 8; i++) {
		void *result = NULL;

		pthread_join(threads[i], &result);
		wrong += (uintptr_t)result;
	}
	printf("wrong %lu\n", (unsigned long)wrong);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "arguments"))
		return arguments(atoi(argv[2]));
	self = argv[0];
	if (argc == 3 && !strcmp(argv[1], "siblings"))
		return siblings(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "execute"))
		return execute_and_kill(atoi(argv[2]));
	return 0;
}
