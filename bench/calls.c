// SPDX-License-Identifier: Apache-2.0
/* Rows that are one or a few system calls.
 *
 * Calls that only look are made on paths of the rootfs itself (/etc/passwd, /usr/bin); calls that
 * write are made in the scratch directory, which is a bind mount in every column, so that the
 * rootfs is never changed and may belong to somebody else.
 */
#include "bench/rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static const size_t read_file_size = 65536;

static int set_path(struct scene *scene, int index, const char *dir, const char *name)
{
	int length = snprintf(scene->path[index], PATH_MAX, "%s%s", dir, name);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* stat, lstat, open+close, access: a file of the rootfs that every distribution has. */
static int setup_passwd(struct scene *scene)
{
	return set_path(scene, 0, scene->prefix, "/etc/passwd");
}

int call_stat(struct scene *scene, long n)
{
	struct stat status;

	while (n--)
		if (stat(scene->path[0], &status) < 0)
			return -errno;
	return 0;
}

static int run_lstat(struct scene *scene, long n)
{
	struct stat status;

	while (n--)
		if (lstat(scene->path[0], &status) < 0)
			return -errno;
	return 0;
}

static int run_open(struct scene *scene, long n)
{
	while (n--) {
		int fd = open(scene->path[0], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

static int run_access(struct scene *scene, long n)
{
	while (n--)
		if (access(scene->path[0], R_OK) < 0)
			return -errno;
	return 0;
}

/* openat with a directory fd and one component */
static int setup_openat(struct scene *scene)
{
	int r = set_path(scene, 0, scene->prefix, "/etc");

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scene->fd < 0 ? -errno : 0;
}

static int run_openat(struct scene *scene, long n)
{
	while (n--) {
		int fd = openat(scene->fd, "passwd", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

/* readlink: which symbolic links a rootfs has differs, so the first of these that is one */
static int setup_readlink(struct scene *scene)
{
	static const char *const candidates[] = { "/bin", "/usr/bin/awk", "/bin/sh", "/etc/mtab" };
	char target[PATH_MAX];

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		int r = set_path(scene, 0, scene->prefix, candidates[i]);

		if (r < 0)
			return r;
		if (readlink(scene->path[0], target, sizeof(target)) >= 0)
			return 0;
	}
	snprintf(scene->why, sizeof(scene->why), "no symbolic link found in the rootfs");
	return -ENOENT;
}

static int run_readlink(struct scene *scene, long n)
{
	char target[PATH_MAX];

	while (n--)
		if (readlink(scene->path[0], target, sizeof(target)) < 0)
			return -errno;
	return 0;
}

/* getcwd, chdir: between two directories of the rootfs */
static int setup_directories(struct scene *scene)
{
	int r = set_path(scene, 0, scene->prefix, "/usr/bin");

	if (r == 0)
		r = set_path(scene, 1, scene->prefix, "/etc");
	if (r == 0 && chdir(scene->path[0]) < 0)
		r = -errno;
	return r;
}

static int run_getcwd(struct scene *scene, long n)
{
	(void)scene;
	char cwd[PATH_MAX];

	while (n--)
		if (!getcwd(cwd, sizeof(cwd)))
			return -errno;
	return 0;
}

static int run_chdir(struct scene *scene, long n)
{
	while (n--)
		if (chdir(scene->path[n & 1]) < 0)
			return -errno;
	return 0;
}

static void teardown_directories(struct scene *scene)
{
	(void)scene;
	if (chdir("/") < 0)
		perror("chdir /");
}

/* getppid, read: calls with no path, which should cost nothing but the filter */
static int run_getppid(struct scene *scene, long n)
{
	(void)scene;
	while (n--)
		getppid();
	return 0;
}

static int setup_read(struct scene *scene)
{
	int r = set_path(scene, 0, scene->scratch, "/read");

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (scene->fd < 0 || ftruncate(scene->fd, (off_t)read_file_size) < 0)
		return -errno;
	return 0;
}

static int run_read(struct scene *scene, long n)
{
	char byte;

	while (n--) {
		ssize_t got = read(scene->fd, &byte, 1);

		if (got < 0 || (got == 0 && lseek(scene->fd, 0, SEEK_SET) < 0))
			return -errno;
	}
	return 0;
}

/* rename, unlink+create, mkdir+rmdir: in the scratch directory */
static int setup_names(struct scene *scene)
{
	int r = set_path(scene, 0, scene->scratch, "/one");

	return r < 0 ? r : set_path(scene, 1, scene->scratch, "/two");
}

static int setup_rename(struct scene *scene)
{
	int r = setup_names(scene);

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	return scene->fd < 0 ? -errno : 0;
}

static int run_rename(struct scene *scene, long n)
{
	/* The file may be under either name: an odd count leaves it under the other one. */
	int from = access(scene->path[0], F_OK) == 0 ? 0 : 1;

	for (; n--; from = !from)
		if (rename(scene->path[from], scene->path[!from]) < 0)
			return -errno;
	return 0;
}

static int run_unlink(struct scene *scene, long n)
{
	while (n--) {
		int fd = open(scene->path[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return -errno;
		close(fd);
		if (unlink(scene->path[0]) < 0)
			return -errno;
	}
	return 0;
}

static int run_mkdir(struct scene *scene, long n)
{
	while (n--)
		if (mkdir(scene->path[0], 0755) < 0 || rmdir(scene->path[0]) < 0)
			return -errno;
	return 0;
}

static void teardown_names(struct scene *scene)
{
	unlink(scene->path[0]);
	unlink(scene->path[1]);
}

/* connect: socket, connect, accept and two closes on a unix socket with a name */
static int socket_address(const struct scene *scene, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s",
			      scene->path[0]);

	return length < (int)sizeof(ret_address->sun_path) ? 0 : -ENAMETOOLONG;
}

static int setup_connect(struct scene *scene)
{
	struct sockaddr_un address;
	int r = set_path(scene, 0, scene->scratch, "/socket");

	if (r == 0)
		r = socket_address(scene, &address);
	if (r < 0)
		return r;
	unlink(scene->path[0]);
	scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (scene->listener < 0 ||
	    bind(scene->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(scene->listener, 8) < 0)
		return -errno;
	return 0;
}

static int run_connect(struct scene *scene, long n)
{
	struct sockaddr_un address;
	int r = socket_address(scene, &address);

	while (r == 0 && n--) {
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (client < 0)
			return -errno;
		if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0) {
			r = -errno;
		} else {
			int server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);

			if (server < 0)
				r = -errno;
			else
				close(server);
		}
		close(client);
	}
	return r;
}
/* The same calls by longer ways, all in the scratch directory, which is a mount. */
static const char deep[] = "/1/2/3/4/5/6/7/8/9/10/11/12";

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

static int setup_bind(struct scene *scene)
{
	int r = set_path(scene, 0, scene->scratch, "/file");

	return r < 0 ? r : make_file(scene->path[0]);
}

static int setup_deep(struct scene *scene)
{
	char path[PATH_MAX];

	for (const char *end = deep; *end; ) {
		end += 1 + strcspn(end + 1, "/");
		snprintf(path, sizeof(path), "%s%.*s", scene->scratch, (int)(end - deep), deep);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	snprintf(path, sizeof(path), "%s/file", deep);
	int r = set_path(scene, 0, scene->scratch, path);

	return r < 0 ? r : make_file(scene->path[0]);
}

/* Three symlinks on the way: the first is absolute, the others are relative. */
static int setup_links(struct scene *scene)
{
	char target[PATH_MAX], link[PATH_MAX];
	int r = setup_deep(scene);

	if (r < 0)
		return r;
	snprintf(target, sizeof(target), "%s/1/2", scene->scratch);
	snprintf(link, sizeof(link), "%s/a", scene->scratch);
	if (symlink(target, link) < 0 && errno != EEXIST)
		return -errno;
	snprintf(link, sizeof(link), "%s/1/2/b", scene->scratch);
	if (symlink("3/4", link) < 0 && errno != EEXIST)
		return -errno;
	snprintf(link, sizeof(link), "%s/1/2/3/4/c", scene->scratch);
	if (symlink("../4/5/6/7/8/9/10/11/12/file", link) < 0 && errno != EEXIST)
		return -errno;
	return set_path(scene, 0, scene->scratch, "/a/b/c");
}

static int setup_missing(struct scene *scene)
{
	return set_path(scene, 0, scene->prefix, "/etc/amphora-bench-is-not-here");
}

static int run_stat_missing(struct scene *scene, long n)
{
	struct stat status;

	while (n--)
		if (stat(scene->path[0], &status) == 0 || errno != ENOENT)
			return -EEXIST;
	return 0;
}

/* getdents: a directory of 100 files, read to its end */
static int setup_getdents(struct scene *scene)
{
	char path[PATH_MAX];
	int r = set_path(scene, 0, scene->scratch, "/hundred");

	if (r < 0)
		return r;
	if (mkdir(scene->path[0], 0755) < 0 && errno != EEXIST)
		return -errno;
	for (int i = 0; r == 0 && i < 100; i++) {
		snprintf(path, sizeof(path), "%.*s/%02d", PATH_MAX - 4, scene->path[0], i);
		r = make_file(path);
	}
	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scene->fd < 0 ? -errno : 0;
}

static int run_getdents(struct scene *scene, long n)
{
	char entries[8192];
	long got;

	while (n--) {
		if (lseek(scene->fd, 0, SEEK_SET) < 0)
			return -errno;
		do
			got = syscall(SYS_getdents64, scene->fd, entries, sizeof(entries));
		while (got > 0);
		if (got < 0)
			return -errno;
	}
	return 0;
}

const struct row call_rows[] = {
	{ "getppid", ROW_CALL, .run = run_getppid },
	{ "getppid, 2 threads", ROW_CALL, .run = run_getppid, .threads = 2 },
	{ "read", ROW_CALL, .setup = setup_read, .run = run_read, .teardown = teardown_names },
	{ "stat", ROW_CALL, .setup = setup_passwd, .run = call_stat },
	{ "stat, missing", ROW_CALL, .setup = setup_missing, .run = run_stat_missing },
	{ "stat, in a bind", ROW_CALL, .setup = setup_bind, .run = call_stat },
	{ "stat, 12 deep", ROW_CALL, .setup = setup_deep, .run = call_stat },
	{ "stat, symlinks", ROW_CALL, .setup = setup_links, .run = call_stat },
	{ "stat, 2 threads", ROW_CALL, .setup = setup_passwd, .run = call_stat, .threads = 2 },
	{ "lstat", ROW_CALL, .setup = setup_passwd, .run = run_lstat },
	{ "open+close", ROW_CALL, .setup = setup_passwd, .run = run_open },
	{ "open, in a bind", ROW_CALL, .setup = setup_bind, .run = run_open },
	{ "open, 12 deep", ROW_CALL, .setup = setup_deep, .run = run_open },
	{ "open, symlinks", ROW_CALL, .setup = setup_links, .run = run_open },
	{ "open, 2 threads", ROW_CALL, .setup = setup_passwd, .run = run_open, .threads = 2 },
	{ "openat dirfd", ROW_CALL, .setup = setup_openat, .run = run_openat },
	{ "readlink", ROW_CALL, .setup = setup_readlink, .run = run_readlink },
	{ "access", ROW_CALL, .setup = setup_passwd, .run = run_access },
	{ "getcwd", ROW_CALL, .setup = setup_directories, .run = run_getcwd,
	  .teardown = teardown_directories },
	{ "chdir", ROW_CALL, .setup = setup_directories, .run = run_chdir,
	  .teardown = teardown_directories },
	{ "getdents", ROW_CALL, .setup = setup_getdents, .run = run_getdents },
	{ "rename", ROW_CALL, .setup = setup_rename, .run = run_rename,
	  .teardown = teardown_names },
	{ "unlink+create", ROW_CALL, .setup = setup_names, .run = run_unlink },
	{ "mkdir+rmdir", ROW_CALL, .setup = setup_names, .run = run_mkdir },
	{ "connect unix", ROW_CALL, .setup = setup_connect, .run = run_connect,
	  .teardown = teardown_names },
};
const size_t call_row_count = sizeof(call_rows) / sizeof(call_rows[0]);
