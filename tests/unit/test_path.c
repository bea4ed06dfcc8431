// SPDX-License-Identifier: Apache-2.0
/* The resolver on a real directory tree, with its system calls counted. That it agrees with the
 * kernel in general is tests/diff/path_diff.c's matter; here are the rules one by one, the costs, and
 * what a differential test can't reach: proc links and the table's edges. */
#include "tests/unit/path_fixture.h"

/* ---- costs -------------------------------------------------------------------------------- */

static void a_plain_path_costs_one_open_path(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/file", PATH_FOLLOW), 0);
	assert_int_equal(calls.open_path, 1);
	assert_int_equal(total_calls(), 1);
	assert_host("rootfs/dir/file");
	assert_int_equal(resolve("/dir/file", 0), 0);
	assert_int_equal(total_calls(), 1);
	assert_int_equal(resolve("dir/../dir/./sub/", PATH_FOLLOW), 0);
	assert_int_equal(total_calls(), 1);
	assert_host("rootfs/dir/sub/");
}

static void a_missing_plain_path_costs_one_open_path(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/missing", PATH_FOLLOW), -ENOENT);
	assert_int_equal(total_calls(), 1);
}

static void the_root_and_an_empty_path_cost_nothing(void **state)
{
	(void)state;
	assert_int_equal(resolve("/", PATH_FOLLOW | PATH_DIRECTORY), 0);
	assert_int_equal(total_calls(), 0);
	assert_int_equal(resolve("", PATH_EMPTY), 0);
	assert_int_equal(total_calls(), 0);
	assert_true(result.flags & PATH_RESULT_MOUNT_ROOT);
}

static void a_new_file_costs_two_open_path(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/new", PATH_CREATE | PATH_FOLLOW), 0);
	assert_int_equal(total_calls(), 2);
	assert_int_equal(result.flags, PATH_RESULT_MISSING);
	assert_int_equal(resolve("/new", PATH_CREATE | PATH_FOLLOW), 0);
	assert_int_equal(total_calls(), 1);
}

static void a_parent_costs_one_open_path_and_the_root_as_parent_none(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/sub/new", PATH_PARENT), 0);
	assert_int_equal(total_calls(), 1);
	assert_host("rootfs/dir/sub/new");
	assert_int_equal(resolve("/new", PATH_PARENT), 0);
	assert_int_equal(total_calls(), 0);
	cwd.flags = PATH_POSITION_DIRECTORY;
	cwd.length = 3;
	strcpy(cwd.rel, "dir");
	assert_int_equal(resolve("new", PATH_PARENT), 0);
	assert_int_equal(total_calls(), 0);
	assert_host("rootfs/dir/new");
	assert_int_equal(result.position.flags, 0);
}

static void a_path_into_a_mount_costs_one_more(void **state)
{
	(void)state;
	mount_at("/mnt", "volume", 0);
	assert_int_equal(resolve("/mnt/file", PATH_FOLLOW), 0);
	assert_int_equal(calls.open_path, 2);
	assert_int_equal(total_calls(), 2);
	assert_host("volume/file");
	assert_int_equal(resolve("/mnt", PATH_FOLLOW), 0);
	assert_int_equal(total_calls(), 1);
}

static void a_symlink_that_is_not_followed_costs_two(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/up", 0), 0);
	assert_int_equal(total_calls(), 2);
	assert_int_equal(result.flags, PATH_RESULT_SYMLINK);
}

static void one_symlink_at_the_start_costs_three(void **state)
{
	(void)state;
	assert_int_equal(resolve("/relative/sub", PATH_FOLLOW), 0);
	assert_int_equal(calls.open_path, 2);
	assert_int_equal(calls.readlink, 1);
	assert_int_equal(total_calls(), 3);
	assert_host("rootfs/dir/sub");
}

static void a_wanted_fd_is_the_one_that_resolving_opened(void **state)
{
	const struct path_request request = {&table, &ops, NULL, &root, &cwd, "/dir", PATH_WANT_FD};
	struct stat one, other;

	(void)state;
	memset(&calls, 0, sizeof(calls));
	assert_int_equal(path_resolve(&request, &result), 0);
	assert_true(result.fd >= 0);
	assert_int_equal(calls.open_fds, 1);
	assert_int_equal(fstat(result.fd, &one), 0);
	assert_int_equal(stat(result.host, &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
	close(result.fd);
}

static void a_refused_openat2_is_asked_once(void **state)
{
	(void)state;
	calls.no_openat2 = true;
	assert_int_equal(resolve("/relative/../absolute", PATH_FOLLOW), 0);
	assert_int_equal(calls.open_path, 1);
	assert_host("rootfs/dir/file");
}

/* ---- symlinks, dots and slashes ----------------------------------------------------------- */

static void symlinks_never_leave_the_root(void **state)
{
	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		calls.no_openat2 = pass;
		assert_int_equal(resolve("/absolute", PATH_FOLLOW), 0);
		assert_host("rootfs/dir/file");
		assert_int_equal(resolve("/dir/up/passwd", PATH_FOLLOW), -ENOENT);
		assert_int_equal(resolve("/dir/up", PATH_FOLLOW | PATH_CREATE), 0);
		assert_host("rootfs/etc");
		assert_int_equal(resolve("/slash/slash/../../file", PATH_FOLLOW), 0);
		assert_host("rootfs/file");
	}
}

static void dotdot_stops_at_the_process_root(void **state)
{
	(void)state;
	assert_int_equal(resolve("../../..", 0), 0);
	assert_guest("/");
	change_directory("/dir");
	root = cwd;
	assert_int_equal(resolve("/../sub/../..", 0), 0);
	assert_guest("/");
	assert_host("rootfs/dir");
	assert_int_equal(resolve("/file", 0), 0);
	assert_host("rootfs/dir/file");
}

static void a_base_that_is_a_symlink_is_no_directory(void **state)
{
	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		calls.no_openat2 = pass;
		assert_int_equal(resolve("/absolute", 0), 0);
		cwd = result.position;
		assert_int_equal(resolve("new", PATH_PARENT), -ENOTDIR);
		assert_int_equal(resolve("new", PATH_CREATE), -ENOTDIR);
		assert_int_equal(resolve("new", PATH_FOLLOW), -ENOTDIR);
		assert_int_equal(resolve("..", PATH_FOLLOW), -ENOTDIR);
		assert_int_equal(resolve("", PATH_EMPTY), 0);
		cwd = root;
	}
}

static void forty_symlinks_are_followed_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(resolve("/chain39", PATH_FOLLOW), 0);
	assert_host("rootfs/file");
	assert_int_equal(resolve("/chain40", PATH_FOLLOW), -ELOOP);
	assert_int_equal(resolve("/loop", PATH_FOLLOW), -ELOOP);
	assert_int_equal(resolve("/loop", 0), 0);
	assert_int_equal(resolve("/loop/", 0), -ELOOP);
}

static void a_trailing_slash_wants_a_directory_and_follows(void **state)
{
	(void)state;
	assert_int_equal(resolve("/file/", 0), -ENOTDIR);
	assert_int_equal(resolve("/relative/", 0), 0);
	assert_host("rootfs/dir/");
	assert_int_equal(result.flags, PATH_RESULT_SLASH);
	assert_int_equal(resolve("/absolute/", 0), -ENOTDIR);
	assert_int_equal(resolve("/file-slash", PATH_FOLLOW), -ENOTDIR);
	assert_int_equal(resolve("/file-slash", 0), 0);
	assert_int_equal(resolve("/dir-slash", PATH_FOLLOW), 0);
	assert_host("rootfs/dir/");
	assert_int_equal(resolve("/file/.", 0), -ENOTDIR);
	assert_int_equal(resolve("/file/..", 0), -ENOTDIR);
}

static void a_dangling_symlink_names_what_creating_would_make(void **state)
{
	(void)state;
	assert_int_equal(resolve("/new-here", PATH_CREATE | PATH_FOLLOW), 0);
	assert_host("rootfs/dir/new");
	assert_int_equal(result.flags, PATH_RESULT_MISSING);
	assert_int_equal(resolve("/new-here", PATH_CREATE), 0);
	assert_host("rootfs/new-here");
	assert_int_equal(result.flags, PATH_RESULT_SYMLINK);
	assert_int_equal(resolve("/dangling", PATH_FOLLOW), -ENOENT);
	assert_int_equal(resolve("/dangling/x", PATH_CREATE | PATH_FOLLOW), -ENOENT);
}

static void creating_with_a_trailing_slash_is_left_to_the_kernel_to_refuse(void **state)
{
	(void)state;
	assert_int_equal(resolve("/new/", PATH_CREATE | PATH_FOLLOW), 0);
	assert_host("rootfs/new/");
	assert_int_equal(open(result.host, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
	assert_int_equal(errno, EISDIR);
}

static void a_parent_lookup_does_not_touch_the_last_component(void **state)
{
	(void)state;
	assert_int_equal(resolve("/relative", PATH_PARENT), 0);
	assert_host("rootfs/relative");
	assert_int_equal(resolve("/relative/new/", PATH_PARENT), 0);
	assert_host("rootfs/dir/new/");
	assert_int_equal(result.last, PATH_LAST_NORMAL);
	assert_string_equal(result.position.rel, "dir/new");
	assert_int_equal(resolve("/missing/new", PATH_PARENT), -ENOENT);
	assert_int_equal(resolve("/file/new", PATH_PARENT), -ENOTDIR);
}

static void a_parent_lookup_of_dots_names_nothing_removable(void **state)
{
	(void)state;
	assert_int_equal(resolve("/dir/.", PATH_PARENT), 0);
	assert_int_equal(result.last, PATH_LAST_DOT);
	assert_host("rootfs/dir/.");
	assert_int_equal(resolve("/dir/sub/..", PATH_PARENT), 0);
	assert_int_equal(result.last, PATH_LAST_DOTDOT);
	assert_host("rootfs/dir/sub/.");
	assert_int_equal(resolve("///", PATH_PARENT), 0);
	assert_int_equal(result.last, PATH_LAST_ROOT);
	assert_host("rootfs/.");
	assert_int_equal(rmdir(result.host), -1);
	assert_int_equal(errno, EINVAL);
}

static void lengths_have_the_kernels_limits(void **state)
{
	static char path[PATH_SIZE + 1], name[300];

	(void)state;
	for (size_t i = 0; i < PATH_SIZE; i++)
		path[i] = i % 2 ? '.' : '/';
	path[PATH_SIZE] = '\0';
	assert_int_equal(resolve(path, 0), -ENAMETOOLONG);
	path[PATH_SIZE - 1] = '\0';
	assert_int_equal(resolve(path, 0), 0);
	assert_guest("/");
	memset(name, 'n', sizeof(name));
	name[PATH_NAME_MAX + 1] = '\0';
	assert_int_equal(resolve(name, 0), -ENAMETOOLONG);
	assert_int_equal(resolve(name, PATH_CREATE), -ENAMETOOLONG);
	name[PATH_NAME_MAX] = '\0';
	assert_int_equal(resolve(name, 0), -ENOENT);
	assert_int_equal(resolve("", 0), -ENOENT);
}

static void a_deleted_directory_has_dots_but_no_names(void **state)
{
	(void)state;
	cwd.length = (uint32_t)strlen("dir/gone");
	strcpy(cwd.rel, "dir/gone");
	cwd.flags = PATH_POSITION_DELETED;
	assert_int_equal(resolve(".", 0), 0);
	assert_int_equal(result.position.flags, PATH_POSITION_DELETED);
	assert_int_equal(resolve("..", 0), 0);
	assert_guest("/dir");
	assert_int_equal(result.position.flags, 0);
	assert_int_equal(resolve("../sub", 0), 0);
	assert_guest("/dir/sub");
	assert_int_equal(resolve("file", 0), -ENOENT);
	assert_int_equal(resolve("file", PATH_PARENT), -ENOENT);
	assert_int_equal(resolve("/file", 0), 0);
}

static void openat2_rules_hold(void **state)
{
	(void)state;
	mount_at("/mnt", "volume", 0);
	change_directory("/dir");
	assert_int_equal(resolve("up", PATH_NO_SYMLINKS), 0);
	assert_int_equal(resolve("up", PATH_NO_SYMLINKS | PATH_FOLLOW), -ELOOP);
	assert_int_equal(resolve("sub/../..", PATH_BENEATH), -EXDEV);
	assert_int_equal(resolve("/dir", PATH_BENEATH), -EXDEV);
	assert_int_equal(resolve("sub/..", PATH_BENEATH), 0);
	assert_int_equal(resolve("/../../sub", PATH_IN_ROOT), 0);
	assert_guest("/dir/sub");
	assert_int_equal(resolve("../mnt/file", PATH_NO_XDEV), -EXDEV);
	change_directory("/mnt");
	assert_int_equal(resolve("..", PATH_NO_XDEV), -EXDEV);
	assert_int_equal(resolve("inner/..", PATH_NO_XDEV), 0);
}

/* ---- mounts ------------------------------------------------------------------------------- */

static void mounts_are_crossed_in_both_directions(void **state)
{
	(void)state;
	mount_at("/mnt", "volume", 0);
	assert_int_equal(resolve("/dir/to-mount", PATH_FOLLOW), 0);
	assert_host("volume/inner");
	assert_guest("/mnt/inner");
	assert_int_equal(resolve("/mnt/home/file", PATH_FOLLOW), 0);
	assert_guest("/dir/file");
	change_directory("/mnt/inner");
	assert_int_equal(resolve("../../dir/../mnt", PATH_FOLLOW), 0);
	assert_guest("/mnt");
	assert_true(result.flags & PATH_RESULT_MOUNT_ROOT);
}

static void a_mount_belongs_to_its_parent_mount_not_to_a_path(void **state)
{
	(void)state;
	mount_at("/mnt", "volume", 0);
	mount_at("/dir/sub", "volume", 0);
	mount_at("/mnt/inner", "rootfs/dir", 0);
	assert_int_equal(resolve("/mnt/inner/file", 0), 0);
	assert_host("rootfs/dir/file");
	assert_int_equal(resolve("/dir/sub/inner/file", 0), -ENOENT);
	mount_at("/mnt", "rootfs/mnt", 0); /* covers all of that */
	assert_int_equal(resolve("/mnt/inner", 0), -ENOENT);
	assert_int_equal(resolve("/mnt/..", 0), 0);
	assert_guest("/");
}

static void the_newest_mount_covers_and_uncovers(void **state)
{
	int first, second;

	(void)state;
	first = mount_at("/mnt", "volume", 0);
	second = mount_at("/mnt", "rootfs/dir", 0);
	assert_int_equal(resolve("/mnt/sub", 0), 0);
	assert_int_equal(path_table_remove(&table, first), -EBUSY);
	assert_int_equal(path_table_remove(&table, second), 0);
	assert_int_equal(path_table_remove(&table, second), -EINVAL);
	assert_int_equal(resolve("/mnt/inner", 0), 0);
	assert_int_equal(path_table_remove(&table, first), 0);
	assert_int_equal(path_table_remove(&table, 0), -EINVAL);
	assert_int_equal(resolve("/mnt/inner", 0), -ENOENT);
	assert_int_equal(table.sequence % 2, 0);
}

static void a_file_can_be_a_mount_and_is_no_directory(void **state)
{
	(void)state;
	mount_at("/point", "volume/file", PATH_MOUNT_FILE);
	assert_int_equal(resolve("/point", 0), 0);
	assert_host("volume/file");
	assert_int_equal(resolve("/point/", 0), -ENOTDIR);
	assert_int_equal(resolve("/point/x", 0), -ENOTDIR);
	assert_int_equal(resolve("/point/..", 0), -ENOTDIR);
	assert_int_equal(resolve("/point", PATH_DIRECTORY), -ENOTDIR);
	assert_int_equal(resolve("/point", PATH_PARENT), 0);
	assert_host("rootfs/point");
	assert_int_equal(result.flags, PATH_RESULT_MOUNT_ROOT);
}

static void a_mount_on_the_root_is_the_guests_root(void **state)
{
	(void)state;
	assert_int_equal(path_table_add(&table, &root, below_top("volume"), 0), 1);
	path_table_root(&table, &root);
	assert_int_equal(root.mount, 1);
	assert_int_equal(path_table_add(&table, &(struct path_position){0}, below_top("volume"), 0),
			 2);
	assert_int_equal(table.mounts[2].parent, 1);
	assert_int_equal(path_table_remove(&table, 2), 0);
	assert_int_equal(resolve("/inner/../..", 0), 0);
	assert_guest("/");
	assert_host("volume");
}

static void five_hundred_mounts_are_told_apart(void **state)
{
	struct path_position point = {0};
	char host[32];
	int mount = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		point.length = (uint32_t)snprintf(point.rel, sizeof(point.rel), "dir/sub/%d", i);
		snprintf(host, sizeof(host), "/host/%d/", i);
		mount = path_table_add(&table, &point, host, 0);
		assert_int_equal(mount, i + 1);
	}
	assert_int_equal(resolve("/dir/sub/123", 0), 0);
	assert_string_equal(result.host, "/host/123");
	assert_int_equal(resolve("/dir//sub/./499/", 0), 0);
	assert_string_equal(result.host, "/host/499/");
	assert_int_equal(resolve("/dir/sub/500", 0), -ENOENT);
	while (mount >= 0)
		mount = path_table_add(&table, &point, "/x", 0);
	assert_int_equal(mount, -ENOSPC);
	assert_int_equal(path_table_add(&table, NULL, "/x", 0), -EINVAL);
	assert_int_equal(path_table_add(&table, &root, "relative", 0), -EINVAL);
}

/* ---- proc links --------------------------------------------------------------------------- */

static void proc_links_mean_what_the_guest_would_see(void **state)
{
	(void)state;
	mount_at("/proc", "rootfs/proc", PATH_MOUNT_PROC);
	for (int pass = 0; pass < 2; pass++) {
		calls.no_openat2 = pass;
		assert_int_equal(resolve("/proc/self", PATH_FOLLOW), 0);
		assert_guest("/proc/42");
		assert_int_equal(resolve("/proc/self/cwd/file", PATH_FOLLOW), 0);
		assert_host("rootfs/dir/file");
		assert_int_equal(resolve("/proc/self/cwd/../file", PATH_FOLLOW), 0);
		assert_guest("/file");
		assert_int_equal(resolve("/proc/self/cwd", PATH_FOLLOW), 0);
		assert_guest("/dir");
		assert_int_equal(resolve("/proc/self/cwd", 0), 0);
		assert_guest("/proc/42/cwd");
		assert_int_equal(result.flags, PATH_RESULT_SYMLINK);
	}
}

static void an_opaque_proc_link_is_followed_by_the_kernel_only(void **state)
{
	(void)state;
	mount_at("/proc", "rootfs/proc", PATH_MOUNT_PROC);
	assert_int_equal(resolve("/proc/self/3", PATH_FOLLOW), 0);
	assert_host("rootfs/proc/42/3");
	assert_int_equal(result.flags, PATH_RESULT_MAGIC);
	assert_int_equal(resolve("/proc/plain", PATH_FOLLOW), 0);
	assert_int_equal(result.flags, PATH_RESULT_MAGIC);
	assert_int_equal(resolve("/proc/self/3/x", PATH_FOLLOW), -ENOTDIR);
	assert_int_equal(resolve("/proc/self/3", PATH_FOLLOW | PATH_NO_MAGICLINKS), -ELOOP);
	assert_int_equal(resolve("/proc/self", PATH_FOLLOW | PATH_NO_MAGICLINKS), 0);
	assert_int_equal(resolve("proc/42/cwd", PATH_FOLLOW | PATH_BENEATH), -EXDEV);
}

/* ---- positions ---------------------------------------------------------------------------- */

static void host_paths_come_back_as_positions(void **state)
{
	struct path_position position;

	(void)state;
	mount_at("/mnt", "volume", 0);
	mount_at("/dir/sub", "volume", 0);
	assert_int_equal(path_from_host(&table, -1, below_top("volume/inner"), &position), 0);
	assert_int_equal(position.mount, 2);
	assert_string_equal(position.rel, "inner");
	assert_int_equal(path_from_host(&table, 1, below_top("volume/inner"), &position), 0);
	assert_int_equal(position.mount, 1);
	assert_int_equal(path_from_host(&table, 1, below_top("rootfs/dir"), &position), 0);
	assert_int_equal(position.mount, 0);
	assert_int_equal(path_from_host(&table, -1, below_top("rootfs"), &position), 0);
	assert_int_equal(position.length, 0);
	assert_int_equal(path_from_host(&table, -1, below_top("rootfs-not"), &position), -ENOENT);
	assert_int_equal(path_from_host(&table, 0, "/etc", &position), -ENOENT);
}

static void a_covered_place_is_the_last_choice_for_a_host_path(void **state)
{
	struct path_position position;

	(void)state;
	mount_at("/dir", "volume", 0);
	assert_int_equal(path_from_host(&table, 0, below_top("rootfs/dir/sub"), &position), 0);
	assert_int_equal(position.mount, 0);
	mount_at("/mnt", "rootfs/dir", 0);
	assert_int_equal(path_from_host(&table, 0, below_top("rootfs/dir/sub"), &position), 0);
	assert_int_equal(position.mount, 2);
}

static void the_hosts_own_root_can_be_mounted(void **state)
{
	struct path_position position;
	char host[PATH_SIZE], guest[PATH_SIZE];

	(void)state;
	path_table_init(&table, "/", 0);
	path_table_root(&table, &root);
	cwd = root;
	assert_int_equal(path_to_host(&table, &root, host, sizeof(host)), 1);
	assert_string_equal(host, "/");
	for (int pass = 0; pass < 2; pass++) {
		calls.no_openat2 = pass;
		assert_int_equal(resolve("/", 0), 0);
		assert_string_equal(result.host, "/");
		assert_int_equal(resolve("tmp/..", 0), 0);
		assert_string_equal(result.host, "/");
		assert_int_equal(resolve(below_top("rootfs/absolute"), 0), 0);
		assert_host("rootfs/absolute");
	}
	assert_int_equal(path_from_host(&table, -1, "/", &position), 0);
	assert_int_equal(position.length, 0);
	assert_int_equal(path_from_host(&table, -1, "/tmp", &position), 0);
	assert_int_equal(path_to_guest(&table, &root, &position, guest, sizeof(guest)), 4);
	assert_string_equal(guest, "/tmp");
	assert_int_equal(path_to_guest(&table, &root, &position, guest, 5), 4);
	assert_int_equal(path_to_guest(&table, &root, &position, guest, 4), -ENAMETOOLONG);
}

static void a_place_outside_the_root_has_no_guest_path(void **state)
{
	char guest[PATH_SIZE];

	(void)state;
	change_directory("/dir");
	root = cwd;
	cwd = (struct path_position){.mount = 0, .length = 4, .rel = "file"};
	assert_int_equal(path_to_guest(&table, &root, &cwd, guest, sizeof(guest)), -ENOENT);
	cwd = (struct path_position){.mount = 0, .length = 9, .rel = "directory"};
	assert_int_equal(path_to_guest(&table, &root, &cwd, guest, sizeof(guest)), -ENOENT);
}

static void the_resolver_needs_nothing_from_libc(void **state)
{
	(void)state;
	if (access("core/path/resolve.c", R_OK) < 0 || system("command -v cc ld nm >/dev/null"))
		skip();
	assert_int_equal(system("set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT\n"
				"for f in resolve fast walk link table table_change position; do\n"
				"cc -std=gnu11 -D_GNU_SOURCE -O2 -I. -ffreestanding -nostdlib "
				"-fno-stack-protector -c core/path/$f.c -o $d/$f.o; done\n"
				"ld -r -o $d/all.o $d/*.o; test -z \"$(nm -u $d/all.o)\""),
			 0);
}

#define path_test(name) cmocka_unit_test_setup(name, set_up_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		path_test(a_plain_path_costs_one_open_path),
		path_test(a_missing_plain_path_costs_one_open_path),
		path_test(the_root_and_an_empty_path_cost_nothing),
		path_test(a_new_file_costs_two_open_path),
		path_test(a_parent_costs_one_open_path_and_the_root_as_parent_none),
		path_test(a_path_into_a_mount_costs_one_more),
		path_test(a_symlink_that_is_not_followed_costs_two),
		path_test(one_symlink_at_the_start_costs_three),
		path_test(a_wanted_fd_is_the_one_that_resolving_opened),
		path_test(a_refused_openat2_is_asked_once),
		path_test(symlinks_never_leave_the_root),
		path_test(dotdot_stops_at_the_process_root),
		path_test(a_base_that_is_a_symlink_is_no_directory),
		path_test(forty_symlinks_are_followed_and_no_more),
		path_test(a_trailing_slash_wants_a_directory_and_follows),
		path_test(a_dangling_symlink_names_what_creating_would_make),
		path_test(creating_with_a_trailing_slash_is_left_to_the_kernel_to_refuse),
		path_test(a_parent_lookup_does_not_touch_the_last_component),
		path_test(a_parent_lookup_of_dots_names_nothing_removable),
		path_test(lengths_have_the_kernels_limits),
		path_test(a_deleted_directory_has_dots_but_no_names),
		path_test(openat2_rules_hold),
		path_test(mounts_are_crossed_in_both_directions),
		path_test(a_mount_belongs_to_its_parent_mount_not_to_a_path),
		path_test(the_newest_mount_covers_and_uncovers),
		path_test(a_file_can_be_a_mount_and_is_no_directory),
		path_test(a_mount_on_the_root_is_the_guests_root),
		path_test(five_hundred_mounts_are_told_apart),
		path_test(proc_links_mean_what_the_guest_would_see),
		path_test(an_opaque_proc_link_is_followed_by_the_kernel_only),
		path_test(host_paths_come_back_as_positions),
		path_test(a_covered_place_is_the_last_choice_for_a_host_path),
		path_test(the_hosts_own_root_can_be_mounted),
		path_test(a_place_outside_the_root_has_no_guest_path),
		path_test(the_resolver_needs_nothing_from_libc),
	};

	return cmocka_run_group_tests(tests, set_up_tree, remove_tree);
}
