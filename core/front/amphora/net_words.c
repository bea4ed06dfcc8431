// SPDX-License-Identifier: Apache-2.0
/* The words of --dns, --add-host and -p. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <talloc.h>

#include "core/front/amphora/run_request.h"

static int parse_address(const char *text, struct net_address *ret_address, struct error *err)
{
	struct net_address address = {0};

	if (inet_pton(AF_INET, text, &address.v4) == 1) {
		address.family = AF_INET;
		address.prefix_length = 32;
	} else if (inet_pton(AF_INET6, text, &address.v6) == 1) {
		address.family = AF_INET6;
		address.prefix_length = 128;
	} else {
		return error_plain(err, "\"%s\" is not an IP address", text);
	}
	*ret_address = address;
	return 0;
}

int parse_dns(struct spec *spec, const char *text, struct error *err)
{
	struct net_address ignored;
	int result = parse_address(text, &ignored, err);

	if (!result)
		append_string(spec, &spec->net.dns_servers, &spec->net.dns_count, text);
	return result;
}

int parse_add_host(struct spec *spec, const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	struct net_name *name;
	struct net_address address;
	int result;

	if (!colon || colon == text)
		return error_plain(err, "\"%s\" is not NAME:ADDRESS", text);
	for (const char *at = text; at < colon; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", *at))
			return error_plain(err, "\"%s\" does not start with a host name", text);
	result = parse_address(colon + 1, &address, err);
	if (result)
		return result;
	spec->net.names = talloc_realloc(spec, spec->net.names, struct net_name,
					 (unsigned)spec->net.name_count + 1);
	name = &spec->net.names[spec->net.name_count++];
	name->name = talloc_strndup(spec, text, (size_t)(colon - text));
	name->address = address;
	return 0;
}

/* [[IP:]HOST:]GUEST[/tcp|/udp]; an IPv6 address stands in brackets. */
int parse_publish(struct spec *spec, const char *text, struct error *err)
{
	struct net_port port = {.protocol = IPPROTO_TCP};
	char *words = talloc_strdup(spec, text), *slash = strrchr(words, '/'), *colon;
	char *address = NULL;
	uint64_t guest, host;
	int result;

	if (slash) {
		*slash = '\0';
		if (!strcmp(slash + 1, "udp"))
			port.protocol = IPPROTO_UDP;
		else if (strcmp(slash + 1, "tcp") != 0)
			return error_plain(err, "protocol \"%s\" is neither tcp nor udp", slash + 1);
	}
	colon = strrchr(words, ':');
	result = parse_number(colon ? colon + 1 : words, 65535, &guest, err);
	if (result)
		return error_wrap(err, result, "port in \"%s\"", text);
	host = guest;
	if (colon) {
		char *host_word = words;

		*colon = '\0';
		colon = strrchr(words, ':');
		if (colon) {
			*colon = '\0';
			address = words;
			host_word = colon + 1;
		}
		result = parse_number(host_word, 65535, &host, err);
		if (result)
			return error_wrap(err, result, "port in \"%s\"", text);
	}
	if (guest == 0)
		return error_plain(err, "port 0 in \"%s\"", text);
	if (address && address[0] == '[') {
		address++;
		address[strcspn(address, "]")] = '\0';
	}
	if (address && address[0]) {
		result = parse_address(address, &port.host, err);
		if (result)
			return result;
	}
	port.host_port = (uint16_t)host;
	port.guest_port = (uint16_t)guest;
	spec->net.ports = talloc_realloc(spec, spec->net.ports, struct net_port,
					 (unsigned)spec->net.port_count + 1);
	spec->net.ports[spec->net.port_count++] = port;
	return 0;
}
