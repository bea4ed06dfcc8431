/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that have been executed before: where their paths lead, and what is in their files.
 */
#ifndef AMPHORA_PTRACE_EXEC_KNOWN_H
#define AMPHORA_PTRACE_EXEC_KNOWN_H

#include "ptrace_backend/elf_image.h"
#include "ptrace_backend/exec_credentials.h"
#include "ptrace_backend/tracee.h"

/* As tracee_resolve_string() with PATH_FOLLOW. */
int exec_known_resolve(struct tracee *tracee, const char *path, struct path_result *result);

/* What a file that was opened for execution had in it; *status is its own, as it was before it was read. `exec` is NULL
 * for an interpreter. */
void exec_known_remember(struct tracee *tracee, const struct stat *status, const struct elf_image *image,
			 const struct exec_credentials *exec);
/* False when nothing is known of what is there now, or this process may not be allowed what others were. Else *image and
 * *exec (unless NULL) are as when the file was read, and exec->status, or *ret_status, as the guest sees it. */
bool exec_known(struct tracee *tracee, const struct path_result *file, struct elf_image *image,
		struct exec_credentials *exec, struct stat *ret_status);

#endif
