// SPDX-License-Identifier: Apache-2.0
/* rootfs_open() and its kin against roots that want to lead them out. Every test runs with openat2 and
 * with the walk that replaces it. */
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
#include "core/path/rootfs.h"

static char top[64]; /* root/ is the guest's, secret the host's */
static int root_fd = -1;

static const char *below_top(const char *path)
{
	static char text[300];

	snprintf(text, sizeof(text), "%s/%s", top, path);
	return text;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(below_top(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_link(const char *text, const char *path)
{
	assert_int_equal(symlink(text, below_top(path)), 0);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(below_top(path), 0755), 0);
}

static int set_up(bool openat2)
{
	char text[16];

	rootfs_set_openat2(openat2);
	strcpy(top, "/tmp/test_rootfs.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	write_text("secret", "host");
	make_directory("root");
	make_directory("root/etc");
	make_directory("root/dir");
	write_text("root/etc/passwd", "guest");
	write_text("root/secret", "guest");
	make_link("/etc/passwd", "root/absolute");
	make_link("../../../../../secret", "root/dir/up");
	make_link("../secret", "root/escape");
	make_link(below_top("secret"), "root/host-path");
	make_link("/run/made/by/link", "root/dangling");
	make_link("loop", "root/loop");
	make_link("dir", "root/to-dir");
	make_link("dir/", "root/to-dir-slash");
	make_link("dir/new/", "root/to-new-slash");
	for (int i = 0; i <= 40; i++) {
		char path[32];

		snprintf(path, sizeof(path), "root/chain%d", i);
		snprintf(text, sizeof(text), i ? "chain%d" : "secret", i - 1);
		make_link(text, path);
	}
	if (mkfifo(below_top("root/fifo"), 0644) < 0)
		return -1;
	root_fd = open(below_top("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : 0;
}

static int set_up_openat2(void **state)
{
	(void)state;
	return set_up(true);
}

static int set_up_walk(void **state)
{
	(void)state;
	return set_up(false);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	close(root_fd);
	rootfs_set_openat2(true);
	return nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int open_error(const char *path, int flags)
{
	struct error err = ERROR_INIT;
	int fd = rootfs_open(root_fd, path, flags, 0600, &err);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	assert_int_equal(err.code, -fd);
	assert_non_null(strstr(err.message, path));
	return fd;
}

static void assert_reads(const char *path, const char *expected)
{
	struct error err = ERROR_INIT;
	char buffer[64];

	assert_int_equal(rootfs_read(root_fd, path, buffer, sizeof(buffer), &err), strlen(expected));
	assert_string_equal(buffer, expected);
}

static void assert_same(int fd, const char *host)
{
	struct stat one, other;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &one), 0);
	assert_int_equal(stat(below_top(host), &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
	close(fd);
}

static void links_and_dots_stay_inside(void **state)
{
	(void)state;
	assert_reads("/etc/passwd", "guest");
	assert_reads("absolute", "guest");
	assert_reads("dir/up", "guest");
	assert_reads("escape", "guest");
	assert_reads("../../../secret", "guest");
	assert_reads("dir/../../to-dir/../../secret", "guest");
	assert_int_equal(open_error("host-path", O_RDONLY), -ENOENT);
}

static void creating_through_a_link_stays_inside(void **state)
{
	(void)state;
	assert_int_equal(unlink(below_top("root/secret")), 0);
	assert_int_equal(open_error("escape", O_WRONLY | O_CREAT), 0);
	assert_int_equal(access(below_top("root/secret"), F_OK), 0);
	assert_int_equal(open_error("escape", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(open_error("dangling", O_WRONLY | O_CREAT), -ENOENT);
	assert_int_equal(open_error("to-new-slash", O_WRONLY | O_CREAT), -EISDIR);
	assert_int_equal(open_error("dir/", O_WRONLY | O_CREAT), -EISDIR);
}

static void errors_are_a_chroots(void **state)
{
	(void)state;
	assert_int_equal(open_error("", O_RDONLY), -ENOENT);
	assert_int_equal(open_error("missing/x", O_RDONLY), -ENOENT);
	assert_int_equal(open_error("secret/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_error("secret/", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_error("secret/..", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_error("loop", O_RDONLY), -ELOOP);
	assert_int_equal(open_error("escape", O_RDONLY | O_NOFOLLOW), -ELOOP);
	assert_int_equal(open_error("chain39", O_RDONLY), 0);
	assert_int_equal(open_error("chain40", O_RDONLY), -ELOOP);
	assert_int_equal(open_error("to-dir", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(open_error("to-dir-slash", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(open_error("to-dir/", O_RDONLY | O_NOFOLLOW), 0);
	assert_int_equal(open_error("/", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(open_error("/..", O_RDONLY | O_DIRECTORY), 0);
}

static void names_and_paths_have_limits(void **state)
{
	static char path[5000];

	(void)state;
	memset(path, 'n', 256);
	path[256] = '\0';
	assert_int_equal(open_error(path, O_RDONLY), -ENAMETOOLONG);
	memset(path, '/', sizeof(path));
	path[4096] = '\0';
	assert_int_equal(rootfs_open(root_fd, path, O_RDONLY, 0, NULL), -ENAMETOOLONG);
}

static void a_symlink_can_be_opened_itself(void **state)
{
	struct stat status;
	_cleanup_close_ int fd = rootfs_open(root_fd, "escape", O_PATH | O_NOFOLLOW, 0, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
}

static void reading_refuses_what_could_block_or_grow(void **state)
{
	char buffer[64];

	(void)state;
	alarm(5);
	assert_int_equal(rootfs_read(root_fd, "fifo", buffer, sizeof(buffer), NULL), -EINVAL);
	alarm(0);
	assert_int_equal(rootfs_read(root_fd, "dir", buffer, sizeof(buffer), NULL), -EISDIR);
	assert_int_equal(rootfs_read(root_fd, "secret", buffer, 6, NULL), 5);
	assert_int_equal(rootfs_read(root_fd, "secret", buffer, 5, NULL), -EFBIG);
	assert_int_equal(rootfs_read(root_fd, "missing", buffer, 5, NULL), -ENOENT);
}

static void magic_links_are_refused(void **state)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char buffer[8192];

	(void)state;
	assert_true(proc >= 0);
	assert_int_equal(rootfs_open(proc, "self/root/etc", O_PATH, 0, NULL), -ELOOP);
	assert_int_equal(rootfs_open(proc, "self/cwd", O_PATH, 0, NULL), -ELOOP);
	assert_true(rootfs_read(proc, "self/status", buffer, sizeof(buffer), NULL) > 0);
}

static void directories_are_made_along_links_inside(void **state)
{
	(void)state;
	assert_same(rootfs_mkdirs(root_fd, "/a/b/c", 0755, NULL), "root/a/b/c");
	assert_same(rootfs_mkdirs(root_fd, "a/b/c/", 0755, NULL), "root/a/b/c");
	assert_same(rootfs_mkdirs(root_fd, "dangling/more", 0755, NULL), "root/run/made/by/link/more");
	assert_same(rootfs_mkdirs(root_fd, "/", 0755, NULL), "root");
	assert_same(rootfs_mkdirs(root_fd, "../../x", 0755, NULL), "root/x");
	assert_int_equal(rootfs_mkdirs(root_fd, "secret/x", 0755, NULL), -ENOTDIR);
	assert_int_equal(rootfs_mkdirs(root_fd, "secret", 0755, NULL), -ENOTDIR);
	assert_int_equal(rootfs_mkdirs(root_fd, "", 0755, NULL), -ENOENT);
	assert_int_equal(access(below_top("x"), F_OK), -1);
}

static void a_mount_point_is_made_or_found(void **state)
{
	bool created = false;

	(void)state;
	assert_same(rootfs_mount_point(root_fd, "/new/point", false, &created, NULL),
		    "root/new/point");
	assert_true(created);
	assert_same(rootfs_mount_point(root_fd, "/new/point", false, &created, NULL),
		    "root/new/point");
	assert_false(created);
	assert_same(rootfs_mount_point(root_fd, "/new/file", true, &created, NULL), "root/new/file");
	assert_true(created);
	assert_same(rootfs_mount_point(root_fd, "secret", true, &created, NULL), "root/secret");
	assert_false(created);
	assert_int_equal(rootfs_mount_point(root_fd, "dir", true, NULL, NULL), -EISDIR);
	assert_int_equal(rootfs_mount_point(root_fd, "secret", false, NULL, NULL), -ENOTDIR);
	assert_same(rootfs_mount_point(root_fd, "/", false, &created, NULL), "root");
}

static void a_mount_point_over_a_symlink_is_its_target_inside(void **state)
{
	bool created = false;

	(void)state;
	assert_same(rootfs_mount_point(root_fd, "escape", true, &created, NULL), "root/secret");
	assert_false(created);
	assert_same(rootfs_mount_point(root_fd, "dangling", true, &created, NULL),
		    "root/run/made/by/link");
	assert_true(created);
	assert_int_equal(rootfs_mount_point(root_fd, "loop", true, NULL, NULL), -ELOOP);
	assert_reads("escape", "guest");
	assert_int_equal(access(below_top("run"), F_OK), -1);
}

#define both_ways(name)                                                                            \
	{#name " (openat2)", name, set_up_openat2, tear_down, NULL},                               \
	{                                                                                          \
		#name " (walk)", name, set_up_walk, tear_down, NULL                                \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both_ways(links_and_dots_stay_inside),
		both_ways(creating_through_a_link_stays_inside),
		both_ways(errors_are_a_chroots),
		both_ways(names_and_paths_have_limits),
		both_ways(a_symlink_can_be_opened_itself),
		both_ways(reading_refuses_what_could_block_or_grow),
		both_ways(magic_links_are_refused),
		both_ways(directories_are_made_along_links_inside),
		both_ways(a_mount_point_is_made_or_found),
		both_ways(a_mount_point_over_a_symlink_is_its_target_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
