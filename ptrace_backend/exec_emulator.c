// SPDX-License-Identifier: Apache-2.0
/* An emulator that is linked dynamically, with this machine's libraries.
 *
 * Theory of operation
 *
 * The loader maps QEMU and its dynamic linker by their host paths. What that linker then does are calls of a guest
 * process like any other, and would be answered from the guest's root. As long as it runs no
 * instruction of the guest has been executed, hence until it has opened the last of the libraries that the plan
 * lists
 *
 *   open            gives the host's file when the last component is a library's name, whatever the
 *                   directory; all else is absent: the linker's cache and configuration
 *   access          everything is absent: ld.so.preload
 *
 * and from then on no name leads to them. The environment is the guest program's, in which LD_LIBRARY_PATH
 * and LD_PRELOAD name that machine's files: their first letters are changed at the exec event and put back
 * at the last open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "ptrace_backend/exec_job.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

_Static_assert(EMULATOR_LIBRARIES_MAX <= 64, "a bit each in emulator_start.missing");

static int parse(const char *path, struct elf_image *image)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : exec_parse(fd, 0, image);
}

int exec_take_emulator(const struct tracee *tracee, struct exec_job *job)
{
	const struct emulator *emulator = tracee->tracer->plan->emulator;
	int error = parse(emulator->argv[0], &job->program);

	job->is_emulated = true;
	if (!error && job->program.has_interpreter)
		error = emulator->interpreter ? parse(emulator->interpreter, &job->interpreter) : -ENOEXEC;
	return error;
}

void exec_name_emulator(const struct tracee *tracee, struct exec_job *job)
{
	const struct emulator *emulator = tracee->tracer->plan->emulator;

	snprintf(job->program_file.host, sizeof(job->program_file.host), "%s", emulator->argv[0]);
	if (job->program.has_interpreter)
		snprintf(job->interpreter_file.host, sizeof(job->interpreter_file.host), "%s",
			 emulator->interpreter);
}

static void hide_variables(struct tracee *tracee, uint64_t stack)
{
	struct emulator_start *start = &tracee->mm->emulator;
	uint64_t environment, address;
	char head[3];

	if (layout_read_pointer(tracee, stack, 0, &environment) < 0) /* argc */
		return;
	environment = stack + (environment + 2) * sizeof(uint64_t);
	for (uint64_t i = 0; start->hidden_count < ARRAY_SIZE(start->hidden); i++) {
		if (layout_read_pointer(tracee, environment, i, &address) < 0 || !address)
			return;
		if (tracee_read(tracee, address, head, sizeof(head)) == 0 && memcmp(head, "LD_", 3) == 0 &&
		    tracee_write(tracee, address, "_", 1) == 0)
			start->hidden[start->hidden_count++] = address;
	}
}

static void show_variables(struct tracee *tracee)
{
	struct emulator_start *start = &tracee->mm->emulator;

	while (start->hidden_count > 0)
		if (tracee_write(tracee, start->hidden[--start->hidden_count], "L", 1) < 0)
			log_debug("pid %d: its environment can't be written", (int)tracee->tid);
}

void exec_start_emulator(struct tracee *tracee, uint64_t stack)
{
	size_t count = tracee->tracer->plan->emulator->library_count;

	if (count == 0)
		return;
	tracee->mm->emulator.missing = UINT64_MAX >> (EMULATOR_LIBRARIES_MAX - count);
	hide_variables(tracee, stack);
}

/* The library's index, or -1. */
static int find_library(const struct emulator *emulator, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < emulator->library_count; i++)
		if (strcmp(emulator->libraries[i].name, name) == 0)
			return (int)i;
	return -1;
}

static enum verdict open_library(struct tracee *tracee, const struct path_argument *argument)
{
	const struct emulator *emulator = tracee->tracer->plan->emulator;
	struct emulator_start *start = &tracee->mm->emulator;
	uint64_t address = tracee_argument(tracee, (unsigned)argument->path);
	char *path = tracee->tracer->path;
	int error, library;

	if (argument->flags < 0 ||
	    (tracee_argument(tracee, (unsigned)argument->flags) & (O_ACCMODE | O_CREAT | O_TRUNC)) != O_RDONLY)
		return tracee_answer(tracee, -ENOENT);
	error = tracee_read_string(tracee, address, path, PATH_SIZE);
	library = error < 0 ? -1 : find_library(emulator, path);
	if (library < 0)
		return tracee_answer(tracee, error < 0 ? error : -ENOENT);
	path = (char *)(uintptr_t)emulator->libraries[library].path;
	error = tracee_put(tracee, path, strlen(path) + 1, &address);
	if (error)
		return tracee_answer(tracee, error);
	tracee_set_argument(tracee, (unsigned)argument->path, address);
	start->missing &= ~(1ULL << library);
	if (!start->missing)
		show_variables(tracee);
	return VERDICT_CONTINUE;
}

bool emulator_call(struct tracee *tracee, const struct syscall_row *row, enum verdict *ret_verdict)
{
	if (row->enter == handle_open)
		*ret_verdict = open_library(tracee, &row->paths[0]);
	else if (row->enter == handle_access)
		*ret_verdict = tracee_answer(tracee, -ENOENT);
	else
		return false;
	return true;
}
