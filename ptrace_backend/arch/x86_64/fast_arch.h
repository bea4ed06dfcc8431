/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: the registers in a slot, and a site's record. */
#ifndef AMPHORA_ARCH_X86_64_FAST_ARCH_H
#define AMPHORA_ARCH_X86_64_FAST_ARCH_H

#include <stdint.h>

#define SLOT_RSP    24
#define SLOT_RDI    32
#define SLOT_RSI    40
#define SLOT_RDX    48
#define SLOT_R10    56
#define SLOT_R8	    64
#define SLOT_R9	    72
#define SLOT_RBX    80
#define SLOT_RBP    88
#define SLOT_R12    96
#define SLOT_R13    104
#define SLOT_R14    112
#define SLOT_R15    120

/* A call site that was patched. The jump at the site goes through `entry`. */
struct fast_site {
	uint64_t entry;	   /* address of code[0] */
	uint64_t back;	   /* where the program goes on */
	uint32_t number;   /* of the call */
	uint32_t reserved;
	uint8_t code[32];  /* lea the record, %r11; jmp the stub */
	uint8_t slow[40];  /* mov number, %eax; syscall; jmp *back */
	uint8_t leave[8];  /* jmp *back */
};

#endif
