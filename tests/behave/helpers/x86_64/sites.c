// SPDX-License-Identifier: Apache-2.0
/* System calls from call sites of the shapes that libraries and compilers have, and in all circumstances that
 * matter where the instructions before a `syscall` have given way to something else:
 *
 *	sites calls		what they give, and which registers they leave alone
 *	sites restart		calls that signals interrupt, with and without a handler
 *	sites race COUNT	threads that are at the sites in their first calls, in COUNT processes
 *
 * Prints what is found odd, and then "sites ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PLACE "/tmp/sites"
#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/* Where the instructions of a shape begin, and what is behind its call. */
#define SHAPE(name, before, moves, behind) \
	__asm__(".pushsection .text\n.balign 64\n.globl site_" #name "\nsite_" #name ":\n" before "\n" \
		"site_" #name "_start:\n" moves "\nsyscall\nsite_" #name "_end:\n" behind "\nret\n.popsection\n"); \
	long site_##name(long number, long a, long b, long c, long d); \
	extern const char site_##name##_start[], site_##name##_end[]

/* glibc since 2.41, as long as there is one thread */
SHAPE(glibc, "sub $24, %rsp\nmov %rdi, 16(%rsp)\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\nnop",
      ".byte 0x48, 0x8b, 0x44, 0x24, 0x10", "add $24, %rsp");
/* glibc and musl: where a thread may be cancelled */
SHAPE(cancel,
      "sub $24, %rsp\nmov %rdi, %rax\nmov %r8, %r9\nmov %rcx, %r8\nmov %rdx, %rcx\nmov %rsi, %rdx\nmov %rax, %rsi\n"
      "mov %rdi, %r11\nmov %rsi, %rax\nmov %rdx, %rdi\nmov %rcx, %rsi\nmov %r8, %rdx\nmov %r9, %r10",
      "mov 8(%rsp), %r8\nmov 16(%rsp), %r9\nmov %r11, 8(%rsp)", "add $24, %rsp");
/* Go */
SHAPE(go, "push %rbx\nmov %rdi, %rax\nmov %rsi, %rbx\nmov %rcx, %rdi\nmov %rdx, %rcx\nmov %r8, %rsi\n"
	  "mov %rsi, %r10\nmov %rdi, %rdx",
      "mov %rcx, %rsi\nmov %rbx, %rdi", "cmp $-4095, %rax\npop %rbx");
/* musl's fstatat, statx, readlink; compilers in general */
SHAPE(stat, "mov %rsi, %rdi\nmov %rdx, %r9\nmov %rcx, %rdx\nmov %r8, %r10", "mov $262, %eax\nmov %r9, %rsi", "");
SHAPE(xor, "mov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx", "mov $262, %eax\nxor %r10d, %r10d", "");
SHAPE(long, "mov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10", ".byte 0x48, 0xc7, 0xc0\n.long 262", "");
SHAPE(store, "push %rbx\nsub $0xa8, %rsp\nmov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10",
      ".byte 0x48, 0x89, 0x9c, 0x24\n.long 0x98\nmov %r8, %rbx", "mov 0x98(%rsp), %rbx\nadd $0xa8, %rsp\npop %rbx");
SHAPE(loads, "sub $24, %rsp\nmov %rsi, 8(%rsp)\nmov %rdx, 16(%rsp)\nmov %rdi, %rax\nmov %rcx, %rdx\nmov %r8, %r10",
      "mov 16(%rsp), %rsi\nmov 8(%rsp), %edi", "add $24, %rsp");
SHAPE(moves, "mov %rsi, %r9\nmov %rdx, %r11\nmov %r8, %r10\nmov %rdi, %r8",
      "mov %r9, %rdi\nmov %r11, %rsi\nmov %rcx, %rdx\nmov %r8, %rax", "");
SHAPE(constant, "mov %rdi, %r8\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx", "mov $0, %r10d\nmov %r8, %rax", "");
SHAPE(classic, "mov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10", "mov $262, %eax", "");

/* glibc's syscall() */
SHAPE(wrapper, "sub $24, %rsp\nmovq $0, 8(%rsp)\nmov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\n"
	       "mov %r9, %r8",
      "mov 8(%rsp), %r9", "add $24, %rsp");

/* Into the middle of Go's. */
__asm__(".pushsection .text\nsite_inner: push %rbx\nmov %rdi, %rax\nmov %rsi, %rbx\nmov %rcx, %rdi\nmov %rdx, %rsi\n"
	"mov %r8, %r10\nmov %rdi, %rdx\njmp site_go_start+3\n.popsection\n");
long site_inner(long number, long a, long b, long c, long d);

static const struct shape {
	const char *name;
	long (*call)(long number, long a, long b, long c, long d);
	const char *start, *end;
	bool any; /* calls of any number */
} shapes[] = {
#define ROW(name, any) { #name, site_##name, site_##name##_start, site_##name##_end, any }
	ROW(glibc, true), ROW(cancel, true), ROW(go, true), ROW(stat, false), ROW(xor, false), ROW(long, false),
	ROW(store, true), ROW(loads, true), ROW(moves, true), ROW(constant, true), ROW(wrapper, true),
	ROW(classic, false),
	{ "inner", site_inner, site_go_start, site_go_end, true },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static volatile bool failed;
static volatile unsigned long handled;

static void odd(const char *shape, const char *what, long value)
{
	char text[160];
	int length = snprintf(text, sizeof(text), "%s: %s: %ld\n", shape, what, value);

	if (write(1, text, (size_t)length) != length)
		_exit(3);
	failed = true;
}

static void once(const struct shape *shape)
{
	struct stat status = { 0 };
	char text[8];
	long fd, result;

	result = shape->call(SYS_newfstatat, AT_FDCWD, (long)PLACE "/d/file", (long)&status, 0);
	if (result || status.st_size != 5 || status.st_uid != geteuid())
		odd(shape->name, "stat", result);
	result = shape->call(SYS_newfstatat, AT_FDCWD, (long)PLACE "/d/none", (long)&status, 0);
	if (result != -ENOENT)
		odd(shape->name, "stat of nothing", result);
	result = shape->call(SYS_newfstatat, AT_FDCWD, (long)PLACE "/d/file", 16, 0);
	if (result != -EFAULT)
		odd(shape->name, "stat to nowhere", result);
	if (!shape->any)
		return;
	fd = shape->call(SYS_openat, AT_FDCWD, (long)PLACE "/d/file", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 || shape->call(SYS_read, fd, (long)text, 5, 0) != 5 || memcmp(text, "five\n", 5) != 0)
		odd(shape->name, "open", fd);
	if (fd >= 0 && (shape->call(SYS_newfstatat, fd, (long)"", (long)&status, AT_EMPTY_PATH) && shape->call != site_constant))
		odd(shape->name, "stat of an fd", fd);
	if (shape->call(SYS_close, fd, 0, 0, 0) != 0)
		odd(shape->name, "close", fd);
	if (shape->call(SYS_getpid, 0, 0, 0, 0) != getpid())
		odd(shape->name, "getpid", 0);
	result = shape->call(SYS_readlinkat, AT_FDCWD, (long)PLACE "/d/link", (long)text, 8);
	if (result != 4 && shape->call != site_constant)
		odd(shape->name, "readlink", result);
}

/* The kernel leaves all but rax, rcx and r11 alone. */
static void registers(const struct shape *shape)
{
	register long r12 __asm__("r12") = 0x1212;
	register long r13 __asm__("r13") = 0x1313;
	struct stat status;
	long rbx = 0x3b3b, result;

	__asm__ volatile("sub $128, %%rsp\ncall *%[call]\nadd $128, %%rsp\n"
			 : "=a"(result), "+b"(rbx), "+r"(r12), "+r"(r13)
			 : [call] "r"(shape->call), "D"((long)SYS_newfstatat), "S"((long)AT_FDCWD),
			   "d"(PLACE "/d/file"), "c"(&status)
			 : "r8", "r9", "r10", "r11", "r14", "r15", "memory", "cc");
	(void)result;
	if (rbx != 0x3b3b || r12 != 0x1212 || r13 != 0x1313)
		odd(shape->name, "registers", rbx);
}

static void calls(void)
{
	for (unsigned i = 0; i < SHAPES; i++)
		for (int turn = 0; turn < 40; turn++) {
			once(&shapes[i]);
			registers(&shapes[i]);
		}
}

static const struct shape *volatile current;

static void on_signal(int number, siginfo_t *info, void *context)
{
	const char *at = (const char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	struct stat status;

	(void)number;
	(void)info;
	/* The program is at the site, or, when nothing is blocked, in this binary or a library. */
	if (((uintptr_t)at >= 0x20000000 && (uintptr_t)at < 0x40400000) ||
	    (current && (at < current->start || at > current->end)))
		odd(current ? current->name : "", "program counter", (long)at);
	handled++;
	if (stat(PLACE "/d/file", &status) != 0 || status.st_size != 5)
		odd("", "stat in a handler", status.st_size);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct sender {
	pthread_t to;
	int signal, fd, count;
};

static void *send_signals(void *argument)
{
	struct sender *sender = argument;

	/* Its pthread_create() may take longer than a signal does. */
	while (sender->signal == SIGUSR1 && !current)
		usleep(1000);
	for (int i = 0; i < sender->count; i++) {
		usleep(20000);
		pthread_kill(sender->to, sender->signal);
		for (int wait = 0; sender->signal == SIGUSR1 && handled <= (unsigned long)i && wait < 500; wait++)
			usleep(10000);
	}
	usleep(20000);
	if (sender->fd >= 0 && write(sender->fd, "x", 1) != 1)
		odd("", "write", 0);
	return NULL;
}

static void restart_of(const struct shape *shape)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct timespec length = { 0, 200000000 };
	struct sender sender = { .to = pthread_self(), .count = 5 };
	double start;
	pthread_t thread;
	int pipes[2];
	char byte;
	long result;

	if (pipe(pipes) < 0)
		exit(3);
	/* Nothing handles it: the kernel goes on by restart_syscall(2). */
	sender.signal = SIGURG;
	sender.fd = -1;
	start = now();
	pthread_create(&thread, NULL, send_signals, &sender);
	result = shape->call(SYS_nanosleep, (long)&length, 0, 0, 0);
	if (result || now() - start < 0.19)
		odd(shape->name, "nanosleep", result);
	pthread_join(thread, NULL);
	/* A handler, and on it goes. */
	action.sa_flags |= SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	sender.signal = SIGUSR1;
	sender.fd = pipes[1];
	handled = 0;
	pthread_create(&thread, NULL, send_signals, &sender);
	current = shape;
	result = shape->call(SYS_read, pipes[0], (long)&byte, 1, 0);
	current = NULL;
	if (result != 1 || handled < 5)
		odd(shape->name, "read", result * 100 + (long)handled);
	pthread_join(thread, NULL);
	/* A handler, and that is it. */
	action.sa_flags &= ~SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	sender.count = 1;
	sender.fd = -1;
	handled = 0;
	pthread_create(&thread, NULL, send_signals, &sender);
	current = shape;
	result = shape->call(SYS_read, pipes[0], (long)&byte, 1, 0);
	current = NULL;
	if (result != -EINTR)
		odd(shape->name, "read without SA_RESTART", result);
	pthread_join(thread, NULL);
	close(pipes[0]);
	close(pipes[1]);
}

/* Twice: a thread that waits at a site which nobody has patched, and at one that is. */
static void *wait_at_site(void *argument)
{
	const struct shape *shape = argument;
	struct timespec length = { 0, 100000000 };
	long result = shape->call(SYS_nanosleep, (long)&length, 0, 0, 0);

	if (result)
		odd(shape->name, "nanosleep while others call", result);
	return NULL;
}

static void restarts(void)
{
	for (unsigned i = 0; i < SHAPES; i++) {
		pthread_t thread;

		if (!shapes[i].any || shapes[i].call == site_loads) /* 32 bits of the first argument */
			continue;
		pthread_create(&thread, NULL, wait_at_site, (void *)&shapes[i]);
		usleep(10000);
		for (int turn = 0; turn < 5; turn++)
			once(&shapes[i]);
		pthread_kill(thread, SIGURG);
		pthread_join(thread, NULL);
		restart_of(&shapes[i]);
	}
}

static void *race_thread(void *argument)
{
	for (int turn = 0; turn < 8 && !failed; turn++)
		for (unsigned i = 0; i < SHAPES; i++)
			once(&shapes[(i + (uintptr_t)argument * 3) % SHAPES]);
	return NULL;
}

static void race(int count)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	while (count-- > 0) {
		pid_t child = fork();
		int status = 0;

		if (child == 0) {
			pthread_t threads[5];

			sigaction(SIGUSR1, &action, NULL);
			for (uintptr_t i = 0; i < 5; i++)
				pthread_create(&threads[i], NULL, race_thread, (void *)i);
			for (int i = 0; i < 20; i++) {
				usleep(500);
				kill(getpid(), SIGUSR1);
			}
			for (int i = 0; i < 5; i++)
				pthread_join(threads[i], NULL);
			_exit(failed);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status) {
			odd("race", "a child", status);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	FILE *out;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir(PLACE, 0755);
	mkdir(PLACE "/d", 0755);
	out = fopen(PLACE "/d/file", "w");
	if (!out || fputs("five\n", out) < 0 || fclose(out) != 0)
		return 2;
	if (symlink("file", PLACE "/d/link") < 0 && errno != EEXIST)
		return 2;
	if (argc > 1 && !strcmp(argv[1], "restart"))
		restarts();
	else if (argc > 2 && !strcmp(argv[1], "race"))
		race(atoi(argv[2]));
	else
		calls();
	if (!failed)
		puts("sites ok");
	return failed;
}
