/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and call numbers that the checks need, for the architecture of this build. */
#ifndef AMPHORA_PROBE_ARCH_H
#define AMPHORA_PROBE_ARCH_H

#if defined(__x86_64__)
#include "probe/arch/x86_64.h"
#elif defined(__aarch64__)
#include "probe/arch/aarch64.h"
#else
#error "probe/arch has no header for this architecture"
#endif

#endif
