// SPDX-License-Identifier: Apache-2.0
/* The one reader of /proc/PID/status, and of /proc/PID/syscall. Values by their labels, since kernels differ in what lines there are; a
 * newline in a process's name is escaped there, so that no name can bring a line of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "ptrace_backend/process_status.h"

#define TEXT_SIZE 8192 /* with all groups that are told */

/* Behind the label, which starts with a newline and ends in a colon; NULL: no such line. */
static const char *find(const char *text, const char *label)
{
	const char *line = strstr(text, label);

	return line ? line + strlen(label) : NULL;
}

static uint64_t find_bits(const char *text, const char *label, uint64_t otherwise)
{
	const char *at = find(text, label);

	return at ? strtoull(at, NULL, 16) : otherwise;
}

/* Returns how many numbers follow on the line; stores `max` at most. */
static unsigned find_numbers(const char *text, const char *label, uint32_t *numbers, unsigned max)
{
	const char *at = find(text, label);
	unsigned count = 0;

	while (at && count < max) {
		char *end;

		at += strspn(at, " \t");
		if (*at < '0' || *at > '9')
			break;
		numbers[count++] = (uint32_t)strtoul(at, &end, 10);
		at = end;
	}
	return count;
}

int process_status_parse(const char *text, struct process_status *ret_status)
{
	const char *state = find(text, "\nState:\t"), *umask = find(text, "\nUmask:");
	struct process_status *status = ret_status;
	uint32_t tgid, parent, filters;

	if (!state || find_numbers(text, "\nTgid:", &tgid, 1) != 1 ||
	    find_numbers(text, "\nPPid:", &parent, 1) != 1 ||
	    find_numbers(text, "\nUid:", status->users, PROCESS_IDS) != PROCESS_IDS ||
	    find_numbers(text, "\nGid:", status->groups, PROCESS_IDS) != PROCESS_IDS)
		return -EIO;
	status->state = *state;
	status->tgid = (pid_t)tgid;
	status->parent = (pid_t)parent;
	status->umask = umask ? (mode_t)strtoul(umask, NULL, 8) & 0777 : 022;
	status->other_count = find_numbers(text, "\nGroups:", status->others, PROCESS_GROUPS_MAX);
	status->inheritable = find_bits(text, "\nCapInh:", 0);
	status->effective = find_bits(text, "\nCapEff:", 0);
	status->bounding = find_bits(text, "\nCapBnd:", 0);
	status->filters = find_numbers(text, "\nSeccomp_filters:", &filters, 1) == 1 ? (int)filters : -1;
	status->ignored = find_bits(text, "\nSigIgn:", 0);
	status->caught = find_bits(text, "\nSigCgt:", UINT64_MAX);
	return 0;
}

int process_status(pid_t pid, struct process_status *ret_status)
{
	char path[64], text[TEXT_SIZE];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	length = file_read_at(AT_FDCWD, path, text, sizeof(text));
	return length < 0 ? (int)length : process_status_parse(text, ret_status);
}

bool process_has_capability(pid_t pid, unsigned capability)
{
	struct process_status status;

	return process_status(pid, &status) == 0 && (status.effective >> capability & 1);
}

enum signal_disposition process_disposition(pid_t pid, int signal)
{
	struct process_status status;

	if (process_status(pid, &status) < 0 || (status.caught >> (signal - 1) & 1))
		return SIGNAL_CAUGHT;
	return status.ignored >> (signal - 1) & 1 ? SIGNAL_IGNORED : SIGNAL_DEFAULT;
}

bool process_sleeps_at(pid_t tid, uint64_t *ret_stack, uint64_t *ret_counter)
{
	unsigned long long stack, counter;
	char path[64];
	bool sleeps;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	in = fopen(path, "re");
	sleeps = in && fscanf(in, "%*d %*x %*x %*x %*x %*x %*x %llx %llx", &stack, &counter) == 2;
	if (in)
		fclose(in);
	if (sleeps) {
		*ret_stack = stack;
		*ret_counter = counter;
	}
	return sleeps;
}
