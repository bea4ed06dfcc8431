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
	WHEN_NO_NETWORK, /* plan->deny_network */
	WHEN_NAMES,	 /* in processes with the second filter: names_filter.c */
};

/* Argument tests made in BPF, before a stop. */
enum filter_rule {
	RULE_NONE,
	RULE_CLONE,	/* stop only for CLONE_NEW*, CLONE_UNTRACED */
	RULE_PRCTL,	/* stop only for the options that handlers know */
	RULE_SOCKET,	/* AF_UNIX passes; others: error EACCES when the network is denied */
	RULE_IOCTL,	/* TIOCSTI and TIOCLINUX (low 32 bits): EPERM; stop for an owner of SIGIO, and
			 * with WHEN_READ_ONLY's condition for requests that change a file */
	RULE_FCNTL,	/* stop only for F_SETOWN and F_SETOWN_EX */
	RULE_OTHER_PID, /* stop only when the first argument (a pid) isn't 0 */
	RULE_ADDRESS,	/* sendto, recvfrom: stop only when there is an address */
	RULE_ACCEPT,	/* stop only when there is a buffer for a name */
	RULE_PASSCRED,	/* setsockopt: stop only for SOL_SOCKET, SO_PASSCRED */
	RULE_PEERCRED,	/* getsockopt: stop only for SOL_SOCKET, SO_PEERCRED */
	RULE_SECCOMP,	/* a listener (USER_NOTIF outranks TRACE): `error`; else pass */
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

struct syscall_row {
	const char *name;
	int number;
	uint8_t action; /* enum syscall_action */
	uint8_t when;	/* enum syscall_when */
	uint8_t rule;	/* enum filter_rule */
	bool notify;	/* with faked ids the handler answers whole: a notification will do */
	int error;	/* ACTION_ERRNO */
	struct path_argument paths[2];
	syscall_handler *enter; /* NULL: translate_paths */
};

/* The row of a call number, or NULL for a number without one (answered ENOSYS). */
const struct syscall_row *syscall_row(int64_t number);
/* The rows by number: rows[n].number == n, or rows[n].name is NULL for a number without a row.
 * *ret_count is one more than the highest number. */
const struct syscall_row *syscall_rows(size_t *ret_count);

/* filter.c: the BPF program for a plan, a balanced tree over the numbers. Writes at most `capacity`
 * instructions; returns their number, or -ENOSPC. Traced calls get SECCOMP_RET_TRACE with data
 * = 0. Foreign architectures and x32 get ENOSYS. */
struct sock_filter;
struct filter_options {
	bool fake_ids, read_only, deny_network;
	bool notify; /* rows with `notify` get SECCOMP_RET_USER_NOTIF */
};
/* The second filter: the rows with WHEN_NAMES and nothing else. The same result. */
int filter_build_names(struct sock_filter *program, size_t capacity);

int filter_build(const struct filter_options *options, struct sock_filter *program,
		 size_t capacity);

#endif
