// SPDX-License-Identifier: Apache-2.0
/* Makes every request that ptrace(2) has at a stop, and says what came back, but for addresses: the same
 * natively and inside. As a 64-bit program and, with -m32, as a 32-bit one (requests32).
 *   requests machine [PROGRAM]   registers, of a child or of another build of this program
 *   requests signals             what caused a stop, queues of signals, waitid(2), wait4(2)
 *   requests escape FILE         attacks: opens and changes it by registers that were changed on the way
 *   requests family              the same, from a unix socket to one of the network
 */
#include "tests/behave/helpers/requests.h"

#if defined(__x86_64__) || defined(__i386__)
#include "tests/behave/helpers/requests_x86.h"
#elif defined(__arm__)
#include "tests/behave/helpers/requests_arm.h"
#else
/* There are register sets alone: tracer.c has them. */
static void stand(void)
{
	request(PTRACE_TRACEME, 0, 0, NULL);
	raise(SIGSTOP);
	_exit(7);
}

static void machine(const char *other)
{
	pid_t pid = start(other);

	structure(pid, "request", 12, 0);
	memory(pid, !other);
	finish(pid);
}

static void set_call(pid_t pid, long number)
{
	int narrow = (int)number;
	struct iovec vector = { &narrow, sizeof(narrow) };

	request(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &vector);
}

static void set_argument(pid_t pid, unsigned index, unsigned long value)
{
	struct user_regs_struct regs;
	struct iovec vector = { &regs, sizeof(regs) };

	request(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
	regs.regs[index] = value;
	request(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector);
}

static int result_of(pid_t pid)
{
	struct user_regs_struct regs = { 0 };
	struct iovec vector = { &regs, sizeof(regs) };

	request(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
	return (int)regs.regs[0];
}
#endif

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
	__builtin_trap();
}

static void by_breakpoint(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("int3");
#elif defined(__arm__)
	__asm__ volatile("bkpt #0");
#else
	__asm__ volatile("brk #0");
#endif
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
		printf(" status %d times %s", info.si_status,
		       (unsigned long)info.si_utime < 1000 && (unsigned long)info.si_stime < 1000 ? "few" : "odd");
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

/* A child that makes one call over and over, at an entry of it. */
static pid_t at_entry(long number, unsigned long first)
{
	pid_t pid = fork();

	if (pid == 0) {
		request(PTRACE_TRACEME, 0, 0, NULL);
		raise(SIGSTOP);
		for (;;)
			syscall(number, first, SOCK_DGRAM, 0);
	}
	wait_for(pid);
	for (int stop = 0; stop < 7; stop++) {
		request(PTRACE_SYSCALL, pid, 0, NULL);
		wait_for(pid);
	}
	return pid;
}

/* Of the call, and that the one after it is as it was. */
static void say_call(pid_t pid)
{
	request(PTRACE_SYSCALL, pid, 0, NULL);
	wait_for(pid);
	say_result(pid);
	for (int stop = 0; stop < 2; stop++) {
		request(PTRACE_SYSCALL, pid, 0, NULL);
		printf("then %x ", (unsigned)wait_for(pid));
	}
	say_result(pid);
	finish(pid);
}

static void escape(const char *path)
{
	pid_t pid = at_entry(SYS_getppid, 0);

	set_call(pid, SYS_openat);
	set_argument(pid, 0, (unsigned long)AT_FDCWD);
	set_argument(pid, 1, (unsigned long)path);
	set_argument(pid, 2, O_RDONLY);
	say_call(pid);
	pid = at_entry(SYS_getppid, 0);
	set_call(pid, SYS_truncate);
	set_argument(pid, 0, (unsigned long)path);
	set_argument(pid, 1, 1000);
	say_call(pid);
}

static void change_family(void)
{
	pid_t pid = at_entry(SYS_socket, AF_UNIX);

	set_argument(pid, 0, AF_INET);
	say_call(pid);
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
#ifdef BY_SEGMENT
		escape_by_segment(argv[2]);
#endif
		escape(argv[2]);
	} else if (!strcmp(argv[1], "family")) {
		change_family();
	} else {
		return 2;
	}
	return 0;
}
