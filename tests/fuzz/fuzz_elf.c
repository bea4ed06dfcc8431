// SPDX-License-Identifier: Apache-2.0
/* Programs as the exec path reads them: ELF headers and "#!" lines from untrusted files. */
#include <assert.h>
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "ptrace_backend/elf_image.h"

struct file {
	const uint8_t *data;
	size_t size;
};

static ssize_t read_bytes(void *context, void *buffer, size_t size, uint64_t offset)
{
	const struct file *file = context;

	if (offset >= file->size)
		return 0;
	if (size > file->size - offset)
		size = file->size - offset;
	memcpy(buffer, file->data + offset, size);
	return (ssize_t)size;
}

/* What the loader relies on. */
static void check(const struct elf_image *image, uint64_t page)
{
	const struct load_object *object = &image->object;

	assert(object->segment_count > 0 && object->segment_count <= LOAD_SEGMENTS_MAX);
	assert(object->span_start % page == 0 && object->span_size % page == 0);
	assert(object->alignment >= page && (object->alignment & (object->alignment - 1)) == 0);
	for (uint32_t i = 0; i < object->segment_count; i++) {
		const struct load_segment *segment = &object->segments[i];

		assert(segment->address % page == 0 && segment->offset % page == 0);
		assert(segment->file_size <= segment->size);
		assert(segment->address >= object->span_start);
		assert(segment->address + segment->size <= object->span_start + object->span_size);
	}
	assert(!image->has_interpreter || memchr(image->interpreter, '\0', PATH_SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char interpreter[EXEC_HEAD_SIZE], argument[EXEC_HEAD_SIZE];
	struct file file = { data, size };
	static struct elf_image image;

	for (uint64_t page = 4096; page <= 65536; page *= 4)
		if (elf_image_parse(read_bytes, &file, EM_X86_64, EM_386, page, &image) == 0)
			check(&image, page);
	if (shebang_parse((const char *)data, size < EXEC_HEAD_SIZE ? size : EXEC_HEAD_SIZE,
			  interpreter, argument) == 0)
		assert(interpreter[0] && strlen(interpreter) < EXEC_HEAD_SIZE &&
		       strlen(argument) < EXEC_HEAD_SIZE);
	return 0;
}
