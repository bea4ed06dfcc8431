// SPDX-License-Identifier: Apache-2.0
/* The options of `amphora run` and `amphora plan`, with podman's names and meanings, and how the
 * words become a spec.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/front/amphora/front.h"
#include "core/front/amphora/run_request.h"

#define SPEC(target) (((struct run_request *)(target))->spec)

/* A parse function that stores a switch in the spec. */
#define SWITCH(function, member)                                                                   \
	static int function(void *target, const char *value, struct error *err)                   \
	{                                                                                          \
		return option_boolean(value, &(member), err);                                      \
	}
/* One that stores a word, which must not be empty. */
#define WORD(function, member)                                                                     \
	static int function(void *target, const char *value, struct error *err)                   \
	{                                                                                          \
		if (!value[0])                                                                     \
			return error_plain(err, "the argument is empty");                          \
		(member) = talloc_strdup(target, value);                                           \
		return 0;                                                                          \
	}
/* One that hands the spec to a parser of its own. */
#define PARSER(function, parser)                                                                   \
	static int function(void *target, const char *value, struct error *err)                   \
	{                                                                                          \
		return parser(SPEC(target), value, err);                                           \
	}

SWITCH(set_interactive, SPEC(target)->process.interactive)
SWITCH(set_terminal, SPEC(target)->process.terminal)
SWITCH(set_remove, SPEC(target)->remove)
SWITCH(set_read_only, SPEC(target)->read_only)
SWITCH(set_volatile, SPEC(target)->is_volatile)
SWITCH(set_best_effort, SPEC(target)->best_effort)
SWITCH(set_init, SPEC(target)->process.init)
SWITCH(set_dry_run, ((struct run_request *)target)->dry_run)
SWITCH(set_json, ((struct run_request *)target)->json)
WORD(set_name, SPEC(target)->name)
WORD(set_hostname, SPEC(target)->hostname)
WORD(set_facts, ((struct run_request *)target)->facts_file)
PARSER(set_volume, parse_volume)
PARSER(set_mount, parse_mount)
PARSER(set_tmpfs, parse_tmpfs)
PARSER(set_ulimit, parse_ulimit)
PARSER(set_security, parse_security)
PARSER(set_publish, parse_publish)
PARSER(set_add_host, parse_add_host)
PARSER(set_dns, parse_dns)

static int set_detach(void *target, const char *value, struct error *err)
{
	bool wanted = false;

	(void)target;
	if (option_boolean(value, &wanted, err) == 0 && !wanted)
		return 0;
	error_plain(err, "detached containers come later");
	error_hint(err, "Leave it out and let the shell run amphora in the background: amphora run … &");
	return -EINVAL;
}

static int set_env(void *target, const char *value, struct error *err)
{
	struct run_request *request = target;

	if (!value[0] || value[0] == '=')
		return error_plain(err, "\"%s\" has no name before the '='", value);
	append_string(request, &request->assignments, &request->assignment_count, value);
	return 0;
}

static int set_env_file(void *target, const char *value, struct error *err)
{
	struct run_request *request = target;

	(void)err;
	append_string(request, &request->env_files, &request->env_file_count, value);
	return 0;
}

static int set_workdir(void *target, const char *value, struct error *err)
{
	if (value[0] != '/') {
		error_plain(err, "\"%s\" is not an absolute path of the container", value);
		return -EINVAL;
	}
	SPEC(target)->process.cwd = talloc_strdup(target, value);
	return 0;
}

static int set_user(void *target, const char *value, struct error *err)
{
	struct user_request ignored;
	void *scratch = talloc_new(target);
	int result = user_request_parse(scratch, value, &ignored, err);

	talloc_free(scratch);
	if (!result)
		SPEC(target)->process.user = talloc_strdup(target, value);
	return result;
}

static int set_rootfs(void *target, const char *value, struct error *err)
{
	if (!value) {
		((struct run_request *)target)->rootfs_later = true;
		return 0;
	}
	if (!value[0])
		return error_plain(err, "the argument is empty");
	SPEC(target)->rootfs = talloc_strdup(target, value);
	return 0;
}

static int parse_backend(const char *value, enum backend_choice *ret_choice, struct error *err)
{
	if (!strcmp(value, "auto"))
		*ret_choice = BACKEND_AUTO;
	else if (!strcmp(value, "ns"))
		*ret_choice = BACKEND_NS;
	else if (!strcmp(value, "ptrace"))
		*ret_choice = BACKEND_PTRACE;
	else
		return error_plain(err, "\"%s\" is not a backend: auto, ns or ptrace", value);
	return 0;
}

static int set_backend(void *target, const char *value, struct error *err)
{
	((struct run_request *)target)->backend_given = true;
	return parse_backend(value, &SPEC(target)->backend, err);
}

static int set_platform(void *target, const char *value, struct error *err)
{
	SPEC(target)->platform = platform_parse(value, err);
	return SPEC(target)->platform ? 0 : -EINVAL;
}

static int set_fake_permissions(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &SPEC(target)->fake_permissions, err);
}

static int set_strict(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &SPEC(target)->strict, err);
}

static int set_hard_links(void *target, const char *value, struct error *err)
{
	if (!strcmp(value, "auto"))
		SPEC(target)->links = LINKS_AUTO;
	else if (!strcmp(value, "kernel"))
		SPEC(target)->links = LINKS_KERNEL;
	else if (!strcmp(value, "emulated"))
		SPEC(target)->links = LINKS_ALWAYS;
	else
		return error_plain(err, "\"%s\": auto, kernel or emulated", value);
	return 0;
}

static int set_fast_path(void *target, const char *value, struct error *err)
{
	((struct run_request *)target)->fast_path_given = true;
	return fast_path_parse(value, &SPEC(target)->fast_path, err);
}

static int set_sysvipc(void *target, const char *value, struct error *err)
{
	if (!strcmp(value, "auto"))
		SPEC(target)->sysvipc = SYSVIPC_AUTO;
	else if (!strcmp(value, "kernel"))
		SPEC(target)->sysvipc = SYSVIPC_KERNEL;
	else if (!strcmp(value, "emulated"))
		SPEC(target)->sysvipc = SYSVIPC_EMULATED;
	else
		return error_plain(err, "\"%s\": auto, kernel or emulated", value);
	return 0;
}

static int set_network(void *target, const char *value, struct error *err)
{
	return net_mode_parse(value, &SPEC(target)->net.mode, err);
}

static int set_cap_add(void *target, const char *value, struct error *err)
{
	return parse_capabilities(value, &SPEC(target)->capabilities_add, err);
}

static int set_cap_drop(void *target, const char *value, struct error *err)
{
	return parse_capabilities(value, &SPEC(target)->capabilities_drop, err);
}

static int set_entrypoint(void *target, const char *value, struct error *err)
{
	if (value[0] == '[')
		return error_plain(err, "a JSON list is not taken: give the program here and its "
					"arguments as the command");
	((struct run_request *)target)->entrypoint = talloc_strdup(target, value);
	return 0;
}

static int set_preserve_fds(void *target, const char *value, struct error *err)
{
	uint64_t count;
	int result = parse_number(value, 1024, &count, err);

	if (result)
		return result;
	for (int fd = 3; fd < 3 + (int)count; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return error_plain(err, "file descriptor %d is not open", fd);
	SPEC(target)->process.preserve_fds = (unsigned)count;
	return 0;
}

static int set_log_level(const char *value, enum log_level level, struct error *err)
{
	bool wanted = false;
	int result = option_boolean(value, &wanted, err);

	if (!result && wanted)
		log_set_level(level);
	return result;
}

static int set_quiet(void *target, const char *value, struct error *err)
{
	(void)target;
	return set_log_level(value, LOG_LEVEL_ERROR, err);
}

static int set_debug(void *target, const char *value, struct error *err)
{
	(void)target;
	return set_log_level(value, LOG_LEVEL_DEBUG, err);
}

#define EVERY OPTION_EVERYDAY

static const struct option_row rows[] = {
	{"rootfs", 0, "DIR", "root filesystem to run in", set_rootfs, EVERY | OPTION_MAYBE_LATER, "@dir"},
	{"interactive", 'i', NULL, "keep stdin (else it is empty)", set_interactive, EVERY, NULL},
	{"tty", 't', NULL, "give the command a terminal", set_terminal, EVERY, NULL},
	{"rm", 0, NULL, "leave nothing behind", set_remove, EVERY, NULL},
	{"name", 0, "NAME", "name of the container", set_name, EVERY, NULL},
	{"env", 'e', "K=V", "set a variable; K alone copies it", set_env, EVERY, NULL},
	{"volume", 'v', "SRC:DST[:ro]", "show a host path in the container", set_volume, EVERY, "@dir"},
	{"tmpfs", 0, "DST[:OPTS]", "an empty file system in memory", set_tmpfs, EVERY, NULL},
	{"workdir", 'w', "DIR", "working directory", set_workdir, EVERY, NULL},
	{"user", 'u', "USER[:GROUP]", "who runs the command", set_user, EVERY, NULL},
	{"hostname", 'h', "NAME", "host name inside", set_hostname, EVERY, NULL},
	{"read-only", 0, NULL, "nothing can be written to the root", set_read_only, EVERY, NULL},
	{"volatile", 0, NULL, "throw all writes away at the end", set_volatile, EVERY, NULL},
	{"network", 0, "MODE", "host or none", set_network, EVERY, "host none nat"},
	{"entrypoint", 0, "PROGRAM", "put this before the command", set_entrypoint, EVERY, NULL},
	{"backend", 0, "NAME", "auto, ns or ptrace (AMPHORA_BACKEND)", set_backend, EVERY, "auto ns ptrace"},
	{"best-effort", 0, NULL, "warn where less is possible than asked", set_best_effort, EVERY, NULL},
	{"dry-run", 0, NULL, "show the plan and run nothing", set_dry_run, EVERY, NULL},
	{"debug", 0, NULL, "tell what is done", set_debug, EVERY, NULL},
	{"env-file", 0, "FILE", "variables from a file, one a line", set_env_file, 0, "@file"},
	{"mount", 0, "type=…,…", "bind or tmpfs: src=, dst=, ro, tmpfs-size=", set_mount, 0, NULL},
	{"cap-add", 0, "CAP", "keep a capability, or ALL", set_cap_add, 0, "ALL"},
	{"cap-drop", 0, "CAP", "drop a capability, or ALL", set_cap_drop, 0, "ALL"},
	{"security-opt", 0, "OPT", "no-new-privileges, seccomp=unconfined, unmask=ALL", set_security, 0,
	 "no-new-privileges no-new-privileges=false seccomp=unconfined unmask=ALL"},
	{"ulimit", 0, "NAME=SOFT[:HARD]", "resource limit", set_ulimit, 0, NULL},
	{"dns", 0, "ADDRESS", "name server", set_dns, 0, NULL},
	{"add-host", 0, "NAME:ADDRESS", "line for /etc/hosts", set_add_host, 0, NULL},
	{"publish", 'p', "HOST:GUEST", "publish a port (needs --network nat)", set_publish, 0, NULL},
	{"platform", 0, "OS/ARCH", "machine that the root is made for", set_platform, 0,
	 "linux/amd64 linux/arm64 linux/arm/v7 linux/386 linux/riscv64"},
	{"fake-permissions", 0, NULL, "owners and modes count for faked users, too", set_fake_permissions, 0,
	 NULL},
	{"hard-links", 0, "HOW", "auto, kernel or emulated", set_hard_links, 0, "auto kernel emulated"},
	{"fast-path", 0, "HOW", "off, only-prepatched or auto: calls without a stop", set_fast_path, 0,
	 "off only-prepatched auto"},
	{"strict", 0, NULL, "give up no protection for speed: no fast path", set_strict, 0, NULL},
	{"sysvipc", 0, "HOW", "auto, kernel or emulated", set_sysvipc, 0, "auto kernel emulated"},
	{"init", 0, NULL, "a small init is PID 1", set_init, 0, NULL},
	{"preserve-fds", 0, "N", "hand on N file descriptors from 3 up", set_preserve_fds, 0, NULL},
	{"quiet", 'q', NULL, "no warnings", set_quiet, 0, NULL},
	{"json", 0, NULL, "plan, --dry-run: as JSON", set_json, 0, NULL},
	{"facts", 0, "FILE", "plan, --dry-run: decide on these facts", set_facts, 0, "@file"},
	{"detach", 'd', NULL, "", set_detach, OPTION_HIDDEN, NULL},
	{"net", 0, "MODE", "", set_network, OPTION_HIDDEN, "host none nat"},
	{0},
};

const struct option_table run_options_table = {
	"run", "[flags] IMAGE|--rootfs DIR [command…]",
	"Runs a command in a container. The image `host` is this machine's own root.", rows, "host"};
const struct option_table plan_options_table = {
	"plan", "[flags] IMAGE|--rootfs DIR [command…]",
	"Shows what `run` would use with the same flags, and why nothing better.", rows, "host"};

void append_string(void *parent, const char ***list, size_t *count, const char *text)
{
	*list = talloc_realloc(parent, *list, const char *, *count + 2);
	(*list)[(*count)++] = talloc_strdup(parent, text);
	(*list)[*count] = NULL;
}

int parse_number(const char *text, uint64_t max, uint64_t *ret_value, struct error *err)
{
	uint64_t value = 0;

	if (!text[0])
		return error_plain(err, "a number is missing");
	for (const char *at = text; *at; at++) {
		if (*at < '0' || *at > '9')
			return error_plain(err, "\"%s\" is not a number", text);
		if (value > (max - (uint64_t)(*at - '0')) / 10)
			return error_plain(err, "%s is more than %llu", text,
					   (unsigned long long)max);
		value = value * 10 + (uint64_t)(*at - '0');
	}
	*ret_value = value;
	return 0;
}

/* Twelve hex digits, as podman's short container id. */
static const char *generate_name(void *parent)
{
	unsigned char bytes[6] = {0};

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
		memcpy(bytes, &(pid_t){getpid()}, sizeof(pid_t));
	return talloc_asprintf(parent, "%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
			       bytes[3], bytes[4], bytes[5]);
}

/* --rootfs DIR as an absolute path without symlinks. */
static int complete_rootfs(struct spec *spec, struct error *err)
{
	char path[PATH_MAX];
	struct stat status;
	int code;

	if (!realpath(spec->rootfs, path) || stat(path, &status) < 0) {
		code = errno;
		error_set(err, code, "--rootfs %s", spec->rootfs);
		error_hint(err, "Give the directory that holds the container's /bin, /etc, …");
		return -code;
	}
	if (!S_ISDIR(status.st_mode))
		return error_set(err, ENOTDIR, "--rootfs %s", spec->rootfs);
	if (!strcmp(path, "/")) {
		error_plain(err, "--rootfs / would let the container write to this machine's root");
		error_hint(err, "The image `host` is the same root, protected: amphora run host");
		return -EINVAL;
	}
	spec->rootfs = talloc_strdup(spec, path);
	return 0;
}

static int refuse_image(const char *image, struct error *err)
{
	error_plain(err, "image \"%s\" is not here: pulling images comes later", image);
	error_hint(err, "Use --rootfs DIR or the image host");
	return -ENOENT;
}

/* The first positional word is the image, or the directory of a --rootfs given before other flags.
 * Sets *index to the first word of the command. */
static int complete_root(struct run_request *request, int argc, char **argv, int *index,
			 struct error *err)
{
	struct spec *spec = request->spec;

	if (spec->rootfs)
		return complete_rootfs(spec, err);
	if (*index >= argc) {
		error_plain(err, "neither an image nor --rootfs DIR was given");
		error_hint(err, "Try: amphora %s host", argv[0]);
		return -EINVAL;
	}
	if (request->rootfs_later) {
		spec->rootfs = talloc_strdup(spec, argv[(*index)++]);
		return complete_rootfs(spec, err);
	}
	if (strcmp(argv[*index], "host") != 0)
		return refuse_image(argv[*index], err);
	(*index)++;
	spec->host_image = true;
	spec->rootfs = "/";
	return 0;
}

static void complete_command(struct run_request *request, int argc, char **argv, int index)
{
	struct spec_process *process = &request->spec->process;

	if (request->entrypoint && request->entrypoint[0])
		append_string(request->spec, &process->argv, &process->argc, request->entrypoint);
	for (; index < argc; index++)
		append_string(request->spec, &process->argv, &process->argc, argv[index]);
	if (process->argc == 0)
		append_string(request->spec, &process->argv, &process->argc, "/bin/sh");
}

/* AMPHORA_BACKEND stands in for a missing --backend. */
static int backend_from_environment(struct run_request *request, struct error *err)
{
	const char *value = getenv("AMPHORA_BACKEND");
	struct spec *spec = request->spec;

	if (request->backend_given || !value || !value[0])
		return 0;
	spec->backend_from_environment = true;
	if (parse_backend(value, &spec->backend, err))
		return error_wrap(err, -EINVAL, "AMPHORA_BACKEND");
	return 0;
}

int run_request_parse(void *parent, const struct option_table *table, int argc, char **argv,
		      struct run_request **ret_request, struct error *err)
{
	struct run_request *request = talloc_zero(parent, struct run_request);
	int index, result;

	request->spec = spec_new(request);
	result = options_parse(table, argc, argv, request, &index, err);
	if (!result)
		result = backend_from_environment(request, err);
	if (!result && !request->fast_path_given)
		result = fast_path_from_environment(&request->spec->fast_path, err);
	if (!result)
		result = complete_root(request, argc, argv, &index, err);
	if (result)
		return result;
	complete_command(request, argc, argv, index);
	request->spec->name_is_generated = !request->spec->name;
	if (!request->spec->name)
		request->spec->name = generate_name(request->spec);
	result = build_environment(request, err);
	if (!result)
		result = spec_validate(request->spec, err);
	if (!result)
		*ret_request = request;
	return result;
}
