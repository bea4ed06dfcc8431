// SPDX-License-Identifier: Apache-2.0
/* The network model: modes, and the files that name resolution in the guest reads. */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "netstack/net.h"

static void modes_have_podmans_names(void **state)
{
	static const struct {
		const char *text;
		enum net_mode mode;
	} good[] = {
		{"host", NET_MODE_HOST},	{"none", NET_MODE_NONE},  {"nat", NET_MODE_NAT},
		{"private", NET_MODE_NAT},	{"pasta", NET_MODE_NAT},  {"bridge", NET_MODE_NAT},
		{"slirp4netns", NET_MODE_NAT},
	};
	static const char *const bad[] = {"", "Host", "host ", "container:x", "ns:/x"};
	enum net_mode mode;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(net_mode_parse(good[i].text, &mode, NULL), 0);
		assert_int_equal(mode, good[i].mode);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(net_mode_parse(bad[i], &mode, NULL) < 0);
	assert_string_equal(net_mode_name(NET_MODE_HOST), "host");
	assert_string_equal(net_mode_name(NET_MODE_NONE), "none");
	assert_string_equal(net_mode_name(NET_MODE_NAT), "nat");
}

static void hosts_has_localhost_then_what_was_asked_then_the_name(void **state)
{
	struct net_name names[] = {
		{.name = "db", .address = {.family = AF_INET}},
		{.name = "db6.example", .address = {.family = AF_INET6}},
		{.name = "dropped", .address = {.family = 0}},
	};
	struct net_request request = {.names = names, .name_count = ARRAY_SIZE(names)};
	char *file;

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &names[0].address.v4);
	inet_pton(AF_INET6, "2001:db8::7", &names[1].address.v6);
	file = net_hosts_file(NULL, &request, "box");
	assert_string_equal(file, "127.0.0.1\tlocalhost\n"
				  "::1\tlocalhost ip6-localhost ip6-loopback\n"
				  "192.0.2.7\tdb\n"
				  "2001:db8::7\tdb6.example\n"
				  "127.0.1.1\tbox\n");
	talloc_free(file);
	file = net_hostname_file(NULL, "box");
	assert_string_equal(file, "box\n");
	talloc_free(file);
}

static void resolv_follows_the_request_the_host_and_the_mode(void **state)
{
	static const char *dns[] = {"192.0.2.53", "2001:db8::53"};
	static const char host[] = "# made by hand\nsearch example.org\n nameserver\t127.0.0.53\n"
				   "nameservers are not a keyword\noptions edns0";
	static const char rest[] = "# made by hand\nsearch example.org\n"
				   "nameservers are not a keyword\noptions edns0\n";
	static const char fallback[] =
		"# the host names no servers: public ones\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n";
	const struct {
		const char *host;
		enum net_mode mode;
		size_t dns_count;
		const char *wanted;
	} cases[] = {
		{host, NET_MODE_HOST, 0, host},
		{NULL, NET_MODE_HOST, 0, fallback},
		{"", NET_MODE_HOST, 0, fallback},
		{host, NET_MODE_NONE, 0, rest},
		{NULL, NET_MODE_NONE, 0, ""},
		{NULL, NET_MODE_HOST, 1, "nameserver 192.0.2.53\n"},
		{"nameserver 9.9.9.9\nsearch a\n", NET_MODE_HOST, 2,
		 "search a\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct net_request request = {.mode = cases[i].mode,
					      .dns_servers = dns,
					      .dns_count = cases[i].dns_count};
		char *file = net_resolv_file(NULL, &request, cases[i].host);

		assert_string_equal(file, cases[i].wanted);
		talloc_free(file);
	}
}

/* 0: up and usable, 77: this machine gives us no network namespace. */
static int loopback_child(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4242)};
	struct ifreq request = {.ifr_name = "lo"};
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 77;
	if (net_loopback_up() != 0)
		return 1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP))
		return 2;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1 ? 0 : 3;
}

static void loopback_comes_up_in_a_new_namespace(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(loopback_child());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_have_podmans_names),
		cmocka_unit_test(hosts_has_localhost_then_what_was_asked_then_the_name),
		cmocka_unit_test(resolv_follows_the_request_the_host_and_the_mode),
		cmocka_unit_test(loopback_comes_up_in_a_new_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
