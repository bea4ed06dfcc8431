// SPDX-License-Identifier: Apache-2.0
/* Stand-ins for NETLINK_ROUTE sockets.
 *
 * Theory of operation
 *
 * A network namespace of a guest's making has sockets of this kind too: nothing is there (handlers_namespace.c
 * sees to that), and orders succeed, for a sandbox brings its loopback up before it goes on.
 *
 * Android lets no app bind an rtnetlink socket or ask for links, and glibc's getaddrinfo, ip, node and
 * Go can't do without. Where the host refuses, and only there, socket() makes a unix datagram socket
 * instead, known by its inode:
 *
 *	bind	      binds it to an abstract name of ours, which tells its port (nl_pid), and connects
 *		      it to the tracer's socket
 *	send	      is answered by the tracer at the entry stop: datagrams are in the socket's queue
 *		      before the call returns, as with the kernel's (musl reads with MSG_DONTWAIT)
 *	write	      doesn't stop: a thread reads what comes to the tracer's socket, and answers
 *	recv	      is the kernel's; names are put right at the exit
 *
 * A process with such a socket gets the second filter (names_filter.c), which makes send() without an
 * address stop as well. Groups can be named in bind but nothing is ever sent to them; SOL_NETLINK's options
 * don't exist. netlink_answer.c makes the answers.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <talloc.h>
#include <unistd.h>

/* The macros of netlink(7) and rtnetlink(3) cast const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#include "core/base/cleanup.h"
#include "core/start/start.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/names_filter.h"
#include "ptrace_backend/netlink_answer.h"
#include "ptrace_backend/netlink_route.h"
#include "ptrace_backend/precall.h"
#include "ptrace_backend/socket_name.h"
#include "ptrace_backend/syscall_table.h"

#define SOCKETS_MAX  256 /* the oldest is forgotten: as good as closed */
#define REQUEST_MAX  8192
#define VECTORS_MAX  16
#define KERNEL_WAIT  1 /* s */
#define TYPE_MASK    0xf
#define FIRST_PORT   0x40000000u /* no pid */

struct stand_in {
	ino_t inode;
	uint32_t port;	/* in its name */
	uint32_t shown; /* as the guest sees it */
	bool bound, connected;
	bool isolated; /* of a network namespace with nothing in it */
};

struct netlinks {
	struct tracer *tracer;
	int fd, wake; /* answers are sent from fd, written requests come there */
	pthread_t thread;
	bool has_thread, stopping;
	uint64_t secret; /* in the names, which every process of the host could send to */
	uint32_t count; /* sockets made so far */
	struct stand_in sockets[SOCKETS_MAX];
	uint32_t asking; /* port */
	struct interfaces interfaces;
	struct netlink_answer answer;
	unsigned char request[REQUEST_MAX] __attribute__((aligned(8)));
};

static ino_t inode_of(const struct tracee *tracee, int fd)
{
	struct stat status;
	char path[64];

	tracee_fd_host(tracee, fd, path, sizeof(path));
	return fd >= 0 && stat(path, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

static struct stand_in *find(const struct tracee *tracee, int fd)
{
	struct netlinks *netlinks = tracee->tracer->netlinks;
	ino_t inode;

	if (!netlinks)
		return NULL;
	inode = inode_of(tracee, fd);
	for (unsigned i = 0; inode && i < SOCKETS_MAX; i++)
		if (netlinks->sockets[i].inode == inode)
			return &netlinks->sockets[i];
	return NULL;
}

static struct stand_in *find_argument(const struct tracee *tracee)
{
	return find(tracee, (int)tracee->entry_arguments[0]); /* also at the exit */
}

/* Of the socket with that port; the tracer's own is 0. */
static socklen_t name_of(const struct netlinks *netlinks, uint32_t port, struct sockaddr_un *ret_name)
{
	memset(ret_name, 0, sizeof(*ret_name));
	ret_name->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(ret_name->sun_path + 1, sizeof(ret_name->sun_path) - 1,
					    "amphora-netlink-%016llx-%08x",
					    (unsigned long long)netlinks->secret, port));
}

/* Answers */

static void send_datagram(void *context, const void *data, size_t size)
{
	const struct netlinks *netlinks = context;
	struct sockaddr_un name;
	socklen_t length = name_of(netlinks, netlinks->asking, &name);

	/* A full queue loses it, as the kernel's does. */
	sendto(netlinks->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name, length);
}

/* The datagrams of an answer end in NLMSG_DONE or NLMSG_ERROR, or are one. */
static bool is_last(const void *data, size_t size)
{
	const struct nlmsghdr *message = data;

	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR ||
		    !(message->nlmsg_flags & NLM_F_MULTI))
			return true;
		if (NLMSG_ALIGN(message->nlmsg_len) > size)
			break;
	}
	return false;
}

/* The tracer may no more than the guest could. */
static int ask_kernel(void *context, struct netlink_answer *answer, const void *request, size_t size)
{
	static unsigned char buffer[32768] __attribute__((aligned(8)));
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = KERNEL_WAIT };
	bool any = false;

	(void)context;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    sendto(fd, request, size, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);

		if (length <= 0)
			return any ? 0 : -EAGAIN;
		netlink_pass(answer, buffer, (size_t)length);
		any = true;
		if (is_last(buffer, (size_t)length))
			return 0;
	}
}

static const struct stand_in *find_port(const struct netlinks *netlinks, uint32_t port)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		if (netlinks->sockets[i].inode && netlinks->sockets[i].port == port)
			return &netlinks->sockets[i];
	return NULL;
}

static void answer_request(struct netlinks *netlinks, uint32_t port, size_t size)
{
	const struct stand_in *asking = find_port(netlinks, port);

	netlinks->asking = port;
	netlinks->answer.interfaces = &netlinks->interfaces;
	netlinks->answer.port = asking ? asking->shown : port;
	netlinks->answer.send = send_datagram;
	netlinks->answer.ask = ask_kernel;
	netlinks->answer.context = netlinks;
	if (asking && asking->isolated) {
		netlink_answer_isolated(&netlinks->answer, netlinks->request, size);
		return;
	}
	interfaces_read(&netlinks->interfaces);
	netlink_answer(&netlinks->answer, netlinks->request, size);
}

/* The thread for requests that were written */

/* The port in the name of who asks, or 0. */
static uint32_t port_of(const struct netlinks *netlinks, const struct sockaddr_un *name,
			socklen_t length)
{
	const size_t digits = 8;
	struct sockaddr_un expected;
	char number[9] = "";
	uint32_t port;

	if (length != name_of(netlinks, 0, &expected))
		return 0;
	memcpy(number, (const char *)name + length - digits, digits);
	port = (uint32_t)strtoul(number, NULL, 16);
	name_of(netlinks, port, &expected);
	return memcmp(&expected, name, length) == 0 ? port : 0;
}

static void receive_one(struct netlinks *netlinks)
{
	struct sockaddr_un name;
	socklen_t length = sizeof(name);
	ssize_t size = recvfrom(netlinks->fd, netlinks->request, sizeof(netlinks->request), 0,
				(struct sockaddr *)&name, &length);
	uint32_t port = size < 0 ? 0 : port_of(netlinks, &name, length);

	if (port)
		answer_request(netlinks, port, (size_t)size);
}

static void *serve(void *argument)
{
	struct netlinks *netlinks = argument;
	struct pollfd ready[2] = { { .fd = netlinks->fd, .events = POLLIN },
				   { .fd = netlinks->wake, .events = POLLIN } };
	bool stopping = false;

	while (!stopping && (poll(ready, 2, -1) >= 0 || errno == EINTR)) {
		pthread_mutex_lock(&netlinks->tracer->lock);
		stopping = netlinks->stopping;
		if (!stopping && (ready[0].revents & POLLIN))
			receive_one(netlinks);
		pthread_mutex_unlock(&netlinks->tracer->lock);
	}
	return NULL;
}

static void end(struct netlinks *netlinks)
{
	if (netlinks->fd >= 0)
		close(netlinks->fd);
	if (netlinks->wake >= 0)
		close(netlinks->wake);
	talloc_free(netlinks);
}

static struct netlinks *start(struct tracer *tracer)
{
	struct netlinks *netlinks = tracer->netlinks;
	struct sockaddr_un name;
	sigset_t all, before;
	socklen_t length;

	if (netlinks)
		return netlinks;
	netlinks = talloc_zero(tracer, struct netlinks);
	if (!netlinks)
		return NULL;
	netlinks->tracer = tracer;
	netlinks->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	netlinks->wake = eventfd(0, EFD_CLOEXEC);
	if (netlinks->fd < 0 || netlinks->wake < 0 ||
	    getentropy(&netlinks->secret, sizeof(netlinks->secret)) < 0) {
		end(netlinks);
		return NULL;
	}
	length = name_of(netlinks, 0, &name);
	if (bind(netlinks->fd, (struct sockaddr *)&name, length) < 0) {
		end(netlinks);
		return NULL;
	}
	sigfillset(&all);
	start_keep_traps(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	netlinks->has_thread = pthread_create(&netlinks->thread, NULL, serve, netlinks) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	tracer->netlinks = netlinks;
	return netlinks;
}

void netlink_stop(struct tracer *tracer)
{
	struct netlinks *netlinks = tracer->netlinks;
	uint64_t one = 1;

	if (!netlinks)
		return;
	pthread_mutex_lock(&tracer->lock);
	netlinks->stopping = true;
	tracer->netlinks = NULL;
	pthread_mutex_unlock(&tracer->lock);
	if (netlinks->has_thread && write(netlinks->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(netlinks->thread, NULL);
	end(netlinks);
}

/* socket and bind */

static void after_socket(struct tracee *tracee)
{
	struct netlinks *netlinks = tracee->tracer->netlinks;
	struct stand_in *socket;
	int64_t fd = tracee_result(tracee);

	tracee_restore_arguments(tracee);
	if (fd < 0 || !netlinks)
		return;
	socket = &netlinks->sockets[netlinks->count % SOCKETS_MAX];
	socket->inode = inode_of(tracee, (int)fd);
	socket->port = FIRST_PORT + netlinks->count++ % FIRST_PORT;
	socket->bound = socket->connected = false;
	socket->isolated = tracee->namespaces.in[NAMESPACE_NET];
	socket->shown = socket->isolated ? (uint32_t)tracee->tgid : socket->port;
}

bool netlink_socket(struct tracee *tracee, enum verdict *ret_verdict)
{
	uint64_t type = tracee_argument(tracee, 1);

	if (!(tracee->tracer->plan->emulate_netlink || tracee->namespaces.in[NAMESPACE_NET]) ||
	    (int)tracee_argument(tracee, 0) != AF_NETLINK ||
	    (int)tracee_argument(tracee, 2) != NETLINK_ROUTE)
		return false;
	if ((type & TYPE_MASK) != SOCK_RAW && (type & TYPE_MASK) != SOCK_DGRAM) {
		*ret_verdict = tracee_answer(tracee, -ESOCKTNOSUPPORT);
	} else if (!start(tracee->tracer)) {
		*ret_verdict = tracee_answer(tracee, -ENOMEM);
	} else if (!names_filter_install(tracee, ret_verdict)) {
		tracee_set_argument(tracee, 0, AF_UNIX);
		tracee_set_argument(tracee, 1, (type & ~(uint64_t)TYPE_MASK) | SOCK_DGRAM);
		tracee->on_exit = after_socket;
		*ret_verdict = VERDICT_EXIT;
	}
	return true;
}

/* saved[0] has the fd: after a call made first inside socketcall(2) the arguments are that call's. */
static struct stand_in *find_saved(const struct tracee *tracee)
{
	return find(tracee, (int)tracee->saved[0]);
}

static void mark_bound(struct tracee *tracee, int64_t result)
{
	struct stand_in *socket = find_saved(tracee);

	/* Refused, it has a name all the same for us: there is no second try. */
	(void)result;
	if (socket)
		socket->bound = true;
}

static void after_bind(struct tracee *tracee)
{
	tracee_restore_arguments(tracee);
	mark_bound(tracee, tracee_result(tracee));
}

static void mark_connected(struct tracee *tracee, int64_t result)
{
	struct stand_in *socket = find_saved(tracee);

	(void)result;
	if (socket)
		socket->connected = true;
}

static int put_name(struct tracee *tracee, uint32_t port, uint64_t *ret_address, uint64_t *ret_size)
{
	struct sockaddr_un name;

	*ret_size = name_of(tracee->tracer->netlinks, port, &name);
	return tracee_put(tracee, &name, *ret_size, ret_address);
}

bool netlink_bind(struct tracee *tracee, enum verdict *ret_verdict)
{
	const struct stand_in *socket = find_argument(tracee);
	uint64_t arguments[6] = { tracee_argument(tracee, 0) };
	struct sockaddr_nl name;
	uint64_t address, size;

	if (!socket)
		return false;
	tracee->saved[0] = arguments[0];
	if ((uint32_t)tracee_argument(tracee, 2) < sizeof(name)) {
		*ret_verdict = tracee_answer(tracee, -EINVAL);
	} else if (tracee_read(tracee, tracee_argument(tracee, 1), &name, sizeof(name)) < 0) {
		*ret_verdict = tracee_answer(tracee, -EFAULT);
	} else if (name.nl_family != AF_NETLINK) {
		*ret_verdict = tracee_answer(tracee, -EINVAL);
	} else if (socket->bound) {
		*ret_verdict = tracee_answer(tracee, 0);
	} else if (!socket->connected &&
		   put_name(tracee, 0, &arguments[1], &arguments[2]) == 0) {
		*ret_verdict = precall(tracee, SYS_connect, arguments, mark_connected);
	} else if (put_name(tracee, socket->port, &address, &size) < 0) {
		*ret_verdict = tracee_answer(tracee, -ENOMEM);
	} else {
		tracee_set_argument(tracee, 1, address);
		tracee_set_argument(tracee, 2, size);
		tracee->on_exit = after_bind;
		*ret_verdict = VERDICT_EXIT;
	}
	return true;
}

bool netlink_connect(struct tracee *tracee, enum verdict *ret_verdict)
{
	if (!find_argument(tracee))
		return false;
	*ret_verdict = tracee_answer(tracee, 0);
	return true;
}

/* send */

/* A socket that asks needs a name to be answered: as the kernel's autobind. True when it gets one first. */
static bool bind_first(struct tracee *tracee, const struct stand_in *socket, enum verdict *ret_verdict)
{
	uint64_t arguments[6] = { tracee_argument(tracee, 0) };

	if (socket->bound || put_name(tracee, socket->port, &arguments[1], &arguments[2]) < 0)
		return false;
	tracee->saved[0] = arguments[0];
	*ret_verdict = precall(tracee, SYS_bind, arguments, mark_bound);
	return true;
}

bool netlink_sendto(struct tracee *tracee, enum verdict *ret_verdict)
{
	struct netlinks *netlinks = tracee->tracer->netlinks;
	struct stand_in *socket = find_argument(tracee);
	uint64_t size = tracee_argument(tracee, 2);

	if (!socket)
		return false;
	if (bind_first(tracee, socket, ret_verdict))
		return true;
	if (size > REQUEST_MAX) {
		*ret_verdict = tracee_answer(tracee, -EMSGSIZE);
	} else if (tracee_read(tracee, tracee_argument(tracee, 1), netlinks->request, size) < 0) {
		*ret_verdict = tracee_answer(tracee, -EFAULT);
	} else {
		answer_request(netlinks, socket->port, size);
		*ret_verdict = tracee_answer(tracee, (int64_t)size);
	}
	return true;
}

/* Gathers a message's data. Returns its size or -errno. */
static int64_t gather(const struct tracee *tracee, uint64_t address, unsigned char *data)
{
	struct iovec vector;
	struct msghdr header;
	size_t used = 0;

	if (layout_read_message(tracee, address, &header) < 0)
		return -EFAULT;
	if (header.msg_iovlen > VECTORS_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < header.msg_iovlen; i++) {
		if (layout_read_vector(tracee, (uintptr_t)header.msg_iov + i * 2 * layout_word(tracee),
				       &vector) < 0)
			return -EFAULT;
		if (vector.iov_len > REQUEST_MAX - used)
			return -EMSGSIZE;
		if (tracee_read(tracee, (uintptr_t)vector.iov_base, data + used, vector.iov_len) < 0)
			return -EFAULT;
		used += vector.iov_len;
	}
	return (int64_t)used;
}

bool netlink_sendmsg(struct tracee *tracee, bool many, enum verdict *ret_verdict)
{
	struct netlinks *netlinks = tracee->tracer->netlinks;
	struct stand_in *socket = find_argument(tracee);
	uint64_t address = tracee_argument(tracee, 1);
	int64_t size;

	if (!socket)
		return false;
	if (bind_first(tracee, socket, ret_verdict))
		return true;
	if (many && (uint32_t)tracee_argument(tracee, 2) == 0) {
		*ret_verdict = tracee_answer(tracee, 0);
		return true;
	}
	size = gather(tracee, address, netlinks->request);
	if (size >= 0)
		answer_request(netlinks, socket->port, (size_t)size);
	if (size >= 0 && many) { /* the first one alone */
		size = layout_write_sent(tracee, address, (uint32_t)size) < 0 ? -EFAULT : 1;
	}
	*ret_verdict = tracee_answer(tracee, size);
	return true;
}

uint32_t netlink_name(struct tracee *tracee, int fd, bool own, uint64_t address, uint64_t room)
{
	const struct stand_in *socket = find(tracee, fd);
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };

	if (!socket)
		return 0;
	if (own && socket->bound)
		name.nl_pid = socket->shown;
	tracee_write(tracee, address, &name, room < sizeof(name) ? room : sizeof(name));
	return sizeof(name);
}
