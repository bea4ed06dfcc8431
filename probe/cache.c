// SPDX-License-Identifier: Apache-2.0
/* The cache of facts: probe-UID.json in the runtime directory.
 *
 * The file holds the facts and a key, the text of everything cheap to read that can change an
 * answer. A key that differs in any byte means probing again; so a flipped sysctl, another login
 * session, a new binary or a reboot is noticed, and no time limit is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "probe/check.h"
#include "probe/probe.h"

#define CACHE_SIZE_MAX (1024 * 1024)
#define KEY_MEMBER     "amphora_probe_key"

/* One line each; one that isn't there is part of the key too. */
static const char *const key_files[] = {
	"/proc/sys/kernel/random/boot_id",
	"/proc/self/attr/current",
	"/proc/self/cgroup",
	"/proc/sys/user/max_user_namespaces",
	"/proc/sys/user/max_mnt_namespaces",
	"/proc/sys/user/max_pid_namespaces",
	"/proc/sys/user/max_net_namespaces",
	"/proc/sys/kernel/unprivileged_userns_clone",
	"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
	"/proc/sys/kernel/userns_restrict",
	"/proc/sys/kernel/yama/ptrace_scope",
	"/proc/sys/vm/memfd_noexec",
	"/proc/sys/net/ipv4/ip_unprivileged_port_start",
	"/proc/sys/net/ipv4/ping_group_range",
	"/sys/fs/selinux/enforce",
};

static const char *const key_links[] = {"/proc/self/ns/user", "/proc/self/ns/mnt",
					"/proc/self/ns/pid", "/proc/self/ns/net"};

/* What identifies a file and tells that it changed. */
static const char *const key_stats[] = {"/",           "/proc/self/exe", "/etc/subuid",
					"/etc/subgid", "/dev/fuse",      "/dev/net/tun"};

/* Lines of /proc/self/status: capabilities, filters, and whether we are traced. */
static const char *const key_status[] = {
	"TracerPid:", "CapEff:", "NoNewPrivs:", "Seccomp:", "Seccomp_filters:", "Groups:"};

static char *add_status(char *key)
{
	char text[4096];

	if (file_read_at(AT_FDCWD, "/proc/self/status", text, sizeof(text)) < 0)
		return key;
	for (size_t i = 0; i < ARRAY_SIZE(key_status); i++) {
		const char *at = strstr(text, key_status[i]);

		if (at)
			key = talloc_asprintf_append_buffer(key, "%.*s|", (int)strcspn(at, "\n"),
							    at);
	}
	return key;
}

static char *add_stat(char *key, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return talloc_asprintf_append_buffer(key, "-|");
	return talloc_asprintf_append_buffer(
		key, "%llx:%llu:%lld:%lld:%o|", (unsigned long long)status.st_dev,
		(unsigned long long)status.st_ino,
		S_ISREG(status.st_mode) ? (long long)status.st_size : 0LL,
		S_ISREG(status.st_mode) ? (long long)status.st_mtime : 0LL,
		(unsigned)status.st_mode);
}

/* NULL: out of memory, or a filter that can't be told from others: then there is no cache. */
static char *make_key(void *parent, const char *store)
{
	struct utsname name;
	char text[1024];
	char *key;

	uname(&name);
	key = talloc_asprintf(parent, "%s|%s|%s|%u|%u|%s|%d|", name.release, name.version,
			      name.machine, (unsigned)geteuid(), (unsigned)getegid(), store,
			      FACT_ID_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(key_files) && key; i++) {
		ssize_t length = file_read_line(key_files[i], text, sizeof(text));

		key = talloc_asprintf_append_buffer(key, "%s|", length < 0 ? "-" : text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(key_links) && key; i++) {
		ssize_t length = readlinkat(AT_FDCWD, key_links[i], text, sizeof(text) - 1);

		text[length < 0 ? 0 : length] = '\0';
		key = talloc_asprintf_append_buffer(key, "%s|", text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(key_stats) && key; i++)
		key = add_stat(key, key_stats[i]);
	if (key)
		key = add_stat(key, store);
	if (key)
		key = add_status(key);
	/* A filter can't be read, only felt. */
	if (key && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0) {
		uint64_t hash;

		if (probe_calls_fingerprint(&hash) < 0)
			return NULL;
		key = talloc_asprintf_append_buffer(key, "%llx|", (unsigned long long)hash);
	}
	/* A key is compared after a trip through JSON. */
	for (char *at = key; at && *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return key;
}

/* The whole file, child of parent; NULL unless it is ours and nobody else may write it. */
static char *read_cache(void *parent, int directory, const char *name, size_t *ret_size)
{
	_cleanup_close_ int fd =
		openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	ssize_t length;
	char *text;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_uid != geteuid() || status.st_mode & 022 || status.st_size > CACHE_SIZE_MAX)
		return NULL;
	text = talloc_size(parent, (size_t)status.st_size + 1);
	length = text ? file_read_fd(fd, text, (size_t)status.st_size + 1) : -ENOMEM;
	if (length < 0)
		return NULL;
	*ret_size = (size_t)length;
	return text;
}

static bool has_key(const char *text, const char *key)
{
	struct json_object *root = json_tokener_parse(text), *member;
	bool same = root && json_object_object_get_ex(root, KEY_MEMBER, &member) &&
		    json_object_is_type(member, json_type_string) &&
		    !strcmp(json_object_get_string(member), key);

	json_object_put(root);
	return same;
}

static int write_cache(void *parent, int directory, const char *name, const char *key,
		       const struct facts *facts)
{
	char *json = facts_to_json(parent, facts);
	struct json_object *root = json ? json_tokener_parse(json) : NULL;
	const char *text;
	int result;

	if (!root)
		return -ENOMEM;
	json_object_object_add(root, KEY_MEMBER, json_object_new_string(key));
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
	result = file_replace_at(directory, name, text, strlen(text), 0600, true);
	json_object_put(root);
	return result;
}

int probe_cached(const char *store, const char *runtime_directory, bool fresh,
		 struct facts *ret_facts, struct error *err)
{
	void *scope = talloc_new(NULL);
	_cleanup_close_ int directory = -EBADF;
	char name[32], *key, *text;
	size_t size;
	int result;

	if (!scope)
		return error_set(err, ENOMEM, "probe");
	if (runtime_directory)
		directory = open(runtime_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "probe-%u.json", (unsigned)geteuid());
	key = directory < 0 ? NULL : make_key(scope, store);
	text = key && !fresh ? read_cache(scope, directory, name, &size) : NULL;
	if (text && has_key(text, key) && facts_from_json(text, size, ret_facts, NULL) == 0) {
		talloc_free(scope);
		return 0;
	}
	result = probe_run(store, ret_facts, err);
	/* The first run makes the store, whose inode is part of the key. */
	if (result == 0 && key)
		key = make_key(scope, store);
	if (result == 0 && key) {
		int code = write_cache(scope, directory, name, key, ret_facts);

		if (code < 0)
			log_debug("can't keep the facts in %s/%s: %s", runtime_directory, name,
				  strerror(-code));
	}
	talloc_free(scope);
	return result;
}
