// SPDX-License-Identifier: Apache-2.0
/* Building and checking a spec. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/model/guest_path.h"
#include "core/model/spec.h"

static const char *const command[] = {"true", NULL};

static struct spec *good_spec(void)
{
	struct spec *spec = spec_new(NULL);

	spec->rootfs = "/srv/debian";
	spec->process.argv = (const char **)talloc_memdup(spec, command, sizeof(command));
	spec->process.argc = 1;
	return spec;
}

static int add(struct spec *spec, enum mount_kind kind, const char *source, const char *target)
{
	struct mount_request mount = {.kind = kind, .source = source, .target = target};

	return spec_add_mount(spec, &mount, NULL);
}

static void a_mount_is_copied_and_kept_as_written(void **state)
{
	struct spec *spec = good_spec();
	char target[] = "//data/./x/", source[] = "/src/../etc";

	(void)state;
	assert_int_equal(add(spec, MOUNT_KIND_BIND, source, target), 0);
	memset(target, 'x', sizeof(target) - 1);
	memset(source, 'x', sizeof(source) - 1);
	assert_string_equal(spec->mounts[0].target, "//data/./x/");
	assert_string_equal(spec->mounts[0].source, "/src/../etc");
	assert_int_equal(add(spec, MOUNT_KIND_TMPFS, "ignored", "/tmp"), 0);
	assert_null(spec->mounts[1].source);
	assert_int_equal(spec->mount_count, 2);
	talloc_free(spec);
}

static void a_mount_needs_plain_absolute_paths(void **state)
{
	static const struct {
		const char *source, *target;
	} cases[] = {
		{"/src", ""},	     {"/src", "data"},	   {"/src", "/a/../b"}, {"/src", "/.."},
		{"/src", "/a/.."},   {"/src", "/"},	   {"/src", "//./"},	{"/src", "/a\nb"},
		{"/src", "/a\x1b[m"}, {"/src", NULL},	   {"src", "/data"},	{"", "/data"},
		{NULL, "/data"},     {"/sr\nc", "/data"},
	};
	struct spec *spec = good_spec();
	char path[PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(add(spec, MOUNT_KIND_BIND, cases[i].source, cases[i].target) < 0);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = '\0';
	assert_true(add(spec, MOUNT_KIND_TMPFS, NULL, path) < 0);
	path[PATH_MAX - 1] = '\0';
	assert_int_equal(add(spec, MOUNT_KIND_TMPFS, NULL, path), 0);
	assert_true(add(spec, MOUNT_KIND_COUNT, NULL, "/data") < 0);
	assert_int_equal(add(spec, MOUNT_KIND_TMPFS, NULL, "/...and/..b/c.."), 0);
	assert_int_equal(spec->mount_count, 2);
	talloc_free(spec);
}

static void mounts_are_limited_in_number(void **state)
{
	struct spec *spec = good_spec();
	char target[32];
	int i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		snprintf(target, sizeof(target), "/m/%d", i);
		if (add(spec, MOUNT_KIND_TMPFS, NULL, target) < 0)
			break;
	}
	assert_int_equal(i, 4096);
	assert_int_equal(spec_validate(spec, NULL), 0);
	talloc_free(spec);
}

static void two_mounts_on_one_target_are_refused(void **state)
{
	struct spec *spec = good_spec();

	(void)state;
	add(spec, MOUNT_KIND_TMPFS, NULL, "/a/b");
	add(spec, MOUNT_KIND_TMPFS, NULL, "/a");
	add(spec, MOUNT_KIND_TMPFS, NULL, "/a/bc");
	assert_int_equal(spec_validate(spec, NULL), 0);
	add(spec, MOUNT_KIND_TMPFS, NULL, "/a/.//b/");
	assert_true(spec_validate(spec, NULL) < 0);
	talloc_free(spec);
}

static void a_variable_set_again_is_replaced_in_place(void **state)
{
	struct spec *spec = good_spec();

	(void)state;
	assert_int_equal(spec_add_env(spec, "PATH=/bin", NULL), 0);
	assert_int_equal(spec_add_env(spec, "PATHS=", NULL), 0);
	assert_int_equal(spec_add_env(spec, "PATH=/usr/bin=x", NULL), 0);
	assert_int_equal(spec->process.env_count, 2);
	assert_string_equal(spec->process.env[0], "PATH=/usr/bin=x");
	assert_string_equal(spec->process.env[1], "PATHS=");
	assert_null(spec->process.env[2]);
	assert_true(spec_add_env(spec, "NAME", NULL) < 0);
	assert_true(spec_add_env(spec, "=value", NULL) < 0);
	assert_true(spec_add_env(spec, "", NULL) < 0);
	assert_int_equal(spec->process.env_count, 2);
	talloc_free(spec);
}

static void a_limit_set_again_is_replaced(void **state)
{
	struct spec *spec = good_spec();
	struct rlimit_request request = {.resource = RLIMIT_NOFILE, .limit = {64, 128}};

	(void)state;
	assert_int_equal(spec_add_rlimit(spec, &request, NULL), 0);
	request.limit.rlim_max = RLIM_INFINITY;
	assert_int_equal(spec_add_rlimit(spec, &request, NULL), 0);
	assert_int_equal(spec->rlimit_count, 1);
	assert_int_equal(spec->rlimits[0].limit.rlim_max, RLIM_INFINITY);
	request.limit = (struct rlimit){129, 128};
	assert_true(spec_add_rlimit(spec, &request, NULL) < 0);
	request = (struct rlimit_request){.resource = -1};
	assert_true(spec_add_rlimit(spec, &request, NULL) < 0);
	request.resource = RLIM_NLIMITS;
	assert_true(spec_add_rlimit(spec, &request, NULL) < 0);
	talloc_free(spec);
}

static void names_and_hostnames_are_well_formed(void **state)
{
	static const char *const good[] = {"a", "A1", "web-1", "my.web"};
	static const char *const bad[] = {"",	"-a", "--help", ".a", "../x", "a/b", "a b",
					  "a\n", "a:b", "\xc3\xa4"};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(spec_name_is_valid(good[i]));
		assert_true(spec_hostname_is_valid(good[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(spec_name_is_valid(bad[i]));
		assert_false(spec_hostname_is_valid(bad[i]));
	}
	assert_true(spec_name_is_valid("a_b"));
	assert_false(spec_hostname_is_valid("a_b"));
	memset(longest, 'a', sizeof(longest));
	longest[65] = '\0';
	assert_false(spec_hostname_is_valid(longest));
	longest[64] = '\0';
	assert_true(spec_hostname_is_valid(longest));
}

/* Each line spoils a good spec in one way. */
static void validation_finds_what_no_single_option_can(void **state)
{
	static const char *empty_argv[] = {"", NULL};
	static const char *bad_dns[] = {"example.org"}, *good_dns[] = {"2001:db8::1", "192.0.2.1"};
	struct net_name bad_name = {.name = "two words"};
	struct net_port zero_port = {.host_port = 80};

	(void)state;
#define EXPECT(result, change)                                                                    \
	do {                                                                                      \
		struct spec *spec = good_spec();                                                  \
		change;                                                                           \
		assert_int_equal(spec_validate(spec, NULL) == 0, result);                         \
		talloc_free(spec);                                                                \
	} while (0)
	EXPECT(true, );
	EXPECT(false, spec->rootfs = NULL);
	EXPECT(false, spec->rootfs = "debian");
	EXPECT(false, spec->process.argc = 0);
	EXPECT(false, spec->process.argv = empty_argv);
	EXPECT(false, spec->name = "../x");
	EXPECT(false, spec->hostname = "a\nb");
	EXPECT(false, spec->process.cwd = "relative");
	EXPECT(true, spec->process.cwd = "/srv/../x");
	EXPECT(false, spec->process.user = "1000:");
	EXPECT(true, spec->process.user = "www-data:33");
	EXPECT(false, spec->process.preserve_fds = 100000);
	EXPECT(false, (spec->net.dns_servers = bad_dns, spec->net.dns_count = 1));
	EXPECT(true, (spec->net.dns_servers = good_dns, spec->net.dns_count = 2));
	EXPECT(false, (spec->net.names = &bad_name, spec->net.name_count = 1));
	EXPECT(false, (spec->net.ports = &zero_port, spec->net.port_count = 1));
#undef EXPECT
}

static void guest_paths_compare_by_component(void **state)
{
	(void)state;
	assert_int_equal(guest_path_compare("//dev/./shm/", "/dev/shm"), 0);
	assert_true(guest_path_compare("/a", "/a/b") < 0);
	assert_true(guest_path_compare("/a-b", "/a/b") > 0);
	assert_true(guest_path_compare("/", "/a") < 0);
	assert_true(guest_path_covers("/", "/a"));
	assert_true(guest_path_covers("/dev/", "/dev"));
	assert_true(guest_path_covers("/dev", "/dev/pts"));
	assert_false(guest_path_covers("/dev", "/device"));
	assert_false(guest_path_covers("/dev/pts", "/dev"));
	assert_int_equal(guest_path_depth("/./a//.hidden/c/."), 3);
	assert_true(guest_path_has_dot_dot("/a/../b"));
	assert_false(guest_path_has_dot_dot("/a/..b/.../c.."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mount_is_copied_and_kept_as_written),
		cmocka_unit_test(a_mount_needs_plain_absolute_paths),
		cmocka_unit_test(mounts_are_limited_in_number),
		cmocka_unit_test(two_mounts_on_one_target_are_refused),
		cmocka_unit_test(a_variable_set_again_is_replaced_in_place),
		cmocka_unit_test(a_limit_set_again_is_replaced),
		cmocka_unit_test(names_and_hostnames_are_well_formed),
		cmocka_unit_test(validation_finds_what_no_single_option_can),
		cmocka_unit_test(guest_paths_compare_by_component),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
