// SPDX-License-Identifier: Apache-2.0
/* decide(): whether calls with paths are to be translated in the process, and what is said where they aren't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/model/plan.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

/* What a plan must have, and why nothing better: a part of the last refusal's reason, or NULL. */
static void expect(const struct spec *spec, const struct facts *facts, const struct host_info *where,
		   enum mechanism mechanism, const char *why)
{
	void *t = talloc_new(NULL);
	const struct plan_facet *facet;
	struct plan *plan;

	assert_int_equal(decide(t, spec, facts, where, &plan, NULL), 0);
	facet = &plan->facets[FACET_FAST_PATH];
	assert_string_equal(mechanism_name(facet->mechanism), mechanism_name(mechanism));
	assert_int_equal(plan->fast_path, mechanism == MECHANISM_PATCHED_SITES	? FAST_PATH_AUTO :
					  mechanism == MECHANISM_PATCHED_COPIES ? FAST_PATH_ONLY_PREPATCHED :
										  FAST_PATH_OFF);
	if (why) {
		assert_true(facet->refusal_count > 0);
		if (!strstr(facet->refusals[facet->refusal_count - 1].reason, why))
			fail_msg("\"%s\", not \"%s\"", facet->refusals[facet->refusal_count - 1].reason, why);
	}
	talloc_free(t);
}

static void what_was_asked_for_is_had_where_it_works(void **state)
{
	struct spec *spec = debian(NULL);

	(void)state;
	expect(spec, &machine_userns_off, &host, MECHANISM_PATCHED_SITES, NULL); /* nobody said anything */
	expect(spec, &machine_server_user, &host, MECHANISM_NO_TRANSLATION, NULL);
	spec->fast_path = FAST_PATH_ONLY_PREPATCHED;
	expect(spec, &machine_userns_off, &host, MECHANISM_PATCHED_COPIES, "only-prepatched");
	spec->fast_path = FAST_PATH_OFF;
	expect(spec, &machine_userns_off, &host, MECHANISM_EACH_CALL_STOPS, "--fast-path");
	talloc_free(spec);
}

static void each_reason_against_it_is_named(void **state)
{
	struct host_info large = host;
	struct facts facts = machine_userns_off;
	struct spec *spec = debian(NULL);

	(void)state;
	large.page_size = 4096;
	expect(spec, &facts, &large, MECHANISM_PATCHED_SITES, NULL);
	large.page_size = 65536;
	expect(spec, &facts, &large, MECHANISM_EACH_CALL_STOPS, "pages have 64 KiB");
	spec->strict = true;
	expect(spec, &facts, &host, MECHANISM_EACH_CALL_STOPS, "--strict");
	spec->fast_path = FAST_PATH_ONLY_PREPATCHED;
	expect(spec, &facts, &host, MECHANISM_EACH_CALL_STOPS, "--strict");
	spec->strict = false;
	spec->fake_permissions = true;
	expect(spec, &facts, &host, MECHANISM_EACH_CALL_STOPS, "--fake-permissions");
	spec->fake_permissions = false;
	spec->hidden_prefix = ".proot";
	expect(spec, &facts, &host, MECHANISM_EACH_CALL_STOPS, "hidden");
	talloc_free(spec);
}

static void a_filter_above_that_traps_what_the_stub_needs_refuses_it(void **state)
{
	struct facts facts = machine_userns_off;
	struct fact *numbers = &facts.fact[FACT_ID_TRAP_NUMBERS];
	struct spec *spec = debian(NULL);
	uint64_t words[PLAN_TRAP_WORDS] = {0};

	(void)state;
	numbers->status = FACT_WORKS;
	numbers->value = 1;
	words[SYS_faccessat2 / 64] |= UINT64_C(1) << SYS_faccessat2 % 64;
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < PLAN_TRAP_WORDS; i++)
			snprintf(numbers->text + 16 * (size_t)i, 17, "%016llx", (unsigned long long)words[i]);
		expect(spec, &facts, &host, turn ? MECHANISM_EACH_CALL_STOPS : MECHANISM_PATCHED_SITES,
		       turn ? "readlinkat" : NULL);
		words[SYS_readlinkat / 64] |= UINT64_C(1) << SYS_readlinkat % 64;
	}
	talloc_free(spec);
}

static void where_no_wall_is_behind_it_the_plan_says_so(void **state)
{
	struct spec *spec = debian(NULL);
	struct plan *plan;

	(void)state;
	assert_int_equal(decide(spec, spec, &machine_userns_off, &host, &plan, NULL), 0);
	assert_string_equal(plan->facets[FACET_FAST_PATH].note, "");
	assert_int_equal(decide(spec, spec, &machine_landlock_1, &host, &plan, NULL), 0);
	assert_non_null(strstr(plan->facets[FACET_FAST_PATH].note, "without Landlock"));
	talloc_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_is_had_where_it_works),
		cmocka_unit_test(each_reason_against_it_is_named),
		cmocka_unit_test(a_filter_above_that_traps_what_the_stub_needs_refuses_it),
		cmocka_unit_test(where_no_wall_is_behind_it_the_plan_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
