// SPDX-License-Identifier: Apache-2.0
/* The namespace backend: the parent's side.
 *
 * Theory of operation
 *
 *   monitor (this file)                      child: in every namespace of the plan from birth
 *     clone(plan->clone_flags) ------------->  waits for its ids, or maps them itself
 *     writes id maps             --'i'-->      mounts, pivot_root                    root.c
 *     compiles the seccomp profile --'p'-->    forks: init stays, command goes on    init.c
 *     reads `exec` until end of file <------   drops privileges, executes            command.c
 *
 * One clone makes all namespaces, so a user namespace owns the others. The profile is compiled
 * while the child mounts: on two CPUs it costs nothing. End of file on the exec pipe means that the
 * command runs; a failure on the way lies in memory shared with the child.
 *
 * The child dies with us (PR_SET_PDEATHSIG), and all others die with the child: it is PID 1 of a PID
 * namespace or, where there is none, a subreaper that sweeps (init.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "ns_backend/leftovers.h"
#include "ns_backend/setup.h"

/* Not for clone(2), whose low byte is the exit signal: the child unshares it. */
#define CLONE_FLAGS_LATER CLONE_NEWTIME

struct container {
	struct ns_shared *shared;
	pid_t pid; /* the child: the guest's PID 1, or the init above it */
	bool has_init;
	int rootfs_lock;
	char *rootfs;
	pthread_mutex_t lock; /* guards `ended` against signal() from other threads */
	bool ended;	      /* reaped: pid may name another process */
};

static void reap(struct container *container, int *ret_status)
{
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, (id_t)container->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&container->lock);
	while (waitpid(container->pid, &status, 0) < 0 && errno == EINTR)
		;
	container->ended = true;
	pthread_mutex_unlock(&container->lock);
	if (ret_status)
		*ret_status = status;
}

static int container_destroy(struct container *container)
{
	if (container->pid > 0 && !container->ended) {
		kill(container->pid, SIGKILL);
		reap(container, NULL);
	}
	leftovers_remove(container->shared, container->rootfs, container->rootfs_lock);
	if (container->rootfs_lock >= 0)
		close(container->rootfs_lock);
	munmap(container->shared, sizeof(*container->shared));
	pthread_mutex_destroy(&container->lock);
	return 0;
}

static struct container *container_new(void *parent, const struct plan *plan)
{
	struct container *container = talloc_zero(parent, struct container);

	if (!container)
		return NULL;
	container->shared = mmap(NULL, sizeof(*container->shared), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (container->shared == MAP_FAILED) {
		talloc_free(container);
		return NULL;
	}
	pthread_mutex_init(&container->lock, NULL);
	container->rootfs = talloc_strdup(container, plan->rootfs);
	container->rootfs_lock = -EBADF;
	if (plan->layer != MECHANISM_KERNEL_OVERLAY)
		container->rootfs_lock = leftovers_lock(plan->rootfs);
	talloc_set_destructor(container, container_destroy);
	return container;
}

/* The child's ids and filter; it waits for each. */
static int help_child(const struct ns_setup *setup, pid_t child, struct error *err)
{
	const struct plan *plan = setup->plan;
	int result;

	if ((plan->clone_flags & CLONE_NEWUSER) && !setup->child_maps_itself) {
		result = ids_map_child(plan, child, err);
		if (result < 0)
			return result;
		if (write(setup->go_write, &(char){GO_IDS_MAPPED}, 1) != 1)
			return 0; /* it is gone, and says why */
	}
	if (plan->seccomp_profile) {
		setup->shared->profile_result =
			seccomp_profile_compile(plan->capabilities, &setup->shared->profile);
		if (write(setup->go_write, &(char){GO_PROFILE_READY}, 1) != 1)
			return 0;
	}
	return 0;
}

/* Until the command runs or the child has said why it doesn't. */
static int await_exec(const struct ns_setup *setup, struct error *err)
{
	char byte;

	while (read(setup->exec_read, &byte, 1) < 0 && errno == EINTR)
		;
	if (!atomic_load(&setup->shared->failed))
		return 0;
	if (err)
		*err = setup->shared->error;
	return -(setup->shared->error.code ? setup->shared->error.code : EIO);
}

static pid_t clone_child(const struct plan *plan)
{
	unsigned long flags = (unsigned long)(plan->clone_flags & ~(uint64_t)CLONE_FLAGS_LATER);

	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, NULL, NULL, 0);
}

static int start_child(struct container *container, struct ns_setup *setup, struct error *err)
{
	int result;

	container->pid = clone_child(setup->plan);
	if (container->pid < 0) {
		error_set(err, errno, "cannot create the namespaces");
		error_hint(err, "amphora probe --fresh shows which work here");
		return err ? -err->code : -EPERM;
	}
	if (container->pid == 0)
		child_main(setup);
	close(steal_fd(&setup->exec_write));
	close(steal_fd(&setup->go_read));
	result = help_child(setup, container->pid, err);
	return result < 0 ? result : await_exec(setup, err);
}

static int open_pipes(struct ns_setup *setup, struct error *err)
{
	int exec[2], go[2];

	if (pipe2(exec, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	setup->exec_read = exec[0];
	setup->exec_write = exec[1];
	if (pipe2(go, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	setup->go_read = go[0];
	setup->go_write = go[1];
	return 0;
}

static int ns_start(void *parent, const struct backend_context *context,
		    struct container **ret_container, struct error *err)
{
	struct ns_setup setup = {.context = context,
				 .plan = context->plan,
				 .exec_read = -EBADF,
				 .exec_write = -EBADF,
				 .go_read = -EBADF,
				 .go_write = -EBADF,
				 .child_maps_itself = ids_child_maps_itself(context->plan)};
	const int *pipes[] = {&setup.exec_read, &setup.exec_write, &setup.go_read, &setup.go_write};
	struct container *container = container_new(parent, context->plan);
	int result;

	if (!container)
		return error_set(err, ENOMEM, "cannot start the container");
	setup.shared = container->shared;
	container->has_init = setup_has_init(context->plan);
	result = open_pipes(&setup, err);
	if (!result)
		result = start_child(container, &setup, err);
	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++)
		if (*pipes[i] >= 0)
			close(*pipes[i]);
	if (result < 0) {
		talloc_free(container);
		return result;
	}
	*ret_container = container;
	return 0;
}

static int ns_wait(struct container *container, int *ret_wait_status, struct error *err)
{
	(void)err;
	reap(container, ret_wait_status);
	/* An init that was killed has no more to say than its own status. */
	if (container->has_init && atomic_load(&container->shared->command_ended))
		*ret_wait_status = container->shared->wait_status;
	return 0;
}

static int ns_signal(struct container *container, int signal)
{
	int result = -ESRCH;

	/* The init can't be stopped for its command: it takes SIGTSTP for that. */
	if (container->has_init && signal == SIGSTOP)
		signal = SIGTSTP;
	pthread_mutex_lock(&container->lock);
	if (!container->ended)
		result = kill(container->pid, signal) < 0 ? -errno : 0;
	pthread_mutex_unlock(&container->lock);
	return result;
}

static pid_t ns_pid(const struct container *container)
{
	return container->pid;
}

const struct backend ns_backend = {
	.name = "ns",
	.start = ns_start,
	.wait = ns_wait,
	.signal = ns_signal,
	.pid = ns_pid,
};
