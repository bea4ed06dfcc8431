// SPDX-License-Identifier: Apache-2.0
/* What could mislead a stub inside the process that knows directories' host paths. Each says what it found; the
 * same is to be found without the stub:
 *
 *	misled chroot		a program that is executed in a chroot
 *	misled jailed		(that program)
 *	misled proc		files below an fd of /proc, for which a directory of ours stands
 *	misled proc-fd N	the same, by an fd that was inherited
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 6 /* the first ones aren't fast */

static const char *answer(int result)
{
	return result < 0 ? strerrorname_np(errno) : "there";
}

static void look(const char *path)
{
	struct stat status;

	for (int i = 0; i < TIMES; i++)
		printf("%s%s", i ? " " : "", answer(stat(path, &status)));
	puts("");
}

static int in_chroot(const char *self)
{
	mkdir("/jail", 0755);
	mkdir("/jail/d", 0755);
	mkdir("/d", 0755);
	close(open("/d/file", O_CREAT | O_WRONLY, 0644));
	look("/d/file");
	if (chroot("/jail") < 0 || chdir("/") < 0)
		return 1;
	look("/d/file");
	execl(self, self, "jailed", NULL);
	return 1;
}

static void of_proc(int proc)
{
	static const char *const names[] = { "consoles", "kallsyms", "cpuinfo", "filesystems", "softirqs", "sys" };
	struct stat real, status;
	char text[64];

	if (fstat(proc, &status) < 0 || stat("/proc", &real) < 0)
		return;
	for (int i = 0; i < TIMES; i++)
		if (fstat(proc, &status) < 0 || status.st_ino != real.st_ino || status.st_dev != real.st_dev)
			puts("another directory");
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (int i = 0; i < TIMES; i++) {
			int fd = openat(proc, names[n], O_RDONLY | O_CLOEXEC);
			long length = fd < 0 ? -errno : read(fd, text, sizeof(text));

			printf("%s %d %d\n", names[n], fd >= 0, length > 0);
			if (fd >= 0)
				close(fd);
			if (fstatat(proc, names[n], &status, 0) < 0 || status.st_dev != real.st_dev)
				puts("of another file system");
		}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char number[16];
	int fd;

	if (!strcmp(what, "chroot"))
		return in_chroot(argv[0]);
	if (!strcmp(what, "jailed"))
		look("/d/file");
	if (!strcmp(what, "proc-fd") && argc > 2)
		of_proc(atoi(argv[2]));
	if (!strcmp(what, "proc")) {
		of_proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		fd = open("/proc", O_RDONLY | O_DIRECTORY);
		snprintf(number, sizeof(number), "%d", fd);
		fflush(stdout);
		execl(argv[0], argv[0], "proc-fd", number, NULL);
		return 1;
	}
	return 0;
}
