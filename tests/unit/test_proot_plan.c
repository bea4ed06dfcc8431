// SPDX-License-Identifier: Apache-2.0
/* What PRoot's command line asks of decide(): a bare view, and ids that are no account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/model/plan.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

static struct spec *proot(void *parent, enum id_choice ids, const char *user)
{
	struct spec *spec = debian(parent);

	spec->bare = true;
	spec->backend = BACKEND_PTRACE;
	spec->ids = ids;
	spec->process.user = user;
	return spec;
}

static void a_bare_view_has_the_root_and_the_users_mounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_machines); i++) {
		void *t = talloc_new(NULL);
		struct spec *spec = proot(t, IDS_HOST, NULL);
		struct plan *plan;

		spec_add_mount(spec, &(struct mount_request){.kind = MOUNT_KIND_BIND,
							     .source = "/proc",
							     .target = "/proc"}, NULL);
		if (decide(t, spec, all_machines[i], &host, &plan, NULL) == 0) {
			assert_int_equal(plan->op_count, 2);
			assert_int_equal(plan->ops[0].kind, PLAN_OP_ROOT);
			assert_string_equal(plan->ops[1].source, "/proc");
			assert_int_equal(plan->layer, MECHANISM_ROOTFS_DIRECT);
			assert_string_equal(plan->hostname, host.machine_hostname);
		}
		talloc_free(t);
	}
}

static void host_ids_are_left_alone_even_root_s(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_machines); i++) {
		void *t = talloc_new(NULL);
		struct plan *plan;

		if (decide(t, proot(t, IDS_HOST, NULL), all_machines[i], &host, &plan, NULL) == 0) {
			assert_int_equal(plan->facets[FACET_IDS].mechanism, MECHANISM_HOST_IDS);
			assert_true(plan->keep_ids);
			assert_false(plan->fake_ids);
			assert_false(plan->notify);
		}
		talloc_free(t);
	}
}

static void changed_ids_are_faked_unless_they_are_real(void **state)
{
	void *t = talloc_new(NULL);
	struct plan *plan;

	(void)state;
	assert_int_equal(decide(t, proot(t, IDS_CHANGED, "0:0"), &machine_server_root, &host, &plan,
				NULL), 0);
	assert_int_equal(plan->facets[FACET_IDS].mechanism, MECHANISM_REAL_ROOT);
	assert_false(plan->own_ids_are_users);

	assert_int_equal(decide(t, proot(t, IDS_CHANGED, "123:456"), &machine_server_root, &host,
				&plan, NULL), 0);
	assert_int_equal(plan->facets[FACET_IDS].mechanism, MECHANISM_FAKED_IDS);
	assert_true(plan->fake_ids);
	assert_true(plan->own_ids_are_users);

	assert_int_equal(decide(t, proot(t, IDS_CHANGED, "0:0"), &machine_server_user, &host, &plan,
				NULL), 0);
	assert_true(plan->own_ids_are_users);
	assert_false(plan->keep_ids);
	talloc_free(t);
}

static void namespaces_refuse_ids_that_are_no_account(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = proot(t, IDS_HOST, NULL);
	struct error err = ERROR_INIT;
	struct plan *plan;

	(void)state;
	spec->backend = BACKEND_NS;
	assert_true(decide(t, spec, &machine_server_user, &host, &plan, &err) < 0);
	assert_non_null(strstr(err.message, "facet ids"));
	assert_non_null(strstr(err.hint, "ptrace"));
	talloc_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_view_has_the_root_and_the_users_mounts),
		cmocka_unit_test(host_ids_are_left_alone_even_root_s),
		cmocka_unit_test(changed_ids_are_faked_unless_they_are_real),
		cmocka_unit_test(namespaces_refuse_ids_that_are_no_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
