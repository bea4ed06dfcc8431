// SPDX-License-Identifier: Apache-2.0
/* Security modules: SELinux, AppArmor, Yama. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/file.h"
#include "probe/check.h"

#define SELINUXFS_MAGIC 0xf97cff8c

int probe_selinux_mode(void)
{
	char self[FACT_TEXT_SIZE] = "";
	struct statfs status;
	int64_t enforcing;

	if (statfs("/sys/fs/selinux", &status) < 0 ||
	    (unsigned long)status.f_type != SELINUXFS_MAGIC) {
		/* An Android app may not look; its context says that SELinux is there. */
		file_read_line("/proc/self/attr/current", self, sizeof(self));
		return strncmp(self, "u:r:", 4) ? -1 : 1;
	}
	/* What we may not even read, is enforced. */
	return file_read_number("/sys/fs/selinux/enforce", &enforcing) < 0 ? 1 : enforcing == 1;
}

static void check_selinux(struct probe_context *context)
{
	char self[FACT_TEXT_SIZE] = "";
	int mode = probe_selinux_mode();

	if (mode < 0) {
		probe_absent(context, FACT_ID_SELINUX, 0, "not active");
		return;
	}
	file_read_line("/proc/self/attr/current", self, sizeof(self));
	probe_works(context, FACT_ID_SELINUX, mode, "%s", self);
}

static void check_apparmor(struct probe_context *context)
{
	char enabled[8] = "", profile[FACT_TEXT_SIZE] = "";
	int64_t restricts = 0;

	file_read_line("/sys/module/apparmor/parameters/enabled", enabled, sizeof(enabled));
	if (enabled[0] != 'Y') {
		probe_absent(context, FACT_ID_APPARMOR, 0, "not active");
		return;
	}
	if (file_read_line("/proc/self/attr/apparmor/current", profile, sizeof(profile)) < 0)
		file_read_line("/proc/self/attr/current", profile, sizeof(profile));
	file_read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &restricts);
	probe_works(context, FACT_ID_APPARMOR, restricts, "%s", profile);
}

static void check_lsm(struct probe_context *context, const struct probe_check *check)
{
	int64_t scope;

	(void)check;
	check_selinux(context);
	check_apparmor(context);
	if (file_read_number("/proc/sys/kernel/yama/ptrace_scope", &scope) < 0)
		probe_absent(context, FACT_ID_YAMA, 0, "not active");
	else
		probe_works(context, FACT_ID_YAMA, scope, "%s",
			    scope == 0   ? "no restriction"
			    : scope == 1 ? "own children only, which is enough"
			    : scope == 2 ? "administrators only"
					 : "ptrace is switched off");
}

const struct probe_check probe_lsm_checks[] = {
	{check_lsm, PROBE_FACTS(FACT_ID_SELINUX, FACT_ID_APPARMOR, FACT_ID_YAMA), 0, NULL},
	{0},
};
