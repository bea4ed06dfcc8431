// SPDX-License-Identifier: Apache-2.0
/* open, chdir, chroot, getcwd, readlink, and changes made through an fd. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

static uint32_t open_resolve_flags(uint64_t flags)
{
	uint32_t resolve = PATH_WANT_FD;

	if ((flags & O_CREAT) && !(flags & O_PATH)) {
		resolve |= PATH_CREATE;
		return flags & (O_EXCL | O_NOFOLLOW) ? resolve : resolve | PATH_FOLLOW;
	}
	return flags & O_NOFOLLOW ? resolve : resolve | PATH_FOLLOW;
}

/* What the kernel refuses on a read-only mount: making a file, truncating one, opening a file or
 * directory (not a device, FIFO or socket) for writing. */
static int refuse_read_only(struct tracee *tracee, const struct path_result *file, uint64_t flags,
			    const struct stat *status)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	if ((flags & O_PATH) || !(writes || (flags & O_CREAT)) ||
	    !tracee_result_is_read_only(tracee, file))
		return 0;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EROFS;
	if (!status)
		return flags & O_CREAT ? -EROFS : 0;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (S_ISDIR(status->st_mode) && writes)
		return -EISDIR;
	return writes && S_ISREG(status->st_mode) ? -EROFS : 0;
}

int file_refuses_writing(const struct tracee *tracee, const struct path_result *file,
			 const struct stat *status)
{
	if (!S_ISREG(status->st_mode) || !tracer_runs(tracee->tracer, status) ||
	    !guest_links_has_our_rights(tracee) || faccessat(AT_FDCWD, file->host, W_OK, 0) < 0)
		return 0;
	return -ETXTBSY;
}

/* Whether an open of an existing file asks for the right to change it. */
static bool writes_to(uint64_t flags)
{
	uint64_t access = flags & O_ACCMODE;

	if ((flags & O_PATH) || ((flags & O_CREAT) && (flags & O_EXCL)))
		return false;
	return access == O_WRONLY || access == O_RDWR || (flags & O_TRUNC);
}

/* The common part: the path in argument `index`, resolved; flags decide. */
static enum verdict open_file(struct tracee *tracee, int dirfd, unsigned index, uint64_t flags,
			      uint32_t resolve)
{
	struct path_result *file = tracee_result_buffer(tracee, 0);
	uint64_t address = tracee_argument(tracee, index);
	enum verdict verdict;
	struct stat status;
	bool exists;
	int error;

	error = tracee_resolve(tracee, dirfd, address, open_resolve_flags(flags) | resolve, file);
	error = procfile_look(tracee, error, file);
	if (!error && (flags & (O_ACCMODE | O_TRUNC)) && !(flags & O_PATH) &&
	    procfile_is_made(tracee->tracer, file->host))
		error = -EACCES;
	if (error)
		return tracee_answer(tracee, error);
	if (user_ns_open(tracee, file, (int)flags, &verdict) ||
	    procview_open(tracee, file, index, (int)flags, &verdict)) {
		if (file->fd >= 0)
			close(file->fd);
		return verdict;
	}
	procview_list(tracee, file, (int)flags);
	fast_opens(tracee, file->host, (int)flags);
	guest_links_used(tracee, file);
	if (file->fd >= 0) {
		exists = fstat(file->fd, &status) == 0;
		close(file->fd);
	} else {
		exists = fstatat(AT_FDCWD, file->host, &status,
				 file->flags & PATH_RESULT_MAGIC ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
	}
	error = refuse_read_only(tracee, file, flags, exists ? &status : NULL);
	if (!error)
		error = permissions_open(tracee, file, exists ? &status : NULL, flags);
	if (!error && exists && tracee->tracer->fake_ids)
		ids_grant(tracee, file, &status, (int)flags);
	else if (!error && !exists && (flags & O_CREAT))
		ids_grant_parent(tracee, file);
	if (!error && exists && writes_to(flags))
		error = file_refuses_writing(tracee, file, &status);
	if (!error)
		error = tracee_set_path(tracee, index, file);
	if (error)
		return tracee_answer(tracee, error);
	if (!exists && (flags & O_CREAT) && tracee->tracer->fake_ids)
		return ids_created(tracee, index);
	return VERDICT_CONTINUE;
}

enum verdict handle_open(struct tracee *tracee, const struct syscall_row *row)
{
	const struct path_argument *path = &row->paths[0];
	int dirfd = path->dirfd < 0 ? AT_FDCWD :
				      (int)tracee_argument(tracee, (unsigned)path->dirfd);
	uint64_t flags = path->flags < 0 ? O_CREAT | O_WRONLY | O_TRUNC : /* creat(2) */
					   tracee_argument(tracee, (unsigned)path->flags);

	return open_file(tracee, dirfd, (unsigned)path->path, flags, 0);
}

/* Returns 0, -E2BIG or -EFAULT, as the kernel's copy_struct_from_user(). */
static int rest_is_zero(const struct tracee *tracee, uint64_t address, uint64_t size)
{
	unsigned char rest[4096];

	if (size > sizeof(rest))
		return -E2BIG;
	if (tracee_read(tracee, address, rest, size) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < size; i++)
		if (rest[i])
			return -E2BIG;
	return 0;
}

enum verdict handle_openat2(struct tracee *tracee, const struct syscall_row *row)
{
	static const struct {
		uint64_t how;
		uint32_t flag;
	} map[] = {
		{ RESOLVE_NO_XDEV, PATH_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, PATH_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, PATH_NO_SYMLINKS },
		{ RESOLVE_BENEATH, PATH_BENEATH },
		{ RESOLVE_IN_ROOT, PATH_IN_ROOT },
	};
	uint64_t size = tracee_argument(tracee, 3), address;
	struct amphora_open_how how;
	uint64_t unknown;
	uint32_t resolve = 0;
	enum verdict verdict;
	int error;

	(void)row;
	if (size < sizeof(how))
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, tracee_argument(tracee, 2), &how, sizeof(how)) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (size > sizeof(how)) { /* fields of a later kernel: good as long as they are 0 */
		error = rest_is_zero(tracee, tracee_argument(tracee, 2) + sizeof(how), size - sizeof(how));
		if (error)
			return tracee_answer(tracee, error);
		tracee_set_argument(tracee, 3, sizeof(how));
	}
	if (how.resolve & RESOLVE_CACHED)
		return tracee_answer(tracee, -EAGAIN);
	unknown = how.resolve;
	for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (how.resolve & map[i].how) {
			resolve |= map[i].flag;
			unknown &= ~map[i].how;
		}
	if (unknown)
		return tracee_answer(tracee, -EINVAL);
	verdict = open_file(tracee, (int)tracee_argument(tracee, 0), 1, how.flags, resolve);
	if (verdict == VERDICT_SKIP)
		return verdict;
	/* A copy always: in the guest's memory another thread could ask for writing after the look at a
	 * read-only mount. */
	how.resolve = 0; /* decided above, in the guest's terms */
	if (tracee_put(tracee, &how, sizeof(how), &address) < 0)
		return tracee_answer(tracee, -EFAULT);
	tracee_set_argument(tracee, 2, address);
	/* What a restarted call finds there no longer says how the guest wanted the path resolved. */
	return verdict == VERDICT_CONTINUE ? continue_and_restore(tracee) : verdict;
}

static void after_chdir(struct tracee *tracee)
{
	int mount = (int)tracee->saved[0];

	tracee_restore_arguments(tracee);
	/* The table may have been compacted meanwhile. */
	if (tracee_result(tracee) == 0 && mount < (int)tracee_table(tracee)->mount_count)
		tracee->fs->cwd_mount = mount;
}

/* An exit stop only for another mount: where it leads shows in /proc/TID/cwd. */
enum verdict handle_chdir(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *directory = tracee_result_buffer(tracee, 0);
	int error;

	(void)row;
	error = tracee_resolve(tracee, AT_FDCWD, tracee_argument(tracee, 0), PATH_FOLLOW,
			       directory);
	if (!error)
		error = (int)ids_grant_search(tracee, directory->host);
	if (!error)
		error = tracee_set_path(tracee, 0, directory);
	if (error)
		return tracee_answer(tracee, error);
	if (tracee->fs->cwd_mount == directory->position.mount)
		return VERDICT_CONTINUE;
	tracee->saved[0] = (uint64_t)directory->position.mount;
	tracee->on_exit = after_chdir;
	return VERDICT_EXIT;
}

enum verdict handle_fchdir(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_position position;
	char link[64], host[PATH_SIZE];
	int error;

	(void)row;
	tracee_fd_host(tracee, (int)tracee_argument(tracee, 0), link, sizeof(link));
	error = tracee_link_position(tracee, link, tracee->fs->cwd_mount, &position);
	/* A directory outside the guest's tree, passed in over a socket, is no place to walk from. */
	if (error == -ENOENT)
		return tracee_answer(tracee, -EACCES);
	if (!error && tracee->tracer->fake_ids &&
	    path_to_host(tracee_table(tracee), &position, host, sizeof(host)) >= 0 &&
	    ids_grant_search(tracee, host) < 0)
		return tracee_answer(tracee, -EACCES);
	if (error || tracee->fs->cwd_mount == position.mount)
		return VERDICT_CONTINUE;
	tracee->saved[0] = (uint64_t)position.mount;
	tracee->on_exit = after_chdir;
	return VERDICT_EXIT;
}

/* With real ids the kernel isn't asked: the call never reaches it. */
static bool may_chroot(const struct tracee *tracee)
{
	if (tracee->tracer->fake_ids)
		return namespaces_capable(tracee, tracee->namespaces.in[NAMESPACE_USER], CAP_SYS_CHROOT);
	return process_has_capability(tracee->tid, CAP_SYS_CHROOT);
}

enum verdict handle_chroot(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *directory = tracee_result_buffer(tracee, 0);
	struct stat status;
	int error = tracee_resolve(tracee, AT_FDCWD, tracee_argument(tracee, 0), PATH_FOLLOW,
				   directory);

	(void)row;
	if (!error && lstat(directory->host, &status) < 0)
		error = -errno;
	if (!error && !S_ISDIR(status.st_mode))
		error = -ENOTDIR;
	if (!error && permissions_on(tracee))
		error = (int)permissions_search(tracee, directory->host);
	if (!error && !may_chroot(tracee))
		error = -EPERM;
	if (!error) {
		struct path_position *root = &tracee->fs->root;

		root->mount = directory->position.mount;
		root->flags = directory->position.flags;
		root->length = directory->position.length;
		memcpy(root->rel, directory->position.rel, directory->position.length + 1);
	}
	return tracee_answer(tracee, error);
}

enum verdict handle_getcwd(struct tracee *tracee, const struct syscall_row *row)
{
	static const char unreachable[] = "(unreachable)";
	char guest[PATH_SIZE + sizeof(unreachable)];
	struct path_position position, root;
	int length, error = tracee_cwd_position(tracee, &position);

	(void)row;
	if (error)
		return tracee_answer(tracee, error);
	if (position.flags & PATH_POSITION_DELETED)
		return tracee_answer(tracee, -ENOENT);
	length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, guest,
			       PATH_SIZE);
	if (length == -ENOENT) {
		/* Outside a chroot's root, as after chroot without chdir. */
		path_table_root(tracee_table(tracee), &root);
		memcpy(guest, unreachable, sizeof(unreachable));
		length = path_to_guest(tracee_table(tracee), &root, &position,
				       guest + sizeof(unreachable) - 1, PATH_SIZE);
		if (length >= 0)
			length += (int)sizeof(unreachable) - 1;
	}
	if (length < 0)
		return tracee_answer(tracee, length);
	if ((uint64_t)length + 1 > tracee_argument(tracee, 1))
		return tracee_answer(tracee, -ERANGE);
	if (tracee_write(tracee, tracee_argument(tracee, 0), guest, (size_t)length + 1) < 0)
		return tracee_answer(tracee, -EFAULT);
	return tracee_answer(tracee, length + 1);
}

enum verdict handle_readlink(struct tracee *tracee, const struct syscall_row *row)
{
	const struct path_argument *path = &row->paths[0];
	struct path_result *link = tracee_result_buffer(tracee, 0);
	unsigned buffer = (unsigned)path->path + 1;
	int dirfd = path->dirfd < 0 ? AT_FDCWD :
				      (int)tracee_argument(tracee, (unsigned)path->dirfd);
	int64_t size = (int)tracee_argument(tracee, buffer + 1);
	uint64_t address = tracee_argument(tracee, (unsigned)path->path);
	char text[PATH_SIZE], first;
	bool by_fd;
	int length;

	if (size <= 0)
		return tracee_answer(tracee, -EINVAL);
	/* readlinkat(fd, "") reads the symlink that an O_PATH fd refers to. */
	by_fd = path->dirfd >= 0 && tracee_read(tracee, address, &first, 1) == 0 && !first;
	length = by_fd ? tracee_fd_position(tracee, dirfd, &link->position) :
			 tracee_resolve(tracee, dirfd, address, 0, link);
	if (length < 0)
		return by_fd ? VERDICT_CONTINUE : tracee_answer(tracee, length);
	if (tracee_mount_flags(tracee, &link->position) & PATH_MOUNT_PROC) {
		length = procview_readlink(tracee, link, text, sizeof(text));
		if (length != -EINVAL) {
			if (length > size)
				length = (int)size;
			if (length > 0 &&
			    tracee_write(tracee, tracee_argument(tracee, buffer), text,
					 (size_t)length) < 0)
				length = -EFAULT;
			return tracee_answer(tracee, length);
		}
	}
	if (by_fd)
		return VERDICT_CONTINUE;
	length = tracee_set_path(tracee, (unsigned)path->path, link);
	return length < 0 ? tracee_answer(tracee, length) : VERDICT_CONTINUE;
}

enum verdict handle_rename(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict = translate_paths(tracee, row);
	bool exchange = row->number == SYS_renameat2 &&
			(tracee_argument(tracee, 4) & RENAME_EXCHANGE);
	int error = verdict == VERDICT_CONTINUE ?
			    permissions_rename(tracee, tracee_result_buffer(tracee, 0),
					       tracee_result_buffer(tracee, 1),
					       row->number == SYS_renameat2 ?
						       (unsigned)tracee_argument(tracee, 4) :
						       0) :
			    0;

	if (error)
		return tracee_answer(tracee, error);
	for (unsigned i = 0; i < 2 && verdict == VERDICT_CONTINUE; i++)
		ids_grant_parent(tracee, tracee_result_buffer(tracee, i));
	verdict = guest_links_rename(
		tracee, row->number == SYS_renameat2 ? (unsigned)tracee_argument(tracee, 4) : 0,
		verdict);
	if (verdict != VERDICT_CONTINUE || exchange || !tracee->tracer->fake_ids)
		return verdict;
	return ids_removed(tracee, tracee_result_buffer(tracee, 1)->host);
}

/* fchmod, fsetxattr, ... on a file of a read-only mount. */
enum verdict handle_fd_write(struct tracee *tracee, const struct syscall_row *row)
{
	int error = tracee_fd_refuses_change(tracee, (int)tracee_argument(tracee, 0));

	/* A device's own ioctls may look like a file system's. */
	if (error == -EPERM && row->index == ROW_ioctl)
		error = 0;
	return error ? tracee_answer(tracee, error) : VERDICT_CONTINUE;
}
