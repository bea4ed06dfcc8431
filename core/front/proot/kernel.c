// SPDX-License-Identifier: Apache-2.0
/* -k: what uname says. A release, or all of it between backslashes, which proot-distro writes:
 * \Linux\localhost\6.17.0-PRoot-Distro\#1 SMP …\aarch64\localdomain\-1\ */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/front/proot/proot.h"

/* A field up to its backslash; *at moves behind that. NULL: there is none. */
static const char *take_field(void *parent, const char **at)
{
	const char *end = strchr(*at, '\\'), *start = *at;

	if (!end)
		return NULL;
	*at = end + 1;
	return talloc_strndup(parent, start, (size_t)(end - start));
}

int proot_parse_kernel(struct spec *spec, const char *text, struct error *err)
{
	struct uname_request names = {0};
	const struct {
		const char *name;
		const char **field;
	} fields[] = {
		{"sysname", &names.sysname}, {"nodename", &names.nodename},
		{"release", &names.release}, {"version", &names.version},
		{"machine", &names.machine}, {"domainname", &names.domainname},
	};
	const char *at = text + 1;
	char *end;

	if (text[0] != '\\') {
		names.release = talloc_strdup(spec, text);
		spec->uname = names;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		*fields[i].field = take_field(spec, &at);
		if (!*fields[i].field)
			return error_plain(err, "can't find %s field in '%s'", fields[i].name, text);
	}
	/* Hexadecimal; -1, as proot-distro has it, keeps the CPU's. */
	names.hwcap = (uint64_t)strtoll(at, &end, 16);
	if (end == at || *end != '\\')
		return error_plain(err, "can't find hwcap field in '%s'", text);
	names.has_hwcap = names.hwcap != UINT64_MAX;
	spec->uname = names;
	return 0;
}
