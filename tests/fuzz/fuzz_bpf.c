// SPDX-License-Identifier: Apache-2.0
/* Filters that guests install: the rules, the evaluator, and what our own calls pass by. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ptrace_backend/bpf.h"

#define MARK 0xffffa3f0u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sock_filter program[BPF_MAXINSNS + 1], admitting[BPF_MAXINSNS];
	struct seccomp_data call = { 0 };
	size_t given = size < sizeof(call) ? size : sizeof(call);
	size_t length, longer;
	uint32_t answer;

	memcpy(&call, data, given);
	data += given;
	size -= given;
	length = size / sizeof(program[0]);
	if (length > BPF_MAXINSNS + 1)
		length = BPF_MAXINSNS + 1;
	memcpy(program, data, length * sizeof(program[0]));
	if (!bpf_is_valid(program, length))
		return 0;
	answer = bpf_run(program, length, &call);
	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE)
		assert(bpf_may_trace(program, length));
	longer = bpf_admit(program, length, MARK, admitting, BPF_MAXINSNS);
	if (longer) {
		assert(longer >= length && bpf_is_valid(admitting, longer));
		if (call.instruction_pointer >> 32 != MARK)
			assert(bpf_run(admitting, longer, &call) == answer);
	}
	return 0;
}
