// SPDX-License-Identifier: Apache-2.0
/* The table of machines. */
#include <elf.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/model/platform.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

static const struct platform platforms[] = {
	{"amd64", "x86_64", EM_X86_64, ELFCLASS64, ELFDATA2LSB, NULL},
	{"386", "i386", EM_386, ELFCLASS32, ELFDATA2LSB, "amd64"},
	{"arm64", "aarch64", EM_AARCH64, ELFCLASS64, ELFDATA2LSB, NULL},
	{"arm", "arm", EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm64"},
	{"riscv64", "riscv64", EM_RISCV, ELFCLASS64, ELFDATA2LSB, NULL},
	{"ppc64le", "ppc64le", EM_PPC64, ELFCLASS64, ELFDATA2LSB, NULL},
	{"ppc64", "ppc64", EM_PPC64, ELFCLASS64, ELFDATA2MSB, NULL},
	{"s390x", "s390x", EM_S390, ELFCLASS64, ELFDATA2MSB, NULL},
	{"loong64", "loongarch64", EM_LOONGARCH, ELFCLASS64, ELFDATA2LSB, NULL},
	{"mips64le", "mips64el", EM_MIPS, ELFCLASS64, ELFDATA2LSB, NULL},
	{"mips64", "mips64", EM_MIPS, ELFCLASS64, ELFDATA2MSB, NULL},
	{"mipsle", "mipsel", EM_MIPS, ELFCLASS32, ELFDATA2LSB, NULL},
	{"mips", "mips", EM_MIPS, ELFCLASS32, ELFDATA2MSB, NULL},
};

/* Other words for them; "arm" has its variants. */
static const struct {
	const char *word, *name;
} aliases[] = {
	{"x86-64", "amd64"}, {"i686", "386"},	 {"x86", "386"},	{"arm/v8", "arm"},
	{"arm/v7", "arm"},   {"arm/v6", "arm"},	 {"arm/v5", "arm"},	{"armhf", "arm"},
	{"armel", "arm"},    {"armv7l", "arm"},	 {"armv6l", "arm"},	{"arm64/v8", "arm64"},
	{"amd64/v1", "amd64"}, {"ppc64el", "ppc64le"},
};

/* Defined by the linker: our own ELF header. */
extern const unsigned char __ehdr_start[] __attribute__((visibility("hidden")));

const struct platform *platform_parse(const char *text, struct error *err)
{
	const char *word = !strncmp(text, "linux/", 6) ? text + 6 : text;

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(word, aliases[i].word))
			word = aliases[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (!strcmp(word, platforms[i].name) || !strcmp(word, platforms[i].machine))
			return &platforms[i];
	error_plain(err, "\"%.64s\" is not a platform that is known here", text);
	error_hint(err, "One is named linux/arm64, linux/amd64, linux/arm/v7, linux/riscv64, …");
	return NULL;
}

const struct platform *platform_of_program(const void *head, size_t size)
{
	const unsigned char *bytes = head;
	uint16_t machine;

	if (size < PLATFORM_HEAD_SIZE || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return NULL;
	machine = bytes[EI_DATA] == ELFDATA2MSB ? (uint16_t)(bytes[18] << 8 | bytes[19]) :
						  (uint16_t)(bytes[19] << 8 | bytes[18]);
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (platforms[i].elf_machine == machine &&
		    platforms[i].elf_class == bytes[EI_CLASS] &&
		    platforms[i].elf_data == bytes[EI_DATA])
			return &platforms[i];
	return NULL;
}

const struct platform *platform_here(void)
{
	return platform_of_program(__ehdr_start, PLATFORM_HEAD_SIZE);
}

bool platform_is_native(const struct platform *platform)
{
	const struct platform *here = platform_here();

	return platform == here ||
	       (here && platform->native_on && !strcmp(platform->native_on, here->name));
}
