// SPDX-License-Identifier: Apache-2.0
/* Which backend, and how strong the wall around the guest is. */
#include <linux/capability.h>
#include <stdio.h>

#include "core/base/cleanup.h"
#include "core/model/decision.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

static bool is_uid_zero(const struct decision *decision)
{
	return decision->facts->fact[FACT_ID_UID].value == 0;
}

static bool real_root_works(const struct decision *decision)
{
	return is_uid_zero(decision) && decision_holds_capabilities(decision, CAP(SYS_ADMIN)) &&
	       decision_works(decision, FACT_ID_ROOT_MOUNT);
}

/* The fact that says most about why no user namespace can hold the mounts. */
static enum fact_id userns_culprit(const struct decision *decision)
{
	const struct fact *gate = &decision->facts->fact[FACT_ID_USERNS_GATE];
	const struct fact *userns = &decision->facts->fact[FACT_ID_USERNS];

	if (gate->status != FACT_WORKS && gate->status != FACT_UNKNOWN && gate->text[0])
		return FACT_ID_USERNS_GATE;
	if (userns->status != FACT_WORKS && userns->status != FACT_UNKNOWN)
		return FACT_ID_USERNS;
	return FACT_ID_USERNS_MOUNT;
}

static void add_ns_refusal(struct decision *decision, enum fact_id fact)
{
	struct plan_refusal *refusal = &decision->ns_refusals[decision->ns_refusal_count++];

	refusal->mechanism = MECHANISM_MOUNT_NAMESPACE;
	refusal->fact = fact;
	fact_reason(decision->facts, fact, refusal->reason, sizeof(refusal->reason));
}

/* Real root is asked first where it exists, so its refusal is the one that counts there. */
static bool ns_works(struct decision *decision)
{
	decision->as_root = real_root_works(decision);
	if (decision->as_root || decision_works(decision, FACT_ID_USERNS_MOUNT))
		return true;
	if (is_uid_zero(decision) && decision_holds_capabilities(decision, CAP(SYS_ADMIN)))
		add_ns_refusal(decision, FACT_ID_ROOT_MOUNT);
	add_ns_refusal(decision, userns_culprit(decision));
	return false;
}

/* The fact that rules path translation out, or FACT_ID_COUNT. */
static enum fact_id ptrace_culprit(const struct decision *decision)
{
	static const enum fact_id needed[] = {FACT_ID_PTRACE, FACT_ID_SECCOMP_FILTER};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!decision_works(decision, needed[i]))
			return needed[i];
	return FACT_ID_COUNT;
}

/* "A; in a user namespace: B" */
static const char *ns_reason(const struct decision *decision, char *buffer, size_t size)
{
	const struct plan_refusal *all = decision->ns_refusals;

	if (decision->ns_refusal_count == 2)
		snprintf(buffer, size, "%s; in a user namespace: %s", all[0].reason, all[1].reason);
	else
		snprintf(buffer, size, "%s", all[0].reason);
	return buffer;
}

static const char *how_asked(const struct spec *spec, const char *name, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s", spec->backend_from_environment ? "AMPHORA_BACKEND=" :
									"--backend ", name);
	return buffer;
}

static void choose_ns(struct decision *decision)
{
	decision->plan->backend = PLAN_BACKEND_NS;
	decision_choose(decision, FACET_FILES, MECHANISM_MOUNT_NAMESPACE, STRENGTH_ENFORCED);
}

static void choose_ptrace(struct decision *decision)
{
	decision->plan->backend = PLAN_BACKEND_PTRACE;
	decision_choose(decision, FACET_FILES, MECHANISM_PATH_TRANSLATION, STRENGTH_EMULATED);
	for (unsigned i = 0; i < decision->ns_refusal_count; i++)
		decision_refuse(decision, FACET_FILES, MECHANISM_MOUNT_NAMESPACE,
				decision->ns_refusals[i].fact, "%s", decision->ns_refusals[i].reason);
}

static void choose_nothing(struct decision *decision, enum fact_id ptrace_fact)
{
	char ns[2 * FACT_TEXT_SIZE + 32], ptrace[FACT_TEXT_SIZE];

	for (unsigned i = 0; i < decision->ns_refusal_count; i++)
		decision_refuse(decision, FACET_FILES, MECHANISM_MOUNT_NAMESPACE,
				decision->ns_refusals[i].fact, "%s", decision->ns_refusals[i].reason);
	decision_refuse_fact(decision, FACET_FILES, MECHANISM_PATH_TRANSLATION, ptrace_fact);
	decision_unmet(decision, FACET_FILES, "`amphora probe` shows everything that was tried",
		       "nothing works here: mount namespace refused: %.220s; path translation "
		       "refused: %.120s",
		       ns_reason(decision, ns, sizeof(ns)),
		       fact_reason(decision->facts, ptrace_fact, ptrace, sizeof(ptrace)));
}

/* --backend ns on a machine that hasn't got it. ptrace_fact: FACT_ID_COUNT when that works. */
static bool refuse_asked_ns(struct decision *decision, enum fact_id ptrace_fact)
{
	char reason[2 * FACT_TEXT_SIZE + 32], asked[64], hint[160] = "";

	if (ptrace_fact == FACT_ID_COUNT) {
		snprintf(hint, sizeof(hint), "Without %s this runs on path translation",
			 how_asked(decision->spec, "ns", asked, sizeof(asked)));
		if (decision->spec->best_effort)
			choose_ptrace(decision);
	}
	if (decision->plan->backend == PLAN_BACKEND_NONE)
		for (unsigned i = 0; i < decision->ns_refusal_count; i++)
			decision_refuse(decision, FACET_FILES, MECHANISM_MOUNT_NAMESPACE,
					decision->ns_refusals[i].fact, "%s",
					decision->ns_refusals[i].reason);
	decision_unmet(decision, FACET_FILES, hint, "mount namespace refused: %s",
		       ns_reason(decision, reason, sizeof(reason)));
	return decision->plan->backend != PLAN_BACKEND_NONE;
}

static bool refuse_asked_ptrace(struct decision *decision, bool ns, enum fact_id fact)
{
	char reason[FACT_TEXT_SIZE], asked[64], hint[160] = "";

	if (ns && !decision->spec->bare) {
		snprintf(hint, sizeof(hint), "Without %s this runs in namespaces",
			 how_asked(decision->spec, "ptrace", asked, sizeof(asked)));
		if (decision->spec->best_effort)
			choose_ns(decision);
	}
	if (decision->plan->backend == PLAN_BACKEND_NONE)
		decision_refuse_fact(decision, FACET_FILES, MECHANISM_PATH_TRANSLATION, fact);
	decision_unmet(decision, FACET_FILES, hint, "path translation refused: %s",
		       fact_reason(decision->facts, fact, reason, sizeof(reason)));
	return decision->plan->backend != PLAN_BACKEND_NONE;
}

/* Namespaces that can't run the programs asked for. */
static bool rule_out_ns(struct decision *decision)
{
	struct plan_refusal *refusal = &decision->ns_refusals[decision->ns_refusal_count++];
	const struct platform *platform = decision->spec->platform;

	refusal->mechanism = MECHANISM_MOUNT_NAMESPACE;
	refusal->fact = FACT_ID_COUNT;
	snprintf(refusal->reason, sizeof(refusal->reason),
		 "no binfmt_misc entry qemu-%s with flag F runs %s programs here",
		 platform->machine, platform->machine);
	decision->as_root = false;
	return false;
}

bool decide_backend(struct decision *decision)
{
	enum backend_choice asked = decision->spec->backend;
	enum fact_id ptrace_fact = ptrace_culprit(decision);
	bool ns = ns_works(decision);
	bool ptrace = ptrace_fact == FACT_ID_COUNT;

	if (ns && decide_platform_needs_ptrace(decision))
		ns = rule_out_ns(decision);
	if (!ns && !ptrace) {
		choose_nothing(decision, ptrace_fact);
		return false;
	}
	if (asked == BACKEND_NS && !ns)
		return refuse_asked_ns(decision, ptrace_fact);
	if (asked == BACKEND_PTRACE && !ptrace)
		return refuse_asked_ptrace(decision, ns, ptrace_fact);
	if (ns && asked != BACKEND_PTRACE) {
		choose_ns(decision);
		return true;
	}
	if (ns) {
		struct plan_refusal *refusal = &decision->ns_refusals[decision->ns_refusal_count++];
		char text[64];

		refusal->mechanism = MECHANISM_MOUNT_NAMESPACE;
		refusal->fact = FACT_ID_COUNT;
		snprintf(refusal->reason, sizeof(refusal->reason), "%s was asked for",
			 how_asked(decision->spec, "ptrace", text, sizeof(text)));
		decision->as_root = false;
	}
	choose_ptrace(decision);
	return true;
}

void decide_boundary(struct decision *decision)
{
	const struct fact *landlock = &decision->facts->fact[FACT_ID_LANDLOCK];

	if (decision_is_ns(decision)) {
		decision_choose(decision, FACET_BOUNDARY, MECHANISM_NAMESPACES, STRENGTH_ENFORCED);
		if (decision->as_root)
			decision_note(decision, FACET_BOUNDARY,
				      "no user namespace: root in the guest is the machine's root, "
				      "held by the mount namespace, capabilities and seccomp");
		return;
	}
	if (landlock->status == FACT_WORKS && landlock->value >= 2) {
		decision_choose(decision, FACET_BOUNDARY, MECHANISM_LANDLOCK, STRENGTH_CONTENT);
		decision_refuse_ns(decision, FACET_BOUNDARY, MECHANISM_NAMESPACES);
		decision->plan->landlock = true;
		return;
	}
	decision_choose(decision, FACET_BOUNDARY, MECHANISM_NO_BOUNDARY, STRENGTH_NONE);
	decision_note(decision, FACET_BOUNDARY, "path translation is not a security boundary: run "
						"only what you would run without a container");
	decision_refuse_ns(decision, FACET_BOUNDARY, MECHANISM_NAMESPACES);
	if (landlock->status == FACT_WORKS)
		decision_refuse(decision, FACET_BOUNDARY, MECHANISM_LANDLOCK, FACT_ID_LANDLOCK,
				"ABI %d can't allow renames between directories, which dpkg needs",
				(int)landlock->value);
	else
		decision_refuse_fact(decision, FACET_BOUNDARY, MECHANISM_LANDLOCK,
				     FACT_ID_LANDLOCK);
}
