// SPDX-License-Identifier: Apache-2.0
/* The decisions for calls that an outer filter traps, against the lists of Android's app filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ptrace_backend/trapped.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CALL(name) #name,
static const char *const allowed_x86_64[] = {
#include "tests/android/calls-x86_64.def"
};
static const char *const allowed_aarch64[] = {
#include "tests/android/calls-aarch64.def"
};

/* Names of syscalls.def and trapped.def: all of them, and those that aarch64 has. */
#define FAMILY(title, text)
#define COMPAT(...)
#define PASS(name) #name,
#define FAIL(...)
#define FAIL_IF(name, ...) #name,
#define TRACE(name, ...) #name,
#define ANSWER(name, ...) #name,
#define HANDLED(name) #name,
#define BY(name, way) #name,
#define LACKS(name, code) #name,
#define LEGACY(...) __VA_ARGS__
static const char *const calls_x86_64[] = {
#include "ptrace_backend/syscalls.def"
};
static const char *const decided_x86_64[] = {
#include "ptrace_backend/trapped.def"
};
#undef LEGACY
#define LEGACY(...)
static const char *const calls_aarch64[] = {
#include "ptrace_backend/syscalls.def"
};
static const char *const decided_aarch64[] = {
#include "ptrace_backend/trapped.def"
};

static bool has(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

#define EACH_IS_DECIDED(calls, allowed, decided)                             \
	for (size_t i = 0; i < COUNT(calls); i++)                            \
		if (!has(allowed, COUNT(allowed), (calls)[i]) &&             \
		    !has(decided, COUNT(decided), (calls)[i]))               \
			fail_msg("trapped.def has no row for %s", (calls)[i])

static void every_call_that_android_traps_is_decided(void **state)
{
	(void)state;
	assert_int_equal(COUNT(allowed_x86_64), 220);
	assert_int_equal(COUNT(allowed_aarch64), 214);
	EACH_IS_DECIDED(calls_x86_64, allowed_x86_64, decided_x86_64);
	EACH_IS_DECIDED(calls_aarch64, allowed_aarch64, decided_aarch64);
}

static void a_decision_is_complete(void **state)
{
	(void)state;
	for (int number = 0; number < PLAN_TRAP_WORDS * 64; number++) {
		const struct trapped_row *row = trapped_row(number);

		if (!row->decided)
			continue;
		assert_non_null(syscall_row(number));
		if (row->decision == TRAPPED_BY)
			assert_non_null(row->way);
		if (row->decision == TRAPPED_LACKS)
			assert_in_range(row->error, 1, 133);
	}
	assert_false(trapped_row(-1)->decided);
	assert_false(trapped_row(PLAN_TRAP_WORDS * 64)->decided);
}

/* What the other call is, for ways that need nothing of the guest's memory. */
static void another_call_is_one_that_android_allows(void **state)
{
	static struct tracer tracer;
	static struct tracee tracee = { .tracer = &tracer };

	(void)state;
	for (int number = 0; number < PLAN_TRAP_WORDS * 64; number++) {
		const struct trapped_row *row = trapped_row(number);
		const struct syscall_row *call = syscall_row(number), *other;

		if (row->decision != TRAPPED_BY || !row->way || !strcmp(call->name, "alarm"))
			continue;
		tracee.regs.number = number;
		tracee.trapped.arguments[2] = strcmp(call->name, "poll") ? 0 : (uint64_t)-1;
		if (row->way(&tracee, call) != VERDICT_CONTINUE)
			continue;
		other = syscall_row(tracee.regs.number);
		assert_non_null(other);
		if (!has(allowed_x86_64, COUNT(allowed_x86_64), other->name) &&
		    !has(allowed_aarch64, COUNT(allowed_aarch64), other->name))
			fail_msg("%s becomes %s", call->name, other->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_that_android_traps_is_decided),
		cmocka_unit_test(a_decision_is_complete),
		cmocka_unit_test(another_call_is_one_that_android_allows),
	};

	return cmocka_run_group_tests_name("trapped calls", tests, NULL, NULL);
}
