/* SPDX-License-Identifier: Apache-2.0 */
/* Selects what the loader needs of an architecture: raw system calls and the final jump. */
#ifndef AMPHORA_ARCH_LOADER_ARCH_H
#define AMPHORA_ARCH_LOADER_ARCH_H

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/loader_arch.h"
#elif defined(__aarch64__)
#include "ptrace_backend/arch/aarch64/loader_arch.h"
#elif defined(__i386__)
#include "ptrace_backend/arch/x86_64/compat_loader_arch.h"
#elif defined(__arm__)
#include "ptrace_backend/arch/aarch64/compat_loader_arch.h"
#endif

#endif
