// SPDX-License-Identifier: Apache-2.0
/* The other paths of the host's that a file has by bind mounts, as /proc/self/mountinfo tells them.
 *
 * Of each mount it tells which directory of its file system lies there. What a path is called in its file system, all
 * mounts that show a directory above that show as well, unless something else is mounted there: the identity tells. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/mount_info.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

#define MOUNTS_MAX 4096

/* "" for /, to which names are added with their slash. */
static const char *prefix(const char *path)
{
	return strcmp(path, "/") ? path : "";
}

/* Whether the path that this mount would give to `inside`, a path in its file system, is another one of the file's and
 * look() says yes. */
static bool is_alias(const struct mount_info_entry *mount, const char *inside, const char *host, const struct stat *file,
		     bool (*look)(const void *context, const char *alias), const void *context)
{
	const char *rest = host_below(inside, prefix(mount->root));
	char alias[PATH_SIZE];
	struct stat status;

	if (!rest)
		return false;
	if (snprintf(alias, sizeof(alias), "%s%s", prefix(mount->point), rest) >= (int)sizeof(alias))
		return true;
	return strcmp(alias, host) && stat(alias[0] ? alias : "/", &status) == 0 && file_is_same(&status, file) &&
	       look(context, alias);
}

bool fast_any_alias(const struct mount_info *mounts, const char *host,
		    bool (*look)(const void *context, const char *alias), const void *context)
{
	char inside[2 * PATH_SIZE];
	struct stat file;
	bool any = !mounts->count || mounts->count > MOUNTS_MAX || mounts->skipped || stat(host[0] ? host : "/", &file) < 0;

	/* Which mount a path leads to isn't plain where one covers another: all that could be. */
	for (size_t i = 0; i < mounts->count && !any; i++) {
		const struct mount_info_entry *mount = &mounts->entries[i];
		const char *rest = host_below(host, prefix(mount->point));

		if (!rest)
			continue;
		any = snprintf(inside, sizeof(inside), "%s%s", prefix(mount->root), rest) >= (int)sizeof(inside);
		for (size_t j = 0; j < mounts->count && !any; j++)
			any = mounts->entries[j].major == mount->major && mounts->entries[j].minor == mount->minor &&
			      is_alias(&mounts->entries[j], inside, host, &file, look, context);
	}
	return any;
}
