// SPDX-License-Identifier: Apache-2.0
/* How a trapped call is made in another way: the other call's number and arguments, or an answer.
 *
 * What the other call needs in memory goes where a guest can only read it. Where the kernel would have
 * updated it (the time that is left of a wait), finish() does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/time_types.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "core/base/compat.h"
#include "ptrace_backend/trapped.h"

#define KERNEL_SIGSET_SIZE 8
#define NSEC_PER_SEC	   1000000000LL
#define ERESTARTNOHAND	   514 /* of the kernel's own: restart unless a handler runs */
#define NONE		   ((uint64_t)AT_FDCWD)

static enum verdict become(struct tracee *tracee, int number, const uint64_t (*arguments)[6])
{
	tracee_set_number(tracee, number);
	for (unsigned i = 0; i < 6; i++)
		tracee_set_argument(tracee, i, (*arguments)[i]);
	return VERDICT_CONTINUE;
}
#define BECOME(tracee, name, ...) \
	become(tracee, SYS_##name, &(const uint64_t[6]){ __VA_ARGS__ })

static uint64_t argument(const struct tracee *tracee, unsigned index)
{
	return tracee->trapped.arguments[index];
}

enum verdict lacks_openat2(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, -ENOSYS);
}

enum verdict by_faccessat(struct tracee *tracee, const struct syscall_row *row)
{
	if (row->number != SYS_faccessat2)
		return BECOME(tracee, faccessat, NONE, argument(tracee, 0), argument(tracee, 1));
	/* Real and effective ids are the same to the kernel, whatever the guest believes. */
	if (argument(tracee, 3) & ~(uint64_t)AT_EACCESS)
		return tracee_answer(tracee, -ENOSYS);
	return BECOME(tracee, faccessat, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2));
}

enum verdict by_fchmodat(struct tracee *tracee, const struct syscall_row *row)
{
	if (row->number != SYS_fchmodat2)
		return BECOME(tracee, fchmodat, NONE, argument(tracee, 0), argument(tracee, 1));
	if (argument(tracee, 3))
		return tracee_answer(tracee, -ENOSYS);
	return BECOME(tracee, fchmodat, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2));
}

enum verdict by_accept4(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, accept4, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2));
}

enum verdict by_mprotect(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	if ((int)argument(tracee, 3) != -1)
		return tracee_answer(tracee, -ENOSYS);
	return BECOME(tracee, mprotect, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2));
}

/* Ids that aren't faked are the user's own, with no way to others. */
static bool is_own(const struct tracee *tracee, const struct syscall_row *row, uint64_t id)
{
	bool user = row->number == SYS_setuid || row->number == SYS_setreuid ||
		    row->number == SYS_setresuid || row->number == SYS_setfsuid;

	return (uint32_t)id == (user ? tracee->tracer->host_uid : tracee->tracer->host_gid);
}

enum verdict own_ids(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned count;

	if (tracee->tracer->fake_ids)
		return row->enter(tracee, row);
	switch (row->number) {
	case SYS_setgroups:
		return tracee_answer(tracee, -EPERM);
	case SYS_setfsuid:
		return tracee_answer(tracee, tracee->tracer->host_uid);
	case SYS_setfsgid:
		return tracee_answer(tracee, tracee->tracer->host_gid);
	case SYS_setuid:
	case SYS_setgid:
		return tracee_answer(tracee, is_own(tracee, row, argument(tracee, 0)) ? 0 : -EPERM);
	}
	count = row->number == SYS_setreuid || row->number == SYS_setregid ? 2 : 3;
	for (unsigned i = 0; i < count; i++)
		if ((uint32_t)argument(tracee, i) != UINT32_MAX &&
		    !is_own(tracee, row, argument(tracee, i)))
			return tracee_answer(tracee, -EPERM);
	return tracee_answer(tracee, 0);
}

#ifdef SYS_open
/* The older halves of pairs. */

enum verdict by_fstatat(struct tracee *tracee, const struct syscall_row *row)
{
	return BECOME(tracee, newfstatat, NONE, argument(tracee, 0), argument(tracee, 1),
		      row->number == SYS_lstat ? AT_SYMLINK_NOFOLLOW : 0);
}

enum verdict by_openat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, openat, NONE, argument(tracee, 0), O_CREAT | O_WRONLY | O_TRUNC,
		      argument(tracee, 1));
}

enum verdict by_mkdirat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, mkdirat, NONE, argument(tracee, 0), argument(tracee, 1));
}

enum verdict by_mknodat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, mknodat, NONE, argument(tracee, 0), argument(tracee, 1),
		      argument(tracee, 2));
}

enum verdict by_symlinkat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, symlinkat, argument(tracee, 0), NONE, argument(tracee, 1));
}

enum verdict by_linkat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, linkat, NONE, argument(tracee, 0), NONE, argument(tracee, 1));
}

enum verdict by_unlinkat(struct tracee *tracee, const struct syscall_row *row)
{
	return BECOME(tracee, unlinkat, NONE, argument(tracee, 0),
		      row->number == SYS_rmdir ? AT_REMOVEDIR : 0);
}

enum verdict by_renameat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, renameat, NONE, argument(tracee, 0), NONE, argument(tracee, 1));
}

enum verdict by_fchownat(struct tracee *tracee, const struct syscall_row *row)
{
	return BECOME(tracee, fchownat, NONE, argument(tracee, 0), argument(tracee, 1),
		      argument(tracee, 2), row->number == SYS_lchown ? AT_SYMLINK_NOFOLLOW : 0);
}

/* utime's, utimes' and futimesat's times as utimensat takes them. Returns 0 or -errno. */
static int read_times(struct tracee *tracee, const struct syscall_row *row, uint64_t address,
		      struct timespec *times)
{
	struct utimbuf seconds;
	struct timeval microseconds[2];

	if (row->number == SYS_utime) {
		if (tracee_read(tracee, address, &seconds, sizeof(seconds)) < 0)
			return -EFAULT;
		times[0] = (struct timespec){ .tv_sec = seconds.actime };
		times[1] = (struct timespec){ .tv_sec = seconds.modtime };
		return 0;
	}
	if (tracee_read(tracee, address, microseconds, sizeof(microseconds)) < 0)
		return -EFAULT;
	for (unsigned i = 0; i < 2; i++) {
		if (microseconds[i].tv_usec < 0 || microseconds[i].tv_usec >= 1000000)
			return -EINVAL;
		times[i].tv_sec = microseconds[i].tv_sec;
		times[i].tv_nsec = microseconds[i].tv_usec * 1000;
	}
	return 0;
}

enum verdict by_utimensat(struct tracee *tracee, const struct syscall_row *row)
{
	unsigned first = row->number == SYS_futimesat; /* has a dirfd */
	uint64_t address = argument(tracee, first + 1);
	struct timespec times[2];
	int error = 0;

	if (address) {
		error = read_times(tracee, row, address, times);
		if (!error)
			error = tracee_put(tracee, times, sizeof(times), &address);
	}
	if (error)
		return tracee_answer(tracee, error);
	return BECOME(tracee, utimensat, first ? argument(tracee, 0) : NONE, argument(tracee, first),
		      address, 0);
}

static void finish_dup2(struct tracee *tracee)
{
	if (tracee_result(tracee) >= 0)
		tracee_set_result(tracee, (int)argument(tracee, 1));
}

/* dup3 refuses an fd onto itself. */
enum verdict by_dup3(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	if ((unsigned)argument(tracee, 0) != (unsigned)argument(tracee, 1))
		return BECOME(tracee, dup3, argument(tracee, 0), argument(tracee, 1), 0);
	tracee->trapped.finish = finish_dup2;
	return BECOME(tracee, fcntl, argument(tracee, 0), F_GETFD);
}

/* Pairs whose younger half takes flags behind the same arguments. */
enum verdict by_flagless(struct tracee *tracee, const struct syscall_row *row)
{
	switch (row->number) {
	case SYS_pipe:
		return BECOME(tracee, pipe2, argument(tracee, 0), 0);
	case SYS_eventfd:
		return BECOME(tracee, eventfd2, argument(tracee, 0), 0);
	case SYS_signalfd:
		return BECOME(tracee, signalfd4, argument(tracee, 0), argument(tracee, 1),
			      argument(tracee, 2), 0);
	case SYS_inotify_init:
		return BECOME(tracee, inotify_init1, 0);
	default: /* epoll_create: a size that means nothing but must be there */
		if ((int)argument(tracee, 0) <= 0)
			return tracee_answer(tracee, -EINVAL);
		return BECOME(tracee, epoll_create1, 0);
	}
}

enum verdict by_epoll_pwait(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, epoll_pwait, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2),
		      argument(tracee, 3), 0, KERNEL_SIGSET_SIZE);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static int64_t time_left(const struct tracee *tracee)
{
	int64_t left = (int64_t)tracee->trapped.deadline - now();

	return left > 0 ? left : 0;
}

/* Puts the time limit of a wait where the kernel reads it. A wait that goes on after a signal which nobody
 * handled keeps its first one. Returns 0 or -errno. */
static int put_timeout(struct tracee *tracee, int64_t nanoseconds, uint64_t *ret_address)
{
	struct timespec timeout;

	if (tracee->trapped.restarted)
		nanoseconds = time_left(tracee);
	else if (__builtin_add_overflow(now(), nanoseconds, (int64_t *)&tracee->trapped.deadline))
		tracee->trapped.deadline = INT64_MAX;
	tracee->trapped.restarted = false;
	timeout.tv_sec = nanoseconds / NSEC_PER_SEC;
	timeout.tv_nsec = nanoseconds % NSEC_PER_SEC;
	return tracee_put(tracee, &timeout, sizeof(timeout), ret_address);
}

/* ppoll and pselect6 give EINTR instead of a restart when they can't update their limit. */
static void finish_wait(struct tracee *tracee)
{
	if (tracee_result(tracee) != -EINTR)
		return;
	tracee_set_result(tracee, -ERESTARTNOHAND);
	tracee->trapped.restarted = true;
}

enum verdict by_ppoll(struct tracee *tracee, const struct syscall_row *row)
{
	int64_t milliseconds = (int)argument(tracee, 2);
	uint64_t timeout = 0;
	int error;

	if (row->number == SYS_pause)
		return BECOME(tracee, ppoll, 0, 0, 0, 0, 0);
	if (milliseconds >= 0) {
		error = put_timeout(tracee, milliseconds * 1000000, &timeout);
		if (error)
			return tracee_answer(tracee, error);
		tracee->trapped.finish = finish_wait;
	}
	return BECOME(tracee, ppoll, argument(tracee, 0), argument(tracee, 1), timeout, 0,
		      KERNEL_SIGSET_SIZE);
}

static void finish_select(struct tracee *tracee)
{
	int64_t left = time_left(tracee);
	struct timeval timeout = { left / NSEC_PER_SEC, left % NSEC_PER_SEC / 1000 };

	if (tracee_result(tracee) >= 0)
		(void)tracee_write(tracee, argument(tracee, 4), &timeout, sizeof(timeout));
	finish_wait(tracee);
}

enum verdict by_pselect(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t address = argument(tracee, 4);
	struct timeval timeout;
	int64_t nanoseconds;
	int error = 0;

	(void)row;
	if (address) {
		if (tracee_read(tracee, address, &timeout, sizeof(timeout)) < 0)
			return tracee_answer(tracee, -EFAULT);
		if (timeout.tv_sec < 0 || timeout.tv_usec < 0)
			return tracee_answer(tracee, -EINVAL);
		/* select takes any number of microseconds. */
		if (__builtin_add_overflow(timeout.tv_sec, timeout.tv_usec / 1000000, &nanoseconds) ||
		    __builtin_mul_overflow(nanoseconds, NSEC_PER_SEC, &nanoseconds) ||
		    __builtin_add_overflow(nanoseconds, timeout.tv_usec % 1000000 * 1000, &nanoseconds))
			nanoseconds = INT64_MAX;
		error = put_timeout(tracee, nanoseconds, &address);
		tracee->trapped.finish = finish_select;
	}
	if (error)
		return tracee_answer(tracee, error);
	return BECOME(tracee, pselect6, argument(tracee, 0), argument(tracee, 1), argument(tracee, 2),
		      argument(tracee, 3), address, 0);
}

static void finish_alarm(struct tracee *tracee)
{
	struct itimerval before;

	if (tracee_result(tracee) < 0)
		return;
	if (tracee_read(tracee, tracee->trapped.saved, &before, sizeof(before)) < 0) {
		tracee_set_result(tracee, 0);
		return;
	}
	/* As the kernel rounds: never 0 while it runs. */
	if ((!before.it_value.tv_sec && before.it_value.tv_usec) || before.it_value.tv_usec >= 500000)
		before.it_value.tv_sec++;
	tracee_set_result(tracee, before.it_value.tv_sec);
}

/* The old timer goes below the stack: the one place that a guest can write and doesn't. */
enum verdict by_setitimer(struct tracee *tracee, const struct syscall_row *row)
{
	struct itimerval timer = { .it_value = { .tv_sec = (unsigned)argument(tracee, 0) } };
	struct itimerval before = { 0 };
	uint64_t address;
	int error;

	(void)row;
	if (timer.it_value.tv_sec > INT_MAX)
		timer.it_value.tv_sec = INT_MAX;
	error = tracee_put(tracee, &timer, sizeof(timer), &address);
	if (!error)
		error = tracee_put_stack(tracee, &before, sizeof(before), &tracee->trapped.saved);
	if (error)
		return tracee_answer(tracee, error);
	tracee->trapped.finish = finish_alarm;
	return BECOME(tracee, setitimer, ITIMER_REAL, address, tracee->trapped.saved);
}

enum verdict by_clock(struct tracee *tracee, const struct syscall_row *row)
{
	time_t seconds = time(NULL);
	uint64_t address = argument(tracee, 0);

	(void)row;
	if (address && tracee_write(tracee, address, &seconds, sizeof(seconds)) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, seconds);
}

enum verdict by_clone(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return BECOME(tracee, clone, SIGCHLD);
}

enum verdict by_getpgid(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, getpgid(tracee->tid));
}
#endif
