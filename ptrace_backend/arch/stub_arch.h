/* SPDX-License-Identifier: Apache-2.0 */
/* Selects what the stub needs of an architecture. */
#ifndef AMPHORA_ARCH_STUB_ARCH_H
#define AMPHORA_ARCH_STUB_ARCH_H

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/stub_arch.h"
#elif defined(__aarch64__)
#include "ptrace_backend/arch/aarch64/stub_arch.h"
#endif

#endif
