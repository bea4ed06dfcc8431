// SPDX-License-Identifier: Apache-2.0
/* Calls of all kinds from one place, as Go's runtime and musl's cancellable calls have it, once that place is fast:
 * calls that wait, signals with and without handlers in them, a handler that sends the program elsewhere, new processes.
 * And that a call leaves the registers alone that it should, with any stack pointer.
 *
 *	onesite gone	aarch64: that the program goes on when it has unmapped what the site leads to
 *
 * Prints what is found odd, and then "onesite ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern const char __executable_start[], etext[];

/* The result as the kernel has it. one_call_out: where a handler sends the program. */
long one_call(long number, long a, long b, long c, long d, long e);
extern const char one_call_out[];
#ifdef __aarch64__
__asm__(".globl one_call, one_call_out, one_call_site\n"
	"one_call: mov x8, x0\n"
	"	mov x0, x1\n"
	"	mov x1, x2\n"
	"	mov x2, x3\n"
	"	mov x3, x4\n"
	"	mov x4, x5\n"
	"one_call_site: svc #0\n"
	"	ret\n"
	"one_call_out: mov x0, #-77\n"
	"	ret\n");
#define COUNTER uc_mcontext.pc
#elif defined(__x86_64__)
__asm__(".globl one_call, one_call_out\n"
	"one_call: mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	syscall\n"
	"	ret\n"
	"one_call_out: mov $-77, %rax\n"
	"	ret\n");
#define COUNTER uc_mcontext.gregs[REG_RIP]
#endif

static bool failed;
static volatile int handled, outside;
static volatile bool sends_out;

static void odd(const char *what, long value)
{
	printf("%s: %ld\n", what, value);
	failed = true;
}

static void expect(const char *what, long value, long expected)
{
	if (value != expected)
		odd(what, value);
}

static void on_signal(int number, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	uint64_t at = (uint64_t)context->COUNTER;

	(void)number;
	(void)info;
	handled++;
	if ((at < (uintptr_t)__executable_start || at >= (uintptr_t)etext) && at - getauxval(AT_SYSINFO_EHDR) > 0x10000)
		outside++;
	if (sends_out)
		context->COUNTER = (uintptr_t)one_call_out;
}

static void handle(int flags)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGALRM, &action, NULL);
	handled = outside = 0;
}

/* An alarm after `first` ms, and one each `each` ms. */
static void alarms(long first, long each)
{
	struct itimerval timer = { .it_value = { 0, first * 1000 }, .it_interval = { 0, each * 1000 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void look(void)
{
	struct stat status;

	expect("stat", one_call(SYS_newfstatat, AT_FDCWD, (long)"/tmp", (long)&status, 0, 0), 0);
	if (!S_ISDIR(status.st_mode))
		odd("mode", status.st_mode);
	expect("stat of nothing", one_call(SYS_newfstatat, AT_FDCWD, (long)"/none", (long)&status, 0, 0), -ENOENT);
}

/* A process that sends signals to this one, and then writes to `fd`. */
static pid_t sender(const int *numbers, int count, int fd)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		return child;
	for (int i = 0; i < count; i++) {
		usleep(60000);
		kill(parent, numbers[i]);
	}
	usleep(60000);
	if (fd >= 0 && write(fd, "x", 1) != 1)
		_exit(1);
	_exit(0);
}

static void waits(void)
{
	static const int ignored[] = { SIGSTOP, SIGCONT, SIGWINCH, SIGURG };
	struct timespec time = { 0, 400000000 }, left = { 0, 0 }, again;
	struct pollfd pollfd = { .events = POLLIN };
	long start;
	char byte;
	int ends[2];
	pid_t child;

	if (pipe(ends) < 0)
		odd("pipe", errno);
	pollfd.fd = ends[0];

	handle(SA_RESTART);
	alarms(50, 0);
	start = now();
	expect("sleep with a handler", one_call(SYS_nanosleep, (long)&time, (long)&left, 0, 0, 0), -EINTR);
	if (now() - start > 390 || left.tv_nsec < 1000000)
		odd("sleep took ms", now() - start);
	alarms(50, 0);
	expect("poll with a handler", one_call(SYS_ppoll, (long)&pollfd, 1, 0, 0, 8), -EINTR);
	expect("handled", handled, 2);

	/* restart_syscall, and no handler. */
	child = sender(ignored, 4, -1);
	start = now();
	again = time;
	expect("sleep with signals that are ignored", one_call(SYS_nanosleep, (long)&again, (long)&left, 0, 0, 0), 0);
	if (now() - start < 390)
		odd("sleep took ms", now() - start);
	waitpid(child, NULL, 0);
	child = sender(ignored, 4, ends[1]);
	expect("poll with signals that are ignored", one_call(SYS_ppoll, (long)&pollfd, 1, 0, 0, 8), 1);
	expect("read", one_call(SYS_read, ends[0], (long)&byte, 1, 0, 0), 1);
	waitpid(child, NULL, 0);

	alarms(20, 20);
	child = sender(ignored, 4, ends[1]);
	expect("read with SA_RESTART", one_call(SYS_read, ends[0], (long)&byte, 1, 0, 0), 1);
	alarms(0, 0);
	if (handled < 5)
		odd("handled", handled);
	waitpid(child, NULL, 0);
	expect("handlers that saw another place", outside, 0);

	handle(0);
	alarms(50, 0);
	expect("read without SA_RESTART", one_call(SYS_read, ends[0], (long)&byte, 1, 0, 0), -EINTR);
	sends_out = true;
	alarms(50, 0);
	expect("read that a handler leaves", one_call(SYS_read, ends[0], (long)&byte, 1, 0, 0), -77);
	handle(SA_RESTART);
	alarms(50, 0);
	expect("one that would go on", one_call(SYS_read, ends[0], (long)&byte, 1, 0, 0), -77);
	sends_out = false;
	expect("handlers that saw another place", outside, 0);
}

static void fifo(void)
{
	int fd;
	pid_t child;

	mkfifo("/tmp/onesite", 0600);
	handle(0);
	alarms(50, 0);
	expect("open of a FIFO", one_call(SYS_openat, AT_FDCWD, (long)"/tmp/onesite", O_RDONLY, 0, 0), -EINTR);
	sends_out = true;
	alarms(50, 0);
	expect("one that a handler leaves", one_call(SYS_openat, AT_FDCWD, (long)"/tmp/onesite", O_RDONLY, 0, 0), -77);
	sends_out = false;
	handle(SA_RESTART);
	alarms(20, 20);
	child = fork();
	if (child == 0) {
		usleep(150000);
		_exit(open("/tmp/onesite", O_WRONLY) < 0);
	}
	fd = (int)one_call(SYS_openat, AT_FDCWD, (long)"/tmp/onesite", O_RDONLY, 0, 0);
	alarms(0, 0);
	if (fd < 0)
		odd("open of a FIFO with SA_RESTART", fd);
	if (handled < 3)
		odd("handled", handled);
	expect("handlers that saw another place", outside, 0);
	close(fd);
	waitpid(child, NULL, 0);
	unlink("/tmp/onesite");
}

static void processes(void)
{
	int status = -1;
	long child = one_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		look();
		_exit(failed ? 1 : 5);
	}
	expect("wait", one_call(SYS_wait4, child, (long)&status, 0, 0, 0), child);
	expect("child", status, 5 << 8);
}

#ifdef __aarch64__
/* Fills all registers with what they are called and makes a call; `ret_registers` is what it leaves. x20 to x22 are
 * used for that. x18 is the platform's. */
struct kept {
	uint64_t x[31], sp, flags, vector;
};
void call_with(struct kept *ret_registers, long number, const char *path, struct stat *status, uint64_t stack);
__asm__("call_with: stp x29, x30, [sp, #-96]!\n"
	"	stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n"
	"	mov x20, sp\n mov x21, x0\n mov x8, x1\n mov x1, x2\n mov x2, x3\n"
	"	cbz x4, 1f\n"
	"	mov sp, x4\n"
	"1:	mov x0, #-100\n mov x3, #0x100\n mov x4, #0x104\n mov x5, #0x105\n mov x6, #0x106\n"
	"	mov x7, #0x107\n mov x9, #0x109\n mov x10, #0x10a\n mov x11, #0x10b\n mov x12, #0x10c\n"
	"	mov x13, #0x10d\n mov x14, #0x10e\n mov x15, #0x10f\n mov x16, #0x110\n mov x17, #0x111\n"
	"	mov x19, #0x113\n mov x22, #0x116\n mov x23, #0x117\n mov x24, #0x118\n mov x25, #0x119\n"
	"	mov x26, #0x11a\n mov x27, #0x11b\n mov x28, #0x11c\n mov x30, #0x11e\n"
	"	fmov d7, x14\n"
	"	movz x29, #0xa000, lsl #16\n msr nzcv, x29\n"
	"	mov x29, #0x11d\n"
	"	svc #0\n"
	"	stp x0, x1, [x21]\n stp x2, x3, [x21, #16]\n stp x4, x5, [x21, #32]\n stp x6, x7, [x21, #48]\n"
	"	stp x8, x9, [x21, #64]\n stp x10, x11, [x21, #80]\n stp x12, x13, [x21, #96]\n"
	"	stp x14, x15, [x21, #112]\n stp x16, x17, [x21, #128]\n str x19, [x21, #152]\n"
	"	str x22, [x21, #176]\n stp x23, x24, [x21, #184]\n stp x25, x26, [x21, #200]\n"
	"	stp x27, x28, [x21, #216]\n stp x29, x30, [x21, #232]\n"
	"	mov x0, sp\n mrs x1, nzcv\n stp x0, x1, [x21, #248]\n str d7, [x21, #264]\n"
	"	mov sp, x20\n"
	"	ldp x19, x20, [sp, #16]\n ldp x21, x22, [sp, #32]\n ldp x23, x24, [sp, #48]\n"
	"	ldp x25, x26, [sp, #64]\n ldp x27, x28, [sp, #80]\n ldp x29, x30, [sp], #96\n"
	"	ret\n");

/* The call's result; what has changed is told. */
static long keeps(long number, const char *path, uint64_t stack)
{
	struct kept kept;
	struct stat status;

	call_with(&kept, number, path, &status, stack);
	for (int i = 4; i < 31; i++)
		if (i != 8 && i != 18 && i != 20 && i != 21 && kept.x[i] != 0x100 + (uint64_t)i)
			odd("register", i);
	/* x1 may be the address of the host's path after a stop (docs/architecture.md, known limits). */
	if (kept.x[2] != (uintptr_t)&status || kept.x[3] != 0x100 || kept.x[8] != (uint64_t)number)
		odd("an argument's register", (long)kept.x[2]);
	if (stack && kept.sp != stack)
		odd("stack", (long)kept.sp);
	if (kept.flags != 0xa0000000 || kept.vector != 0x10e)
		odd("flags", (long)kept.flags);
	return (long)kept.x[0];
}

static void registers(void)
{
	char *page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long end = now() + 3000;

	handle(SA_RESTART);
	alarms(1, 1);
	while (now() < end && !failed) {
		expect("registers", keeps(SYS_newfstatat, "/tmp", 0), 0);
		expect("registers of a call that fails", keeps(SYS_newfstatat, "/none", 0), -ENOENT);
		expect("registers of another call", keeps(SYS_sched_yield, "/tmp", 0), 0);
	}
	alarms(0, 0);
	if (handled < 100)
		odd("handled", handled);
	expect("handlers that saw another place", outside, 0);
	for (int i = 0; i < 50; i++) {
		expect("registers", keeps(SYS_newfstatat, "/tmp", 0), 0);
		expect("registers of a call that fails", keeps(SYS_newfstatat, "/none", 0), -ENOENT);
		expect("registers of a call that stops", keeps(SYS_newfstatat, "/tmp/../", 0), 0);
		expect("registers of another call", keeps(SYS_sched_yield, "/tmp", 0), 0);
		expect("another stack", keeps(SYS_newfstatat, "/tmp", (uintptr_t)page + 8192), 0);
		if (i % 10)
			continue;
		expect("an odd stack", keeps(SYS_newfstatat, "/tmp", (uintptr_t)page + 8200), 0);
		expect("no stack", keeps(SYS_newfstatat, "/tmp", 0x40), 0);
		expect("no room", keeps(SYS_newfstatat, "/tmp", (uintptr_t)page), 0);
		expect("no room, another call", keeps(SYS_sched_yield, "/tmp", (uintptr_t)page), 0);
	}
}
/* First the stub, which the record leads to, and then the record. */
static void gone(void)
{
	extern const char one_call_site[];
	uintptr_t record, page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uint32_t code;
	int ends[2];

	memcpy(&code, one_call_site, sizeof(code));
	if (code >> 26 != 5 || pipe(ends) < 0) {
		odd("the site isn't patched", code);
		return;
	}
	for (uintptr_t base = 0x20000000; base < 0x60000000; base += 1 << 24)
		if (write(ends[1], (void *)base, 1) == 1 && munmap((void *)base, 0x2c0000) < 0)
			odd("munmap", errno);
	for (int i = 0; i < 6; i++)
		look();
	record = (uintptr_t)one_call_site + (uintptr_t)((int64_t)((uint64_t)code << 38) >> 36);
	if (munmap((void *)(record & ~(page - 1)), page) < 0)
		odd("munmap", errno);
	for (int i = 0; i < 6; i++)
		look();
}
#else
static void registers(void)
{
}

static void gone(void)
{
}
#endif

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < 10; i++)
		look();
	if (argc > 1 && !strcmp(argv[1], "gone")) {
		gone();
		if (!failed)
			puts("onesite ok");
		return failed;
	}
	waits();
	fifo();
	processes();
	look();
	registers();
	if (!failed)
		puts("onesite ok");
	return failed;
}
