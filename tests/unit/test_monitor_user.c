// SPDX-License-Identifier: Apache-2.0
/* Who the first process is, from the guest's passwd and group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/monitor/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "short:x:5\n"
			     "bad:x:12x:1:::/bin/sh\n"
			     "wrapped:x:4294967296:0::/:/bin/sh\n"
			     "alice:x:1000:100:Alice:/home/alice:/bin/sh\n"
			     "homeless:x:1001:100:::\n"
			     "relative:x:1002:100::home:/bin/sh\n"
			     "ali:x:7:7::/ali:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "users:x:100:alice\n"
			    "audio:x:29:bob,alice\n"
			    "prefix:x:30:alicex,xalice,ali\n"
			    "video:x:44:alice,bob\n"
			    "bad:x:zz:alice\n";

static void *memory;
static struct error err;

static int resolve(const char *text, struct user_identity *ret_user)
{
	struct user_request request;
	int result = user_request_parse(memory, text, &request, &err);

	return result < 0 ? result
			  : user_resolve(memory, &request, passwd, group, ret_user, &err);
}

static int set_up(void **state)
{
	(void)state;
	memory = talloc_new(NULL);
	err = ERROR_INIT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	talloc_free(memory);
	return 0;
}

static void a_name_gives_uid_gid_home_and_groups(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("alice", &user), 0);
	assert_int_equal(user.uid, 1000);
	assert_int_equal(user.gid, 100);
	assert_string_equal(user.home, "/home/alice");
	assert_int_equal(user.group_count, 3);
	assert_int_equal(user.groups[0], 100);
	assert_int_equal(user.groups[1], 29);
	assert_int_equal(user.groups[2], 44);
}

static void a_known_number_is_the_same_as_its_name(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("1000", &user), 0);
	assert_int_equal(user.gid, 100);
	assert_int_equal(user.group_count, 3);
	assert_string_equal(user.home, "/home/alice");
}

static void an_unknown_number_is_taken_as_it_is(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("4242", &user), 0);
	assert_int_equal(user.uid, 4242);
	assert_int_equal(user.gid, 0);
	assert_int_equal(user.group_count, 0);
	assert_string_equal(user.home, "/");
}

static void a_group_that_is_given_replaces_all_others(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("alice:audio", &user), 0);
	assert_int_equal(user.gid, 29);
	assert_int_equal(user.group_count, 0);
	assert_int_equal(resolve("1000:5", &user), 0);
	assert_int_equal(user.uid, 1000);
	assert_int_equal(user.gid, 5);
	assert_string_equal(user.home, "/home/alice");
}

static void an_unknown_name_is_an_error_that_names_it(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("mallory", &user), -ENOENT);
	assert_non_null(strstr(err.message, "mallory"));
	assert_true(err.hint[0]);
	assert_int_equal(resolve("alice:nosuch", &user), -ENOENT);
	assert_non_null(strstr(err.message, "nosuch"));
}

static void a_prefix_of_a_name_is_not_the_name(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("ali", &user), 0);
	assert_int_equal(user.uid, 7);
	assert_int_equal(user.group_count, 1);
	assert_int_equal(user.groups[0], 30);
}

static void lines_that_are_not_entries_are_skipped(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("short", &user), -ENOENT);
	assert_int_equal(resolve("bad", &user), -ENOENT);
	assert_int_equal(resolve("wrapped", &user), -ENOENT);
}

static void a_home_that_is_no_absolute_path_is_the_root(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(resolve("homeless", &user), 0);
	assert_string_equal(user.home, "/");
	assert_int_equal(resolve("relative", &user), 0);
	assert_string_equal(user.home, "/");
}

/* A root directory whose /etc/passwd is what `make` makes of it. */
static int look_up_in(int (*make)(const char *path), struct user_identity *ret_user)
{
	char directory[] = "/tmp/amphora-test-XXXXXX", path[128];
	int root, result;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/etc", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/etc/passwd", directory);
	assert_int_equal(make(path), 0);
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	result = user_lookup(memory, root, "root", ret_user, &err);
	close(root);
	file_remove_tree(AT_FDCWD, directory);
	return result;
}

static int make_nothing(const char *path)
{
	(void)path;
	return 0;
}

static int make_fifo(const char *path)
{
	return mkfifo(path, 0644);
}

static int make_host_symlink(const char *path)
{
	return symlink("/etc/passwd", path);
}

static int make_climbing_symlink(const char *path)
{
	return symlink("../../../../../../etc/passwd", path);
}

static int make_huge(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	int result = fd < 0 ? -1 : ftruncate(fd, 64 * 1024 * 1024);

	close(fd);
	return result;
}

static void a_root_without_passwd_knows_no_names(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(look_up_in(make_nothing, &user), -ENOENT);
}

static void a_fifo_for_passwd_neither_blocks_nor_counts(void **state)
{
	struct user_identity user;

	(void)state;
	alarm(10);
	assert_true(look_up_in(make_fifo, &user) < 0);
	alarm(0);
}

static void a_symlink_does_not_lead_to_the_passwd_of_the_host(void **state)
{
	struct user_identity user;

	(void)state;
	assert_true(look_up_in(make_host_symlink, &user) < 0);
	assert_true(look_up_in(make_climbing_symlink, &user) < 0);
}

static void a_passwd_of_64_mebibytes_is_refused(void **state)
{
	struct user_identity user;

	(void)state;
	assert_int_equal(look_up_in(make_huge, &user), -EFBIG);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_gives_uid_gid_home_and_groups),
		TEST(a_known_number_is_the_same_as_its_name),
		TEST(an_unknown_number_is_taken_as_it_is),
		TEST(a_group_that_is_given_replaces_all_others),
		TEST(an_unknown_name_is_an_error_that_names_it),
		TEST(a_prefix_of_a_name_is_not_the_name),
		TEST(lines_that_are_not_entries_are_skipped),
		TEST(a_home_that_is_no_absolute_path_is_the_root),
		TEST(a_root_without_passwd_knows_no_names),
		TEST(a_fifo_for_passwd_neither_blocks_nor_counts),
		TEST(a_symlink_does_not_lead_to_the_passwd_of_the_host),
		TEST(a_passwd_of_64_mebibytes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
