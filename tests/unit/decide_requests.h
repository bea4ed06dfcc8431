/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and a host that the tests of decide() share. */
#ifndef AMPHORA_TESTS_DECIDE_REQUESTS_H
#define AMPHORA_TESTS_DECIDE_REQUESTS_H

#include <linux/capability.h>
#include <string.h>
#include <talloc.h>

#include "core/model/plan.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* amphora run --rootfs /srv/debian true */
static inline struct spec *debian(void *parent)
{
	static const char *argv[] = {"true", NULL};
	struct spec *spec = spec_new(parent);

	spec->rootfs = "/srv/debian";
	spec->process.argv = argv;
	spec->process.argc = 1;
	return spec;
}

/* amphora run host true */
static inline struct spec *host_image(void *parent)
{
	struct spec *spec = debian(parent);

	spec->rootfs = "/";
	spec->host_image = true;
	return spec;
}

static const struct host_info host __attribute__((unused)) = {
	.resolv_conf = "nameserver 192.0.2.1\n",
	.hostname = "amber-otter",
	.machine_hostname = "the-machine",
};

/* The first operation on this target but the root's, or NULL. */
static inline const struct plan_op *find_op(const struct plan *plan, const char *target)
{
	for (size_t i = 1; i < plan->op_count; i++)
		if (strcmp(plan->ops[i].target, target) == 0)
			return &plan->ops[i];
	return NULL;
}

#endif
