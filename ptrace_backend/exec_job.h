/* SPDX-License-Identifier: Apache-2.0 */
/* An execve between its entry and the call after the loader's last open: what is to be run, and by which
 * words. */
#ifndef AMPHORA_PTRACE_EXEC_JOB_H
#define AMPHORA_PTRACE_EXEC_JOB_H

#include "ptrace_backend/elf_image.h"
#include "ptrace_backend/exec_credentials.h"
#include "ptrace_backend/tracee.h"

#define SCRIPT_LEVELS 5 /* fs/exec.c: exec_binprm() */

struct exec_job {
	struct elf_image program, interpreter;
	struct path_result program_file, interpreter_file;
	char given[PATH_SIZE]; /* the path that the guest gave */
	char exe[PATH_SIZE];   /* guest path of the ELF program */
	char prefix[SCRIPT_LEVELS * 2 + 1][EXEC_HEAD_SIZE]; /* a script's argv, last level first */
	unsigned prefix_count;
	bool is_script;
	bool by_fd;	       /* `given` names an fd, which may close itself */
	bool is_emulated;      /* `program` is the emulator */
	const char *fast_path; /* the fast path's file, which the loader may open first; NULL: it won't */
	const char *copy;      /* of the interpreter, for the fast path; NULL: there is none */
	struct exec_credentials credentials; /* what it gives */
	unsigned opens_left; /* by the loader */
	/* The program, where no path will lead to it once execve has closed what closes itself; or -EBADF.
	 * The job's destructor closes it. */
	int held_fd;
};

static inline bool exec_is_held(const struct exec_job *job)
{
	return job->held_fd >= 0;
}

/* exec.c: elf_image_parse() of an open file. */
int exec_parse(int fd, unsigned compat_machine, struct elf_image *ret_image);

/* exec_emulator.c */

/* Parses the emulator, and its dynamic linker, in place of a program. Returns 0 or -errno. */
int exec_take_emulator(const struct tracee *tracee, struct exec_job *job);
/* Their host files, when the program's own names are no longer needed. */
void exec_name_emulator(const struct tracee *tracee, struct exec_job *job);
/* At the exec event: its dynamic linker will begin. `stack`: where argc is. */
void exec_start_emulator(struct tracee *tracee, uint64_t stack);

/* exec_arguments.c */

/* One level of "#!": puts interpreter, argument and script name before what is there. */
int exec_push_script(struct exec_job *job, const char *script, const char *interpreter,
		     const char *argument);
/* A script's new argv, or an emulated program's, in place of argument `argv_index`. prefix's last entry
 * is the script itself: the path that the guest gave. Returns 0 or -errno. */
int exec_write_arguments(struct tracee *tracee, struct exec_job *job, unsigned argv_index);

#endif
