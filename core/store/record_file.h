/* SPDX-License-Identifier: Apache-2.0 */
/* What a record asks of, and does to, a file itself: its xattr and its times.
 *
 * A file is named by the caller's O_PATH fd, or by a host path that core/path has just resolved;
 * a path is only ever read by, never changed.
 */
#ifndef AMPHORA_STORE_RECORD_FILE_H
#define AMPHORA_STORE_RECORD_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/store/record.h"

/* Whether there is any way to ask. */
static inline bool record_file_is_named(const struct record_file *file)
{
	return file->fd >= 0 || file->host;
}

/* 1 and an entry, 0 when there is none or one that makes no sense, -errno when nobody can tell
 * (-EOPNOTSUPP: no file of this file system has one). */
int record_file_read(const struct record_file *file, struct record_entry *ret_entry);

/* Sets the xattr, or removes it with text NULL; that there was none is no failure. A file that its
 * owner may not write is made writable for a moment. Needs the fd. Returns 0 or -errno. */
int record_file_write(const struct record_file *file, const char *text);

/* Any xattr's value: its length or -errno. */
ssize_t record_file_get_xattr(const struct record_file *file, const char *name, void *value, size_t size);
/* Sets an xattr of that name, or removes it with value NULL. Otherwise as record_file_write(). */
int record_file_set_xattr(const struct record_file *file, const char *name, const void *value, size_t size);

/* Birth and change time as they are now, in ns; zero where the file system doesn't say. */
void record_file_times(const struct record_file *file, int64_t *ret_birth, int64_t *ret_change);

#endif
