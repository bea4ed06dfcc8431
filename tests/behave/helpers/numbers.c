// SPDX-License-Identifier: Apache-2.0
/* numbers PATH: aims system calls that a table may have forgotten at PATH, a path of the host.
 *
 * Prints "name errno" for each; a call that gives access prints the content. Then every number from
 * 450 to 600 is called with the path in each of the first two arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *target;

static void show(const char *name, long result)
{
	char text[256];
	ssize_t length;

	if (result < 0) {
		printf("%s %s\n", name, strerrorname_np(errno));
		return;
	}
	length = read((int)result, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	printf("%s succeeded %s\n", name, text);
	close((int)result);
}

struct how {
	unsigned long long flags, mode, resolve;
};

/* In a child each: some numbers end the process. */
static void unknown_numbers(void)
{
	int known_errors = 0;

	for (long number = 450; number <= 600; number++) {
		int status = 0, child;

		fflush(stdout);
		child = fork();
		if (child == 0) {
			struct how how = {0};
			char buffer[4096] = "";
			long result = syscall(number, AT_FDCWD, target, &how, sizeof(how), buffer, 0);

			if (result < 0)
				result = syscall(number, target, AT_FDCWD, &how, 0, 0, 0);
			if (result > 2) {
				char label[32];

				snprintf(label, sizeof(label), "number %ld", number);
				show(label, result);
				fflush(stdout);
			}
			_exit(result < 0 && errno == ENOSYS ? 1 : 0);
		}
		waitpid(child, &status, 0);
		known_errors += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	printf("ENOSYS for %s numbers from 450 to 600\n", known_errors > 100 ? "most" : "few");
}

int main(int argc, char **argv)
{
	struct how how = {O_RDONLY, 0, 0};
	char handle[256] = {0}, parameters[256] = {0};
	int mount_id;

	target = argc > 1 ? argv[1] : "/canary";
	show("openat2", syscall(437, AT_FDCWD, target, &how, sizeof(how)));
	show("open_tree", syscall(428, AT_FDCWD, target, 0));
	show("open_tree clone", syscall(428, AT_FDCWD, target, 1));
	show("fsopen", syscall(430, "tmpfs", 0));
	show("fspick", syscall(433, AT_FDCWD, target, 0));
	show("mount_setattr", syscall(442, AT_FDCWD, target, 0, handle, 32) < 0 ? -1 : 0);
	show("io_uring_setup", syscall(425, 8, parameters));
	*(unsigned *)(void *)handle = 128;
	if (syscall(SYS_name_to_handle_at, AT_FDCWD, target, handle, &mount_id, 0) < 0)
		printf("name_to_handle_at %s\n", strerrorname_np(errno));
	else
		puts("name_to_handle_at succeeded");
	show("open_by_handle_at", syscall(SYS_open_by_handle_at, open("/", O_RDONLY), handle, O_RDONLY));
	show("pidfd_getfd", syscall(438, syscall(434, getppid(), 0), 0, 0));
	errno = 0;
	show("faccessat2", syscall(439, AT_FDCWD, target, 0, 0) < 0 ? -1 : 0);
	show("fchmodat2", syscall(452, AT_FDCWD, target, 0600, 0) < 0 ? -1 : 0);
	show("statx", syscall(SYS_statx, AT_FDCWD, target, 0, 0x7ff, (char[256]){0}) < 0 ? -1 : 0);
	show("quotactl_fd", syscall(443, 0, 0, 0, 0) < 0 ? -1 : 0);
	unknown_numbers();
	return 0;
}
