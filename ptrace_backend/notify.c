// SPDX-License-Identifier: Apache-2.0
/* Calls that the supervisor answers whole, by seccomp notification instead of a ptrace stop.
 *
 * Theory of operation
 *
 * stat with faked ids, getcwd and the like need nothing from ptrace: the arguments come with the
 * notification, the answer is a number, and the guest's memory is reached as at a stop. A notification
 * costs 1.9 us where a stop and its registers cost 3.3 (Linux 6.18), and the kernel keeps both sides on
 * one CPU by itself (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, 6.6).
 *
 * They are received on a thread of their own, for the tracer's waits in waitpid(). tracer->lock is
 * held by whichever handles something. A tracee may be killed and waited for meanwhile, for the tracer
 * waits without the lock: then reading or writing its memory fails, unless its pid came around within the
 * handler's microseconds. Calls whose arguments are rewritten stay with ptrace: the kernel can't be told new
 * arguments here, and letting a call continue would let the guest change what was checked.
 *
 * The first process installs the filter and sends the listener's fd over a socket; from then on
 * every guest process has it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/start/start.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/notify.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

struct notifier {
	struct tracer *tracer;
	pthread_t thread;
	int receive_end, send_end; /* for the listener's fd */
	volatile bool stopping;
	size_t request_size, response_size; /* as the kernel has them */
};

static int receive_listener(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) <= 0)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int notify_send_listener(int to, int listener)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(listener));
	memcpy(CMSG_DATA(header), &listener, sizeof(listener));
	return sendmsg(to, &message, 0) < 0 ? -errno : 0;
}

int notify_install(const struct sock_fprog *filter)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, filter);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);
	return fd < 0 ? -errno : (int)fd;
}

/* A guest's own filter that answers RET_TRACE isn't heard by the kernel, for our answer outranks it. With a
 * tracer it was asked at the call's entry. */
static bool guest_refuses(const struct tracee *tracee, const struct seccomp_data *call)
{
	return tracee->filters && !tracee->trapped.active && !guest_was_asked(tracee) &&
	       (guest_filter_answer_to(tracee, call) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE;
}

static void answer(struct tracer *tracer, const struct seccomp_notif *request,
		   struct seccomp_notif_resp *response)
{
	const struct syscall_call *call;
	const struct syscall_row *row;
	struct tracee *tracee;

	response->id = request->id;
	response->error = -ENOSYS;
	pthread_mutex_lock(&tracer->lock);
	tracer->stops++;
	tracee = tracer_find(tracer, (pid_t)request->pid);
	/* Another state: its thread was killed by an execve that has taken over the tid meanwhile. */
	if (tracee && (tracee->state == TRACEE_RUNNING || tracee->trapped.active) &&
	    !guest_refuses(tracee, &request->data)) {
		tracee->regs.number = request->data.nr;
		tracee->regs.changed = 0;
		tracee->regs.compat = request->data.arch == ARCH_COMPAT_AUDIT;
		tracee->regs.after = request->data.instruction_pointer;
		call = tracee_call(tracee);
		row = call ? syscall_call_row(call) : NULL;
	} else {
		row = NULL;
	}
	if (row && row->enter && row->notify) {
		for (unsigned i = 0; i < 6; i++)
			tracee->regs.arguments[i] = request->data.args[i];
		if (syscall_enter(tracee, call) == VERDICT_SKIP) {
			response->error = tracee->regs.result < 0 && tracee->regs.result > -4096 ?
						  (int)tracee->regs.result :
						  0;
			response->val = response->error ? 0 : tracee->regs.result;
		} else {
			/* Only a call on an fd asks for this: no path is read again. */
			tracee->on_exit = NULL;
			response->error = 0;
			response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		}
		tracee->regs.changed = 0;
	}
	pthread_mutex_unlock(&tracer->lock);
}

/* No process with the filter is left. */
static bool listener_is_dead(int listener)
{
	struct pollfd state = { .fd = listener, .events = POLLIN };

	return poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR));
}

static void *serve(void *argument)
{
	struct notifier *notifier = argument;
	_cleanup_close_ int listener = receive_listener(notifier->receive_end);
	struct seccomp_notif *request = talloc_zero_size(NULL, notifier->request_size);
	struct seccomp_notif_resp *response = talloc_zero_size(NULL, notifier->response_size);

	if (listener >= 0)
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	while (listener >= 0 && request && response && !notifier->stopping) {
		memset(request, 0, notifier->request_size);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) < 0) {
			/* ENOENT: that task was killed, or all are gone. */
			if (errno == EINTR || (errno == ENOENT && !listener_is_dead(listener)))
				continue;
			break;
		}
		memset(response, 0, notifier->response_size);
		answer(notifier->tracer, request, response);
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response); /* ENOENT: killed meanwhile */
	}
	talloc_free(request);
	talloc_free(response);
	return NULL;
}

int notify_start(struct tracer *tracer, struct error *err)
{
	struct notifier *notifier = talloc_zero(tracer, struct notifier);
	struct seccomp_notif_sizes sizes;
	sigset_t all, before;
	int ends[2], code;

	if (!notifier)
		return error_set(err, ENOMEM, "notifier");
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return error_set(err, errno, "seccomp notifications");
	notifier->tracer = tracer;
	notifier->request_size = sizes.seccomp_notif > sizeof(struct seccomp_notif) ?
					 sizes.seccomp_notif :
					 sizeof(struct seccomp_notif);
	notifier->response_size = sizes.seccomp_notif_resp > sizeof(struct seccomp_notif_resp) ?
					  sizes.seccomp_notif_resp :
					  sizeof(struct seccomp_notif_resp);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, errno, "socket for seccomp notifications");
	notifier->receive_end = ends[0];
	notifier->send_end = ends[1];
	/* Signals belong to the monitor's threads; only NOTIFY_SIGNAL may interrupt this one. */
	sigfillset(&all);
	start_keep_traps(&all);
	sigdelset(&all, NOTIFY_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&notifier->thread, NULL, serve, notifier);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code) {
		close(ends[0]);
		close(ends[1]);
		return error_set(err, code, "thread for seccomp notifications");
	}
	tracer->notifier = notifier;
	return 0;
}

int notify_socket(const struct tracer *tracer)
{
	return tracer->notifier ? tracer->notifier->send_end : -EBADF;
}

/* The child has its copy: with ours closed, a child that dies before sending ends the thread. */
void notify_forked(struct tracer *tracer)
{
	if (tracer->notifier && tracer->notifier->send_end >= 0) {
		close(tracer->notifier->send_end);
		tracer->notifier->send_end = -EBADF;
	}
}

void notify_stop(struct tracer *tracer)
{
	struct notifier *notifier = tracer->notifier;
	const struct timespec pause = { .tv_nsec = 200000 };

	if (!notifier)
		return;
	tracer->notifier = NULL;
	notifier->stopping = true;
	notify_forked(tracer);
	if (notifier->send_end >= 0)
		close(notifier->send_end);
	shutdown(notifier->receive_end, SHUT_RDWR);
	/* The signal may come just before the thread sleeps: again until it is gone. */
	while (pthread_tryjoin_np(notifier->thread, NULL) == EBUSY) {
		pthread_kill(notifier->thread, NOTIFY_SIGNAL);
		nanosleep(&pause, NULL);
	}
	close(notifier->receive_end);
	talloc_free(notifier);
}
