// SPDX-License-Identifier: Apache-2.0
/* Namespaces with the caller's own capabilities: real root without user namespaces. */
#include <errno.h>
#include <sched.h>

#include "probe/check.h"

static void check_rootns(struct probe_context *context, const struct probe_check *check)
{
	if (probe_is_nested()) {
		probe_rest_fails(context, check, EPERM, "%s", PROBE_NESTED);
		return;
	}
	/* Every kind asks for CAP_SYS_ADMIN first, so one refusal speaks for all and saves the
	 * children. A kernel without this kind says EINVAL and is asked about each. */
	if (unshare(CLONE_NEWUTS) < 0 && errno == EPERM) {
		probe_rest_fails(context, check, EPERM, "needs CAP_SYS_ADMIN");
		return;
	}
	probe_run_checks(context, probe_namespaces_as_root, 3);
}

const struct probe_check probe_rootns_checks[] = {
	{check_rootns,
	 PROBE_FACTS(FACT_ID_ROOT_MOUNT, FACT_ID_ROOT_PID, FACT_ID_ROOT_UTS, FACT_ID_ROOT_IPC,
		     FACT_ID_ROOT_NET, FACT_ID_ROOT_CGROUP, FACT_ID_ROOT_TIME,
		     FACT_ID_OVERLAY_ROOT),
	 0, NULL},
	{0},
};
