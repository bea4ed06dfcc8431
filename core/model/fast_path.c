// SPDX-License-Identifier: Apache-2.0
/* The words for --fast-path, and for who goes without it. */
#include "core/model/fast_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"

static const char *const words[] = {
	[FAST_PATH_OFF] = "off",
	[FAST_PATH_ONLY_PREPATCHED] = "only-prepatched",
	[FAST_PATH_AUTO] = "auto",
};

const char *fast_path_name(enum fast_path_choice choice)
{
	return (unsigned)choice < ARRAY_SIZE(words) ? words[choice] : "unknown";
}

int fast_path_parse(const char *value, enum fast_path_choice *ret_choice, struct error *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		*ret_choice = (enum fast_path_choice)i;
		return 0;
	}
	return error_plain(err, "\"%s\": off, only-prepatched or auto", value);
}

int fast_path_from_environment(enum fast_path_choice *choice, struct error *err)
{
	const char *value = getenv("AMPHORA_FAST_PATH");

	if (!value || !value[0])
		return 0;
	return fast_path_parse(value, choice, err) ? error_wrap(err, -EINVAL, "AMPHORA_FAST_PATH") : 0;
}

const char *fast_path_lack_name(enum fast_path_lack lack)
{
	static const char *const names[FAST_LACK_COUNT] = {
		[FAST_LACK_COMPAT] = "32-bit program",
		[FAST_LACK_ROOM] = "no memory where its area goes",
		[FAST_LACK_FILTER] = "seccomp filter of its own",
		[FAST_LACK_TRACED] = "traced by the guest",
		[FAST_LACK_VIEW] = "chroot or namespaces of its own",
		[FAST_LACK_SHARED] = "working directory shared with another process",
		[FAST_LACK_LISTING] = "it has opened /proc",
		[FAST_LACK_PARENT] = "forked from a process without",
	};

	return (unsigned)lack < FAST_LACK_COUNT ? names[lack] : "unknown";
}
