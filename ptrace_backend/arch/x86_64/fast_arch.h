/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: the registers in a slot, and a site's record. */
#ifndef AMPHORA_ARCH_X86_64_FAST_ARCH_H
#define AMPHORA_ARCH_X86_64_FAST_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define FAST_WAITS true /* the stub makes wait4 and waitid */

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

/* A call site that was patched, and one number of its calls. The jump at the site goes through `entry`. */
struct fast_site {
	uint64_t other;	   /* where calls with other numbers go on */
	uint64_t back;	   /* where the program does */
	uint32_t number;   /* of the call */
	uint32_t flags;	   /* enum fast_site_flags */
	uint64_t again;	   /* where the call can be made again */
	uint8_t fill[7];
	uint8_t entry[8];  /* address of code[0] */
	uint8_t fill2[9];
	uint8_t slow[40];  /* mov number, %eax; syscall; jmp *back */
	uint8_t leave[8];  /* jmp *back */
	uint8_t code[56];  /* what was at the site; lea the record, %r11; jmp the stub; or jmp *other */
	uint64_t magic;	   /* of a copy's: struct fast's */
};

/* Where the jump is, and what it has taken the place of. */
struct fast_place {
	uint64_t site;
	uint64_t after;	     /* behind the system call */
	uint32_t boundaries; /* bytes of the jump where an instruction was */
	uint8_t length;	     /* from the site to the system call */
	uint8_t size;	     /* of the jump */
	bool numbered;	     /* what was there sets the number */
	uint32_t number;     /* of the call */
	uint8_t text[9];     /* what was there */
	uint8_t jump[9];     /* what is; no bytes: the site's jump leads to another record */
};

#endif
