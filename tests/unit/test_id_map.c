// SPDX-License-Identifier: Apache-2.0
/* uid_map and gid_map: what the kernel takes, and what it makes of ids. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ptrace_backend/id_map.h"

static struct id_map map, parent;

static int parse(const char *text, const struct id_map *above)
{
	return id_map_parse(text, strlen(text), above, &map);
}

static void one_range(void **state)
{
	(void)state;
	assert_int_equal(parse("0 1000 1\n", NULL), 0);
	assert_int_equal(id_map_show(&map, 1000), 0);
	assert_int_equal(id_map_show(&map, 0), ID_OVERFLOW);
	assert_int_equal(id_map_show(&map, 1001), ID_OVERFLOW);
	assert_int_equal(id_map_take(&map, 0), 1000);
	assert_int_equal(id_map_take(&map, 1), ID_NONE);
	assert_true(id_map_has(&map, 1000));
	assert_false(id_map_has(&map, 999));
	assert_int_equal(id_map_show(NULL, 7), 7);
}

static void several_ranges(void **state)
{
	(void)state;
	assert_int_equal(parse("         0       1000          1\n 1 100000 65536", NULL), 0);
	assert_int_equal(map.count, 2);
	assert_int_equal(id_map_show(&map, 100000), 1);
	assert_int_equal(id_map_take(&map, 65536), 165535);
	assert_int_equal(id_map_take(&map, 65537), ID_NONE);
}

static void a_map_inside_a_map(void **state)
{
	(void)state;
	assert_int_equal(parse("0 1000 10\n", NULL), 0);
	parent = map;
	assert_int_equal(parse("5 2 3\n", &parent), 0);
	assert_int_equal(id_map_take(&map, 5), 1002);
	assert_int_equal(parse("0 9 2\n", &parent), -EPERM);
	assert_int_equal(parse("0 1000 1\n", &parent), -EPERM);
}

static void what_the_kernel_refuses(void **state)
{
	static const char *const bad[] = {
		"",	   "\n",	    "0",	"0 1",		  "0 1 0",	"a b c",
		"0 0 1 x", "0 0 4294967296", "-1 0 1",	"4294967295 0 1", "0 4294967295 1",
		"1 0 4294967295",	     "0 0 2\n1 5 1", "0 0 2\n5 1 1", "0 0 1\n\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], NULL) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
	assert_int_equal(parse("0 0 4294967295", NULL), 0);
}

static void nothing_is_mapped_before_it_is_written(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	assert_int_equal(id_map_show(&map, 0), ID_OVERFLOW);
	assert_int_equal(id_map_take(&map, 0), ID_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_range),
		cmocka_unit_test(several_ranges),
		cmocka_unit_test(a_map_inside_a_map),
		cmocka_unit_test(what_the_kernel_refuses),
		cmocka_unit_test(nothing_is_mapped_before_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
