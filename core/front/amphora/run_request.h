/* SPDX-License-Identifier: Apache-2.0 */
/* What the words after `amphora run` or `amphora plan` ask for: a spec, and how to show it. */
#ifndef AMPHORA_FRONT_RUN_REQUEST_H
#define AMPHORA_FRONT_RUN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/front/amphora/options.h"
#include "core/model/spec.h"

struct run_request {
	struct spec *spec;
	const char *facts_file; /* --facts: decide on another machine's facts */
	bool json;		/* --json */
	bool dry_run;		/* --dry-run */

	/* Only until the words are all read. */
	bool backend_given;	  /* --backend: AMPHORA_BACKEND is not looked at */
	bool fast_path_given;	  /* --fast-path: AMPHORA_FAST_PATH is not looked at */
	bool rootfs_later;	  /* --rootfs was given before other flags */
	const char *entrypoint;	  /* NULL: not given */
	const char **assignments; /* -e, applied after the env files */
	size_t assignment_count;
	const char **env_files;
	size_t env_file_count;
};

/* Reads argv and completes the spec: image or rootfs, command, environment, name. *ret_request is a
 * child of parent. Returns 0; 1 when help was asked for and printed; or -errno with err. Opens
 * nothing but env files; looks up the host's side of bind mounts. */
int run_request_parse(void *parent, const struct option_table *table, int argc, char **argv,
		      struct run_request **ret_request, struct error *err);

/* The arguments that need a parser of their own. Each fills in the spec; 0 or -errno with err. */
int parse_volume(struct spec *spec, const char *text, struct error *err);   /* -v S:D[:opts] */
int parse_mount(struct spec *spec, const char *text, struct error *err);    /* --mount type=... */
int parse_tmpfs(struct spec *spec, const char *text, struct error *err);    /* --tmpfs D[:opts] */
int parse_ulimit(struct spec *spec, const char *text, struct error *err);   /* name=soft[:hard] */
int parse_security(struct spec *spec, const char *text, struct error *err); /* --security-opt */
int parse_publish(struct spec *spec, const char *text, struct error *err);  /* -p [IP:][HOST:]GUEST[/udp] */
int parse_add_host(struct spec *spec, const char *text, struct error *err); /* NAME:ADDRESS */
int parse_dns(struct spec *spec, const char *text, struct error *err);
/* "NET_ADMIN,cap_chown" or "ALL" as bits. */
int parse_capabilities(const char *text, uint64_t *bits, struct error *err);

/* The environment a guest starts with, then env files, then -e. */
int build_environment(struct run_request *request, struct error *err);

/* Appends text to a talloc array of strings that is a child of parent. */
void append_string(void *parent, const char ***list, size_t *count, const char *text);
/* A decimal number without sign, at most max. 0 or -EINVAL with err. */
int parse_number(const char *text, uint64_t max, uint64_t *ret_value, struct error *err);

#endif
