// SPDX-License-Identifier: Apache-2.0
/* Traces children in every way that ptrace(2) has, and says what it saw: the same natively and inside.
 *   tracer calls|exec|seize|attach|stranger|sigchld|step|events|threads|death|waits|guarded|storm|between
 *   tracer pid N              attaches to that process
 *   tracer traced|untraced PROGRAM…   runs it as user 1000
 */
#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *self;

static long trace(int request, pid_t pid, unsigned long address, unsigned long data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

static int failure; /* errno of the last result() */

static long result(long value)
{
	failure = value < 0 ? errno : 0;
	return value;
}

static void doze(void)
{
	struct timespec pause = { .tv_nsec = 30000000 };

	nanosleep(&pause, NULL);
}

/* A status in words. */
static const char *words(int status)
{
	static char text[64];

	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exited %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed %d", WTERMSIG(status));
	else if (WIFSTOPPED(status))
		snprintf(text, sizeof(text), "stopped %d%s event %d", WSTOPSIG(status) & 0x7f,
			 WSTOPSIG(status) & 0x80 ? "+call" : "", status >> 16);
	else
		snprintf(text, sizeof(text), "status %x", (unsigned)status);
	return text;
}

static int wait_and_say(pid_t pid, const char *who)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, __WALL);

	if (got < 0)
		printf("%s: %s\n", who, strerror(errno));
	else
		printf("%s: %s%s\n", who, words(status), pid > 0 && got != pid ? " (another)" : "");
	return got < 0 ? -1 : status;
}

static void say_call(pid_t pid)
{
	struct __ptrace_syscall_info info = { 0 };

	if (trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (unsigned long)&info) <= 0)
		printf("no info: %s\n", strerror(errno));
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		printf("call %s %lx\n",
		       info.entry.nr == SYS_getppid ? "getppid" :
		       info.entry.nr == SYS_openat  ? "openat" :
		       info.entry.nr == SYS_getcwd  ? "getcwd" :
		       info.entry.nr == SYS_execve  ? "execve" :
		       info.entry.nr == SYS_exit_group ? "exit_group" :
		       info.entry.nr == SYS_close   ? "close" :
							 "other",
		       info.entry.nr == SYS_openat ? (unsigned long)info.entry.args[2] : 0UL);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		printf("gave %s\n", info.exit.is_error ? strerror((int)-info.exit.rval) :
							"something");
	else
		printf("op %d\n", info.op);
}

static pid_t traced_child(void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (trace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(99);
		raise(SIGSTOP);
		work();
		_exit(7);
	}
	wait_and_say(pid, "child");
	return pid;
}

static void few_calls(void)
{
	char buffer[512];

	syscall(SYS_getppid);
	syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0));
	syscall(SYS_openat, AT_FDCWD, "/nothing/here", O_RDONLY, 0);
	syscall(SYS_getcwd, buffer, sizeof(buffer));
	syscall(SYS_close, -1);
}

static void follow_calls(pid_t pid, int limit)
{
	for (int i = 0; i < limit; i++) {
		int status;

		trace(PTRACE_SYSCALL, pid, 0, 0);
		status = wait_and_say(pid, "child");
		if (!WIFSTOPPED(status))
			return;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP)
			say_call(pid);
	}
}

static void calls(void)
{
	pid_t pid = traced_child(few_calls);

	trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	follow_calls(pid, 40);
}

static void execute_self(void)
{
	execl(self, self, "nothing", (char *)NULL);
	_exit(98);
}

static void run_exec(unsigned long options, int request)
{
	pid_t pid = traced_child(execute_self);
	unsigned long message = 0;
	siginfo_t info;
	int status;

	trace(PTRACE_SETOPTIONS, pid, 0, options);
	for (int i = 0; i < 6; i++) {
		trace(request, pid, 0, 0);
		status = wait_and_say(pid, "child");
		if (!WIFSTOPPED(status))
			return;
		if (trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0)
			printf("signal %d code %x pid %s\n", info.si_signo, (unsigned)info.si_code & 0xffff,
			       info.si_pid == pid ? "own" : info.si_pid ? "other" : "none");
		if (request == PTRACE_SYSCALL)
			say_call(pid);
		if (status >> 16 == PTRACE_EVENT_EXEC && trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message) == 0)
			printf("former %s\n", (pid_t)message == pid ? "same" : "other");
	}
	trace(PTRACE_CONT, pid, 0, 0);
	wait_and_say(pid, "child");
}

static void sleep_on(void)
{
	for (;;)
		pause();
}

static pid_t plain_child(void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		work();
		_exit(5);
	}
	doze();
	return pid;
}

static void seize(void)
{
	pid_t pid = plain_child(sleep_on);
	siginfo_t info;

	result(trace(PTRACE_CONT, pid, 0, 0));
	printf("early %d\n", failure);
	printf("seize %ld\n", trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
	result(trace(PTRACE_SEIZE, pid, 0, 0));
	printf("again %d\n", failure);
	printf("nowait %d\n", waitpid(pid, NULL, WNOHANG | __WALL));
	result(trace(PTRACE_CONT, pid, 0, 0));
	printf("running %d\n", failure);
	trace(PTRACE_INTERRUPT, pid, 0, 0);
	wait_and_say(pid, "interrupted");
	trace(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGUSR2);
	wait_and_say(pid, "signalled");
	trace(PTRACE_CONT, pid, 0, 0); /* swallowed */
	kill(pid, SIGSTOP);
	wait_and_say(pid, "stopping");
	trace(PTRACE_CONT, pid, 0, SIGSTOP);
	wait_and_say(pid, "stopped");
	printf("info %ld\n", trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info));
	trace(PTRACE_LISTEN, pid, 0, 0);
	kill(pid, SIGCONT);
	wait_and_say(pid, "continued");
	trace(PTRACE_CONT, pid, 0, 0);
	wait_and_say(pid, "SIGCONT");
	printf("detach %ld\n", trace(PTRACE_DETACH, pid, 0, 0));
	result(trace(PTRACE_CONT, pid, 0, 0));
	printf("gone %d\n", failure);
	kill(pid, SIGKILL);
	wait_and_say(pid, "killed");
}

static void attach(void)
{
	pid_t pid = plain_child(sleep_on);
	siginfo_t info;
	sigset_t mask;

	printf("attach %ld\n", trace(PTRACE_ATTACH, pid, 0, 0));
	wait_and_say(pid, "attached");
	trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
	printf("code %d\n", info.si_code > 0);
	printf("mask %ld\n", trace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask));
	result(trace(PTRACE_LISTEN, pid, 0, 0));
	printf("listen %d\n", failure);
	result(trace(PTRACE_INTERRUPT, pid, 0, 0));
	printf("interrupt %d\n", failure);
	result(trace(0x7777, pid, 0, 0));
	printf("bad %d\n", failure);
	trace(PTRACE_CONT, pid, 0, SIGSTOP);
	wait_and_say(pid, "stopped");
	printf("info %ld\n", trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info));
	trace(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGTERM);
	wait_and_say(pid, "SIGTERM");
	trace(PTRACE_DETACH, pid, 0, SIGTERM);
	wait_and_say(pid, "ended");
	pid = plain_child(sleep_on);
	kill(pid, SIGSTOP);
	doze();
	printf("attach %ld\n", trace(PTRACE_ATTACH, pid, 0, 0));
	wait_and_say(pid, "attached when stopped");
	kill(pid, SIGKILL);
	wait_and_say(pid, "killed");
	result(trace(PTRACE_ATTACH, getpid(), 0, 0));
	printf("self %d\n", failure);
	result(trace(PTRACE_ATTACH, 999999999, 0, 0));
	printf("nobody %d\n", failure);
}

/* A grandchild: the kernel would say ECHILD. */
static void stranger(void)
{
	int ends[2], status;
	pid_t pid, middle;
	char byte;

	if (pipe(ends) < 0)
		exit(1);
	middle = fork();
	if (middle == 0) {
		pid = fork();
		if (pid == 0) {
			close(ends[0]);
			if (read(ends[1], &byte, 0) < 0)
				pause();
			pause();
			_exit(0);
		}
		(void)!write(ends[1], &pid, sizeof(pid));
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	(void)!read(ends[0], &pid, sizeof(pid));
	doze();
	result(waitpid(pid, NULL, 0));
	printf("none %d\n", failure);
	printf("attach %ld\n", trace(PTRACE_ATTACH, pid, 0, 0));
	wait_and_say(-1, "attached");
	trace(PTRACE_CONT, pid, 0, 0);
	printf("nothing %d\n", waitpid(-1, NULL, WNOHANG | __WALL));
	if (fork() == 0) {
		doze();
		kill(pid, SIGUSR1);
		_exit(0);
	}
	wait(&status); /* either may come first */
	wait(&status);
	trace(PTRACE_KILL, pid, 0, 0);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		;
	printf("end %s\n", words(status));
	result(waitpid(-1, NULL, __WALL));
	printf("none %d\n", failure);
}

static volatile sig_atomic_t seen_code, seen_status, seen_count;
static volatile pid_t seen_pid;

static void on_child(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	seen_code = info->si_code;
	seen_status = info->si_status;
	seen_pid = info->si_pid;
	seen_count++;
}

static void sigchld(void)
{
	struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO };
	sigset_t block, before;
	pid_t pid;

	pid = plain_child(sleep_on);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &before);
	trace(PTRACE_SEIZE, pid, 0, 0);
	trace(PTRACE_INTERRUPT, pid, 0, 0);
	sigsuspend(&before);
	printf("SIGCHLD %d code %d status %d pid %s\n", (int)seen_count, (int)seen_code, (int)seen_status,
	       seen_pid == pid ? "right" : "wrong");
	wait_and_say(pid, "stop");
	trace(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGKILL);
	sigsuspend(&before);
	printf("SIGCHLD code %d status %d pid %s\n", (int)seen_code, (int)seen_status,
	       seen_pid == pid ? "right" : "wrong");
	wait_and_say(pid, "end");
}

static volatile long counter;

static void count_up(void)
{
	counter = 1;
	syscall(SYS_getppid);
	syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY, 0));
	counter = 2;
}

static unsigned long program_counter(pid_t pid)
{
#ifdef __arm__
	struct user_regs regs;
#else
	struct user_regs_struct regs;
#endif
	struct iovec vector = { &regs, sizeof(regs) };

	if (trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&vector) < 0)
		return 0;
#ifdef __x86_64__
	return regs.rip;
#elif defined(__i386__)
	return (unsigned long)regs.eip;
#elif defined(__arm__)
	return regs.uregs[15];
#else
	return regs.pc;
#endif
}

static void step(void)
{
	pid_t pid = traced_child(count_up);
	unsigned long at, last = 0, word = 0;
	int steps = 0, stuck = 0, status = 0;

	for (; steps < 3000; steps++) {
		trace(PTRACE_SINGLESTEP, pid, 0, 0);
		if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
		at = program_counter(pid);
		stuck += at == last;
		last = at;
		trace(PTRACE_PEEKDATA, pid, (unsigned long)&counter, (unsigned long)&word);
		if (word == 2)
			break;
	}
	/* aarch64 has one or two more or less at each call, natively too. */
	printf("steps %s, %s without a move, counter %ld\n", steps > 20 && steps < 3000 ? "some" : "odd",
	       stuck < 8 ? "few" : "many", (long)word);
	printf("poke %ld\n", trace(PTRACE_POKEDATA, pid, (unsigned long)&counter, 42));
	trace(PTRACE_PEEKDATA, pid, (unsigned long)&counter, (unsigned long)&word);
	result(trace(PTRACE_PEEKDATA, pid, 16, (unsigned long)&word));
	printf("peek %ld, bad %d\n", (long)word, failure);
	trace(PTRACE_CONT, pid, 0, 0);
	wait_and_say(pid, "child");
}

static void forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (pid == 0)
		_exit(4);
	waitpid(pid, NULL, 0);
}

static void events(void)
{
	pid_t pid = traced_child(forks), child;
	unsigned long message;
	int status;

	trace(PTRACE_SETOPTIONS, pid, 0,
	      PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT);
	for (int i = 0; i < 30; i++) {
		trace(PTRACE_CONT, pid, 0, 0);
	again:
		status = wait_and_say(pid, "parent");
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != SIGTRAP) {
			trace(PTRACE_CONT, pid, 0, (unsigned long)WSTOPSIG(status));
			goto again;
		}
		trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&message);
		if (status >> 16 == PTRACE_EVENT_EXIT)
			printf("status %lx\n", message);
		if (status >> 16 != PTRACE_EVENT_FORK && status >> 16 != PTRACE_EVENT_VFORK)
			continue;
		child = (pid_t)message;
		wait_and_say(child, "child");
		trace(PTRACE_CONT, child, 0, 0);
		wait_and_say(child, "child");
		trace(PTRACE_CONT, child, 0, 0);
		wait_and_say(child, "child");
	}
}

static void *thread_work(void *argument)
{
	if (argument) {
		usleep(100000); /* its parent's event isn't told any more once it has executed */
		execute_self();
	}
	return NULL;
}

static void threads_work(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_work, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, thread_work, (void *)1);
	pause();
}

/* A thread that comes and goes, and one that executes. */
static void threads(void)
{
	pid_t pid = traced_child(threads_work), got;
	unsigned long message;
	int status, clones = 0, thread_stops = 0, thread_ends = 0, execs = 0;

	trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
	trace(PTRACE_CONT, pid, 0, 0);
	while ((got = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (got == pid)
				break;
			thread_ends++;
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_CLONE)
			clones++;
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			execs++;
			trace(PTRACE_GETEVENTMSG, got, 0, (unsigned long)&message);
			printf("exec by %s\n", (pid_t)message == pid ? "the leader" : "a thread");
		}
		if (got != pid && WSTOPSIG(status) == SIGSTOP)
			thread_stops++;
		trace(PTRACE_CONT, got, 0, 0);
	}
	printf("clones %d, stops %d, ends %d, execs %d, %s\n", clones, thread_stops, thread_ends, execs,
	       words(status));
}

/* What becomes of a tracee whose tracer ends. */
static void death(void)
{
	for (unsigned long options = 0; options <= PTRACE_O_EXITKILL; options += PTRACE_O_EXITKILL) {
		pid_t pid = plain_child(sleep_on), tracer = fork(), got;
		int status;

		if (tracer == 0) {
			trace(PTRACE_SEIZE, pid, 0, options);
			trace(PTRACE_INTERRUPT, pid, 0, 0);
			waitpid(pid, NULL, __WALL);
			_exit(0);
		}
		waitpid(tracer, NULL, 0);
		doze();
		got = waitpid(pid, &status, WNOHANG);
		for (int i = 0; got == 0 && options && i < 100; i++) { /* dying takes a while on a busy machine */
			doze();
			got = waitpid(pid, &status, WNOHANG);
		}
		printf("tracee %s\n", got == 0 ? "lives" : words(status));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void fork_on(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(-1, NULL, WNOHANG);
	}
}

static void follow_all(void)
{
	pid_t pid = traced_child(fork_on);
	int status;

	trace(PTRACE_SETOPTIONS, pid, 0,
	      PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	trace(PTRACE_CONT, pid, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0)
		trace(PTRACE_CONT, pid, 0, 0);
}

/* Tracers and tracees killed together, wherever they are. */
static void storm(void)
{
	for (int round = 0; round < 100; round++) {
		struct timespec pause = { .tv_nsec = 1000000L * (5 + round % 20) };
		pid_t pid = fork();

		if (pid == 0) {
			setpgid(0, 0);
			(void)!freopen("/dev/null", "w", stdout);
			follow_all();
			_exit(0);
		}
		setpgid(pid, pid);
		nanosleep(&pause, NULL);
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("over\n");
}

static void *wait_in_thread(void *argument)
{
	int status = 0;

	if (waitpid(*(pid_t *)argument, &status, __WALL) > 0)
		printf("thread: %s\n", words(status));
	return NULL;
}

static void waits(void)
{
	pid_t pid = plain_child(sleep_on), other = plain_child(sleep_on);
	siginfo_t info = { 0 };
	pthread_t thread;

	trace(PTRACE_SEIZE, pid, 0, 0);
	trace(PTRACE_SEIZE, other, 0, 0);
	pthread_create(&thread, NULL, wait_in_thread, &pid);
	doze();
	trace(PTRACE_INTERRUPT, other, 0, 0);
	doze();
	printf("WNOWAIT %d code %d status %x\n", waitid(P_PID, (id_t)other, &info, WSTOPPED | WNOWAIT), info.si_code,
	       (unsigned)info.si_status);
	printf("same %d\n", info.si_pid == other);
	wait_and_say(other, "other");
	info.si_pid = 1;
	printf("no more %d", waitid(P_PID, (id_t)other, &info, WSTOPPED | WEXITED | WNOHANG));
	printf(" %d\n", info.si_pid);
	trace(PTRACE_INTERRUPT, pid, 0, 0);
	pthread_join(thread, NULL);
	kill(pid, SIGKILL);
	kill(other, SIGKILL);
	wait_and_say(pid, "one");
	wait_and_say(other, "other");
	wait_and_say(-1, "none");
}

/* Attack: the path of the program lies behind the rewritten paths. */
static void guarded(void)
{
	unsigned long at = getauxval(AT_EXECFN) & ~7UL;
	pid_t pid = traced_child(few_calls);

	result(trace(PTRACE_POKEDATA, pid, at, 0));
	printf("poke %s\n", strerror(failure));
	result(trace(PTRACE_POKETEXT, pid, at - 64 * 1024, 0));
	printf("poke %s\n", strerror(failure));
	trace(PTRACE_CONT, pid, 0, 0);
	wait_and_say(pid, "child");
}

#if defined(__x86_64__) || defined(__i386__)
static void attach_segments(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	for (;;) {
		void *at = shmat(id, NULL, 0);

		if (at != (void *)-1)
			shmdt(at);
	}
}
#endif

/* Attack: to change the registers between the calls that stand for one of the guest's. */
static void between(void)
{
	int seen = 0, stops = 0;
#if defined(__x86_64__) || defined(__i386__)
	pid_t pid = plain_child(attach_segments);
	struct user_regs_struct regs;
	struct iovec vector = { &regs, sizeof(regs) };
	struct timespec moment = { 0 };
	unsigned long code;

	trace(PTRACE_SEIZE, pid, 0, 0);
	for (; stops < 3000; stops++) {
		int status;

		moment.tv_nsec = stops % 64 * 1000;
		nanosleep(&moment, NULL);
		trace(PTRACE_INTERRUPT, pid, 0, 0);
		if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
			break;
		trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (unsigned long)&vector);
#ifdef __x86_64__
		if (trace(PTRACE_PEEKTEXT, pid, regs.rip, (unsigned long)&code) == 0 &&
		    (code & 0xffff) == 0x050f && regs.rax != SYS_shmat && regs.rax != SYS_shmdt)
			seen++;
#else
		if (trace(PTRACE_PEEKTEXT, pid, (unsigned long)regs.eip, (unsigned long)&code) == 0 &&
		    (code & 0xffff) == 0x80cd && regs.eax != SYS_shmat && regs.eax != SYS_shmdt &&
		    regs.eax != SYS_ipc)
			seen++;
#endif
		trace(PTRACE_CONT, pid, 0, 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
#else
	stops = 3000;
#endif
	printf("%d stops, %d between\n", stops, seen);
}

/* As a plain user: executes a program, traced or not. */
static int execute_plain(bool traced, char **command)
{
	int status = 0;
	pid_t pid;

	if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		if (traced)
			trace(PTRACE_TRACEME, 0, 0, 0);
		execv(command[0], command);
		_exit(97);
	}
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		trace(PTRACE_CONT, pid, 0, 0);
	return WEXITSTATUS(status);
}

static void attach_to(pid_t pid)
{
	result(trace(PTRACE_SEIZE, pid, 0, 0));
	printf("seize errno %d\n", failure);
	result(trace(PTRACE_ATTACH, pid, 0, 0));
	printf("attach errno %d\n", failure);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "calls", calls }, { "seize", seize }, { "attach", attach }, { "stranger", stranger },
		{ "sigchld", sigchld }, { "step", step }, { "events", events }, { "threads", threads },
		{ "death", death }, { "waits", waits }, { "guarded", guarded },
		{ "storm", storm }, { "between", between },
	};

	self = argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "nothing"))
		return 6;
	if (argc > 2 && !strcmp(argv[1], "pid")) {
		attach_to((pid_t)atoi(argv[2]));
		return 0;
	}
	if (argc > 2 && (!strcmp(argv[1], "traced") || !strcmp(argv[1], "untraced")))
		return execute_plain(argv[1][0] == 't', argv + 2);
	if (!strcmp(argv[1], "exec")) {
		run_exec(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC, PTRACE_SYSCALL);
		run_exec(PTRACE_O_TRACEEXEC, PTRACE_CONT);
		run_exec(0, PTRACE_CONT);
		run_exec(PTRACE_O_TRACESYSGOOD, PTRACE_SYSCALL);
		return 0;
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
	return 2;
}
