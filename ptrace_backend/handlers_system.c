// SPDX-License-Identifier: Apache-2.0
/* The machine's names, and calls whose path rules differ from the
 * table's: a flag of their own says whether to follow, or the result depends on the mount. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "core/base/file.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/syscall_table.h"

#define CAPABILITY_SYS_ADMIN 21

/* Names */

_Static_assert(sizeof(struct utsname) == 6 * 65, "as the kernel's struct new_utsname");

static void set_name(char field[65], const char *text)
{
	if (!text)
		return;
	memset(field, 0, 65);
	memcpy(field, text, strnlen(text, 64));
}

/* What setarch(8) asked for, or NULL. */
static const char *machine_of(const struct tracee *tracee)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/%d/personality", (int)tracee->tid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    (strtoul(text, NULL, 16) & PER_MASK) != PER_LINUX32)
		return NULL;
	return ARCH_COMPAT_UNAME;
}

int guest_names(const struct tracer *tracer, const struct uts_names *set, struct utsname *ret_names)
{
	const struct uname_request *asked = &tracer->plan->spec->uname;
	const char *hostname = set->host[0] ? set->host : tracer->hostname;

	memset(ret_names, 0, sizeof(*ret_names));
	if (uname(ret_names) < 0)
		return -errno;
	set_name(ret_names->sysname, asked->sysname);
	set_name(ret_names->nodename, set->host[0] || !asked->nodename ? hostname : asked->nodename);
	set_name(ret_names->release, asked->release);
	set_name(ret_names->version, asked->version);
	set_name(ret_names->machine, asked->machine);
	set_name(ret_names->domainname, set->domain[0] ? set->domain : asked->domainname);
	return 0;
}

enum verdict handle_uname(struct tracee *tracee, const struct syscall_row *row)
{
	const char *asked = tracee->tracer->plan->spec->uname.machine;
	struct utsname name;
	int error = guest_names(tracee->tracer, namespaces_uts(tracee), &name);

	(void)row;
	if (error)
		return tracee_answer(tracee, error);
	if (!asked)
		set_name(name.machine, machine_of(tracee));
	return tracee_answer(tracee, layout_write_uname(tracee, tracee_argument(tracee, 0), &name));
}

/* sethostname and setdomainname never reach the kernel: as real root they would rename the host. */
enum verdict handle_sethostname(struct tracee *tracee, const struct syscall_row *row)
{
	struct uts_names *set = namespaces_uts(tracee);
	char *name = row->number == SYS_sethostname ? set->host : set->domain;
	int size = (int)tracee_argument(tracee, 1);
	char text[sizeof(set->host)] = { 0 };

	if (!namespaces_capable(tracee, namespace_owner(tracee, NAMESPACE_UTS),
				CAPABILITY_SYS_ADMIN))
		return tracee_answer(tracee, -EPERM);
	if (size < 0 || size >= (int)sizeof(text))
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, tracee_argument(tracee, 0), text, (size_t)size) < 0)
		return tracee_answer(tracee, -EFAULT);
	memcpy(name, text, sizeof(text));
	return tracee_answer(tracee, 0);
}

/* Paths */

static enum verdict translate_following(struct tracee *tracee, const struct syscall_row *row,
					bool follow)
{
	struct syscall_row own = *row;

	own.paths[0].follow = follow ? FOLLOW_ALWAYS : FOLLOW_NEVER;
	return translate_paths(tracee, &own);
}

enum verdict handle_inotify(struct tracee *tracee, const struct syscall_row *row)
{
	return translate_following(tracee, row,
				   !(tracee_argument(tracee, 2) & IN_DONT_FOLLOW));
}

enum verdict handle_fanotify(struct tracee *tracee, const struct syscall_row *row)
{
	return translate_following(tracee, row,
				   !(tracee_argument(tracee, 1) & FAN_MARK_DONT_FOLLOW));
}

#define MODE_AT_EACCESS 0x200

/* --fake-permissions: answered whole, with the caller's real ids unless it asks otherwise. */
static enum verdict check_access(struct tracee *tracee, const struct syscall_row *row)
{
	const struct path_argument *argument = &row->paths[0];
	uint64_t flags = argument->flags < 0 ? 0 : tracee_argument(tracee, (unsigned)argument->flags);
	int mask = (int)tracee_argument(tracee, (unsigned)argument->path + 1);
	struct path_result *result = tracee_result_buffer(tracee, 0);
	int dirfd = argument->dirfd < 0 ? AT_FDCWD : (int)tracee_argument(tracee, 0), error;
	struct credentials saved;

	if (mask & ~(R_OK | W_OK | X_OK))
		return tracee_answer(tracee, -EINVAL);
	saved = tracee->credentials;
	if (!(flags & MODE_AT_EACCESS))
		permissions_real_ids(tracee, &saved);
	error = tracee_resolve(tracee, dirfd, tracee_argument(tracee, (unsigned)argument->path),
			       flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW, result);
	error = procfile_look(tracee, error, result);
	if (!error)
		error = permissions_object(tracee, result, mask);
	tracee->credentials = saved;
	if (!error && (mask & W_OK) && (tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY))
		error = -EROFS;
	return tracee_answer(tracee, error);
}

/* access(W_OK) on a read-only mount: EROFS, but not for devices, sockets and pipes. */
enum verdict handle_access(struct tracee *tracee, const struct syscall_row *row)
{
	const struct path_argument *argument = &row->paths[0];
	unsigned after_path = (unsigned)argument->path + 1;
	struct path_result *result = tracee_result_buffer(tracee, 0);
	uint64_t flags = argument->flags < 0 ? 0 : tracee_argument(tracee, (unsigned)argument->flags);
	struct stat status;
	int dirfd, error;

	if (permissions_on(tracee) && !(flags & AT_EMPTY_PATH))
		return check_access(tracee, row);
	if (!(tracee_argument(tracee, after_path) & W_OK) || !tracee->tracer->any_read_only ||
	    (flags & AT_EMPTY_PATH))
		return translate_paths(tracee, row);
	dirfd = argument->dirfd < 0 ? AT_FDCWD : (int)tracee_argument(tracee, 0);
	error = tracee_resolve(tracee, dirfd, tracee_argument(tracee, (unsigned)argument->path),
			       flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW, result);
	error = procfile_look(tracee, error, result);
	if (!error && (tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY) &&
	    lstat(result->host_length ? result->host : "/", &status) == 0 &&
	    (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISLNK(status.st_mode)))
		error = -EROFS;
	if (!error)
		error = tracee_set_path(tracee, (unsigned)argument->path, result);
	return error ? tracee_answer(tracee, error) : VERDICT_CONTINUE;
}

/* ioctl */

#define BTRFS_TYPE 0x94
/* Numbers that change a subvolume or a directory through an fd opened for reading: 1 and 23 snapshot,
 * 2 and 16 defragment, 14 and 24 create, 15 and 63 destroy, 19 default, 26 flags, 37 received id. */
#define BTRFS_MUTATORS                                                                      \
	(1ULL << 1 | 1ULL << 2 | 1ULL << 14 | 1ULL << 15 | 1ULL << 16 | 1ULL << 19 | 1ULL << 23 | \
	 1ULL << 24 | 1ULL << 26 | 1ULL << 37 | 1ULL << 63)

/* FIOSETOWN, SIOCSPGRP: fcntl(F_SETOWN) by another name. */
static enum verdict set_owner(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;
	int owner;
	bool guests;

	if (tracee_read(tracee, tracee_argument(tracee, 2), &owner, sizeof(owner)) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (owner >= 0)
		guests = owner == 0 || guest_has_process(tracer, owner);
	else
		guests = owner != INT_MIN && guest_has_group(tracer, -owner);
	if (!guests)
		return tracee_answer(tracee, -ESRCH);
	return continue_with_copy(tracee, 2, &owner, sizeof(owner));
}

enum verdict handle_ioctl(struct tracee *tracee, const struct syscall_row *row)
{
	uint32_t request = (uint32_t)tracee_argument(tracee, 1);

	if (request == FIOSETOWN || request == SIOCSPGRP)
		return set_owner(tracee);
	if (_IOC_TYPE(request) == BTRFS_TYPE &&
	    (_IOC_NR(request) > 63 || !(BTRFS_MUTATORS >> _IOC_NR(request) & 1)))
		return VERDICT_CONTINUE;
	return handle_fd_write(tracee, row);
}
