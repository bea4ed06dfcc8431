/* SPDX-License-Identifier: Apache-2.0 */
/* arm (EABI) on aarch64: raw system calls and the final jump for the loader. */
#ifndef AMPHORA_ARCH_AARCH64_COMPAT_LOADER_ARCH_H
#define AMPHORA_ARCH_AARCH64_COMPAT_LOADER_ARCH_H

#include <stdint.h>

#define ARCH_SYS_CLOSE	    6
#define ARCH_SYS_MUNMAP	    91
#define ARCH_SYS_MPROTECT   125
#define ARCH_SYS_PRCTL	    172
#define ARCH_SYS_PREAD64    180
#define ARCH_SYS_MMAP2	    192
#define ARCH_SYS_EXIT_GROUP 248
#define ARCH_SYS_OPENAT	    322

#define ARCH_LOADER_ABI

/* Built as ARM code (-marm): in Thumb r7 would be the frame pointer. */
static inline __attribute__((always_inline)) long arch_syscall(long number, long a, long b, long c,
							       long d, long e, long f)
{
	register long r7 __asm__("r7") = number;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(r0)
			 : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "memory");
	return r0;
}

static inline __attribute__((always_inline)) long arch_mmap(long address, long length, int protection,
							    int flags, int fd, uint64_t offset)
{
	return arch_syscall(ARCH_SYS_MMAP2, address, length, protection, flags, fd,
			    (long)(offset >> 12));
}

/* 64-bit arguments start at an even register. */
static inline __attribute__((always_inline)) long arch_pread(int fd, long buffer, long size,
							     uint64_t offset)
{
	return arch_syscall(ARCH_SYS_PREAD64, fd, buffer, size, 0, (long)offset,
			    (long)(offset >> 32));
}

/* As the kernel starts a program: r0 = 0 (no function for atexit). Bit 0 of the entry chooses Thumb. */
static inline __attribute__((always_inline, noreturn)) void arch_jump(unsigned long entry,
								      unsigned long stack)
{
	register unsigned long r4 __asm__("r4") = entry;
	register unsigned long r5 __asm__("r5") = stack;

	__asm__ volatile("mov sp, r5\n\t"
			 "mov r0, #0\n\t"
			 "mov fp, #0\n\t"
			 "mov lr, #0\n\t"
			 "bx r4"
			 :
			 : "r"(r4), "r"(r5)
			 : "memory");
	__builtin_unreachable();
}

#endif
