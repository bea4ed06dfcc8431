// SPDX-License-Identifier: Apache-2.0
/* Which files of this machine a QEMU is made of.
 *
 * Theory of operation
 *
 * The machine's own dynamic linker is asked (ld.so --list, which glibc, musl and Android have): nobody else
 * knows all of its rules. What it prints:
 *
 *	linux-vdso.so.1 (0x…)                          no file
 *	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)
 *	/lib64/ld-linux-x86-64.so.2 (0x…)              itself; or a library that is needed by its path
 *
 * and of a library that isn't there a message, with an exit code.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/front/emulator.h"

#define LIST_SIZE 65536

/* PT_INTERP of a program of this machine. Returns 0 with an empty text when it has none; -errno. */
static int read_interpreter(const char *path, char *interpreter, struct error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf64_Ehdr elf;
	Elf64_Phdr header;

	interpreter[0] = '\0';
	if (fd < 0)
		return error_set(err, errno, "%s", path);
	if (pread(fd, &elf, sizeof(elf), 0) != (ssize_t)sizeof(elf) ||
	    platform_of_program(&elf, sizeof(elf)) != platform_here() ||
	    elf.e_phentsize != sizeof(header) || elf.e_phnum == 0)
		return error_plain(err, "%s is not a program of this machine", path);
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(header));

		if (pread(fd, &header, sizeof(header), at) != (ssize_t)sizeof(header))
			return error_plain(err, "%s is damaged", path);
		if (header.p_type != PT_INTERP)
			continue;
		if (header.p_filesz < 2 || header.p_filesz > PATH_MAX ||
		    pread(fd, interpreter, header.p_filesz, (off_t)header.p_offset) !=
			    (ssize_t)header.p_filesz ||
		    interpreter[0] != '/' || interpreter[header.p_filesz - 1] != '\0')
			return error_plain(err, "%s is damaged", path);
		return 0;
	}
	return 0;
}

/* What `interpreter --list path` prints, as a string. LD_LIBRARY_PATH counts, for it says where the libraries of a
 * QEMU are that its owner has built; nothing else of the environment does. */
static int read_list(const char *interpreter, const char *path, char *text, struct error *err)
{
	const char *search = getenv("LD_LIBRARY_PATH");
	char variable[PATH_MAX] = "", *message;
	int ends[2], status = 0;
	size_t length = 0;
	ssize_t n;
	pid_t pid;

	if (search && strlen(search) + sizeof("LD_LIBRARY_PATH=") <= sizeof(variable))
		strcat(strcpy(variable, "LD_LIBRARY_PATH="), search);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "pipe");
	pid = fork();
	if (pid == 0) {
		char *argv[] = { (char *)(uintptr_t)interpreter, (char *)(uintptr_t)"--list",
				 (char *)(uintptr_t)path, NULL };
		char *environment[] = { variable[0] ? variable : NULL, NULL };

		if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0)
			execve(interpreter, argv, environment);
		_exit(127);
	}
	close(ends[1]);
	while (pid > 0 && length < LIST_SIZE - 1) {
		n = read(ends[0], text + length, LIST_SIZE - 1 - length);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		length += n > 0 ? (size_t)n : 0;
	}
	text[length] = '\0';
	close(ends[0]);
	if (pid < 0)
		return error_set(err, errno, "fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* Behind glibc's prefix, and what musl has found so far. */
	message = strcasestr(text, "error") ? strcasestr(text, "error") : text;
	return error_plain(err, "%s can't be loaded: %.*s", path,
			   (int)MIN(strcspn(message, "\n"), (size_t)300), message);
}

static bool is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && file_is_same(&a, &b);
}

/* One line; changes it. */
static int add_library(struct emulator *emulator, char *line, struct error *err)
{
	char *arrow = strstr(line, " => "), *path = arrow ? arrow + 4 : line, *end = path;
	struct emulator_library *library;
	char real[PATH_MAX];

	for (char *at = path; (at = strstr(at, " (0x")); at++)
		end = at;
	if (arrow)
		*arrow = '\0';
	*end = '\0';
	if (path[0] != '/' || is_same_file(path, emulator->interpreter))
		return 0;
	if (!realpath(path, real))
		return error_set(err, errno, "%s", path);
	if (emulator->library_count == EMULATOR_LIBRARIES_MAX)
		return error_plain(err, "%s needs more than %d libraries", emulator->argv[0],
				   EMULATOR_LIBRARIES_MAX);
	library = &emulator->libraries[emulator->library_count++];
	line = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;
	library->name = talloc_strdup(emulator, line);
	library->path = talloc_strdup(emulator, real);
	return library->name && library->path ? 0 : error_set(err, ENOMEM, "%s", line);
}

int emulator_examine(struct emulator *emulator, struct error *err)
{
	char interpreter[PATH_MAX], real[PATH_MAX];
	char *text, *line, *rest = NULL;
	int error = read_interpreter(emulator->argv[0], interpreter, err);

	emulator->interpreter = NULL;
	emulator->library_count = 0;
	if (error || !interpreter[0])
		return error;
	if (!realpath(interpreter, real))
		return error_set(err, errno, "%s, which %s needs", interpreter, emulator->argv[0]);
	emulator->interpreter = talloc_strdup(emulator, real);
	emulator->libraries =
		talloc_zero_array(emulator, struct emulator_library, EMULATOR_LIBRARIES_MAX);
	text = talloc_size(emulator, LIST_SIZE);
	if (!emulator->interpreter || !emulator->libraries || !text)
		return error_set(err, ENOMEM, "%s", emulator->argv[0]);
	error = read_list(interpreter, emulator->argv[0], text, err);
	for (line = strtok_r(text, "\n", &rest); line && !error; line = strtok_r(NULL, "\n", &rest))
		error = add_library(emulator, line + strspn(line, " \t"), err);
	talloc_free(text);
	return error;
}
