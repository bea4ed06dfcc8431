// SPDX-License-Identifier: Apache-2.0
/* The default system-call profile.
 *
 * Theory of operation
 *
 * By number: what isn't listed answers ENOSYS, as on a kernel that never had it, so programs use their
 * older ways; what is known and refused answers EPERM, or ENOSYS where programs probe for it. 32-bit
 * programs (and int 0x80) get the same answers by their own numbers; x32 and other architectures ENOSYS.
 *
 * That program is written by seccomp_numbers.c: libseccomp copies its whole state for every rule, which
 * for some 400 rules takes longer than all the rest of a start.
 *
 * By argument: a second program, by libseccomp, that allows all but a few values; those of 32-bit calls
 * are in the first. Two are no
 * slower than one: the kernel (5.11) keeps a bitmap of the calls that a program allows whatever
 * their arguments, and where both are constant for a call, neither runs.
 *
 * Values are compared in their low 32 bits where the kernel truncates them: a 64-bit compare would
 * let 0x100005412 pass as "not TIOCSTI".
 */
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "ns_backend/seccomp_profile.h"
#include "ns_backend/seccomp_table.h"

static int add_arguments(scmp_filter_ctx filter, uint64_t capabilities)
{
	for (size_t i = 0; i < seccomp_argument_count; i++) {
		const struct seccomp_argument *row = &seccomp_arguments[i];
		struct scmp_arg_cmp compare[2] = {
			SCMP_CMP64(row->index, SCMP_CMP_MASKED_EQ, row->mask, row->value),
			SCMP_CMP64(row->second_index, SCMP_CMP_MASKED_EQ, row->mask,
				   row->second_value),
		};
		int result;

		if (row->number < 0 || seccomp_has_capability(capabilities, row->capability))
			continue;
		result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint16_t)row->error),
						row->number, row->two ? 2 : 1, compare);
		if (result < 0)
			return result;
	}
	return 0;
}

/* libseccomp writes a compiled program to an fd only. */
static int export_program(scmp_filter_ctx filter, struct seccomp_program *ret_program)
{
	_cleanup_close_ int fd = (int)syscall(SYS_memfd_create, "profile", 1u /* MFD_CLOEXEC */);
	ssize_t size;
	int result;

	if (fd < 0)
		return -errno;
	result = seccomp_export_bpf(filter, fd);
	if (result < 0)
		return result;
	size = pread(fd, ret_program->code, sizeof(ret_program->code), 0);
	if (size < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) != size)
		return -E2BIG;
	ret_program->length = (unsigned short)((size_t)size / sizeof(ret_program->code[0]));
	return 0;
}

static int compile_arguments(uint64_t capabilities, struct seccomp_program *ret_program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result;

	if (!filter)
		return -ENOMEM;
	/* The program by number answers for other architectures. */
	result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (!result)
		result = add_arguments(filter, capabilities);
	if (!result)
		result = export_program(filter, ret_program);
	seccomp_release(filter);
	return result;
}

int seccomp_profile_compile(uint64_t capabilities, struct seccomp_profile *ret_profile)
{
	int result = seccomp_numbers_compile(capabilities, &ret_profile->numbers);

	return result < 0 ? result : compile_arguments(capabilities, &ret_profile->arguments);
}

static int load_program(const struct seccomp_program *program)
{
	struct sock_filter *code = (struct sock_filter *)(uintptr_t)program->code;
	struct sock_fprog load = {.len = program->length, .filter = code};

	/* 2 is SECCOMP_MODE_FILTER: prctl works on every kernel with filters, seccomp(2) since 3.17. */
	return prctl(PR_SET_SECCOMP, 2, &load) < 0 ? -errno : 0;
}

int seccomp_profile_load(const struct seccomp_profile *profile)
{
	/* Arguments first: the number program need not allow prctl to be loaded, but it does. */
	int result = load_program(&profile->arguments);

	return result < 0 ? result : load_program(&profile->numbers);
}
