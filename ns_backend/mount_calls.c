// SPDX-License-Identifier: Apache-2.0
/* Mounting on fds.
 *
 * Theory of operation
 *
 * With the new API a mount is made detached, gets its flags while nobody can see it, and is attached to
 * an fd: nothing is ever looked up by name. mount(2) wants names, so it gets /proc/self/fd/N, which
 * leads to the very object; but the flags of a bind can only be set by a second call on the new mount,
 * whose root must be found first. /proc/self/fd/N of the target still names what lies underneath, so
 * the newest mount whose parent is the target's mount is taken from mountinfo, opened by name, and
 * used only when its mount id is the expected one: a swapped path fails, it doesn't redirect.
 *
 * In a user namespace flags that came from the host are locked: mount(2) refuses a remount that
 * would clear one, so the flags in force are read first and kept. mount_setattr() only adds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "core/model/spec.h"
#include "ns_backend/mount_calls.h"
#include "core/base/mount_info.h"

static const struct {
	uint32_t option;
	unsigned long flag;	/* mount(2) */
	uint64_t attribute;	/* mount_setattr(2) */
	unsigned long in_force; /* statvfs(3) */
} restrictions[] = {
	{MOUNT_OPTION_READ_ONLY, MS_RDONLY, AMPHORA_MOUNT_ATTR_RDONLY, ST_RDONLY},
	{MOUNT_OPTION_NOSUID, MS_NOSUID, AMPHORA_MOUNT_ATTR_NOSUID, ST_NOSUID},
	{MOUNT_OPTION_NODEV, MS_NODEV, AMPHORA_MOUNT_ATTR_NODEV, ST_NODEV},
	{MOUNT_OPTION_NOEXEC, MS_NOEXEC, AMPHORA_MOUNT_ATTR_NOEXEC, ST_NOEXEC},
};

static unsigned long option_flags(uint32_t options)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(restrictions); i++)
		if (options & restrictions[i].option)
			flags |= restrictions[i].flag;
	return flags;
}

static uint64_t option_attributes(uint32_t options)
{
	uint64_t attributes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(restrictions); i++)
		if (options & restrictions[i].option)
			attributes |= restrictions[i].attribute;
	return attributes;
}

struct fd_path fd_path(int fd)
{
	struct fd_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

int mount_id(int fd)
{
	char path[48], text[512];
	const char *at;
	ssize_t length;
	struct statx status;

	/* Linux 5.8. Before 5.14 fdinfo is closed to a process in a user namespace that isn't dumpable. */
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0 &&
	    status.stx_mask & STATX_MNT_ID)
		return (int)status.stx_mnt_id;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	length = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	at = strstr(text, "mnt_id:");
	return at ? atoi(at + strlen("mnt_id:")) : -EINVAL;
}

int mount_all_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* --- the new API ------------------------------------------------------------------------- */

static int set_attributes(int mount, uint32_t options, uint64_t propagation)
{
	struct amphora_mount_attr attr = {.attr_set = option_attributes(options),
					  .propagation = propagation};
	unsigned flags = AT_EMPTY_PATH;

	if (options & MOUNT_OPTION_RECURSIVE)
		flags |= AMPHORA_AT_RECURSIVE;
	if (!attr.attr_set && !propagation)
		return 0;
	return syscall(SYS_mount_setattr, mount, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int attach(int tree, int target)
{
	if (syscall(SYS_move_mount, tree, "", target, "",
		    AMPHORA_MOVE_MOUNT_F_EMPTY | AMPHORA_MOVE_MOUNT_T_EMPTY) < 0)
		return -errno;
	return 0;
}

static int clone_tree(int source, bool recursive)
{
	unsigned flags = AT_EMPTY_PATH | AMPHORA_OPEN_TREE_CLONE | AMPHORA_OPEN_TREE_CLOEXEC;
	long fd;

	if (recursive)
		flags |= AMPHORA_AT_RECURSIVE;
	fd = syscall(SYS_open_tree, source, "", flags);
	return fd < 0 ? -errno : (int)fd;
}

static int api_bind(uint32_t options, int source, int target)
{
	_cleanup_close_ int tree = clone_tree(source, options & MOUNT_OPTION_RECURSIVE);
	int result;

	if (tree < 0)
		return tree;
	result = set_attributes(tree, options, MS_PRIVATE);
	if (!result)
		result = attach(tree, target);
	return result < 0 ? result : steal_fd(&tree);
}

static int configure(int context, const char *data)
{
	char copy[512], *rest = copy, *item;

	if (!data)
		return 0;
	if (snprintf(copy, sizeof(copy), "%s", data) >= (int)sizeof(copy))
		return -E2BIG;
	while ((item = strsep(&rest, ","))) {
		char *value = strchr(item, '=');
		long result;

		if (value) {
			*value++ = '\0';
			result = syscall(SYS_fsconfig, context, AMPHORA_FSCONFIG_SET_STRING, item,
					 value, 0);
		} else {
			result = syscall(SYS_fsconfig, context, AMPHORA_FSCONFIG_SET_FLAG, item,
					 NULL, 0);
		}
		if (result < 0)
			return -errno;
	}
	return 0;
}

static int api_filesystem(const struct mount_how *how, const char *type, const char *data,
			  int target)
{
	_cleanup_close_ int context = -EBADF, mount = -EBADF;
	int result;

	context = (int)syscall(SYS_fsopen, type, AMPHORA_FSOPEN_CLOEXEC);
	if (context < 0)
		return -errno;
	result = configure(context, data);
	if (result < 0)
		return result;
	/* What /proc/mounts shows first; mount(2)'s callers give the type, too. */
	syscall(SYS_fsconfig, context, AMPHORA_FSCONFIG_SET_STRING, "source", type, 0);
	if (syscall(SYS_fsconfig, context, AMPHORA_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = (int)syscall(SYS_fsmount, context, AMPHORA_FSMOUNT_CLOEXEC,
			     (unsigned)option_attributes(how->options));
	if (mount < 0)
		return -errno;
	result = attach(mount, target);
	return result < 0 ? result : steal_fd(&mount);
}

/* --- mount(2) ---------------------------------------------------------------------------- */

/* Opens a mount by the host path that mountinfo gives, and only that mount. */
static int open_entry(const struct mount_info_entry *entry)
{
	_cleanup_close_ int fd = open(entry->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return mount_id(fd) == entry->id ? steal_fd(&fd) : -ESTALE;
}

/* The mount that has just been put on `target`: the last one attached to the target's mount. */
static int open_newest(int target)
{
	void *scratch = talloc_new(NULL);
	struct mount_info info;
	int result = mount_info_read(scratch, &info), parent = mount_id(target);

	if (!result)
		result = -ESTALE;
	if (result == -ESTALE && parent > 0) {
		const struct mount_info_entry *newest = NULL;

		for (size_t i = 0; i < info.count; i++)
			if (info.entries[i].parent_id == parent)
				newest = &info.entries[i]; /* ids are reused, the order is not */
		if (newest)
			result = open_entry(newest);
	}
	talloc_free(scratch);
	return result;
}

static int remount(int mount_fd, uint32_t options)
{
	unsigned long flags = option_flags(options);
	struct statvfs status;

	if (!flags)
		return 0;
	if (fstatvfs(mount_fd, &status) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(restrictions); i++)
		if (status.f_flag & restrictions[i].in_force)
			flags |= restrictions[i].flag;
	if (status.f_flag & ST_NOATIME)
		flags |= MS_NOATIME;
	if (status.f_flag & ST_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (status.f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	if (!(status.f_flag & (ST_NOATIME | ST_RELATIME)))
		flags |= MS_STRICTATIME;
	if (mount(NULL, fd_path(mount_fd).text, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return -errno;
	return 0;
}

/* The mounts below the one whose root is `root`, not that one. */
static int remount_below(int root, uint32_t options)
{
	void *scratch = talloc_new(NULL);
	struct mount_info info;
	int result = mount_info_read(scratch, &info), top = mount_id(root);

	if (!result && top < 0)
		result = top;
	for (size_t i = 0; !result && i < info.count; i++) {
		_cleanup_close_ int fd = -EBADF;

		if (info.entries[i].id == top || !mount_info_below(&info, info.entries[i].id, top))
			continue;
		fd = open_entry(&info.entries[i]);
		if (fd == -ESTALE || fd == -ENOENT)
			continue; /* covered by a mount on top of it: nobody can reach it */
		result = fd < 0 ? fd : remount(fd, options);
	}
	talloc_free(scratch);
	return result;
}

static int remount_tree(int root, uint32_t options)
{
	int result = remount(root, options);

	return result < 0 ? result : remount_below(root, options);
}

static int old_bind(uint32_t options, int source, int target)
{
	unsigned long flags = MS_BIND | (options & MOUNT_OPTION_RECURSIVE ? MS_REC : 0);
	_cleanup_close_ int root = -EBADF;
	int result;

	if (mount(fd_path(source).text, fd_path(target).text, NULL, flags, NULL) < 0)
		return -errno;
	root = open_newest(target);
	if (root < 0)
		return root;
	if (options & MOUNT_OPTION_RECURSIVE)
		result = remount_tree(root, options);
	else
		result = remount(root, options);
	return result < 0 ? result : steal_fd(&root);
}

static int old_filesystem(const struct mount_how *how, const char *type, const char *data, int target)
{
	if (mount(type, fd_path(target).text, type, option_flags(how->options), data) < 0)
		return -errno;
	return open_newest(target);
}

/* --- either ------------------------------------------------------------------------------ */

int mount_bind_open(const struct mount_how *how, int source, int target)
{
	uint32_t options = how->options;
	int fd;

	fd = how->use_api ? api_bind(options, source, target)
			  : old_bind(options, source, target);
	/* A plain bind may not uncover what the host's own submounts hide. Showing them is right,
	 * too: the caller sees them now. */
	if (fd == -EINVAL && how->in_userns && !(options & MOUNT_OPTION_RECURSIVE)) {
		options |= MOUNT_OPTION_RECURSIVE;
		fd = how->use_api ? api_bind(options, source, target)
				  : old_bind(options, source, target);
	}
	return fd;
}

int mount_bind(const struct mount_how *how, int source, int target)
{
	_cleanup_close_ int fd = mount_bind_open(how, source, target);

	return fd < 0 ? fd : 0;
}

int mount_filesystem(const struct mount_how *how, const char *type, const char *data, int target)
{
	return how->use_api ? api_filesystem(how, type, data, target)
			    : old_filesystem(how, type, data, target);
}

int mount_restrict(const struct mount_how *how, int mount_fd)
{
	if (how->use_api)
		return set_attributes(mount_fd, how->options, 0);
	if (how->options & MOUNT_OPTION_RECURSIVE)
		return remount_tree(mount_fd, how->options);
	return remount(mount_fd, how->options);
}

int mount_restrict_below(const struct mount_how *how, int mount_fd)
{
	return remount_below(mount_fd, how->options);
}

uint32_t mount_options_in_force(int fd)
{
	struct statvfs status;
	uint32_t options = 0;

	if (fstatvfs(fd, &status) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(restrictions); i++)
		if (status.f_flag & restrictions[i].in_force)
			options |= restrictions[i].option;
	return options;
}
