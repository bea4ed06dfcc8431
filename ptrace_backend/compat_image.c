// SPDX-License-Identifier: Apache-2.0
/* The 32-bit loader's ELF file, as bytes in ours. Empty when the compiler makes no 32-bit programs.
 */
#include "ptrace_backend/carrier.h"

#ifndef COMPAT_LOADER
#define COMPAT_LOADER "/dev/null"
#endif

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	".globl amphora_compat_loader, amphora_compat_loader_end\n"
	"amphora_compat_loader:\n"
	".incbin \"" COMPAT_LOADER "\"\n"
	"amphora_compat_loader_end:\n"
	".byte 0\n"
	".popsection\n");
/* clang-format on */
