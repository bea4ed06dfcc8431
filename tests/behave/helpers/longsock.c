// SPDX-License-Identifier: Apache-2.0
/* longsock: a unix socket in the working directory whose name fills sun_path, without a NUL. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX }, got;
	char path[sizeof(name.sun_path) + 1] = "";
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t length = sizeof(got);
	struct stat status;

	memset(name.sun_path, 'x', sizeof(name.sun_path));
	memcpy(path, name.sun_path, sizeof(name.sun_path));
	unlink(path);
	if (bind(server, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(server, 1) < 0) {
		perror("bind");
		return 1;
	}
	if (connect(client, (struct sockaddr *)&name, sizeof(name)) < 0) {
		perror("connect");
		return 1;
	}
	if (getpeername(client, (struct sockaddr *)&got, &length) < 0 ||
	    memcmp(got.sun_path, name.sun_path, sizeof(name.sun_path)) != 0)
		printf("another name\n");
	printf("%d %s\n", (int)strlen(path), lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) ? "socket" : "?");
	return unlink(path) != 0;
}
