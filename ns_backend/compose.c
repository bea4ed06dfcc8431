// SPDX-License-Identifier: Apache-2.0
/* A scratch layer over a directory that has mounts below it, in a user namespace.
 *
 * Theory of operation
 *
 * The kernel (5.14) refuses an overlay there, because it would show what those mounts hide. So the
 * directory is rebuilt on a tmpfs, entry by entry:
 *
 *   a directory without mounts below it   -> an overlay of its own
 *   a directory with some                 -> a plain directory, filled the same way
 *   the mount point of a kernel fs        -> an empty directory
 *   a symlink, a file                     -> copied, bound read-only
 *
 * It is used for the image `host`: some twenty overlays, two milliseconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ns_backend/overlay.h"

#define DEPTH_MAX 32

struct composition {
	const struct new_root *root;
	const struct mount_info *info;
	int scratch;
	unsigned overlay_count;
};

/* Whether something is mounted below `path`, which has no trailing slash. */
static bool has_mounts_below(const struct composition *composition, const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < composition->info->count; i++) {
		const char *point = composition->info->entries[i].point;

		if (!strncmp(point, path, length) && point[length] == '/' && point[length + 1])
			return true;
	}
	return false;
}

static bool is_kernel_mount(const struct composition *composition, int fd)
{
	int id = mount_id(fd);

	for (size_t i = 0; i < composition->info->count; i++)
		if (composition->info->entries[i].id == id)
			return overlay_is_kernel_type(composition->info->entries[i].type);
	return false;
}

static int show_read_only(const struct composition *composition, int source, int target)
{
	struct mount_how how = composition->root->how;

	how.options = MOUNT_OPTION_READ_ONLY | MOUNT_OPTION_RECURSIVE;
	return mount_bind(&how, source, target);
}

static int fill(struct composition *composition, int lower, const char *path, int target,
		unsigned depth);

static int add_directory(struct composition *composition, int lower, const char *path, int parent,
			 const char *name, unsigned depth)
{
	_cleanup_close_ int target = -EBADF, mounted = -EBADF;

	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	target = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return -errno;
	if (is_kernel_mount(composition, lower))
		return 0;
	if (has_mounts_below(composition, path))
		return fill(composition, lower, path, target, depth + 1);
	if (composition->overlay_count < OVERLAYS_MAX)
		mounted = overlay_mount(composition->root, composition->scratch,
					++composition->overlay_count, lower, target);
	return mounted >= 0 ? 0 : show_read_only(composition, lower, target);
}

static int add_file(struct composition *composition, int source, int parent, const char *name)
{
	_cleanup_close_ int target =
		openat(parent, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return target < 0 ? -errno : show_read_only(composition, source, target);
}

static int add_symlink(int lower_parent, int parent, const char *name)
{
	char text[PATH_MAX];
	ssize_t length = readlinkat(lower_parent, name, text, sizeof(text) - 1);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	return symlinkat(text, parent, name) < 0 ? -errno : 0;
}

static int add_entry(struct composition *composition, int lower_parent, const char *parent_path,
		     int parent, const char *name, unsigned depth)
{
	_cleanup_close_ int lower = openat(lower_parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char path[PATH_MAX];
	struct stat status;

	if (lower < 0 || fstat(lower, &status) < 0)
		return 0; /* gone meanwhile, or not ours to see */
	if (snprintf(path, sizeof(path), "%s/%s", parent_path, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	switch (status.st_mode & S_IFMT) {
	case S_IFDIR:
		return add_directory(composition, lower, path, parent, name, depth);
	case S_IFLNK:
		return add_symlink(lower_parent, parent, name);
	case S_IFREG:
		return add_file(composition, lower, parent, name);
	}
	return 0; /* sockets, FIFOs and devices of the host stay there */
}

/* Rebuilds `lower` in the directory `target`. A directory that can't be listed stays empty. */
static int fill(struct composition *composition, int lower, const char *path, int target,
		unsigned depth)
{
	_cleanup_closedir_ DIR *entries = NULL;
	struct dirent *entry;
	int result = 0, fd;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	overlay_copy_attributes(lower, target);
	fd = openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	entries = fd < 0 ? NULL : fdopendir(fd);
	while (entries && !result && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = add_entry(composition, lower, path, target, entry->d_name, depth);
	return result;
}

int compose_root(struct new_root *root, int scratch, int lower, int target,
		 const struct mount_info *info, struct error *err)
{
	struct composition composition = {.root = root, .info = info, .scratch = scratch};
	char rootfs[PATH_MAX];
	int result;

	/* pivot_root wants a mount point. */
	root->fd = mount_bind_open(&root->how, target, target);
	result = root->fd < 0 ? root->fd : overlay_lower_path(lower, rootfs, sizeof(rootfs));
	if (!result)
		result = fill(&composition, lower, rootfs, root->fd, 0);
	if (result < 0)
		return error_set(err, -result, "cannot compose a scratch layer over %s",
				 root->plan->rootfs);
	return 0;
}
