// SPDX-License-Identifier: Apache-2.0
/* Programs of another machine: by the kernel's binfmt_misc in namespaces, or by QEMU in the place of
 * the program under path translation. */
#include <stdio.h>
#include <talloc.h>

#include "core/model/decision.h"

static bool is_foreign(const struct decision *decision)
{
	const struct platform *platform = decision->spec->platform;

	return platform && !platform_is_native(platform);
}

bool decide_platform_needs_ptrace(const struct decision *decision)
{
	const struct host_info *host = decision->host;

	if (!is_foreign(decision) || host->emulator_in_kernel)
		return false;
	/* A root that only happens to be another machine's may hold a static program of ours. */
	return !decision->spec->platform_found ||
	       (host->emulator && decision->spec->backend != BACKEND_NS);
}

static void use_emulator(struct decision *decision)
{
	const struct emulator *emulator = decision->host->emulator;
	char note[FACT_TEXT_SIZE];

	decision->plan->emulator = emulator;
	snprintf(note, sizeof(note), "%s programs run through %s", emulator->platform->machine,
		 emulator->argv[0]);
	decision_note(decision, FACET_FILES, note);
}

void decide_platform(struct decision *decision)
{
	const struct platform *platform = decision->spec->platform;
	char hint[160];

	if (decision->spec->emulator)
		decision->plan->emulator = decision->spec->emulator;
	if (decision->spec->emulator || !is_foreign(decision) ||
	    (decision_is_ns(decision) && decision->host->emulator_in_kernel))
		return;
	if (!decision_is_ns(decision) && decision->host->emulator) {
		use_emulator(decision);
		return;
	}
	if (decision->spec->platform_found)
		return;
	snprintf(hint, sizeof(hint), "Install qemu-user-static, or put qemu-%s in PATH",
		 platform->machine);
	decision_unmet(decision, FACET_FILES, hint,
		       "--platform linux/%s: nothing here runs %s programs", platform->name,
		       platform->machine);
}
