// SPDX-License-Identifier: Apache-2.0
/* Mount points that must not stay.
 *
 * Every container holds a shared lock on the rootfs directory; who can make it exclusive is the last
 * one and cleans up. A container that starts meanwhile waits for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/path/rootfs.h"
#include "ns_backend/leftovers.h"
#include "ns_backend/setup.h"

#define LOCK_ATTEMPTS 100 /* of 10 ms: a cleaner needs microseconds */

int leftovers_lock(const char *rootfs)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	/* The rootfs itself is a host path. */
	_cleanup_close_ int fd = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < LOCK_ATTEMPTS; i++) {
		if (flock(fd, LOCK_SH | LOCK_NB) == 0)
			return steal_fd(&fd);
		if (errno != EWOULDBLOCK)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

static void remove_one(int root, const char *path)
{
	_cleanup_close_ int directory = -EBADF;
	char parent[SETUP_PATH_SIZE];
	struct stat status;
	char *name;

	snprintf(parent, sizeof(parent), "%s", path);
	name = strrchr(parent, '/');
	if (!name)
		return;
	*name++ = '\0';
	directory = rootfs_open(root, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, NULL);
	if (directory < 0 || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISREG(status.st_mode) && status.st_size == 0)
		unlinkat(directory, name, 0);
}

void leftovers_remove(const struct ns_shared *shared, const char *rootfs, int lock)
{
	_cleanup_close_ int root = -EBADF;
	unsigned count = atomic_load(&shared->leftover_count);

	if (count == 0 || lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	/* The rootfs itself is a host path. */
	root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; root >= 0 && i < count && i < SETUP_LEFTOVERS_MAX; i++)
		remove_one(root, shared->leftovers[i]);
}
