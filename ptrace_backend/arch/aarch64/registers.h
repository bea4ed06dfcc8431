/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64 registers. Included by arch.h, after struct registers.
 *
 * The call number is x8 to the program, but the kernel works with a copy taken at entry: changing
 * it takes the NT_ARM_SYSTEM_CALL register set (Linux 4.0).
 *
 * A 32-bit process has a register set of its own: r0-r15, cpsr, orig_r0. Its size tells which.
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
#define ARCH_CALLS	 CALLS_AARCH64
#define ARCH_CALLS_FILE	 "ptrace_backend/arch/aarch64/calls.def"
#define ARCH_COMPAT_AUDIT   AUDIT_ARCH_ARM
#define ARCH_COMPAT_CALLS   CALLS_ARM
#define ARCH_COMPAT_MACHINE 40 /* EM_ARM */
#define ARCH_COMPAT_UNAME   "armv8l" /* under PER_LINUX32 */
#define ARCH_COMPAT_ALIGN   8	/* of 64-bit integers in structures */

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 1

enum { ARM_CALL = 7, ARM_STACK = 13, ARM_LINK = 14, ARM_COUNTER = 15, ARM_CPSR = 16, ARM_COUNT = 18 };
#define ARM_THUMB 0x20u

static inline uint32_t *arm_registers(struct registers *regs)
{
	return (uint32_t *)(void *)&regs->raw;
}

static inline int registers_fetch_raw(pid_t tid, struct registers *regs)
{
	struct iovec vector = { &regs->raw, sizeof(regs->raw) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector) < 0)
		return -errno;
	regs->compat = vector.iov_len == ARM_COUNT * sizeof(uint32_t);
	regs->raw_valid = true;
	return 0;
}

static inline void arch_registers_read(struct registers *regs)
{
	const uint32_t *arm = arm_registers(regs);

	regs->number = regs->compat ? (int)arm[ARM_CALL] : (int)regs->raw.regs[8];
	regs->stack = regs->compat ? arm[ARM_STACK] : regs->raw.sp;
	for (unsigned i = 0; i < 6; i++)
		regs->arguments[i] = regs->compat ? arm[i] : regs->raw.regs[i];
	if (regs->compat)
		regs->result = (int)arm[0] < 0 && (int)arm[0] > -4096 ? (int64_t)(int)arm[0] :
								       (int64_t)arm[0];
	else
		regs->result = (int64_t)regs->raw.regs[0];
}

static inline void arch_raw_set(struct registers *regs, unsigned index, uint64_t value)
{
	if (regs->compat)
		arm_registers(regs)[index] = (uint32_t)value;
	else
		regs->raw.regs[index] = value;
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
			arch_raw_set(regs, i, regs->arguments[i]);
	if (regs->changed & REGISTER_RESULT)
		arch_raw_set(regs, 0, (uint64_t)regs->result);
	if (regs->compat)
		vector.iov_len = ARM_COUNT * sizeof(uint32_t);
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

/* The flags of the clone call that the raw registers show at its event (the first argument's register
 * holds them until the call returns in the parent); 0 for clone3, whose flags lie in memory. */
static inline uint64_t registers_clone_flags(struct registers *regs)
{
	if (regs->compat)
		return regs->number == 120 ? regs->arguments[0] : 0;
	return regs->number == 220 /* __NR_clone */ ? regs->arguments[0] : 0;
}

/* Sends a freshly executed image to `entry` with a second argument and a stack of its own (the first
 * is execve's result on some architectures). The registers were read with registers_fetch(). */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	uint32_t *arm = arm_registers(regs);

	if (regs->compat) {
		arm[1] = (uint32_t)argument;
		arm[ARM_STACK] = (uint32_t)stack & ~15u;
		arm[ARM_LINK] = 0;
		arm[ARM_COUNTER] = (uint32_t)entry & ~1u;
		arm[ARM_CPSR] = (arm[ARM_CPSR] & ~ARM_THUMB) | (entry & 1 ? ARM_THUMB : 0);
	} else {
		regs->raw.pc = entry;
		regs->raw.regs[1] = argument;
		regs->raw.regs[29] = 0;
		regs->raw.regs[30] = 0;
		regs->raw.sp = stack & ~15ULL;
	}
	regs->changed = REGISTER_ALL;
}

/* Behind the loader's last call: as execve(2) leaves a program that starts at `entry`. */
static inline void registers_enter_program(struct registers *regs, uint64_t entry, uint64_t stack,
					   int64_t execve_number)
{
	uint32_t *arm = arm_registers(regs);

	(void)execve_number;
	if (regs->compat) {
		for (unsigned i = 0; i < ARM_STACK; i++)
			arm[i] = 0;
		arm[ARM_STACK] = (uint32_t)stack;
		arm[ARM_LINK] = 0;
		arm[ARM_COUNTER] = (uint32_t)entry & ~1u;
		arm[ARM_CPSR] = (arm[ARM_CPSR] & ~ARM_THUMB) | (entry & 1 ? ARM_THUMB : 0);
	} else {
		for (unsigned i = 0; i < 31; i++)
			regs->raw.regs[i] = 0;
		regs->raw.sp = stack;
		regs->raw.pc = entry;
	}
	regs->changed = REGISTER_ALL;
}

/* At an exit stop: the call is made again, from its entry. */
static inline void registers_repeat_call(struct registers *regs, int64_t number)
{
	for (unsigned i = 0; i < 6; i++)
		regs->changed |= (unsigned)REGISTER_ARGUMENT_0 << i;
	regs->number = -1;
	regs->changed |= REGISTER_NUMBER | REGISTER_ALL;
	if (regs->compat) {
		arm_registers(regs)[ARM_CALL] = (uint32_t)number;
		arm_registers(regs)[ARM_COUNTER] -= arm_registers(regs)[ARM_CPSR] & ARM_THUMB ? 2 : 4;
	} else {
		regs->raw.regs[8] = (uint64_t)number;
		regs->raw.pc -= 4; /* svc #0 */
	}
}

/* At an entry stop or seccomp event, behind the last registers_store(). A 32-bit process has no address that
 * isn't its own. Returns 0 or -errno. */
static inline int registers_set_program_counter(pid_t tid, uint64_t value)
{
	struct user_regs_struct raw;
	struct iovec vector = { &raw, sizeof(raw) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector) < 0)
		return -errno;
	if (vector.iov_len != sizeof(raw))
		return -ENOTSUP;
	raw.pc = value;
	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

/* Whether the kernel runs the call with another argument 0 than filters see; it was `told` at the entry.
 * Filters see a copy made there. That of a 32-bit process is a register of its own. */
static inline bool registers_hide_argument(struct registers *regs, uint64_t told)
{
	return regs->arguments[0] != told ||
	       (regs->compat && arm_registers(regs)[ARM_COUNT - 1] != arm_registers(regs)[0]);
}

/* Where a freshly executed image starts. */
static inline uint64_t registers_program_counter(struct registers *regs)
{
	return regs->compat ? arm_registers(regs)[ARM_COUNTER] : regs->raw.pc;
}

/* At a SIGSYS stop: makes the instruction before `after` again, as the call that number and arguments
 * say. */
static inline void registers_rewind(struct registers *regs, uint64_t after)
{
	regs->raw.pc = after - 4; /* svc */
	regs->raw.regs[8] = (uint64_t)regs->number;
	for (unsigned i = 0; i < 6; i++)
		regs->raw.regs[i] = regs->arguments[i];
	regs->changed = REGISTER_ALL;
}

/* At a SIGSYS stop: goes on behind the instruction with a result. */
static inline void registers_answer_trap(struct registers *regs, uint64_t after, int64_t result)
{
	if (regs->compat)
		arm_registers(regs)[ARM_COUNTER] = (uint32_t)after;
	else
		regs->raw.pc = after;
	arch_raw_set(regs, 0, (uint64_t)result);
	regs->changed = REGISTER_ALL;
}

/* At the exit of another call made in its place: what the guest's own would have left. The kernel may
 * still decide to restart it, but with argument 0 as it was at this entry: where that differs, the
 * guest has to do it. */
static inline void registers_finish_trap(struct registers *regs, int64_t number,
					 const uint64_t *arguments)
{
	const int64_t restart_first = -516, restart_last = -512; /* ERESTARTSYS and its kin */

	if (regs->result >= restart_first && regs->result <= restart_last &&
	    regs->arguments[0] != arguments[0])
		regs->result = -EINTR;
	arch_raw_set(regs, 0, (uint64_t)regs->result);
	arch_raw_set(regs, regs->compat ? ARM_CALL : 8, (uint64_t)number);
	for (unsigned i = 1; i < 6; i++)
		arch_raw_set(regs, i, arguments[i]);
	regs->changed = REGISTER_ALL;
}

/* At a signal's stop: whether it came into a call that the kernel may make again once it is handled. It has
 * been prepared for that already. */
static inline bool registers_restart(const struct registers *regs, uint64_t after)
{
	return regs->raw.pc + 4 == after; /* svc #0 */
}

#endif
