// SPDX-License-Identifier: Apache-2.0
/* ptrace: the chain that a tracer lives on, tried on a tracee of our own. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/nested.h"
#include "probe/arch/arch.h"
#include "probe/check.h"

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

#define GET_SYSCALL_INFO 0x420e /* Linux 5.3 */
#define INFO_ENTRY       1
#define STOPS_MAX        16

/* The start of the kernel's ptrace_syscall_info. */
struct syscall_info {
	uint8_t op, padding[3];
	uint32_t arch;
	uint64_t instruction_pointer, stack_pointer, number, arguments[6];
	uint64_t spare[2];
};

/* In the tracee's memory at the same address as in ours. */
static volatile long cell = 0x1234;

static void tracee(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(errno);
	kill(getpid(), SIGSTOP);
	/* The tracer turns this into getpid. */
	_exit(syscall(SYS_getppid) == getpid() ? 0 : EPROTO);
}

/* Next stop; returns the wait status, or -errno when the tracee is gone (its exit status in cell).
 */
static int next_stop(pid_t pid, int *ret_status)
{
	if (waitpid(pid, ret_status, __WALL) < 0)
		return -errno;
	return WIFSTOPPED(*ret_status) ? 0 : -ESRCH;
}

static int read_registers(pid_t pid, probe_registers *registers)
{
	struct iovec vector = {.iov_base = registers, .iov_len = sizeof(*registers)};

	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static int write_registers(pid_t pid, probe_registers *registers)
{
	struct iovec vector = {.iov_base = registers, .iov_len = sizeof(*registers)};

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static void try_process_vm(struct probe_context *context, pid_t pid)
{
	long value = 0, changed = 0x4321;
	struct iovec local = {&value, sizeof(value)}, local_new = {&changed, sizeof(changed)};
	struct iovec remote = {(void *)(uintptr_t)&cell, sizeof(cell)};

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0)
		probe_fails(context, FACT_ID_PROCESS_VM, errno, "process_vm_readv is refused");
	else if (process_vm_writev(pid, &local_new, 1, &remote, 1, 0) < 0)
		probe_fails(context, FACT_ID_PROCESS_VM, errno, "process_vm_writev is refused");
	else if (value != cell || ptrace(PTRACE_PEEKDATA, pid, &cell, NULL) != changed)
		probe_fails(context, FACT_ID_PROCESS_VM, EPROTO, "what was written is not there");
	else
		probe_works(context, FACT_ID_PROCESS_VM, 0, "%s", "");
}

/* A function of ours that nothing calls: a page mapped private, readable and executable. */
static __attribute__((noinline, used)) long patched(long x)
{
	return x * 3 + cell;
}

static void try_text_patch(struct probe_context *context, pid_t pid)
{
	void *at = (void *)((uintptr_t)patched & ~(uintptr_t)(sizeof(long) - 1));
	long word, changed;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, at, NULL);
	changed = word ^ 0x5a5a;
	if (errno)
		probe_fails(context, FACT_ID_TEXT_PATCH, errno, "program text can't be read");
	else if (ptrace(PTRACE_POKETEXT, pid, at, (void *)changed) < 0)
		probe_fails(context, FACT_ID_TEXT_PATCH, errno,
			    "program text can't be written by a tracer");
	else if (ptrace(PTRACE_PEEKTEXT, pid, at, NULL) != changed || *(long *)at != word)
		probe_fails(context, FACT_ID_TEXT_PATCH, EPROTO, "the patch is not private");
	else if (ptrace(PTRACE_POKETEXT, pid, at, (void *)word) < 0)
		probe_fails(context, FACT_ID_TEXT_PATCH, errno, "a patch can't be taken back");
	else
		probe_works(context, FACT_ID_TEXT_PATCH, 0, "%s", "");
}

static void try_syscall_info(struct probe_context *context, pid_t pid)
{
	struct syscall_info info = {0};

	if (ptrace(GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0)
		probe_absent(context, FACT_ID_PTRACE_SYSCALL_INFO, errno,
			     "not offered (Linux 5.3 has it); registers are read instead");
	else if (info.op != INFO_ENTRY || info.number != SYS_getppid)
		probe_fails(context, FACT_ID_PTRACE_SYSCALL_INFO, EPROTO,
			    "it does not tell the call at an entry stop");
	else
		probe_works(context, FACT_ID_PTRACE_SYSCALL_INFO, 0, "%s", "");
}

/* Runs to the entry of getppid. Returns 0 or -errno. */
static int run_to_call(pid_t pid, probe_registers *registers)
{
	for (int stops = 0; stops < STOPS_MAX; stops++) {
		int status, result;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			return -errno;
		result = next_stop(pid, &status);
		if (result < 0)
			return result;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		result = read_registers(pid, registers);
		if (result < 0 || probe_arch_call_number(registers) == SYS_getppid)
			return result;
	}
	return -EPROTO;
}

static void try_set_syscall(struct probe_context *context, pid_t pid, probe_registers *registers)
{
	int status, result = probe_arch_set_call_number(pid, registers, SYS_getpid);

	if (result == 0 && ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		result = -errno;
	if (result == 0)
		result = next_stop(pid, &status);
	if (result == 0)
		result = read_registers(pid, registers);
	if (result < 0)
		probe_fails(context, FACT_ID_PTRACE_SET_SYSCALL, -result,
			    "the call number can't be written");
	else if (probe_arch_call_result(registers) != pid)
		probe_fails(context, FACT_ID_PTRACE_SET_SYSCALL, EPROTO,
			    "writing the call number has no effect");
	else
		probe_works(context, FACT_ID_PTRACE_SET_SYSCALL, 0, "%s", "");
}

bool probe_is_nested(void)
{
	return prctl(PR_GET_DUMPABLE, NESTED_ASK, 0, 0, 0) == NESTED_ASK;
}

/* Children are, too: a tracer that follows forks is what gets in the way. */
static bool is_traced(void)
{
	char text[4096];
	const char *line = file_read_at(AT_FDCWD, "/proc/self/status", text, sizeof(text)) > 0 ?
				   strstr(text, "\nTracerPid:") :
				   NULL;

	return line && atoi(line + strlen("\nTracerPid:")) != 0;
}

static void refuse(struct probe_context *context, const struct probe_check *check, int code,
		   const char *step)
{
	bool by_policy = code == EPERM || code == EACCES;
	int64_t scope = 0;

	if (by_policy && is_traced())
		probe_fails(context, FACT_ID_PTRACE, code,
			    "%s is refused: this process is traced itself, by a debugger, strace or PRoot; "
			    "start it outside of that", step);
	else if (by_policy && file_read_number("/proc/sys/kernel/yama/ptrace_scope", &scope) == 0 &&
		 scope == 3)
		probe_fails(context, FACT_ID_PTRACE, code,
			    "%s is refused by Yama: kernel.yama.ptrace_scope is 3 until the next boot", step);
	else
		probe_fails(context, FACT_ID_PTRACE, code, "%s is refused%s", step,
			    by_policy ? ": by a seccomp filter or a security module" : "");
	probe_rest_fails(context, check, code, "needs a tracee");
}

static void check_ptrace(struct probe_context *context, const struct probe_check *check)
{
	probe_registers registers;
	const char *step = "waiting for the tracee";
	int status, result;
	pid_t pid;

	if (probe_is_nested()) {
		probe_fails(context, FACT_ID_PTRACE, EPERM, "%s", PROBE_NESTED);
		probe_rest_fails(context, check, EPERM, "needs a tracee");
		return;
	}
	pid = probe_fork();
	if (pid == 0)
		tracee();
	result = next_stop(pid, &status);
	if (result == -ESRCH && WIFEXITED(status)) {
		refuse(context, check, WEXITSTATUS(status), "PTRACE_TRACEME");
		return;
	}
	if (result == 0) {
		step = "PTRACE_SETOPTIONS";
		if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)OPTIONS) < 0)
			result = -errno;
	}
	if (result == 0) {
		step = "PTRACE_GETREGSET";
		result = read_registers(pid, &registers);
	}
	if (result == 0) {
		step = "PTRACE_SETREGSET";
		result = write_registers(pid, &registers);
	}
	if (result == 0) {
		step = "PTRACE_POKEDATA";
		if (ptrace(PTRACE_POKEDATA, pid, &cell, (void *)0x77) < 0)
			result = -errno;
		else if (ptrace(PTRACE_PEEKDATA, pid, &cell, NULL) != 0x77 ||
			 ptrace(PTRACE_POKEDATA, pid, &cell, (void *)cell) < 0)
			result = -EPROTO;
	}
	if (result == 0) {
		step = "PTRACE_SYSCALL";
		result = run_to_call(pid, &registers);
	}
	if (result == 0) {
		probe_works(context, FACT_ID_PTRACE, 0, "%s", "");
		try_syscall_info(context, pid);
		try_set_syscall(context, pid, &registers);
		try_text_patch(context, pid);
		try_process_vm(context, pid); /* last: a filter may kill us for it */
	} else {
		refuse(context, check, -result, step);
	}
	kill(pid, SIGKILL);
	probe_wait(pid);
}

static void check_seize(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	pid_t pid = probe_fork();
	int status;

	if (pid == 0)
		probe_sleep();
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) < 0)
		probe_fails(context, fact, errno, "PTRACE_SEIZE is refused");
	else if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		probe_fails(context, fact, errno, "PTRACE_INTERRUPT is refused");
	else if (next_stop(pid, &status) < 0 || status >> 16 != PTRACE_EVENT_STOP)
		probe_fails(context, fact, EPROTO, "PTRACE_INTERRUPT does not stop the tracee");
	else
		probe_works(context, fact, 0, "%s", "");
	kill(pid, SIGKILL);
	probe_wait(pid);
}

const struct probe_check probe_ptrace_checks[] = {
	{check_ptrace,
	 PROBE_FACTS(FACT_ID_PTRACE, FACT_ID_PTRACE_SET_SYSCALL, FACT_ID_PTRACE_SYSCALL_INFO,
		     FACT_ID_PROCESS_VM, FACT_ID_TEXT_PATCH),
	 0, NULL},
	{check_seize, PROBE_FACTS(FACT_ID_PTRACE_SEIZE), 0, NULL},
	{0},
};
