// SPDX-License-Identifier: Apache-2.0
/* No fast path here yet (fast.h): every path is translated by the tracer. */
#include "ptrace_backend/fast_internal.h"

bool fast_is_supported(void)
{
	return false;
}

uint64_t fast_call_address(const struct tracer *tracer)
{
	(void)tracer;
	return 0;
}

const char *fast_fill_script(struct tracee *tracee, struct load_script *script, uint64_t image_shift)
{
	(void)tracee;
	(void)script;
	(void)image_shift;
	return NULL;
}

void fast_loaded(struct tracee *tracee, uint64_t base)
{
	(void)tracee;
	(void)base;
}

int fast_write(struct tracee *tracee, size_t offset, const void *data, size_t size)
{
	(void)tracee;
	(void)offset;
	(void)data;
	(void)size;
	return -ENOSYS;
}

void fast_seen(struct tracee *tracee, uint64_t after)
{
	(void)tracee;
	(void)after;
}

bool fast_on_signal(struct tracee *tracee, int signal)
{
	(void)tracee;
	(void)signal;
	return false;
}

struct fast_sites *fast_sites_share(struct fast_sites *sites)
{
	return sites;
}

void fast_sites_release(struct fast_sites *sites)
{
	(void)sites;
}

bool fast_is_area(const struct tracee_mm *mm, uint64_t start, uint64_t end)
{
	(void)mm;
	(void)start;
	(void)end;
	return false;
}
