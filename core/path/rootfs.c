// SPDX-License-Identifier: Apache-2.0
/* rootfs_open() and its kin: openat2 where it works, rootfs_walk() elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/path/rootfs.h"
#include "core/path/rootfs_walk.h"

/* A rename or mount anywhere on the machine during a ".." makes openat2 return EAGAIN. */
#define AGAIN_MAX 32
/* A symlink put in place between the look at a name and its opening. */
#define RACES_MAX 8

static bool openat2_usable = true;

void rootfs_set_openat2(bool usable)
{
	openat2_usable = usable;
}

static int call_openat2(int root_fd, const char *path, int flags, mode_t mode)
{
	struct amphora_open_how how = {
		.flags = (__u64)(unsigned)flags,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Whether openat2 refused itself rather than the path: filters answer EPERM. */
static bool openat2_missing(int root_fd, int error)
{
	int fd;

	if (error == -ENOSYS)
		return true;
	if (error != -EPERM)
		return false;
	fd = call_openat2(root_fd, ".", O_PATH | O_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd == -EPERM;
}

static int open_place(const struct rootfs_place *place, int flags, mode_t mode)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	if (place->slash && flags & O_CREAT)
		return -EISDIR;
	if (place->slash)
		flags |= O_DIRECTORY;
	fd = openat(place->dir, place->name, flags | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	/* O_PATH | O_NOFOLLOW opens the symlink itself. */
	if (flags & O_PATH && !(flags & O_NOFOLLOW)) {
		if (fstat(fd, &status) < 0)
			return -errno;
		if (S_ISLNK(status.st_mode))
			return -ELOOP;
	}
	return steal_fd(&fd);
}

static int open_by_walk(int root_fd, const char *path, int flags, mode_t mode)
{
	bool exclusive = flags & O_CREAT && flags & O_EXCL;
	unsigned follow = flags & O_NOFOLLOW || exclusive ? 0 : ROOTFS_WALK_FOLLOW;
	int fd = -ELOOP;

	for (int race = 0; race < RACES_MAX && fd == -ELOOP; race++) {
		struct rootfs_place place;

		fd = rootfs_walk(root_fd, path, follow, 0, &place);
		if (fd < 0)
			return fd;
		fd = open_place(&place, flags, mode);
		close(place.dir);
		if (!follow)
			break;
	}
	return fd;
}

static int open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	int fd = -ENOSYS;

	flags |= O_CLOEXEC;
	/* openat2 refuses a mode that means nothing, openat ignores it. */
	if (!(flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE)
		mode = 0;
	if (openat2_usable) {
		int again = 0;

		do {
			fd = call_openat2(root_fd, path, flags, mode & 07777);
		} while (fd == -EAGAIN && ++again < AGAIN_MAX);
		if (fd >= 0 || (fd != -EAGAIN && !openat2_missing(root_fd, fd)))
			return fd;
	}
	return open_by_walk(root_fd, path, flags, mode & 07777);
}

int rootfs_open(int root_fd, const char *path, int flags, mode_t mode, struct error *err)
{
	int fd = open_in_root(root_fd, path, flags, mode);

	if (fd < 0)
		return error_set(err, -fd, "can't open %s in the root filesystem", path);
	return fd;
}

/* Opens a regular file for reading. The O_PATH look comes first because opening a device or a FIFO
 * can already do something. */
static int open_regular(int root_fd, const char *path)
{
	_cleanup_close_ int place = open_in_root(root_fd, path, O_PATH, 0);
	_cleanup_close_ int fd = -EBADF;
	struct stat before, after;

	if (place < 0)
		return place;
	if (fstat(place, &before) < 0)
		return -errno;
	if (!S_ISREG(before.st_mode))
		return S_ISDIR(before.st_mode) ? -EISDIR : -EINVAL;
	fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &after) < 0)
		return -errno;
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return -EAGAIN;
	return steal_fd(&fd);
}

ssize_t rootfs_read(int root_fd, const char *path, char *buffer, size_t size, struct error *err)
{
	_cleanup_close_ int fd = open_regular(root_fd, path);
	size_t used = 0;

	if (fd < 0)
		return error_set(err, -fd, "can't read %s in the root filesystem", path);
	while (used < size) {
		ssize_t part = read(fd, buffer + used, size - used);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return error_set(err, errno, "can't read %s in the root filesystem", path);
		if (!part)
			break;
		used += (size_t)part;
	}
	if (used == size)
		return error_set(err, EFBIG, "%s in the root filesystem is larger than %zu bytes",
				 path, size ? size - 1 : 0);
	buffer[used] = '\0';
	return (ssize_t)used;
}

int rootfs_mkdirs(int root_fd, const char *path, mode_t mode, struct error *err)
{
	struct rootfs_place place;
	char whole[PATH_MAX];
	size_t size = strlen(path);
	int error;

	if (!size || size + 3 > sizeof(whole))
		return error_set(err, size ? ENAMETOOLONG : ENOENT,
				 "can't make %s in the root filesystem", path);
	/* Ending in "." makes every named component one on the way, which the walk creates. */
	memcpy(whole, path, size);
	memcpy(whole + size, "/.", 3);
	error = rootfs_walk(root_fd, whole, ROOTFS_WALK_FOLLOW | ROOTFS_WALK_MAKE, mode, &place);
	if (error)
		return error_set(err, -error, "can't make %s in the root filesystem", path);
	return place.dir;
}

/* Makes what is missing at place and opens it. Returns an O_PATH fd or -errno. */
static int make_mount_point(const struct rootfs_place *place, bool file, bool *ret_created)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;
	bool created;

	if (file && place->slash)
		return -EISDIR;
	if (file) {
		int made = openat(place->dir, place->name,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (made < 0 && errno != EEXIST)
			return -errno;
		created = made >= 0;
		if (created)
			close(made);
	} else {
		created = mkdirat(place->dir, place->name, 0755) == 0;
		if (!created && errno != EEXIST)
			return -errno;
	}
	fd = openat(place->dir, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	if (file == !!S_ISDIR(status.st_mode))
		return file ? -EISDIR : -ENOTDIR;
	if (ret_created)
		*ret_created = created;
	return steal_fd(&fd);
}

int rootfs_mount_point(int root_fd, const char *path, bool file, bool *ret_created,
		       struct error *err)
{
	struct rootfs_place place;
	int fd = rootfs_walk(root_fd, path, ROOTFS_WALK_FOLLOW | ROOTFS_WALK_MAKE, 0755, &place);

	if (fd == 0) {
		fd = make_mount_point(&place, file, ret_created);
		close(place.dir);
	}
	if (fd < 0)
		return error_set(err, -fd, "can't make the mount point %s in the root filesystem",
				 path);
	return fd;
}
