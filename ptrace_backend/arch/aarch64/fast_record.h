/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: a patched site's record. Pure: tests make records on other machines. */
#ifndef AMPHORA_ARCH_AARCH64_FAST_RECORD_H
#define AMPHORA_ARCH_AARCH64_FAST_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SVC	    0xd4000001u
#define BRANCH	    0x14000000u
#define BRANCH_MASK 0x03ffffffu
#define REACH	    (1LL << 27) /* bytes, either way */
#define PUSH_1	    0xa9be47f0u /* stp x16, x17, [sp, #-32]! */
#define PUSH_2	    0xa9013feeu /* stp x14, x15, [sp, #16] */
#define POP_1	    0xa9413feeu /* ldp x14, x15, [sp, #16] */
#define POP_2	    0xa8c247f0u /* ldp x16, x17, [sp], #32 */
#define ADR_RECORD  0x10ffffd0u /* adr x16, two instructions before it */
#define LDR_STUB    0x58000071u /* ldr x17, three instructions behind it */
#define BR_X17	    0xd61f0220u

/* The site branches to `code`. A jump that far takes a register, hence four of them lie on the program's stack until slow
 * or leave has taken them back. All of it but the stub's address counts from where it is. */
struct fast_record {
	uint32_t code[6];  /* push; adr record, x16; ldr stub, x17; br x17 */
	uint64_t stub;
	uint32_t slow[4];  /* pop; svc; b back */
	uint32_t leave[4]; /* pop; b back */
	uint32_t flags;	   /* enum fast_site_flags */
	uint32_t reserved;
	uint64_t back;	   /* of a copy's: from the record to where the program goes on */
	uint64_t magic;	   /* struct fast's */
};

#define RECORD_SLOW  32
#define RECORD_LEAVE 48
#define IN_CALL	     (RECORD_SLOW + 8) /* its svc */
#define IN_LEAVE     (RECORD_LEAVE + 8)

/* Returns false when it is out of reach. */
static inline bool record_branch(uint64_t from, uint64_t to, uint32_t *ret_code)
{
	int64_t distance = (int64_t)(to - from);

	if (distance < -REACH || distance >= REACH || (distance & 3))
		return false;
	*ret_code = BRANCH | ((uint32_t)((uint64_t)distance >> 2) & BRANCH_MASK);
	return true;
}

/* The record at an address for the svc before `after`, and the branch to it. Returns false when one is out of reach. */
static inline bool record_make(uint64_t stub, uint64_t record, uint64_t after, struct fast_record *ret_made,
			       uint32_t *ret_jump)
{
	*ret_made = (struct fast_record){
		.code = { PUSH_1, PUSH_2, ADR_RECORD, LDR_STUB, BR_X17 },
		.stub = stub,
		.slow = { POP_1, POP_2, SVC },
		.leave = { POP_1, POP_2 },
	};
	return record_branch(after - 4, record, ret_jump) &&
	       record_branch(record + IN_CALL + 4, after, &ret_made->slow[3]) &&
	       record_branch(record + IN_LEAVE, after, &ret_made->leave[2]);
}

/* A copy's site (fast_copy_patcher of fast_copy.h), with a record of these flags and this magic number. */
static inline bool record_patch_copy(uint64_t stub, uint32_t flags, uint64_t magic, uint8_t *after, int64_t distance,
				     uint8_t *record)
{
	struct fast_record made;
	uint32_t text, jump;

	memcpy(&text, after - sizeof(text), sizeof(text));
	if (text != SVC || !record_make(stub, 0, (uint64_t)-distance, &made, &jump))
		return false;
	made.flags = flags;
	made.back = (uint64_t)-distance;
	made.magic = magic;
	memcpy(record, &made, sizeof(made));
	memcpy(after - sizeof(jump), &jump, sizeof(jump));
	return true;
}

#endif
