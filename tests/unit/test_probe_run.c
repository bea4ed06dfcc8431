// SPDX-License-Identifier: Apache-2.0
/* The prober on the machine that runs the tests: complete, quick, and nothing left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "probe/probe.h"

#define TIME_LIMIT_MS 2000 /* of a loaded machine; an idle one takes 30 */

static char directory[64], store[80], runtime[80];

static int make_directories(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/amphora-test-probe-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(store, sizeof(store), "%s/store", directory);
	snprintf(runtime, sizeof(runtime), "%s/runtime", directory);
	return mkdir(runtime, 0700);
}

static int remove_directories(void **state)
{
	(void)state;
	return file_remove_tree(AT_FDCWD, directory);
}

static int count_entries(const char *path)
{
	DIR *open_directory = opendir(path);
	int count = 0;

	assert_non_null(open_directory);
	for (struct dirent *entry; (entry = readdir(open_directory));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(open_directory);
	return count;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void every_fact_gets_an_answer(void **state)
{
	struct error err = ERROR_INIT;
	struct facts facts;
	double start = now_ms();

	(void)state;
	assert_int_equal(probe_run(store, &facts, &err), 0);
	assert_true(now_ms() - start < TIME_LIMIT_MS);
	for (int id = 0; id < FACT_ID_COUNT; id++) {
		if (facts.fact[id].status == FACT_UNKNOWN || facts.fact[id].error_code == EPROTO)
			fail_msg("%s: %s %s", fact_name(id),
				 fact_status_name(facts.fact[id].status), facts.fact[id].text);
		/* A failure without a sentence tells nobody anything. */
		if (facts.fact[id].status != FACT_WORKS)
			assert_true(strlen(facts.fact[id].text) > 0);
	}
	assert_int_equal(facts.fact[FACT_ID_UID].value, geteuid());
}

static void nothing_is_left_behind(void **state)
{
	char before[65536], after[65536];
	struct facts facts;
	char *cwd_before = getcwd(NULL, 0), *cwd_after;

	(void)state;
	assert_true(file_read_at(AT_FDCWD, "/proc/self/mountinfo", before, sizeof(before)) > 0);
	assert_int_equal(probe_run(store, &facts, NULL), 0);
	assert_true(file_read_at(AT_FDCWD, "/proc/self/mountinfo", after, sizeof(after)) > 0);
	assert_string_equal(before, after);
	assert_int_equal(count_entries(store), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	cwd_after = getcwd(NULL, 0);
	assert_string_equal(cwd_before, cwd_after);
	free(cwd_before);
	free(cwd_after);
}

static void what_a_killed_prober_left_is_removed(void **state)
{
	struct facts facts;
	char stale[128];

	(void)state;
	assert_int_equal(file_mkdirs(store, 0700), 0);
	snprintf(stale, sizeof(stale), "%s/.probe-1", store);
	assert_int_equal(mkdir(stale, 0700), 0);
	assert_int_equal(probe_run(store, &facts, NULL), 0);
	assert_int_equal(count_entries(store), 0);
}

static void a_store_that_cannot_be_made_is_a_fact(void **state)
{
	struct facts facts;

	(void)state;
	assert_int_equal(probe_run("/proc/amphora-store", &facts, NULL), 0);
	assert_int_equal(facts.fact[FACT_ID_STORE].status, FACT_FAILS);
	assert_int_equal(facts.fact[FACT_ID_STORE].error_code, ENOENT);
	assert_int_equal(facts.fact[FACT_ID_STORE_EXEC].status, FACT_FAILS);
	assert_int_not_equal(facts.fact[FACT_ID_PTRACE].status, FACT_UNKNOWN);
}

static void the_cache_answers_until_something_changes(void **state)
{
	char path[128], text[64];
	struct facts facts;
	struct stat first, second;

	(void)state;
	snprintf(path, sizeof(path), "%s/probe-%u.json", runtime, (unsigned)geteuid());
	assert_int_equal(probe_cached(store, runtime, false, &facts, NULL), 0);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(first.st_mode & 07777, 0600);
	assert_int_equal(probe_cached(store, runtime, false, &facts, NULL), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino); /* not written again */
	assert_int_equal(probe_cached(store, runtime, true, &facts, NULL), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
	/* another store, another key */
	snprintf(text, sizeof(text), "%.50s/other", directory);
	assert_int_equal(probe_cached(text, runtime, false, &facts, NULL), 0);
	assert_string_equal(facts.fact[FACT_ID_STORE].text, text);
}

static void a_cache_that_others_may_write_is_not_believed(void **state)
{
	char path[128];
	struct facts facts;
	struct stat first, second;

	(void)state;
	snprintf(path, sizeof(path), "%s/probe-%u.json", runtime, (unsigned)geteuid());
	assert_int_equal(probe_cached(store, runtime, false, &facts, NULL), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(probe_cached(store, runtime, false, &facts, NULL), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
}

/* Probes below a filter in a child; returns its facts. */
static void probe_below(uint32_t action, const char *call, struct facts *ret_facts)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
		struct facts facts;

		seccomp_rule_add(filter, action, seccomp_syscall_resolve_name(call), 0);
		if (seccomp_load(filter) < 0 ||
		    probe_cached(store, runtime, false, &facts, NULL) < 0 ||
		    file_write_fd(ends[1], &facts, sizeof(facts)) < 0)
			_exit(1);
		_exit(0);
	}
	close(ends[1]);
	memset(ret_facts, 0, sizeof(*ret_facts));
	for (size_t at = 0; at < sizeof(*ret_facts);) {
		ssize_t n = read(ends[0], (char *)ret_facts + at, sizeof(*ret_facts) - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void an_outer_filter_is_told_from_the_kernel(void **state)
{
	struct facts facts;

	(void)state;
	probe_below(SCMP_ACT_TRAP, "unshare", &facts);
	assert_int_equal(facts.fact[FACT_ID_USERNS].status, FACT_TRAPPED);
	assert_int_equal(facts.fact[FACT_ID_TRAP_MAP].status, FACT_TRAPPED);
	assert_string_equal(facts.fact[FACT_ID_TRAP_MAP].text, "unshare");
	/* The cache must not mistake one filter for the other. */
	probe_below(SCMP_ACT_KILL_PROCESS, "openat2", &facts);
	assert_int_equal(facts.fact[FACT_ID_OPENAT2].status, FACT_TRAPPED);
	assert_string_equal(facts.fact[FACT_ID_TRAP_MAP].text, "openat2");
	probe_below(SCMP_ACT_ERRNO(EPERM), "ptrace", &facts);
	assert_int_equal(facts.fact[FACT_ID_PTRACE].status, FACT_FAILS);
	assert_int_equal(facts.fact[FACT_ID_DENY_MAP].status, FACT_FAILS);
	assert_string_equal(facts.fact[FACT_ID_DENY_MAP].text, "ptrace");
}

int main(void)
{
#define WITH_DIRECTORIES(test)                                                                     \
	cmocka_unit_test_setup_teardown(test, make_directories, remove_directories)
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORIES(every_fact_gets_an_answer),
		WITH_DIRECTORIES(nothing_is_left_behind),
		WITH_DIRECTORIES(what_a_killed_prober_left_is_removed),
		WITH_DIRECTORIES(a_store_that_cannot_be_made_is_a_fact),
		WITH_DIRECTORIES(the_cache_answers_until_something_changes),
		WITH_DIRECTORIES(a_cache_that_others_may_write_is_not_believed),
		WITH_DIRECTORIES(an_outer_filter_is_told_from_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
