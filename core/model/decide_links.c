// SPDX-License-Identifier: Apache-2.0
/* Hard links: the kernel's own, or emulated where the store's file system or a security module refuses them.
 *
 * Names that an earlier run has made, and PRoot's, are understood wherever there are any.
 */
#include "core/model/decision.h"

static bool links_are_refused(const struct decision *decision)
{
	/* Without a store nothing was tried. */
	return decision_works(decision, FACT_ID_STORE) &&
	       decision->facts->fact[FACT_ID_STORE_HARDLINK].status != FACT_UNKNOWN &&
	       !decision_works(decision, FACT_ID_STORE_HARDLINK);
}

void decide_links(struct decision *decision)
{
	struct plan *plan = decision->plan;
	bool refused = links_are_refused(decision), found = decision->host->rootfs_has_links;

	if (decision_is_ns(decision)) {
		decision_choose(decision, FACET_LINKS, MECHANISM_KERNEL_LINKS, STRENGTH_NONE);
		if (decision->spec->links == LINKS_ALWAYS)
			decision_unmet(decision, FACET_LINKS, "--backend ptrace emulates them",
				       "--hard-links emulated: namespaces have the kernel's");
		if (found)
			decision_note(decision, FACET_LINKS,
				      "the rootfs has emulated hard links, which are symlinks here");
		else if (refused)
			decision_note(decision, FACET_LINKS,
				      "link is refused here; only path translation emulates it");
		return;
	}
	plan->make_links = decision->spec->links == LINKS_ALWAYS ||
			   (refused && decision->spec->links != LINKS_KERNEL);
	plan->emulate_links = plan->make_links || found || decision->spec->links == LINKS_EMULATED;
	if (!plan->make_links) {
		decision_choose(decision, FACET_LINKS, MECHANISM_KERNEL_LINKS, STRENGTH_NONE);
		if (plan->emulate_links)
			decision_note(decision, FACET_LINKS,
				      "names that an earlier run or PRoot has made are understood, too");
		return;
	}
	decision_choose(decision, FACET_LINKS, MECHANISM_EMULATED_LINKS, STRENGTH_EMULATED);
	if (refused)
		decision_refuse_fact(decision, FACET_LINKS, MECHANISM_KERNEL_LINKS,
				     FACT_ID_STORE_HARDLINK);
	else
		decision_refuse(decision, FACET_LINKS, MECHANISM_KERNEL_LINKS, FACT_ID_COUNT,
				"--hard-links emulated was asked for");
}
