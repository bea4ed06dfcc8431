// SPDX-License-Identifier: Apache-2.0
/* ELF program headers and "#!" lines, as the kernel reads them. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ptrace_backend/elf_image.h"

#define PAGE	     4096ULL
#define ADDRESS_LIMIT (1ULL << 56)

static uint64_t page_down(uint64_t value)
{
	return value & ~(PAGE - 1);
}

static uint64_t page_up(uint64_t value)
{
	return page_down(value + PAGE - 1);
}

static int add_segment(struct load_object *object, const Elf64_Phdr *header)
{
	uint64_t in_page = header->p_vaddr & (PAGE - 1);
	struct load_segment *segment;

	if (header->p_memsz == 0)
		return 0;
	if (object->segment_count == LOAD_SEGMENTS_MAX || header->p_filesz > header->p_memsz ||
	    header->p_vaddr >= ADDRESS_LIMIT || header->p_memsz >= ADDRESS_LIMIT ||
	    header->p_offset >= ADDRESS_LIMIT || (header->p_offset & (PAGE - 1)) != in_page)
		return -ENOEXEC;
	segment = &object->segments[object->segment_count++];
	segment->address = page_down(header->p_vaddr);
	segment->offset = page_down(header->p_offset);
	segment->file_size = header->p_filesz ? header->p_filesz + in_page : 0;
	segment->size = header->p_memsz + in_page;
	segment->protection = (uint32_t)((header->p_flags & PF_R ? PROT_READ : 0) |
					 (header->p_flags & PF_W ? PROT_WRITE : 0) |
					 (header->p_flags & PF_X ? PROT_EXEC : 0));
	if (header->p_align > object->alignment && header->p_align < ADDRESS_LIMIT &&
	    (header->p_align & (header->p_align - 1)) == 0)
		object->alignment = header->p_align;
	return 0;
}

static int read_interpreter(elf_reader *reader, void *context, const Elf64_Phdr *header,
			    struct elf_image *image)
{
	ssize_t n;

	if (header->p_filesz < 2 || header->p_filesz > sizeof(image->interpreter))
		return -ENOEXEC;
	n = reader(context, image->interpreter, header->p_filesz, header->p_offset);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n != header->p_filesz || image->interpreter[n - 1] != '\0')
		return -ENOEXEC;
	image->has_interpreter = true;
	return 0;
}

static int finish(struct load_object *object, const Elf64_Ehdr *elf)
{
	uint64_t low = UINT64_MAX, high = 0;

	if (object->segment_count == 0)
		return -ENOEXEC;
	for (uint32_t i = 0; i < object->segment_count; i++) {
		const struct load_segment *segment = &object->segments[i];

		if (segment->address < low)
			low = segment->address;
		if (page_up(segment->address + segment->size) > high)
			high = page_up(segment->address + segment->size);
		if (!object->phdr && elf->e_phoff >= segment->offset &&
		    elf->e_phoff < segment->offset + segment->file_size)
			object->phdr = elf->e_phoff - segment->offset + segment->address;
	}
	object->span_start = low;
	object->span_size = high - low;
	return 0;
}

int elf_image_parse(elf_reader *reader, void *context, unsigned machine,
		    struct elf_image *ret_image)
{
	struct elf_image *image = ret_image;
	Elf64_Phdr headers[64];
	Elf64_Ehdr elf;
	ssize_t n = reader(context, &elf, sizeof(elf), 0);
	int result;

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(elf) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != machine ||
	    (elf.e_type != ET_EXEC && elf.e_type != ET_DYN) ||
	    elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phnum == 0 || elf.e_phnum > 64)
		return -ENOEXEC;
	n = reader(context, headers, elf.e_phnum * sizeof(Elf64_Phdr), elf.e_phoff);
	if (n < 0)
		return (int)n;
	if ((size_t)n != elf.e_phnum * sizeof(Elf64_Phdr))
		return -ENOEXEC;

	memset(image, 0, sizeof(*image));
	image->object.alignment = PAGE;
	image->object.entry = elf.e_entry;
	image->object.fixed = elf.e_type == ET_EXEC;
	image->object.phdr_count = elf.e_phnum;
	image->object.phdr_size = sizeof(Elf64_Phdr);
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		const Elf64_Phdr *header = &headers[i];

		result = 0;
		if (header->p_type == PT_LOAD)
			result = add_segment(&image->object, header);
		else if (header->p_type == PT_INTERP && !image->has_interpreter)
			result = read_interpreter(reader, context, header, image);
		else if (header->p_type == PT_PHDR)
			image->object.phdr = header->p_vaddr;
		else if (header->p_type == PT_GNU_STACK)
			image->executable_stack = header->p_flags & PF_X;
		if (result)
			return result;
	}
	return finish(&image->object, &elf);
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

int shebang_parse(const char *head, size_t length, char *interpreter, char *argument)
{
	const char *at, *word, *line_end;
	bool whole_line;

	if (length < 2 || head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	line_end = memchr(head, '\n', length);
	whole_line = line_end != NULL || length < EXEC_HEAD_SIZE;
	/* Of a longer line the buffer's last byte doesn't count. */
	if (!line_end)
		line_end = head + (whole_line ? length : EXEC_HEAD_SIZE - 1);
	at = skip_blanks(head + 2, line_end);
	word = at;
	while (at < line_end && *at != ' ' && *at != '\t' && *at != '\0')
		at++;
	/* A name that the buffer may have cut is no name. */
	if (at == word || (at == line_end && !whole_line))
		return -ENOEXEC;
	memcpy(interpreter, word, (size_t)(at - word));
	interpreter[at - word] = '\0';

	at = skip_blanks(at, line_end);
	while (line_end > at && (line_end[-1] == ' ' || line_end[-1] == '\t'))
		line_end--;
	word = memchr(at, '\0', (size_t)(line_end - at));
	if (word)
		line_end = word;
	memcpy(argument, at, (size_t)(line_end - at));
	argument[line_end - at] = '\0';
	return 0;
}
