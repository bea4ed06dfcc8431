// SPDX-License-Identifier: Apache-2.0
/* Facts: names, and JSON that may come from anyone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include <cmocka.h>

#include "core/model/facts.h"

#define HEAD "{\"amphora_facts\": 1, \"facts\": "

static int read_facts(const char *text, struct facts *facts, struct error *err)
{
	return facts_from_json(text, strlen(text), facts, err);
}

static void assert_refused(const char *text, const char *message_part)
{
	struct facts facts, untouched;
	struct error err = ERROR_INIT;

	memset(&facts, 0x5a, sizeof(facts));
	untouched = facts;
	assert_int_equal(read_facts(text, &facts, &err), -EINVAL);
	if (!strstr(err.message, message_part))
		fail_msg("\"%s\" lacks \"%s\"", err.message, message_part);
	assert_memory_equal(&facts, &untouched, sizeof(facts));
}

static void every_fact_has_a_name_and_a_short_title(void **state)
{
	(void)state;
	for (int id = 0; id < FACT_ID_COUNT; id++) {
		assert_true(strlen(fact_name(id)) > 0);
		assert_in_range(strlen(fact_title(id)), 1, 22);
		assert_in_range(fact_group(id), 0, FACT_GROUP_COUNT - 1);
		for (int other = 0; other < id; other++)
			assert_string_not_equal(fact_name(id), fact_name(other));
	}
}

static void what_is_written_reads_back(void **state)
{
	struct facts facts = {0}, back;
	struct error err = ERROR_INIT;
	char *json;

	(void)state;
	for (int id = 0; id < FACT_ID_COUNT; id++) {
		struct fact *fact = &facts.fact[id];

		fact->status = id % FACT_STATUS_COUNT;
		fact->error_code = id;
		fact->value = id % 2 ? INT64_MIN + id : INT64_MAX - id;
		snprintf(fact->text, sizeof(fact->text), "\"quoted\" \\ / %d ünïcode", id);
	}
	json = facts_to_json(NULL, &facts);
	assert_int_equal(read_facts(json, &back, &err), 0);
	for (int id = 0; id < FACT_ID_COUNT; id++) {
		assert_int_equal(back.fact[id].status, facts.fact[id].status);
		assert_int_equal(back.fact[id].error_code, facts.fact[id].error_code);
		assert_true(back.fact[id].value == facts.fact[id].value);
		assert_string_equal(back.fact[id].text, facts.fact[id].text);
	}
	talloc_free(json);
}

static void json_names_the_errno(void **state)
{
	struct facts facts = {0};
	char *json;

	(void)state;
	facts.fact[FACT_ID_USERNS] = (struct fact){FACT_FAILS, EPERM, 0, "refused"};
	json = facts_to_json(NULL, &facts);
	assert_non_null(strstr(json, "\"errno_name\":\"EPERM\""));
	talloc_free(json);
	assert_string_equal(fact_errno_name(ENOSPC), "ENOSPC");
	assert_null(fact_errno_name(0));
	assert_null(fact_errno_name(-1));
	assert_null(fact_errno_name(4000));
}

static void missing_facts_are_unknown_and_unknown_names_ignored(void **state)
{
	struct facts facts;

	(void)state;
	assert_int_equal(read_facts(HEAD "{\"userns\": {\"status\": \"works\"},"
					 "\"from_the_future\": [1, 2]}, \"more\": null}",
				    &facts, NULL),
			 0);
	assert_true(fact_works(&facts, FACT_ID_USERNS));
	assert_int_equal(facts.fact[FACT_ID_PTRACE].status, FACT_UNKNOWN);
}

static void wrong_types_are_refused(void **state)
{
	(void)state;
	assert_refused("[]", "not a facts file");
	assert_refused("{}", "not a facts file");
	assert_refused("null ", "not a facts file");
	assert_refused("{\"amphora_facts\": \"1\", \"facts\": {}}", "not a facts file");
	assert_refused("{\"amphora_facts\": 2, \"facts\": {}}", "format 2");
	assert_refused(HEAD "[]}", "no object");
	assert_refused(HEAD "{\"userns\": 1}}", "userns is not an object");
	assert_refused(HEAD "{\"userns\": {\"status\": 1}}}", "userns.status is not a string");
	assert_refused(HEAD "{\"userns\": {\"status\": \"maybe\"}}}", "userns.status is none of");
	assert_refused(HEAD "{\"userns\": {}}}", "userns.status is none of");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"errno\": \"EPERM\"}}}",
		       "userns.errno is not an integer");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"errno\": -1}}}",
		       "out of range");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"value\": 1.5}}}",
		       "userns.value is not an integer");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"text\": {}}}}",
		       "userns.text is not a string");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"text\": \"a\\u0000b\"}}}",
		       "zero byte");
}

static void broken_json_is_refused(void **state)
{
	(void)state;
	assert_refused("", "ends too early");
	assert_refused(HEAD, "ends too early");
	assert_refused("{amphora_facts: 1}", "not JSON");
	assert_refused(HEAD "{}} x", "something follows");
	assert_refused("[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "not JSON");
	assert_refused(HEAD "{\"userns\": {\"status\": \"works\", \"text\": \"\xff\"}}}",
		       "not JSON");
}

static void more_than_a_mebibyte_is_refused(void **state)
{
	size_t size = 1024 * 1024 + 1;
	char *text = talloc_size(NULL, size);
	struct error err = ERROR_INIT;
	struct facts facts;

	(void)state;
	memset(text, ' ', size);
	memcpy(text, HEAD "{}}", strlen(HEAD "{}}"));
	assert_int_equal(facts_from_json(text, size - 1, &facts, &err), 0);
	assert_int_equal(facts_from_json(text, size, &facts, &err), -EINVAL);
	talloc_free(text);
}

static void text_reaches_no_terminal_as_control_characters(void **state)
{
	struct facts facts;

	(void)state;
	assert_int_equal(read_facts(HEAD "{\"userns\": {\"status\": \"fails\", \"text\": "
					 "\"a\\u001b[31mb\\nc\\u009bd\"}}}",
				    &facts, NULL),
			 0);
	for (const char *at = facts.fact[FACT_ID_USERNS].text; *at; at++)
		assert_true((unsigned char)*at >= 0x20);
	assert_string_equal(facts.fact[FACT_ID_USERNS].text, "a?[31mb?c??d");
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char json[4096] = HEAD "{\"userns\": {\"status\": \"works\", \"text\": \"x";
	struct facts facts;

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(json, "ü");
	strcat(json, "\"}}}");
	assert_int_equal(read_facts(json, &facts, NULL), 0);
	assert_int_equal(strlen(facts.fact[FACT_ID_USERNS].text), FACT_TEXT_SIZE - 1);
	assert_string_equal(facts.fact[FACT_ID_USERNS].text + FACT_TEXT_SIZE - 3, "ü");
}

static void text_that_is_not_utf8_is_written_as_json_all_the_same(void **state)
{
	struct facts facts = {0}, back;
	char *json;

	(void)state;
	facts.fact[FACT_ID_STORE] = (struct fact){FACT_WORKS, 0, 0, "/home/\xff\xc3-\xed\xa0\x80"};
	json = facts_to_json(NULL, &facts);
	assert_int_equal(read_facts(json, &back, NULL), 0);
	assert_string_equal(back.fact[FACT_ID_STORE].text, "/home/?"
							   "?-?"
							   "?"
							   "?");
	talloc_free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fact_has_a_name_and_a_short_title),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(json_names_the_errno),
		cmocka_unit_test(missing_facts_are_unknown_and_unknown_names_ignored),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(broken_json_is_refused),
		cmocka_unit_test(more_than_a_mebibyte_is_refused),
		cmocka_unit_test(text_reaches_no_terminal_as_control_characters),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(text_that_is_not_utf8_is_written_as_json_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
