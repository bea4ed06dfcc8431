// SPDX-License-Identifier: Apache-2.0
/* Call sites of copies (fast_copy.h), which are patched in the file.
 *
 * Theory of operation
 *
 *	site	b8 NN NN NN NN	mov $number, %eax	e9 RR RR RR RR	jmp record.code
 *	site+5	0f 05		syscall			06 05
 *
 * or, where the number is set before, `mov $dirfd, %edi` in the place of the first (glibc's open). The record then
 * makes up for it, and looks whether the number is the one that was seen.
 *
 * The record lies in the same object, hence all is relative, but for the stub's address: struct fast_shared has
 * it. A program that jumps to the syscall itself gets a SIGILL from the 06, and is sent to the record's slow
 * code, which makes a call of any number.
 *
 * Records are found by the magic number in them, which no guest knows before it has a copy. One that makes its own
 * gains nothing: all that is taken from a record are registers of the guest.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ptrace_backend/arch/x86_64/fast_record.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

#define SITE_LENGTH 7
#define JUMP_LENGTH 5
#define NO_CODE	    0x06
#define MOV_EDI	    0xbf
#define CODE_OFFSET (int64_t)offsetof(struct fast_site, code)

/* A jump from code at an offset of the record to another. */
static unsigned put_jump(uint8_t *at, int64_t from, int64_t to)
{
	*at = 0xe9;
	put32(at + 1, to - (from + JUMP_LENGTH));
	return JUMP_LENGTH;
}

bool fast_patch_copy(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *bytes)
{
	const struct fast_copy_context *copy = context;
	uint8_t *text = after - SITE_LENGTH;
	uint64_t stub = copy->fast->base + FAST_SHARED + offsetof(struct fast_shared, stub);
	int64_t back = -distance;
	struct fast_site record = {
		.back = (uint64_t)back,
		.again = (uint64_t)(back - SITE_LENGTH),
		.number = number,
		.flags = copy->flags | FAST_SITE_RELATIVE,
		.magic = copy->fast->magic,
	};
	uint8_t *at = record.code;
	uint32_t set;

	memcpy(&set, text + 1, sizeof(set));
	if ((text[0] != MOV_EAX && text[0] != MOV_EDI) || (text[0] == MOV_EAX && set != number) ||
	    text[5] != 0x0f || text[6] != 0x05 || stub > INT32_MAX ||
	    distance > INT32_MAX - FAST_SITE_SIZE || distance < INT32_MIN + FAST_SITE_SIZE)
		return false;
	if (text[0] == MOV_EDI) {
		memcpy(at, text, 5);
		at[5] = 0x3d; /* cmp number, %eax; jne raw */
		memcpy(at + 6, &number, sizeof(number));
		memcpy(at + 10, "\x0f\x85", 2);
		at += 16;
		put32(at - 4, (int64_t)(SLOW_OFFSET + RAW_OFFSET) - (CODE_OFFSET + (at - record.code)));
	}
	memcpy(at, "\x4c\x8d\x1d", 3); /* lea record(%rip), %r11 */
	at += 7;
	put32(at - 4, -(CODE_OFFSET + (at - record.code)));
	memcpy(at, "\xff\x24\x25", 3); /* jmp *stub */
	put32(at + 3, (int64_t)stub);

	record.slow[0] = 0xb8; /* mov number, %eax; syscall; jmp back */
	memcpy(record.slow + 1, &number, sizeof(number));
	memcpy(record.slow + 5, "\x0f\x05", 2);
	put_jump(record.slow + SLOW_CALL, SLOW_OFFSET + SLOW_CALL, back);
	memcpy(record.slow + RAW_OFFSET, "\x0f\x05", 2);
	put_jump(record.slow + RAW_OFFSET + 2, SLOW_OFFSET + RAW_OFFSET + 2, back);
	put_jump(record.leave, LEAVE_OFFSET, back);
	memcpy(bytes, &record, sizeof(record));

	put_jump(text, back - SITE_LENGTH, CODE_OFFSET);
	text[JUMP_LENGTH] = NO_CODE;
	return true;
}
_Static_assert(SLOW_CALL + JUMP_LENGTH <= RAW_OFFSET && sizeof(((struct fast_site *)NULL)->code) >= 16 + 7 + 7,
	       "all has room");

int fast_read_record(const struct tracee *tracee, uint64_t address, struct fast_site *ret_record)
{
	if (tracee_read(tracee, address, ret_record, sizeof(*ret_record)) < 0)
		return -EFAULT;
	if (ret_record->flags & FAST_SITE_RELATIVE) {
		ret_record->back += address;
		ret_record->again += address;
	}
	return 0;
}

/* The record of a copy that an address lies in. */
static bool find_record(const struct tracee *tracee, uint64_t address, struct fast_site *ret_record)
{
	const struct fast *fast = tracee->tracer->fast;

	return fast && fast->has_copies && tracee->mm->fast_base &&
	       fast_read_record(tracee, address & ~(uint64_t)(FAST_SITE_SIZE - 1), ret_record) == 0 &&
	       (ret_record->flags & FAST_SITE_RELATIVE) && ret_record->magic == fast->magic;
}

bool fast_is_copied_record(const struct tracee *tracee, uint64_t address)
{
	struct fast_site record;

	return find_record(tracee, address, &record);
}

bool fast_leave_copied(struct tracee *tracee, bool stepped)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	uint64_t within = raw->rip % FAST_SITE_SIZE, slow = within - SLOW_OFFSET;
	struct fast_site record;
	uint32_t set;

	if (!find_record(tracee, raw->rip, &record))
		return false;
	if (within >= CODE_OFFSET && stepped) {
		raw->rip = record.back - 2;
		memcpy(&set, record.code + 1, sizeof(set));
		if (record.code[0] == MOV_EDI)
			raw->rdi = set;
		else
			raw->rax = record.number;
	} else if (within >= CODE_OFFSET || within < SLOW_OFFSET) { /* it may be another number */
		raw->rip = record.again;
	} else if (slow < SLOW_CALL) {
		raw->rip = record.again;
		raw->rax = record.number;
	} else {
		raw->rip = slow == RAW_OFFSET ? record.back - 2 : record.back;
	}
	return true;
}

bool fast_slow_copied(struct tracee *tracee)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	struct fast_site record;

	if (!find_record(tracee, raw->rip, &record))
		return false;
	raw->rip = (raw->rip & ~(uint64_t)(FAST_SITE_SIZE - 1)) + SLOW_OFFSET;
	return true;
}

bool fast_repair_copied(struct tracee *tracee)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	uint8_t text[JUMP_LENGTH + 1];
	struct fast_site record;
	int32_t relative;
	uint64_t code;

	if (!tracee->tracer->fast->has_copies || tracee_read(tracee, raw->rip - JUMP_LENGTH, text, sizeof(text)) < 0 ||
	    text[0] != 0xe9 || text[JUMP_LENGTH] != NO_CODE)
		return false;
	memcpy(&relative, text + 1, sizeof(relative));
	code = raw->rip + (uint64_t)(int64_t)relative;
	if (code % FAST_SITE_SIZE != CODE_OFFSET || !find_record(tracee, code, &record) ||
	    record.back != raw->rip + 2)
		return false;
	raw->rip = code - CODE_OFFSET + SLOW_OFFSET + RAW_OFFSET;
	return true;
}
