/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64 registers. Included by arch.h, after struct registers.
 *
 * A 32-bit call comes from a 32-bit process or by int 0x80 from a 64-bit one. The tracer asks with
 * PTRACE_GETREGS, which gives the 64-bit set of either; a regset would depend on the code segment.
 */
#ifndef AMPHORA_ARCH_X86_64_REGISTERS_H
#define AMPHORA_ARCH_X86_64_REGISTERS_H

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

#define ARCH_AUDIT	 AUDIT_ARCH_X86_64
#define ARCH_CALLS	 CALLS_X86_64
#define ARCH_CALLS_FILE	 "ptrace_backend/arch/x86_64/calls.def"
#define ARCH_COMPAT_AUDIT   AUDIT_ARCH_I386
#define ARCH_COMPAT_CALLS   CALLS_I386
#define ARCH_COMPAT_MACHINE 3	/* EM_386 */
#define ARCH_COMPAT_UNAME   "i686" /* under PER_LINUX32 */
#define ARCH_COMPAT_ALIGN   4	/* of 64-bit integers in structures */
#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */
#define ARCH_NAME	 "x86_64"

/* x86-64's own calls that the headers may lack (Linux 6.11, 6.18) */
#ifndef SYS_uretprobe
#define SYS_uretprobe 335
#endif
#ifndef SYS_uprobe
#define SYS_uprobe 336
#endif

/* 1 where the result comes back in the register of argument 0. */
#define ARCH_RESULT_IN_ARGUMENT 0

static inline int registers_fetch_raw(pid_t tid, struct registers *regs)
{
	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs->raw) < 0)
		return -errno;
	regs->raw_valid = true;
	return 0;
}

#define OFFSET_OF(name) offsetof(struct user_regs_struct, name)
/* Offsets by bit of enum register_bit, of 64-bit and of 32-bit calls. */
static const uint16_t arch_register_offsets[2][8] = {
	{ OFFSET_OF(rdi), OFFSET_OF(rsi), OFFSET_OF(rdx), OFFSET_OF(r10), OFFSET_OF(r8), OFFSET_OF(r9),
	  OFFSET_OF(rax), OFFSET_OF(orig_rax) },
	{ OFFSET_OF(rbx), OFFSET_OF(rcx), OFFSET_OF(rdx), OFFSET_OF(rsi), OFFSET_OF(rdi),
	  OFFSET_OF(rbp), OFFSET_OF(rax), OFFSET_OF(orig_rax) },
};

static inline void arch_registers_read(struct registers *regs)
{
	const struct user_regs_struct *raw = &regs->raw;

	regs->number = (int)raw->orig_rax;
	regs->result = (int64_t)raw->rax;
	regs->stack = raw->rsp;
	for (unsigned i = 0; i < 6; i++) {
		uintptr_t offset = arch_register_offsets[regs->compat][i];
		uint64_t value = *(const unsigned long long *)((const char *)raw + offset);

		regs->arguments[i] = regs->compat ? (uint32_t)value : value;
	}
	if (regs->compat)
		regs->result = (int)raw->rax < 0 && (int)raw->rax > -4096 ?
				       (int64_t)(int)raw->rax :
				       (int64_t)(uint32_t)raw->rax;
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

	if (!few && !regs->raw_valid && registers_fetch_raw(tid, regs) < 0)
		return -errno;
	for (unsigned bit = 0; bit < 8; bit++) {
		uint64_t value = arch_register_value(regs, bit);
		uintptr_t offset = arch_register_offsets[regs->compat][bit];

		if (!(regs->changed & (1U << bit)))
			continue;
		if (!few)
			*(unsigned long long *)((char *)&regs->raw + offset) = value;
		else if (ptrace(PTRACE_POKEUSER, tid, (void *)offset, (void *)value) < 0)
			return -errno;
	}
	if (!few && ptrace(PTRACE_SETREGS, tid, NULL, &regs->raw) < 0)
		return -errno;
	return 0;
}

/* The flags of the clone call that the raw registers show at its event; 0 for fork and vfork (and for
 * clone3, whose flags lie in memory). No fork, vfork or clone has another's number in the other table. */
static inline uint64_t registers_clone_flags(const struct registers *regs)
{
	switch ((int)regs->raw.orig_rax) {
	case 56: /* __NR_clone */
		return regs->raw.rdi;
	case 120: /* i386's */
		return (uint32_t)regs->raw.rbx;
	default:
		return 0;
	}
}

/* Sends a freshly executed image to `entry` with a second argument and a stack of its own (the first
 * is execve's result on some architectures). The registers were read with registers_fetch(). */
static inline void registers_enter_loader(struct registers *regs, uint64_t entry, uint64_t argument,
					  uint64_t stack)
{
	regs->raw.rip = entry;
	if (regs->compat) { /* regparm(2) */
		regs->raw.rdx = argument;
		regs->raw.rsp = (stack & ~15ULL) - 4;
	} else {
		regs->raw.rsi = argument;
		regs->raw.rsp = (stack & ~15ULL) - 8;
	}
	regs->raw.rbp = 0;
	regs->raw.orig_rax = (unsigned long long)-1;
	regs->changed = REGISTER_ALL;
}

/* Behind the loader's last call: as execve(2) leaves a program that starts at `entry`. */
static inline void registers_enter_program(struct registers *regs, uint64_t entry, uint64_t stack,
					   int64_t execve_number)
{
	struct user_regs_struct was = regs->raw;

	regs->raw = (struct user_regs_struct){
		.cs = was.cs, .ss = was.ss, .ds = was.ds, .es = was.es, .fs = was.fs, .gs = was.gs,
		.fs_base = was.fs_base, .gs_base = was.gs_base, .eflags = was.eflags & 0x200,
		.rip = entry, .rsp = stack, .orig_rax = (unsigned long long)execve_number,
	};
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
	regs->raw.rip -= 2; /* syscall, int 0x80; the vDSO has one before the place it returns to */
}

/* At an entry stop or seccomp event, behind the last registers_store(). Returns 0 or -errno. */
static inline int registers_set_program_counter(pid_t tid, uint64_t value)
{
	return ptrace(PTRACE_POKEUSER, tid, (void *)OFFSET_OF(rip), (void *)value) < 0 ? -errno : 0;
}

/* Whether the kernel runs the call with another argument 0 than filters see; it was `told` at the entry. */
static inline bool registers_hide_argument(const struct registers *regs, uint64_t told)
{
	(void)regs;
	(void)told;
	return false;
}

/* Where a freshly executed image starts. */
static inline uint64_t registers_program_counter(const struct registers *regs)
{
	return regs->raw.rip;
}

/* At a SIGSYS stop: makes the instruction before `after` again, as the call that number and arguments
 * say. */
static inline void registers_rewind(struct registers *regs, uint64_t after)
{
	regs->raw.rip = after - 2; /* syscall */
	regs->raw.rax = (unsigned long long)regs->number;
	regs->raw.orig_rax = (unsigned long long)-1;
	regs->raw.rdi = regs->arguments[0];
	regs->raw.rsi = regs->arguments[1];
	regs->raw.rdx = regs->arguments[2];
	regs->raw.r10 = regs->arguments[3];
	regs->raw.r8 = regs->arguments[4];
	regs->raw.r9 = regs->arguments[5];
	regs->changed = REGISTER_ALL;
}

/* At a SIGSYS stop: goes on behind the instruction with a result. */
static inline void registers_answer_trap(struct registers *regs, uint64_t after, int64_t result)
{
	regs->raw.rip = after;
	regs->raw.rax = (unsigned long long)result;
	regs->raw.orig_rax = (unsigned long long)-1;
	regs->changed = REGISTER_ALL;
}

/* At the exit of another call made in its place: what the guest's own would have left. The kernel may
 * still decide to restart it. */
static inline void registers_finish_trap(struct registers *regs, int64_t number,
					 const uint64_t *arguments)
{
	regs->number = number;
	regs->changed |= REGISTER_NUMBER | REGISTER_RESULT;
	for (unsigned i = 0; i < 6; i++) {
		regs->arguments[i] = arguments[i];
		regs->changed |= (unsigned)REGISTER_ARGUMENT_0 << i;
	}
}

/* At a signal's stop: whether it came into a call that the kernel may make again once it is handled. */
static inline bool registers_restart(const struct registers *regs, uint64_t after)
{
	const int64_t first = -516, last = -512; /* ERESTARTSYS and its kin */

	return regs->raw.rip == after && regs->number >= 0 && regs->result >= first &&
	       regs->result <= last;
}

#endif
