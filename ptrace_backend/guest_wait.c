// SPDX-License-Identifier: Apache-2.0
/* wait4 and waitid of guests that trace.
 *
 * Theory of operation
 *
 * The kernel tells a tracing guest nothing of its tracees' stops. Every wait therefore stops at its entry,
 * and is answered there when a stop is waiting to be told. Otherwise the kernel waits, for children
 * that may end meanwhile, and a stop that comes later interrupts it: the kernel then repeats the call
 * by itself, and it is answered at that entry.
 *
 * ECHILD from the kernel is wrong for a process whose only children are tracees that it attached to: the
 * call is made once more, as a ppoll() without end.
 *
 * A tracee's end is told by the kernel to its parent, after us. To a tracer that isn't the parent, and
 * for threads, which have none, it is told here.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/tracer.h"

#define ERESTARTSYS    512 /* include/linux/errno.h */
#define ERESTARTNOHAND 514
#define P_PIDFD_	 3
/* si_code of a SIGCHLD that we send: the kernel takes no CLD_* from us. */
#define SENT_CODE(code) (-64 - (code))

struct wait_request {
	bool is_waitid;
	idtype_t type;
	pid_t id;
	uint32_t options;
	uint64_t status, info, usage; /* addresses, or 0 */
};

static bool read_request(const struct tracee *tracee, const struct syscall_row *row,
			 struct wait_request *ret)
{
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	if (row->number == SYS_waitid) {
		ret->is_waitid = true;
		ret->type = (idtype_t)tracee->entry_arguments[0];
		ret->id = (pid_t)tracee->entry_arguments[1];
		ret->info = tracee->entry_arguments[2];
		ret->options = (uint32_t)tracee->entry_arguments[3];
		ret->usage = tracee->entry_arguments[4];
		if ((int)ret->type == P_PIDFD_) {
			ret->id = guest_pidfd_process(tracee, ret->id);
			ret->type = P_PID;
		} else if (ret->type == P_PGID && ret->id == 0) {
			ret->id = getpgid(tracee->tid);
		}
		return ret->type == P_ALL || ret->type == P_PID || ret->type == P_PGID;
	}
	pid = (pid_t)tracee->entry_arguments[0];
	ret->status = tracee->entry_arguments[1];
	ret->options = (uint32_t)tracee->entry_arguments[2] | WEXITED;
	/* waitpid(2) of 32-bit programs has three arguments. */
	ret->usage = tracee->call->shape == SHAPE_WAITPID ? 0 : tracee->entry_arguments[3];
	ret->type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
	ret->id = pid > 0 ? pid : pid == 0 ? getpgid(tracee->tid) : -pid;
	return true;
}

static bool matches(const struct wait_request *request, pid_t tid)
{
	return request->type == P_ALL || (request->type == P_PID && request->id == tid) ||
	       (request->type == P_PGID && getpgid(tid) == request->id);
}

/* The stop of longest standing that isn't told yet; *ret_any: one may still come. */
static struct tracee *find_stop(const struct tracee *by, const struct wait_request *request,
				bool *ret_any)
{
	struct tracer *tracer = by->tracer;
	struct tracee *found = NULL;

	*ret_any = false;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			const struct guest_trace *guest = at->guest;

			if (!guest || !guest->by || guest->by->tgid != by->tgid ||
			    ((request->options & __WNOTHREAD) && guest->by != by) ||
			    !matches(request, at->tid))
				continue;
			*ret_any = true;
			if (guest->held && !guest->waited &&
			    (!found || guest->serial < found->guest->serial))
				found = at;
		}
	return found;
}

static struct guest_exit **find_exit(const struct tracee *by, const struct wait_request *request)
{
	struct guest_exit **at = &by->tracer->guest_exits;

	if (!(request->options & WEXITED))
		return NULL;
	for (; *at; at = &(*at)->next)
		if ((*at)->by == by->tgid && (request->type == P_ALL || request->type == P_PGID ||
					      request->id == (*at)->tid))
			return at;
	return NULL;
}

static int exit_code_of(int status)
{
	return WIFEXITED(status)    ? CLD_EXITED :
	       WCOREDUMP(status) ? CLD_DUMPED :
				   CLD_KILLED;
}

/* Returns the result of the call. */
static int64_t tell(struct tracee *by, const struct wait_request *request, pid_t tid, uid_t uid,
		    int status)
{
	siginfo_t info = { 0 };

	if (request->usage && layout_write_no_usage(by, request->usage) < 0)
		return -EFAULT;
	if (!request->is_waitid) {
		if (request->status && tracee_write(by, request->status, &status, sizeof(status)) < 0)
			return -EFAULT;
		return tid;
	}
	info.si_signo = SIGCHLD;
	info.si_pid = tid;
	info.si_uid = uid;
	info.si_code = WIFSTOPPED(status) ? CLD_TRAPPED : exit_code_of(status);
	info.si_status = WIFSTOPPED(status) ? status >> 8 :
			 WIFEXITED(status)  ? WEXITSTATUS(status) :
					      WTERMSIG(status);
	if (request->info && layout_write_siginfo(by, request->info, &info) < 0)
		return -EFAULT;
	return 0;
}

static uid_t shown_uid(struct tracee *tracee)
{
	return tracee->tracer->fake_ids ? user_ns_show_uid(tracee, tracee->credentials.ruid) :
					  tracee->tracer->host_uid;
}

/* Whether the call is answered with something that waits to be told; *ret_any as of find_stop(). */
static bool answered(struct tracee *by, const struct wait_request *request, int64_t *ret_result,
		     bool *ret_any)
{
	struct guest_exit **exited = find_exit(by, request), *gone;
	struct tracee *stopped = find_stop(by, request, ret_any);

	if (exited) {
		gone = *exited;
		*ret_result = tell(by, request, gone->tid, gone->uid, gone->status);
		if (!(request->options & WNOWAIT)) {
			*exited = gone->next;
			talloc_free(gone);
		}
		return true;
	}
	if (!stopped)
		return false;
	*ret_result = tell(by, request, stopped->tid, shown_uid(stopped),
			   stopped->guest->code << 8 | 0x7f);
	if (!(request->options & WNOWAIT))
		stopped->guest->waited = true;
	return true;
}

static void after_wait(struct tracee *tracee)
{
	struct wait_request request;
	int64_t result;
	bool any;

	tracee->in_wait = false;
	if (tracee_result(tracee) != -ECHILD ||
	    !read_request(tracee, syscall_call_row(tracee->call), &request))
		return;
	if (answered(tracee, &request, &result, &any)) {
		tracee_set_result(tracee, result);
	} else if (any && (request.options & WNOHANG)) {
		tracee_set_result(tracee, 0);
	} else if (any) {
		for (unsigned i = 0; i < 6; i++)
			tracee_set_argument(tracee, i, tracee->entry_arguments[i]);
		registers_repeat_call(&tracee->regs, (int64_t)tracee->saved[0]);
		tracee->repeats = true;
		tracee->waits_alone = true;
	}
}

/* The call as the guest made it, interrupted: the kernel repeats it, or says EINTR. */
static void after_sleep(struct tracee *tracee)
{
	int64_t result = tracee_result(tracee);

	tracee->in_wait = false;
	tracee_restore_arguments(tracee);
	registers_set_number(&tracee->regs, (int64_t)tracee->saved[0]);
	tracee_set_result(tracee, result == -ERESTARTNOHAND ? -ERESTARTSYS : result);
}

enum verdict handle_wait(struct tracee *tracee, const struct syscall_row *row)
{
	bool alone = tracee->waits_alone, any = false;
	struct tracer *tracer = tracee->tracer;
	struct wait_request request;
	int64_t result;

	tracee->waits_alone = false;
	tracee->in_wait = true;
	if ((!tracer->guest_traces && !tracer->guest_exits) || !read_request(tracee, row, &request))
		return VERDICT_CONTINUE;
	if (answered(tracee, &request, &result, &any)) {
		tracee->in_wait = false;
		return tracee_answer(tracee, result);
	}
	if (!any)
		return VERDICT_CONTINUE;
	tracee->saved[0] = (uint64_t)tracee->regs.number;
	if (!alone || (request.options & WNOHANG)) {
		tracee->on_exit = after_wait;
		return VERDICT_EXIT;
	}
	tracee_set_number(tracee, SYS_ppoll);
	for (unsigned i = 0; i < 5; i++)
		tracee_set_argument(tracee, i, 0);
	tracee->on_exit = after_sleep;
	return VERDICT_EXIT;
}

/* Telling */

static void wake(struct tracer *tracer, pid_t tgid)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->tgid == tgid && at->in_wait)
				ptrace(PTRACE_INTERRUPT, at->tid, NULL, NULL);
}

static void send_sigchld(const struct tracee *by, pid_t tid, uid_t uid, int code, int status)
{
	siginfo_t info = { 0 };

	if (process_disposition(by->tid, SIGCHLD) == SIGNAL_IGNORED)
		return;
	info.si_signo = SIGCHLD;
	info.si_code = SENT_CODE(code);
	info.si_pid = tid;
	info.si_uid = uid;
	info.si_status = status; /* where si_value lies */
	syscall(SYS_rt_sigqueueinfo, by->tgid, SIGCHLD, &info);
}

void guest_wait_notify(struct tracee *tracee)
{
	const struct guest_trace *guest = tracee->guest;
	bool stopped = tracee->group_stopped || guest->code >> 8 == PTRACE_EVENT_STOP;

	if (!guest->by)
		return;
	/* kernel/signal.c: do_notify_parent_cldstop() */
	send_sigchld(guest->by, tracee->tid, shown_uid(tracee), stopped ? CLD_STOPPED : CLD_TRAPPED,
		     stopped && !tracee->group_stopped ? 0 : guest->code & 0x7f);
	wake(tracee->tracer, guest->by->tgid);
}

void guest_wait_on_end(struct tracee *tracee, int status)
{
	struct tracer *tracer = tracee->tracer;
	struct tracee *by = tracee->guest->by;
	struct guest_exit *gone;

	if (!by)
		return;
	wake(tracer, by->tgid);
	if (tracee->guest->is_child)
		return;
	gone = talloc_zero(tracer, struct guest_exit);
	if (!gone)
		return;
	gone->by = by->tgid;
	gone->tid = tracee->tid;
	gone->uid = shown_uid(tracee);
	gone->status = status;
	for (struct guest_exit **at = &tracer->guest_exits;; at = &(*at)->next)
		if (!*at) {
			*at = gone;
			break;
		}
	send_sigchld(by, gone->tid, gone->uid, exit_code_of(status),
		     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

void guest_wait_on_sigchld(struct tracee *tracee)
{
	siginfo_t info;

	if (ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) < 0 ||
	    info.si_code > SENT_CODE(CLD_EXITED) || info.si_code < SENT_CODE(CLD_CONTINUED))
		return;
	info.si_code = -64 - info.si_code;
	ptrace(PTRACE_SETSIGINFO, tracee->tid, NULL, &info);
}

void guest_wait_forget(struct tracer *tracer, pid_t tgid)
{
	for (struct guest_exit **at = &tracer->guest_exits; *at;) {
		struct guest_exit *gone = *at;

		if (gone->by != tgid) {
			at = &gone->next;
			continue;
		}
		*at = gone->next;
		talloc_free(gone);
	}
}
