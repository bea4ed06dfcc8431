/* SPDX-License-Identifier: Apache-2.0 */
/* The sidecar of record.h as a file: a header and lines of 64 bytes, appended under a lock,
 * shared by all containers of a rootfs. Knows nothing of xattrs and files; record.c gives lines
 * meaning.
 */
#ifndef AMPHORA_STORE_RECORD_LOG_H
#define AMPHORA_STORE_RECORD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

enum record_line_kind {
	RECORD_LINE_NONE,    /* an empty slot of the index; never in the file */
	RECORD_LINE_XATTR,   /* a copy of the file's xattr */
	RECORD_LINE_SIDECAR, /* the only copy */
	RECORD_LINE_GONE,    /* nothing is remembered any more */
};

/* Native byte order. The last line of a (device, inode) counts. */
struct record_line {
	uint64_t device; /* 0: the device of the rootfs, whatever its number is after a reboot */
	uint64_t inode;
	int64_t birth;	/* of the inode, ns; 0: the file system doesn't say */
	int64_t change; /* its ctime, ns, when this was last known to be right; 0: check again */
	uint32_t uid, gid, mode, kind;
	uint64_t rdev;
	uint64_t checksum; /* of the bytes before, and never 0 */
};

struct record_log;

/* Called for each valid line in order, by open, refresh and append. */
typedef int record_log_line(void *context, const struct record_line *line);
/* Called before lines are read again from the start, because the file was replaced. */
typedef void record_log_reset(void *context);

struct record_log_reader {
	record_log_line *line;
	record_log_reset *reset;
	void *context;
};

/* Opens or makes the file and reads it. Child of parent; closed with it. */
int record_log_open(void *parent, const char *path, const struct record_log_reader *reader,
		    struct record_log **ret_log, struct error *err);

/* Whether others have written since: two loads from shared memory. */
bool record_log_changed(const struct record_log *log);
/* Reads what others have written. Returns 0 or -errno. */
int record_log_refresh(struct record_log *log);
/* Appends a line (its checksum is filled in), after reading what others have written. The line
 * isn't handed to the reader. Returns 0 or -errno. */
int record_log_append(struct record_log *log, struct record_line *line);

/* Lines in the file, dead ones included. */
uint64_t record_log_length(const struct record_log *log);
/* Replaces the file with these lines. -EAGAIN when others have written since: refresh and retry. */
int record_log_replace(struct record_log *log, struct record_line *lines, uint64_t count);

/* 16 random bytes that name this log, kept by replace. */
void record_log_identity(const struct record_log *log, uint8_t ret_identity[16]);
bool record_log_proven(const struct record_log *log);
void record_log_set_proven(struct record_log *log, bool proven);

#endif
