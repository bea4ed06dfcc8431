// SPDX-License-Identifier: Apache-2.0
/* A filter for the processes whose received names and ids have to be put right.
 *
 * Theory of operation
 *
 * recvmsg and accept are what busy servers do, and BPF can't see whether a socket is a unix one. A
 * process meets a peer's path, or ids, only after it has bound a path or set SO_PASSCRED itself, or has
 * the socket from a parent that did. At the first such call it is given a second filter, which its
 * descendants inherit: the others never stop. A socket that is handed to an unrelated process over
 * another socket shows host paths there.
 *
 * A guest with a filter of its own may die of a seccomp(2) that it doesn't expect: it gets none.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/file.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/names_filter.h"
#include "ptrace_backend/precall.h"
#include "ptrace_backend/syscall_table.h"

#define PROGRAM_SIZE 128

/* Filters that a process has; -1 before Linux 5.9. */
static long filter_count(pid_t tid)
{
	static const char label[] = "\nSeccomp_filters:\t";
	char path[64], text[4096], *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, label);
	return at ? strtol(at + sizeof(label) - 1, NULL, 10) : -1;
}

static void mark(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->tgid == tracee->tgid)
				at->names_filtered = true;
}

/* Whatever the result, there is no second try. */
static void installed(struct tracee *tracee, int64_t result)
{
	(void)result;
	mark(tracee);
}

bool names_filter_install(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct sock_filter program[PROGRAM_SIZE];
	bool sends = tracee->tracer->plan->emulate_netlink;
	int length = filter_build_names(sends, ARCH_CALLS, ARCH_COMPAT_CALLS, program, PROGRAM_SIZE);
	uint64_t arguments[6] = { SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC };
	uint64_t address;

	if (tracee->names_filtered)
		return false;
	tracee->names_filtered = true; /* with one thread more than TSYNC reaches there is no loop */
	if (length < 0 || filter_count(tracee->tid) > filter_count(getpid()) + 1 ||
	    tracee_put(tracee, program, (size_t)length * sizeof(program[0]), &address) < 0)
		return false;
	if (layout_put_filter(tracee, address, (uint16_t)length, &arguments[2]) < 0)
		return false;
	*ret_verdict = precall(tracee, SYS_seccomp, arguments, installed);
	return true;
}
