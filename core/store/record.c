// SPDX-License-Identifier: Apache-2.0
/* Records: the agreement between files, their xattrs, and the sidecar's lines in memory. record.h
 * has the theory; record_log.c is the file, record_index.c the hash, record_text.c the xattr's
 * text.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/store/record_file.h"
#include "core/store/record_index.h"

#define ABSENCES	  8192 /* direct-mapped */
#define PLAIN_DEVICES_MAX 8
#define COMPACT_FROM	  1024 /* lines; a smaller log isn't worth it */
#define PROVE_DEPTH	  1000

/* A timestamp younger than this may be given to one more change of the file (the clock of inodes
 * ticks every 1 to 10 ms), so it proves nothing. */
#define UNSETTLED_NS INT64_C(20000000)

struct absence {
	uint64_t device, inode;
	int64_t change;
};

struct record {
	struct record_log *log; /* NULL: memory only */
	const char *rootfs;	/* no trailing slash */
	size_t rootfs_length;
	dev_t root_device;
	bool proven;
	struct record_index index;
	struct absence *absences;
	dev_t plain_devices[PLAIN_DEVICES_MAX]; /* file systems without user xattrs */
	unsigned plain_device_count;
};

static int64_t nanoseconds(int64_t seconds, int64_t rest)
{
	return seconds * 1000000000 + rest;
}

static int64_t change_of(const struct stat *status)
{
	return nanoseconds(status->st_ctim.tv_sec, status->st_ctim.tv_nsec);
}

static bool is_settled(int64_t change)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return nanoseconds(now.tv_sec, now.tv_nsec) - change > UNSETTLED_NS;
}

static uint64_t device_key(const struct record *record, dev_t device)
{
	return device == record->root_device ? 0 : device;
}

static bool can_have_xattr(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

/* A real device, such as a terminal under /dev/pts: these come and go with their inode numbers,
 * which have no birth time. What is remembered holds for as long as ctime stands still, in
 * memory. */
static bool is_passing(const struct stat *status)
{
	return S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode);
}

static struct record_line *find(const struct record *record, const struct stat *status)
{
	return record_index_find(&record->index, device_key(record, status->st_dev),
				 status->st_ino);
}

/* Lines that come from the sidecar. */

static int read_line(void *context, const struct record_line *line)
{
	struct record *record = context;
	int result;

	if (line->kind == RECORD_LINE_NONE || line->kind > RECORD_LINE_GONE)
		return 0; /* of a later version */
	result = record_index_make_room(record, &record->index);
	if (!result)
		record_index_put(&record->index, line);
	return result;
}

static void reset_lines(void *context)
{
	struct record *record = context;

	record_index_clear(&record->index);
}

/* As record_file_read(), and remembers file systems without xattrs. */
static int read_xattr(struct record *record, const struct record_file *file,
		      struct record_entry *ret_entry)
{
	int result = record_file_read(file, ret_entry);

	if (result == -EOPNOTSUPP && record->plain_device_count < PLAIN_DEVICES_MAX)
		record->plain_devices[record->plain_device_count++] = file->status->st_dev;
	return result;
}

/* Lookups */

static void entry_from_line(const struct record_line *line, struct record_entry *entry)
{
	*entry = (struct record_entry){
		.uid = line->uid, .gid = line->gid, .mode = line->mode, .rdev = line->rdev
	};
}

static void entry_into_line(const struct record_entry *entry, struct record_line *line)
{
	line->uid = entry->uid;
	line->gid = entry->gid;
	line->mode = entry->mode;
	line->rdev = entry->rdev;
}

/* A record says what the file is; only a regular file can stand for something else. */
static bool type_fits(mode_t remembered, mode_t real)
{
	return (remembered & S_IFMT) == (real & S_IFMT) ||
	       (S_ISREG(real) && (S_ISBLK(remembered) || S_ISCHR(remembered) ||
				  S_ISFIFO(remembered) || S_ISSOCK(remembered)));
}

static struct absence *absence_of(struct record *record, const struct stat *status)
{
	return &record->absences[record_index_hash(status->st_dev, status->st_ino) % ABSENCES];
}

static bool known_absent(struct record *record, const struct stat *status)
{
	const struct absence *absence = absence_of(record, status);

	if (absence->inode == status->st_ino && absence->device == status->st_dev &&
	    absence->change == change_of(status))
		return true;
	for (unsigned i = 0; i < record->plain_device_count; i++)
		if (record->plain_devices[i] == status->st_dev)
			return true;
	return false;
}

static void remember_absence(struct record *record, const struct stat *status)
{
	if (is_settled(change_of(status)))
		*absence_of(record, status) = (struct absence){
			.device = status->st_dev,
			.inode = status->st_ino,
			.change = change_of(status),
		};
}

static bool is_proven_file(const struct record *record, const struct record_file *file)
{
	return record->proven && file->host && !file->follow &&
	       file->status->st_dev == record->root_device &&
	       !strncmp(file->host, record->rootfs, record->rootfs_length) &&
	       (file->host[record->rootfs_length] == '/' ||
		file->host[record->rootfs_length] == '\0');
}

/* The file isn't in the index: does it bring a record along? */
static int look_at_file(struct record *record, const struct record_file *file,
			struct record_entry *ret_entry)
{
	const struct stat *status = file->status;
	int result;

	if (!record_file_is_named(file))
		return 0;
	result = read_xattr(record, file, ret_entry);
	if (result <= 0) {
		remember_absence(record, status);
		return 0;
	}
	if (record_index_has_room(&record->index)) {
		struct record_line line = {
			.device = device_key(record, status->st_dev),
			.inode = status->st_ino,
			.change = is_settled(change_of(status)) ? change_of(status) : 0,
			.kind = RECORD_LINE_XATTR,
		};

		entry_into_line(ret_entry, &line);
		record_index_put(&record->index, &line);
	}
	return 1;
}

/* The index has a line, but the inode has changed since. */
static int check_line(struct record *record, struct record_line *line,
		      const struct record_file *file, struct record_entry *ret_entry)
{
	int64_t change = change_of(file->status), birth, unused;

	if (line->kind == RECORD_LINE_XATTR && record_file_is_named(file)) {
		int result = read_xattr(record, file, ret_entry);

		if (result == 0) {
			record_index_drop(&record->index, line);
			return 0;
		}
		if (result > 0) {
			entry_into_line(ret_entry, line);
			line->change = is_settled(change) ? change : 0;
			return 1;
		}
		/* Unreadable: the line's own word has to do. */
	}
	if (is_passing(file->status)) {
		record_index_drop(&record->index, line);
		return 0;
	}
	if (line->birth) {
		record_file_times(file, &birth, &unused);
		if (birth && birth != line->birth) {
			record_index_drop(&record->index, line);
			return 0;
		}
	}
	line->change = change;
	entry_from_line(line, ret_entry);
	return 1;
}

int record_get(struct record *record, const struct record_file *file,
	       struct record_entry *ret_entry)
{
	struct record_entry entry;
	struct record_line *line;
	int result;

	if (record->log && record_log_changed(record->log))
		record_log_refresh(record->log);
	line = find(record, file->status);
	if (line && line->change && line->change == change_of(file->status)) {
		entry_from_line(line, &entry);
		result = 1;
	} else if (line) {
		result = check_line(record, line, file, &entry);
	} else if (!can_have_xattr(file->status->st_mode) || is_proven_file(record, file) ||
		   known_absent(record, file->status)) {
		return 0;
	} else {
		result = look_at_file(record, file, &entry);
	}
	if (result <= 0 || !type_fits(entry.mode, file->status->st_mode))
		return 0;
	*ret_entry = entry;
	return 1;
}

bool record_has(const struct record *record, dev_t device, ino_t inode)
{
	return record_index_find(&record->index, device_key(record, device), inode);
}

void record_inodes(const struct record *record, void (*found)(void *context, uint64_t inode), void *context)
{
	for (size_t i = 0; i < record->index.capacity; i++)
		if (record_line_is_live(&record->index.lines[i]))
			found(context, record->index.lines[i].inode);
}

size_t record_count(const struct record *record)
{
	return record->index.live;
}

bool record_proven(const struct record *record)
{
	return record->proven;
}

/* Changes */

/* Into the log, then into the index. A line that can't be logged is still indexed. */
static int write_line(struct record *record, struct record_line *line, bool lasting)
{
	int logged = !lasting ? 0 : record->log ? record_log_append(record->log, line) : -EROFS;
	int result = record_index_make_room(record, &record->index);

	if (!result)
		record_index_put(&record->index, line);
	if (logged && line->kind == RECORD_LINE_XATTR) {
		/* The file has it; other runs only have to look there again. */
		if (record->log)
			record_log_set_proven(record->log, false);
		record->proven = false;
		logged = 0;
	}
	return result ? result : logged;
}

int record_set(struct record *record, const struct record_file *file,
	       const struct record_entry *entry)
{
	struct record_line line = {
		.device = device_key(record, file->status->st_dev),
		.inode = file->status->st_ino,
		.kind = RECORD_LINE_SIDECAR,
	};
	struct record_entry present;
	char text[RECORD_TEXT_SIZE];

	if (file->fd < 0)
		return -EBADF;
	if (record_get(record, file, &present) == 1 && present.uid == entry->uid &&
	    present.gid == entry->gid && present.mode == entry->mode &&
	    present.rdev == entry->rdev && find(record, file->status))
		return 0;
	if (record_format(entry, text, sizeof(text)) < 0)
		return -EINVAL;
	if (can_have_xattr(file->status->st_mode) && record_file_write(file, text) == 0)
		line.kind = RECORD_LINE_XATTR;
	entry_into_line(entry, &line);
	record_file_times(file, &line.birth, &line.change);
	return write_line(record, &line, !is_passing(file->status));
}

int record_forget(struct record *record, dev_t device, ino_t inode)
{
	struct record_line line = {
		.device = device_key(record, device),
		.inode = inode,
		.kind = RECORD_LINE_GONE,
	};

	if (!record_has(record, device, inode))
		return 0;
	return write_line(record, &line, true);
}

int record_clear(struct record *record, const struct record_file *file)
{
	struct record_entry present;
	int result;

	if (record_get(record, file, &present) == 0 &&
	    !record_has(record, file->status->st_dev, file->status->st_ino))
		return 0;
	if (can_have_xattr(file->status->st_mode)) {
		result = record_file_write(file, NULL);
		if (result && result != -EOPNOTSUPP)
			return result;
	}
	return record_forget(record, file->status->st_dev, file->status->st_ino);
}

/* Opening and proving */

static void marker_text(const struct record *record, char text[33])
{
	uint8_t identity[16];

	record_log_identity(record->log, identity);
	for (size_t i = 0; i < sizeof(identity); i++)
		snprintf(text + 2 * i, 3, "%02x", identity[i]);
}

static bool bears_marker(const struct record *record)
{
	char expected[33], found[33] = "";

	marker_text(record, expected);
	/* The rootfs itself is a host path. */
	return getxattr(record->rootfs, RECORD_MARKER_XATTR, found, 32) == 32 &&
	       !strcmp(found, expected);
}

/* Rewrites the log when most of its lines are dead. Failing to is no failure. */
static void compact(struct record *record)
{
	struct record_line *lines;
	uint64_t count = 0;

	if (record_log_length(record->log) < COMPACT_FROM ||
	    record_log_length(record->log) < record->index.live * 2)
		return;
	lines = talloc_array(record, struct record_line, (unsigned)record->index.live + 1);
	if (!lines)
		return;
	for (size_t i = 0; i < record->index.capacity; i++)
		if (record_line_is_live(&record->index.lines[i]))
			lines[count++] = record->index.lines[i];
	record_log_replace(record->log, lines, count);
	talloc_free(lines);
}

static int record_destructor(struct record *record)
{
	munmap(record->absences, ABSENCES * sizeof(struct absence));
	return 0;
}

static int init(struct record *record, const char *rootfs, struct error *err)
{
	struct stat status;

	/* Pages that no lookup touches cost nothing. */
	record->absences = mmap(NULL, ABSENCES * sizeof(struct absence), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (record->absences == MAP_FAILED)
		return error_set(err, errno, "ownership record");
	talloc_set_destructor(record, record_destructor);
	record->rootfs = talloc_strdup(record, rootfs);
	if (!record->rootfs || record_index_init(record, &record->index))
		return error_set(err, ENOMEM, "ownership record");
	record->rootfs_length = strlen(rootfs);
	while (record->rootfs_length && rootfs[record->rootfs_length - 1] == '/')
		record->rootfs_length--;
	if (stat(rootfs, &status) < 0) /* a host path */
		return error_set(err, errno, "root file system %s", rootfs);
	record->root_device = status.st_dev;
	return 0;
}

int record_open(void *parent, const char *sidecar, const char *rootfs, struct record **ret_record,
		struct error *err)
{
	struct record *record = talloc_zero(parent, struct record);
	struct record_log_reader reader = {
		.line = read_line, .reset = reset_lines, .context = record
	};
	int result;

	if (!record)
		return error_set(err, ENOMEM, "ownership record");
	result = init(record, rootfs, err);
	if (!result && sidecar)
		result = record_log_open(record, sidecar, &reader, &record->log, err);
	if (result) {
		talloc_free(record);
		return result;
	}
	if (record->log) {
		compact(record);
		record->proven = record_log_proven(record->log) && bears_marker(record);
	}
	*ret_record = record;
	return 0;
}

static int prove_directory(struct record *record, int fd, unsigned depth);

/* Brings the index up to date with one file, and with what is below it. Takes the O_PATH fd. */
static int prove_file(struct record *record, int path_fd, unsigned depth)
{
	_cleanup_close_ int fd = path_fd;
	struct stat status;
	struct record_file file = { .status = &status };
	struct record_line line = { .kind = RECORD_LINE_XATTR };
	struct record_entry entry;
	int result;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	file.fd = fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!can_have_xattr(status.st_mode) || status.st_dev != record->root_device)
		return 0;
	if (!find(record, &status)) {
		result = read_xattr(record, &file, &entry);
		if (result < 0)
			return result;
		if (result) {
			line.inode = status.st_ino;
			entry_into_line(&entry, &line);
			record_file_times(&file, &line.birth, &line.change);
			result = write_line(record, &line, true);
			if (result)
				return result;
		}
	}
	if (!S_ISDIR(status.st_mode))
		return 0;
	if (depth == PROVE_DEPTH)
		return -ELOOP;
	return prove_directory(record, openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			       depth + 1);
}

static int prove_entry(struct record *record, int directory, const char *name, unsigned depth)
{
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return prove_file(record, fd, depth);
}

/* Takes the fd. */
static int prove_directory(struct record *record, int fd, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int result = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		result = -errno;
		close(fd);
		return result;
	}
	while (!result && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			result = prove_entry(record, dirfd(dir), entry->d_name, depth);
	return result;
}

int record_prove(struct record *record, struct error *err)
{
	char marker[33];
	int result;

	if (!record->log)
		return error_set(err, EROFS, "ownership record of %s has no file", record->rootfs);
	/* The rootfs itself is a host path; below it nothing is followed. */
	result = prove_file(record, open(record->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC), 0);
	if (result)
		return error_set(err, -result, "reading ownership records below %s",
				 record->rootfs);
	marker_text(record, marker);
	if (setxattr(record->rootfs, RECORD_MARKER_XATTR, marker, 32, 0) < 0) /* a host path */
		return error_set(err, errno, "marking %s", record->rootfs);
	record_log_set_proven(record->log, true);
	record->proven = true;
	return 0;
}
