/* SPDX-License-Identifier: Apache-2.0 */
/* Selects what the fast path's area looks like on an architecture: the registers in a slot, a site's record. */
#ifndef AMPHORA_ARCH_FAST_ARCH_H
#define AMPHORA_ARCH_FAST_ARCH_H

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/fast_arch.h"
#elif defined(__aarch64__)
#include "ptrace_backend/arch/aarch64/fast_arch.h"
#endif

#endif
