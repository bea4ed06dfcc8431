/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64 registers as the system-call ABI uses them. */
#ifndef AMPHORA_ARCH_X86_64_REGISTERS_H
#define AMPHORA_ARCH_X86_64_REGISTERS_H

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

#define ARCH_AUDIT	 AUDIT_ARCH_X86_64
#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */
#define ARCH_NAME	 "x86_64"

/* x86-64's own calls that the headers may lack (Linux 6.11, 6.18) */
#ifndef SYS_uretprobe
#define SYS_uretprobe 335
#endif
#ifndef SYS_uprobe
#define SYS_uprobe 336
#endif

#define SYSCALL_RMDIR 84 /* -1 where only unlinkat exists */

struct registers {
	struct user_regs_struct raw;
};

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 0

/* Of a stopped tracee. Return 0 or -errno. */
static inline int registers_fetch(pid_t tid, struct registers *regs)
{
	struct iovec vector = { &regs->raw, sizeof(regs->raw) };

	return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static inline int registers_store(pid_t tid, const struct registers *regs)
{
	struct iovec vector = { (void *)(uintptr_t)&regs->raw, sizeof(regs->raw) };

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static inline int64_t registers_number(const struct registers *regs)
{
	return (int64_t)regs->raw.orig_rax;
}

static inline void registers_set_number(struct registers *regs, int64_t number)
{
	regs->raw.orig_rax = (unsigned long long)number;
}

static inline uint64_t *registers_slot(struct registers *regs, unsigned index)
{
	unsigned long long *const slots[6] = { &regs->raw.rdi, &regs->raw.rsi, &regs->raw.rdx,
					       &regs->raw.r10, &regs->raw.r8,  &regs->raw.r9 };

	return (uint64_t *)slots[index];
}

static inline uint64_t registers_argument(const struct registers *regs, unsigned index)
{
	return *registers_slot((struct registers *)(uintptr_t)regs, index);
}

static inline void registers_set_argument(struct registers *regs, unsigned index, uint64_t value)
{
	*registers_slot(regs, index) = value;
}

static inline int64_t registers_result(const struct registers *regs)
{
	return (int64_t)regs->raw.rax;
}

static inline void registers_set_result(struct registers *regs, int64_t result)
{
	regs->raw.rax = (unsigned long long)result;
}

static inline uint64_t registers_stack(const struct registers *regs)
{
	return regs->raw.rsp;
}

/* The flags of the clone call that the registers show; 0 for fork and vfork (and for clone3, whose flags
 * lie in memory). */
static inline uint64_t registers_clone_flags(const struct registers *regs)
{
	return regs->raw.orig_rax == 56 /* __NR_clone */ ? regs->raw.rdi : 0;
}

/* Sends a freshly executed image to `entry` with one argument and a stack of its own. */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	regs->raw.rip = entry;
	regs->raw.rdi = argument;
	regs->raw.rsp = stack;
	regs->raw.rbp = 0;
	regs->raw.orig_rax = (unsigned long long)-1;
}

#endif
