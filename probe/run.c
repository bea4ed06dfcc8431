// SPDX-License-Identifier: Apache-2.0
/* probe_run(): the scratch directory, all checks, and nothing left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "probe/check.h"
#include "probe/probe.h"

#define SCRATCH_PREFIX ".probe-"
#define JOBS           4
#define CHECKS_MAX     40

/* The long ones first, so that the short ones fill the gaps. */
static const struct probe_check *const tables[] = {
	probe_userns_checks,  probe_rootns_checks,  probe_devices_checks,    probe_newuidmap_checks,
	probe_cgroup_checks,  probe_overlay_checks, probe_kernel_api_checks, probe_calls_checks, probe_trapped_checks,
	probe_store_checks,   probe_ptrace_checks,  probe_seccomp_checks,    probe_landlock_checks,
	probe_machine_checks, probe_lsm_checks,     probe_proc_checks,       probe_net_checks,
	probe_ipc_checks,
};

/* Removes the scratch directories of probers that were killed: theirs are locked no more. */
static void remove_stale(int store)
{
	_cleanup_closedir_ DIR *directory = NULL;
	int copy = openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	directory = copy < 0 ? NULL : fdopendir(copy);
	while (directory && (entry = readdir(directory))) {
		_cleanup_close_ int fd = -EBADF;

		if (strncmp(entry->d_name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) != 0)
			continue;
		fd = openat(store, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			file_remove_tree(store, entry->d_name);
	}
}

/* Makes store/.probe-PID and locks it. Returns its fd or -errno. */
static int make_scratch(int store, const char *name)
{
	for (int tries = 0; tries < 10; tries++) {
		_cleanup_close_ int fd = -EBADF;
		struct stat status;

		if (mkdirat(store, name, 0700) < 0)
			return -errno;
		fd = openat(store, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		/* File systems without locks keep their stale directories. */
		flock(fd, LOCK_EX);
		/* Another prober may have seen it unlocked and taken it for stale. */
		if (fstat(fd, &status) == 0 && status.st_nlink > 0)
			return steal_fd(&fd);
	}
	return -EBUSY;
}

static int open_store(struct probe_context *context, int *ret_store, char *name, size_t size)
{
	int result;

	*ret_store = open(context->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_store < 0) {
		result = file_mkdirs(context->store, 0700);
		if (result < 0)
			return result;
		*ret_store = open(context->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (*ret_store < 0)
		return -errno;
	remove_stale(*ret_store);
	snprintf(name, size, SCRATCH_PREFIX "%d", (int)context->prober);
	if (snprintf(context->scratch, sizeof(context->scratch), "%s/%s", context->store, name) >=
	    (int)sizeof(context->scratch))
		return -ENAMETOOLONG;
	result = make_scratch(*ret_store, name);
	if (result < 0)
		return result;
	context->scratch_fd = result;
	return 0;
}

/* In a child of its own: an outer filter may answer the prober's own calls with SIGSYS too. */
static void run_all(struct probe_context *context)
{
	struct probe_check checks[CHECKS_MAX] = {0};
	_cleanup_close_ int store = -EBADF;
	char name[32];
	size_t count = 0;

	probe_install_sigsys_handler();
	context->prober = getpid();
	context->store_error = -open_store(context, &store, name, sizeof(name));
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct probe_check *check = tables[i];
		     check->run && count + 1 < CHECKS_MAX; check++)
			checks[count++] = *check;
	probe_run_checks(context, checks, JOBS);
	if (context->scratch_fd >= 0) {
		close(context->scratch_fd);
		file_remove_tree(store, name);
	}
}

int probe_run(const char *store, struct facts *ret_facts, struct error *err)
{
	struct probe_context context = {
		.store = store,
		.scratch_fd = -EBADF,
		.uid = geteuid(),
		.gid = getegid(),
	};
	int status, result = 0;
	pid_t pid;

	context.facts = mmap(NULL, sizeof(*context.facts), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (context.facts == MAP_FAILED)
		return error_set(err, errno, "can't map memory for the prober");
	pid = probe_fork();
	if (pid == 0) {
		run_all(&context);
		_exit(0);
	}
	status = pid < 0 ? -errno : probe_wait(pid);
	if (status < 0)
		result = error_set(err, -status, "can't fork the prober");
	else if (status > 0)
		result = error_set(err, EPROTO, "the prober ended with status %d", status);
	else
		*ret_facts = *context.facts;
	munmap(context.facts, sizeof(*context.facts));
	return result;
}
