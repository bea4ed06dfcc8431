// SPDX-License-Identifier: Apache-2.0
/* Extended attributes with faked ids: file capabilities, and the names that our own records have.
 *
 * Theory of operation
 *
 * security.capability is kept by core/store/capability.h, for the host user can't set it. The calls that name
 * it are answered here, by the kernel's rules (security/commoncap.c, fs/xattr.c) on the guest's credentials. In
 * the list of names it takes the place of where it is kept. The xattrs that records are kept in don't exist for the
 * guest: a copying program would take them along, and hand the source's owner to the copy. Setting one does
 * nothing. All other names are the kernel's.
 *
 * Values are in ids of the container in the store, and in those of its user namespace for the caller: a value
 * that another user namespace's root counts for is of version 3.
 *
 * The stamp of a file's capabilities is renewed after calls that change its times, and truncate(2), which tells
 * nothing when the size is the same, takes them away.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/store/capability.h"
#include "ptrace_backend/file_object.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

enum name_kind {
	NAME_OTHER,
	NAME_CAPABILITY,
	NAME_HIDDEN, /* of a record */
};

static enum name_kind kind_of(const char *name)
{
	static const char *const hidden[] = { RECORD_XATTR, RECORD_MARKER_XATTR, CAPABILITY_XATTR,
					      CAPABILITY_STAMP_XATTR };

	if (!strcmp(name, CAPABILITY_REAL_XATTR))
		return NAME_CAPABILITY;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (!strcmp(name, hidden[i]))
			return NAME_HIDDEN;
	return NAME_OTHER;
}

/* A name, value and flags of such a call, whose numbers of arguments differ. */
struct xattr_call {
	enum name_kind kind;
	uint64_t value, size;
	uint32_t flags;
	bool writes;
};

static bool is_at(const struct syscall_row *row)
{
	return row->paths[0].flags >= 0;
}

static void read_name(const struct tracee *tracee, const struct syscall_row *row, struct xattr_call *ret_call)
{
	char name[sizeof(CAPABILITY_XATTR) + 1];

	*ret_call = (struct xattr_call){ .kind = NAME_OTHER };
	if (tracee->tracer->fake_ids &&
	    tracee_read_string(tracee, tracee_argument(tracee, is_at(row) ? 3 : 1), name, sizeof(name)) > 0)
		ret_call->kind = kind_of(name);
}

/* Where value, size and flags are: in registers, or for the calls with "at" in a structure. */
static int read_value(const struct tracee *tracee, const struct syscall_row *row, struct xattr_call *call)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} in_memory;

	if (!is_at(row)) {
		call->value = tracee_argument(tracee, 2);
		call->size = tracee_argument(tracee, 3);
		call->flags = call->writes ? (uint32_t)tracee_argument(tracee, 4) : 0;
		return 0;
	}
	if (tracee_argument(tracee, 5) < sizeof(in_memory))
		return -EINVAL;
	if (tracee_argument(tracee, 5) > sizeof(in_memory))
		return -E2BIG; /* fields of a later kernel */
	if (tracee_read(tracee, tracee_argument(tracee, 4), &in_memory, sizeof(in_memory)) < 0)
		return -EFAULT;
	call->value = in_memory.value;
	call->size = in_memory.size;
	call->flags = in_memory.flags;
	return 0;
}

static int open_named(struct tracee *tracee, const struct syscall_row *row, bool changes,
		      struct file_object *ret_object)
{
	if (row->paths[0].path >= 0)
		return file_object_open(tracee, row, changes, ret_object);
	return file_object_open_fd(tracee, (int)tracee_argument(tracee, 0), changes, ret_object);
}

static struct record_file file_of(const struct file_object *object)
{
	return (struct record_file){ .status = &object->real, .fd = object->fd };
}

/* The value as the caller sees it (cap_inode_getsecurity()): its length or -errno. */
static int show_value(struct tracee *tracee, const struct file_object *object, unsigned char *value)
{
	const struct record_file file = file_of(object);
	int size = capability_get(&file, tracee->tracer->host_uid, value);
	struct vfs_ns_cap_data *data = (void *)value;
	struct file_capabilities parsed;
	uint32_t magic;
	uid_t shown;

	if (size < 0)
		return size == -ERANGE ? -EINVAL : size;
	if (file_capabilities_parse(value, (size_t)size, &parsed) < 0 || size == XATTR_CAPS_SZ_1)
		return -EINVAL;
	magic = VFS_CAP_REVISION_2 | (parsed.effective ? VFS_CAP_FLAGS_EFFECTIVE : 0);
	shown = user_ns_show_uid(tracee, parsed.root_uid);
	size = XATTR_CAPS_SZ_2;
	if (shown != 0 && user_ns_take_uid(tracee, shown) == parsed.root_uid) {
		size = XATTR_CAPS_SZ_3;
		magic = (magic & ~(uint32_t)VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3;
		data->rootid = htole32(shown);
	} else if (!user_ns_has_root(tracee, parsed.root_uid)) {
		return -EOVERFLOW;
	}
	data->magic_etc = htole32(magic);
	return size;
}

static int get_capability(struct tracee *tracee, const struct file_object *object, const struct xattr_call *call)
{
	_Alignas(struct vfs_ns_cap_data) unsigned char value[CAPABILITY_VALUE_MAX];
	int size = show_value(tracee, object, value);

	if (size < 0 || call->size == 0)
		return size;
	if (call->size < (uint64_t)size)
		return -ERANGE;
	return tracee_write(tracee, call->value, value, (size_t)size) < 0 ? -EFAULT : size;
}

/* getxattr, lgetxattr, fgetxattr, getxattrat */
enum verdict handle_getxattr(struct tracee *tracee, const struct syscall_row *row)
{
	struct file_object object;
	struct xattr_call call;
	int result;

	read_name(tracee, row, &call);
	if (call.kind == NAME_OTHER)
		return row->paths[0].path >= 0 ? translate_paths(tracee, row) : VERDICT_CONTINUE;
	result = read_value(tracee, row, &call);
	if (!result && call.flags)
		result = -EINVAL;
	if (!result)
		result = open_named(tracee, row, false, &object);
	if (result)
		return tracee_answer(tracee, result);
	result = call.kind == NAME_HIDDEN ? -ENODATA : get_capability(tracee, &object, &call);
	close(object.fd);
	return tracee_answer(tracee, result);
}

/* What is stored for a value that a caller sets (cap_convert_nscap()): its length or -errno. */
static int take_value(struct tracee *tracee, const struct file_object *object, unsigned char *value, size_t size)
{
	struct vfs_ns_cap_data *data = (void *)value;
	struct file_capabilities parsed;
	uint32_t magic = size < sizeof(magic) ? 0 : le32toh(data->magic_etc);
	uid_t root;

	if (size == XATTR_CAPS_SZ_1 || (magic & ~(uint32_t)(VFS_CAP_REVISION_MASK | VFS_CAP_FLAGS_EFFECTIVE)) ||
	    file_capabilities_parse(value, size, &parsed) < 0)
		return -EINVAL;
	if (!user_ns_maps(tracee, object->shown.st_uid, object->shown.st_gid) ||
	    !credentials_capable(&tracee->credentials, CAP_SETFCAP))
		return -EPERM;
	if (size == XATTR_CAPS_SZ_2 && namespaces_capable(tracee, NULL, CAP_SETFCAP))
		return XATTR_CAPS_SZ_2;
	root = user_ns_take_uid(tracee, parsed.root_uid);
	if (root == ID_NONE)
		return -EINVAL;
	magic = (magic & ~(uint32_t)VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3;
	data->magic_etc = htole32(magic);
	data->rootid = htole32(root);
	return XATTR_CAPS_SZ_3;
}

static int set_capability(struct tracee *tracee, const struct file_object *object, const struct xattr_call *call)
{
	_Alignas(struct vfs_ns_cap_data) unsigned char value[CAPABILITY_VALUE_MAX], present[CAPABILITY_VALUE_MAX];
	const struct record_file file = file_of(object);
	size_t size = call->size > sizeof(value) ? 0 : (size_t)call->size;
	int result;

	if (size && tracee_read(tracee, call->value, value, size) < 0)
		return -EFAULT;
	result = take_value(tracee, object, value, size);
	if (result < 0)
		return result;
	size = (size_t)result;
	result = capability_get(&file, tracee->tracer->host_uid, present);
	if ((call->flags & XATTR_CREATE) && result >= 0)
		return -EEXIST;
	if ((call->flags & XATTR_REPLACE) && result < 0)
		return -ENODATA;
	result = capability_set(&file, value, size);
	return result == -EACCES ? -EPERM : result;
}

static int remove_capability(struct tracee *tracee, const struct file_object *object)
{
	const struct record_file file = file_of(object);
	unsigned char present[CAPABILITY_VALUE_MAX];
	int result;

	if (!user_ns_maps(tracee, object->shown.st_uid, object->shown.st_gid) ||
	    !credentials_capable(&tracee->credentials, CAP_SETFCAP))
		return -EPERM;
	result = capability_get(&file, tracee->tracer->host_uid, present);
	if (result == -ENODATA)
		return result;
	result = capability_remove(&file);
	return result == -EACCES ? -EPERM : result;
}

static enum verdict pass_change(struct tracee *tracee, const struct syscall_row *row)
{
	return row->paths[0].path >= 0 ? translate_paths(tracee, row) : handle_fd_write(tracee, row);
}

/* setxattr, lsetxattr, fsetxattr, setxattrat */
enum verdict handle_setxattr(struct tracee *tracee, const struct syscall_row *row)
{
	struct file_object object;
	struct xattr_call call;
	int result;

	read_name(tracee, row, &call);
	if (call.kind == NAME_OTHER)
		return pass_change(tracee, row);
	if (call.kind == NAME_HIDDEN)
		return tracee_answer(tracee, 0);
	call.writes = true;
	result = read_value(tracee, row, &call);
	if (!result && (call.flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)))
		result = -EINVAL;
	if (!result && call.size > XATTR_SIZE_MAX)
		result = -E2BIG;
	if (!result)
		result = open_named(tracee, row, true, &object);
	if (result)
		return tracee_answer(tracee, result);
	result = set_capability(tracee, &object, &call);
	close(object.fd);
	return tracee_answer(tracee, result);
}

/* removexattr, lremovexattr, fremovexattr, removexattrat */
enum verdict handle_removexattr(struct tracee *tracee, const struct syscall_row *row)
{
	struct file_object object;
	struct xattr_call call;
	int result;

	read_name(tracee, row, &call);
	if (call.kind == NAME_OTHER)
		return pass_change(tracee, row);
	result = call.kind == NAME_HIDDEN ? 0 : open_named(tracee, row, true, &object);
	if (call.kind == NAME_HIDDEN || result)
		return tracee_answer(tracee, result);
	result = remove_capability(tracee, &object);
	close(object.fd);
	return tracee_answer(tracee, result);
}

/* Names as the guest sees them, in place. Returns their length. */
static size_t show_names(const struct tracee *tracee, const struct file_object *object, char *names, size_t length)
{
	const struct record_file file = file_of(object);
	unsigned char value[CAPABILITY_VALUE_MAX];
	bool may_have = false;
	size_t used = 0;

	for (size_t at = 0, next; at < length; at = next) {
		const char *name = names + at;

		next = at + strlen(name) + 1;
		may_have |= !strcmp(name, CAPABILITY_XATTR) || !strcmp(name, CAPABILITY_REAL_XATTR);
		if (kind_of(name) != NAME_OTHER)
			continue;
		memmove(names + used, name, next - at);
		used += next - at;
	}
	/* Where it is kept has a longer name: there is room. */
	if (may_have && capability_get(&file, tracee->tracer->host_uid, value) != -ENODATA) {
		memcpy(names + used, CAPABILITY_REAL_XATTR, sizeof(CAPABILITY_REAL_XATTR));
		used += sizeof(CAPABILITY_REAL_XATTR);
	}
	return used;
}

static int64_t list_names(struct tracee *tracee, const struct file_object *object, const char *host, uint64_t address,
			  uint64_t size)
{
	static char names[XATTR_LIST_MAX + 1]; /* tracer->lock is held */
	char link[32];
	ssize_t n;
	size_t used;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", object->fd);
	/* A symlink's own can't be had by a magic link. */
	if (!S_ISLNK(object->real.st_mode))
		n = listxattr(link, names, XATTR_LIST_MAX);
	else if (host[0]) /* just resolved */
		n = llistxattr(host, names, XATTR_LIST_MAX);
	else
		n = 0;
	if (n < 0)
		return -errno;
	names[n] = '\0';
	used = show_names(tracee, object, names, (size_t)n);
	if (size == 0)
		return (int64_t)used;
	if (used > size)
		return -ERANGE;
	return used && tracee_write(tracee, address, names, used) < 0 ? -EFAULT : (int64_t)used;
}

/* listxattr, llistxattr, flistxattr, listxattrat */
enum verdict handle_listxattr(struct tracee *tracee, const struct syscall_row *row)
{
	char *host = tracee_result_buffer(tracee, 0)->host;
	unsigned list = is_at(row) ? 3 : 1;
	struct file_object object;
	int64_t result;

	if (!tracee->tracer->fake_ids)
		return row->paths[0].path >= 0 ? translate_paths(tracee, row) : VERDICT_CONTINUE;
	host[0] = '\0'; /* stays so for an fd */
	result = open_named(tracee, row, false, &object);
	if (result)
		return tracee_answer(tracee, result);
	result = list_names(tracee, &object, host, tracee_argument(tracee, list), tracee_argument(tracee, list + 1));
	close(object.fd);
	return tracee_answer(tracee, result);
}

/* Calls after which a file's stamp is another */

/* How the exit finds the object again: by the host path in argument `saved[4]`, or by the fd in saved[5]. Attack: a
 * directory on the way was exchanged for a symlink meanwhile. It must be the file of saved[0] and saved[1]. */
static int open_again(struct tracee *tracee, struct stat *ret_status)
{
	char host[PATH_SIZE];
	int flags = O_PATH | O_CLOEXEC | (tracee->saved[3] ? 0 : O_NOFOLLOW), fd;

	if (!tracee->saved[4])
		tracee_fd_host(tracee, (int)tracee->saved[5], host, sizeof(host));
	else if (tracee_read_string(tracee, tracee->saved[4], host, sizeof(host)) < 0)
		return -EFAULT;
	fd = open(host, flags);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_status) < 0 || ret_status->st_dev != tracee->saved[0] ||
	    ret_status->st_ino != tracee->saved[1]) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static void change_at_exit(struct tracee *tracee, int (*change)(const struct record_file *file))
{
	struct stat status;
	_cleanup_close_ int fd = tracee_result(tracee) == 0 ? open_again(tracee, &status) : -EBADF;
	const struct record_file file = { .status = &status, .fd = fd };

	if (fd >= 0)
		change(&file);
	tracee_restore_arguments(tracee);
}

static void renew_at_exit(struct tracee *tracee)
{
	change_at_exit(tracee, capability_renew);
}

static void remove_at_exit(struct tracee *tracee)
{
	change_at_exit(tracee, capability_remove);
}

/* The object of a translated call: whether it has capabilities with a stamp that fits. */
static bool has_capabilities(struct tracee *tracee, const struct syscall_row *row)
{
	const struct path_result *object = tracee_result_buffer(tracee, 0);
	unsigned char value[CAPABILITY_VALUE_MAX];
	uint64_t path = tracee_argument(tracee, (unsigned)row->paths[0].path);
	char link[64];
	struct stat status;
	struct record_file file = { .status = &status, .fd = -1 };

	tracee->saved[4] = tracee_in_scratch(tracee, path) ? path : 0;
	tracee->saved[5] = row->paths[0].dirfd >= 0 ?
				   tracee_argument(tracee, (unsigned)row->paths[0].dirfd) :
				   (uint64_t)AT_FDCWD;
	if (!tracee->saved[4] && (int)tracee->saved[5] < 0)
		return false; /* the cwd */
	file.follow = !tracee->saved[4] || (object->flags & PATH_RESULT_MAGIC);
	tracee->saved[3] = file.follow;
	if (!tracee->saved[4])
		tracee_fd_host(tracee, (int)tracee->saved[5], link, sizeof(link));
	file.host = tracee->saved[4] ? object->host : link;
	if (!capability_is_stamped(&file) ||
	    fstatat(AT_FDCWD, file.host, &status, file.follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	tracee->saved[0] = status.st_dev;
	tracee->saved[1] = status.st_ino;
	return capability_get(&file, tracee->tracer->host_uid, value) > 0;
}

static enum verdict watch(struct tracee *tracee, const struct syscall_row *row, syscall_exit_handler *at_exit)
{
	enum verdict verdict = translate_paths(tracee, row);

	if (verdict != VERDICT_CONTINUE || !tracee->tracer->fake_ids || !has_capabilities(tracee, row))
		return verdict;
	tracee->on_exit = at_exit;
	return VERDICT_EXIT;
}

/* utime, utimes, futimesat, utimensat */
enum verdict handle_times(struct tracee *tracee, const struct syscall_row *row)
{
	return watch(tracee, row, renew_at_exit);
}

enum verdict handle_truncate(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict = watch(tracee, row, remove_at_exit);
	const struct path_result *file = tracee_result_buffer(tracee, 0);
	struct stat status;
	int error = 0;

	if (verdict != VERDICT_SKIP && stat(file->host, &status) == 0)
		error = file_refuses_writing(tracee, file, &status);
	return error ? tracee_answer(tracee, error) : verdict;
}
