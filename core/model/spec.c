// SPDX-License-Identifier: Apache-2.0
/* Building a spec piece by piece, and the checks that need more than one piece. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/model/guest_path.h"
#include "core/model/spec.h"

/* Limits on what a user controls. The kernel's own are near: 128 KiB a string at execve. */
#define MOUNTS_MAX	4096
#define ENV_MAX		16384
#define ENV_LENGTH_MAX	(128 * 1024 - 1)
#define NAME_LENGTH_MAX 128
#define HOSTNAME_LENGTH_MAX 64
#define PRESERVE_FDS_MAX    1024

struct spec *spec_new(void *parent)
{
	struct spec *spec = talloc_zero(parent, struct spec);

	if (spec)
		spec->fast_path = FAST_PATH_AUTO;
	return spec;
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

static int path_check(const char *what, const char *path, struct error *err)
{
	if (!path || path[0] != '/')
		return error_plain(err, "%s: \"%.64s\" is not an absolute path", what,
				   path ? path : "");
	if (strlen(path) >= PATH_MAX)
		return error_plain(err, "%s: path longer than %d bytes", what, PATH_MAX - 1);
	if (has_control_character(path))
		return error_plain(err, "%s: control character in \"%.64s\"", what, path);
	return 0;
}

int spec_add_mount(struct spec *spec, const struct mount_request *mount, struct error *err)
{
	struct mount_request *all;
	struct mount_request copy = *mount;
	int r;

	if ((unsigned)mount->kind >= MOUNT_KIND_COUNT)
		return error_plain(err, "mount: unknown kind %d", (int)mount->kind);
	r = path_check("mount target", mount->target, err);
	if (r < 0)
		return r;
	if (guest_path_has_dot_dot(mount->target))
		return error_plain(err, "mount target: \"..\" in %.200s", mount->target);
	if (guest_path_depth(mount->target) == 0)
		return error_plain(err, "mount target: / itself is given by --rootfs or an image");
	if (mount->kind == MOUNT_KIND_BIND) {
		r = path_check("mount source", mount->source, err);
		if (r < 0)
			return r;
	}
	if (spec->mount_count >= MOUNTS_MAX)
		return error_plain(err, "more than %d mounts", MOUNTS_MAX);

	all = talloc_realloc(spec, spec->mounts, struct mount_request, spec->mount_count + 1);
	if (!all)
		return error_set(err, ENOMEM, "mount %s", mount->target);
	spec->mounts = all;
	copy.target = talloc_strdup(all, mount->target);
	copy.source = mount->kind == MOUNT_KIND_BIND ? talloc_strdup(all, mount->source) : NULL;
	if (!copy.target || (mount->kind == MOUNT_KIND_BIND && !copy.source))
		return error_set(err, ENOMEM, "mount %s", mount->target);
	all[spec->mount_count++] = copy;
	return 0;
}

/* The place of the variable in env, or env_count. */
static size_t env_find(const struct spec_process *process, const char *assignment, size_t key_length)
{
	size_t i;

	for (i = 0; i < process->env_count; i++)
		if (strncmp(process->env[i], assignment, key_length + 1) == 0)
			break;
	return i;
}

int spec_add_env(struct spec *spec, const char *assignment, struct error *err)
{
	struct spec_process *process = &spec->process;
	const char *equals = strchr(assignment, '=');
	const char **env;
	const char *copy;
	size_t at;

	if (!equals || equals == assignment)
		return error_plain(err, "environment: \"%.64s\" is not NAME=VALUE", assignment);
	if (strlen(assignment) > ENV_LENGTH_MAX)
		return error_plain(err, "environment: %.64s... is longer than %d bytes", assignment,
				   ENV_LENGTH_MAX);
	at = env_find(process, assignment, (size_t)(equals - assignment));
	if (at == process->env_count && process->env_count >= ENV_MAX)
		return error_plain(err, "environment: more than %d variables", ENV_MAX);

	env = talloc_realloc(spec, process->env, const char *, process->env_count + 2);
	if (!env)
		return error_set(err, ENOMEM, "environment");
	process->env = env;
	copy = talloc_strdup(env, assignment);
	if (!copy)
		return error_set(err, ENOMEM, "environment");
	env[at] = copy;
	if (at == process->env_count)
		process->env_count++;
	env[process->env_count] = NULL;
	return 0;
}

int spec_add_rlimit(struct spec *spec, const struct rlimit_request *request, struct error *err)
{
	struct rlimit_request *all;
	size_t at;

	if (request->resource < 0 || request->resource >= RLIM_NLIMITS)
		return error_plain(err, "ulimit: no resource has the number %d", request->resource);
	if (request->limit.rlim_cur > request->limit.rlim_max)
		return error_plain(err, "ulimit: the soft limit is above the hard limit");
	for (at = 0; at < spec->rlimit_count; at++)
		if (spec->rlimits[at].resource == request->resource)
			break;
	if (at == spec->rlimit_count) {
		all = talloc_realloc(spec, spec->rlimits, struct rlimit_request, at + 1);
		if (!all)
			return error_set(err, ENOMEM, "ulimit");
		spec->rlimits = all;
		spec->rlimit_count++;
	}
	spec->rlimits[at] = *request;
	return 0;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool word_is_valid(const char *word, size_t length_max, const char *also)
{
	size_t length = strlen(word);

	if (length == 0 || length > length_max || !is_letter_or_digit(word[0]))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_letter_or_digit(word[i]) && !strchr(also, word[i]))
			return false;
	return true;
}

bool spec_name_is_valid(const char *name)
{
	return word_is_valid(name, NAME_LENGTH_MAX, "_.-");
}

bool spec_hostname_is_valid(const char *hostname)
{
	return word_is_valid(hostname, HOSTNAME_LENGTH_MAX, ".-");
}

static int target_compare(const void *a, const void *b)
{
	return guest_path_compare(*(const char *const *)a, *(const char *const *)b);
}

static int mounts_validate(const struct spec *spec, struct error *err)
{
	const char **targets = talloc_array(NULL, const char *, spec->mount_count + 1);
	int r = 0;

	if (!targets)
		return error_set(err, ENOMEM, "mounts");
	for (size_t i = 0; i < spec->mount_count; i++)
		targets[i] = spec->mounts[i].target;
	qsort(targets, spec->mount_count, sizeof(*targets), target_compare);
	for (size_t i = 1; i < spec->mount_count && r == 0; i++)
		if (guest_path_compare(targets[i - 1], targets[i]) == 0)
			r = error_plain(err, "two mounts on %.200s", targets[i]);
	talloc_free(targets);
	return r;
}

static int net_validate(const struct net_request *net, struct error *err)
{
	struct in6_addr address;

	for (size_t i = 0; i < net->name_count; i++)
		if (!word_is_valid(net->names[i].name, 253, "._-"))
			return error_plain(err, "add-host: \"%.64s\" is not a host name",
					   net->names[i].name);
	for (size_t i = 0; i < net->dns_count; i++)
		if (inet_pton(AF_INET, net->dns_servers[i], &address) != 1 &&
		    inet_pton(AF_INET6, net->dns_servers[i], &address) != 1)
			return error_plain(err, "dns: \"%.64s\" is not an IP address",
					   net->dns_servers[i]);
	for (size_t i = 0; i < net->port_count; i++)
		if (net->ports[i].guest_port == 0)
			return error_plain(err, "publish: port 0 can't be published");
	return 0;
}

static int process_validate(const struct spec_process *process, struct error *err)
{
	struct user_request user;
	int r;

	if (process->argc == 0 || !process->argv || !process->argv[0] || !process->argv[0][0])
		return error_plain(err, "no command to run");
	if (process->cwd) {
		r = path_check("workdir", process->cwd, err);
		if (r < 0)
			return r;
	}
	if (process->preserve_fds > PRESERVE_FDS_MAX)
		return error_plain(err, "preserve-fds: more than %d", PRESERVE_FDS_MAX);
	if (process->user) {
		void *names = talloc_new(NULL);

		r = user_request_parse(names, process->user, &user, err);
		talloc_free(names);
		if (r < 0)
			return r;
	}
	return 0;
}

int spec_validate(const struct spec *spec, struct error *err)
{
	int r;

	if (!spec->rootfs)
		return error_plain(err, "no root filesystem: give an image or --rootfs DIR");
	r = path_check("rootfs", spec->rootfs, err);
	if (r < 0)
		return r;
	if (spec->name && !spec_name_is_valid(spec->name))
		return error_plain(err, "name: \"%.64s\" is not [a-zA-Z0-9][a-zA-Z0-9_.-]*",
				   spec->name);
	if (spec->hostname && !spec_hostname_is_valid(spec->hostname))
		return error_plain(err, "hostname: \"%.64s\" is not 1 to %d letters, digits, '-', '.'",
				   spec->hostname, HOSTNAME_LENGTH_MAX);
	r = mounts_validate(spec, err);
	if (r < 0)
		return r;
	r = net_validate(&spec->net, err);
	if (r < 0)
		return r;
	return process_validate(&spec->process, err);
}
