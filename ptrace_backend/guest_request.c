// SPDX-License-Identifier: Apache-2.0
/* ptrace(2)'s requests at a stop.
 *
 * A request on a tracee is made by us, for the kernel knows us as the tracer; memory and registers go
 * through a buffer of ours. Not passed: writing where rewritten paths lie, for a second thread
 * might be about to use one (only the tracee that is held stands still).
 *
 * 32-bit programs have the same requests with words and structures of their own. layout.c writes the
 * structures; registers, which each machine has a form of for them, are in arch/.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "core/base/compat.h"
#include "ptrace_backend/arch/guest_requests.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/tracer.h"

#define SIGNAL_MAX 64
#define PEEK_MAX   32
#define ERRNO_MAX  4095

static int64_t set_options(struct tracee *target, uint64_t options)
{
	if (options & ~GUEST_OPTIONS_KNOWN)
		return -EINVAL;
	target->guest->options_due = (target->guest->options ^ options) & GUEST_OPTIONS_OWN;
	target->guest->options = (uint32_t)options;
	guest_trace_set_options(target);
	return 0;
}

static int64_t go_on(struct tracee *target, enum guest_go go, uint64_t signal)
{
	struct guest_trace *guest = target->guest;
	guest_continuation *then = guest->then;

	if (signal > SIGNAL_MAX)
		return -EIO;
	guest->go = go;
	guest->held = false;
	then(target, (int)signal);
	return 0;
}

static int64_t listen_on(struct tracee *target)
{
	struct guest_trace *guest = target->guest;

	if (!guest->seized || guest->code >> 8 != PTRACE_EVENT_STOP ||
	    ptrace(PTRACE_LISTEN, target->tid, NULL, NULL) < 0)
		return -EIO;
	guest->held = false;
	guest->listening = true;
	return 0;
}

static int64_t detach(struct tracee *target, uint64_t signal)
{
	if (signal > SIGNAL_MAX)
		return -EIO;
	target->guest->options &= ~(uint32_t)GUEST_OPTIONS_OWN;
	target->guest->options_due = true;
	guest_trace_set_options(target);
	guest_trace_let_go(target, (int)signal);
	return 0;
}

static int64_t write_back(struct tracee *by, uint64_t address, const void *data, size_t size)
{
	return tracee_write(by, address, data, size) < 0 ? -EFAULT : 0;
}

static bool is_guarded(const struct tracee *target, uint64_t address, size_t size)
{
	const struct tracee_mm *mm = target->mm;

	return (address + size > mm->scratch && address < mm->scratch + SCRATCH_MAPPED) ||
	       (address + size > mm->loader_base &&
		address < mm->loader_base + mm->loader_size);
}

static int64_t simple(const struct tracee *target, int request, uint64_t address, uint64_t data)
{
	long result = ptrace((enum __ptrace_request)request, target->tid, (void *)(uintptr_t)address,
			     (void *)(uintptr_t)data);

	return result < 0 ? -errno : result;
}

static int64_t peek(struct tracee *by, struct tracee *target, int request, uint64_t address,
		    uint64_t data)
{
	long word;

	errno = 0;
	word = ptrace((enum __ptrace_request)request, target->tid, (void *)(uintptr_t)address, NULL);
	if (errno)
		return -errno;
	return write_back(by, data, &word, sizeof(word));
}

/* Attack: a guest gives its tracee, of the same sandbox, the program counter that gets calls of ours past its filters.
 * It becomes another one that is as useless; a request that fails may have set it all the same. */
static int64_t after_setting(const struct tracee *target, int64_t result)
{
	struct registers regs = { .compat = false };
	uint64_t counter;

	if (registers_fetch(target->tid, &regs) < 0)
		return result;
	counter = registers_program_counter(&regs);
	if (guest_filter_lets_pass(counter))
		registers_set_program_counter(target->tid, counter ^ UINT64_C(1) << 32);
	return result;
}

/* A word of the one that traces. The kernel has no request for half of ours, which alone may be there. */
static int64_t peek_memory(struct tracee *by, struct tracee *target, uint64_t address, uint64_t data)
{
	uint32_t half;

	if (!by->regs.compat)
		return peek(by, target, PTRACE_PEEKDATA, address, data);
	if (tracee_access(target, address, &half, sizeof(half), false) < 0)
		return -EIO;
	return write_back(by, data, &half, sizeof(half));
}

static int64_t poke_memory(const struct tracee *by, const struct tracee *target, uint64_t address,
			   uint64_t data)
{
	if (is_guarded(target, address, layout_word(by)))
		return -EIO;
	if (!by->regs.compat)
		return simple(target, PTRACE_POKEDATA, address, data);
	return tracee_access(target, address, &data, sizeof(uint32_t), true) < 0 ? -EIO : 0;
}

/* A structure of a fixed size at `data`. */
static int64_t copy_fixed(struct tracee *by, struct tracee *target, int request, uint64_t address,
			  uint64_t data, size_t size, bool in)
{
	static union {
		unsigned char bytes[1024];
		uint64_t aligned;
	} buffer;
	int64_t result;

	if (size > sizeof(buffer))
		return -EIO;
	if (in && tracee_read(by, data, buffer.bytes, size) < 0)
		return -EFAULT;
	result = simple(target, request, address, (uint64_t)(uintptr_t)buffer.bytes);
	if (result >= 0 && !in && write_back(by, data, buffer.bytes, size) < 0)
		return -EFAULT;
	return result;
}

static int64_t copy_regset(struct tracee *by, struct tracee *target, int request, uint64_t type,
			   uint64_t data)
{
	static union {
		unsigned char bytes[64 * 1024];
		uint64_t aligned;
	} buffer;
	struct iovec given, vector = { .iov_base = buffer.bytes };
	bool in = request == PTRACE_SETREGSET;
	int64_t result = by->regs.compat ? arch_compat_regset(target->tid, type) : 0;

	if (result < 0)
		return result;
	if (layout_read_vector(by, data, &given) < 0)
		return -EFAULT;
	vector.iov_len = given.iov_len < sizeof(buffer) ? given.iov_len : sizeof(buffer);
	if (in && tracee_read(by, (uintptr_t)given.iov_base, buffer.bytes, vector.iov_len) < 0)
		return -EFAULT;
	result = simple(target, request, type, (uint64_t)(uintptr_t)&vector);
	if (in)
		after_setting(target, result);
	if (result < 0)
		return result;
	if (!in && write_back(by, (uintptr_t)given.iov_base, buffer.bytes, vector.iov_len) < 0)
		return -EFAULT;
	return layout_write_vector_size(by, data, vector.iov_len);
}

static int64_t get_siginfo(struct tracee *by, struct tracee *target, uint64_t data)
{
	const struct guest_trace *guest = target->guest;
	siginfo_t info;

	if (guest->info_made)
		return layout_write_siginfo(by, data, &guest->info);
	/* A group stop of a task that wasn't seized has none. */
	if (!guest->seized && target->group_stopped)
		return -EINVAL;
	if (ptrace(PTRACE_GETSIGINFO, target->tid, NULL, &info) < 0)
		return -errno;
	return layout_write_siginfo(by, data, &info);
}

static int64_t set_siginfo(struct tracee *by, struct tracee *target, uint64_t data)
{
	siginfo_t info;

	if (layout_read_siginfo(by, data, &info) < 0)
		return -EFAULT;
	target->guest->info_made = false;
	return simple(target, PTRACE_SETSIGINFO, 0, (uint64_t)(uintptr_t)&info);
}

static int64_t peek_siginfo(struct tracee *by, struct tracee *target, uint64_t address, uint64_t data)
{
	struct __ptrace_peeksiginfo_args given;
	siginfo_t infos[PEEK_MAX];
	long count;

	if (tracee_read(by, address, &given, sizeof(given)) < 0)
		return -EFAULT;
	if (given.nr < 0)
		return -EINVAL;
	if (given.nr > PEEK_MAX)
		given.nr = PEEK_MAX;
	count = ptrace((enum __ptrace_request)PTRACE_PEEKSIGINFO, target->tid, &given, infos);
	if (count < 0)
		return -errno;
	for (long i = 0; i < count; i++)
		if (layout_write_siginfo(by, data + (uint64_t)i * sizeof(infos[0]), &infos[i]) < 0)
			return -EFAULT;
	return count;
}

static int64_t get_syscall_info(struct tracee *by, struct tracee *target, uint64_t size, uint64_t data)
{
	struct __ptrace_syscall_info info = { 0 };
	long length = ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, target->tid,
			     sizeof(info), &info);

	if (length < 0)
		return -errno;
	if (target->guest->info_made && target->guest->code >> 8 == PTRACE_EVENT_SECCOMP) {
		info.op = PTRACE_SYSCALL_INFO_SECCOMP; /* told at the entry */
		info.seccomp.ret_data = (uint32_t)target->guest->message;
		length = (long)(offsetof(struct __ptrace_syscall_info, seccomp.ret_data) +
				sizeof(info.seccomp.ret_data));
	} else if (target->guest->info_made && target->guest->code & 0x80) {
		if (registers_fetch(target->tid, &target->regs) < 0)
			return -ESRCH;
		info.op = PTRACE_SYSCALL_INFO_EXIT; /* told at the SIGSYS */
		info.exit.rval = target->regs.result;
		info.exit.is_error = info.exit.rval < 0 && info.exit.rval >= -ERRNO_MAX;
		length = (long)(offsetof(struct __ptrace_syscall_info, exit.is_error) +
				sizeof(info.exit.is_error));
	} else if (target->guest->info_made) {
		info.op = PTRACE_SYSCALL_INFO_NONE;
		length = (long)offsetof(struct __ptrace_syscall_info, entry);
	}
	if (write_back(by, data, &info, size < (uint64_t)length ? size : (size_t)length) < 0)
		return -EFAULT;
	return length;
}

/* The machine's own, of a 64-bit program. */
static int64_t own_request(struct tracee *by, struct tracee *target, int request, uint64_t address,
			   uint64_t data)
{
	unsigned long word = 0;
	int64_t result;
	size_t size;

	if (request == PTRACE_PEEKUSER && ARCH_HAS_USER_AREA)
		return peek(by, target, request, address, data);
	if (request == PTRACE_POKEUSER && ARCH_HAS_USER_AREA)
		return after_setting(target, simple(target, request, address, data));
	switch (arch_guest_request(request, &size)) {
	case GUEST_REQUEST_GET:
		return copy_fixed(by, target, request, address, data, size, false);
	case GUEST_REQUEST_SET:
		return after_setting(target, copy_fixed(by, target, request, address, data, size, true));
	case GUEST_REQUEST_GET_WORD: /* the other way round: `data` says what */
		if (arch_guest_request_writes(data))
			return simple(target, request, address, data);
		result = simple(target, request, (uint64_t)(uintptr_t)&word, data);
		return result < 0 ? result : write_back(by, address, &word, sizeof(word));
	default:
		return -EIO;
	}
}

/* The same of a 32-bit program. */
static int64_t compat_request(struct tracee *by, struct tracee *target, int request, uint64_t address,
			      uint64_t data)
{
	unsigned char buffer[COMPAT_REQUEST_MAX] __attribute__((aligned(8))) = { 0 };
	enum guest_request_kind kind;
	int64_t result;
	size_t size;

	kind = arch_compat_request(request, &size);
	if (kind == GUEST_REQUEST_NONE)
		return -EIO;
	if (kind == GUEST_REQUEST_SET && tracee_read(by, data, buffer, size) < 0)
		return -EFAULT;
	if (kind == GUEST_REQUEST_VALUE)
		memcpy(buffer, &data, size);
	result = arch_compat_ptrace(target->tid, request, kind, (uint32_t)address, buffer, size);
	if (kind == GUEST_REQUEST_SET || kind == GUEST_REQUEST_VALUE)
		after_setting(target, result);
	if (kind == GUEST_REQUEST_GET && result >= 0 && write_back(by, data, buffer, size) < 0)
		return -EFAULT;
	return result;
}

int64_t guest_request(struct tracee *by, struct tracee *target, int request, uint64_t address,
		      uint64_t data)
{
	switch (request) {
	case PTRACE_CONT:
		return go_on(target, GUEST_GO_ON, data);
	case PTRACE_SYSCALL:
		return go_on(target, GUEST_GO_SYSCALL, data);
	case PTRACE_SINGLESTEP:
		return go_on(target, GUEST_GO_STEP, data);
	case GUEST_PTRACE_SINGLEBLOCK:
		return ARCH_HAS_SINGLEBLOCK ? go_on(target, GUEST_GO_BLOCK, data) : -EIO;
	case PTRACE_LISTEN:
		return listen_on(target);
	case PTRACE_DETACH:
		return detach(target, data);
	case PTRACE_SETOPTIONS:
		return set_options(target, data);
	case PTRACE_GETEVENTMSG:
		return write_back(by, data, &target->guest->message, layout_word(by));
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek_memory(by, target, address, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return poke_memory(by, target, address, data);
	case PTRACE_GETSIGINFO:
		return get_siginfo(by, target, data);
	case PTRACE_SETSIGINFO:
		return set_siginfo(by, target, data);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(by, target, address, data);
	case PTRACE_GETSIGMASK:
		return address == sizeof(uint64_t) ?
			       copy_fixed(by, target, request, address, data, sizeof(uint64_t), false) :
			       -EINVAL;
	case PTRACE_SETSIGMASK:
		return address == sizeof(uint64_t) ?
			       copy_fixed(by, target, request, address, data, sizeof(uint64_t), true) :
			       -EINVAL;
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return copy_regset(by, target, request, address, data);
	case PTRACE_GET_SYSCALL_INFO:
		return get_syscall_info(by, target, address, data);
	case PTRACE_SECCOMP_GET_FILTER:
	case PTRACE_SECCOMP_GET_METADATA:
		return -EACCES; /* as without CAP_SYS_ADMIN: ours would be among them */
	default:
		break;
	}
	return by->regs.compat ? compat_request(by, target, request, address, data) :
				 own_request(by, target, request, address, data);
}
