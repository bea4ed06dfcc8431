// SPDX-License-Identifier: Apache-2.0
/* Random calls with paths, the same ones for the same seed, between changes of what the paths lead through.
 *
 *	shuffle calls SEED COUNT	prints what each finds: to be compared between ways to run it
 *	shuffle flip SECONDS [cwd]	a directory and an absolute symlink take each other's place all the time, while
 *					other processes and threads look through them: they find one or the other
 *	shuffle fifo			a directory is renamed while a FIFO in it is being opened
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/behave/helpers/random_path.h"

#define TOP   "/tmp/shuffle"
#define PLACE TOP "/1/2/3/4"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif


static const char *const names[] = { "a", "b", "c", "5", "f", ".", "..", "l" };

static void say(const char *call, const char *path, long result)
{
	printf("%s %s: %s\n", call, path, result < 0 ? strerrorname_np(errno) : "0");
}

static void say_status(const char *call, const char *path, long result, const struct stat *status)
{
	if (result < 0)
		say(call, path, result);
	else
		printf("%s %s: %o %u %ld %ld\n", call, path, status->st_mode, status->st_uid, (long)status->st_nlink,
		       S_ISDIR(status->st_mode) ? 0L : (long)status->st_size);
}

static void open_it(int directory, const char *path)
{
	int flags = O_RDONLY | O_CLOEXEC | (next(4) ? 0 : O_NOFOLLOW), fd;
	char text[256] = "";
	ssize_t n;

	fd = next(2) ? open(path, flags) : openat(directory, path, flags);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n >= 0)
		printf("open %s: %s\n", path, text);
	else
		say("open", path, n);
	if (fd >= 0)
		close(fd);
}

static void look(int directory)
{
	char path[128], text[256] = "";
	struct stat status;
	struct statx extended;
	ssize_t n;
	int fd;

	make_path(path, PLACE, names, sizeof(names) / sizeof(names[0]), 20);
	switch (next(8)) {
	case 0:
		say_status("stat", path, stat(path, &status), &status);
		break;
	case 1:
		say_status("lstat", path, lstat(path, &status), &status);
		break;
	case 2:
		say_status("fstatat", path, fstatat(directory, path, &status, next(2) ? AT_SYMLINK_NOFOLLOW : 0), &status);
		break;
	case 3:
		n = readlink(path, text, sizeof(text) - 1);
		if (n >= 0)
			printf("readlink %s: %s\n", path, text);
		else
			say("readlink", path, n);
		break;
	case 4:
		n = statx(directory, path, 0, STATX_BASIC_STATS, &extended);
		if (n >= 0)
			printf("statx %s: %o %u\n", path, extended.stx_mode, extended.stx_uid);
		else
			say("statx", path, n);
		break;
	case 5:
		fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
		say("directory", path, fd);
		if (fd >= 0)
			close(fd);
		break;
	default:
		open_it(directory, path);
	}
}

static void create(const char *path, unsigned turn)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char text[16];

	say("create", path, fd);
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)snprintf(text, sizeof(text), "%u", turn)) < 0)
		exit(2);
	close(fd);
}

static void change(int *directory, unsigned turn)
{
	char path[128], other[128];
	int fd;

	make_path(path, PLACE, names, sizeof(names) / sizeof(names[0]), 20);
	make_path(other, PLACE, names, sizeof(names) / sizeof(names[0]), 20);
	switch (next(13)) {
	case 0:
	case 1:
	case 2:
		say("mkdir", path, mkdir(path, 0755));
		break;
	case 3:
		say("rmdir", path, rmdir(path));
		break;
	case 4:
		say("unlink", path, unlink(path));
		break;
	case 5:
		say("rename", path, rename(path, other));
		break;
	case 6:
		say("exchange", path, syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE));
		break;
	case 7:
		say("symlink", path, symlink(other, path));
		break;
	case 8:
		say("chdir", path, chdir(path));
		break;
	case 9:
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		say("directory", path, fd);
		if (fd < 0)
			break;
		close(*directory);
		*directory = fd;
		if (next(2))
			say("fchdir", path, fchdir(fd));
		break;
	case 10:
		say("link", path, link(path, other));
		break;
	default:
		create(path, turn);
	}
	if (!next(30) && chdir(PLACE) == 0) {
		close(*directory);
		*directory = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
}

static void calls(unsigned seed, unsigned count)
{
	int directory = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	state = seed;
	if (directory < 0 || chdir(PLACE) < 0)
		exit(2);
	for (unsigned turn = 0; turn < count; turn++) {
		if (!next(6))
			change(&directory, turn);
		else
			look(directory);
	}
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(2);
	close(fd);
}

static volatile bool over;
static unsigned long found[3];

/* What lies there has one byte or two. An open may find nothing: a symlink can be put where we looked. */
static void look_through(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || status.st_size < 1 || status.st_size > 2) {
		printf("stat: %s, %ld\n", strerrorname_np(errno), (long)status.st_size);
		fflush(stdout);
		_exit(1);
	}
	found[status.st_size]++;
	close(open(path, O_RDONLY));
}

static void *looker(void *argument)
{
	while (!over)
		look_through(argument);
	return NULL;
}

static void flip(int seconds, bool relative)
{
	const char *path = relative ? "x/f" : PLACE "/x/f";
	time_t end = time(NULL) + seconds;
	pthread_t thread;
	pid_t children[2];
	int status;

	if (chdir(PLACE) < 0)
		exit(2);
	mkdir("x", 0755);
	mkdir("d", 0755);
	put("x/f", "1");
	put("d/f", "22");
	if (symlink(PLACE "/d", "y") < 0)
		exit(2);
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			alarm((unsigned)seconds + 5);
			pthread_create(&thread, NULL, looker, (void *)(uintptr_t)(i ? path : PLACE "/d/f"));
			while (time(NULL) < end)
				look_through(path);
			over = true;
			pthread_join(thread, NULL);
			fflush(stdout);
			_exit(!found[1] || !found[2] ? 3 : 0);
		}
	}
	while (time(NULL) < end) {
		if (syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", RENAME_EXCHANGE) < 0)
			exit(2);
		usleep(next(300));
	}
	for (int i = 0; i < 2; i++) {
		waitpid(children[i], &status, 0);
		if (status)
			printf("a looker: %x\n", (unsigned)status);
	}
	puts("flip ok");
}

static void fifo(const char *away)
{
	char text[8] = "";
	int status, fd;
	pid_t child;

	mkdir(PLACE "/x", 0755);
	mkdir(PLACE "/z", 0755);
	mkfifo(PLACE "/x/p", 0600);
	put(PLACE "/x/f", "1");
	put(PLACE "/z/f", "1");
	child = fork();
	if (child == 0) {
		alarm(10);
		for (int i = 0; i < 6; i++) {
			close(open(PLACE "/x/f", O_RDONLY));
			close(open(PLACE "/z/f", O_RDONLY));
		}
		fd = open(PLACE "/x/p", O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text)) != 3)
			_exit(1);
		_exit(0);
	}
	usleep(200000);
	signal(SIGPIPE, SIG_IGN);
	if (rename(away, PLACE "/moved") < 0)
		exit(2);
	fd = open(!strcmp(away, PLACE "/x") ? PLACE "/moved/p" : PLACE "/x/p", O_WRONLY);
	usleep(50000);
	if (fd < 0 || write(fd, "abc", 3) != 3)
		printf("the FIFO's reader: %s\n", strerrorname_np(errno));
	waitpid(child, &status, 0);
	printf("fifo %x\n", (unsigned)status);
	if (system("rm -r " PLACE "/*") != 0)
		exit(2);
}

int main(int argc, char **argv)
{
	unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : 1;

	if (argc < 2 || system("cd / && rm -rf " TOP " [abcfl5] tmp/[abcfl5] && mkdir -p " PLACE) != 0)
		return 2;
	if (!strcmp(argv[1], "calls"))
		calls(number, argc > 3 ? (unsigned)atoi(argv[3]) : 10000);
	else if (!strcmp(argv[1], "fifo")) {
		fifo(PLACE "/z");
		fifo(PLACE "/x");
	} else if (!strcmp(argv[1], "flip"))
		flip((int)number, argc > 3);
	return 0;
}
