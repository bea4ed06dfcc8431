// SPDX-License-Identifier: Apache-2.0
/* The words of --ulimit, --cap-add, --cap-drop and --security-opt. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/front/amphora/run_request.h"

static const struct limit_name {
	const char *name;
	int resource;
} limit_names[] = {
	{"as", RLIMIT_AS},
	{"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE},
	{"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},
	{"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},
	{"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static int parse_limit(const char *text, rlim_t *ret_limit, struct error *err)
{
	uint64_t value;
	int result;

	if (!strcmp(text, "-1") || !strcmp(text, "unlimited")) {
		*ret_limit = RLIM_INFINITY;
		return 0;
	}
	result = parse_number(text, INT64_MAX, &value, err);
	if (!result)
		*ret_limit = (rlim_t)value;
	return result;
}

int parse_ulimit(struct spec *spec, const char *text, struct error *err)
{
	struct rlimit_request request = {.resource = -1};
	char *rest, *name, *soft;
	int result;

	if (!strcmp(text, "host"))
		return 0;
	rest = talloc_strdup(spec, text);
	name = strsep(&rest, "=");
	if (!rest)
		return error_plain(err, "\"%s\" is not NAME=SOFT[:HARD]", text);
	for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++)
		if (!strcasecmp(name, limit_names[i].name))
			request.resource = limit_names[i].resource;
	if (request.resource < 0) {
		error_plain(err, "there is no limit \"%s\"", name);
		error_hint(err, "The names are as in setrlimit(2): nofile, nproc, core, stack, …");
		return -EINVAL;
	}
	soft = strsep(&rest, ":");
	result = parse_limit(soft, &request.limit.rlim_cur, err);
	request.limit.rlim_max = request.limit.rlim_cur;
	if (!result && rest)
		result = parse_limit(rest, &request.limit.rlim_max, err);
	if (result)
		return result;
	if (request.limit.rlim_cur > request.limit.rlim_max)
		return error_plain(err, "the soft limit in \"%s\" is above the hard one", text);
	return spec_add_rlimit(spec, &request, err);
}

static int parse_capability(const char *word, uint64_t *bits, struct error *err)
{
	char name[64];
	cap_value_t capability;

	if (!strcasecmp(word, "ALL")) {
		*bits = UINT64_MAX;
		return 0;
	}
	snprintf(name, sizeof(name), "%s%s", strncasecmp(word, "cap_", 4) ? "cap_" : "", word);
	for (char *at = name; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at |= 0x20;
	if (cap_from_name(name, &capability) < 0 || capability < 0 || capability > 63)
		return error_plain(err, "there is no capability \"%s\"", word);
	*bits |= UINT64_C(1) << capability;
	return 0;
}

int parse_capabilities(const char *text, uint64_t *bits, struct error *err)
{
	char *list = talloc_strdup(NULL, text), *rest = list, *word;
	int result = 0;

	while (!result && (word = strsep(&rest, ",")))
		result = parse_capability(word, bits, err);
	talloc_free(list);
	return result;
}

int parse_security(struct spec *spec, const char *text, struct error *err)
{
	if (!strcmp(text, "no-new-privileges") || !strcmp(text, "no-new-privileges=true") ||
	    !strcmp(text, "no-new-privileges:true"))
		spec->allow_new_privileges = false;
	else if (!strcmp(text, "no-new-privileges=false") ||
		 !strcmp(text, "no-new-privileges:false"))
		spec->allow_new_privileges = true;
	else if (!strcmp(text, "seccomp=unconfined"))
		spec->seccomp = SECCOMP_UNCONFINED;
	else if (!strncmp(text, "seccomp=", 8))
		return error_plain(err, "seccomp profiles from a file come later: only unconfined");
	else if (!strcmp(text, "unmask=ALL") || !strcmp(text, "unmask=all"))
		spec->unmask = true;
	else if (!strncmp(text, "unmask=", 7))
		return error_plain(err, "unmasking single paths comes later: only unmask=ALL");
	else
		return error_plain(err, "\"%s\" is not known: no-new-privileges[=false], "
					"seccomp=unconfined, unmask=ALL", text);
	return 0;
}
