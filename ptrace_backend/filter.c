// SPDX-License-Identifier: Apache-2.0
/* The seccomp program of a plan, made from the system-call table.
 *
 * Theory of operation
 *
 * The table and the options give each call number a verdict: allow, an errno, trace, or a rule that
 * looks at arguments. Neighbours with the same verdict become one range, gaps and everything from
 * the last row up (x32's numbers too) are ENOSYS ranges. The ranges are the leaves of a balanced
 * tree, one for 64-bit calls and one for 32-bit calls:
 *
 *	     JGE first of right half ---true---> right half
 *	       | false
 *	     left half
 *
 * hence any call costs the architecture check and some seven comparisons. No argument is loaded before
 * a rule's leaf, so that Linux 5.11 and later find the calls that always pass by themselves and skip
 * the program for them.
 *
 * Only the low half of an argument is compared where the kernel takes an int: the high half is
 * noise that a guest could use to dodge the comparison.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/fiemap.h>
#include <linux/fsverity.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "core/base/compat.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/syscall_table.h"

#define ALLOW	   SECCOMP_RET_ALLOW
#define STOP	   (SECCOMP_RET_TRACE | FILTER_MARK)
#define ANSWER(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low halves of arguments come first");
#define LOW_HALF(n)  ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define HIGH_HALF(n) (LOW_HALF(n) + 4)
#define INSTRUCTION_POINTER ((uint32_t)offsetof(struct seccomp_data, instruction_pointer))

#define RANGES_MAX 1024
#define OFFSET_MAX 255 /* of a conditional jump: 8 bits */

/* Numbers from `first` to the next range's. */
struct range {
	uint32_t first;
	uint32_t verdict;
	const struct syscall_row *tested; /* its rule decides, not the verdict */
};

struct writer {
	struct sock_filter *program;
	size_t capacity, length; /* length may pass capacity: nothing is written then */
	const struct filter_options *options;
};

static void emit(struct writer *writer, uint16_t code, uint32_t k, uint8_t on_true,
		 uint8_t on_false)
{
	if (writer->length < writer->capacity)
		writer->program[writer->length] =
			(struct sock_filter)BPF_JUMP(code, k, on_true, on_false);
	writer->length++;
}

static void emit_load(struct writer *writer, uint32_t offset)
{
	emit(writer, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void emit_return(struct writer *writer, uint32_t verdict)
{
	emit(writer, BPF_RET | BPF_K, verdict, 0, 0);
}

/* The verdict when the comparison holds; otherwise what follows. */
static void emit_if(struct writer *writer, uint16_t comparison, uint32_t k, uint32_t verdict)
{
	emit(writer, BPF_JMP | comparison | BPF_K, k, 0, 1);
	emit_return(writer, verdict);
}

static void emit_unless(struct writer *writer, uint16_t comparison, uint32_t k, uint32_t verdict)
{
	emit(writer, BPF_JMP | comparison | BPF_K, k, 1, 0);
	emit_return(writer, verdict);
}

static void emit_if_any(struct writer *writer, const uint32_t *values, size_t count,
			uint32_t verdict)
{
	for (size_t i = 0; i < count; i++)
		emit_if(writer, BPF_JEQ, values[i], verdict);
}
#define EMIT_IF_ANY(writer, values, verdict) \
	emit_if_any(writer, values, sizeof(values) / sizeof((values)[0]), verdict)

/* clone(2) can't ask for CLONE_NEWTIME: the bit belongs to the exit signal there. tracer.c wants to know
 * of CLONE_PARENT. */
#define CLONE_SEEN                                                                        \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP | CLONE_UNTRACED | CLONE_PARENT)

static const uint32_t prctl_always[] = {
	PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_SET_PTRACER, PR_SET_MM, PR_SCHED_CORE, PR_SET_SECCOMP,
};
static const uint32_t prctl_fake_ids[] = {
	PR_GET_KEEPCAPS,   PR_SET_KEEPCAPS,   PR_CAPBSET_READ, PR_CAPBSET_DROP,	    PR_GET_SECUREBITS,
	PR_SET_SECUREBITS, PR_CAP_AMBIENT,    PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS,
};
static const uint32_t seccomp_stops[] = {
	SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL, SECCOMP_GET_NOTIF_SIZES,
};
static const uint32_t ioctl_input[] = { TIOCSTI, TIOCLINUX };
static const uint32_t ioctl_owner[] = { FIOSETOWN, SIOCSPGRP };
/* File systems' own calls change a file through an fd that was opened for reading, and each has more of
 * them than headers tell: all of these types stop, but for the few that programs ask often. */
#define IOCTL_TYPE_MASK 0xff00
static const uint32_t ioctl_types[] = {
	'f' << 8,    /* flags, and ext4's */
	'v' << 8,    /* version */
	'X' << 8,    /* XFS, and what others took over from it */
	0x94 << 8,   /* btrfs: subvolume calls work on a directory's fd; cloning */
	0xf5 << 8,   /* f2fs */
};
static const uint32_t ioctl_readers[] = {
	FS_IOC_GETFLAGS, FS_IOC_GETVERSION, FS_IOC_FIEMAP, FS_IOC_FSGETXATTR, FS_IOC_MEASURE_VERITY,
	FS_IOC32_GETFLAGS, FS_IOC32_GETVERSION, /* 32-bit programs' */
};
static const uint32_t fcntl_owner[] = { F_SETOWN, F_SETOWN_EX };

static bool mutators_are_traced(const struct filter_options *options)
{
	return options->read_only || options->fake_ids;
}

static bool applies(const struct syscall_row *row, const struct filter_options *options)
{
	switch ((enum syscall_when)row->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_FAKE_IDS:
		return options->fake_ids;
	case WHEN_READ_ONLY:
		return mutators_are_traced(options);
	case WHEN_LISTED:
		return options->links || options->hidden;
	case WHEN_SHOWN:
		return options->fake_ids || options->links;
	case WHEN_NAMES:
		return options->ports;
	case WHEN_SYSVIPC:
		return options->sysvipc;
	}
	return true;
}

static void emit_ioctl(struct writer *writer)
{
	emit_load(writer, LOW_HALF(1));
	EMIT_IF_ANY(writer, ioctl_input, ANSWER(EPERM));
	EMIT_IF_ANY(writer, ioctl_owner, STOP);
	if (mutators_are_traced(writer->options)) {
		EMIT_IF_ANY(writer, ioctl_readers, ALLOW);
		emit(writer, BPF_ALU | BPF_AND | BPF_K, IOCTL_TYPE_MASK, 0, 0);
		EMIT_IF_ANY(writer, ioctl_types, STOP);
	}
	emit_return(writer, ALLOW);
}

/* Stops unless the argument is a null pointer. */
static void emit_pointer(struct writer *writer, unsigned index)
{
	emit_load(writer, LOW_HALF(index));
	emit_unless(writer, BPF_JEQ, 0, STOP);
	emit_load(writer, HIGH_HALF(index));
	emit_unless(writer, BPF_JEQ, 0, STOP);
	emit_return(writer, ALLOW);
}

static void emit_socket_option(struct writer *writer, uint32_t option)
{
	emit_load(writer, LOW_HALF(1));
	emit_unless(writer, BPF_JEQ, SOL_SOCKET, ALLOW);
	emit_load(writer, LOW_HALF(2));
	emit_unless(writer, BPF_JEQ, option, ALLOW);
	emit_return(writer, STOP);
}

/* The arguments lie in memory: the handler looks at them. */
static void emit_socketcall(struct writer *writer)
{
	emit_load(writer, LOW_HALF(0));
	for (uint32_t which = 1; which <= SOCKETCALL_MAX; which++) {
		const struct syscall_row *row = socketcall_row(which);

		if (row->action != ACTION_PASS && applies(row, writer->options))
			emit_if(writer, BPF_JEQ, which, STOP);
	}
	emit_return(writer, ALLOW);
}

/* What the stub may call: nothing that changes a file, unless options->fast_may says so. */
#define FAST_OPEN_FLAGS (O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW)
#define FAST_WRITE_FLAGS (FAST_OPEN_FLAGS | O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_SYNC)
static bool is_fast(const struct syscall_row *row, uint32_t may)
{
	switch ((enum syscall_index)row->index) {
	case ROW_newfstatat:
	case ROW_fstat:
	case ROW_statx:
	case ROW_lgetxattr:
	case ROW_fgetxattr:
	case ROW_readlinkat:
	case ROW_openat:
	case ROW_faccessat2:
		return true;
	case ROW_wait4:
	case ROW_waitid:
		return FAST_WAITS;
	case ROW_flistxattr:
	case ROW_fchmod:
	case ROW_utimensat:
		return may & FAST_MAY_CHANGE;
	case ROW_mkdirat:
	case ROW_unlinkat:
	case ROW_renameat:
	case ROW_linkat:
	case ROW_symlinkat:
		return may & FAST_MAY_NAME;
	default:
		return false;
	}
}

static uint32_t plain_verdict(const struct syscall_row *row, const struct filter_options *options)
{
	return row->action != ACTION_TRACE ? ANSWER(row->error) :
	       row->notify && options->notify ? SECCOMP_RET_USER_NOTIF : STOP;
}

/* No set-id bits, and no link to what isn't a name's own. */
static void emit_fast_name(struct writer *writer, const struct syscall_row *row, uint32_t verdict)
{
	emit_load(writer, LOW_HALF(row->index == ROW_mkdirat ? 2 : 4));
	emit_if(writer, BPF_JSET, row->index == ROW_mkdirat ? ~0777u : ~0u, verdict);
}

/* Changes by an fd alone, and no set-id bits. */
static void emit_fast_change(struct writer *writer, const struct syscall_row *row, uint32_t verdict)
{
	emit_load(writer, LOW_HALF(1));
	if (row->index == ROW_fchmod) {
		emit_if(writer, BPF_JSET, ~0777u, verdict);
		return;
	}
	emit_unless(writer, BPF_JEQ, 0, verdict);
	emit_load(writer, HIGH_HALF(1));
	emit_unless(writer, BPF_JEQ, 0, verdict);
}

/* An open from the stub. Where it may write, Landlock holds it by what it asks for: an access mode of 3 asks for nothing,
 * and before Linux 6.2 nor does O_TRUNC. No set-id bits. */
static void emit_fast_open(struct writer *writer, uint32_t verdict)
{
	if (!(writer->options->fast_may & FAST_MAY_OPEN)) {
		emit_load(writer, LOW_HALF(2));
		emit_if(writer, BPF_JSET, ~(uint32_t)FAST_OPEN_FLAGS, verdict);
		return;
	}
	emit_load(writer, LOW_HALF(3));
	emit_if(writer, BPF_JSET, ~0777u, verdict);
	emit_load(writer, LOW_HALF(2));
	emit_if(writer, BPF_JSET, ~(uint32_t)FAST_WRITE_FLAGS, verdict);
	emit(writer, BPF_ALU | BPF_AND | BPF_K, O_ACCMODE | O_TRUNC, 0, 0);
	emit_if(writer, BPF_JEQ, O_TRUNC, verdict);
	emit(writer, BPF_ALU | BPF_AND | BPF_K, O_ACCMODE, 0, 0);
	emit_if(writer, BPF_JEQ, O_ACCMODE, verdict);
}

static void emit_fast(struct writer *writer, const struct syscall_row *row)
{
	uint32_t verdict = plain_verdict(row, writer->options);

	emit_load(writer, INSTRUCTION_POINTER);
	emit_unless(writer, BPF_JEQ, (uint32_t)writer->options->fast, verdict);
	emit_load(writer, INSTRUCTION_POINTER + 4);
	emit_unless(writer, BPF_JEQ, (uint32_t)(writer->options->fast >> 32), verdict);
	if (row->index == ROW_openat)
		emit_fast_open(writer, verdict);
	else if (row->index == ROW_fchmod || row->index == ROW_utimensat)
		emit_fast_change(writer, row, verdict);
	else if (row->index == ROW_mkdirat || row->index == ROW_linkat)
		emit_fast_name(writer, row, verdict);
	emit_return(writer, ALLOW);
}

static void emit_rule(struct writer *writer, const struct syscall_row *row)
{
	switch ((enum filter_rule)row->rule) {
	case RULE_CLONE:
		emit_load(writer, LOW_HALF(0));
		emit_if(writer, BPF_JSET, CLONE_SEEN, STOP);
		emit_return(writer, ALLOW);
		break;
	case RULE_PRCTL:
		emit_load(writer, LOW_HALF(0));
		EMIT_IF_ANY(writer, prctl_always, STOP);
		if (writer->options->fake_ids)
			EMIT_IF_ANY(writer, prctl_fake_ids, STOP);
		emit_return(writer, ALLOW);
		break;
	case RULE_SOCKET:
		emit_load(writer, LOW_HALF(0));
		emit_if(writer, BPF_JEQ, AF_UNIX, ALLOW);
		emit_return(writer, writer->options->deny_network ? ANSWER(EACCES) : STOP);
		break;
	case RULE_IOCTL:
		emit_ioctl(writer);
		break;
	case RULE_FCNTL:
		emit_load(writer, LOW_HALF(1));
		EMIT_IF_ANY(writer, fcntl_owner, STOP);
		emit_return(writer, ALLOW);
		break;
	case RULE_OTHER_PID:
		emit_load(writer, LOW_HALF(0));
		emit_if(writer, BPF_JEQ, 0, ALLOW);
		emit_return(writer, STOP);
		break;
	case RULE_ADDRESS:
		emit_pointer(writer, 4);
		break;
	case RULE_ACCEPT:
		emit_pointer(writer, 1);
		break;
	case RULE_PASSCRED:
		emit_socket_option(writer, SO_PASSCRED);
		break;
	case RULE_PEERCRED:
		emit_socket_option(writer, SO_PEERCRED);
		break;
	case RULE_SECCOMP:
		emit_load(writer, LOW_HALF(0));
		EMIT_IF_ANY(writer, seccomp_stops, STOP);
		emit_return(writer, ALLOW);
		break;
	case RULE_SOCKETCALL:
		emit_socketcall(writer);
		break;
	case RULE_NONE:
		emit_fast(writer, row);
		break;
	}
}

/* Makes room for an unconditional jump where a subtree is longer than a conditional one reaches. Jumps
 * inside the subtree are relative and move along. */
static void insert_far_jump(struct writer *writer, size_t at, uint32_t distance)
{
	emit_return(writer, ANSWER(ENOSYS)); /* overwritten: only makes the program one longer */
	if (writer->length > writer->capacity)
		return;
	memmove(&writer->program[at + 1], &writer->program[at],
		(writer->length - at - 1) * sizeof(writer->program[0]));
	writer->program[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance);
}

static void emit_tree(struct writer *writer, const struct range *ranges, size_t count)
{
	size_t node = writer->length, middle = count / 2, distance;

	if (count == 1) {
		if (ranges->tested)
			emit_rule(writer, ranges->tested);
		else
			emit_return(writer, ranges->verdict);
		return;
	}
	emit(writer, BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, 0, 0);
	emit_tree(writer, ranges, middle);
	distance = writer->length - node - 1;
	if (distance > OFFSET_MAX)
		insert_far_jump(writer, node + 1, (uint32_t)distance);
	if (node < writer->capacity) {
		struct sock_filter *jump = &writer->program[node];

		jump->jt = distance > OFFSET_MAX ? 0 : (uint8_t)distance;
		jump->jf = distance > OFFSET_MAX ? 1 : 0;
	}
	emit_tree(writer, ranges + middle, count - middle);
}

/* `fast`: of the table that the stub uses. */
static struct range range_of(const struct syscall_call *call, uint32_t number,
			     const struct filter_options *options, bool fast)
{
	const struct syscall_row *row = call ? syscall_call_row(call) : NULL;
	struct range range = { .first = number, .verdict = ALLOW };

	if (!row)
		range.verdict = ANSWER(ENOSYS);
	else if (row->action == ACTION_PASS || !applies(row, options))
		range.verdict = ALLOW;
	else if (row->rule != RULE_NONE || (fast && is_fast(row, options->fast_may)))
		range.tested = row;
	else
		range.verdict = plain_verdict(row, options);
	return range;
}

static bool same_verdict(const struct range *a, const struct range *b)
{
	return !a->tested && !b->tested && a->verdict == b->verdict;
}

/* Returns false when there is no room. */
static bool add_range(struct range *ranges, int *used, const struct range *range)
{
	if (*used && same_verdict(&ranges[*used - 1], range))
		return true;
	if (*used == RANGES_MAX)
		return false;
	ranges[(*used)++] = *range;
	return true;
}

/* The ranges of the numbers from `first`, and one for what lies above. */
static bool add_ranges(const struct filter_options *options, enum call_table table, uint32_t first,
		       uint32_t count, struct range *ranges, int *used)
{
	for (uint32_t number = first; number < first + count; number++) {
		struct range range = range_of(syscall_call(table, number), number, options,
					      options->fast && table == options->native);

		if (!add_range(ranges, used, &range))
			return false;
	}
	return add_range(ranges, used,
			 &(struct range){ .first = first + count, .verdict = ANSWER(ENOSYS) });
}

/* Returns the number of ranges, or -ENOSPC. */
static int make_ranges(const struct filter_options *options, enum call_table table,
		       struct range *ranges)
{
	uint32_t high = syscall_numbers(table, true);
	int used = 0;

	if (!add_ranges(options, table, 0, syscall_numbers(table, false), ranges, &used) ||
	    (high && !add_ranges(options, table, HIGH_CALLS, high, ranges, &used)))
		return -ENOSPC;
	return used;
}

/* The tree of a table. Returns 0 or -ENOSPC. */
static int emit_table(struct writer *writer, enum call_table table)
{
	struct range ranges[RANGES_MAX];
	int count = make_ranges(writer->options, table, ranges);

	if (count < 0)
		return count;
	emit_load(writer, offsetof(struct seccomp_data, nr));
	emit_tree(writer, ranges, (size_t)count);
	return 0;
}

int filter_build(const struct filter_options *options, struct sock_filter *program, size_t capacity)
{
	struct writer writer = { .program = program, .capacity = capacity, .options = options };
	size_t jump;
	int error;

	emit_load(&writer, offsetof(struct seccomp_data, arch));
	/* The other table is further away than a conditional jump reaches. */
	emit(&writer, BPF_JMP | BPF_JEQ | BPF_K, syscall_audit_arch(options->native), 1, 0);
	jump = writer.length;
	emit(&writer, BPF_JMP | BPF_JA, 0, 0, 0);
	error = emit_table(&writer, options->native);
	if (jump < capacity)
		program[jump].k = (uint32_t)(writer.length - jump - 1);
	if (options->compat) {
		emit_unless(&writer, BPF_JEQ, syscall_audit_arch(options->compat_table),
			    ANSWER(ENOSYS));
		if (!error)
			error = emit_table(&writer, options->compat_table);
	} else {
		emit_return(&writer, ANSWER(ENOSYS));
	}
	if (error)
		return error;
	return writer.length > capacity ? -ENOSPC : (int)writer.length;
}

static bool has_names(const struct syscall_row *row, bool sends)
{
	return row->when == WHEN_NAMES || (sends && row->index == ROW_sendto);
}

static void emit_names_of_socketcall(struct writer *writer, bool sends)
{
	emit_load(writer, LOW_HALF(0));
	for (uint32_t which = 1; which <= SOCKETCALL_MAX; which++)
		if (has_names(socketcall_row(which), sends) ||
		    (sends && socketcall_row(which)->index == ROW_send))
			emit_if(writer, BPF_JEQ, which, STOP);
	emit_return(writer, ALLOW);
}

static void emit_names(struct writer *writer, enum call_table table, bool sends)
{
	emit_load(writer, offsetof(struct seccomp_data, nr));
	for (uint32_t number = 0; number < syscall_numbers(table, false); number++) {
		const struct syscall_call *call = syscall_call(table, number);
		const struct syscall_row *row = call ? syscall_call_row(call) : NULL;
		size_t node = writer->length;

		if (!row || (!has_names(row, sends) && row->rule != RULE_SOCKETCALL))
			continue;
		emit(writer, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
		if (row->rule == RULE_SOCKETCALL)
			emit_names_of_socketcall(writer, sends);
		else if (row->rule == RULE_NONE || row->when != WHEN_NAMES)
			emit_return(writer, STOP);
		else
			emit_rule(writer, row);
		if (writer->length <= writer->capacity)
			writer->program[node].jf = (uint8_t)(writer->length - node - 1);
	}
	emit_return(writer, ALLOW);
}

int filter_build_names(bool sends, enum call_table native, enum call_table compat,
		       struct sock_filter *program, size_t capacity)
{
	static const struct filter_options none;
	struct writer writer = { .program = program, .capacity = capacity, .options = &none };
	size_t node;

	emit_load(&writer, offsetof(struct seccomp_data, arch));
	node = writer.length;
	emit(&writer, BPF_JMP | BPF_JEQ | BPF_K, syscall_audit_arch(native), 0, 0);
	emit_names(&writer, native, sends);
	if (node < capacity)
		program[node].jf = (uint8_t)(writer.length - node - 1);
	emit_unless(&writer, BPF_JEQ, syscall_audit_arch(compat), ALLOW);
	emit_names(&writer, compat, sends);
	return writer.length > capacity ? -ENOSPC : (int)writer.length;
}
