// SPDX-License-Identifier: Apache-2.0
/* The fast path of path translation: by patched call sites, by patched copies of libraries alone, or none. */
#include <stdio.h>
#include <sys/syscall.h>

#include "core/base/cleanup.h"
#include "core/model/decision.h"

#define PAGE_SIZE_MAX 16384 /* the stub's text is moved by whole pages */

/* What the stub can't do without, by the numbers of plan->trapped. */
static const struct {
	unsigned number;
	const char *name;
} needed[] = {
	{SYS_newfstatat, "newfstatat"}, {SYS_fstat, "fstat"},	      {SYS_openat, "openat"},
	{SYS_readlinkat, "readlinkat"}, {SYS_lgetxattr, "lgetxattr"}, {SYS_fgetxattr, "fgetxattr"},
	{SYS_close, "close"},
};

static const char *trapped_call(const struct plan *plan)
{
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
		if (plan->trapped[needed[i].number / 64] >> needed[i].number % 64 & 1)
			return needed[i].name;
	return NULL;
}

/* Both mechanisms share what stands in their way. */
static void refuse(struct decision *decision, enum fact_id fact, const char *why)
{
	decision_refuse(decision, FACET_FAST_PATH, MECHANISM_PATCHED_SITES, fact, "%s", why);
	decision_refuse(decision, FACET_FAST_PATH, MECHANISM_PATCHED_COPIES, fact, "%s", why);
}

/* False with a reason noted: every call with a path stops. */
static bool can_be_fast(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	const char *call = trapped_call(decision->plan);
	char why[FACT_TEXT_SIZE];

	if (spec->strict)
		refuse(decision, FACT_ID_COUNT, "--strict was asked for");
	else if (spec->fast_path == FAST_PATH_OFF)
		refuse(decision, FACT_ID_COUNT, "--fast-path off was asked for");
	else if (spec->fake_permissions)
		refuse(decision, FACT_ID_COUNT, "--fake-permissions looks at each directory on a path");
	else if (spec->hidden_prefix)
		refuse(decision, FACT_ID_COUNT, "names are hidden (PRoot's -H), which only the tracer does");
	else if (call) {
		snprintf(why, sizeof(why), "a filter above us answers %s with SIGSYS", call);
		refuse(decision, FACT_ID_TRAP_NUMBERS, why);
	} else if (decision->host->page_size > PAGE_SIZE_MAX) {
		snprintf(why, sizeof(why), "the kernel's pages have %u KiB", decision->host->page_size / 1024);
		refuse(decision, FACT_ID_COUNT, why);
	} else {
		return true;
	}
	return false;
}

void decide_fast_path(struct decision *decision)
{
	struct plan *plan = decision->plan;

	plan->fast_path = FAST_PATH_OFF;
	if (decision_is_ns(decision)) {
		decision_choose(decision, FACET_FAST_PATH, MECHANISM_NO_TRANSLATION, STRENGTH_NONE);
		return;
	}
	decision_refuse_ns(decision, FACET_FAST_PATH, MECHANISM_NO_TRANSLATION);
	if (!can_be_fast(decision)) {
		decision_choose(decision, FACET_FAST_PATH, MECHANISM_EACH_CALL_STOPS, STRENGTH_EMULATED);
		return;
	}
	plan->fast_path = decision->spec->fast_path;
	if (plan->fast_path == FAST_PATH_ONLY_PREPATCHED)
		decision_refuse(decision, FACET_FAST_PATH, MECHANISM_PATCHED_SITES, FACT_ID_COUNT,
				"--fast-path only-prepatched was asked for");
	decision_choose(decision, FACET_FAST_PATH,
			plan->fast_path == FAST_PATH_AUTO ? MECHANISM_PATCHED_SITES : MECHANISM_PATCHED_COPIES,
			STRENGTH_EMULATED);
	if (!plan->landlock)
		decision_note(decision, FACET_FAST_PATH,
			      "without Landlock a guest that means to reaches the user's files by it; "
			      "--strict does without");
}
