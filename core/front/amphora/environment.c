// SPDX-License-Identifier: Apache-2.0
/* The guest's environment: podman's few defaults, then the env files, then -e. Nothing of the
 * caller's own environment gets in unless it is asked for by name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/front/amphora/run_request.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* "K=V" as it is; "K" takes the caller's value, and is skipped when there is none. */
static int add_assignment(struct spec *spec, const char *text, struct error *err)
{
	const char *value;
	char *copy;
	int result;

	if (strchr(text, '='))
		return spec_add_env(spec, text, err);
	value = getenv(text);
	if (!value)
		return 0;
	copy = talloc_asprintf(NULL, "%s=%s", text, value);
	result = spec_add_env(spec, copy, err);
	talloc_free(copy);
	return result;
}

static int add_file(struct spec *spec, const char *path, struct error *err)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	ssize_t length;

	if (!file)
		return error_set(err, errno, "env file %s", path);
	while ((length = getline(&line, &size, file)) > 0) {
		int result;

		number++;
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '=')
			result = error_plain(err, "nothing stands before the '='");
		else
			result = add_assignment(spec, line, err);
		if (result)
			return error_wrap(err, result, "env file %s, line %u", path, number);
	}
	return ferror(file) ? error_set(err, EIO, "env file %s", path) : 0;
}

int build_environment(struct run_request *request, struct error *err)
{
	struct spec *spec = request->spec;
	const char *terminal = getenv("TERM");
	char *hostname = talloc_asprintf(spec, "HOSTNAME=%s",
					 spec->hostname ? spec->hostname : spec->name);
	int result = spec_add_env(spec, DEFAULT_PATH, err);

	if (!result && spec->process.terminal)
		result = spec_add_env(spec, talloc_asprintf(spec, "TERM=%s",
							    terminal && terminal[0] ? terminal
										    : "xterm"),
				      err);
	if (!result)
		result = spec_add_env(spec, "container=amphora", err);
	if (!result)
		result = spec_add_env(spec, hostname, err);
	for (size_t i = 0; !result && i < request->env_file_count; i++)
		result = add_file(spec, request->env_files[i], err);
	for (size_t i = 0; !result && i < request->assignment_count; i++)
		result = add_assignment(spec, request->assignments[i], err);
	return result;
}
