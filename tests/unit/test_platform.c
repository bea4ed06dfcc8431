// SPDX-License-Identifier: Apache-2.0
/* Names of machines, and what decide() makes of a root for another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/model/platform.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

/* One that no machine running this test is. */
static const struct platform *foreign(void)
{
	return platform_parse("linux/s390x", NULL);
}

static struct emulator *qemu(void *parent)
{
	static const char *words[] = {"/usr/bin/qemu-s390x-static", NULL};
	struct emulator *emulator = talloc_zero(parent, struct emulator);

	emulator->argv = words;
	emulator->argc = 1;
	emulator->platform = foreign();
	return emulator;
}

static void a_platform_has_several_names(void **state)
{
	static const char *const same[][2] = {
		{"linux/arm64", "aarch64"}, {"linux/arm64/v8", "arm64"}, {"linux/amd64", "x86_64"},
		{"linux/arm/v7", "armhf"},  {"linux/386", "i386"},	 {"linux/ppc64le", "ppc64el"},
	};
	static const char *const none[] = {"", "linux", "linux/", "linux/pdp11", "windows/amd64",
					   "linux/arm64/", "linux/arm64/v9", " arm64"};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_non_null(platform_parse(same[i][0], NULL));
		assert_ptr_equal(platform_parse(same[i][0], NULL), platform_parse(same[i][1], NULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_null(platform_parse(none[i], &err));
	assert_non_null(strstr(err.hint, "linux/arm64"));
}

static void a_program_tells_its_platform(void **state)
{
	unsigned char head[PLATFORM_HEAD_SIZE] = {0x7f, 'E', 'L', 'F', 2, 2, 1};

	(void)state;
	head[19] = 22; /* EM_S390, big-endian */
	assert_ptr_equal(platform_of_program(head, sizeof(head)), foreign());
	assert_null(platform_of_program(head, sizeof(head) - 1));
	head[4] = 1; /* s390 of 32 bits */
	assert_null(platform_of_program(head, sizeof(head)));
	head[4] = 2;
	head[0] = '#';
	assert_null(platform_of_program(head, sizeof(head)));
	assert_non_null(platform_here());
	assert_true(platform_is_native(platform_here()));
	assert_false(platform_is_native(foreign()));
}

static void a_foreign_root_is_run_by_ptrace_with_an_emulator(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct host_info with = host;
	struct plan *plan;

	(void)state;
	spec->platform = foreign();
	with.emulator = qemu(t);
	assert_int_equal(decide(t, spec, &machine_server_user, &with, &plan, NULL), 0);
	assert_int_equal(plan->backend, PLAN_BACKEND_PTRACE);
	assert_ptr_equal(plan->emulator, with.emulator);
	talloc_free(t);
}

static void the_kernels_own_way_keeps_namespaces(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct host_info with = host;
	struct plan *plan;

	(void)state;
	spec->platform = foreign();
	with.emulator = qemu(t);
	with.emulator_in_kernel = true;
	assert_int_equal(decide(t, spec, &machine_server_user, &with, &plan, NULL), 0);
	assert_int_equal(plan->backend, PLAN_BACKEND_NS);
	assert_null(plan->emulator);
	talloc_free(t);
}

static void what_nothing_runs_is_refused_if_asked_for(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct error err = ERROR_INIT;
	struct plan *plan;

	(void)state;
	spec->platform = foreign();
	assert_true(decide(t, spec, &machine_server_user, &host, &plan, &err) < 0);
	assert_non_null(strstr(err.message, "linux/s390x"));
	assert_non_null(strstr(err.hint, "qemu-user-static"));

	/* A shell of another machine alone doesn't rule out a program of ours. */
	spec->platform_found = true;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
	assert_int_equal(plan->backend, PLAN_BACKEND_NS);
	talloc_free(t);
}

static void namespaces_asked_for_need_the_kernel(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct error err = ERROR_INIT;
	struct host_info with = host;
	struct plan *plan;

	(void)state;
	spec->platform = foreign();
	spec->backend = BACKEND_NS;
	with.emulator = qemu(t);
	assert_true(decide(t, spec, &machine_server_user, &with, &plan, &err) < 0);
	assert_non_null(strstr(err.message, "binfmt_misc"));
	talloc_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_platform_has_several_names),
		cmocka_unit_test(a_program_tells_its_platform),
		cmocka_unit_test(a_foreign_root_is_run_by_ptrace_with_an_emulator),
		cmocka_unit_test(the_kernels_own_way_keeps_namespaces),
		cmocka_unit_test(what_nothing_runs_is_refused_if_asked_for),
		cmocka_unit_test(namespaces_asked_for_need_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
