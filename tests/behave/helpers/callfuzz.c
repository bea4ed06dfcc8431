// SPDX-License-Identifier: Apache-2.0
/* callfuzz.h as a 64-bit program; on x86-64 a quarter of its calls go by int 0x80. */
#include <unistd.h>

#include "ptrace_backend/arch/loader_arch.h"

#if defined(__x86_64__)
#define CALLFUZZ_TABLE "ptrace_backend/arch/x86_64/calls.def"
#else
#define CALLFUZZ_TABLE "ptrace_backend/arch/aarch64/calls.def"
#endif

static void door(long number, const long *arguments);
#define CALLFUZZ_DOOR door
#include "tests/behave/helpers/callfuzz.h"

#if defined(__x86_64__)
/* The same row has another number there: half of the numbers are translated by chance alone. */
static const uint16_t narrow_numbers[] = {
#define CALL(number, name) (number),
#define CALL_AS(number, name, row, shape) (number),
#include "core/arch/i386.def"
#undef CALL
#undef CALL_AS
};

static void int80(long number, const long *arguments)
{
	__asm__ volatile("push %%rbp\n\t"
			 "mov %%rsi, %%r11\n\t"
			 "mov 0(%%r11), %%rbx\n\t"
			 "mov 8(%%r11), %%rcx\n\t"
			 "mov 16(%%r11), %%rdx\n\t"
			 "mov 24(%%r11), %%rsi\n\t"
			 "mov 32(%%r11), %%rdi\n\t"
			 "mov 40(%%r11), %%rbp\n\t"
			 "int $0x80\n\t"
			 "pop %%rbp"
			 : "+a"(number), "+S"(arguments)
			 :
			 : "rbx", "rcx", "rdx", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}
#endif

static void door(long number, const long *arguments)
{
#if defined(__x86_64__)
	if (!roll(4)) {
		number = narrow_numbers[roll(COUNT(narrow_numbers))];
		if (roll(2))
			number = roll(2) ? 102 : (long[]){ 5, 11, 195, 296, 301, 345, 369, 370, 371, 372 }[roll(10)];
		if (number != 1 && number != 252 && number != 36 && number != 117 && number != 277 &&
		    number != 119 && number != 173 && number != 344 && number != 393 && number != 395 &&
		    number != 399)
			int80(number | (roll(8) ? 0 : (long)roll(1 << 20) << 32), arguments);
		return;
	}
#endif
	raw(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

int main(int argc, char **argv)
{
	(void)argc;
	fuzz_main((long *)(argv - 1));
	return 0;
}
