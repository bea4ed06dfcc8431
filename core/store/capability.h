/* SPDX-License-Identifier: Apache-2.0 */
/* File capabilities that a host user without rights can't give a file: security.capability, kept under a
 * name that it can write.
 *
 * Theory of operation
 *
 *   user.containers.override_security.capability   the value as the kernel would keep it: the convention of
 *                                                  fuse-overlayfs. Empty: the file has none, whatever its own
 *                                                  security.capability says.
 *   user.amphora.capability                        "mtime:size" of the file that they were given to
 *
 * Both belong to the inode: renames, hard links, emulated ones and copies with xattrs take them along, and they die
 * with it. A file without them shows its own security.capability, which the machine's root or a user namespace
 * gave it.
 *
 * The kernel takes capabilities away from a file that is written to. Nobody is asked at a write(2): the stamp
 * tells afterwards that modification time or size are others. Whoever sets times knows whether the stamp was good, and
 * renews it. A copy with times of whole seconds fits too. A value without a stamp is another program's, and counts.
 * What isn't noticed: a write of the same size within the tick (1 to 10 ms, before Linux 6.13) of the one before
 * the capabilities were given. A write by mmap takes them away here and not in the kernel.
 */
#ifndef AMPHORA_STORE_CAPABILITY_H
#define AMPHORA_STORE_CAPABILITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/store/record.h"

#define CAPABILITY_XATTR	  "user.containers.override_security.capability" /* ends in the real one's */
#define CAPABILITY_STAMP_XATTR	  "user.amphora.capability"
#define CAPABILITY_REAL_XATTR	  "security.capability"
#define CAPABILITY_VALUE_MAX	  24 /* bytes: VFS_CAP_REVISION_3 */
#define CAPABILITY_STAMP_TEXT_MAX 64

/* The value: its length, -ENODATA when there is none, -ERANGE when it is too long for any version. Of the file's own,
 * one for user namespaces of host user `root` is shown as root's. */
int capability_get(const struct record_file *file, uid_t root, unsigned char value[CAPABILITY_VALUE_MAX]);
/* The file's own, and nothing else. */
int capability_get_real(const struct record_file *file, unsigned char value[CAPABILITY_VALUE_MAX]);
/* These need the fd, and return 0 or -errno. */
int capability_set(const struct record_file *file, const void *value, size_t size);
/* That there are none is no failure. */
int capability_remove(const struct record_file *file);
/* After a change of the file's times alone; its status is the new one. */
int capability_renew(const struct record_file *file);
/* Whether capabilities were given to it here: one call, for files that hardly ever have any. */
bool capability_is_stamped(const struct record_file *file);
/* Whether it may have any: the same. */
bool capability_is_likely(const struct record_file *file);

/* The stamp's text, and whether a file is still as it says. */
int capability_stamp_format(const struct stat *status, char text[CAPABILITY_STAMP_TEXT_MAX]);
bool capability_stamp_fits(const char *text, const struct stat *status);

#endif
