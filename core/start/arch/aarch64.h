/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64. Included by arch.h. */
#ifndef AMPHORA_START_ARCH_AARCH64_H
#define AMPHORA_START_ARCH_AARCH64_H

#include <ucontext.h>

/* The program's entry: the stack is as the kernel made it, x0 is the C library's. */
__asm__(".text\n"
	".globl amphora_start\n"
	".type amphora_start, %function\n"
	"amphora_start:\n"
	"	hint #34\n" /* bti c */
	"	mov x19, x0\n"
	"	bl start_install_handler\n"
	"	mov x0, x19\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	b _start\n");

#define ARCH_SIGNAL_FLAGS    0UL /* the kernel's vDSO returns from handlers */
#define ARCH_SIGNAL_RESTORER 0

static inline __attribute__((always_inline)) long start_call(long number, long a, long b, long c,
							     long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline void arch_trap_arguments(const void *context, long *arguments)
{
	const ucontext_t *at = context;

	for (int i = 0; i < 6; i++)
		arguments[i] = (long)at->uc_mcontext.regs[i];
}

static inline void arch_trap_result(void *context, long result)
{
	((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long)result;
}

#endif
