/* SPDX-License-Identifier: Apache-2.0 */
/* The second filter: makes accept, recvfrom, recvmsg and recvmmsg stop in the processes that need it. */
#ifndef AMPHORA_PTRACE_NAMES_FILTER_H
#define AMPHORA_PTRACE_NAMES_FILTER_H

#include "ptrace_backend/tracee.h"

/* In a handler, before it has changed anything: true when the process is given the filter first; *ret_verdict
 * is then the handler's, and it is called again. False when it has it, or can't have it. */
bool names_filter_install(struct tracee *tracee, enum verdict *ret_verdict);

#endif
