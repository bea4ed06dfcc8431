// SPDX-License-Identifier: Apache-2.0
/* The ptrace backend as the monitor sees it: start, wait, signal.
 *
 * Theory of operation
 *
 * start() builds the mount table, confines this thread with Landlock where the plan says so, forks the
 * first process, seizes it and runs the event loop until its command has been executed. wait()
 * goes on with the loop until that process ends and then kills every other tracee. Both on one
 * thread: the kernel ties tracees to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "core/monitor/backend.h"
#include "core/store/record.h"
#include "netstack/ports.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/netlink_route.h"
#include "ptrace_backend/notify.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/carrier.h"
#include "ptrace_backend/tracer.h"

#define FILTER_SIZE 4096

struct container {
	struct tracer tracer;
	int stats; /* AMPHORA_STATS, or -EBADF */
	struct start_report *report; /* shared with the child until its command runs */
};

static int container_destructor(struct container *container)
{
	notify_stop(&container->tracer);
	tracer_kill_all(&container->tracer);
	procfile_stop(&container->tracer);
	fast_stop(&container->tracer);
	netlink_stop(&container->tracer);
	view_remove(&container->tracer);
	if (container->report)
		munmap(container->report, sizeof(*container->report));
	return 0;
}

static int report_failure(const struct container *container, const struct backend_context *context,
			  struct error *err)
{
	static const char *const stages[] = {
		[START_STAGE_STDIO] = "standard input and output of the container",
		[START_STAGE_LANDLOCK] = "Landlock",
		[START_STAGE_LIMITS] = "--ulimit",
		[START_STAGE_IDS] = "user and group ids of the container",
		[START_STAGE_CAPABILITIES] = "capabilities of the container",
		[START_STAGE_FILTER] = "seccomp filter",
	};
	const struct spec_process *process = &context->plan->spec->process;
	const struct start_report *report = container->report;
	const char *why = container->tracer.exec_failure;
	int code = report->error;

	switch (report->stage) {
	case START_STAGE_COMMAND:
		error_set(err, code, "command %s", process->argv[0]);
		error_exit_code(err, code == ENOENT || code == ENOTDIR ? EXIT_NOT_FOUND :
									 EXIT_NOT_EXECUTABLE);
		if (why[0])
			error_hint(err, "%s", why);
		else if (code == ENOENT && strchr(process->argv[0], '/'))
			error_hint(err, "the file or its interpreter is missing in %s",
				   context->plan->rootfs);
		return -code;
	case START_STAGE_CWD:
		error_set(err, code, "working directory %s", process->cwd ? process->cwd : "/");
		if (code == EACCES)
			error_hint(err, "user %u must be able to search %s and all above it",
				   (unsigned)context->uid, context->plan->rootfs);
		else
			error_hint(err, "-w takes an existing directory of the container");
		return -code;
	case START_STAGE_NONE:
		return error_plain(err, "the container's first process died before its command");
	default:
		return error_set(err, code, "%s", stages[report->stage]);
	}
}

/* AMPHORA_STATS=FILE: one JSON line a container, for bench/. Opened before Landlock. */
static void open_stats(struct container *container)
{
	const char *path = getenv("AMPHORA_STATS");

	container->stats = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -EBADF;
	if (container->stats >= 0)
		container->tracer.calls = talloc_zero_array(container, uint32_t, ROW_COUNT);
}

/* What can't be had is done without, as decide() would have it. */
static void start_fast_path(struct tracer *tracer)
{
	const struct plan_facet *facet = &tracer->plan->facets[FACET_FAST_PATH];
	struct error err = ERROR_INIT;
	char line[512];

	log_debug("fast path: %s%s%s", mechanism_name(facet->mechanism), tracer->plan->fast_path ? "" : ": ",
		  tracer->plan->fast_path || !facet->refusal_count ? "" :
								     facet->refusals[facet->refusal_count - 1].reason);
	if (!tracer->plan->fast_path)
		return;
	if (!fast_is_supported())
		log_debug("fast path: off: this binary has no room for it");
	else if (fast_start(tracer, &err) < 0)
		log_debug("fast path: off: %s", error_format(&err, line, sizeof(line)));
}

static int prepare(struct container *container, const struct backend_context *context,
		   struct error *err)
{
	struct tracer *tracer = &container->tracer;
	const struct plan *plan = context->plan;
	bool notify;
	int error;

	pthread_mutex_init(&tracer->lock, NULL);
	open_stats(container);
	tracer->plan = plan;
	tracer->table = talloc(container, struct path_table);
	tracer->host_uid = getuid();
	tracer->host_gid = getgid();
	tracer->own_uid = plan->own_ids_are_users ? context->uid : 0;
	tracer->own_gid = plan->own_ids_are_users ? context->gid : 0;
	tracer->fake_ids = plan->fake_ids;
	tracer->lingers = plan->spec->process.linger;
	tracer->deny_network = plan->deny_network;
	if (plan->spec->ports) /* a copy: it learns */
		tracer->ports = talloc_memdup(container, plan->spec->ports,
					      sizeof(*plan->spec->ports));
	tracer->state_directory = context->state_directory;
	tracer->hostname = plan->hostname;
	tracer->guest_ruleset = -EBADF;
	container->report = mmap(NULL, sizeof(*container->report), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!tracer->table || container->report == MAP_FAILED) {
		container->report = NULL;
		return error_set(err, ENOMEM, "tracer");
	}
	error = carrier_init(err);
	if (!error)
		error = view_build(tracer, context, err);
	if (!error && plan->fake_ids)
		error = record_open(container, context->record_path, plan->rootfs,
				    &tracer->record, err);
	if (!error && guest_links_init(tracer) < 0)
		error = error_set(err, ENOMEM, "hard links");
	if (!error)
		start_fast_path(tracer);
	/* Calls whose sites are to be patched stop where only the tracer can do that. */
	notify = plan->notify && (!tracer->fast || fast_is_written_by_any_thread());
	if (!error && plan->landlock)
		error = landlock_confine(tracer, context, err);
	guest_affinity_init(tracer);
	affinity_init(tracer);
	if (!error && notify)
		error = notify_start(tracer, err);
	return error;
}

/* Runs the loop until the command runs or the first process is gone. */
static int run_until_started(struct container *container, struct error *err)
{
	struct tracer *tracer = &container->tracer;
	int status;

	while (!tracer->started && !tracer->init_ended) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return error_set(err, errno, "waiting for the container's first process");
		pthread_mutex_lock(&tracer->lock);
		tracer_handle(tracer, tid, status);
		pthread_mutex_unlock(&tracer->lock);
	}
	return 0;
}

static int attach(struct container *container, const struct backend_context *context, int go_fd,
		  struct error *err)
{
	struct tracer *tracer = &container->tracer;
	struct tracee *first;

	if (ptrace(PTRACE_SEIZE, tracer->init, NULL, (void *)(uintptr_t)TRACER_OPTIONS) < 0) {
		int code = errno;

		kill(tracer->init, SIGKILL);
		waitpid(tracer->init, NULL, __WALL);
		error_set(err, code, "ptrace of the container's first process");
		error_hint(err, "`amphora probe` tells what refuses ptrace here");
		return -code;
	}
	first = tracee_new(tracer, tracer->init);
	if (!first)
		return error_set(err, ENOMEM, "tracee");
	tracee_inherit(first, NULL, 0);
	first->state = TRACEE_RUNNING;
	affinity_of_first(first);
	credentials_init(&first->credentials, context->uid, context->gid, context->groups,
			 context->group_count);
	return write(go_fd, "g", 1) == 1 ? 0 : error_set(err, errno, "start pipe");
}

/* The tracer keeps an fd a process; the guest keeps the limit that the user had. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A stop need not queue a SIGCHLD beside waking waitpid(). */
static void quiet_stops(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };

	sigaction(SIGCHLD, &action, NULL);
}

/* What the kernel has isn't told: guest_filter_our_answer(), names_filter.c. Returns the length or -errno. */
static int keep_filters(struct tracer *tracer, const struct sock_filter *program, int length)
{
	struct sock_filter names[NAMES_FILTER_SIZE];
	int names_length = filter_build_names(tracer->plan->emulate_netlink, ARCH_CALLS,
					      ARCH_COMPAT_CALLS, names, NAMES_FILTER_SIZE);

	if (names_length < 0)
		return names_length;
	tracer->filter.length = (size_t)length;
	tracer->filter.names_length = (size_t)names_length;
	tracer->filter.program = talloc_memdup(tracer, program, (size_t)length * sizeof(names[0]));
	tracer->filter.names = talloc_memdup(tracer, names, (size_t)names_length * sizeof(names[0]));
	return tracer->filter.program && tracer->filter.names ? length : -ENOMEM;
}

static int ptrace_start(void *parent, const struct backend_context *context,
			struct container **ret_container, struct error *err)
{
	struct container *container = talloc_zero(parent, struct container);
	_cleanup_close_ int read_end = -EBADF;
	_cleanup_close_ int write_end = -EBADF;
	struct sock_filter program[FILTER_SIZE];
	struct filter_options options;
	int error, length, ends[2];

	if (!container)
		return error_set(err, ENOMEM, "container");
	talloc_set_destructor(container, container_destructor);
	error = prepare(container, context, err);
	if (error)
		goto fail;
	options = (struct filter_options){
		.fake_ids = context->plan->fake_ids,
		.read_only = container->tracer.any_read_only,
		.deny_network = context->plan->deny_network,
		.links = context->plan->emulate_links,
		.hidden = context->plan->spec->hidden_prefix != NULL,
		.sysvipc = context->plan->emulate_sysvipc,
		.ports = container->tracer.ports != NULL,
		.notify = container->tracer.notifier != NULL,
		.compat = context->plan->syscall_info,
		.fast = fast_call_address(&container->tracer),
		.fast_may = fast_may(&container->tracer),
		.native = ARCH_CALLS,
		.compat_table = ARCH_COMPAT_CALLS,
	};
	length = filter_build(&options, program, FILTER_SIZE);
	if (length > 0)
		length = keep_filters(&container->tracer, program, length);
	if (length < 0) {
		error = error_set(err, -length, "seccomp filter");
		goto fail;
	}
	if (pipe2(ends, O_CLOEXEC) < 0) {
		error = error_set(err, errno, "start pipe");
		goto fail;
	}
	read_end = ends[0];
	write_end = ends[1];
	quiet_stops();
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	affinity_before_first(&container->tracer);
	container->tracer.init = fork();
	if (container->tracer.init < 0) {
		error = error_set(err, errno, "fork");
		goto fail;
	}
	if (container->tracer.init == 0) {
		close(write_end); /* else it would wait for ever when we die before we attach */
		child_run(context, program, (unsigned)length, read_end,
			  notify_socket(&container->tracer), container->tracer.guest_ruleset,
			  container->report);
	}
	if (container->tracer.guest_ruleset >= 0)
		close(container->tracer.guest_ruleset);
	container->tracer.guest_ruleset = -EBADF;
	notify_forked(&container->tracer);
	raise_fd_limit();
	error = attach(container, context, write_end, err);
	if (!error)
		error = run_until_started(container, err);
	if (!error && !container->tracer.started)
		error = report_failure(container, context, err);
	if (!error) {
		affinity_of_tracer(&container->tracer, false);
		*ret_container = container;
		return 0;
	}
fail:
	talloc_free(container);
	return error;
}

static void write_stats(struct container *container)
{
	const struct tracer *tracer = &container->tracer;
	const struct fast_path_counts *counts = fast_counts(tracer);
	FILE *out = container->stats >= 0 ? fdopen(container->stats, "w") : NULL;
	const char *comma = "";

	if (!out)
		return;
	container->stats = -EBADF;
	fprintf(out, "{\"stops\":%llu,\"patched\":%llu,\"unpatched\":%llu,\"declined\":%llu,\"calls\":{",
		(unsigned long long)tracer->stops, (unsigned long long)counts->patched,
		(unsigned long long)counts->unpatched, (unsigned long long)counts->declined);
	for (unsigned i = 0; tracer->calls && i < ROW_COUNT; i++) {
		if (!tracer->calls[i])
			continue;
		fprintf(out, "%s\"%s\":%u", comma, syscall_rows()[i].name, tracer->calls[i]);
		comma = ",";
	}
	fprintf(out, "}}\n");
	fclose(out);
}

static int ptrace_wait(struct container *container, int *ret_wait_status, struct error *err)
{
	struct tracer *tracer = &container->tracer;
	int status;

	affinity_of_tracer(tracer, true);
	while (!tracer->init_ended || (tracer->lingers && tracer->tracee_count > 0)) {
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno != EINTR)
			return error_set(err, errno, "waiting for the container");
		pthread_mutex_lock(&tracer->lock);
		if (tid > 0)
			tracer_handle(tracer, tid, status);
		affinity_tick(tracer);
		pthread_mutex_unlock(&tracer->lock);
	}
	/* Dead before the notifier goes: a call in flight would be answered ENOSYS. */
	tracer_signal_all(tracer, SIGKILL);
	notify_stop(tracer);
	tracer_kill_all(tracer);
	procfile_stop(tracer);
	fast_log(tracer);
	write_stats(container);
	*ret_wait_status = tracer->init_status;
	return 0;
}

static int ptrace_signal(struct container *container, int number)
{
	struct tracer *tracer = &container->tracer;
	int result = 0;

	pthread_mutex_lock(&tracer->lock);
	if (tracer->init_ended) /* its pid may be another's */
		tracer_signal_all(tracer, number);
	else if (kill(tracer->init, number) < 0)
		result = -errno;
	pthread_mutex_unlock(&tracer->lock);
	return result;
}

const struct backend ptrace_backend = {
	.name = "ptrace",
	.start = ptrace_start,
	.wait = ptrace_wait,
	.signal = ptrace_signal,
};
