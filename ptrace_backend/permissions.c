// SPDX-License-Identifier: Apache-2.0
/* The kernel's permission rules on what the guest sees. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/cleanup.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/tracer.h"

/* fs/namei.c: generic_permission() */
int permissions_allow(const struct tracee *tracee, const struct stat *shown, int mask)
{
	const struct credentials *own = &tracee->credentials;
	mode_t mode = shown->st_mode;
	unsigned bits = shown->st_uid == own->fsuid		    ? mode >> 6 :
			credentials_in_group(own, shown->st_gid) ? mode >> 3 :
								    mode;

	if (!((unsigned)mask & ~bits & 7))
		return 0;
	if (S_ISDIR(mode)) {
		if (!(mask & W_OK) && credentials_capable(own, CAP_DAC_READ_SEARCH))
			return 0;
		return credentials_capable(own, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == R_OK && credentials_capable(own, CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & X_OK) || (mode & 0111)) && credentials_capable(own, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

static int stat_shown(const struct tracee *tracee, const char *host, bool follow, struct stat *ret_shown)
{
	if (fstatat(AT_FDCWD, host[0] ? host : "/", ret_shown, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (follow)
		ids_guest_stat_link(tracee->tracer, host, ret_shown);
	else
		ids_guest_stat(tracee->tracer, host[0] ? host : "/", -1, ret_shown);
	return 0;
}

/* The real mode of an allowed directory lets its owner, whom we are, do all. */
static void widen(const struct tracee *tracee, const char *host)
{
	_cleanup_close_ int fd = open(host[0] ? host : "/", O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	struct stat real;

	if (fd < 0 || fstat(fd, &real) < 0 || (real.st_mode & S_IRWXU) == S_IRWXU ||
	    real.st_uid != tracee->tracer->host_uid)
		return;
	ids_widen(tracee, fd, &real);
}

/* Files of the host's own, whose owners aren't the guest's. */
static bool is_exempt(const char *host)
{
	return !strncmp(host, "/proc", 5) && (host[5] == '/' || !host[5]);
}

static int check_directory(const struct tracee *tracee, const char *host, int mask)
{
	struct stat shown;
	int error;

	if (is_exempt(host) || stat_shown(tracee, host, false, &shown) < 0 || !S_ISDIR(shown.st_mode))
		return 0; /* the kernel says what is wrong */
	error = permissions_allow(tracee, &shown, mask);
	if (!error)
		widen(tracee, host);
	return error;
}

long permissions_search(void *context, const char *host)
{
	return check_directory(context, host, X_OK);
}

static int check_parent(const struct tracee *tracee, const struct path_result *name)
{
	char parent[PATH_SIZE];

	if (!path_parent(name, parent))
		return 0;
	return check_directory(tracee, parent, W_OK | X_OK);
}

int permissions_object(struct tracee *tracee, const struct path_result *object, int mask)
{
	struct stat shown;

	if (is_exempt(object->host) && !(object->flags & PATH_RESULT_MAGIC))
		return 0;
	if (stat_shown(tracee, object->host, object->flags & PATH_RESULT_MAGIC, &shown) < 0 ||
	    S_ISLNK(shown.st_mode))
		return 0;
	return permissions_allow(tracee, &shown, mask);
}

static bool exists(const struct path_result *name)
{
	struct stat status;

	return lstat(name->host_length ? name->host : "/", &status) == 0;
}

static bool is_directory(const struct path_result *object)
{
	struct stat status;

	return lstat(object->host_length ? object->host : "/", &status) == 0 && S_ISDIR(status.st_mode);
}

int permissions_create(struct tracee *tracee, const struct path_result *name)
{
	return exists(name) ? 0 : check_parent(tracee, name);
}

/* may_delete() */
static int check_remove(struct tracee *tracee, const struct path_result *name)
{
	const struct credentials *own = &tracee->credentials;
	char parent[PATH_SIZE];
	struct stat directory, file;
	int error;

	if (!exists(name))
		return 0;
	error = check_parent(tracee, name);
	if (error)
		return error;
	path_parent(name, parent);
	if (stat_shown(tracee, parent, false, &directory) < 0 || !(directory.st_mode & S_ISVTX) ||
	    stat_shown(tracee, name->host, false, &file) < 0)
		return 0;
	return own->fsuid == file.st_uid || own->fsuid == directory.st_uid ||
			       credentials_capable(own, CAP_FOWNER) ?
		       0 :
		       -EPERM;
}

static size_t parent_length(const struct path_result *name)
{
	const char *slash = strrchr(name->host, '/');

	return slash ? (size_t)(slash - name->host) : 0;
}

static int check_moved(struct tracee *tracee, const struct path_result *from, const struct path_result *to)
{
	size_t length = parent_length(from);
	struct stat shown;

	if ((length == parent_length(to) && !memcmp(from->host, to->host, length)) ||
	    stat_shown(tracee, from->host, false, &shown) < 0 || !S_ISDIR(shown.st_mode))
		return 0;
	return check_directory(tracee, from->host, W_OK);
}

int permissions_rename(struct tracee *tracee, const struct path_result *old,
		       const struct path_result *new, unsigned flags)
{
	struct stat a, b;
	int error;

	if (!permissions_on(tracee) || lstat(old->host, &a) < 0)
		return 0;
	if (lstat(new->host, &b) == 0 &&
	    ((flags & RENAME_NOREPLACE) || file_is_same(&a, &b)))
		return 0;
	if ((flags & RENAME_EXCHANGE) && !exists(new))
		return 0;
	/* One below the other: EINVAL or ENOTEMPTY before any permission. */
	if (!strncmp(old->host, new->host, old->host_length) && new->host[old->host_length] == '/')
		return 0;
	if (!strncmp(new->host, old->host, new->host_length) && old->host[new->host_length] == '/')
		return 0;
	error = check_remove(tracee, old);
	if (!error)
		error = exists(new) ? check_remove(tracee, new) : check_parent(tracee, new);
	if (!error && exists(new) && !(flags & RENAME_EXCHANGE) && S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode))
		return 0; /* ENOTDIR, EISDIR */
	if (!error)
		error = check_moved(tracee, old, new);
	if (!error && (flags & RENAME_EXCHANGE))
		error = check_moved(tracee, new, old);
	return error;
}

/* may_linkat(), with protected_hardlinks as it is by default. */
static int check_link(struct tracee *tracee, const struct path_result *source)
{
	const struct credentials *own = &tracee->credentials;
	struct stat shown;

	if (stat_shown(tracee, source->host, source->flags & PATH_RESULT_MAGIC, &shown) < 0 ||
	    shown.st_uid == own->fsuid || credentials_capable(own, CAP_FOWNER))
		return 0;
	if (!S_ISREG(shown.st_mode) || (shown.st_mode & S_ISUID) ||
	    (shown.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) ||
	    permissions_allow(tracee, &shown, R_OK | W_OK) < 0)
		return -EPERM;
	return 0;
}

int permissions_open(struct tracee *tracee, const struct path_result *file, const struct stat *real,
		     uint64_t flags)
{
	static const int masks[] = { R_OK, W_OK, R_OK | W_OK, R_OK | W_OK };
	int mask = masks[flags & O_ACCMODE] | (flags & O_TRUNC ? W_OK : 0);
	struct stat shown;

	if (!permissions_on(tracee) || (flags & O_PATH) ||
	    (is_exempt(file->host) && !(file->flags & PATH_RESULT_MAGIC)))
		return 0;
	if (!real)
		return flags & O_CREAT ? permissions_create(tracee, file) : 0;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return check_directory(tracee, file->host, W_OK | X_OK);
	if (((flags & O_CREAT) && (flags & O_EXCL)) || (flags & O_DIRECTORY && !S_ISDIR(real->st_mode)) ||
	    S_ISLNK(real->st_mode) || (S_ISDIR(real->st_mode) && ((mask & W_OK) || flags & O_CREAT)))
		return 0; /* another errno goes first */
	if (stat_shown(tracee, file->host, file->flags & PATH_RESULT_MAGIC, &shown) < 0)
		return 0;
	if (permissions_allow(tracee, &shown, mask) < 0)
		return -EACCES;
	if ((flags & O_NOATIME) && shown.st_uid != tracee->credentials.fsuid &&
	    !credentials_capable(&tracee->credentials, CAP_FOWNER))
		return -EPERM;
	if (S_ISDIR(shown.st_mode))
		widen(tracee, file->host);
	return 0;
}

/* Both times now: who may write may. Others: the owner. */
static int check_times(struct tracee *tracee, const struct syscall_row *row, const struct path_argument *argument,
		       const struct path_result *result)
{
	const struct credentials *own = &tracee->credentials;
	uint64_t times = tracee_argument(tracee, (unsigned)argument->path + 1);
	struct timespec both[2];
	struct stat shown;
	bool now = !times;

	if (times && row->index == ROW_utimensat && !tracee->regs.compat) {
		if (tracee_read(tracee, times, both, sizeof(both)) < 0)
			return 0;
		if (both[0].tv_nsec == UTIME_OMIT && both[1].tv_nsec == UTIME_OMIT)
			return 0;
		now = both[0].tv_nsec == UTIME_NOW && both[1].tv_nsec == UTIME_NOW;
	}
	if (stat_shown(tracee, result->host, result->flags & PATH_RESULT_MAGIC, &shown) < 0 ||
	    shown.st_uid == own->fsuid || credentials_capable(own, CAP_FOWNER))
		return 0;
	return now ? permissions_allow(tracee, &shown, W_OK) : -EPERM;
}

static bool is_row(const struct syscall_row *row, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(row->name, names[i]))
			return true;
	return false;
}

int permissions_path(struct tracee *tracee, const struct syscall_row *row,
		     const struct path_argument *argument, const struct path_result *result)
{
	static const char *const times[] = { "utimensat", "utime", "utimes", "futimesat" };
	static const char *const writers[] = { "setxattr", "removexattr", "setxattrat",
					       "removexattrat" };
	static const char *const readers[] = { "inotify_add_watch", "getxattr", "getxattrat" };
	int error = 0;

	switch ((enum path_use)argument->use) {
	case USE_CREATE:
		if (exists(result))
			return 0;
		/* The second name of link(2): the first is in the other buffer, and judged only now. */
		if (argument == &row->paths[1] && row->paths[0].use == USE_LINK)
			error = check_link(tracee, tracee_result_buffer(tracee, 0));
		return error ? error : check_parent(tracee, result);
	case USE_REMOVE:
		return check_remove(tracee, result);
	case USE_WRITE:
		if (is_row(row, times, ARRAY_SIZE(times)))
			return check_times(tracee, row, argument, result);
		if (row->index == ROW_truncate && is_directory(result))
			return 0; /* EISDIR */
		return row->index == ROW_truncate || is_row(row, writers, ARRAY_SIZE(writers)) ? permissions_object(tracee, result, W_OK) :
								   0;
	case USE_READ:
		return is_row(row, readers, ARRAY_SIZE(readers)) ? permissions_object(tracee, result, R_OK) :
								   0;
	default: /* USE_LINK: with its new name. USE_RENAME: permissions_rename() */
		return 0;
	}
}

/* fs/open.c: access_override_creds() */
void permissions_real_ids(struct tracee *tracee, struct credentials *saved)
{
	struct credentials *own = &tracee->credentials;

	*saved = *own;
	own->fsuid = own->ruid;
	own->fsgid = own->rgid;
	if (!(own->securebits & (1u << SECURE_NO_SETUID_FIXUP)))
		own->effective = own->ruid == own->root_uid ? own->permitted : 0;
}
