/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's page size, asked at run time: arm64 kernels have 4, 16 or 64 KiB. */
#ifndef AMPHORA_BASE_PAGE_H
#define AMPHORA_BASE_PAGE_H

#include <stdint.h>
#include <sys/auxv.h>

static inline uint64_t page_size(void)
{
	return getauxval(AT_PAGESZ);
}

static inline uint64_t page_down(uint64_t value)
{
	return value & ~(page_size() - 1);
}

static inline uint64_t page_up(uint64_t value)
{
	return page_down(value + page_size() - 1);
}

#endif
