/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64 registers as the system-call ABI uses them.
 *
 * The call number is x8 to the program, but the kernel works with a copy taken at entry: changing
 * it takes the NT_ARM_SYSTEM_CALL register set (Linux 4.0).
 */
#ifndef AMPHORA_ARCH_AARCH64_REGISTERS_H
#define AMPHORA_ARCH_AARCH64_REGISTERS_H

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

#define ARCH_AUDIT	 AUDIT_ARCH_AARCH64
#define ARCH_ELF_MACHINE 183 /* EM_AARCH64 */
#define ARCH_NAME	 "aarch64"
#define SYSCALL_RMDIR	 (-1) /* only unlinkat exists */

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 1

struct registers {
	struct user_regs_struct raw;
	bool number_changed;
	int number; /* to be set */
};

/* Of a stopped tracee. Return 0 or -errno. */
static inline int registers_fetch(pid_t tid, struct registers *regs)
{
	struct iovec vector = { &regs->raw, sizeof(regs->raw) };

	regs->number_changed = false;
	return ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static inline int registers_store(pid_t tid, const struct registers *regs)
{
	struct iovec vector = { (void *)(uintptr_t)&regs->raw, sizeof(regs->raw) };
	struct iovec number = { (void *)(uintptr_t)&regs->number, sizeof(regs->number) };

	if (regs->number_changed &&
	    ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &number) < 0)
		return -errno;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static inline int64_t registers_number(const struct registers *regs)
{
	return (int64_t)regs->raw.regs[8];
}

static inline void registers_set_number(struct registers *regs, int64_t number)
{
	regs->number = (int)number;
	regs->number_changed = true;
}

static inline uint64_t registers_argument(const struct registers *regs, unsigned index)
{
	return regs->raw.regs[index];
}

static inline void registers_set_argument(struct registers *regs, unsigned index, uint64_t value)
{
	regs->raw.regs[index] = value;
}

static inline int64_t registers_result(const struct registers *regs)
{
	return (int64_t)regs->raw.regs[0];
}

static inline void registers_set_result(struct registers *regs, int64_t result)
{
	regs->raw.regs[0] = (uint64_t)result;
}

static inline uint64_t registers_stack(const struct registers *regs)
{
	return regs->raw.sp;
}

/* The flags of the clone call that the registers show (x0 holds them until the call returns in the
 * parent); 0 for clone3, whose flags lie in memory. */
static inline uint64_t registers_clone_flags(const struct registers *regs)
{
	return regs->raw.regs[8] == 220 /* __NR_clone */ ? regs->raw.regs[0] : 0;
}

/* Sends a freshly executed image to `entry` with one argument and a stack of its own. */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	regs->raw.pc = entry;
	regs->raw.regs[0] = argument;
	regs->raw.regs[29] = 0;
	regs->raw.regs[30] = 0;
	regs->raw.sp = stack & ~15ULL;
}

#endif
