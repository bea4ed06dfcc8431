/* SPDX-License-Identifier: Apache-2.0 */
/* The object of a call that the tracer makes in the guest's place, held from resolving to the last look. */
#ifndef AMPHORA_PTRACE_FILE_OBJECT_H
#define AMPHORA_PTRACE_FILE_OBJECT_H

#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracee.h"

struct file_object {
	int fd;		   /* O_PATH; the caller closes it */
	struct stat real;  /* as the host has it */
	struct stat shown; /* as the guest sees it */
};

/* What the path argument of a row refers to, NULL and "" with AT_EMPTY_PATH included. `changes`: EROFS in a
 * read-only mount. Return 0 or -errno. */
int file_object_open(struct tracee *tracee, const struct syscall_row *row, bool changes,
		     struct file_object *ret_object);
/* What an fd or the cwd (AT_FDCWD) refers to. -EACCES: of a process that isn't dumpable. */
int file_object_open_fd(struct tracee *tracee, int fd, bool changes, struct file_object *ret_object);

#endif
