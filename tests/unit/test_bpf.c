// SPDX-License-Identifier: Apache-2.0
/* Classic BPF: thousands of random programs are taken or refused as this machine's kernel does, and those that
 * are taken answer the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ptrace_backend/arch/arch.h"
#include "ptrace_backend/bpf.h"

#define MARK	 0xffffa3f0u
#define ROUNDS	 3000
#define BODY_MAX 24
#define CALL	 SYS_getpgid /* any that isn't needed on the way */

static const uint16_t codes[] = {
	BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN,
	BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X, BPF_ALU | BPF_SUB | BPF_K, /* NOLINT(misc-redundant-expression): both 0 */
	BPF_ALU | BPF_SUB | BPF_X, BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV | BPF_K, BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X, BPF_ALU | BPF_XOR | BPF_K,
	BPF_ALU | BPF_XOR | BPF_X, BPF_ALU | BPF_LSH | BPF_K, BPF_ALU | BPF_RSH | BPF_K,
	BPF_ALU | BPF_NEG, BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM, BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM, BPF_ST, BPF_STX, BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JGE | BPF_X, BPF_JMP | BPF_JGT | BPF_K,
	BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X, BPF_JMP | BPF_JGE | BPF_K,
};
static const uint16_t rare_codes[] = {
	BPF_ALU | BPF_MOD | BPF_K, BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_W | BPF_IND, BPF_RET | BPF_X,
	BPF_LDX | BPF_B | BPF_MSH, 0xffff, BPF_ALU | BPF_MOD | BPF_X, BPF_ST | BPF_X,
};

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

static struct sock_filter random_code(size_t left)
{
	struct sock_filter code = { .code = codes[random_below(sizeof(codes) / sizeof(codes[0]))] };

	if (random_below(200) == 0)
		code.code = rare_codes[random_below(sizeof(rare_codes) / sizeof(rare_codes[0]))];
	code.jt = (uint8_t)random_below((uint32_t)left + (random_below(100) == 0));
	code.jf = (uint8_t)random_below((uint32_t)left + (random_below(100) == 0));
	switch (code.code) {
	case BPF_LD | BPF_W | BPF_ABS: /* not the instruction pointer, which the parent can't know */
		code.k = random_below(50) == 0 ? random_below(80) : (random_below(6) + 2) * 8;
		if (code.k >= 8 && code.k < 16)
			code.k = 0;
		break;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		code.k = random_below(3);
		break;
	case BPF_ST:
	case BPF_STX:
		code.k = random_below(100) == 0 ? random_below(20) : random_below(3);
		break;
	case BPF_JMP | BPF_JA:
		code.k = random_below((uint32_t)left + (random_below(100) == 0));
		break;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		code.k = random_below(random_below(50) == 0 ? 40 : 32);
		break;
	default:
		code.k = random_below(2) ? random_below(4) : random_below(0x7fffffff) * 2;
	}
	return code;
}

/* Lets exit_group pass; whatever else comes out becomes an errno. */
static size_t random_program(struct sock_filter *program)
{
	const struct sock_filter start[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_ST, 1),
	}, end[] = {
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7ff),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO | 0x800),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	size_t body = 1 + random_below(BODY_MAX), length = 5;

	memcpy(program, start, sizeof(start));
	for (size_t i = 0; i < body; i++)
		program[length++] = random_code(body - i);
	memcpy(&program[length], end, sizeof(end));
	return length + 3;
}

struct report {
	int taken, result;
};

static void try_in_kernel(const struct sock_filter *program, size_t length,
			  const struct seccomp_data *call, struct report *report)
{
	struct sock_fprog filter = { (unsigned short)length, (struct sock_filter *)(uintptr_t)program };
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		report->taken = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
		if (report->taken) {
			syscall(call->nr, call->args[0], call->args[1], call->args[2],
				call->args[3], call->args[4], call->args[5]);
			report->result = errno;
		}
		syscall(SYS_exit_group, 0);
	}
	waitpid(child, NULL, 0);
}

static void as_the_kernel(void **state)
{
	struct report *report = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned taken = 0;

	(void)state;
	assert_ptr_not_equal(report, MAP_FAILED);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct seccomp_data call = { .nr = CALL, .arch = ARCH_AUDIT };
		struct sock_filter program[BODY_MAX + 8];
		size_t length = random_program(program);
		bool valid = bpf_is_valid(program, length);

		for (unsigned i = 0; i < 6; i++)
			call.args[i] = random_below(2) ? random_below(4) : random_below(0x7fffffff);
		*report = (struct report){ 0 };
		try_in_kernel(program, length, &call, report);
		if (report->taken != valid)
			fail_msg("round %u: the kernel %s it", round, report->taken ? "takes" : "refuses");
		if (!valid)
			continue;
		taken++;
		if (bpf_run(program, length, &call) != (SECCOMP_RET_ERRNO | (uint32_t)report->result))
			fail_msg("round %u: %x, the kernel %x", round, bpf_run(program, length, &call),
				 (unsigned)report->result);
	}
	assert_in_range(taken, ROUNDS / 5, ROUNDS * 4 / 5);
	munmap(report, 4096);
}

static void refuses_what_it_must(void **state)
{
	static struct sock_filter program[BPF_MAXINSNS + 1];

	(void)state;
	for (size_t i = 0; i <= BPF_MAXINSNS; i++)
		program[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	assert_false(bpf_is_valid(program, 0));
	assert_true(bpf_is_valid(program, 1));
	assert_true(bpf_is_valid(program, BPF_MAXINSNS));
	assert_false(bpf_is_valid(program, BPF_MAXINSNS + 1));
	program[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX);
	assert_false(bpf_is_valid(program, 4));
	program[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 3);
	assert_false(bpf_is_valid(program, 4));
	program[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 2);
	assert_true(bpf_is_valid(program, 4));
	program[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data));
	assert_false(bpf_is_valid(program, 2));
	program[0] = (struct sock_filter)BPF_STMT(BPF_ST, BPF_MEMWORDS);
	assert_false(bpf_is_valid(program, 2));
	program[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0);
	assert_false(bpf_is_valid(program, 2));
}

static void divides_as_the_kernel(void **state)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_IMM, 7),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct seccomp_data call = { 0 };

	(void)state;
	assert_true(bpf_is_valid(program, 3));
	assert_int_equal(bpf_run(program, 3, &call), SECCOMP_RET_KILL_THREAD);
}

static const uint32_t answers[] = {
	SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP | 3, SECCOMP_RET_ERRNO | 1,
	SECCOMP_RET_USER_NOTIF,	  SECCOMP_RET_TRACE | 9,   SECCOMP_RET_LOG,	 SECCOMP_RET_ALLOW,
	0x12340000, /* none that a kernel knows: it kills */
};

/* What is computed is never told, whatever it is. */
static void admits(const struct sock_filter *program, size_t length, struct seccomp_data call)
{
	static struct sock_filter admitting[BPF_MAXINSNS];
	uint32_t answer = bpf_run(program, length, &call);
	size_t longer = bpf_admit(program, length, MARK, admitting, BPF_MAXINSNS);

	assert_true(bpf_is_valid(program, length));
	assert_true(longer >= length && bpf_is_valid(admitting, longer));
	assert_int_equal(bpf_run(admitting, longer, &call), answer);
	call.instruction_pointer = (uint64_t)(MARK + 1) << 32;
	assert_int_equal(bpf_run(admitting, longer, &call), answer);
	call.instruction_pointer = (uint64_t)MARK << 32;
	assert_int_equal(bpf_run(admitting, longer, &call),
			 bpf_refuses(answer) || program[length - 1].code == (BPF_RET | BPF_A) ?
				 SECCOMP_RET_ALLOW : answer);
}

static void lets_our_calls_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct sock_filter fixed[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, answers[i]),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, answers[i]),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		}, computed[] = {
			BPF_STMT(BPF_LD | BPF_IMM, answers[i]),
			BPF_STMT(BPF_RET | BPF_A, 0),
		};

		for (int number = 4; number < 8; number++)
			admits(fixed, 6, (struct seccomp_data){ .nr = number });
		admits(computed, 2, (struct seccomp_data){ .nr = 1 });
	}
}

static void has_no_room_for_a_tail(void **state)
{
	static struct sock_filter program[BPF_MAXINSNS], admitting[BPF_MAXINSNS];

	(void)state;
	for (size_t i = 0; i < BPF_MAXINSNS; i++)
		program[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_int_equal(bpf_admit(program, BPF_MAXINSNS, MARK, admitting, BPF_MAXINSNS), BPF_MAXINSNS);
	program[0].k = SECCOMP_RET_ERRNO;
	assert_int_equal(bpf_admit(program, BPF_MAXINSNS, MARK, admitting, BPF_MAXINSNS), 0);
	/* Each return with its own tail: 4096 of them have no room either. */
	for (size_t i = 0; i < BPF_MAXINSNS; i++)
		program[i].k = SECCOMP_RET_ERRNO | (uint32_t)i;
	assert_int_equal(bpf_admit(program, BPF_MAXINSNS / 2, MARK, admitting, BPF_MAXINSNS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_kernel),
		cmocka_unit_test(refuses_what_it_must),
		cmocka_unit_test(divides_as_the_kernel),
		cmocka_unit_test(lets_our_calls_pass),
		cmocka_unit_test(has_no_room_for_a_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
