// SPDX-License-Identifier: Apache-2.0
/* The default system-call profile.
 *
 * Theory of operation
 *
 * By number: what isn't listed answers ENOSYS, as on a kernel that never had it, so programs use their
 * older ways; what is known and refused answers EPERM, or ENOSYS where programs probe for it. Foreign
 * architectures (int 0x80 and x32 on x86-64) answer ENOSYS: their numbers mean other calls.
 *
 * By argument: a second program that allows all but a few values. Two programs instead of one
 * because a list of exceptions to an allowed call is awkward in the first, and because the kernel
 * (5.11) keeps a bitmap of the calls that a program allows whatever their arguments: with both
 * programs constant for a call, it is not run at all.
 *
 * Values are compared in their low 32 bits where the kernel truncates them: a 64-bit compare would
 * let 0x100005412 pass as "not TIOCSTI".
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "ns_backend/seccomp_profile.h"
#include "ns_backend/seccomp_table.h"

static bool has_capability(uint64_t capabilities, int capability)
{
	return capability >= 0 && capability < 64 && (capabilities >> capability & 1);
}

/* Allowed values only, so this one belongs to the program by number. */
static int add_personalities(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < seccomp_personality_count; i++) {
		struct scmp_arg_cmp compare = SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, 0xffffffffULL,
							 seccomp_personalities[i]);
		int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality),
						    1, &compare);

		if (result < 0)
			return result;
	}
	return 0;
}

static int add_numbers(scmp_filter_ctx filter, uint64_t capabilities)
{
	for (size_t i = 0; i < seccomp_call_count; i++) {
		const struct seccomp_call *call = &seccomp_calls[i];
		uint32_t action = SCMP_ACT_ALLOW;
		int result;

		if (call->number < 0)
			continue; /* this architecture has no such call */
		if (call->rule == CALL_DENIED)
			action = SCMP_ACT_ERRNO(EPERM);
		else if (call->rule == CALL_ABSENT)
			continue; /* the default */
		else if (call->rule == CALL_NEEDS && !has_capability(capabilities, call->capability))
			action = SCMP_ACT_ERRNO((uint16_t)call->error);
		/* libseccomp refuses a rule that says what the default says. */
		if (action == SCMP_ACT_ERRNO(ENOSYS))
			continue;
		result = seccomp_rule_add(filter, action, call->number, 0);
		if (result < 0)
			return result;
	}
	return add_personalities(filter);
}

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

		if (row->number < 0 || has_capability(capabilities, row->capability))
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

static int compile(uint32_t default_action, uint64_t capabilities,
		   int (*add)(scmp_filter_ctx filter, uint64_t capabilities),
		   struct seccomp_program *ret_program)
{
	scmp_filter_ctx filter = seccomp_init(default_action);
	uint32_t foreign = SCMP_ACT_ERRNO(ENOSYS);
	int result;

	if (!filter)
		return -ENOMEM;
	result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, foreign);
	/* A balanced tree: about nine compares a call instead of some hundred. */
	if (!result)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!result)
		result = add(filter, capabilities);
	if (!result)
		result = export_program(filter, ret_program);
	seccomp_release(filter);
	return result;
}

int seccomp_profile_compile(uint64_t capabilities, struct seccomp_profile *ret_profile)
{
	int result;

	result = compile(SCMP_ACT_ERRNO(ENOSYS), capabilities, add_numbers, &ret_profile->numbers);
	if (!result)
		result = compile(SCMP_ACT_ALLOW, capabilities, add_arguments,
				 &ret_profile->arguments);
	return result;
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
