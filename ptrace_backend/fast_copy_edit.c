// SPDX-License-Identifier: Apache-2.0
/* A shared object with one segment more.
 *
 * Theory of operation
 *
 * The records go to the end of the file, and are mapped behind all that the object has in memory. What a dynamic
 * linker maps it reads from the program headers, which can't grow: the last PT_NOTE becomes the new PT_LOAD
 * (linkers put notes behind the segments, and PT_LOADs have to be in the order of their addresses). A
 * debugger misses the build id in memory then, and finds it in the file.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "ptrace_backend/fast_copy.h"
#include "ptrace_backend/fast_area.h"

#define ADDRESS_MAX   (1ULL << 30) /* sites and records reach each other */
#define ALIGNMENT_MAX (1ULL << 21)
#define PAGE_MIN      4096

struct layout {
	Elf64_Phdr *headers;
	unsigned count, spare; /* spare: index of the header that may be taken */
	uint64_t end;	       /* of what lies in memory */
	uint64_t alignment;    /* the largest of a segment: the linker's pages */
};

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static int read_layout(uint8_t *bytes, size_t size, struct layout *layout)
{
	Elf64_Ehdr *elf = (void *)bytes;

	if (size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_type != ET_DYN ||
	    elf->e_phentsize != sizeof(Elf64_Phdr) || elf->e_phoff % 8 || elf->e_phoff > size ||
	    elf->e_phnum > (size - elf->e_phoff) / sizeof(Elf64_Phdr))
		return -ENOEXEC;
	layout->headers = (void *)(bytes + elf->e_phoff);
	layout->count = elf->e_phnum;
	layout->spare = layout->count;
	layout->end = layout->alignment = 0;
	for (unsigned i = 0; i < layout->count; i++) {
		const Elf64_Phdr *at = &layout->headers[i];

		if (at->p_type == PT_NOTE)
			layout->spare = i;
		if (at->p_type != PT_LOAD)
			continue;
		layout->spare = layout->count;
		if (at->p_vaddr > ADDRESS_MAX || at->p_memsz > ADDRESS_MAX || at->p_filesz > at->p_memsz ||
		    at->p_offset > size || at->p_filesz > size - at->p_offset || at->p_vaddr < layout->end ||
		    at->p_align > ALIGNMENT_MAX || (at->p_align & (at->p_align - 1)))
			return -ENOEXEC;
		if (at->p_align > layout->alignment)
			layout->alignment = at->p_align;
		layout->end = at->p_vaddr + at->p_memsz;
	}
	return layout->spare < layout->count && layout->end && layout->alignment >= PAGE_MIN ? 0 : -ENOEXEC;
}

/* Address of a site's end, or 0. */
static uint64_t site_address(const struct layout *layout, uint64_t offset)
{
	for (unsigned i = 0; i < layout->count; i++) {
		const Elf64_Phdr *at = &layout->headers[i];

		if (at->p_type == PT_LOAD && (at->p_flags & (PF_X | PF_W)) == PF_X && offset > at->p_offset + 16 &&
		    offset <= at->p_offset + at->p_filesz)
			return at->p_vaddr + (offset - at->p_offset);
	}
	return 0;
}

ssize_t fast_copy_edit(uint8_t *bytes, size_t size, size_t room, const struct fast_copy_site *sites, unsigned count,
		       fast_copy_patcher *patch, void *context)
{
	uint64_t offset, address;
	unsigned records = 0;
	struct layout layout;
	int error = read_layout(bytes, size, &layout);

	if (error)
		return error;
	offset = align_up(size, layout.alignment);
	if (offset > room || (uint64_t)count * FAST_SITE_SIZE > room - offset)
		return -ENOSPC;
	address = align_up(layout.end, layout.alignment);
	for (unsigned i = 0; i < count; i++) {
		/* A patch may have hit the headers themselves. */
		uint64_t site = sites[i].after > size ? 0 : site_address(&layout, sites[i].after);
		uint64_t within = (uint64_t)records * FAST_SITE_SIZE;

		if (site && patch(context, bytes + sites[i].after, (int64_t)(address + within - site),
				  sites[i].number, bytes + offset + within))
			records++;
	}
	if (!records)
		return -ENOENT;
	layout.headers[layout.spare] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = offset,
		.p_vaddr = address,
		.p_paddr = address,
		.p_filesz = (uint64_t)records * FAST_SITE_SIZE,
		.p_memsz = (uint64_t)records * FAST_SITE_SIZE,
		.p_align = layout.alignment,
	};
	return (ssize_t)(offset + (uint64_t)records * FAST_SITE_SIZE);
}
