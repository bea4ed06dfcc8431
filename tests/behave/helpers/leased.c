// SPDX-License-Identifier: Apache-2.0
/* An open that waits, and a signal meanwhile whose handler opens another file.
 *
 *	leased DIRECTORY
 *
 * What is waited for: that a lease on a regular file ends, that a FIFO has a writer. By open and openat2, with
 * SA_RESTART and without, and by SIGSTOP, which no handler sees. Prints what was read, or the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef F_SETLEASE
#define F_SETLEASE 1024
#endif

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(name);
	close(fd);
}

static int told[2];

static void tell(void)
{
	if (write(told[1], "x", 1) != 1)
		_exit(3);
}

static void hear(void)
{
	char byte;

	if (read(told[0], &byte, 1) != 1)
		die("read");
}

static void on_signal(int signal)
{
	struct stat status;

	(void)signal;
	close(open("a-much-longer-name/wrong", O_RDONLY));
	stat("a-much-longer-name/wrong", &status);
	tell();
}

static void wait_until_asleep(pid_t pid)
{
	char path[64], text[256], state = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int tries = 0; tries < 1000 && state != 'S'; tries++) {
		usleep(10000);
		fd = open(path, O_RDONLY);
		memset(text, 0, sizeof(text));
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strchr(text, ')'))
			state = strchr(text, ')')[2];
		close(fd);
	}
}

static int open_by(const char *call, const char *name)
{
	struct open_how how = { .flags = O_RDONLY };

	return !strcmp(call, "openat2") ? (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how)) :
					  open(name, O_RDONLY);
}

static void reader(const char *call, const char *name)
{
	char text[64];
	ssize_t n;
	int fd;

	tell();
	fd = open_by(call, name);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0)
		printf("%s\n", strerror(errno));
	else
		printf("%.*s\n", (int)n, text);
	fflush(stdout);
	_exit(0);
}

static void try(const char *what, const char *call, const char *how)
{
	struct sigaction action = { .sa_handler = on_signal };
	int lease = -1, fifo = !strcmp(what, "fifo");
	pid_t child;

	printf("%s %s %s: ", what, call, how);
	fflush(stdout);
	if (!fifo) {
		lease = open(what, O_RDWR);
		if (lease < 0 || fcntl(lease, F_SETLEASE, F_WRLCK) < 0)
			die("lease");
	}
	action.sa_flags = !strcmp(how, "restart") ? SA_RESTART : 0;
	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (child == 0)
		reader(call, what);
	hear();
	wait_until_asleep(child);
	if (!strcmp(how, "stop")) {
		kill(child, SIGSTOP);
		waitpid(child, NULL, WUNTRACED);
		kill(child, SIGCONT);
		waitpid(child, NULL, WCONTINUED);
	} else {
		kill(child, SIGUSR1);
		hear();
	}
	usleep(100000);
	if (fifo) {
		int fd = open(what, O_WRONLY | O_NONBLOCK); /* no reader: it was interrupted */

		if (fd >= 0 && write(fd, "right", 5) != 5)
			die("write");
		close(fd);
	} else {
		fcntl(lease, F_SETLEASE, F_UNLCK);
		close(lease);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	static const char *const files[] = { "file", "fifo" }, *const calls[] = { "open", "openat2" },
				 *const ways[] = { "restart", "interrupt", "stop" };

	if (argc < 2 || chdir(argv[1]) < 0)
		return 2;
	if (pipe(told) < 0)
		die("pipe");
	signal(SIGIO, SIG_IGN);
	mkdir("a-much-longer-name", 0700);
	put("a-much-longer-name/wrong", "wrong");
	put("file", "right");
	mkfifo("fifo", 0600);
	for (unsigned i = 0; i < 12; i++)
		try(files[i / 6], calls[i / 3 % 2], ways[i % 3]);
	return 0;
}
