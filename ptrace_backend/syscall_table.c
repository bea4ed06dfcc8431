// SPDX-License-Identifier: Apache-2.0
/* syscalls.def as an array by call number. */
#include <errno.h>
#include <sys/syscall.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#ifdef SYS_open
#define LEGACY(...) __VA_ARGS__
#else
#define LEGACY(...)
#endif
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

/* A number given twice is an error: -Woverride-init. */
#define PASS(call) \
	[SYS_##call] = { .name = #call, .number = SYS_##call, .action = ACTION_PASS, \
			 .paths = NO_PATH },
#define FAIL(call, errno_value, why) FAIL_IF(call, errno_value, ALWAYS, NONE, why)
#define FAIL_IF(call, errno_value, when_, rule_, why) \
	[SYS_##call] = { .name = #call, .number = SYS_##call, .action = ACTION_ERRNO, \
			 .when = WHEN_##when_, .rule = RULE_##rule_, .error = errno_value, \
			 .paths = NO_PATH },
#define TRACE(call, when_, rule_, paths_, handler) \
	[SYS_##call] = { .name = #call, .number = SYS_##call, .action = ACTION_TRACE, \
			 .when = WHEN_##when_, .rule = RULE_##rule_, .paths = paths_, \
			 .enter = handler },
#define ANSWER(call, when_, rule_, paths_, handler) \
	[SYS_##call] = { .name = #call, .number = SYS_##call, .action = ACTION_TRACE, \
			 .when = WHEN_##when_, .rule = RULE_##rule_, .notify = true, \
			 .paths = paths_, .enter = handler },

static const struct syscall_row rows[] = {
#include "ptrace_backend/syscalls.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

const struct syscall_row *syscall_row(int64_t number)
{
	if (number < 0 || (uint64_t)number >= ROW_COUNT || !rows[number].name)
		return NULL;
	return &rows[number];
}

const struct syscall_row *syscall_rows(size_t *ret_count)
{
	*ret_count = ROW_COUNT;
	return rows;
}
