/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of a process or thread in /proc/PID/status: of any, not only of tracees. */
#ifndef AMPHORA_PTRACE_PROCESS_STATUS_H
#define AMPHORA_PTRACE_PROCESS_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_GROUPS_MAX 256 /* more are left out */

enum process_id { PROCESS_REAL, PROCESS_EFFECTIVE, PROCESS_SAVED, PROCESS_FS, PROCESS_IDS };

struct process_status {
	char state; /* as in proc_pid_status(5) */
	pid_t tgid, parent;
	mode_t umask; /* since Linux 4.7; 022 before */
	uid_t users[PROCESS_IDS];
	gid_t groups[PROCESS_IDS];
	gid_t others[PROCESS_GROUPS_MAX]; /* supplementary groups */
	unsigned other_count;
	uint64_t inheritable, effective, bounding; /* capabilities: none, where a line lacks */
	int filters; /* of seccomp, since Linux 5.9; -1 before */
	uint64_t ignored, caught;		   /* signals, bit 0 is 1; all caught, where a line lacks */
};

/* Returns 0; -errno of the read, -EIO when state, process, parent or ids aren't there. */
int process_status(pid_t pid, struct process_status *ret_status);
/* The same of a file's text. */
int process_status_parse(const char *text, struct process_status *ret_status);

/* False for a process that isn't there. */
bool process_has_capability(pid_t pid, unsigned capability);

/* What it does about a signal that isn't blocked; caught, when that can't be found out. */
enum signal_disposition { SIGNAL_DEFAULT, SIGNAL_IGNORED, SIGNAL_CAUGHT };
enum signal_disposition process_disposition(pid_t pid, int signal);

/* Where a thread sleeps in a system call: its stack pointer, and its program counter behind the call, as /proc/PID/syscall
 * has them. False: it doesn't, or that can't be told. */
bool process_sleeps_at(pid_t tid, uint64_t *ret_stack, uint64_t *ret_counter);

#endif
