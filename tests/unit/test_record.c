// SPDX-License-Identifier: Apache-2.0
/* Remembered ownership: what is set is found again, wherever the file went meanwhile. */
#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tests/unit/record_place.h"

static void the_text_is_that_of_containers_storage(void **state)
{
	static const struct {
		struct record_entry entry;
		const char *text;
	} cases[] = {
		{ { 0, 0, S_IFREG | 0755, 0 }, "0:0:0755:file" },
		{ { 1000, 4, S_IFDIR | 01777, 0 }, "1000:4:1777:dir" },
		{ { 7, 8, S_IFLNK | 0777, 0 }, "7:8:0777:symlink" },
		{ { 0, 0, S_IFIFO | 0600, 0 }, "0:0:0600:pipe" },
		{ { 0, 0, S_IFSOCK, 0 }, "0:0:0000:socket" },
		{ { 0, 6, S_IFBLK | 0660, 0 }, "0:6:0660:block-8-300" },
		{ { 0, 0, S_IFCHR | 04666, 0 }, "0:0:4666:char-8-300" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record_entry entry = cases[i].entry, parsed;
		char text[RECORD_TEXT_SIZE];

		if (S_ISBLK(entry.mode) || S_ISCHR(entry.mode))
			entry.rdev = makedev(8, 300);
		assert_int_equal(record_format(&entry, text, sizeof(text)),
				 strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(record_parse(text, strlen(text), S_IFREG, &parsed), 0);
		assert_int_equal(parsed.uid, entry.uid);
		assert_int_equal(parsed.gid, entry.gid);
		assert_int_equal(parsed.mode, entry.mode);
		assert_int_equal(parsed.rdev, entry.rdev);
	}
}

static void a_text_without_a_type_keeps_the_real_one(void **state)
{
	struct record_entry entry;

	(void)state;
	assert_int_equal(record_parse("1:2:755", 7, S_IFDIR | 0700, &entry), 0);
	assert_int_equal(entry.mode, S_IFDIR | 0755);
	assert_int_equal(record_parse("1:2:0100640", 11, S_IFREG, &entry), 0);
	assert_int_equal(entry.mode, S_IFREG | 0640);
}

static void nonsense_is_not_a_record(void **state)
{
	static const char *const texts[] = {
		"", ":", "0", "0:0", "0:0:", "0:0:0888", "-1:0:0644", "4294967295:0:0644",
		"0:0:0644:", "0:0:0644:door", "0:0:0644:filex", "0:0:0644:block",
		"0:0:0644:block-8",
		"0:0:0644:block-8-", "0:0:0644:char-8-0-1", "99999999999999999999:0:0644",
		" 0:0:0644", "0:0:0644 ", "0:0:7777777:file",
	};
	struct record_entry entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(record_parse(texts[i], strlen(texts[i]), S_IFREG, &entry),
				 -EINVAL);
	assert_int_equal(record_parse("0:0:0644\0:dir", 13, S_IFREG, &entry), -EINVAL);
}

static void an_owner_is_found_again_in_the_next_run(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct record_entry entry;
	char text[64] = "";

	make_file("file");
	assert_nothing(record, "file");
	set(record, "file", 33, 34, S_IFREG | 04711);
	assert_owner(record, "file", 33, 34);
	assert_int_equal(record_count(record), 1);
	talloc_free(record);

	assert_true(getxattr("file", RECORD_XATTR, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "33:34:4711:file");
	record = open_record(place);
	assert_owner(record, "file", 33, 34);
	get(record, "file", &entry);
	assert_int_equal(entry.mode, S_IFREG | 04711);
	talloc_free(record);
}

static void a_symlink_has_an_owner_too(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);

	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	set(record, "link", 5, 6, S_IFLNK | 0777);
	set(record, "fifo", 7, 8, S_IFIFO | 0620);
	talloc_free(record);
	record = open_record(place);
	assert_owner(record, "link", 5, 6);
	assert_owner(record, "fifo", 7, 8);
	talloc_free(record);
}

static void what_is_cleared_is_gone(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct held held;
	char text[64];

	make_file("file");
	assert_int_equal(symlink("nowhere", "link"), 0);
	set(record, "file", 1, 1, S_IFREG | 0644);
	set(record, "link", 1, 1, S_IFLNK | 0777);
	hold("file", &held);
	assert_int_equal(record_clear(record, &held.file), 0);
	close(held.file.fd);
	hold("link", &held);
	assert_int_equal(record_clear(record, &held.file), 0);
	close(held.file.fd);
	assert_nothing(record, "file");
	assert_nothing(record, "link");
	assert_int_equal(getxattr("file", RECORD_XATTR, text, sizeof(text)), -1);
	talloc_free(record);
	record = open_record(place);
	assert_nothing(record, "file");
	assert_nothing(record, "link");
	assert_int_equal(record_count(record), 0);
	talloc_free(record);
}

static void a_removed_file_is_forgotten(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct held held;

	assert_int_equal(symlink("nowhere", "link"), 0);
	set(record, "link", 1, 1, S_IFLNK | 0777);
	hold("link", &held);
	assert_true(record_has(record, held.status.st_dev, held.status.st_ino));
	assert_int_equal(record_forget(record, held.status.st_dev, held.status.st_ino), 0);
	assert_false(record_has(record, held.status.st_dev, held.status.st_ino));
	close(held.file.fd);
	talloc_free(record);
	record = open_record(place);
	assert_nothing(record, "link");
	talloc_free(record);
}

static void a_recycled_inode_inherits_nothing(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct stat before, after;
	int tries = 0;

	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_int_equal(lstat("link", &before), 0);
	set(record, "link", 1, 1, S_IFLNK | 0777);
	assert_int_equal(unlink("link"), 0);
	do {
		char name[32];

		snprintf(name, sizeof(name), "link%d", tries);
		assert_int_equal(symlink("nowhere", name), 0);
		assert_int_equal(lstat(name, &after), 0);
		if (after.st_ino == before.st_ino)
			assert_nothing(record, name);
	} while (after.st_ino != before.st_ino && ++tries < 200);
	talloc_free(record);
	if (after.st_ino != before.st_ino)
		skip(); /* this file system doesn't recycle soon */
}

static void a_read_only_file_of_a_user_can_have_one(void **state)
{
	const struct place *place = *state;
	struct stat status;
	pid_t child;
	int result;

	make_file("file");
	assert_int_equal(chmod("file", 0444), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown("file", 65534, 65534), 0);
		assert_int_equal(chown(place->directory, 65534, 65534), 0);
	}
	child = fork();
	if (child == 0) {
		struct record *record;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		record = open_record(place);
		set(record, "file", 9, 9, S_IFREG | 0444);
		talloc_free(record);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(result, 0);
	assert_int_equal(stat("file", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0444);
	assert_true(getxattr("file", RECORD_XATTR, NULL, 0) > 0);
}

static void a_record_made_by_other_tools_is_read(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct record_entry entry;

	make_file("null");
	assert_int_equal(mkdir("directory", 0700), 0);
	assert_int_equal(setxattr("null", RECORD_XATTR, "0:6:0660:char-1-3", 17, 0), 0);
	assert_int_equal(setxattr("directory", RECORD_XATTR, "10:11:0755", 10, 0), 0);
	assert_int_equal(get(record, "null", &entry), 1);
	assert_int_equal(entry.mode, S_IFCHR | 0660);
	assert_int_equal(entry.rdev, makedev(1, 3));
	assert_int_equal(get(record, "directory", &entry), 1);
	assert_int_equal(entry.mode, S_IFDIR | 0755);
	/* And it is noticed when they change their mind. */
	assert_int_equal(setxattr("directory", RECORD_XATTR, "20:21:0755", 10, 0), 0);
	assert_owner(record, "directory", 20, 21);
	assert_int_equal(removexattr("directory", RECORD_XATTR), 0);
	assert_nothing(record, "directory");
	talloc_free(record);
}

static void an_absence_is_no_longer_believed_once_the_file_changes(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);

	make_file("file");
	usleep(50000); /* the timestamp settles */
	assert_nothing(record, "file");
	assert_nothing(record, "file");
	assert_int_equal(setxattr("file", RECORD_XATTR, "1:2:0644:file", 13, 0), 0);
	assert_owner(record, "file", 1, 2);
	talloc_free(record);
}

static void a_proven_rootfs_is_believed(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct record_entry entry;
	struct held held;
	char host[128];

	assert_int_equal(mkdir("d", 0755), 0);
	make_file("d/foreign");
	make_file("plain");
	assert_int_equal(setxattr("d/foreign", RECORD_XATTR, "7:7:0644:file", 13, 0), 0);
	assert_false(record_proven(record));
	assert_int_equal(record_prove(record, NULL), 0);
	assert_true(record_proven(record));
	talloc_free(record);

	record = open_record(place);
	assert_true(record_proven(record));
	assert_owner(record, "d/foreign", 7, 7);
	/* No system call tells about a file that isn't in the index: an xattr that was put there
	 * behind our back isn't seen, in a place named by its path below the rootfs. */
	assert_int_equal(setxattr("plain", RECORD_XATTR, "8:8:0644:file", 13, 0), 0);
	hold("plain", &held);
	snprintf(host, sizeof(host), "%s/plain", place->rootfs);
	held.file.host = host;
	assert_int_equal(record_get(record, &held.file, &entry), 0);
	close(held.file.fd);
	talloc_free(record);

	/* Without the mark, or with another's, it counts as foreign. */
	assert_int_equal(removexattr(place->rootfs, RECORD_MARKER_XATTR), 0);
	record = open_record(place);
	assert_false(record_proven(record));
	assert_owner(record, "plain", 8, 8);
	talloc_free(record);
}

static void a_rootfs_that_moved_keeps_what_its_files_carry(void **state)
{
	struct place *place = *state;
	struct record *record = open_record(place);
	char moved[96];

	make_file("file");
	set(record, "file", 12, 13, S_IFREG | 0640);
	assert_int_equal(record_prove(record, NULL), 0);
	talloc_free(record);
	snprintf(moved, sizeof(moved), "%s/moved", place->directory);
	assert_int_equal(rename(place->rootfs, moved), 0);
	strcpy(place->rootfs, moved);
	strcat(place->sidecar, "2");
	record = open_record(place);
	assert_false(record_proven(record));
	assert_owner(record, "file", 12, 13);
	talloc_free(record);
}

static void without_a_sidecar_files_still_remember(void **state)
{
	const struct place *place = *state;
	struct record_entry entry = { .uid = 1, .gid = 1, .mode = S_IFLNK | 0777 };
	struct record *record;
	struct held held;

	make_file("file");
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_int_equal(record_open(NULL, NULL, place->rootfs, &record, NULL), 0);
	set(record, "file", 1, 1, S_IFREG | 0644);
	hold("link", &held);
	assert_true(record_set(record, &held.file, &entry) < 0); /* kept, but only until close */
	close(held.file.fd);
	assert_owner(record, "link", 1, 1);
	talloc_free(record);
	assert_int_equal(record_open(NULL, NULL, place->rootfs, &record, NULL), 0);
	assert_owner(record, "file", 1, 1);
	assert_nothing(record, "link");
	talloc_free(record);
}

static void many_records_are_as_good_as_few(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);

	for (unsigned i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%u", i);
		make_file(name);
		set(record, name, i, i + 1, S_IFREG | 0644);
	}
	talloc_free(record);
	record = open_record(place);
	assert_int_equal(record_count(record), 3000);
	for (unsigned i = 0; i < 3000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%u", i);
		assert_owner(record, name, i, i + 1);
	}
	talloc_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_that_of_containers_storage),
		cmocka_unit_test(a_text_without_a_type_keeps_the_real_one),
		cmocka_unit_test(nonsense_is_not_a_record),
		IN_A_PLACE(an_owner_is_found_again_in_the_next_run),
		IN_A_PLACE(a_symlink_has_an_owner_too),
		IN_A_PLACE(what_is_cleared_is_gone),
		IN_A_PLACE(a_removed_file_is_forgotten),
		IN_A_PLACE(a_recycled_inode_inherits_nothing),
		IN_A_PLACE(a_read_only_file_of_a_user_can_have_one),
		IN_A_PLACE(a_record_made_by_other_tools_is_read),
		IN_A_PLACE(an_absence_is_no_longer_believed_once_the_file_changes),
		IN_A_PLACE(a_proven_rootfs_is_believed),
		IN_A_PLACE(a_rootfs_that_moved_keeps_what_its_files_carry),
		IN_A_PLACE(without_a_sidecar_files_still_remember),
		IN_A_PLACE(many_records_are_as_good_as_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
