/* SPDX-License-Identifier: Apache-2.0 */
/* arm64: where a system call keeps its number and result. */
#ifndef AMPHORA_PROBE_ARCH_AARCH64_H
#define AMPHORA_PROBE_ARCH_AARCH64_H

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

typedef struct user_regs_struct probe_registers;

/* Makes the call that raised SIGSYS return `result`. */
static inline void probe_arch_set_trap_result(void *context, long result)
{
	((ucontext_t *)context)->uc_mcontext.regs[0] = (unsigned long)result;
}

static inline long probe_arch_call_number(const probe_registers *registers)
{
	return (long)registers->regs[8];
}

static inline long probe_arch_call_result(const probe_registers *registers)
{
	return (long)registers->regs[0];
}

/* At a syscall-entry stop: the call that will be made. x8 alone is not looked at again: the number
 * has a register set of its own. Returns 0 or -errno. */
static inline int probe_arch_set_call_number(pid_t tracee, probe_registers *registers, long number)
{
	int value = (int)number;
	struct iovec vector = {.iov_base = &value, .iov_len = sizeof(value)};

	(void)registers;
	return ptrace(PTRACE_SETREGSET, tracee, (void *)NT_ARM_SYSTEM_CALL, &vector) < 0 ? -errno
											 : 0;
}

#endif
