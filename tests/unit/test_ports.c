// SPDX-License-Identifier: Apache-2.0
/* The port map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "netstack/ports.h"

static struct sockaddr_in v4(const char *host, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET, host, &name.sin_addr), 1);
	return name;
}

static struct sockaddr_in6 v6(const char *host, uint16_t port)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	assert_int_equal(inet_pton(AF_INET6, host, &name.sin6_addr), 1);
	return name;
}

static unsigned out4(struct port_map *map, const char *host, uint16_t port, bool binds)
{
	struct sockaddr_in name = v4(host, port);

	port_map_to_host(map, &name, sizeof(name), binds, NULL);
	return ntohs(name.sin_port);
}

static unsigned out6(struct port_map *map, const char *host, uint16_t port, bool binds)
{
	struct sockaddr_in6 name = v6(host, port);

	port_map_to_host(map, &name, sizeof(name), binds, NULL);
	return ntohs(name.sin6_port);
}

static unsigned back4(const struct port_map *map, const char *host, uint16_t port, bool own)
{
	struct sockaddr_in name = v4(host, port);

	port_map_to_guest(map, &name, sizeof(name), own);
	return ntohs(name.sin_port);
}

static void words_are_two_ports(void **state)
{
	static const char *const bad[] = {"", "80", "80:", ":80", "0:80", "80:0", "80:65536", "x:1",
					  "80:8080:1", "-1:80", " 80:81", "80:81x", "99999999999999999999:1"};
	struct port_map map = {0};

	(void)state;
	assert_int_equal(port_map_parse(&map, "80:8080", NULL), 0);
	assert_int_equal(port_map_parse(&map, "65535:1  ", NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(port_map_parse(&map, bad[i], NULL) < 0);
	assert_int_equal(map.pair_count, 2);
	assert_int_equal(port_map_parse(&map, "80:8081", NULL), 0);
	assert_int_equal(map.pair_count, 2);
	assert_int_equal(map.pairs[0].host, 8081);
}

static void a_full_map_says_so(void **state)
{
	struct port_map map = {0};

	(void)state;
	for (unsigned i = 1; i <= PORT_PAIRS_MAX; i++)
		assert_true(port_map_add(&map, (uint16_t)i, 9));
	assert_false(port_map_add(&map, 1000, 9));
	assert_true(port_map_add(&map, 1, 10));
	assert_true(port_map_parse(&map, "1000:2", NULL) < 0);
}

static void pairs_hold_for_every_address(void **state)
{
	struct port_map map = {0};

	(void)state;
	port_map_add(&map, 80, 8080);
	assert_int_equal(out4(&map, "127.0.0.1", 80, true), 8080);
	assert_int_equal(out4(&map, "192.0.2.1", 80, false), 8080);
	assert_int_equal(out6(&map, "2001:db8::1", 80, false), 8080);
	assert_int_equal(out4(&map, "192.0.2.1", 81, true), 81);
	assert_int_equal(back4(&map, "192.0.2.1", 8080, false), 80);
	assert_int_equal(back4(&map, "192.0.2.1", 80, false), 80);
}

static void low_ports_move_at_home_only(void **state)
{
	struct port_map map = {.shift_low = true};

	(void)state;
	assert_int_equal(out4(&map, "0.0.0.0", 80, true), 2080);
	assert_int_equal(out4(&map, "192.0.2.1", 80, true), 2080);
	assert_int_equal(out4(&map, "192.0.2.1", 80, false), 80);
	assert_int_equal(out4(&map, "127.1.2.3", 443, false), 2443);
	assert_int_equal(out6(&map, "::1", 443, false), 2443);
	assert_int_equal(out6(&map, "::ffff:127.0.0.1", 443, false), 2443);
	assert_int_equal(out6(&map, "::ffff:192.0.2.1", 443, false), 443);
	assert_int_equal(out6(&map, "2001:db8::1", 443, false), 443);
	assert_int_equal(out4(&map, "127.0.0.1", 1024, true), 1024);
	assert_int_equal(out4(&map, "127.0.0.1", 0, true), 0);
}

static void a_port_leads_back_once_it_was_asked_for(void **state)
{
	struct port_map map = {.shift_low = true};

	(void)state;
	assert_int_equal(back4(&map, "127.0.0.1", 2080, true), 2080);
	out4(&map, "127.0.0.1", 80, true);
	assert_int_equal(back4(&map, "127.0.0.1", 2080, true), 80);
	assert_int_equal(back4(&map, "192.0.2.1", 2080, true), 80);
	assert_int_equal(back4(&map, "192.0.2.1", 2080, false), 2080);
	assert_int_equal(back4(&map, "127.0.0.1", 2081, true), 2081);
}

static void only_a_bound_port_without_a_pair_is_picked(void **state)
{
	struct port_map map = {.pick_free = true};
	struct sockaddr_in name = v4("0.0.0.0", 80);
	bool wants = false;

	(void)state;
	assert_false(port_map_to_host(&map, &name, sizeof(name), true, &wants));
	assert_true(wants);
	assert_false(port_map_to_host(&map, &name, sizeof(name), false, &wants));
	assert_false(wants);
}

static void short_and_other_addresses_are_left_alone(void **state)
{
	struct port_map map = {.shift_low = true};
	struct sockaddr_in name = v4("127.0.0.1", 80);
	struct sockaddr_in6 name6 = v6("::1", 80);
	unsigned char bytes[128];

	(void)state;
	for (size_t size = 0; size < sizeof(name); size++)
		assert_false(port_map_to_host(&map, &name, size, true, NULL));
	for (size_t size = 0; size < 24; size++)
		assert_false(port_map_to_host(&map, &name6, size, true, NULL));
	for (unsigned family = 0; family < 64; family++) {
		if (family == AF_INET || family == AF_INET6)
			continue;
		memset(bytes, 0, sizeof(bytes));
		bytes[0] = (unsigned char)family;
		bytes[3] = 80;
		assert_false(port_map_to_host(&map, bytes, sizeof(bytes), true, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_two_ports),
		cmocka_unit_test(a_full_map_says_so),
		cmocka_unit_test(pairs_hold_for_every_address),
		cmocka_unit_test(low_ports_move_at_home_only),
		cmocka_unit_test(a_port_leads_back_once_it_was_asked_for),
		cmocka_unit_test(only_a_bound_port_without_a_pair_is_picked),
		cmocka_unit_test(short_and_other_addresses_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
