// SPDX-License-Identifier: Apache-2.0
/* The other paths of the host's that a file has by bind mounts, as /proc/self/mountinfo tells them.
 *
 * Of each mount it tells which directory of its file system lies there. What a path is called in its file system, all
 * mounts that show a directory above that show as well, unless something else is mounted there: the identity tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

#define MOUNTS_MAX 4096

struct shown {
	unsigned major, minor;
	const char *root, *point; /* "" for / */
};

/* Octal escapes of spaces and the like, in place; the slash of / alone goes. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned byte;

		if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return strcmp(text, "/") ? text : text + 1;
}

/* Returns how many there are; what they point to is in *text. 0: they can't be told. */
static size_t read_mounts(char **text, struct shown *mounts)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	size_t size = 0, count = 0;
	char *rest, *line;

	if (!in)
		return 0;
	/* There is no byte 0 in it. */
	if (getdelim(text, &size, '\0', in) <= 0) {
		fclose(in);
		return 0;
	}
	fclose(in);
	for (rest = *text; (line = strsep(&rest, "\n")) && *line; count++) {
		struct shown *mount = &mounts[count];
		char *field[5] = { NULL };

		for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
			field[i] = strsep(&line, " ");
		if (count == MOUNTS_MAX || !field[4] || sscanf(field[2], "%u:%u", &mount->major, &mount->minor) != 2)
			return 0;
		mount->root = unescape(field[3]);
		mount->point = unescape(field[4]);
	}
	return count;
}

/* What of a path lies below another one, from the slash on; NULL: it doesn't. */
static const char *below(const char *path, const char *above)
{
	size_t length = strlen(above);

	return !strncmp(path, above, length) && (path[length] == '/' || !path[length]) ? path + length : NULL;
}

/* Whether the path that this mount would give to `inside`, a path in its file system, is another one of the file's and
 * look() says yes. */
static bool is_alias(const struct shown *mount, const char *inside, const char *host, const struct stat *file,
		     bool (*look)(const void *context, const char *alias), const void *context)
{
	const char *rest = below(inside, mount->root);
	char alias[PATH_SIZE];
	struct stat status;

	if (!rest)
		return false;
	if (snprintf(alias, sizeof(alias), "%s%s", mount->point, rest) >= (int)sizeof(alias))
		return true;
	return strcmp(alias, host) && stat(alias[0] ? alias : "/", &status) == 0 && status.st_ino == file->st_ino &&
	       status.st_dev == file->st_dev && look(context, alias);
}

bool fast_any_alias(const char *host, bool (*look)(const void *context, const char *alias), const void *context)
{
	struct shown *mounts = calloc(MOUNTS_MAX, sizeof(*mounts));
	char *text = NULL, inside[2 * PATH_SIZE];
	size_t count = mounts ? read_mounts(&text, mounts) : 0;
	struct stat file;
	bool any = !count || stat(host[0] ? host : "/", &file) < 0;

	/* Which mount a path leads to isn't plain where one covers another: all that could be. */
	for (size_t i = 0; i < count && !any; i++) {
		const char *rest = below(host, mounts[i].point);

		if (!rest)
			continue;
		any = snprintf(inside, sizeof(inside), "%s%s", mounts[i].root, rest) >= (int)sizeof(inside);
		for (size_t j = 0; j < count && !any; j++)
			any = mounts[j].major == mounts[i].major && mounts[j].minor == mounts[i].minor &&
			      is_alias(&mounts[j], inside, host, &file, look, context);
	}
	free(text);
	free(mounts);
	return any;
}
