// SPDX-License-Identifier: Apache-2.0
/* rtnetlink's answers to RTM_GETLINK, GETADDR, GETROUTE, GETNEIGH; the rest is refused.
 *
 * Theory of operation
 *
 * A request holds messages; each is answered by messages with its sequence number, packed into
 * datagrams. A dump ends in NLMSG_DONE; a single answer has no NLM_F_MULTI; NLM_F_ACK asks for
 * an NLMSG_ERROR of 0. Links and addresses are made here. Routes, neighbours and rules are asked of the
 * kernel where it answers, else the routes are the networks that addresses lie in, and the others none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdbool.h>
#include <string.h>

/* The macros of netlink(7) and rtnetlink(3) cast const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#include "ptrace_backend/netlink_answer.h"

#define LOWER_UP     (1u << 16) /* IFF_LOWER_UP */
#define OPERSTATE_UP 6		/* IF_OPER_UP */
#define OPERSTATE_UNKNOWN 0
#define OPERSTATE_DOWN 2

struct message {
	struct nlmsghdr header;
	unsigned char body[1024] __attribute__((aligned(4)));
};

static void flush(struct netlink_answer *answer)
{
	if (answer->used)
		answer->send(answer->context, answer->datagram, answer->used);
	answer->used = 0;
}

static void put_raw(struct netlink_answer *answer, const void *message, size_t size)
{
	size_t room = NLMSG_ALIGN(size);

	if (room > sizeof(answer->datagram))
		return;
	if (answer->used + room > sizeof(answer->datagram))
		flush(answer);
	memset(answer->datagram + answer->used, 0, room);
	memcpy(answer->datagram + answer->used, message, size);
	answer->used += room;
}

static void begin(struct message *message, const struct netlink_answer *answer,
		  const struct nlmsghdr *request, uint16_t type, const void *fixed, size_t size)
{
	memset(message, 0, sizeof(*message));
	message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	message->header.nlmsg_type = type;
	message->header.nlmsg_flags = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ?
					      NLM_F_MULTI :
					      0;
	message->header.nlmsg_seq = request->nlmsg_seq;
	message->header.nlmsg_pid = answer->port;
	memcpy(message->body, fixed, size);
}

static void add(struct message *message, uint16_t type, const void *data, size_t size)
{
	size_t at = NLMSG_ALIGN(message->header.nlmsg_len);
	struct rtattr attribute = { .rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = type };

	if (at + RTA_SPACE(size) > sizeof(*message))
		return;
	memcpy((char *)message + at, &attribute, sizeof(attribute));
	memcpy((char *)message + at + RTA_LENGTH(0), data, size);
	message->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
}

static void put(struct netlink_answer *answer, const struct message *message)
{
	put_raw(answer, message, message->header.nlmsg_len);
}

static void put_error(struct netlink_answer *answer, const struct nlmsghdr *request, int error)
{
	struct nlmsgerr body = { .error = error, .msg = *request };
	struct message message;

	begin(&message, answer, request, NLMSG_ERROR, &body, sizeof(body));
	message.header.nlmsg_flags = 0;
	put(answer, &message);
}

static void put_done(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	struct message message;
	int zero = 0;

	begin(&message, answer, request, NLMSG_DONE, &zero, sizeof(zero));
	message.header.nlmsg_flags = NLM_F_MULTI;
	put(answer, &message);
}

static void put_link(struct netlink_answer *answer, const struct nlmsghdr *request,
		     const struct interface *interface)
{
	static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const unsigned char nobody[6];
	struct ifinfomsg info = {
		.ifi_type = interface->type,
		.ifi_index = interface->index,
		.ifi_flags = interface->flags | (interface->flags & IFF_RUNNING ? LOWER_UP : 0),
	};
	bool loops = interface->flags & IFF_LOOPBACK, up = interface->flags & IFF_RUNNING;
	uint8_t state = loops ? OPERSTATE_UNKNOWN : up ? OPERSTATE_UP : OPERSTATE_DOWN;
	uint32_t one = 1, zero = 0;
	uint8_t carrier = up;
	struct message message;

	begin(&message, answer, request, RTM_NEWLINK, &info, sizeof(info));
	add(&message, IFLA_IFNAME, interface->name, strlen(interface->name) + 1);
	add(&message, IFLA_TXQLEN, &interface->queue, sizeof(interface->queue));
	add(&message, IFLA_OPERSTATE, &state, sizeof(state));
	add(&message, IFLA_LINKMODE, "", 1);
	add(&message, IFLA_MTU, &interface->mtu, sizeof(interface->mtu));
	add(&message, IFLA_GROUP, &zero, sizeof(zero));
	add(&message, IFLA_PROMISCUITY, &zero, sizeof(zero));
	add(&message, IFLA_NUM_TX_QUEUES, &one, sizeof(one));
	add(&message, IFLA_NUM_RX_QUEUES, &one, sizeof(one));
	add(&message, IFLA_CARRIER, &carrier, sizeof(carrier));
	if (interface->flags & IFF_UP)
		add(&message, IFLA_QDISC, "noqueue", sizeof("noqueue"));
	else
		add(&message, IFLA_QDISC, "noop", sizeof("noop"));
	if (interface->type == ARPHRD_ETHER || interface->type == ARPHRD_LOOPBACK) {
		add(&message, IFLA_ADDRESS, interface->hardware, sizeof(interface->hardware));
		add(&message, IFLA_BROADCAST, loops ? nobody : everybody, sizeof(everybody));
	}
	put(answer, &message);
}

/* The attribute of that type behind a fixed part of `size` bytes; NULL without. */
static const struct rtattr *find(const struct nlmsghdr *request, size_t size, uint16_t type)
{
	const struct rtattr *at = (const void *)((const char *)request + NLMSG_SPACE(size));
	size_t left = request->nlmsg_len > NLMSG_SPACE(size) ? request->nlmsg_len - NLMSG_SPACE(size) :
							       0;

	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
		/* The last one may lack the bytes that align the next. */
		if (RTA_ALIGN(at->rta_len) > left)
			break;
	}
	return NULL;
}

/* The fixed part of a request, whatever of it there is. */
static void fixed_part(const struct nlmsghdr *request, void *fixed, size_t size)
{
	size_t given = request->nlmsg_len - NLMSG_HDRLEN;

	memset(fixed, 0, size);
	memcpy(fixed, NLMSG_DATA(request), given < size ? given : size);
}

static int answer_links(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	const struct interfaces *interfaces = answer->interfaces;
	const struct rtattr *name = find(request, sizeof(struct ifinfomsg), IFLA_IFNAME);
	struct ifinfomsg info;

	fixed_part(request, &info, sizeof(info));
	for (unsigned i = 0; i < interfaces->count; i++) {
		const struct interface *at = &interfaces->list[i];
		bool named = name && RTA_PAYLOAD(name) >= strlen(at->name) &&
			     strncmp(RTA_DATA(name), at->name, RTA_PAYLOAD(name)) == 0;

		if (!dump && (info.ifi_index ? info.ifi_index != at->index : !named))
			continue;
		put_link(answer, request, at);
		if (!dump)
			return 0;
	}
	return dump ? 0 : -ENODEV;
}

static void put_address(struct netlink_answer *answer, const struct nlmsghdr *request,
			const struct interface_address *address)
{
	size_t size = address->family == AF_INET ? 4 : 16;
	struct ifaddrmsg info = {
		.ifa_family = address->family,
		.ifa_prefixlen = address->prefix,
		.ifa_flags = address->flags,
		.ifa_scope = address->scope,
		.ifa_index = (unsigned)address->index,
	};
	static const unsigned char none[4];
	struct ifa_cacheinfo life = { .ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX };
	struct message message;

	begin(&message, answer, request, RTM_NEWADDR, &info, sizeof(info));
	add(&message, IFA_ADDRESS, address->address, size);
	if (address->family == AF_INET) {
		add(&message, IFA_LOCAL, address->address, size);
		if (memcmp(address->broadcast, none, 4) != 0)
			add(&message, IFA_BROADCAST, address->broadcast, 4);
		for (unsigned i = 0; i < answer->interfaces->count; i++) {
			const struct interface *at = &answer->interfaces->list[i];

			if (at->index == address->index)
				add(&message, IFA_LABEL, at->name, strlen(at->name) + 1);
		}
	}
	add(&message, IFA_CACHEINFO, &life, sizeof(life));
	put(answer, &message);
}

static int answer_addresses(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	struct ifaddrmsg info;

	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		return -EOPNOTSUPP;
	fixed_part(request, &info, sizeof(info));
	for (unsigned i = 0; i < answer->interfaces->address_count; i++) {
		const struct interface_address *at = &answer->interfaces->addresses[i];

		if (!info.ifa_family || info.ifa_family == at->family)
			put_address(answer, request, at);
	}
	return 0;
}

static void mask_address(unsigned char *address, size_t size, unsigned prefix)
{
	for (size_t i = 0; i < size; i++, prefix = prefix > 8 ? prefix - 8 : 0)
		if (prefix < 8)
			address[i] &= (unsigned char)(0xff00 >> prefix);
}

static int answer_routes(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	struct rtmsg asked;

	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		return -ENETUNREACH;
	fixed_part(request, &asked, sizeof(asked));
	for (unsigned i = 0; i < answer->interfaces->address_count; i++) {
		const struct interface_address *at = &answer->interfaces->addresses[i];
		size_t size = at->family == AF_INET ? 4 : 16;
		struct rtmsg info = {
			.rtm_family = at->family,
			.rtm_dst_len = at->prefix,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_KERNEL,
			.rtm_scope = at->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			.rtm_type = RTN_UNICAST,
		};
		unsigned char network[16];
		struct message message;
		uint32_t table = RT_TABLE_MAIN;

		if ((asked.rtm_family && asked.rtm_family != at->family) ||
		    at->scope == RT_SCOPE_HOST || at->prefix >= 8 * size)
			continue;
		memcpy(network, at->address, sizeof(network));
		mask_address(network, size, at->prefix);
		begin(&message, answer, request, RTM_NEWROUTE, &info, sizeof(info));
		add(&message, RTA_TABLE, &table, sizeof(table));
		add(&message, RTA_DST, network, size);
		if (at->family == AF_INET)
			add(&message, RTA_PREFSRC, at->address, size);
		add(&message, RTA_OIF, &at->index, sizeof(at->index));
		put(answer, &message);
	}
	return 0;
}

/* True when the kernel has answered. */
static bool ask(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	return answer->ask &&
	       answer->ask(answer->context, answer, request, request->nlmsg_len) == 0;
}

static void answer_one(struct netlink_answer *answer, const struct nlmsghdr *request)
{
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int error;

	switch (request->nlmsg_type) {
	case RTM_GETLINK:
		error = answer_links(answer, request);
		break;
	case RTM_GETADDR:
		error = answer_addresses(answer, request);
		break;
	case RTM_GETROUTE:
		if (ask(answer, request))
			return;
		error = answer_routes(answer, request);
		break;
	case RTM_GETNEIGH:
	case RTM_GETRULE:
		if (ask(answer, request))
			return;
		error = dump ? 0 : -ENOENT;
		break;
	default:
		if (request->nlmsg_type >= RTM_BASE && (request->nlmsg_type & 3) == 2) {
			if (ask(answer, request))
				return;
			error = -EOPNOTSUPP;
		} else {
			error = request->nlmsg_type < NLMSG_MIN_TYPE ? 0 : -EPERM;
		}
	}
	if (error || (!dump && (request->nlmsg_flags & NLM_F_ACK)))
		put_error(answer, request, error);
	else if (dump)
		put_done(answer, request);
}

void netlink_answer(struct netlink_answer *answer, const void *request, size_t size)
{
	const struct nlmsghdr *message = request;

	answer->used = 0;
	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		if (message->nlmsg_flags & NLM_F_REQUEST)
			answer_one(answer, message);
		/* The last message may lack the bytes that align the next. */
		if (NLMSG_ALIGN(message->nlmsg_len) > size)
			break;
	}
	flush(answer);
}

void netlink_pass(struct netlink_answer *answer, const void *data, size_t size)
{
	const struct nlmsghdr *message = data;

	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		struct nlmsghdr header = *message;
		size_t at;

		put_raw(answer, message, message->nlmsg_len);
		header.nlmsg_pid = answer->port;
		at = answer->used - NLMSG_ALIGN(message->nlmsg_len);
		if (NLMSG_ALIGN(message->nlmsg_len) <= sizeof(answer->datagram))
			memcpy(answer->datagram + at, &header, sizeof(header));
		if (NLMSG_ALIGN(message->nlmsg_len) > size)
			break;
	}
}

/* An interface is found once it has been asked for: none is. */
static void answer_alone(const struct netlink_answer *answer, const struct nlmsghdr *request)
{
	bool get = request->nlmsg_type >= RTM_BASE && (request->nlmsg_type & 3) == 2;
	bool dump = get && (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error; /* of NLMSG_DONE only the code */
	} message = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(dump ? sizeof(int) : sizeof(message.error)),
			.nlmsg_type = dump ? NLMSG_DONE : NLMSG_ERROR,
			.nlmsg_flags = dump ? NLM_F_MULTI : 0,
			.nlmsg_seq = request->nlmsg_seq,
			.nlmsg_pid = answer->port,
		},
		.error = { .error = get && !dump ? -ENODEV : 0, .msg = *request },
	};

	if (get || (request->nlmsg_flags & NLM_F_ACK))
		answer->send(answer->context, &message, message.header.nlmsg_len);
}

void netlink_answer_isolated(const struct netlink_answer *answer, const void *request, size_t size)
{
	const struct nlmsghdr *message = request;

	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		answer_alone(answer, message);
		if (NLMSG_ALIGN(message->nlmsg_len) > size)
			break;
	}
}
