/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's network interfaces, found by whatever the host lets us ask. */
#ifndef AMPHORA_PTRACE_INTERFACES_H
#define AMPHORA_PTRACE_INTERFACES_H

#include <stdint.h>

#define INTERFACES_MAX		64
#define INTERFACE_ADDRESSES_MAX 256
#define INTERFACE_ROUTES_MAX	128

struct interface {
	int index;
	char name[16];
	unsigned flags; /* IFF_* */
	unsigned mtu, queue;
	uint16_t type;	/* ARPHRD_* */
	unsigned char hardware[6];
};

struct interface_address {
	int index;
	uint8_t family, prefix, scope, flags; /* as in struct ifaddrmsg */
	unsigned char address[16], broadcast[4];
};

/* IPv4 */
struct interface_route {
	int index;
	uint32_t network, gateway, mask; /* network byte order; gateway 0: none */
	uint32_t metric;
};

struct interfaces {
	unsigned count, address_count, route_count;
	struct interface_route routes[INTERFACE_ROUTES_MAX];
	struct interface list[INTERFACES_MAX];
	struct interface_address addresses[INTERFACE_ADDRESSES_MAX];
};

/* Never fails: what can't be asked is missing. Interfaces are in the order of their index. */
void interfaces_read(struct interfaces *interfaces);
/* Behind that: IPv4's routes of all tables, or the networks that the addresses lie in. */
void interfaces_read_routes(struct interfaces *interfaces);

#endif
