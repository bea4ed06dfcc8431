/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: raw system calls and the final jump for the loader. */
#ifndef AMPHORA_ARCH_X86_64_LOADER_ARCH_H
#define AMPHORA_ARCH_X86_64_LOADER_ARCH_H

#include <stdint.h>

#define ARCH_SYS_CLOSE	    3
#define ARCH_SYS_MMAP	    9
#define ARCH_SYS_MPROTECT   10
#define ARCH_SYS_MUNMAP	    11
#define ARCH_SYS_PREAD64    17
#define ARCH_SYS_MREMAP	    25
#define ARCH_SYS_MADVISE    28
#define ARCH_SYS_PRCTL	    157
#define ARCH_SYS_EXIT_GROUP 231
#define ARCH_SYS_OPENAT	    257
#define ARCH_O_NOFOLLOW	    0400000

static inline __attribute__((always_inline)) long arch_syscall(long number, long a, long b, long c,
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

/* As the kernel starts a program: rdx = 0 (no function for atexit), flags and frame clear. */
static inline __attribute__((always_inline, noreturn)) void arch_jump(uint64_t entry,
								      uint64_t stack)
{
	__asm__ volatile("mov %1, %%rsp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "jmp *%0"
			 :
			 : "a"(entry), "c"(stack)
			 : "memory");
	__builtin_unreachable();
}

#endif
