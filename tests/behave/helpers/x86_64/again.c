// SPDX-License-Identifier: Apache-2.0
/* A path register used again after the call, as inline assembly may: again PATH PART.
 * Opens PATH for reading, then whatever the register holds by then for writing, then what follows from
 * PART in it for reading. Prints the errno of both, 0 for success. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Returns openat()'s result; *path is what the register holds afterwards. */
static long open_by(const char **path, int flags)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+S"(*path)
			 : "a"(SYS_openat), "D"(AT_FDCWD), "d"(flags)
			 : "rcx", "r11", "memory");
	return result;
}

int main(int argc, char **argv)
{
	const char *path, *part;
	long whole, rest;

	if (argc != 3)
		return 2;
	path = argv[1];
	if (open_by(&path, O_RDONLY) < 0)
		return 1;
	part = strstr(path, argv[2]);
	whole = open_by(&path, O_WRONLY);
	rest = part ? open_by(&part, O_RDONLY) : 0;
	printf("%ld %ld\n", whole < 0 ? -whole : 0, rest < 0 ? -rest : 0);
	return 0;
}
