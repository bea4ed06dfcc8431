// SPDX-License-Identifier: Apache-2.0
/* What bound unix sockets were called by the guest. */
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "ptrace_backend/socket_name.h"

#define NAMES_MAX 512 /* a later name takes the place of one with the same hash */

struct socket_names {
	struct socket_name {
		char kernel[SUN_PATH_SIZE + 1], given[SUN_PATH_SIZE + 1];
	} names[NAMES_MAX];
};

static unsigned place_of(const char *kernel)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *kernel; kernel++)
		hash = (hash ^ (unsigned char)*kernel) * 16777619u;
	return hash % NAMES_MAX;
}

void socket_name_remember(struct tracer *tracer, const char *kernel, const char *given)
{
	struct socket_name *name;

	if (!tracer->socket_names)
		tracer->socket_names = talloc_zero(tracer->table, struct socket_names);
	if (!tracer->socket_names)
		return;
	name = &tracer->socket_names->names[place_of(kernel)];
	snprintf(name->kernel, sizeof(name->kernel), "%s", kernel);
	snprintf(name->given, sizeof(name->given), "%s", given);
}

const char *socket_name_given(const struct tracer *tracer, const char *kernel)
{
	const struct socket_name *name;

	if (!tracer->socket_names || strlen(kernel) > SUN_PATH_SIZE)
		return NULL;
	name = &tracer->socket_names->names[place_of(kernel)];
	return strcmp(name->kernel, kernel) ? NULL : name->given;
}
