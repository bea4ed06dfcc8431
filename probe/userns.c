// SPDX-License-Identifier: Apache-2.0
/* User namespaces, everything inside one, and what refused it.
 *
 * Theory of operation
 *
 * One child enters a user namespace with its id maps written, then runs the chains of
 * namespaces.c from inside. unshare(CLONE_NEWUSER) alone proves nothing: Ubuntu 24.04 grants it and
 * refuses the maps or the mounts, a phone with a patched kernel grants it and traps mount(2). So
 * the gate, the sentence about who refused, is written last, and also when only the mounts failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/file.h"
#include "probe/check.h"

#define PROC_SYS "/proc/sys/"

/* A switch that an administrator set; `refuses` is the value that does. */
static const struct gate_sysctl {
	const char *path, *name;
	int64_t refuses;
	bool root_too;
	const char *cure;
} gate_sysctls[] = {
	{PROC_SYS "user/max_user_namespaces", "user.max_user_namespaces", 0, true,
	 "ask the administrator for sysctl user.max_user_namespaces=15000"},
	{PROC_SYS "kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", 0, false,
	 "ask the administrator for sysctl kernel.unprivileged_userns_clone=1"},
	{PROC_SYS "kernel/apparmor_restrict_unprivileged_userns",
	 "kernel.apparmor_restrict_unprivileged_userns", 1, false,
	 "ask for an AppArmor profile that grants amphora userns, or for setting it to 0"},
	{PROC_SYS "kernel/userns_restrict", "kernel.userns_restrict", 1, false,
	 "ask the administrator for sysctl kernel.userns_restrict=0"},
};

static bool explain_by_sysctl(struct probe_context *context, int code)
{
	for (size_t i = 0; i < sizeof(gate_sysctls) / sizeof(gate_sysctls[0]); i++) {
		const struct gate_sysctl *gate = &gate_sysctls[i];
		int64_t value;

		if (file_read_number(gate->path, &value) < 0 || value != gate->refuses ||
		    (context->uid == 0 && !gate->root_too))
			continue;
		probe_fails(context, FACT_ID_USERNS_GATE, code, "%s = %lld (sysctl); %s",
			    gate->name, (long long)value, gate->cure);
		return true;
	}
	return false;
}

static void explain_limit(struct probe_context *context, int code)
{
	int64_t limit = -1;

	file_read_number(PROC_SYS "user/max_user_namespaces", &limit);
	probe_fails(
		context, FACT_ID_USERNS_GATE, code,
		"the limit of user namespaces is reached here or in a namespace around us "
		"(user.max_user_namespaces = %lld here, 32 levels); ask for a higher one outside",
		(long long)limit);
}

static void explain_denial(struct probe_context *context, int code)
{
	char self[128] = "";

	if (explain_by_sysctl(context, code))
		return;
	if (code == EPERM && probe_is_chrooted(context)) {
		probe_fails(context, FACT_ID_USERNS_GATE, code,
			    "we run in a chroot, where the kernel refuses user namespaces; start "
			    "amphora outside of it");
		return;
	}
	if (probe_selinux_mode() == 1 && code == EACCES) {
		file_read_line("/proc/self/attr/current", self, sizeof(self));
		probe_fails(context, FACT_ID_USERNS_GATE, code,
			    "SELinux denies user_namespace { create } to %s; ask for a policy that "
			    "allows it",
			    self);
		return;
	}
	if (prctl(PR_GET_SECCOMP) == 2) {
		probe_fails(context, FACT_ID_USERNS_GATE, code,
			    "probably the seccomp filter around us (of a container or service); "
			    "start that with seccomp=unconfined");
		return;
	}
	if (faccessat(AT_FDCWD, "/proc/self/status", F_OK, 0) < 0) {
		probe_fails(context, FACT_ID_USERNS_GATE, code,
			    "no /proc here, so this is probably a chroot, where the kernel refuses "
			    "user namespaces; start amphora outside of it");
		return;
	}
	probe_fails(context, FACT_ID_USERNS_GATE, code,
		    code == EACCES
			    ? "a security module (AppArmor, SELinux, BPF LSM) refuses it"
			    : "the kernel refuses it and no known switch is set: a chroot or a "
			      "security module may be the cause");
}

static void explain(struct probe_context *context, int code)
{
	if (faccessat(AT_FDCWD, "/proc/self/ns", F_OK, 0) == 0 &&
	    faccessat(AT_FDCWD, "/proc/self/ns/user", F_OK, 0) < 0)
		probe_fails(context, FACT_ID_USERNS_GATE, EINVAL,
			    "the kernel was built without user namespaces (CONFIG_USER_NS)");
	else if (code == EINVAL)
		probe_fails(context, FACT_ID_USERNS_GATE, code,
			    "the kernel has no user namespaces (CONFIG_USER_NS)");
	else if ((code == ENOSPC || code == EUSERS) && !explain_by_sysctl(context, code))
		explain_limit(context, code);
	else if (code != ENOSPC && code != EUSERS)
		explain_denial(context, code);
}

/* The gate of a user namespace that exists and is of no use. */
static void explain_inside(struct probe_context *context)
{
	const struct fact *mounts = &context->facts->fact[FACT_ID_USERNS_MOUNT];

	if (mounts->status == FACT_WORKS)
		probe_works(context, FACT_ID_USERNS_GATE, 0, "%s", "");
	else if (mounts->status == FACT_FAILS &&
		 (mounts->error_code == EPERM || mounts->error_code == EACCES))
		explain_denial(context, mounts->error_code);
	else
		probe_fails(context, FACT_ID_USERNS_GATE, EPERM,
			    "a user namespace can be made, but mounts fail in it: %.160s",
			    mounts->text);
}

static void check_userns(struct probe_context *context, const struct probe_check *check)
{
	const char *step;
	int result;

	if (probe_is_nested()) { /* it emulates them, but not all that we need */
		probe_fails(context, FACT_ID_USERNS, EPERM, "%s", PROBE_NESTED);
		probe_fails(context, FACT_ID_USERNS_GATE, EPERM, "%s", PROBE_NESTED);
		probe_rest_fails(context, check, EPERM, "needs a user namespace");
		return;
	}
	result = probe_enter_userns(context, &step);

	if (result == 0) {
		probe_works(context, FACT_ID_USERNS, 0, "%s", "");
		probe_run_checks(context, probe_namespaces_in_userns, 3);
		explain_inside(context);
		return;
	}
	if (result == -ENOSYS) {
		probe_rest_fails(context, check, ENOSYS, "%s is not there", step);
		return;
	}
	if (result == -EINVAL)
		probe_absent(context, FACT_ID_USERNS, EINVAL, "%s: unknown to the kernel", step);
	else
		probe_fails(context, FACT_ID_USERNS, -result, "%s is refused", step);
	explain(context, -result);
	probe_rest_fails(context, check, -result, "needs a user namespace");
}

const struct probe_check probe_userns_checks[] = {
	{check_userns,
	 PROBE_FACTS(FACT_ID_USERNS, FACT_ID_USERNS_GATE, FACT_ID_USERNS_MOUNT, FACT_ID_USERNS_PID,
		     FACT_ID_USERNS_PROC, FACT_ID_USERNS_UTS, FACT_ID_USERNS_IPC,
		     FACT_ID_USERNS_NET, FACT_ID_USERNS_CGROUP, FACT_ID_USERNS_TIME,
		     FACT_ID_OVERLAY_USERNS),
	 0, NULL},
	{0},
};
