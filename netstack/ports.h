/* SPDX-License-Identifier: Apache-2.0 */
/* Ports that the guest names, and the machine's ports that stand for them. Pure: whoever sees an address
 * on its way to or from the kernel asks here.
 *
 * Pairs (PRoot's -p IN:OUT) hold for every address. Shifting (Termux's -p) moves ports below 1024, which
 * an ordinary user can't bind, up by 2000: for addresses of this machine, and for what is bound. A host
 * port leads back to a guest's only after it was asked for by that guest port: a server that was
 * given port 3000 itself keeps it.
 */
#ifndef AMPHORA_NETSTACK_PORTS_H
#define AMPHORA_NETSTACK_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/error.h"

#define PORT_PAIRS_MAX	64
#define PORT_SHIFT_END	1024
#define PORT_SHIFT	2000

struct port_pair {
	uint16_t guest, host;
};

struct port_map {
	struct port_pair pairs[PORT_PAIRS_MAX];
	unsigned pair_count;
	bool shift_low;
	bool pick_free; /* -n: a port that is bound and has no pair gets a free one of the machine's */
	uint8_t shifted[PORT_SHIFT_END / 8]; /* ports that were moved so far */
};

/* "80:8080", spaces behind it ignored. -EINVAL for anything else, -E2BIG when the map is full. */
int port_map_parse(struct port_map *map, const char *text, struct error *err);
/* Remembers a pair; the last one on a guest port wins. False when the map is full. */
bool port_map_add(struct port_map *map, uint16_t guest, uint16_t host);

/* Replaces the port of an address that the guest passes, which may be shorter than its family's. Returns
 * true when it was changed. *ret_free (may be NULL) is set when pick_free wants a port for this one. */
bool port_map_to_host(struct port_map *map, void *address, size_t size, bool binds, bool *ret_free);
/* Replaces the port of an address that the kernel gave; `own`: the socket's own, not a peer's. */
bool port_map_to_guest(const struct port_map *map, void *address, size_t size, bool own);

#endif
