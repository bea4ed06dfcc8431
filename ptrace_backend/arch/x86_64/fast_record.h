/* SPDX-License-Identifier: Apache-2.0 */
/* Between fast_patch.c and fast_copied.c: a record's code, by offset. */
#ifndef AMPHORA_ARCH_X86_64_FAST_RECORD_H
#define AMPHORA_ARCH_X86_64_FAST_RECORD_H

#include <string.h>

#include "ptrace_backend/fast_internal.h"

#define SLOW_OFFSET  56 /* of struct fast_site's slow code */
#define LEAVE_OFFSET 96
#define SLOW_CALL    7	/* in the slow code: behind its call */
#define RAW_OFFSET   13 /* in it: the call with another number */

#define MOV_EAX	     0xb8

/* The lower half of a number or a distance, as instructions have it. */
static inline void put32(uint8_t *to, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	memcpy(to, &low, sizeof(low));
}

/* A record with absolute addresses, wherever it lies. Returns 0 or -EFAULT. */
int fast_read_record(const struct tracee *tracee, uint64_t address, struct fast_site *ret_record);
/* At a signal, outside of the area: registers become those of the site when a copy's record is left. A step from a site
 * ends behind its first instruction. */
bool fast_leave_copied(struct tracee *tracee, bool stepped);
/* From a copy's record to its slow code. */
bool fast_slow_copied(struct tracee *tracee);
/* At a SIGILL: whether it was a copy's site, entered in its midst. */
bool fast_repair_copied(struct tracee *tracee);

#endif
