// SPDX-License-Identifier: Apache-2.0
/* Id maps of a user namespace.
 *
 * One id needs nobody's help: the child maps its creator's own id, after it has given up setgroups
 * (Linux 3.19: otherwise gid_map is refused, because dropping a group could grant access). Ranges of
 * subordinate ids are written by the set-uid helpers newuidmap and newgidmap, from the parent: they
 * check /etc/subuid and /etc/subgid against the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "ns_backend/setup.h"

static bool one_own_id(const struct plan_id_range *ranges, unsigned count, uint32_t own)
{
	return count == 1 && ranges[0].count == 1 && ranges[0].outside == own;
}

bool ids_child_maps_itself(const struct plan *plan)
{
	return !plan->use_newuidmap && one_own_id(plan->uid_ranges, plan->uid_range_count, geteuid()) &&
	       one_own_id(plan->gid_ranges, plan->gid_range_count, getegid());
}

static void format_map(const struct plan_id_range *ranges, unsigned count, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%u %u %u\n", ranges[i].inside,
				       ranges[i].outside, ranges[i].count);
}

static int write_map(const char *process, const char *file, const struct plan_id_range *ranges,
		     unsigned count, struct error *err)
{
	char path[64], text[160];
	int result;

	snprintf(path, sizeof(path), "/proc/%s/%s", process, file);
	format_map(ranges, count, text, sizeof(text));
	result = file_write_once(path, text);
	if (result == 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	error_set(err, -result, "cannot write '%s' to %s", text, path);
	error_hint(err, "amphora probe --fresh shows what user namespaces can do here");
	return result;
}

int ids_map_self(const struct plan *plan, struct error *err)
{
	int result = file_write_once("/proc/self/setgroups", "deny");

	if (result < 0 && result != -ENOENT)
		return error_set(err, -result, "cannot write 'deny' to /proc/self/setgroups");
	result = write_map("self", "uid_map", plan->uid_ranges, plan->uid_range_count, err);
	if (!result)
		result = write_map("self", "gid_map", plan->gid_ranges, plan->gid_range_count, err);
	return result;
}

static int spawn_helper(const char *helper, pid_t child, const struct plan_id_range *ranges,
			unsigned count, pid_t *ret_pid, struct error *err)
{
	char words[1 + 3 * 2][16], program[16];
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *argv[3 + 3 * 2], *env[] = {path, NULL};
	size_t argc = 0, word = 0;
	int result;

	snprintf(program, sizeof(program), "%s", helper);
	snprintf(words[word], sizeof(words[word]), "%d", (int)child);
	argv[argc++] = program;
	argv[argc++] = words[word++];
	for (unsigned i = 0; i < count && i < 2; i++) {
		const uint32_t numbers[] = {ranges[i].inside, ranges[i].outside, ranges[i].count};

		for (size_t n = 0; n < 3; n++) {
			snprintf(words[word], sizeof(words[word]), "%u", numbers[n]);
			argv[argc++] = words[word++];
		}
	}
	argv[argc] = NULL;
	result = posix_spawnp(ret_pid, helper, NULL, NULL, argv, env);
	if (!result)
		return 0;
	error_set(err, result, "cannot run %s", helper);
	error_hint(err, "Install the package uidmap");
	return -result;
}

static int wait_helper(const char *helper, pid_t pid, struct error *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, errno, "cannot wait for %s", helper);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, EPERM, "%s refused the id map", helper);
	error_hint(err, "Check this user's ranges in /etc/subuid and /etc/subgid");
	return -EPERM;
}

/* The two run at the same time: each is an exec of its own, and start-up waits for both. */
static int run_helpers(const struct plan *plan, pid_t child, struct error *err)
{
	pid_t uid_helper, gid_helper;
	int result, second;

	result = spawn_helper("newuidmap", child, plan->uid_ranges, plan->uid_range_count,
			      &uid_helper, err);
	if (result < 0)
		return result;
	result = spawn_helper("newgidmap", child, plan->gid_ranges, plan->gid_range_count,
			      &gid_helper, err);
	second = result < 0 ? 0 : wait_helper("newgidmap", gid_helper, err);
	if (result < 0)
		waitpid(uid_helper, NULL, 0);
	else
		result = wait_helper("newuidmap", uid_helper, err);
	return result < 0 ? result : second;
}

int ids_map_child(const struct plan *plan, pid_t child, struct error *err)
{
	char process[16];
	int result;

	if (plan->use_newuidmap)
		return run_helpers(plan, child, err);
	snprintf(process, sizeof(process), "%d", (int)child);
	result = write_map(process, "uid_map", plan->uid_ranges, plan->uid_range_count, err);
	if (!result)
		result = write_map(process, "gid_map", plan->gid_ranges, plan->gid_range_count, err);
	return result;
}

static bool range_has(const struct plan_id_range *ranges, unsigned count, uint32_t id)
{
	for (unsigned i = 0; i < count; i++)
		if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].count)
			return true;
	return false;
}

bool ids_uid_mapped(const struct plan *plan, uid_t uid)
{
	return !(plan->clone_flags & CLONE_NEWUSER) ||
	       range_has(plan->uid_ranges, plan->uid_range_count, uid);
}

bool ids_gid_mapped(const struct plan *plan, gid_t gid)
{
	return !(plan->clone_flags & CLONE_NEWUSER) ||
	       range_has(plan->gid_ranges, plan->gid_range_count, gid);
}
