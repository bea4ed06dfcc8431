// SPDX-License-Identifier: Apache-2.0
/* Calls that an Android app's filter traps, made raw: what they answer, that they leave registers alone,
 * and that each is made once, whatever signals come. Prints one line a call, the same on any kernel.
 *	trapped calls DIRECTORY | once DIRECTORY | wait | own
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <utime.h>

static int failed;

static void show(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np((int)-result));
	else
		printf("%s: %ld\n", what, result);
}

static void check(const char *what, int ok)
{
	printf("%s: %s\n", what, ok ? "yes" : "NO");
	failed |= !ok;
}

#ifdef SYS_open
static long raw(const char *what, long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long rdi = a, rsi = b, rdx = c, result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"(number)
			 : "rcx", "r11", "memory");
	if (rdi != a || rsi != b || rdx != c || r10 != d || r8 != e || r9 != f) {
		printf("%s: changed its arguments' registers\n", what);
		failed = 1;
	}
	return result;
}
#else
static long raw(const char *what, long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0), "+r"(x8), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5)
			 :
			 : "memory");
	long result = x0; /* before a call that uses the register */

	if (x8 != number || x1 != b || x2 != c || x3 != d || x4 != e || x5 != f) {
		printf("%s: changed its arguments' registers\n", what);
		failed = 1;
	}
	return result;
}
#endif
#define RAW_(name, a, b, c, d, e, f, ...) \
	raw(#name, SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define RAW(name, ...) RAW_(name, __VA_ARGS__, 101, 102, 103, 104, 105, 106)
#define SHOW(name, ...) show(#name, RAW(name, __VA_ARGS__))

static volatile int caught;

/* Some of these are for calls that only x86-64 has. */
#define SOME __attribute__((unused))

SOME static void on_signal(int signal)
{
	caught = signal;
}

static void catch(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(signal, &action, NULL);
}

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void check_accept(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "accepted" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	long fd;

	if (bind(listener, (void *)&name, sizeof(name)) < 0 || listen(listener, 4) < 0 ||
	    connect(client, (void *)&name, sizeof(name)) < 0)
		check("a connection", 0);
	fd = RAW(accept, listener, NULL, NULL);
	check("accept gives a new fd", fd > client);
	check("accept's fd stays open at exec", fcntl((int)fd, F_GETFD) == 0);
	SHOW(accept, -1, NULL, NULL);
	close(listener);
	close(client);
	close((int)fd);
}

#ifdef SYS_open
static void check_files(void)
{
	struct timeval times[2] = { { 1000, 250000 }, { 2000, 750000 } };
	struct utimbuf seconds = { 3000, 4000 };
	struct stat status;
	long fd = RAW(creat, "file", 0640);

	check("creat gives an fd", fd >= 0 && write((int)fd, "x", 1) == 1);
	SHOW(dup2, fd, fd);
	printf("%s\n", RAW(dup2, fd, fd) == fd ? "dup2 onto itself" : "dup2 onto itself fails");
	printf("%s\n", RAW(dup2, fd, 77) == 77 && fcntl(77, F_GETFD) == 0 ? "dup2" : "dup2 fails");
	SHOW(dup2, 300, 300);
	SHOW(dup2, 300, 301);
	SHOW(dup2, fd, -1);
	SHOW(access, "file", R_OK);
	SHOW(access, "none", F_OK);
	SHOW(access, (char *)8, F_OK);
	SHOW(chmod, "file", 0604);
	SHOW(lstat, "file", &status);
	printf("mode %o size %ld\n", status.st_mode & 07777, (long)status.st_size);
	SHOW(utimes, "file", times);
	stat("file", &status);
	printf("times %ld.%06ld %ld.%06ld\n", (long)status.st_atim.tv_sec,
	       status.st_atim.tv_nsec / 1000, (long)status.st_mtim.tv_sec,
	       status.st_mtim.tv_nsec / 1000);
	times[1].tv_usec = 1000000;
	SHOW(utimes, "file", times);
	SHOW(utimes, "file", (void *)8);
	SHOW(utime, "file", &seconds);
	stat("file", &status);
	printf("times %ld %ld\n", (long)status.st_atim.tv_sec, (long)status.st_mtim.tv_sec);
	SHOW(futimesat, AT_FDCWD, "file", NULL);
	stat("file", &status);
	check("futimesat sets the present", labs(status.st_mtime - time(NULL)) < 5);
	SHOW(symlink, "file", "link");
	SHOW(lstat, "link", &status);
	printf("a symlink: %d\n", S_ISLNK(status.st_mode));
	SHOW(mkdir, "directory", 0750);
	SHOW(mkdir, "directory", 0750);
	SHOW(mknod, "directory/fifo", S_IFIFO | 0600, 0);
	SHOW(rename, "directory/fifo", "fifo");
	SHOW(rename, "none", "fifo");
	SHOW(unlink, "fifo");
	SHOW(unlink, "directory");
	SHOW(rmdir, "directory");
	SHOW(rmdir, "link");
	SHOW(chown, "file", -1, -1);
	SHOW(lchown, "link", -1, -1);
	unlink("link");
	unlink("file");
	close((int)fd);
	close(77);
}

static void check_others(void)
{
	struct timeval second = { 0, 20000 }, negative = { -1, 0 };
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd ready = { .events = POLLIN };
	int ends[2] = { -1, -1 }, status;
	time_t seconds = 0;
	sigset_t set;
	fd_set fds;
	long fd, result;

	SHOW(pipe, ends);
	SHOW(pipe, (int *)8);
	check("a pipe's ends stay open at exec", fcntl(ends[0], F_GETFD) == 0);
	ready.fd = ends[0];
	SHOW(poll, &ready, 1, 0);
	SHOW(poll, &ready, 1, 10);
	if (write(ends[1], "x", 1) != 1)
		failed = 1;
	SHOW(poll, &ready, 1, -1);
	SHOW(poll, (void *)8, 1, 0);
	FD_ZERO(&fds);
	FD_SET(ends[0], &fds);
	SHOW(select, ends[0] + 1, &fds, NULL, NULL, &second);
	check("select leaves the rest of its time", second.tv_usec > 0 && second.tv_usec <= 20000);
	SHOW(select, 0, NULL, NULL, NULL, &second);
	check("select leaves none", second.tv_sec == 0 && second.tv_usec == 0);
	SHOW(select, 0, NULL, NULL, NULL, &negative);
	SHOW(select, 0, NULL, NULL, NULL, (void *)8);
	SHOW(epoll_create, 0);
	fd = RAW(epoll_create, 1);
	check("epoll_create", fd >= 0);
	epoll_ctl((int)fd, EPOLL_CTL_ADD, ends[0], &event);
	SHOW(epoll_wait, fd, &event, 1, 100);
	SHOW(epoll_wait, fd, &event, 0, 100);
	close((int)fd);
	fd = RAW(eventfd, 5);
	check("eventfd", fd >= 0 && read((int)fd, &result, 8) == 8 && result == 5);
	close((int)fd);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	fd = RAW(signalfd, -1, &set, 8);
	check("signalfd", fd >= 0);
	close((int)fd);
	fd = RAW(inotify_init, 0);
	check("inotify_init", fd >= 0);
	close((int)fd);
	check("getpgrp", RAW(getpgrp, 0) == getpgid(0));
	result = RAW(time, &seconds);
	check("time", result == seconds && labs(result - time(NULL)) < 3);
	SHOW(time, 8);
	SHOW(alarm, 100);
	result = RAW(alarm, 0);
	check("alarm tells what was left", result == 100 || result == 99);
	SHOW(alarm, 0);
	fd = RAW(fork, 1, 2, 3);
	if (fd == 0)
		_exit(RAW(getpgrp, 0) == getpgid(0) && !failed ? 9 : 1);
	waitpid((pid_t)fd, &status, 0);
	printf("fork: exit status %d\n", WEXITSTATUS(status));
	close(ends[0]);
	close(ends[1]);
}

/* Ends with an alarm, or after a second. */
static void check_waits(void)
{
	struct timeval limit = { 1, 0 };
	struct itimerval soon = { .it_value = { 0, 30000 } };
	struct pollfd nothing = { .fd = -1 };
	long before;
	pid_t child;

	catch(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(pause, 1);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(poll, &nothing, 1, 5000);
	setitimer(ITIMER_REAL, &soon, NULL);
	SHOW(select, 0, NULL, NULL, NULL, &limit);
	printf("caught %d\n", caught);
	/* A signal that nobody handles interrupts nothing and doesn't start the time anew. */
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 12; i++) {
			usleep(20000);
			kill(getppid(), SIGWINCH);
		}
		_exit(0);
	}
	before = now_us() / 1000;
	SHOW(poll, &nothing, 1, 150);
	check("poll waits its time", now_us() / 1000 - before >= 149 && now_us() / 1000 - before < 1500);
	waitpid(child, NULL, 0);
}
#else
static void check_files(void) {}
static void check_others(void) {}
static void check_waits(void) {}
#endif

static void check_newer(void)
{
	int fd = open("file", O_CREAT | O_RDWR, 0600);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long result;

	check("faccessat2", !RAW(faccessat2, AT_FDCWD, "file", R_OK, 0));
	check("faccessat2 AT_EACCESS", !RAW(faccessat2, AT_FDCWD, "file", R_OK, AT_EACCESS));
	show("faccessat2 none", RAW(faccessat2, AT_FDCWD, "none", R_OK, 0));
	/* arm64 has it since Linux 6.12, and built so. */
	result = RAW(pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, -1);
	check("pkey_mprotect, or ENOSYS", result == 0 || result == -ENOSYS);
	if (result == 0)
		*(volatile char *)page = 1;
	/* C libraries' functions have other ways. */
	check("fchmodat", !fchmodat(AT_FDCWD, "file", 0640, 0));
	check("faccessat", !faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
	close(fd);
	unlink("file");
}

static void on_tick(int signal)
{
	(void)signal;
	caught++;
#ifdef SYS_open
	RAW(getpgrp, 0);
	RAW(access, "/nowhere", F_OK);
#else
	RAW(accept, -1, NULL, NULL);
#endif
}

/* Under a storm of signals whose handler makes trapped calls. */
static void once(void)
{
	struct itimerval tick = { 0 };
	int bad = 0, rounds = 600;
	long before;

	/* Where one call takes longer than 300 us, as in an emulated machine, nothing but the handler
	 * would ever run. */
	before = now_us();
	for (int i = 0; i < 20; i++)
		RAW(accept, -1, NULL, NULL);
	tick.it_interval.tv_usec = 300 + (now_us() - before) / 5;
	tick.it_value = tick.it_interval;
	catch(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < rounds; i++) {
#ifdef SYS_open
		bad += RAW(mkdir, "a", 0700) != 0;
		bad += RAW(rename, "a", "b") != 0;
		bad += RAW(access, "a", F_OK) != -ENOENT;
		bad += RAW(rmdir, "b") != 0;
#else
		bad += RAW(accept, -1, NULL, NULL) != -EBADF;
		bad += RAW(faccessat2, AT_FDCWD, "/", F_OK, 0) != 0;
#endif
	}
	memset(&tick, 0, sizeof(tick));
	setitimer(ITIMER_REAL, &tick, NULL);
	check("signals came", caught > 0);
	printf("%d of %d rounds went wrong\n", bad, rounds);
}

static siginfo_t seen;
static long seen_result;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)signal;
	seen = *info;
#ifdef SYS_open
	seen_result = (long)at->uc_mcontext.gregs[REG_RAX];
	at->uc_mcontext.gregs[REG_RAX] = 4242;
#else
	seen_result = (long)at->uc_mcontext.regs[8];
	at->uc_mcontext.regs[0] = 4242;
#endif
}

static void add_filter(long number, unsigned action)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(program) / sizeof(program[0]), program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		check("a filter of our own", 0);
}

static void show_sigsys(const char *what, long number, long result)
{
	printf("%s: %ld signal %d code %d data %d call %d register %d\n", what, result, seen.si_signo,
	       seen.si_code, seen.si_errno, seen.si_syscall == (int)number, seen_result == number);
	memset(&seen, 0, sizeof(seen));
}

/* Filters of the guest's own: their SIGSYS and their errors are the guest's. */
static void own(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	add_filter(SYS_getppid, SECCOMP_RET_TRAP | 7);
	show_sigsys("a call that passes", SYS_getppid, syscall(SYS_getppid));
	add_filter(SYS_openat, SECCOMP_RET_TRAP | 8);
	show_sigsys("a call that is translated", SYS_openat,
		    syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY));
	add_filter(SYS_accept, SECCOMP_RET_TRAP);
	show_sigsys("a call that Android traps", SYS_accept, syscall(SYS_accept, -1, 0, 0));
	add_filter(SYS_accept, SECCOMP_RET_ERRNO | ENODATA);
	show_sigsys("and then refused", SYS_accept, syscall(SYS_accept, -1, 0, 0));
	add_filter(SYS_set_robust_list, SECCOMP_RET_ERRNO | ENODATA);
	show("a call that is refused", syscall(SYS_set_robust_list, 0, 0) < 0 ? -errno : 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	if (argc > 2 && chdir(argv[2]) < 0)
		return 2;
	if (!strcmp(what, "calls")) {
		check_accept();
		unlink("accepted");
		check_files();
		check_others();
		check_newer();
	} else if (!strcmp(what, "once")) {
		once();
	} else if (!strcmp(what, "wait")) {
		check_waits();
	} else if (!strcmp(what, "own")) {
		own();
	}
	return failed;
}
