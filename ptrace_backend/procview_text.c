// SPDX-License-Identifier: Apache-2.0
/* Contents of /proc/PID/maps, mountinfo, status and their kin as the guest should read them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/fast_copy.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracer.h"

/* Guest path for a host path that a maps line shows; NULL when it lies outside the guest's tree. */
static const char *guest_path(struct tracee *subject, const char *host, char *guest)
{
	struct path_position position;

	if (path_from_host(tracee_table(subject), -1, host, &position) < 0)
		return NULL;
	guest_links_name(subject, &position);
	if (path_to_guest(tracee_table(subject), &subject->fs->root, &position, guest, PATH_SIZE) < 0)
		return NULL;
	return guest;
}

static bool is_ours(const struct tracee *subject, uint64_t start, uint64_t end)
{
	const struct tracee_mm *mm = subject->mm;

	return (start >= mm->loader_base && end <= mm->loader_base + mm->loader_size) ||
	       fast_is_area(mm, start, end) ||
	       (mm->scratch && start >= mm->scratch && end <= mm->scratch + SCRATCH_MAPPED);
}

/* Whether a line is of what a copy of a library (fast_copy.h) has more than the original, which `status` is of. */
static bool is_records(const char *line, const struct stat *status)
{
	uint64_t offset;

	return sscanf(line, "%*s %*s %" SCNx64, &offset) == 1 && offset >= (uint64_t)status->st_size;
}

/* Puts the original's device and inode in the line of a copy. */
static void put_original(char *line, const struct stat *status)
{
	char numbers[64];
	int from = 0, to = 0;

	sscanf(line, "%*s %*s %*s %n%*s %*s %n", &from, &to);
	snprintf(numbers, sizeof(numbers), "%02x:%02x %" PRIu64, major(status->st_dev), minor(status->st_dev),
		 (uint64_t)status->st_ino);
	/* The kernel leaves blanks up to the path's column. */
	if (to > from && strlen(numbers) < (size_t)(to - from)) {
		memset(line + from, ' ', (size_t)(to - from));
		memcpy(line + from, numbers, strlen(numbers));
	}
}

/* A line with a host path at its end, from `name`; `host`: what it stands for. */
static void put_path(struct tracee *subject, const char *line, const char *name, const char *host, FILE *out)
{
	char guest[PATH_SIZE];
	const char *shown = name ? guest_path(subject, host, guest) : NULL;

	if (name && !shown && ipc_map_name(subject->tracer, name, guest, sizeof(guest)))
		shown = guest;

	if (shown)
		fprintf(out, "%.*s%s\n", (int)(name - line), line, shown);
	else
		fprintf(out, "%s\n", line);
}

static FILE *open_file_of(const struct tracee *subject, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)subject->tid, name);
	return fopen(path, "re");
}

/* maps, and smaps where more lines follow those of maps. */
static void put_maps(struct tracee *subject, const char *file_name, FILE *out)
{
	_cleanup_fclose_ FILE *file = open_file_of(subject, file_name);
	_cleanup_free_ char *line = NULL;
	bool ours = false;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		const char *name = NULL, *original = NULL;
		struct stat status;
		uint64_t start, end;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
			name = strchr(line, '/');
			original = name ? fast_copy_original(subject->tracer, name, &status) : NULL;
			ours = is_ours(subject, start, end) || (original && is_records(line, &status));
		}
		if (ours)
			continue;
		if (original)
			put_original(line, &status);
		put_path(subject, line, name, original ? original : name, out);
	}
}

void procview_maps(struct tracee *subject, FILE *out)
{
	put_maps(subject, "maps", out);
}

void procview_smaps(struct tracee *subject, FILE *out)
{
	put_maps(subject, "smaps", out);
}

/* "7f1c02a000 default file=/usr/lib/libc.so.6 mapped=3 ...": blanks in names are escaped. */
void procview_numa_maps(struct tracee *subject, FILE *out)
{
	_cleanup_fclose_ FILE *file = open_file_of(subject, "numa_maps");
	_cleanup_free_ char *line = NULL;
	char guest[PATH_SIZE];
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		uint64_t start = strtoull(line, NULL, 16);
		char *name = strstr(line, " file=/"), *rest, end;
		const char *shown;

		if (is_ours(subject, start, start + 1))
			continue;
		if (!name) {
			fputs(line, out);
			continue;
		}
		name += strlen(" file=");
		rest = name + strcspn(name, " \n");
		end = *rest;
		*rest = '\0';
		shown = guest_path(subject, name, guest);
		fprintf(out, "%.*s%s%c%s", (int)(name - line), line, shown ? shown : name, end,
			end ? rest + 1 : "");
	}
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

enum mounts_form { FORM_MOUNTS, FORM_MOUNTINFO, FORM_MOUNTSTATS };

static void put_mounts(struct tracee *subject, enum mounts_form form, FILE *out)
{
	const struct path_table *table = tracee_table(subject);
	char host[PATH_SIZE], guest[PATH_SIZE], shown[PATH_SIZE], type[64], source[128];

	for (uint32_t i = 0; i < table->mount_count; i++) {
		const struct path_mount *mount = &table->mounts[i];
		const struct mount_label *label = &tracee_mounts(subject)->labels[i];
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
		if (label->type[0]) {
			snprintf(type, sizeof(type), "%s", label->type);
			escape(label->source, source, sizeof(source));
		}
		escape(guest, shown, sizeof(shown));
		snprintf(options, sizeof(options), "%s%s%s%s,relatime",
			 mount->flags & PATH_MOUNT_READ_ONLY ? "ro" : "rw",
			 mount->flags & PATH_MOUNT_NOSUID ? ",nosuid" : "",
			 mount->flags & PATH_MOUNT_NODEV ? ",nodev" : "",
			 mount->flags & PATH_MOUNT_NOEXEC ? ",noexec" : "");
		if (form == FORM_MOUNTINFO)
			fprintf(out, "%u %d %u:%u / %s %s - %s %s rw\n", i + 20,
				mount->parent < 0 ? 1 : mount->parent + 20, major(status.st_dev),
				minor(status.st_dev), shown, options, type, source);
		else if (form == FORM_MOUNTS)
			fprintf(out, "%s %s %s %s 0 0\n", source, shown, type, options);
		else
			fprintf(out, "device %s mounted on %s with fstype %s\n", source, shown,
				type);
	}
}

void procview_mounts(struct tracee *subject, FILE *out)
{
	put_mounts(subject, FORM_MOUNTS, out);
}

void procview_mountinfo(struct tracee *subject, FILE *out)
{
	put_mounts(subject, FORM_MOUNTINFO, out);
}

void procview_mountstats(struct tracee *subject, FILE *out)
{
	put_mounts(subject, FORM_MOUNTSTATS, out);
}

/* As the process itself sees them. */
static void put_uids(struct tracee *subject, FILE *out)
{
	const struct credentials *ids = &subject->credentials;

	fprintf(out, "Uid:\t%u\t%u\t%u\t%u\n", user_ns_show_uid(subject, ids->ruid),
		user_ns_show_uid(subject, ids->euid), user_ns_show_uid(subject, ids->suid),
		user_ns_show_uid(subject, ids->fsuid));
}

static void put_gids(struct tracee *subject, FILE *out)
{
	const struct credentials *ids = &subject->credentials;

	fprintf(out, "Gid:\t%u\t%u\t%u\t%u\n", user_ns_show_gid(subject, ids->rgid),
		user_ns_show_gid(subject, ids->egid), user_ns_show_gid(subject, ids->sgid),
		user_ns_show_gid(subject, ids->fsgid));
}

/* A line of status that the guest should see differently. False when it stays. */
static bool put_status_line(struct tracee *subject, const char *line, FILE *out)
{
	const struct credentials *ids = &subject->credentials;

	if (!strncmp(line, "Uid:", 4))
		put_uids(subject, out);
	else if (!strncmp(line, "Gid:", 4))
		put_gids(subject, out);
	else if (!strncmp(line, "Groups:", 7)) {
		fputs("Groups:\t", out);
		for (uint32_t i = 0; i < ids->group_count; i++)
			fprintf(out, "%u ", user_ns_show_gid(subject, ids->groups[i]));
		fputc('\n', out);
	} else if (!strncmp(line, "CapInh:", 7))
		fprintf(out, "CapInh:\t%016" PRIx64 "\n", ids->inheritable);
	else if (!strncmp(line, "CapPrm:", 7))
		fprintf(out, "CapPrm:\t%016" PRIx64 "\n", ids->permitted);
	else if (!strncmp(line, "CapEff:", 7))
		fprintf(out, "CapEff:\t%016" PRIx64 "\n", ids->effective);
	else if (!strncmp(line, "CapBnd:", 7))
		fprintf(out, "CapBnd:\t%016" PRIx64 "\n", ids->bounding);
	else if (!strncmp(line, "CapAmb:", 7))
		fprintf(out, "CapAmb:\t%016" PRIx64 "\n", ids->ambient);
	else if (!strncmp(line, "NoNewPrivs:", 11))
		fprintf(out, "NoNewPrivs:\t%d\n", ids->no_new_privs);
	else
		return false;
	return true;
}

void procview_status(struct tracee *subject, FILE *out)
{
	_cleanup_fclose_ FILE *file = open_file_of(subject, "status");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		if (!strncmp(line, "State:\tt", 8) && !(subject->guest && subject->guest->held))
			fputs(subject->group_stopped ? "State:\tT (stopped)\n" :
						       "State:\tR (running)\n",
			      out);
		else if (!strncmp(line, "TracerPid:", 10))
			fprintf(out, "TracerPid:\t%d\n",
				subject->guest && subject->guest->by ? (int)subject->guest->by->tid : 0);
		else if (!subject->tracer->fake_ids ||
			 !put_status_line(subject, line, out))
			fputs(line, out);
	}
}

void procview_stat(struct tracee *subject, FILE *out)
{
	_cleanup_fclose_ FILE *file = open_file_of(subject, "stat");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	char *state;

	if (!file || getline(&line, &room, file) <= 0)
		return;
	state = strrchr(line, ')');
	if (state && state[1] == ' ' && state[2] == 't' && !(subject->guest && subject->guest->held))
		state[2] = 'T';
	fputs(line, out);
}
