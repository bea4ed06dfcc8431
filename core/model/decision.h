/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of decide(): one decision in the making, passed from facet to facet. Private to
 * core/model/decide*.c.
 *
 * Each decide_*() reads spec and facts, chooses a mechanism for its facets, and records every better
 * one with the fact that refused it. Order matters and is fixed in decide(): backend first, boundary
 * before layer, the operations last.
 */
#ifndef AMPHORA_MODEL_DECISION_H
#define AMPHORA_MODEL_DECISION_H

#include "core/model/plan.h"

struct decision {
	const struct spec *spec;
	const struct facts *facts;
	const struct host_info *host; /* never NULL */
	struct plan *plan;
	struct user_request user; /* of spec->process.user */
	bool as_root;		  /* ns: real root, no user namespace */
	/* Why a mount namespace was not taken; [0] speaks for every facet that needed one. */
	struct plan_refusal ns_refusals[2];
	unsigned ns_refusal_count;
	struct error unmet; /* the first request that can't be met; code 0: none */
	bool out_of_memory;
};

/* decide_reason.c: what was chosen, what wasn't, and why. */
void decision_choose(struct decision *decision, enum facet facet, enum mechanism mechanism,
		     enum strength strength);
/* A better mechanism refused by a fact, in the fact's own words. */
void decision_refuse_fact(struct decision *decision, enum facet facet, enum mechanism mechanism,
			  enum fact_id fact);
/* The same in our words; fact is FACT_ID_COUNT when a request or our own limits refused it. */
void decision_refuse(struct decision *decision, enum facet facet, enum mechanism mechanism,
		     enum fact_id fact, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for whatever refused the mount namespace. */
void decision_refuse_ns(struct decision *decision, enum facet facet, enum mechanism mechanism);
void decision_note(struct decision *decision, enum facet facet, const char *note);
/* A request that the mechanism chosen for the facet (call this after choosing) doesn't honour: a
 * warning under --best-effort, else the error. */
void decision_unmet(struct decision *decision, enum facet facet, const char *hint,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The sentence for a fact that doesn't work. */
const char *fact_reason(const struct facts *facts, enum fact_id fact, char *buffer, size_t size);
/* Fills in a reason for each better mechanism that this backend never has. */
void decision_fill_gaps(struct decision *decision);

/* decide_backend.c; false: nothing works, or not what was asked for. */
bool decide_backend(struct decision *decision);
void decide_boundary(struct decision *decision);

/* decide_platform.c: whether only path translation can run the programs asked for; what runs them. */
bool decide_platform_needs_ptrace(const struct decision *decision);
void decide_platform(struct decision *decision);

void decide_namespaces(struct decision *decision); /* decide_namespaces.c */
/* decide_ipc.c: whether path translation keeps System V IPC itself; says why not. */
bool decide_sysvipc(struct decision *decision);
void decide_ids(struct decision *decision);	   /* decide_ids.c */
void decide_layer(struct decision *decision);	   /* decide_layer.c */
void decide_links(struct decision *decision);	   /* decide_links.c */
void decide_privileges(struct decision *decision); /* decide_privileges.c */
void decide_limits(struct decision *decision);
void decide_fast_path(struct decision *decision); /* decide_fast.c */
void decide_operations(struct decision *decision); /* decide_operations.c */

static inline bool decision_works(const struct decision *decision, enum fact_id fact)
{
	return fact_works(decision->facts, fact);
}

static inline bool decision_is_ns(const struct decision *decision)
{
	return decision->plan->backend == PLAN_BACKEND_NS;
}

static inline bool decision_unshares(const struct decision *decision, uint64_t clone_flag)
{
	return (decision->plan->clone_flags & clone_flag) != 0;
}

/* CapEff of the process that will start the container holds all of these bits. */
static inline bool decision_holds_capabilities(const struct decision *decision, uint64_t bits)
{
	return ((uint64_t)decision->facts->fact[FACT_ID_CAPABILITIES].value & bits) == bits;
}

#endif
