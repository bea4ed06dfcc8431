// SPDX-License-Identifier: Apache-2.0
/* clone, clone3, unshare and setns: the namespaces they ask for are emulated (namespaces.c). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/netlink_route.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/sysvipc.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL /* Linux 5.7 */
#endif
#define CLONE_NEW_ANY                                                                        \
	((uint64_t)CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
	 CLONE_NEWNET | CLONE_NEWCGROUP)
#define CAPABILITY_SYS_CHROOT 18
#define CAPABILITY_SYS_ADMIN  21

/* What the kernel refuses whoever asks (kernel/fork.c: copy_process). */
static int check_clone_flags(uint64_t flags)
{
	if ((flags & CLONE_FS) && (flags & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((flags & (CLONE_THREAD | CLONE_PARENT)) && (flags & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	return (flags & CLONE_SYSVSEM) && (flags & CLONE_NEWIPC) ? -EINVAL : 0;
}

static void after_clone(struct tracee *tracee)
{
	tracee->clone_flags = 0;
	namespaces_release(tracee, &tracee->made);
	tracee_restore_arguments(tracee);
}

enum verdict handle_clone(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t flags = (uint32_t)tracee_argument(tracee, 0);
	int error = check_clone_flags(flags);

	(void)row;
	if (!error && (flags & CLONE_NEW_ANY))
		error = namespaces_make(tracee, flags);
	if (error)
		return tracee_answer(tracee, error);
	tracee->clone_flags = flags & ~(CLONE_NEW_ANY | CLONE_UNTRACED);
	tracee_set_argument(tracee, 0, tracee->clone_flags);
	tracee->on_exit = after_clone;
	return VERDICT_EXIT;
}

/* struct clone_args: the flags come first, the rest is passed as it is. */
#define CLONE_ARGS_MIN 64  /* CLONE_ARGS_SIZE_VER0 */
#define CLONE_ARGS_MAX 128 /* more than any kernel knows: E2BIG from an older one */

enum verdict handle_clone3(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t arguments[CLONE_ARGS_MAX / 8], address;
	uint64_t size = tracee_argument(tracee, 1), asked;
	int error;

	(void)row;
	if (size > CLONE_ARGS_MAX)
		return tracee_answer(tracee, -E2BIG);
	if (size < CLONE_ARGS_MIN)
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, tracee_argument(tracee, 0), arguments, size) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (arguments[0] & CLONE_NEWTIME) /* as a kernel without time namespaces */
		return tracee_answer(tracee, -EINVAL);
	if (arguments[0] & CLONE_INTO_CGROUP)
		return tracee_answer(tracee, -EPERM);
	error = check_clone_flags(arguments[0]);
	if (!error && (arguments[0] & CLONE_NEW_ANY))
		error = namespaces_make(tracee, arguments[0]);
	if (error)
		return tracee_answer(tracee, error);
	asked = arguments[0];
	arguments[0] &= ~(CLONE_NEW_ANY | CLONE_UNTRACED);
	error = tracee_put(tracee, arguments, size, &address);
	if (error)
		return tracee_answer(tracee, error);
	tracee_set_argument(tracee, 0, address);
	tracee->clone_flags = arguments[0];
	if (!(asked & (CLONE_NEW_ANY | CLONE_PARENT)))
		return VERDICT_CONTINUE;
	tracee->on_exit = after_clone;
	return VERDICT_EXIT;
}

/* unshare */

#define UNSHARE_REAL  ((uint64_t)CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM)

static bool is_multithreaded(const struct tracee *tracee)
{
	const struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at != tracee && at->tgid == tracee->tgid)
				return true;
	return false;
}

static void after_unshare(struct tracee *tracee)
{
	uint64_t asked = tracee->entry_arguments[0];
	bool fs = asked & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER);

	tracee_restore_arguments(tracee);
	if (tracee_result(tracee) == 0) {
		if (fs)
			tracee_unshare_fs(tracee);
		if (fs && tracee->fs->references > 1)
			tracee_set_result(tracee, -ENOMEM);
		else if (asked & CLONE_NEW_ANY)
			namespaces_adopt(tracee, &tracee->made, false);
		if (asked & CLONE_SYSVSEM)
			ipc_leave(tracee);
	}
	namespaces_release(tracee, &tracee->made);
}

enum verdict handle_unshare(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t flags = tracee_argument(tracee, 0), real = flags & ~CLONE_NEW_ANY;
	int error = 0;

	(void)row;
	if (flags & ~(CLONE_NEW_ANY | UNSHARE_REAL))
		return tracee_answer(tracee, -EINVAL);
	if ((flags & CLONE_NEWUSER) && is_multithreaded(tracee))
		return tracee_answer(tracee, -EINVAL);
	if (flags & CLONE_NEW_ANY)
		error = namespaces_make(tracee, flags);
	if (error)
		return tracee_answer(tracee, error);
	if (flags & (CLONE_NEWNS | CLONE_NEWUSER))
		real |= CLONE_FS;
	tracee_set_argument(tracee, 0, real);
	tracee->on_exit = after_unshare;
	return VERDICT_EXIT;
}

/* A network namespace of a guest's making has no network: as with --network none only unix sockets can be
 * made, and route sockets that lead nowhere. Sockets that are there stay. */
enum verdict handle_socket(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict;

	(void)row;
	if (tracee->tracer->deny_network)
		return tracee_answer(tracee, -EACCES);
	if (netlink_socket(tracee, &verdict))
		return verdict;
	return tracee->namespaces.in[NAMESPACE_NET] ? tracee_answer(tracee, -EACCES) :
						       VERDICT_CONTINUE;
}

/* setns */

/* What setns(fd) asks for: the namespace of one kind, or those of a process. */
struct target {
	unsigned kinds; /* bits */
	struct guest_namespace *in[NAMESPACE_KINDS];
};

static int find_target(struct tracee *tracee, int fd, uint64_t type, struct target *target)
{
	char link[64], host[PATH_SIZE], name[32];
	struct guest_namespace *namespace;
	const struct tracee *subject;
	unsigned long long inode;
	ssize_t n;
	pid_t pid;

	tracee_fd_host(tracee, fd, link, sizeof(link));
	n = fd < 0 ? -1 : readlink(link, host, sizeof(host) - 1);
	if (n < 0)
		return -EBADF;
	host[n] = '\0';
	if (namespaces_find_file(tracee->tracer, host, &namespace)) {
		target->kinds = 1u << namespace->kind;
		target->in[namespace->kind] = namespace;
	} else if (sscanf(host, "%31[a-z]:[%llu]", name, &inode) == 2 && strcmp(name, "pipe") != 0 &&
		   strcmp(name, "socket") != 0) {
		target->kinds = namespaces_of_name(name); /* the container's own */
	} else {
		pid = guest_pidfd_process(tracee, fd);
		subject = pid > 0 ? tracer_find(tracee->tracer, pid) : NULL;
		if (!subject)
			return pid ? -ESRCH : -EINVAL;
		target->kinds = namespaces_of_flags(type);
		memcpy(target->in, subject->namespaces.in, sizeof(target->in));
		return target->kinds && !(type & ~CLONE_NEW_ANY) ? 0 : -EINVAL;
	}
	return target->kinds && (!type || target->kinds == namespaces_of_flags(type)) ? 0 : -EINVAL;
}

static int check_target(const struct tracee *tracee, const struct target *target)
{
	const struct guest_namespace *user = tracee->namespaces.in[NAMESPACE_USER];
	bool enters_user = target->kinds & 1u << NAMESPACE_USER;

	if (enters_user) {
		if (user == target->in[NAMESPACE_USER] || is_multithreaded(tracee) ||
		    tracee->fs->references > 1)
			return -EINVAL;
		user = target->in[NAMESPACE_USER];
		if (!namespaces_capable(tracee, user, CAPABILITY_SYS_ADMIN))
			return -EPERM;
	} else if (!namespaces_capable(tracee, user, CAPABILITY_SYS_ADMIN)) {
		return -EPERM;
	}
	for (unsigned kind = NAMESPACE_USER + 1; kind < NAMESPACE_KINDS; kind++) {
		const struct guest_namespace *owner = target->in[kind] ? target->in[kind]->owner : NULL;

		if (!(target->kinds & 1u << kind))
			continue;
		if (!(enters_user && owner == user) &&
		    !namespaces_capable(tracee, owner, CAPABILITY_SYS_ADMIN))
			return -EPERM;
		if (kind == NAMESPACE_MOUNT && tracee->fs->references > 1)
			return -EINVAL;
	}
	return 0;
}

static void enter_all(struct tracee *tracee, const struct target *target)
{
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++) {
		if (!(target->kinds & 1u << kind))
			continue;
		if (kind == NAMESPACE_PID) {
			namespaces_set_children_pid(tracee, target->in[kind]);
			continue;
		}
		namespaces_enter(tracee, kind, target->in[kind]);
		if (kind == NAMESPACE_USER)
			user_ns_credentials(tracee);
		if (kind == NAMESPACE_MOUNT) {
			path_table_root(tracee_table(tracee), &tracee->fs->root);
			tracee->fs->cwd_mount = tracee->fs->root.mount;
		}
	}
}

static void after_setns(struct tracee *tracee)
{
	tracee_restore_arguments(tracee);
	tracee_set_result(tracee, 0);
}

/* With a mount namespace the process goes to its root: the call becomes that chdir. */
enum verdict handle_setns(struct tracee *tracee, const struct syscall_row *row)
{
	struct target target = { 0 };
	char host[PATH_SIZE];
	uint64_t address;
	int error = find_target(tracee, (int)tracee_argument(tracee, 0),
				(uint32_t)tracee_argument(tracee, 1), &target);

	(void)row;
	if (!error)
		error = check_target(tracee, &target);
	if (error)
		return tracee_answer(tracee, error);
	enter_all(tracee, &target);
	if (!(target.kinds & 1u << NAMESPACE_MOUNT))
		return tracee_answer(tracee, 0);
	if (path_to_host(tracee_table(tracee), &tracee->fs->root, host, sizeof(host)) < 0 ||
	    tracee_put(tracee, host, strlen(host) + 1, &address) < 0)
		return tracee_answer(tracee, 0);
	tracee_set_number(tracee, SYS_chdir);
	tracee_set_argument(tracee, 0, address);
	tracee->on_exit = after_setns;
	return VERDICT_EXIT;
}
