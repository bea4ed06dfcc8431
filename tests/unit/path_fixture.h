/* SPDX-License-Identifier: Apache-2.0 */
/* test_path.c's tree, mount table and counted system calls. Part of test_path.c, which includes it once. */
#ifndef AMPHORA_TESTS_UNIT_PATH_FIXTURE_H
#define AMPHORA_TESTS_UNIT_PATH_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/path/resolve.h"

static char top[64]; /* rootfs/ and volume/ are below */
static struct path_table table;
static struct path_position root, cwd;
static struct path_result result;
static struct {
	int open_path, readlink, is_directory, open_fds;
	bool no_openat2;
} calls;

/* ---- system calls ------------------------------------------------------------------------- */

static long count_readlink(void *context, const char *host, char *buffer, size_t size)
{
	ssize_t length = readlink(host, buffer, size);

	(void)context;
	calls.readlink++;
	return length < 0 ? -errno : length;
}

static long count_open_path(void *context, const char *host, int flags)
{
	struct amphora_open_how how = {
		.flags = (__u64)(unsigned)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	(void)context;
	calls.open_path++;
	if (calls.no_openat2)
		return -ENOSYS;
	fd = syscall(SYS_openat2, AT_FDCWD, host, &how, sizeof(how));
	calls.open_fds += fd >= 0;
	return fd < 0 ? -errno : fd;
}

static void count_close(void *context, int fd)
{
	(void)context;
	calls.open_fds--;
	close(fd);
}

static long count_is_directory(void *context, const char *host)
{
	struct stat status;

	(void)context;
	calls.is_directory++;
	return lstat(host, &status) < 0 ? -errno : S_ISDIR(status.st_mode);
}

/* /proc of a guest whose cwd is /dir, with a pipe as fd 3. */
static long fake_magic(void *context, const struct path_position *link, struct path_magic *magic)
{
	(void)context;
	if (!strcmp(link->rel, "self")) {
		magic->kind = PATH_MAGIC_TEXT;
		strcpy(magic->text, "42");
	} else if (!strcmp(link->rel, "42/cwd")) {
		magic->kind = PATH_MAGIC_POSITION;
		magic->position = (struct path_position){.mount = 0, .length = 3, .rel = "dir"};
	} else if (!strcmp(link->rel, "42/3")) {
		magic->kind = PATH_MAGIC_OPAQUE;
	} else {
		return -EINVAL;
	}
	return 0;
}

static const struct path_ops ops = {count_readlink, count_open_path, count_close,
				    count_is_directory, fake_magic, NULL, NULL};

static int resolve(const char *path, uint32_t flags)
{
	const struct path_request request = {
		.table = &table,
		.ops = &ops,
		.root = &root,
		.base = &cwd,
		.path = path,
		.flags = flags,
	};
	int error;

	memset(&calls, 0, offsetof(__typeof__(calls), no_openat2));
	error = path_resolve(&request, &result);
	if (!error && result.fd >= 0)
		count_close(NULL, result.fd);
	assert_int_equal(calls.open_fds, 0);
	return error;
}

static int total_calls(void)
{
	return calls.open_path + calls.readlink + calls.is_directory;
}

/* ---- the tree ----------------------------------------------------------------------------- */

static const char *below_top(const char *path)
{
	static char text[300];

	snprintf(text, sizeof(text), "%s/%s", top, path);
	return text;
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(below_top(path), 0755), 0);
}

static void make_file(const char *path)
{
	int fd = open(below_top(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static void make_link(const char *text, const char *path)
{
	assert_int_equal(symlink(text, below_top(path)), 0);
}

static void make_tree(void)
{
	char path[64], text[16];

	make_directory("rootfs");
	make_directory("rootfs/dir");
	make_directory("rootfs/dir/sub");
	make_directory("rootfs/mnt");
	make_directory("rootfs/proc");
	make_file("rootfs/file");
	make_file("rootfs/dir/file");
	make_file("rootfs/point");
	make_link("dir", "rootfs/relative");
	make_link("/dir/file", "rootfs/absolute");
	make_link("/", "rootfs/slash");
	make_link("missing", "rootfs/dangling");
	make_link("dir/new", "rootfs/new-here");
	make_link("file/", "rootfs/file-slash");
	make_link("dir/", "rootfs/dir-slash");
	make_link("loop", "rootfs/loop");
	make_link("../../../../../../etc", "rootfs/dir/up");
	make_link("../mnt/inner", "rootfs/dir/to-mount");
	for (int i = 0; i <= 40; i++) {
		snprintf(path, sizeof(path), "rootfs/chain%d", i);
		snprintf(text, sizeof(text), i ? "chain%d" : "file", i - 1);
		make_link(text, path);
	}
	make_directory("volume");
	make_directory("volume/inner");
	make_file("volume/file");
	make_link("/dir", "volume/home");
	/* As much of a /proc as the fake needs; the real texts must never be followed. */
	make_directory("rootfs/proc/42");
	make_link("host-pid", "rootfs/proc/self");
	make_link("/host/cwd", "rootfs/proc/42/cwd");
	make_link("pipe:[1]", "rootfs/proc/42/3");
	make_link("42/3", "rootfs/proc/plain");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int set_up_tree(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_path.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	make_tree();
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int set_up_table(void **state)
{
	(void)state;
	calls.no_openat2 = false;
	path_table_init(&table, below_top("rootfs"), 0);
	path_table_root(&table, &root);
	cwd = root;
	return 0;
}

static int mount_at(const char *path, const char *source, uint32_t flags)
{
	int mount;

	assert_int_equal(resolve(path, PATH_FOLLOW), 0);
	mount = path_table_add(&table, &result.position, below_top(source), flags);
	assert_true(mount > 0);
	return mount;
}

static void change_directory(const char *path)
{
	assert_int_equal(resolve(path, PATH_FOLLOW | PATH_DIRECTORY), 0);
	cwd = result.position;
}

#define assert_host(path) assert_string_equal(result.host, below_top(path))

static void assert_guest(const char *path)
{
	char guest[PATH_SIZE];

	assert_int_equal(path_to_guest(&table, &root, &result.position, guest, sizeof(guest)),
			 strlen(path));
	assert_string_equal(guest, path);
}

#endif
