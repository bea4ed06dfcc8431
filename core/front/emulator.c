// SPDX-License-Identifier: Apache-2.0
/* Finding QEMU's user-mode emulators, and what binfmt_misc has registered. */
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
static const struct emulator *find_qemu(void *parent, const struct platform *platform)
{
	static const char *const names[] = {"qemu-%s-static", "qemu-%s"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct emulator *emulator = talloc_zero(parent, struct emulator);
		const char **argv = talloc_zero_array(emulator, const char *, 2);
		char *name = talloc_asprintf(emulator, names[i], platform->machine);

		if (!emulator || !argv || !name)
			return NULL;
		argv[0] = emulator_search(emulator, name);
		emulator->argv = argv;
		emulator->argc = 1;
		emulator->platform = platform;
		if (argv[0] && emulator_examine(emulator, NULL) == 0)
			return emulator;
		talloc_free(emulator);
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
	host->emulator = find_qemu(parent, platform);
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
