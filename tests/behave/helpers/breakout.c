// SPDX-License-Identifier: Apache-2.0
/* breakout WAY DIR FILE [...]: tries to append to FILE in DIR, a place that a mount protects, in a way that
 * the table of mounts may have lost track of. Prints "written" for each try that got through. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void spoil(int directory, const char *file)
{
	int fd = openat(directory, file, O_WRONLY | O_APPEND);

	if (fd >= 0 && write(fd, "spoiled\n", 8) == 8)
		puts("written");
	if (fd >= 0)
		close(fd);
}

/* A fchdir() that fails. */
static void by_fchdir(char **argv)
{
	int file = open("/etc/passwd", O_RDONLY);

	if (chdir(argv[0]) < 0 || fchdir(file) == 0)
		puts("unexpected");
	spoil(AT_FDCWD, argv[1]);
}

static void *go_to_and_fro(void *directory)
{
	for (;;)
		if (chdir(directory) < 0 || chdir("/") < 0)
			return NULL;
	return NULL;
}

/* Another thread changes the cwd meanwhile. */
static void by_threads(char **argv)
{
	time_t end = time(NULL) + 1;
	pthread_t thread;

	if (pthread_create(&thread, NULL, go_to_and_fro, argv[0]) != 0)
		return;
	while (time(NULL) < end)
		spoil(AT_FDCWD, argv[1]);
}

static int move_root(const char *new_root, const char *old)
{
	return mount("none", new_root, "tmpfs", 0, "") < 0 || mkdir(old, 0755) < 0 ||
	       syscall(SYS_pivot_root, new_root, old) < 0;
}

/* DIR becomes the root, and a tmpfs on DIR/sub takes its place. */
static void by_pivot(char **argv)
{
	int directory = open(argv[0], O_RDONLY | O_DIRECTORY);
	int top = open("/", O_RDONLY | O_DIRECTORY);
	char path[256];

	if (chroot(argv[0]) < 0 || chdir("/") < 0 || move_root("/sub", "/sub/old") ||
	    umount2("/old", MNT_DETACH) < 0)
		puts("no pivot");
	spoil(directory, argv[1]);
	if (fchdir(top) < 0 || chroot(".") < 0)
		puts("no way back");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, argv[1]);
	spoil(AT_FDCWD, path);
	spoil(directory, argv[1]);
}

/* An fd that is older than a mount namespace which has no such mount. */
static void by_fd(char **argv)
{
	int directory = open(argv[0], O_RDONLY | O_DIRECTORY);
	int fd = openat(directory, argv[1], O_RDONLY);
	char path[64];

	if (unshare(CLONE_NEWNS) < 0 || move_root("/mnt", "/mnt/old") || chdir("/") < 0 ||
	    mkdir("/proc", 0755) < 0 || mkdir("/x", 0755) < 0 ||
	    mount("/old/proc", "/proc", NULL, MS_BIND | MS_REC, NULL) < 0)
		puts("no pivot");
	umount2("/old/proc", MNT_DETACH);
	umount2("/old/sys", MNT_DETACH);
	umount2("/old/dev/pts", MNT_DETACH);
	umount2("/old/dev/shm", MNT_DETACH);
	umount2("/old/dev/mqueue", MNT_DETACH);
	umount2("/old/dev", MNT_DETACH);
	if (umount2("/old", 0) < 0)
		puts("still there");
	for (int i = 0; i < 600; i++) /* until what was detached is forgotten */
		if (mount("none", "/x", "tmpfs", 0, "") < 0 || umount2("/x", 0) < 0)
			puts("no tmpfs");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	spoil(AT_FDCWD, path);
	if (fchmod(fd, 0700) == 0 || chmod(path, 0700) == 0 || fchmodat(fd, "", 0700, AT_EMPTY_PATH) == 0 ||
	    truncate(path, 1) == 0 || futimens(fd, NULL) == 0)
		puts("written");
}

/* By fds alone. */
static void by_mode(char **argv)
{
	int fd = open(argv[0], O_RDONLY), path = open(argv[0], O_PATH);

	if (fchmod(fd, 0700) == 0 || fchown(fd, 1, 1) == 0 || fchownat(path, "", 1, 1, AT_EMPTY_PATH) == 0)
		puts("written");
}

static const struct {
	const char *name;
	void (*run)(char **argv);
} ways[] = {
	{ "fchdir", by_fchdir },
	{ "threads", by_threads },
	{ "pivot", by_pivot },
	{ "fd", by_fd },
	{ "mode", by_mode },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, argv[1])) {
			ways[i].run(argv + 2);
			return 0;
		}
	return 2;
}
