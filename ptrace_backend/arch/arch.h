/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of a stopped tracee as the system-call ABI uses them.
 *
 * An entry stop is read with one PTRACE_GET_SYSCALL_INFO where the kernel has it (Linux 5.3): a third
 * of the price of the whole set. What a handler changes is noted in `changed`; the architecture
 * writes just that back where it can. Folders below hold everything that differs.
 */
#ifndef AMPHORA_ARCH_ARCH_H
#define AMPHORA_ARCH_ARCH_H

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

enum register_bit {
	REGISTER_ARGUMENT_0 = 1 << 0, /* argument i is bit i */
	REGISTER_RESULT = 1 << 6,
	REGISTER_NUMBER = 1 << 7,
	REGISTER_ALL = 1 << 8, /* raw itself was changed */
};

struct registers {
	int64_t number;
	uint64_t arguments[6];
	int64_t result;
	uint64_t stack;
	uint64_t after;	  /* the address behind the call's instruction: only as registers_fetch_entry() read it */
	bool compat;	  /* a 32-bit call: as at the last seccomp stop, and set by exec.c */
	unsigned changed; /* enum register_bit */
	bool raw_valid;	  /* raw holds what the kernel gave */
	struct user_regs_struct raw;
};

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/registers.h"
#elif defined(__aarch64__)
#include "ptrace_backend/arch/aarch64/registers.h"
#else
#error "no ptrace_backend/arch/ folder for this architecture"
#endif

/* At any stop. Returns 0 or -errno. */
static inline int registers_fetch(pid_t tid, struct registers *regs)
{
	int error = registers_fetch_raw(tid, regs);

	regs->changed = 0;
	if (!error)
		arch_registers_read(regs);
	return error;
}

/* At a seccomp or entry stop; the result isn't read. Returns 0 or -errno. */
static inline int registers_fetch_entry(pid_t tid, struct registers *regs)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    (info.op != PTRACE_SYSCALL_INFO_SECCOMP && info.op != PTRACE_SYSCALL_INFO_ENTRY)) {
		int error;

		regs->compat = false; /* the filter refuses 32-bit calls then */
		error = registers_fetch(tid, regs);
		regs->after = registers_program_counter(regs);
		return error;
	}
	regs->changed = 0;
	regs->raw_valid = false;
	regs->compat = info.arch == ARCH_COMPAT_AUDIT;
	regs->number = (int64_t)info.seccomp.nr; /* `entry` begins alike */
	regs->stack = info.stack_pointer;
	regs->after = info.instruction_pointer;
	for (unsigned i = 0; i < 6; i++)
		regs->arguments[i] = info.seccomp.args[i];
	return 0;
}

/* Writes back what was changed. Returns 0 or -errno. */
static inline int registers_store(pid_t tid, struct registers *regs)
{
	int error = 0;

	if (regs->changed)
		error = arch_registers_write(tid, regs);
	regs->changed = 0;
	return error;
}

static inline void registers_set_number(struct registers *regs, int64_t number)
{
	regs->number = number;
	regs->changed |= REGISTER_NUMBER;
}

static inline void registers_set_argument(struct registers *regs, unsigned index, uint64_t value)
{
	regs->arguments[index] = value;
	regs->changed |= (unsigned)REGISTER_ARGUMENT_0 << index;
}

static inline void registers_set_result(struct registers *regs, int64_t result)
{
	regs->result = result;
	regs->changed |= REGISTER_RESULT;
}

#endif
