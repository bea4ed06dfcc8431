// SPDX-License-Identifier: Apache-2.0
/* Choices and refusals, and the words for them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/model/decision.h"

void decision_choose(struct decision *decision, enum facet facet, enum mechanism mechanism,
		     enum strength strength)
{
	decision->plan->facets[facet].mechanism = mechanism;
	decision->plan->facets[facet].strength = strength;
}

static struct plan_refusal *refusal_add(struct decision *decision, enum facet facet)
{
	struct plan_facet *chosen = &decision->plan->facets[facet];

	if (chosen->refusal_count == PLAN_REFUSALS_MAX)
		return NULL;
	return &chosen->refusals[chosen->refusal_count++];
}

void decision_refuse_fact(struct decision *decision, enum facet facet, enum mechanism mechanism,
			  enum fact_id fact)
{
	struct plan_refusal *refusal = refusal_add(decision, facet);

	if (!refusal)
		return;
	refusal->mechanism = mechanism;
	refusal->fact = fact;
	fact_reason(decision->facts, fact, refusal->reason, sizeof(refusal->reason));
}

void decision_refuse(struct decision *decision, enum facet facet, enum mechanism mechanism,
		     enum fact_id fact, const char *format, ...)
{
	struct plan_refusal *refusal = refusal_add(decision, facet);
	va_list args;

	if (!refusal)
		return;
	refusal->mechanism = mechanism;
	refusal->fact = fact;
	va_start(args, format);
	vsnprintf(refusal->reason, sizeof(refusal->reason), format, args);
	va_end(args);
}

void decision_refuse_ns(struct decision *decision, enum facet facet, enum mechanism mechanism)
{
	struct plan_refusal *refusal = refusal_add(decision, facet);

	if (!refusal)
		return;
	*refusal = decision->ns_refusals[0];
	refusal->mechanism = mechanism;
}

void decision_note(struct decision *decision, enum facet facet, const char *note)
{
	struct plan_facet *chosen = &decision->plan->facets[facet];

	snprintf(chosen->note, sizeof(chosen->note), "%s", note);
}

void decision_unmet(struct decision *decision, enum facet facet, const char *hint,
		    const char *format, ...)
{
	struct plan *plan = decision->plan;
	struct plan_facet *chosen = &plan->facets[facet];
	char what[FACT_TEXT_SIZE + 128];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (decision->spec->best_effort && chosen->mechanism != MECHANISM_NOT_CHOSEN) {
		chosen->weakened = true;
		if (plan->warning_count < PLAN_WARNINGS_MAX)
			snprintf(plan->warnings[plan->warning_count++], FACT_TEXT_SIZE,
				 "facet %s: %.160s; used instead: %s", facet_name(facet), what,
				 mechanism_name(chosen->mechanism));
		return;
	}
	if (decision->unmet.code != 0)
		return;
	error_plain(&decision->unmet, "facet %s: %s", facet_name(facet), what);
	if (hint && hint[0])
		error_hint(&decision->unmet, "%s", hint);
	error_exit_code(&decision->unmet, EXIT_AMPHORA);
}

const char *fact_reason(const struct facts *facts, enum fact_id fact, char *buffer, size_t size)
{
	const struct fact *row = &facts->fact[fact];

	if (row->status != FACT_WORKS && row->text[0])
		snprintf(buffer, size, "%s", row->text);
	else if (row->status == FACT_UNKNOWN)
		snprintf(buffer, size, "%s: not probed", fact_title(fact));
	else if (row->error_code != 0)
		snprintf(buffer, size, "%s: %s", fact_title(fact), strerror(row->error_code));
	else
		snprintf(buffer, size, "%s: %s", fact_title(fact), fact_status_name(row->status));
	return buffer;
}

/* Mechanisms that a backend never has, whatever the machine allows. */
static const struct {
	enum facet facet;
	enum mechanism mechanism;
	enum plan_backend backend;
	const char *reason;
} never[] = {
	{FACET_PROCESSES, MECHANISM_FILTERED_PROC, PLAN_BACKEND_NS,
	 "only path translation filters /proc"},
	{FACET_NETWORK, MECHANISM_SOCKET_FILTER, PLAN_BACKEND_NS,
	 "only path translation refuses sockets by a filter"},
	{FACET_HOSTNAME, MECHANISM_EMULATED, PLAN_BACKEND_NS,
	 "only path translation answers uname by itself"},
	{FACET_IPC, MECHANISM_EMULATED, PLAN_BACKEND_NS, "only path translation emulates it"},
	{FACET_IPC, MECHANISM_EMULATED, PLAN_BACKEND_PTRACE,
	 "the kernel's works, --sysvipc emulated was not asked for"},
	{FACET_CGROUP_VIEW, MECHANISM_EMULATED, PLAN_BACKEND_NS, "not built yet"},
	{FACET_CGROUP_VIEW, MECHANISM_EMULATED, PLAN_BACKEND_PTRACE, "not built yet"},
	{FACET_TIME, MECHANISM_EMULATED, PLAN_BACKEND_NS, "not built yet"},
	{FACET_TIME, MECHANISM_EMULATED, PLAN_BACKEND_PTRACE, "not built yet"},
};

static bool is_better_and_unexplained(const struct decision *decision, enum facet facet,
				      enum mechanism mechanism)
{
	const struct plan_facet *chosen = &decision->plan->facets[facet];

	/* A request that left the best aside left all better ones aside. */
	if (chosen->mechanism <= mechanism ||
	    (chosen->refusal_count > 0 && chosen->refusals[0].fact == FACT_ID_COUNT))
		return false;
	for (unsigned i = 0; i < chosen->refusal_count; i++)
		if (chosen->refusals[i].mechanism == mechanism)
			return false;
	return true;
}

void decision_fill_gaps(struct decision *decision)
{
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (never[i].backend == decision->plan->backend &&
		    is_better_and_unexplained(decision, never[i].facet, never[i].mechanism))
			decision_refuse(decision, never[i].facet, never[i].mechanism, FACT_ID_COUNT,
					"%s", never[i].reason);
}
