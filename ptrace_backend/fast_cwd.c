// SPDX-License-Identifier: Apache-2.0
/* What the stub knows of its process: the working directory, and whether all threads are the fake root. */
#include <string.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

void fast_write_process(struct tracee *tracee, size_t offset, const void *data, size_t size)
{
	if (fast_write(tracee, FAST_PROCESS + offset, data, size) < 0)
		fast_ends(tracee->tracer, FAST_LACK_ROOM);
}

/* Whether another thread may be in the middle of a chdir. */
static bool others_move(const struct tracee *tracee)
{
	const struct tracer *tracer = tracee->tracer;

	for (unsigned i = 0; i < ARRAY_SIZE(tracer->hash); i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at != tracee && at->mm == tracee->mm && at->fast_moves)
				return true;
	return false;
}

static void write_cwd(struct tracee *tracee, const char *guest, size_t length)
{
	struct fast *fast = tracee->tracer->fast;
	struct fast_process process = { .cwd_length = (uint32_t)length, .cwd_version = ++fast->cwd_version };
	size_t from = offsetof(struct fast_process, cwd_length), at = offsetof(struct fast_process, cwd_generation);

	memcpy(process.cwd, guest, length);
	/* What other threads read while it is being written is void. */
	if (tracee->mm->references > 1)
		fast_write_process(tracee, from, &process.cwd_length, offsetof(struct fast_process, cwd) + length - from);
	process.cwd_generation = fast->shared->generation;
	if (tracee->mm->references > 1)
		fast_write_process(tracee, at, &process.cwd_generation, sizeof(process.cwd_generation));
	else
		fast_write_process(tracee, from, &process.cwd_length, offsetof(struct fast_process, cwd) + length - from);
	tracee->mm->fast_cwd = process.cwd_generation;
}

/* All threads have the same. */
void fast_publish_cwd(struct tracee *tracee, char *guest, size_t size)
{
	struct fast *fast = tracee->tracer->fast;
	struct path_position position;
	char host[PATH_SIZE];
	int length;

	*guest = '\0';
	if (tracee->mm->references != tracee->fs->references || tracee_cwd_position(tracee, &position) < 0 ||
	    (position.flags & PATH_POSITION_DELETED))
		return;
	length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, guest, size);
	if (length == 1)
		length = 0;
	if (length < 0 || (size_t)length >= sizeof(((struct fast_process *)NULL)->cwd)) {
		*guest = '\0';
		return;
	}
	guest[length] = '\0';
	if (tracee->mm->fast_cwd == fast->shared->generation)
		return;
	if ((tracee->mm->references > 1 && others_move(tracee)) ||
	    path_to_host(tracee_table(tracee), &position, host, sizeof(host)) < 0 || fast_watch(fast, host) ||
	    fast_watch_above(fast, host) ||
	    /* It may have been removed, without us, before it was watched. */
	    tracee_cwd_position(tracee, &position) < 0 || (position.flags & PATH_POSITION_DELETED)) {
		*guest = '\0';
		return;
	}
	write_cwd(tracee, guest, (size_t)length);
}

/* Whether it sees other ids than the container's own, or what it makes gets a record of its owner (ids_created()). */
static bool has_other_ids(const struct tracee *tracee)
{
	const struct credentials *ids = &tracee->credentials;
	uid_t uid = tracee->tracer->own_uid;
	gid_t gid = tracee->tracer->own_gid;

	return tracee->tracer->fake_ids && (ids->ruid != uid || ids->euid != uid || ids->fsuid != uid ||
					    ids->rgid != gid || ids->egid != gid || ids->fsgid != gid);
}

static bool any_has_other_ids(const struct tracee *tracee)
{
	const struct tracer *tracer = tracee->tracer;

	for (unsigned i = 0; i < ARRAY_SIZE(tracer->hash); i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->mm == tracee->mm && has_other_ids(at))
				return true;
	return false;
}

void fast_tell_ids(struct tracee *tracee)
{
	struct tracee_mm *mm = tracee->mm;
	uint32_t others;

	if (!mm || !mm->fast_base || has_other_ids(tracee) == mm->fast_others)
		return;
	others = has_other_ids(tracee) || (mm->references > 1 && any_has_other_ids(tracee));
	if (others == mm->fast_others)
		return;
	mm->fast_others = others;
	fast_write_process(tracee, offsetof(struct fast_process, others), &others, sizeof(others));
}
