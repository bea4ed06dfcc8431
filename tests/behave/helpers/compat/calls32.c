// SPDX-License-Identifier: Apache-2.0
/* calls32: a 32-bit program without a C library, which makes the calls whose arguments, ids or structures
 * differ from 64-bit ones, in the current directory, and prints what they gave. Run natively it prints
 * what is right.
 *
 *	calls32                     everything below, one line each
 *	calls32 execute FILE ARG... executes FILE
 *	calls32 words ARG...        prints its arguments and its name
 *	calls32 own                 gives a file to 33:44 by every chown, and shows it by every stat
 *	calls32 peek PATH           opens PATH and prints its content
 *	calls32 again               executes itself by an fd that closes itself, with the words "words fd"
 */
#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/arch/loader_arch.h"

#define AT_FDCWD (-100)
#if defined(__i386__)
#define NR_openat    295
#define NR_fstatat64 300
#define NR_statx     383
#define NR_socket    359
#define NR_execveat  358
#else
#define NR_openat    322
#define NR_fstatat64 327
#define NR_statx     397
#define NR_socket    281
#define NR_execveat  387
#endif

enum {
	NR_exit = 1, NR_fork = 2, NR_read = 3, NR_write = 4, NR_open = 5, NR_close = 6, NR_creat = 8,
	NR_link = 9, NR_unlink = 10, NR_execve = 11, NR_chdir = 12, NR_chmod = 15, NR_getpid = 20,
	NR_getuid16 = 24, NR_access = 33, NR_kill = 37, NR_rename = 38, NR_mkdir = 39, NR_rmdir = 40,
	NR_symlink = 83, NR_readlink = 85, NR_fchmod = 94, NR_socketcall = 102, NR_stat = 106,
	NR_fstat = 108, NR_olduname = 109, NR_wait4 = 114, NR_uname = 122, NR_llseek = 140,
	NR_getresuid16 = 165, NR_rt_sigaction = 174, NR_chown16 = 182, NR_getcwd = 183,
	NR_truncate64 = 193, NR_ftruncate64 = 194, NR_stat64 = 195, NR_lstat64 = 196, NR_fstat64 = 197,
	NR_lchown32 = 198, NR_getuid32 = 199, NR_geteuid32 = 201, NR_getgroups32 = 205, NR_fchown32 = 207,
	NR_getresuid32 = 209, NR_chown32 = 212, NR_getgroups16 = 80, NR_oldstat = 18,
	NR_oldolduname = 59,
};

/* The compiler calls them for large objects. */
void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const volatile char *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (volatile char *at = to; size--; at++)
		*at = (char)byte;
	return to;
}

static long call(long number, long a, long b, long c, long d, long e)
{
	return arch_syscall(number, a, b, c, d, e, 0);
}
#define P(pointer) ((long)(pointer))

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void say(const char *text) { call(NR_write, 1, P(text), (long)length_of(text), 0, 0); }

static void say_number(long number)
{
	char text[12], *at = text + sizeof(text) - 1;
	unsigned long left = number < 0 ? 0UL - (unsigned long)number : (unsigned long)number;

	*at = 0;
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (number < 0)
		*--at = '-';
	say(at);
}

static void show(const char *name, long result)
{
	say(name);
	say(" ");
	say_number(result);
	say("\n");
}

/* Structures */

typedef uint64_t word64 __attribute__((aligned(sizeof(struct { char c; uint64_t w; }) - 8)));

struct stat64 {
	word64 device;
	uint32_t pad, short_inode, mode, links, uid, gid;
	word64 special;
	uint32_t pad_size;
	word64 size;
	uint32_t block_size;
	word64 blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	word64 inode;
};
struct stat32 {
	uint32_t device, inode;
	uint16_t mode, links, uid, gid;
	uint32_t special, size, block_size, blocks, times[6], unused[2];
};
struct stat_old {
	uint16_t device, inode, mode, links, uid, gid, special;
	uint32_t size, times[3];
};
struct statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, spare;
	uint64_t inode, size, blocks, attributes_mask;
	uint32_t rest[44];
};

static uint32_t uid;

static void show_status(const char *name, uint32_t mode, uint32_t links, uint32_t size, uint32_t owner)
{
	say(name);
	say(" mode ");
	say_number((long)mode);
	say(" links ");
	say_number((long)links);
	say(" size ");
	say_number((long)size);
	say(owner == uid ? " mine\n" : " not mine\n");
}

static void files(void)
{
	struct stat64 wide = { 0 }, other = { 0 };
	struct stat32 narrow = { 0 };
	struct statx extended = { 0 };
	char text[4096];
	uint64_t position = 0;
	long fd;

	show("mkdir", call(NR_mkdir, P("d"), 0755, 0, 0, 0));
	show("mkdir again", call(NR_mkdir, P("d"), 0755, 0, 0, 0));
	fd = call(NR_open, P("d/f"), 0102, 0640, 0, 0);
	show("write", call(NR_write, fd, P("hello"), 5, 0, 0));
	show("stat", call(NR_stat, P("d/f"), P(&narrow), 0, 0, 0));
	show_status("stat", narrow.mode, narrow.links, narrow.size, narrow.uid);
	show("stat64", call(NR_stat64, P("d/f"), P(&wide), 0, 0, 0));
	show_status("stat64", wide.mode, wide.links, (uint32_t)wide.size, wide.uid);
	show("fstat64", call(NR_fstat64, fd, P(&other), 0, 0, 0));
	show("the same", other.inode == wide.inode && other.device == wide.device &&
				 other.ctime_ns == wide.ctime_ns && other.mtime == wide.mtime &&
				 other.blocks == wide.blocks && other.block_size == wide.block_size &&
				 narrow.inode == (uint32_t)wide.inode && wide.short_inode == narrow.inode);
	show("fstat", call(NR_fstat, fd, P(&narrow), 0, 0, 0));
	show("the same", narrow.inode == (uint32_t)wide.inode && narrow.device == (uint32_t)wide.device);
	show("symlink", call(NR_symlink, P("f"), P("d/l"), 0, 0, 0));
	show("lstat64", call(NR_lstat64, P("d/l"), P(&wide), 0, 0, 0));
	show_status("lstat64", wide.mode, wide.links, (uint32_t)wide.size, wide.uid);
	show("fstatat64", call(NR_fstatat64, AT_FDCWD, P("d/l"), P(&wide), 0, 0));
	show_status("fstatat64", wide.mode, wide.links, (uint32_t)wide.size, wide.uid);
	show("fstatat64 by fd", call(NR_fstatat64, fd, P(""), P(&other), 0x1000, 0));
	show("the same", other.inode == wide.inode && other.ctime_ns == wide.ctime_ns);
	show("statx", call(NR_statx, AT_FDCWD, P("d/f"), 0, 0xfff, P(&extended)));
	show_status("statx", extended.mode, extended.links, (uint32_t)extended.size, extended.uid);
	show("the same", extended.inode == wide.inode);
#ifdef __i386__
	struct stat_old old = { 0 };
	long result = call(NR_oldstat, P("d/f"), P(&old), 0, 0, 0);

	show("oldstat", result == -75 ? 0 : result); /* EOVERFLOW: a large inode number */
#endif
	show("readlink", call(NR_readlink, P("d/l"), P(text), sizeof(text), 0, 0));
	show("link", call(NR_link, P("d/f"), P("d/g"), 0, 0, 0));
	show("rename", call(NR_rename, P("d/g"), P("d/h"), 0, 0, 0));
	show("chmod", call(NR_chmod, P("d/h"), 0604, 0, 0, 0));
	show("fchmod", call(NR_fchmod, fd, 0644, 0, 0, 0));
	show("access", call(NR_access, P("d/h"), 4, 0, 0, 0));
#ifdef __i386__
	show("truncate64", call(NR_truncate64, P("d/f"), 100, 1, 0, 0));
#else
	show("truncate64", call(NR_truncate64, P("d/f"), 0, 100, 1, 0));
#endif
	show("stat of 4 GiB", call(NR_stat, P("d/f"), P(&narrow), 0, 0, 0));
	show("stat64", call(NR_stat64, P("d/h"), P(&wide), 0, 0, 0));
	show("its size", (long)(wide.size - 0x100000000) + (long)wide.links);
	show("llseek", call(NR_llseek, fd, 1, 50, P(&position), 0));
	show("position", (long)(position - 0x100000000));
	call(NR_close, fd, 0, 0, 0, 0);
	show("chdir", call(NR_chdir, P("d"), 0, 0, 0, 0));
	show("getcwd", call(NR_getcwd, P(text), sizeof(text), 0, 0, 0) ==
			       (long)length_of(text) + 1 &&
			       same(text + length_of(text) - 2, "/d"));
	call(NR_chdir, P(".."), 0, 0, 0, 0);
	show("open nothing", call(NR_openat, AT_FDCWD, P("d/nothing"), 0, 0, 0));
	show("stat of a bad pointer", call(NR_stat64, P("d/f"), 4, 0, 0, 0));
	show("unlink", call(NR_unlink, P("d/f"), 0, 0, 0, 0) | call(NR_unlink, P("d/h"), 0, 0, 0, 0) |
			       call(NR_unlink, P("d/l"), 0, 0, 0, 0));
}

static void ids(void)
{
	uint32_t wide[3] = { 7, 7, 7 }, groups[64];
	uint16_t narrow[3] = { 7, 7, 7 }, narrow_groups[64];

	show("ids", call(NR_getuid16, 0, 0, 0, 0, 0) == call(NR_getuid32, 0, 0, 0, 0, 0));
	show("getresuid32", call(NR_getresuid32, P(&wide[0]), P(&wide[1]), P(&wide[2]), 0, 0));
	show("getresuid", call(NR_getresuid16, P(&narrow[0]), P(&narrow[1]), P(&narrow[2]), 0, 0));
	show("the same", wide[0] == narrow[0] && wide[1] == narrow[1] && wide[2] == narrow[2] &&
				 wide[0] == uid);
	show("groups", call(NR_getgroups32, 64, P(groups), 0, 0, 0) ==
			       call(NR_getgroups16, 64, P(narrow_groups), 0, 0, 0));
}

static void names(void)
{
	char name[6 * 65];

	show("uname", call(NR_uname, P(name), 0, 0, 0, 0));
	say(name);
	say("\n");
#ifdef __i386__
	memset(name, 'x', sizeof(name));
	show("olduname", call(NR_olduname, P(name), 0, 0, 0, 0));
	say(name);
	show(" untouched", name[5 * 65] == 'x');
	memset(name, 'x', sizeof(name));
	show("oldolduname", call(NR_oldolduname, P(name), 0, 0, 0, 0));
	say(name);
	show(" untouched", name[5 * 9] == 'x');
#endif
}

/* Sockets: by socketcall(2) where there is one */

struct address {
	uint16_t family;
	char path[108];
};
struct message {
	uint32_t name, name_size, vector, vector_size, control, control_size, flags;
};
struct credentials {
	uint32_t size, level, type, pid, uid, gid;
};

static long socket_call(unsigned which, long a, long b, long c, long d, long e)
{
#ifdef __i386__
	long arguments[6] = { a, b, c, d, e, 0 };

	return call(NR_socketcall, which, P(arguments), 0, 0, 0);
#else
	static const uint16_t numbers[] = { [1] = 281, [2] = 282, [3] = 283, [4] = 284, [5] = 285, [6] = 286,
					    [8] = 288, [15] = 295, [14] = 294, [16] = 296, [17] = 297 };

	return call(numbers[which], a, b, c, d, e);
#endif
}

static void credentials(void)
{
	struct credentials sent = { 24, 1, 2, (uint32_t)call(NR_getpid, 0, 0, 0, 0, 0), uid,
				    (uint32_t)call(200, 0, 0, 0, 0, 0) };
	char byte = 'b';
	struct {
		uint32_t base, size;
	} vector = { (uint32_t)(uintptr_t)&byte, 1 };
	struct message message = { .vector = (uint32_t)(uintptr_t)&vector, .vector_size = 1,
				   .control = (uint32_t)(uintptr_t)&sent, .control_size = sizeof(sent) };
	struct credentials got = { 0 };
	int pair[2], peer[3] = { 0 }, size = sizeof(peer), on = 1;

	show("socketpair", socket_call(8, 1, 1, 0, P(pair), 0));
	show("SO_PASSCRED", socket_call(14, pair[1], 1, 16, P(&on), sizeof(on)));
	show("sendmsg with ids", socket_call(16, pair[0], P(&message), 0, 0, 0));
	message.control = (uint32_t)(uintptr_t)&got;
	show("recvmsg", socket_call(17, pair[1], P(&message), 0, 0, 0));
	show("with mine", got.size == sent.size && got.type == 2 && got.uid == uid &&
				  got.gid == sent.gid && got.pid == sent.pid);
	show("peer", socket_call(15, pair[1], 1, 17, P(peer), P(&size)));
	show("is me", (uint32_t)peer[0] == sent.pid && (uint32_t)peer[1] == uid);
}

static void sockets(void)
{
	struct address address = { 1, "d/socket" }, own = { 1, "d/peer" }, got = { 0 };
	int size = sizeof(got);
	long server = socket_call(1, 1, 1, 0, 0, 0), client = call(NR_socket, 1, 1, 0, 0, 0);

	show("bind", socket_call(2, server, P(&address), 2 + 9, 0, 0));
	show("bind again", socket_call(2, client, P(&address), 2 + 9, 0, 0));
	show("listen", socket_call(4, server, 5, 0, 0, 0));
	show("bind the other", socket_call(2, client, P(&own), 2 + 7, 0, 0));
	show("connect", socket_call(3, client, P(&address), 2 + 9, 0, 0));
	show("accept", socket_call(5, server, P(&got), P(&size), 0, 0) >= 0);
	say(got.path + length_of(got.path) - 6);
	say("\n");
	size = sizeof(got);
	show("getsockname", socket_call(6, server, P(&got), P(&size), 0, 0));
	say(got.path + length_of(got.path) - 8);
	say("\n");
	show("a bad block", call(NR_socketcall, 2, 4, 0, 0, 0));
	credentials();
	call(NR_unlink, P("d/peer"), 0, 0, 0, 0);
	show("unlink", call(NR_unlink, P("d/socket"), 0, 0, 0, 0));
	show("rmdir", call(NR_rmdir, P("d"), 0, 0, 0, 0));
}

/* Signals: the way back from a handler is in the vDSO. */

static volatile int handled;

static void on_signal(int signal) { handled = signal; }

static void signals(void)
{
	struct {
		void (*handler)(int);
		uint32_t flags, restorer, mask[2];
	} action = { on_signal, 0, 0, { 0, 0 } };

	show("rt_sigaction", call(NR_rt_sigaction, 10, P(&action), 0, 8, 0));
	show("kill", call(NR_kill, call(NR_getpid, 0, 0, 0, 0, 0), 10, 0, 0, 0));
	show("handled", handled);
}

/* A C library expects the registers that it passed arguments in to be what they were. */
static void registers(void)
{
#ifdef __i386__
	const char *path = "nothing-is-here", *after;
	long result;

	__asm__ volatile("int $0x80" : "=a"(result), "=b"(after) : "a"(NR_open), "b"(path), "c"(0), "d"(0)
			 : "memory");
	show("open", result);
	show("registers", path == after);
#endif
}

static void processes(char **environment)
{
	static char *words[] = { "calls32", "words", "one", "", "two words", 0 };
	static char *script[] = { "ignored", "from", "script", 0 };
	int status = -1;
	long child = call(NR_fork, 0, 0, 0, 0, 0);

	if (child == 0) {
		call(NR_execve, P("./calls32"), P(words), P(environment), 0, 0);
		call(NR_exit, 1, 0, 0, 0, 0);
	}
	show("wait", call(NR_wait4, child, P(&status), 0, 0, 0) == child);
	show("status", status);
	child = call(NR_fork, 0, 0, 0, 0, 0);
	if (child == 0) {
		call(NR_execve, P("./script32"), P(script), P(environment), 0, 0);
		call(NR_exit, 1, 0, 0, 0, 0);
	}
#ifdef __i386__
	show("waitpid", call(7, child, P(&status), 0, 0x5555, 0) == child);
#else
	show("waitpid", call(NR_wait4, child, P(&status), 0, 0, 0) == child);
#endif
	show("status", status);
}

static void own(void)
{
	struct stat64 wide;
	struct stat32 narrow;
	long fd = call(NR_creat, P("owned"), 0600, 0, 0, 0);

	show("chown", call(NR_chown16, P("owned"), 33, 0xffff, 0, 0));
	show("fchown32", call(NR_fchown32, fd, -1, 44, 0, 0));
	call(NR_stat, P("owned"), P(&narrow), 0, 0, 0);
	call(NR_stat64, P("owned"), P(&wide), 0, 0, 0);
	show("uid", narrow.uid == wide.uid ? (long)wide.uid : -1);
	show("gid", narrow.gid == wide.gid ? (long)wide.gid : -1);
	show("lchown32", call(NR_lchown32, P("owned"), 100000, 70000, 0, 0));
	call(NR_stat, P("owned"), P(&narrow), 0, 0, 0);
	call(NR_stat64, P("owned"), P(&wide), 0, 0, 0);
	show("uid", (long)wide.uid);
	show("short uid", narrow.uid);
	call(NR_unlink, P("owned"), 0, 0, 0, 0);
}

static void again(char **environment)
{
	static char *words[] = { "calls32", "words", "fd", 0 };
	long fd = call(NR_openat, AT_FDCWD, P("./calls32"), 02000000, 0, 0);

	show("execveat", call(NR_execveat, fd, P(""), P(words), P(environment), 0x1000));
}

static void peek(const char *path)
{
	char text[256];
	long fd = call(NR_open, P(path), 0, 0, 0, 0), length;

	show("open", fd < 0 ? fd : 0);
	length = fd < 0 ? 0 : call(NR_read, fd, P(text), sizeof(text), 0, 0);
	call(NR_write, 1, P(text), length > 0 ? length : 0, 0, 0);
}

__attribute__((used)) void run(long *stack);
__attribute__((used)) void run(long *stack)
{
	long count = stack[0];
	char **words = (char **)(stack + 1), **environment = words + count + 1;

	uid = (uint32_t)call(NR_geteuid32, 0, 0, 0, 0, 0);
	if (count > 1 && same(words[1], "words")) {
		for (long i = 0; i < count; i++)
			say(words[i]), say(i + 1 < count ? "," : "\n");
	} else if (count > 2 && same(words[1], "execute")) {
		show("execve", call(NR_execve, P(words[2]), P(words + 2), P(environment), 0, 0));
	} else if (count > 2 && same(words[1], "peek")) {
		peek(words[2]);
	} else if (count > 1 && same(words[1], "again")) {
		again(environment);
	} else if (count > 1 && same(words[1], "own")) {
		own();
	} else {
		files();
		call(NR_mkdir, P("d"), 0755, 0, 0, 0);
		ids();
		names();
		sockets();
		signals();
		registers();
		processes(environment);
	}
	call(NR_exit, 0, 0, 0, 0, 0);
}

#ifdef __i386__
__asm__(".globl _start\n_start: mov %esp, %eax\nand $-16, %esp\nsub $12, %esp\npush %eax\ncall run\n");
#else
__asm__(".globl _start\n_start: mov r0, sp\nbl run\n");
#endif
