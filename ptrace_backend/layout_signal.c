// SPDX-License-Identifier: Apache-2.0
/* What the kernel says of signals and of children, as 32-bit programs have it.
 *
 * A siginfo_t is as long there, but its union begins right behind the three integers, and pointers are
 * narrow. Which of its fields count follows from signal and code.
 */
#include <errno.h>
#include <string.h>

#include "ptrace_backend/layout.h"

enum info_kind {
	INFO_SENT,
	INFO_QUEUED, /* with a value */
	INFO_CHILD,
	INFO_TIMER,
	INFO_POLL,
	INFO_FAULT,
	INFO_FAULT_MEMORY,
	INFO_FAULT_BOUNDS,
	INFO_FAULT_KEY,
	INFO_FAULT_PERF,
	INFO_CALL,
	INFO_KINDS,
};

#define INFO_SIZE   128
#define HEADER_SIZE 12 /* signal, errno, code: the same in both */
#define FIELDS_MAX  5
_Static_assert(sizeof(siginfo_t) == INFO_SIZE, "as in the kernel's headers");

/* Offsets and sizes of a field; little-endian, hence a narrow one is the first half. */
struct field {
	uint8_t wide, wide_size, narrow, narrow_size;
	bool is_signed;
};

#define FIRST	{ 16, 4, 12, 4, false }
#define SECOND	{ 20, 4, 16, 4, false }
#define VALUE	{ 24, 4, 20, 4, false } /* of a sigval its integer */
#define ADDRESS { 16, 8, 12, 4, false }

static const struct field fields[INFO_KINDS][FIELDS_MAX] = {
	[INFO_SENT] = { FIRST, SECOND },
	[INFO_QUEUED] = { FIRST, SECOND, VALUE },
	[INFO_CHILD] = { FIRST, SECOND, VALUE, { 32, 8, 24, 4, true }, { 40, 8, 28, 4, true } },
	[INFO_TIMER] = { FIRST, SECOND, VALUE },
	[INFO_POLL] = { { 16, 8, 12, 4, true }, { 24, 4, 16, 4, false } },
	[INFO_FAULT] = { ADDRESS },
	[INFO_FAULT_MEMORY] = { ADDRESS, { 24, 2, 16, 2, false } },
	[INFO_FAULT_BOUNDS] = { ADDRESS, { 32, 8, 20, 4, false }, { 40, 8, 24, 4, false } },
	[INFO_FAULT_KEY] = { ADDRESS, { 32, 4, 20, 4, false } },
	[INFO_FAULT_PERF] = { ADDRESS, { 24, 8, 16, 4, false }, { 32, 4, 20, 4, false },
			      { 36, 4, 24, 4, false } },
	[INFO_CALL] = { ADDRESS, { 24, 4, 16, 4, false }, { 28, 4, 20, 4, false } },
};
_Static_assert(offsetof(siginfo_t, si_pid) == 16 && offsetof(siginfo_t, si_addr) == 16 &&
		       offsetof(siginfo_t, si_value) == 24 && offsetof(siginfo_t, si_utime) == 32 &&
		       offsetof(siginfo_t, si_lower) == 32 && offsetof(siginfo_t, si_fd) == 24 &&
		       offsetof(siginfo_t, si_arch) == 28,
	       "the wide offsets");

/* The highest code that the kernel gives to one of these signals (asm-generic/siginfo.h). */
static const struct {
	int signal, code_max;
	enum info_kind kind;
} known[] = {
	{ SIGILL, 11, INFO_FAULT },  { SIGFPE, 15, INFO_FAULT }, { SIGSEGV, 10, INFO_FAULT },
	{ SIGBUS, 5, INFO_FAULT },   { SIGTRAP, 6, INFO_FAULT }, { SIGCHLD, 6, INFO_CHILD },
	{ SIGPOLL, 6, INFO_POLL },   { SIGSYS, 2, INFO_CALL },
};

/* Faults that tell more than an address. */
static const struct {
	int signal, code;
	enum info_kind kind;
} detailed[] = {
	{ SIGBUS, 4, INFO_FAULT_MEMORY },  /* BUS_MCEERR_AR */
	{ SIGBUS, 5, INFO_FAULT_MEMORY },  /* BUS_MCEERR_AO */
	{ SIGSEGV, 3, INFO_FAULT_BOUNDS }, /* SEGV_BNDERR */
	{ SIGSEGV, 4, INFO_FAULT_KEY },	   /* SEGV_PKUERR */
	{ SIGTRAP, 6, INFO_FAULT_PERF },   /* TRAP_PERF */
};
#define POLL_CODE_MAX 6

static enum info_kind kind_of(int signal, int code)
{
	if (code <= SI_USER || code >= SI_KERNEL)
		return code == SI_TIMER ? INFO_TIMER :
		       code == SI_SIGIO ? INFO_POLL :
		       code < SI_USER	? INFO_QUEUED :
					  INFO_SENT;
	for (size_t i = 0; i < sizeof(detailed) / sizeof(detailed[0]); i++)
		if (signal == detailed[i].signal && code == detailed[i].code)
			return detailed[i].kind;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (signal == known[i].signal && code <= known[i].code_max)
			return known[i].kind;
	return code <= POLL_CODE_MAX ? INFO_POLL : INFO_SENT;
}

static void narrow_info(const siginfo_t *wide, unsigned char narrow[INFO_SIZE])
{
	const struct field *field = fields[kind_of(wide->si_signo, wide->si_code)];

	memset(narrow, 0, INFO_SIZE);
	memcpy(narrow, wide, HEADER_SIZE);
	for (unsigned i = 0; i < FIELDS_MAX && field[i].wide_size; i++)
		memcpy(narrow + field[i].narrow, (const char *)wide + field[i].wide,
		       field[i].narrow_size);
}

static void widen_info(const unsigned char narrow[INFO_SIZE], siginfo_t *wide)
{
	const struct field *field;

	memset(wide, 0, sizeof(*wide));
	memcpy(wide, narrow, HEADER_SIZE);
	field = fields[kind_of(wide->si_signo, wide->si_code)];
	for (unsigned i = 0; i < FIELDS_MAX && field[i].wide_size; i++) {
		int64_t value = 0;

		memcpy(&value, narrow + field[i].narrow, field[i].narrow_size);
		if (field[i].is_signed)
			value = (int32_t)value;
		memcpy((char *)wide + field[i].wide, &value, field[i].wide_size);
	}
}

int layout_write_siginfo(const struct tracee *tracee, uint64_t address, const siginfo_t *info)
{
	unsigned char narrow[INFO_SIZE];

	if (!tracee->regs.compat)
		return tracee_write(tracee, address, info, sizeof(*info));
	narrow_info(info, narrow);
	return tracee_write(tracee, address, narrow, sizeof(narrow));
}

int layout_read_siginfo(const struct tracee *tracee, uint64_t address, siginfo_t *info)
{
	unsigned char narrow[INFO_SIZE];

	if (!tracee->regs.compat)
		return tracee_read(tracee, address, info, sizeof(*info));
	if (tracee_read(tracee, address, narrow, sizeof(narrow)) < 0)
		return -EFAULT;
	widen_info(narrow, info);
	return 0;
}

int layout_write_no_usage(const struct tracee *tracee, uint64_t address)
{
	static const struct rusage none;
	size_t size = tracee->regs.compat ? 18 * sizeof(uint32_t) : sizeof(none);

	return tracee_write(tracee, address, &none, size);
}
