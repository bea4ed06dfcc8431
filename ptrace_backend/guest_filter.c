// SPDX-License-Identifier: Apache-2.0
/* Seccomp filters that guests install themselves: neither weaker nor broken by ours.
 *
 * Theory of operation
 *
 * The kernel has the guest's filters and enforces them. Two things it can't know:
 *
 *   - USER_NOTIF outranks TRACE. A call that we answer by notification would pass a guest's filter that wants
 *     its tracer asked. Hence each program is kept, per thread as the kernel does, and run by us where
 *     the kernel's own event doesn't come: without a tracer such a call is ENOSYS, with one
 *     it is asked at the entry of the call (guest_stop.c).
 *
 *   - After our stop the kernel asks all filters again, about the call as we rewrote it. One that compares
 *     pointers, or has never heard of memfd_create, would refuse what it has just allowed. Hence the kernel
 *     gets the program with a change (bpf_admit): it doesn't refuse where the instruction pointer
 *     is one that no program can have. The tracer gives it that value for such a call, and takes it back at
 *     the next stop. So do the loader's calls pass, which no program makes.
 *
 * The program lies where the guest can't change it while the kernel reads it.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ptrace.h>
#include <talloc.h>

#include "ptrace_backend/bpf.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"
#include "ptrace_backend/trapped.h"

#define ERRNO_MAX 4095
#define ACTION(answer) ((answer)&SECCOMP_RET_ACTION_FULL)
/* The upper half of addresses that are the kernel's on every machine, and none of its own. */
#define PASSING 0xffffa3f0u

struct guest_filter {
	unsigned references;
	bool may_trace; /* this one or an older one */
	bool all_threads;
	uint16_t length;
	uint64_t large_turns; /* of the memory, when it was put there for the kernel */
	struct guest_filter *older;
	struct sock_filter program[];
};

/* Answers */

static void describe(const struct tracee *tracee, struct seccomp_data *ret_data)
{
	*ret_data = (struct seccomp_data){
		.nr = (int)tracee->regs.number,
		.arch = tracee->regs.compat ? ARCH_COMPAT_AUDIT : ARCH_AUDIT,
		.instruction_pointer = tracee->regs.after,
	};
	for (unsigned i = 0; i < 6; i++)
		ret_data->args[i] = tracee->regs.arguments[i];
}

/* As the kernel compares: the newest of the least. */
uint32_t guest_filter_answer_to(const struct tracee *tracee, const struct seccomp_data *data)
{
	uint32_t answer = SECCOMP_RET_ALLOW;

	for (const struct guest_filter *at = tracee->filters; at; at = at->older) {
		uint32_t its = bpf_run(at->program, at->length, data);

		if ((int32_t)ACTION(its) < (int32_t)ACTION(answer))
			answer = its;
	}
	return answer;
}

uint32_t guest_filter_answer(const struct tracee *tracee)
{
	struct seccomp_data data;

	if (!tracee->filters)
		return SECCOMP_RET_ALLOW;
	describe(tracee, &data);
	return guest_filter_answer_to(tracee, &data);
}

uint32_t guest_filter_our_answer(const struct tracee *tracee)
{
	const struct tracer *tracer = tracee->tracer;
	struct seccomp_data data;
	uint32_t answer;

	describe(tracee, &data);
	answer = bpf_run(tracer->filter.program, tracer->filter.length, &data);
	if (ACTION(answer) == SECCOMP_RET_ALLOW && tracee->names_filtered)
		answer = bpf_run(tracer->filter.names, tracer->filter.names_length, &data);
	return answer;
}

bool guest_filter_decides(struct tracee *tracee, enum verdict *ret_verdict)
{
	uint32_t answer, action;

	if (!tracee->filters || tracee->trapped.active)
		return false;
	answer = guest_filter_answer(tracee);
	action = ACTION(answer);
	if (action == SECCOMP_RET_TRACE && !guest_was_asked(tracee)) {
		tracee_answer(tracee, -ENOSYS); /* as without a tracer: seccomp(2) */
		*ret_verdict = VERDICT_SKIP;
		return true;
	}
	/* Nothing is refused that came here, unless a guest that traces has made another call of it: the kernel
	 * does what it is answered. Attack: a call that the kernel doesn't refuse would be made untranslated. */
	if (!bpf_refuses(action) || !tracee->guest || !tracee->guest->own_filter)
		return false;
	if (action == SECCOMP_RET_ERRNO) {
		int64_t error = answer & SECCOMP_RET_DATA;

		tracee_answer(tracee, -(error < ERRNO_MAX ? error : ERRNO_MAX));
		*ret_verdict = VERDICT_SKIP;
	} else {
		*ret_verdict = VERDICT_CONTINUE;
	}
	return true;
}

/* Calls of ours */

void guest_filter_pass(struct tracee *tracee)
{
	if (!tracee->tracer->plan->seccomp_stop_after_entry ||
	    !bpf_refuses(guest_filter_answer(tracee)))
		return;
	if (registers_set_program_counter(tracee->tid, (uint64_t)PASSING << 32) == 0)
		tracee->passing_from = tracee->regs.after;
}

bool guest_filter_lets_pass(uint64_t counter)
{
	return counter >> 32 == PASSING;
}

void guest_filter_lift(struct tracee *tracee)
{
	if (!tracee->passing_from)
		return;
	registers_set_program_counter(tracee->tid, tracee->passing_from);
	tracee->passing_from = 0;
}

bool guest_filter_watches(const struct tracee *tracee)
{
	return tracee->filters && tracee->filters->may_trace && tracee->guest &&
	       (tracee->guest->options & PTRACE_O_TRACESECCOMP) &&
	       (tracee->tracer->notifier || trapped_any(tracee->tracer->plan));
}

void guest_filter_on_loader(struct tracee *tracee)
{
	const struct tracee_mm *mm = tracee->mm;

	tracee->loader_calls = !tracee->loader_calls;
	if (!tracee->loader_calls) {
		if (tracee->loader_ends && !tracee->guest)
			tracee->state = TRACEE_RUNNING;
		return;
	}
	if (registers_fetch_entry(tracee->tid, &tracee->regs) < 0)
		return;
	tracee->loader_ends = guest_loader_ends(tracee);
	if (tracee->regs.after - mm->loader_base < mm->loader_size)
		guest_filter_pass(tracee);
}

/* Life */

static void drop(struct guest_filter *filter)
{
	while (filter && --filter->references == 0) {
		struct guest_filter *older = filter->older;

		talloc_free(filter);
		filter = older;
	}
}

void guest_filter_settle(struct tracee *tracee)
{
	drop(tracee->filters_before);
	tracee->filters_before = NULL;
	tracee->filters_given = false;
}

void guest_filter_release(struct tracee *tracee)
{
	guest_filter_settle(tracee);
	drop(tracee->filters);
	tracee->filters = NULL;
}

/* What the kernel has of all kinds, ours too; -1: not known. */
static int count_filters(pid_t tid)
{
	struct process_status status;

	return process_status(tid, &status) < 0 ? -1 : status.filters;
}

/* Attack: a process that is forked while another thread gives its parent filters may not have them, whichever of the two
 * we are told of first. What the kernel doesn't enforce mustn't count for us. */
static struct guest_filter *inherited(const struct tracee *child, const struct tracee *parent)
{
	int count;

	if (!parent->filters_given || child->tgid == parent->tgid)
		return parent->filters;
	count = count_filters(child->tid);
	return count >= 0 && count == count_filters(parent->tid) ? parent->filters : parent->filters_before;
}

void guest_filter_inherit(struct tracee *child, const struct tracee *parent)
{
	guest_filter_release(child);
	child->filters = inherited(child, parent);
	if (child->filters)
		child->filters->references++;
	child->passing_from = parent->passing_from; /* the kernel copied the registers */
}

bool guest_filter_in_process(const struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->tgid == tracee->tgid && at->filters)
				return true;
	return false;
}

/* Installation */

/* The kernel has given all threads the caller's filters. */
static void share(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (at->tgid != tracee->tgid || at == tracee)
				continue;
			if (at->filters_given)
				drop(at->filters);
			else
				at->filters_before = at->filters;
			at->filters_given = true;
			at->filters = tracee->filters;
			at->filters->references++;
			at->credentials.no_new_privs |= tracee->credentials.no_new_privs;
			if (guest_filter_watches(at)) /* its next call is to stop at its entry */
				ptrace(PTRACE_INTERRUPT, at->tid, NULL, NULL);
		}
}

static void after_install(struct tracee *tracee)
{
	struct guest_filter *filter = tracee->installing;

	tracee->installing = NULL;
	tracee_restore_arguments(tracee);
	if (tracee_result(tracee) != 0) { /* TSYNC: the thread that has filters of its own */
		talloc_free(filter);
		return;
	}
	if (filter->large_turns != tracee->mm->large_turns) {
		/* Attack: another thread has put something else in its place, and the kernel may have read that. */
		filter->program[0] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		filter->length = 1;
		filter->may_trace = false;
	}
	filter->older = tracee->filters;
	filter->may_trace = filter->may_trace || (filter->older && filter->older->may_trace);
	talloc_steal(tracee->tracer, filter);
	tracee->filters = filter;
	if (filter->all_threads)
		share(tracee);
}

/* With no_new_privs or as root, where the real flag, which is always on, hides what the guest has set. */
static bool may_install(const struct tracee *tracee)
{
	const struct credentials *ids = &tracee->credentials;

	return !tracee->tracer->fake_ids || ids->no_new_privs || ids->euid == ids->root_uid ||
	       credentials_capable(ids, CAP_SYS_ADMIN);
}

/* Puts what the kernel is to read. Returns 0 or -errno. */
static int put_program(struct tracee *tracee, struct guest_filter *filter, uint64_t *ret_address)
{
	static struct sock_filter admitting[BPF_MAXINSNS];
	const struct sock_filter *program = filter->program;
	size_t length = bpf_admit(program, filter->length, PASSING, admitting, BPF_MAXINSNS), size;
	uint64_t address;
	int error;

	if (length)
		program = admitting;
	else
		length = filter->length; /* no room: it may refuse what we rewrite */
	size = length * sizeof(program[0]);
	error = size <= SCRATCH_SLOT_SIZE / 2 ? tracee_put(tracee, program, size, &address) :
						tracee_put_large(tracee, program, size, &address);
	filter->large_turns = tracee->mm->large_turns;
	return error ? error : layout_put_filter(tracee, address, (uint16_t)length, ret_address);
}

enum verdict guest_filter_install(struct tracee *tracee, bool all_threads, unsigned argument)
{
	struct guest_filter *filter;
	uint64_t program, address;
	uint16_t length;
	int error;

	talloc_free(tracee->installing);
	tracee->installing = NULL;
	if (layout_read_filter(tracee, tracee_argument(tracee, argument), &program, &length) < 0) {
		tracee_set_argument(tracee, argument, 0); /* EFAULT, after the kernel has seen the flags */
		return continue_and_restore(tracee);
	}
	if (length > BPF_MAXINSNS)
		length = 0;
	if (length && !may_install(tracee))
		return tracee_answer(tracee, -EACCES);
	filter = talloc_size(tracee, sizeof(*filter) + length * sizeof(filter->program[0]));
	if (!filter)
		return tracee_answer(tracee, -ENOMEM);
	*filter = (struct guest_filter){ .references = 1, .length = length,
					 .all_threads = all_threads };
	if (length && tracee_read(tracee, program, filter->program,
				  length * sizeof(filter->program[0])) < 0) {
		talloc_free(filter);
		return tracee_answer(tracee, -EFAULT);
	}
	if (!bpf_is_valid(filter->program, length))
		filter->length = 0; /* EINVAL, as for no program at all */
	filter->may_trace = bpf_may_trace(filter->program, filter->length);
	error = put_program(tracee, filter, &address);
	if (error) {
		talloc_free(filter);
		return tracee_answer(tracee, error);
	}
	tracee->installing = filter;
	tracee_set_argument(tracee, argument, address);
	tracee->on_exit = after_install;
	return VERDICT_EXIT;
}

enum verdict handle_seccomp(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t flags = tracee_argument(tracee, 1);
	uint32_t action;

	(void)row;
	switch ((unsigned)tracee_argument(tracee, 0)) {
	case SECCOMP_SET_MODE_FILTER:
		/* Attack: USER_NOTIF outranks TRACE, and a supervisor could let calls continue that we
		 * never saw. As on a kernel without it (before 5.0): programs go on with what there was. */
		if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
			return tracee_answer(tracee, -EINVAL);
		return guest_filter_install(tracee, flags & SECCOMP_FILTER_FLAG_TSYNC, 2);
	case SECCOMP_GET_ACTION_AVAIL:
		if (tracee_read(tracee, tracee_argument(tracee, 2), &action, sizeof(action)) == 0 &&
		    action == SECCOMP_RET_USER_NOTIF && !flags)
			return tracee_answer(tracee, -EOPNOTSUPP);
		return VERDICT_CONTINUE;
	case SECCOMP_GET_NOTIF_SIZES:
		return tracee_answer(tracee, -EINVAL);
	default:
		return VERDICT_CONTINUE;
	}
}
