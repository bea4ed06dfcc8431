// SPDX-License-Identifier: Apache-2.0
/* The port map: pairs, and low ports moved up. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/ports.h"

/* A port from 1 to 65535; *at moves behind it. 0: there is none. */
static uint16_t take_port(const char **at)
{
	unsigned long value = 0;
	size_t digits = strspn(*at, "0123456789");

	for (size_t i = 0; i < digits; i++) {
		value = value * 10 + (unsigned long)((*at)[i] - '0');
		if (value > UINT16_MAX)
			return 0;
	}
	*at += digits;
	return (uint16_t)value;
}

int port_map_parse(struct port_map *map, const char *text, struct error *err)
{
	const char *at = text;
	uint16_t guest = take_port(&at), host = 0;

	if (guest && *at == ':') {
		at++;
		host = take_port(&at);
	}
	if (!guest || !host || at[strspn(at, " ")])
		return error_plain(err, "\"%.64s\" is not PORT:PORT", text);
	if (!port_map_add(map, guest, host))
		return error_set(err, E2BIG, "more than %d pairs of ports", PORT_PAIRS_MAX);
	return 0;
}

bool port_map_add(struct port_map *map, uint16_t guest, uint16_t host)
{
	unsigned i = 0;

	while (i < map->pair_count && map->pairs[i].guest != guest)
		i++;
	if (i == PORT_PAIRS_MAX)
		return false;
	map->pairs[i] = (struct port_pair){.guest = guest, .host = host};
	if (i == map->pair_count)
		map->pair_count++;
	return true;
}

/* Where an address has its port, and whether it is this machine's (the unspecified one is). NULL: no
 * internet address. */
static uint8_t *find_port(void *address, size_t size, bool *ret_local)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t *bytes = address;
	const uint8_t *v6 = bytes + offsetof(struct sockaddr_in6, sin6_addr);
	const uint8_t *v4 = bytes + offsetof(struct sockaddr_in, sin_addr);
	sa_family_t family;

	if (size < sizeof(struct sockaddr_in))
		return NULL;
	memcpy(&family, bytes, sizeof(family));
	if (family == AF_INET6 && size < sizeof(struct sockaddr_in6) - 4) /* RFC 2133's */
		return NULL;
	if (family == AF_INET6 && !memcmp(v6, mapped, sizeof(mapped)))
		v4 = v6 + sizeof(mapped);
	else if (family == AF_INET6)
		*ret_local = IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)v6) ||
			     IN6_IS_ADDR_UNSPECIFIED((const struct in6_addr *)(const void *)v6);
	else if (family != AF_INET)
		return NULL;
	if (family == AF_INET || v4 == v6 + sizeof(mapped))
		*ret_local = v4[0] == 127 || !(v4[0] | v4[1] | v4[2] | v4[3]);
	return bytes + offsetof(struct sockaddr_in, sin_port); /* of both families */
}

static uint16_t get_port(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void set_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

bool port_map_to_host(struct port_map *map, void *address, size_t size, bool binds, bool *ret_free)
{
	bool local = false;
	uint8_t *at = find_port(address, size, &local);
	uint16_t port = at ? get_port(at) : 0;

	if (!port)
		return false;
	for (unsigned i = 0; i < map->pair_count; i++)
		if (map->pairs[i].guest == port) {
			set_port(at, map->pairs[i].host);
			return true;
		}
	if (map->shift_low && port < PORT_SHIFT_END && (binds || local)) {
		map->shifted[port / 8] |= (uint8_t)(1 << port % 8);
		set_port(at, (uint16_t)(port + PORT_SHIFT));
		return true;
	}
	if (ret_free)
		*ret_free = binds && map->pick_free;
	return false;
}

bool port_map_to_guest(const struct port_map *map, void *address, size_t size, bool own)
{
	bool local = false;
	uint8_t *at = find_port(address, size, &local);
	uint16_t port = at ? get_port(at) : 0, low;

	for (unsigned i = 0; port && i < map->pair_count; i++)
		if (map->pairs[i].host == port) {
			set_port(at, map->pairs[i].guest);
			return true;
		}
	if (!map->shift_low || port < PORT_SHIFT || port >= PORT_SHIFT + PORT_SHIFT_END ||
	    (!own && !local))
		return false;
	low = (uint16_t)(port - PORT_SHIFT);
	if (!(map->shifted[low / 8] >> low % 8 & 1))
		return false;
	set_port(at, low);
	return true;
}
