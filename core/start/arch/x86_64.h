/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64. Included by arch.h. */
#ifndef AMPHORA_START_ARCH_X86_64_H
#define AMPHORA_START_ARCH_X86_64_H

#include <ucontext.h>

/* The program's entry: the stack is as the kernel made it, rdx is the C library's. */
__asm__(".text\n"
	".globl amphora_start\n"
	".type amphora_start, @function\n"
	"amphora_start:\n"
	"	push %rdx\n"
	"	push %rdx\n"
	"	call start_install_handler\n"
	"	pop %rdx\n"
	"	pop %rdx\n"
	"	jmp _start\n"
	".type start_signal_return, @function\n"
	"start_signal_return:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n");
void start_signal_return(void) __attribute__((visibility("hidden")));

#define ARCH_SIGNAL_FLAGS    0x04000000UL /* SA_RESTORER: required here */
#define ARCH_SIGNAL_RESTORER start_signal_return

static inline __attribute__((always_inline)) long start_call(long number, long a, long b, long c,
							     long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline void arch_trap_arguments(const void *context, long *arguments)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	arguments[0] = registers[REG_RDI];
	arguments[1] = registers[REG_RSI];
	arguments[2] = registers[REG_RDX];
	arguments[3] = registers[REG_R10];
	arguments[4] = registers[REG_R8];
	arguments[5] = registers[REG_R9];
}

static inline void arch_trap_result(void *context, long result)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = result;
}

#endif
