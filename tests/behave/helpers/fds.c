// SPDX-License-Identifier: Apache-2.0
/* fds: prints the open file descriptors; fds FD PATH reads PATH relative to FD. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[512];
	ssize_t length;
	int fd;

	if (argc < 3) {
		for (fd = 0; fd < 4096; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				printf("%d ", fd);
		puts("");
		return 0;
	}
	fd = openat(atoi(argv[1]), argv[2], O_RDONLY);
	if (fd < 0) {
		puts(strerrorname_np(errno));
		return 1;
	}
	length = read(fd, text, sizeof(text));
	return write(1, text, length > 0 ? (size_t)length : 0) < 0;
}
