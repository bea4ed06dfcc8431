// SPDX-License-Identifier: Apache-2.0
/* The claim on a container's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/monitor/state.h"

static char base[64], path[256];
static void *memory;
static struct error err;

static int set_up(void **state)
{
	(void)state;
	strcpy(base, "/tmp/amphora-test-XXXXXX");
	memory = talloc_new(NULL);
	err = ERROR_INIT;
	return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	talloc_free(memory);
	return file_remove_tree(AT_FDCWD, base);
}

static const char *in_base(const char *name)
{
	snprintf(path, sizeof(path), "%s/containers/%s", base, name);
	return path;
}

static bool exists(const char *name)
{
	return access(in_base(name), F_OK) == 0;
}

/* A monitor that claims `name`, leaves a file and is killed. */
static void claim_and_die(const char *name)
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct state *state;

		if (state_claim(memory, base, name, &state, &err) == 0 &&
		    chdir(state_path(state)) == 0)
			mkdir("rubbish", 0700);
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
}

static void a_claim_makes_a_private_directory(void **state)
{
	struct state *claimed;
	struct stat status;

	(void)state;
	assert_int_equal(state_claim(memory, base, "one", &claimed, &err), 0);
	assert_string_equal(state_path(claimed), in_base("one"));
	assert_int_equal(stat(state_path(claimed), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	state_remove(claimed);
	assert_false(exists("one"));
}

static void a_name_in_use_is_refused(void **state)
{
	struct state *first, *second;

	(void)state;
	assert_int_equal(state_claim(memory, base, "one", &first, &err), 0);
	assert_int_equal(state_claim(memory, base, "one", &second, &err), -EEXIST);
	assert_non_null(strstr(err.message, "'one' is in use"));
	state_remove(first);
	assert_int_equal(state_claim(memory, base, "one", &second, &err), 0);
	state_remove(second);
}

static void a_dead_monitors_name_is_taken_over_empty(void **state)
{
	struct state *claimed;

	(void)state;
	claim_and_die("one");
	assert_true(exists("one/rubbish"));
	assert_int_equal(state_claim(memory, base, "one", &claimed, &err), 0);
	assert_false(exists("one/rubbish"));
	state_remove(claimed);
}

static void what_the_dead_left_is_swept_by_the_next(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct state *live, *claimed;

	(void)state;
	claim_and_die("dead");
	claim_and_die("fresh");
	assert_int_equal(state_claim(memory, base, "live", &live, &err), 0);
	assert_int_equal(utimensat(AT_FDCWD, in_base("dead"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, in_base("live"), old, 0), 0);
	assert_int_equal(state_claim(memory, base, "one", &claimed, &err), 0);
	assert_false(exists("dead"));
	assert_true(exists("fresh")); /* it may be one that is being claimed */
	assert_true(exists("live"));
	state_remove(claimed);
	state_remove(live);
}

static void a_name_that_is_a_path_is_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/b", "../../x", ".hidden"};
	struct state *claimed;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(state_claim(memory, base, names[i], &claimed, &err) < 0);
}

static void a_symlink_in_place_of_the_directory_is_refused(void **state)
{
	struct state *claimed;

	(void)state;
	assert_int_equal(state_claim(memory, base, "one", &claimed, &err), 0);
	state_remove(claimed);
	assert_int_equal(symlink("/tmp", in_base("two")), 0);
	assert_true(state_claim(memory, base, "two", &claimed, &err) < 0);
}

static void a_directory_open_to_others_is_refused(void **state)
{
	struct state *claimed;

	(void)state;
	assert_int_equal(state_claim(memory, base, "one", &claimed, &err), 0);
	state_remove(claimed);
	assert_int_equal(mkdir(in_base("two"), 0700), 0);
	assert_int_equal(chmod(in_base("two"), 0770), 0);
	assert_int_equal(state_claim(memory, base, "two", &claimed, &err), -EPERM);
}

/* Many at once: each claim succeeds for one only, and the directory is whole while it is held. */
static void a_race_for_one_name_has_one_winner_at_a_time(void **state)
{
	int failures = 0, status;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid)
			continue;
		for (int round = 0; round < 200; round++) {
			struct state *claimed;
			int result = state_claim(memory, base, "one", &claimed, &err);

			if (result == -EEXIST)
				continue;
			if (result < 0 || mkdir(in_base("one/mine"), 0700) < 0 ||
			    rmdir(in_base("one/mine")) < 0)
				_exit(1);
			state_remove(claimed);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		failures += status != 0;
	assert_int_equal(failures, 0);
}

static void a_process_has_one_start_time(void **state)
{
	unsigned long long first = 0, second = 0;

	(void)state;
	assert_int_equal(state_process_start_time(getpid(), &first), 0);
	assert_int_equal(state_process_start_time(getpid(), &second), 0);
	assert_true(first > 0);
	assert_int_equal(first, second);
	assert_true(state_process_start_time(0x7ffffff0, &first) < 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_claim_makes_a_private_directory),
		TEST(a_name_in_use_is_refused),
		TEST(a_dead_monitors_name_is_taken_over_empty),
		TEST(what_the_dead_left_is_swept_by_the_next),
		TEST(a_name_that_is_a_path_is_refused),
		TEST(a_symlink_in_place_of_the_directory_is_refused),
		TEST(a_directory_open_to_others_is_refused),
		TEST(a_race_for_one_name_has_one_winner_at_a_time),
		TEST(a_process_has_one_start_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
