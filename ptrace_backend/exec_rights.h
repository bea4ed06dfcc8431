/* SPDX-License-Identifier: Apache-2.0 */
/* What execve(2) checks of a program's file, with the process's own rights. */
#ifndef AMPHORA_PTRACE_EXEC_RIGHTS_H
#define AMPHORA_PTRACE_EXEC_RIGHTS_H

#include "ptrace_backend/tracee.h"

/* Opens a host file for reading as the tracee could; with real ids it must also be allowed to execute it.
 * Returns an fd, or -errno. On the tracer's main thread only. */
int exec_open(const struct tracee *tracee, const char *host, struct stat *ret_status);

#endif
