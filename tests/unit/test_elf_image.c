// SPDX-License-Identifier: Apache-2.0
/* What is mapped for an ELF file, by the size of the kernel's pages. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/elf_image.h"

struct file {
	Elf64_Ehdr elf;
	Elf64_Phdr headers[2];
};

static ssize_t read_bytes(void *context, void *buffer, size_t size, uint64_t offset)
{
	const struct file *file = context;

	if (offset >= sizeof(*file))
		return 0;
	if (size > sizeof(*file) - offset)
		size = sizeof(*file) - offset;
	memcpy(buffer, (const char *)file + offset, size);
	return (ssize_t)size;
}

/* Text, and data that lies `gap` further in memory than in the file, as linkers lay them out. */
static struct file program(uint64_t gap, uint64_t align)
{
	struct file file = {
		.elf = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = EM_AARCH64,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phnum = 2,
			.e_phentsize = sizeof(Elf64_Phdr),
		},
		.headers = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x2100,
			  .p_memsz = 0x2100, .p_align = align },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2df0,
			  .p_vaddr = 0x2df0 + gap, .p_filesz = 0x300, .p_memsz = 0x900,
			  .p_align = align },
		},
	};

	return file;
}

static int parse(struct file file, uint64_t page, struct elf_image *image)
{
	return elf_image_parse(read_bytes, &file, EM_AARCH64, 0, page, image);
}

static void a_program_for_large_pages_runs_on_all(void **state)
{
	static const struct {
		uint64_t page, address, offset, span;
	} expected[] = {
		{ 4096, 0x12000, 0x2000, 0x14000 },
		{ 16384, 0x10000, 0, 0x14000 },
		{ 65536, 0x10000, 0, 0x20000 },
	};
	struct elf_image image;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct load_segment *data = &image.object.segments[1];

		assert_int_equal(parse(program(0x10000, 0x10000), expected[i].page, &image), 0);
		assert_int_equal(image.object.alignment, 0x10000);
		assert_int_equal(image.object.span_start, 0);
		assert_int_equal(image.object.span_size, expected[i].span);
		assert_int_equal(data->address, expected[i].address);
		assert_int_equal(data->offset, expected[i].offset);
		/* Whatever the page, the same bytes come from the file and the same end is reached. */
		assert_int_equal(data->offset + data->file_size, 0x2df0 + 0x300);
		assert_int_equal(data->address + data->size, 0x12df0 + 0x900);
		assert_int_equal(data->protection, PROT_READ | PROT_WRITE);
	}
}

static void a_program_for_small_pages_needs_them(void **state)
{
	struct elf_image image;

	(void)state;
	assert_int_equal(parse(program(0x1000, 0x1000), 4096, &image), 0);
	assert_int_equal(image.object.alignment, 4096);
	assert_int_equal(parse(program(0x1000, 0x1000), 16384, &image), -EINVAL);
	assert_int_equal(parse(program(0x4000, 0x4000), 16384, &image), 0);
	assert_int_equal(parse(program(0x4000, 0x4000), 65536, &image), -EINVAL);
	/* The kernel looks at the places, not at p_align. */
	assert_int_equal(parse(program(0x10000, 0x1000), 65536, &image), 0);
	assert_int_equal(image.object.alignment, 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_for_large_pages_runs_on_all),
		cmocka_unit_test(a_program_for_small_pages_needs_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
