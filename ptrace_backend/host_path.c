// SPDX-License-Identifier: Apache-2.0
/* What core/path asks of the host, by host paths.
 *
 * A walk asks about each component by its whole path, and the kernel goes through that each time: without
 * openat2, as below an Android app's filter, a path of 900 directories took 15 ms, and `mkdir -p` of it 14 seconds.
 * Hence a deep walk keeps a directory open, a bit behind, and asks from there. Nothing was a symlink so far, and
 * what is put there meanwhile counts as it does for a whole path.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptrace_backend/tracer.h"

#define DEEP   256 /* bytes of a path before which that costs more than it saves */
#define STRIDE 64 /* and so many lie between the directories that are opened */

long host_readlink(void *context, const char *host, char *buffer, size_t size)
{
	ssize_t n = readlink(host[0] ? host : "/", buffer, size);

	(void)context;
	return n < 0 ? -errno : n;
}

long host_is_directory(void *context, const char *host)
{
	struct stat status;

	(void)context;
	if (lstat(host[0] ? host : "/", &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode);
}

const char *host_below(const char *host, const char *above)
{
	size_t length = strlen(above);

	return !strncmp(host, above, length) && (host[length] == '/' || !host[length]) ? host + length : NULL;
}

void way_end(struct path_way *way)
{
	if (way->open)
		close(way->fd);
	way->open = false;
}

static bool leads_to(const struct path_way *way, const char *host)
{
	return way->open && !strncmp(host, way->directory, way->length) && host[way->length] == '/';
}

/* Goes on to the directory that holds the last component, where it can be opened. */
static void advance(struct path_way *way, const char *host, size_t length)
{
	size_t from = way->open ? way->length + 1 : 0;
	int fd;

	memcpy(way->directory, host, length);
	way->directory[length] = '\0';
	fd = openat(way->open ? way->fd : AT_FDCWD, way->directory + from,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	way_end(way);
	way->open = fd >= 0;
	way->fd = fd;
	way->length = length;
}

long way_readlink(struct path_way *way, const char *host, char *buffer, size_t size)
{
	const char *last = strrchr(host, '/');
	ssize_t n;

	if (!last || last - host < DEEP)
		return host_readlink(NULL, host, buffer, size);
	if (!leads_to(way, host))
		way_end(way);
	if (!way->open || (size_t)(last - host) >= way->length + STRIDE)
		advance(way, host, (size_t)(last - host));
	if (!way->open)
		return host_readlink(NULL, host, buffer, size);
	n = readlinkat(way->fd, host + way->length + 1, buffer, size);
	return n < 0 ? -errno : n;
}
