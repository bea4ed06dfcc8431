/* SPDX-License-Identifier: Apache-2.0 */
/* Executing a file that only an fd leads to: a memfd, a removed file. */
#ifndef AMPHORA_PTRACE_EXEC_FD_H
#define AMPHORA_PTRACE_EXEC_FD_H

#include "ptrace_backend/tracee.h"

/* In execve's handler, when everything else is decided: `file` has PATH_RESULT_MAGIC. True when the fd has
 * to be duplicated first: *ret_verdict is then the handler's, and it is called again. Otherwise
 * file->host becomes the name by which the loader can open the program, and *ret_close the fd that
 * it closes afterwards, or -1. */
bool exec_fd_prepare(struct tracee *tracee, struct path_result *file, int *ret_close,
		     enum verdict *ret_verdict);
/* What /proc/PID/exe shows of it. */
void exec_fd_name(struct tracee *tracee, const char *host, char *name, size_t size);

#endif
