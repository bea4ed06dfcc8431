// SPDX-License-Identifier: Apache-2.0
/* What holds for any facts and any request: decide() fed at random. */
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

static unsigned below(unsigned *seed, unsigned limit)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % limit;
}

static void randomise_facts(unsigned *seed, struct facts *facts)
{
	static const char *const texts[] = {
		"", "a reason", "100000:65536 100000:65536", "\x1b[31m steer the terminal", "7:1 x",
		"a_word_without_spaces_that_is_longer_than_the_terminal_of_a_phone_is_wide_and_then_"
		"some_more", "%s%n", "\xff\xfe\xc2\x9b!",
	};
	static const int64_t values[] = {0, 0, 1, 2, 7, 1000, -1, CAPABILITIES_ALL, INT64_MAX};
	unsigned friendly = below(seed, 4);

	memset(facts, 0, sizeof(*facts));
	for (int i = 0; i < FACT_ID_COUNT; i++) {
		struct fact *fact = &facts->fact[i];

		fact->status = below(seed, 4) < friendly ?
				       FACT_WORKS :
				       (enum fact_status)below(seed, FACT_STATUS_COUNT);
		fact->error_code = (int)below(seed, 140);
		fact->value = values[below(seed, ARRAY_SIZE(values))];
		strcpy(fact->text, texts[below(seed, ARRAY_SIZE(texts))]);
	}
}

static struct spec *random_spec(unsigned *seed, void *parent)
{
	static const char *const users[] = {NULL, NULL, "0", "1000", "70000:5", "www-data", "7:adm"};
	static const char *const targets[] = {"/data", "/dev", "/proc", "/etc", "/a/b/c", "/a", "/sys"};
	static const uint64_t capabilities[] = {0, 0, CAP(CHOWN), CAP(SYS_ADMIN), UINT64_MAX,
						UINT64_C(1) << 63};
	static struct net_port port = {.guest_port = 80};
	struct spec *spec = below(seed, 4) ? debian(parent) : host_image(parent);

	spec->backend = (enum backend_choice)below(seed, 3);
	spec->best_effort = below(seed, 2);
	spec->read_only = below(seed, 4) == 0;
	spec->is_volatile = below(seed, 3) == 0;
	spec->hostname = below(seed, 3) ? NULL : "asked-for";
	spec->net.mode = (enum net_mode)(below(seed, 5) % 3);
	if (below(seed, 8) == 0) {
		spec->net.ports = &port;
		spec->net.port_count = 1;
	}
	spec->process.user = users[below(seed, ARRAY_SIZE(users))];
	spec->process.init = below(seed, 4) == 0;
	spec->capabilities_add = capabilities[below(seed, ARRAY_SIZE(capabilities))];
	spec->capabilities_drop = capabilities[below(seed, ARRAY_SIZE(capabilities))];
	spec->allow_new_privileges = below(seed, 5) == 0;
	spec->seccomp = (enum seccomp_choice)below(seed, 2);
	spec->unmask = below(seed, 3) == 0;
	spec->fast_path = (enum fast_path_choice)below(seed, 3);
	spec->strict = below(seed, 4) == 0;
	for (unsigned i = below(seed, 5); i > 0; i--)
		spec_add_mount(spec,
			       &(struct mount_request){.kind = MOUNT_KIND_BIND,
						       .source = "/src",
						       .target = targets[below(seed, 7)]},
			       NULL);
	return spec;
}

static bool has_refusal(const struct plan_facet *facet, enum mechanism mechanism)
{
	for (unsigned i = 0; i < facet->refusal_count; i++)
		if (facet->refusals[i].mechanism == mechanism)
			return true;
	return false;
}

/* Every mechanism better than the chosen one is refused with a reason; when a request left the best
 * aside, that one reason speaks for all. */
static void check_refusals(const struct plan *plan)
{
	for (int i = 0; i < FACET_COUNT; i++) {
		const struct plan_facet *facet = &plan->facets[i];
		const enum mechanism *better = facet_mechanisms((enum facet)i);

		assert_int_not_equal(facet->mechanism, MECHANISM_NOT_CHOSEN);
		for (unsigned k = 0; k < facet->refusal_count; k++) {
			assert_true(facet->refusals[k].mechanism < facet->mechanism);
			assert_int_not_equal(facet->refusals[k].reason[0], '\0');
		}
		if (facet->refusal_count > 0 && facet->refusals[0].fact == FACT_ID_COUNT)
			continue;
		for (; *better != facet->mechanism; better++)
			if (!has_refusal(facet, *better))
				fail_msg("%s: %s chosen, no word about %s", facet_name((enum facet)i),
					 mechanism_name(facet->mechanism), mechanism_name(*better));
	}
}

static bool id_exists(const struct plan_id_range *ranges, unsigned count, uint32_t id)
{
	for (unsigned i = 0; i < count; i++)
		if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].count)
			return true;
	return count == 0;
}

static bool user_is_honoured(const struct plan *plan)
{
	struct user_request user;
	void *t;
	bool honoured;

	if (!plan->spec->process.user)
		return true;
	t = talloc_new(NULL);
	assert_int_equal(user_request_parse(t, plan->spec->process.user, &user, NULL), 0);
	honoured = (user.user_name || id_exists(plan->uid_ranges, plan->uid_range_count, user.uid)) &&
		   (!user.has_group || user.group_name ||
		    id_exists(plan->gid_ranges, plan->gid_range_count, user.gid));
	talloc_free(t);
	return honoured;
}

static bool network_is_honoured(const struct plan *plan)
{
	const struct spec *spec = plan->spec;
	enum mechanism network = plan->facets[FACET_NETWORK].mechanism;

	if (spec->net.port_count > 0)
		return false;
	switch (spec->net.mode) {
	case NET_MODE_HOST:
		return network == MECHANISM_HOST_NETWORK && !plan->deny_network;
	case NET_MODE_NONE:
		return (network == MECHANISM_NET_NAMESPACE && plan->clone_flags & CLONE_NEWNET) ||
		       (network == MECHANISM_SOCKET_FILTER && plan->deny_network);
	case NET_MODE_NAT:
		return false;
	}
	return false;
}

static bool capabilities_are_honoured(const struct plan *plan)
{
	uint64_t add = plan->spec->capabilities_add, drop = plan->spec->capabilities_drop;

	if (add == UINT64_MAX && drop == UINT64_MAX)
		return false;
	if (add == UINT64_MAX || drop == UINT64_MAX)
		return add == UINT64_MAX ? plan->backend == PLAN_BACKEND_NS &&
						   (plan->capabilities & drop) == 0 :
					   plan->capabilities == add;
	return (add & drop) == 0 && (plan->capabilities & add) == add &&
	       (plan->capabilities & drop) == 0;
}

static bool mounts_are_honoured(const struct plan *plan)
{
	size_t found = 0;

	for (size_t i = 0; i < plan->op_count; i++)
		found += plan->ops[i].kind == PLAN_OP_MOUNT && plan->ops[i].source &&
			 strcmp(plan->ops[i].source, "/src") == 0;
	return found == plan->spec->mount_count;
}

static bool everything_is_honoured(const struct plan *plan)
{
	const struct spec *spec = plan->spec;
	bool ns = plan->backend == PLAN_BACKEND_NS;

	return (spec->backend == BACKEND_AUTO || (spec->backend == BACKEND_NS) == ns) &&
	       network_is_honoured(plan) && user_is_honoured(plan) &&
	       capabilities_are_honoured(plan) &&
	       (!spec->hostname || (plan->facets[FACET_HOSTNAME].mechanism != MECHANISM_HOST &&
				    strcmp(plan->hostname, spec->hostname) == 0)) &&
	       (!spec->is_volatile || plan->layer == MECHANISM_KERNEL_OVERLAY || spec->read_only) &&
	       (!spec->process.init || plan->pid1_init || !ns) &&
	       (!spec->allow_new_privileges || !plan->no_new_privs);
}

static void check_always(const struct plan *plan)
{
	const struct spec *spec = plan->spec;

	assert_int_equal(plan->ops[0].kind, PLAN_OP_ROOT);
	assert_int_equal(plan->layer, plan->facets[FACET_LAYER].mechanism);
	assert_true(mounts_are_honoured(plan));
	if (spec->host_image || spec->is_volatile || spec->read_only)
		assert_int_not_equal(plan->layer, MECHANISM_ROOTFS_DIRECT);
	if (spec->read_only)
		assert_true(plan->ops[0].options & MOUNT_OPTION_READ_ONLY);
	assert_int_equal(find_op(plan, "/proc/kcore") != NULL, !spec->unmask);
	assert_true(!spec->strict || !plan->fast_path);
	if (plan->backend == PLAN_BACKEND_PTRACE) {
		assert_int_equal(plan->clone_flags, 0);
		assert_true(plan->no_new_privs);
		assert_int_equal(plan->fake_ids,
				 plan->facets[FACET_IDS].mechanism == MECHANISM_FAKED_IDS);
	} else {
		assert_true(plan->clone_flags & CLONE_NEWNS);
		assert_int_equal((plan->clone_flags & CLONE_NEWUSER) != 0, plan->uid_range_count > 0);
		assert_int_equal((plan->clone_flags & CLONE_NEWUSER) == 0,
				 plan->facets[FACET_IDS].mechanism == MECHANISM_REAL_ROOT);
	}
	check_refusals(plan);
}

static void check_words(const struct plan *plan, void *parent)
{
	const char *table = plan_to_table(parent, plan);

	assert_non_null(plan_to_json(parent, plan));
	while (*table) {
		size_t columns = 0;

		for (; *table && *table != '\n'; table++) {
			unsigned char c = (unsigned char)*table;

			assert_true(c >= 0x20 && c != 0x7f);
			columns += (c & 0xc0) != 0x80;
		}
		assert_true(columns <= 80);
		table += *table == '\n';
	}
}

static void no_request_is_silently_weaker_on_any_machine(void **state)
{
	unsigned seed = 1, decided = 0, refused = 0, weakened = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		void *t = talloc_new(NULL);
		struct facts facts;
		struct spec *spec = random_spec(&seed, t);
		struct error err = ERROR_INIT;
		struct plan *plan;
		int r;

		randomise_facts(&seed, &facts);
		if (below(&seed, 2))
			facts = *all_machines[below(&seed, ARRAY_SIZE(all_machines))];
		r = decide(t, spec, &facts, &host, &plan, &err);
		assert_non_null(plan);
		check_words(plan, t);
		if (plan->backend != PLAN_BACKEND_NONE)
			check_always(plan);
		if (r == 0) {
			bool honoured = everything_is_honoured(plan);

			/* An id outside the ranges is had at the price of the ranges. */
			honoured = honoured && !plan->facets[FACET_IDS].weakened;
			assert_int_equal(honoured, plan->warning_count == 0);
			assert_true(honoured || spec->best_effort);
			decided++;
			weakened += !honoured;
		} else {
			assert_string_equal(strstr(err.message, "facet ") ? "facet" : err.message,
					    "facet");
			assert_true(!spec->best_effort || plan->backend == PLAN_BACKEND_NONE);
			refused++;
		}
		talloc_free(t);
	}
	/* The generator must reach all three outcomes. */
	assert_true(decided > 2000 && refused > 2000 && weakened > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_request_is_silently_weaker_on_any_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
