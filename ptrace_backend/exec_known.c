// SPDX-License-Identifier: Apache-2.0
/* What an execve needn't find out again.
 *
 * Theory of operation
 *
 *   files   by device and inode: headers, capabilities. They hold while size, owner, mode and times are the same, which
 *	     one lstat(2) tells. A file that has changed a moment before it is read isn't remembered: one more change
 *	     might get the same time. Since a change of mode or owner counts as well, and all who have our rights
 *	     have the same, the file needn't even be opened to see that it can be.
 *   paths   absolute ones with the fast path, whose watch on names (fast_watch.c) makes its generation another one where
 *	     a path may lead elsewhere: all names that it goes through but the file's own, which is looked at.
 *
 * Both are tables in which a newer entry takes an older one's place. A path has to come twice to be worth the watch.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "ptrace_backend/exec_known.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/tracer.h"

#define FILES_MAX    128
#define PATHS_MAX    128
#define UNSETTLED_NS 20000000 /* the clock of inodes ticks every 1 to 10 ms */

struct known_file {
	struct stat status;
	bool is_program; /* exec is known as well */
	unsigned char capability[CAPABILITY_VALUE_MAX];
	int capability_size;
	bool unmapped;
	struct elf_image image; /* the last: its interpreter as far as it goes */
};

/* A struct path_result of what was asked for by the path in `text`; rel and host lie behind that. */
struct known_path {
	uint64_t hash;	     /* of the guest's path */
	uint64_t generation; /* of the fast path; 0: it has only been seen */
	char *text, *rel, *host;
	int32_t mount;
	uint32_t position_flags, rel_length, host_length, flags;
};

struct exec_known {
	struct known_file *files[FILES_MAX];
	struct known_path paths[PATHS_MAX];
	/* What a path has led to, at this stop of the tracer's. */
	const struct known_path *looked_at;
	uint64_t stop;
	struct stat status;
};

static struct exec_known *known_of(struct tracer *tracer)
{
	if (!tracer->exec_known)
		tracer->exec_known = talloc_zero(tracer, struct exec_known);
	return tracer->exec_known;
}

/* Files */

static struct known_file **file_place(struct exec_known *known, const struct stat *status)
{
	return &known->files[(status->st_ino ^ status->st_dev << 3) % FILES_MAX];
}

static bool is_settled(const struct stat *status)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (now.tv_sec - status->st_ctim.tv_sec) * 1000000000LL + now.tv_nsec - status->st_ctim.tv_nsec > UNSETTLED_NS;
}

/* Those of whom one can execute what another could. */
static bool has_common_rights(const struct tracee *tracee)
{
	return !permissions_on(tracee) && guest_links_has_our_rights(tracee);
}

static void copy_image(struct elf_image *to, const struct elf_image *from)
{
	memcpy(to, from, offsetof(struct elf_image, interpreter));
	memcpy(to->interpreter, from->interpreter, strlen(from->interpreter) + 1);
	to->device = from->device;
	to->inode = from->inode;
}

void exec_known_remember(struct tracee *tracee, const struct stat *status, const struct elf_image *image,
			 const struct exec_credentials *exec)
{
	struct exec_known *known = known_of(tracee->tracer);
	struct known_file **place = known ? file_place(known, status) : NULL, *file;

	if (!place || !has_common_rights(tracee) || !is_settled(status))
		return;
	file = *place ? *place : talloc(known, struct known_file);
	*place = file;
	if (!file)
		return;
	file->status = *status;
	file->is_program = exec != NULL;
	if (exec) {
		memcpy(file->capability, exec->capability, sizeof(file->capability));
		file->capability_size = exec->capability_size;
		file->unmapped = exec->unmapped;
	}
	copy_image(&file->image, image);
}

bool exec_known(struct tracee *tracee, const struct path_result *file, struct elf_image *image,
		struct exec_credentials *exec, struct stat *ret_status)
{
	struct exec_known *known = tracee->tracer->exec_known;
	const struct known_file *found;
	struct stat status;

	if (!known || (file->flags & PATH_RESULT_MAGIC) || !has_common_rights(tracee) ||
	    (tracee_mount_flags(tracee, &file->position) & PATH_MOUNT_NOEXEC))
		return false;
	if (known->looked_at && known->stop == tracee->tracer->stops && !strcmp(known->looked_at->host, file->host))
		status = known->status;
	else if (fstatat(AT_FDCWD, file->host, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	found = *file_place(known, &status);
	if (!found || !file_is_unchanged(&found->status, &status) || (exec && !found->is_program))
		return false;
	ids_guest_stat(tracee->tracer, file->host, -1, &status);
	if (!(status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return false;
	if (exec) {
		memcpy(exec->capability, found->capability, sizeof(exec->capability));
		exec->capability_size = found->capability_size;
		exec->unmapped = found->unmapped;
	}
	*ret_status = status;
	copy_image(image, &found->image);
	return true;
}

/* Paths */

static bool is_file(const char *host, struct stat *ret_status)
{
	return fstatat(AT_FDCWD, host, ret_status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret_status->st_mode);
}

static void forget(struct known_path *path)
{
	talloc_free(path->text);
	*path = (struct known_path){ .hash = 0 };
}

/* Keeps of the result what isn't empty. */
static void fill(struct exec_known *known, struct known_path *path, const char *guest, const struct path_result *result)
{
	size_t guest_size = strlen(guest) + 1, rel_size = result->position.length + 1;

	path->text = talloc_size(known, guest_size + rel_size + result->host_length + 1);
	if (!path->text)
		return;
	memcpy(path->text, guest, guest_size);
	path->rel = path->text + guest_size;
	memcpy(path->rel, result->position.rel, rel_size);
	path->host = path->rel + rel_size;
	memcpy(path->host, result->host, result->host_length + 1);
	path->mount = result->position.mount;
	path->position_flags = result->position.flags;
	path->rel_length = result->position.length;
	path->host_length = result->host_length;
	path->flags = result->flags;
}

static void give(const struct known_path *path, struct path_result *result)
{
	result->position.mount = path->mount;
	result->position.flags = path->position_flags;
	result->position.length = path->rel_length;
	memcpy(result->position.rel, path->rel, path->rel_length + 1);
	result->last = PATH_LAST_NORMAL;
	result->flags = path->flags;
	result->fd = -1;
	result->host_length = path->host_length;
	memcpy(result->host, path->host, path->host_length + 1);
}

/* Resolves it, and notes it where it may be asked for once more. */
static int learn(struct tracee *tracee, struct exec_known *known, struct known_path *path, const char *guest,
		 struct path_result *result)
{
	uint64_t generation = 0;
	int error;

	if (fast_watches(tracee, guest, result, &generation) < 0)
		generation = 0;
	else if (result->fd >= 0)
		close(result->fd);
	error = tracee_resolve_string(tracee, AT_FDCWD, guest, PATH_FOLLOW, result);
	if (!error && generation && result->fd < 0 && result->last == PATH_LAST_NORMAL &&
	    !(result->flags & ~(uint32_t)PATH_RESULT_MOUNT_ROOT) && is_file(result->host, &known->status)) {
		fill(known, path, guest, result);
		path->generation = path->text ? generation : 0;
	}
	return error;
}

int exec_known_resolve(struct tracee *tracee, const char *guest, struct path_result *result)
{
	struct exec_known *known = guest[0] == '/' ? known_of(tracee->tracer) : NULL;
	uint64_t generation = known ? fast_generation(tracee) : 0, hash;
	struct known_path *path;
	bool again;

	if (!generation)
		return tracee_resolve_string(tracee, AT_FDCWD, guest, PATH_FOLLOW, result);
	hash = fast_hash_path(guest);
	path = &known->paths[hash % PATHS_MAX];
	again = path->hash == hash;
	known->looked_at = NULL;
	if (again && path->generation == generation && !strcmp(path->text, guest) && is_file(path->host, &known->status)) {
		known->looked_at = path;
		known->stop = tracee->tracer->stops;
		give(path, result);
		return 0;
	}
	forget(path);
	path->hash = hash;
	if (again)
		return learn(tracee, known, path, guest, result);
	return tracee_resolve_string(tracee, AT_FDCWD, guest, PATH_FOLLOW, result);
}
