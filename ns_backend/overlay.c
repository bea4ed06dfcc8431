// SPDX-License-Identifier: Apache-2.0
/* The scratch layer: kernel overlay over the rootfs, with the writes in memory.
 *
 * Theory of operation
 *
 * A tmpfs on the anchor holds upper/N, work/N and, for the rootfs, `merged`, where the overlay is
 * mounted. An overlay doesn't show what is mounted below its lower directory, so each such mount gets
 * an overlay of its own, in the order of mountinfo; where the file system is no good as a lower
 * layer, or the mount point is a file, it is bound read-only. Kernel file systems (proc, sysfs, ...) are
 * left out: the plan mounts its own. In a user namespace a lower directory with mounts below it is
 * refused: then the root is composed of several overlays (compose.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "core/path/rootfs.h"
#include "core/base/mount_info.h"
#include "ns_backend/overlay.h"

static const char *const kernel_types[] = {
	"autofs",   "binfmt_misc", "bpf",	 "cgroup",  "cgroup2",	"configfs",   "debugfs",
	"devpts",   "devtmpfs",	   "efivarfs",	 "fusectl", "hugetlbfs", "mqueue",    "nsfs",
	"proc",	    "pstore",	   "rpc_pipefs", "selinuxfs", "securityfs", "sysfs", "tracefs",
};

bool overlay_is_kernel_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel_types); i++)
		if (!strcmp(type, kernel_types[i]))
			return true;
	return false;
}

/* Makes scratch/kind+number and returns an O_PATH fd of it. */
static int make_directory(int scratch, const char *kind, unsigned number)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%s%u", kind, number);
	if (mkdirat(scratch, name, 0755) < 0)
		return -errno;
	fd = openat(scratch, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void overlay_copy_attributes(int lower, int upper)
{
	struct fd_path path = fd_path(upper);
	struct stat status;

	if (fstat(lower, &status) < 0)
		return;
	/* Not a host path but the fd's magic link, as fchown refuses O_PATH fds. */
	if (chown(path.text, status.st_uid, status.st_gid) < 0)
		log_debug("the scratch layer keeps its own owner");
	if (chmod(path.text, status.st_mode & 07777) < 0)
		log_debug("the scratch layer keeps its own mode");
}

int overlay_mount(const struct new_root *root, int scratch, unsigned number, int lower, int target)
{
	_cleanup_close_ int upper = make_directory(scratch, "upper", number);
	_cleanup_close_ int work = make_directory(scratch, "work", number);
	struct mount_how how = root->how;
	char data[160];

	if (upper < 0 || work < 0)
		return upper < 0 ? upper : work;
	overlay_copy_attributes(lower, upper);
	how.options = mount_options_in_force(lower) & ~(uint32_t)MOUNT_OPTION_READ_ONLY;
	/* Paths through /proc/self/fd need no escapes, and can't be swapped. userxattr (5.11): in a
	 * user namespace trusted.* can't be written. */
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=%s,workdir=%s%s", fd_path(lower).text,
		 fd_path(upper).text, fd_path(work).text, how.in_userns ? ",userxattr" : "");
	return mount_filesystem(&how, "overlay", data, target);
}

/* One mount below the rootfs; `inside` is its path there. */
static int add_submount(const struct new_root *root, int scratch, unsigned number,
			const struct mount_info_entry *entry, const char *inside)
{
	/* A host path, as mountinfo has it. */
	_cleanup_close_ int source = open(entry->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int target = -EBADF, mounted = -EBADF;
	struct mount_how how = root->how;
	struct stat status;

	/* Covered by a later mount, or out of our reach: not visible now, so not visible inside. */
	if (source < 0 || mount_id(source) != entry->id || fstat(source, &status) < 0)
		return 0;
	target = rootfs_open(root->fd, inside, O_PATH, 0, NULL);
	if (target < 0)
		return 0;
	if (S_ISDIR(status.st_mode)) {
		mounted = overlay_mount(root, scratch, number, source, target);
		if (mounted >= 0)
			return 0;
	}
	how.options = MOUNT_OPTION_READ_ONLY;
	return mount_bind(&how, source, target);
}

int overlay_lower_path(int lower, char *path, size_t size)
{
	ssize_t length = readlink(fd_path(lower).text, path, size - 1);

	if (length < 0)
		return -errno;
	if ((size_t)length == size - 1)
		return -ENAMETOOLONG;
	path[length == 1 ? 0 : length] = '\0';
	return 0;
}

static int add_submounts(const struct new_root *root, int scratch, int lower,
			 const struct mount_info *info, struct error *err)
{
	char rootfs[PATH_MAX];
	unsigned number = 1;
	int result = overlay_lower_path(lower, rootfs, sizeof(rootfs));
	size_t length = result ? 0 : strlen(rootfs);

	for (size_t i = 0; !result && i < info->count && number < OVERLAYS_MAX; i++) {
		const struct mount_info_entry *entry = &info->entries[i];

		if (strncmp(entry->point, rootfs, length) || entry->point[length] != '/' ||
		    !entry->point[length + 1] || overlay_is_kernel_type(entry->type))
			continue;
		result = add_submount(root, scratch, number++, entry, entry->point + length);
		if (result < 0)
			error_set(err, -result, "cannot show %s in the scratch layer", entry->point);
	}
	return result;
}

static int mount_layers(struct new_root *root, int lower, int anchor, const struct mount_info *info,
			struct error *err)
{
	_cleanup_close_ int scratch = -EBADF, merged = -EBADF;

	scratch = mount_filesystem(&root->how, "tmpfs", "mode=0700", anchor);
	if (scratch < 0)
		return error_set(err, -scratch, "cannot mount the scratch layer's tmpfs");
	merged = make_directory(scratch, "merged", 0);
	if (merged < 0)
		return error_set(err, -merged, "cannot prepare the scratch layer");
	root->fd = overlay_mount(root, scratch, 0, lower, merged);
	if (root->fd == -EINVAL && root->how.in_userns)
		return compose_root(root, scratch, lower, merged, info, err);
	if (root->fd < 0) {
		error_set(err, -root->fd, "cannot mount an overlay over %s", root->plan->rootfs);
		error_hint(err, "amphora probe --fresh shows whether overlay works here");
		return root->fd;
	}
	return add_submounts(root, scratch, lower, info, err);
}

int overlay_mount_root(struct new_root *root, int lower, int anchor, struct error *err)
{
	void *memory = talloc_new(NULL);
	struct mount_info info;
	/* Before our own mounts are among them. */
	int result = mount_info_read(memory, &info);

	if (result < 0)
		error_set(err, -result, "cannot read /proc/self/mountinfo");
	else
		result = mount_layers(root, lower, anchor, &info, err);
	talloc_free(memory);
	return result;
}
