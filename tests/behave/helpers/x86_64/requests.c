// SPDX-License-Identifier: Apache-2.0
/* Makes every request that ptrace(2) has at a stop, and says what came back, but for addresses: the same
 * natively and inside. As a 64-bit program and, with -m32, as a 32-bit one (requests32).
 *   requests machine [PROGRAM]   registers, of a child or of another build of this program
 *   requests signals             what caused a stop, queues of signals, waitid(2), wait4(2)
 *   requests escape FILE         attacks: opens it by registers that were changed on the way
 */
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CANARY 0x5a
#define NOWHERE ((void *)16)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#ifdef __x86_64__
#define REG(name)  r##name
#define SEGMENT(name) name
#define NUMBER orig_rax
#else
#define REG(name)  e##name
#define SEGMENT(name) x##name
#define NUMBER orig_eax
#endif
#define AT(name) offsetof(struct user_regs_struct, name)

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

/* Registers */

/* Known values everywhere, then a stop; the exit code tells whether they are still there. */
static void stand(void)
{
	static const char vector[16] = "vector-register";
	static const double number = 1234.5;
	static double number_after;
	static char vector_after[16];
	bool kept = true;

	request(PTRACE_TRACEME, 0, 0, NULL);
	__asm__ volatile("fldl %0\n\tmovdqu %1, %%xmm3" ::"m"(number), "m"(vector));
#ifdef __x86_64__
	{
		uint64_t high[2], b = 0x123456789abcdef0;

		__asm__ volatile("movabs $0x1122334455667788, %%r12\n\t"
				 "movabs $0x99aabbccddeeff01, %%r13\n\t"
				 "syscall\n\t"
				 "mov %%r12, %1\n\tmov %%r13, %2"
				 : "+b"(b), "=m"(high[0]), "=m"(high[1])
				 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGSTOP), "d"(0x22222222L)
				 : "r12", "r13", "rcx", "r11", "memory");
		kept = high[0] == 0x1122334455667788 && high[1] == 0x99aabbccddeeff01;
		printf("b %llx\n", (unsigned long long)b);
	}
#else
	{
		uint32_t d = 0x22222222, di = 0x44444444;

		__asm__ volatile("int $0x80"
				 : "+d"(d), "+D"(di)
				 : "a"(SYS_kill), "b"(getpid()), "c"(SIGSTOP), "S"(0x33333333)
				 : "memory");
		kept = d == 0x22222222 && di == 0x44444444;
	}
#endif
	__asm__ volatile("movdqu %%xmm3, %1\n\tfstpl %0" : "=m"(number_after), "=m"(vector_after));
	kept = kept && number_after == number && !memcmp(vector, vector_after, sizeof(vector));
	fflush(stdout);
	_exit(kept ? 7 : 8);
}

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

/* The user area word by word, and by halves: numbers where registers don't lie. */
static void peek_user(pid_t pid)
{
	struct user_regs_struct regs;
	unsigned long word, last = 0;
	unsigned good = 0;

	memset(&regs, 0, sizeof(regs));
	request(PTRACE_GETREGS, pid, 0, &regs);
	for (unsigned long offset = 0; offset < sizeof(regs); offset += sizeof(long)) {
		word = 0;
		request(PTRACE_PEEKUSER, pid, offset, &word);
		good += word == *(unsigned long *)((char *)&regs + offset);
	}
	printf("%u registers are the same\n", good);
	for (unsigned long offset = 0; offset < sizeof(struct user) + 24; offset += sizeof(long) / 2) {
		long result;

		word = CANARY;
		result = request(PTRACE_PEEKUSER, pid, offset, &word);
		if (result == 0 && offset < sizeof(regs))
			word = 1;
		last = last * 31 + (result < 0 ? (unsigned long)errno : word + 1000);
		printf("%lx%s", last, offset % 64 ? " " : "\n");
	}
	printf("\nfar %s\n", outcome(request(PTRACE_PEEKUSER, pid, -sizeof(long), &word)));
	printf("nowhere %s\n", outcome(request(PTRACE_PEEKUSER, pid, 0, NOWHERE)));
}

/* Writes words of the user area, says what is there afterwards, and puts each back. */
static void poke_user(pid_t pid)
{
	static const struct {
		const char *name;
		unsigned long offset, value;
	} pokes[] = {
		{ "bx", AT(REG(bx)), 0x12345678 },
		{ "bx", AT(REG(bx)), -3UL },
		{ "cs", AT(SEGMENT(cs)), 0 },
		{ "cs", AT(SEGMENT(cs)), 0x10 },
		{ "cs", AT(SEGMENT(cs)), 0x33 },
		{ "ss", AT(SEGMENT(ss)), 0 },
		{ "gs", AT(SEGMENT(gs)), 1 },
		{ "fs", AT(SEGMENT(fs)), 0x1002b },
		{ "number", AT(NUMBER), -1UL },
		{ "number", AT(NUMBER), 20 },
		{ "flags", AT(eflags), 0x3ffff },
		{ "half", sizeof(long) / 2, 1 },
		{ "comm", offsetof(struct user, u_comm), 1 },
		{ "debug 0", offsetof(struct user, u_debugreg[0]), 0x1000 },
		{ "debug 7", offsetof(struct user, u_debugreg[7]), 0x401 },
		{ "debug 7", offsetof(struct user, u_debugreg[7]), 0xf00ff },
		{ "debug 0", offsetof(struct user, u_debugreg[0]), -8UL },
		{ "end", sizeof(struct user), 1 },
	};

	for (unsigned i = 0; i < COUNT(pokes); i++) {
		unsigned long before = 0, after = 0;
		long result;

		request(PTRACE_PEEKUSER, pid, pokes[i].offset, &before);
		result = request(PTRACE_POKEUSER, pid, pokes[i].offset, (void *)pokes[i].value);
		printf("poke %s %lx: %s, ", pokes[i].name, pokes[i].value, outcome(result));
		request(PTRACE_PEEKUSER, pid, pokes[i].offset, &after);
		if (after == before)
			printf("unchanged\n");
		else
			printf("%lx\n", after);
		request(PTRACE_POKEUSER, pid, pokes[i].offset, (void *)before);
	}
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

static void regsets(pid_t pid)
{
	static const struct {
		const char *name;
		unsigned type;
		size_t size;
	} sets[] = {
		{ "NT_PRSTATUS", NT_PRSTATUS, 4096 }, { "NT_PRSTATUS", NT_PRSTATUS, 8 },
		{ "NT_PRSTATUS", NT_PRSTATUS, 7 },    { "NT_PRFPREG", NT_PRFPREG, 4096 },
		{ "NT_PRXFPREG", NT_PRXFPREG, 4096 }, { "NT_386_TLS", NT_386_TLS, 4096 },
		{ "NT_X86_XSTATE", NT_X86_XSTATE, 16384 }, { "nothing", 0x7777, 4096 },
	};
	static unsigned char buffer[16384];

	for (unsigned i = 0; i < COUNT(sets); i++) {
		struct iovec vector = { buffer, sets[i].size };
		long result = request(PTRACE_GETREGSET, pid, sets[i].type, &vector);

		printf("%s in %zu: %s %zu", sets[i].name, sets[i].size, outcome(result), vector.iov_len);
		if (result >= 0)
			printf(", set %s", outcome(request(PTRACE_SETREGSET, pid, sets[i].type, &vector)));
		printf(" %zu\n", vector.iov_len);
	}
	printf("nowhere %s\n", outcome(request(PTRACE_GETREGSET, pid, NT_PRSTATUS, NOWHERE)));
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

static void machine(const char *other)
{
	pid_t pid = start(other);
	struct user_regs_struct regs;

	memset(&regs, 0, sizeof(regs));
	request(PTRACE_GETREGS, pid, 0, &regs);
	printf("dx %lx\n", (unsigned long)regs.REG(dx));
	peek_user(pid);
	poke_user(pid);
	structure(pid, "regs", PTRACE_GETREGS, 0);
	structure(pid, "fpregs", PTRACE_GETFPREGS, 0);
	structure(pid, "fpxregs", 18 /* PTRACE_GETFPXREGS */, 0);
	for (unsigned long entry = 5; entry < 17; entry++)
		structure(pid, "thread area", 25, entry);
	regsets(pid);
	memory(pid, !other);
	for (int what = 34; what < 40; what++)
		printf("%d %s\n", what, outcome(request(what, pid, 0, NULL)));
	request(PTRACE_CONT, pid, 0, NULL);
	printf("end %x\n", (unsigned)wait_for(pid));
}

/* Signals */

static void by_raise(void)
{
	raise(SIGUSR1);
}

static void by_kill(void)
{
	kill(getpid(), SIGUSR1);
}

static void by_queue(void)
{
	union sigval value = { .sival_int = 0x54321 };

	sigqueue(getpid(), SIGUSR1, value);
}

static void by_timer(void)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2,
				  .sigev_value.sival_int = 0x12345 };
	timer_t timer;

	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &soon, NULL);
	pause();
}

static void by_child(void)
{
	if (fork() == 0)
		_exit(9);
	pause();
}

static void by_file(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return;
	fcntl(ends[0], F_SETSIG, SIGUSR1);
	fcntl(ends[0], F_SETOWN, getpid());
	fcntl(ends[0], F_SETFL, O_ASYNC);
	(void)!write(ends[1], "", 1);
}

static void by_write(void)
{
	*(volatile int *)NOWHERE = 1;
}

static void by_instruction(void)
{
	__asm__ volatile("ud2");
}

static void by_breakpoint(void)
{
	__asm__ volatile("int3");
}

static void by_many(void)
{
	union sigval value;
	sigset_t mask;

	sigfillset(&mask);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	for (int i = 0; i < 40; i++) {
		value.sival_int = i;
		syscall(SYS_tgkill, getpid(), getpid(), SIGHUP);
		sigqueue(getpid(), SIGRTMIN + 1, value);
	}
	raise(SIGSTOP);
}

static void say_info(pid_t pid)
{
	siginfo_t info, again;
	const unsigned char *bytes = (const unsigned char *)&info;
	size_t length = sizeof(info);
	int signal;

	memset(&info, CANARY, sizeof(info));
	if (request(PTRACE_GETSIGINFO, pid, 0, &info) < 0)
		printf("no info: %s\n", strerror(errno));
	signal = info.si_signo;
	while (length && !bytes[length - 1])
		length--;
	printf("signal %d errno %d code %d", signal, info.si_errno, info.si_code);
	if (info.si_code <= 0 && info.si_code != SI_TIMER)
		printf(" from %s", info.si_pid == pid ? "itself" : "another");
	if (info.si_code == SI_TIMER || info.si_code == SI_QUEUE)
		printf(" value %x", (unsigned)info.si_int);
	else if (signal == SIGCHLD)
		printf(" status %d %ld %ld", info.si_status, (long)info.si_utime, (long)info.si_stime);
	else if (info.si_code == POLL_IN && signal == SIGUSR1)
		printf(" band %lx", (long)info.si_band);
	else if (signal == SIGSEGV)
		printf(" at %p", info.si_addr);
	/* What is written comes back. */
	again = info;
	again.si_errno = 77;
	printf(", set %s", outcome(request(PTRACE_SETSIGINFO, pid, 0, &again)));
	memset(&info, 0, sizeof(info));
	request(PTRACE_GETSIGINFO, pid, 0, &info);
	printf(" %s\n", memcmp(&info, &again, sizeof(info)) ? "differs" : "same");
}

static void say_queue(pid_t pid)
{
	struct __ptrace_peeksiginfo_args arguments = { .off = 1, .nr = 5 };
	static siginfo_t infos[8];
	long count;

	for (int shared = 0; shared < 2; shared++) {
		arguments.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0;
		memset(infos, CANARY, sizeof(infos));
		count = request(PTRACE_PEEKSIGINFO, pid, (unsigned long)&arguments, infos);
		printf("queue %ld:", count);
		for (unsigned i = 0; i < COUNT(infos); i++)
			printf(" %d/%d/%x", infos[i].si_signo, infos[i].si_code, (unsigned)infos[i].si_int);
		printf("\n");
	}
	arguments.nr = -1;
	printf("queue %s\n", outcome(request(PTRACE_PEEKSIGINFO, pid, (unsigned long)&arguments, infos)));
}

/* `oldest`: by waitpid(2) where there is one, which has three arguments. */
static void say_waits(pid_t pid, bool oldest)
{
	struct {
		siginfo_t info;
		unsigned char behind[16];
	} told;
	struct {
		struct rusage usage;
		unsigned char behind[16];
	} used;
	int status[2] = { 0x5a5a5a5a, 0x5a5a5a5a };
	bool clean = true;
	long result;

	memset(&told, CANARY, sizeof(told));
	memset(&used, CANARY, sizeof(used));
	result = syscall(SYS_waitid, P_PID, pid, &told.info, WSTOPPED | WEXITED | WNOWAIT, &used.usage);
	for (unsigned i = 0; i < sizeof(told.behind); i++)
		clean = clean && told.behind[i] == CANARY && used.behind[i] == CANARY;
	printf("waitid %s: signal %d code %d status %x, pid %s, uid %s, usage %s, %s behind\n", outcome(result),
	       told.info.si_signo, told.info.si_code, (unsigned)told.info.si_status,
	       told.info.si_pid == pid ? "right" : "wrong", told.info.si_uid == getuid() ? "right" : "wrong",
	       used.usage.ru_nivcsw < 1000000 ? "written" : "not written", clean ? "nothing" : "something");
	memset(&used, CANARY, sizeof(used));
#ifdef SYS_waitpid
	if (oldest) {
		result = syscall(SYS_waitpid, pid, status, __WALL, NOWHERE);
		printf("waitpid %s: %x %x\n", result == pid ? "right" : outcome(result), (unsigned)status[0],
		       (unsigned)status[1]);
		return;
	}
#endif
	(void)oldest;
	result = syscall(SYS_wait4, pid, status, __WALL, &used.usage);
	printf("wait4 %s: %x %x, usage %s\n", result == pid ? "right" : outcome(result), (unsigned)status[0],
	       (unsigned)status[1], used.usage.ru_nivcsw < 1000000 ? "written" : "not written");
}

static void signals(void)
{
	static void (*const causes[])(void) = { by_raise, by_kill, by_queue,	   by_timer,	  by_child, by_file,
						by_write, by_instruction, by_breakpoint, by_many };

	for (unsigned i = 0; i < COUNT(causes); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			request(PTRACE_TRACEME, 0, 0, NULL);
			causes[i]();
			_exit(5);
		}
		say_waits(pid, i % 2);
		say_info(pid);
		if (causes[i] == by_many)
			say_queue(pid);
		finish(pid);
	}
}

/* Attacks */

static void say_opened(pid_t pid)
{
	unsigned long word = 0;
	int result;

	request(PTRACE_PEEKUSER, pid, AT(REG(ax)), &word);
	result = (int)word;
	printf("%s\n", result >= 0 ? "opened" : strerrorname_np(-result));
}

/* 64-bit code in whatever program: open(path), then a breakpoint. */
static void escape_by_segment(const char *path)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	static const unsigned char code[] = { 0xb8, 2, 0, 0, 0, 0xbf, 0, 0, 0, 0, 0x31, 0xf6, 0x0f, 0x05, 0xcc };
	uint32_t at = (uint32_t)(uintptr_t)page + 64;
	struct user_regs_struct regs;
	pid_t pid;

	memcpy(page, code, sizeof(code));
	memcpy(page + 6, &at, sizeof(at));
	snprintf((char *)page + 64, 4096, "%s", path);
	pid = start(NULL);
	request(PTRACE_GETREGS, pid, 0, &regs);
	regs.SEGMENT(cs) = 0x33;
	regs.REG(ip) = (unsigned long)page;
	printf("set %s, ", outcome(request(PTRACE_SETREGS, pid, 0, &regs)));
	request(PTRACE_CONT, pid, 0, NULL);
	printf("stop %x ", (unsigned)wait_for(pid));
	say_opened(pid);
	finish(pid);
}

/* A call that passes, with other numbers: at the entry, at the exit of the one before, and by a word each. */
static void escape_by_number(const char *path, bool at_entry)
{
	char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	snprintf(copy, 4096, "%s", path);
	pid = fork();
	if (pid == 0) {
		request(PTRACE_TRACEME, 0, 0, NULL);
		raise(SIGSTOP);
		for (;;)
			syscall(SYS_getppid);
	}
	wait_for(pid);
	for (int stop = 0; stop < (at_entry ? 7 : 8); stop++) {
		request(PTRACE_SYSCALL, pid, 0, NULL);
		wait_for(pid);
	}
	request(PTRACE_POKEUSER, pid, AT(NUMBER), (void *)SYS_open);
#ifdef __x86_64__
	request(PTRACE_POKEUSER, pid, AT(rdi), copy);
	request(PTRACE_POKEUSER, pid, AT(rsi), (void *)O_RDONLY);
#else
	request(PTRACE_POKEUSER, pid, AT(ebx), copy);
	request(PTRACE_POKEUSER, pid, AT(ecx), (void *)O_RDONLY);
#endif
	request(PTRACE_SYSCALL, pid, 0, NULL);
	wait_for(pid);
	say_opened(pid);
	finish(pid);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "stand"))
		stand();
	if (!strcmp(argv[1], "machine")) {
		machine(argc > 2 ? argv[2] : NULL);
	} else if (!strcmp(argv[1], "signals")) {
		signals();
	} else if (!strcmp(argv[1], "escape") && argc > 2) {
		escape_by_segment(argv[2]);
		escape_by_number(argv[2], true);
		escape_by_number(argv[2], false);
	} else {
		return 2;
	}
	return 0;
}
