// SPDX-License-Identifier: Apache-2.0
/* The system-call profile, executed: a small interpreter of classic BPF runs what would be loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arch/compat.h"
#include "ns_backend/seccomp_profile.h"
#include "ns_backend/seccomp_table.h"

#define ALLOW	     ((uint32_t)SECCOMP_RET_ALLOW)
#define ERRNO(code)  ((uint32_t)(SECCOMP_RET_ERRNO | (code)))
#define BIT(number)  (UINT64_C(1) << (number))
#define PODMAN_CAPS  UINT64_C(0x800405fb)
#ifdef __x86_64__
#define COMPAT_SCMP_ARCH SCMP_ARCH_X86
#define COMPAT_SOCKET	 359
#else
#define COMPAT_SCMP_ARCH SCMP_ARCH_ARM
#define COMPAT_SOCKET	 281
#endif
#define BAD_PROGRAM  UINT32_C(0xdead0000)

static bool jump_taken(uint16_t code, uint32_t accumulator, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return accumulator == operand;
	case BPF_JGT:
		return accumulator > operand;
	case BPF_JGE:
		return accumulator >= operand;
	case BPF_JSET:
		return accumulator & operand;
	}
	fail_msg("unknown jump %#x", code);
	return false;
}

/* The answer of one program, the instructions it takes in *ret_steps. */
static uint32_t execute(const struct seccomp_program *program, const struct seccomp_data *data,
			unsigned *ret_steps)
{
	uint32_t accumulator = 0, scratch[BPF_MEMWORDS] = {0};
	unsigned steps = 0;

	for (size_t at = 0; at < program->length; at++) {
		const struct sock_filter *code = &program->code[at];

		*ret_steps = ++steps;
		switch (BPF_CLASS(code->code)) {
		case BPF_LD:
			if (BPF_MODE(code->code) == BPF_MEM)
				accumulator = scratch[code->k];
			else if (BPF_MODE(code->code) == BPF_IMM)
				accumulator = code->k;
			else
				memcpy(&accumulator, (const char *)data + code->k, 4);
			break;
		case BPF_ST:
			scratch[code->k] = accumulator;
			break;
		case BPF_ALU:
			assert_int_equal(BPF_OP(code->code), BPF_AND);
			accumulator &= code->k;
			break;
		case BPF_JMP:
			if (BPF_OP(code->code) == BPF_JA)
				at += code->k;
			else
				at += jump_taken(code->code, accumulator, code->k) ? code->jt
										   : code->jf;
			break;
		case BPF_RET:
			return code->k;
		default:
			fail_msg("unknown instruction %#x", code->code);
		}
	}
	return BAD_PROGRAM;
}

static struct seccomp_profile profile;

/* As the kernel does: the action with the lowest value wins. */
static uint32_t answer(const struct seccomp_data *data)
{
	unsigned steps;
	uint32_t numbers = execute(&profile.numbers, data, &steps);
	uint32_t arguments = execute(&profile.arguments, data, &steps);

	assert_int_not_equal(numbers, BAD_PROGRAM);
	assert_int_not_equal(arguments, BAD_PROGRAM);
	return numbers < arguments ? numbers : arguments;
}

static uint32_t call(int number, uint64_t first, uint64_t second, uint64_t third)
{
	struct seccomp_data data = {.nr = number,
				    .arch = seccomp_arch_native(),
				    .args = {first, second, third}};

	return answer(&data);
}

static void compile(uint64_t capabilities)
{
	assert_int_equal(seccomp_profile_compile(capabilities, &profile), 0);
}

static void the_calls_of_ordinary_programs_are_allowed(void **state)
{
	static const int calls[] = {SYS_read,  SYS_openat, SYS_execve, SYS_mmap,   SYS_futex,
				    SYS_clone, SYS_exit,   SYS_statx,  SYS_fchmodat, SYS_ptrace,
				    SYS_prctl, SYS_seccomp, 452 /* fchmodat2 */};

	(void)state;
	compile(PODMAN_CAPS);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_int_equal(call(calls[i], 0, 0, 0), ALLOW);
}

static void every_row_of_the_table_is_answered_as_it_says(void **state)
{
	(void)state;
	compile(PODMAN_CAPS);
	for (size_t i = 0; i < seccomp_call_count; i++)
		if (seccomp_calls[i].number >= 0 &&
		    seccomp_calls[i].number != SCMP_SYS(personality))
			assert_int_equal(call(seccomp_calls[i].number, 0, 0, 0),
					 seccomp_call_action(&seccomp_calls[i], PODMAN_CAPS));
}

static void no_call_is_in_the_table_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < seccomp_call_count; i++)
		for (size_t j = 0; j < i && seccomp_calls[i].number >= 0; j++)
			assert_int_not_equal(seccomp_calls[i].number, seccomp_calls[j].number);
}

/* The same table through libseccomp, which knows nothing of our search. */
static void the_search_agrees_with_libseccomp(void **state)
{
	static struct seccomp_program oracle;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int fd = memfd_create("oracle", 0);
	unsigned steps;

	(void)state;
	compile(PODMAN_CAPS);
	for (size_t i = 0; i < seccomp_call_count; i++) {
		uint32_t action = seccomp_call_action(&seccomp_calls[i], PODMAN_CAPS);

		if (seccomp_calls[i].number >= 0 && action != ERRNO(ENOSYS))
			assert_int_equal(
				seccomp_rule_add(filter, action, seccomp_calls[i].number, 0), 0);
	}
	assert_int_equal(seccomp_export_bpf(filter, fd), 0);
	oracle.length = (unsigned short)((size_t)pread(fd, oracle.code, sizeof(oracle.code), 0) /
					 sizeof(oracle.code[0]));
	for (int number = 0; number < 2000; number++) {
		struct seccomp_data data = {.nr = number, .arch = seccomp_arch_native()};

		if (number != SCMP_SYS(personality))
			assert_int_equal(execute(&profile.numbers, &data, &steps),
					 execute(&oracle, &data, &steps));
	}
	close(fd);
	seccomp_release(filter);
}

static void unknown_numbers_do_not_exist(void **state)
{
	(void)state;
	compile(PODMAN_CAPS);
	for (int number = 470; number < 600; number++)
		assert_int_equal(call(number, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(call(-1, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(call(0x7fffffff, 0, 0, 0), ERRNO(ENOSYS));
}

static void io_uring_and_clone3_do_not_exist(void **state)
{
	(void)state;
	compile(PODMAN_CAPS);
	assert_int_equal(call(425, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(call(426, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(call(427, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(call(435, 0, 0, 0), ERRNO(ENOSYS));
}

static void foreign_architectures_do_not_exist(void **state)
{
	static const uint32_t archs[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64,
					 AUDIT_ARCH_AARCH64, AUDIT_ARCH_RISCV64, 0};

	(void)state;
	compile(PODMAN_CAPS);
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		if (archs[i] == seccomp_arch_native() || archs[i] == COMPAT_AUDIT)
			continue;
		for (int number = 0; number < 500; number++) {
			struct seccomp_data data = {.nr = number, .arch = archs[i]};

			assert_int_equal(answer(&data), ERRNO(ENOSYS));
		}
	}
}

static uint32_t compat_call(int number, uint64_t first, uint64_t second, uint64_t third)
{
	struct seccomp_data data = {.nr = number, .arch = COMPAT_AUDIT, .args = {first, second, third}};

	return answer(&data);
}

static int compat_number(const char *name)
{
	uint32_t arch = COMPAT_SCMP_ARCH;

	return seccomp_syscall_resolve_name_arch(arch, name);
}

/* Row by row: the tables are made from the same file, in the same order. */
static void calls_of_32_bit_programs_are_answered_as_those_of_64_bit_ones(void **state)
{
	const struct seccomp_call *compat;
	size_t count, known = 0, compared = 0;

	(void)state;
	compile(PODMAN_CAPS);
	compat = seccomp_compat_calls(&count);
	assert_int_equal(count, seccomp_call_count);
	for (size_t i = 0; i < count; i++) {
		char *name;

		assert_int_equal(compat[i].rule, seccomp_calls[i].rule);
		if (compat[i].number < 0)
			continue;
		known++;
		assert_int_equal(compat_call(compat[i].number, 0, 0, 0),
				 seccomp_call_action(&compat[i], PODMAN_CAPS));
		if (seccomp_calls[i].number < 0)
			continue;
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, seccomp_calls[i].number);
		if (name && compat_number(name) >= 0) {
			assert_int_equal(compat[i].number, compat_number(name));
			compared++;
		}
		free(name);
	}
	assert_true(known > 380);
	assert_true(compared > 250);
	assert_int_equal(compat_call(499, 0, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(compat_call(-1, 0, 0, 0), ERRNO(ENOSYS));
}

static void arguments_of_32_bit_calls_are_looked_at(void **state)
{
	int ioctl_number = compat_number("ioctl"), clone_number = compat_number("clone"),
	    unshare_number = compat_number("unshare"), personality_number = compat_number("personality");
	int socket_number = COMPAT_SOCKET;

	(void)state;
	compile(PODMAN_CAPS);
	assert_int_equal(compat_call(ioctl_number, 0, TIOCSTI, 0), ERRNO(EPERM));
	assert_int_equal(compat_call(ioctl_number, 0, TIOCLINUX, 0), ERRNO(EPERM));
	assert_int_equal(compat_call(ioctl_number, 0, TIOCGWINSZ, 0), ALLOW);
	assert_int_equal(compat_call(clone_number, CLONE_NEWUSER | 17, 0, 0), ERRNO(EPERM));
	assert_int_equal(compat_call(clone_number, CLONE_VM | 17, 0, 0), ALLOW);
	assert_int_equal(compat_call(unshare_number, CLONE_NEWNS, 0, 0), ERRNO(EPERM));
	assert_int_equal(compat_call(unshare_number, CLONE_FILES, 0, 0), ALLOW);
	assert_int_equal(compat_call(socket_number, AF_VSOCK, SOCK_STREAM, 0), ERRNO(EAFNOSUPPORT));
	assert_int_equal(compat_call(socket_number, AF_NETLINK, SOCK_RAW, 9), ERRNO(EINVAL));
	assert_int_equal(compat_call(socket_number, AF_NETLINK, SOCK_RAW, 0), ALLOW);
	assert_int_equal(compat_call(socket_number, AF_UNIX, SOCK_STREAM, 9), ALLOW);
	assert_int_equal(compat_call(personality_number, 8, 0, 0), ALLOW);
	assert_int_equal(compat_call(personality_number, 0x400000, 0, 0), ERRNO(EPERM));
	compile(PODMAN_CAPS | BIT(CAP_SYS_ADMIN));
	assert_int_equal(compat_call(unshare_number, CLONE_NEWNS, 0, 0), ALLOW);
	assert_int_equal(compat_call(ioctl_number, 0, TIOCSTI, 0), ERRNO(EPERM));
}

static void x32_numbers_do_not_exist(void **state)
{
	(void)state;
	compile(PODMAN_CAPS);
	for (int number = 0; number < 600; number++)
		assert_int_equal(call(number | 0x40000000, 0, 0, 0), ERRNO(ENOSYS));
}

static void typing_into_the_terminal_is_refused_whatever_the_high_bits(void **state)
{
	(void)state;
	compile(~UINT64_C(0));
	assert_int_equal(call(SYS_ioctl, 0, TIOCSTI, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_ioctl, 0, TIOCLINUX, 0), ERRNO(EPERM));
	for (int bit = 32; bit < 64; bit++) {
		assert_int_equal(call(SYS_ioctl, 0, TIOCSTI | BIT(bit), 0), ERRNO(EPERM));
		assert_int_equal(call(SYS_ioctl, 0, TIOCLINUX | BIT(bit), 0), ERRNO(EPERM));
	}
	assert_int_equal(call(SYS_ioctl, 0, TCGETS, 0), ALLOW);
	assert_int_equal(call(SYS_ioctl, 0, TIOCGWINSZ, 0), ALLOW);
	assert_int_equal(call(SYS_ioctl, 0, TCGETS | BIT(40), 0), ALLOW);
}

static void new_namespaces_need_cap_sys_admin(void **state)
{
	static const uint64_t flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
					 CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		compile(PODMAN_CAPS);
		assert_int_equal(call(SYS_clone, flags[i] | 17, 0, 0), ERRNO(EPERM));
		assert_int_equal(call(SYS_clone, flags[i] | BIT(50), 0, 0), ERRNO(EPERM));
		assert_int_equal(call(SYS_unshare, flags[i], 0, 0), ERRNO(EPERM));
		compile(PODMAN_CAPS | BIT(CAP_SYS_ADMIN));
		assert_int_equal(call(SYS_clone, flags[i] | 17, 0, 0), ALLOW);
		assert_int_equal(call(SYS_unshare, flags[i], 0, 0), ALLOW);
	}
	compile(PODMAN_CAPS);
	assert_int_equal(call(SYS_unshare, 0x80 /* CLONE_NEWTIME */, 0, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_unshare, CLONE_FILES | CLONE_FS, 0, 0), ALLOW);
	/* What threads and vfork pass. */
	assert_int_equal(call(SYS_clone, 0x3d0f00, 0, 0), ALLOW);
	assert_int_equal(call(SYS_clone, CLONE_VM | CLONE_VFORK | 17, 0, 0), ALLOW);
}

static void calls_that_a_capability_is_for_come_with_it(void **state)
{
	static const struct {
		int number, capability, error;
	} rows[] = {
		{SYS_mount, CAP_SYS_ADMIN, EPERM},  {SYS_setns, CAP_SYS_ADMIN, EPERM},
		{SYS_bpf, CAP_BPF, EPERM},	    {SYS_perf_event_open, CAP_PERFMON, EPERM},
		{SYS_chroot, CAP_SYS_CHROOT, EPERM}, {SYS_reboot, CAP_SYS_BOOT, EPERM},
		{SYS_clone3, CAP_SYS_ADMIN, ENOSYS}, {SYS_settimeofday, CAP_SYS_TIME, EPERM},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		compile(0);
		assert_int_equal(call(rows[i].number, 0, 0, 0), ERRNO((uint32_t)rows[i].error));
		compile(BIT(rows[i].capability));
		assert_int_equal(call(rows[i].number, 0, 0, 0), ALLOW);
	}
}

static void keyrings_and_userfaultfd_are_refused_to_everyone(void **state)
{
	(void)state;
	compile(~UINT64_C(0));
	assert_int_equal(call(SYS_keyctl, 0, 0, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_add_key, 0, 0, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_userfaultfd, 0, 0, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_kexec_load, 0, 0, 0), ERRNO(EPERM));
}

static void personality_takes_harmless_values_only(void **state)
{
	(void)state;
	compile(PODMAN_CAPS);
	assert_int_equal(call(SYS_personality, 0, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, 0xffffffff, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, UINT64_MAX, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, 0x0040000, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, 0x0100000 /* MMAP_PAGE_ZERO */, 0, 0), ERRNO(EPERM));
	assert_int_equal(call(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */, 0, 0),
			 ERRNO(EPERM));
}

static void vsock_and_the_audit_socket_are_refused(void **state)
{
	(void)state;
	compile(PODMAN_CAPS & ~BIT(CAP_AUDIT_WRITE));
	assert_int_equal(call(SYS_socket, AF_VSOCK, 1, 0), ERRNO(EAFNOSUPPORT));
	assert_int_equal(call(SYS_socket, AF_NETLINK, 3, 9), ERRNO(EINVAL));
	assert_int_equal(call(SYS_socket, AF_NETLINK, 3, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_INET, 1, 9), ALLOW);
	compile(PODMAN_CAPS | BIT(CAP_AUDIT_WRITE));
	assert_int_equal(call(SYS_socket, AF_NETLINK, 3, 9), ALLOW);
}

static void a_search_is_short(void **state)
{
	unsigned steps, worst = 0;

	(void)state;
	compile(PODMAN_CAPS);
	for (int number = 0; number < 500; number++) {
		struct seccomp_data data = {.nr = number, .arch = seccomp_arch_native()};

		execute(&profile.numbers, &data, &steps);
		worst = steps > worst ? steps : worst;
	}
	assert_in_range(worst, 1, 30);
	assert_in_range(profile.numbers.length, 1, 800);
}

/* The kernel takes it and agrees, in a child that is thrown away. */
static void the_kernel_loads_it_and_answers_the_same(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	compile(0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_profile_load(&profile))
			_exit(1);
		if (syscall(425, 1, NULL) != -1 || errno != ENOSYS)
			_exit(2);
		if (unshare(CLONE_NEWUSER) != -1 || errno != EPERM)
			_exit(3);
		if (ioctl(0, (unsigned long)(TIOCSTI | BIT(33)), "x") != -1 || errno != EPERM)
			_exit(4);
		if (syscall(600) != -1 || errno != ENOSYS)
			_exit(5);
		_exit(getppid() > 0 ? 0 : 6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_calls_of_ordinary_programs_are_allowed),
		cmocka_unit_test(every_row_of_the_table_is_answered_as_it_says),
		cmocka_unit_test(no_call_is_in_the_table_twice),
		cmocka_unit_test(the_search_agrees_with_libseccomp),
		cmocka_unit_test(unknown_numbers_do_not_exist),
		cmocka_unit_test(io_uring_and_clone3_do_not_exist),
		cmocka_unit_test(foreign_architectures_do_not_exist),
		cmocka_unit_test(calls_of_32_bit_programs_are_answered_as_those_of_64_bit_ones),
		cmocka_unit_test(arguments_of_32_bit_calls_are_looked_at),
		cmocka_unit_test(x32_numbers_do_not_exist),
		cmocka_unit_test(typing_into_the_terminal_is_refused_whatever_the_high_bits),
		cmocka_unit_test(new_namespaces_need_cap_sys_admin),
		cmocka_unit_test(calls_that_a_capability_is_for_come_with_it),
		cmocka_unit_test(keyrings_and_userfaultfd_are_refused_to_everyone),
		cmocka_unit_test(personality_takes_harmless_values_only),
		cmocka_unit_test(vsock_and_the_audit_socket_are_refused),
		cmocka_unit_test(a_search_is_short),
		cmocka_unit_test(the_kernel_loads_it_and_answers_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
