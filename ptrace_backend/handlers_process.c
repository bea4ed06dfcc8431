// SPDX-License-Identifier: Apache-2.0
/* Calls that reach other processes, prctl and CPU masks.
 *
 * Theory of operation
 *
 * The supervisor and the rest of the host run under the guest's own uid, hence the kernel would let
 * a guest signal, pin or write to them. Each call that names a process therefore stops, and
 * answers ESRCH unless the process is the guest's: a tracee, or the zombie of one that its parent
 * hasn't waited for yet. A process group is the guest's when one of its members is, because no
 * process joins a group outside its session; only the supervisor's own group may be mixed, and the
 * tracer signals the guest's members of that one by hand. kill(-1) is done by hand too.
 *
 * What these calls name by number is checked and then passed; a structure is checked in a copy that
 * the guest can't change, and the copy is passed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "core/base/file.h"
#include "core/base/nested.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/syscall_table.h"

#define SIGNAL_MAX 64

static void restore_at_exit(struct tracee *tracee)
{
	tracee_restore_arguments(tracee);
}

enum verdict continue_and_restore(struct tracee *tracee)
{
	tracee->on_exit = restore_at_exit;
	return VERDICT_EXIT;
}

enum verdict continue_with_copy(struct tracee *tracee, unsigned index, const void *data,
				size_t size)
{
	uint64_t address;
	int error = tracee_put(tracee, data, size, &address);

	if (error)
		return tracee_answer(tracee, error);
	tracee_set_argument(tracee, index, address);
	return continue_and_restore(tracee);
}

enum verdict handle_prctl(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t value = tracee_argument(tracee, 1);

	switch ((int)tracee_argument(tracee, 0)) {
	case PR_GET_DUMPABLE:
		return tracee_answer(tracee, value == NESTED_ASK ? NESTED_ASK : 1);
	case PR_SET_DUMPABLE: /* for real it would take the guest's memory from the tracer */
		return tracee_answer(tracee, value <= 1 ? 0 : -EINVAL);
	case PR_SET_PTRACER:
		return tracee_answer(tracee, 0);
	case PR_SET_MM: /* moves the marks that exe, brk and auxv are shown by */
		return tracee_answer(tracee, -EPERM);
	case PR_SCHED_CORE:
		if ((pid_t)tracee_argument(tracee, 2) &&
		    !tracer_has(tracee->tracer, (pid_t)tracee_argument(tracee, 2)))
			return tracee_answer(tracee, -ESRCH);
		return VERDICT_CONTINUE;
	case PR_SET_SECCOMP:
		return value == SECCOMP_MODE_FILTER ? guest_filter_install(tracee, false, 2) :
						      VERDICT_CONTINUE;
	default:
		return tracee->tracer->fake_ids ? handle_prctl_ids(tracee, row) : VERDICT_CONTINUE;
	}
}

/* Whose process it is */

/* A dead child that its parent, a tracee, hasn't waited for: the tracer has forgotten it, the guest
 * may still name it. */
static bool is_guest_zombie(struct tracer *tracer, pid_t pid)
{
	struct process_status status;

	return process_status(pid, &status) == 0 && status.state == 'Z' &&
	       tracer_has(tracer, status.parent);
}

bool guest_has_process(struct tracer *tracer, pid_t pid)
{
	return pid > 0 && (tracer_has(tracer, pid) || is_guest_zombie(tracer, pid));
}

/* Calls `visit` for each process (not thread) until it returns true. */
static bool any_process(struct tracer *tracer, bool (*visit)(struct tracee *process, long argument),
			long argument)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->tid == at->tgid && visit(at, argument))
				return true;
	return false;
}

static bool in_group(struct tracee *process, long group)
{
	return getpgid(process->tid) == (pid_t)group;
}

bool guest_has_group(struct tracer *tracer, pid_t group)
{
	return group > 0 && group != getpgrp() &&
	       (any_process(tracer, in_group, group) || is_guest_zombie(tracer, group));
}

/* Signals */

struct delivery {
	struct tracer *tracer;
	pid_t group;	 /* 0: everything but init and `except` */
	pid_t except;
	int signal;
	int64_t answer;	 /* -ESRCH, 0 once one was reached, or -EINVAL */
};

static bool deliver(struct tracee *process, long argument)
{
	struct delivery *delivery = (struct delivery *)(uintptr_t)argument;

	if (delivery->group) {
		if (!in_group(process, delivery->group))
			return false;
	} else if (process->tgid == delivery->except || process->tgid == delivery->tracer->init) {
		return false;
	}
	if (kill(process->tgid, delivery->signal) == 0)
		delivery->answer = 0;
	else if (errno == EINVAL)
		delivery->answer = -EINVAL;
	return false;
}

static enum verdict deliver_by_hand(struct tracee *tracee, pid_t group, int signal)
{
	struct delivery delivery = {
		.tracer = tracee->tracer,
		.group = group,
		.except = tracee->tgid,
		.signal = signal,
		.answer = -ESRCH,
	};

	any_process(tracee->tracer, deliver, (long)(uintptr_t)&delivery);
	return tracee_answer(tracee, delivery.answer);
}

static enum verdict kill_group(struct tracee *tracee, pid_t group, int signal)
{
	if (group == getpgrp())
		return deliver_by_hand(tracee, group, signal);
	return guest_has_group(tracee->tracer, group) ? VERDICT_CONTINUE :
						       tracee_answer(tracee, -ESRCH);
}

static enum verdict kill_process(struct tracee *tracee, pid_t pid, int signal)
{
	if (signal < 0 || signal > SIGNAL_MAX)
		return tracee_answer(tracee, -EINVAL);
	if (pid == -1)
		return deliver_by_hand(tracee, 0, signal);
	if (pid == 0)
		return kill_group(tracee, getpgid(tracee->tid), signal);
	if (pid == INT_MIN)
		return tracee_answer(tracee, -ESRCH);
	if (pid < 0)
		return kill_group(tracee, -pid, signal);
	return guest_has_process(tracee->tracer, pid) ? VERDICT_CONTINUE :
						       tracee_answer(tracee, -ESRCH);
}

static enum verdict kill_thread(struct tracee *tracee, pid_t tgid, pid_t tid)
{
	const struct tracee *target;

	if (tgid <= 0 || tid <= 0)
		return VERDICT_CONTINUE; /* EINVAL */
	target = tracer_find(tracee->tracer, tid);
	if (target ? target->tgid != tgid : tid != tgid || !is_guest_zombie(tracee->tracer, tid))
		return tracee_answer(tracee, -ESRCH);
	return VERDICT_CONTINUE;
}

enum verdict handle_kill(struct tracee *tracee, const struct syscall_row *row)
{
	pid_t first = (pid_t)tracee_argument(tracee, 0);
	pid_t second = (pid_t)tracee_argument(tracee, 1);

	switch (row->number) {
	case SYS_tgkill:
	case SYS_rt_tgsigqueueinfo:
		return kill_thread(tracee, first, second);
	case SYS_kill:
		return kill_process(tracee, first, (int)second);
	default: /* tkill, rt_sigqueueinfo */
		if (first <= 0 || guest_has_process(tracee->tracer, first))
			return VERDICT_CONTINUE;
		return tracee_answer(tracee, -ESRCH);
	}
}

/* Other calls by pid */

enum verdict handle_pid(struct tracee *tracee, const struct syscall_row *row)
{
	pid_t pids[2] = { (pid_t)tracee_argument(tracee, 0), 0 };

	if (row->number == SYS_kcmp)
		pids[1] = (pid_t)tracee_argument(tracee, 1);
	for (unsigned i = 0; i < 2; i++)
		if (pids[i] && !guest_has_process(tracee->tracer, pids[i]))
			return tracee_answer(tracee, -ESRCH);
	return VERDICT_CONTINUE;
}

pid_t guest_pidfd_process(const struct tracee *tracee, int fd)
{
	char path[64], text[1024];
	const char *line;
	ssize_t length;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tracee->tid, fd);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nPid:");
	if (line)
		return sscanf(line, "\nPid: %d", &pid) == 1 && pid > 0 ? pid : -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tracee->tid, fd);
	length = readlink(path, text, sizeof(text) - 1);
	if (length < 0)
		return 0;
	text[length] = '\0';
	return sscanf(text, "/proc/%d", &pid) == 1 ? pid : 0;
}

enum verdict handle_pidfd(struct tracee *tracee, const struct syscall_row *row)
{
	int first = (int)tracee_argument(tracee, 0);
	pid_t pid;

	if (row->number == SYS_pidfd_open)
		pid = first;
	else if (first < 0) /* PIDFD_SELF, or EBADF */
		pid = 0;
	else
		pid = guest_pidfd_process(tracee, first);
	if (pid == 0 || guest_has_process(tracee->tracer, pid))
		return VERDICT_CONTINUE;
	return tracee_answer(tracee, -ESRCH);
}

enum verdict handle_priority(struct tracee *tracee, const struct syscall_row *row)
{
	/* ioprio_set() counts from 1, setpriority() from 0. */
	int64_t which = (int64_t)(int)tracee_argument(tracee, 0) - (row->number == SYS_ioprio_set);
	pid_t who = (pid_t)tracee_argument(tracee, 1);
	bool guests;

	switch (which) {
	case PRIO_PROCESS:
		guests = who == 0 || guest_has_process(tracee->tracer, who);
		break;
	case PRIO_PGRP:
		guests = guest_has_group(tracee->tracer, who ? who : getpgid(tracee->tid));
		break;
	case PRIO_USER: /* the host's processes have the same uid */
		return tracee_answer(tracee, -EPERM);
	default:
		return VERDICT_CONTINUE;
	}
	return guests ? VERDICT_CONTINUE : tracee_answer(tracee, -ESRCH);
}

/* fcntl(F_SETOWN), F_SETOWN_EX: who gets SIGIO, or with F_SETSIG any signal. */
enum verdict handle_fcntl(struct tracee *tracee, const struct syscall_row *row)
{
	struct tracer *tracer = tracee->tracer;
	struct f_owner_ex owner;
	bool guests;

	(void)row;
	if ((int)tracee_argument(tracee, 1) == F_SETOWN) {
		int value = (int)tracee_argument(tracee, 2);

		guests = value == 0 || (value > 0 ? guest_has_process(tracer, value) :
						    value != INT_MIN && guest_has_group(tracer, -value));
		return guests ? VERDICT_CONTINUE : tracee_answer(tracee, -ESRCH);
	}
	if (tracee_read(tracee, tracee_argument(tracee, 2), &owner, sizeof(owner)) < 0)
		return tracee_answer(tracee, -EFAULT);
	guests = owner.pid == 0 || (owner.type == F_OWNER_PGRP ?
					    guest_has_group(tracer, owner.pid) :
					    guest_has_process(tracer, owner.pid));
	if (!guests)
		return tracee_answer(tracee, -ESRCH);
	return continue_with_copy(tracee, 2, &owner, sizeof(owner));
}

/* CPUs. The tracer moves tracees to its own CPU, so the kernel's masks are not the guest's. */

void guest_affinity_init(struct tracer *tracer)
{
	long size = syscall(SYS_sched_getaffinity, 0, sizeof(tracer->affinity), tracer->affinity);
	uint64_t probe[CPU_MASK_WORDS];
	uint32_t minimum = sizeof(uint64_t);

	tracer->affinity_size = size > 0 ? (uint32_t)size : 0;
	while (minimum < tracer->affinity_size &&
	       syscall(SYS_sched_getaffinity, 0, (size_t)minimum, probe) < 0)
		minimum += (uint32_t)sizeof(uint64_t);
	tracer->affinity_minimum = minimum;
}

static struct tracee *affinity_target(struct tracee *tracee)
{
	pid_t pid = (pid_t)tracee_argument(tracee, 0);

	return pid ? tracer_find(tracee->tracer, pid) : tracee;
}

enum verdict handle_sched_getaffinity(struct tracee *tracee, const struct syscall_row *row)
{
	const struct tracer *tracer = tracee->tracer;
	const struct tracee *target = affinity_target(tracee);
	uint64_t size = (uint32_t)tracee_argument(tracee, 1);
	const uint64_t *mask;

	(void)row;
	if (!tracer->affinity_size)
		return VERDICT_CONTINUE; /* more CPUs than a mask has bits: nothing is pinned */
	if (size < tracer->affinity_minimum ||
	    size % (tracee->regs.compat ? sizeof(uint32_t) : sizeof(uint64_t)))
		return tracee_answer(tracee, -EINVAL);
	if (!target)
		return tracee_answer(tracee, -ESRCH);
	mask = target->affinity_chosen ? target->affinity : tracer->affinity;
	if (size > tracer->affinity_size)
		size = tracer->affinity_size;
	if (tracee_write(tracee, tracee_argument(tracee, 2), mask, size) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, (int64_t)size);
}

enum verdict handle_sched_setaffinity(struct tracee *tracee, const struct syscall_row *row)
{
	struct tracee *target = affinity_target(tracee);
	uint64_t size = (uint32_t)tracee_argument(tracee, 1);
	uint64_t mask[CPU_MASK_WORDS] = { 0 };

	(void)row;
	if (size > sizeof(mask))
		size = sizeof(mask);
	if (tracee_read(tracee, tracee_argument(tracee, 2), mask, size) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (!target)
		return tracee_answer(tracee, -ESRCH);
	/* Done from here, so that the kernel judges the mask and says what came of it. */
	if (syscall(SYS_sched_setaffinity, target->tid, size, mask) < 0)
		return tracee_answer(tracee, -errno);
	if (syscall(SYS_sched_getaffinity, target->tid, sizeof(target->affinity), target->affinity) > 0)
		target->affinity_chosen = true;
	target->cpu = -1;
	return tracee_answer(tracee, 0);
}
