/* SPDX-License-Identifier: Apache-2.0 */
/* The 32-bit architecture whose programs this one runs: its name to seccomp and its call numbers. */
#ifndef AMPHORA_ARCH_COMPAT_H
#define AMPHORA_ARCH_COMPAT_H

#include <linux/audit.h>

#ifdef __x86_64__
#define COMPAT_AUDIT	  AUDIT_ARCH_I386
#define COMPAT_CALLS_FILE "core/arch/i386.def"
#else
#define COMPAT_AUDIT	  AUDIT_ARCH_ARM
#define COMPAT_CALLS_FILE "core/arch/arm.def"
#endif

/* arm's own calls are counted from here (CALL_HIGH). */
#define COMPAT_HIGH_CALLS 0xf0000

#endif
