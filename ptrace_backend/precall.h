/* SPDX-License-Identifier: Apache-2.0 */
/* One other call in the tracee, and then the guest's own from its start: the handler is called twice. */
#ifndef AMPHORA_PTRACE_PRECALL_H
#define AMPHORA_PTRACE_PRECALL_H

#include "ptrace_backend/tracee.h"

/* `result` is the kernel's; a guest's own filter may have answered instead. Memory that tracee_put() gave
 * is no longer valid. Must leave a mark by which the handler knows that it needn't ask again. */
typedef void precall_done(struct tracee *tracee, int64_t result);

/* For a handler that has changed no argument yet; its verdict. The filter must let `number` pass. Uses
 * saved[5]. */
enum verdict precall(struct tracee *tracee, int64_t number, const uint64_t arguments[6],
		     precall_done *done);

#endif
