// SPDX-License-Identifier: Apache-2.0
/* filters MODE: installs seccomp filters with each answer and prints what the calls, signals and statuses
 * were. What it prints inside must be what it prints outside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif

#if defined(__i386__) /* the calls that its C library makes */
#undef SYS_getuid
#undef SYS_getgroups
#define SYS_getuid     SYS_getuid32
#define SYS_getgroups  SYS_getgroups32
#define SYS_newfstatat SYS_fstatat64
#undef SYS_fstat
#define SYS_fstat SYS_fstat64
#undef SYS_bind
#define SYS_bind SYS_statx
#endif

#define LOAD(field)	 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value)	 BPF_STMT(BPF_RET | BPF_K, value)
#define ANSWER(nr, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), RETURN(what)
#define COUNT(array)	 (sizeof(array) / sizeof((array)[0]))

static const char file[] = "/etc/passwd";

static long install(const struct sock_filter *program, size_t length, unsigned long flags)
{
	struct sock_fprog filter = { (unsigned short)length, (struct sock_filter *)(uintptr_t)program };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

static void install_or_die(const struct sock_filter *program, size_t length)
{
	if (install(program, length, 0) == 0)
		return;
	perror("seccomp");
	exit(3);
}

/* Calls that amphora answers in each of its ways. */
static struct {
	const char *name;
	long number;
	long arguments[4];
} calls[] = {
	{ "getppid", SYS_getppid, { 0 } },
	{ "getuid", SYS_getuid, { 0 } },
	{ "getgroups", SYS_getgroups, { 0 } },
	{ "getcwd", SYS_getcwd, { 0 } },
	{ "newfstatat", SYS_newfstatat, { AT_FDCWD } },
	{ "openat", SYS_openat, { AT_FDCWD } },
	{ "faccessat", SYS_faccessat, { AT_FDCWD } },
	{ "uname", SYS_uname, { 0 } },
	{ "kill", SYS_kill, { 0 } },
	/* An Android app's filter traps these: another call takes the place of one, the other is answered. */
	{ "faccessat2", SYS_faccessat2, { AT_FDCWD } },
	{ "semget", SYS_semget, { 0x5afe5afe, 0, 0600 } },
};
static char room[4096];

static void prepare(void)
{
	calls[3].arguments[0] = (long)room;
	calls[3].arguments[1] = sizeof(room);
	calls[4].arguments[1] = calls[5].arguments[1] = calls[6].arguments[1] = (long)file;
	calls[4].arguments[2] = (long)room;
	calls[7].arguments[0] = (long)room;
	calls[8].arguments[0] = getpid();
	calls[9].arguments[1] = (long)file;
}

static long make(size_t i)
{
	const long *arguments = calls[i].arguments;
	long result = syscall(calls[i].number, arguments[0], arguments[1], arguments[2], arguments[3]);

	return result < 0 ? -errno : result;
}

/* Prints errors as they are and every success as one. */
static void show(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerror((int)-result) : "works");
}

static void show_status(const char *what, int status)
{
	printf("%s: %s %d\n", what, WIFSIGNALED(status) ? "signal" : "exit",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* One call of `calls` gets an answer, all others are allowed. */
static void answer_one(size_t i, unsigned answer)
{
	const struct sock_filter program[] = {
		LOAD(nr), ANSWER((unsigned)calls[i].number, answer), RETURN(SECCOMP_RET_ALLOW),
	};

	install_or_die(program, COUNT(program));
}

static void each(const char *title, unsigned answer)
{
	for (size_t i = 0; i < COUNT(calls); i++) {
		int status;
		pid_t child;

		fflush(stdout);
		child = fork();
		if (child == 0) {
			prepare();
			answer_one(i, answer);
			printf("%s ", title);
			show(calls[i].name, make(i));
			show("another", syscall(SYS_getpgid, 0));
			exit(0);
		}
		waitpid(child, &status, 0);
		if (status)
			show_status(calls[i].name, status);
	}
}

static volatile sig_atomic_t trapped;

static void on_sigsys(int number, siginfo_t *info, void *context)
{
	const ucontext_t *registers = context;
#if defined(__x86_64__)
	uintptr_t counter = (uintptr_t)registers->uc_mcontext.gregs[REG_RIP];
	unsigned arch = AUDIT_ARCH_X86_64;
	long call = (long)registers->uc_mcontext.gregs[REG_RAX];
#elif defined(__i386__)
	uintptr_t counter = (uintptr_t)registers->uc_mcontext.gregs[REG_EIP];
	unsigned arch = AUDIT_ARCH_I386;
	long call = registers->uc_mcontext.gregs[REG_EAX];
#else
	uintptr_t counter = (uintptr_t)registers->uc_mcontext.pc;
	unsigned arch = AUDIT_ARCH_AARCH64;
	long call = (long)registers->uc_mcontext.regs[8];
#endif

	printf("signal %d code %d data %d arch %s call %s address %s registers %s, ", number, info->si_code,
	       info->si_errno, info->si_arch == arch ? "own" : "other",
	       info->si_syscall == calls[trapped].number ? "own" : "other",
	       (uintptr_t)info->si_call_addr == counter ? "right" : "wrong",
	       call == calls[trapped].number ? "as they were" : "changed");
}

static void trap(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	for (size_t i = 0; i < COUNT(calls); i++) {
		trapped = (sig_atomic_t)i;
		answer_one(i, SECCOMP_RET_TRAP | 77);
		make(i);
		printf("%s\n", calls[i].name);
	}
}

/* The filters of several calls, one on the other: the newest of the least counts. */
static void stack(void)
{
	prepare();
	answer_one(1, SECCOMP_RET_ERRNO | 11);
	answer_one(1, SECCOMP_RET_ERRNO | 12);
	show("newest", make(1));
	answer_one(1, SECCOMP_RET_TRACE | 13);
	answer_one(1, SECCOMP_RET_LOG);
	show("least", make(1));
	answer_one(4, SECCOMP_RET_TRACE | 1);
	answer_one(4, SECCOMP_RET_ERRNO | EXDEV);
	show("errno before trace", make(4));
}

/* Tor's way: a path is good at its own address only. Nothing that amphora rewrites may be taken for another. */
static void pointers(void)
{
	const struct sock_filter program[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_faccessat, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(uintptr_t)file, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		RETURN(SECCOMP_RET_ALLOW),
	};
	char copy[sizeof(file)];

	memcpy(copy, file, sizeof(copy));
	prepare();
	install_or_die(program, COUNT(program));
	for (size_t i = 4; i < 7; i++) {
		calls[i].arguments[1] = (long)file;
		show(calls[i].name, make(i));
		calls[i].arguments[1] = (long)copy;
		show(calls[i].name, make(i));
	}
}

/* A list of what is allowed: what amphora calls in the place of these isn't on it. */
static void narrow(void)
{
	const struct sock_filter program[] = {
		LOAD(nr),
		ANSWER(SYS_read, SECCOMP_RET_ALLOW),
		ANSWER(SYS_write, SECCOMP_RET_ALLOW),
		ANSWER(SYS_openat, SECCOMP_RET_ALLOW),
		ANSWER(SYS_close, SECCOMP_RET_ALLOW),
		ANSWER(SYS_newfstatat, SECCOMP_RET_ALLOW),
		ANSWER(SYS_fstat, SECCOMP_RET_ALLOW),
		ANSWER(SYS_bind, SECCOMP_RET_ALLOW),
		ANSWER(SYS_exit_group, SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	static const char *const paths[] = { "/proc/self/maps", "/proc/self/status", "/etc/passwd",
					     "/proc/mounts" };

	setvbuf(stdout, room, _IOLBF, sizeof(room));
	printf("narrow\n");
	install_or_die(program, COUNT(program));
	for (size_t i = 0; i < COUNT(paths); i++) {
		int fd = openat(AT_FDCWD, paths[i], O_RDONLY);
		char byte;

		printf("%s: %s\n", paths[i], fd >= 0 && read(fd, &byte, 1) == 1 ? "read" : "not read");
		close(fd);
	}
	getppid();
	printf("not killed\n");
}

/* A new program needs no call of the old one's. */
static void execute(const char *self)
{
	const struct sock_filter program[] = {
		LOAD(nr),
		ANSWER(SYS_openat, SECCOMP_RET_ERRNO | EPERM),
		ANSWER(SYS_close, SECCOMP_RET_KILL_PROCESS),
		ANSWER(SYS_munmap, SECCOMP_RET_ERRNO | EPERM),
		ANSWER(SYS_prctl, SECCOMP_RET_TRACE | 5),
		ANSWER(SYS_pread64, SECCOMP_RET_TRACE | 5),
		RETURN(SECCOMP_RET_ALLOW),
	};

	fflush(stdout);
	install_or_die(program, COUNT(program));
	execl(self, self, "executed", (char *)NULL);
	perror("execl");
}

static void executed(void)
{
	prepare();
	show("openat", make(5));
	show("prctl", prctl(PR_GET_DUMPABLE) < 0 ? -errno : 0);
	show("newfstatat", make(4));
	fflush(stdout);
}

static volatile int ready, go;

static void *other_thread(void *own)
{
	if (own)
		answer_one(0, SECCOMP_RET_ERRNO | 9);
	ready = 1;
	while (!go)
		usleep(1000);
	show("other thread's getuid", make(1));
	show("other thread's newfstatat", make(4));
	return NULL;
}

static void threads(void)
{
	const struct sock_filter program[] = {
		LOAD(nr),
		ANSWER(SYS_newfstatat, SECCOMP_RET_TRACE | 3),
		ANSWER(SYS_getuid, SECCOMP_RET_ERRNO | EXDEV),
		RETURN(SECCOMP_RET_ALLOW),
	};

	prepare();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int own = 0; own < 2; own++) {
		pthread_t thread;
		long result;
		pid_t child;

		fflush(stdout);
		child = fork();
		if (child) {
			waitpid(child, NULL, 0);
			continue;
		}
		pthread_create(&thread, NULL, other_thread, own ? room : NULL);
		while (!ready)
			usleep(1000);
		result = install(program, COUNT(program), SECCOMP_FILTER_FLAG_TSYNC);
		printf("tsync: %s\n", result == 0 ? "all" : result > 0 ? "a thread refuses" : "fails");
		show("own newfstatat", make(4));
		go = 1;
		pthread_join(thread, NULL);
		exit(0);
	}
}

static void refused(void)
{
	static struct sock_filter long_program[4097];
	const struct sock_filter good[] = { RETURN(SECCOMP_RET_ALLOW) };
	const struct sock_filter bad[][3] = {
		{ { 0xffff, 0, 0, 0 }, RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ALLOW) },
		{ BPF_STMT(BPF_JMP | BPF_JA, 2), RETURN(0), RETURN(0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0), RETURN(0) },
		{ BPF_STMT(BPF_LD | BPF_MEM, 1), RETURN(0), RETURN(0) },
		{ RETURN(0), RETURN(0), BPF_STMT(BPF_LD | BPF_IMM, 1) },
	};
	struct sock_fprog broken = { 1, (struct sock_filter *)8 };
	long result;

	for (size_t i = 0; i < COUNT(bad); i++)
		show("bad", install(bad[i], 3, 0) < 0 ? -errno : 0);
	show("empty", install(good, 0, 0) < 0 ? -errno : 0);
	for (size_t i = 0; i < COUNT(long_program); i++)
		long_program[i] = good[0];
	show("too long", install(long_program, 4097, 0) < 0 ? -errno : 0);
	show("long", install(long_program, 4096, 0) < 0 ? -errno : 0);
	show("flags", install(good, 1, 1UL << 30) < 0 ? -errno : 0);
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &broken);
	show("program elsewhere", result < 0 ? -errno : 0);
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL);
	show("nothing", result < 0 ? -errno : 0);
	result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8);
	show("by prctl", result < 0 ? -errno : 0);
}

static void listener(void)
{
	const struct sock_filter good[] = { RETURN(SECCOMP_RET_ALLOW) };
	unsigned action = 0x7fc00000;
	unsigned short sizes[3];

	show("listener", install(good, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER) < 0 ? -errno : 0);
	show("user_notif", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0);
	show("sizes", syscall(SYS_seccomp, 3 /* GET_NOTIF_SIZES */, 0, sizes) < 0 ? -errno : 0);
}

/* Tracing */

struct machine {
	long number, result;
	unsigned long pointer;
};

static void get_call(pid_t pid, struct machine *call)
{
	struct user_regs_struct raw;
	struct iovec vector = { &raw, sizeof(raw) };

	ptrace(PTRACE_GETREGSET, pid, 1 /* NT_PRSTATUS */, &vector);
#if defined(__x86_64__)
	*call = (struct machine){ (long)raw.orig_rax, (long)raw.rax, raw.rsi };
#elif defined(__i386__)
	*call = (struct machine){ raw.orig_eax, raw.eax, (unsigned long)raw.ecx };
#else
	*call = (struct machine){ (long)raw.regs[8], (long)raw.regs[0], raw.regs[1] };
#endif
}

static void set_call(pid_t pid, long number, long result)
{
	struct user_regs_struct raw;
	struct iovec vector = { &raw, sizeof(raw) };

	ptrace(PTRACE_GETREGSET, pid, 1, &vector);
#if defined(__x86_64__)
	raw.orig_rax = (unsigned long)number;
	raw.rax = (unsigned long)result;
#elif defined(__i386__)
	raw.orig_eax = number;
	raw.eax = result;
#else
	struct iovec call = { &number, sizeof(int) };

	ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &call);
	raw.regs[0] = (unsigned long)result;
#endif
	ptrace(PTRACE_SETREGSET, pid, 1, &vector);
}

static const char *name_of(long number)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (calls[i].number == number)
			return calls[i].name;
	return "another";
}

static const char *kind_of(pid_t pid)
{
	struct __ptrace_syscall_info info;
	void *size = (void *)sizeof(info);

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, size, &info) < 0)
		return strerror(errno);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		return "entry";
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		return info.exit.is_error ? strerror((int)-info.exit.rval) : "works";
	return "nothing";
}

static void on_sigusr1(int number)
{
	(void)number;
}

static void traced_child(void)
{
	struct sock_filter program[2 * COUNT(calls) + 2] = { LOAD(nr) };
	size_t length = 1;

	for (size_t i = 0; i < COUNT(calls); i++) {
		program[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 (unsigned)calls[i].number, 0, 1);
		program[length++] = (struct sock_filter)RETURN(SECCOMP_RET_TRACE | (unsigned)(0xa3ec + i));
	}
	program[length++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	prepare();
	signal(SIGUSR1, on_sigusr1);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	install_or_die(program, length);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT(calls); i++)
			show(calls[i].name, make(i));
		raise(SIGUSR1);
	}
	fflush(stdout);
	_exit(0);
}

enum traced { TRACED_GO_ON, TRACED_EXITS, TRACED_ALL, TRACED_SKIP, TRACED_CHANGE };

/* Tells each stop; what it does at a RET_TRACE is the way's. */
static void traced(const char *title, enum traced way)
{
	int request = way == TRACED_ALL ? PTRACE_SYSCALL : PTRACE_CONT, status;
	unsigned long message;
	pid_t child;

	printf("%s\n", title);
	fflush(stdout);
	child = fork();
	if (child == 0)
		traced_child();
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, NULL,
	       PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	ptrace(request, child, NULL, 0);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		int next = request, deliver = 0;
		struct machine call;

		get_call(child, &call);
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			ptrace(PTRACE_GETEVENTMSG, child, NULL, &message);
			printf("asked %s %lx\n", name_of(call.number), message);
			if (way == TRACED_EXITS)
				next = PTRACE_SYSCALL;
			if (way == TRACED_SKIP)
				set_call(child, -1, -EXDEV);
			if (way == TRACED_CHANGE)
				set_call(child, SYS_getpgid, call.result);
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (way == TRACED_ALL && !strcmp(name_of(call.number), "another"))
				; /* of the C library, which differs */
			else if (way == TRACED_ALL)
				printf("stop %s %s\n", name_of(call.number), kind_of(child));
			else
				printf("exit %s %s\n", name_of(call.number),
				       call.result < 0 ? "fails" : "works");
		} else {
			printf("signal %d\n", WSTOPSIG(status));
			deliver = WSTOPSIG(status) == SIGUSR1 ? SIGUSR1 : 0;
		}
		fflush(stdout);
		ptrace((enum __ptrace_request)next, child, NULL, deliver);
	}
	show_status("child", status);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	prepare();
	if (!strcmp(mode, "errno"))
		each("errno", SECCOMP_RET_ERRNO | EXDEV);
	else if (!strcmp(mode, "kill"))
		each("kill", SECCOMP_RET_KILL_PROCESS), each("thread", SECCOMP_RET_KILL);
	else if (!strcmp(mode, "log"))
		each("log", 0x7ffc0000);
	else if (!strcmp(mode, "trace"))
		each("trace", SECCOMP_RET_TRACE | 0xa3f0);
	else if (!strcmp(mode, "notif"))
		each("notif", 0x7fc00000);
	else if (!strcmp(mode, "trap"))
		trap();
	else if (!strcmp(mode, "stack"))
		stack();
	else if (!strcmp(mode, "pointers"))
		pointers();
	else if (!strcmp(mode, "narrow"))
		narrow();
	else if (!strcmp(mode, "execute"))
		execute(argv[0]);
	else if (!strcmp(mode, "executed"))
		executed();
	else if (!strcmp(mode, "threads"))
		threads();
	else if (!strcmp(mode, "refused"))
		refused();
	else if (!strcmp(mode, "listener"))
		listener();
	else if (!strcmp(mode, "traced")) {
		traced("go on", TRACED_GO_ON);
		traced("exits", TRACED_EXITS);
		traced("all", TRACED_ALL);
		traced("skip", TRACED_SKIP);
		traced("change", TRACED_CHANGE);
	} else {
		return 2;
	}
	return 0;
}
