// SPDX-License-Identifier: Apache-2.0
/* Landlock: the kernel-checked boundary under path translation.
 *
 * Theory of operation
 *
 * Translation decides what a path means; Landlock decides what may be opened at all. The ruleset
 * allows the rootfs and every mount source, each with the rights of its flags, what the tracer
 * itself needs, and nothing else. It is applied to the tracer before the guest exists, so that calls
 * the tracer makes for a guest are confined as the guest is. A ruleset only ever shrinks.
 *
 * Granted beyond the mounts: amphora's own binary (every execve goes through it) and, when it is
 * linked dynamically, the directories of its libraries, both read and execute only; the state
 * directory; the ownership record; /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "ptrace_backend/tracer.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* ABI 2, Linux 5.19 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3, Linux 6.2 */
#endif

#define RIGHTS_READ                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_ABI1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
/* Of these, only these make sense on a file that isn't a directory. */
#define RIGHTS_FILE                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |                               \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

struct ruleset {
	int fd;
	uint64_t handled;
};

/* Missing paths are skipped: nothing can be opened below them either. */
static int allow(const struct ruleset *ruleset, const char *path, uint64_t rights,
		 struct error *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights & ruleset->handled };
	_cleanup_close_ int fd = open(path[0] ? path : "/", O_PATH | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : error_set(err, errno, "%s", path);
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= RIGHTS_FILE;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set(err, errno, "Landlock rule for %s", path);
	return 0;
}

static int allow_own_binary(const struct ruleset *ruleset, struct error *err)
{
	static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64",
						 "/system", "/apex" };
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int error;

	if (n < 0)
		return error_set(err, errno, "/proc/self/exe");
	path[n] = '\0';
	error = allow(ruleset, path, RIGHTS_READ, err);
	if (exec_is_static())
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(libraries) && !error; i++)
		error = allow(ruleset, libraries[i], RIGHTS_READ, err);
	return error;
}

/* The tracer's own needs. Removing the state directory, which the monitor renames first,
 * takes rights on its parent. */
static int allow_own_files(const struct ruleset *ruleset, const struct tracer *tracer,
			   const struct backend_context *context, struct error *err)
{
	char path[PATH_MAX];
	int error = allow(ruleset, context->state_directory, ruleset->handled, err);

	snprintf(path, sizeof(path), "%s", context->state_directory);
	if (!error)
		error = allow(ruleset, dirname(path),
			      LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |
				      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
			      err);
	snprintf(path, sizeof(path), "%s", tracer->view_directory);
	if (!error)
		error = allow(ruleset, path, ruleset->handled, err);
	if (!error)
		error = allow(ruleset, dirname(path), LANDLOCK_ACCESS_FS_REMOVE_DIR, err);
	if (!error && context->record_path) {
		snprintf(path, sizeof(path), "%s", context->record_path);
		error = allow(ruleset, dirname(path), ruleset->handled, err);
	}
	if (!error)
		error = allow(ruleset, "/proc", ruleset->handled, err);
	return error;
}

/* The files behind standard input and output, with the rights that the fds have, so that
 * /dev/stdout and /proc/self/fd/1 can be opened as without us. */
static int allow_stdio(const struct ruleset *ruleset, const struct backend_context *context,
		       struct error *err)
{
	int error = 0;

	for (unsigned i = 0; i < 3 + context->plan->spec->process.preserve_fds && !error; i++) {
		int fd = i < 3 ? context->stdio[i] : (int)i;
		int flags = fcntl(fd, F_GETFL);
		uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
		char path[64];
		struct stat status;

		if (flags < 0 || fstat(fd, &status) < 0 ||
		    (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode)))
			continue;
		if ((flags & O_ACCMODE) == O_RDONLY)
			rights = LANDLOCK_ACCESS_FS_READ_FILE;
		else if ((flags & O_ACCMODE) == O_RDWR)
			rights |= LANDLOCK_ACCESS_FS_READ_FILE;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		error = allow(ruleset, path, rights, err);
	}
	return error;
}

int landlock_confine(struct tracer *tracer, const struct backend_context *context,
		     struct error *err)
{
	struct landlock_ruleset_attr attr = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_close_ int fd = -EBADF;
	struct ruleset ruleset = { .handled = RIGHTS_ABI1 };
	int error;

	if (abi < 2)
		return error_set(err, abi < 0 ? errno : ENOSYS, "Landlock");
	ruleset.handled |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		ruleset.handled |= LANDLOCK_ACCESS_FS_TRUNCATE;
	attr.handled_access_fs = ruleset.handled;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return error_set(err, errno, "Landlock ruleset");
	ruleset.fd = fd;
	error = allow_own_binary(&ruleset, err);
	if (!error)
		error = allow_own_files(&ruleset, tracer, context, err);
	if (!error)
		error = allow_stdio(&ruleset, context, err);
	for (uint32_t i = 0; i < tracer->table->mount_count && !error; i++) {
		const struct path_mount *mount = &tracer->table->mounts[i];

		error = allow(&ruleset, tracer->table->strings + mount->host,
			      mount->flags & PATH_MOUNT_READ_ONLY ? RIGHTS_READ : ruleset.handled,
			      err);
	}
	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return error_set(err, errno, "Landlock");
	return 0;
}
