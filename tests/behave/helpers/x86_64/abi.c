// SPDX-License-Identifier: Apache-2.0
/* abi PATH: opens PATH, a path of the host, through the other system-call doors of x86-64: int 0x80
 * (the i386 table) and x32 numbers. Prints what each gave, and the content when it gave access.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define X32_BIT 0x40000000

static long int80(long number, long first, long second, long third)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(third)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static void show(const char *name, long result)
{
	char text[256];
	ssize_t length;

	if (result < 0) {
		printf("%s %s\n", name, strerrorname_np((int)-result));
		fflush(stdout);
		return;
	}
	length = read((int)result, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	printf("%s succeeded %s\n", name, text);
	fflush(stdout);
}

/* Runs one door in a child, which a filter may kill. */
static void attempt(const char *name, void (*door)(const char *), const char *path)
{
	int status, child = fork();

	if (child == 0) {
		door(path);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s killed by signal %d\n", name, WTERMSIG(status));
	fflush(stdout);
}

static void door_i386_open(const char *path) { show("int80-open", int80(5, (long)path, O_RDONLY, 0)); }
static void door_i386_openat(const char *path) { show("int80-openat", int80(295, AT_FDCWD, (long)path, O_RDONLY)); }
static void door_x32_open(const char *path)
{
	long result = syscall(X32_BIT | SYS_open, path, O_RDONLY);

	show("x32-open", result < 0 ? -errno : result);
}
static void door_x32_execve(const char *path)
{
	char *const words[] = {(char[]){"cat"}, (char *)(unsigned long)path, NULL};
	long result = syscall(X32_BIT | 520, "/bin/cat", words, NULL);

	show("x32-execve", -errno + 0 * result);
}

int main(int argc, char **argv)
{
	/* int 0x80 takes 32-bit pointers. */
	char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (low == MAP_FAILED)
		return perror("mmap"), 2;
	strncpy(low, argc > 1 ? argv[1] : "/canary", 4095);
	attempt("int80-open", door_i386_open, low);
	attempt("int80-openat", door_i386_openat, low);
	attempt("x32-open", door_x32_open, low);
	attempt("x32-execve", door_x32_execve, low);
	return 0;
}
