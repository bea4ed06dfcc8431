/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point, raw system calls and signal contexts, by architecture. */
#ifndef AMPHORA_START_ARCH_H
#define AMPHORA_START_ARCH_H

/* As the kernel has it for rt_sigaction(2); flags as in SA_*. */
struct kernel_sigaction {
	void (*handler)(int signal, siginfo_t *info, void *context);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

#if defined(__x86_64__)
#include "core/start/arch/x86_64.h"
#elif defined(__aarch64__)
#include "core/start/arch/aarch64.h"
#else
#error "core/start/arch has no header for this architecture"
#endif

#endif
