// SPDX-License-Identifier: Apache-2.0
/* Whole-file reads and writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"

ssize_t file_read_fd(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length + 1 < size) {
		ssize_t n = read(fd, buffer + length, size - 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	buffer[length] = '\0';
	return (ssize_t)length;
}

ssize_t file_read_at(int dirfd, const char *path, char *buffer, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return file_read_fd(fd, buffer, size);
}

ssize_t file_read_line(const char *path, char *buffer, size_t size)
{
	ssize_t length = file_read_at(AT_FDCWD, path, buffer, size);

	while (length > 0 && (buffer[length - 1] == '\n' || buffer[length - 1] == '\0'))
		buffer[--length] = '\0';
	return length;
}

int file_read_number(const char *path, int64_t *ret_value)
{
	char text[64], *end;
	ssize_t length = file_read_line(path, text, sizeof(text));
	long long value;

	if (length < 0)
		return (int)length;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int file_write_fd(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_write_once(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t size = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

bool file_is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static bool is_same_time(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool file_is_unchanged(const struct stat *one, const struct stat *other)
{
	return file_is_same(one, other) && one->st_size == other->st_size && one->st_mode == other->st_mode &&
	       one->st_uid == other->st_uid && one->st_gid == other->st_gid &&
	       is_same_time(&one->st_mtim, &other->st_mtim) && is_same_time(&one->st_ctim, &other->st_ctim);
}

int file_replace_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode, bool lasts)
{
	_cleanup_close_ int fd = -EBADF;
	char temporary[NAME_MAX + 1];
	int result;

	if (snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid()) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		/* Left by a process that died with our pid. */
		unlinkat(dirfd, temporary, 0);
		fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	}
	if (fd < 0)
		return -errno;
	result = file_write_fd(fd, data, size);
	if (!result && fchmod(fd, mode) < 0)
		result = -errno;
	if (!result && lasts && fsync(fd) < 0 && errno != EINVAL)
		result = -errno;
	if (!result && renameat(dirfd, temporary, dirfd, name) < 0)
		result = -errno;
	if (result)
		unlinkat(dirfd, temporary, 0);
	return result;
}

int file_mkdirs(const char *path, mode_t mode)
{
	char partial[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0)
		return -ENOENT;
	if (length >= sizeof(partial))
		return -ENAMETOOLONG;
	memcpy(partial, path, length + 1);
	for (char *at = partial + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return mkdir(partial, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* A tree may be deeper than there are fds, and every step into it dearer than the one before (Landlock
 * walks up): what lies deeper than this is moved to the top. */
#define REMOVE_DEPTH 64

struct removal {
	dev_t device;
	int top;
	unsigned depth, moved;
};

static int remove_contents(int fd, struct removal *removal);

static bool move_up(struct removal *removal, int directory, const char *name)
{
	char moved[32];

	snprintf(moved, sizeof(moved), ".deep-%u", removal->moved);
	if (removal->depth < REMOVE_DEPTH || renameat(directory, name, removal->top, moved) < 0)
		return false;
	removal->moved++;
	return true;
}

static int remove_directory(int parent, const char *name, struct removal *removal)
{
	struct stat status;
	int child, result;

	if (move_up(removal, parent, name))
		return 0;
	child = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		child = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0)
		return -errno;
	if (fstat(child, &status) < 0 || status.st_dev != removal->device) {
		close(child);
		return -EXDEV;
	}
	if (!(status.st_mode & S_IWUSR))
		fchmod(child, 0700);
	removal->depth++;
	result = remove_contents(child, removal);
	removal->depth--;
	if (!result && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		result = -errno;
	return result;
}

/* Takes the fd. */
static int remove_contents(int fd, struct removal *removal)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		result = -errno;
		close(fd);
		return result;
	}
	while ((entry = readdir(dir))) {
		int r;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			continue;
		r = remove_directory(dirfd(dir), entry->d_name, removal);
		if (r && !result)
			result = r;
	}
	return result;
}

int file_remove_tree(int dirfd, const char *name)
{
	_cleanup_close_ int top = -EBADF;
	struct removal removal = { 0 };
	struct stat status;
	unsigned moved;
	int fd, result;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	top = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0)
		return -errno;
	if (fstat(top, &status) < 0)
		return -errno;
	removal.device = status.st_dev;
	removal.top = top;
	do {
		moved = removal.moved;
		fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		result = remove_contents(fd, &removal);
	} while (!result && removal.moved != moved);
	if (!result && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		result = -errno;
	return result;
}
