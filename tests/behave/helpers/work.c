// SPDX-License-Identifier: Apache-2.0
/* work WHAT: programs' ways of starting threads and processes, each printing "WHAT ok". */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *const true_argv[] = {(char[]){"true"}, NULL};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Each thread opens, stats and renames files of its own. */
static void *thread_main(void *argument)
{
	char name[64], other[80];
	struct stat status;

	snprintf(name, sizeof(name), "/tmp/thread-%ld", (long)(intptr_t)argument);
	snprintf(other, sizeof(other), "%s-moved", name);
	for (int i = 0; i < 50; i++) {
		int fd = open(name, O_CREAT | O_RDWR, 0600);

		if (fd < 0 || stat(name, &status) < 0 || rename(name, other) < 0 || unlink(other) < 0)
			die(name);
		close(fd);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t ids[32];

	for (long i = 0; i < 32; i++)
		if (pthread_create(&ids[i], NULL, thread_main, (void *)(intptr_t)i))
			die("pthread_create");
	for (int i = 0; i < 32; i++)
		pthread_join(ids[i], NULL);
}

/* More threads than fit on the CPUs, all inside an open at once; each finds its own file. */
static pthread_barrier_t crowd_ready;

static void *crowd_main(void *argument)
{
	char name[64], text[64];

	snprintf(name, sizeof(name), "/tmp/crowd-%ld", (long)(intptr_t)argument);
	pthread_barrier_wait(&crowd_ready);
	for (int i = 0; i < 10; i++) {
		int fd = open(name, O_CREAT | O_RDWR, 0600), again = open(name, O_RDONLY);

		memset(text, 0, sizeof(text));
		if (fd < 0 || again < 0 || write(fd, name, strlen(name)) < 0 ||
		    read(again, text, sizeof(text) - 1) < 0 || strcmp(name, text) != 0 ||
		    unlink(name) < 0)
			die(name);
		close(fd);
		close(again);
	}
	return NULL;
}

static void crowd(void)
{
	static pthread_t ids[600];
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	pthread_barrier_init(&crowd_ready, NULL, 600);
	for (long i = 0; i < 600; i++)
		if (pthread_create(&ids[i], &small, crowd_main, (void *)(intptr_t)i))
			die("pthread_create");
	for (int i = 0; i < 600; i++)
		pthread_join(ids[i], NULL);
}

static void expect_success(pid_t child)
{
	int status = -1;

	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		die("child");
}

static void use_vfork(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = vfork();

		if (child == 0) {
			execve("/bin/true", true_argv, environ);
			_exit(127);
		}
		expect_success(child);
	}
}

static void use_spawn(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t child;

		if (posix_spawn(&child, "/bin/true", NULL, NULL, true_argv, environ))
			die("posix_spawn");
		expect_success(child);
	}
}

/* clone3 is ENOSYS under profiles that can't look into its argument; programs fall back. */
static void use_clone3(void)
{
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } args = {0};
	long child;

	args.exit_signal = SIGCHLD;
	child = syscall(435, &args, sizeof(args));
	if (child < 0 && errno == ENOSYS)
		return;
	if (child == 0) {
		execve("/bin/true", true_argv, environ);
		_exit(127);
	}
	expect_success((pid_t)child);
}

/* exec from a thread other than the first: it takes over the process. */
static void *exec_thread(void *argument)
{
	char *const words[] = {(char[]){"echo"}, (char[]){"threadexec ok"}, NULL};

	(void)argument;
	execve("/bin/echo", words, environ);
	return NULL;
}

static void thread_exec(void)
{
	pthread_t id;

	pthread_create(&id, NULL, exec_thread, NULL);
	pause();
}

/* A server and a client over a socket file, then over a long path through /proc/self/fd. */
static void unix_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, peer;
	socklen_t length = sizeof(peer);
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, "/tmp/work.socket");
	unlink(address.sun_path);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(server, 1) < 0)
		die("bind");
	if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	if (getsockname(server, (struct sockaddr *)&peer, &length) < 0 ||
	    strcmp(peer.sun_path, address.sun_path) != 0) {
		fprintf(stderr, "getsockname says %s\n", peer.sun_path);
		exit(1);
	}
	length = sizeof(peer);
	if (getpeername(client, (struct sockaddr *)&peer, &length) < 0 ||
	    strcmp(peer.sun_path, address.sun_path) != 0) {
		fprintf(stderr, "getpeername says %s\n", peer.sun_path);
		exit(1);
	}
	unlink(address.sun_path);
}

/* A file locked by one process, by flock and by fcntl, is locked for another. */
static void locks(void)
{
	struct flock range = {.l_type = F_WRLCK};
	int fd = open("/tmp/lock", O_CREAT | O_RDWR, 0600);
	pid_t child;

	if (fd < 0 || flock(fd, LOCK_EX) < 0 || fcntl(fd, F_SETLK, &range) < 0)
		die("lock");
	child = fork();
	if (child == 0) {
		int other = open("/tmp/lock", O_RDWR);

		_exit(other < 0 || flock(other, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
		      fcntl(other, F_SETLK, &range) == 0);
	}
	expect_success(child);
	unlink("/tmp/lock");
}

/* connect PATH: prints what the other side sends. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[256];
	ssize_t length;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	length = read(fd, text, sizeof(text));
	return length <= 0 || write(1, text, (size_t)length) != length;
}

static volatile sig_atomic_t caught;
static void on_signal(int number) { caught = number; }

static void signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	pid_t child;
	int status;

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	if (caught != SIGUSR1)
		die("SIGUSR1");
	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		_exit(3);
	}
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		die("stop");
	kill(child, SIGCONT);
	if (waitpid(child, &status, WCONTINUED) != child)
		die("continue");
	if (WIFCONTINUED(status))
		waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
		die("exit");
}

/* Prints the number of the signal that comes. */
static void await_signal(void)
{
	sigset_t set;
	int number = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &number);
	exit(number);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} kinds[] = {{"threads", threads}, {"crowd", crowd}, {"vfork", use_vfork}, {"spawn", use_spawn},
		     {"clone3", use_clone3}, {"threadexec", thread_exec}, {"socket", unix_socket},
		     {"signals", signals}, {"locks", locks},
		     {"signal", await_signal}};

	if (argc > 2 && !strcmp(argv[1], "connect"))
		return connect_to(argv[2]);
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		kinds[i].call();
		printf("%s ok\n", argv[1]);
		return 0;
	}
	return 2;
}
