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

/* Reads a regular file of at most size-1 bytes (larger: -EFBIG; FIFO, device: -EINVAL), NUL-terminated.
 * Never blocks on a FIFO. Returns the length or -errno. */
ssize_t rootfs_read(int root_fd, const char *path, char *buffer, size_t size, struct error *err);

/* mkdir -p inside root_fd, following symlinks inside it. Returns an O_PATH fd of the directory. */
int rootfs_mkdirs(int root_fd, const char *path, mode_t mode, struct error *err);

/* Makes sure that a mount point exists: a directory, or an empty file when `file`. Parents are
 * made as directories. Returns an O_PATH fd of it, or -errno. *ret_created (may be NULL) tells
 * whether the last component was made. */
int rootfs_mount_point(int root_fd, const char *path, bool file, bool *ret_created,
		       struct error *err);

#endif
