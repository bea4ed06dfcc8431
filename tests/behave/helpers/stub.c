// SPDX-License-Identifier: Apache-2.0
/* Calls with paths in all circumstances that a call made inside the process could get wrong:
 *
 *	stub signals SECONDS	handlers that make calls themselves, at random moments, in several threads; some jump
 *				out; none may see a program counter outside of the program and its libraries
 *	stub restart		an open of a FIFO that a signal interrupts, with and without SA_RESTART
 *	stub pointers		bad pointers of all kinds
 *	stub changes		names that are removed, renamed and replaced by symlinks between calls
 *	stub links		symlinks that are followed, and what changes on their way
 *	stub ids		ids of processes and threads that change them
 *	stub fork SECONDS	forks while other threads make calls
 *	stub loop COUNT		the same calls over and over
 *
 * Prints what is found odd, and then "stub ok".
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
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

#define PLACE "/tmp/stub"

static bool failed;
static volatile bool over;
static volatile unsigned long handled;
static volatile unsigned long *shown; /* the same, for the child of restart() */

static void odd(const char *what, long value)
{
	char text[160];
	int length = snprintf(text, sizeof(text), "%s: %ld, %s\n", what, value, strerrorname_np(errno));

	if (write(1, text, (size_t)length) != length)
		_exit(3);
	failed = true;
}

/* A thread's own names: what a call has done it mustn't do once more. */
static void names(void)
{
	struct timespec times[2] = { { 1, 0 }, { 2, 0 } };
	char name[64], other[80];
	struct stat status;
	int fd;

	snprintf(name, sizeof(name), PLACE "/d/t%ld", (long)syscall(SYS_gettid));
	snprintf(other, sizeof(other), "%s-", name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0640) < 0 || fchown(fd, (uid_t)-1, (gid_t)-1) < 0 || futimens(fd, times) < 0)
		odd("a new file", fd);
	if (fd >= 0 && (fstat(fd, &status) < 0 || (status.st_mode & 07777) != 0640 || status.st_mtime != 2))
		odd("fstat of a new file", status.st_mode);
	if (fd >= 0)
		close(fd);
	if (open(name, O_RDWR | O_CREAT | O_EXCL, 0600) >= 0 || errno != EEXIST)
		odd("what is there already", 0);
	if (rename(name, other) < 0 || unlink(other) < 0)
		odd("rename, unlink", 0);
	if (unlink(other) == 0 || errno != ENOENT)
		odd("unlink twice", 0);
	if (mkdir(name, 0755) < 0 || rmdir(name) < 0)
		odd("mkdir, rmdir", 0);
	if (symlink("file", name) < 0 || unlink(name) < 0)
		odd("symlink", 0);
}

static void calls(void)
{
	struct stat status;
	char text[32];
	int fd;

	names();
	if (stat(PLACE "/d/file", &status) != 0 || status.st_size != 5 || status.st_uid != geteuid())
		odd("stat", status.st_size);
	if (lstat(PLACE "/d/link", &status) != 0 || !S_ISLNK(status.st_mode))
		odd("lstat", status.st_mode);
	if (stat(PLACE "/d/link", &status) != 0 || !S_ISREG(status.st_mode))
		odd("stat of a symlink", status.st_mode);
	if (stat(PLACE "/d/none", &status) != -1 || errno != ENOENT)
		odd("stat of nothing", status.st_mode);
	if (readlink(PLACE "/d/link", text, sizeof(text)) != 4)
		odd("readlink", 0);
	fd = open(PLACE "/d/file", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, 5) != 5 || memcmp(text, "five\n", 5) != 0)
		odd("open", fd);
	if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_size != 5))
		odd("fstat", status.st_size);
	if (fd >= 0)
		close(fd);
}

#ifdef REG_RIP
#define COUNTER uc_mcontext.gregs[REG_RIP]
#else
#define COUNTER uc_mcontext.pc
#endif

/* Linked statically it is never outside of its own text and the kernel's. */
static bool is_strange(const ucontext_t *context)
{
	extern const char __executable_start[], etext[];
	uint64_t at = (uint64_t)context->COUNTER;

	return (at < (uintptr_t)__executable_start || at >= (uintptr_t)etext) &&
	       at - getauxval(AT_SYSINFO_EHDR) >= 0x10000 && at < (uint64_t)-0x1000000;
}

static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t may_jump;

static void on_alarm(int number, siginfo_t *info, void *context)
{
	int error = errno;
	struct stat status;

	(void)number;
	(void)info;
	if (is_strange(context))
		odd("program counter", 0);
	if (stat(PLACE "/d/file", &status) != 0 || status.st_size != 5)
		odd("stat in a handler", status.st_size);
	handled++;
	if (shown)
		*shown = handled;
	errno = error;
	if (may_jump && handled % 7 == 0) {
		may_jump = 0;
		siglongjmp(out, 1);
	}
}

static void *caller(void *argument)
{
	(void)argument;
	while (!over)
		calls();
	return NULL;
}

static void *jumper(void *argument)
{
	struct stat status;

	(void)argument;
	while (!over) {
		if (sigsetjmp(out, 1) == 0) {
			may_jump = 1;
			for (int i = 0; i < 1000 && !over; i++)
				if (stat(PLACE "/d/file", &status) != 0 || status.st_size != 5)
					odd("stat of a jumper", status.st_size);
		}
		may_jump = 0;
	}
	return NULL;
}

static void signals(int seconds, bool forks)
{
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
	time_t end = time(NULL) + seconds;
	pthread_t threads[4];

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, i == 3 && !forks ? jumper : caller, NULL);
	/* A slow machine delivers few in that time. */
	while ((time(NULL) < end || (!forks && handled < 20)) && !failed) {
		struct timespec pause = { 0, 20000 + random() % 300000 };

		if (forks) {
			pid_t child = fork();
			int status = 0;

			if (child == 0) {
				calls();
				_exit(failed);
			}
			if (child < 0 || waitpid(child, &status, 0) != child || status)
				odd("a child", status);
			continue;
		}
		nanosleep(&pause, NULL);
		pthread_kill(threads[random() % 4], SIGALRM);
	}
	over = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void restart(void)
{
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	struct itimerval timer = { .it_value = { 0, 30000 } }, none = { 0 };
	struct stat status;
	int fd, writer;
	pid_t child;

	shown = mmap(NULL, sizeof(*shown), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkfifo(PLACE "/d/fifo", 0600);
	for (int i = 0; i < 4; i++) /* the site is patched by now */
		close(open(PLACE "/d/file", O_RDONLY));
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	fd = open(PLACE "/d/fifo", O_RDONLY);
	if (fd != -1 || errno != EINTR)
		odd("open of a FIFO without SA_RESTART", fd);
	action.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	timer.it_interval.tv_usec = 5000;
	setitimer(ITIMER_REAL, &timer, NULL);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 2000 && *shown < 6; i++)
			usleep(10000);
		writer = open(PLACE "/d/fifo", O_WRONLY);
		_exit(writer < 0);
	}
	fd = open(PLACE "/d/fifo", O_RDONLY);
	if (fd < 0)
		odd("open of a FIFO with SA_RESTART", fd);
	setitimer(ITIMER_REAL, &none, NULL);
	if (handled < 5)
		odd("signals", (long)handled);
	waitpid(child, NULL, 0);
	if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode))
		odd("fstat of a FIFO", status.st_mode);
}

static void expect(const char *what, long result, int error)
{
	if (result != -1 || errno != error)
		odd(what, result);
}

static void pointers(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat status, *readonly = (struct stat *)pages;
	char *end = pages + 4096 - 12, *volatile low;
	int fd;

	mprotect(pages + 4096, 4096, PROT_NONE);
	for (int i = 0; i < 4; i++) {
		calls();
		memcpy(end, "/tmp/stub/d/", 12); /* goes on where nothing is */
		expect("stat of a path without an end", stat(end, &status), EFAULT);
		expect("open of it", open(end, O_RDONLY), EFAULT);
		expect("making it", open(end, O_WRONLY | O_CREAT, 0600), EFAULT);
		expect("mkdir of it", mkdir(end, 0700), EFAULT);
		expect("unlink of it", unlink(end), EFAULT);
		expect("rename of it", rename(end, PLACE "/d/none"), EFAULT);
		expect("rename to it", rename(PLACE "/d/file", end), EFAULT);
		expect("symlink of it", symlink(end, PLACE "/d/none"), EFAULT);
		fd = open(PLACE "/d/file", O_RDWR);
		expect("times from nowhere", futimens(fd, (struct timespec *)(pages + 4096)), EFAULT);
		close(fd);
		low = (char *)(uintptr_t)(8 + i * 8);
		expect("stat of a small number", stat(low, &status), EFAULT);
		expect("stat of a kernel's address", stat((char *)(uintptr_t)0xffff800000000000ULL, &status), EFAULT);
		expect("stat to nowhere", stat(PLACE "/d/file", (struct stat *)(pages + 4096)), EFAULT);
		expect("stat of an empty path", stat("", &status), ENOENT);
		expect("readlink of nothing to read", readlink(PLACE "/d/link", pages + 4096, 10), EFAULT);
		expect("readlink of a file", readlink(PLACE "/d/file", pages, 10), EINVAL);
	}
	mprotect(pages, 4096, PROT_READ);
	for (int i = 0; i < 4; i++)
		expect("stat to a page that is only read", stat(PLACE "/d/file", readonly), EFAULT);
}

static long size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) < 0 ? -errno : (long)status.st_size;
}

static void put(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	if (!out || fputs(text, out) < 0 || fclose(out) != 0)
		odd(path, 0);
}

static void changes(void)
{
	for (int i = 0; i < 50; i++) {
		mkdir(PLACE "/x", 0755);
		mkdir(PLACE "/x/y", 0755);
		mkdir(PLACE "/z", 0755);
		put(PLACE "/x/y/f", "1");
		put(PLACE "/z/f", "333");
		for (int k = 0; k < 3; k++)
			if (size_of(PLACE "/x/y/f") != 1)
				odd("file", size_of(PLACE "/x/y/f"));
		rename(PLACE "/x/y", PLACE "/x/w");
		if (size_of(PLACE "/x/y/f") != -ENOENT)
			odd("file below a directory renamed", size_of(PLACE "/x/y/f"));
		if (symlink("../z", PLACE "/x/y") < 0 || size_of(PLACE "/x/y/f") != 3 || size_of(PLACE "/x/y/f") != 3)
			odd("file behind a symlink in its place", size_of(PLACE "/x/y/f"));
		unlink(PLACE "/x/y");
		if (symlink("/tmp/stub/x/w", PLACE "/x/y") < 0 || size_of(PLACE "/x/y/f") != 1)
			odd("file behind an absolute symlink", size_of(PLACE "/x/y/f"));
		if (chdir(PLACE "/x") < 0 || size_of("w/f") != 1 || size_of("w/f") != 1 || size_of("y/f") != 1)
			odd("relative path", size_of("w/f"));
		rename(PLACE "/x", PLACE "/v");
		if (size_of("w/f") != 1 || size_of(PLACE "/v/w/f") != 1 || size_of(PLACE "/x/w/f") != -ENOENT)
			odd("relative path after a rename", size_of("w/f"));
		if (chdir(PLACE) < 0 || size_of("w/f") != -ENOENT || size_of("z/f") != 3)
			odd("relative path after a chdir", size_of("w/f"));
		unlink(PLACE "/v/y");
		unlink(PLACE "/v/w/f");
		rmdir(PLACE "/v/w");
		rmdir(PLACE "/v");
		unlink(PLACE "/z/f");
		rmdir(PLACE "/z");
	}
}

/* A path that may lead through symlinks: as often as it takes to be fast, by stat and by open. */
static void leads(const char *what, const char *path, long expected)
{
	for (int i = 0; i < 4; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		long opened = fd < 0 ? -errno : (long)lseek(fd, 0, SEEK_END);

		if (fd >= 0)
			close(fd);
		if (size_of(path) != expected || opened != expected)
			odd(what, size_of(path));
		if (access(path, R_OK) != (expected < 0 ? -1 : 0))
			odd(what, -errno);
	}
}

static void links(void)
{
	static const char top[] = PLACE "/l";

	for (int i = 0; i < 50; i++) {
		struct stat status;
		char text[8];

		if (mkdir(top, 0755) < 0 || chdir(top) < 0 || mkdir("d", 0755) < 0 || mkdir("e", 0755) < 0)
			odd(top, errno);
		put("d/f", "1");
		put("e/f", "333");
		if (symlink("d/f", "a") < 0 || symlink(PLACE "/l/a", "b") < 0)
			odd("symlink", errno);
		leads("two symlinks", PLACE "/l/b", 1);
		leads("two symlinks, from here", "./b", 1);
		if (open(PLACE "/l/b", O_RDONLY | O_NOFOLLOW) >= 0 || errno != ELOOP)
			odd("O_NOFOLLOW", errno);
		if (lstat(PLACE "/l/b", &status) < 0 || !S_ISLNK(status.st_mode))
			odd("lstat", status.st_mode);
		if (readlink(PLACE "/l/a", text, sizeof(text)) != 3)
			odd("readlink", errno);
		unlink("d/f");
		leads("target is gone", PLACE "/l/b", -ENOENT);
		put("d/f", "22");
		leads("target is back", PLACE "/l/b", 2);
		rename("d/f", "d/g");
		if (symlink("../e/f", "d/f") < 0)
			odd("symlink", errno);
		leads("target is a symlink now", PLACE "/l/b", 3);
		unlink("a");
		leads("link in the middle is gone", PLACE "/l/b", -ENOENT);
		if (symlink("e/f", "a") < 0)
			odd("symlink", errno);
		leads("link in the middle is another", PLACE "/l/b", 3);
		if (symlink("d/g", "n") < 0 || rename("n", "a") < 0)
			odd("symlink", errno);
		leads("link in the middle has been replaced", PLACE "/l/b", 2);
		rename("d", "k");
		leads("directory is gone", PLACE "/l/b", -ENOENT);
		rename("e", "d");
		rename("d/f", "d/g");
		leads("directory is another", PLACE "/l/b", 3);
		unlink("b");
		put("b", "4444");
		leads("link is a file", PLACE "/l/b", 4);
		if (chdir(PLACE) < 0)
			odd("chdir", errno);
		unlink(PLACE "/l/a");
		unlink(PLACE "/l/b");
		unlink(PLACE "/l/k/f");
		unlink(PLACE "/l/k/g");
		unlink(PLACE "/l/d/g");
		rmdir(PLACE "/l/k");
		rmdir(PLACE "/l/d");
		rmdir(top);
	}
}

/* As often as it takes to be fast. */
static void has_ids(const char *what, uid_t real, uid_t effective, gid_t group)
{
	for (int i = 0; i < 4; i++)
		if (getuid() != real || geteuid() != effective || getgid() != group || getegid() != group)
			odd(what, geteuid());
}

/* A thread's own ids, which the C library would give to all. */
static void *ids_of_thread(void *argument)
{
	pthread_barrier_t *barrier = argument;

	has_ids("thread before", 0, 0, 0);
	if (syscall(SYS_setresuid, 9, 9, -1) < 0)
		odd("setresuid", errno);
	pthread_barrier_wait(barrier);
	has_ids("thread", 9, 9, 0);
	pthread_barrier_wait(barrier);
	if (syscall(SYS_setresuid, 0, 0, 0) < 0)
		odd("setresuid", errno);
	has_ids("thread after", 0, 0, 0);
	return NULL;
}

static void ids(void)
{
	pthread_barrier_t barrier;
	pthread_t thread;
	pid_t child;
	int status;

	has_ids("root", 0, 0, 0);
	if (seteuid(5) < 0)
		odd("seteuid", errno);
	has_ids("effective id", 0, 5, 0);
	if (seteuid(0) < 0)
		odd("seteuid", errno);
	has_ids("root again", 0, 0, 0);
	if (setresuid(5, 0, 0) < 0)
		odd("setresuid", errno);
	has_ids("real id", 5, 0, 0);
	if (setresuid(0, 0, 0) < 0)
		odd("setresuid", errno);
	child = fork();
	if (child == 0) {
		if (setresgid(6, 6, 6) < 0 || setresuid(7, 7, 7) < 0)
			odd("setresuid", errno);
		has_ids("child", 7, 7, 6);
		if (fork() == 0) {
			has_ids("its child", 7, 7, 6);
			_exit(failed);
		}
		wait(&status);
		_exit(failed || status);
	}
	has_ids("parent", 0, 0, 0);
	if (waitpid(child, &status, 0) != child || status != 0)
		odd("child", status);
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, ids_of_thread, &barrier) != 0)
		odd("pthread_create", errno);
	pthread_barrier_wait(&barrier);
	has_ids("main thread", 0, 0, 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	has_ids("main thread after", 0, 0, 0);
}

int main(int argc, char **argv)
{
	int seconds = argc > 2 ? atoi(argv[2]) : 3;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir(PLACE, 0755);
	mkdir(PLACE "/d", 0755);
	put(PLACE "/d/file", "five\n");
	if (symlink("file", PLACE "/d/link") < 0 && errno != EEXIST)
		odd("symlink", 0);
	if (argc < 2)
		calls();
	else if (!strcmp(argv[1], "signals"))
		signals(seconds, false);
	else if (!strcmp(argv[1], "fork"))
		signals(seconds, true);
	else if (!strcmp(argv[1], "loop"))
		while (seconds-- > 0)
			calls();
	else if (!strcmp(argv[1], "restart"))
		restart();
	else if (!strcmp(argv[1], "pointers"))
		pointers();
	else if (!strcmp(argv[1], "changes"))
		changes();
	else if (!strcmp(argv[1], "links"))
		links();
	else if (!strcmp(argv[1], "ids"))
		ids();
	if (!failed)
		puts("stub ok");
	return failed;
}
