// SPDX-License-Identifier: Apache-2.0
/* What the guest's root may do, and which limits hold it. */
#include <ctype.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/capability.h>

#include "core/model/decision.h"

#define CAP(name)     (UINT64_C(1) << CAP_##name)
#define CAP_KNOWN     ((UINT64_C(2) << CAP_LAST_CAP) - 1)
#define CAP_ASKED_ALL UINT64_MAX

/* podman's default list. */
static const uint64_t default_capabilities =
	CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(KILL) |
	CAP(NET_BIND_SERVICE) | CAP(SETFCAP) | CAP(SETGID) | CAP(SETPCAP) | CAP(SETUID) |
	CAP(SYS_CHROOT);

/* The first of the bits by its name, "CAP_SYS_ADMIN". */
static const char *first_name(uint64_t bits, char *buffer, size_t size)
{
	int number = bits ? __builtin_ctzll(bits) : 0;
	char *name = cap_to_name(number);

	snprintf(buffer, size, "%s", name ? name : "?");
	for (char *at = buffer; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	cap_free(name);
	return buffer;
}

/* podman's meaning: ALL is a base that the other list takes from or is all that remains. */
static uint64_t asked_capabilities(const struct spec *spec)
{
	if (spec->capabilities_drop == CAP_ASKED_ALL)
		return spec->capabilities_add;
	if (spec->capabilities_add == CAP_ASKED_ALL)
		return CAP_KNOWN & ~spec->capabilities_drop;
	return (default_capabilities & ~spec->capabilities_drop) | spec->capabilities_add;
}

/* What --cap-add named that isn't in `given`; for ALL, what the kernel knows. */
static uint64_t missing_capabilities(const struct spec *spec, uint64_t given)
{
	uint64_t named = spec->capabilities_add;

	if (named == CAP_ASKED_ALL)
		named = CAP_KNOWN;
	if (spec->capabilities_drop != CAP_ASKED_ALL)
		named &= ~spec->capabilities_drop;
	return named & ~given;
}

static void unmet_conflict(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	uint64_t both = spec->capabilities_add & spec->capabilities_drop;
	bool add_all = spec->capabilities_add == CAP_ASKED_ALL;
	bool drop_all = spec->capabilities_drop == CAP_ASKED_ALL;
	char name[40];

	if (both == 0 || add_all != drop_all)
		return;
	decision->plan->capabilities &= ~both;
	decision_unmet(decision, FACET_PRIVILEGES, "Name it in one of --cap-add and --cap-drop",
		       "%s is both added and dropped",
		       add_all ? "ALL" : first_name(both, name, sizeof(name)));
}

static void decide_ns_privileges(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	struct plan *plan = decision->plan;
	bool kernel_has_seccomp =
		decision->facts->fact[FACT_ID_SECCOMP_FILTER].status != FACT_ABSENT;
	uint64_t missing;
	char name[40];

	decision_choose(decision, FACET_PRIVILEGES, MECHANISM_CAPS_AND_SECCOMP, STRENGTH_ENFORCED);
	plan->capabilities &= CAP_KNOWN;
	plan->seccomp_profile = spec->seccomp == SECCOMP_DEFAULT && kernel_has_seccomp;
	plan->no_new_privs = !spec->allow_new_privileges;
	if (decision->as_root)
		plan->capabilities &=
			(uint64_t)decision->facts->fact[FACT_ID_CAPABILITIES].value;
	if (spec->seccomp == SECCOMP_UNCONFINED)
		decision_note(decision, FACET_PRIVILEGES,
			      "no system-call profile: seccomp=unconfined was asked for");
	else if (!kernel_has_seccomp)
		decision_note(decision, FACET_PRIVILEGES,
			      "no system-call profile: the kernel has no seccomp filters");

	missing = missing_capabilities(spec, plan->capabilities);
	if (missing && spec->capabilities_add != CAP_ASKED_ALL)
		decision_unmet(decision, FACET_PRIVILEGES, "Start amphora with it, or leave it out",
			       "--cap-add %s: not among our own capabilities",
			       first_name(missing, name, sizeof(name)));
}

static void decide_ptrace_privileges(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	struct plan *plan = decision->plan;
	uint64_t missing = missing_capabilities(spec, default_capabilities);
	char name[40];

	decision_choose(decision, FACET_PRIVILEGES, MECHANISM_NO_NEW_PRIVS, STRENGTH_EMULATED);
	decision_refuse_ns(decision, FACET_PRIVILEGES, MECHANISM_CAPS_AND_SECCOMP);
	plan->no_new_privs = true;
	plan->capabilities &= default_capabilities;
	if (plan->fake_ids)
		decision_note(decision, FACET_PRIVILEGES,
			      "the guest's capabilities are shown, not real");
	else
		plan->capabilities &=
			(uint64_t)decision->facts->fact[FACT_ID_CAPABILITIES].value;
	if (missing)
		decision_unmet(decision, FACET_PRIVILEGES, "Leave it out, or use --backend ns",
			       "--cap-add %s: path translation gives the guest no capability",
			       first_name(missing, name, sizeof(name)));
	if (spec->allow_new_privileges)
		decision_unmet(decision, FACET_PRIVILEGES, "Leave it out, or use --backend ns",
			       "no-new-privileges=false: path translation runs under a filter that "
			       "needs no_new_privs");
}

void decide_privileges(struct decision *decision)
{
	decision->plan->capabilities = asked_capabilities(decision->spec);
	if (decision_is_ns(decision))
		decide_ns_privileges(decision);
	else
		decide_ptrace_privileges(decision);
	unmet_conflict(decision);
}

/* Under path translation a tmpfs is a directory of the host. */
static void unmet_tmpfs_sizes(struct decision *decision)
{
	const struct spec *spec = decision->spec;

	if (decision_is_ns(decision))
		return;
	for (size_t i = 0; i < spec->mount_count; i++)
		if (spec->mounts[i].kind == MOUNT_KIND_TMPFS && spec->mounts[i].size)
			decision_unmet(decision, FACET_LIMITS, "Leave size= away",
				       "size= of the tmpfs on %s: path translation can't bound it",
				       spec->mounts[i].target);
}

static void choose_limits(struct decision *decision)
{
	if (decision->spec->rlimit_count == 0) {
		decision_choose(decision, FACET_LIMITS, MECHANISM_NO_LIMITS, STRENGTH_NONE);
		decision_refuse(decision, FACET_LIMITS, MECHANISM_CGROUP2, FACT_ID_COUNT,
				"no limit was asked for");
		return;
	}
	decision_choose(decision, FACET_LIMITS, MECHANISM_RLIMITS, STRENGTH_ENFORCED);
	decision_refuse(decision, FACET_LIMITS, MECHANISM_CGROUP2, FACT_ID_COUNT,
			"nothing asked for needs a control group");
	decision_note(decision, FACET_LIMITS, "each process has them, not the container as a whole");
}

void decide_limits(struct decision *decision)
{
	choose_limits(decision);
	unmet_tmpfs_sizes(decision);
}
