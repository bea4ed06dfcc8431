/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered ownership of a root filesystem: owners, modes and device numbers that its real files
 * can't hold because the host user may not chown or mknod.
 *
 * Theory of operation
 *
 * Two copies of each record, with different jobs:
 *
 *   xattr    user.containers.override_stat on the file: "uid:gid:mode:type", the convention of
 *            fuse-overlayfs and containers/storage. It moves, copies and dies with the file, and
 *            other programs read it. Only regular files and directories can have it.
 *   sidecar  a log outside of the rootfs with a line for every record, this or the other kind.
 *            It is the only copy for symlinks, fifos, sockets and file systems without user
 *            xattrs, and the index for the rest: a file that isn't in it needs no getxattr().
 *
 * All of the sidecar is in memory, in a hash by (device, inode). What a lookup costs:
 *
 *   in the index, ctime as remembered         no system call
 *   in the index, ctime differs               one, once: getxattr() (the xattr is the truth), or
 *                                             statx() for the birth time of a sidecar-only file;
 *                                             here a recycled inode number is found out
 *   not in the index, below a proven rootfs   none
 *   not in the index otherwise                one getxattr() per file and ctime, then none: a
 *                                             table of known absences is kept
 *   symlinks, fifos, sockets, devices         none
 *
 * A rootfs is proven when every xattr record in it is known to be in the index: its root
 * directory bears the sidecar's identity in user.amphora.record and the sidecar says so.
 * record_prove() makes it so by looking at each file once; a rootfs moved from elsewhere or made
 * by other tools is not proven, and works, a getxattr() per file slower. Tools that add records
 * to a proven rootfs later without going through this file must remove user.amphora.record.
 *
 * Several containers may use one rootfs at a time. Appends are made under flock(); the number of
 * lines lies in the first page of the log, which everybody maps, so that a reader notices others'
 * appends by looking at memory. A compacted log is a new file; the old one's header says so.
 *
 * A crash loses at most the last line: each has a checksum, a torn one is skipped and overwritten.
 * Power loss may lose the last seconds of sidecar-only records; the log is synced at close.
 */
#ifndef AMPHORA_STORE_RECORD_H
#define AMPHORA_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/base/error.h"

#define RECORD_XATTR	    "user.containers.override_stat"
#define RECORD_MARKER_XATTR "user.amphora.record"
#define RECORD_TEXT_SIZE    96 /* of the xattr's value, with a NUL */

struct record;

/* What a file should look like. */
struct record_entry {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* type and permission bits */
	dev_t rdev;  /* of a block or character device */
};

/* A file, for the calls below: by fd (O_PATH will do), by host path, or both. Changes need the fd.
 */
struct record_file {
	const struct stat *status; /* the real one, as just read */
	int fd;			   /* or -1 */
	const char *host;	   /* absolute, or NULL */
	bool follow;		   /* host is a magic link to the file, such as /proc/PID/fd/N */
};

/* Opens the record of a rootfs (host path). `sidecar` is store_record_path()'s; the file is made
 * when missing; NULL keeps sidecar-only records in memory only. A damaged sidecar is put aside as
 * `sidecar`.damaged. The record is a child of parent and closed with it. */
int record_open(void *parent, const char *sidecar, const char *rootfs, struct record **ret_record,
		struct error *err);

/* Looks a file up: 1 and *ret_entry, 0 when there is no record. Allocates nothing, unless another
 * container has added so many records that the index must grow. */
int record_get(struct record *record, const struct record_file *file,
	       struct record_entry *ret_entry);

/* Remembers. Returns 0 or -errno: a record that could only be kept in memory is -errno too. */
int record_set(struct record *record, const struct record_file *file,
	       const struct record_entry *entry);

/* Forgets what is remembered of an existing file, the xattr too. Returns 0 or -errno. */
int record_clear(struct record *record, const struct record_file *file);

/* Whether the index has this file. No system call. */
bool record_has(const struct record *record, dev_t device, ino_t inode);
/* Calls `found` with the inode of every file in the index. */
void record_inodes(const struct record *record, void (*found)(void *context, uint64_t inode), void *context);
/* Number of files in the index. */
size_t record_count(const struct record *record);
/* The file's last name is gone. Returns 0 or -errno. */
int record_forget(struct record *record, dev_t device, ino_t inode);

/* Reads the xattr of every file below the rootfs (same device) and marks it proven. A few
 * microseconds a file; nobody else may be adding records meanwhile. */
int record_prove(struct record *record, struct error *err);
bool record_proven(const struct record *record);

/* The xattr's text, for a mode with its type. Format returns the length, or -EINVAL for a mode
 * without one. Parse returns 0 or -EINVAL; a value without a type keeps the type of real_mode. */
int record_format(const struct record_entry *entry, char *text, size_t size);
int record_parse(const char *text, size_t length, mode_t real_mode, struct record_entry *ret_entry);

#endif
