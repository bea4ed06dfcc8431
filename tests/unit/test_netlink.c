// SPDX-License-Identifier: Apache-2.0
/* rtnetlink's answers where the host gives none. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ptrace_backend/netlink_answer.h"

static struct interfaces machine;
static struct {
	unsigned datagrams, links, addresses, routes, errors, done;
	int error;
	uint16_t last_flags;
	char names[INTERFACES_MAX][16];
} seen;

static void take(void *context, const void *data, size_t size)
{
	const struct nlmsghdr *message = data;

	(void)context;
	seen.datagrams++;
	assert_in_range(size, 1, NETLINK_DATAGRAM);
	for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
		const struct ifinfomsg *link = NLMSG_DATA(message);
		unsigned room;

		assert_int_equal(message->nlmsg_pid, 77);
		assert_int_equal(message->nlmsg_len % 4, 0);
		seen.last_flags = message->nlmsg_flags;
		switch (message->nlmsg_type) {
		case RTM_NEWLINK:
			room = (unsigned)IFLA_PAYLOAD(message);
			for (const struct rtattr *at = IFLA_RTA(link); RTA_OK(at, room);
			     at = RTA_NEXT(at, room))
				if (at->rta_type == IFLA_IFNAME)
					strcpy(seen.names[seen.links], RTA_DATA(at));
			assert_int_equal(room, 0);
			seen.links++;
			break;
		case RTM_NEWADDR:
			seen.addresses++;
			break;
		case RTM_NEWROUTE:
			seen.routes++;
			break;
		case NLMSG_ERROR:
			seen.errors++;
			seen.error = ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
			break;
		case NLMSG_DONE:
			seen.done++;
			break;
		default:
			fail_msg("message type %u", message->nlmsg_type);
		}
	}
	assert_int_equal(size, 0);
}

static void ask(const void *request, size_t size)
{
	struct netlink_answer answer = { .interfaces = &machine, .port = 77, .send = take };

	memset(&seen, 0, sizeof(seen));
	netlink_answer(&answer, request, size);
}

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	struct rtattr name;
	char text[16];
};

static void ask_for(uint16_t type, uint16_t flags, uint8_t family, const char *name, int index)
{
	struct request request = {
		.header = { .nlmsg_len = offsetof(struct request, name),
			    .nlmsg_type = type,
			    .nlmsg_flags = NLM_F_REQUEST | flags,
			    .nlmsg_seq = 5 },
		.link = { .ifi_family = family, .ifi_index = index },
	};

	if (name) {
		request.name.rta_type = IFLA_IFNAME;
		request.name.rta_len = (uint16_t)RTA_LENGTH(strlen(name) + 1);
		strcpy(request.text, name);
		request.header.nlmsg_len += RTA_SPACE(strlen(name) + 1);
	}
	ask(&request, request.header.nlmsg_len);
}

static int make_machine(void **state)
{
	(void)state;
	machine = (struct interfaces){
		.count = 2,
		.list = { { .index = 1, .name = "lo", .flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING },
			  { .index = 7, .name = "wlan0", .flags = IFF_UP | IFF_RUNNING } },
		.address_count = 3,
		.addresses = { { .index = 1, .family = AF_INET, .prefix = 8, .address = { 127, 0, 0, 1 },
				 .scope = RT_SCOPE_HOST },
			       { .index = 7, .family = AF_INET, .prefix = 24,
				 .address = { 192, 0, 2, 9 } },
			       { .index = 7, .family = AF_INET6, .prefix = 64,
				 .address = { 0xfe, 0x80 }, .scope = RT_SCOPE_LINK } },
	};
	return 0;
}

static void a_dump_lists_everything_and_ends(void **state)
{
	(void)state;
	ask_for(RTM_GETLINK, NLM_F_DUMP, 0, NULL, 0);
	assert_int_equal(seen.links, 2);
	assert_string_equal(seen.names[1], "wlan0");
	assert_int_equal(seen.done, 1);
	ask_for(RTM_GETADDR, NLM_F_DUMP, 0, NULL, 0);
	assert_int_equal(seen.addresses, 3);
	ask_for(RTM_GETADDR, NLM_F_DUMP, AF_INET6, NULL, 0);
	assert_int_equal(seen.addresses, 1);
	ask_for(RTM_GETROUTE, NLM_F_DUMP, AF_INET, NULL, 0);
	assert_int_equal(seen.routes, 1); /* not loopback's */
	ask_for(RTM_GETNEIGH, NLM_F_DUMP, 0, NULL, 0);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.errors, 0);
}

static void one_link_is_found_by_name_or_index(void **state)
{
	(void)state;
	ask_for(RTM_GETLINK, 0, 0, "wlan0", 0);
	assert_int_equal(seen.links, 1);
	assert_int_equal(seen.last_flags, 0);
	assert_int_equal(seen.done, 0);
	ask_for(RTM_GETLINK, NLM_F_ACK, 0, NULL, 1);
	assert_string_equal(seen.names[0], "lo");
	assert_int_equal(seen.errors, 1);
	assert_int_equal(seen.error, 0);
	ask_for(RTM_GETLINK, 0, 0, "wlan", 0);
	assert_int_equal(seen.error, -ENODEV);
}

static void a_change_is_refused(void **state)
{
	(void)state;
	ask_for(RTM_NEWADDR, NLM_F_ACK, AF_INET, NULL, 7);
	assert_int_equal(seen.error, -EPERM);
	ask_for(RTM_GETQDISC, NLM_F_DUMP, 0, NULL, 0);
	assert_int_equal(seen.error, -EOPNOTSUPP);
}

static void many_interfaces_take_many_datagrams(void **state)
{
	(void)state;
	machine.count = INTERFACES_MAX;
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		machine.list[i] = (struct interface){ .index = (int)i + 1, .name = "interface", .type = 1 };
	ask_for(RTM_GETLINK, NLM_F_DUMP, 0, NULL, 0);
	assert_int_equal(seen.links, INTERFACES_MAX);
	assert_in_range(seen.datagrams, 2, 10); /* what a queue of 10 holds */
	make_machine(NULL);
}

/* Whatever the guest sends: no answer that isn't whole, nothing read outside the request. */
/* What lies behind a request isn't looked at: its last attribute may end before the next could begin. */
static void a_request_ends_where_it_ends(void **state)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
		struct rtattr odd;
		char byte, pad[3];
		struct rtattr name; /* no part of it */
		char text[4];
	} request = {
		.header = { .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
		.odd = { .rta_len = 5, .rta_type = IFLA_MTU },
		.name = { .rta_len = 7, .rta_type = IFLA_IFNAME },
		.text = "lo",
	};

	(void)state;
	request.header.nlmsg_len = (uint32_t)(offsetof(__typeof__(request), byte) + 1);
	ask(&request, request.header.nlmsg_len);
	assert_int_equal(seen.links, 0);
	assert_int_equal(seen.errors, 1);
}

static void damaged_requests_do_no_harm(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 200000; round++) {
		size_t size = (size_t)random() % 96;
		unsigned char *bytes = malloc(size + 1);
		struct nlmsghdr header = { .nlmsg_len = (uint32_t)(random() % 80),
					   .nlmsg_type = (uint16_t)(16 + random() % 60),
					   .nlmsg_flags = (uint16_t)random() | NLM_F_REQUEST };

		for (size_t i = 0; i < size; i++)
			bytes[i] = (unsigned char)random();
		memcpy(bytes, &header, size < sizeof(header) ? size : sizeof(header));
		ask(bytes, size);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_lists_everything_and_ends),
		cmocka_unit_test(one_link_is_found_by_name_or_index),
		cmocka_unit_test(a_change_is_refused),
		cmocka_unit_test(many_interfaces_take_many_datagrams),
		cmocka_unit_test(a_request_ends_where_it_ends),
		cmocka_unit_test(damaged_requests_do_no_harm),
	};

	return cmocka_run_group_tests_name("netlink", tests, make_machine, NULL);
}
