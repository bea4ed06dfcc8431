// SPDX-License-Identifier: Apache-2.0
/* The argv of a program that the guest's execve doesn't name: a script's interpreter, an emulator. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/exec_job.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/tracer.h"

#define ARGUMENTS_MAX (1u << 20)

int exec_push_script(struct exec_job *job, const char *script, const char *interpreter,
		     const char *argument)
{
	unsigned added = argument[0] ? 2 : 1;

	/* The script's own name replaces argv[0] of the level above. */
	if (job->prefix_count > 0)
		job->prefix_count--, memmove(job->prefix[0], job->prefix[1],
					     job->prefix_count * sizeof(job->prefix[0]));
	if (job->prefix_count + added + 1 > ARRAY_SIZE(job->prefix))
		return -ELOOP;
	memmove(job->prefix[added + 1], job->prefix[0],
		job->prefix_count * sizeof(job->prefix[0]));
	snprintf(job->prefix[0], sizeof(job->prefix[0]), "%s", interpreter);
	if (argument[0])
		snprintf(job->prefix[1], sizeof(job->prefix[1]), "%s", argument);
	snprintf(job->prefix[added], sizeof(job->prefix[added]), "%.*s", EXEC_HEAD_SIZE - 1,
		 job->is_script ? script : "");
	job->prefix_count += added + 1;
	job->is_script = true;
	return 0;
}

/* A new argv in the making. */
struct words {
	uint64_t *pointers;
	size_t count, room;
};

static int add_pointer(struct exec_job *job, struct words *words, uint64_t pointer)
{
	if (words->count == words->room) {
		if (words->count > ARGUMENTS_MAX)
			return -E2BIG;
		words->room = words->room ? 2 * words->room : 64;
		words->pointers =
			talloc_realloc(job, words->pointers, uint64_t, words->room);
		if (!words->pointers)
			return -ENOMEM;
	}
	words->pointers[words->count++] = pointer;
	return 0;
}

static int add_text(struct tracee *tracee, struct exec_job *job, struct words *words,
		    const char *text)
{
	uint64_t address;
	int error = tracee_put(tracee, text, strlen(text) + 1, &address);

	return error ? error : add_pointer(job, words, address);
}

/* QEMU's own words, "-0", the name that the program is to see, and its path. A script's interpreter is
 * that program, by both names. */
static int add_emulator(struct tracee *tracee, struct exec_job *job, struct words *words,
			uint64_t argv)
{
	const struct emulator *emulator = tracee->tracer->plan->emulator;
	const char *path = job->is_script ? job->prefix[0] : job->by_fd ? job->exe : job->given;
	uint64_t name = 0;
	int error = 0;

	for (size_t i = 0; i < emulator->argc && !error; i++)
		error = add_text(tracee, job, words, emulator->argv[i]);
	if (!error)
		error = add_text(tracee, job, words, "-0");
	if (!error && !job->is_script && argv && layout_read_pointer(tracee, argv, 0, &name) < 0)
		error = -EFAULT;
	if (!error)
		error = name ? add_pointer(job, words, name) : add_text(tracee, job, words, path);
	return error ? error : add_text(tracee, job, words, path);
}

int exec_write_arguments(struct tracee *tracee, struct exec_job *job, unsigned argv_index)
{
	uint64_t from = tracee_argument(tracee, argv_index), address, pointer;
	struct words words = { 0 };
	int error = job->is_emulated ? add_emulator(tracee, job, &words, from) : 0;

	for (unsigned i = job->is_emulated; i < job->prefix_count && !error; i++)
		error = add_text(tracee, job, &words,
				 i + 1 == job->prefix_count ? job->given : job->prefix[i]);
	/* argv[0] is dropped. */
	for (uint64_t index = 0; from && !error; index++) {
		if (layout_read_pointer(tracee, from, index, &pointer) < 0)
			error = -EFAULT;
		else if (!pointer)
			break;
		else if (index > 0)
			error = add_pointer(job, &words, pointer);
	}
	if (!error)
		error = add_pointer(job, &words, 0);
	if (!error)
		error = layout_put_pointers(tracee, words.pointers, words.count, &address);
	if (!error)
		tracee_set_argument(tracee, argv_index, address);
	talloc_free(words.pointers);
	return error;
}
