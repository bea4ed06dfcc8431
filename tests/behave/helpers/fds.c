// SPDX-License-Identifier: Apache-2.0
/* fds: prints the open file descriptors; fds FD PATH reads PATH relative to FD; fds link PATH prints the
 * symlink PATH by an fd of it. */
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
	if (!strcmp(argv[1], "link")) {
		fd = open(argv[2], O_PATH | O_NOFOLLOW);
		length = readlinkat(fd, "", text, sizeof(text));
		printf("%.*s\n", length < 0 ? 0 : (int)length, text);
		return length < 0;
	}
	fd = openat(atoi(argv[1]), argv[2], O_RDONLY);
	if (fd < 0) {
		puts(strerrorname_np(errno));
		return 1;
	}
	length = read(fd, text, sizeof(text));
	return write(1, text, length > 0 ? (size_t)length : 0) < 0;
}
