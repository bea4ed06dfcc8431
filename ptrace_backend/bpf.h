/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF programs as seccomp(2) takes them: which the kernel accepts, what they answer, and how one is
 * made to let our own calls pass. Pure: any bytes, no memory but the caller's.
 */
#ifndef AMPHORA_PTRACE_BPF_H
#define AMPHORA_PTRACE_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for exactly the programs that the kernel accepts (kernel/seccomp.c, net/core/filter.c). */
bool bpf_is_valid(const struct sock_filter *program, size_t length);

/* What a valid program answers. Jumps only lead forward: `length` steps at most. */
uint32_t bpf_run(const struct sock_filter *program, size_t length, const struct seccomp_data *data);

/* Whether some call may be answered SECCOMP_RET_TRACE, as far as can be told without running it. */
bool bpf_may_trace(const struct sock_filter *program, size_t length);

/* True for an answer that keeps the kernel from making the call. */
static inline bool bpf_refuses(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
	       action != SECCOMP_RET_TRACE;
}

/* Writes the same program, which answers ALLOW instead of refusing when the upper half of the
 * instruction pointer is `mark`. Answers of ALLOW come no later than before, so that the kernel still finds the
 * calls that always pass. Returns its length, or 0 when `capacity` isn't enough. */
size_t bpf_admit(const struct sock_filter *program, size_t length, uint32_t mark,
		 struct sock_filter *admitting, size_t capacity);
#define BPF_ADMIT_TAIL 6 /* the longest of its tails */

#endif
