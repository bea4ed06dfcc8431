// SPDX-License-Identifier: Apache-2.0
/* Made files of /proc/net: interfaces and their addresses. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/socket.h>

#include "ptrace_backend/interfaces.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/tracer.h"

static struct interfaces interfaces; /* under tracer->lock */

static const char *name_of_index(int index)
{
	for (unsigned i = 0; i < interfaces.count; i++)
		if (interfaces.list[i].index == index)
			return interfaces.list[i].name;
	return "lo";
}

/* Nobody tells the counters. */
void procfile_net_dev(struct tracer *tracer, FILE *out)
{
	(void)tracer;
	interfaces_read(&interfaces);
	fputs("Inter-|   Receive                                                |  Transmit\n"
	      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets "
	      "errs drop fifo colls carrier compressed\n",
	      out);
	for (unsigned i = 0; i < interfaces.count; i++)
		fprintf(out,
			"%6s: %7d %7d %4d %4d %4d %5d %10d %9d %8d %7d %4d %4d %4d %5d %7d %10d\n",
			interfaces.list[i].name, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* The networks that the addresses lie in. The default route's gateway can't be known. */
void procfile_net_route(struct tracer *tracer, FILE *out)
{
	(void)tracer;
	interfaces_read(&interfaces);
	fprintf(out, "%-127s\n",
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	for (unsigned i = 0; i < interfaces.address_count; i++) {
		const struct interface_address *at = &interfaces.addresses[i];
		uint32_t address, mask;
		char line[128];

		if (at->family != AF_INET || at->scope == RT_SCOPE_HOST || at->prefix > 31)
			continue;
		memcpy(&address, at->address, 4);
		mask = at->prefix ? htonl(~0U << (32 - at->prefix)) : 0;
		snprintf(line, sizeof(line),
			 "%s\t%08" PRIX32 "\t%08X\t%04X\t%d\t%u\t%d\t%08" PRIX32 "\t%d\t%u\t%u",
			 name_of_index(at->index), address & mask, 0, RTF_UP, 0, 0, 0, mask, 0, 0, 0);
		fprintf(out, "%-127s\n", line);
	}
}

void procfile_net_if_inet6(struct tracer *tracer, FILE *out)
{
	(void)tracer;
	interfaces_read(&interfaces);
	for (unsigned i = 0; i < interfaces.address_count; i++) {
		const struct interface_address *at = &interfaces.addresses[i];
		unsigned scope = at->scope == RT_SCOPE_HOST ? 0x10 :
				 at->scope == RT_SCOPE_LINK ? 0x20 :
							      0;

		if (at->family != AF_INET6)
			continue;
		for (unsigned byte = 0; byte < 16; byte++)
			fprintf(out, "%02x", at->address[byte]);
		fprintf(out, " %02x %02x %02x %02x %8s\n", (unsigned)at->index, at->prefix, scope,
			0x80, name_of_index(at->index));
	}
}
