// SPDX-License-Identifier: Apache-2.0
/* Contents of /proc/PID/auxv and /proc/PID/net/unix as the guest should read them. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/socket_name.h"

#define AUXV_WORDS 128
#define WORDS_MAX  (1u << 18) /* of argv and envp: 2 MiB */
#define CHUNK	   256

/* Where the auxiliary vector begins on the stack that the kernel made: behind argc, argv and envp. 0
 * when the guest has overwritten them. */
static uint64_t find_auxv(const struct tracee *subject)
{
	uint64_t at = subject->mm->stack, words[CHUNK], argc;

	if (!at || tracee_read(subject, at, &argc, sizeof(argc)) < 0 || argc > WORDS_MAX)
		return 0;
	at += (argc + 2) * sizeof(uint64_t);
	for (unsigned done = 0; done < WORDS_MAX; done += CHUNK) {
		/* A chunk may reach past the stack's end. */
		size_t count = CHUNK;

		while (count && tracee_read(subject, at, words, count * sizeof(words[0])) < 0)
			count /= 2;
		if (!count)
			return 0;
		for (size_t i = 0; i < count; i++)
			if (!words[i])
				return at + (i + 1) * sizeof(words[0]);
		at += count * sizeof(words[0]);
	}
	return 0;
}

/* The guest may have overwritten its stack: where the types don't match, the kernel's values stay. */
void procview_auxv(struct tracee *subject, FILE *out)
{
	uint64_t kernels[AUXV_WORDS], guests[AUXV_WORDS], address = find_auxv(subject);
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)subject->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, kernels, sizeof(kernels));
	if (size <= 0)
		return;
	if (address && tracee_read(subject, address, guests, (size_t)size) == 0)
		for (size_t i = 0; i + 1 < (size_t)size / sizeof(kernels[0]); i += 2)
			if (kernels[i] == guests[i])
				kernels[i + 1] = guests[i + 1];
	fwrite(kernels, 1, (size_t)size, out);
}

/* "0000000000000000: 00000002 00000000 00010000 0001 01 20034 /run/dbus/system_bus_socket" */
void procview_net_unix(struct tracee *subject, FILE *out)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	char host[PATH_SIZE], guest[PATH_SIZE], path[64];
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/unix", (int)subject->tid);
	file = fopen(path, "re");
	while (file && getline(&line, &room, file) > 0) {
		char *name = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (!name || strlen(name) >= sizeof(host)) {
			fprintf(out, "%s\n", line);
			continue;
		}
		strcpy(host, name);
		if (socket_path_to_guest(subject, host, guest) < 0)
			name[-1] = '\0'; /* the host's: a socket without a name */
		else
			*name = '\0';
		fprintf(out, "%s%s\n", line, *name ? "" : guest);
	}
}
