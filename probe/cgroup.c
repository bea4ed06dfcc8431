// SPDX-License-Identifier: Apache-2.0
/* cgroups: is a group of our own to be had, in which hierarchy, with which controllers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "probe/check.h"

#define HIERARCHIES_MAX 16
#define GROUP_PREFIX    "amphora-probe-" /* and the pid of the prober */

struct hierarchy {
	bool v2;
	char controllers[64]; /* v1: of this mount; name=systemd and the like included */
	char target[256];     /* mount point */
	char own[512];        /* directory of our own group; "" when it can't be seen from here */
};

/* Octal escapes of mountinfo. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (at[0] == '\\' && at[1] && at[2] && at[3]) {
			*to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
		if ((at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}

/* Keeps of the superblock's options what /proc/self/cgroup names the hierarchy by. */
static void keep_controllers(const char *options, char *ret, size_t size)
{
	static const char *const not_controllers[] = {"rw", "ro", "xattr", "noprefix",
						      "clone_children"};
	char copy[256], *save = NULL;

	ret[0] = '\0';
	snprintf(copy, sizeof(copy), "%s", options);
	for (char *word = strtok_r(copy, ",\n", &save); word; word = strtok_r(NULL, ",\n", &save)) {
		size_t used = strlen(ret);
		bool skip = !strncmp(word, "release_agent", 13);

		for (size_t i = 0; i < ARRAY_SIZE(not_controllers); i++)
			skip |= strcmp(word, not_controllers[i]) == 0;
		if (!skip)
			snprintf(ret + used, size - used, "%s%s", used ? "," : "", word);
	}
}

/* One line of mountinfo: "id parent maj:min ROOT TARGET options ... - TYPE source OPTIONS". */
static bool parse_mount(char *line, struct hierarchy *ret, char *root, size_t root_size)
{
	char root_text[256], target[256], type[32], options[256];
	char *tail = strstr(line, " - ");

	if (!tail || sscanf(tail, " - %31s %*s %255s", type, options) != 2 ||
	    sscanf(line, "%*s %*s %*s %255s %255s", root_text, target) != 2)
		return false;
	if (strcmp(type, "cgroup") != 0 && strcmp(type, "cgroup2") != 0)
		return false;
	unescape(target);
	unescape(root_text);
	*ret = (struct hierarchy){.v2 = type[6] == '2'};
	snprintf(ret->target, sizeof(ret->target), "%s", target);
	snprintf(root, root_size, "%s", root_text);
	if (!ret->v2)
		keep_controllers(options, ret->controllers, sizeof(ret->controllers));
	return true;
}

/* Our group in this hierarchy, from "N:controllers:/path" of /proc/self/cgroup. */
static void find_own(struct hierarchy *hierarchy, const char *root)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512];
	size_t skip = strcmp(root, "/") != 0 ? strlen(root) : 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *path;

		path = controllers ? strchr(++controllers, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (hierarchy->v2 ? controllers[0] != '\0'
				  : strcmp(controllers, hierarchy->controllers) != 0 &&
					    !lists(hierarchy->controllers, controllers))
			continue;
		/* A cgroup namespace or a bind mount may show a part only. */
		if (strncmp(path, root, skip) != 0 || strstr(path, ".."))
			return;
		snprintf(hierarchy->own, sizeof(hierarchy->own), "%s%s", hierarchy->target,
			 !strcmp(path + skip, "/") ? "" : path + skip);
		return;
	}
}

static size_t find_hierarchies(struct hierarchy *hierarchies)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, root[256];
	size_t count = 0, size = 0;

	while (file && count < HIERARCHIES_MAX && getline(&line, &size, file) > 0) {
		if (!parse_mount(line, &hierarchies[count], root, sizeof(root)))
			continue;
		find_own(&hierarchies[count], root);
		count++;
	}
	free(line);
	return count;
}

/* Groups of probers that were killed. rmdir spares one that a process is in. */
static void remove_stale(const char *own)
{
	_cleanup_closedir_ DIR *directory = opendir(own);
	struct dirent *entry;
	int pid;

	while (directory && (entry = readdir(directory)))
		if (sscanf(entry->d_name, GROUP_PREFIX "%d", &pid) == 1 && pid > 0 &&
		    kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
}

static void group_path(const struct probe_context *context, const struct hierarchy *hierarchy,
		       char *path, size_t size)
{
	snprintf(path, size, "%s/" GROUP_PREFIX "%d", hierarchy->own, (int)context->prober);
}

/* A child of ours enters the group and ends. */
static int enter_group(void *argument)
{
	char path[640];

	snprintf(path, sizeof(path), "%s/cgroup.procs", (const char *)argument);
	return -file_write_once(path, "0");
}

/* Makes a child group and lets a process enter it. Returns 0 or -errno; nothing is left. */
static int try_group(const struct probe_context *context, const struct hierarchy *hierarchy,
		     const char **ret_step)
{
	char path[600];
	int code;

	*ret_step = "our own group isn't visible here";
	if (!hierarchy->own[0])
		return -ENOENT;
	remove_stale(hierarchy->own);
	group_path(context, hierarchy, path, sizeof(path));
	*ret_step = "a child group of our own can't be made";
	if (mkdirat(AT_FDCWD, path, 0755) < 0)
		return -errno;
	*ret_step = "a process can't be moved into a child group";
	code = probe_call_in_child(enter_group, path);
	for (int tries = 0;
	     unlinkat(AT_FDCWD, path, AT_REMOVEDIR) < 0 && errno == EBUSY && tries < 50; tries++)
		usleep(1000);
	return code < 0 ? code : -code;
}

static void check_v2(struct probe_context *context, const struct hierarchy *hierarchy)
{
	char path[600], controllers[FACT_TEXT_SIZE] = "";
	const char *step;
	int result;

	probe_works(context, FACT_ID_CGROUP2, 0, "%s", hierarchy->target);
	result = try_group(context, hierarchy, &step);
	if (result < 0) {
		probe_fails(
			context, FACT_ID_CGROUP2_WRITABLE, -result,
			"%s; with systemd: systemd-run --user --scope -p Delegate=yes amphora ...",
			step);
		return;
	}
	snprintf(path, sizeof(path), "%s/cgroup.controllers", hierarchy->own);
	file_read_line(path, controllers, sizeof(controllers));
	probe_works(context, FACT_ID_CGROUP2_WRITABLE, 0, "%s", controllers);
}

static void check_cgroups(struct probe_context *context, const struct probe_check *check)
{
	struct hierarchy hierarchies[HIERARCHIES_MAX];
	size_t count = find_hierarchies(hierarchies), writable = 0;
	char text[FACT_TEXT_SIZE] = "";
	bool v1 = false;
	int result = 0;

	(void)check;
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(text);
		const char *step;
		int r;

		if (hierarchies[i].v2) {
			if (context->facts->fact[FACT_ID_CGROUP2].status == FACT_UNKNOWN)
				check_v2(context, &hierarchies[i]);
			continue;
		}
		v1 = true;
		r = try_group(context, &hierarchies[i], &step);
		if (r < 0) {
			result = r;
			continue;
		}
		writable++;
		snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
			 hierarchies[i].controllers);
	}
	if (context->facts->fact[FACT_ID_CGROUP2].status == FACT_UNKNOWN) {
		probe_absent(context, FACT_ID_CGROUP2, 0, "not mounted");
		probe_absent(context, FACT_ID_CGROUP2_WRITABLE, 0, "needs cgroup v2");
	}
	if (!v1)
		probe_absent(context, FACT_ID_CGROUP1, 0, "not mounted");
	else if (!writable)
		probe_fails(context, FACT_ID_CGROUP1, -result,
			    "no hierarchy lets us make a group of our own");
	else
		probe_works(context, FACT_ID_CGROUP1, (int64_t)writable, "%s", text);
}

/* The check was killed with a group made. */
static void clean_cgroups(const struct probe_context *context)
{
	struct hierarchy hierarchies[HIERARCHIES_MAX];
	size_t count = find_hierarchies(hierarchies);
	char path[600];

	for (size_t i = 0; i < count; i++) {
		if (!hierarchies[i].own[0])
			continue;
		group_path(context, &hierarchies[i], path, sizeof(path));
		unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
	}
}

const struct probe_check probe_cgroup_checks[] = {
	{check_cgroups, PROBE_FACTS(FACT_ID_CGROUP2, FACT_ID_CGROUP2_WRITABLE, FACT_ID_CGROUP1), 0,
	 clean_cgroups},
	{0},
};
