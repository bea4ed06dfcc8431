/* SPDX-License-Identifier: Apache-2.0 */
/* What requests.c makes on every machine. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANARY	     0x5a
#define NOWHERE	     ((void *)16)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static long request(int what, pid_t pid, unsigned long address, const void *data)
{
	return syscall(SYS_ptrace, what, pid, address, data);
}

static const char *outcome(long result)
{
	return result < 0 ? strerrorname_np(errno) : "done";
}

static int wait_for(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, __WALL) != pid) {
		printf("waitpid: %s\n", strerror(errno));
		exit(1);
	}
	return status;
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

static int result_of(pid_t pid);

static void say_result(pid_t pid)
{
	int result = result_of(pid);

	printf("%s\n", result >= 0 ? "works" : strerrorname_np(-result));
}

/* Stops itself by SIGSTOP, with known values in its registers; ends with 7 when they are still there. */
static void stand(void);

static pid_t start(const char *other)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!other)
			stand();
		execl(other, other, "stand", (char *)NULL);
		_exit(98);
	}
	if (WSTOPSIG(wait_for(pid)) != SIGSTOP)
		exit(1);
	return pid;
}

/* A structure: how much was written, and that it can be written back. Its request is one higher. */
static void structure(pid_t pid, const char *name, int get, unsigned long address)
{
	unsigned char first[1024], second[1024];
	size_t length = sizeof(first);
	long result;

	memset(first, CANARY, sizeof(first));
	memset(second, CANARY, sizeof(second));
	result = request(get, pid, address, first);
	printf("%s %lx: %s", name, address, outcome(result));
	while (length && first[length - 1] == CANARY)
		length--;
	printf(" %zu, set %s", length, outcome(request(get + 1, pid, address, first)));
	request(get, pid, address, second);
	printf(", %s", memcmp(first, second, sizeof(first)) ? "differs" : "same");
	printf(", nowhere %s", outcome(request(get, pid, address, NOWHERE)));
	printf(" %s\n", outcome(request(get + 1, pid, address, NOWHERE)));
}

/* Words that lie across two, and what isn't there. */
static void memory(pid_t pid, bool own)
{
	static unsigned char bytes[32] __attribute__((aligned(16)));
	unsigned long word = 0, at = (unsigned long)bytes;

	for (unsigned i = 0; own && i < 12; i++) {
		printf("poke %s ", outcome(request(PTRACE_POKEDATA, pid, at + i, (void *)0x01020304)));
		request(PTRACE_PEEKDATA, pid, at + i + 1, &word);
		printf("%lx\n", word);
	}
	printf("peek nowhere %s\n", outcome(request(PTRACE_PEEKDATA, pid, 16, &word)));
	printf("poke nowhere %s\n", outcome(request(PTRACE_POKEDATA, pid, 16, NULL)));
}
