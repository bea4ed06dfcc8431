// SPDX-License-Identifier: Apache-2.0
/* From a guest path argument to the host object, and the rules of mounts on the way.
 *
 * Theory of operation
 *
 * A path argument is read once, resolved by core/path against the mount table, checked against
 * what the kernel would refuse at a mount (EROFS, EXDEV, EBUSY), and replaced by the absolute,
 * symlink-free host path in the thread's scratch slot. The kernel then runs the call itself, so
 * that every other errno is its own.
 *
 * The kernel keeps the real cwd and the real fds; where they are in the guest's tree is read from
 * /proc/TID/cwd and /proc/TID/fd/N. That stays right when directories are renamed or removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

static long op_readlink(void *context, const char *host, char *buffer, size_t size)
{
	const struct tracee *tracee = context;

	return way_readlink(&tracee->tracer->way, host, buffer, size);
}

static long op_open_path(void *context, const char *host, int extra_flags)
{
	const struct tracee *tracee = context;
	struct amphora_open_how how = {
		.flags = (uint64_t)(O_PATH | O_CLOEXEC | extra_flags),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (!tracee->tracer->plan->openat2)
		return -ENOSYS;
	fd = syscall(SYS_openat2, AT_FDCWD, host[0] ? host : "/", &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static void op_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static const struct path_ops tracer_path_ops = {
	.readlink = op_readlink,
	.open_path = op_open_path,
	.close = op_close,
	.is_directory = host_is_directory,
	.magic = procview_magic,
};

static const struct path_ops tracer_link_ops = {
	.readlink = op_readlink,
	.open_path = op_open_path,
	.close = op_close,
	.is_directory = host_is_directory,
	.magic = procview_magic,
	.object = guest_links_object,
};

/* --fake-permissions: each directory on the way is looked at. */
static const struct path_ops tracer_checked_ops = {
	.readlink = op_readlink,
	.is_directory = host_is_directory,
	.magic = procview_magic,
	.search = permissions_search,
};

static const struct path_ops tracer_checked_link_ops = {
	.readlink = op_readlink,
	.is_directory = host_is_directory,
	.magic = procview_magic,
	.object = guest_links_object,
	.search = permissions_search,
};

static const struct path_ops *path_ops_of(const struct tracee *tracee)
{
	if (permissions_on(tracee))
		return tracee->tracer->links ? &tracer_checked_link_ops : &tracer_checked_ops;
	return tracee->tracer->links ? &tracer_link_ops : &tracer_path_ops;
}

bool path_parent(const struct path_result *name, char parent[PATH_SIZE])
{
	char *slash;

	memcpy(parent, name->host, name->host_length + 1);
	slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	return slash != NULL;
}

struct path_result *tracee_result_buffer(struct tracee *tracee, unsigned which)
{
	return &tracee->tracer->results[which];
}

uint32_t tracee_mount_flags(const struct tracee *tracee, const struct path_position *position)
{
	return tracee_table(tracee)->mounts[position->mount].flags;
}

/* The kernel marks a removed directory or file so; a real name may end like that too. */
static bool strip_deleted(char *host, size_t *length)
{
	static const char mark[] = " (deleted)";
	struct stat status;

	if (*length < sizeof(mark) ||
	    strcmp(host + *length - (sizeof(mark) - 1), mark) != 0 || lstat(host, &status) == 0)
		return false;
	*length -= sizeof(mark) - 1;
	host[*length] = '\0';
	return true;
}

/* The host path that a magic link says. Returns its length or -errno. */
static int read_link(const char *link, char host[PATH_SIZE + 16], bool *ret_deleted)
{
	ssize_t n = readlink(link, host, PATH_SIZE + 15);
	size_t length = (size_t)n;

	if (n < 0)
		return errno == ENOENT ? -EBADF : -errno;
	host[length] = '\0';
	*ret_deleted = strip_deleted(host, &length);
	if (length == 1 && host[0] == '/')
		host[0] = '\0';
	return (int)length;
}

/* `known`: a mount that the object surely lies in when its host path can, or -1. */
static int link_position(struct tracee *tracee, const char *link, int hint, int known,
			 struct path_position *ret_position)
{
	char host[PATH_SIZE + 16];
	bool deleted;
	int result = read_link(link, host, &deleted);

	if (result < 0)
		return result;
	if (host[0] && host[0] != '/')
		return -ENOTDIR; /* pipe:[1], socket:[2], anon_inode:... */
	if (tracee->tracer->proc_listing && !strcmp(host, tracee->tracer->proc_listing))
		return path_from_host(tracee_table(tracee), hint, "/proc", ret_position);
	if (procfile_position(tracee, host, ret_position) == 0)
		return 0;
	result = path_from_host_in(tracee_table(tracee), known, host, ret_position);
	if (result)
		result = path_from_host(tracee_table(tracee), hint, host, ret_position);
	if (!result && deleted)
		ret_position->flags |= PATH_POSITION_DELETED;
	return result;
}

int tracee_link_position(struct tracee *tracee, const char *link, int hint,
			 struct path_position *ret_position)
{
	return link_position(tracee, link, hint, -1, ret_position);
}

static uint32_t link_mount_flags(struct tracee *tracee, const char *link)
{
	const struct path_table *table = tracee_table(tracee);
	char host[PATH_SIZE + 16];
	struct path_position position;
	bool deleted;

	if (!tracee->tracer->any_read_only || read_link(link, host, &deleted) < 0 ||
	    (host[0] && host[0] != '/'))
		return 0;
	/* A memfd is called /memfd:NAME, and shared memory /SYSV.... */
	if (deleted && host[0] && !strchr(host + 1, '/'))
		return 0;
	if (path_from_host(table, -1, host, &position) < 0) {
		table = tracee->tracer->plan_table;
		if (path_from_host(table, -1, host, &position) < 0)
			return 0;
	}
	return table->mounts[position.mount].flags;
}

bool tracee_link_is_read_only(struct tracee *tracee, const char *link)
{
	return link_mount_flags(tracee, link) & PATH_MOUNT_READ_ONLY;
}

static int refuse_by_flags(uint32_t flags)
{
	return flags & PATH_MOUNT_READ_ONLY ? -EROFS : flags & PATH_MOUNT_SHARED ? -EPERM : 0;
}

int tracee_fd_refuses_change(struct tracee *tracee, int fd)
{
	char link[64];

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tracee->tid);
	else
		tracee_fd_host(tracee, fd, link, sizeof(link));
	return fd >= 0 || fd == AT_FDCWD ? refuse_by_flags(link_mount_flags(tracee, link)) : 0;
}

bool tracee_result_is_read_only(struct tracee *tracee, const struct path_result *result)
{
	return (tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY) ||
	       ((result->flags & PATH_RESULT_MAGIC) &&
		tracee_link_is_read_only(tracee, result->host));
}

/* A magic link itself lies in /proc, which is shared; what it leads to may not be. */
static bool is_shared(struct tracee *tracee, const struct path_result *result)
{
	uint32_t flags = result->flags & PATH_RESULT_MAGIC ?
				 link_mount_flags(tracee, result->host) :
				 tracee_mount_flags(tracee, &result->position);

	return flags & PATH_MOUNT_SHARED;
}

int tracee_cwd_position(struct tracee *tracee, struct path_position *ret_position)
{
	char link[64];
	int error;

	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tracee->tid);
	error = link_position(tracee, link, -1, tracee->fs->cwd_mount, ret_position);
	if (!error)
		ret_position->flags |= PATH_POSITION_DIRECTORY;
	return error;
}

int tracee_fd_host(const struct tracee *tracee, int fd, char *host, size_t size)
{
	return snprintf(host, size, "/proc/%d/fd/%d", (int)tracee->tid, fd);
}

int tracee_fd_position(struct tracee *tracee, int fd, struct path_position *ret_position)
{
	char link[64];

	if (fd < 0)
		return -EBADF;
	tracee_fd_host(tracee, fd, link, sizeof(link));
	return tracee_link_position(tracee, link, -1, ret_position);
}

/* A removed directory has no name; the kernel still reaches it through the base that led there. */
static void name_removed(const struct tracee *tracee, int dirfd, const struct path_position *base,
			 struct path_result *result)
{
	if (!(result->position.flags & PATH_POSITION_DELETED) ||
	    result->position.mount != base->mount || result->position.length != base->length)
		return;
	if (dirfd == AT_FDCWD)
		result->host_length = (uint32_t)snprintf(result->host, sizeof(result->host),
							 "/proc/%d/cwd/.", (int)tracee->tid);
	else
		result->host_length = (uint32_t)snprintf(result->host, sizeof(result->host),
							 "/proc/%d/fd/%d/.", (int)tracee->tid, dirfd);
}

int tracee_resolve_string(struct tracee *tracee, int dirfd, const char *path, uint32_t flags,
			  struct path_result *result)
{
	struct path_position base;
	struct path_request request = {
		.table = tracee_table(tracee),
		.ops = path_ops_of(tracee),
		.context = tracee,
		.root = &tracee->fs->root,
		.base = &base,
		.path = path,
		.flags = flags,
	};
	int error;

	if (path[0] == '\0' && !(flags & PATH_EMPTY))
		return -ENOENT;
	if (path[0] == '/' && !(flags & (PATH_BENEATH | PATH_IN_ROOT))) {
		request.base = &tracee->fs->root;
	} else {
		error = dirfd == AT_FDCWD ? tracee_cwd_position(tracee, &base) :
					    tracee_fd_position(tracee, dirfd, &base);
		if (error)
			return error;
	}
	error = path_resolve(&request, result);
	if (error == -EACCES)
		error = ids_resolve_again(tracee, &request, result);
	way_end(&tracee->tracer->way);
	if (!error && request.base == &base)
		name_removed(tracee, dirfd, &base, result);
	if (!error && (result->flags & PATH_RESULT_MAGIC))
		namespaces_redirect(tracee, result);
	if (!error && procview_hides(tracee, &result->position)) {
		if (result->fd >= 0)
			close(result->fd);
		error = -ENOENT;
	}
	return error;
}

/* A path in the scratch area is a host path of ours: the kernel restarts a call after a signal, or a
 * program uses a register again that the kernel would have kept. It is turned back and goes through
 * everything once more, so that pointing there gains a guest nothing. A part of such a path is a guest
 * path like any other. Returns 0 or -errno. */
static int undo_translation(struct tracee *tracee, char *path)
{
	const struct path_table *table = tracee_table(tracee);
	size_t length = strlen(path), end = length;
	char tail[PATH_SIZE];
	struct path_position position;
	int guest_length;

	/* "/" and "/." at the end have a meaning that a position hasn't (core/path/resolve.h). */
	while (end && (path[end - 1] == '/' || (path[end - 1] == '.' && end > 1 && path[end - 2] == '/')))
		end--;
	memcpy(tail, path + end, length - end + 1);
	path[end] = '\0';
	guest_length = (int)end;
	if (path_from_host(table, -1, path, &position) == 0) {
		guest_links_name(tracee, &position);
		guest_length = path_to_guest(table, &tracee->fs->root, &position, path, PATH_SIZE);
	}
	if (guest_length < 0)
		return guest_length;
	if ((size_t)guest_length + (length - end) >= PATH_SIZE)
		return -ENAMETOOLONG;
	memcpy(path + guest_length, tail, length - end + 1);
	return 0;
}

int tracee_resolve(struct tracee *tracee, int dirfd, uint64_t address, uint32_t flags,
		   struct path_result *result)
{
	char *path = tracee->tracer->path;
	int length = tracee_read_string(tracee, address, path, PATH_SIZE);

	if (length >= 0 && tracee_in_scratch(tracee, address))
		length = undo_translation(tracee, path);
	if (length < 0)
		return length;
	return tracee_resolve_string(tracee, dirfd, path, flags, result);
}

int tracee_set_path(struct tracee *tracee, unsigned index, const struct path_result *result)
{
	const char *host = result->host_length ? result->host : "/";
	uint64_t address;
	int error = tracee_put(tracee, host, strlen(host) + 1, &address);

	if (!error)
		tracee_set_argument(tracee, index, address);
	return error;
}

/* What the kernel answers to a last component that can't be made or removed (fs/namei.c). */
static int refuse_last(enum path_use use, enum path_last last, bool remove_directory)
{
	if (last == PATH_LAST_NORMAL)
		return 0;
	switch (use) {
	case USE_CREATE:
		return -EEXIST;
	case USE_RENAME:
		return -EBUSY;
	case USE_REMOVE:
		if (!remove_directory)
			return -EISDIR;
		return last == PATH_LAST_DOT	? -EINVAL :
		       last == PATH_LAST_DOTDOT ? -ENOTEMPTY :
						  -EBUSY;
	default:
		return 0;
	}
}

/* A mount below a directory moves with it in the kernel; here it is refused. */
static bool mount_below(const struct path_table *table, const struct path_position *position)
{
	for (uint32_t i = 0; i < table->mount_count; i++) {
		const struct path_mount *mount = &table->mounts[i];
		const char *point = table->strings + mount->point;

		if (mount->parent == position->mount && !(mount->flags & PATH_MOUNT_HIDDEN) &&
		    mount->point_length > position->length &&
		    !memcmp(point, position->rel, position->length) &&
		    point[position->length] == '/')
			return true;
	}
	return false;
}

static int refuse_at_mount(struct tracee *tracee, enum path_use use,
			   const struct path_result *result, bool remove_directory)
{
	uint32_t flags = tracee_mount_flags(tracee, &result->position);
	struct stat status;
	int error = refuse_last(use, result->last, remove_directory);

	if (error)
		return error;
	if ((use == USE_REMOVE || use == USE_RENAME) && (result->flags & PATH_RESULT_MOUNT_ROOT))
		return -EBUSY;
	if (use == USE_RENAME && tracee_table(tracee)->mount_count > 1 &&
	    mount_below(tracee_table(tracee), &result->position))
		return -EBUSY;
	if (use == USE_CREATE && (result->flags & PATH_RESULT_MOUNT_ROOT))
		return -EEXIST;
	/* A directory has no hard links. Landlock, asked first, would say EXDEV: a mount's root has no
	 * parent that it knows. */
	if (use == USE_LINK && (result->flags & PATH_RESULT_MOUNT_ROOT) &&
	    !(flags & PATH_MOUNT_FILE))
		return -EPERM;
	if (!tracee_result_is_read_only(tracee, result))
		return use == USE_WRITE && is_shared(tracee, result) ? -EPERM : 0;
	if (use == USE_CREATE)
		return lstat(result->host, &status) == 0 ? -EEXIST : -EROFS;
	return use == USE_WRITE || use == USE_REMOVE || use == USE_RENAME ? -EROFS : 0;
}

static uint32_t resolve_flags(const struct tracee *tracee, const struct path_argument *argument)
{
	uint64_t flags = argument->flags >= 0 ?
				 tracee_argument(tracee, (unsigned)argument->flags) :
				 0;

	switch ((enum path_use)argument->use) {
	case USE_CREATE:
	case USE_REMOVE:
	case USE_RENAME:
		return PATH_PARENT;
	default:
		break;
	}
	switch ((enum path_follow)argument->follow) {
	case FOLLOW_ALWAYS:
		return PATH_FOLLOW;
	case FOLLOW_UNLESS_NOFOLLOW:
		return flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW;
	case FOLLOW_IF_FOLLOW:
		return flags & AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0;
	default:
		return 0;
	}
}

/* What translate_one() found; negative is -errno. */
enum translated {
	TRANSLATED_PATH,    /* result is the object: rewrite the argument */
	TRANSLATED_NOTHING, /* leave the argument, its object isn't known */
	TRANSLATED_FD,	    /* leave the argument, result->position is the object of an fd */
};

/* A path argument that the kernel handles by the fd alone: NULL or "" with AT_EMPTY_PATH. Returns
 * TRANSLATED_PATH when it isn't one. */
static int by_fd_alone(struct tracee *tracee, const struct path_argument *argument,
		       uint64_t address, struct path_position *ret_position)
{
	uint64_t flags = argument->flags >= 0 ?
				 tracee_argument(tracee, (unsigned)argument->flags) :
				 0;
	char first = 1;
	int error, fd;

	if (address && !(flags & AT_EMPTY_PATH))
		return TRANSLATED_PATH;
	if (address && tracee_read(tracee, address, &first, 1) < 0)
		return -EFAULT;
	if (first && address)
		return TRANSLATED_PATH;
	if (argument->dirfd < 0 || (argument->use != USE_WRITE && argument->use != USE_LINK))
		return TRANSLATED_NOTHING;
	fd = (int)tracee_argument(tracee, (unsigned)argument->dirfd);
	error = fd == AT_FDCWD ? tracee_cwd_position(tracee, ret_position) :
				 tracee_fd_position(tracee, fd, ret_position);
	if (argument->use == USE_WRITE) {
		int refusal = error ? tracee_fd_refuses_change(tracee, fd) :
				      refuse_by_flags(tracee_mount_flags(tracee, ret_position));

		if (refusal)
			return refusal;
	}
	return error ? TRANSLATED_NOTHING : TRANSLATED_FD;
}

/* Resolves and checks one path argument into result. Returns enum translated or -errno. */
static int translate_one(struct tracee *tracee, const struct syscall_row *row,
			 const struct path_argument *argument, struct path_result *result)
{
	uint64_t address = tracee_argument(tracee, (unsigned)argument->path);
	bool remove_directory = row->index == ROW_rmdir;
	int dirfd = AT_FDCWD, error;

	error = by_fd_alone(tracee, argument, address, &result->position);
	if (error != TRANSLATED_PATH)
		return error;
	if (argument->dirfd >= 0)
		dirfd = (int)tracee_argument(tracee, (unsigned)argument->dirfd);
	if (argument->use == USE_REMOVE && argument->flags >= 0 &&
	    (tracee_argument(tracee, (unsigned)argument->flags) & AT_REMOVEDIR))
		remove_directory = true;
	error = tracee_resolve(tracee, dirfd, address, resolve_flags(tracee, argument), result);
	if (argument->use == USE_READ)
		error = procfile_look(tracee, error, result);
	if (!error && argument->use == USE_READ && row->number != SYS_statfs &&
	    !tracee->tracer->fake_ids)
		procview_list(tracee, result, 0);
	if (error)
		return error;
	if (argument->use == USE_RENAME)
		return 0; /* refuse_rename() */
	error = refuse_at_mount(tracee, argument->use, result, remove_directory);
	if (!error && permissions_on(tracee))
		error = permissions_path(tracee, row, argument, result);
	if (!error && (argument->use == USE_CREATE || argument->use == USE_REMOVE))
		ids_grant_parent(tracee, result);
	return error;
}

/* Both are resolved before either is refused (fs/namei.c: do_renameat2()). */
static int refuse_rename(struct tracee *tracee, const struct syscall_row *row, const struct path_result *first,
			 const struct path_result *second)
{
	int error = refuse_at_mount(tracee, USE_RENAME, first, false);

	if (!error && row->number == SYS_renameat2 && second->last != PATH_LAST_NORMAL &&
	    (tracee_argument(tracee, 4) & RENAME_NOREPLACE))
		return -EEXIST;
	return error ? error : refuse_at_mount(tracee, USE_RENAME, second, false);
}

enum verdict translate_paths(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *first = &tracee->tracer->results[0];
	struct path_result *second = &tracee->tracer->results[1];
	int error, state[2] = { TRANSLATED_NOTHING, TRANSLATED_NOTHING };

	if (row->paths[0].path >= 0) {
		state[0] = translate_one(tracee, row, &row->paths[0], first);
		if (state[0] < 0)
			return tracee_answer(tracee, state[0]);
	}
	if (row->paths[1].path >= 0) {
		state[1] = translate_one(tracee, row, &row->paths[1], second);
		if (state[1] < 0)
			return tracee_answer(tracee, state[1]);
	}
	if (state[0] != TRANSLATED_NOTHING && state[1] != TRANSLATED_NOTHING &&
	    first->position.mount != second->position.mount)
		return tracee_answer(tracee, -EXDEV);
	if (row->paths[0].use == USE_RENAME) {
		error = refuse_rename(tracee, row, first, second);
		if (error)
			return tracee_answer(tracee, error);
	}
	if (state[0] == TRANSLATED_PATH) {
		error = tracee_set_path(tracee, (unsigned)row->paths[0].path, first);
		if (error)
			return tracee_answer(tracee, error);
	}
	if (state[1] == TRANSLATED_PATH) {
		error = tracee_set_path(tracee, (unsigned)row->paths[1].path, second);
		if (error)
			return tracee_answer(tracee, error);
	}
	fast_removes(tracee, row, first, state[1] == TRANSLATED_PATH ? second : NULL);
	/* mkdir, symlink, mknod by somebody who isn't the fake root. link(2) has two paths. */
	if (state[0] == TRANSLATED_PATH && row->paths[0].use == USE_CREATE && row->paths[1].path < 0 &&
	    tracee->tracer->fake_ids)
		return ids_created(tracee, (unsigned)row->paths[0].path);
	return VERDICT_CONTINUE;
}
