/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2)'s requests that one architecture has and another lacks. */
#ifndef AMPHORA_ARCH_GUEST_REQUESTS_H
#define AMPHORA_ARCH_GUEST_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

enum guest_request_kind {
	GUEST_REQUEST_NONE,
	GUEST_REQUEST_GET,	/* `size` bytes to where `data` points */
	GUEST_REQUEST_SET,
	GUEST_REQUEST_VALUE,	/* `data` itself, of which `size` bytes count */
	GUEST_REQUEST_GET_WORD, /* arch_prctl(2) of another: `data` is the code, the word at `address` */
};

#define GUEST_PTRACE_SINGLEBLOCK 33

/* Requests of 32-bit programs (folders below): arch_compat_request() says how many bytes move, at most
 * COMPAT_REQUEST_MAX; arch_compat_ptrace() makes one on a stopped tracee of ours, whatever kind of program
 * that is, with those bytes in `buffer`. Returns 0 or -errno. arch_compat_regset() returns 0 for a register
 * set that such a program may have. */
#define COMPAT_REQUEST_MAX 512

#if defined(__x86_64__)
#include "ptrace_backend/arch/x86_64/compat_requests.h"

#define ARCH_HAS_SINGLEBLOCK true
#define ARCH_HAS_USER_AREA   true

/* arch_prctl(2)'s codes */
static inline bool arch_guest_request_writes(uint64_t code)
{
	return code != 0x1003 && code != 0x1004; /* ARCH_GET_FS, ARCH_GET_GS */
}

static inline enum guest_request_kind arch_guest_request(int request, size_t *ret_size)
{
	switch (request) {
	case 12: /* PTRACE_GETREGS */
	case 13:
		*ret_size = sizeof(struct user_regs_struct);
		return request == 12 ? GUEST_REQUEST_GET : GUEST_REQUEST_SET;
	case 14: /* PTRACE_GETFPREGS */
	case 15:
		*ret_size = sizeof(struct user_fpregs_struct);
		return request == 14 ? GUEST_REQUEST_GET : GUEST_REQUEST_SET;
	case 25: /* PTRACE_GET_THREAD_AREA */
	case 26:
		*ret_size = 16;
		return request == 25 ? GUEST_REQUEST_GET : GUEST_REQUEST_SET;
	case 30: /* PTRACE_ARCH_PRCTL */
		return GUEST_REQUEST_GET_WORD;
	default:
		return GUEST_REQUEST_NONE;
	}
}
#else
#include "ptrace_backend/arch/aarch64/compat_requests.h"

#define ARCH_HAS_SINGLEBLOCK false
#define ARCH_HAS_USER_AREA   false

static inline bool arch_guest_request_writes(uint64_t code)
{
	(void)code;
	return false;
}

/* All else is a register set. */
static inline enum guest_request_kind arch_guest_request(int request, size_t *ret_size)
{
	(void)request;
	*ret_size = 0;
	return GUEST_REQUEST_NONE;
}
#endif

#endif
