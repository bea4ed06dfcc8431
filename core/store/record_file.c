// SPDX-License-Identifier: Apache-2.0
/* Xattrs and times of single files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/base/compat.h"
#include "core/store/record_file.h"

#define FD_PATH_SIZE 32

/* The magic link of an fd: the only way to the xattrs and the mode of an O_PATH fd. */
static const char *fd_path(const struct record_file *file, char buffer[FD_PATH_SIZE])
{
	snprintf(buffer, FD_PATH_SIZE, "/proc/self/fd/%d", file->fd);
	return buffer;
}

ssize_t record_file_get_xattr(const struct record_file *file, const char *name, void *value, size_t size)
{
	char link[FD_PATH_SIZE];
	ssize_t n;

	if (!file->host)
		n = getxattr(fd_path(file, link), name, value, size);
	else if (file->follow) /* a host path: half the price of the fd's magic link */
		n = getxattr(file->host, name, value, size);
	else
		n = lgetxattr(file->host, name, value, size);
	return n < 0 ? -errno : n;
}

int record_file_read(const struct record_file *file, struct record_entry *ret_entry)
{
	char text[RECORD_TEXT_SIZE];
	ssize_t n = record_file_get_xattr(file, RECORD_XATTR, text, sizeof(text));

	if (n >= 0)
		return record_parse(text, (size_t)n, file->status->st_mode, ret_entry) ? 0 : 1;
	return n == -ENODATA || n == -ERANGE ? 0 : (int)n;
}

static int change_xattr(const struct record_file *file, const char *name, const void *value, size_t size)
{
	char link[FD_PATH_SIZE];
	int result;

	if (value)
		result = setxattr(fd_path(file, link), name, value, size, 0);
	else
		result = removexattr(fd_path(file, link), name);
	return result < 0 && errno != ENODATA ? -errno : 0;
}

int record_file_set_xattr(const struct record_file *file, const char *name, const void *value, size_t size)
{
	mode_t mode = file->status->st_mode & 07777;
	int result = change_xattr(file, name, value, size);
	char link[FD_PATH_SIZE];

	if (result != -EACCES)
		return result;
	if (chmod(fd_path(file, link), mode | S_IRUSR | S_IWUSR) == 0) {
		result = change_xattr(file, name, value, size);
		chmod(fd_path(file, link), mode);
	}
	return result;
}

int record_file_write(const struct record_file *file, const char *text)
{
	return record_file_set_xattr(file, RECORD_XATTR, text, text ? strlen(text) : 0);
}

void record_file_times(const struct record_file *file, int64_t *ret_birth, int64_t *ret_change)
{
	struct statx status;
	int result;

	*ret_birth = *ret_change = 0;
	if (!record_file_is_named(file))
		return;
	if (file->fd >= 0)
		result = statx(file->fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_CTIME, &status);
	else /* a host path */
		result = statx(AT_FDCWD, file->host, file->follow ? 0 : AT_SYMLINK_NOFOLLOW,
			       STATX_BTIME | STATX_CTIME, &status);
	if (result < 0)
		return;
	*ret_change = status.stx_ctime.tv_sec * INT64_C(1000000000) + status.stx_ctime.tv_nsec;
	if (status.stx_mask & STATX_BTIME)
		*ret_birth = status.stx_btime.tv_sec * INT64_C(1000000000) +
			     status.stx_btime.tv_nsec;
}
