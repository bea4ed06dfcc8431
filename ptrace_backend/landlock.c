// SPDX-License-Identifier: Apache-2.0
/* Landlock: the kernel-checked boundary under path translation.
 *
 * Theory of operation
 *
 * Translation decides what a path means; Landlock decides what may be opened at all. The ruleset
 * allows the rootfs and every mount source, each with the rights of its flags, what the tracer
 * itself needs, and nothing else. It is applied to the tracer before the guest exists, so that calls
 * the tracer makes for a guest are confined too. A ruleset only ever shrinks: what a guest mounts lies in
 * what was granted at start, and for its tmpfs there is a directory.
 *
 * The first process then adds a second one, for the guest alone: without what only the tracer needs, and
 * of /proc, where a rule can't tell a process of the guest's from /proc/sys, real root may only read.
 * Being a domain of its own, the kernel also keeps the guest from the supervisor's memory and /proc/PID,
 * and where it can (ABI 6) from signalling anything but itself.
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
#include <sys/sysmacros.h>
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

#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* ABI 6, Linux 6.12 */
#define LANDLOCK_SCOPE_SIGNAL		    (1ULL << 1)
#endif

/* The kernel's struct landlock_ruleset_attr; headers may be older. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct ruleset {
	int fd;
	uint64_t handled;
	bool guest; /* the second one */
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
static int allow_tracer_files(const struct ruleset *ruleset, const struct tracer *tracer,
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
	if (!error)
		error = allow(ruleset, tracer->view_directory, ruleset->handled, err);
	snprintf(path, sizeof(path), "%s", tracer->view_directory);
	if (!error)
		error = allow(ruleset, dirname(path), LANDLOCK_ACCESS_FS_REMOVE_DIR, err);
	if (!error && context->record_path) {
		snprintf(path, sizeof(path), "%s", context->record_path);
		error = allow(ruleset, dirname(path), ruleset->handled, err);
	}
	return error;
}

/* The tracer writes to /proc/PID/mem. A guest that is the machine's root could write to /proc/sys and
 * /proc/sysrq-trigger, for no rule can leave them out; other users can write to nothing but their
 * own processes anyway. */
static uint64_t proc_rights(const struct ruleset *ruleset)
{
	return ruleset->guest && geteuid() == 0 ? RIGHTS_READ : ruleset->handled;
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

/* Devices that every container has are bound read-only for real root, which guards their mode alone; for the
 * kernel a write to a device is none to its mount. */
bool landlock_is_everyones_device(const char *host)
{
	const dev_t devices[] = {
		makedev(1, 3), makedev(1, 5), makedev(1, 7), makedev(1, 8), makedev(1, 9), /* null … urandom */
		makedev(5, 0), makedev(5, 2), /* tty, ptmx */
	};
	struct stat status;

	if (lstat(host, &status) < 0 || !S_ISCHR(status.st_mode))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (status.st_rdev == devices[i])
			return true;
	return false;
}

static int allow_emulator(const struct ruleset *ruleset, const struct emulator *emulator, struct error *err)
{
	int error = allow(ruleset, emulator->argv[0], RIGHTS_READ, err);

	if (!error && emulator->interpreter)
		error = allow(ruleset, emulator->interpreter, RIGHTS_READ, err);
	for (size_t i = 0; i < emulator->library_count && !error; i++)
		error = allow(ruleset, emulator->libraries[i].path, RIGHTS_READ, err);
	return error;
}

static int allow_all(const struct ruleset *ruleset, const struct tracer *tracer,
		     const struct backend_context *context, struct error *err)
{
	const struct emulator *emulator = context->plan->emulator;
	char path[PATH_MAX];
	int error = allow_own_binary(ruleset, err);

	if (!error && emulator)
		error = allow_emulator(ruleset, emulator, err);
	if (!error && !ruleset->guest)
		error = allow_tracer_files(ruleset, tracer, context, err);
	if (!error)
		error = allow(ruleset, "/proc", proc_rights(ruleset), err);
	/* The listing of /proc is made there. */
	if (!error && ruleset->guest)
		error = allow(ruleset, tracer->view_directory, RIGHTS_READ, err);
	if (!error && ruleset->guest)
		error = allow(ruleset, tracer->mounts_directory, ruleset->handled, err);
	snprintf(path, sizeof(path), "%s/shm", tracer->view_directory);
	if (!error && ruleset->guest && context->plan->emulate_sysvipc)
		error = allow(ruleset, path, RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, err);
	if (!error)
		error = allow_stdio(ruleset, context, err);
	for (uint32_t i = 0; i < tracer->table->mount_count && !error; i++) {
		const struct path_mount *mount = &tracer->table->mounts[i];
		const char *host = tracer->table->strings + mount->host;
		uint64_t rights = mount->flags & PATH_MOUNT_READ_ONLY && !landlock_is_everyones_device(host) ?
					  RIGHTS_READ :
					  ruleset->handled;

		if (mount->flags & PATH_MOUNT_PROC)
			rights &= proc_rights(ruleset);
		error = allow(ruleset, host, rights, err);
	}
	return error;
}

/* Returns 0 and the ruleset's fd, or -errno. */
static int make_ruleset(const struct tracer *tracer, const struct backend_context *context, bool guest,
			int *ret_fd, struct error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset = { .handled = RIGHTS_ABI1 | LANDLOCK_ACCESS_FS_REFER, .guest = guest };
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(attr.handled_access_fs);
	int error;

	if (abi < 2)
		return error_set(err, abi < 0 ? errno : ENOSYS, "Landlock");
	if (abi >= 3)
		ruleset.handled |= LANDLOCK_ACCESS_FS_TRUNCATE;
	attr.handled_access_fs = ruleset.handled;
	if (abi >= 6 && guest) {
		size = sizeof(attr);
		attr.scoped = LANDLOCK_SCOPE_SIGNAL;
		if (tracer->deny_network)
			attr.scoped |= LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	}
	ruleset.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset.fd < 0)
		return error_set(err, errno, "Landlock ruleset");
	error = allow_all(&ruleset, tracer, context, err);
	if (error) {
		close(ruleset.fd);
		return error;
	}
	*ret_fd = ruleset.fd;
	return 0;
}

int landlock_confine(struct tracer *tracer, const struct backend_context *context,
		     struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	int error = make_ruleset(tracer, context, true, &tracer->guest_ruleset, err);

	if (!error)
		error = make_ruleset(tracer, context, false, &fd, err);
	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return error_set(err, errno, "Landlock");
	return 0;
}

int landlock_confine_guest(int ruleset)
{
	return ruleset < 0 ? 0 : (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
