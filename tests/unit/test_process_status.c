// SPDX-License-Identifier: Apache-2.0
/* What is read from /proc/PID/status, as kernels of several ages print it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ptrace_backend/process_status.h"

#define FIRST	   "Name:\ta\\nUid:\t0 0 0 0\n"
#define LINES	   "State:\tT (stopped)\nTgid:\t41\nNgid:\t0\nPid:\t42\nPPid:\t7\nTracerPid:\t5\n"
#define IDS	   "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967294\nFDSize:\t64\n"
#define GROUPS	   "Groups:\t8 9 \nNStgid:\t41\n"
#define SIGNALS	   "SigBlk:\t0000000000000001\nSigIgn:\t0000000000000002\nSigCgt:\t8000000000000004\n"
#define CAPABILITIES "CapInh:\t0000000000000400\nCapPrm:\t0\nCapEff:\t0000000000080000\nCapBnd:\t000001ffffffffff\n"

static void every_value_is_read(void **state)
{
	struct process_status status;

	(void)state;
	assert_int_equal(process_status_parse(FIRST "Umask:\t0027\n" LINES IDS GROUPS SIGNALS CAPABILITIES, &status), 0);
	assert_int_equal(status.state, 'T');
	assert_int_equal(status.tgid, 41);
	assert_int_equal(status.parent, 7);
	assert_int_equal(status.umask, 027);
	for (unsigned i = 0; i < PROCESS_IDS; i++)
		assert_int_equal(status.users[i], i + 1);
	assert_int_equal(status.groups[PROCESS_REAL], 5);
	assert_int_equal(status.groups[PROCESS_FS], 4294967294u);
	assert_int_equal(status.other_count, 2);
	assert_int_equal(status.others[0], 8);
	assert_int_equal(status.others[1], 9);
	assert_int_equal(status.inheritable, 0x400);
	assert_int_equal(status.effective, 0x80000);
	assert_int_equal(status.bounding, 0x1ffffffffff);
	assert_int_equal(status.ignored, 2);
	assert_true(status.caught == 0x8000000000000004u);
}

static void what_lacks_gives_no_right(void **state)
{
	struct process_status status;

	(void)state;
	assert_int_equal(process_status_parse(FIRST LINES IDS, &status), 0);
	assert_int_equal(status.umask, 022);
	assert_int_equal(status.other_count, 0);
	assert_int_equal(status.inheritable | status.effective | status.bounding | status.ignored, 0);
	assert_true(status.caught == UINT64_MAX);
	assert_int_equal(process_status_parse(FIRST LINES, &status), -EIO);
	assert_int_equal(process_status_parse(FIRST IDS, &status), -EIO);
	assert_int_equal(process_status_parse("", &status), -EIO);
}

static void no_group_is_not_the_next_line(void **state)
{
	struct process_status status;

	(void)state;
	assert_int_equal(process_status_parse(FIRST LINES IDS "Groups:\t \n9\n", &status), 0);
	assert_int_equal(status.other_count, 0);
}

static void more_groups_than_there_is_room_are_left_out(void **state)
{
	static char text[PROCESS_GROUPS_MAX * 8];
	struct process_status status;

	(void)state;
	strcpy(text, FIRST LINES IDS "Groups:\t");
	for (unsigned i = 0; i < PROCESS_GROUPS_MAX + 3; i++)
		strcat(text, "1000 ");
	strcat(text, "\n" CAPABILITIES);
	assert_int_equal(process_status_parse(text, &status), 0);
	assert_int_equal(status.other_count, PROCESS_GROUPS_MAX);
	assert_int_equal(status.effective, 0x80000);
}

static void this_process_is_as_it_says(void **state)
{
	struct process_status status;
	mode_t mask = umask(0137);

	(void)state;
	assert_int_equal(process_status(getpid(), &status), 0);
	umask(mask);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.parent, getppid());
	assert_int_equal(status.users[PROCESS_EFFECTIVE], geteuid());
	assert_int_equal(status.groups[PROCESS_EFFECTIVE], getegid());
	assert_true(status.umask == 0137 || status.umask == 022); /* before Linux 4.7 */
	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(process_disposition(getpid(), SIGUSR1), SIGNAL_IGNORED);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(process_disposition(getpid(), SIGUSR1), SIGNAL_DEFAULT);
	assert_int_equal(process_status(-1, &status), -ENOENT);
	assert_false(process_has_capability(-1, 0));
	assert_int_equal(process_disposition(-1, SIGUSR1), SIGNAL_CAUGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_read),
		cmocka_unit_test(what_lacks_gives_no_right),
		cmocka_unit_test(no_group_is_not_the_next_line),
		cmocka_unit_test(more_groups_than_there_is_room_are_left_out),
		cmocka_unit_test(this_process_is_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
