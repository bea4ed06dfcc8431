/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: the registers in a slot, and a site's record. */
#ifndef AMPHORA_ARCH_AARCH64_FAST_ARCH_H
#define AMPHORA_ARCH_AARCH64_FAST_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define FAST_WAITS false /* at a stop that it is asked for a call is the stub's still (fast_on_stop_told()) */

/* A branch reaches 128 MiB: the records aren't in the area but where the libraries are. */
#define FAST_RECORDS_APART 1

#define SLOT_SP	  24
#define SLOT_X(n) (32 + 8 * (n)) /* x18 isn't touched */
#define SLOT_NZCV SLOT_X(31)

/* A call site that was patched: it branches to `code`. A jump that far takes a register, hence four of them lie on the
 * program's stack until slow or leave has taken them back. */
struct fast_site {
	uint32_t code[6];  /* push; adr record, x16; ldr stub, x17; br x17 */
	uint64_t stub;
	uint32_t slow[4];  /* pop; svc; b back */
	uint32_t leave[4]; /* pop; b back */
};

struct fast_place {
	uint64_t site;
};

#define RECORD_SLOW  32
#define RECORD_LEAVE 48
#define PUSHED	     32 /* bytes: x16, x17, x14, x15 */

#endif
