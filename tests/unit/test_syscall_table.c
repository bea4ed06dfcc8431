// SPDX-License-Identifier: Apache-2.0
/* The table knows every call of the kernel headers, and knows the right things about those that could
 * let a guest out: paths, writes through fds, other processes, ids, the host. The lists below are
 * from the kernel's prototypes, written by hand: a row that differs from them is a mistake in one
 * of the two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#define NO -1
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct syscall_row *find(const char *name)
{
	const struct syscall_row *rows = syscall_rows();

	for (size_t i = 0; i < ROW_COUNT; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static void numbers_and_rows_agree(void **state)
{
	const struct syscall_row *rows = syscall_rows();

	(void)state;
	assert_in_range(ROW_COUNT, 400, 1000);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		assert_non_null(rows[i].name);
		assert_int_equal(rows[i].index, i);
		assert_ptr_equal(find(rows[i].name), &rows[i]); /* no name twice */
		if (rows[i].number >= 0)
			assert_ptr_equal(syscall_row(rows[i].number), &rows[i]);
	}
	assert_int_equal(find("openat")->number, SYS_openat);
	assert_int_equal(find("file_setattr")->number, SYS_file_setattr);
	assert_int_equal(find("socketcall")->number, -1);
	assert_null(syscall_row(-1));
	assert_null(syscall_row(syscall_numbers(ARCH_CALLS, false)));
	assert_null(syscall_row(INT64_MIN));
	assert_null(syscall_row(INT64_MAX));
	assert_null(syscall_row(0x40000000));
	assert_null(syscall_row(0x100000000));
}

/* The calls of every table by their own names, which the tables themselves don't keep. */
struct name {
	unsigned number;
	const char *call, *row;
};
#define CALL(number, name)		  { number, #name, #name },
#define CALL_AS(number, name, row, shape) { number, #name, #row },
#define CALL_HIGH(number, name)		  { HIGH_CALLS + (number), #name, #name },
static const struct name x86_64_names[] = {
#include "ptrace_backend/arch/x86_64/calls.def"
};
static const struct name i386_names[] = {
#include "core/arch/i386.def"
};
static const struct name aarch64_names[] = {
#include "ptrace_backend/arch/aarch64/calls.def"
};
static const struct name arm_names[] = {
#include "core/arch/arm.def"
};
static const struct {
	const struct name *names;
	size_t count;
	const char *headers[3]; /* the kernel's own lists: each a place where it may be */
} lists[CALL_TABLES] = {
	[CALLS_X86_64] = { x86_64_names, COUNT(x86_64_names),
			   { "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
			     "/usr/include/asm/unistd_64.h",
			     "/usr/x86_64-linux-gnu/include/asm/unistd_64.h" } },
	[CALLS_I386] = { i386_names, COUNT(i386_names),
			 { "/usr/include/x86_64-linux-gnu/asm/unistd_32.h",
			   "/usr/include/asm/unistd_32.h",
			   "/usr/x86_64-linux-gnu/include/asm/unistd_32.h" } },
	/* what newer architectures use as it is */
	[CALLS_AARCH64] = { aarch64_names, COUNT(aarch64_names),
			    { "/usr/include/asm-generic/unistd.h" } },
	[CALLS_ARM] = { arm_names, COUNT(arm_names),
			{ "/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h",
			  "/usr/include/arm-linux-gnueabihf/asm/unistd-eabi.h" } },
};

static const struct name *find_name(enum call_table table, unsigned number)
{
	for (size_t i = 0; i < lists[table].count; i++)
		if (lists[table].names[i].number == number)
			return &lists[table].names[i];
	return NULL;
}

static void every_table_leads_to_the_row_it_names(void **state)
{
	(void)state;
	for (enum call_table table = 0; table < CALL_TABLES; table++)
		for (size_t i = 0; i < lists[table].count; i++) {
			const struct name *name = &lists[table].names[i];
			const struct syscall_call *call = syscall_call(table, name->number);

			if (!call || strcmp(syscall_call_row(call)->name, name->row) != 0)
				fail_msg("table %d: %s", (int)table, name->call);
			/* a number given twice */
			assert_ptr_equal(find_name(table, name->number), name);
		}
}

static void every_row_is_some_architectures_call(void **state)
{
	const struct syscall_row *rows = syscall_rows();

	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		bool used = false;

		for (enum call_table table = 0; table < CALL_TABLES; table++)
			for (size_t j = 0; j < lists[table].count; j++)
				used |= !strcmp(lists[table].names[j].row, rows[i].name);
		if (!used)
			fail_msg("%s has no number in arch/", rows[i].name);
	}
}

static FILE *open_headers(enum call_table table)
{
	FILE *file = NULL;

	for (size_t i = 0; i < COUNT(lists[table].headers) && lists[table].headers[i] && !file; i++)
		file = fopen(lists[table].headers[i], "re");
	return file;
}

/* Calls of asm-generic/unistd.h that no 64-bit architecture has, or not aarch64. */
static bool only_32_bit(const char *name, unsigned number)
{
	return (number >= 403 && number <= 423) || !strcmp(name, "sync_file_range2");
}

static void every_call_of_the_kernel_headers_has_a_row(void **state)
{
	unsigned number, seen;

	(void)state;
	for (enum call_table table = 0; table < CALL_TABLES; table++) {
		FILE *file = open_headers(table);
		char line[256], name[128];

		/* Another architecture's headers need not be here. */
		if (!file && table != ARCH_CALLS)
			continue;
		assert_non_null(file);
		seen = 0;
		while (fgets(line, sizeof(line), file)) {
			const struct name *call;

			if ((sscanf(line, "#define __NR_%127s %u", name, &number) != 2 &&
			     sscanf(line, "#define __NR_%127s (__NR_SYSCALL_BASE + %u)", name, &number) != 2) ||
			    !strcmp(name, "syscalls") || !strcmp(name, "arch_specific_syscall") ||
			    (table == CALLS_AARCH64 && only_32_bit(name, number)))
				continue;
			seen++;
			call = find_name(table, number);
			if (!call || strcmp(call->call, name) != 0)
				fail_msg("table %d: %s (%u) has no row", (int)table, name, number);
		}
		fclose(file);
		assert_in_range(seen, 250, 1000);
	}
}

static void newer_calls_than_the_headers_have_rows(void **state)
{
	(void)state;
	for (enum call_table table = 0; table < CALL_TABLES; table++)
		for (unsigned number = 424; number <= 469; number++)
			if (!syscall_call(table, number) &&
			    !(table == CALLS_ARM && number == 447)) /* memfd_secret */
				fail_msg("table %d: %u has no row", (int)table, number);
}

static void a_32_bit_call_of_another_shape_is_one_whose_handler_knows(void **state)
{
	static const struct {
		enum call_shape shape;
		const char *rows[20];
	} shapes[] = {
		{ SHAPE_STAT32, { "stat", "lstat", "fstat" } },
		{ SHAPE_STAT64, { "stat", "lstat", "fstat", "newfstatat" } },
		{ SHAPE_OLD_STAT, { "stat", "lstat", "fstat" } },
		{ SHAPE_IDS16,
		  { "chown", "lchown", "fchown", "getuid", "geteuid", "getgid", "getegid", "getgroups",
		    "getresuid", "getresgid", "setuid", "setgid", "setfsuid", "setfsgid", "setreuid",
		    "setregid", "setresuid", "setresgid", "setgroups" } },
		{ SHAPE_OLD_UNAME, { "uname" } },
		{ SHAPE_OLDEST_UNAME, { "uname" } },
		{ SHAPE_UMOUNT, { "umount2" } },
		{ SHAPE_WAITPID, { "wait4" } },
		{ SHAPE_TIME64, { "semtimedop" } },
		{ SHAPE_BLOCK, { "mmap" } }, /* never stops */
	};

	(void)state;
	for (enum call_table table = 0; table < CALL_TABLES; table++)
		for (size_t i = 0; i < lists[table].count; i++) {
			const struct name *name = &lists[table].names[i];
			enum call_shape shape = syscall_call(table, name->number)->shape;
			bool known = shape == SHAPE_SAME;

			for (size_t j = 0; j < COUNT(shapes); j++)
				for (size_t k = 0; k < COUNT(shapes[j].rows) && shapes[j].rows[k]; k++)
					known |= shapes[j].shape == shape &&
						 !strcmp(shapes[j].rows[k], name->row);
			if (!known)
				fail_msg("table %d: the shape of %s", (int)table, name->call);
			/* 64-bit tables have none, and ids without "32" in the name are short. */
			if (table == CALLS_X86_64 || table == CALLS_AARCH64)
				assert_int_equal(shape, SHAPE_SAME);
		}
	/* A 64-bit argument takes two places: what follows has other numbers. */
	assert_int_equal(syscall_call_row(syscall_call(CALLS_I386, 339))->action, ACTION_ERRNO);
	assert_int_equal(syscall_call_row(syscall_call(CALLS_ARM, 368))->action, ACTION_ERRNO);
	assert_int_equal(syscall_call(CALLS_I386, 106)->shape, SHAPE_STAT32);
	assert_int_equal(syscall_call(CALLS_I386, 24)->shape, SHAPE_IDS16);
	assert_int_equal(syscall_call(CALLS_ARM, 199)->shape, SHAPE_SAME);
	assert_int_equal(syscall_number(CALLS_I386, ROW_execve), 11);
	assert_int_equal(syscall_number(CALLS_ARM, ROW_memfd_create), 385);
	assert_int_equal(syscall_number(CALLS_I386, ROW_lchown), 198);
	assert_int_equal(syscall_number(CALLS_AARCH64, ROW_open), -1);
}

static void a_traced_call_has_paths_or_a_handler(void **state)
{
	const struct syscall_row *rows = syscall_rows();

	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct syscall_row *row = &rows[i];
		bool has_path = row->name && row->paths[0].path >= 0;

		if (!row->name)
			continue;
		switch ((enum syscall_action)row->action) {
		case ACTION_TRACE:
			assert_non_null(row->enter);
			if (row->enter == translate_paths)
				assert_true(has_path);
			break;
		case ACTION_ERRNO:
			assert_in_range(row->error, 1, 133);
			assert_null(row->enter);
			assert_false(has_path);
			break;
		case ACTION_PASS:
			assert_null(row->enter);
			assert_false(has_path);
			assert_int_equal(row->rule, RULE_NONE);
			assert_int_equal(row->when, WHEN_ALWAYS);
			break;
		}
	}
}

/* Arguments that are paths, and the dirfds they are relative to. */
static const struct {
	const char *name;
	int dirfd1, path1, dirfd2, path2;
} path_calls[] = {
	{ "open", NO, 0, NO, NO },	    { "creat", NO, 0, NO, NO },
	{ "openat", 0, 1, NO, NO },	    { "openat2", 0, 1, NO, NO },
	{ "stat", NO, 0, NO, NO },	    { "lstat", NO, 0, NO, NO },
	{ "newfstatat", 0, 1, NO, NO },	    { "statx", 0, 1, NO, NO },
	{ "access", NO, 0, NO, NO },	    { "faccessat", 0, 1, NO, NO },
	{ "faccessat2", 0, 1, NO, NO },	    { "readlink", NO, 0, NO, NO },
	{ "readlinkat", 0, 1, NO, NO },	    { "statfs", NO, 0, NO, NO },
	{ "chdir", NO, 0, NO, NO },	    { "chroot", NO, 0, NO, NO },
	{ "mkdir", NO, 0, NO, NO },	    { "mkdirat", 0, 1, NO, NO },
	{ "mknod", NO, 0, NO, NO },	    { "mknodat", 0, 1, NO, NO },
	{ "symlink", NO, 1, NO, NO },	    { "symlinkat", 1, 2, NO, NO },
	{ "link", NO, 0, NO, 1 },	    { "linkat", 0, 1, 2, 3 },
	{ "rename", NO, 0, NO, 1 },	    { "renameat", 0, 1, 2, 3 },
	{ "renameat2", 0, 1, 2, 3 },	    { "unlink", NO, 0, NO, NO },
	{ "unlinkat", 0, 1, NO, NO },	    { "rmdir", NO, 0, NO, NO },
	{ "chmod", NO, 0, NO, NO },	    { "fchmodat", 0, 1, NO, NO },
	{ "fchmodat2", 0, 1, NO, NO },	    { "chown", NO, 0, NO, NO },
	{ "lchown", NO, 0, NO, NO },	    { "fchownat", 0, 1, NO, NO },
	{ "utime", NO, 0, NO, NO },	    { "utimes", NO, 0, NO, NO },
	{ "futimesat", 0, 1, NO, NO },	    { "utimensat", 0, 1, NO, NO },
	{ "truncate", NO, 0, NO, NO },	    { "setxattr", NO, 0, NO, NO },
	{ "lsetxattr", NO, 0, NO, NO },	    { "getxattr", NO, 0, NO, NO },
	{ "lgetxattr", NO, 0, NO, NO },	    { "listxattr", NO, 0, NO, NO },
	{ "llistxattr", NO, 0, NO, NO },    { "removexattr", NO, 0, NO, NO },
	{ "lremovexattr", NO, 0, NO, NO },  { "setxattrat", 0, 1, NO, NO },
	{ "getxattrat", 0, 1, NO, NO },	    { "listxattrat", 0, 1, NO, NO },
	{ "removexattrat", 0, 1, NO, NO },  { "file_getattr", 0, 1, NO, NO },
	{ "file_setattr", 0, 1, NO, NO },   { "execve", NO, 0, NO, NO },
	{ "execveat", 0, 1, NO, NO },	    { "name_to_handle_at", 0, 1, NO, NO },
	{ "inotify_add_watch", NO, 1, NO, NO }, { "fanotify_mark", 3, 4, NO, NO },
	{ "open_tree", 0, 1, NO, NO },
	/* refused whole */
	{ "mount", NO, 1, NO, NO },	    { "umount2", NO, 0, NO, NO },
	{ "pivot_root", NO, 0, NO, 1 },	    { "move_mount", 0, 1, 2, 3 },
	{ "open_tree_attr", 0, 1, NO, NO }, { "fspick", 0, 1, NO, NO },
	{ "fsconfig", NO, 3, NO, NO },	    { "mount_setattr", 0, 1, NO, NO },
	{ "swapon", NO, 0, NO, NO },	    { "swapoff", NO, 0, NO, NO },
	{ "acct", NO, 0, NO, NO },	    { "quotactl", NO, 1, NO, NO },
	{ "uselib", NO, 0, NO, NO },
};

static void every_path_argument_is_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(path_calls); i++) {
		const struct syscall_row *row = find(path_calls[i].name);

		if (!row || row->action == ACTION_ERRNO)
			continue; /* not on this architecture; never reaches the kernel */
		if (row->action != ACTION_TRACE || row->when != WHEN_ALWAYS ||
		    row->rule != RULE_NONE || row->paths[0].dirfd != path_calls[i].dirfd1 ||
		    row->paths[0].path != path_calls[i].path1 ||
		    row->paths[1].dirfd != path_calls[i].dirfd2 ||
		    row->paths[1].path != path_calls[i].path2)
			fail_msg("the paths of %s", row->name);
	}
}

static bool is_path_call(const char *name)
{
	for (size_t i = 0; i < COUNT(path_calls); i++)
		if (!strcmp(path_calls[i].name, name))
			return true;
	return false;
}

static void no_other_call_has_a_path(void **state)
{
	const struct syscall_row *rows = syscall_rows();

	(void)state;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].name && rows[i].paths[0].path >= 0 && !is_path_call(rows[i].name))
			fail_msg("%s has a path in the table only", rows[i].name);
}

/* What is done to the object, which is what a read-only mount goes by. */
static void uses_are_right(void **state)
{
	static const struct {
		enum path_use use;
		const char *names[24];
	} uses[] = {
		{ USE_OPEN, { "open", "openat", "openat2", "creat" } },
		{ USE_CREATE, { "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat" } },
		{ USE_REMOVE, { "unlink", "unlinkat", "rmdir" } },
		{ USE_RENAME, { "rename", "renameat", "renameat2" } },
		{ USE_LINK, { "link", "linkat" } },
		{ USE_WRITE,
		  { "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes",
		    "futimesat", "utimensat", "truncate", "setxattr", "lsetxattr", "removexattr",
		    "lremovexattr", "setxattrat", "removexattrat", "file_setattr" } },
	};
	const struct syscall_row *rows = syscall_rows();
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(uses); i++)
		for (size_t j = 0; j < COUNT(uses[i].names) && uses[i].names[j]; j++) {
			const struct syscall_row *row = find(uses[i].names[j]);

			if (row && row->paths[0].use != uses[i].use)
				fail_msg("the use of %s", row->name);
			checked += row != NULL;
		}
	/* The others only look. */
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].name && rows[i].paths[0].path >= 0 && rows[i].paths[0].use != USE_READ)
			checked--;
	assert_int_equal(checked, 0);
	assert_int_equal(find("linkat")->paths[1].use, USE_CREATE);
	assert_int_equal(find("renameat2")->paths[1].use, USE_RENAME);
}

static void last_symlinks_are_followed_as_the_kernel_does(void **state)
{
	static const char *const never[] = { "lstat", "readlink", "readlinkat", "lchown", "lsetxattr",
					     "lgetxattr", "llistxattr", "lremovexattr", "mkdir",
					     "mkdirat", "mknod", "mknodat", "symlink", "symlinkat",
					     "link", "unlink", "unlinkat", "rmdir", "rename",
					     "renameat", "renameat2" };
	/* the argument that AT_SYMLINK_NOFOLLOW is in */
	static const struct {
		const char *name;
		int flags;
	} unless[] = {
		{ "newfstatat", 3 },  { "statx", 2 },	     { "faccessat2", 3 }, { "fchmodat2", 3 },
		{ "fchownat", 4 },    { "utimensat", 3 },    { "execveat", 4 },	  { "setxattrat", 2 },
		{ "getxattrat", 2 },  { "listxattrat", 2 },  { "removexattrat", 2 },
		{ "file_getattr", 4 }, { "file_setattr", 4 }, { "open_tree", 2 },
	};
	static const char *const always[] = { "stat", "access", "faccessat", "statfs", "chdir", "chroot",
					      "chmod", "fchmodat", "chown", "utime", "utimes",
					      "futimesat", "truncate", "setxattr", "getxattr",
					      "listxattr", "removexattr", "execve" };

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++) {
		const struct syscall_row *row = find(never[i]);

		if (row && row->paths[0].follow != FOLLOW_NEVER)
			fail_msg("%s follows", row->name);
	}
	for (size_t i = 0; i < COUNT(always); i++) {
		const struct syscall_row *row = find(always[i]);

		if (row && (row->paths[0].follow != FOLLOW_ALWAYS || row->paths[0].flags != NO))
			fail_msg("%s doesn't follow", row->name);
	}
	for (size_t i = 0; i < COUNT(unless); i++) {
		const struct path_argument *path = &find(unless[i].name)->paths[0];

		if (path->follow != FOLLOW_UNLESS_NOFOLLOW || path->flags != unless[i].flags)
			fail_msg("the flags of %s", unless[i].name);
	}
	assert_int_equal(find("linkat")->paths[0].follow, FOLLOW_IF_FOLLOW);
	assert_int_equal(find("linkat")->paths[0].flags, 4);
	assert_int_equal(find("name_to_handle_at")->paths[0].follow, FOLLOW_IF_FOLLOW);
	assert_int_equal(find("name_to_handle_at")->paths[0].flags, 4);
	assert_int_equal(find("openat")->paths[0].flags, 2);
	assert_int_equal(find("openat")->paths[0].follow, FOLLOW_BY_OPEN);
}

static void check_traced(const char *const *names, size_t count, enum syscall_when when)
{
	for (size_t i = 0; i < count; i++) {
		const struct syscall_row *row = find(names[i]);

		if (row && (row->action != ACTION_TRACE || row->when != when))
			fail_msg("%s isn't stopped when it has to be", names[i]);
	}
}

static void calls_that_change_a_file_by_fd_are_stopped_for_read_only_mounts(void **state)
{
	static const char *const names[] = { "fchmod", "fchown", "fsetxattr", "fremovexattr" };

	(void)state;
	check_traced(names, COUNT(names), WHEN_READ_ONLY);
}

static void calls_about_ids_are_stopped_when_ids_are_faked(void **state)
{
	static const char *const names[] = {
		"getuid",   "geteuid",	 "getgid",    "getegid",   "getresuid", "getresgid",
		"getgroups", "setuid",	 "setgid",    "setreuid",  "setregid",	"setresuid",
		"setresgid", "setfsuid", "setfsgid",  "setgroups", "capget",	"capset",
		"getsockopt",
	};
	static const char *const ipc[] = { "shmget", "shmat",  "shmdt",  "shmctl", "semget", "semop", "semctl",
					   "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl" };
	static const char *const shown[] = { "fstat" }, *const linked[] = { "getdents", "getdents64" };

	(void)state;
	check_traced(names, COUNT(names), WHEN_FAKE_IDS);
	check_traced(shown, COUNT(shown), WHEN_SHOWN);
	check_traced(linked, COUNT(linked), WHEN_LISTED);
	check_traced(ipc, COUNT(ipc), WHEN_SYSVIPC);
}

static void calls_that_reach_other_processes_are_stopped(void **state)
{
	static const char *const names[] = {
		"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
		"pidfd_send_signal", "pidfd_getfd", "process_madvise", "process_mrelease",
		"process_vm_readv", "process_vm_writev", "kcmp", "prlimit64", "sched_setparam",
		"sched_setscheduler", "sched_setattr", "sched_setaffinity", "migrate_pages",
		"move_pages", "get_robust_list", "setpriority", "ioprio_set", "fcntl", "ioctl",
		"prctl",
	};

	(void)state;
	check_traced(names, COUNT(names), WHEN_ALWAYS);
	/* Only an argument that can't name another process lets one of them pass. */
	for (size_t i = 0; i < COUNT(names); i++) {
		uint8_t rule = find(names[i])->rule;

		if (rule != RULE_NONE && rule != RULE_OTHER_PID && rule != RULE_FCNTL &&
		    rule != RULE_IOCTL && rule != RULE_PRCTL)
			fail_msg("the rule of %s", names[i]);
	}
}

static void calls_with_socket_addresses_are_stopped(void **state)
{
	static const char *const names[] = { "bind",	"connect",     "sendto",     "sendmsg",
					     "sendmmsg", "getsockname", "getpeername" };

	(void)state;
	check_traced(names, COUNT(names), WHEN_ALWAYS);
	assert_int_equal(find("sendto")->rule, RULE_ADDRESS);
	assert_int_equal(find("socket")->rule, RULE_SOCKET);
}

static void what_the_guest_must_not_do_is_refused(void **state)
{
	static const struct {
		int error;
		const char *names[40];
	} refused[] = {
		{ EPERM,
		  { "bpf",
		    "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load", "init_module",
		    "finit_module", "delete_module", "reboot", "settimeofday", "clock_settime",
		    "adjtimex", "clock_adjtime", "swapon", "swapoff", "acct", "quotactl",
		    "quotactl_fd", "open_by_handle_at", "fanotify_init", "iopl", "ioperm", "syslog",
		    "vhangup", "lookup_dcookie" } },
		{ ENOSYS,
		  { "io_uring_setup", "io_uring_enter", "io_uring_register", "add_key", "request_key",
		    "keyctl", "fsopen", "fsconfig", "fsmount", "fspick",
		    "mount_setattr", "open_tree_attr", "statmount", "listmount", "uselib", "nfsservctl", "_sysctl" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		for (size_t j = 0; j < COUNT(refused[i].names) && refused[i].names[j]; j++) {
			const struct syscall_row *row = find(refused[i].names[j]);

			if (row && (row->action != ACTION_ERRNO || row->error != refused[i].error ||
				    row->when != WHEN_ALWAYS || row->rule != RULE_NONE))
				fail_msg("%s isn't refused", row->name);
		}
	/* As real root these would change the host. */
	assert_int_equal(find("sethostname")->action, ACTION_TRACE);
	assert_int_equal(find("setdomainname")->action, ACTION_TRACE);
	assert_int_equal(find("unshare")->action, ACTION_TRACE);
	assert_int_equal(find("clone3")->action, ACTION_TRACE);
	assert_int_equal(find("setns")->action, ACTION_TRACE);
	assert_int_equal(find("mount")->action, ACTION_TRACE);
	assert_int_equal(find("umount2")->action, ACTION_TRACE);
	assert_int_equal(find("pivot_root")->action, ACTION_TRACE);
	assert_int_equal(find("open_tree")->action, ACTION_TRACE);
}

/* Each row of docs/syscalls.md has the number and the name; `make docs` writes it anew. */
static void the_documentation_has_every_row(void **state)
{
	static char text[256 * 1024];
	FILE *file = fopen("docs/syscalls.md", "re");
	const struct syscall_row *rows = syscall_rows();
	size_t length;

	(void)state;
	if (!file) /* the test is run elsewhere than in the project's folder */
		skip();
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char start[80];

		if (!rows[i].name)
			continue;
		snprintf(start, sizeof(start), "\n| `%s` |", rows[i].name);
		if (!strstr(text, start))
			fail_msg("docs/syscalls.md lacks %s", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_rows_agree),
		cmocka_unit_test(every_table_leads_to_the_row_it_names),
		cmocka_unit_test(every_row_is_some_architectures_call),
		cmocka_unit_test(a_32_bit_call_of_another_shape_is_one_whose_handler_knows),
		cmocka_unit_test(every_call_of_the_kernel_headers_has_a_row),
		cmocka_unit_test(newer_calls_than_the_headers_have_rows),
		cmocka_unit_test(a_traced_call_has_paths_or_a_handler),
		cmocka_unit_test(every_path_argument_is_in_the_table),
		cmocka_unit_test(no_other_call_has_a_path),
		cmocka_unit_test(uses_are_right),
		cmocka_unit_test(last_symlinks_are_followed_as_the_kernel_does),
		cmocka_unit_test(calls_that_change_a_file_by_fd_are_stopped_for_read_only_mounts),
		cmocka_unit_test(calls_about_ids_are_stopped_when_ids_are_faked),
		cmocka_unit_test(calls_that_reach_other_processes_are_stopped),
		cmocka_unit_test(calls_with_socket_addresses_are_stopped),
		cmocka_unit_test(what_the_guest_must_not_do_is_refused),
		cmocka_unit_test(the_documentation_has_every_row),
	};

	return cmocka_run_group_tests_name("system-call table", tests, NULL, NULL);
}
