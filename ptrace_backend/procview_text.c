// SPDX-License-Identifier: Apache-2.0
/* Contents of /proc/PID/maps, mounts and mountinfo as the guest should read them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/tracer.h"

/* Guest path for a host path that a maps line shows; NULL when it lies outside the guest's tree. */
static const char *guest_path(struct tracee *subject, const char *host, char *guest)
{
	struct path_position position;

	if (path_from_host(tracee_table(subject), -1, host, &position) < 0 ||
	    path_to_guest(tracee_table(subject), &subject->fs->root, &position, guest, PATH_SIZE) < 0)
		return NULL;
	return guest;
}

static bool is_ours(const struct tracee *subject, uint64_t start, uint64_t end)
{
	const struct tracee_mm *mm = subject->mm;

	return (start >= mm->loader_base && end <= mm->loader_base + mm->loader_size) ||
	       (mm->scratch && start >= mm->scratch && end <= mm->scratch + SCRATCH_SIZE + 4096);
}

char *procview_maps(struct tracer *tracer, struct tracee *subject)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	char *text = talloc_strdup(tracer, ""), path[64], guest[PATH_SIZE];
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)subject->tid);
	file = fopen(path, "re");
	while (file && text && getline(&line, &room, file) > 0) {
		uint64_t start = 0, end = 0;
		const char *shown;
		char *name;

		line[strcspn(line, "\n")] = '\0';
		sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end);
		if (is_ours(subject, start, end))
			continue;
		name = strchr(line, '/');
		shown = name ? guest_path(subject, name, guest) : NULL;
		if (shown)
			text = talloc_asprintf_append_buffer(text, "%.*s%s\n", (int)(name - line),
							     line, shown);
		else
			text = talloc_asprintf_append_buffer(text, "%s\n", line);
	}
	return text;
}

/* Type and source of the host file system with this device number, from the host's mountinfo. */
static void host_file_system(dev_t device, char *type, char *source, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	snprintf(type, size, "none");
	snprintf(source, size, "none");
	while (file && getline(&line, &room, file) > 0) {
		unsigned device_major, device_minor;
		char *separator = strstr(line, " - "), *save = NULL, *word;

		if (!separator || sscanf(line, "%*d %*d %u:%u", &device_major, &device_minor) != 2 ||
		    makedev(device_major, device_minor) != device)
			continue;
		word = strtok_r(separator + 3, " \n", &save);
		snprintf(type, size, "%s", word ? word : "none");
		word = strtok_r(NULL, " \n", &save);
		snprintf(source, size, "%s", word ? word : "none");
		return;
	}
}

/* Blanks in mount points are octal escapes (proc(5)). */
static void escape(const char *path, char *out, size_t size)
{
	size_t at = 0;

	for (; *path && at + 5 < size; path++) {
		if (strchr(" \t\n\\", *path))
			at += (size_t)snprintf(out + at, size - at, "\\%03o",
					       (unsigned)(unsigned char)*path);
		else
			out[at++] = *path;
	}
	out[at] = '\0';
}

char *procview_mounts(struct tracer *tracer, struct tracee *subject, bool info)
{
	const struct path_table *table = tracee_table(subject);
	char *text = talloc_strdup(tracer, "");
	char host[PATH_SIZE], guest[PATH_SIZE], shown[PATH_SIZE], type[64], source[64];

	for (uint32_t i = 0; text && i < table->mount_count; i++) {
		const struct path_mount *mount = &table->mounts[i];
		struct path_position position = { .mount = (int32_t)i };
		char options[64];
		struct stat status;

		if ((mount->flags & PATH_MOUNT_HIDDEN) ||
		    path_to_host(table, &position, host, sizeof(host)) < 0 ||
		    path_to_guest(table, &subject->fs->root, &position, guest, sizeof(guest)) < 0 ||
		    stat(host[0] ? host : "/", &status) < 0)
			continue;
		host_file_system(status.st_dev, type, source, sizeof(type));
		if (i == 0)
			snprintf(source, sizeof(source), "amphora");
		escape(guest, shown, sizeof(shown));
		snprintf(options, sizeof(options), "%s%s%s%s,relatime",
			 mount->flags & PATH_MOUNT_READ_ONLY ? "ro" : "rw",
			 mount->flags & PATH_MOUNT_NOSUID ? ",nosuid" : "",
			 mount->flags & PATH_MOUNT_NODEV ? ",nodev" : "",
			 mount->flags & PATH_MOUNT_NOEXEC ? ",noexec" : "");
		if (info)
			text = talloc_asprintf_append_buffer(
				text, "%u %d %u:%u / %s %s - %s %s rw\n", i + 20,
				mount->parent < 0 ? 1 : mount->parent + 20, major(status.st_dev),
				minor(status.st_dev), shown, options, type, source);
		else
			text = talloc_asprintf_append_buffer(text, "%s %s %s %s 0 0\n", source,
							     shown, type, options);
	}
	return text;
}

static char *append_ids(char *text, const char *label, const struct credentials *ids, bool group)
{
	return talloc_asprintf_append_buffer(text, "%s\t%u\t%u\t%u\t%u\n", label,
					     group ? ids->rgid : ids->ruid,
					     group ? ids->egid : ids->euid,
					     group ? ids->sgid : ids->suid,
					     group ? ids->fsgid : ids->fsuid);
}

/* A line of status that the guest should see differently; NULL when it stays. */
static char *status_line(char *text, const struct credentials *ids, const char *line)
{
	if (!strncmp(line, "Uid:", 4))
		return append_ids(text, "Uid:", ids, false);
	if (!strncmp(line, "Gid:", 4))
		return append_ids(text, "Gid:", ids, true);
	if (!strncmp(line, "Groups:", 7)) {
		text = talloc_strdup_append_buffer(text, "Groups:\t");
		for (uint32_t i = 0; text && i < ids->group_count; i++)
			text = talloc_asprintf_append_buffer(text, "%u ", ids->groups[i]);
		return text ? talloc_strdup_append_buffer(text, "\n") : NULL;
	}
	if (!strncmp(line, "CapInh:", 7))
		return talloc_asprintf_append_buffer(text, "CapInh:\t%016" PRIx64 "\n",
						     ids->inheritable);
	if (!strncmp(line, "CapPrm:", 7))
		return talloc_asprintf_append_buffer(text, "CapPrm:\t%016" PRIx64 "\n",
						     ids->permitted);
	if (!strncmp(line, "CapEff:", 7))
		return talloc_asprintf_append_buffer(text, "CapEff:\t%016" PRIx64 "\n",
						     ids->effective);
	return NULL;
}

char *procview_status(struct tracer *tracer, struct tracee *subject)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	char *text = talloc_strdup(tracer, ""), path[64], *changed;
	size_t room = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)subject->tid);
	file = fopen(path, "re");
	while (file && text && getline(&line, &room, file) > 0) {
		if (!strncmp(line, "TracerPid:", 10)) {
			text = talloc_strdup_append_buffer(text, "TracerPid:\t0\n");
			continue;
		}
		changed = tracer->fake_ids ? status_line(text, &subject->credentials, line) : NULL;
		text = changed ? changed : talloc_strdup_append_buffer(text, line);
	}
	return text;
}
