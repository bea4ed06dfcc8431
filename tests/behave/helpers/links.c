// SPDX-License-Identifier: Apache-2.0
/* links DIRECTORY SEED COUNT: that many random calls on a few names of files, with what each answers.
 *
 * The same numbers give the same calls, so that what a kernel with hard links prints is what one where
 * they are emulated must print. Inode numbers are shown as the first name in order that has the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAMES 12
#define PLACES 3

static char names[NAMES][16];
static uint32_t state;

static unsigned pick(unsigned limit)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % limit;
}

static const char *any(void)
{
	return names[pick(NAMES)];
}

static const char *errno_text(long result)
{
	return result < 0 ? strerrorname_np(errno) : "0";
}

/* A symlink's second name would be a copy: emulation has no names of symlinks. */
static int is_symlink(const char *name)
{
	struct stat status;

	return lstat(name, &status) == 0 && S_ISLNK(status.st_mode);
}

static void show(const char *name)
{
	struct stat status, other;
	char text[64];
	ssize_t length;
	int first = 0;

	if (lstat(name, &status) < 0)
		return;
	while (first < NAMES && (lstat(names[first], &other) < 0 || other.st_ino != status.st_ino))
		first++;
	length = readlink(name, text, sizeof(text) - 1);
	printf("  %s %o links %lu size %ld is %s", name, status.st_mode, (unsigned long)status.st_nlink,
	       (long)status.st_size, first < NAMES ? names[first] : "?");
	if (length >= 0)
		printf(" -> %.*s", (int)length, text);
	puts("");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void list(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, by_name);

	printf("list %s:", directory);
	for (int i = 0; i < count; i++) {
		char path[300];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		printf(" %s/%d", entries[i]->d_name, entries[i]->d_type);
		if (entries[i]->d_name[0] != '.' && lstat(path, &status) == 0 &&
		    status.st_ino != entries[i]->d_ino)
			printf("(inode differs)");
		free(entries[i]);
	}
	puts("");
	free(entries);
}

static void use_fd(const char *from, const char *to)
{
	int fd = open(from, O_RDWR | O_NOFOLLOW);
	struct stat status;
	char link[64], text[300];
	ssize_t length;
	long result;

	printf("fd %s %s", from, errno_text(fd));
	if (fd < 0) {
		puts("");
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, text, sizeof(text) - 1);
	text[length < 0 ? 0 : length] = '\0';
	printf(" linkat");
	result = linkat(AT_FDCWD, link, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
	printf(" %s", errno_text(result));
	result = fstat(fd, &status);
	printf(" links %lu named %s\n", (unsigned long)status.st_nlink,
	       strrchr(text, '/') && access(text, F_OK) == 0 ? "well" : "not");
	if (write(fd, "x", 1) != 1)
		puts("write failed");
	close(fd);
}

static void step(void)
{
	const char *a = any(), *b = any();
	char target[32];
	long result;
	int fd;

	switch (pick(14)) {
	case 0:
	case 1:
	case 2:
		if (is_symlink(a))
			return;
		result = link(a, b);
		printf("link %s %s %s\n", a, b, errno_text(result));
		break;
	case 3:
		result = unlink(a);
		printf("unlink %s %s\n", a, errno_text(result));
		break;
	case 4:
	case 5:
		result = rename(a, b);
		printf("rename %s %s %s\n", a, b, errno_text(result));
		break;
	case 6:
		result = syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, pick(2) ? 1 : 2);
		printf("renameat2 %s %s %s\n", a, b, errno_text(result));
		break;
	case 7:
		fd = open(a, O_CREAT | O_EXCL | O_WRONLY, 0644);
		printf("create %s %s\n", a, errno_text(fd));
		if (fd >= 0)
			close(fd);
		break;
	case 8:
		fd = open(a, O_WRONLY | O_APPEND | O_CREAT, 0600);
		result = fd < 0 ? -1 : write(fd, "more", 4);
		printf("append %s %s\n", a, errno_text(result));
		if (fd >= 0)
			close(fd);
		break;
	case 9:
		snprintf(target, sizeof(target), "%s%s", strchr(b, '/') ? "../" : "", a);
		result = symlink(target, b);
		printf("symlink %s %s %s\n", target, b, errno_text(result));
		break;
	case 10:
		result = chmod(a, pick(2) ? 0640 : 0644);
		printf("chmod %s %s\n", a, errno_text(result));
		break;
	case 11:
		use_fd(a, b);
		break;
	case 12:
		list(pick(2) ? "." : "d1");
		break;
	default:
		result = linkat(AT_FDCWD, a, AT_FDCWD, b,
				pick(2) && !is_symlink(a) ? 0 : AT_SYMLINK_FOLLOW);
		printf("linkat %s %s %s\n", a, b, errno_text(result));
	}
	show(a);
	show(b);
}

int main(int argc, char **argv)
{
	if (argc != 4 || chdir(argv[1]) < 0)
		return 2;
	umask(022);
	state = (uint32_t)atoi(argv[2]);
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	for (unsigned i = 0; i < NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "%sf%u",
			 i % PLACES == 0 ? "" : i % PLACES == 1 ? "d1/" : "d2/", i);
	for (int i = atoi(argv[3]); i > 0; i--)
		step();
	for (unsigned i = 0; i < NAMES; i++)
		show(names[i]);
	return 0;
}
