/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the default profile; seccomp_profile.c says what becomes of them. */
#ifndef AMPHORA_NS_SECCOMP_TABLE_H
#define AMPHORA_NS_SECCOMP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ns_backend/seccomp_profile.h"

enum seccomp_rule {
	CALL_ALLOWED,
	CALL_DENIED, /* EPERM, whoever asks */
	CALL_ABSENT, /* ENOSYS: programs probe for it and have another way */
	CALL_NEEDS,  /* allowed with `capability`, else `error` */
};

struct seccomp_call {
	int number; /* negative: not on this architecture */
	enum seccomp_rule rule;
	int capability;
	int error;
};

/* Refused when (argument[index] & mask) == value, and with `two` the same of the second; unless
 * the guest keeps `capability` (-1: always refused). */
struct seccomp_argument {
	int number;
	int compat_number; /* of 32-bit programs */
	int capability;
	int error;
	unsigned index;
	uint64_t mask;
	uint64_t value;
	bool two;
	unsigned second_index;
	uint64_t second_value;
};

extern const struct seccomp_call seccomp_calls[];
extern const size_t seccomp_call_count;
/* seccomp_compat.c: the same rows by the numbers of 32-bit programs. */
const struct seccomp_call *seccomp_compat_calls(size_t *ret_count);
extern const struct seccomp_argument seccomp_arguments[];
extern const size_t seccomp_argument_count;

/* What personality(2) may be called with. */
extern const uint32_t seccomp_personalities[];
extern const size_t seccomp_personality_count;

static inline bool seccomp_has_capability(uint64_t capabilities, int capability)
{
	return capability >= 0 && capability < 64 && (capabilities >> capability & 1);
}

/* What a row answers: a SECCOMP_RET_* value. */
uint32_t seccomp_call_action(const struct seccomp_call *call, uint64_t capabilities);

/* seccomp_numbers.c: writes the program by number. Returns 0 or -E2BIG. */
int seccomp_numbers_compile(uint64_t capabilities, struct seccomp_program *ret_program);

#endif
