// SPDX-License-Identifier: Apache-2.0
/* The seccomp program says what the table says: an interpreter runs it for every number, with
 * arguments on both sides of each rule, under every combination of options; at the end every
 * instruction has been executed at least once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/syscall_table.h"

#define PROGRAM_MAX 4096 /* BPF_MAXINSNS */
#define NUMBER_MAX  600
#define TRACED (SECCOMP_RET_TRACE | FILTER_MARK)
#define FAILS(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))

struct program {
	struct filter_options options;
	struct sock_filter code[PROGRAM_MAX];
	int length;
	bool covered[PROGRAM_MAX];
};

#define PROGRAMS 32 /* every combination of the options, on x86-64 and on aarch64 */
static struct program programs[PROGRAMS];
#define ON_AARCH64 16
#define HIGH_CALLS_MAX 16

static int build_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct program *program = &programs[i];

		program->options = (struct filter_options){
			.fake_ids = i & 1, .read_only = i & 2, .deny_network = i & 4, .notify = i & 8,
			.compat = true, .sysvipc = i & 2,
			.native = i & ON_AARCH64 ? CALLS_AARCH64 : CALLS_X86_64,
			.compat_table = i & ON_AARCH64 ? CALLS_ARM : CALLS_I386,
		};
		program->length =
			filter_build(&program->options, program->code, PROGRAM_MAX);
		assert_true(program->length > 0);
	}
	return 0;
}

/* Classic BPF as far as the filter uses it; anything else fails the test. */
static uint32_t run(struct program *program, const struct seccomp_data *data, unsigned *ret_steps)
{
	uint32_t accumulator = 0;
	int at = 0;

	for (unsigned steps = 1;; steps++) {
		const struct sock_filter *code = &program->code[at];
		bool holds;

		assert_in_range(at, 0, program->length - 1);
		program->covered[at++] = true;
		switch (code->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(code->k % 4 == 0 && code->k + 4 <= sizeof(*data));
			memcpy(&accumulator, (const char *)data + code->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			accumulator &= code->k;
			continue;
		case BPF_JMP | BPF_JA:
			at += (int)code->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			holds = accumulator == code->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			holds = accumulator >= code->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			holds = accumulator & code->k;
			break;
		case BPF_RET | BPF_K:
			if (ret_steps)
				*ret_steps = steps;
			return code->k;
		default:
			fail_msg("instruction %d has code %#x", at - 1, code->code);
			return 0;
		}
		at += holds ? code->jt : code->jf;
	}
}

/* What the rules mean, said once more and without the filter's lists. */

static bool is_one_of(uint64_t value, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((uint32_t)value == values[i])
			return true;
	return false;
}
#define IS_ONE_OF(value, ...) \
	is_one_of(value, (const uint64_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

static uint32_t expect_ioctl(uint32_t request, const struct filter_options *options)
{
	if (request == TIOCSTI || request == TIOCLINUX)
		return FAILS(EPERM);
	if (request == FIOSETOWN || request == SIOCSPGRP)
		return TRACED;
	if (!options->read_only && !options->fake_ids)
		return SECCOMP_RET_ALLOW;
	/* getflags, getversion (and 32-bit programs'), fiemap, fsgetxattr, measure verity */
	if (IS_ONE_OF(request, 0x80086601, 0x80087601, 0x80046601, 0x80047601, 0xc020660b,
		      0x801c581f, 0xc0046686))
		return SECCOMP_RET_ALLOW;
	if (IS_ONE_OF(_IOC_TYPE(request), 'f', 'v', 'X', 0x94, 0xf5))
		return TRACED;
	return SECCOMP_RET_ALLOW;
}

static bool rule_fires(const struct syscall_row *row, const uint64_t *args,
		       const struct filter_options *options)
{
	switch ((enum filter_rule)row->rule) {
	case RULE_CLONE:
		return (uint32_t)args[0] &
		       (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_UNTRACED | CLONE_PARENT);
	case RULE_PRCTL:
		return IS_ONE_OF(args[0], PR_SET_DUMPABLE, PR_GET_DUMPABLE, PR_SET_PTRACER,
				 PR_SET_MM, PR_SCHED_CORE, PR_SET_SECCOMP) ||
		       (options->fake_ids &&
			IS_ONE_OF(args[0], PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_CAPBSET_READ,
				  PR_CAPBSET_DROP, PR_GET_SECUREBITS, PR_SET_SECUREBITS,
				  PR_CAP_AMBIENT, PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS));
	case RULE_SOCKET:
		return (uint32_t)args[0] != AF_UNIX;
	case RULE_FCNTL:
		return IS_ONE_OF(args[1], F_SETOWN, F_SETOWN_EX);
	case RULE_OTHER_PID:
		return (uint32_t)args[0] != 0;
	case RULE_ADDRESS:
		return args[4] != 0;
	case RULE_ACCEPT:
		return args[1] != 0;
	case RULE_PASSCRED:
		return (uint32_t)args[1] == SOL_SOCKET && (uint32_t)args[2] == SO_PASSCRED;
	case RULE_PEERCRED:
		return (uint32_t)args[1] == SOL_SOCKET && (uint32_t)args[2] == SO_PEERCRED;
	case RULE_SECCOMP:
		return IS_ONE_OF(args[0], SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL,
				 SECCOMP_GET_NOTIF_SIZES);
	default:
		return true;
	}
}

static bool in_table(uint32_t audit_arch, const struct filter_options *options,
		     enum call_table *ret_table)
{
	*ret_table = audit_arch == syscall_audit_arch(options->native) ? options->native :
									 options->compat_table;
	return audit_arch == syscall_audit_arch(*ret_table);
}

/* The calls of socketcall(2) that name an address, or a socket of another family. */
static bool socketcall_fires(uint32_t which, const struct filter_options *options)
{
	return IS_ONE_OF(which, 1, 2, 3, 6, 7, 11, 16, 20) ||
	       ((which == 14 || which == 15) && options->fake_ids);
}

static const struct syscall_row *row_of(enum call_table table, uint32_t number)
{
	const struct syscall_call *call = syscall_call(table, number);

	return call ? syscall_call_row(call) : NULL;
}

static uint32_t expect(const struct seccomp_data *data, const struct filter_options *options)
{
	const uint64_t *args = (const uint64_t *)data->args;
	const struct syscall_row *row;
	enum call_table table;

	if (!in_table(data->arch, options, &table))
		return FAILS(ENOSYS);
	row = row_of(table, (uint32_t)data->nr);
	if (!row)
		return FAILS(ENOSYS);
	if (row->rule == RULE_SOCKETCALL)
		return socketcall_fires((uint32_t)args[0], options) ? TRACED :
								      SECCOMP_RET_ALLOW;
	if (row->action == ACTION_PASS || (row->when == WHEN_FAKE_IDS && !options->fake_ids) ||
	    (row->when == WHEN_READ_ONLY && !options->read_only && !options->fake_ids) ||
	    (row->when == WHEN_LISTED && !options->links && !options->hidden) ||
	    (row->when == WHEN_SHOWN && !options->links && !options->fake_ids) ||
	    (row->when == WHEN_SYSVIPC && !options->sysvipc) ||
	    (row->when == WHEN_NAMES && !options->ports))
		return SECCOMP_RET_ALLOW;
	if (row->rule == RULE_IOCTL)
		return expect_ioctl((uint32_t)args[1], options);
	if (!rule_fires(row, args, options))
		return SECCOMP_RET_ALLOW;
	if (row->rule == RULE_SOCKET && options->deny_network)
		return FAILS(EACCES);
	if (row->action == ACTION_TRACE)
		return row->notify && options->notify ? SECCOMP_RET_USER_NOTIF : TRACED;
	return FAILS(row->error);
}

static void check(struct program *program, const struct seccomp_data *data)
{
	uint32_t answer = run(program, data, NULL);

	if (answer != expect(data, &program->options))
		fail_msg("call %d (%llx, %llx, ...): %#x instead of %#x", data->nr,
			 (unsigned long long)data->args[0], (unsigned long long)data->args[1],
			 answer, expect(data, &program->options));
}

/* Values on both sides of every rule; each is tried in every argument. */
static const uint64_t values[] = {
	0, 1, 2, 3, 4, 6, 7, 8, 9, 11, 14, 15, 16, 17, 20, 23, 24, 27, 28, 35, 38, 39, 47, 62, AF_INET,
	AF_INET6, FS_IOC32_GETFLAGS, FS_IOC32_GETVERSION,
	AF_NETLINK, F_SETOWN, F_SETOWN_EX, F_GETOWN_EX, PR_SET_SECCOMP, PR_SET_PTRACER,
	CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
	CLONE_NEWCGROUP, CLONE_UNTRACED, CLONE_VM | CLONE_VFORK | 17, CLONE_VM | CLONE_NEWUSER,
	TIOCSTI, TIOCLINUX, TCGETS, FIOSETOWN, SIOCSPGRP, FIONBIO, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS,
	FS_IOC_SETVERSION, FS_IOC_FSSETXATTR, 0xc020660b, FICLONE, 0x40806685, 0x800c6613,
	0x5000940e, 0x9400, 0x95ff, 0x40086604, 0x80087601, 0x801c581f, 0xc0045877, 0xc0046686,
	0xf50d, 0xffffffff,
};
#define VALUE_COUNT (sizeof(values) / sizeof(values[0]))

static void check_number_of(struct program *program, enum call_table table, int number)
{
	struct seccomp_data data = { .nr = number, .arch = syscall_audit_arch(table) };
	const struct syscall_row *row = row_of(table, (uint32_t)number);

	check(program, &data);
	if (!row || row->rule == RULE_NONE)
		return; /* calls_without_a_rule_depend_on_no_argument() */
	for (unsigned i = 0; i < 6; i++) {
		for (size_t j = 0; j < VALUE_COUNT; j++) {
			data.args[i] = values[j];
			check(program, &data);
			data.args[i] |= 0xdead00000000ULL; /* the half the kernel doesn't look at */
			check(program, &data);
			data.args[i] = 0;
		}
	}
	/* rules over two arguments */
	for (size_t j = 0; j < VALUE_COUNT; j++)
		for (size_t k = 0; k < VALUE_COUNT; k++) {
			data.args[0] = data.args[1] = values[j];
			data.args[2] = values[k];
			check(program, &data);
			data.args[0] = values[k];
			check(program, &data);
		}
}

static void check_numbers(struct program *program)
{
	const enum call_table tables[2] = { program->options.native, program->options.compat_table };

	for (unsigned i = 0; i < 2; i++) {
		for (int number = 0; number <= NUMBER_MAX; number++)
			check_number_of(program, tables[i], number);
		for (int number = -2; number <= HIGH_CALLS_MAX; number++)
			check_number_of(program, tables[i], (int)HIGH_CALLS + number);
	}
}

static void every_number_gets_the_answer_of_its_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++)
		check_numbers(&programs[i]);
}

static void x32_and_unknown_numbers_are_enosys(void **state)
{
	static const uint32_t numbers[] = { 1000, 0x3fffffff, 0x40000000, 0x40000000 | 520,
					    0x7fffffff, 0x80000000, 0xffffffff };
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct seccomp_data data = { .arch = syscall_audit_arch(programs[i].options.native) };

		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			data.nr = (int)numbers[j];
			assert_int_equal(run(&programs[i], &data, NULL), FAILS(ENOSYS));
		}
		for (int number = 0; number <= NUMBER_MAX; number++) {
			data.nr = number | 0x40000000;
			assert_int_equal(run(&programs[i], &data, NULL), FAILS(ENOSYS));
		}
	}
}

static void other_architectures_are_enosys(void **state)
{
	static const uint32_t others[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64,
					   AUDIT_ARCH_AARCH64, 0 };
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++)
		for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
			for (int number = 0; number <= NUMBER_MAX; number++) {
				struct seccomp_data data = { .nr = number, .arch = others[j] };

				enum call_table table;

				if (!in_table(others[j], &programs[i].options, &table))
					assert_int_equal(run(&programs[i], &data, NULL),
							 FAILS(ENOSYS));
			}
}

static void without_compat_32_bit_calls_are_enosys(void **state)
{
	static struct program program;

	(void)state;
	program.options = programs[0].options;
	program.options.compat = false;
	program.length = filter_build(&program.options, program.code, PROGRAM_MAX);
	assert_true(program.length > 0);
	for (int number = 0; number <= NUMBER_MAX; number++) {
		struct seccomp_data data = { .nr = number, .arch = AUDIT_ARCH_I386 };

		assert_int_equal(run(&program, &data, NULL), FAILS(ENOSYS));
		data.arch = AUDIT_ARCH_X86_64;
		check(&program, &data);
	}
}

static void calls_that_always_pass_take_at_most_thirteen_instructions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		unsigned most = 0;

		for (int number = 0; number <= NUMBER_MAX; number++) {
			enum call_table table = programs[i].options.native;
			const struct syscall_row *row = row_of(table, (uint32_t)number);
			struct seccomp_data data = { .nr = number, .arch = syscall_audit_arch(table) };
			unsigned steps;

			if (!row || row->rule != RULE_NONE)
				continue;
			run(&programs[i], &data, &steps);
			if (steps > most)
				most = steps;
		}
		/* two loads, the architecture, the tree, a far jump or two, the verdict */
		print_message("options %u: %d instructions, a verdict after at most %u\n", i,
			      programs[i].length, most);
		assert_in_range(most, 4, 13);
	}
}

/* No instruction loads an argument before the number is known to have a rule: since Linux 5.11 the
 * kernel then skips the program for calls that always pass. */
static void calls_without_a_rule_depend_on_no_argument(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++)
		for (int number = 0; number <= NUMBER_MAX; number++) {
			struct program *program = &programs[i];
			enum call_table table = program->options.native;
			const struct syscall_row *row = row_of(table, (uint32_t)number);
			struct seccomp_data data = { .nr = number, .arch = syscall_audit_arch(table) };

			if (row && row->rule != RULE_NONE)
				continue;
			memset(program->covered, 0, sizeof(program->covered));
			run(program, &data, NULL);
			for (int at = 0; at < program->length; at++)
				if (program->covered[at] &&
				    program->code[at].code == (BPF_LD | BPF_W | BPF_ABS))
					assert_true(program->code[at].k <
						    offsetof(struct seccomp_data, args));
		}
}

static void every_instruction_is_reached(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROGRAMS; i++) {
		struct program *program = &programs[i];
		struct seccomp_data foreign = { .arch = 0 };

		memset(program->covered, 0, sizeof(program->covered));
		run(program, &foreign, NULL);
		check_numbers(program);
		for (int at = 0; at < program->length; at++)
			if (!program->covered[at])
				fail_msg("options %u: instruction %d of %d is never executed", i,
					 at, program->length);
	}
}

static void build(struct program *program)
{
	program->length = filter_build(&program->options, program->code, PROGRAM_MAX);
	assert_true(program->length > 0);
}

/* A call from the stub's address. */
static struct seccomp_data stub_call(const struct program *program, enum syscall_index row)
{
	return (struct seccomp_data){ .nr = (int)syscall_number(CALLS_X86_64, row),
				      .arch = syscall_audit_arch(CALLS_X86_64),
				      .instruction_pointer = program->options.fast };
}

static void the_stub_may_make_its_calls_from_its_address_only(void **state)
{
	static struct program program = {
		.options = { .fake_ids = true, .fast = 0x123456789abc, .native = CALLS_X86_64,
			     .compat_table = CALLS_I386, .compat = true },
	};
	static const struct {
		enum syscall_index row;
		bool passes;
	} calls[] = {
		{ ROW_newfstatat, true }, { ROW_statx, true }, { ROW_readlinkat, true }, { ROW_openat, true },
		{ ROW_lgetxattr, true }, { ROW_openat2, false }, { ROW_execve, false }, { ROW_unlinkat, false },
		{ ROW_mount, false }, { ROW_ptrace, false }, { ROW_getxattr, false },
	};

	(void)state;
	build(&program);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct seccomp_data data = stub_call(&program, calls[i].row);

		assert_int_equal(run(&program, &data, NULL), calls[i].passes ? SECCOMP_RET_ALLOW : TRACED);
		data.instruction_pointer ^= 1;
		assert_int_equal(run(&program, &data, NULL), TRACED);
		data.instruction_pointer ^= 1 | 1ULL << 40;
		assert_int_equal(run(&program, &data, NULL), TRACED);
		data.instruction_pointer ^= 1ULL << 40;
		data.arch = syscall_audit_arch(CALLS_I386);
		data.nr = (int)syscall_number(CALLS_I386, calls[i].row);
		if (data.nr >= 0)
			assert_int_equal(run(&program, &data, NULL), TRACED);
	}
}

static void the_stub_may_open_for_reading_only(void **state)
{
	static struct program program = {
		.options = { .fast = 0x123456789abc, .native = CALLS_X86_64, .compat_table = CALLS_I386 },
	};
	const uint64_t read_only[] = { 0, O_CLOEXEC | O_DIRECTORY, O_NOFOLLOW | O_NONBLOCK, 1ULL << 32 };
	const uint64_t others[] = { O_WRONLY, O_RDWR, O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND, O_PATH, O_TMPFILE,
				    O_CLOEXEC | O_TRUNC, 1U << 31 };
	struct seccomp_data data = stub_call(&program, ROW_openat);

	(void)state;
	build(&program);
	for (unsigned i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		data.args[2] = read_only[i];
		assert_int_equal(run(&program, &data, NULL), SECCOMP_RET_ALLOW);
	}
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		data.args[2] = others[i];
		assert_int_equal(run(&program, &data, NULL), TRACED);
	}
}

static void where_it_may_write_landlock_is_asked_for_each_right(void **state)
{
	static struct program program = {
		.options = { .fast = 0x123456789abc, .fast_may = FAST_MAY_OPEN, .native = CALLS_X86_64,
			     .compat_table = CALLS_I386 },
	};
	const struct {
		uint64_t flags, mode;
		bool passes;
	} opens[] = {
		{ O_RDONLY, 0, true }, { O_WRONLY, 0, true }, { O_RDWR | O_TRUNC, 0, true },
		{ O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644, true }, { O_RDONLY | O_CREAT, 0777, true },
		{ O_WRONLY | O_APPEND | O_SYNC, 0, true }, { 1ULL << 40 | O_RDWR, 1ULL << 40, true },
		{ O_ACCMODE, 0, false }, { O_TRUNC, 0, false }, { O_TRUNC | O_CREAT, 0644, false },
		{ O_ACCMODE | O_TRUNC, 0, false }, { O_PATH, 0, false }, { O_TMPFILE | O_RDWR, 0600, false },
		{ O_WRONLY | O_CREAT, 04755, false }, { O_WRONLY | O_CREAT, 02755, false }, { 1U << 31, 0, false },
		{ O_RDWR | O_NOATIME, 0, false },
	};
	struct seccomp_data data = stub_call(&program, ROW_openat);

	(void)state;
	build(&program);
	for (unsigned i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		data.args[2] = opens[i].flags;
		data.args[3] = opens[i].mode;
		assert_int_equal(run(&program, &data, NULL), opens[i].passes ? SECCOMP_RET_ALLOW : TRACED);
	}
	data.args[2] = O_WRONLY;
	data.args[3] = 0;
	data.instruction_pointer ^= 1;
	assert_int_equal(run(&program, &data, NULL), TRACED);
}

static void other_changes_pass_where_they_are_allowed(void **state)
{
	static struct program program = {
		.options = { .fast = 0x123456789abc, .fake_ids = true, .native = CALLS_X86_64, .compat_table = CALLS_I386 },
	};
	const struct {
		enum syscall_index row;
		uint32_t may;
		uint64_t arguments[5];
		bool passes;
	} calls[] = {
		{ ROW_fchmod, FAST_MAY_CHANGE, { 3, 0755 }, true },
		{ ROW_fchmod, FAST_MAY_CHANGE, { 3, 04755 }, false },
		{ ROW_fchmod, FAST_MAY_CHANGE, { 3, 01777 }, false },
		{ ROW_utimensat, FAST_MAY_CHANGE, { 3, 0, 1 }, true },
		{ ROW_utimensat, FAST_MAY_CHANGE, { 3, 1, 1 }, false },
		{ ROW_utimensat, FAST_MAY_CHANGE, { 3, 1ULL << 40, 1 }, false },
		{ ROW_fchown, ~0u, { 3 }, false },
		{ ROW_fchmodat, ~0u, { 3, 1 }, false },
		{ ROW_mkdirat, FAST_MAY_NAME, { 3, 1, 0777 }, true },
		{ ROW_mkdirat, FAST_MAY_NAME, { 3, 1, 02777 }, false },
		{ ROW_unlinkat, FAST_MAY_NAME, { 3, 1, AT_REMOVEDIR }, true },
		{ ROW_renameat, FAST_MAY_NAME, { 3, 1, 3, 2 }, true },
		{ ROW_linkat, FAST_MAY_NAME, { 3, 1, 3, 2, 0 }, true },
		{ ROW_linkat, FAST_MAY_NAME, { 3, 1, 3, 2, AT_EMPTY_PATH }, false },
		{ ROW_linkat, FAST_MAY_NAME, { 3, 1, 3, 2, AT_SYMLINK_FOLLOW }, false },
		{ ROW_symlinkat, FAST_MAY_NAME, { 1, 3, 2 }, true },
		{ ROW_renameat2, ~0u, { 3, 1, 3, 2 }, false },
		{ ROW_mknodat, ~0u, { 3, 1, 0644 }, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct seccomp_data data = stub_call(&program, calls[i].row);

		memcpy(data.args, calls[i].arguments, sizeof(calls[i].arguments));
		program.options.fast_may = calls[i].may;
		build(&program);
		assert_int_equal(run(&program, &data, NULL), calls[i].passes ? SECCOMP_RET_ALLOW : TRACED);
		program.options.fast_may = ~calls[i].may;
		build(&program);
		assert_int_equal(run(&program, &data, NULL), TRACED);
		data.instruction_pointer++;
		program.options.fast_may = ~0u;
		build(&program);
		assert_int_equal(run(&program, &data, NULL), TRACED);
	}
}

static void a_program_that_does_not_fit_is_refused(void **state)
{
	static struct sock_filter code[PROGRAM_MAX];
	const struct program *program = &programs[7];

	(void)state;
	for (int capacity = 0; capacity < program->length; capacity++) {
		memset(code, 0xaa, sizeof(code));
		assert_int_equal(filter_build(&program->options, code, (size_t)capacity), -ENOSPC);
		assert_int_equal(code[capacity].k, 0xaaaaaaaa);
	}
	assert_int_equal(filter_build(&program->options, code, (size_t)program->length),
			 program->length);
	assert_memory_equal(code, program->code, (size_t)program->length * sizeof(code[0]));
}

/* In a child, without a tracer: a traced call is ENOSYS then. */
static int live(struct program *program)
{
	struct sock_fprog loaded = { (unsigned short)program->length, program->code };
	char buffer[1];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &loaded))
		return 1;
	if (syscall(SYS_getpid) <= 0 || read(-1, buffer, 1) != -1 || errno != EBADF)
		return 2;
	if (openat(AT_FDCWD, "/", O_RDONLY) != -1 || errno != ENOSYS)
		return 3;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != ENOSYS)
		return 4;
	if (ioctl(-1, 0x100000000UL | TIOCSTI, "x") != -1 || errno != EPERM)
		return 5;
	if (syscall(NUMBER_MAX) != -1 || errno != ENOSYS)
		return 6;
	if (syscall(SYS_reboot, 0, 0, 0, NULL) != -1 || errno != EPERM)
		return 7;
	if (syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0) != -1 || errno != EACCES)
		return 8;
	return syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0) < 0 ? 9 : 0;
}

static void the_kernel_takes_it_and_agrees(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (!child)
		_exit(live(&programs[ARCH_CALLS == CALLS_AARCH64 ? 7 + ON_AARCH64 : 7]));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The second filter stops its own rows by their rules and nothing else. */
static void check_second(struct program *second, enum call_table table, int number)
{
	const struct syscall_row *row = row_of(table, (uint32_t)number);
	bool own = row && row->when == WHEN_NAMES;
	struct seccomp_data data = { .nr = number, .arch = syscall_audit_arch(table) };
	unsigned steps;

	if (row && row->rule == RULE_SOCKETCALL) {
		for (unsigned which = 0; which < 25; which++) {
			data.args[0] = which;
			assert_int_equal(run(second, &data, &steps),
					 IS_ONE_OF(which, 5, 12, 17, 18, 19) ? TRACED :
									       SECCOMP_RET_ALLOW);
		}
		return;
	}
	assert_int_equal(run(second, &data, &steps),
			 own && row->rule == RULE_NONE ? TRACED : SECCOMP_RET_ALLOW);
	for (unsigned i = 0; i < 6; i++)
		data.args[i] = 1ULL << 40;
	assert_int_equal(run(second, &data, &steps), own ? TRACED : SECCOMP_RET_ALLOW);
	data.arch = 0;
	assert_int_equal(run(second, &data, &steps), SECCOMP_RET_ALLOW);
}

static void the_second_filter_stops_its_rows_only(void **state)
{
	static struct program second;

	(void)state;
	for (unsigned arch = 0; arch < 2; arch++) {
		enum call_table native = arch ? CALLS_AARCH64 : CALLS_X86_64;
		enum call_table compat = arch ? CALLS_ARM : CALLS_I386;

		second.length = filter_build_names(false, native, compat, second.code, PROGRAM_MAX);
		assert_in_range(second.length, 1, 120); /* names_filter.c's room */
		for (int number = 0; number <= NUMBER_MAX; number++) {
			check_second(&second, native, number);
			check_second(&second, compat, number);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_gets_the_answer_of_its_row),
		cmocka_unit_test(x32_and_unknown_numbers_are_enosys),
		cmocka_unit_test(other_architectures_are_enosys),
		cmocka_unit_test(without_compat_32_bit_calls_are_enosys),
		cmocka_unit_test(calls_that_always_pass_take_at_most_thirteen_instructions),
		cmocka_unit_test(calls_without_a_rule_depend_on_no_argument),
		cmocka_unit_test(every_instruction_is_reached),
		cmocka_unit_test(the_stub_may_make_its_calls_from_its_address_only),
		cmocka_unit_test(the_stub_may_open_for_reading_only),
		cmocka_unit_test(where_it_may_write_landlock_is_asked_for_each_right),
		cmocka_unit_test(other_changes_pass_where_they_are_allowed),
		cmocka_unit_test(a_program_that_does_not_fit_is_refused),
		cmocka_unit_test(the_kernel_takes_it_and_agrees),
		cmocka_unit_test(the_second_filter_stops_its_rows_only),
	};

	return cmocka_run_group_tests_name("filter", tests, build_all, NULL);
}
