// SPDX-License-Identifier: Apache-2.0
/* Objects and counts of links.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/log.h"
#include "core/store/links.h"

#define LOCK_TRIES 2000 /* of a millisecond */
#define COUNT_MAX  (UINT_MAX / 2)

bool links_exist(const char *rootfs)
{
	static const char *const traces[] = { LINK_DIRECTORY, ".l2s" };
	/* The rootfs itself is a host path. */
	_cleanup_close_ int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	for (size_t i = 0; root >= 0 && i < ARRAY_SIZE(traces); i++)
		if (fstatat(root, traces[i], &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(status.st_mode))
			return true;
	return false;
}

int links_open(int root_fd, bool make, struct links *ret_links)
{
	struct links links = { .root = root_fd, .directory = -EBADF, .lock = -EBADF };
	int error;

	if (make && mkdirat(root_fd, LINK_DIRECTORY, 0711) < 0 && errno != EEXIST)
		return -errno;
	/* A literal name, not followed: no host path of the guest's choice. */
	links.directory = openat(root_fd, LINK_DIRECTORY,
				 O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (links.directory < 0)
		return -errno;
	/* A lock needs no right to write, which a read-only mount hasn't. */
	links.lock = openat(links.directory, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (links.lock < 0 && errno == ENOENT && make)
		links.lock = openat(links.directory, "lock",
				    O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (links.lock < 0 && make) {
		error = -errno;
		links_close(&links);
		return error;
	}
	*ret_links = links;
	return 0;
}

void links_close(struct links *links)
{
	if (links->directory >= 0)
		close(links->directory);
	if (links->lock >= 0)
		close(links->lock);
	links->directory = links->lock = -EBADF;
}

int links_lock(struct links *links)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int tries = 0; links->lock >= 0 && flock(links->lock, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK) /* a file system without locks */
			break;
		if (tries == LOCK_TRIES || links->stuck) {
			log_debug("the lock of emulated hard links is held by another process");
			links->stuck = true;
			return -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	links->stuck = false;
	return 0;
}

void links_unlock(const struct links *links)
{
	if (links->lock >= 0)
		flock(links->lock, LOCK_UN);
}

int links_open_place(const struct links *links, const struct link_id *id)
{
	char name[3];
	int fd;

	snprintf(name, sizeof(name), "%.2s", id->text);
	fd = openat(links->directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void links_name(const struct link_id *id, const char *suffix, char name[LINKS_NAME_SIZE])
{
	snprintf(name, LINKS_NAME_SIZE, "%s%s", id->text, suffix);
}

int links_read_name(int directory, const char *name, struct link_id *ret_id)
{
	char text[LINK_TEXT_LENGTH + 1];
	ssize_t length = readlinkat(directory, name, text, sizeof(text));

	if (length < 0)
		return errno == EINVAL ? 0 : -errno;
	return link_parse(text, (size_t)length, ret_id);
}

bool links_has(const struct links *links, const struct link_id *id, struct stat *ret_status)
{
	_cleanup_close_ int place = links_open_place(links, id);
	struct stat status;

	if (place < 0 || fstatat(place, id->text, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(status.st_mode))
		return false;
	if (ret_status)
		*ret_status = status;
	return true;
}

/* "COUNT NAME" */
static long parse_count(char *text, ssize_t length, char *ret_name)
{
	char *rest;
	unsigned long count;

	if (length < 0)
		return -errno;
	text[length] = '\0';
	count = strtoul(text, &rest, 10);
	if (rest == text || count > COUNT_MAX || (*rest && *rest != ' '))
		return -EINVAL;
	if (ret_name)
		snprintf(ret_name, PATH_MAX, "%s", *rest ? rest + 1 : "");
	return (long)count;
}

static long read_count(int place, const struct link_id *id, char *ret_name)
{
	char name[LINKS_NAME_SIZE], text[PATH_MAX];

	links_name(id, ".n", name);
	return parse_count(text, readlinkat(place, name, text, sizeof(text) - 1), ret_name);
}

long links_count(const struct links *links, const struct link_id *id, char *ret_name)
{
	_cleanup_close_ int place = links_open_place(links, id);

	return place < 0 ? place : read_count(place, id, ret_name);
}

unsigned links_count_of_host(const char *host, size_t length, unsigned fallback)
{
	char record[PATH_MAX], text[PATH_MAX];
	struct link_id id;
	unsigned l2s = link_l2s_count(host, length);
	long count;

	if (l2s)
		return l2s;
	if (!link_of_host(host, length, &id) || length + 3 > sizeof(record))
		return fallback;
	memcpy(record, host, length);
	memcpy(record + length, ".n", 3);
	/* A host path below the hidden directory, which no guest changes. */
	count = parse_count(text, readlink(record, text, sizeof(text) - 1), NULL);
	return count > 0 ? (unsigned)count : fallback;
}

static int replace_symlink(int directory, const char *text, const char *temporary, const char *name)
{
	if (symlinkat(text, directory, temporary) < 0) {
		if (errno != EEXIST || unlinkat(directory, temporary, 0) < 0 ||
		    symlinkat(text, directory, temporary) < 0)
			return -errno;
	}
	return renameat(directory, temporary, directory, name) < 0 ? -errno : 0;
}

int links_set_count(const struct links *links, const struct link_id *id, unsigned long count,
		    const char *where)
{
	_cleanup_close_ int place = links_open_place(links, id);
	char text[PATH_MAX], temporary[LINKS_NAME_SIZE], name[LINKS_NAME_SIZE];

	if (place < 0)
		return place;
	if (count > COUNT_MAX)
		return -EMLINK;
	links_name(id, ".n", name);
	links_name(id, ".t", temporary);
	/* A name that is too long isn't recorded. */
	if (snprintf(text, sizeof(text), "%lu %s", count, where) >= (int)sizeof(text))
		snprintf(text, sizeof(text), "%lu ", count);
	return replace_symlink(place, text, temporary, name);
}

int links_make_id(const struct links *links, struct link_id *ret_id)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[LINK_ID_LENGTH / 2];
	char directory[3];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ret_id->text[2 * i] = digits[bytes[i] >> 4];
		ret_id->text[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_id->text[LINK_ID_LENGTH] = '\0';
	snprintf(directory, sizeof(directory), "%.2s", ret_id->text);
	return mkdirat(links->directory, directory, 0711) < 0 && errno != EEXIST ? -errno : 0;
}

static void forget(int place, const struct link_id *id)
{
	char name[LINKS_NAME_SIZE];

	links_name(id, ".n", name);
	unlinkat(place, name, 0);
}

/* The symlink takes the file's place, the file the symlink's. */
static int exchange(int directory, const char *name, int place, const char *object, const char *text)
{
	if (symlinkat(text, place, object) < 0)
		return -errno;
	if (syscall(SYS_renameat2, directory, name, place, object, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS) {
		int error = -errno;

		unlinkat(place, object, 0);
		return error;
	}
	/* Not on this file system: the name is missing for a moment. */
	if (renameat(directory, name, place, object) < 0) {
		int error = -errno;

		unlinkat(place, object, 0);
		return error;
	}
	if (symlinkat(text, directory, name) < 0) { /* replaced the symlink in the objects' directory */
		int error = -errno;

		renameat(place, object, directory, name);
		return error;
	}
	return 0;
}

int links_convert(const struct links *links, int directory, const char *name, const char *where,
		  struct link_id *ret_id)
{
	_cleanup_close_ int place = -EBADF;
	char text[LINK_TEXT_LENGTH + 1];
	int error = links_make_id(links, ret_id);

	if (!error)
		error = links_set_count(links, ret_id, 1, where);
	if (error)
		return error;
	place = links_open_place(links, ret_id);
	if (place < 0)
		return place;
	link_format(ret_id, text);
	error = exchange(directory, name, place, ret_id->text, text);
	if (error)
		forget(place, ret_id);
	return error;
}

int links_add(const struct links *links, const struct link_id *id, int directory, const char *name,
	      const char *where)
{
	char text[LINK_TEXT_LENGTH + 1], former[PATH_MAX];
	long count = links_count(links, id, former);
	int error;

	if (count < 0)
		return (int)count;
	/* An adopted set keeps the place of PRoot's symlink. */
	error = links_set_count(links, id, (unsigned long)count + 1,
				link_is_l2s(former, strlen(former)) ? former : where);
	if (error)
		return error;
	link_format(id, text);
	if (symlinkat(text, directory, name) == 0)
		return 0;
	error = -errno;
	links_set_count(links, id, (unsigned long)count, former);
	return error;
}

int links_drop(const struct links *links, const struct link_id *id, bool *ret_last)
{
	_cleanup_close_ int place = links_open_place(links, id);
	char where[PATH_MAX];
	long count;

	*ret_last = false;
	if (place < 0)
		return place;
	count = read_count(place, id, where);
	if (count < 0)
		return (int)count;
	if (count > 1)
		return links_set_count(links, id, (unsigned long)count - 1, where);
	*ret_last = true;
	if (unlinkat(place, id->text, 0) < 0 && errno != ENOENT)
		return -errno;
	forget(place, id);
	links_l2s_remove(links, id, where);
	return 0;
}

int links_restore(const struct links *links, const struct link_id *id, int directory, const char *name)
{
	_cleanup_close_ int place = links_open_place(links, id);

	if (place < 0)
		return place;
	if (renameat(place, id->text, directory, name) < 0)
		return -errno;
	forget(place, id);
	return 0;
}
