// SPDX-License-Identifier: Apache-2.0
/* System V IPC: the kernel's, or the tracer's own where a kernel lacks it or a filter refuses it. */
#include "core/model/decision.h"

bool decide_sysvipc(struct decision *decision)
{
	enum sysvipc_choice asked = decision->spec->sysvipc;
	const struct fact *fact = &decision->facts->fact[FACT_ID_SYSVIPC];
	bool refused = fact->status != FACT_UNKNOWN && fact->status != FACT_WORKS;
	bool unseen = refused && fact->value == 1;

	if (!decision_is_ns(decision)) {
		decision->plan->emulate_sysvipc = !unseen && (asked == SYSVIPC_EMULATED ||
							      (refused && asked == SYSVIPC_AUTO));
		if (unseen && asked == SYSVIPC_EMULATED)
			decision_unmet(decision, FACET_IPC, "Only a run outside that filter can have it",
				       "--sysvipc emulated: a filter around us answers the calls");
		else if (refused && !decision->plan->emulate_sysvipc)
			decision_note(decision, FACET_IPC,
				      unseen ? "no System V IPC: a filter around us answers the calls" :
					       "no System V IPC: --sysvipc kernel was asked for");
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
