/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2)'s requests of arm programs. Included by guest_requests.h.
 *
 * A 64-bit process can't make them, but what they move is in the register sets of an arm tracee. Those of a
 * 64-bit tracee are of another form: EIO.
 */
#ifndef AMPHORA_ARCH_AARCH64_COMPAT_REQUESTS_H
#define AMPHORA_ARCH_AARCH64_COMPAT_REQUESTS_H

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define ARM_REGS_SIZE	 72  /* r0-r15, cpsr, orig_r0 */
#define ARM_VFP_SIZE	 260 /* d0-d31, fpscr */
#define ARM_USER_SIZE	 296 /* struct user: behind the registers nothing is kept */
#define ARM_BREAKPOINTS	 16
#define ARM_WATCH_LENGTH 8
#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

enum arm_request {
	ARM_PEEKUSER = 3,
	ARM_POKEUSER = 6,
	ARM_GETREGS = 12,
	ARM_SETREGS = 13,
	ARM_GET_THREAD_AREA = 22,
	ARM_SET_SYSCALL = 23,
	ARM_GETVFPREGS = 27,
	ARM_SETVFPREGS = 28,
	ARM_GETHBPREGS = 29,
	ARM_SETHBPREGS = 30,
};

/* struct user_hwdebug_state */
struct arm_debug {
	uint32_t info, pad;
	struct {
		uint64_t address;
		uint32_t control, pad;
	} slots[ARM_BREAKPOINTS];
};

static inline enum guest_request_kind arch_compat_request(int request, size_t *ret_size)
{
	*ret_size = sizeof(uint32_t);
	switch ((enum arm_request)request) {
	case ARM_PEEKUSER:
	case ARM_GET_THREAD_AREA:
	case ARM_GETHBPREGS:
		return GUEST_REQUEST_GET;
	case ARM_SETHBPREGS:
		return GUEST_REQUEST_SET;
	case ARM_POKEUSER:
	case ARM_SET_SYSCALL:
		return GUEST_REQUEST_VALUE;
	case ARM_GETREGS:
	case ARM_SETREGS:
		*ret_size = ARM_REGS_SIZE;
		return request == ARM_GETREGS ? GUEST_REQUEST_GET : GUEST_REQUEST_SET;
	case ARM_GETVFPREGS:
	case ARM_SETVFPREGS:
		*ret_size = ARM_VFP_SIZE;
		return request == ARM_GETVFPREGS ? GUEST_REQUEST_GET : GUEST_REQUEST_SET;
	}
	return GUEST_REQUEST_NONE;
}

static inline int arm_move_regset(pid_t tid, bool set, uint64_t type, void *data, size_t size)
{
	struct iovec vector = { data, size };

	return ptrace(set ? PTRACE_SETREGSET : PTRACE_GETREGSET, tid, type, &vector) < 0 ? -errno : 0;
}

/* The register set of a 64-bit program is longer. */
static inline int arm_check_tracee(pid_t tid)
{
	struct user_regs_struct regs;
	struct iovec vector = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &vector) < 0)
		return -errno;
	return vector.iov_len == ARM_REGS_SIZE ? 0 : -EIO;
}

static inline int arm_move_user(pid_t tid, bool set, uint32_t offset, uint32_t *word)
{
	uint32_t regs[ARM_REGS_SIZE / sizeof(uint32_t)];
	int error;

	if ((offset & 3) || offset >= ARM_USER_SIZE)
		return -EIO;
	if (offset >= ARM_REGS_SIZE) {
		if (!set)
			*word = 0;
		return 0;
	}
	error = arm_move_regset(tid, false, NT_PRSTATUS, regs, sizeof(regs));
	if (error || !set) {
		*word = error ? 0 : regs[offset / 4];
		return error;
	}
	regs[offset / 4] = *word;
	return arm_move_regset(tid, true, NT_PRSTATUS, regs, sizeof(regs));
}

/* Positive numbers are breakpoints, negative ones watchpoints: odd the address, even the control. */
static inline int arm_move_breakpoint(pid_t tid, bool set, int32_t number, uint32_t *word)
{
	uint64_t type = number < 0 ? NT_ARM_HW_WATCH : NT_ARM_HW_BREAK;
	uint32_t slot = ((uint32_t)abs(number) - 1) / 2;
	struct arm_debug debug = { 0 };
	int error = arm_move_regset(tid, false, type, &debug, sizeof(debug));

	if (error)
		return error;
	if (slot >= ARM_BREAKPOINTS)
		return -EINVAL;
	if (!set) {
		*word = number & 1 ? (uint32_t)debug.slots[slot].address : debug.slots[slot].control;
		return 0;
	}
	if (number & 1)
		debug.slots[slot].address = *word;
	else
		debug.slots[slot].control = *word;
	return arm_move_regset(tid, true, type, &debug,
			       offsetof(struct arm_debug, slots) + (slot + 1) * sizeof(debug.slots[0]));
}

/* What the machine has: its debug architecture, the longest watchpoint, how many there are of each. */
static inline int arm_describe_breakpoints(pid_t tid, uint32_t *word)
{
	uint32_t breaks[2] = { 0 }, watches[2] = { 0 };
	int error = arm_move_regset(tid, false, NT_ARM_HW_BREAK, breaks, sizeof(breaks));

	if (!error)
		error = arm_move_regset(tid, false, NT_ARM_HW_WATCH, watches, sizeof(watches));
	*word = (breaks[0] >> 8 & 0xff) << 24 | ARM_WATCH_LENGTH << 16 | (watches[0] & 0xff) << 8 |
		(breaks[0] & 0xff);
	return error;
}

static inline int64_t arch_compat_ptrace(pid_t tid, int request, enum guest_request_kind kind,
					 uint32_t address, void *buffer, size_t size)
{
	bool set = kind != GUEST_REQUEST_GET;
	int error = arm_check_tracee(tid);

	if (error)
		return error;
	switch ((enum arm_request)request) {
	case ARM_PEEKUSER:
	case ARM_POKEUSER:
		return arm_move_user(tid, set, address, buffer);
	case ARM_GETREGS:
	case ARM_SETREGS:
		return arm_move_regset(tid, set, NT_PRSTATUS, buffer, size);
	case ARM_GETVFPREGS:
	case ARM_SETVFPREGS:
		return arm_move_regset(tid, set, NT_ARM_VFP, buffer, size);
	case ARM_GET_THREAD_AREA:
		return arm_move_regset(tid, set, NT_ARM_TLS, buffer, size);
	case ARM_SET_SYSCALL:
		return arm_move_regset(tid, set, NT_ARM_SYSTEM_CALL, buffer, size);
	case ARM_GETHBPREGS:
	case ARM_SETHBPREGS:
		if (address)
			return arm_move_breakpoint(tid, set, (int32_t)address, buffer);
		return set ? 0 : arm_describe_breakpoints(tid, buffer);
	}
	return -EIO;
}

/* An arm kernel has no others. */
static inline int arch_compat_regset(pid_t tid, uint64_t type)
{
	int error = arm_check_tracee(tid);

	return error ? error : type == NT_PRSTATUS || type == NT_ARM_VFP ? 0 : -EINVAL;
}

#endif
