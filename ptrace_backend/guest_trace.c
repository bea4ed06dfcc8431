// SPDX-License-Identifier: Apache-2.0
/* ptrace(2) for guests: who traces whom, and the requests at a stop.
 *
 * A request on a tracee is made by us, for the kernel knows us as the tracer; memory and registers go
 * through a buffer of ours. Not passed: writing where rewritten paths lie, for a second thread
 * might be about to use one (only the tracee that is held stands still).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "core/base/file.h"
#include "ptrace_backend/arch/guest_requests.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/tracer.h"

#define OPTIONS_KNOWN ((uint64_t)PTRACE_O_MASK)
#define OPTIONS_OWN   ((uint64_t)(PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)) /* we lack these */
#define SIGNAL_MAX    64
#define PEEK_MAX      32

/* Life */

int guest_trace_begin(struct tracee *tracee, struct tracee *by, bool seized, uint32_t options)
{
	struct guest_trace *guest = talloc_zero(tracee, struct guest_trace);
	struct process_status status;

	if (!guest)
		return -ENOMEM;
	guest->by = by;
	guest->seized = seized;
	guest->options = options;
	guest->options_due = options & OPTIONS_OWN;
	guest->mask = ~UINT64_C(0);
	guest->is_child = tracee->tid == tracee->tgid && process_status(tracee->tid, &status) == 0 &&
			  status.parent == by->tgid;
	tracee->guest = guest;
	tracee->tracer->guest_traces++;
	tracee->tracer->guest_traced = true;
	return 0;
}

void guest_trace_drop(struct tracee *tracee)
{
	if (!tracee->guest)
		return;
	talloc_free(tracee->guest);
	tracee->guest = NULL;
	tracee->tracer->guest_traces--;
}

void guest_trace_set_options(struct tracee *tracee)
{
	struct guest_trace *guest = tracee->guest;
	uint64_t options = TRACER_OPTIONS | (guest->options & OPTIONS_OWN);

	if (guest->options_due &&
	    ptrace(PTRACE_SETOPTIONS, tracee->tid, NULL, (void *)(uintptr_t)options) == 0)
		guest->options_due = false;
}

/* Untraced from now on, whatever it was doing. */
static void let_go(struct tracee *tracee, int signal)
{
	struct guest_trace *guest = tracee->guest;
	guest_continuation *then = guest->then;
	bool held = guest->held;

	if (tracee->state == TRACEE_LOADING || tracee->state == TRACEE_LOADED) {
		guest->by = NULL; /* finish_exec() */
		guest->held = false;
	} else {
		guest_trace_drop(tracee);
	}
	if (held)
		then(tracee, signal);
}

void guest_trace_release(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;

	guest_trace_drop(tracee);
	if (!tracer->guest_traces)
		return;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->guest && at->guest->by == tracee) {
				if (at->guest->options & PTRACE_O_EXITKILL)
					kill(at->tid, SIGKILL);
				let_go(at, 0);
			}
}

/* Rights */

struct real_ids {
	unsigned ids[2][4]; /* real, effective, saved, fs; of users and groups */
	unsigned long long effective; /* capabilities */
};

static int read_ids(pid_t tid, struct real_ids *ret)
{
	char path[64], text[4096];
	const char *uids, *gids, *capabilities;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -ESRCH;
	uids = strstr(text, "\nUid:");
	gids = strstr(text, "\nGid:");
	capabilities = strstr(text, "\nCapEff:");
	if (!uids || !gids || !capabilities ||
	    sscanf(uids, "\nUid: %u %u %u %u", &ret->ids[0][0], &ret->ids[0][1], &ret->ids[0][2],
		   &ret->ids[0][3]) != 4 ||
	    sscanf(gids, "\nGid: %u %u %u %u", &ret->ids[1][0], &ret->ids[1][1], &ret->ids[1][2],
		   &ret->ids[1][3]) != 4 ||
	    sscanf(capabilities, "\nCapEff: %llx", &ret->effective) != 1)
		return -EIO;
	return 0;
}

static bool may_trace_all(const struct tracee *by)
{
	struct real_ids ids;

	if (by->tracer->fake_ids)
		return credentials_capable(&by->credentials, CAP_SYS_PTRACE);
	return read_ids(by->tid, &ids) == 0 && (ids.effective >> CAP_SYS_PTRACE & 1);
}

bool guest_trace_may_gain(const struct tracee *tracee)
{
	return !tracee->guest || !tracee->guest->by || may_trace_all(tracee->guest->by);
}

/* kernel/ptrace.c: __ptrace_may_access() with PTRACE_MODE_ATTACH_REALCREDS */
static bool may_trace(const struct tracee *by, const struct tracee *target)
{
	const struct credentials *ours = &by->credentials, *theirs = &target->credentials;
	struct real_ids own, other;

	if (may_trace_all(by))
		return true;
	if (by->tracer->fake_ids)
		return ours->ruid == theirs->ruid && ours->ruid == theirs->euid &&
		       ours->ruid == theirs->suid && ours->rgid == theirs->rgid &&
		       ours->rgid == theirs->egid && ours->rgid == theirs->sgid &&
		       !(theirs->permitted & ~ours->permitted);
	if (read_ids(by->tid, &own) < 0 || read_ids(target->tid, &other) < 0)
		return false;
	for (unsigned kind = 0; kind < 2; kind++)
		for (unsigned i = 0; i < 3; i++)
			if (other.ids[kind][i] != own.ids[kind][0])
				return false;
	return true;
}

/* Requests without a stop */

static int64_t trace_me(struct tracee *tracee)
{
	struct process_status status;
	struct tracee *parent;

	if (tracee->guest)
		return -EPERM;
	parent = process_status(tracee->tgid, &status) == 0 ?
			 tracer_find(tracee->tracer, status.parent) :
			 NULL;
	return parent ? guest_trace_begin(tracee, parent, false, 0) : -EPERM;
}

static int64_t attach(struct tracee *by, pid_t pid, bool seize, uint64_t address, uint64_t options)
{
	struct tracee *target = tracer_find(by->tracer, pid);
	int error;

	if (seize && (address || (options & ~OPTIONS_KNOWN)))
		return -EIO;
	if (!target || target->state == TRACEE_NEW)
		return -ESRCH;
	if (target->tgid == by->tgid || target->guest || !may_trace(by, target))
		return -EPERM;
	error = guest_trace_begin(target, by, seize, seize ? (uint32_t)options : 0);
	if (error)
		return error;
	/* A tracee that we hold for nobody is in a call, or in user mode. */
	target->guest->in_call = target->state == TRACEE_EXIT_WANTED ||
				 target->state == TRACEE_EXECING;
	target->guest->stop_sent = !seize;
	if (target->group_stopped) {
		target->guest->interrupt = true;
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	} else if (!seize) {
		syscall(SYS_tgkill, target->tgid, pid, SIGSTOP);
	} else if (target->guest->options_due) {
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL); /* to set them at a stop */
	}
	return 0;
}

/* Requests at a stop */

static int64_t set_options(struct tracee *target, uint64_t options)
{
	if (options & ~OPTIONS_KNOWN)
		return -EINVAL;
	target->guest->options_due = (target->guest->options ^ options) & OPTIONS_OWN;
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
	target->guest->options &= ~(uint32_t)OPTIONS_OWN;
	target->guest->options_due = true;
	guest_trace_set_options(target);
	let_go(target, (int)signal);
	return 0;
}

static int64_t write_back(struct tracee *by, uint64_t address, const void *data, size_t size)
{
	return tracee_write(by, address, data, size) < 0 ? -EFAULT : 0;
}

static bool is_guarded(const struct tracee *target, uint64_t address)
{
	const struct tracee_mm *mm = target->mm;

	return (address + sizeof(long) > mm->scratch &&
		address < mm->scratch + SCRATCH_SIZE + 4096) ||
	       (address + sizeof(long) > mm->loader_base &&
		address < mm->loader_base + mm->loader_size);
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

static int64_t simple(const struct tracee *target, int request, uint64_t address, uint64_t data)
{
	long result = ptrace((enum __ptrace_request)request, target->tid, (void *)(uintptr_t)address,
			     (void *)(uintptr_t)data);

	return result < 0 ? -errno : result;
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
	struct {
		uint64_t base, size;
	} given;
	struct iovec vector = { .iov_base = buffer.bytes };
	bool in = request == PTRACE_SETREGSET;
	int64_t result;

	if (tracee_read(by, data, &given, sizeof(given)) < 0)
		return -EFAULT;
	vector.iov_len = given.size < sizeof(buffer) ? given.size : sizeof(buffer);
	if (in && tracee_read(by, given.base, buffer.bytes, vector.iov_len) < 0)
		return -EFAULT;
	result = simple(target, request, type, (uint64_t)(uintptr_t)&vector);
	if (result < 0)
		return result;
	if (!in && write_back(by, given.base, buffer.bytes, vector.iov_len) < 0)
		return -EFAULT;
	given.size = vector.iov_len;
	return write_back(by, data + sizeof(given.base), &given.size, sizeof(given.size));
}

static int64_t get_siginfo(struct tracee *by, struct tracee *target, uint64_t data)
{
	const struct guest_trace *guest = target->guest;
	siginfo_t info;

	if (guest->info_made)
		return write_back(by, data, &guest->info, sizeof(guest->info));
	/* A group stop of a task that wasn't seized has none. */
	if (!guest->seized && target->group_stopped)
		return -EINVAL;
	if (ptrace(PTRACE_GETSIGINFO, target->tid, NULL, &info) < 0)
		return -errno;
	return write_back(by, data, &info, sizeof(info));
}

static int64_t set_siginfo(struct tracee *by, struct tracee *target, uint64_t data)
{
	siginfo_t info;

	if (tracee_read(by, data, &info, sizeof(info)) < 0)
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
	if (write_back(by, data, infos, (size_t)count * sizeof(infos[0])) < 0)
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
	if (target->guest->info_made && (target->guest->code & 0x80) == 0) {
		info.op = PTRACE_SYSCALL_INFO_NONE;
		length = (long)offsetof(struct __ptrace_syscall_info, entry);
	}
	if (write_back(by, data, &info, size < (uint64_t)length ? size : (size_t)length) < 0)
		return -EFAULT;
	return length;
}

static int64_t at_stop(struct tracee *by, struct tracee *target, int request, uint64_t address,
		       uint64_t data)
{
	enum guest_request_kind kind;
	size_t size;

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
		return write_back(by, data, &target->guest->message, sizeof(uint64_t));
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(by, target, request, address, data);
	case PTRACE_PEEKUSER:
		return ARCH_HAS_USER_AREA ? peek(by, target, request, address, data) : -EIO;
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return is_guarded(target, address) ? -EIO : simple(target, request, address, data);
	case PTRACE_POKEUSER:
		return ARCH_HAS_USER_AREA ? simple(target, request, address, data) : -EIO;
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
	kind = arch_guest_request(request, &size);
	switch (kind) {
	case GUEST_REQUEST_GET:
		return copy_fixed(by, target, request, address, data, size, false);
	case GUEST_REQUEST_SET:
		return copy_fixed(by, target, request, address, data, size, true);
	case GUEST_REQUEST_GET_WORD: /* the other way round: `data` says what */
		if (arch_guest_request_writes(data))
			return simple(target, request, address, data);
		{
			unsigned long word = 0;
			int64_t result = simple(target, request, (uint64_t)(uintptr_t)&word, data);

			return result < 0 ? result : write_back(by, address, &word, sizeof(word));
		}
	case GUEST_REQUEST_NONE:
		break;
	}
	return -EIO;
}

enum verdict handle_ptrace(struct tracee *tracee, const struct syscall_row *row)
{
	int request = (int)tracee_argument(tracee, 0);
	pid_t pid = (pid_t)tracee_argument(tracee, 1);
	uint64_t address = tracee_argument(tracee, 2), data = tracee_argument(tracee, 3);
	struct tracee *target;

	(void)row;
	if (!tracee->tracer->plan->seccomp_stop_after_entry || tracee->regs.compat)
		return tracee_answer(tracee, -EPERM);
	if (request == PTRACE_TRACEME)
		return tracee_answer(tracee, trace_me(tracee));
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return tracee_answer(tracee, attach(tracee, pid, request == PTRACE_SEIZE, address, data));
	target = tracer_find(tracee->tracer, pid);
	if (!target || !target->guest || !target->guest->by ||
	    target->guest->by->tgid != tracee->tgid)
		return tracee_answer(tracee, -ESRCH);
	if (request == PTRACE_KILL) {
		kill(pid, SIGKILL);
		return tracee_answer(tracee, 0);
	}
	if (request == PTRACE_INTERRUPT) {
		if (!target->guest->seized)
			return tracee_answer(tracee, -EIO);
		target->guest->interrupt = true;
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
		return tracee_answer(tracee, 0);
	}
	if (!target->guest->held)
		return tracee_answer(tracee, -ESRCH);
	return tracee_answer(tracee, at_stop(tracee, target, request, address, data));
}
