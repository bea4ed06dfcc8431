// SPDX-License-Identifier: Apache-2.0
/* Finding QEMU's user-mode emulators, and what binfmt_misc has registered. */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/front/emulator.h"
#include "core/path/rootfs.h"

#define BINFMT_DIRECTORY "/proc/sys/fs/binfmt_misc/"

bool emulator_is_static(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr elf;
	Elf64_Phdr header;

	if (fd < 0 || pread(fd, &elf, sizeof(elf), 0) != (ssize_t)sizeof(elf) ||
	    platform_of_program(&elf, sizeof(elf)) != platform_here() ||
	    elf.e_phentsize != sizeof(header))
		return false;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(header));

		if (pread(fd, &header, sizeof(header), at) != (ssize_t)sizeof(header) ||
		    header.p_type == PT_INTERP)
			return false;
	}
	return elf.e_phnum > 0;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, R_OK | X_OK) == 0;
}

char *emulator_search(void *parent, const char *name)
{
	const char *path = getenv("PATH");
	char candidate[PATH_MAX], real[PATH_MAX];

	if (strchr(name, '/'))
		return realpath(name, real) && is_program(real) ? talloc_strdup(parent, real) : NULL;
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (path) {
		int length = (int)strcspn(path, ":");

		snprintf(candidate, sizeof(candidate), "%.*s/%s", length, length ? path : ".", name);
		if (realpath(candidate, real) && is_program(real))
			return talloc_strdup(parent, real);
		path = path[length] ? path + length + 1 : NULL;
	}
	return NULL;
}

/* Debian's and Fedora's names of a static one, and QEMU's own. */
static const char *find_static(void *parent, const struct platform *platform)
{
	static const char *const names[] = {"qemu-%s-static", "qemu-%s"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *name = talloc_asprintf(parent, names[i], platform->machine);
		char *path = name ? emulator_search(parent, name) : NULL;

		if (path && emulator_is_static(path))
			return path;
	}
	return NULL;
}

/* Registered by the name that every distribution gives it, enabled, and opened at registration
 * ("F"), so that it works where the emulator's file can't be seen. */
static bool is_in_kernel(const struct platform *platform)
{
	char path[128], text[1024], *flags;

	snprintf(path, sizeof(path), BINFMT_DIRECTORY "qemu-%s", platform->machine);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0 || strncmp(text, "enabled", 7) != 0)
		return false;
	flags = strstr(text, "\nflags: ");
	return flags && memchr(flags + 8, 'F', strcspn(flags + 8, "\n"));
}

void emulator_find(void *parent, const struct platform *platform, struct host_info *host)
{
	if (!platform || platform_is_native(platform))
		return;
	host->emulator = find_static(parent, platform);
	host->emulator_in_kernel = is_in_kernel(platform);
}

const struct platform *emulator_platform_of_root(const char *rootfs)
{
	_cleanup_close_ int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	const struct platform *platform;
	unsigned char head[PLATFORM_HEAD_SIZE];
	struct stat status;

	if (root >= 0)
		fd = rootfs_open(root, "/bin/sh", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return NULL;
	platform = platform_of_program(head, sizeof(head));
	return platform && !platform_is_native(platform) ? platform : NULL;
}
