// SPDX-License-Identifier: Apache-2.0
/* amphora's own calls under a filter that traps them.
 *
 * Theory of operation
 *
 *	kernel -> amphora_start -> start_install_handler -> _start -> C library -> main
 *
 * The linker makes amphora_start the program's entry. It installs a SIGSYS handler with one raw call,
 * which is all that a machine without such a filter pays. The handler makes a trapped call by another
 * that Android allows (mkdir by mkdirat), or answers ENOSYS, for which the C library and we have other
 * ways. execve resets the handler: guests never see it.
 *
 * A SIGSYS that is blocked kills. The C library blocks every signal around the making of a thread, and
 * the new thread calls set_robust_list before it unblocks any: clone3 and clone are taken out of its hands
 * below.
 *
 * Nothing here needs relocations, thread-local storage or a stack protector's canary.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/start/start.h"
#include "core/start/arch/arch.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code */
#endif
#define KERNEL_SIGSET_SIZE 8

void start_install_handler(void);
int __wrap___clone3(void);
int __wrap___clone(int (*function)(void *), void *stack, int flags, void *argument, pid_t *parent_tid,
		   void *tls, pid_t *child_tid);
int __real___clone(int (*function)(void *), void *stack, int flags, void *argument, pid_t *parent_tid,
		   void *tls, pid_t *child_tid) __attribute__((weak));

#define CALL(name, ...) CALL_(name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(name, a, b, c, d, e, f, ...) \
	start_call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#ifdef SYS_open
/* The older halves of pairs, which other architectures never had. */

static long poll_by_ppoll(const long *a)
{
	int milliseconds = (int)a[2]; /* the register's high half means nothing */
	struct timespec timeout = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	return CALL(ppoll, a[0], a[1], milliseconds < 0 ? NULL : &timeout, NULL, KERNEL_SIGSET_SIZE);
}

static long select_by_pselect(const long *a)
{
	const struct timeval *given = (const struct timeval *)a[4];
	struct timespec timeout = { 0, 0 };

	if (given) {
		timeout.tv_sec = given->tv_sec;
		timeout.tv_nsec = given->tv_usec * 1000;
	}
	return CALL(pselect6, a[0], a[1], a[2], a[3], given ? &timeout : NULL, NULL);
}

static long dup2_by_dup3(const long *a)
{
	if (a[0] == a[1])
		return CALL(fcntl, a[0], F_GETFD) < 0 ? -EBADF : a[1];
	return CALL(dup3, a[0], a[1], 0);
}

static long time_by_clock(const long *a)
{
	struct timespec now;

	CALL(clock_gettime, CLOCK_REALTIME, &now);
	if (a[0])
		*(time_t *)a[0] = now.tv_sec;
	return now.tv_sec;
}

static bool answer_older(int number, const long *a, long *ret_result)
{
	switch (number) {
	case SYS_stat:
		*ret_result = CALL(newfstatat, AT_FDCWD, a[0], a[1], 0);
		return true;
	case SYS_lstat:
		*ret_result = CALL(newfstatat, AT_FDCWD, a[0], a[1], AT_SYMLINK_NOFOLLOW);
		return true;
	case SYS_access:
		*ret_result = CALL(faccessat, AT_FDCWD, a[0], a[1]);
		return true;
	case SYS_poll:
		*ret_result = poll_by_ppoll(a);
		return true;
	case SYS_select:
		*ret_result = select_by_pselect(a);
		return true;
	case SYS_pipe:
		*ret_result = CALL(pipe2, a[0], 0);
		return true;
	case SYS_dup2:
		*ret_result = dup2_by_dup3(a);
		return true;
	case SYS_rename:
		*ret_result = CALL(renameat, AT_FDCWD, a[0], AT_FDCWD, a[1]);
		return true;
	case SYS_mkdir:
		*ret_result = CALL(mkdirat, AT_FDCWD, a[0], a[1]);
		return true;
	case SYS_rmdir:
		*ret_result = CALL(unlinkat, AT_FDCWD, a[0], AT_REMOVEDIR);
		return true;
	case SYS_unlink:
		*ret_result = CALL(unlinkat, AT_FDCWD, a[0], 0);
		return true;
	case SYS_link:
		*ret_result = CALL(linkat, AT_FDCWD, a[0], AT_FDCWD, a[1], 0);
		return true;
	case SYS_symlink:
		*ret_result = CALL(symlinkat, a[0], AT_FDCWD, a[1]);
		return true;
	case SYS_chmod:
		*ret_result = CALL(fchmodat, AT_FDCWD, a[0], a[1]);
		return true;
	case SYS_chown:
		*ret_result = CALL(fchownat, AT_FDCWD, a[0], a[1], a[2], 0);
		return true;
	case SYS_lchown:
		*ret_result = CALL(fchownat, AT_FDCWD, a[0], a[1], a[2], AT_SYMLINK_NOFOLLOW);
		return true;
	case SYS_mknod:
		*ret_result = CALL(mknodat, AT_FDCWD, a[0], a[1], a[2]);
		return true;
	case SYS_creat:
		*ret_result = CALL(openat, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1]);
		return true;
	case SYS_epoll_create:
		*ret_result = CALL(epoll_create1, 0);
		return true;
	case SYS_epoll_wait:
		*ret_result = CALL(epoll_pwait, a[0], a[1], a[2], a[3], NULL, KERNEL_SIGSET_SIZE);
		return true;
	case SYS_inotify_init:
		*ret_result = CALL(inotify_init1, 0);
		return true;
	case SYS_getpgrp:
		*ret_result = CALL(getpgid, 0);
		return true;
	case SYS_time:
		*ret_result = time_by_clock(a);
		return true;
	case SYS_fork:
		*ret_result = CALL(clone, SIGCHLD);
		return true;
	case SYS_pause:
		*ret_result = CALL(ppoll, NULL);
		return true;
	default:
		return false;
	}
}
#else
static bool answer_older(int number, const long *a, long *ret_result)
{
	(void)number;
	(void)a;
	(void)ret_result;
	return false;
}
#endif

bool start_answer_trap(const siginfo_t *info, void *context)
{
	long arguments[6], result = -ENOSYS;
	bool answered;

	arch_trap_arguments(context, arguments);
	if (info->si_syscall == SYS_accept) {
		result = CALL(accept4, arguments[0], arguments[1], arguments[2], 0);
		answered = true;
	} else {
		answered = answer_older(info->si_syscall, arguments, &result);
	}
	arch_trap_result(context, result);
	return answered;
}

/* The signal itself, from kill(2): as if there were no handler. */
static void die(int signal)
{
	struct kernel_sigaction action = {
		.handler = 0, /* SIG_DFL */
		.flags = ARCH_SIGNAL_FLAGS,
		.restorer = ARCH_SIGNAL_RESTORER,
	};

	CALL(rt_sigaction, signal, &action, NULL, KERNEL_SIGSET_SIZE);
	CALL(tgkill, CALL(getpid, 0), CALL(gettid, 0), signal);
}

/* SA_NODEFER: the other call may be trapped too. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	if (info->si_code == SYS_SECCOMP)
		start_answer_trap(info, context);
	else
		die(signal);
}

/* Called by amphora_start; amphora runs on without a handler if this fails. */
__attribute__((used)) void start_install_handler(void)
{
	struct kernel_sigaction action = {
		.handler = on_trap,
		.flags = SA_SIGINFO | SA_RESTART | SA_NODEFER | ARCH_SIGNAL_FLAGS,
		.restorer = ARCH_SIGNAL_RESTORER,
	};

	CALL(rt_sigaction, SIGSYS, &action, NULL, KERNEL_SIGSET_SIZE);
}

static void unblock_traps(void)
{
	uint64_t trap = 1ULL << (SIGSYS - 1);

	CALL(rt_sigprocmask, SIG_UNBLOCK, &trap, NULL, KERNEL_SIGSET_SIZE);
}

/* In place of glibc's own (--wrap): ENOSYS makes it use clone. Every signal is blocked at this point, and
 * the thread that clone makes inherits that. */
int __wrap___clone3(void)
{
	unblock_traps();
	errno = ENOSYS;
	return -1;
}

/* The same where glibc has no clone3 (aarch64, before 2.37). */
int __wrap___clone(int (*function)(void *), void *stack, int flags, void *argument, pid_t *parent_tid,
		   void *tls, pid_t *child_tid)
{
	unblock_traps();
	return __real___clone(function, stack, flags, argument, parent_tid, tls, child_tid);
}
