// SPDX-License-Identifier: Apache-2.0
/* decide(): what was asked and what works here become a plan.
 *
 * Theory of operation
 *
 *   backend -> boundary -> namespaces -> ids -> layer -> privileges, limits -> fast path -> operations
 *
 * The backend is the first choice and the only one that others depend on as a whole; from there each
 * facet falls back alone. A facet that can't give what was asked for notes it and goes on, so that
 * one run shows everything that stands in the way: the first such note is the error, or, under
 * --best-effort, all of them are warnings in the plan. No I/O and no clock: the same spec, facts and
 * host always give the same plan, which is how machines that we lack are tested.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/model/decision.h"

/* Facts without the map (from elsewhere, or a check that failed): every SIGSYS is taken for the outer
 * filter's. */
static void decide_trapped(struct decision *decision)
{
	const struct fact *numbers = &decision->facts->fact[FACT_ID_TRAP_NUMBERS];
	const struct fact *outer = &decision->facts->fact[FACT_ID_OUTER_SECCOMP];
	const struct fact *trap_map = &decision->facts->fact[FACT_ID_TRAP_MAP];
	uint64_t *trapped = decision->plan->trapped;

	if (numbers->status == FACT_WORKS) {
		for (unsigned i = 0; i < PLAN_TRAP_WORDS && numbers->value; i++) {
			char word[17] = "";

			memcpy(word, numbers->text + 16 * (size_t)i, 16);
			trapped[i] = strtoull(word, NULL, 16);
		}
	} else if (outer->status == FACT_FAILS || trap_map->status == FACT_TRAPPED) {
		memset(trapped, 0xff, sizeof(decision->plan->trapped));
	}
}

static void decide_facets(struct decision *decision)
{
	struct plan *plan = decision->plan;
	const struct fact *netlink = &decision->facts->fact[FACT_ID_NETLINK_ROUTE];
	const struct fact *order = &decision->facts->fact[FACT_ID_SECCOMP_ORDER];

	decide_platform(decision);
	decide_boundary(decision);
	decide_namespaces(decision);
	decide_ids(decision);
	decide_layer(decision);
	decide_links(decision);
	decide_privileges(decision);
	decide_limits(decision);
	decision_fill_gaps(decision);

	plan->mount_api = decision_works(decision, FACT_ID_MOUNT_API);
	plan->process_vm = decision_works(decision, FACT_ID_PROCESS_VM);
	plan->notify = plan->fake_ids && decision_works(decision, FACT_ID_SECCOMP_NOTIFY);
	plan->openat2 = decision_works(decision, FACT_ID_OPENAT2);
	plan->syscall_info = decision_works(decision, FACT_ID_PTRACE_SYSCALL_INFO);
	plan->emulate_netlink = plan->backend == PLAN_BACKEND_PTRACE && !plan->deny_network &&
				netlink->status != FACT_UNKNOWN && netlink->status != FACT_WORKS;
	/* Unprobed: what every kernel since 4.8 does. */
	plan->seccomp_stop_after_entry = order->status == FACT_WORKS ? order->value == 1 : true;
	decide_trapped(decision);
	decide_fast_path(decision);
	decide_operations(decision);
}

int decide(void *parent, const struct spec *spec, const struct facts *facts,
	   const struct host_info *host, struct plan **ret_plan, struct error *err)
{
	static const struct host_info no_host;
	struct decision decision = {
		.spec = spec,
		.facts = facts,
		.host = host ? host : &no_host,
	};
	int r;

	*ret_plan = NULL;
	decision.plan = talloc_zero(parent, struct plan);
	if (!decision.plan)
		return error_set(err, ENOMEM, "plan");
	decision.plan->spec = spec;
	decision.plan->rootfs = spec->host_image ? "/" : spec->rootfs;
	if (spec->process.user) {
		r = user_request_parse(decision.plan, spec->process.user, &decision.user, err);
		if (r < 0) {
			talloc_free(decision.plan);
			return r;
		}
	}

	if (decide_backend(&decision))
		decide_facets(&decision);
	if (decision.out_of_memory) {
		talloc_free(decision.plan);
		return error_set(err, ENOMEM, "plan");
	}
	*ret_plan = decision.plan;
	if (decision.unmet.code == 0)
		return 0;
	if (err)
		*err = decision.unmet;
	return -decision.unmet.code;
}
