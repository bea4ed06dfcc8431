// SPDX-License-Identifier: Apache-2.0
/* view WHAT …: what a program sees of files that are kept open, sockets and interfaces. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t read_again(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		die("lseek");
	while (used < size && (n = read(fd, buffer + used, size - used)) > 0)
		used += (size_t)n;
	return used;
}

/* Reads FILE through one fd until its content changes, as top and vmstat do. */
static int reread(const char *path)
{
	static char first[1 << 20], second[1 << 20];
	int fd = open(path, O_RDONLY);
	size_t size;

	if (fd < 0)
		die(path);
	size = read_again(fd, first, sizeof(first));
	for (int tries = 0; tries < 100; tries++) {
		usleep(100000);
		if (read_again(fd, second, sizeof(second)) != size || memcmp(first, second, size) != 0) {
			puts("changes");
			return 0;
		}
	}
	puts("frozen");
	return 1;
}

/* /proc/self/auxv against the vector that the program was given. */
static int auxv(void)
{
	unsigned long words[128];
	int fd = open("/proc/self/auxv", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, words, sizeof(words));

	if (size <= 0)
		die("/proc/self/auxv");
	for (size_t i = 0; i + 1 < (size_t)size / sizeof(words[0]) && words[i]; i += 2)
		/* glibc has an AT_HWCAP of its own. */
		if (words[i] != AT_HWCAP && getauxval(words[i]) != words[i + 1])
			printf("type %lu: %lx, getauxval %lx\n", words[i], words[i + 1],
			       getauxval(words[i]));
	printf("%s\n", (const char *)getauxval(AT_EXECFN));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "reread"))
		return reread(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "auxv"))
		return auxv();
	return 2;
}
