// SPDX-License-Identifier: Apache-2.0
/* Whole-file reads and writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

int file_replace_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
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
	if (!result && fsync(fd) < 0 && errno != EINVAL)
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

static int remove_contents(int fd, dev_t device)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int result = 0;
	struct dirent *entry;

	dir = fdopendir(fd);
	if (!dir) {
		result = -errno;
		close(fd);
		return result;
	}
	while ((entry = readdir(dir))) {
		struct stat status;
		int child, r = 0;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			continue;
		child = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0 && errno == EACCES &&
		    fchmodat(dirfd(dir), entry->d_name, 0700, 0) == 0)
			child = openat(dirfd(dir), entry->d_name,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0) {
			r = -errno;
		} else if (fstat(child, &status) < 0 || status.st_dev != device) {
			close(child);
			r = -EXDEV;
		} else {
			if (!(status.st_mode & S_IWUSR))
				fchmod(child, 0700);
			r = remove_contents(child, device);
			if (!r && unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) < 0)
				r = -errno;
		}
		if (r && !result)
			result = r;
	}
	return result;
}

int file_remove_tree(int dirfd, const char *name)
{
	struct stat status;
	int fd, result;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0) {
		result = -errno;
		close(fd);
		return result;
	}
	result = remove_contents(fd, status.st_dev);
	if (!result && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		result = -errno;
	return result;
}
