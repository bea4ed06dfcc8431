// SPDX-License-Identifier: Apache-2.0
/* The network model's pure part: names of modes, and the files that name resolution reads. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "netstack/net.h"

static const struct {
	const char *text;
	enum net_mode mode;
} mode_names[] = {
	{"host", NET_MODE_HOST},   {"none", NET_MODE_NONE},    {"nat", NET_MODE_NAT},
	{"private", NET_MODE_NAT}, {"bridge", NET_MODE_NAT},   {"slirp4netns", NET_MODE_NAT},
	{"pasta", NET_MODE_NAT},
};

int net_mode_parse(const char *text, enum net_mode *ret_mode, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (strcmp(text, mode_names[i].text) == 0) {
			*ret_mode = mode_names[i].mode;
			return 0;
		}
	}
	error_plain(err, "network: \"%.64s\" is not a mode", text);
	error_hint(err, "Modes are host, none and nat");
	return -EINVAL;
}

const char *net_mode_name(enum net_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++)
		if (mode_names[i].mode == mode)
			return mode_names[i].text;
	return "unknown";
}

char *net_hosts_file(void *parent, const struct net_request *request, const char *hostname)
{
	char *file = talloc_strdup(parent, "127.0.0.1\tlocalhost\n"
					   "::1\tlocalhost ip6-localhost ip6-loopback\n");

	/* A resolver takes the first match: what was asked for stands before the guest's own name. */
	for (size_t i = 0; i < request->name_count; i++) {
		const struct net_name *name = &request->names[i];
		char address[INET6_ADDRSTRLEN];

		if (inet_ntop(name->address.family, &name->address.v4, address, sizeof(address)))
			file = talloc_asprintf_append(file, "%s\t%s\n", address, name->name);
	}
	/* An address of its own, as Debian does it: the name must resolve with no network at all. */
	return talloc_asprintf_append(file, "127.0.1.1\t%s\n", hostname);
}

char *net_hostname_file(void *parent, const char *hostname)
{
	return talloc_asprintf(parent, "%s\n", hostname);
}

static bool is_nameserver_line(const char *line, size_t length)
{
	static const char word[] = "nameserver";

	while (length > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		length--;
	}
	return length > sizeof(word) - 1 && strncmp(line, word, sizeof(word) - 1) == 0 &&
	       (line[sizeof(word) - 1] == ' ' || line[sizeof(word) - 1] == '\t');
}

/* The host's lines without its name servers; *ret_had_servers says whether there were any. */
static char *without_nameservers(void *parent, const char *text, bool *ret_had_servers)
{
	char *rest = talloc_strdup(parent, "");

	*ret_had_servers = false;
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (is_nameserver_line(text, length))
			*ret_had_servers = true;
		else
			rest = talloc_asprintf_append(rest, "%.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
	return rest;
}

char *net_resolv_file(void *parent, const struct net_request *request, const char *host_resolv)
{
	/* Android has no resolv.conf; podman falls back to public servers too. */
	static const char *const fallback[] = {"1.1.1.1", "8.8.8.8"};
	const char *const *servers = (const char *const *)request->dns_servers;
	size_t count = request->dns_count;
	bool host_has_servers;
	char *file = without_nameservers(parent, host_resolv ? host_resolv : "", &host_has_servers);

	if (count == 0 && request->mode == NET_MODE_NONE)
		return file;
	if (count == 0 && host_has_servers) {
		talloc_free(file);
		return talloc_strdup(parent, host_resolv);
	}
	if (count == 0) {
		file = talloc_strdup_append(file, "# the host names no servers: public ones\n");
		servers = fallback;
		count = ARRAY_SIZE(fallback);
	}
	for (size_t i = 0; i < count; i++)
		file = talloc_asprintf_append(file, "nameserver %s\n", servers[i]);
	return file;
}
