/* SPDX-License-Identifier: Apache-2.0 */
/* i386 on x86-64: raw system calls and the final jump for the loader. */
#ifndef AMPHORA_ARCH_X86_64_COMPAT_LOADER_ARCH_H
#define AMPHORA_ARCH_X86_64_COMPAT_LOADER_ARCH_H

#include <stdint.h>

#define ARCH_SYS_CLOSE	    6
#define ARCH_SYS_MUNMAP	    91
#define ARCH_SYS_MPROTECT   125
#define ARCH_SYS_PRCTL	    172
#define ARCH_SYS_PREAD64    180
#define ARCH_SYS_MMAP2	    192
#define ARCH_SYS_EXIT_GROUP 252
#define ARCH_SYS_OPENAT	    295

/* registers_enter_loader() knows. */
#define ARCH_LOADER_ABI __attribute__((regparm(2)))

/* The sixth argument goes where the frame pointer is. */
static inline __attribute__((always_inline)) long arch_syscall(long number, long a, long b, long c,
							       long d, long e, long f)
{
	long result;

	__asm__ volatile("pushl %7\n\t"
			 "pushl %%ebp\n\t"
			 "movl 4(%%esp), %%ebp\n\t"
			 "int $0x80\n\t"
			 "popl %%ebp\n\t"
			 "addl $4, %%esp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
			 : "memory");
	return result;
}

static inline __attribute__((always_inline)) long arch_mmap(long address, long length, int protection,
							    int flags, int fd, uint64_t offset)
{
	return arch_syscall(ARCH_SYS_MMAP2, address, length, protection, flags, fd,
			    (long)(offset >> 12));
}

static inline __attribute__((always_inline)) long arch_pread(int fd, long buffer, long size,
							     uint64_t offset)
{
	return arch_syscall(ARCH_SYS_PREAD64, fd, buffer, size, (long)offset, (long)(offset >> 32),
			    0);
}

/* As the kernel starts a program: edx = 0 (no function for atexit), flags and frame clear. */
static inline __attribute__((always_inline, noreturn)) void arch_jump(unsigned long entry,
								      unsigned long stack)
{
	__asm__ volatile("mov %1, %%esp\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "jmp *%0"
			 :
			 : "a"(entry), "c"(stack)
			 : "memory");
	__builtin_unreachable();
}

#endif
