// SPDX-License-Identifier: Apache-2.0
/* Which instructions before a `syscall` can give way to a jump.
 *
 * Theory of operation
 *
 * `syscall` has two bytes, the jump `ff 24 25 address` seven, and instructions before it have to make room. They
 * go to the site's record, and so must be ones that do there what they did here: moves between registers, of
 * constants, and to and from the stack.
 *
 * A thread can be between two of them, or in the call, when they are replaced. Where an instruction began, the
 * jump must have a byte that is none: the thread then gets a SIGILL, and is sent to the same place of the copy in
 * the record. Of the jump's bytes these are four of the address: 27, bits 16 to 23, and bits 24 to 31; the
 * second depends on the record. Prefixes that mean nothing (2e) move all of it on:
 *
 *	mov %rcx, %rsi	mov %rbx, %rdi	syscall		Go
 *	ff 24 25	27 LL MM	HH ..
 *
 * What lies behind the jump stays, which may be the `syscall` itself.
 *
 * Instructions can't be found backwards for sure. Hence what they say of the registers is compared with what a
 * thread has in them that has come to the call, at least one of them has to say something, and a byte before them that
 * could be a part of the first is a reason to refuse.
 */
#include "ptrace_backend/arch/x86_64/fast_shape.h"

#include <string.h>

#define PREFIX	 0x2e
#define JUMP	 7
#define PLACE_LOW  3 /* of bytes of the address in the jump */
#define PLACE_BIT16 5
#define PLACE_BIT24 6
#define MOVES_MAX 8

enum { RAX, RSP = 4, RBP = 5 };

enum move_kind {
	MOVE_REGISTER,
	MOVE_SIGNED, /* of 32 bits */
	MOVE_NUMBER,
	MOVE_LOAD,
	MOVE_STORE,
	MOVE_ADDRESS,
};

struct move {
	enum move_kind kind;
	unsigned length;
	unsigned to, from; /* registers; of memory: the base */
	bool wide;	   /* 64 bits */
	int64_t value;	   /* a number, or a displacement */
};

bool fast_is_undefined(uint8_t byte)
{
	static const uint8_t undefined[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f };

	return memchr(undefined, byte, sizeof(undefined)) != NULL;
}

static int32_t signed32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Memory at a displacement from rsp or rbp. Returns the length from the ModRM byte, or 0. */
static unsigned decode_memory(const uint8_t *at, size_t left, unsigned rex, struct move *move)
{
	unsigned mode = at[0] >> 6, base = at[0] & 7, length = 1;

	if (rex & 1 || (mode != 1 && mode != 2) || (base != RSP && base != RBP))
		return 0;
	if (base == RSP && (left < 2 || at[length++] != 0x24))
		return 0;
	move->from = base;
	if (left < length + (mode == 1 ? 1 : 4))
		return 0;
	move->value = mode == 1 ? (int8_t)at[length] : signed32(at + length);
	return length + (mode == 1 ? 1 : 4);
}

static bool decode_modrm(const uint8_t *at, size_t left, unsigned rex, uint8_t opcode, struct move *move)
{
	unsigned reg = (at[0] >> 3 & 7) | (rex & 4) << 1, rm = (at[0] & 7) | (rex & 1) << 3, length = 1;
	bool direct = at[0] >> 6 == 3;

	switch (opcode) {
	case 0x31: /* xor of a register with itself */
		if (!direct || reg != rm)
			return false;
		*move = (struct move){ .kind = MOVE_NUMBER, .to = rm, .wide = true };
		break;
	case 0x63:
		if (!direct || !move->wide)
			return false;
		*move = (struct move){ .kind = MOVE_SIGNED, .to = reg, .from = rm, .wide = true };
		break;
	case 0x89:
		move->kind = direct ? MOVE_REGISTER : MOVE_STORE;
		move->to = direct ? rm : reg;
		move->from = reg;
		if (!direct)
			length = decode_memory(at, left, rex, move);
		break;
	case 0x8b:
	case 0x8d:
		if (opcode == 0x8d && direct)
			return false;
		move->kind = opcode == 0x8d ? MOVE_ADDRESS : direct ? MOVE_REGISTER : MOVE_LOAD;
		move->to = reg;
		move->from = rm;
		if (!direct)
			length = decode_memory(at, left, rex, move);
		break;
	case 0xc7:
		if (at[0] >> 3 != 0x18 || left < 5) /* direct, /0 */
			return false;
		move->kind = MOVE_NUMBER;
		move->to = rm;
		move->value = signed32(at + 1);
		length = 5;
		break;
	default:
		return false;
	}
	move->length = length;
	return length != 0;
}

static bool decode(const uint8_t *at, size_t left, struct move *move)
{
	unsigned rex = 0, before = 0;

	if (left && (at[0] & 0xf0) == 0x40) {
		rex = at[0] & 15;
		before = 1;
	}
	if ((rex & 2) || left < before + 2)
		return false;
	*move = (struct move){ .wide = rex & 8 };
	if ((at[before] & 0xf8) == 0xb8) {
		if (move->wide || left < before + 5)
			return false;
		move->kind = MOVE_NUMBER;
		move->to = (at[before] & 7) | (rex & 1) << 3;
		move->value = signed32(at + before + 1);
		move->length = before + 5;
	} else {
		if (!decode_modrm(at + before + 1, left - before - 1, rex, at[before], move))
			return false;
		move->length += before + 1;
	}
	return move->kind == MOVE_STORE || move->to != RSP;
}

/* Whether a register is known, and still what it was at `moves[at]`. */
static bool stands(const struct move *moves, unsigned count, unsigned at, const struct shape_registers *regs,
		   unsigned which)
{
	for (; at < count; at++)
		if (moves[at].kind != MOVE_STORE && moves[at].to == which)
			return false;
	return regs->known & 1U << which;
}

/* Whether what a move loads may have been written to since. */
static bool is_overwritten(const struct move *moves, unsigned count, unsigned at)
{
	const struct move *load = &moves[at];

	while (++at < count)
		if (moves[at].kind == MOVE_STORE && (moves[at].from != load->from || (moves[at].value < load->value + 8 &&
										      load->value < moves[at].value + 8)))
			return true;
	return false;
}

/* 1: the registers are as this move says, 0: it says nothing, -1: they aren't. */
static int judge(const struct move *moves, unsigned count, unsigned at, const struct shape_registers *regs,
		 bool (*read)(void *context, uint64_t address, uint64_t *ret_value), void *context)
{
	const struct move *move = &moves[at];
	uint64_t expected, found;

	if (move->kind == MOVE_STORE || !stands(moves, count, at + 1, regs, move->to))
		return 0;
	if (move->kind != MOVE_NUMBER && !stands(moves, count, at, regs, move->from))
		return 0;
	found = regs->values[move->to];
	switch (move->kind) {
	case MOVE_NUMBER:
		expected = (uint64_t)move->value;
		break;
	case MOVE_SIGNED:
		expected = (uint64_t)(int64_t)(int32_t)regs->values[move->from];
		break;
	case MOVE_LOAD:
		if (is_overwritten(moves, count, at))
			return 0;
		if (!read(context, regs->values[move->from] + (uint64_t)move->value, &expected))
			return -1;
		break;
	case MOVE_ADDRESS:
		expected = regs->values[move->from] + (uint64_t)move->value;
		break;
	case MOVE_REGISTER:
	default:
		expected = regs->values[move->from];
		break;
	}
	if (!move->wide)
		expected = (uint32_t)expected;
	/* The kernel may know its number by 32 bits. */
	return (move->to == RAX ? (uint32_t)expected == (uint32_t)found : expected == found) ? 1 : -1;
}

/* Whether the byte before an instruction may be one of its own: a prefix, or the first of a longer opcode. That the
 * number is set to what it is says more. */
static bool may_be_longer(const uint8_t *start, bool numbered)
{
	static const uint8_t before[] = { 0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3 };

	return !numbered && (memchr(before, start[-1], sizeof(before)) ||
			     ((start[-1] & 0xf0) == 0x40 && (start[0] & 0xf0) != 0x40));
}

/* Whether all instructions that begin in the jump have such a place. */
static bool fits(const struct move *moves, unsigned count, unsigned prefixes, uint32_t *ret_boundaries)
{
	unsigned at = 0;

	*ret_boundaries = 0;
	for (unsigned i = 0; i < count; i++) {
		at += moves[i].length;
		if (at >= JUMP + prefixes)
			return true;
		if (at != prefixes + PLACE_LOW && at != prefixes + PLACE_BIT16 && at != prefixes + PLACE_BIT24)
			return false;
		*ret_boundaries |= 1U << at;
	}
	return at + 2 >= JUMP + prefixes; /* with the `syscall` */
}

bool fast_find_shape(const uint8_t *text, size_t available, const struct shape_registers *regs,
		     bool (*read)(void *context, uint64_t address, uint64_t *ret_value), void *context,
		     struct fast_shape *ret_shape)
{
	for (unsigned length = JUMP - 2; length < available && length <= SHAPE_MAX; length++) {
		const uint8_t *start = text + available - length;
		struct move moves[MOVES_MAX];
		unsigned count = 0, at = 0;
		bool numbered;
		int said = 0;

		for (; count < MOVES_MAX && at < length && decode(start + at, length - at, &moves[count]); count++)
			at += moves[count].length;
		if (at != length)
			continue;
		for (unsigned i = 0; i < count && said >= 0; i++) {
			int one = judge(moves, count, i, regs, read, context);

			said = one < 0 ? -1 : said + one;
		}
		numbered = count == 1 && moves[0].kind == MOVE_NUMBER && moves[0].to == RAX && length == JUMP - 2;
		if (said <= 0 || may_be_longer(start, numbered))
			continue;
		for (unsigned prefixes = 0; prefixes <= JUMP_MAX - JUMP; prefixes++) {
			struct fast_shape shape = { .length = length, .prefixes = prefixes, .numbered = numbered };

			if (!fits(moves, count, prefixes, &shape.boundaries))
				continue;
			*ret_shape = shape;
			return true;
		}
	}
	return false;
}

unsigned fast_make_jump(const struct fast_shape *shape, uint32_t pointer, uint8_t jump[JUMP_MAX])
{
	memset(jump, PREFIX, shape->prefixes);
	memcpy(jump + shape->prefixes, "\xff\x24\x25", 3);
	memcpy(jump + shape->prefixes + 3, &pointer, sizeof(pointer));
	return JUMP + shape->prefixes;
}
