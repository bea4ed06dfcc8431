// SPDX-License-Identifier: Apache-2.0
/* The seccomp program by call number.
 *
 *   load arch; not ours: on to the 32-bit one; not that either: ENOSYS
 *   load number; personality: compare its argument with each allowed value
 *   of 32-bit calls: the few arguments that are refused
 *   binary search over ranges of numbers with one answer
 *
 * Neighbours with the same answer are one range, so a search takes about six compares. Numbers outside
 * the table, those of x32 (bit 30) among them, fall into ranges that answer ENOSYS.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/arch/compat.h"
#include "ns_backend/seccomp_table.h"

#define UNKNOWN_CALL (SECCOMP_RET_ERRNO | ENOSYS)
#define RANGES_MAX   1024
#define COMPAT_PERSONALITY 136 /* on i386 and arm */

struct range {
	uint32_t first; /* up to the next range's first */
	uint32_t action;
};

struct writer {
	struct seccomp_program *program;
	bool overflow;
};

uint32_t seccomp_call_action(const struct seccomp_call *call, uint64_t capabilities)
{
	switch (call->rule) {
	case CALL_ALLOWED:
		return SECCOMP_RET_ALLOW;
	case CALL_DENIED:
		return SECCOMP_RET_ERRNO | EPERM;
	case CALL_NEEDS:
		if (seccomp_has_capability(capabilities, call->capability))
			return SECCOMP_RET_ALLOW;
		return SECCOMP_RET_ERRNO | (uint32_t)call->error;
	case CALL_ABSENT:
		break;
	}
	return UNKNOWN_CALL;
}

/* Returns the place of the instruction. */
static size_t emit(struct writer *writer, struct sock_filter instruction)
{
	struct seccomp_program *program = writer->program;

	if (program->length >= SECCOMP_PROFILE_LENGTH_MAX) {
		writer->overflow = true;
		return 0;
	}
	program->code[program->length] = instruction;
	return program->length++;
}

static void emit_load(struct writer *writer, size_t offset)
{
	emit(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct writer *writer, uint32_t action)
{
	emit(writer, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Returns action when the accumulator is `value`. */
static void emit_return_if(struct writer *writer, uint32_t value, uint32_t action)
{
	emit(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	emit_return(writer, action);
}

/* A jump over what is emitted between begin and end, of any length: conditional jumps reach 255. */
static size_t begin_jump(struct writer *writer)
{
	return emit(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
}

static void end_jump(struct writer *writer, size_t jump)
{
	writer->program->code[jump].k = (uint32_t)(writer->program->length - jump - 1);
}

/* The jump is taken unless the accumulator is `value`. */
static size_t begin_unless(struct writer *writer, uint32_t value)
{
	emit(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
	return begin_jump(writer);
}

/* The lower half of an argument. */
static void emit_load_argument(struct writer *writer, unsigned index)
{
	const size_t low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

	emit_load(writer, offsetof(struct seccomp_data, args) + 8 * index + low_half);
}

static void emit_load_masked(struct writer *writer, unsigned index, uint64_t mask)
{
	emit_load_argument(writer, index);
	emit(writer, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask));
}

/* 32-bit calls with arguments that are refused; the number is in the accumulator, before and after. */
static void emit_compat_arguments(struct writer *writer, uint64_t capabilities)
{
	for (size_t i = 0; i < seccomp_argument_count; i++) {
		const struct seccomp_argument *row = &seccomp_arguments[i];
		uint32_t action = SECCOMP_RET_ERRNO | (uint32_t)row->error;
		size_t other_call, other_value = 0;

		if (seccomp_has_capability(capabilities, row->capability))
			continue;
		other_call = begin_unless(writer, (uint32_t)row->compat_number);
		emit_load_masked(writer, row->index, row->mask);
		if (row->two) {
			other_value = begin_unless(writer, (uint32_t)row->value);
			emit_load_masked(writer, row->second_index, row->mask);
			emit_return_if(writer, (uint32_t)row->second_value, action);
			end_jump(writer, other_value);
		} else {
			emit_return_if(writer, (uint32_t)row->value, action);
		}
		emit_load(writer, offsetof(struct seccomp_data, nr));
		end_jump(writer, other_call);
	}
}

static void emit_personality(struct writer *writer, int number)
{
	size_t jump = begin_unless(writer, (uint32_t)number);

	emit_load_argument(writer, 0);
	for (size_t i = 0; i < seccomp_personality_count; i++)
		emit_return_if(writer, seccomp_personalities[i], SECCOMP_RET_ALLOW);
	emit_return(writer, SECCOMP_RET_ERRNO | EPERM);
	end_jump(writer, jump);
}

static void emit_search(struct writer *writer, const struct range *ranges, size_t count)
{
	size_t middle = count / 2, jump;

	if (count == 1) {
		emit_return(writer, ranges[0].action);
		return;
	}
	/* Below the middle: on, to the left half; else over it. */
	emit(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first,
						  0, 1));
	jump = begin_jump(writer);
	emit_search(writer, ranges, middle);
	end_jump(writer, jump);
	emit_search(writer, ranges + middle, count - middle);
}

static int compare_numbers(const void *a, const void *b)
{
	const struct seccomp_call *const *left = a, *const *right = b;

	return (*left)->number < (*right)->number ? -1 : (*left)->number > (*right)->number;
}

static size_t append_range(struct range *ranges, size_t count, uint32_t first, uint32_t action)
{
	if (count && ranges[count - 1].first == first)
		count--; /* the gap before it is empty */
	if (count && ranges[count - 1].action == action)
		return count;
	ranges[count] = (struct range){first, action};
	return count + 1;
}

/* Covers all numbers: each row's own, and the gaps after it. */
static int make_ranges(const struct seccomp_call *calls, size_t call_count, uint64_t capabilities,
		       struct range *ranges, size_t *ret_count)
{
	const struct seccomp_call *rows[RANGES_MAX / 2];
	size_t row_count = 0, count = 0;

	for (size_t i = 0; i < call_count; i++) {
		if (calls[i].number < 0)
			continue; /* this architecture has no such call */
		if (row_count == RANGES_MAX / 2 - 1)
			return -E2BIG;
		rows[row_count++] = &calls[i];
	}
	qsort(rows, row_count, sizeof(rows[0]), compare_numbers);
	count = append_range(ranges, count, 0, UNKNOWN_CALL);
	for (size_t i = 0; i < row_count; i++) {
		uint32_t number = (uint32_t)rows[i]->number;

		if (i && rows[i - 1]->number == rows[i]->number)
			continue; /* one call, two names */
		count = append_range(ranges, count, number,
				     seccomp_call_action(rows[i], capabilities));
		count = append_range(ranges, count, number + 1, UNKNOWN_CALL);
	}
	*ret_count = count;
	return 0;
}

static int emit_calls(struct writer *writer, const struct seccomp_call *calls, size_t call_count,
		      uint64_t capabilities)
{
	struct range ranges[RANGES_MAX];
	size_t count;
	int result = make_ranges(calls, call_count, capabilities, ranges, &count);

	if (!result)
		emit_search(writer, ranges, count);
	return result;
}

int seccomp_numbers_compile(uint64_t capabilities, struct seccomp_program *ret_program)
{
	struct writer writer = {.program = ret_program};
	const struct seccomp_call *compat_calls;
	size_t compat_count, other_arch;
	int result;

	compat_calls = seccomp_compat_calls(&compat_count);
	ret_program->length = 0;
	emit_load(&writer, offsetof(struct seccomp_data, arch));
	other_arch = begin_unless(&writer, seccomp_arch_native());
	emit_load(&writer, offsetof(struct seccomp_data, nr));
	emit_personality(&writer, SCMP_SYS(personality));
	result = emit_calls(&writer, seccomp_calls, seccomp_call_count, capabilities);
	if (result < 0)
		return result;
	end_jump(&writer, other_arch);
	emit(&writer, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COMPAT_AUDIT, 1, 0));
	emit_return(&writer, UNKNOWN_CALL);
	emit_load(&writer, offsetof(struct seccomp_data, nr));
	emit_personality(&writer, COMPAT_PERSONALITY);
	emit_compat_arguments(&writer, capabilities);
	result = emit_calls(&writer, compat_calls, compat_count, capabilities);
	if (result < 0)
		return result;
	return writer.overflow ? -E2BIG : 0;
}
