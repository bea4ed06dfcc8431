/* SPDX-License-Identifier: Apache-2.0 */
/* The network model as data, shared by both backends: what was asked, and the files that name
 * resolution in the guest reads. Mechanisms live elsewhere in netstack/ and in the backends.
 */
#ifndef AMPHORA_NETSTACK_NET_H
#define AMPHORA_NETSTACK_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum net_mode { NET_MODE_HOST, NET_MODE_NONE, NET_MODE_NAT };

struct net_address {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	uint8_t prefix_length;
};

struct net_port {
	struct net_address host; /* family 0: any */
	uint16_t host_port;
	uint16_t guest_port;
	int protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};

struct net_name {
	const char *name;
	struct net_address address;
};

struct net_request {
	enum net_mode mode;
	struct net_port *ports; /* -p */
	size_t port_count;
	struct net_name *names; /* --add-host */
	size_t name_count;
	const char **dns_servers; /* --dns, as text; empty: the host's */
	size_t dns_count;
};

/* "host", "none", "nat" ("private", "slirp4netns", "pasta" and "bridge" mean nat). -EINVAL. */
int net_mode_parse(const char *text, enum net_mode *ret_mode, struct error *err);
const char *net_mode_name(enum net_mode mode);

/* The contents of /etc/hosts, /etc/hostname and /etc/resolv.conf for the guest. Pure: the host's
 * resolv.conf text is handed in (NULL: none). Results are children of parent. */
char *net_hosts_file(void *parent, const struct net_request *request, const char *hostname);
char *net_hostname_file(void *parent, const char *hostname);
char *net_resolv_file(void *parent, const struct net_request *request, const char *host_resolv);

/* Brings `lo` up in the calling process's network namespace. Returns 0 or -errno. */
int net_loopback_up(void);

#endif
