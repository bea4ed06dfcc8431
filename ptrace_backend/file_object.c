// SPDX-License-Identifier: Apache-2.0
/* Opening the object of a call. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/file_object.h"
#include "ptrace_backend/procfile.h"

static int open_link(struct tracee *tracee, const char *link, struct file_object *ret_object)
{
	ret_object->fd = open(link, O_PATH | O_CLOEXEC);
	if (ret_object->fd < 0)
		return errno == ENOENT ? -EBADF : -errno;
	if (fstat(ret_object->fd, &ret_object->real) < 0) {
		int result = -errno;

		close(ret_object->fd);
		return result;
	}
	ret_object->shown = ret_object->real;
	ids_guest_stat(tracee->tracer, NULL, ret_object->fd, &ret_object->shown);
	return 0;
}

int file_object_open_fd(struct tracee *tracee, int fd, bool changes, struct file_object *ret_object)
{
	char link[64];

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tracee->tid);
	else if (fd < 0)
		return -EBADF;
	else
		tracee_fd_host(tracee, fd, link, sizeof(link));
	if (changes && tracee_fd_refuses_change(tracee, fd) == -EROFS)
		return -EROFS;
	return open_link(tracee, link, ret_object);
}

int file_object_open(struct tracee *tracee, const struct syscall_row *row, bool changes,
		     struct file_object *ret_object)
{
	const struct path_argument *argument = &row->paths[0];
	struct path_result *result = tracee_result_buffer(tracee, 0);
	uint64_t address = tracee_argument(tracee, (unsigned)argument->path);
	uint32_t resolve = argument->follow == FOLLOW_NEVER ? 0 : PATH_FOLLOW;
	int dirfd = AT_FDCWD, error;
	const char *host;

	if (argument->dirfd >= 0)
		dirfd = (int)tracee_argument(tracee, (unsigned)argument->dirfd);
	if (argument->flags >= 0) {
		uint32_t flags = (uint32_t)tracee_argument(tracee, (unsigned)argument->flags);
		char first = 1;

		if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
			return -EINVAL;
		if (flags & AT_SYMLINK_NOFOLLOW)
			resolve = 0;
		if ((flags & AT_EMPTY_PATH) && address &&
		    tracee_read(tracee, address, &first, 1) < 0)
			return -EFAULT;
		if ((flags & AT_EMPTY_PATH) && (!address || !first))
			return file_object_open_fd(tracee, dirfd, changes, ret_object);
	}
	error = tracee_resolve(tracee, dirfd, address, resolve | PATH_WANT_FD, result);
	if (!changes)
		error = procfile_look(tracee, error, result);
	if (error)
		return error;
	host = result->host_length ? result->host : "/";
	ret_object->fd = result->fd;
	if (ret_object->fd < 0)
		ret_object->fd =
			open(host, O_PATH | O_CLOEXEC |
					   (result->flags & PATH_RESULT_MAGIC ? 0 : O_NOFOLLOW));
	if (ret_object->fd < 0)
		return -errno;
	if (changes && tracee_result_is_read_only(tracee, result))
		error = -EROFS;
	else if (fstat(ret_object->fd, &ret_object->real) < 0)
		error = -errno;
	if (error) {
		close(ret_object->fd);
		return error;
	}
	ret_object->shown = ret_object->real;
	ids_guest_stat(tracee->tracer, result->flags & PATH_RESULT_MAGIC ? NULL : host,
		       ret_object->fd, &ret_object->shown);
	return 0;
}
