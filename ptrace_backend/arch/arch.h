/* SPDX-License-Identifier: Apache-2.0 */
/* Selects the architecture: registers, call numbers' audit arch, loader entry. */
#ifndef AMPHORA_ARCH_ARCH_H
#define AMPHORA_ARCH_ARCH_H

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/registers.h"
#elif defined(__aarch64__)
#include "ptrace_backend/arch/aarch64/registers.h"
#else
#error "no ptrace_backend/arch/ folder for this architecture"
#endif

#endif
