// SPDX-License-Identifier: Apache-2.0
/* What `amphora inspect` and --debug tell of the fast path: how much it does, and who goes without. */
#include "core/base/log.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

_Static_assert(sizeof(struct fast_shared) + sizeof(struct fast_path_counts) <= FAST_SHARED_SIZE,
	       "the counts are the end of the shared file");

struct fast_path_counts *fast_counts_of(struct fast_shared *shared)
{
	return (void *)((char *)shared + FAST_SHARED_SIZE - sizeof(struct fast_path_counts));
}

const struct fast_path_counts *fast_counts(const struct tracer *tracer)
{
	static const struct fast_path_counts none;

	return tracer->fast ? tracer->fast->counts : &none;
}

void fast_lacks(const struct tracee *tracee, enum fast_path_lack lack)
{
	const struct fast *fast = tracee->tracer->fast;

	if (!fast)
		return;
	fast->counts->lacks[lack]++;
	log_debug("pid %d: no fast path: %s", (int)tracee->tid, fast_path_lack_name(lack));
}

void fast_ends(struct tracer *tracer, enum fast_path_lack lack)
{
	struct fast *fast = tracer->fast;

	if (fast->shared->off)
		return;
	__atomic_store_n(&fast->shared->off, 1, __ATOMIC_SEQ_CST);
	fast->counts->ended = 1 + (uint64_t)lack;
	log_debug("no fast path for anybody any more: %s", fast_path_lack_name(lack));
}

void fast_log(const struct tracer *tracer)
{
	const struct fast_path_counts *counts = fast_counts(tracer);

	if (tracer->fast)
		log_debug("fast path: %llu sites patched, %llu used often that can't be, %llu calls came back; copies: %llu "
			  "with %llu sites",
			  (unsigned long long)counts->patched, (unsigned long long)counts->unpatched,
			  (unsigned long long)counts->declined, (unsigned long long)counts->copies,
			  (unsigned long long)counts->copied);
}
