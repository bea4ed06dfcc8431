// SPDX-License-Identifier: Apache-2.0
/* The list of operations: defaults, the user's mounts, and what the namespaces allow. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/model/plan.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

static void a_users_mount_takes_over_what_it_covers(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct plan *plan;
	const struct plan_op *op;

	(void)state;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
	assert_non_null(find_op(plan, "/dev/fd"));
	assert_int_equal(find_op(plan, "/dev/shm")->mode, 01777);

	assert_int_equal(spec_add_mount(spec, &(struct mount_request){.kind = MOUNT_KIND_BIND,
								      .source = "/dev",
								      .target = "//dev/."},
					NULL), 0);
	assert_int_equal(spec_add_mount(spec, &(struct mount_request){.kind = MOUNT_KIND_TMPFS,
								      .target = "/etc/hosts"},
					NULL), 0);
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
	assert_null(find_op(plan, "/dev"));
	assert_null(find_op(plan, "/dev/fd"));
	assert_null(find_op(plan, "/dev/shm"));
	assert_non_null(find_op(plan, "//dev/."));
	op = find_op(plan, "/etc/hosts");
	assert_non_null(op);
	assert_int_equal(op->kind, PLAN_OP_MOUNT);
	assert_non_null(find_op(plan, "/etc/hostname"));
	talloc_free(t);
}

static void users_mounts_are_ordered_by_depth_then_as_given(void **state)
{
	static const char *const given[] = {"/a/b/c", "/z", "/a", "/y/x", "/a/b"};
	static const char *const sorted[] = {"/z", "/a", "/y/x", "/a/b", "/a/b/c"};
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct plan *plan;
	size_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		spec_add_mount(spec, &(struct mount_request){.kind = MOUNT_KIND_TMPFS,
							     .target = given[i]}, NULL);
	assert_int_equal(decide(t, spec, &machine_userns_off, &host, &plan, NULL), 0);
	at = (size_t)(find_op(plan, "/z") - plan->ops);
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		assert_string_equal(plan->ops[at + i].target, sorted[i]);
	talloc_free(t);
}

static void proc_and_sys_fit_the_namespaces(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct plan *plan;

	(void)state;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
	assert_int_equal(find_op(plan, "/proc")->mount_kind, MOUNT_KIND_PROC);
	assert_null(find_op(plan, "/proc")->source);
	assert_int_equal(find_op(plan, "/sys")->mount_kind, MOUNT_KIND_BIND);
	assert_true(find_op(plan, "/sys")->options & MOUNT_OPTION_READ_ONLY);
	assert_true(find_op(plan, "/sys")->options & MOUNT_OPTION_RECURSIVE);
	assert_int_equal(find_op(plan, "/dev/pts")->mount_kind, MOUNT_KIND_DEVPTS);
	assert_int_equal(find_op(plan, "/dev/ptmx")->kind, PLAN_OP_SYMLINK);
	assert_non_null(find_op(plan, "/dev/mqueue"));
	assert_non_null(find_op(plan, "/proc/kcore"));

	spec->net.mode = NET_MODE_NONE;
	spec->unmask = true;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
	assert_int_equal(find_op(plan, "/sys")->mount_kind, MOUNT_KIND_SYSFS);
	assert_null(find_op(plan, "/proc/kcore"));

	assert_int_equal(decide(t, spec, &machine_masked_proc, &host, &plan, NULL), 0);
	assert_int_equal(find_op(plan, "/proc")->mount_kind, MOUNT_KIND_BIND);
	assert_int_equal(find_op(plan, "/sys")->mount_kind, MOUNT_KIND_BIND);

	assert_int_equal(decide(t, spec, &machine_userns_off, &host, &plan, NULL), 0);
	assert_int_equal(find_op(plan, "/proc")->mount_kind, MOUNT_KIND_PROC);
	assert_string_equal(find_op(plan, "/proc")->source, "/proc");
	assert_int_equal(find_op(plan, "/dev/pts")->mount_kind, MOUNT_KIND_BIND);
	assert_int_equal(find_op(plan, "/dev/ptmx")->mount_kind, MOUNT_KIND_BIND);
	assert_null(find_op(plan, "/dev/mqueue"));
	talloc_free(t);
}

static void the_host_image_is_never_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_machines); i++) {
		void *t = talloc_new(NULL);
		struct plan *plan;

		if (decide(t, host_image(t), all_machines[i], &host, &plan, NULL) == 0) {
			assert_string_equal(plan->ops[0].source, "/");
			assert_true(plan->layer == MECHANISM_KERNEL_OVERLAY ||
				    plan->ops[0].options & MOUNT_OPTION_READ_ONLY);
			assert_int_equal(find_op(plan, "/tmp")->mount_kind, MOUNT_KIND_TMPFS);
			assert_int_equal(find_op(plan, "/run")->mount_kind, MOUNT_KIND_TMPFS);
			assert_int_equal(find_op(plan, "/root") != NULL,
					 plan->layer == MECHANISM_READ_ONLY_ROOT);
		}
		talloc_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_users_mount_takes_over_what_it_covers),
		cmocka_unit_test(users_mounts_are_ordered_by_depth_then_as_given),
		cmocka_unit_test(proc_and_sys_fit_the_namespaces),
		cmocka_unit_test(the_host_image_is_never_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
