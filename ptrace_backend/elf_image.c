// SPDX-License-Identifier: Apache-2.0
/* ELF program headers and "#!" lines, as the kernel reads them. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ptrace_backend/elf_image.h"

#define ADDRESS_LIMIT (1ULL << 56)

static int add_segment(struct load_object *object, const Elf64_Phdr *header, uint64_t page)
{
	uint64_t in_page = header->p_vaddr & (page - 1);
	struct load_segment *segment;

	if (header->p_memsz == 0)
		return 0;
	if (object->segment_count == LOAD_SEGMENTS_MAX || header->p_filesz > header->p_memsz ||
	    header->p_vaddr >= ADDRESS_LIMIT || header->p_memsz >= ADDRESS_LIMIT ||
	    header->p_offset >= ADDRESS_LIMIT)
		return -ENOEXEC;
	/* Linked for smaller pages than this kernel's. What mmap(2) says to the kernel's own loader, which
	 * then kills the process. */
	if ((header->p_offset & (page - 1)) != in_page)
		return -EINVAL;
	segment = &object->segments[object->segment_count++];
	segment->address = header->p_vaddr - in_page;
	segment->offset = header->p_offset - in_page;
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

static int finish(struct load_object *object, const Elf64_Ehdr *elf, uint64_t page)
{
	uint64_t low = UINT64_MAX, high = 0;

	if (object->segment_count == 0)
		return -ENOEXEC;
	for (uint32_t i = 0; i < object->segment_count; i++) {
		const struct load_segment *segment = &object->segments[i];
		uint64_t end = (segment->address + segment->size + page - 1) & ~(page - 1);

		if (segment->address < low)
			low = segment->address;
		if (end > high)
			high = end;
		if (!object->phdr && elf->e_phoff >= segment->offset &&
		    elf->e_phoff < segment->offset + segment->file_size)
			object->phdr = elf->e_phoff - segment->offset + segment->address;
	}
	object->span_start = low;
	object->span_size = high - low;
	return 0;
}

/* A 32-bit file's header as a 64-bit one. */
static void widen_header(const Elf32_Ehdr *from, Elf64_Ehdr *to)
{
	*to = (Elf64_Ehdr){
		.e_type = from->e_type,
		.e_machine = from->e_machine,
		.e_entry = from->e_entry,
		.e_phoff = from->e_phoff,
		.e_phnum = from->e_phnum,
		.e_phentsize = from->e_phentsize,
	};
}

static void widen_program_header(const Elf32_Phdr *from, Elf64_Phdr *to)
{
	*to = (Elf64_Phdr){
		.p_type = from->p_type,
		.p_flags = from->p_flags,
		.p_offset = from->p_offset,
		.p_vaddr = from->p_vaddr,
		.p_filesz = from->p_filesz,
		.p_memsz = from->p_memsz,
		.p_align = from->p_align,
	};
}

/* Returns 0, -ENOEXEC or -errno; *elf has 64-bit fields either way. */
static int read_header(elf_reader *reader, void *context, unsigned machine, unsigned compat_machine,
		       Elf64_Ehdr *elf, bool *ret_compat)
{
	Elf32_Ehdr narrow;
	ssize_t n = reader(context, elf, sizeof(*elf), 0);

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(narrow) || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	*ret_compat = elf->e_ident[EI_CLASS] == ELFCLASS32;
	if (*ret_compat) {
		memcpy(&narrow, elf, sizeof(narrow));
		widen_header(&narrow, elf);
		return compat_machine && elf->e_machine == compat_machine ? 0 : -ENOEXEC;
	}
	if ((size_t)n < sizeof(*elf) || elf->e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->e_machine != machine)
		return -ENOEXEC;
	return 0;
}

#define HEADERS_MAX 64

static int read_program_headers(elf_reader *reader, void *context, const Elf64_Ehdr *elf, bool compat,
				Elf64_Phdr *headers)
{
	Elf32_Phdr narrow[HEADERS_MAX];
	size_t size = compat ? sizeof(narrow[0]) : sizeof(headers[0]);
	ssize_t n;

	if ((elf->e_type != ET_EXEC && elf->e_type != ET_DYN) || elf->e_phentsize != size ||
	    elf->e_phnum == 0 || elf->e_phnum > HEADERS_MAX)
		return -ENOEXEC;
	size *= elf->e_phnum;
	n = reader(context, compat ? (void *)narrow : (void *)headers, size, elf->e_phoff);
	if (n < 0)
		return (int)n;
	if ((size_t)n != size)
		return -ENOEXEC;
	for (unsigned i = 0; compat && i < elf->e_phnum; i++)
		widen_program_header(&narrow[i], &headers[i]);
	return 0;
}

int elf_image_parse(elf_reader *reader, void *context, unsigned machine, unsigned compat_machine,
		    uint64_t page, struct elf_image *ret_image)
{
	struct elf_image *image = ret_image;
	Elf64_Phdr headers[HEADERS_MAX];
	Elf64_Ehdr elf;
	bool compat = false;
	int result = read_header(reader, context, machine, compat_machine, &elf, &compat);

	if (!result)
		result = read_program_headers(reader, context, &elf, compat, headers);
	if (result)
		return result;

	memset(image, 0, sizeof(*image));
	image->compat = compat;
	image->object.alignment = page;
	image->object.entry = elf.e_entry;
	image->object.fixed = elf.e_type == ET_EXEC;
	image->object.phdr_count = elf.e_phnum;
	image->object.phdr_size = elf.e_phentsize;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		const Elf64_Phdr *header = &headers[i];

		result = 0;
		if (header->p_type == PT_LOAD)
			result = add_segment(&image->object, header, page);
		else if (header->p_type == PT_INTERP && !image->has_interpreter)
			result = read_interpreter(reader, context, header, image);
		else if (header->p_type == PT_PHDR)
			image->object.phdr = header->p_vaddr;
		else if (header->p_type == PT_GNU_STACK)
			image->executable_stack = header->p_flags & PF_X;
		if (result)
			return result;
	}
	return finish(&image->object, &elf, page);
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
