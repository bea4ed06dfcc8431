/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64 registers. Included by arch.h, after struct registers.
 *
 * The call number is x8 to the program, but the kernel works with a copy taken at entry: changing
 * it takes the NT_ARM_SYSTEM_CALL register set (Linux 4.0).
 */
#ifndef AMPHORA_ARCH_AARCH64_REGISTERS_H
#define AMPHORA_ARCH_AARCH64_REGISTERS_H

#include <linux/audit.h>

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

#define ARCH_AUDIT	 AUDIT_ARCH_AARCH64
#define ARCH_ELF_MACHINE 183 /* EM_AARCH64 */
#define ARCH_NAME	 "aarch64"
#define SYSCALL_RMDIR	 (-1) /* only unlinkat exists */

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 1

static inline int registers_fetch_raw(pid_t tid, struct registers *regs);

static inline void arch_registers_read(struct registers *regs)
{
	regs->number = (int64_t)regs->raw.regs[8];
	regs->result = (int64_t)regs->raw.regs[0];
	regs->stack = regs->raw.sp;
	for (unsigned i = 0; i < 6; i++)
		regs->arguments[i] = regs->raw.regs[i];
}

/* A result is written over argument 0: a call that is skipped takes none. */
static inline int arch_registers_write(pid_t tid, struct registers *regs)
{
	struct iovec vector = { &regs->raw, sizeof(regs->raw) };
	int number = (int)regs->number;
	struct iovec number_vector = { &number, sizeof(number) };

	if ((regs->changed & REGISTER_NUMBER) &&
	    ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &number_vector) < 0)
		return -errno;
	if (regs->changed == REGISTER_NUMBER)
		return 0;
	if (!regs->raw_valid && registers_fetch_raw(tid, regs) < 0)
		return -errno;
	for (unsigned i = 0; i < 6; i++)
		if (regs->changed & ((unsigned)REGISTER_ARGUMENT_0 << i))
			regs->raw.regs[i] = regs->arguments[i];
	if (regs->changed & REGISTER_RESULT)
		regs->raw.regs[0] = (uint64_t)regs->result;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

/* The flags of the clone call that the registers show (x0 holds them until the call returns in the
 * parent); 0 for clone3, whose flags lie in memory. */
static inline uint64_t registers_clone_flags(const struct registers *regs)
{
	return regs->number == 220 /* __NR_clone */ ? regs->arguments[0] : 0;
}

/* Sends a freshly executed image to `entry` with a second argument and a stack of its own (the first
 * is execve's result on some architectures). The registers were read with registers_fetch(). */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	regs->raw.pc = entry;
	regs->raw.regs[1] = argument;
	regs->raw.regs[29] = 0;
	regs->raw.regs[30] = 0;
	regs->raw.sp = stack & ~15ULL;
	regs->changed = REGISTER_ALL;
}

/* At an exit stop: the call is made again, from its entry. */
static inline void registers_repeat_call(struct registers *regs, int64_t number)
{
	for (unsigned i = 0; i < 6; i++)
		regs->changed |= (unsigned)REGISTER_ARGUMENT_0 << i;
	regs->raw.regs[8] = (uint64_t)number;
	regs->number = -1;
	regs->changed |= REGISTER_NUMBER | REGISTER_ALL;
	regs->raw.pc -= 4; /* svc #0 */
}

#endif
