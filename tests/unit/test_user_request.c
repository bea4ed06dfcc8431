// SPDX-License-Identifier: Apache-2.0
/* `-u`: a number or a name, and nothing that could be taken for 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/model/spec.h"

static void what_is_plain_is_accepted(void **state)
{
	static const struct {
		const char *text;
		struct user_request wanted;
	} cases[] = {
		{"0", {.uid = 0}},
		{"1000", {.uid = 1000}},
		{"4294967294", {.uid = 4294967294u}},
		{"root", {.user_name = "root"}},
		{"_apt", {.user_name = "_apt"}},
		{"www-data", {.user_name = "www-data"}},
		{"a.b_c-1", {.user_name = "a.b_c-1"}},
		{"machine$", {.user_name = "machine$"}},
		{"1000:0", {.uid = 1000, .has_group = true}},
		{"0:4294967294", {.gid = 4294967294u, .has_group = true}},
		{"1000:users", {.uid = 1000, .group_name = "users", .has_group = true}},
		{"me:users", {.user_name = "me", .group_name = "users", .has_group = true}},
		{"me:100", {.user_name = "me", .gid = 100, .has_group = true}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct user_request *wanted = &cases[i].wanted;
		struct user_request got;
		void *t = talloc_new(NULL);

		assert_int_equal(user_request_parse(t, cases[i].text, &got, NULL), 0);
		assert_int_equal(got.uid, wanted->uid);
		assert_int_equal(got.gid, wanted->gid);
		assert_int_equal(got.has_group, wanted->has_group);
		assert_int_equal(got.user_name == NULL, wanted->user_name == NULL);
		assert_int_equal(got.group_name == NULL, wanted->group_name == NULL);
		if (wanted->user_name)
			assert_string_equal(got.user_name, wanted->user_name);
		if (wanted->group_name)
			assert_string_equal(got.group_name, wanted->group_name);
		talloc_free(t);
	}
}

/* CVE-2026-30892 and its kin: each of these once meant root somewhere. */
static void what_is_not_plain_is_refused(void **state)
{
	static const char *const cases[] = {
		"",	 ":",	     "1000:",	  ":1000",     "1000::",      "1000:0:0",
		"-1",	 "+1",	     " 0",	  "0 ",	       "1 000",	      "4294967295",
		"4294967296", "18446744073709551616", "99999999999999999999999999", "0x0", "0X10",
		"00",	 "01000",    "1e3",	  "1.0",       "1abc",	      "-name",
		".name", "na me",    "na/me",	  "na\nme",    "\t0",	      "0\n",
		"me:",	 "me:-1",    "me: users", "me:0x0",    "me:4294967295", "$",
		"a$b",	 "name\x7f", "n\xc3\xa4me", "0\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct user_request request = {.uid = 7, .gid = 7};
		struct error err = ERROR_INIT;
		void *t = talloc_new(NULL);

		if (user_request_parse(t, cases[i], &request, &err) == 0)
			fail_msg("\"%s\" was accepted", cases[i]);
		assert_int_equal(request.uid, 7);
		assert_int_equal(request.gid, 7);
		assert_true(err.message[0]);
		talloc_free(t);
	}
}

static void a_name_has_a_length(void **state)
{
	char name[300];
	struct user_request request;
	void *t = talloc_new(NULL);

	(void)state;
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_int_equal(user_request_parse(t, name, &request, NULL), 0);
	name[255] = 'a';
	name[256] = '\0';
	assert_true(user_request_parse(t, name, &request, NULL) < 0);
	talloc_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_plain_is_accepted),
		cmocka_unit_test(what_is_not_plain_is_refused),
		cmocka_unit_test(a_name_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
