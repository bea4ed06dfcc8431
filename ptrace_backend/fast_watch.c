// SPDX-License-Identifier: Apache-2.0
/* The names that what the stub knows depends on, and calls that take such names away.
 *
 * Theory of operation
 *
 *	watched    hashes of the host paths that a resolution went through
 *	removing   hashes of the names that calls take away which are under way, as far as we know
 *
 * A removal of a watched name makes all void, at the entry of its call, and has its exit seen. Any other is under
 * way until its thread's next stop, for it doesn't stop at its exit; meanwhile its name can't be watched, or
 * what is found now would be gone a moment later with nobody told.
 *
 * The stub removes names that aren't watched, and looks again afterwards. Hence a name is watched, in struct fast_shared,
 * before it is resolved for the last time: either it is gone then, or the stub finds it watched and says so.
 *
 * A collision of hashes costs an unneeded renewal.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "ptrace_backend/chain.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

void fast_bump(struct fast *fast)
{
	struct fast_shared *shared = fast->shared;

	__atomic_store_n(&shared->generation, shared->generation + 1, __ATOMIC_SEQ_CST);
	memset(shared->buckets, 0, sizeof(shared->buckets));
	memset(shared->inode_buckets, 0, sizeof(shared->inode_buckets));
	fast->entry_count = fast->strings_used = fast->link_count = 0;
	madvise(fast->watched, WATCHED_SIZE, MADV_DONTNEED); /* zero again; few of its pages are in use */
	memset(shared->watched, 0, sizeof(shared->watched));
	memset(fast->refused, 0, sizeof(fast->refused));
	fast->watched_count = 0;
	__atomic_store_n(&shared->generation, shared->generation + 1, __ATOMIC_SEQ_CST);
}

uint64_t fast_hash_text(const char *text, size_t length)
{
	uint64_t hash = FAST_HASH_START;

	for (size_t i = 0; i < length; i++)
		hash = FAST_HASH_STEP(hash, text[i]);
	return hash;
}

uint64_t fast_hash(const char *text, size_t length)
{
	uint64_t hash = fast_hash_text(text, length);

	return hash ? hash : 1;
}

static bool is_watched(const struct fast *fast, uint64_t hash)
{
	for (size_t at = hash % WATCHED_MAX; fast->watched[at]; at = (at + 1) % WATCHED_MAX)
		if (fast->watched[at] == hash)
			return true;
	return false;
}

static int watch(struct fast *fast, const char *host, size_t length)
{
	uint64_t hash = fast_hash(host, length);
	size_t at = hash % WATCHED_MAX;

	if (is_watched(fast, hash))
		return 0;
	for (unsigned i = 0; i < fast->removing_count; i++)
		if (fast->removing[i].hash == hash)
			return -EAGAIN;
	if (fast->watched_count >= WATCHED_MAX / 2)
		return -ENOSPC;
	while (fast->watched[at])
		at = (at + 1) % WATCHED_MAX;
	fast->watched[at] = hash;
	fast->watched_count++;
	/* Before what goes through it is resolved for the last time: stub/names.h. */
	fast_bloom_add(fast->shared->watched, FAST_WATCHED_WORDS, fast_hash_text(host, length));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

int fast_watch(struct fast *fast, const char *host)
{
	return watch(fast, host, strlen(host));
}

int fast_watch_above(struct fast *fast, const char *host)
{
	int error = 0;

	for (size_t length = strlen(host); length > 1 && !error; length--)
		if (host[length - 1] == '/')
			error = watch(fast, host, length - 1);
	return error;
}

/* False: there is no room to remember it. */
static bool remember(struct fast *fast, const struct tracee *tracee, uint64_t hash)
{
	if (fast->removing_count == REMOVING_MAX)
		return false;
	fast->removing[fast->removing_count].tracee = tracee;
	fast->removing[fast->removing_count++].hash = hash;
	return true;
}

static void removes(struct tracee *tracee, const char *host)
{
	struct fast *fast = tracee->tracer->fast;
	size_t length = strlen(host);
	uint64_t hash;

	while (length && host[length - 1] == '/')
		length--;
	if (!fast)
		return;
	hash = fast_hash(host, length);
	if (is_watched(fast, hash)) {
		fast_bump(fast);
		tracee->fast_removal = true;
	}
	tracee->fast_removing = true;
	if (remember(fast, tracee, hash))
		return;
	tracee->fast_removal = true;
	if (!tracee->fast_unlisted)
		fast->unlisted++;
	tracee->fast_unlisted = true;
}

void fast_removes(struct tracee *tracee, const struct syscall_row *row, const struct path_result *first,
		  const struct path_result *second)
{
	if (row->paths[0].use != USE_REMOVE && row->paths[0].use != USE_RENAME)
		return;
	removes(tracee, first->host);
	if (second)
		removes(tracee, second->host);
}

void fast_on_stop(struct tracee *tracee, int signal, int event)
{
	bool in_call = event == PTRACE_EVENT_SECCOMP || (!event && signal == (SIGTRAP | 0x80));
	struct fast *fast = tracee->tracer->fast;

	if (fast && fast->shared->switched)
		fast->shared->seed = fast->shared->seed * 1664525u + 1013904223u;
	if ((tracee->guest && (in_call || event == PTRACE_EVENT_STOP)) ||
	    (tracee->fast_recalled && event == PTRACE_EVENT_STOP))
		fast_on_stop_told(tracee, in_call);
	tracee->fast_recalled = tracee->fast_recalled && event != PTRACE_EVENT_STOP;
	if (!tracee->skip_entry_stop && !chain_is_active(tracee))
		fast_call_over(tracee);
}

void fast_is_killed(const struct tracee *tracee)
{
	const struct fast *fast = tracee->tracer->fast;

	if (fast && tracee->mm && tracee->mm->fast_base && (fast->shared->may & FAST_MAY_NAME))
		fast_bump(tracee->tracer->fast);
}

void fast_call_over(struct tracee *tracee)
{
	struct fast *fast = tracee->tracer->fast;

	tracee->fast_moves = false;
	if (!fast || !tracee->fast_removing)
		return;
	for (unsigned i = fast->removing_count; i-- > 0;)
		if (fast->removing[i].tracee == tracee)
			fast->removing[i] = fast->removing[--fast->removing_count];
	fast->unlisted -= tracee->fast_unlisted;
	tracee->fast_removing = tracee->fast_removal = tracee->fast_unlisted = false;
}
