// SPDX-License-Identifier: Apache-2.0
/* A chroot's path lookup made of openat(O_PATH | O_NOFOLLOW), one component at a time.
 *
 * Theory of operation
 *
 * The walk holds an fd of the directory where it stands and that directory's canonical path below
 * the root. It never opens ".." by name: another process could move the directory out of the root
 * meanwhile. Instead it drops the last component of the canonical path and goes down from the root
 * again, refusing symlinks. Symlink texts are put before what is still to come, in one buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/path/rootfs_walk.h"

#define LINKS_MAX    40
#define PENDING_SIZE (4 * PATH_MAX)

struct rootfs_walk {
	int root;
	int dir; /* owned; where the walk stands */
	unsigned flags;
	mode_t mode;
	int links;
	bool slash;
	char at[PATH_MAX]; /* canonical path of dir below root, no slash at either end */
	char pending[PENDING_SIZE];
};

static int open_directory(int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int move_to(struct rootfs_walk *walk, int fd)
{
	if (fd < 0)
		return fd;
	close(walk->dir);
	walk->dir = fd;
	return 0;
}

/* Opens walk->at anew from the root. */
static int reopen(struct rootfs_walk *walk)
{
	char path[PATH_MAX];
	char *name, *save = NULL;
	int error = move_to(walk, open_directory(walk->root, "."));

	memcpy(path, walk->at, strlen(walk->at) + 1);
	for (name = strtok_r(path, "/", &save); name && !error; name = strtok_r(NULL, "/", &save))
		error = move_to(walk, open_directory(walk->dir, name));
	return error;
}

static int go_up(struct rootfs_walk *walk)
{
	char *slash = strrchr(walk->at, '/');
	/* ".." is looked up in a directory that may be searched only. */
	int error = move_to(walk, open_directory(walk->dir, "."));

	if (error || !walk->at[0])
		return error;
	*(slash ? slash : walk->at) = '\0';
	return reopen(walk);
}

static int go_down(struct rootfs_walk *walk, int fd, const char *name)
{
	size_t used = strlen(walk->at);

	if (used + strlen(name) + 2 > sizeof(walk->at)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	snprintf(walk->at + used, sizeof(walk->at) - used, "%s%s", used ? "/" : "", name);
	return move_to(walk, fd);
}

/* openat2's RESOLVE_NO_MAGICLINKS: the text of a magic link isn't a path. Ordinary symlinks of procfs
 * (self, mounts, net) are relative and lead to names. */
static bool is_magic_link(int fd, const char *text)
{
	struct statfs fs;

	return (text[0] == '/' || strchr(text, ':')) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

/* Puts the text of the symlink fd before rest (a part of walk->pending). */
static int expand(struct rootfs_walk *walk, int fd, const char *rest)
{
	char text[PATH_MAX];
	size_t rest_size = strlen(rest);
	ssize_t size = readlinkat(fd, "", text, sizeof(text) - 1);

	if (size <= 0)
		return size ? -errno : -ENOENT;
	text[size] = '\0';
	if (++walk->links > LINKS_MAX || is_magic_link(fd, text))
		return -ELOOP;
	if ((size_t)size + 1 + rest_size + 1 > sizeof(walk->pending))
		return -ENAMETOOLONG;
	memmove(walk->pending + size + (rest_size ? 1 : 0), rest, rest_size + 1);
	if (rest_size)
		walk->pending[size] = '/';
	memcpy(walk->pending, text, (size_t)size);
	if (text[0] != '/')
		return 0;
	walk->at[0] = '\0';
	return move_to(walk, open_directory(walk->root, "."));
}

/* The O_PATH fd of a name in the current directory, made first when that was asked for. */
static int open_name(const struct rootfs_walk *walk, const char *name, bool final)
{
	int fd = openat(walk->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !final && walk->flags & ROOTFS_WALK_MAKE) {
		if (mkdirat(walk->dir, name, walk->mode) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(walk->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

/* One name. Returns 1 when it is the place looked for, 0 when the walk goes on at *text, -errno. */
static int step(struct rootfs_walk *walk, const char *name, const char **text)
{
	bool final = !**text;
	struct stat status;
	_cleanup_close_ int fd = -EBADF;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return go_up(walk);
	if (final && !walk->slash && !(walk->flags & ROOTFS_WALK_FOLLOW))
		return 1;
	fd = open_name(walk, name, final);
	if (fd == -ENOENT && final)
		return 1;
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (S_ISLNK(status.st_mode)) {
		int error = expand(walk, fd, *text);

		*text = walk->pending;
		return error;
	}
	if (final)
		return 1;
	return S_ISDIR(status.st_mode) ? go_down(walk, steal_fd(&fd), name) : -ENOTDIR;
}

static int walk_text(struct rootfs_walk *walk, char *name, size_t name_size)
{
	const char *text = walk->pending;
	int outcome = 0;

	while (!outcome) {
		size_t size;

		text += strspn(text, "/");
		size = strcspn(text, "/");
		if (!size)
			break;
		if (size >= name_size)
			return -ENAMETOOLONG;
		memcpy(name, text, size);
		name[size] = '\0';
		text += size;
		/* As in the kernel, a slash that ends a symlink's text counts for the whole path. */
		if (*text && !text[strspn(text, "/")])
			walk->slash = true;
		text += strspn(text, "/");
		outcome = step(walk, name, &text);
	}
	if (!outcome)
		memcpy(name, ".", 2);
	return outcome < 0 ? outcome : 0;
}

int rootfs_walk(int root_fd, const char *path, unsigned flags, mode_t mode,
		struct rootfs_place *ret_place)
{
	struct rootfs_walk walk = {.root = root_fd, .flags = flags, .mode = mode};
	char name[NAME_MAX + 1];
	int error;

	if (!path[0])
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(walk.pending, path, strlen(path) + 1);
	walk.dir = open_directory(root_fd, ".");
	if (walk.dir < 0)
		return walk.dir;
	error = walk_text(&walk, name, sizeof(name));
	if (error) {
		if (walk.dir >= 0)
			close(walk.dir);
		return error;
	}
	ret_place->dir = walk.dir;
	memcpy(ret_place->name, name, sizeof(name));
	ret_place->slash = walk.slash;
	return 0;
}
