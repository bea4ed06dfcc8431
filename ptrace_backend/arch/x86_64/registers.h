/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64 registers. Included by arch.h, after struct registers. */
#ifndef AMPHORA_ARCH_X86_64_REGISTERS_H
#define AMPHORA_ARCH_X86_64_REGISTERS_H

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

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

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 0

static inline int registers_fetch_raw(pid_t tid, struct registers *regs);

/* Offsets by bit of enum register_bit. */
static const uint16_t arch_register_offsets[8] = {
	offsetof(struct user_regs_struct, rdi), offsetof(struct user_regs_struct, rsi),
	offsetof(struct user_regs_struct, rdx), offsetof(struct user_regs_struct, r10),
	offsetof(struct user_regs_struct, r8),	offsetof(struct user_regs_struct, r9),
	offsetof(struct user_regs_struct, rax), offsetof(struct user_regs_struct, orig_rax),
};

static inline void arch_registers_read(struct registers *regs)
{
	const struct user_regs_struct *raw = &regs->raw;

	regs->number = (int64_t)raw->orig_rax;
	regs->result = (int64_t)raw->rax;
	regs->stack = raw->rsp;
	regs->arguments[0] = raw->rdi;
	regs->arguments[1] = raw->rsi;
	regs->arguments[2] = raw->rdx;
	regs->arguments[3] = raw->r10;
	regs->arguments[4] = raw->r8;
	regs->arguments[5] = raw->r9;
}

static inline uint64_t arch_register_value(const struct registers *regs, unsigned bit)
{
	return bit < 6	? regs->arguments[bit] :
	       bit == 6 ? (uint64_t)regs->result :
			  (uint64_t)regs->number;
}

/* Up to three registers go one by one, at 0.24 us each; the whole set costs 0.8. */
static inline int arch_registers_write(pid_t tid, struct registers *regs)
{
	bool few = !(regs->changed & REGISTER_ALL) && __builtin_popcount(regs->changed) <= 3;
	struct iovec vector = { &regs->raw, sizeof(regs->raw) };

	if (!few && !regs->raw_valid && registers_fetch_raw(tid, regs) < 0)
		return -errno;
	for (unsigned bit = 0; bit < 8; bit++) {
		uint64_t value = arch_register_value(regs, bit);
		uintptr_t offset = arch_register_offsets[bit];

		if (!(regs->changed & (1U << bit)))
			continue;
		if (!few)
			*(unsigned long long *)((char *)&regs->raw + offset) = value;
		else if (ptrace(PTRACE_POKEUSER, tid, (void *)offset, (void *)value) < 0)
			return -errno;
	}
	if (!few && ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0)
		return -errno;
	return 0;
}

/* The flags of the clone call that the registers show; 0 for fork and vfork (and for clone3, whose
 * flags lie in memory). */
static inline uint64_t registers_clone_flags(const struct registers *regs)
{
	return regs->number == 56 /* __NR_clone */ ? regs->arguments[0] : 0;
}

/* Sends a freshly executed image to `entry` with a second argument and a stack of its own (the first
 * is execve's result on some architectures). The registers were read with registers_fetch(). */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	regs->raw.rip = entry;
	regs->raw.rsi = argument;
	regs->raw.rsp = stack;
	regs->raw.rbp = 0;
	regs->raw.orig_rax = (unsigned long long)-1;
	regs->changed = REGISTER_ALL;
}

/* At an exit stop: the call is made again, from its entry. */
static inline void registers_repeat_call(struct registers *regs, int64_t number)
{
	for (unsigned i = 0; i < 6; i++)
		regs->changed |= (unsigned)REGISTER_ARGUMENT_0 << i;
	regs->result = number;
	regs->number = -1;
	regs->changed |= REGISTER_RESULT | REGISTER_NUMBER | REGISTER_ALL;
	regs->raw.rip -= 2; /* syscall */
}

#endif
