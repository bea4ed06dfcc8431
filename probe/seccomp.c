// SPDX-License-Identifier: Apache-2.0
/* seccomp as we use it: trace stops, thread sync, notifications. All on getppid, in children. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "probe/check.h"

#define EVENT_DATA   0x2a
#define ANSWER_ERRNO 77
#define ANSWER_VALUE 4242
#define STOPS_MAX    16

/* getppid gets the action, all else is allowed. Returns 0, an fd, or -errno. */
static int install(unsigned flags, uint32_t action)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {ARRAY_SIZE(program), program};
	long result;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	return result < 0 ? -errno : (int)result;
}

static void tracee(void)
{
	int result;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(errno);
	result = install(0, SECCOMP_RET_TRACE | EVENT_DATA);
	if (result < 0)
		_exit(-result);
	kill(getpid(), SIGSTOP);
	syscall(SYS_getppid);
	_exit(0);
}

enum stop { STOP_NONE, STOP_ENTRY, STOP_EVENT };

/* Looks at the stops around getppid: returns 0 and which came first, or -errno. */
static int watch(pid_t pid, enum stop *ret_first)
{
	enum stop first = STOP_NONE;

	for (int stops = 0; stops < STOPS_MAX; stops++) {
		unsigned long data = 0;
		int status;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, __WALL) < 0)
			return -errno;
		if (!WIFSTOPPED(status))
			return -EPROTO;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
			if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &data) < 0)
				return -errno;
			if (data != EVENT_DATA)
				return -EPROTO;
			*ret_first = first == STOP_ENTRY ? STOP_ENTRY : STOP_EVENT;
			return 0;
		}
		/* Entry and exit stops alternate and the entry of getppid is the last before the
		 * event; the first one after SIGSTOP is an entry. */
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			first = first == STOP_ENTRY ? STOP_NONE : STOP_ENTRY;
	}
	return -EPROTO;
}

static void check_filter(struct probe_context *context, const struct probe_check *check)
{
	pid_t pid = probe_fork();
	enum stop first = STOP_NONE;
	int status, result;

	if (pid == 0)
		tracee();
	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status)) {
		probe_rest_fails(context, check, WIFEXITED(status) ? WEXITSTATUS(status) : EPROTO,
				 "PTRACE_TRACEME, or installing a filter after it, is refused");
		return;
	}
	result = ptrace(PTRACE_SETOPTIONS, pid, NULL,
			(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP |
				 PTRACE_O_EXITKILL)) < 0
			 ? -errno
			 : watch(pid, &first);
	if (result < 0) {
		probe_rest_fails(context, check, -result,
				 "a RET_TRACE stop does not reach the tracer");
	} else {
		probe_works(context, FACT_ID_SECCOMP_FILTER, 0, "%s", "");
		probe_works(context, FACT_ID_SECCOMP_ORDER, first == STOP_ENTRY, "%s",
			    first == STOP_ENTRY ? "entry stop, then seccomp event"
						: "seccomp event, then entry stop");
	}
	kill(pid, SIGKILL);
	probe_wait(pid);
}

struct second_thread {
	int start[2], done[2]; /* pipes */
	_Alignas(16) char stack[16384];
};

/* Has no thread-local storage of its own: errno is the first thread's, which waits. */
static int second_thread(void *argument)
{
	struct second_thread *thread = argument;
	char byte = 0;

	if (read(thread->start[0], &byte, 1) == 1)
		byte = syscall(SYS_getppid) < 0 && errno == ANSWER_ERRNO;
	if (write(thread->done[1], &byte, 1) != 1)
		byte = 0;
	syscall(SYS_exit, 0);
	return 0;
}

static void check_tsync(struct probe_context *context, const struct probe_check *check)
{
	/* Not pthread_create(): it blocks SIGSYS around clone3, and a filter that traps that kills.
	 */
	const int flags =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	const enum fact_id fact = check->facts[0];
	static struct second_thread thread;
	char has_filter = 0;
	int result;

	if (pipe2(thread.start, O_CLOEXEC) < 0 || pipe2(thread.done, O_CLOEXEC) < 0 ||
	    clone(second_thread, thread.stack + sizeof(thread.stack), flags, &thread) < 0) {
		probe_fails(context, fact, errno, "can't make a second thread");
		return;
	}
	result = install(SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_RET_ERRNO | ANSWER_ERRNO);
	if (result == 0 &&
	    (write(thread.start[1], "", 1) != 1 || read(thread.done[0], &has_filter, 1) != 1))
		has_filter = 0;
	if (result < 0)
		probe_fails(context, fact, -result, "SECCOMP_FILTER_FLAG_TSYNC is refused");
	else if (!has_filter)
		probe_fails(context, fact, EPROTO, "other threads don't get the filter");
	else
		probe_works(context, fact, 0, "%s", "");
}

/* Answers one notification; with addfd, by putting our stdin-like fd into the caller. */
static int answer(int listener, bool addfd)
{
	const struct timespec second = {.tv_sec = 1};
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	struct seccomp_notif request;
	struct seccomp_notif_resp response;

	if (ppoll(&wait, 1, &second, NULL) != 1)
		return -ETIMEDOUT;
	memset(&request, 0, sizeof(request));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return -errno;
	response = (struct seccomp_notif_resp){.id = request.id, .val = ANSWER_VALUE};
	if (addfd) {
		struct seccomp_notif_addfd add = {.id = request.id, .srcfd = (__u32)listener};
		int fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

		if (fd < 0) {
			int code = errno;

			ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
			return -code;
		}
		response.val = fd;
	}
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 ? -errno : 0;
}

/* Exit status: 1 when the value did not arrive, 2 when the fd did not. */
static void ask_twice(void)
{
	struct stat status;
	long fd;

	if (syscall(SYS_getppid) != ANSWER_VALUE)
		_exit(1);
	fd = syscall(SYS_getppid);
	_exit(fd < 0 || fstat((int)fd, &status) < 0 ? 2 : 0);
}

static void check_notify(struct probe_context *context, const struct probe_check *check)
{
	int listener = install(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);
	int result, addfd, status;
	pid_t pid;

	if (listener < 0) {
		probe_rest_fails(context, check, -listener,
				 listener == -EBUSY
					 ? "a supervisor listens already"
					 : "SECCOMP_FILTER_FLAG_NEW_LISTENER is refused");
		return;
	}
	/* Not probe_fork(): the child must not ask for its parent before we listen. */
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(listener);
		ask_twice();
	}
	result = answer(listener, false);
	addfd = result < 0 ? result : answer(listener, true);
	close(listener);
	status = probe_wait(pid);
	if (result < 0 || status == 1) {
		probe_rest_fails(context, check, result < 0 ? -result : EPROTO,
				 "a notification is not answered");
		return;
	}
	probe_works(context, FACT_ID_SECCOMP_NOTIFY, 0, "%s", "");
	if (addfd < 0 || status != 0)
		probe_fails(context, FACT_ID_SECCOMP_ADDFD, addfd < 0 ? -addfd : EPROTO,
			    "a notification can't be answered with a file descriptor");
	else
		probe_works(context, FACT_ID_SECCOMP_ADDFD, 0, "%s", "");
}

const struct probe_check probe_seccomp_checks[] = {
	{check_filter, PROBE_FACTS(FACT_ID_SECCOMP_FILTER, FACT_ID_SECCOMP_ORDER), 0, NULL},
	{check_tsync, PROBE_FACTS(FACT_ID_SECCOMP_TSYNC), 0, NULL},
	{check_notify, PROBE_FACTS(FACT_ID_SECCOMP_NOTIFY, FACT_ID_SECCOMP_ADDFD), 0, NULL},
	{0},
};
