// SPDX-License-Identifier: Apache-2.0
/* The life of one container, from a plan to an exit code.
 *
 * Theory of operation
 *
 *   claim the name -> who is the user -> environment -> terminal -> backend->start
 *     -> [signal thread] [terminal thread]   backend->wait   -> drain, restore, remove state
 *
 * start() and wait() run on the calling thread, which a ptrace backend needs; the other two threads
 * exist only between them, so that a backend forks from a process of one thread. What the guest
 * inherits of signal masks and dispositions is the backend's duty: it resets both before exec.
 *
 * Everything is a talloc child of one context, and destructors put back what they changed; only the
 * state directory is removed by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/monitor/backend.h"
#include "core/monitor/monitor.h"
#include "core/monitor/signals.h"
#include "core/monitor/state.h"
#include "core/monitor/terminal.h"
#include "core/monitor/user.h"
#include "core/store/store.h"

struct monitor {
	const struct backend *backend;
	struct state *state;
	struct signals *signals;
	struct terminal *terminal;
	int null_fd;
	/* The plan with the environment completed: the caller's is const. */
	struct spec spec;
	struct plan plan;
	struct backend_context context;
	struct container *container;
};

static int monitor_destroy(struct monitor *monitor)
{
	if (monitor->null_fd >= 0)
		close(monitor->null_fd);
	return 0;
}

static int choose_backend(const struct plan *plan, const struct backend **ret_backend,
			  struct error *err)
{
	const struct backend *backend = NULL;

	if (plan->backend == PLAN_BACKEND_NS)
		backend = &ns_backend;
	else if (plan->backend == PLAN_BACKEND_PTRACE)
		backend = &ptrace_backend;
	if (!backend)
		return error_plain(err, "the plan names no backend that this build has");
	*ret_backend = backend;
	return 0;
}

/* Closed standard fds would be taken by the first files opened, and then shown to the guest. */
static int ensure_standard_fds(struct error *err)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return error_set(err, EBADF, "cannot put /dev/null in place of closed fd %d",
					 fd);
	return 0;
}

/* --preserve-fds N promises fds 3..N+2: they must be the caller's own (ours are close-on-exec). */
static int check_preserved_fds(unsigned count, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		int flags = fcntl((int)(3 + i), F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC))
			continue;
		error_plain(err, "--preserve-fds %u: fd %u is not open", count, 3 + i);
		error_hint(err, "Redirect it in the shell, as in: amphora run ... 3<file");
		return -EINVAL;
	}
	return 0;
}

static const char *container_name(void *parent, const struct plan *plan)
{
	unsigned char bytes[6] = {0};

	if (plan->spec->name)
		return plan->spec->name;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return talloc_asprintf(parent, "amphora-%d", (int)getpid());
	return talloc_asprintf(parent, "%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
			       bytes[3], bytes[4], bytes[5]);
}

static bool has_variable(const struct spec_process *process, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < process->env_count; i++)
		if (!strncmp(process->env[i], name, length) && process->env[i][length] == '=')
			return true;
	return false;
}

static int complete_environment(struct monitor *monitor, const char *home, struct error *err)
{
	struct spec_process *process = &monitor->spec.process;
	const char **env = talloc_array(monitor, const char *, process->env_count + 3);
	size_t count = process->env_count;

	if (!env)
		return error_set(err, ENOMEM, "cannot build the environment");
	if (count)
		memcpy(env, process->env, count * sizeof(*env));
	if (!has_variable(process, "HOME"))
		env[count++] = talloc_asprintf(env, "HOME=%s", home);
	if (process->terminal && !has_variable(process, "TERM"))
		env[count++] = "TERM=xterm";
	env[count] = NULL;
	process->env = env;
	process->env_count = count;
	return 0;
}

/* Ids that aren't an account of the guest's. */
static int find_ids(struct monitor *monitor, struct error *err)
{
	struct backend_context *context = &monitor->context;
	const char *text = monitor->spec.process.user;
	struct user_request request = {.uid = geteuid(), .gid = getegid()};
	int result = 0;

	if (monitor->spec.ids == IDS_CHANGED)
		result = user_request_parse(monitor, text ? text : "0:0", &request, err);
	context->uid = request.uid;
	context->gid = request.gid;
	context->home = "/";
	return result;
}

static int find_user(struct monitor *monitor, struct error *err)
{
	struct backend_context *context = &monitor->context;
	_cleanup_close_ int root = -EBADF;
	struct user_identity user;
	int result;

	if (monitor->spec.ids != IDS_CONTAINER)
		return find_ids(monitor, err);
	/* A host path: the rootfs as the user named it. */
	root = open(monitor->plan.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_set(err, errno, "cannot open the root filesystem %s",
				 monitor->plan.rootfs);
	result = user_lookup(monitor, root, monitor->spec.process.user, &user, err);
	if (result < 0)
		return result;
	context->uid = user.uid;
	context->gid = user.gid;
	context->groups = user.groups;
	context->group_count = user.group_count;
	context->home = user.home;
	if (monitor->spec.bare)
		return 0;
	return complete_environment(monitor, user.home, err);
}

static int prepare_stdio(struct monitor *monitor, struct error *err)
{
	struct spec_process *process = &monitor->spec.process;
	int *stdio = monitor->context.stdio;
	int result;

	for (int fd = 0; fd <= 2; fd++)
		stdio[fd] = fd;
	if (process->terminal) {
		result = terminal_open(monitor, process->interactive, &monitor->terminal, err);
		if (result < 0)
			return result;
		for (int fd = 0; fd <= 2; fd++)
			stdio[fd] = terminal_slave(monitor->terminal);
		monitor->context.terminal = true;
	} else if (!process->interactive) {
		monitor->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (monitor->null_fd < 0)
			return error_set(err, errno, "cannot open /dev/null");
		stdio[0] = monitor->null_fd;
	}
	return 0;
}

static bool is_at(const struct stat *shown, const char *path)
{
	struct stat status;

	/* A host path. */
	return stat(path, &status) == 0 && file_is_same(&status, shown);
}

/* Whether a guest that is shown what is there sees what we keep in shared memory. */
static bool shows_shared_memory(const char *path)
{
	struct stat shown, memory;

	/* A host path, where one is given. */
	if (!path || stat(path, &shown) < 0 || !S_ISDIR(shown.st_mode))
		return false;
	return is_at(&shown, "/") || is_at(&shown, "/dev") ||
	       stat(STORE_SHARED_MEMORY, &memory) < 0 || memory.st_dev == shown.st_dev; /* a host path */
}

/* The same, with what the host may have mounted in there. */
static bool leads_to_shared_memory(const char *path)
{
	char below[PATH_MAX];

	if (shows_shared_memory(path))
		return true;
	for (unsigned i = 0; path && i < 2; i++)
		if (snprintf(below, sizeof(below), "%s%s", path, i ? "/dev/shm" : "/dev") >= (int)sizeof(below) ||
		    shows_shared_memory(below))
			return true;
	return false;
}

/* Some 30 files and directories are made for a container that translates paths, which on a disk take as long as all
 * else of its start. What is written to its tmpfs lies there as well: those that are asked for may be meant for much. */
static bool is_kept_in_memory(const struct plan *plan)
{
	if (plan->backend != PLAN_BACKEND_PTRACE || !plan->spec->name_is_generated || plan->spec->bare ||
	    leads_to_shared_memory(plan->rootfs))
		return false;
	for (size_t i = 0; i < plan->op_count; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (op->kind == PLAN_OP_MOUNT &&
		    ((op->mount_kind == MOUNT_KIND_BIND && leads_to_shared_memory(op->source)) ||
		     (op->mount_kind == MOUNT_KIND_TMPFS && strncmp(op->target, "/dev", 4) != 0)))
			return false;
	}
	return true;
}

static int find_runtime(struct monitor *monitor, char **ret_path, struct error *err)
{
	if (is_kept_in_memory(&monitor->plan) && store_memory_directory(monitor, ret_path) == 0)
		return 0;
	return store_runtime_directory(monitor, ret_path, err);
}

/* Everything up to the backend. The name is claimed first: what fails later gives it back. */
static int prepare(struct monitor *monitor, struct error *err)
{
	char *runtime, *record = NULL;
	int result;

	result = find_runtime(monitor, &runtime, err);
	if (result < 0)
		return result;
	result = state_claim(monitor, runtime, container_name(monitor, &monitor->plan),
			     &monitor->state, err);
	if (result < 0)
		return result;
	monitor->context.state_directory = state_path(monitor->state);
	if (monitor->plan.backend == PLAN_BACKEND_PTRACE) {
		result = store_record_path(monitor, monitor->plan.rootfs, &record, err);
		if (result < 0)
			return result;
		monitor->context.record_path = record;
	}
	result = find_user(monitor, err);
	if (result < 0)
		return result;
	result = prepare_stdio(monitor, err);
	if (result < 0)
		return result;
	return signals_block(monitor, monitor->spec.process.inherit, &monitor->signals, err);
}

/* From a started command to its wait status. */
static int attend(struct monitor *monitor, int *ret_wait_status, struct error *err)
{
	struct error ignored = ERROR_INIT;
	pid_t first = monitor->backend->pid ? monitor->backend->pid(monitor->container) : 0;
	int result;

	/* From here on a failure must not lose the guest's own: end it, then report. */
	result = signals_start(monitor->signals, monitor->backend, monitor->container,
			       monitor->terminal, err);
	if (!result && monitor->terminal)
		result = terminal_start(monitor->terminal, err);
	if (!result)
		result = state_write(monitor->state, &monitor->plan, monitor->backend->name, first,
				     err);
	if (result < 0)
		monitor->backend->signal(monitor->container, SIGKILL);
	if (monitor->backend->wait(monitor->container, ret_wait_status, result ? &ignored : err) <
		    0 &&
	    !result)
		result = -EIO;
	signals_stop(monitor->signals);
	if (monitor->terminal)
		terminal_finish(monitor->terminal);
	return result;
}

static int exit_code(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

int monitor_run(const struct plan *plan, int *ret_exit_code, struct error *err)
{
	struct monitor *monitor = talloc_zero(NULL, struct monitor);
	int result, wait_status = 0;

	if (!monitor)
		return error_set(err, ENOMEM, "cannot start the monitor");
	monitor->null_fd = -EBADF;
	talloc_set_destructor(monitor, monitor_destroy);
	monitor->spec = *plan->spec;
	monitor->plan = *plan;
	monitor->plan.spec = &monitor->spec;
	monitor->context.plan = &monitor->plan;

	result = check_preserved_fds(plan->spec->process.preserve_fds, err);
	if (!result)
		result = ensure_standard_fds(err);
	if (!result)
		result = choose_backend(plan, &monitor->backend, err);
	if (!result)
		result = prepare(monitor, err);
	if (!result)
		result = monitor->backend->start(monitor, &monitor->context, &monitor->container,
						 err);
	if (!result)
		result = attend(monitor, &wait_status, err);
	talloc_free(monitor->container);
	if (monitor->state)
		state_remove(monitor->state);
	talloc_free(monitor);
	if (!result)
		*ret_exit_code = exit_code(wait_status);
	return result;
}
