/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that a root filesystem can be made for, by all their names: an image's ("arm64"), uname's and
 * QEMU's ("aarch64"), an ELF header's. Pure.
 */
#ifndef AMPHORA_MODEL_PLATFORM_H
#define AMPHORA_MODEL_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct platform {
	const char *name;	/* as images have it: "arm64" */
	const char *machine;	/* as qemu-MACHINE has it: "aarch64" */
	uint16_t elf_machine;	/* EM_* */
	uint8_t elf_class;	/* ELFCLASS* */
	uint8_t elf_data;	/* ELFDATA* */
	const char *native_on;	/* this platform's kernels run its programs too; or NULL */
};

/* Enough of a program to tell its platform. */
#define PLATFORM_HEAD_SIZE 20

/* "linux/arm64", "linux/arm/v7", "arm64", and uname's words. NULL with err when it is none. */
const struct platform *platform_parse(const char *text, struct error *err);

/* Of a program whose first bytes are these; NULL for anything else than an ELF file of a known machine. */
const struct platform *platform_of_program(const void *head, size_t size);

/* What this binary was built for, and whether its kernel runs that one's programs by itself. */
const struct platform *platform_here(void);
bool platform_is_native(const struct platform *platform);

/* One that the emulator's dynamic linker opens: by this name, in whatever directory; the host's file. */
#define EMULATOR_LIBRARIES_MAX 64
struct emulator_library {
	const char *name, *path;
};

/* What runs programs of another machine: argv[0] is a host path of a QEMU for user programs. */
struct emulator {
	const char **argv; /* NULL-terminated: words that come before the program's own */
	size_t argc;
	const struct platform *platform; /* whose programs; NULL: all that don't run by themselves */
	bool native_too;		 /* even this machine's own */
	const char *interpreter; /* its dynamic linker, a host path; NULL: it is statically linked */
	struct emulator_library *libraries;
	size_t library_count; /* at most EMULATOR_LIBRARIES_MAX */
};

#endif
