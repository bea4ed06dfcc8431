// SPDX-License-Identifier: Apache-2.0
/* The operations of a plan, one function a kind.
 *
 * Every target is an O_PATH fd that was resolved inside the new root, and is used as that fd: a
 * symlink in the root filesystem, or one put there meanwhile by a container that shares it, may change
 * what is found but never leads out.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/path/rootfs.h"
#include "ns_backend/root.h"

#define TTY_GROUP 5 /* the group `tty` of every distribution; grantpt() expects it */

/* The guest path of an fd inside the new root, free of symlinks. Returns 0 or -errno. */
static int guest_path(const struct new_root *root, int fd, char *path, size_t size)
{
	char anchor[PATH_MAX], host[PATH_MAX];
	ssize_t anchor_length = readlink(fd_path(root->fd).text, anchor, sizeof(anchor) - 1);
	ssize_t length = readlink(fd_path(fd).text, host, sizeof(host) - 1);

	if (anchor_length < 0 || length < 0)
		return -errno;
	if (length <= anchor_length || memcmp(anchor, host, (size_t)anchor_length) ||
	    host[anchor_length] != '/')
		return -EXDEV;
	host[length] = '\0';
	if (snprintf(path, size, "%s", host + anchor_length) >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}

static int open_target(const struct new_root *root, const char *path, bool file, bool *ret_created,
		       struct error *err)
{
	struct stat status;
	int fd = rootfs_open(root->fd, path, O_PATH, 0, NULL);

	if (fd < 0)
		fd = rootfs_mount_point(root->fd, path, file, ret_created, err);
	if (fd < 0) {
		error_wrap(err, fd, "cannot make the mount point %s in the root filesystem", path);
		return fd;
	}
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) == file) {
		close(fd);
		return error_plain(err, "%s is %s in the root filesystem, and %s is to be mounted "
				   "there", path, file ? "a directory" : "not a directory",
				   file ? "a file" : "a directory");
	}
	return fd;
}

static int fail_mount(const struct plan_op *op, const char *what, int result, struct error *err)
{
	return error_set(err, -result, "cannot mount %s on %s", what, op->target);
}

static struct mount_how how_of(const struct new_root *root, const struct plan_op *op)
{
	struct mount_how how = root->how;

	how.options = op->options;
	return how;
}

/* Binds a host path on op->target. */
static int bind_path(struct new_root *root, const struct plan_op *op, const char *source_path,
		     uint32_t options, struct error *err)
{
	_cleanup_close_ int source = -EBADF, target = -EBADF;
	struct mount_how how = root->how;
	struct stat status;
	int result;

	/* A host path: the source as the user named it, symlinks resolved by the front. */
	source = open(source_path, O_PATH | O_CLOEXEC);
	if (source < 0 && errno == ENOENT) {
		if (op->options & MOUNT_OPTION_OPTIONAL)
			return 0;
		/* Not strerror's words: callers take those for a missing command. */
		return error_plain(err, "the mount source %s is missing on the host", source_path);
	}
	if (source < 0 || fstat(source, &status) < 0)
		return error_set(err, errno, "cannot open the mount source %s", source_path);
	target = open_target(root, op->target, !S_ISDIR(status.st_mode), NULL, err);
	if (target < 0)
		return target;
	how.options = options;
	result = mount_bind(&how, source, target);
	return result < 0 ? fail_mount(op, source_path, result, err) : 0;
}

static int mount_new(struct new_root *root, const struct plan_op *op, const char *type,
		     const char *data, struct error *err)
{
	_cleanup_close_ int target = -EBADF, mounted = -EBADF;
	struct mount_how how = how_of(root, op);

	target = open_target(root, op->target, false, NULL, err);
	if (target < 0)
		return target;
	mounted = mount_filesystem(&how, type, data, target);
	return mounted < 0 ? fail_mount(op, type, mounted, err) : 0;
}

static bool has_namespace(const struct new_root *root, uint64_t flag)
{
	return root->plan->clone_flags & flag;
}

/* Where a user namespace doesn't own what a file system shows, the kernel refuses a new instance,
 * and the host's is shown instead: the same thing, since it shows the namespace shared with it. */
static int mount_or_show_host(struct new_root *root, const struct plan_op *op, const char *type,
			      uint64_t owner, const char *host, uint32_t options, struct error *err)
{
	int result = -EPERM;

	if (has_namespace(root, owner) || !root->how.in_userns)
		result = mount_new(root, op, type, NULL, err);
	if (result == -EPERM && root->how.in_userns)
		result = bind_path(root, op, host, options | MOUNT_OPTION_RECURSIVE, err);
	return result;
}

static int mount_bind_kind(struct new_root *root, const struct plan_op *op, struct error *err)
{
	return bind_path(root, op, op->source, op->options, err);
}

static int mount_tmpfs(struct new_root *root, const struct plan_op *op, struct error *err)
{
	char data[64];
	int length = snprintf(data, sizeof(data), "mode=%o",
			      op->mode ? (unsigned)op->mode & 07777 : 01777);

	if (op->size)
		snprintf(data + length, sizeof(data) - (size_t)length, ",size=%llu",
			 (unsigned long long)op->size);
	return mount_new(root, op, "tmpfs", data, err);
}

static int mount_proc(struct new_root *root, const struct plan_op *op, struct error *err)
{
	int result = mount_new(root, op, "proc", NULL, err);

	if (result == -EPERM && root->how.in_userns)
		error_hint(err, "The host's own /proc is covered in part, so a user namespace may "
				"not have a whole one");
	return result;
}

static int mount_sysfs(struct new_root *root, const struct plan_op *op, struct error *err)
{
	return mount_or_show_host(root, op, "sysfs", CLONE_NEWNET, "/sys", op->options, err);
}

static int mount_mqueue(struct new_root *root, const struct plan_op *op, struct error *err)
{
	return mount_or_show_host(root, op, "mqueue", CLONE_NEWIPC, "/dev/mqueue",
				  op->options, err);
}

static int mount_cgroup(struct new_root *root, const struct plan_op *op, struct error *err)
{
	return mount_or_show_host(root, op, "cgroup2", CLONE_NEWCGROUP, "/sys/fs/cgroup",
				  op->options, err);
}

static int mount_devpts(struct new_root *root, const struct plan_op *op, struct error *err)
{
	char data[64];
	int length = snprintf(data, sizeof(data), "newinstance,ptmxmode=0666,mode=0620");

	if (ids_gid_mapped(root->plan, TTY_GROUP))
		snprintf(data + length, sizeof(data) - (size_t)length, ",gid=%d", TTY_GROUP);
	return mount_new(root, op, "devpts", data, err);
}

typedef int (*mount_function)(struct new_root *root, const struct plan_op *op, struct error *err);

static const mount_function mount_functions[MOUNT_KIND_COUNT] = {
	[MOUNT_KIND_BIND] = mount_bind_kind,
	[MOUNT_KIND_TMPFS] = mount_tmpfs,
	[MOUNT_KIND_PROC] = mount_proc,
	[MOUNT_KIND_SYSFS] = mount_sysfs,
	[MOUNT_KIND_DEVPTS] = mount_devpts,
	[MOUNT_KIND_MQUEUE] = mount_mqueue,
	[MOUNT_KIND_CGROUP] = mount_cgroup,
};

/* What shows the kernel must stand where its masks will look for it: a rootfs whose /proc or /sys is a
 * symlink is an attempt to escape them (CVE-2019-19921). */
static int check_place(const struct new_root *root, const struct plan_op *op, struct error *err)
{
	bool guarded = !strcmp(op->target, "/proc") || !strcmp(op->target, "/sys");
	_cleanup_close_ int fd = guarded ? rootfs_open(root->fd, op->target, O_PATH, 0, NULL) : -1;
	char path[PATH_MAX];
	int result;

	if (fd < 0)
		return 0;
	result = guest_path(root, fd, path, sizeof(path));
	if (result == 0 && !strcmp(path, op->target))
		return 0;
	error_plain(err, "%s of the root filesystem must be an ordinary directory", op->target);
	error_hint(err, "It is a symlink there; remove it");
	return -EINVAL;
}

static int execute_mount(struct new_root *root, const struct plan_op *op, struct error *err)
{
	int result;

	if ((unsigned)op->mount_kind >= MOUNT_KIND_COUNT)
		return error_plain(err, "unknown kind of mount on %s", op->target);
	result = check_place(root, op, err);
	if (result < 0)
		return result;
	result = mount_functions[op->mount_kind](root, op, err);
	if (result < 0 && op->options & MOUNT_OPTION_OPTIONAL) {
		log_debug("left out: %s (%s)", op->target, err ? err->message : "");
		return 0;
	}
	return result;
}

static int execute_symlink(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int directory = -EBADF;
	char parent[PATH_MAX];
	char *name;

	if (snprintf(parent, sizeof(parent), "%s", op->target) >= (int)sizeof(parent))
		return error_set(err, ENAMETOOLONG, "cannot make the link %s", op->target);
	name = strrchr(parent, '/');
	if (!name || !name[1])
		return error_plain(err, "'%s' cannot be the path of a link", op->target);
	*name++ = '\0';
	directory = rootfs_open(root->fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, err);
	if (directory < 0)
		return error_wrap(err, directory, "cannot make the link %s", op->target);
	if (symlinkat(op->content, directory, name) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make the link %s", op->target);
	return 0;
}

/* Remembers an empty file that was made to be mounted on. */
static void note_leftover(const struct new_root *root, int target)
{
	struct ns_shared *shared = root->setup->shared;
	unsigned count = atomic_load(&shared->leftover_count);

	if (count < SETUP_LEFTOVERS_MAX &&
	    guest_path(root, target, shared->leftovers[count], SETUP_PATH_SIZE) == 0)
		atomic_store(&shared->leftover_count, count + 1);
}

/* The guest's own writable copy, in our state directory. Returns an O_PATH fd. */
static int write_private_copy(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int result;

	if (snprintf(path, sizeof(path), "%s/file%u", root->setup->context->state_directory,
		     root->file_count++) >= (int)sizeof(path))
		return error_set(err, ENAMETOOLONG, "cannot write %s for the guest", op->target);
	/* A host path: the container's state directory. */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, errno, "cannot write %s for the guest", op->target);
	result = file_write_fd(fd, op->content, strlen(op->content));
	if (!result && fchmod(fd, op->mode ? op->mode & 07777 : 0644) < 0)
		result = -errno;
	if (result < 0)
		return error_set(err, -result, "cannot write %s for the guest", op->target);
	close(steal_fd(&fd));
	/* The same host path. */
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "cannot open %s", path) : steal_fd(&fd);
}

static int execute_file(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int source = -EBADF, target = -EBADF;
	struct mount_how how = root->how;
	bool created = false;
	int result;

	target = open_target(root, op->target, true, &created, err);
	if (target < 0)
		return target;
	if (created && !root->scratch)
		note_leftover(root, target);
	source = write_private_copy(root, op, err);
	if (source < 0)
		return source;
	how.options = op->options | MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV | MOUNT_OPTION_NOEXEC;
	result = mount_bind(&how, source, target);
	return result < 0 ? fail_mount(op, "a generated file", result, err) : 0;
}

/* The target of a mask or a read-only path; -ENOENT when there is none, and nothing to do. */
static int open_existing(const struct new_root *root, const struct plan_op *op, struct error *err)
{
	int fd = rootfs_open(root->fd, op->target, O_PATH, 0, err);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	return fd < 0 ? error_wrap(err, fd, "cannot protect %s", op->target) : fd;
}

/* The host's /dev/null, and nothing that was put in its place (CVE-2025-31133). */
static int open_null(struct error *err)
{
	_cleanup_close_ int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, errno, "cannot open /dev/null");
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
		return error_plain(err, "the host's /dev/null is not the null device");
	return steal_fd(&fd);
}

/* One empty tmpfs covers all masked directories. */
static int mask_directory(struct new_root *root, const struct mount_how *how, int target)
{
	if (root->empty_directory >= 0)
		return mount_bind(how, root->empty_directory, target);
	root->empty_directory = mount_filesystem(how, "tmpfs", "mode=0755,nr_inodes=1", target);
	return root->empty_directory < 0 ? root->empty_directory : 0;
}

static int execute_mask(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int target = open_existing(root, op, err), cover = -EBADF;
	struct mount_how how = root->how;
	struct stat status;
	int result;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	if (fstat(target, &status) < 0)
		return error_set(err, errno, "cannot protect %s", op->target);
	how.options = MOUNT_OPTION_READ_ONLY | MOUNT_OPTION_NOSUID | MOUNT_OPTION_NOEXEC;
	if (S_ISDIR(status.st_mode)) {
		how.options |= MOUNT_OPTION_NODEV;
		result = mask_directory(root, &how, target);
		return result < 0 ? error_set(err, -result, "cannot mask %s", op->target) : 0;
	}
	cover = open_null(err);
	if (cover < 0)
		return cover;
	result = mount_bind(&how, cover, target);
	return result < 0 ? error_set(err, -result, "cannot mask %s", op->target) : 0;
}

static int execute_read_only(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int target = open_existing(root, op, err);
	struct mount_how how = root->how;
	int result;

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	how.options = MOUNT_OPTION_READ_ONLY | MOUNT_OPTION_RECURSIVE;
	result = mount_bind(&how, target, target);
	return result < 0 ? error_set(err, -result, "cannot make %s read-only", op->target) : 0;
}

int operation_execute(struct new_root *root, const struct plan_op *op, struct error *err)
{
	switch (op->kind) {
	case PLAN_OP_ROOT:
		return error_plain(err, "the plan has two root filesystems");
	case PLAN_OP_MOUNT:
		return execute_mount(root, op, err);
	case PLAN_OP_SYMLINK:
		return execute_symlink(root, op, err);
	case PLAN_OP_FILE:
		return execute_file(root, op, err);
	case PLAN_OP_MASK:
		return execute_mask(root, op, err);
	case PLAN_OP_READ_ONLY:
		return execute_read_only(root, op, err);
	}
	return error_plain(err, "the plan has an operation that this build doesn't know");
}

int operation_bind_console(struct new_root *root, struct error *err)
{
	_cleanup_close_ int source = -EBADF, target = -EBADF;
	struct mount_how how = root->how;
	struct stat ours, found;
	char path[64];
	ssize_t length;
	int result;

	/* The slave was opened in the monitor's mount namespace; binding needs one of this one. */
	length = readlink("/proc/self/fd/0", path, sizeof(path) - 1);
	if (length <= 0)
		return error_set(err, errno, "cannot find the terminal's path");
	path[length] = '\0';
	/* A host path below /dev/pts, proved below to be the terminal. */
	source = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0 || fstat(source, &found) < 0 || fstat(STDIN_FILENO, &ours) < 0 ||
	    found.st_ino != ours.st_ino || found.st_dev != ours.st_dev) {
		log_debug("no /dev/console: %s is not the terminal", path);
		return 0;
	}
	target = open_target(root, "/dev/console", true, NULL, err);
	if (target < 0)
		return target;
	how.options = MOUNT_OPTION_NOSUID | MOUNT_OPTION_NOEXEC;
	result = mount_bind(&how, source, target);
	return result < 0 ? error_set(err, -result, "cannot mount the terminal on /dev/console") : 0;
}
