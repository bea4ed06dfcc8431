/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64: raw system calls and the final jump for the loader. */
#ifndef AMPHORA_ARCH_AARCH64_LOADER_ARCH_H
#define AMPHORA_ARCH_AARCH64_LOADER_ARCH_H

#include <stdint.h>

#define ARCH_SYS_OPENAT	    56
#define ARCH_O_NOFOLLOW	    0100000
#define ARCH_SYS_CLOSE	    57
#define ARCH_SYS_PREAD64    67
#define ARCH_SYS_EXIT_GROUP 94
#define ARCH_SYS_PRCTL	    167
#define ARCH_SYS_MUNMAP	    215
#define ARCH_SYS_MREMAP	    216
#define ARCH_SYS_MADVISE    233
#define ARCH_SYS_MMAP	    222
#define ARCH_SYS_MPROTECT   226

static inline __attribute__((always_inline)) long arch_syscall(long number, long a, long b, long c,
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

#define ARCH_LOADER_ABI

static inline __attribute__((always_inline)) long arch_mmap(long address, long length, int protection,
							    int flags, int fd, uint64_t offset)
{
	return arch_syscall(ARCH_SYS_MMAP, address, length, protection, flags, fd, (long)offset);
}

static inline __attribute__((always_inline)) long arch_pread(int fd, long buffer, long size,
							     uint64_t offset)
{
	return arch_syscall(ARCH_SYS_PREAD64, fd, buffer, size, (long)offset, 0, 0);
}

/* As the kernel starts a program: x0 = 0 (no function for atexit). The target may be a function with a
 * BTI landing pad for jumps through x16. */
static inline __attribute__((always_inline, noreturn)) void arch_jump(uint64_t entry,
								      uint64_t stack)
{
	register uint64_t x16 __asm__("x16") = entry;
	register uint64_t x17 __asm__("x17") = stack;

	__asm__ volatile("mov sp, x17\n\t"
			 "mov x0, #0\n\t"
			 "mov x29, #0\n\t"
			 "mov x30, #0\n\t"
			 "br x16"
			 :
			 : "r"(x16), "r"(x17)
			 : "memory");
	__builtin_unreachable();
}

#endif
