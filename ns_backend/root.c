// SPDX-License-Identifier: Apache-2.0
/* The guest's root directory: built beside the host's, then put in its place.
 *
 * Theory of operation
 *
 *   STATE/root  <- bind of the rootfs, or overlay(rootfs, scratch tmpfs)     [anchor]
 *     each operation of the plan, in order, on fds inside it                 operations.c
 *     read-only, when asked: last, since mount points may be missing
 *   pivot_root(".", ".")  the old root lies on top of the new one, and is detached
 *
 * The anchor is in our private state directory, so that nobody can swap it. Every mount is private
 * from the first step: nothing that happens here reaches the host, and the kernel undoes all of it
 * when the namespace's last process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ns_backend/overlay.h"

static int open_anchor(const struct ns_setup *setup, struct error *err)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/root", setup->context->state_directory) >=
	    (int)sizeof(path))
		return error_set(err, ENAMETOOLONG, "cannot use the state directory");
	/* A host path: the container's state directory. */
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make %s", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "cannot open %s", path) : fd;
}

static int bind_root(struct new_root *root, int rootfs, int anchor, struct error *err)
{
	struct mount_how how = root->how;

	how.options = MOUNT_OPTION_RECURSIVE;
	root->fd = mount_bind_open(&how, rootfs, anchor);
	if (root->fd < 0) {
		error_set(err, -root->fd, "cannot mount the root filesystem %s", root->plan->rootfs);
		return root->fd;
	}
	return 0;
}

static int execute_root(struct new_root *root, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int rootfs = -EBADF, anchor = -EBADF;
	struct mount_how how = root->how;
	int result;

	/* A host path: the rootfs as the user named it. */
	rootfs = open(op->source ? op->source : root->plan->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rootfs < 0)
		return error_set(err, errno, "cannot open the root filesystem %s",
				 root->plan->rootfs);
	anchor = open_anchor(root->setup, err);
	if (anchor < 0)
		return anchor;
	if (root->plan->layer == MECHANISM_KERNEL_OVERLAY)
		return overlay_mount_root(root, rootfs, anchor, err);
	result = bind_root(root, rootfs, anchor, err);
	if (result < 0 || !(op->options & MOUNT_OPTION_READ_ONLY))
		return result;
	/* What is mounted in the rootfs already; its own top follows at the end. */
	how.options = MOUNT_OPTION_READ_ONLY;
	result = mount_restrict_below(&how, root->fd);
	if (result < 0)
		return error_set(err, -result, "cannot make the mounts below %s read-only",
				 root->plan->rootfs);
	return 0;
}

static int restrict_root(struct new_root *root, const struct plan_op *op, struct error *err)
{
	struct mount_how how = root->how;
	int result;

	how.options = op->options & ~(uint32_t)MOUNT_OPTION_RECURSIVE;
	result = mount_restrict(&how, root->fd);
	if (result < 0)
		return error_set(err, -result, "cannot make the root filesystem %s read-only",
				 root->plan->rootfs);
	return 0;
}

static int pivot(int root, struct error *err)
{
	if (fchdir(root) < 0)
		return error_set(err, errno, "cannot enter the new root");
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		int code = errno;

		error_set(err, code, "cannot make the rootfs the root directory (pivot_root)");
		if (code == EINVAL)
			error_hint(err, "Where / is an initramfs this isn't possible; use "
					"--backend ptrace");
		return -code;
	}
	/* The old root is on top of the new one now; "." still means the old. */
	if (umount2(".", MNT_DETACH) < 0)
		return error_set(err, errno, "cannot detach the host's root");
	if (chdir("/") < 0)
		return error_set(err, errno, "cannot enter the new root");
	return 0;
}

int root_enter(const struct ns_setup *setup, int *ret_root, struct error *err)
{
	const struct plan *plan = setup->plan;
	struct new_root root = {.setup = setup,
				.plan = plan,
				.how = {.use_api = plan->mount_api,
					.in_userns = plan->clone_flags & CLONE_NEWUSER},
				.fd = -EBADF,
				.empty_directory = -EBADF,
				.scratch = plan->layer == MECHANISM_KERNEL_OVERLAY};
	int result = mount_all_private();

	if (result < 0)
		return error_set(err, -result, "cannot make the mounts private");
	if (plan->op_count == 0 || plan->ops[0].kind != PLAN_OP_ROOT)
		return error_plain(err, "the plan doesn't begin with a root filesystem");
	result = execute_root(&root, &plan->ops[0], err);
	for (size_t i = 1; !result && i < plan->op_count; i++)
		result = operation_execute(&root, &plan->ops[i], err);
	if (!result && setup->context->terminal)
		result = operation_bind_console(&root, err);
	if (!result)
		result = restrict_root(&root, &plan->ops[0], err);
	if (!result)
		result = pivot(root.fd, err);
	if (root.empty_directory >= 0)
		close(root.empty_directory);
	if (!result)
		*ret_root = root.fd;
	return result;
}
