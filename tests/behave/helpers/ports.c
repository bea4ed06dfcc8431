// SPDX-License-Identifier: Apache-2.0
/* Uses a port on loopback as server and client, and prints the ports that each side is told.
 *   ports PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_storage name;
static socklen_t name_size;

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void set_name(int family, uint16_t port)
{
	memset(&name, 0, sizeof(name));
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&name;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		name_size = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)&name;

		in->sin6_family = AF_INET6;
		in->sin6_port = htons(port);
		in->sin6_addr = in6addr_loopback;
		name_size = sizeof(*in);
	}
}

static unsigned port_of(const struct sockaddr_storage *address)
{
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static unsigned asked(int (*ask)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_storage answer = { 0 };
	socklen_t size = sizeof(answer);

	if (ask(fd, (struct sockaddr *)&answer, &size) < 0)
		die("name of a socket");
	return port_of(&answer);
}

/* The local port of the one listening socket that has our inode: from /proc/self/net/tcp, where no
 * translation reaches. */
static unsigned real_port(int family, int fd)
{
	char line[512], link[64], text[64];
	unsigned port, state;
	unsigned long inode, wanted = 0;
	FILE *file = fopen(family == AF_INET ? "/proc/self/net/tcp" : "/proc/self/net/tcp6", "r");
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, text, sizeof(text) - 1);
	if (!file || length < 0)
		die("/proc");
	text[length] = '\0';
	if (sscanf(text, "socket:[%lu]", &wanted) != 1)
		die(text);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %*[^:]: %*[^:]:%x %*[^:]:%*x %x %*s %*s %*s %*s %*s %lu", &port,
			   &state, &inode) == 3 &&
		    inode == wanted)
			return port;
	return 0;
}

static void tcp(int family, uint16_t port)
{
	int one = 1, server = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0), end;
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof(peer);

	set_name(family, port);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server, (struct sockaddr *)&name, name_size) < 0 || listen(server, 1) < 0)
		die("bind");
	if (connect(client, (struct sockaddr *)&name, name_size) < 0)
		die("connect");
	end = accept(server, (struct sockaddr *)&peer, &size);
	if (end < 0)
		die("accept");
	printf("tcp%d %u %u %u %s really %u\n", family == AF_INET ? 4 : 6, asked(getsockname, server),
	       asked(getpeername, client), asked(getsockname, end),
	       port_of(&peer) == asked(getsockname, client) ? "peer-is-client" : "peer-is-wrong",
	       real_port(family, server));
	close(end);
	close(client);
	close(server);
}

static void udp(uint16_t port)
{
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof(peer);
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_name = &peer, .msg_iov = &vector, .msg_iovlen = 1 };
	struct mmsghdr many = { .msg_hdr = { .msg_name = &name, .msg_iov = &vector, .msg_iovlen = 1 } };

	set_name(AF_INET, port);
	if (bind(server, (struct sockaddr *)&name, name_size) < 0)
		die("bind");
	if (sendto(client, &byte, 1, 0, (struct sockaddr *)&name, name_size) != 1 ||
	    recvfrom(server, &byte, 1, 0, (struct sockaddr *)&peer, &size) != 1 ||
	    sendto(server, &byte, 1, 0, (struct sockaddr *)&peer, size) != 1 ||
	    recvfrom(client, &byte, 1, 0, (struct sockaddr *)&peer, &size) != 1)
		die("sendto");
	printf("udp4 %u %u\n", asked(getsockname, server), port_of(&peer));

	many.msg_hdr.msg_namelen = name_size;
	message.msg_namelen = sizeof(peer);
	if (sendmmsg(client, &many, 1, 0) != 1 || recvmsg(server, &message, 0) != 1 ||
	    sendmsg(server, &message, 0) != 1)
		die("sendmsg");
	message.msg_namelen = sizeof(peer);
	if (recvmsg(client, &message, 0) != 1)
		die("recvmsg");
	printf("msg4 %u %u\n", port_of(&name), port_of(&peer));
	close(client);
	close(server);
}

int main(int argc, char **argv)
{
	uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(20);
	tcp(AF_INET, port);
	udp(port);
	tcp(AF_INET6, port);
	return 0;
}
