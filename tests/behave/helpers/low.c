// SPDX-License-Identifier: Apache-2.0
/* A program at the lowest address that Linux gives (the Makefile links it so), as wine's and box64's
 * loaders are: checks where its memory lies.
 *   low brk       the heap grows in one piece, behind the program's data, and shrinks again
 *   low reserve   what lies between the program and 2 GiB can be mapped at fixed addresses
 *   low random    prints stack, heap and mapping addresses: to be seen to differ
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char end;

static int check_brk(void)
{
	char *start = sbrk(0), *at;

	for (int i = 0; i < 64; i++) {
		at = sbrk(1 << 20);
		if (at != start + ((size_t)i << 20))
			return printf("sbrk gave %p, expected %p\n", (void *)at, (void *)(start + ((size_t)i << 20)));
		memset(at, i, 1 << 20);
	}
	if (start < &end)
		return printf("the heap %p lies below the program's end %p\n", (void *)start, (void *)&end);
	if (brk(start) < 0 || sbrk(0) != start)
		return puts("brk does not shrink");
	return puts("brk ok") < 0;
}

static int check_reserve(void)
{
	uint64_t heap = (uintptr_t)sbrk(0);

	for (uint64_t at = 0x01000000; at < 0x80000000; at += 0x01000000) {
		void *got = mmap((void *)(uintptr_t)at, 0x10000, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		/* The kernel puts the heap behind the program, up to a gigabyte away. */
		if (got != (void *)(uintptr_t)at && (heap < at || heap - at > 0x01000000))
			return printf("%#llx is taken\n", (unsigned long long)at);
	}
	return puts("reserve ok") < 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "brk"))
		return check_brk();
	if (argc == 2 && !strcmp(argv[1], "reserve"))
		return check_reserve();
	if (argc == 2 && !strcmp(argv[1], "random"))
		return printf("%p %p %p\n", (void *)&argc, sbrk(0),
			      mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) < 0;
	return 2;
}
