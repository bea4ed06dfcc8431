/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: the registers in a slot, and what is known of a site. */
#ifndef AMPHORA_ARCH_AARCH64_FAST_ARCH_H
#define AMPHORA_ARCH_AARCH64_FAST_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ptrace_backend/arch/aarch64/fast_record.h"

#define FAST_WAITS true /* the stub makes wait4 and waitid */

/* A branch reaches 128 MiB: the records aren't in the area but where the libraries are. */
#define FAST_RECORDS_APART 1

#define SLOT_SP	  24
#define SLOT_X(n) (32 + 8 * (n)) /* x18 isn't touched */
#define SLOT_NZCV SLOT_X(31)

struct fast_place {
	uint64_t site;
};

#define PUSHED 32 /* bytes that a record has put on the stack: x16, x17, x14, x15 */

#endif
