// SPDX-License-Identifier: Apache-2.0
/* Interfaces and addresses without rtnetlink's link dump, which Android refuses to apps.
 *
 * Theory of operation
 *
 * Addresses: an RTM_GETADDR dump on a socket that isn't bound, which Android allows; where that is
 * refused too, SIOCGIFCONF and /proc/net/if_inet6. An interface without an address is found by its
 * index: names of the first INDEX_SEARCH are asked for. Flags, MTU and hardware address are
 * one ioctl each; where an ioctl is refused its field stays zero.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The macros of netlink(7) and rtnetlink(3) cast const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#include "core/base/cleanup.h"
#include "ptrace_backend/interfaces.h"

#define INDEX_SEARCH 64
#define TIME_LIMIT_S 1

static struct interface *add_interface(struct interfaces *interfaces, int index)
{
	for (unsigned i = 0; i < interfaces->count; i++)
		if (interfaces->list[i].index == index)
			return &interfaces->list[i];
	if (interfaces->count == INTERFACES_MAX)
		return NULL;
	interfaces->list[interfaces->count].index = index;
	return &interfaces->list[interfaces->count++];
}

static struct interface_address *add_address(struct interfaces *interfaces, int index,
					     uint8_t family)
{
	struct interface_address *address;

	if (interfaces->address_count == INTERFACE_ADDRESSES_MAX || !add_interface(interfaces, index))
		return NULL;
	address = &interfaces->addresses[interfaces->address_count++];
	address->index = index;
	address->family = family;
	address->flags = IFA_F_PERMANENT;
	return address;
}

static void parse_route(struct interfaces *interfaces, const struct nlmsghdr *message)
{
	const struct rtmsg *info = NLMSG_DATA(message);
	unsigned room = (unsigned)RTM_PAYLOAD(message);
	struct interface_route route = { 0 };

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->rtm_family != AF_INET ||
	    info->rtm_type != RTN_UNICAST || info->rtm_dst_len > 32 ||
	    interfaces->route_count == INTERFACE_ROUTES_MAX)
		return;
	for (const struct rtattr *at = RTM_RTA(info); RTA_OK(at, room); at = RTA_NEXT(at, room)) {
		void *to = at->rta_type == RTA_DST	  ? &route.network :
			   at->rta_type == RTA_GATEWAY  ? &route.gateway :
			   at->rta_type == RTA_PRIORITY ? &route.metric :
			   at->rta_type == RTA_OIF	  ? (void *)&route.index :
							    NULL;

		if (to && RTA_PAYLOAD(at) >= sizeof(uint32_t))
			memcpy(to, RTA_DATA(at), sizeof(uint32_t));
	}
	route.mask = info->rtm_dst_len ? htonl(~0U << (32 - info->rtm_dst_len)) : 0;
	interfaces->routes[interfaces->route_count++] = route;
}

static void parse_address(struct interfaces *interfaces, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = NLMSG_DATA(message);
	size_t size = info->ifa_family == AF_INET ? 4 : 16;
	unsigned room = (unsigned)IFA_PAYLOAD(message);
	struct interface_address *address;
	bool local = false;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return;
	address = add_address(interfaces, (int)info->ifa_index, info->ifa_family);
	if (!address)
		return;
	address->prefix = info->ifa_prefixlen;
	address->scope = info->ifa_scope;
	address->flags = info->ifa_flags;
	for (const struct rtattr *at = IFA_RTA(info); RTA_OK(at, room); at = RTA_NEXT(at, room)) {
		if (RTA_PAYLOAD(at) < size)
			continue;
		if (at->rta_type == IFA_LOCAL || (at->rta_type == IFA_ADDRESS && !local))
			memcpy(address->address, RTA_DATA(at), size);
		if (at->rta_type == IFA_LOCAL)
			local = true;
		if (at->rta_type == IFA_BROADCAST)
			memcpy(address->broadcast, RTA_DATA(at), 4);
	}
}

static void parse(struct interfaces *interfaces, const struct nlmsghdr *message)
{
	if (message->nlmsg_type == RTM_NEWADDR)
		parse_address(interfaces, message);
	else if (message->nlmsg_type == RTM_NEWROUTE)
		parse_route(interfaces, message);
}

/* A dump of addresses or of IPv4's routes: requests whose fixed part begins with the family. */
static bool ask(struct interfaces *interfaces, uint16_t type, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg info;
	} request = { .header = { .nlmsg_len = sizeof(request),
				  .nlmsg_type = type,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		      .info = { .rtm_family = family } };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = TIME_LIMIT_S };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char buffer[16384] __attribute__((aligned(8)));

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return false;
	for (;;) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *message = (const void *)buffer;

		if (length <= 0)
			return false;
		for (; NLMSG_OK(message, (size_t)length); message = NLMSG_NEXT(message, length)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return true;
			if (message->nlmsg_type == NLMSG_ERROR)
				return false;
			parse(interfaces, message);
		}
	}
}

static void ask_inet(struct interfaces *interfaces, int fd)
{
	static struct ifreq requests[INTERFACES_MAX];
	struct ifconf list = { .ifc_len = sizeof(requests), .ifc_req = requests };

	if (ioctl(fd, SIOCGIFCONF, &list) < 0)
		return;
	for (size_t i = 0; i < (size_t)list.ifc_len / sizeof(requests[0]); i++) {
		struct ifreq request = requests[i];
		struct sockaddr_in value;
		struct interface_address *address;

		memcpy(&value, &request.ifr_addr, sizeof(value));
		if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
			continue;
		address = add_address(interfaces, request.ifr_ifindex, AF_INET);
		if (!address)
			continue;
		memcpy(address->address, &value.sin_addr, 4);
		address->prefix = 32;
		if (ioctl(fd, SIOCGIFNETMASK, &request) == 0) {
			memcpy(&value, &request.ifr_netmask, sizeof(value));
			address->prefix = (uint8_t)__builtin_popcount(value.sin_addr.s_addr);
		}
		if (ioctl(fd, SIOCGIFBRDADDR, &request) == 0) {
			memcpy(&value, &request.ifr_broadaddr, sizeof(value));
			memcpy(address->broadcast, &value.sin_addr, 4);
		}
		address->scope = address->address[0] == 127 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	}
}

static void read_inet6(struct interfaces *interfaces)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/net/if_inet6", "re");
	unsigned index, prefix, scope, flags;
	char digits[33], name[17];

	while (file && fscanf(file, "%32s %x %x %x %x %16s", digits, &index, &prefix, &scope, &flags,
			      name) == 6) {
		struct interface_address *address =
			add_address(interfaces, (int)index, AF_INET6);

		for (unsigned i = 0; address && i < 16; i++) {
			char byte[3] = { digits[2 * i], digits[2 * i + 1], '\0' };

			address->address[i] = (unsigned char)strtoul(byte, NULL, 16);
		}
		if (address) {
			address->prefix = (uint8_t)prefix;
			address->scope = scope == 0x10 ? RT_SCOPE_HOST :
					 scope == 0x20 ? RT_SCOPE_LINK :
							 RT_SCOPE_UNIVERSE;
		}
	}
}

static void ask_details(int fd, struct interface *interface)
{
	struct ifreq request = { .ifr_ifindex = interface->index };

	if (!interface->name[0] && ioctl(fd, SIOCGIFNAME, &request) == 0)
		memcpy(interface->name, request.ifr_name, sizeof(interface->name));
	interface->name[sizeof(interface->name) - 1] = '\0';
	if (!interface->name[0])
		snprintf(interface->name, sizeof(interface->name), "if%d", interface->index);
	memcpy(request.ifr_name, interface->name, sizeof(request.ifr_name));
	interface->flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		interface->flags = (unsigned short)request.ifr_flags;
	interface->mtu = 1500;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		interface->mtu = (unsigned)request.ifr_mtu;
	if (ioctl(fd, SIOCGIFTXQLEN, &request) == 0)
		interface->queue = (unsigned)request.ifr_qlen;
	interface->type = interface->flags & IFF_LOOPBACK    ? ARPHRD_LOOPBACK :
			  interface->flags & IFF_POINTOPOINT ? ARPHRD_NONE :
							       ARPHRD_ETHER;
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0) {
		interface->type = request.ifr_hwaddr.sa_family;
		memcpy(interface->hardware, request.ifr_hwaddr.sa_data, 6);
	}
}

void interfaces_read_routes(struct interfaces *interfaces)
{
	if (ask(interfaces, RTM_GETROUTE, AF_INET))
		return;
	interfaces->route_count = 0;
	for (unsigned i = 0; i < interfaces->address_count; i++) {
		const struct interface_address *at = &interfaces->addresses[i];
		struct interface_route *route = &interfaces->routes[interfaces->route_count];

		if (at->family != AF_INET || at->scope == RT_SCOPE_HOST || at->prefix > 31 ||
		    interfaces->route_count == INTERFACE_ROUTES_MAX)
			continue;
		memset(route, 0, sizeof(*route));
		route->index = at->index;
		route->mask = at->prefix ? htonl(~0U << (32 - at->prefix)) : 0;
		memcpy(&route->network, at->address, sizeof(route->network));
		route->network &= route->mask;
		interfaces->route_count++;
	}
}

static int by_index(const void *a, const void *b)
{
	return ((const struct interface *)a)->index - ((const struct interface *)b)->index;
}

void interfaces_read(struct interfaces *interfaces)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(interfaces, 0, sizeof(*interfaces));
	if (!ask(interfaces, RTM_GETADDR, AF_UNSPEC)) {
		memset(interfaces, 0, sizeof(*interfaces));
		ask_inet(interfaces, fd);
		read_inet6(interfaces);
	}
	for (int index = 1; index <= INDEX_SEARCH; index++) {
		struct ifreq request = { .ifr_ifindex = index };

		if (ioctl(fd, SIOCGIFNAME, &request) == 0)
			add_interface(interfaces, index);
	}
	for (unsigned i = 0; i < interfaces->count; i++)
		ask_details(fd, &interfaces->list[i]);
	qsort(interfaces->list, interfaces->count, sizeof(interfaces->list[0]), by_index);
}
