// SPDX-License-Identifier: Apache-2.0
/* A call site in code of our own, and what happens to it once it has been patched:
 *
 *	midst jump	is entered in its midst, with another number
 *	midst other	something else is mapped where it was
 *	midst gone	the memory that it leads to is unmapped
 *	midst step	a program steps through it, by its own trap flag
 *	midst traced	so does a guest that traces, who finds the site as it was
 *	midst filter	so does a program that has loaded a filter
 *	midst forks N	processes are forked while sites are patched
 *	midst compat	the working directory is changed by a 32-bit call
 *	midst slots N	signals come while calls are made: no slot is left taken
 *
 * Prints what is odd, and "midst ok".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DIRECTORY "/tmp/midst"
#define LINK	  DIRECTORY "/link"
#define SITE	  8 /* offset of the site in the code */
#define TIMES	  6
#define AREA	  0x280000

/* stat: mov $4, %eax; syscall; ret. lstat, at 32: mov $6, %eax; jmp to that syscall. */
static const unsigned char code[64] = {
	0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 4, 0, 0, 0, 0x0f, 0x05, 0xc3, [32] = 0xb8, 6, 0, 0, 0, 0xeb, 0xe6,
};

typedef long call(const char *path, struct stat *status);

static bool failed;

static void odd(const char *what, long value)
{
	printf("%s: %ld\n", what, value);
	failed = true;
}

static call *at(unsigned char *text, unsigned offset)
{
	call *result;
	unsigned char *address = text + offset;

	memcpy(&result, &address, sizeof(result));
	return result;
}

static unsigned char *map_code(unsigned char *where)
{
	int fd = open(DIRECTORY "/code", O_RDWR | O_CREAT, 0644);
	void *text;

	if (fd < 0 || pwrite(fd, code, sizeof(code), 0) != sizeof(code))
		exit(2);
	text = mmap(where, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | (where ? MAP_FIXED : 0), fd, 0);
	close(fd);
	if (text == MAP_FAILED)
		exit(2);
	return text;
}

static void is_right(unsigned char *text)
{
	struct stat status;
	long result = at(text, SITE)(LINK, &status);

	if (result || !S_ISREG(status.st_mode))
		odd("stat", result);
}

static unsigned char *patched(void)
{
	unsigned char *text = map_code(NULL);

	for (int i = 0; i < TIMES; i++)
		is_right(text);
	return text;
}

static bool is_as_written(const unsigned char *text)
{
	return !memcmp(text, code, sizeof(code));
}

static void jump(void)
{
	unsigned char *text = patched();
	struct stat status;

	if (is_as_written(text))
		odd("the site isn't patched", 0);
	for (int i = 0; i < TIMES; i++) {
		if (at(text, 32)(LINK, &status) != 0 || !S_ISLNK(status.st_mode))
			odd("lstat", status.st_mode);
		is_right(text);
	}
}

static volatile uintptr_t illegal_at;

static void on_illegal(int number, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;

	(void)number;
	illegal_at = (uintptr_t)info->si_addr;
	if ((uintptr_t)registers->uc_mcontext.gregs[REG_RIP] != illegal_at)
		odd("program counter of a SIGILL", 0);
	registers->uc_mcontext.gregs[REG_RIP] += 2;
}

static void other(void)
{
	static const unsigned char trap[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x0f, 0x0b, 0x31, 0xc0, 0xc3 }; /* ud2 */
	struct sigaction action = { .sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO };
	unsigned char *text = patched(), *made;
	struct stat status;

	sigaction(SIGILL, &action, NULL);
	munmap(text, 4096);
	made = mmap(text, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (made != text)
		exit(2);
	memcpy(made + SITE, trap, sizeof(trap));
	at(made, SITE)(LINK, &status);
	if (illegal_at != (uintptr_t)made + SITE + 5)
		odd("a SIGILL that is the program's own", (long)illegal_at);
	memcpy(made, code, sizeof(code));
	memcpy(made + 128, code, sizeof(code));
	for (int i = 0; i < 2 * TIMES; i++) {
		is_right(made);
		is_right(made + 128);
	}
	if (!is_as_written(made) || !is_as_written(made + 128))
		odd("generated code was patched", 0);
}

/* As gadget.c does. */
static void gone(void)
{
	unsigned char *text = patched();
	int fds[2];

	if (pipe(fds) < 0)
		exit(2);
	for (uintptr_t base = 0x20000000; base < 0x60000000; base += 1 << 16)
		if (write(fds[1], (void *)base, 1) == 1 && munmap((void *)base, AREA) < 0)
			exit(2);
	for (int i = 0; i < TIMES; i++)
		is_right(text);
}

static unsigned char *stepped;
static volatile long steps, strange;

static void on_step(int number, siginfo_t *info, void *context)
{
	uintptr_t where = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)number;
	(void)info;
	strange += where >= 0x20000000 && where < 0x60000000;
	if (++steps == 100000) {
		puts("it gets nowhere");
		_exit(1);
	}
}

static void step(void)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct stat status;
	long result;

	stepped = patched();
	sigaction(SIGTRAP, &action, NULL);
	for (int i = 0; i < TIMES; i++) {
		__asm__ volatile("sub $128, %%rsp\n pushf\n orl $0x100, (%%rsp)\n popf\n"
				 "call *%[site]\n"
				 "pushf\n andl $~0x100, (%%rsp)\n popf\n add $128, %%rsp\n"
				 : "=a"(result)
				 : [site] "r"(stepped + SITE), "D"(LINK), "S"(&status)
				 : "rcx", "r11", "memory", "cc");
		if (result || !S_ISREG(status.st_mode))
			odd("stat", result);
	}
	if (strange || steps < 5L * TIMES)
		odd("steps in places that a program doesn't have", strange);
}

/* In a child that makes calls all the time. */
static void look_at(pid_t child, unsigned char *text)
{
	struct user_regs_struct registers;
	unsigned char found[64];
	int status;

	for (int turn = 0; turn < 20; turn++) {
		if (ptrace(PTRACE_SEIZE, child, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, child, NULL, NULL) < 0 ||
		    waitpid(child, &status, 0) != child)
			odd("attaching", errno);
		for (unsigned i = 0; i < sizeof(found); i += 8) {
			long word = ptrace(PTRACE_PEEKDATA, child, text + i, NULL);

			memcpy(found + i, &word, 8);
		}
		if (!is_as_written(found))
			odd("the text isn't what was written", turn);
		for (int i = 0; i < 50; i++) {
			if (ptrace(PTRACE_GETREGS, child, NULL, &registers) < 0 ||
			    (registers.rip >= 0x20000000 && registers.rip < 0x60000000))
				odd("a program counter", (long)registers.rip);
			if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 || waitpid(child, &status, 0) != child ||
			    !WIFSTOPPED(status))
				odd("a step", status);
		}
		ptrace(PTRACE_DETACH, child, NULL, NULL);
		usleep(2000);
	}
}

static void traced(void)
{
	unsigned char *text = patched();
	pid_t child = fork();
	int status;

	if (child == 0) {
		while (!failed)
			is_right(text);
		fflush(stdout);
		_exit(1);
	}
	usleep(50000);
	look_at(child, text);
	if (waitpid(child, &status, WNOHANG) != 0)
		odd("the child has ended", status);
	kill(child, SIGKILL);
}

static void filter(void)
{
	struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &pass };
	unsigned char *text = patched();

	if (is_as_written(text))
		odd("the site isn't patched", 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		exit(2);
	if (!is_as_written(text))
		odd("the text isn't what was written", 0);
	is_right(text);
}

static volatile bool over;

static void *calls_and_maps(void *argument)
{
	(void)argument;
	while (!over) {
		unsigned char *text = patched();

		munmap(text, 4096);
	}
	return NULL;
}

static unsigned char *volatile shared_text;

static void *calls(void *argument)
{
	(void)argument;
	while (!over)
		is_right(shared_text);
	return NULL;
}

static void forks(int count)
{
	pthread_t threads[2];
	int status;

	for (int i = 0; i < count && !failed; i++) {
		pid_t child;

		over = false;
		shared_text = map_code(NULL);
		pthread_create(&threads[0], NULL, calls, NULL);
		pthread_create(&threads[1], NULL, calls_and_maps, NULL);
		for (int k = 0; k < 4; k++) {
			child = fork();
			if (child == 0) {
				alarm(10);
				for (int n = 0; n < TIMES; n++)
					is_right(shared_text);
				fflush(stdout);
				_exit(failed);
			}
			if (waitpid(child, &status, 0) != child || status)
				odd("a child", status);
		}
		over = true;
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		munmap(shared_text, 4096);
	}
}

static volatile long handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

/* As fast_area.h has it: behind the first 512 KiB of the area, the first word says whether it is taken. */
static void slots(int count)
{
	struct itimerval timer = { .it_value = { 0, 50 } }, none = { .it_value = { 0, 0 } };
	unsigned char *text = patched();
	unsigned taken = 0, seen = 0;
	uint32_t word;
	int fds[2];

	signal(SIGALRM, on_signal);
	for (long before = -1; handled < count && !failed; is_right(text)) {
		if (handled == before)
			continue;
		before = handled;
		timer.it_value.tv_usec = 20 + handled % 61;
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	setitimer(ITIMER_REAL, &none, NULL);
	if (pipe(fds) < 0)
		exit(2);
	for (uintptr_t base = 0x20000000; base < 0x60000000; base += 1 << 16) {
		if (write(fds[1], (void *)base, 1) != 1)
			continue;
		for (uintptr_t slot = base + 0x80000; slot < base + AREA; slot += 0x4000, seen++) {
			memcpy(&word, (void *)slot, sizeof(word));
			taken += word != 0;
		}
		break;
	}
	if (taken || !seen)
		odd("slots left taken", taken);
}

/* fchdir by int 0x80. */
static void compat(void)
{
	int top = open("/", O_RDONLY | O_DIRECTORY), below = open(DIRECTORY, O_RDONLY | O_DIRECTORY);
	struct stat status;
	long result;

	mkdir(DIRECTORY "/tmp", 0755);
	mkdir(DIRECTORY "/tmp/midst", 0755);
	for (int turn = 0; turn < 4; turn++) {
		int fd = turn % 2 ? below : top;

		__asm__ volatile("int $0x80" : "=a"(result) : "a"(133), "b"(fd) : "memory", "r8", "r9", "r10", "r11");
		if (result == -ENOSYS)
			return; /* no 32-bit calls here */
		if (result)
			odd("fchdir", result);
		for (int i = 0; i < TIMES; i++)
			if ((stat("tmp/midst/file", &status) == 0) != (turn % 2 == 0))
				odd("a file of another directory", turn);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir(DIRECTORY, 0755);
	close(open(DIRECTORY "/file", O_CREAT | O_RDWR, 0644));
	if (symlink("file", LINK) < 0 && errno != EEXIST)
		return 2;
	if (!strcmp(what, "jump"))
		jump();
	else if (!strcmp(what, "other"))
		other();
	else if (!strcmp(what, "gone"))
		gone();
	else if (!strcmp(what, "step"))
		step();
	else if (!strcmp(what, "traced"))
		traced();
	else if (!strcmp(what, "filter"))
		filter();
	else if (!strcmp(what, "forks"))
		forks(argc > 2 ? atoi(argv[2]) : 20);
	else if (!strcmp(what, "compat"))
		compat();
	else if (!strcmp(what, "slots"))
		slots(argc > 2 ? atoi(argv[2]) : 2000);
	else
		return 2;
	if (!failed)
		puts("midst ok");
	return failed;
}
