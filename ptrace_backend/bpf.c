// SPDX-License-Identifier: Apache-2.0
/* An evaluator of classic BPF, and the rules by which the kernel takes a program.
 *
 * Theory of operation
 *
 * bpf_is_valid() repeats the kernel's three passes: each instruction by itself, that no memory cell is read
 * before it was written, and what seccomp leaves of the language (32-bit loads from struct
 * seccomp_data, no MOD). What passes can be run without a check: every jump leads forward and inside, and
 * the last instruction returns.
 *
 * bpf_admit() changes single instructions only, so that no offset moves: a return that refuses becomes a jump
 * to a tail behind the program, one for each value.
 *
 *	        ...                               ...
 *	  i:    RET ERRNO|1                 i:    JA tail
 *	        ...                               ...
 *	                                    tail: LD  instruction pointer, upper half
 *	                                          JEQ mark, next, over
 *	                                          RET ALLOW
 *	                                          RET ERRNO|1
 */
#include <stddef.h>
#include <string.h>

#include "ptrace_backend/bpf.h"

#define WORD_OF(data, offset) (*(const uint32_t *)((const char *)(data) + (offset)))
#define SHIFT_MASK 31u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low halves come first");
#define POINTER_HIGH ((uint32_t)offsetof(struct seccomp_data, instruction_pointer) + 4)

/* What seccomp leaves of the language. */
static bool is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_ADD | BPF_K: /* NOLINT(misc-redundant-expression): both 0 */
	case BPF_ALU | BPF_ADD | BPF_X:
	case BPF_ALU | BPF_SUB | BPF_K:
	case BPF_ALU | BPF_SUB | BPF_X:
	case BPF_ALU | BPF_MUL | BPF_K:
	case BPF_ALU | BPF_MUL | BPF_X:
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_DIV | BPF_X:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_ALU | BPF_AND | BPF_X:
	case BPF_ALU | BPF_OR | BPF_K:
	case BPF_ALU | BPF_OR | BPF_X:
	case BPF_ALU | BPF_XOR | BPF_K:
	case BPF_ALU | BPF_XOR | BPF_X:
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_LSH | BPF_X:
	case BPF_ALU | BPF_RSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_X:
	case BPF_ALU | BPF_NEG:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_X:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_X:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_X:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_X:
		return true;
	default:
		return false;
	}
}

static bool is_conditional(uint16_t code)
{
	return BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA;
}

static bool is_well_formed(const struct sock_filter *at, size_t left)
{
	if (!is_known(at->code))
		return false;
	if (is_conditional(at->code))
		return at->jt < left && at->jf < left;
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return at->k < sizeof(struct seccomp_data) && at->k % 4 == 0;
	case BPF_ALU | BPF_DIV | BPF_K:
		return at->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return at->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return at->k < BPF_MEMWORDS;
	case BPF_JMP | BPF_JA:
		return at->k < left;
	default:
		return true;
	}
}

/* Cells that are surely written where each instruction is reached. */
static bool cells_are_written(const struct sock_filter *program, size_t length)
{
	uint16_t masks[BPF_MAXINSNS], written = 0;

	memset(masks, 0xff, sizeof(masks));
	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *code = &program[at];

		written &= masks[at];
		switch (code->code) {
		case BPF_ST:
		case BPF_STX:
			written |= (uint16_t)(1u << code->k);
			break;
		case BPF_LD | BPF_MEM:
		case BPF_LDX | BPF_MEM:
			if (!(written >> code->k & 1))
				return false;
			break;
		case BPF_JMP | BPF_JA:
			masks[at + 1 + code->k] &= written;
			written = 0xffff;
			break;
		default:
			if (!is_conditional(code->code))
				break;
			masks[at + 1 + code->jt] &= written;
			masks[at + 1 + code->jf] &= written;
			written = 0xffff;
		}
	}
	return true;
}

bool bpf_is_valid(const struct sock_filter *program, size_t length)
{
	if (length == 0 || length > BPF_MAXINSNS)
		return false;
	for (size_t at = 0; at < length; at++)
		if (!is_well_formed(&program[at], length - at - 1))
			return false;
	return BPF_CLASS(program[length - 1].code) == BPF_RET && cells_are_written(program, length);
}

static uint32_t calculate(uint16_t operation, uint32_t a, uint32_t b)
{
	switch (operation) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & SHIFT_MASK);
	case BPF_RSH:
		return a >> (b & SHIFT_MASK);
	default: /* BPF_NEG */
		return 0 - a;
	}
}

static bool holds(uint16_t comparison, uint32_t a, uint32_t b)
{
	switch (comparison) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

uint32_t bpf_run(const struct sock_filter *program, size_t length, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0, cells[BPF_MEMWORDS] = { 0 };

	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *code = &program[at];
		uint32_t operand = BPF_SRC(code->code) == BPF_X ? x : code->k;

		switch (BPF_CLASS(code->code)) {
		case BPF_RET:
			return BPF_RVAL(code->code) == BPF_A ? a : code->k;
		case BPF_JMP:
			if (BPF_OP(code->code) == BPF_JA)
				at += code->k;
			else
				at += holds(BPF_OP(code->code), a, operand) ? code->jt : code->jf;
			break;
		case BPF_ALU:
			if (BPF_OP(code->code) == BPF_DIV && operand == 0)
				return SECCOMP_RET_KILL_THREAD; /* as the kernel's translation has it */
			a = calculate(BPF_OP(code->code), a, operand);
			break;
		case BPF_LD:
		case BPF_LDX: {
			uint32_t value = BPF_MODE(code->code) == BPF_ABS ? WORD_OF(data, code->k) :
					 BPF_MODE(code->code) == BPF_MEM ? cells[code->k] :
					 BPF_MODE(code->code) == BPF_LEN ? (uint32_t)sizeof(*data) :
									   code->k;

			if (BPF_CLASS(code->code) == BPF_LD)
				a = value;
			else
				x = value;
			break;
		}
		case BPF_ST:
			cells[code->k] = a;
			break;
		case BPF_STX:
			cells[code->k] = x;
			break;
		default: /* BPF_MISC */
			if (BPF_MISCOP(code->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
	return SECCOMP_RET_KILL_THREAD; /* not reached: the last instruction returns */
}

bool bpf_may_trace(const struct sock_filter *program, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (program[at].code == (BPF_RET | BPF_A) ||
		    (program[at].code == (BPF_RET | BPF_K) &&
		     (program[at].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE))
			return true;
	return false;
}

static bool is_refusal(const struct sock_filter *code)
{
	return code->code == (BPF_RET | BPF_A) ||
	       (code->code == (BPF_RET | BPF_K) && bpf_refuses(code->k));
}

/* Returns of one kind share a tail; of the kinds beyond these, each return has its own. */
#define KINDS_MAX 64
struct tails {
	size_t count;
	struct {
		struct sock_filter code;
		size_t at;
	} known[KINDS_MAX];
};

static bool is_alike(const struct sock_filter *a, const struct sock_filter *b)
{
	return a->code == b->code && (a->code == (BPF_RET | BPF_A) || a->k == b->k);
}

/* Returns where the tail is, or 0. */
static size_t find_tail(const struct tails *tails, const struct sock_filter *code)
{
	for (size_t i = 0; i < tails->count; i++)
		if (is_alike(&tails->known[i].code, code))
			return tails->known[i].at;
	return 0;
}

static size_t write_tail(const struct sock_filter *code, uint32_t mark, struct sock_filter *to)
{
	const struct sock_filter fixed[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, POINTER_HIGH),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		*code,
	}, computed[BPF_ADMIT_TAIL] = {
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, POINTER_HIGH),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		*code,
	};

	if (code->code == (BPF_RET | BPF_A)) {
		memcpy(to, computed, sizeof(computed));
		return sizeof(computed) / sizeof(computed[0]);
	}
	memcpy(to, fixed, sizeof(fixed));
	return sizeof(fixed) / sizeof(fixed[0]);
}

size_t bpf_admit(const struct sock_filter *program, size_t length, uint32_t mark,
		 struct sock_filter *admitting, size_t capacity)
{
	struct tails tails = { 0 };
	size_t end = length;

	if (length > capacity)
		return 0;
	for (size_t at = 0; at < length; at++) {
		size_t tail;

		admitting[at] = program[at];
		if (!is_refusal(&program[at]))
			continue;
		tail = find_tail(&tails, &program[at]);
		if (!tail) {
			if (capacity - end < BPF_ADMIT_TAIL)
				return 0;
			tail = end;
			end += write_tail(&program[at], mark, &admitting[end]);
			if (tails.count < KINDS_MAX) {
				tails.known[tails.count].code = program[at];
				tails.known[tails.count++].at = tail;
			}
		}
		admitting[at] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
							     (uint32_t)(tail - at - 1));
	}
	return end;
}
