// SPDX-License-Identifier: Apache-2.0
/* Where the guest's writes go.
 *
 * `--volatile` and the image `host` want a scratch layer; the rootfs that a user named is never
 * written instead of it: what can't be thrown away is not written at all.
 */
#include "core/model/decision.h"

static enum strength read_only_strength(const struct decision *decision)
{
	if (decision_is_ns(decision))
		return STRENGTH_ENFORCED;
	return decision->plan->landlock ? STRENGTH_CONTENT : STRENGTH_EMULATED;
}

static void choose_read_only(struct decision *decision)
{
	decision_choose(decision, FACET_LAYER, MECHANISM_READ_ONLY_ROOT,
			read_only_strength(decision));
}

/* No scratch layer can be had: the root stays read-only, and the request is unmet if it was one.
 * overlay_fact refused the kernel's; FACT_ID_COUNT: there is no mount namespace to have it in. */
static void fall_to_read_only(struct decision *decision, enum fact_id overlay_fact)
{
	const struct spec *spec = decision->spec;
	struct plan_facet *layer = &decision->plan->facets[FACET_LAYER];

	choose_read_only(decision);
	if (overlay_fact == FACT_ID_COUNT)
		decision_refuse_ns(decision, FACET_LAYER, MECHANISM_KERNEL_OVERLAY);
	else
		decision_refuse_fact(decision, FACET_LAYER, MECHANISM_KERNEL_OVERLAY, overlay_fact);
	decision_refuse(decision, FACET_LAYER, MECHANISM_FUSE_OVERLAY, FACT_ID_COUNT,
			"not built yet");
	decision_refuse(decision, FACET_LAYER, MECHANISM_TRANSLATED_OVERLAY, FACT_ID_COUNT,
			"not built yet");
	decision_refuse(decision, FACET_LAYER, MECHANISM_COPIED_SCRATCH, FACT_ID_COUNT,
			"not offered: a root filesystem is too big to copy for each run");
	decision_refuse(decision, FACET_LAYER, MECHANISM_ROOTFS_DIRECT, FACT_ID_COUNT,
			"writes are to be thrown away");
	decision_note(decision, FACET_LAYER, "/tmp, /run and /var/tmp can be written");
	if (!spec->is_volatile)
		return;
	if (overlay_fact == FACT_ID_COUNT)
		decision_unmet(decision, FACET_LAYER, "Use --read-only, or run on a copy of the rootfs",
			       "--volatile: overlay in path translation is not built yet, and a mount "
			       "namespace is refused: %s",
			       layer->refusals[0].reason);
	else
		decision_unmet(decision, FACET_LAYER, "Use --read-only, or run on a copy of the rootfs",
			       "--volatile: kernel overlay refused: %s", layer->refusals[0].reason);
}

/* The upper layer is on a tmpfs: gone with the namespace, and any store will do. */
static void decide_scratch(struct decision *decision)
{
	if (!decision_is_ns(decision)) {
		fall_to_read_only(decision, FACT_ID_COUNT);
	} else if (!decision_works(decision, FACT_ID_OVERLAY_TMPFS)) {
		fall_to_read_only(decision, FACT_ID_OVERLAY_TMPFS);
	} else {
		decision_choose(decision, FACET_LAYER, MECHANISM_KERNEL_OVERLAY, STRENGTH_ENFORCED);
		decision_note(decision, FACET_LAYER,
			      "writes go to memory and are thrown away at the end");
	}
}

void decide_layer(struct decision *decision)
{
	const struct spec *spec = decision->spec;

	if (spec->read_only) {
		choose_read_only(decision);
		decision_refuse(decision, FACET_LAYER, MECHANISM_KERNEL_OVERLAY, FACT_ID_COUNT,
				"--read-only was asked for");
	} else if (spec->is_volatile || spec->host_image) {
		decide_scratch(decision);
	} else {
		decision_choose(decision, FACET_LAYER, MECHANISM_ROOTFS_DIRECT, STRENGTH_NONE);
		decision_refuse(decision, FACET_LAYER, MECHANISM_KERNEL_OVERLAY, FACT_ID_COUNT,
				"no scratch layer was asked for (--volatile)");
	}
	decision->plan->layer = decision->plan->facets[FACET_LAYER].mechanism;
}
