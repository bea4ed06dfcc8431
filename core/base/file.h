/* SPDX-License-Identifier: Apache-2.0 */
/* Whole-file reads and writes on fds and trusted host paths.
 *
 * None of these may be used on a path inside a guest root filesystem: that door is
 * rootfs_open() in core/path/rootfs.h.
 */
#ifndef AMPHORA_BASE_FILE_H
#define AMPHORA_BASE_FILE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Reads at most size-1 bytes and NUL-terminates. Returns the length, or -errno. Retries EINTR. */
ssize_t file_read_fd(int fd, char *buffer, size_t size);
/* Same, opens `path` (O_CLOEXEC, relative to dirfd). */
ssize_t file_read_at(int dirfd, const char *path, char *buffer, size_t size);
/* Like file_read_at() with AT_FDCWD, and drops trailing newlines. */
ssize_t file_read_line(const char *path, char *buffer, size_t size);
/* Reads a decimal number from a file such as /proc/sys/... Returns 0 or -errno. */
int file_read_number(const char *path, int64_t *ret_value);

/* Writes all of it. Returns 0 or -errno. */
int file_write_fd(int fd, const void *data, size_t size);
/* Opens an existing file write-only and writes once (for /proc and /sys: one write, no truncation).
 * Returns 0 or -errno. */
int file_write_once(const char *path, const char *text);
/* Replaces dirfd/name: temp file in the same directory, fsync where it is to last beyond a crash of the machine,
 * rename. mode as given (umask not applied). Returns 0 or -errno; on failure nothing is left behind. */
int file_replace_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool lasts);

/* Whether two are of one file; and of that in one state, as far as that can be told: size, mode, owner, times. */
bool file_is_same(const struct stat *one, const struct stat *other);
bool file_is_unchanged(const struct stat *one, const struct stat *other);

/* mkdir -p for a trusted host path. Returns 0 or -errno. */
int file_mkdirs(const char *path, mode_t mode);
/* Removes dirfd/name and everything below, never following a symlink or leaving the file system.
 * Missing is success. Returns 0 or the first -errno. */
int file_remove_tree(int dirfd, const char *name);

#endif
