// SPDX-License-Identifier: Apache-2.0
/* The table of `amphora probe`, and what the facts mean for the backends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include <cmocka.h>

#include "probe/probe.h"

static void all_work(struct facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	for (int id = 0; id < FACT_ID_COUNT; id++)
		facts->fact[id].status = FACT_WORKS;
}

static void set_failed(struct facts *facts, enum fact_id id, int code, const char *text)
{
	facts->fact[id].status = FACT_FAILS;
	facts->fact[id].error_code = code;
	snprintf(facts->fact[id].text, sizeof(facts->fact[id].text), "%s", text);
}

/* Columns of the widest line; UTF-8 continuation bytes take none. */
static size_t width(const char *table)
{
	size_t widest = 0, columns = 0;

	for (; *table; table++) {
		columns = *table == '\n' ? 0 : columns + ((*table & 0xc0) != 0x80);
		if (columns > widest)
			widest = columns;
	}
	return widest;
}

static void no_line_is_wider_than_80_columns(void **state)
{
	char *table;
	struct facts facts;

	(void)state;
	all_work(&facts);
	for (int id = 0; id < FACT_ID_COUNT; id++) {
		struct fact *fact = &facts.fact[id];

		fact->status = id % FACT_STATUS_COUNT;
		fact->error_code = id;
		fact->value = INT64_MIN;
		/* one word longer than a line, then short ones */
		memset(fact->text, 'x', 100);
		for (size_t at = 100; at + 8 < sizeof(fact->text); at += 6)
			memcpy(fact->text + at, " wörd", 7);
	}
	table = probe_table(NULL, &facts, false);
	assert_in_range(width(table), 40, 80);
	talloc_free(table);
}

static void a_sentence_is_continued_below_where_it_starts(void **state)
{
	struct facts facts;
	char *table;

	(void)state;
	all_work(&facts);
	set_failed(&facts, FACT_ID_USERNS_GATE, ENOSPC,
		   "user.max_user_namespaces = 0 (sysctl); ask the administrator for sysctl "
		   "user.max_user_namespaces=15000");
	table = probe_table(NULL, &facts, false);
	assert_non_null(
		strstr(table, "  userns gate            fails   ENOSPC: "
			      "user.max_user_namespaces = 0 (sysctl);\n"
			      "                                 ask the administrator for sysctl\n"
			      "                                 user.max_user_namespaces=15000\n"));
	talloc_free(table);
}

static void every_fact_has_a_row(void **state)
{
	struct facts facts;
	char *table;

	(void)state;
	all_work(&facts);
	table = probe_table(NULL, &facts, false);
	for (int id = 0; id < FACT_ID_COUNT; id++)
		assert_non_null(strstr(table, fact_title(id)));
	talloc_free(table);
}

static void a_table_without_colour_has_no_escapes(void **state)
{
	struct facts facts;
	char *table;

	(void)state;
	all_work(&facts);
	set_failed(&facts, FACT_ID_FUSE, EACCES, "can't open /dev/fuse");
	table = probe_table(NULL, &facts, false);
	assert_null(strchr(table, '\033'));
	talloc_free(table);
	table = probe_table(NULL, &facts, true);
	assert_non_null(strstr(table, "\033[31mfails"));
	talloc_free(table);
}

static void namespaces_need_a_mount_namespace_of_some_kind(void **state)
{
	struct facts facts;
	char reason[400];

	(void)state;
	all_work(&facts);
	facts.fact[FACT_ID_UID].value = 1000;
	set_failed(&facts, FACT_ID_ROOT_MOUNT, EPERM, "needs CAP_SYS_ADMIN");
	assert_true(probe_namespaces_work(&facts, reason, sizeof(reason)));
	set_failed(&facts, FACT_ID_USERNS_MOUNT, EACCES, "mounting a tmpfs is refused");
	assert_false(probe_namespaces_work(&facts, reason, sizeof(reason)));
	assert_string_equal(reason, "EACCES: mounting a tmpfs is refused");
	set_failed(&facts, FACT_ID_USERNS_GATE, EACCES, "AppArmor");
	assert_false(probe_namespaces_work(&facts, reason, sizeof(reason)));
	assert_string_equal(reason, "EACCES: AppArmor");
	facts.fact[FACT_ID_ROOT_MOUNT].status = FACT_WORKS;
	assert_false(probe_namespaces_work(&facts, reason, sizeof(reason)));
	facts.fact[FACT_ID_UID].value = 0;
	assert_true(probe_namespaces_work(&facts, reason, sizeof(reason)));
}

static void ptrace_needs_a_seccomp_filter(void **state)
{
	struct facts facts;
	char reason[400];

	(void)state;
	all_work(&facts);
	assert_true(probe_ptrace_works(&facts, reason, sizeof(reason)));
	set_failed(&facts, FACT_ID_SECCOMP_FILTER, EINVAL, "refused");
	assert_false(probe_ptrace_works(&facts, reason, sizeof(reason)));
	assert_string_equal(reason, "EINVAL: refused");
}

static void an_empty_facts_file_has_no_backend(void **state)
{
	struct facts facts = {0};
	char reason[400];

	(void)state;
	assert_false(probe_namespaces_work(&facts, reason, sizeof(reason)));
	assert_string_equal(reason, "user namespace: unknown");
	assert_false(probe_ptrace_works(&facts, reason, sizeof(reason)));
	assert_string_equal(reason, "ptrace: unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_line_is_wider_than_80_columns),
		cmocka_unit_test(a_sentence_is_continued_below_where_it_starts),
		cmocka_unit_test(every_fact_has_a_row),
		cmocka_unit_test(a_table_without_colour_has_no_escapes),
		cmocka_unit_test(namespaces_need_a_mount_namespace_of_some_kind),
		cmocka_unit_test(ptrace_needs_a_seccomp_filter),
		cmocka_unit_test(an_empty_facts_file_has_no_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
