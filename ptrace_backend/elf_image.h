/* SPDX-License-Identifier: Apache-2.0 */
/* What the loader must map for an ELF file, and what a script's first line says. Pure parsing of
 * untrusted bytes; tests/fuzz/fuzz_elf.c drives it.
 */
#ifndef AMPHORA_PTRACE_ELF_IMAGE_H
#define AMPHORA_PTRACE_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/path/resolve.h"
#include "ptrace_backend/loader/loader.h"

#define EXEC_HEAD_SIZE 256 /* BINPRM_BUF_SIZE: what the kernel looks at to tell formats apart */

/* Reads size bytes at offset of the file; returns the count (short at its end) or -errno. */
typedef ssize_t elf_reader(void *context, void *buffer, size_t size, uint64_t offset);

struct elf_image {
	struct load_object object; /* path is left 0 */
	bool has_interpreter;
	bool executable_stack;
	bool compat; /* a 32-bit program */
	char interpreter[PATH_SIZE]; /* guest path from PT_INTERP */
	/* Of the file, for who opened it. */
	dev_t device;
	ino_t inode;
};

/* Returns 0; -ENOEXEC when it isn't an ELF program of this architecture or is malformed; -EINVAL when its
 * segments can't be mapped with pages of this size; -errno of a failed read. `machine` is EM_*, and so is
 * `compat_machine`, of 32-bit programs that run here (0: none do). */
int elf_image_parse(elf_reader *reader, void *context, unsigned machine, unsigned compat_machine,
		    uint64_t page, struct elf_image *ret_image);

/* A "#!" line as fs/binfmt_script.c reads it: interpreter and at most one argument. head holds the
 * file's first `length` (<= EXEC_HEAD_SIZE) bytes. Returns 0 (argument[0] == 0: none) or -ENOEXEC.
 * Both buffers have EXEC_HEAD_SIZE bytes. */
int shebang_parse(const char *head, size_t length, char *interpreter, char *argument);

#endif
