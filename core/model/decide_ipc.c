// SPDX-License-Identifier: Apache-2.0
/* System V IPC: the kernel's, or the tracer's own where a kernel lacks it or a filter refuses it. */
#include "core/model/decision.h"

bool decide_sysvipc(struct decision *decision)
{
	enum sysvipc_choice asked = decision->spec->sysvipc;
	enum fact_status status = decision->facts->fact[FACT_ID_SYSVIPC].status;
	bool refused = status != FACT_UNKNOWN && status != FACT_WORKS;

	if (!decision_is_ns(decision)) {
		decision->plan->emulate_sysvipc = asked == SYSVIPC_EMULATED ||
						  (refused && asked == SYSVIPC_AUTO);
		if (refused && asked == SYSVIPC_KERNEL)
			decision_note(decision, FACET_IPC,
				      "the kernel has no System V IPC for us, --sysvipc kernel keeps it so");
		return decision->plan->emulate_sysvipc;
	}
	if (asked == SYSVIPC_EMULATED)
		decision_unmet(decision, FACET_IPC, "--backend ptrace emulates it",
			       "--sysvipc emulated: namespaces have the kernel's");
	else if (refused)
		decision_note(decision, FACET_IPC,
			      "no System V IPC here; only path translation emulates it");
	return false;
}
