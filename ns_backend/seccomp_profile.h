/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls a guest may make, as two seccomp programs: one by number, one by argument. */
#ifndef AMPHORA_NS_SECCOMP_PROFILE_H
#define AMPHORA_NS_SECCOMP_PROFILE_H

#include <linux/filter.h>
#include <stdint.h>

#define SECCOMP_PROFILE_LENGTH_MAX 2048

struct seccomp_program {
	unsigned short length;
	struct sock_filter code[SECCOMP_PROFILE_LENGTH_MAX];
};

/* The kernel runs both and the stricter answer wins. */
struct seccomp_profile {
	struct seccomp_program numbers;
	struct seccomp_program arguments;
};

/* Compiles the profile for a guest that keeps `capabilities` (bit = CAP_*): calls that such a
 * capability is for are allowed with it and EPERM without. Returns 0 or -errno. Takes under a
 * millisecond; allocates, so not from a signal handler. */
int seccomp_profile_compile(uint64_t capabilities, struct seccomp_profile *ret_profile);

/* Loads both into the calling thread, for good. Needs no_new_privs or CAP_SYS_ADMIN. Returns 0 or
 * -errno. */
int seccomp_profile_load(const struct seccomp_profile *profile);

#endif
