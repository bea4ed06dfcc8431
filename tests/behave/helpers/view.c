// SPDX-License-Identifier: Apache-2.0
/* view WHAT …: what a program sees of files that are kept open, sockets and interfaces. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static size_t read_again(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		die("lseek");
	while (used < size && (n = read(fd, buffer + used, size - used)) > 0)
		used += (size_t)n;
	return used;
}

/* Reads FILE through one fd until its content changes, as top and vmstat do. */
static int reread(const char *path)
{
	static char first[1 << 20], second[1 << 20];
	int fd = open(path, O_RDONLY);
	size_t size;

	if (fd < 0)
		die(path);
	size = read_again(fd, first, sizeof(first));
	for (int tries = 0; tries < 100; tries++) {
		usleep(100000);
		if (read_again(fd, second, sizeof(second)) != size || memcmp(first, second, size) != 0) {
			puts("changes");
			return 0;
		}
	}
	puts("frozen");
	return 1;
}

/* /proc/self/auxv against the vector that the program was given. */
static int auxv(void)
{
	unsigned long words[128];
	int fd = open("/proc/self/auxv", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, words, sizeof(words));

	if (size <= 0)
		die("/proc/self/auxv");
	for (size_t i = 0; i + 1 < (size_t)size / sizeof(words[0]) && words[i]; i += 2)
		/* glibc has an AT_HWCAP of its own. */
		if (words[i] != AT_HWCAP && getauxval(words[i]) != words[i + 1])
			printf("type %lu: %lx, getauxval %lx\n", words[i], words[i + 1],
			       getauxval(words[i]));
	printf("%s\n", (const char *)getauxval(AT_EXECFN));
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int bound(int type, const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static void show(const char *what, const struct sockaddr_un *address, socklen_t size)
{
	printf("%s %s %u\n", what,
	       size > sizeof(sa_family_t) ? address->sun_path : "(unnamed)", (unsigned)size);
}

/* The names that each call tells of sockets bound in DIR. */
static int names(const char *directory)
{
	char server_path[200], client_path[200], byte;
	struct sockaddr_un address, server_address;
	struct iovec vector = { &byte, 1 };
	struct mmsghdr many[2] = { 0 };
	struct sockaddr_un many_names[2];
	struct msghdr message = { .msg_name = &address, .msg_iov = &vector, .msg_iovlen = 1 };
	socklen_t size = sizeof(address);
	int server, client, connection;

	snprintf(server_path, sizeof(server_path), "%s/server", directory);
	snprintf(client_path, sizeof(client_path), "%s/client", directory);
	server_address = address_of(server_path);

	server = bound(SOCK_STREAM, server_path);
	client = bound(SOCK_STREAM, client_path);
	listen(server, 1);
	if (connect(client, (struct sockaddr *)&server_address, sizeof(server_address)) < 0)
		die("connect");
	connection = accept(server, (struct sockaddr *)&address, &size);
	show("accept", &address, size);
	size = sizeof(address);
	getsockname(connection, (struct sockaddr *)&address, &size);
	show("getsockname", &address, size);
	size = sizeof(address);
	getpeername(connection, (struct sockaddr *)&address, &size);
	show("getpeername", &address, size);
	close(connection);
	close(server);
	close(client);

	server = bound(SOCK_DGRAM, server_path);
	client = bound(SOCK_DGRAM, client_path);
	for (int i = 0; i < 4; i++)
		if (sendto(client, "x", 1, 0, (struct sockaddr *)&server_address,
			   sizeof(server_address)) < 0)
			die("sendto");
	size = sizeof(address);
	if (recvfrom(server, &byte, 1, 0, (struct sockaddr *)&address, &size) < 0)
		die("recvfrom");
	show("recvfrom", &address, size);
	/* A server answers where the question came from. */
	if (sendto(server, "y", 1, 0, (struct sockaddr *)&address, size) < 0 ||
	    recv(client, &byte, 1, 0) != 1 || byte != 'y')
		die("answer");
	message.msg_namelen = sizeof(address);
	if (recvmsg(server, &message, 0) < 0)
		die("recvmsg");
	show("recvmsg", &address, message.msg_namelen);
	for (int i = 0; i < 2; i++) {
		many[i].msg_hdr = message;
		many[i].msg_hdr.msg_name = &many_names[i];
		many[i].msg_hdr.msg_namelen = sizeof(many_names[i]);
	}
	if (recvmmsg(server, many, 2, 0, NULL) != 2)
		die("recvmmsg");
	for (int i = 0; i < 2; i++)
		show("recvmmsg", &many_names[i], many[i].msg_hdr.msg_namelen);
	return 0;
}

/* The ids that come with a message, and those of a peer. */
static int ids(void)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct mmsghdr one = { .msg_hdr = { .msg_iov = &vector,
					    .msg_iovlen = 1,
					    .msg_control = &control,
					    .msg_controllen = sizeof(control) } };
	struct ucred ids = { getpid(), getuid(), getgid() };
	int ends[2], on = 1;
	socklen_t size = sizeof(ids);

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0 ||
	    setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		die("socketpair");
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_CREDENTIALS;
	control.header.cmsg_len = CMSG_LEN(sizeof(ids));
	memcpy(CMSG_DATA(&control.header), &ids, sizeof(ids));
	if (sendmmsg(ends[1], &one, 1, 0) != 1)
		die("sendmmsg");
	if (sendmsg(ends[1], &one.msg_hdr, 0) != 1 || write(ends[1], "x", 1) != 1)
		die("sendmsg");
	for (int i = 0; i < 3; i++) {
		memset(&control, 0, sizeof(control));
		one.msg_hdr.msg_controllen = sizeof(control);
		if (recvmsg(ends[0], &one.msg_hdr, 0) < 0)
			die("recvmsg");
		memcpy(&ids, CMSG_DATA(&control.header), sizeof(ids));
		printf("%u:%u %s\n", ids.uid, ids.gid, ids.pid == getpid() ? "self" : "other");
	}
	if (getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &ids, &size) < 0)
		die("SO_PEERCRED");
	printf("%u:%u\n", ids.uid, ids.gid);
	return 0;
}

/* Executes a copy of FILE that has no name, by an fd that closes itself: of a memfd, or removed. */
static int execute(const char *file, bool removed, char **argv)
{
	static char program[8 << 20];
	int from = open(file, O_RDONLY | O_CLOEXEC), to = memfd_create("unnamed", MFD_CLOEXEC);
	ssize_t size = from < 0 ? -1 : read(from, program, sizeof(program));

	if (size < 0)
		die(file);
	if (removed) {
		to = open("/tmp/removed", O_RDWR | O_CREAT, 0755);
		if (write(to, program, (size_t)size) != size)
			die("write");
		close(to);
		to = open("/tmp/removed", O_RDONLY | O_CLOEXEC);
		unlink("/tmp/removed");
	} else if (write(to, program, (size_t)size) != size) {
		die("write");
	}
	fexecve(to, argv, environ);
	die("fexecve");
	return 1;
}

/* What /proc tells of this program, and the fds that are open. */
static int self(void)
{
	char text[200];
	ssize_t n = readlink("/proc/self/exe", text, sizeof(text) - 1);
	int open_fds = 0;

	printf("%.*s", (int)(n < 0 ? 0 : n), text);
	for (int fd = 3; fd < 256; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	printf(" %d\n", open_fds);
	return 0;
}

/* The interfaces, as getifaddrs(3) finds them by rtnetlink, and as a read that doesn't wait. */
static int interfaces(void)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg info;
	} request = { .header = { .nlmsg_len = sizeof(request),
				  .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				  .nlmsg_seq = 9 } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char buffer[8192] __attribute__((aligned(8)));
	struct sockaddr_nl own = { 0 }, peer;
	const struct nlmsghdr *answer = (const void *)buffer;
	socklen_t size = sizeof(own);
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		die("getifaddrs");
	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		if (at->ifa_addr)
			printf("%s %d\n", at->ifa_name, at->ifa_addr->sa_family);
	/* musl: no bind, no address, no waiting */
	if (fd < 0 || send(fd, &request, sizeof(request), 0) != sizeof(request) ||
	    recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_PEEK) <= 0)
		die("send and recv");
	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		die("getsockname");
	printf("%d %u %d\n", own.nl_family == AF_NETLINK, (unsigned)size,
	       answer->nlmsg_pid == own.nl_pid && own.nl_pid != 0);
	memset(&peer, 0xff, sizeof(peer));
	size = sizeof(peer);
	if (recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&peer, &size) <= 0)
		die("recvfrom");
	printf("%d %u %u\n", peer.nl_family == AF_NETLINK, (unsigned)size, peer.nl_pid);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "reread"))
		return reread(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "auxv"))
		return auxv();
	if (argc == 3 && !strcmp(argv[1], "names"))
		return names(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "ids"))
		return ids();
	if (argc == 2 && !strcmp(argv[1], "interfaces"))
		return interfaces();
	if (argc == 2 && !strcmp(argv[1], "self"))
		return self();
	if (argc > 2 && (!strcmp(argv[1], "memfd") || !strcmp(argv[1], "removed")))
		return execute(argv[2], argv[1][0] == 'r', argv + 2);
	return 2;
}
