// SPDX-License-Identifier: Apache-2.0
/* newuidmap and newgidmap with the ranges of /etc/subuid and /etc/subgid.
 *
 *	us ---fork---> child in a new user namespace, waiting
 *	 +---exec---> newuidmap CHILD 0 UID 1 1 START COUNT, then newgidmap
 *
 * The helpers are setuid or have file capabilities and may still fail: nosuid mounts, no_new_privs,
 * a wrong line. What they print is the sentence of the fact.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "probe/check.h"

struct range {
	unsigned long start, count;
};

/* The name of a uid; not by getpwuid(), which may ask a network. */
static void user_name(uid_t uid, char *name, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/passwd", "re");
	const char *fallback = getenv("LOGNAME");
	struct passwd *entry;

	snprintf(name, size, "%s", fallback ? fallback : "");
	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid) {
			snprintf(name, size, "%s", entry->pw_name);
			return;
		}
}

/* The longest range of the user, by name or number. Returns 0 or -errno. */
static int find_range(const char *path, uid_t uid, const char *name, struct range *ret_range)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[512], number[16];
	struct range best = {0};

	if (!file)
		return -errno;
	snprintf(number, sizeof(number), "%u", (unsigned)uid);
	while (fgets(line, sizeof(line), file)) {
		char *rest = strchr(line, ':');
		struct range range;

		if (!rest)
			continue;
		*rest++ = '\0';
		if ((strcmp(line, number) != 0 && (!name[0] || strcmp(line, name) != 0)) ||
		    sscanf(rest, "%lu:%lu", &range.start, &range.count) != 2)
			continue;
		if (range.count > best.count && range.start + range.count <= UINT32_MAX)
			best = range;
	}
	*ret_range = best;
	return best.count ? 0 : -ENOENT;
}

/* Runs a helper. Returns its exit status, 127 when there is none; its first line of stderr. */
static int run_helper(const char *helper, pid_t target, unsigned own, struct range range,
		      char *message, size_t size)
{
	char pid_text[16], own_text[16], start[16], count[16];
	char *argv[] = {(char *)(uintptr_t)helper,
			pid_text,
			(char[]){"0"},
			own_text,
			(char[]){"1"},
			(char[]){"1"},
			start,
			count,
			NULL};
	int ends[2];
	pid_t pid;

	snprintf(pid_text, sizeof(pid_text), "%d", (int)target);
	snprintf(own_text, sizeof(own_text), "%u", own);
	snprintf(start, sizeof(start), "%u", (unsigned)range.start);
	snprintf(count, sizeof(count), "%u", (unsigned)range.count);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = probe_fork();
	if (pid == 0) {
		dup3(ends[1], STDERR_FILENO, 0);
		dup3(ends[1], STDOUT_FILENO, 0);
		execvp(helper, argv);
		_exit(127);
	}
	close(ends[1]);
	if (file_read_fd(ends[0], message, size) < 0)
		message[0] = '\0';
	close(ends[0]);
	message[strcspn(message, "\n")] = '\0';
	return pid < 0 ? -EAGAIN : probe_wait(pid);
}

static bool map_is_there(pid_t pid, const char *which, struct range range)
{
	char path[64], text[256];
	unsigned long inside, outside, count;
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	line = strchr(text, '\n');
	return line && sscanf(line + 1, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       inside == 1 && outside == range.start && count == range.count;
}

static void map_child(struct probe_context *context, enum fact_id fact, pid_t pid,
		      struct range uids, struct range gids)
{
	char message[160] = "";
	const char *helper = "newuidmap";
	int status = run_helper(helper, pid, context->uid, uids, message, sizeof(message));

	if (status == 0) {
		helper = "newgidmap";
		status = run_helper(helper, pid, context->gid, gids, message, sizeof(message));
	}
	if (status == 127)
		probe_absent(context, fact, ENOENT,
			     "%s isn't installed (Debian: uidmap, Fedora: shadow-utils)", helper);
	else if (status != 0)
		probe_fails(context, fact, EPERM, "%s%s", message[0] ? message : helper,
			    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
				    ? "; no_new_privs is set, which takes the helper's rights"
			    : message[0] ? ""
					 : " fails");
	else if (!map_is_there(pid, "uid_map", uids) || !map_is_there(pid, "gid_map", gids))
		probe_fails(context, fact, EPROTO, "the helpers wrote no map");
	else
		probe_works(context, fact,
			    (int64_t)(uids.count < gids.count ? uids.count : gids.count),
			    "%lu:%lu %lu:%lu", uids.start, uids.count, gids.start, gids.count);
}

static void check_newuidmap(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	struct range uids = {0}, gids = {0};
	char name[256];
	int ends[2], code = 0;
	pid_t pid;

	user_name(context->uid, name, sizeof(name));
	if (find_range("/etc/subuid", context->uid, name, &uids) < 0 ||
	    find_range("/etc/subgid", context->uid, name, &gids) < 0) {
		probe_fails(context, fact, ENOENT,
			    "no range for %.64s in /etc/subuid and /etc/subgid; ask for: usermod "
			    "--add-subuids 100000-165535 --add-subgids 100000-165535 %.64s",
			    name, name);
		return;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = probe_fork();
	if (pid == 0) {
		code = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
		if (write(ends[1], &code, sizeof(code)) == sizeof(code))
			probe_sleep();
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &code, sizeof(code)) != sizeof(code))
		code = EPROTO;
	if (code)
		probe_fails(context, fact, code, "needs a user namespace");
	else
		map_child(context, fact, pid, uids, gids);
	if (pid > 0) {
		kill(pid, SIGKILL);
		probe_wait(pid);
	}
}

const struct probe_check probe_newuidmap_checks[] = {
	{check_newuidmap, PROBE_FACTS(FACT_ID_NEWUIDMAP), 0, NULL},
	{0},
};
