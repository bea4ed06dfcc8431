/* SPDX-License-Identifier: Apache-2.0 */
/* One system-call table: syscalls.def has a row a call. The BPF program, the translator, the
 * documentation (docs/syscalls.md) and the coverage test come from it.
 */
#ifndef AMPHORA_PTRACE_SYSCALL_TABLE_H
#define AMPHORA_PTRACE_SYSCALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/tracee.h"

enum syscall_action {
	ACTION_PASS,  /* the kernel's own; never stops */
	ACTION_ERRNO, /* the filter answers `error` */
	ACTION_TRACE, /* stops at entry */
};

/* When the action applies; otherwise the call passes. */
enum syscall_when {
	WHEN_ALWAYS,
	WHEN_FAKE_IDS,	 /* plan->fake_ids */
	WHEN_READ_ONLY,	 /* a mount is read-only (fd-based mutators) or ids are faked */
	WHEN_LISTED,	 /* hard links are emulated or names hidden: listings aren't the kernel's */
	WHEN_SHOWN,	 /* ids are faked or hard links emulated: a file's status isn't the kernel's */
	WHEN_NAMES,	 /* in processes with the second filter: names_filter.c; in all with plan->ports */
	WHEN_SYSVIPC,	 /* plan->emulate_sysvipc */
};

/* Argument tests made in BPF, before a stop. */
enum filter_rule {
	RULE_NONE,
	RULE_CLONE,	/* stop only for CLONE_NEW*, CLONE_UNTRACED, CLONE_PARENT */
	RULE_PRCTL,	/* stop only for the options that handlers know */
	RULE_SOCKET,	/* AF_UNIX passes; others: stop, or EACCES when the network is denied */
	RULE_IOCTL,	/* TIOCSTI and TIOCLINUX (low 32 bits): EPERM; stop for an owner of SIGIO, and
			 * with WHEN_READ_ONLY's condition for requests that change a file */
	RULE_FCNTL,	/* stop only for F_SETOWN and F_SETOWN_EX */
	RULE_OTHER_PID, /* stop only when the first argument (a pid) isn't 0 */
	RULE_ADDRESS,	/* sendto, recvfrom: stop only when there is an address */
	RULE_ACCEPT,	/* stop only when there is a buffer for a name */
	RULE_PASSCRED,	/* setsockopt: stop only for SOL_SOCKET, SO_PASSCRED */
	RULE_PEERCRED,	/* getsockopt: stop only for SOL_SOCKET, SO_PEERCRED */
	RULE_SECCOMP,	/* stop for a new filter, and for what tells of listeners */
	RULE_SOCKETCALL, /* stop only for calls whose own row doesn't pass */
};

enum path_follow {
	FOLLOW_NEVER,
	FOLLOW_ALWAYS,
	FOLLOW_UNLESS_NOFOLLOW, /* AT_SYMLINK_NOFOLLOW in the flags argument */
	FOLLOW_IF_FOLLOW,	/* AT_SYMLINK_FOLLOW in the flags argument (linkat) */
	FOLLOW_BY_OPEN,		/* O_NOFOLLOW, O_CREAT|O_EXCL in the open flags argument */
};

enum path_use {
	USE_READ,   /* the object is looked at */
	USE_WRITE,  /* the object is changed: EROFS on a read-only mount */
	USE_OPEN,   /* read or written by the open flags argument */
	USE_CREATE, /* a new name: the last component isn't looked at */
	USE_REMOVE, /* a name that goes away: same */
	USE_LINK,   /* the old name of a hard link: looked at; same mount as the new name */
	USE_RENAME, /* either name of a rename */
};

struct path_argument {
	int8_t dirfd; /* argument index, -1: the cwd */
	int8_t path;  /* argument index, -1: this call has no such path */
	int8_t flags; /* argument index of the flags that `follow` and AT_EMPTY_PATH look at, or -1 */
	uint8_t follow; /* enum path_follow */
	uint8_t use;	/* enum path_use */
};

/* Every row by name: ROW_openat and so on, whatever architecture has the call. */
enum syscall_index {
#define LEGACY(...)   __VA_ARGS__
#define COMPAT(...)   __VA_ARGS__
#define FAMILY(title, text)
#define PASS(call)    ROW_##call,
#define FAIL(call, errno_value, why) ROW_##call,
#define FAIL_IF(call, errno_value, when, rule, why) ROW_##call,
#define TRACE(call, when, rule, paths, handler) ROW_##call,
#define ANSWER(call, when, rule, paths, handler) ROW_##call,
#include "ptrace_backend/syscalls.def"
#undef LEGACY
#undef COMPAT
#undef FAMILY
#undef PASS
#undef FAIL
#undef FAIL_IF
#undef TRACE
#undef ANSWER
	ROW_COUNT,
};

struct syscall_row {
	const char *name;
	int number;	/* SYS_*; -1 for a call that only other architectures have */
	uint16_t index; /* enum syscall_index */
	uint8_t action; /* enum syscall_action */
	uint8_t when;	/* enum syscall_when */
	uint8_t rule;	/* enum filter_rule */
	bool notify;	/* with faked ids the handler answers whole: a notification will do */
	int error;	/* ACTION_ERRNO */
	struct path_argument paths[2];
	syscall_handler *enter; /* NULL: translate_paths */
};

/* The row of a call number of our own architecture, or NULL for one without (answered ENOSYS). */
const struct syscall_row *syscall_row(int64_t number);
/* All rows, by enum syscall_index. */
const struct syscall_row *syscall_rows(void);

/* Tables of numbers: each architecture's 64-bit calls, and those of the 32-bit programs that it runs. */
enum call_table {
	CALLS_X86_64,
	CALLS_I386,
	CALLS_AARCH64,
	CALLS_ARM,
	CALL_TABLES,
};

/* How a call's arguments, ids and structures differ from those that the row's handler knows. */
enum call_shape {
	SHAPE_SAME,
	SHAPE_STAT32,	    /* 32-bit sizes, 16-bit ids */
	SHAPE_STAT64,
	SHAPE_OLD_STAT,	    /* 16-bit everything */
	SHAPE_IDS16,	    /* 16-bit user and group ids */
	SHAPE_OLD_UNAME,    /* no domain name */
	SHAPE_OLDEST_UNAME, /* names of 8 letters */
	SHAPE_UMOUNT,	    /* no flags */
	SHAPE_WAITPID,	    /* no rusage */
	SHAPE_BLOCK,	    /* arguments in memory */
	SHAPE_TIME64,	    /* 64-bit times in a 32-bit call */
};

struct syscall_call {
	uint16_t row; /* enum syscall_index + 1; 0: no such call */
	uint8_t shape;
};

/* A number's call, or NULL for a number without a row. */
const struct syscall_call *syscall_call(enum call_table table, int64_t number);
static inline const struct syscall_row *syscall_call_row(const struct syscall_call *call)
{
	return &syscall_rows()[call->row - 1];
}
/* One more than the highest number; `high` numbers are counted from HIGH_CALLS (arm's own). */
uint32_t syscall_numbers(enum call_table table, bool high);
#define HIGH_CALLS 0xf0000u
/* The number of a row in a table, or -1. */
int64_t syscall_number(enum call_table table, enum syscall_index row);
/* AUDIT_ARCH_* of a table. */
uint32_t syscall_audit_arch(enum call_table table);
/* The row that call `which` of socketcall(2) stands for, or NULL. */
const struct syscall_row *socketcall_row(uint32_t which);
#define SOCKETCALL_MAX 20
/* Whether the row's action applies in this container; its rule has still to be looked at. */
bool syscall_row_applies(const struct syscall_row *row, const struct tracer *tracer);

/* filter.c: the BPF program for a plan, a balanced tree over the numbers. Writes at most `capacity`
 * instructions; returns their number, or -ENOSPC. Traced calls get SECCOMP_RET_TRACE with data
 * = FILTER_MARK. Other architectures and x32 get ENOSYS. */
#define FILTER_MARK 0xa3f0 /* tells our events from those of a guest's own filter */
struct sock_filter;
struct filter_options {
	bool fake_ids, read_only, deny_network, links, hidden, ports, sysvipc;
	bool notify; /* rows with `notify` get SECCOMP_RET_USER_NOTIF */
	bool compat; /* 32-bit calls are looked at too; else they are ENOSYS */
	uint64_t fast; /* calls that the stub makes pass from this address (the one behind); 0: none */
	uint32_t fast_may; /* of those that change something: enum fast_may */
	enum call_table native, compat_table; /* ARCH_CALLS, ARCH_COMPAT_CALLS */
};
#define NAMES_FILTER_SIZE 128 /* is enough for the second */
/* The second filter: the rows with WHEN_NAMES, and `sends`: every sendto. The same result. */
int filter_build_names(bool sends, enum call_table native, enum call_table compat,
		       struct sock_filter *program, size_t capacity);

int filter_build(const struct filter_options *options, struct sock_filter *program,
		 size_t capacity);

#endif
