// SPDX-License-Identifier: Apache-2.0
/* The cloned child: from birth in new namespaces to the fork of the command.
 *
 * It starts as a copy of the monitor, in all namespaces but with the monitor's fds, and gives those up
 * first, because an init keeps what it has for the container's life. No guest code runs before
 * execve, so up to there nothing of the guest's can interfere but the contents of the rootfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "netstack/net.h"
#include "ns_backend/setup.h"

/* The monitor's death. Where an init must sweep first it can't be SIGKILL. */
static int death_signal(const struct plan *plan)
{
	return plan->clone_flags & CLONE_NEWPID ? SIGKILL : SIGRTMAX;
}

static int die_with_monitor(const struct ns_setup *setup, struct error *err)
{
	struct pollfd parent = {.fd = setup->exec_write, .events = 0};

	close(setup->exec_read);
	close(setup->go_write);
	if (prctl(PR_SET_PDEATHSIG, death_signal(setup->plan)) < 0)
		return error_set(err, errno, "cannot tie the container to its monitor");
	/* It may have died before: then nobody reads the pipe, and getppid() can't tell across
	 * PID namespaces. */
	if (poll(&parent, 1, 0) > 0 && parent.revents & POLLERR)
		return error_set(err, ESRCH, "the monitor is gone");
	return 0;
}

static void close_from_by_list(int first)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!fds)
		return;
	while ((entry = readdir(fds))) {
		int fd = atoi(entry->d_name);

		if (fd >= first && fd != dirfd(fds))
			close(fd);
	}
	closedir(fds);
}

void child_close_from(int first)
{
	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) < 0) /* Linux 5.9 */
		close_from_by_list(first);
}

/* Moves an fd of ours to `place`. */
static int move_fd(int *fd, int place)
{
	if (*fd != place && dup3(*fd, place, O_CLOEXEC) < 0)
		return -errno;
	*fd = place;
	return 0;
}

/* Leaves: 0-2 as the guest will have them, the preserved fds, and our two pipes above these. */
static int arrange_fds(struct ns_setup *setup, struct error *err)
{
	int limit = 3 + (int)setup->plan->spec->process.preserve_fds;
	int copies[5] = {setup->context->stdio[0], setup->context->stdio[1],
			 setup->context->stdio[2], setup->exec_write, setup->go_read};

	/* First out of the way of every place, then into place. */
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		copies[i] = fcntl(copies[i], F_DUPFD_CLOEXEC, limit + 2);
		if (copies[i] < 0)
			return error_set(err, errno, "cannot arrange file descriptors");
	}
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(copies[fd], fd) < 0)
			return error_set(err, errno, "cannot arrange file descriptors");
	if (move_fd(&copies[3], limit) < 0 || move_fd(&copies[4], limit + 1) < 0)
		return error_set(err, errno, "cannot arrange file descriptors");
	setup->exec_write = limit;
	setup->go_read = limit + 1;
	setup->exec_read = setup->go_write = -EBADF;
	child_close_from(limit + 2);
	return 0;
}

int child_wait_go(const struct ns_setup *setup, char expected, struct error *err)
{
	char byte = 0;
	ssize_t n;

	do
		n = read(setup->go_read, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1 && byte == expected)
		return 0;
	return error_set(err, ESRCH, "the monitor gave up");
}

static int take_ids(const struct ns_setup *setup, struct error *err)
{
	const struct plan *plan = setup->plan;
	int result;

	if (!(plan->clone_flags & CLONE_NEWUSER))
		return 0;
	if (setup->child_maps_itself)
		return ids_map_self(plan, err);
	result = child_wait_go(setup, GO_IDS_MAPPED, err);
	if (result < 0)
		return result;
	/* When our own id isn't in the ranges we are nobody: files we make would be nobody's. */
	if (ids_uid_mapped(plan, 0) && getuid() != 0 &&
	    (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return error_set(err, errno, "cannot become root of the user namespace");
	return 0;
}

static int set_up_namespaces(const struct ns_setup *setup, struct error *err)
{
	const struct plan *plan = setup->plan;
	int result;

	if (plan->clone_flags & CLONE_NEWTIME && unshare(CLONE_NEWTIME) < 0)
		return error_set(err, errno, "cannot create a time namespace");
	if (plan->clone_flags & CLONE_NEWUTS && plan->hostname &&
	    sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return error_set(err, errno, "cannot set the hostname '%s'", plan->hostname);
	if (plan->clone_flags & CLONE_NEWNET) {
		result = net_loopback_up();
		if (result < 0)
			return error_set(err, -result, "cannot bring the guest's loopback up");
	}
	return 0;
}

/* The mount namespace and all that lies before the command. */
static int set_up(struct ns_setup *setup, int *ret_root, int *ret_host_proc, struct error *err)
{
	int result;

	result = die_with_monitor(setup, err);
	if (!result)
		result = arrange_fds(setup, err);
	if (!result)
		result = take_ids(setup, err);
	if (!result)
		result = set_up_namespaces(setup, err);
	if (result < 0)
		return result;
	/* A session of its own: what the user types goes to the monitor, once. */
	setsid();
	umask(022);
	/* The init must not be open to the guest, /proc/1/exe of it least. execve ends this. */
	prctl(PR_SET_DUMPABLE, 0);
	if (!(setup->plan->clone_flags & CLONE_NEWPID)) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		*ret_host_proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return root_enter(setup, ret_root, err);
}

/* Returns only on failure. */
static int run_under_init(struct ns_setup *setup, int root, int host_proc, struct error *err)
{
	pid_t command;

	init_prepare();
	/* The command borrows our memory until it executes or ends, which is sooner than copying it
	 * would be. It returns to nobody, and what it writes is for the monitor. */
	command = vfork();
	/* A new time namespace: the kernel refuses to share memory before Linux 6.3. */
	if (command < 0 && errno == EINVAL)
		command = fork();
	if (command == 0)
		command_run(setup, root);
	if (command > 0)
		init_run(setup, command, host_proc);
	return error_set(err, errno, "cannot start a process for the command");
}

_Noreturn void child_main(struct ns_setup *setup)
{
	struct error *err = &setup->shared->error;
	int root = -EBADF, host_proc = -EBADF;
	int result = set_up(setup, &root, &host_proc, err);

	if (!result && !setup_has_init(setup->plan))
		command_run(setup, root);
	if (!result)
		run_under_init(setup, root, host_proc, err);
	atomic_store(&setup->shared->failed, true);
	_exit(EXIT_AMPHORA);
}
