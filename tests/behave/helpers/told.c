// SPDX-License-Identifier: Apache-2.0
/* What a guest that traces is told of program counters: they lie in text that /proc/PID/maps shows, and steps lead on.
 *
 *	told calls PROGRAM	of a program, at its calls and in steps behind its opens, when it has been run often before
 *	told attach		of a process that makes calls all the time, at moments of the tracer's choosing
 *
 * Prints what is odd, and "told ok".
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS	   40 /* until sites are known and libraries copied */
#define STEPS	   300
#define RANGES_MAX 64

static bool failed;

static void odd(const char *what, unsigned long value)
{
	printf("%s: %#lx\n", what, value);
	failed = true;
}

static uint64_t counter_of(pid_t pid, long *ret_number)
{
	struct user_regs_struct registers;
	struct iovec vector = { &registers, sizeof(registers) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) < 0) {
		odd("registers", (unsigned long)errno);
		return 0;
	}
#ifdef __aarch64__
	*ret_number = (long)registers.regs[8];
	return registers.pc;
#else
	*ret_number = (long)registers.orig_rax;
	return registers.rip;
#endif
}

static struct {
	unsigned long start, end;
} ranges[RANGES_MAX];
static unsigned range_count;

static bool is_shown(uint64_t address)
{
	for (unsigned i = 0; i < range_count; i++)
		if (address >= ranges[i].start && address < ranges[i].end)
			return true;
	return false;
}

static void read_maps(pid_t pid)
{
	char path[64], line[512], permissions[8];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	range_count = 0;
	while (maps && range_count < RANGES_MAX && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &ranges[range_count].start, &ranges[range_count].end, permissions) == 3 &&
		    permissions[2] == 'x')
			range_count++;
	if (maps)
		fclose(maps);
}

/* What is there now. Returns the counter. */
static uint64_t look(pid_t pid, const char *when, long *ret_number)
{
	uint64_t counter = counter_of(pid, ret_number);

	/* A call's instruction may be the last in its mapping. */
	if (!is_shown(counter - 1)) {
		read_maps(pid);
		if (!is_shown(counter - 1))
			odd(when, counter);
	}
	return counter;
}

static bool go(pid_t pid, int request, int *ret_status)
{
	if (ptrace(request, pid, NULL, NULL) < 0 || waitpid(pid, ret_status, __WALL) != pid)
		odd("going on", (unsigned long)errno);
	return !failed && WIFSTOPPED(*ret_status);
}

static bool step(pid_t pid, unsigned count)
{
	uint64_t before = 0, now;
	unsigned still = 0;
	long number;
	int status;

	for (unsigned i = 0; i < count; i++) {
		if (!go(pid, PTRACE_SINGLESTEP, &status))
			return false;
		now = look(pid, "behind a step", &number);
		still = now == before ? still + 1 : 0;
		if (still == 8)
			odd("steps get nowhere", now);
		before = now;
	}
	return !failed;
}

static pid_t start(char **argv, bool traced)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(99);
	execv(argv[0], argv);
	_exit(98);
}

static void calls(char **argv)
{
	unsigned opens = 0;
	bool entered = false;
	long number;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < RUNS; i++) {
		pid = start(argv, false);
		if (waitpid(pid, &status, 0) != pid || status)
			odd("the program", (unsigned long)status);
	}
	pid = start(argv, true);
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		odd("exec", (unsigned long)status);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (!failed && go(pid, PTRACE_SYSCALL, &status)) {
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		look(pid, entered ? "behind a call" : "before a call", &number);
		entered = !entered;
		if (!entered && number == SYS_openat && ++opens < 8 && !step(pid, STEPS))
			break;
	}
	if (opens < 2)
		odd("opens", opens);
	if (failed)
		kill(pid, SIGKILL);
}

static void look_often(void)
{
	struct stat status;

	for (;;)
		if (stat("/tmp", &status) != 0 || stat("/none", &status) != -1)
			_exit(1);
}

static void attach(void)
{
	for (int turn = 0; turn < 20 && !failed; turn++) {
		pid_t pid = fork();
		int status;
		long number;

		if (pid == 0)
			look_often();
		usleep(20000 + 1000 * turn);
		range_count = 0;
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			odd("attaching", (unsigned long)errno);
		look(pid, "attached", &number);
		step(pid, 40);
		for (int i = 0; i < 6 && !failed && go(pid, PTRACE_SYSCALL, &status); i++)
			look(pid, "at a call", &number);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		usleep(5000);
		if (waitpid(pid, &status, WNOHANG) != 0)
			odd("the process has ended", (unsigned long)status);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(argv[1], "calls"))
		calls(argv + 2);
	else if (argc > 1 && !strcmp(argv[1], "attach"))
		attach();
	else
		return 2;
	if (!failed)
		puts("told ok");
	return failed;
}
