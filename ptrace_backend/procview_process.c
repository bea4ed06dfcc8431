// SPDX-License-Identifier: Apache-2.0
/* Contents of /proc/PID/auxv, net/unix and loginuid as the guest should read them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/socket_name.h"

#define AUXV_SIZE  1024
#define WORDS_MAX  (1u << 18) /* of argv and envp: 2 MiB */
#define CHUNK	   256

/* A word of the program's own size. */
static uint64_t word_at(const struct tracee *subject, const void *words, size_t index)
{
	return subject->mm->compat ? ((const uint32_t *)words)[index] :
				     ((const uint64_t *)words)[index];
}

/* Where the auxiliary vector begins on the stack that the kernel made: behind argc, argv and envp. 0
 * when the guest has overwritten them. */
static uint64_t find_auxv(const struct tracee *subject, size_t width)
{
	uint64_t at = subject->mm->stack, words[CHUNK] = { 0 }, argc;

	if (!at || tracee_read(subject, at, words, width) < 0)
		return 0;
	argc = word_at(subject, words, 0);
	if (argc > WORDS_MAX)
		return 0;
	at += (argc + 2) * width;
	for (unsigned done = 0; done < WORDS_MAX; done += CHUNK) {
		/* A chunk may reach past the stack's end. */
		size_t count = CHUNK;

		while (count && tracee_read(subject, at, words, count * width) < 0)
			count /= 2;
		if (!count)
			return 0;
		for (size_t i = 0; i < count; i++)
			if (!word_at(subject, words, i))
				return at + (i + 1) * width;
		at += count * width;
	}
	return 0;
}

/* The guest may have overwritten its stack: where the types don't match, the kernel's values stay. */
void procview_auxv(struct tracee *subject, FILE *out)
{
	size_t width = subject->mm->compat ? sizeof(uint32_t) : sizeof(uint64_t);
	uint64_t address = find_auxv(subject, width);
	unsigned char kernels[AUXV_SIZE], guests[AUXV_SIZE];
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)subject->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, kernels, sizeof(kernels));
	if (size <= 0)
		return;
	if (address && tracee_read(subject, address, guests, (size_t)size) == 0)
		for (size_t at = 0; at + 2 * width <= (size_t)size; at += 2 * width)
			if (!memcmp(kernels + at, guests + at, width))
				memcpy(kernels + at + width, guests + at + width, width);
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
		char *name = strstr(line, " /");

		line[strcspn(line, "\n")] = '\0';
		/* An abstract name is no path; after a newline in a name a line may begin with anything. */
		name = name ? name + 1 : NULL;
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

void procview_loginuid(struct tracee *subject, FILE *out)
{
	(void)subject;
	fprintf(out, "%u", UINT32_MAX);
}
