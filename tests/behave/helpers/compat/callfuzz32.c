// SPDX-License-Identifier: Apache-2.0
/* callfuzz.h as a 32-bit program. */
#if defined(__i386__)
#define CALLFUZZ_TABLE "core/arch/i386.def"
#else
#define CALLFUZZ_TABLE "core/arch/arm.def"
#endif
#define CALLFUZZ_NARROW

#define CALLFUZZ_DOOR(number, arguments)                                                            \
	raw(number, (arguments)[0], (arguments)[1], (arguments)[2], (arguments)[3], (arguments)[4], \
	    (arguments)[5])
#include "tests/behave/helpers/callfuzz.h"

__attribute__((used)) void run(long *stack);
__attribute__((used)) void run(long *stack)
{
	fuzz_main(stack);
}

#ifdef __i386__
__asm__(".globl _start\n_start: mov %esp, %eax\nand $-16, %esp\nsub $12, %esp\npush %eax\ncall run\n");
#else
__asm__(".globl _start\n_start: mov r0, sp\nbl run\n");
#endif
