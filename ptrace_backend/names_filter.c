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
 * Where a thread has a filter of the guest's own it is for the calling thread alone: TSYNC would give the
 * others that one as well.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/names_filter.h"
#include "ptrace_backend/precall.h"
#include "ptrace_backend/syscall_table.h"

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

static void installed_alone(struct tracee *tracee, int64_t result)
{
	(void)tracee;
	(void)result;
}

bool names_filter_install(struct tracee *tracee, enum verdict *ret_verdict)
{
	const struct sock_filter *program = tracee->tracer->filter.names;
	size_t length = tracee->tracer->filter.names_length;
	uint64_t arguments[6] = { SECCOMP_SET_MODE_FILTER };
	uint64_t address;

	if (tracee->names_filtered)
		return false;
	tracee->names_filtered = true; /* with one thread more than TSYNC reaches there is no loop */
	if (tracee_put(tracee, program, length * sizeof(program[0]), &address) < 0)
		return false;
	if (layout_put_filter(tracee, address, (uint16_t)length, &arguments[2]) < 0)
		return false;
	if (guest_filter_in_process(tracee)) {
		*ret_verdict = precall(tracee, SYS_seccomp, arguments, installed_alone);
		return true;
	}
	arguments[1] = SECCOMP_FILTER_FLAG_TSYNC;
	*ret_verdict = precall(tracee, SYS_seccomp, arguments, installed);
	return true;
}
