/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions before a `syscall` can give way to a jump, and how. */
#ifndef AMPHORA_ARCH_X86_64_FAST_SHAPE_H
#define AMPHORA_ARCH_X86_64_FAST_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_MAX  24 /* bytes of instructions that are moved away */
#define JUMP_MAX   9
#define JUMP_LOW   0x27 /* the lowest byte of the address that the jump names is no instruction either */

/* `length` bytes of whole instructions lie between the jump's place and the `syscall`. */
struct fast_shape {
	unsigned length;
	unsigned prefixes;   /* of the jump */
	uint32_t boundaries; /* a bit an instruction that begins at this byte of the jump, or `syscall` does */
	bool numbered;	     /* it is one instruction, that sets the number */
};

/* By their numbers in instructions; that of the call is in the first. */
struct shape_registers {
	uint64_t values[16];
	uint32_t known; /* a bit each */
};

/* Bytes that no instruction begins with, in 64-bit mode. */
bool fast_is_undefined(uint8_t byte);

/* `text`: the `available` bytes that end where the `syscall` begins, one more than the shape has at least. `regs`: of a thread that has come to it.
 * `read` reads 8 bytes of its memory. Returns false when no jump fits. */
bool fast_find_shape(const uint8_t *text, size_t available, const struct shape_registers *regs,
		     bool (*read)(void *context, uint64_t address, uint64_t *ret_value), void *context,
		     struct fast_shape *ret_shape);

/* The jump, by way of the 8 bytes at `pointer` (its lowest byte JUMP_LOW, bits 16 to 31 of the address two bytes
 * that are undefined). Returns its length. */
unsigned fast_make_jump(const struct fast_shape *shape, uint32_t pointer, uint8_t jump[JUMP_MAX]);

#endif
