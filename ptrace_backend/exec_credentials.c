// SPDX-License-Identifier: Apache-2.0
/* From a program's file to the rules of ids_exec.c. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "ptrace_backend/exec_credentials.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/process_status.h"

#define OVERFLOW_ID 65534 /* kernel.overflowuid's default */

/* Whether this is a user namespace that lacks some of the machine's ids: their files show as OVERFLOW_ID's. */
static bool lacks_ids(void)
{
	static int lacks = -1;
	unsigned long count = UINT32_MAX;
	char map[64];

	if (lacks < 0) {
		if (file_read_line("/proc/self/uid_map", map, sizeof(map)) >= 0)
			sscanf(map, "%*u %*u %lu", &count);
		lacks = count != UINT32_MAX;
	}
	return lacks;
}

/* fs/exec.c: bprm_fill_uid() ignores set-id bits of an owner that the user namespace doesn't know. */
static bool is_nobodys(int fd)
{
	struct stat real;

	return lacks_ids() && fstat(fd, &real) == 0 && (real.st_uid == OVERFLOW_ID || real.st_gid == OVERFLOW_ID);
}

void exec_credentials_read(const struct tracee *tracee, int fd, struct exec_credentials *exec)
{
	const struct record_file file = { .status = &exec->status, .fd = fd };

	exec->unmapped = is_nobodys(fd);
	exec->capability_size = tracee->tracer->fake_ids ?
					capability_get(&file, tracee->tracer->host_uid, exec->capability) :
					capability_get_real(&file, exec->capability);
}

/* security/commoncap.c: get_vfs_caps_from_disk() */
static int read_capabilities(struct tracee *tracee, const struct exec_credentials *exec,
			     struct file_capabilities *ret)
{
	int error;

	*ret = (struct file_capabilities){ 0 };
	if (exec->nosuid || exec->capability_size == -ENODATA)
		return 0;
	if (exec->capability_size < 0)
		return exec->capability_size;
	error = file_capabilities_parse(exec->capability, (size_t)exec->capability_size, ret);
	if (!error && !user_ns_has_root(tracee, ret->root_uid))
		*ret = (struct file_capabilities){ 0 };
	return error;
}

/* With real ids: no_new_privs, which the filter needs, lets nobody gain anything, but the kernel would refuse to
 * execute what can't have the capabilities that it needs. */
static int judge_real(const struct tracee *tracee, const struct exec_credentials *exec)
{
	struct file_capabilities file;
	struct process_status process;
	int error;

	/* Another version is another user namespace's. */
	if (exec->nosuid || exec->capability_size != XATTR_CAPS_SZ_2)
		return 0;
	error = file_capabilities_parse(exec->capability, (size_t)exec->capability_size, &file);
	if (error || !file.effective)
		return error;
	if (process_status(tracee->tid, &process) < 0)
		return -ESRCH;
	return file.permitted & ~(process.bounding | (process.inheritable & file.inheritable)) ? -EPERM : 0;
}

/* fs/exec.c: check_unsafe_exec(). A process that isn't this one could change its root afterwards. */
static bool shares_fs(const struct tracee *tracee)
{
	unsigned threads = 0;

	if (tracee->fs->references == 1)
		return false;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracee->tracer->hash[i]; at; at = at->hash_next)
			threads += at->fs == tracee->fs && at->tgid == tracee->tgid;
	return tracee->fs->references > threads;
}

int exec_credentials_judge(struct tracee *tracee, struct exec_credentials *exec)
{
	const struct tracer *tracer = tracee->tracer;
	struct exec_program program = {
		.owner = exec->status.st_uid,
		.group = exec->status.st_gid,
		.mode = exec->status.st_mode,
		.nosuid = exec->nosuid,
		.unsafe = !guest_trace_may_gain(tracee) || shares_fs(tracee),
	};
	int error;

	if (!tracer->fake_ids)
		return judge_real(tracee, exec);
	error = read_capabilities(tracee, exec, &program.capabilities);
	if (error)
		return error;
	/* A root file system's su and sudo are the caller's own files: with PRoot's -i they show the
	 * first process's ids, and are root's all the same. */
	if (tracer->plan->own_ids_are_users && program.owner == tracer->own_uid)
		program.owner = 0;
	if (tracer->plan->own_ids_are_users && program.group == tracer->own_gid)
		program.group = 0;
	program.unmapped = exec->unmapped || !user_ns_maps(tracee, program.owner, program.group);
	exec->after = tracee->credentials;
	return credentials_exec(&exec->after, &program, &exec->secure);
}

void exec_credentials_take(struct tracee *tracee, const struct exec_credentials *exec, struct load_script *script)
{
	const struct credentials *credentials = &tracee->credentials;

	if (!tracee->tracer->fake_ids)
		return;
	tracee->credentials = exec->after;
	script->flags |= LOAD_FAKE_IDS | (exec->secure ? LOAD_SECURE : 0);
	script->ids[0] = user_ns_show_uid(tracee, credentials->ruid);
	script->ids[1] = user_ns_show_uid(tracee, credentials->euid);
	script->ids[2] = user_ns_show_gid(tracee, credentials->rgid);
	script->ids[3] = user_ns_show_gid(tracee, credentials->egid);
}
