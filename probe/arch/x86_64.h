/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: where a system call keeps its number and result. */
#ifndef AMPHORA_PROBE_ARCH_X86_64_H
#define AMPHORA_PROBE_ARCH_X86_64_H

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

typedef struct user_regs_struct probe_registers;

/* Makes the call that raised SIGSYS return `result`. */
static inline void probe_arch_set_trap_result(void *context, long result)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = result;
}

static inline long probe_arch_call_number(const probe_registers *registers)
{
	return (long)registers->orig_rax;
}

static inline long probe_arch_call_result(const probe_registers *registers)
{
	return (long)registers->rax;
}

/* At a syscall-entry stop: the call that will be made. Returns 0 or -errno. */
static inline int probe_arch_set_call_number(pid_t tracee, probe_registers *registers, long number)
{
	struct iovec vector = {.iov_base = registers, .iov_len = sizeof(*registers)};

	registers->orig_rax = (unsigned long)number;
	return ptrace(PTRACE_SETREGSET, tracee, (void *)NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

#endif
