// SPDX-License-Identifier: Apache-2.0
/* An fd that is executed outlives its close-on-exec flag.
 *
 * Theory of operation
 *
 * The kernel opens the program before execve closes fds; our loader opens it after. So an fd with
 * FD_CLOEXEC is duplicated by the guest itself before its execve, and the loader closes the duplicate.
 * Not so when the caller is a 32-bit program.
 * When that execve fails in the kernel after all (E2BIG), the duplicate stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/file.h"
#include "ptrace_backend/exec_fd.h"
#include "ptrace_backend/precall.h"

/* The number in /proc/PID/fd/N or /proc/PID/task/TID/fd/N of the caller's own process, or -1. */
static int own_fd(const struct tracee *tracee, const char *host)
{
	const char *slash = strrchr(host, '/');
	pid_t pid = (pid_t)strtol(host + strlen("/proc/"), NULL, 10);
	const struct tracee *owner = tracer_find(tracee->tracer, pid);

	if (!slash || slash - host < 3 || strncmp(slash - 3, "/fd", 3) != 0 || slash[1] < '0' ||
	    slash[1] > '9' || !owner || owner->tgid != tracee->tgid)
		return -1;
	return (int)strtol(slash + 1, NULL, 10);
}

static bool closes_on_exec(const struct tracee *tracee, int fd)
{
	char path[64], text[512];
	const char *flags;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)tracee->tid, fd);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	flags = strstr(text, "flags:");
	return flags && (strtoul(flags + strlen("flags:"), NULL, 8) & O_CLOEXEC);
}

static void duplicated(struct tracee *tracee, int64_t result)
{
	tracee->exec_fd = result >= 0 ? (int)result + 1 : -1;
}

bool exec_fd_prepare(struct tracee *tracee, struct path_result *file, int *ret_close,
		     enum verdict *ret_verdict)
{
	int fd = own_fd(tracee, file->host), duplicate = tracee->exec_fd;
	uint64_t arguments[6] = { (uint64_t)fd, F_DUPFD, 3 };

	*ret_close = -1;
	tracee->exec_fd = 0;
	if (fd < 0)
		return false;
	if (!duplicate && closes_on_exec(tracee, fd)) {
		*ret_verdict = precall(tracee, SYS_fcntl, arguments, duplicated);
		return true;
	}
	if (duplicate > 0)
		*ret_close = fd = duplicate - 1;
	/* The tid of a thread that executes becomes its process's. */
	file->host_length = (uint32_t)snprintf(file->host, sizeof(file->host), "/proc/self/fd/%d", fd);
	return false;
}

void exec_fd_name(struct tracee *tracee, const char *host, char *name, size_t size)
{
	static const char deleted[] = " (deleted)";
	struct path_position position;
	ssize_t n;
	int length;

	if (tracee_link_position(tracee, host, -1, &position) == 0) {
		length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, name, size);
		if (length >= 0) {
			if (position.flags & PATH_POSITION_DELETED)
				snprintf(name + length, size - (size_t)length, "%s", deleted);
			return;
		}
	}
	n = readlink(host, name, size - 1);
	name[n < 0 ? 0 : n] = '\0';
	/* memfds aside, a path outside the guest's tree is nobody's business. */
	if (strncmp(name, "/memfd:", 7) != 0)
		snprintf(name, size, "/%s", deleted);
}
