// SPDX-License-Identifier: Apache-2.0
/* Runs checks in children and collects what they report.
 *
 * Theory of operation
 *
 *	prober --fork--> check --fork--> tracee, pid 1 of a namespace, ...
 *	   |               |
 *	   +--- poll <-----+  a pipe that nobody writes to: it hangs up when the check and all that
 *it forked are gone
 *
 * Facts lie in a MAP_SHARED page. A check that hangs is killed with its process group; its
 * descendants die with it by PR_SET_PDEATHSIG. An outer seccomp filter may answer a call with
 *SIGSYS: the handler makes it by another call that does the same, or notes the number and lets the
 *call return -ENOSYS, so that the check goes on and reports. A filter that kills instead shows as death by SIGSYS.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/start/start.h"
#include "probe/arch/arch.h"
#include "probe/check.h"

#define CHECK_TIMEOUT_MS 4000
#define JOBS_MAX         8
#define TRAPPED_BY_DEATH INT_MAX /* the number died with the child */

struct job {
	const struct probe_check *check;
	pid_t pid;
	int fd;
	int64_t deadline; /* CLOCK_MONOTONIC, ms */
};

static volatile int trapped_call = -1;
static volatile bool every_trap;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	if (!every_trap && start_answer_trap(info, context))
		return;
	trapped_call = info->si_syscall;
	probe_arch_set_trap_result(context, -ENOSYS);
}

void probe_install_sigsys_handler(void)
{
	struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigset_t set;

	sigaction(SIGSYS, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	/* A blocked SIGSYS kills. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void probe_note_every_trap(void)
{
	every_trap = true;
}

int probe_take_trapped(void)
{
	int number = trapped_call;

	trapped_call = -1;
	return number;
}

static void set_text(struct fact *fact, const char *format, va_list args)
{
	vsnprintf(fact->text, sizeof(fact->text), format, args);
}

void probe_works(struct probe_context *context, enum fact_id id, int64_t value, const char *format,
		 ...)
{
	struct fact *fact = &context->facts->fact[id];
	va_list args;

	va_start(args, format);
	set_text(fact, format, args);
	va_end(args);
	fact->value = value;
	fact->error_code = 0;
	fact->status = FACT_WORKS;
}

static void set_trapped(struct fact *fact, int number)
{
	char *name;

	if (number == TRAPPED_BY_DEATH) {
		snprintf(fact->text, sizeof(fact->text), "an outer seccomp filter kills the check");
		return;
	}
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
	fact->value = number;
	snprintf(fact->text, sizeof(fact->text), "%s raises SIGSYS (outer seccomp filter)",
		 name ? name : "a needed call");
	free(name);
}

static void report_failure(struct probe_context *context, enum fact_id id, int code,
			   const char *format, va_list args)
{
	struct fact *fact = &context->facts->fact[id];
	int number = probe_take_trapped();

	fact->error_code = code;
	fact->value = 0;
	set_text(fact, format, args);
	if (code == ENOSYS && number >= 0) {
		set_trapped(fact, number);
		fact->status = FACT_TRAPPED;
	} else {
		fact->status = code == ENOSYS ? FACT_ABSENT : FACT_FAILS;
	}
}

void probe_fails(struct probe_context *context, enum fact_id id, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_failure(context, id, code, format, args);
	va_end(args);
}

void probe_absent(struct probe_context *context, enum fact_id id, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_failure(context, id, code, format, args);
	va_end(args);
	if (context->facts->fact[id].status != FACT_TRAPPED)
		context->facts->fact[id].status = FACT_ABSENT;
}

void probe_rest_fails(struct probe_context *context, const struct probe_check *check, int code,
		      const char *format, ...)
{
	int number = probe_take_trapped();

	for (const enum fact_id *id = check->facts; *id != FACT_ID_COUNT; id++) {
		va_list args;

		if (context->facts->fact[*id].status != FACT_UNKNOWN)
			continue;
		trapped_call = number;
		va_start(args, format);
		report_failure(context, *id, code, format, args);
		va_end(args);
	}
}

pid_t probe_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* 0: the parent is outside of our pid namespace. */
	if (getppid() != parent && getppid() != 0)
		_exit(127);
	/* The C library's own at fork (set_robust_list, rseq) don't count. */
	trapped_call = -1;
	return 0;
}

void probe_sleep(void)
{
	for (;;)
		ppoll(NULL, 0, NULL, NULL);
}

int probe_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int probe_call_in_child(int (*body)(void *argument), void *argument)
{
	pid_t pid = probe_fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(body(argument));
	return probe_wait(pid);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* false: errno says why. */
static bool start(struct probe_context *context, const struct probe_check *check,
		  struct job *ret_job)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid = probe_fork();
	if (pid < 0) {
		int code = errno;

		close(ends[0]);
		close(ends[1]);
		errno = code;
		return false;
	}
	if (pid == 0) {
		struct sigaction plain = {.sa_handler = SIG_DFL};

		setpgid(0, 0);
		sigaction(SIGCHLD, &plain, NULL);
		sigaction(SIGPIPE, &plain, NULL);
		probe_install_sigsys_handler();
		close(ends[0]);
		check->run(context, check);
		_exit(0);
	}
	close(ends[1]);
	*ret_job = (struct job){check, pid, ends[0], now_ms() + CHECK_TIMEOUT_MS};
	return true;
}

/* Kills a check that hangs. One in uninterruptible sleep (a dead NFS server) is left behind. */
static void kill_job(const struct job *job)
{
	kill(-job->pid, SIGKILL);
	kill(job->pid, SIGKILL);
	for (int tries = 0; tries < 100; tries++) {
		if (waitpid(job->pid, NULL, WNOHANG) != 0)
			return;
		usleep(2000);
	}
}

static void finish(struct probe_context *context, const struct job *job, bool timed_out)
{
	int status = 0;

	close(job->fd);
	if (timed_out) {
		kill_job(job);
		probe_rest_fails(context, job->check, ETIMEDOUT, "no answer within %d s",
				 CHECK_TIMEOUT_MS / 1000);
	} else {
		status = probe_wait(job->pid);
		if (status == 128 + SIGSYS)
			trapped_call = TRAPPED_BY_DEATH;
		probe_rest_fails(context, job->check, status == 128 + SIGSYS ? ENOSYS : EPROTO,
				 status > 128 ? "the check died from signal %d"
					      : "the check ended with status %d",
				 status > 128 ? status - 128 : status);
	}
	if ((timed_out || status) && job->check->clean)
		job->check->clean(context);
}

static void wait_for_some(struct probe_context *context, struct job *jobs, unsigned *count)
{
	struct pollfd fds[JOBS_MAX];
	int64_t now = now_ms(), soonest = INT64_MAX;
	struct timespec patience = {0};
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++) {
		fds[i] = (struct pollfd){.fd = jobs[i].fd};
		if (jobs[i].deadline < soonest)
			soonest = jobs[i].deadline;
	}
	if (soonest > now)
		patience =
			(struct timespec){(soonest - now) / 1000, (soonest - now) % 1000 * 1000000};
	if (ppoll(fds, *count, &patience, NULL) < 0)
		return;
	now = now_ms();
	for (unsigned i = 0; i < *count; i++) {
		bool timed_out = !fds[i].revents && now >= jobs[i].deadline;

		if (fds[i].revents || timed_out)
			finish(context, &jobs[i], timed_out);
		else
			jobs[kept++] = jobs[i];
	}
	*count = kept;
}

void probe_run_checks(struct probe_context *context, const struct probe_check *checks,
		      unsigned jobs)
{
	struct job running[JOBS_MAX] = {0};
	unsigned count = 0;

	if (jobs > JOBS_MAX)
		jobs = JOBS_MAX;
	for (const struct probe_check *check = checks; check->run; check++) {
		while (count >= jobs)
			wait_for_some(context, running, &count);
		if (start(context, check, &running[count]))
			count++;
		else
			probe_rest_fails(context, check, errno, "can't fork a child for the check");
	}
	while (count > 0)
		wait_for_some(context, running, &count);
}
