// SPDX-License-Identifier: Apache-2.0
/* sleepers N: that many processes, each with a program of its own, that have made calls with paths and sleep. Prints
 * "ready"; the end of stdin ends them all. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void sleep_on(const char *fd)
{
	struct stat status;
	char byte = 'x', where[256];

	for (int i = 0; i < 20; i++) {
		if (stat("/", &status) < 0 || stat("/proc/nothing", &status) == 0 || !getcwd(where, sizeof(where)))
			exit(1);
		close(open("/", O_RDONLY | O_DIRECTORY));
	}
	if (write(atoi(fd), &byte, 1) != 1)
		exit(1);
	/* The end of what nobody writes to. */
	while (read(0, &byte, 1) < 0)
		;
	exit(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0, pipes[2];
	char fd[16], byte;

	if (argc > 2)
		sleep_on(argv[2]);
	if (pipe(pipes) < 0)
		return 2;
	snprintf(fd, sizeof(fd), "%d", pipes[1]);
	for (int i = 0; i < count; i++)
		if (fork() == 0) {
			execl(argv[0], argv[0], "0", fd, NULL);
			_exit(2);
		}
	for (int i = 0; i < count; i++)
		if (read(pipes[0], &byte, 1) != 1)
			return 1;
	printf("ready\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
