// SPDX-License-Identifier: Apache-2.0
/* Places of mounts in a root filesystem: made, and taken away again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/places.h"
#include "ptrace_backend/tracer.h"

struct places {
	struct place {
		const char *host;
		size_t root_length;
		bool file;
	} *all; /* in the order made */
	size_t count;
};

int places_open_parent(const char *host, size_t root_length, const char **ret_name)
{
	char name[PATH_MAX];
	const char *at = host + root_length;
	int fd;

	snprintf(name, sizeof(name), "%.*s", (int)root_length, host);
	fd = open(name[0] ? name : "/", O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (fd < 0)
		return -errno;
	for (const char *slash; (slash = strchr(at, '/')); at = slash + 1) {
		int next;

		if (slash == at)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(slash - at), at);
		next = openat(fd, name, O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
		close(fd);
		if (next < 0)
			return -errno;
		fd = next;
	}
	*ret_name = at;
	return fd;
}

/* A place that can't be remembered stays. */
static void remember(struct tracer *tracer, const char *host, size_t root_length, bool file)
{
	struct places *places = tracer->places;
	struct place *all;

	if (!tracer->plan->spec->bare)
		return;
	if (!places)
		places = tracer->places = talloc_zero(tracer->table, struct places);
	if (!places)
		return;
	all = talloc_realloc(places, places->all, struct place, places->count + 1);
	if (!all)
		return;
	places->all = all;
	all[places->count].host = talloc_strdup(places, host);
	all[places->count].root_length = root_length;
	all[places->count].file = file;
	if (all[places->count].host)
		places->count++;
}

int places_make(struct tracer *tracer, const char *host, size_t root_length, bool file)
{
	const char *name;
	_cleanup_close_ int parent = places_open_parent(host, root_length, &name);
	int fd;

	if (parent < 0)
		return parent;
	if (!*name)
		return 0;
	if (file) {
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0)
			close(fd);
	} else {
		fd = mkdirat(parent, name, 0755);
	}
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	remember(tracer, host, root_length, file);
	return 0;
}

void places_remove(struct tracer *tracer)
{
	struct places *places = tracer->places;

	for (size_t i = places ? places->count : 0; i-- > 0;) {
		const struct place *place = &places->all[i];
		const char *name;
		_cleanup_close_ int parent =
			places_open_parent(place->host, place->root_length, &name);
		struct stat status;

		if (parent < 0)
			continue;
		if (!place->file)
			unlinkat(parent, name, AT_REMOVEDIR);
		else if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISREG(status.st_mode) && status.st_size == 0)
			unlinkat(parent, name, 0);
	}
	tracer->places = NULL;
}
