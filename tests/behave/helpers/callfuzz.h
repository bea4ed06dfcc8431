/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that makes random system calls, to see that the tracer survives it. Needs no C library, so that it
 * can be a 32-bit program as well; reproducible by its seed.
 *
 *	callfuzz SEED CALLS [PATH]
 *
 * Each child makes some calls: any number of the table with any arguments, or a call that the tracer looks
 * into with the structures it expects, damaged. Another process writes into the same memory meanwhile. PATH
 * is a file of the host whose content is looked for in everything that calls wrote. Ends in "fuzz ok".
 *
 * Refuses to run outside a container.
 */
#ifndef AMPHORA_TESTS_CALLFUZZ_H
#define AMPHORA_TESTS_CALLFUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/arch/loader_arch.h"

enum {
#define LEGACY(...) __VA_ARGS__
#define COMPAT(...) __VA_ARGS__
#define CALL(number, name) N_##name = (number),
#define CALL_AS(number, name, row, shape) N_##name = (number),
#define CALL_HIGH(number, name) N_high_##name = (number),
#include CALLFUZZ_TABLE
#undef CALL
#undef CALL_AS
#undef CALL_HIGH
};

static const uint16_t numbers[] = {
#define CALL(number, name) (number),
#define CALL_AS(number, name, row, shape) (number),
#define CALL_HIGH(number, name)
#include CALLFUZZ_TABLE
#undef CALL
#undef CALL_AS
#undef CALL_HIGH
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define P(pointer)   ((long)(pointer))

#define ARENA_BASE 0x10000000L /* below 4 GiB, for int 0x80 */
#define SLOT_SIZE  512
#define SLOTS	   128
#define ARENA_SIZE ((long)SLOT_SIZE * SLOTS)
#define BATCH	   60
#define WORKERS	   3
#define STALL_MS   120

enum slot_kind {
	SLOT_PATH, SLOT_ADDRESS, SLOT_MESSAGE, SLOT_MESSAGES, SLOT_VECTOR, SLOT_CONTROL, SLOT_NETLINK,
	SLOT_CLONE, SLOT_HOW, SLOT_POINTERS, SLOT_WORDS, SLOT_NOISE, SLOT_ZERO, SLOT_KINDS,
};

struct shared {
	volatile uint32_t progress[WORKERS];
	volatile uint32_t leaks;
	volatile uint32_t last[WORKERS];
};

static const char *outside = "/etc/hostname";
static uint64_t state;
static long scratch; /* where the tracer puts paths */
static int fds[24];
static unsigned fd_count;

/* A volatile loop: the compiler would call memset. */
static void fill(void *to, int byte, size_t size)
{
	for (volatile char *at = to; size--; at++)
		*at = (char)byte;
}

static void copy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const volatile char *)from)[i];
}

static uint32_t roll(uint32_t limit)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((state >> 32) * limit >> 32); /* without a division, which arm hasn't */
}

static long raw(long number, long a, long b, long c, long d, long e, long f)
{
	return arch_syscall(number, a, b, c, d, e, f);
}
#define CALL1(name, ...) CALL_(N_##name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) raw(number, P(a), P(b), P(c), P(d), P(e), P(f))

static void say(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	CALL1(write, 1, text, length);
}

static void say_number(uint32_t number)
{
	char text[24], *at = text + sizeof(text) - 1;

	*at = 0;
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	say(at);
}

#include "tests/behave/helpers/callfuzz_memory.h"

/* Calls that the tracer looks into. A letter an argument:
 * s socket, d dirfd, p path, m message, M messages, a address, v vector, b netlink message, n length,
 * o open_how, c clone_args, P pointers, w words, f flags, k small, x any, 0 zero */
static const struct known {
	uint16_t number;
	char arguments[7];
} known[] = {
	{ N_sendmsg, "smf" }, { N_recvmsg, "smf" }, { N_sendmmsg, "sMnf" }, { N_recvmmsg, "sMnf0" },
	{ N_bind, "san" }, { N_connect, "san" }, { N_sendto, "sbnfan" }, { N_recvfrom, "sbnfaw" },
	{ N_getsockname, "saw" }, { N_getpeername, "saw" }, { N_getsockopt, "skkbw" },
	{ N_setsockopt, "skkwn" }, { N_execve, "pPP" }, { N_execveat, "dpPPf" }, { N_openat, "dpff" },
	{ N_openat2, "dpon" }, { N_clone3, "cn" }, { N_socket, "kkk" }, { N_sendto, "sbn000" },
	{ N_readlinkat, "dpbn" }, { N_getcwd, "bn" }, { N_renameat2, "dpdpk" }, { N_linkat, "dpdpf" },
	{ N_symlinkat, "pdp" }, { N_unlinkat, "dpf" }, { N_mount, "pppfp" }, { N_umount2, "pf" },
	{ N_pivot_root, "pp" }, { N_move_mount, "dpdpf" }, { N_open_tree, "dpf" }, { N_statx, "dpffb" },
	{ N_getdents64, "dbn" }, { N_prctl, "kxxxx" }, { N_setgroups, "nw" }, { N_getgroups, "nw" },
	{ N_sched_setaffinity, "0nw" }, { N_sched_getaffinity, "0nw" }, { N_fcntl, "dkw" },
	{ N_ioctl, "dxw" }, { N_uname, "w" }, { N_sethostname, "pn" }, { N_capset, "ww" }, { N_capget, "ww" },
	{ N_setns, "df" }, { N_unshare, "f" }, { N_kill, "xk" }, { N_tgkill, "xxk" },
	{ N_rt_sigqueueinfo, "xkw" }, { N_pidfd_send_signal, "dkwk" }, { N_process_vm_readv, "xvnvnf" },
	{ N_process_vm_writev, "xvnvnf" }, { N_name_to_handle_at, "dpwwf" }, { N_inotify_add_watch, "dpf" },
	{ N_chdir, "p" }, { N_fchdir, "d" }, { N_chroot, "p" }, { N_statfs, "pb" }, { N_setxattr, "ppbnf" },
	{ N_getxattr, "ppbn" }, { N_fanotify_mark, "dffdp" }, { N_seccomp, "kfw" }, { N_utimensat, "dpwf" },
	{ N_fchmodat, "dpf" }, { N_fchownat, "dpxxf" }, { N_mknodat, "dpfx" }, { N_mkdirat, "dpf" },
	{ N_truncate, "pn" }, { N_memfd_create, "pf" }, { N_faccessat2, "dpff" }, { N_accept4, "sawf" },
#ifdef __i386__
	{ N_socketcall, "kw" }, { N_socketcall, "kw" },
#endif
#ifdef CALLFUZZ_NARROW
	{ N_stat64, "pb" }, { N_fstatat64, "dpbf" },
	{ N_fcntl64, "dkw" }, { N_setgroups32, "nw" }, { N_getgroups32, "nw" },
#endif
};

static long argument(char letter)
{
	static const char letters[] = "pmMavbocPw";
	static const uint8_t kinds[] = { SLOT_PATH, SLOT_MESSAGE, SLOT_MESSAGES, SLOT_ADDRESS, SLOT_VECTOR,
					 SLOT_NETLINK, SLOT_HOW, SLOT_CLONE, SLOT_POINTERS, SLOT_WORDS };

	if (!roll(15))
		return any();
	for (unsigned i = 0; i < COUNT(kinds); i++)
		if (letter == letters[i])
			return P(slot_of((enum slot_kind)kinds[i]));
	switch (letter) {
	case 's':
	case 'd':
		return any_fd();
	case 'n':
		return length();
	case 'f':
		return roll(2) ? 0 : (1L << roll(31)) | (roll(2) ? 1L << roll(31) : 0);
	case 'k':
		return (long)roll(24);
	case '0':
		return 0;
	default:
		return any();
	}
}

/* Ends the caller, waits for the disk, or leaves something on the host. */
static bool is_left_out(long number)
{
	static const uint16_t left_out[] = {
		N_exit, N_exit_group, N_sync, N_syncfs, N_rt_sigreturn, N_mq_open,
#ifdef CALLFUZZ_NARROW
		N_sigreturn,
#endif
#ifdef __i386__
		N_ipc, N_shmget,
#else
		N_shmget, N_semget, N_msgget,
#endif
	};

	for (unsigned i = 0; i < COUNT(left_out); i++)
		if (left_out[i] == number)
			return true;
	return false;
}

/* The next call by its door: which one a program can choose. */
static void one_call(struct shared *shared, unsigned worker)
{
	long arguments[6] = { 0 }, number;

	if (roll(2)) {
		const struct known *call = &known[roll(COUNT(known))];

		number = call->number;
		for (unsigned i = 0; i < 6 && call->arguments[i]; i++)
			arguments[i] = argument(call->arguments[i]);
	} else {
		number = roll(60) ? numbers[roll(COUNT(numbers))] :
			 roll(2)  ? (long)(roll(600) | 0x40000000) :
				    any();
		for (unsigned i = 0; i < 6; i++)
			arguments[i] = any();
	}
	if (is_left_out(number))
		return;
	shared->last[worker] = (uint32_t)number;
	CALLFUZZ_DOOR(number, arguments);
}

/* Processes */

static void open_fds(void)
{
	static const char *const paths[] = { "/etc/passwd", "/", "/tmp", "/proc", "/proc/self/mem", "/dev/null" };

	for (unsigned i = 0; i < COUNT(paths); i++)
		fds[fd_count++] = (int)CALL1(openat, -100, paths[i], 04000 | (i > 4 ? 2 : 0));
	for (unsigned i = 0; i < 6; i++) {
		static const uint8_t kinds[][3] = { { 1, 1, 0 }, { 1, 2, 0 }, { 16, 3, 0 }, { 2, 2, 0 },
						    { 10, 1, 0 }, { 1, 2, 0 } };

		fds[fd_count++] = (int)CALL1(socket, kinds[i][0], kinds[i][1] | 04000, kinds[i][2]);
	}
	if (CALL1(socketpair, 1, 2 | 04000, 0, fds + fd_count) == 0)
		fd_count += 2;
	if (CALL1(pipe2, fds + fd_count, 04000) == 0)
		fd_count += 2;
	fds[fd_count++] = (int)CALL1(memfd_create, "fuzz", 2);
	fds[fd_count++] = (int)CALL1(pidfd_open, CALL1(getpid, 0), 0);
}

static bool has_canary(void)
{
	static const char canary[] = "secret-canary";
	const char *at = (const char *)ARENA_BASE, *end = at + ARENA_SIZE - sizeof(canary);

	for (; at < end; at++)
		if (at[0] == 's' && at[1] == 'e' && at[7] == 'c' && at[12] == 'y') {
			unsigned i = 0;

			while (canary[i] && at[i] == canary[i])
				i++;
			if (!canary[i])
				return true;
		}
	return false;
}

static void work(struct shared *shared, unsigned worker, uint64_t seed)
{
	long self = CALL1(getpid, 0);

	state = seed * 0x9e3779b97f4a7c15ULL + 12345;
	CALL1(setpgid, 0, 0);
	for (int fd = 0; fd < 3; fd++) /* not files of the host */
		CALL1(dup3, CALL1(openat, -100, "/dev/null", 2), fd, 0);
	CALL1(chdir, "/tmp");
	open_fds();
	for (unsigned i = 0; i < BATCH; i++) {
		for (unsigned n = roll(6) + (i ? 0 : SLOTS); n--;)
			fill_slot(i ? roll(SLOTS) : n % SLOTS);
		one_call(shared, worker);
		shared->progress[worker]++;
		if (CALL1(getpid, 0) != self)
			break;
		if (has_canary())
			shared->leaks++;
	}
	CALL1(exit_group, 0);
}

static long fork_process(void)
{
	return CALL1(clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
}

static void pause_ms(long milliseconds)
{
	struct {
		long seconds, nanoseconds;
	} time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	CALL1(nanosleep, &time, 0);
}

/* Writes where the others' arguments are, while they are used. */
static void disturb(uint64_t seed)
{
	state = seed;
	for (;;) {
		uint32_t *at = (uint32_t *)(ARENA_BASE + (long)(roll((uint32_t)ARENA_SIZE) & ~3u));

		for (unsigned i = 0; i < 2000; i++)
			at[i & 3 && at + 4 < (uint32_t *)(ARENA_BASE + ARENA_SIZE)] ^= roll(4) ? 0 : roll(1u << 31);
		pause_ms(1);
	}
}

static long start(struct shared *shared, unsigned worker, uint64_t seed)
{
	long child = fork_process();

	if (child == 0) {
		work(shared, worker, seed);
		CALL1(exit_group, 0);
	}
	return child;
}

static void fuzz(uint64_t seed, uint32_t calls)
{
	struct shared *shared = (struct shared *)(ARENA_BASE - 0x10000);
	uint32_t next = 0, batches = (calls + BATCH - 1) / BATCH, stalls = 0;
	long children[WORKERS] = { 0 }, disturber = fork_process();
	uint32_t seen[WORKERS] = { 0 };
	unsigned idle[WORKERS] = { 0 }, running = 0;

	if (disturber == 0)
		disturb(seed);
	do {
		running = 0;
		for (unsigned i = 0; i < WORKERS; i++) {
			if (children[i] > 0 && CALL1(wait4, children[i], 0, 1 | 0x40000000, 0) != 0)
				children[i] = 0;
			if (children[i] > 0 && shared->progress[i] == seen[i] && ++idle[i] > STALL_MS / 2) {
				CALL1(kill, children[i], 9);
				stalls++;
				idle[i] = 0;
			} else if (shared->progress[i] != seen[i]) {
				seen[i] = shared->progress[i];
				idle[i] = 0;
			}
			if (children[i] <= 0 && next < batches) {
				children[i] = start(shared, i, seed + next++);
				idle[i] = 0;
			}
			running += children[i] > 0;
		}
		pause_ms(2);
	} while (running);
	CALL1(kill, disturber, 9);
	if (shared->leaks)
		say("the canary was read\n");
	say_number(shared->progress[0] + shared->progress[1] + shared->progress[2]);
	say(" calls, ");
	say_number(stalls);
	say(" stalls\nfuzz ok\n");
}

static uint64_t number_of(const char *text)
{
	uint64_t number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (uint64_t)(*text++ - '0');
	return number;
}

static void make_files(void)
{
	long fd = CALL1(openat, -100, "/tmp/script", 0101, 0755);

	CALL1(write, fd, "#!/tmp/script -x\n", 17);
	CALL1(close, fd);
	CALL1(symlinkat, "loop", -100, "/tmp/loop");
	CALL1(mknodat, -100, "/tmp/fifo", 0010644, 0);
}

/* The stack as the kernel made it. */
static void fuzz_main(long *stack)
{
	long count = stack[0];
	char **words = (char **)(stack + 1), **at = words + count + 1;
	long *auxv;

	if (CALL1(io_uring_setup, 0, 0) != -38) {
		say("callfuzz: only in a container\n");
		CALL1(exit_group, 2);
	}
	while (*at)
		at++;
	for (auxv = (long *)(at + 1); auxv[0]; auxv += 2)
		if (auxv[0] == 31) /* AT_EXECFN lies behind it */
			scratch = (auxv[1] & ~4095L) - 2048L * 16384;
	if (count > 3)
		outside = words[3];
	if (arch_mmap(ARENA_BASE - 0x10000, 4096, 3, 0x100031, -1, 0) != ARENA_BASE - 0x10000 ||
	    arch_mmap(ARENA_BASE, ARENA_SIZE, 3, 0x100031, -1, 0) != ARENA_BASE) {
		say("callfuzz: no memory\n");
		CALL1(exit_group, 2);
	}
	make_files();
	fuzz(count > 1 ? number_of(words[1]) : 1, count > 2 ? (uint32_t)number_of(words[2]) : 1000);
	CALL1(exit_group, 0);
}

#endif
