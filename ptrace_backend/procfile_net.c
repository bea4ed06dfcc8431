// SPDX-License-Identifier: Apache-2.0
/* Made files of /proc/net: interfaces and their addresses. */
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/route.h>
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

void procfile_net_route(struct tracer *tracer, FILE *out)
{
	(void)tracer;
	interfaces_read(&interfaces);
	interfaces_read_routes(&interfaces);
	fprintf(out, "%-127s\n",
		"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	for (unsigned i = 0; i < interfaces.route_count; i++) {
		const struct interface_route *at = &interfaces.routes[i];
		char line[128];

		snprintf(line, sizeof(line),
			 "%s\t%08" PRIX32 "\t%08" PRIX32 "\t%04X\t%d\t%u\t%" PRIu32 "\t%08" PRIX32
			 "\t%d\t%u\t%u",
			 name_of_index(at->index), at->network, at->gateway,
			 at->gateway ? RTF_UP | RTF_GATEWAY : RTF_UP, 0, 0, at->metric, at->mask, 0, 0,
			 0);
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
			at->flags, name_of_index(at->index));
	}
}
