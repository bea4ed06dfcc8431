// SPDX-License-Identifier: Apache-2.0
/* The life of the namespaces that guests make, and the files that stand for them.
 *
 * Theory of operation
 *
 * The kernel makes none of them: the flags are taken out of clone, clone3 and unshare. What a kind
 * changes is read through the thread: tracee_table() for mounts, user_ns.c for ids, uname for names; a
 * network namespace is one in which only unix sockets can be made. The other kinds are objects that
 * differ from each other and change nothing.
 *
 *   namespaces_make() --call succeeds--> namespaces_adopt() by the thread (unshare) or its child (clone)
 *
 * /proc/PID/ns/KIND leads to a file below the view directory, one a namespace, made when it is first
 * looked at: its inode number tells namespaces apart, and setns() finds the object by the file's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracee.h"

#define CAPABILITY_SYS_ADMIN 21

static const struct {
	const char *name; /* below /proc/PID/ns */
	uint64_t flag;
} kinds[NAMESPACE_KINDS] = {
	[NAMESPACE_USER] = { "user", CLONE_NEWUSER }, [NAMESPACE_MOUNT] = { "mnt", CLONE_NEWNS },
	[NAMESPACE_UTS] = { "uts", CLONE_NEWUTS },    [NAMESPACE_IPC] = { "ipc", CLONE_NEWIPC },
	[NAMESPACE_PID] = { "pid", CLONE_NEWPID },    [NAMESPACE_NET] = { "net", CLONE_NEWNET },
	[NAMESPACE_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
};

unsigned namespaces_of_flags(uint64_t clone_flags)
{
	unsigned bits = 0;

	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (clone_flags & kinds[kind].flag)
			bits |= 1u << kind;
	return bits;
}

unsigned namespaces_of_name(const char *name)
{
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (!strcmp(name, kinds[kind].name))
			return 1u << kind;
	return 0;
}

/* Objects */

static struct guest_namespace *hold(struct guest_namespace *namespace)
{
	if (namespace)
		namespace->references++;
	return namespace;
}

static int file_name(const struct tracer *tracer, const struct guest_namespace *namespace,
		     char *path, size_t size)
{
	return snprintf(path, size, "%s/ns/%s-%llu", tracer->view_directory,
			kinds[namespace->kind].name, (unsigned long long)namespace->id);
}

static void drop(struct tracer *tracer, struct guest_namespace *namespace)
{
	struct guest_namespace **at = &tracer->namespaces, *owner;
	char path[PATH_SIZE];

	if (!namespace || --namespace->references > 0)
		return;
	while (*at && *at != namespace)
		at = &(*at)->next;
	if (*at)
		*at = namespace->next;
	tracer->namespace_count--;
	if (namespace->kind == NAMESPACE_MOUNT)
		tracer->mount_namespace_count--;
	if (namespace->kind == NAMESPACE_USER)
		user_ns_free(namespace);
	if (namespace->kind == NAMESPACE_IPC)
		ipc_space_free(namespace->ipc);
	if (namespace->has_file && file_name(tracer, namespace, path, sizeof(path)) < PATH_SIZE)
		unlink(path);
	owner = namespace->owner;
	if (namespace->kind == NAMESPACE_MOUNT) {
		talloc_free(namespace);
		guest_tmpfs_collect(tracer);
	} else {
		talloc_free(namespace);
	}
	drop(tracer, owner);
}

static bool make_payload(struct guest_namespace *namespace)
{
	switch (namespace->kind) {
	case NAMESPACE_MOUNT:
		namespace->mounts = talloc(namespace, struct mount_table);
		if (namespace->mounts)
			namespace->mounts->table = talloc(namespace->mounts, struct path_table);
		if (!namespace->mounts || !namespace->mounts->table)
			return false;
		namespace->mounts->table->mount_count = 0;
		return true;
	case NAMESPACE_UTS:
		namespace->uts = talloc_zero(namespace, struct uts_names);
		return namespace->uts;
	case NAMESPACE_USER:
		namespace->user = talloc_zero(namespace, struct user_maps);
		return namespace->user;
	default:
		return true;
	}
}

static int make_one(struct tracee *tracee, enum namespace_kind kind, struct guest_namespace *owner,
		    struct guest_namespace **ret_namespace)
{
	struct tracer *tracer = tracee->tracer;
	struct guest_namespace *namespace;

	if (tracer->namespace_count >= NAMESPACES_MAX ||
	    (kind == NAMESPACE_MOUNT && tracer->mount_namespace_count >= MOUNT_NAMESPACES_MAX))
		return -ENOSPC;
	if (kind == NAMESPACE_USER && owner && owner->user->depth >= USER_NAMESPACE_DEPTH)
		return -ENOSPC;
	namespace = talloc_zero(tracer, struct guest_namespace);
	if (!namespace)
		return -ENOMEM;
	namespace->kind = kind;
	if (!make_payload(namespace)) {
		talloc_free(namespace);
		return -ENOMEM;
	}
	namespace->id = ++tracer->namespace_serial;
	namespace->references = 1;
	namespace->owner = hold(owner);
	if (kind == NAMESPACE_USER) {
		namespace->user->depth = owner ? owner->user->depth + 1 : 1;
		namespace->user->owner = tracee->credentials.euid;
		namespace->user->setgroups_denied = owner && owner->user->setgroups_denied;
	}
	namespace->next = tracer->namespaces;
	tracer->namespaces = namespace;
	tracer->namespace_count++;
	tracer->mount_namespace_count += kind == NAMESPACE_MOUNT;
	*ret_namespace = namespace;
	return 0;
}

/* Said once: the container's log shows why something isn't isolated. */
static void say_what_is_not_isolated(struct tracer *tracer, unsigned asked)
{
	unsigned empty = asked & (1u << NAMESPACE_IPC | 1u << NAMESPACE_PID | 1u << NAMESPACE_CGROUP);

	if (!(empty & ~tracer->namespaces_said))
		return;
	tracer->namespaces_said |= empty;
	log_debug("a guest's own ipc, pid and cgroup namespaces isolate nothing");
}

int namespaces_make(struct tracee *tracee, uint64_t clone_flags)
{
	struct guest_namespaces *made = &tracee->made;
	struct guest_namespace *user = tracee->namespaces.in[NAMESPACE_USER];
	unsigned asked = namespaces_of_flags(clone_flags);
	int error = 0;

	namespaces_release(tracee, made);
	if ((asked & 1u << NAMESPACE_USER) && !tracee->tracer->fake_ids)
		return -EPERM; /* ids are the kernel's: no other can be shown */
	if ((asked & 1u << NAMESPACE_USER) &&
	    !user_ns_maps(tracee, tracee->credentials.euid, tracee->credentials.egid))
		return -EPERM;
	if (!(asked & 1u << NAMESPACE_USER) && !namespaces_capable(tracee, user, CAPABILITY_SYS_ADMIN))
		return -EPERM;
	for (unsigned kind = 0; kind < NAMESPACE_KINDS && !error; kind++) {
		if (!(asked & 1u << kind))
			continue;
		error = make_one(tracee, kind, user, &made->in[kind]);
		if (!error && kind == NAMESPACE_USER)
			user = made->in[kind];
	}
	if (error)
		namespaces_release(tracee, made);
	else
		say_what_is_not_isolated(tracee->tracer, asked);
	return error;
}

/* Threads */

void namespaces_enter(struct tracee *tracee, enum namespace_kind kind,
		      struct guest_namespace *namespace)
{
	struct guest_namespace *before = tracee->namespaces.in[kind];

	if (kind == NAMESPACE_IPC && before != namespace)
		ipc_leave(tracee);
	tracee->namespaces.in[kind] = hold(namespace);
	drop(tracee->tracer, before);
}

void namespaces_set_children_pid(struct tracee *tracee, struct guest_namespace *namespace)
{
	struct guest_namespace *before = tracee->namespaces.pid_for_children;

	tracee->namespaces.pid_for_children = hold(namespace);
	drop(tracee->tracer, before);
}

struct uts_names *namespaces_uts(const struct tracee *tracee)
{
	struct guest_namespace *uts = tracee->namespaces.in[NAMESPACE_UTS];

	return uts ? uts->uts : &tracee->tracer->names_set;
}

static void fill(struct tracee *tracee, struct guest_namespace *namespace)
{
	if (namespace->kind == NAMESPACE_MOUNT)
		mount_table_copy(tracee, namespace->mounts, tracee_mounts(tracee),
				 namespace->owner != namespace_owner(tracee, NAMESPACE_MOUNT));
	else if (namespace->kind == NAMESPACE_UTS)
		*namespace->uts = *namespaces_uts(tracee);
}

void namespaces_adopt(struct tracee *tracee, struct guest_namespaces *made, bool child)
{
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++) {
		struct guest_namespace *namespace = made->in[kind];

		if (!namespace)
			continue;
		made->in[kind] = NULL;
		fill(tracee, namespace);
		if (kind != NAMESPACE_PID || child)
			namespaces_enter(tracee, kind, namespace);
		if (kind == NAMESPACE_USER)
			user_ns_credentials(tracee);
		if (kind == NAMESPACE_PID)
			namespaces_set_children_pid(tracee, namespace);
		drop(tracee->tracer, namespace); /* made's reference */
	}
}

void namespaces_inherit(struct tracee *child, const struct tracee *parent)
{
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++)
		namespaces_enter(child, kind, parent->namespaces.in[kind]);
	namespaces_enter(child, NAMESPACE_PID, parent->namespaces.pid_for_children);
	namespaces_set_children_pid(child, parent->namespaces.pid_for_children);
}

void namespaces_release(struct tracee *tracee, struct guest_namespaces *namespaces)
{
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++) {
		drop(tracee->tracer, namespaces->in[kind]);
		namespaces->in[kind] = NULL;
	}
	drop(tracee->tracer, namespaces->pid_for_children);
	namespaces->pid_for_children = NULL;
}

/* Rights */

const struct guest_namespace *namespace_owner(const struct tracee *tracee, enum namespace_kind kind)
{
	const struct guest_namespace *namespace = tracee->namespaces.in[kind];

	return namespace ? namespace->owner : NULL;
}

bool user_ns_contains(const struct guest_namespace *outer, const struct guest_namespace *inner)
{
	while (inner && inner != outer)
		inner = inner->owner;
	return inner == outer;
}

static bool is_real_root(const struct tracee *tracee)
{
	struct process_status status;

	return process_status(tracee->tid, &status) == 0 && status.users[PROCESS_EFFECTIVE] == 0;
}

/* cap_capable() of the kernel. */
bool namespaces_capable(const struct tracee *tracee, const struct guest_namespace *owner,
			unsigned capability)
{
	const struct guest_namespace *own = tracee->namespaces.in[NAMESPACE_USER];

	if (!tracee->tracer->fake_ids)
		return tracee->tracer->plan->capabilities >> capability & 1 && is_real_root(tracee);
	for (; owner != own; owner = owner->owner) {
		if (!owner)
			return false;
		if (owner->owner == own && owner->user->owner == tracee->credentials.euid)
			return true;
	}
	return credentials_capable(&tracee->credentials, capability);
}

/* Files */

/* The kind that follows "/proc/PID/ns/" or "/proc/PID/task/TID/ns/", and the process; false for another
 * path. */
static bool parse_link(const char *host, pid_t *ret_pid, const char **ret_name)
{
	int pid, thread, used = 0;

	if (sscanf(host, "/proc/%d/task/%d/ns/%n", &pid, &thread, &used) == 2 && used)
		pid = thread;
	else if (sscanf(host, "/proc/%d/ns/%n", &pid, &used) != 1 || !used)
		return false;
	*ret_pid = pid;
	*ret_name = host + used;
	return true;
}

static struct guest_namespace *behind_link(struct tracer *tracer, const char *host)
{
	const struct tracee *subject;
	const char *name;
	pid_t pid;

	if (!parse_link(host, &pid, &name))
		return NULL;
	subject = tracer_find(tracer, pid);
	if (!subject)
		return NULL;
	if (!strcmp(name, "pid_for_children"))
		return subject->namespaces.pid_for_children;
	for (unsigned kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (!strcmp(name, kinds[kind].name))
			return subject->namespaces.in[kind];
	return NULL;
}

static bool make_file(struct tracer *tracer, struct guest_namespace *namespace, char *path,
		      size_t size)
{
	_cleanup_close_ int fd = -EBADF;

	if (file_name(tracer, namespace, path, size) >= (int)size)
		return false;
	if (namespace->has_file)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd < 0 || fchmod(fd, 0444) < 0)
		return false;
	namespace->has_file = true;
	return true;
}

void namespaces_redirect(struct tracee *tracee, struct path_result *result)
{
	struct guest_namespace *namespace = behind_link(tracee->tracer, result->host);
	char path[PATH_SIZE];

	if (!namespace || !make_file(tracee->tracer, namespace, path, sizeof(path)))
		return;
	result->host_length = (uint32_t)strlen(path);
	memcpy(result->host, path, result->host_length + 1);
	result->flags &= ~(uint32_t)PATH_RESULT_MAGIC;
}

bool namespaces_find_file(const struct tracer *tracer, const char *host,
			  struct guest_namespace **ret_namespace)
{
	char path[PATH_SIZE];

	for (struct guest_namespace *at = tracer->namespaces; at; at = at->next)
		if (at->has_file && file_name(tracer, at, path, sizeof(path)) < PATH_SIZE &&
		    !strcmp(path, host)) {
			*ret_namespace = at;
			return true;
		}
	return false;
}

int namespaces_link_text(struct tracee *tracee, const char *host, char *text, size_t size)
{
	struct guest_namespace *namespace = behind_link(tracee->tracer, host);
	char path[PATH_SIZE];
	struct stat status;
	ssize_t n;

	if (!tracee->tracer->namespaces)
		return 0;
	if (!namespace) {
		n = readlink(host, path, sizeof(path) - 1);
		if (n < 0)
			return 0;
		path[n] = '\0';
		if (!namespaces_find_file(tracee->tracer, path, &namespace))
			return 0;
	} else if (!make_file(tracee->tracer, namespace, path, sizeof(path))) {
		return 0;
	}
	if (stat(path, &status) < 0)
		return 0;
	return snprintf(text, size, "%s:[%llu]", kinds[namespace->kind].name,
			(unsigned long long)status.st_ino);
}
