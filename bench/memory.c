// SPDX-License-Identifier: Apache-2.0
/* The most memory that a column's own processes have held: those below the one we started, without
 * the program inside. A peer that leaves its helpers to init (podman's conmon) is told short. */
#include "bench/bench.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROCESSES 4096

struct process {
	pid_t pid, parent;
	bool inside; /* micro: what is below it doesn't count either */
	bool below;  /* the root, or a descendant of it that counts */
};

/* "PID (NAME) STATE PARENT …"; a name may have blanks and parentheses. */
static bool read_process(const char *pid, struct process *ret_process)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, sizeof(line), file);
	const char *name = read ? strchr(line, '(') : NULL, *end = read ? strrchr(line, ')') : NULL;
	int parent;

	if (file)
		fclose(file);
	if (!name || !end || sscanf(end, ") %*c %d", &parent) != 1)
		return false;
	*ret_process = (struct process){
		.pid = atoi(pid), .parent = parent,
		.inside = strncmp(name + 1, MICRO_NAME, sizeof(MICRO_NAME) - 1) == 0,
	};
	return true;
}

static int read_processes(struct process *processes)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	int count = 0;

	while (directory && count < MAX_PROCESSES && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_process(entry->d_name, &processes[count]))
			count++;
	if (directory)
		closedir(directory);
	return count;
}

static long peak_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* Marks descendants; a parent may stand behind its child in the list. */
static void mark_below(struct process *processes, int count)
{
	bool more = true;

	while (more) {
		more = false;
		for (int i = 0; i < count; i++) {
			struct process *process = &processes[i];

			for (int j = 0; j < count && !process->below && !process->inside; j++)
				if (processes[j].below && process->parent == processes[j].pid)
					process->below = more = true;
		}
	}
}

long memory_peak_kib(pid_t root)
{
	struct process *processes = calloc(MAX_PROCESSES, sizeof(*processes));
	int count = processes ? read_processes(processes) : 0;
	long total = 0;

	for (int i = 0; i < count; i++)
		processes[i].below = processes[i].pid == root;
	mark_below(processes, count);
	for (int i = 0; i < count; i++)
		if (processes[i].below)
			total += peak_kib(processes[i].pid);
	free(processes);
	return total;
}
