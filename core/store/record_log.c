// SPDX-License-Identifier: Apache-2.0
/* The sidecar file: append, load, replace.
 *
 *   | header, 64 bytes | line 0 | line 1 | ...
 *
 * The header is mapped shared by every user. `count` is written after the line it counts, so a
 * line below count is whole; a line beyond it was written by somebody who died in between and is
 * valid if its checksum is. Replacing makes a new file under the old one's lock, renames it over
 * the path, and sets `superseded` in the old header: whoever still has the old file finds that
 * word before the next append or lookup and opens the path again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/store/record_log.h"

#define LOG_MAGIC	 UINT64_C(0x3144524f48504d41) /* "AMPHORD1" */
#define LOG_FLAG_PROVEN	 1u
#define LINES_PER_READ	 256

struct log_header {
	uint64_t magic;
	uint8_t identity[16];
	uint64_t checksum; /* of the bytes before */
	_Atomic uint64_t count;
	_Atomic uint32_t superseded;
	_Atomic uint32_t flags;
	uint64_t reserved[2];
};

_Static_assert(sizeof(struct record_line) == 64, "lines are 64 bytes");
_Static_assert(sizeof(struct log_header) == 64, "the header takes the place of one line");

struct record_log {
	const char *path;
	int fd;
	struct log_header *header;
	uint64_t loaded; /* lines read so far */
	struct record_log_reader reader;
};

/* FNV-1a, 64 bits; 0 is taken by "no checksum". */
static uint64_t checksum(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

static off_t line_offset(uint64_t index)
{
	return (off_t)((index + 1) * sizeof(struct record_line));
}

static bool header_is_valid(const struct log_header *header)
{
	return header->magic == LOG_MAGIC &&
	       header->checksum == checksum(header, offsetof(struct log_header, checksum));
}

static int write_header(int fd, const uint8_t identity[16], uint32_t flags, uint64_t count)
{
	struct log_header header = { .magic = LOG_MAGIC, .flags = flags, .count = count };
	ssize_t n;

	memcpy(header.identity, identity, sizeof(header.identity));
	header.checksum = checksum(&header, offsetof(struct log_header, checksum));
	n = pwrite(fd, &header, sizeof(header), 0);
	return n == sizeof(header) ? 0 : n < 0 ? -errno : -EIO;
}

static void detach(struct record_log *log)
{
	if (log->header)
		munmap(log->header, sizeof(*log->header));
	log->header = NULL;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -EBADF;
}

/* Opens the path and maps the header; makes the file when it is missing or empty. -EBADMSG: not a
 * log. */
static int attach(struct record_log *log)
{
	_cleanup_close_ int fd = /* a host path in our own data directory */
		open(log->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat status;
	void *map;
	int result = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size < (off_t)sizeof(struct log_header)) {
		if (flock(fd, LOCK_EX) < 0)
			return -errno;
		/* Unless another container was faster. */
		if (fstat(fd, &status) < 0) {
			result = -errno;
		} else if (status.st_size < (off_t)sizeof(struct log_header)) {
			uint8_t identity[16];

			if (getrandom(identity, sizeof(identity), 0) != sizeof(identity))
				result = -EIO;
			else
				result = write_header(fd, identity, 0, 0);
		}
		flock(fd, LOCK_UN);
		if (result)
			return result;
	}
	map = mmap(NULL, sizeof(struct log_header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (!header_is_valid(map)) {
		munmap(map, sizeof(struct log_header));
		return -EBADMSG;
	}
	log->header = map;
	log->fd = steal_fd(&fd);
	log->loaded = 0;
	return 0;
}

/* Hands lines [loaded, end) to the reader; damaged ones are skipped. */
static int load(struct record_log *log, uint64_t end)
{
	struct record_line lines[LINES_PER_READ];

	while (log->loaded < end) {
		uint64_t want = end - log->loaded;
		ssize_t n;

		if (want > LINES_PER_READ)
			want = LINES_PER_READ;
		n = pread(log->fd, lines, want * sizeof(*lines), line_offset(log->loaded));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n < (ssize_t)sizeof(*lines))
			break;
		for (size_t i = 0; i < (size_t)n / sizeof(*lines); i++) {
			int result = 0;

			if (lines[i].checksum ==
			    checksum(&lines[i], offsetof(struct record_line, checksum)))
				result = log->reader.line(log->reader.context, &lines[i]);
			if (result)
				return result;
			log->loaded++;
		}
	}
	return 0;
}

/* Whole lines in the file, whether counted or not. */
static int file_lines(const struct record_log *log, uint64_t *ret_lines)
{
	struct stat status;

	if (fstat(log->fd, &status) < 0)
		return -errno;
	*ret_lines = status.st_size / (off_t)sizeof(struct record_line);
	if (*ret_lines)
		(*ret_lines)--;
	return 0;
}

/* By size, not by count: a line that somebody wrote and died before counting stays. Needs the
 * lock, or a line that is just being written would be taken for a damaged one. */
static int load_all(struct record_log *log)
{
	uint64_t lines;
	int result = file_lines(log, &lines);

	return result ? result : load(log, lines);
}

static int load_locked(struct record_log *log)
{
	int result;

	while (flock(log->fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return -errno;
	result = load_all(log);
	flock(log->fd, LOCK_UN);
	return result;
}

static int log_destructor(struct record_log *log)
{
	if (log->fd >= 0 && log->loaded)
		fdatasync(log->fd);
	detach(log);
	return 0;
}

int record_log_open(void *parent, const char *path, const struct record_log_reader *reader,
		    struct record_log **ret_log, struct error *err)
{
	struct record_log *log = talloc_zero(parent, struct record_log);
	int result;

	if (!log)
		return error_set(err, ENOMEM, "record");
	log->fd = -EBADF;
	log->reader = *reader;
	log->path = talloc_strdup(log, path);
	talloc_set_destructor(log, log_destructor);
	result = log->path ? attach(log) : -ENOMEM;
	if (result == -EBADMSG) {
		char *aside = talloc_asprintf(log, "%s.damaged", path); /* host path */

		if (aside && rename(path, aside) == 0)
			result = attach(log);
	}
	if (!result)
		result = load_locked(log);
	if (result) {
		talloc_free(log);
		return error_set(err, -result, "ownership record %s", path);
	}
	*ret_log = log;
	return 0;
}

bool record_log_changed(const struct record_log *log)
{
	return atomic_load_explicit(&log->header->count, memory_order_acquire) > log->loaded ||
	       atomic_load_explicit(&log->header->superseded, memory_order_relaxed);
}

static int reopen(struct record_log *log)
{
	struct record_log old = *log;
	int result = attach(log);

	if (result)
		return result; /* attach changes nothing unless it succeeds */
	detach(&old);
	log->reader.reset(log->reader.context);
	return load_locked(log);
}

int record_log_refresh(struct record_log *log)
{
	if (atomic_load_explicit(&log->header->superseded, memory_order_acquire))
		return reopen(log);
	return load(log, atomic_load_explicit(&log->header->count, memory_order_acquire));
}

/* Takes the lock on the file that the path names. */
static int lock(struct record_log *log)
{
	for (;;) {
		int result;

		if (flock(log->fd, LOCK_EX) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!atomic_load_explicit(&log->header->superseded, memory_order_acquire))
			return 0;
		result = reopen(log); /* closing the old file unlocks it */
		if (result) {
			flock(log->fd, LOCK_UN);
			return result;
		}
	}
}

int record_log_append(struct record_log *log, struct record_line *line)
{
	ssize_t n;
	int result = lock(log);

	if (result)
		return result;
	result = load_all(log);
	if (!result) {
		line->checksum = checksum(line, offsetof(struct record_line, checksum));
		n = pwrite(log->fd, line, sizeof(*line), line_offset(log->loaded));
		if (n != sizeof(*line))
			result = n < 0 ? -errno : -ENOSPC;
	}
	if (!result) {
		log->loaded++;
		atomic_store_explicit(&log->header->count, log->loaded, memory_order_release);
	}
	flock(log->fd, LOCK_UN);
	return result;
}

uint64_t record_log_length(const struct record_log *log)
{
	return log->loaded;
}

static int write_replacement(const struct record_log *log, int fd, struct record_line *lines,
			     uint64_t count)
{
	int result = write_header(fd, log->header->identity,
				  atomic_load(&log->header->flags), count);

	if (result)
		return result;
	for (uint64_t i = 0; i < count; i++)
		lines[i].checksum = checksum(&lines[i], offsetof(struct record_line, checksum));
	if (lseek(fd, line_offset(0), SEEK_SET) < 0)
		return -errno;
	result = file_write_fd(fd, lines, count * sizeof(*lines));
	if (!result && fsync(fd) < 0)
		result = -errno;
	return result;
}

int record_log_replace(struct record_log *log, struct record_line *lines, uint64_t count)
{
	_cleanup_close_ int fd = -EBADF;
	char *temporary = NULL;
	uint64_t present;
	struct log_header *header;
	int result = lock(log);

	if (result)
		return result;
	result = file_lines(log, &present);
	if (!result && present != log->loaded)
		result = -EAGAIN;
	if (result)
		goto out;
	temporary = talloc_asprintf(log, "%s.new", log->path);
	if (!temporary) {
		result = -ENOMEM;
		goto out;
	}
	/* A host path. Only the holder of the lock gets here: a leftover is of somebody who died.
	 */
	fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	result = fd < 0 ? -errno : write_replacement(log, fd, lines, count);
	if (result)
		goto out;
	header = mmap(NULL, sizeof(*header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED) {
		result = -errno;
		goto out;
	}
	if (rename(temporary, log->path) < 0) { /* host path */
		result = -errno;
		munmap(header, sizeof(*header));
		goto out;
	}
	atomic_store_explicit(&log->header->superseded, 1, memory_order_release);
	detach(log); /* and unlocks */
	log->header = header;
	log->fd = steal_fd(&fd);
	log->loaded = count;
	talloc_free(temporary);
	return 0;
out:
	if (temporary)
		unlink(temporary); /* host path */
	talloc_free(temporary);
	flock(log->fd, LOCK_UN);
	return result;
}

void record_log_identity(const struct record_log *log, uint8_t ret_identity[16])
{
	memcpy(ret_identity, log->header->identity, 16);
}

bool record_log_proven(const struct record_log *log)
{
	return atomic_load(&log->header->flags) & LOG_FLAG_PROVEN;
}

void record_log_set_proven(struct record_log *log, bool proven)
{
	if (proven)
		atomic_fetch_or(&log->header->flags, LOG_FLAG_PROVEN);
	else
		atomic_fetch_and(&log->header->flags, ~LOG_FLAG_PROVEN);
}
