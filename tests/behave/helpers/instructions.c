// SPDX-License-Identifier: Apache-2.0
/* Counts the instructions that a tracer executes outside the kernel for one operation of a guest, by single steps:
 *
 *	instructions ROW N COMMAND…	COMMAND ends in `micro serve SCRATCH` and is not a script: its process is the tracer
 *
 * All threads of that process are stepped, and nothing else is. Prints the number. A row is run some hundred times
 * before, so that what happens once has happened; everything is on one CPU, where a step takes some ten microseconds.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int to_micro, from_micro;

static void fail(const char *what)
{
	fprintf(stderr, "instructions: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("one CPU");
}

static pid_t start(char **command)
{
	int in[2], out[2];

	if (pipe(in) < 0 || pipe(out) < 0)
		fail("pipe");
	pid_t pid = fork();

	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		for (int fd = 3; fd < 16; fd++)
			close(fd);
		execv(command[0], command);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	to_micro = in[1];
	from_micro = out[0];
	return pid;
}

static void expect(const char *beginning)
{
	char line[256];
	size_t used = 0;

	while (used + 1 < sizeof(line) && read(from_micro, line + used, 1) == 1 && line[used] != '\n')
		used++;
	line[used] = '\0';
	if (strncmp(line, beginning, strlen(beginning)) == 0)
		return;
	fprintf(stderr, "instructions: micro says \"%s\", not \"%s\"\n", line, beginning);
	exit(1);
}

static void ask(const char *row, long n)
{
	if (dprintf(to_micro, "%s\t%ld\n", row, n) < 0)
		fail("asking micro");
}

/* Does `what` with every thread of the process. */
static void each_thread(pid_t pid, void (*what)(pid_t tid))
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory)
		fail(path);
	while ((entry = readdir(directory)))
		if (atoi(entry->d_name) > 0)
			what(atoi(entry->d_name));
	closedir(directory);
}

static void begin(pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		fail("seizing the tracer");
	while (waitpid(tid, NULL, __WALL) < 0)
		if (errno != EINTR)
			fail("seizing the tracer");
	if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) < 0)
		fail("stepping");
}

/* Ends the steps: a thread that doesn't stop within a while is in a call, and is let go with us. */
static void end(pid_t tid)
{
	int status;

	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	for (int tries = 0; tries < 1000; tries++) {
		if (waitpid(tid, &status, __WALL | WNOHANG) == tid) {
			ptrace(PTRACE_DETACH, tid, NULL, NULL);
			return;
		}
		usleep(1000);
	}
}

/* Interrupts waitpid() now and then, to look for micro's answer. */
static void look(int signal)
{
	(void)signal;
}

static void look_now_and_then(void)
{
	const struct itimerval often = { .it_interval.tv_usec = 20000, .it_value.tv_usec = 20000 };
	const struct sigaction action = { .sa_handler = look };

	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0)
		fail("timer");
}

/* Steps until micro has answered. Only a stop of SIGTRAP that is no event is a step. */
static long long count_steps(void)
{
	struct pollfd answer = { .fd = from_micro, .events = POLLIN };
	long long steps = 0;
	int status;

	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR) {
			if (poll(&answer, 1, 0) > 0)
				return steps;
			continue;
		}
		if (tid < 0 || !WIFSTOPPED(status))
			fail("the tracer has ended");
		bool is_step = WSTOPSIG(status) == SIGTRAP && status >> 16 == 0;
		int signal = is_step || status >> 16 ? 0 : WSTOPSIG(status);

		steps += is_step;
		ptrace(PTRACE_SINGLESTEP, tid, NULL, (void *)(long)signal);
	}
}

/* Setup, n operations, teardown. */
static long long count_run(const char *row, long n)
{
	ask(row, n);
	long long steps = count_steps();

	expect("ok");
	return steps;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	long n = atol(argv[2]);

	stay_on_one_cpu();
	pid_t pid = start(argv + 3);

	expect("ready");
	ask(argv[1], 200);
	expect("ok");
	look_now_and_then();
	each_thread(pid, begin);
	long long none = count_run(argv[1], 0), many = count_run(argv[1], n);

	each_thread(pid, end);
	printf("%lld\n", (many - none) / n);
	close(to_micro);
	waitpid(pid, NULL, 0);
	return 0;
}
