// SPDX-License-Identifier: Apache-2.0
/* The host's network, as far as a container that shares it needs to know. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "probe/check.h"

/* Bound on loopback and never listened on. The lowest ones: if they may be bound, all may. */
static const int low_ports[] = {1, 2, 3, 4, 5, 6};

static void check_low_ports(struct probe_context *context)
{
	int64_t start = 1024;
	int code = EADDRINUSE;

	file_read_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", &start);
	for (size_t i = 0; i < ARRAY_SIZE(low_ports) && code == EADDRINUSE; i++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)low_ports[i]),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			code = 0;
		else
			code = errno;
	}
	if (code)
		probe_fails(context, FACT_ID_LOW_PORTS, code,
			    "below %lld needs CAP_NET_BIND_SERVICE "
			    "(net.ipv4.ip_unprivileged_port_start = %lld)",
			    (long long)start, (long long)start);
	else
		probe_works(context, FACT_ID_LOW_PORTS, start, "%s", "");
	context->facts->fact[FACT_ID_LOW_PORTS].value = start;
}

static void check_ping(struct probe_context *context)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		probe_fails(
			context, FACT_ID_PING_SOCKET, errno,
			"our group isn't in net.ipv4.ping_group_range; ping needs a raw socket");
	else
		probe_works(context, FACT_ID_PING_SOCKET, 0, "%s", "");
}

/* What getifaddrs(3) does. Android refuses the bind and RTM_GETLINK, each for some of its versions. */
static void check_netlink(struct probe_context *context)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = { .header = { .nlmsg_len = sizeof(request),
				  .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char buffer[16384] __attribute__((aligned(8)));
	const struct nlmsghdr *answer = (const void *)buffer;
	const char *step = NULL;
	ssize_t length;

	if (fd < 0)
		step = "socket";
	else if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		step = "bind";
	else if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&name,
			sizeof(name)) < 0)
		step = "RTM_GETLINK";
	if (step) {
		probe_fails(context, FACT_ID_NETLINK_ROUTE, errno,
			    "%s is refused; under ptrace the answers are made from addresses", step);
		return;
	}
	length = recv(fd, buffer, sizeof(buffer), 0);
	if (length > 0 && NLMSG_OK(answer, (size_t)length) && answer->nlmsg_type == RTM_NEWLINK)
		probe_works(context, FACT_ID_NETLINK_ROUTE, 0, "%s", "");
	else
		probe_fails(context, FACT_ID_NETLINK_ROUTE, length < 0 ? errno : EACCES,
			    "RTM_GETLINK isn't answered; under ptrace the answers are made from "
			    "addresses");
}

static void check_net(struct probe_context *context, const struct probe_check *check)
{
	(void)check;
	check_low_ports(context);
	check_ping(context);
	check_netlink(context);
}

const struct probe_check probe_net_checks[] = {
	{check_net, PROBE_FACTS(FACT_ID_LOW_PORTS, FACT_ID_PING_SOCKET, FACT_ID_NETLINK_ROUTE), 0, NULL},
	{0},
};
