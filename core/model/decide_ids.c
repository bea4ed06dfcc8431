// SPDX-License-Identifier: Apache-2.0
/* Which user and group ids exist inside, and what they are outside. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>

#include "core/base/cleanup.h"
#include "core/model/decision.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define ID_COUNT  UINT64_C(0xffffffff) /* 0 .. 4294967294 */

/* What root needs so that path translation has nothing to fake. */
static const struct {
	uint64_t bit;
	const char *name;
} root_capabilities[] = {
	{CAP(CHOWN), "CHOWN"},	 {CAP(DAC_OVERRIDE), "DAC_OVERRIDE"}, {CAP(FOWNER), "FOWNER"},
	{CAP(SETUID), "SETUID"}, {CAP(SETGID), "SETGID"},	      {CAP(SYS_PTRACE), "SYS_PTRACE"},
};

static uint32_t own_id(const struct decision *decision, enum fact_id fact)
{
	return (uint32_t)decision->facts->fact[fact].value;
}

static const char *missing_root_capability(const struct decision *decision)
{
	for (size_t i = 0; i < ARRAY_SIZE(root_capabilities); i++)
		if (!decision_holds_capabilities(decision, root_capabilities[i].bit))
			return root_capabilities[i].name;
	return NULL;
}

static void refuse_real_root(struct decision *decision)
{
	const char *missing = missing_root_capability(decision);

	if (own_id(decision, FACT_ID_UID) != 0)
		decision_refuse(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_UID,
				"we run as uid %" PRIu32, own_id(decision, FACT_ID_UID));
	else if (missing)
		decision_refuse(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_CAPABILITIES,
				"uid 0 without CAP_%s", missing);
	else if (!decision_holds_capabilities(decision, CAP(SYS_ADMIN)))
		decision_refuse(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_CAPABILITIES,
				"uid 0 without CAP_SYS_ADMIN");
	else
		decision_refuse_fact(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_ROOT_MOUNT);
}

/* Digits up to `end`, which is passed; at most 2^32. */
static bool number_parse(const char **at, char end, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		value = value * 10 + (uint64_t)(**at - '0');
		if (value > ID_COUNT)
			return false;
	}
	if (*at == start || **at != end)
		return false;
	*at += end != '\0';
	*ret_value = value;
	return true;
}

/* "start:count"; `own` is mapped to 0 already and can't be in the range too. */
static bool range_parse(const char **at, char end, uint32_t own, struct plan_id_range *ret_range)
{
	uint64_t start, count;

	if (!number_parse(at, ':', &start) || !number_parse(at, end, &count))
		return false;
	if (count == 0 || count >= ID_COUNT || start + count > ID_COUNT ||
	    (own >= start && own < start + count))
		return false;
	*ret_range = (struct plan_id_range){
		.inside = 1, .outside = (uint32_t)start, .count = (uint32_t)count};
	return true;
}

static void choose_one_id(struct decision *decision)
{
	struct plan *plan = decision->plan;
	const struct user_request *user = &decision->user;

	decision_choose(decision, FACET_IDS, MECHANISM_ONE_ID, STRENGTH_ENFORCED);
	decision_note(decision, FACET_IDS, "no other id exists inside: chown to one fails");
	plan->uid_ranges[0] = (struct plan_id_range){
		.inside = user->user_name ? 0 : user->uid,
		.outside = own_id(decision, FACT_ID_UID),
		.count = 1,
	};
	plan->gid_ranges[0] = (struct plan_id_range){
		.inside = user->has_group && !user->group_name ? user->gid : 0,
		.outside = own_id(decision, FACT_ID_GID),
		.count = 1,
	};
	plan->uid_range_count = plan->gid_range_count = 1;
}

/* An id asked for that the ranges don't reach. */
static bool id_is_mapped(uint32_t id, bool given, const struct plan_id_range *range)
{
	return !given || id == 0 || (id >= range->inside && id - range->inside < range->count);
}

static void choose_ranges(struct decision *decision, struct plan_id_range uids,
			  struct plan_id_range gids)
{
	struct plan *plan = decision->plan;
	const struct user_request *user = &decision->user;
	bool uid_fits = id_is_mapped(user->uid, !user->user_name, &uids);
	bool gid_fits = id_is_mapped(user->gid, user->has_group && !user->group_name, &gids);

	if (uid_fits && gid_fits) {
		decision_choose(decision, FACET_IDS, MECHANISM_SUBORDINATE_IDS, STRENGTH_ENFORCED);
		plan->uid_ranges[0].outside = own_id(decision, FACT_ID_UID);
		plan->gid_ranges[0].outside = own_id(decision, FACT_ID_GID);
		plan->uid_ranges[0].count = plan->gid_ranges[0].count = 1;
		plan->uid_ranges[1] = uids;
		plan->gid_ranges[1] = gids;
		plan->uid_range_count = plan->gid_range_count = 2;
		plan->use_newuidmap = true;
		return;
	}
	decision_refuse(decision, FACET_IDS, MECHANISM_SUBORDINATE_IDS, FACT_ID_NEWUIDMAP,
			"the id asked for is not among the mapped 0 to %" PRIu32,
			uid_fits ? gids.count : uids.count);
	choose_one_id(decision);
	decision_unmet(decision, FACET_IDS, "A larger range in /etc/subuid and /etc/subgid has it",
		       "-u %s: %s id %" PRIu32 " is not among the mapped 0 to %" PRIu32,
		       decision->spec->process.user, uid_fits ? "group" : "user",
		       uid_fits ? user->gid : user->uid, uid_fits ? gids.count : uids.count);
}

static void decide_userns_ids(struct decision *decision)
{
	const struct fact *newuidmap = &decision->facts->fact[FACT_ID_NEWUIDMAP];
	const char *text = newuidmap->text; /* "100000:65536 100000:65536": uids, gids */
	struct plan_id_range uids, gids;

	refuse_real_root(decision);
	if (newuidmap->status != FACT_WORKS) {
		decision_refuse_fact(decision, FACET_IDS, MECHANISM_SUBORDINATE_IDS,
				     FACT_ID_NEWUIDMAP);
		choose_one_id(decision);
	} else if (!range_parse(&text, ' ', own_id(decision, FACT_ID_UID), &uids) ||
		   !range_parse(&text, '\0', own_id(decision, FACT_ID_GID), &gids)) {
		decision_refuse(decision, FACET_IDS, MECHANISM_SUBORDINATE_IDS, FACT_ID_NEWUIDMAP,
				"the ranges \"%.100s\" can't be used", newuidmap->text);
		choose_one_id(decision);
	} else {
		choose_ranges(decision, uids, gids);
	}
}

static void choose_host_ids(struct decision *decision)
{
	decision_choose(decision, FACET_IDS, MECHANISM_HOST_IDS, STRENGTH_NONE);
	decision_refuse(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_COUNT,
			"the caller's own ids were asked for");
	decision->plan->keep_ids = true;
}

/* -i U:G of PRoot is a disguise, not an account: real ids serve only where nothing changes. */
static bool real_root_will_do(const struct decision *decision)
{
	const struct user_request *user = &decision->user;

	if (own_id(decision, FACT_ID_UID) != 0 || missing_root_capability(decision))
		return false;
	return decision->spec->ids != IDS_CHANGED ||
	       (user->uid == 0 && user->has_group && user->gid == 0);
}

static void unmet_namespaced_ids(struct decision *decision)
{
	if (decision_is_ns(decision) && decision->spec->ids != IDS_CONTAINER)
		decision_unmet(decision, FACET_IDS, "Use --backend ptrace",
			       "only path translation leaves ids as they are");
}

static void choose_ids(struct decision *decision)
{
	if (decision_is_ns(decision) && decision->as_root) {
		decision_choose(decision, FACET_IDS, MECHANISM_REAL_ROOT, STRENGTH_ENFORCED);
		return;
	}
	if (decision_is_ns(decision)) {
		decide_userns_ids(decision);
		return;
	}
	if (decision->spec->ids == IDS_HOST) {
		choose_host_ids(decision);
		return;
	}
	if (real_root_will_do(decision)) {
		decision_choose(decision, FACET_IDS, MECHANISM_REAL_ROOT, STRENGTH_ENFORCED);
		return;
	}
	decision_choose(decision, FACET_IDS, MECHANISM_FAKED_IDS, STRENGTH_EMULATED);
	if (decision->spec->ids == IDS_CHANGED)
		decision_refuse(decision, FACET_IDS, MECHANISM_REAL_ROOT, FACT_ID_COUNT,
				"changed ids were asked for");
	else
		refuse_real_root(decision);
	decision_refuse_ns(decision, FACET_IDS, MECHANISM_SUBORDINATE_IDS);
	decision_refuse_ns(decision, FACET_IDS, MECHANISM_ONE_ID);
	decision->plan->fake_ids = true;
	decision->plan->own_ids_are_users = decision->spec->ids == IDS_CHANGED;
}

void decide_ids(struct decision *decision)
{
	choose_ids(decision);
	unmet_namespaced_ids(decision);
}
