// SPDX-License-Identifier: Apache-2.0
/* Ports that differ inside (plan->ports): addresses on their way to the kernel get the machine's port,
 * those on their way back (handlers_receive.c) the guest's. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "netstack/ports.h"
#include "ptrace_backend/handlers.h"

/* A port that nothing listens on at this moment. 0: none found. */
static uint16_t free_port(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t size = sizeof(name);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		return 0;
	return ntohs(name.sin_port);
}

int ports_to_host(struct tracee *tracee, uint64_t address, uint64_t size, bool binds,
		  uint64_t *ret_address)
{
	struct port_map *map = tracee->tracer->ports;
	struct sockaddr_storage name;
	bool wants_free = false;
	uint16_t port;
	int error;

	if (!map || !address || size > sizeof(name))
		return 0;
	if (tracee_read(tracee, address, &name, size) < 0)
		return -EFAULT;
	if (!port_map_to_host(map, &name, size, binds, &wants_free)) {
		port = wants_free ? free_port() : 0;
		if (!port || !port_map_add(map, ntohs(((struct sockaddr_in *)&name)->sin_port), port) ||
		    !port_map_to_host(map, &name, size, binds, NULL))
			return 0;
	}
	error = tracee_put(tracee, &name, size, ret_address);
	return error ? error : 1;
}

void ports_to_guest(struct tracee *tracee, uint64_t address, uint64_t size, bool own)
{
	const struct port_map *map = tracee->tracer->ports;
	struct sockaddr_storage name;

	if (map && address && size <= sizeof(name) && tracee_read(tracee, address, &name, size) == 0 &&
	    port_map_to_guest(map, &name, size, own))
		tracee_write(tracee, address, &name, size);
}
