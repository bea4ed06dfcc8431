// SPDX-License-Identifier: Apache-2.0
/* What a person and a script see of a plan. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

static const struct plan *plan_for(struct spec *spec, const struct facts *facts)
{
	struct plan *plan;

	decide(spec, spec, facts, &host, &plan, NULL);
	assert_non_null(plan);
	return plan;
}

static void every_machines_table_fits_a_phone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_machines); i++) {
		struct spec *spec = debian(NULL);
		const char *table = plan_to_table(spec, plan_for(spec, all_machines[i]));

		for (; *table; table += strcspn(table, "\n") + 1)
			assert_true(strcspn(table, "\n") <= 80);
		talloc_free(spec);
	}
}

static void a_facet_shows_what_was_chosen_and_why_not_better(void **state)
{
	struct spec *spec = debian(NULL);
	const char *table = plan_to_table(spec, plan_for(spec, &machine_hpc_node));

	(void)state;
	assert_non_null(strstr(table, "backend         ptrace\n"));
	assert_non_null(strstr(table, "files           path translation              emulated\n"
				      "    not mount namespace: user.max_user_namespaces = 0 (sysctl)\n"));
	assert_non_null(strstr(table, "boundary        Landlock                      content\n"
				      "    not namespaces: as for files\n"));
	assert_non_null(strstr(table, "  root      /srv/debian\n"));
	talloc_free(spec);
}

static void what_best_effort_gave_up_is_marked(void **state)
{
	struct spec *spec = debian(NULL);
	const char *table;

	(void)state;
	spec->net.mode = NET_MODE_NAT;
	spec->best_effort = true;
	table = plan_to_table(spec, plan_for(spec, &machine_server_user));
	assert_non_null(strstr(table, "host network                  none (less than asked for)\n"));
	assert_non_null(strstr(table, "warning: facet network: nat is not built yet; used instead: "
				      "host network\n"));
	talloc_free(spec);
}

static void nothing_in_a_table_steers_the_terminal(void **state)
{
	struct spec *spec = debian(NULL);
	struct facts facts = machine_hpc_node;
	const char *table;

	(void)state;
	strcpy(facts.fact[FACT_ID_USERNS_GATE].text, "\x1b]0;pwned\x07 \xc2\x9b" "31m caf\xc3\xa9\n");
	spec->rootfs = "/srv/\x1b[2Jdebian";
	table = plan_to_table(spec, plan_for(spec, &facts));
	assert_non_null(strstr(table, "?]0;pwned? ?31m caf\xc3\xa9?"));
	assert_non_null(strstr(table, "/srv/?[2Jdebian"));
	assert_null(strchr(table, '\x1b'));
	talloc_free(spec);
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void json_says_all_that_the_table_says(void **state)
{
	struct spec *spec = debian(NULL);
	const struct plan *plan = plan_for(spec, &machine_userns_off);
	struct json_object *root = json_tokener_parse(plan_to_json(spec, plan));
	struct json_object *files, *refusal;

	(void)state;
	assert_non_null(root);
	assert_string_equal(json_object_get_string(member(root, "backend")), "ptrace");
	assert_int_equal(json_object_object_length(member(root, "facets")), FACET_COUNT);
	files = member(member(root, "facets"), "files");
	assert_string_equal(json_object_get_string(member(files, "mechanism")), "path translation");
	assert_string_equal(json_object_get_string(member(files, "strength")), "emulated");
	refusal = json_object_array_get_idx(member(files, "refused"), 0);
	assert_string_equal(json_object_get_string(member(refusal, "fact")), "userns_gate");
	assert_string_equal(json_object_get_string(member(refusal, "reason")),
			    "user.max_user_namespaces = 0 (sysctl)");
	assert_int_equal(json_object_array_length(member(root, "operations")), plan->op_count);
	assert_true(json_object_get_boolean(member(root, "fake_ids")));
	json_object_put(root);

	plan = plan_for(spec, &machine_server_user);
	root = json_tokener_parse(plan_to_json(spec, plan));
	assert_int_equal(json_object_array_length(member(root, "namespaces")), 7);
	assert_int_equal(json_object_array_length(member(root, "uid_ranges")), 2);
	assert_int_equal(json_object_array_length(member(root, "capabilities")), 11);
	json_object_put(root);
	talloc_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_machines_table_fits_a_phone),
		cmocka_unit_test(a_facet_shows_what_was_chosen_and_why_not_better),
		cmocka_unit_test(what_best_effort_gave_up_is_marked),
		cmocka_unit_test(nothing_in_a_table_steers_the_terminal),
		cmocka_unit_test(json_says_all_that_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
