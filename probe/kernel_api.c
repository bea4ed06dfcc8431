// SPDX-License-Identifier: Apache-2.0
/* Calls that newer kernels have: the new mount API, clone3, pidfd, openat2. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "probe/check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct clone3_arguments {
	__u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static void check_clone3(struct probe_context *context)
{
	struct clone3_arguments arguments = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));

	if (pid == 0)
		_exit(42);
	if (pid < 0)
		probe_fails(context, FACT_ID_CLONE3, errno, "not offered; clone is used");
	else if (probe_wait((pid_t)pid) != 42)
		probe_fails(context, FACT_ID_CLONE3, EPROTO, "its child did not run");
	else
		probe_works(context, FACT_ID_CLONE3, 0, "%s", "");
}

static void check_pidfd(struct probe_context *context)
{
	_cleanup_close_ int fd = -EBADF;
	const struct timespec second = {.tv_sec = 1};
	struct pollfd wait;
	siginfo_t info;
	pid_t pid = probe_fork();

	if (pid == 0)
		probe_sleep();
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	wait = (struct pollfd){.fd = fd, .events = POLLIN};
	if (fd < 0)
		probe_fails(context, FACT_ID_PIDFD, errno, "pidfd_open is not offered");
	else if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		probe_fails(context, FACT_ID_PIDFD, errno, "pidfd_send_signal is refused");
	else if (ppoll(&wait, 1, &second, NULL) != 1)
		probe_fails(context, FACT_ID_PIDFD, EPROTO, "a pidfd can't be polled");
	else if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0)
		probe_fails(context, FACT_ID_PIDFD, errno, "waitid by pidfd is not offered");
	else
		probe_works(context, FACT_ID_PIDFD, 0, "%s", "");
}

static void check_openat2(struct probe_context *context)
{
	struct amphora_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	_cleanup_close_ int root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	struct stat inside, outside;

	if (root < 0)
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = (int)syscall(SYS_openat2, root, "../..", &how, sizeof(how));
	if (fd < 0)
		probe_fails(context, FACT_ID_OPENAT2, errno, "not offered; paths are walked");
	else if (fstat(fd, &inside) < 0 || fstat(root, &outside) < 0 ||
		 inside.st_ino != outside.st_ino || inside.st_dev != outside.st_dev)
		probe_fails(context, FACT_ID_OPENAT2, EPROTO, "RESOLVE_IN_ROOT lets .. out");
	else
		probe_works(context, FACT_ID_OPENAT2, 0, "%s", "");
}

/* fsopen to move_mount of a tmpfs, a bind by open_tree, made read-only by mount_setattr. */
static int use_mount_api(const char *target, const char **ret_step)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int context = -EBADF, tmpfs = -EBADF, bind = -EBADF;

	*ret_step = "fsopen";
	context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return -errno;
	*ret_step = "fsconfig";
	if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	*ret_step = "fsmount";
	tmpfs = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID);
	if (tmpfs < 0)
		return -errno;
	*ret_step = "move_mount";
	if (syscall(SYS_move_mount, tmpfs, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	*ret_step = "open_tree";
	bind = (int)syscall(SYS_open_tree, tmpfs, "",
			    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (bind < 0)
		return -errno;
	*ret_step = "mount_setattr";
	if (syscall(SYS_mount_setattr, bind, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) <
	    0)
		return -errno;
	*ret_step = "move_mount of a bind";
	if (syscall(SYS_move_mount, bind, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	*ret_step = "mount_setattr without effect";
	return mkdirat(bind, "x", 0700) < 0 && errno == EROFS ? 0 : -EPROTO;
}

static void check_mount_api(struct probe_context *context, const struct probe_check *check)
{
	const char *step;
	bool userns;
	int result = probe_enter_private(context, CLONE_NEWNS, &userns);

	if (result == -ENOSYS) {
		probe_fails(context, check->facts[0], ENOSYS, "no mount namespace to try it in");
		return;
	}
	if (result < 0) {
		/* Present or not is all that can be said. */
		if (syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0) < 0 && errno == ENOSYS)
			probe_fails(context, check->facts[0], ENOSYS, "mount_setattr is missing");
		else
			probe_fails(context, check->facts[0], -result,
				    "in the kernel, but there is no mount namespace to use it in");
		return;
	}
	result = use_mount_api(probe_mount_point(context), &step);
	if (result < 0)
		probe_fails(context, check->facts[0], -result, "%s", step);
	else
		probe_works(context, check->facts[0], 0, "%s", "");
}

static void check_small(struct probe_context *context, const struct probe_check *check)
{
	(void)check;
	check_clone3(context);
	check_pidfd(context);
	check_openat2(context);
}

const struct probe_check probe_kernel_api_checks[] = {
	{check_mount_api, PROBE_FACTS(FACT_ID_MOUNT_API), 0, NULL},
	{check_small, PROBE_FACTS(FACT_ID_CLONE3, FACT_ID_PIDFD, FACT_ID_OPENAT2), 0, NULL},
	{0},
};
