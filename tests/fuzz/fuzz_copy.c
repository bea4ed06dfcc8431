// SPDX-License-Identifier: Apache-2.0
/* Libraries that are copied for the fast path: ELF headers from a guest's files, sites as its stops told them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ptrace_backend/arch/aarch64/fast_record.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_copy.h"

#define SITES 4
#define MORE  (1U << 16)

static bool patch(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record)
{
	(void)context;
	(void)distance;
	memset(after - 7, (int)number, 7);
	memset(record, (int)number, FAST_SITE_SIZE);
	return true;
}

static bool patch_arm(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record)
{
	(void)context;
	return record_patch_copy(0x21000000, number, 1, after, distance, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fast_copy_site sites[SITES];
	uint8_t *bytes;
	ssize_t length;

	if (size < SITES * 2)
		return 0;
	for (unsigned i = 0; i < SITES; i++)
		sites[i] = (struct fast_copy_site){ (uint64_t)data[i * 2] | (uint64_t)data[i * 2 + 1] << 8, i };
	data += SITES * 2;
	size -= SITES * 2;
	bytes = calloc(1, size + MORE);
	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	/* Which of the two the sites' offsets say: the input needs no byte more. */
	length = fast_copy_edit(bytes, size, size + MORE, sites, SITES, sites[0].after & 1 ? patch : patch_arm, NULL);
	assert(length < 0 || ((size_t)length > size && (size_t)length <= size + MORE));
	free(bytes);
	return 0;
}
