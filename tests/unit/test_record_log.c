// SPDX-License-Identifier: Apache-2.0
/* The record's sidecar file: damage, death and company. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/record_place.h"

#define LINE_SIZE 64

static void a_torn_last_line_costs_only_itself(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	struct stat status;

	for (int i = 0; i < 3; i++) {
		char name[2] = { (char)('a' + i), 0 };

		assert_int_equal(symlink("nowhere", name), 0);
		set(record, name, 10 + (uid_t)i, 1, S_IFLNK | 0777);
	}
	talloc_free(record);
	assert_int_equal(stat(place->sidecar, &status), 0);
	assert_int_equal(status.st_size, 4 * LINE_SIZE);
	assert_int_equal(truncate(place->sidecar, status.st_size - 10), 0);

	record = open_record(place);
	assert_owner(record, "a", 10, 1);
	assert_owner(record, "b", 11, 1);
	assert_nothing(record, "c");
	set(record, "c", 99, 1, S_IFLNK | 0777);
	talloc_free(record);
	record = open_record(place);
	assert_owner(record, "b", 11, 1);
	assert_owner(record, "c", 99, 1);
	talloc_free(record);
}

static void a_damaged_line_costs_only_itself(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place);
	int fd;

	assert_int_equal(symlink("nowhere", "a"), 0);
	assert_int_equal(symlink("nowhere", "b"), 0);
	set(record, "a", 10, 1, S_IFLNK | 0777);
	set(record, "b", 11, 1, S_IFLNK | 0777);
	talloc_free(record);
	fd = open(place->sidecar, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, LINE_SIZE + 5), 1);
	close(fd);
	record = open_record(place);
	assert_nothing(record, "a");
	assert_owner(record, "b", 11, 1);
	talloc_free(record);
}

static void a_file_that_is_no_record_is_put_aside(void **state)
{
	const struct place *place = *state;
	struct record *record;
	char aside[96], garbage[300];
	int fd = open(place->sidecar, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(garbage, 'g', sizeof(garbage));
	assert_int_equal(file_write_fd(fd, garbage, sizeof(garbage)), 0);
	close(fd);
	record = open_record(place);
	assert_int_equal(symlink("nowhere", "a"), 0);
	set(record, "a", 10, 1, S_IFLNK | 0777);
	assert_owner(record, "a", 10, 1);
	talloc_free(record);
	snprintf(aside, sizeof(aside), "%s.damaged", place->sidecar);
	assert_int_equal(access(aside, F_OK), 0);
}

static void another_container_sees_it_at_once(void **state)
{
	const struct place *place = *state;
	struct record *first = open_record(place), *second = open_record(place);
	struct held held;

	make_file("file");
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_nothing(second, "link");
	set(first, "link", 3, 3, S_IFLNK | 0777);
	assert_owner(second, "link", 3, 3);
	set(second, "file", 4, 4, S_IFREG | 0600);
	assert_owner(first, "file", 4, 4);
	set(first, "file", 5, 5, S_IFREG | 0600);
	assert_owner(second, "file", 5, 5);
	hold("link", &held);
	assert_int_equal(record_clear(second, &held.file), 0);
	close(held.file.fd);
	assert_nothing(first, "link");
	talloc_free(first);
	talloc_free(second);
}

#define WRITERS	 4
#define PER_WRITER 400

static void writers_at_the_same_time_lose_nothing(void **state)
{
	const struct place *place = *state;
	struct record *record;
	pid_t children[WRITERS];
	int status;

	for (unsigned w = 0; w < WRITERS; w++) {
		children[w] = fork();
		if (children[w] != 0)
			continue;
		record = open_record(place);
		for (unsigned i = 0; i < PER_WRITER; i++) {
			char name[32];

			snprintf(name, sizeof(name), "w%u-%u", w, i);
			if (symlink("nowhere", name) < 0)
				_exit(1);
			set(record, name, w, i, S_IFLNK | 0777);
		}
		talloc_free(record);
		_exit(0);
	}
	for (unsigned w = 0; w < WRITERS; w++) {
		assert_int_equal(waitpid(children[w], &status, 0), children[w]);
		assert_int_equal(status, 0);
	}
	record = open_record(place);
	assert_int_equal(record_count(record), WRITERS * PER_WRITER);
	for (unsigned w = 0; w < WRITERS; w++)
		for (unsigned i = 0; i < PER_WRITER; i++) {
			char name[32];

			snprintf(name, sizeof(name), "w%u-%u", w, i);
			assert_owner(record, name, w, i);
		}
	talloc_free(record);
}

static void a_killed_writer_leaves_a_usable_record(void **state)
{
	const struct place *place = *state;
	struct record *record = open_record(place), *after;

	assert_int_equal(symlink("nowhere", "mine"), 0);
	for (unsigned round = 0; round < 20; round++) {
		int status;
		pid_t child;

		assert_int_equal(symlink("nowhere", "theirs"), 0);
		child = fork();
		if (child == 0) {
			struct record *own = open_record(place);

			for (uid_t i = 0;; i++)
				set(own, "theirs", i, round, S_IFLNK | 0777);
		}
		usleep(1000 + 500 * round);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		/* Whatever it was doing, nobody waits for its lock and its last word is whole. */
		set(record, "mine", round, round, S_IFLNK | 0777);
		assert_owner(record, "mine", round, round);
		after = open_record(place);
		assert_owner(after, "mine", round, round);
		talloc_free(after);
		assert_int_equal(unlink("theirs"), 0);
	}
	talloc_free(record);
}

static void a_log_of_dead_lines_shrinks_under_its_users(void **state)
{
	const struct place *place = *state;
	struct record *old = open_record(place), *fresh;
	struct stat before, after;

	assert_int_equal(symlink("nowhere", "a"), 0);
	assert_int_equal(symlink("nowhere", "b"), 0);
	assert_int_equal(symlink("nowhere", "c"), 0);
	set(old, "b", 2, 2, S_IFLNK | 0777);
	for (uid_t i = 0; i < 1500; i++)
		set(old, "a", i, 1, S_IFLNK | 0777);
	assert_int_equal(stat(place->sidecar, &before), 0);
	fresh = open_record(place);
	assert_int_equal(stat(place->sidecar, &after), 0);
	assert_true(before.st_size > 1500 * LINE_SIZE);
	assert_int_equal(after.st_size, 3 * LINE_SIZE);
	assert_owner(fresh, "a", 1499, 1);
	assert_owner(fresh, "b", 2, 2);
	/* The older one goes on with the new file, reading and writing. */
	set(fresh, "b", 3, 3, S_IFLNK | 0777);
	assert_owner(old, "b", 3, 3);
	set(old, "c", 4, 4, S_IFLNK | 0777);
	assert_owner(fresh, "c", 4, 4);
	assert_owner(old, "a", 1499, 1);
	talloc_free(old);
	talloc_free(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(a_torn_last_line_costs_only_itself),
		IN_A_PLACE(a_damaged_line_costs_only_itself),
		IN_A_PLACE(a_file_that_is_no_record_is_put_aside),
		IN_A_PLACE(another_container_sees_it_at_once),
		IN_A_PLACE(writers_at_the_same_time_lose_nothing),
		IN_A_PLACE(a_killed_writer_leaves_a_usable_record),
		IN_A_PLACE(a_log_of_dead_lines_shrinks_under_its_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
