// SPDX-License-Identifier: Apache-2.0
/* syscalls.def as an array, and the tables that lead from call numbers to it. */
#include <errno.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#define LEGACY(...) __VA_ARGS__
#define COMPAT(...) __VA_ARGS__
#define FAMILY(title, text)

#define NO	-1
#define NO_PATH { { NO, NO, NO, 0, 0 }, { NO, NO, NO, 0, 0 } }
#define NAME(path, follow, use) AT(NO, path, NO, follow, use)
#define AT(dirfd, path, flags, follow, use) \
	{ { dirfd, path, flags, FOLLOW_##follow, USE_##use }, { NO, NO, NO, 0, 0 } }
#define NAMES(path1, follow1, use1, path2, follow2, use2) \
	ATS(NO, path1, NO, follow1, use1, NO, path2, follow2, use2)
#define ATS(dirfd1, path1, flags1, follow1, use1, dirfd2, path2, follow2, use2) \
	{ { dirfd1, path1, flags1, FOLLOW_##follow1, USE_##use1 }, \
	  { dirfd2, path2, NO, FOLLOW_##follow2, USE_##use2 } }

/* A name given twice is an error: -Woverride-init. */
#define ROW(call) [ROW_##call] = { .name = #call, .number = NUMBER_##call, .index = ROW_##call,
#define PASS(call) ROW(call) .action = ACTION_PASS, .paths = NO_PATH },
#define FAIL(call, errno_value, why) FAIL_IF(call, errno_value, ALWAYS, NONE, why)
#define FAIL_IF(call, errno_value, when_, rule_, why) \
	ROW(call) .action = ACTION_ERRNO, .when = WHEN_##when_, .rule = RULE_##rule_, \
		  .error = errno_value, .paths = NO_PATH },
#define TRACE(call, when_, rule_, paths_, handler) \
	ROW(call) .action = ACTION_TRACE, .when = WHEN_##when_, .rule = RULE_##rule_, \
		  .paths = paths_, .enter = handler },
#define ANSWER(call, when_, rule_, paths_, handler) \
	ROW(call) .action = ACTION_TRACE, .when = WHEN_##when_, .rule = RULE_##rule_, \
		  .notify = true, .paths = paths_, .enter = handler },

/* NUMBER_openat is the enumerator of the inner scope where our architecture has the call, else the -1
 * of the outer one. */
enum {
#define NO_NUMBER(call) NUMBER_##call = -1,
#pragma push_macro("PASS")
#pragma push_macro("FAIL")
#pragma push_macro("FAIL_IF")
#pragma push_macro("TRACE")
#pragma push_macro("ANSWER")
#undef PASS
#undef FAIL
#undef FAIL_IF
#undef TRACE
#undef ANSWER
#define PASS(call)		NO_NUMBER(call)
#define FAIL(call, ...)		NO_NUMBER(call)
#define FAIL_IF(call, ...)	NO_NUMBER(call)
#define TRACE(call, ...)	NO_NUMBER(call)
#define ANSWER(call, ...)	NO_NUMBER(call)
#include "ptrace_backend/syscalls.def"
#pragma pop_macro("PASS")
#pragma pop_macro("FAIL")
#pragma pop_macro("FAIL_IF")
#pragma pop_macro("TRACE")
#pragma pop_macro("ANSWER")
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
const struct syscall_row *syscall_rows(void)
{
	enum {
#define CALL(number, name) NUMBER_##name = (number),
#include ARCH_CALLS_FILE
#undef CALL
	};
	static const struct syscall_row rows[ROW_COUNT] = {
#include "ptrace_backend/syscalls.def"
	};

	return rows;
}
#pragma GCC diagnostic pop

#define CALL(number, name)		  [number] = { ROW_##name + 1, SHAPE_SAME },
#define CALL_AS(number, name, row, shape) [number] = { ROW_##row + 1, SHAPE_##shape },
#define CALL_HIGH(number, name)
static const struct syscall_call x86_64_calls[] = {
#include "ptrace_backend/arch/x86_64/calls.def"
};
static const struct syscall_call i386_calls[] = {
#include "core/arch/i386.def"
};
static const struct syscall_call aarch64_calls[] = {
#include "ptrace_backend/arch/aarch64/calls.def"
};
static const struct syscall_call arm_calls[] = {
#include "core/arch/arm.def"
};
#undef CALL
#undef CALL_AS
#undef CALL_HIGH
#define CALL(number, name)
#define CALL_AS(number, name, row, shape)
#define CALL_HIGH(number, name) [number] = { ROW_##name + 1, SHAPE_SAME },
static const struct syscall_call arm_high_calls[] = {
#include "core/arch/arm.def"
};

#define CALLS(table) .calls = (table), .count = sizeof(table) / sizeof((table)[0])
static const struct {
	const struct syscall_call *calls, *high;
	uint32_t count, high_count;
	uint32_t audit_arch;
} tables[CALL_TABLES] = {
	[CALLS_X86_64] = { CALLS(x86_64_calls), .audit_arch = AUDIT_ARCH_X86_64 },
	[CALLS_I386] = { CALLS(i386_calls), .audit_arch = AUDIT_ARCH_I386 },
	[CALLS_AARCH64] = { CALLS(aarch64_calls), .audit_arch = AUDIT_ARCH_AARCH64 },
	[CALLS_ARM] = { CALLS(arm_calls), .audit_arch = AUDIT_ARCH_ARM, .high = arm_high_calls,
			.high_count = sizeof(arm_high_calls) / sizeof(arm_high_calls[0]) },
};

const struct syscall_call *syscall_call(enum call_table table, int64_t number)
{
	const struct syscall_call *call = NULL;

	if (number >= 0 && number < tables[table].count)
		call = &tables[table].calls[number];
	else if (number >= HIGH_CALLS && number - HIGH_CALLS < tables[table].high_count)
		call = &tables[table].high[number - HIGH_CALLS];
	return call && call->row ? call : NULL;
}

const struct syscall_row *syscall_row(int64_t number)
{
	const struct syscall_call *call = syscall_call(ARCH_CALLS, number);

	return call ? syscall_call_row(call) : NULL;
}

bool syscall_row_applies(const struct syscall_row *row, const struct tracer *tracer)
{
	switch ((enum syscall_when)row->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_FAKE_IDS:
		return tracer->fake_ids;
	case WHEN_READ_ONLY:
		return tracer->any_read_only || tracer->fake_ids;
	case WHEN_LISTED:
		return tracer->links || tracer->plan->spec->hidden_prefix;
	case WHEN_SHOWN:
		return tracer->fake_ids || tracer->links;
	case WHEN_NAMES:
		return tracer->ports != NULL;
	case WHEN_SYSVIPC:
		return tracer->plan->emulate_sysvipc;
	}
	return true;
}

uint32_t syscall_numbers(enum call_table table, bool high)
{
	return high ? tables[table].high_count : tables[table].count;
}

int64_t syscall_number(enum call_table table, enum syscall_index row)
{
	for (uint32_t number = 0; number < tables[table].count; number++)
		if (tables[table].calls[number].row == (unsigned)row + 1 &&
		    tables[table].calls[number].shape == SHAPE_SAME)
			return number;
	return -1;
}

uint32_t syscall_audit_arch(enum call_table table)
{
	return tables[table].audit_arch;
}

const struct syscall_row *socketcall_row(uint32_t which)
{
	static const uint16_t rows[SOCKETCALL_MAX + 1] = {
		[1] = ROW_socket,      [2] = ROW_bind,	      [3] = ROW_connect,
		[4] = ROW_listen,      [5] = ROW_accept,      [6] = ROW_getsockname,
		[7] = ROW_getpeername, [8] = ROW_socketpair,  [9] = ROW_send,
		[10] = ROW_recv,       [11] = ROW_sendto,     [12] = ROW_recvfrom,
		[13] = ROW_shutdown,   [14] = ROW_setsockopt, [15] = ROW_getsockopt,
		[16] = ROW_sendmsg,    [17] = ROW_recvmsg,    [18] = ROW_accept4,
		[19] = ROW_recvmmsg,   [20] = ROW_sendmmsg,
	};

	return which == 0 || which > SOCKETCALL_MAX ? NULL : &syscall_rows()[rows[which]];
}
