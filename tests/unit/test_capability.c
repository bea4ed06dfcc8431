// SPDX-License-Identifier: Apache-2.0
/* File capabilities as they are kept: by the inode, until it is written to. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/store/capability.h"

#define ROOT 4711 /* the host user that is root inside */

static char path[] = "/var/tmp/amphora-capability.XXXXXX";
static struct stat status;
static struct record_file file;
static const char value[XATTR_CAPS_SZ_2] = { 1, 0, 0, 2, 0, 0x20 };

static int setup(void **state)
{
	(void)state;
	file = (struct record_file){ .status = &status, .fd = mkstemp(path) };
	return file.fd < 0 || fstat(file.fd, &status) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(file.fd);
	unlink(path);
	memcpy(strrchr(path, '.'), ".XXXXXX", sizeof(".XXXXXX"));
	return 0;
}

/* What is found now. */
static int get(unsigned char *found)
{
	assert_int_equal(fstat(file.fd, &status), 0);
	return capability_get(&file, ROOT, found);
}

static void need_user_xattrs(void)
{
	if (setxattr(path, "user.amphora.test", "", 0, 0) < 0)
		skip();
}

static void what_is_set_is_found_until_it_is_removed(void **state)
{
	unsigned char found[CAPABILITY_VALUE_MAX];

	(void)state;
	need_user_xattrs();
	assert_int_equal(get(found), -ENODATA);
	assert_false(capability_is_likely(&file));
	assert_int_equal(capability_set(&file, value, sizeof(value)), 0);
	assert_true(capability_is_likely(&file) && capability_is_stamped(&file));
	assert_int_equal(get(found), sizeof(value));
	assert_memory_equal(found, value, sizeof(value));
	assert_int_equal(capability_remove(&file), 0);
	assert_int_equal(get(found), -ENODATA);
	assert_false(capability_is_likely(&file) || capability_is_stamped(&file));
	assert_int_equal(capability_remove(&file), 0);
}

static void a_write_takes_them_away_and_new_times_do_not_bring_them_back(void **state)
{
	const struct timespec times[2] = { { 5, 5 }, { 5, 5 } };
	unsigned char found[CAPABILITY_VALUE_MAX];

	(void)state;
	need_user_xattrs();
	assert_int_equal(capability_set(&file, value, sizeof(value)), 0);
	assert_int_equal(write(file.fd, "x", 1), 1);
	assert_int_equal(get(found), -ENODATA);

	assert_int_equal(capability_set(&file, value, sizeof(value)), 0);
	assert_int_equal(futimens(file.fd, times), 0);
	assert_int_equal(get(found), -ENODATA);
	assert_int_equal(capability_renew(&file), 0);
	assert_int_equal(get(found), sizeof(value));
}

static void a_stamp_fits_whole_seconds_and_nothing_else(void **state)
{
	struct stat at = { .st_mtim = { 1700000000, 123 }, .st_size = 7 };
	char text[CAPABILITY_STAMP_TEXT_MAX];

	(void)state;
	capability_stamp_format(&at, text);
	assert_string_equal(text, "1700000000.000000123:7");
	assert_true(capability_stamp_fits(text, &at));
	at.st_mtim.tv_nsec = 0;
	assert_true(capability_stamp_fits(text, &at));
	at.st_mtim.tv_nsec = 124;
	assert_false(capability_stamp_fits(text, &at));
	at.st_mtim.tv_nsec = 123;
	at.st_size = 8;
	assert_false(capability_stamp_fits(text, &at));
	at.st_size = 7;
	assert_false(capability_stamp_fits("1700000000.000000123:7x", &at));
	assert_false(capability_stamp_fits("1700000000.000000123", &at));
	assert_false(capability_stamp_fits("", &at));
}

static void another_programs_value_has_no_stamp_and_counts(void **state)
{
	unsigned char found[CAPABILITY_VALUE_MAX];

	(void)state;
	need_user_xattrs();
	assert_int_equal(setxattr(path, CAPABILITY_XATTR, value, sizeof(value), 0), 0);
	assert_int_equal(write(file.fd, "x", 1), 1);
	assert_int_equal(get(found), sizeof(value));
	assert_int_equal(setxattr(path, CAPABILITY_XATTR, path, sizeof(path), 0), 0);
	assert_int_equal(get(found), -ERANGE);
}

static void a_files_own_are_shown_and_can_be_hidden(void **state)
{
	struct vfs_ns_cap_data own = { .magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE, .rootid = ROOT };
	unsigned char found[CAPABILITY_VALUE_MAX];

	(void)state;
	need_user_xattrs();
	if (setxattr(path, CAPABILITY_REAL_XATTR, &own, sizeof(own), 0) < 0)
		skip(); /* only root can */
	assert_int_equal(get(found), XATTR_CAPS_SZ_2);
	assert_int_equal(found[0] | found[3] << 8, 1 | 2 << 8);
	assert_int_equal(capability_get(&file, ROOT + 1, found), XATTR_CAPS_SZ_3);
	assert_int_equal(capability_remove(&file), 0);
	assert_int_equal(get(found), -ENODATA);
	assert_int_equal(capability_get_real(&file, found), XATTR_CAPS_SZ_3);
	assert_int_equal(capability_set(&file, value, sizeof(value)), 0);
	assert_int_equal(get(found), sizeof(value));
	assert_memory_equal(found, value, sizeof(value));
}

static void a_file_that_its_owner_may_not_write_is_no_obstacle(void **state)
{
	unsigned char found[CAPABILITY_VALUE_MAX];

	(void)state;
	need_user_xattrs();
	assert_int_equal(fchmod(file.fd, 0555), 0);
	assert_int_equal(fstat(file.fd, &status), 0);
	assert_int_equal(capability_set(&file, value, sizeof(value)), 0);
	assert_int_equal(get(found), sizeof(value));
	assert_int_equal(status.st_mode & 07777, 0555);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_is_found_until_it_is_removed),
		TEST(a_write_takes_them_away_and_new_times_do_not_bring_them_back),
		TEST(a_stamp_fits_whole_seconds_and_nothing_else),
		TEST(another_programs_value_has_no_stamp_and_counts),
		TEST(a_files_own_are_shown_and_can_be_hidden),
		TEST(a_file_that_its_owner_may_not_write_is_no_obstacle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
