// SPDX-License-Identifier: Apache-2.0
/* Finds, makes and checks the directories that amphora keeps things in.
 *
 * /tmp and homes are shared with people we don't trust (attack 38): a directory counts only when
 * it is a real directory, ours, and closed to others. It is opened once without following a
 * symlink, and the opened object is what gets checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/store/store.h"

/* Copies of libraries lie there, and what guests write to a tmpfs that they mount. */
#define MEMORY_MIN (256U << 20)

static int refuse(const char *path, const char *why, struct error *err)
{
	error_set(err, EPERM, "directory %s %s", path, why);
	error_hint(err, "Move it away, or point XDG_DATA_HOME and XDG_RUNTIME_DIR somewhere else");
	return -EPERM;
}

/* Makes a host path (its parents must exist) as 0700 when missing; refuses one that isn't ours. */
static int open_private(const char *path, struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	/* A host path: no guest has a name in it. */
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "mkdir %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return refuse(path, "is a symlink or a file", err);
	if (fd < 0 && errno == EACCES)
		return refuse(path, "belongs to somebody else", err);
	if (fd < 0)
		return error_set(err, errno, "open %s", path);
	if (fstat(fd, &status) < 0)
		return error_set(err, errno, "stat %s", path);
	if (status.st_uid != geteuid())
		return refuse(path, "belongs to somebody else", err);
	if (status.st_mode & 022)
		return refuse(path, "can be written by others", err);
	if ((status.st_mode & 077) && fchmod(fd, 0700) < 0)
		return error_set(err, errno, "chmod 0700 %s", path);
	return 0;
}

static const char *environment_path(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

int store_data_directory(void *parent, char **ret_path, struct error *err)
{
	const char *data = environment_path("XDG_DATA_HOME"), *home = environment_path("HOME");
	char *base, *path;
	int result;

	if (data)
		base = talloc_strdup(parent, data);
	else if (home)
		base = talloc_asprintf(parent, "%s/.local/share", home);
	else if (geteuid() == 0)
		base = talloc_strdup(parent, "/var/lib");
	else
		return error_plain(err, "neither HOME nor XDG_DATA_HOME is set: there is no place "
					"for containers");
	result = file_mkdirs(base, 0700);
	if (result)
		return error_set(err, -result, "mkdir %s", base);
	path = talloc_asprintf(parent, "%s/amphora", base);
	result = open_private(path, err);
	if (!result)
		*ret_path = path;
	return result;
}

static const char *user_runtime_directory(void)
{
	const char *runtime = environment_path("XDG_RUNTIME_DIR");
	struct stat status;

	/* su, sudo and cron hand down a host path that is another user's or gone. */
	if (runtime && (stat(runtime, &status) < 0 || status.st_uid != geteuid())) {
		log_debug("XDG_RUNTIME_DIR %s is not ours: not used", runtime);
		return NULL;
	}
	return runtime;
}

int store_runtime_directory(void *parent, char **ret_path, struct error *err)
{
	const char *runtime = user_runtime_directory();
	const char *temporary = environment_path("TMPDIR");
	char *path;
	int result;

	if (runtime)
		path = talloc_asprintf(parent, "%s/amphora", runtime);
	else if (geteuid() == 0 && access("/run", W_OK) == 0)
		path = talloc_strdup(parent, "/run/amphora");
	else
		path = talloc_asprintf(parent, "%s/amphora-%u", temporary ? temporary : "/tmp",
				       (unsigned)geteuid());
	result = open_private(path, err);
	if (!result)
		*ret_path = path;
	return result;
}

int store_memory_directory(void *parent, char **ret_path)
{
	struct error ignored = ERROR_INIT;
	struct statfs fs;
	char *path;

	/* A host path. */
	if (geteuid() == 0 || user_runtime_directory() || environment_path("TMPDIR") ||
	    statfs(STORE_SHARED_MEMORY, &fs) < 0 || fs.f_type != TMPFS_MAGIC || (fs.f_flags & ST_NOEXEC) ||
	    (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < MEMORY_MIN)
		return -ENOENT;
	path = talloc_asprintf(parent, STORE_SHARED_MEMORY "/amphora-%u", (unsigned)geteuid());
	if (!path || open_private(path, &ignored) < 0) {
		log_debug("%s can't be used", path ? path : STORE_SHARED_MEMORY);
		return -ENOENT;
	}
	*ret_path = path;
	return 0;
}

int store_record_path(void *parent, const char *rootfs, char **ret_path, struct error *err)
{
	struct stat status;
	char *data, *records;
	int result = store_data_directory(parent, &data, err);

	if (result)
		return result;
	/* The rootfs itself is a host path. */
	if (stat(rootfs, &status) < 0)
		return error_set(err, errno, "rootfs %s", rootfs);
	records = talloc_asprintf(parent, "%s/records", data);
	result = open_private(records, err);
	if (!result)
		*ret_path = talloc_asprintf(parent, "%s/%llx-%llu", records,
					    (unsigned long long)status.st_dev,
					    (unsigned long long)status.st_ino);
	return result;
}
