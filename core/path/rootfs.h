/* SPDX-License-Identifier: Apache-2.0 */
/* The one door: how host-side code opens a path that a guest owns.
 *
 * Uses openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) and, where the kernel or a filter has
 * none, a walk with O_PATH | O_NOFOLLOW fds. A lint rule refuses open/stat/chown by name on
 * guest-owned paths elsewhere.
 */
#ifndef AMPHORA_PATH_ROOTFS_H
#define AMPHORA_PATH_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/error.h"

/* Opens `path` inside root_fd as a chroot there would. flags are open(2)'s, O_CLOEXEC is added; a
 * new file gets `mode`. Returns an fd or -errno with err set. */
int rootfs_open(int root_fd, const char *path, int flags, mode_t mode, struct error *err);

/* Whether openat2 may be tried at all; true until set. Android's app filter kills the process that
 * calls it, so whoever knows the facts says so before the first rootfs_ call. */
void rootfs_set_openat2(bool usable);

/* Reads a regular file of at most size-1 bytes (larger: -EFBIG; FIFO, device: -EINVAL), NUL-terminated.
 * Never blocks on a FIFO. Returns the length or -errno. */
ssize_t rootfs_read(int root_fd, const char *path, char *buffer, size_t size, struct error *err);

/* mkdir -p inside root_fd, following symlinks inside it; the target of a dangling one is made.
 * The umask applies. Returns an O_PATH fd of the directory or -errno. */
int rootfs_mkdirs(int root_fd, const char *path, mode_t mode, struct error *err);

/* Makes sure that a mount point exists: a directory, or an empty file when `file`. Parents are
 * made as directories. A symlink is followed inside root_fd, as mount(2) would in a chroot.
 * Returns an O_PATH fd of it, or -errno (-ENOTDIR, -EISDIR: something else is there). *ret_created (may be NULL) tells
 * whether the last component was made. */
int rootfs_mount_point(int root_fd, const char *path, bool file, bool *ret_created,
		       struct error *err);

#endif
