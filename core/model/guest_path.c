// SPDX-License-Identifier: Apache-2.0
/* Guest paths as words. */
#include <string.h>

#include "core/model/guest_path.h"

/* The next component that isn't "." from *at on; moves *at behind it. Length 0: no more. */
static size_t next_component(const char **at, const char **ret_component)
{
	size_t length;

	do {
		*at += strspn(*at, "/");
		*ret_component = *at;
		length = strcspn(*at, "/");
		*at += length;
	} while (length == 1 && **ret_component == '.');
	return length;
}

int guest_path_compare(const char *a, const char *b)
{
	for (;;) {
		const char *component_a, *component_b;
		size_t length_a = next_component(&a, &component_a);
		size_t length_b = next_component(&b, &component_b);
		int order = memcmp(component_a, component_b,
				   length_a < length_b ? length_a : length_b);

		if (order != 0)
			return order;
		if (length_a != length_b)
			return length_a < length_b ? -1 : 1;
		if (length_a == 0)
			return 0;
	}
}

bool guest_path_covers(const char *parent, const char *path)
{
	for (;;) {
		const char *component_parent, *component_path;
		size_t length_parent = next_component(&parent, &component_parent);
		size_t length_path = next_component(&path, &component_path);

		if (length_parent == 0)
			return true;
		if (length_parent != length_path ||
		    memcmp(component_parent, component_path, length_path) != 0)
			return false;
	}
}

size_t guest_path_depth(const char *path)
{
	const char *component;
	size_t depth = 0;

	while (next_component(&path, &component) > 0)
		depth++;
	return depth;
}

bool guest_path_has_dot_dot(const char *path)
{
	const char *component;
	size_t length;

	while ((length = next_component(&path, &component)) > 0)
		if (length == 2 && component[0] == '.' && component[1] == '.')
			return true;
	return false;
}
