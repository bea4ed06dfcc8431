// SPDX-License-Identifier: Apache-2.0
/* mount, umount2 and pivot_root: changes of the mount table that the caller sees.
 *
 * Theory of operation
 *
 * Nothing is mounted on the host. Both ends of a mount are places in the guest's tree, found by the
 * resolver as any path is, so no mount can show what the guest couldn't open before; Landlock's ruleset,
 * which only shrinks, goes on to hold. A tmpfs is a directory of ours; proc, sysfs, devpts, mqueue and
 * cgroup file systems are what the container has of these, bound again with the masks that lie on them.
 *
 * Mounts of the plan are locked, as the kernel locks those that a user namespace inherits: they go only
 * together with what they sit on, come along where that is bound, and their restrictions stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/syscall_table.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1 /* Linux 5.2 */
#endif
#define CAPABILITY_SYS_CHROOT 18
#define CAPABILITY_SYS_ADMIN  21

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define MAGIC_MASK     0xffff0000UL /* MS_MGC_MSK */
#define MAGIC	       0xc0ed0000UL

static bool may_mount(const struct tracee *tracee)
{
	return namespaces_capable(tracee, namespace_owner(tracee, NAMESPACE_MOUNT),
				  CAPABILITY_SYS_ADMIN);
}

static uint32_t options_of(uint64_t flags)
{
	return (flags & MS_RDONLY ? PATH_MOUNT_READ_ONLY : 0) |
	       (flags & MS_NOSUID ? PATH_MOUNT_NOSUID : 0) |
	       (flags & MS_NODEV ? PATH_MOUNT_NODEV : 0) | (flags & MS_NOEXEC ? PATH_MOUNT_NOEXEC : 0);
}

/* Whether the object is a directory: 1, 0 or -errno. */
static int is_directory(const struct path_result *result)
{
	const char *host = result->host_length ? result->host : "/";
	struct stat status;

	if (!result->position.length)
		return -EAGAIN; /* the mount's own flags tell */
	return lstat(host, &status) < 0 ? -errno : S_ISDIR(status.st_mode);
}

static bool shows_directory(struct tracee *tracee, const struct path_result *result)
{
	int answer = is_directory(result);

	if (answer == -EAGAIN)
		return !(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_FILE);
	return answer == 1;
}

/* A place to mount on, or to bind. An object that only the kernel can reach is none. */
static int resolve_place(struct tracee *tracee, uint64_t address, uint32_t flags,
			 struct path_result *place)
{
	int error = tracee_resolve(tracee, AT_FDCWD, address, flags, place);

	if (!error && (place->flags & PATH_RESULT_MAGIC))
		error = -EINVAL;
	return error;
}

static bool is_mount_root(const struct path_result *place)
{
	return !place->position.length && !(place->position.flags & PATH_POSITION_DELETED);
}

/* The mount at `place` must be attached: -EINVAL. */
static bool is_hidden(struct tracee *tracee, const struct path_position *position)
{
	return tracee_mount_flags(tracee, position) & PATH_MOUNT_HIDDEN;
}

/* Bind */

/* A bind keeps a file alive that is unlinked afterwards. Ours is a path: what lies in a guest's tmpfs gets
 * a second name. (bubblewrap's --file and --ro-bind-data.) */
static void hold_file(struct tracee *tracee, char *host, size_t size)
{
	struct tracer *tracer = tracee->tracer;
	char name[PATH_SIZE];

	if (!guest_tmpfs_has(tracer, host) ||
	    guest_tmpfs_make(tracer, 0700, name, sizeof(name)) < 0)
		return;
	if (strlen(name) + 6 < sizeof(name) && strlen(name) + 6 < size) {
		strcat(name, "/file");
		if (link(host, name) == 0)
			snprintf(host, size, "%s", name);
	}
}

static int bind_mount(struct tracee *tracee, struct path_result *target, bool recursive)
{
	struct path_result *source = tracee_result_buffer(tracee, 1);
	int error = resolve_place(tracee, tracee_argument(tracee, 0), PATH_FOLLOW, source);
	struct mount_table *mounts = tracee_mounts(tracee);
	int32_t copies[PATH_MOUNTS_MAX];
	char host[PATH_SIZE];
	bool directory;
	uint32_t flags;
	int index;

	if (error)
		return error;
	if (is_hidden(tracee, &source->position) || is_hidden(tracee, &target->position) ||
	    (source->position.flags & PATH_POSITION_DELETED))
		return -EINVAL;
	directory = shows_directory(tracee, source);
	if (directory != shows_directory(tracee, target))
		return -ENOTDIR;
	if (path_to_host(mounts->table, &source->position, host, sizeof(host)) < 0)
		return -ENAMETOOLONG;
	flags = tracee_mount_flags(tracee, &source->position) &
		~(uint32_t)(PATH_MOUNT_FILE | PATH_MOUNT_LOCKED);
	if (!(flags & PATH_MOUNT_PROC))
		flags |= PATH_MOUNT_MOVABLE;
	if (!directory) {
		flags |= PATH_MOUNT_FILE;
		hold_file(tracee, host, sizeof(host));
	}
	index = path_table_bind(mounts->table, mounts->table, &source->position, host,
				&target->position, flags, recursive, copies);
	if (index < 0)
		return index;
	mounts->labels[index] = mounts->labels[source->position.mount];
	for (int i = 0; i < index; i++)
		if (copies[i] >= 0)
			mounts->labels[copies[i]] = mounts->labels[i];
	return 0;
}

/* Remount and propagation */

static int remount(struct tracee *tracee, const struct path_result *target, uint64_t flags)
{
	struct path_table *table = tracee_table(tracee);
	uint32_t before = tracee_mount_flags(tracee, &target->position), locked;
	uint32_t after = (before & ~PATH_MOUNT_OPTIONS) | options_of(flags);

	if (!is_mount_root(target))
		return -EINVAL;
	locked = before >> 8 & PATH_MOUNT_OPTIONS;
	if ((locked & PATH_MOUNT_READ_ONLY) && !(after & PATH_MOUNT_READ_ONLY))
		return -EPERM;
	/* The kernel refuses to drop the others too; keeping them is no weaker. */
	after |= locked;
	if (after & PATH_MOUNT_READ_ONLY)
		tracee->tracer->any_read_only = true;
	path_table_set_flags(table, target->position.mount, after);
	return 0;
}

static int move_here(struct tracee *tracee, const struct path_result *source,
		     const struct path_result *target)
{
	if (!is_mount_root(source) || is_hidden(tracee, &target->position) ||
	    (tracee_mount_flags(tracee, &source->position) & PATH_MOUNT_LOCKED))
		return -EINVAL;
	if (shows_directory(tracee, source) != shows_directory(tracee, target))
		return -EINVAL;
	return path_table_move(tracee_table(tracee), source->position.mount, &target->position);
}

/* A file system of its own */

#define DATA_MAX 4096

/* The value of an option in comma-separated data, or NULL. */
static const char *find_option(const char *data, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = data; at && *at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, length) && at[length] == '=')
			return at + length + 1;
	return NULL;
}

static bool read_id(const char *data, const char *name, uint32_t *ret_id)
{
	const char *value = find_option(data, name);
	char *end;
	unsigned long number = value ? strtoul(value, &end, 10) : 0;

	if (!value || end == value || number >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)number;
	return true;
}

static void own_tmpfs(struct tracee *tracee, const char *host, const char *data)
{
	const struct credentials saved = tracee->credentials;
	uint32_t id;

	if (!tracee->tracer->fake_ids)
		return;
	if (read_id(data, "uid", &id))
		tracee->credentials.fsuid = user_ns_take_uid(tracee, id);
	if (read_id(data, "gid", &id))
		tracee->credentials.fsgid = user_ns_take_gid(tracee, id);
	if (tracee->credentials.fsuid != ID_NONE && tracee->credentials.fsgid != ID_NONE)
		ids_own(tracee, host);
	tracee->credentials = saved;
}

/* size= and nr_inodes= have no effect: a limit of the guest's own making, said in docs/security.md. */
static int mount_tmpfs(struct tracee *tracee, const struct path_result *target, const char *source,
		       uint32_t options, const char *data)
{
	const char *value = find_option(data, "mode");
	mode_t mode = value ? (mode_t)strtoul(value, NULL, 8) & 07777 : 01777;
	struct path_table *table = tracee_table(tracee);
	char host[PATH_SIZE];
	int index, error;

	if (!shows_directory(tracee, target))
		return -ENOTDIR;
	error = guest_tmpfs_make(tracee->tracer, tracee->tracer->fake_ids ? mode | S_IRWXU : mode, host,
				 sizeof(host));
	if (error)
		return error;
	own_tmpfs(tracee, host, data);
	index = path_table_add(table, &target->position, host, options);
	if (index >= 0)
		mount_label(tracee, index, "tmpfs", source[0] ? source : "tmpfs");
	else
		guest_tmpfs_collect(tracee->tracer);
	return index < 0 ? index : 0;
}

/* What a mount of these types shows: the container's own, if it has one. */
static const struct {
	const char *type, *host;
} container_mounts[] = {
	{ "proc", "/proc" },	     { "sysfs", "/sys" },
	{ "devpts", "/dev/pts" },    { "mqueue", "/dev/mqueue" },
	{ "cgroup2", "/sys/fs/cgroup" },
};

/* Known to the kernel, and not for a user namespace: all others are ENODEV. */
static const char *const privileged_types[] = {
	"devtmpfs", "ext2",	"ext3",	      "ext4",	  "xfs",       "btrfs",	   "vfat",
	"iso9660",  "squashfs", "debugfs",    "tracefs",  "securityfs", "configfs", "pstore",
	"efivarfs", "bpf",	"hugetlbfs",  "fusectl",  "binfmt_misc", "fuse",   "fuseblk",
	"nfs",	    "cgroup",
};

/* Taken from the table as the plan made it: no guest has taken a mask off that. */
static int bind_container(struct tracee *tracee, const struct path_result *target, const char *type,
			  const char *host, const char *source, uint32_t options)
{
	struct tracer *tracer = tracee->tracer;
	struct path_result *from = tracee_result_buffer(tracee, 1);
	struct mount_table *mounts = tracee_mounts(tracee);
	int32_t copies[PATH_MOUNTS_MAX];
	struct stat status;
	uint32_t flags;
	int index;

	if (path_from_host(tracer->plan_table, -1, host, &from->position) < 0 ||
	    stat(host, &status) < 0)
		return -EPERM;
	if (!shows_directory(tracee, target))
		return -ENOTDIR;
	flags = tracer->plan_table->mounts[from->position.mount].flags;
	flags &= PATH_MOUNT_OPTIONS | PATH_MOUNT_PROC | PATH_MOUNT_SHARED |
		 PATH_MOUNT_LOCK(PATH_MOUNT_OPTIONS);
	index = path_table_bind(mounts->table, tracer->plan_table, &from->position, host,
				&target->position, flags | options, false, copies);
	if (index < 0)
		return index;
	for (uint32_t i = (uint32_t)index; i < mounts->table->mount_count; i++)
		mounts->labels[i] = (struct mount_label){ 0 };
	mount_label(tracee, index, type, source[0] ? source : type);
	return 0;
}

static int new_mount(struct tracee *tracee, const struct path_result *target, const char *source,
		     const char *type, uint64_t flags, const char *data)
{
	uint32_t options = options_of(flags);

	if (is_hidden(tracee, &target->position))
		return -EINVAL;
	if (!strcmp(type, "tmpfs") || !strcmp(type, "ramfs"))
		return mount_tmpfs(tracee, target, source, options, data);
	for (size_t i = 0; i < ARRAY_SIZE(container_mounts); i++)
		if (!strcmp(type, container_mounts[i].type))
			return bind_container(tracee, target, type, container_mounts[i].host, source,
					      options);
	for (size_t i = 0; i < ARRAY_SIZE(privileged_types); i++)
		if (!strcmp(type, privileged_types[i]))
			return -EPERM;
	return -ENODEV;
}

/* A string argument that may be NULL. */
static int read_text(const struct tracee *tracee, unsigned index, char *text, size_t size)
{
	uint64_t address = tracee_argument(tracee, index);
	int length;

	text[0] = '\0';
	if (!address)
		return 0;
	length = tracee_read_string(tracee, address, text, size);
	return length == -ENAMETOOLONG ? -EINVAL : length < 0 ? length : 0;
}

/* Mount data is a page that needn't end in a NUL. */
static void read_data(const struct tracee *tracee, char data[DATA_MAX])
{
	uint64_t address = tracee_argument(tracee, 4);

	data[0] = '\0';
	if (!address || tracee_read_string(tracee, address, data, DATA_MAX) >= 0)
		return;
	data[DATA_MAX - 1] = '\0';
}

enum verdict handle_mount(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *target = tracee_result_buffer(tracee, 0), *source_place;
	uint64_t flags = tracee_argument(tracee, 3);
	char type[64], source[104], data[DATA_MAX];
	int error;

	(void)row;
	if ((flags & MAGIC_MASK) == MAGIC)
		flags &= ~MAGIC_MASK;
	mount_table_compact(tracee);
	error = read_text(tracee, 2, type, sizeof(type));
	if (!error)
		error = resolve_place(tracee, tracee_argument(tracee, 1), PATH_FOLLOW, target);
	if (error)
		return tracee_answer(tracee, error);
	if (!may_mount(tracee))
		return tracee_answer(tracee, -EPERM);
	if (target->position.flags & PATH_POSITION_DELETED)
		return tracee_answer(tracee, -ENOENT);
	if (flags & MS_REMOUNT) {
		error = remount(tracee, target, flags);
	} else if (flags & MS_BIND) {
		error = bind_mount(tracee, target, flags & MS_REC);
	} else if (flags & MS_PROPAGATION) {
		error = is_mount_root(target) ? 0 : -EINVAL;
	} else if (flags & MS_MOVE) {
		source_place = tracee_result_buffer(tracee, 1);
		error = resolve_place(tracee, tracee_argument(tracee, 0), PATH_FOLLOW, source_place);
		if (!error)
			error = move_here(tracee, source_place, target);
	} else if (!type[0]) {
		error = tracee_argument(tracee, 2) ? -ENODEV : -EINVAL;
	} else {
		read_data(tracee, data);
		if (read_text(tracee, 0, source, sizeof(source)) < 0)
			source[0] = '\0';
		if (flags & MS_RDONLY)
			tracee->tracer->any_read_only = true;
		error = new_mount(tracee, target, source, type, flags, data);
	}
	return tracee_answer(tracee, error);
}

/* umount2 */

#define UMOUNT_FLAGS (MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)

enum verdict handle_umount(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *target = tracee_result_buffer(tracee, 0);
	struct path_table *table = tracee_table(tracee);
	int flags = (int)tracee_argument(tracee, 1), mount, error;

	(void)row;
	if (flags & ~UMOUNT_FLAGS)
		return tracee_answer(tracee, -EINVAL);
	error = resolve_place(tracee, tracee_argument(tracee, 0),
			      flags & UMOUNT_NOFOLLOW ? 0 : PATH_FOLLOW, target);
	if (error)
		return tracee_answer(tracee, error);
	/* "." after pivot_root(".", "."): what is stacked on top goes. */
	path_table_top(table, &target->position);
	if (!is_mount_root(target))
		return tracee_answer(tracee, -EINVAL);
	if (!may_mount(tracee))
		return tracee_answer(tracee, -EPERM);
	mount = target->position.mount;
	if (mount == table->root || (table->mounts[mount].flags &
				     (PATH_MOUNT_LOCKED | PATH_MOUNT_HIDDEN)))
		return tracee_answer(tracee, -EINVAL);
	if (flags & MNT_EXPIRE)
		return tracee_answer(tracee, flags & (MNT_FORCE | MNT_DETACH) ? -EINVAL : -EAGAIN);
	if (flags & MNT_DETACH) {
		error = path_table_detach(table, mount);
		for (uint32_t i = 0; !error && i < table->mount_count; i++)
			if (table->mounts[i].flags & PATH_MOUNT_HIDDEN)
				tracee_mounts(tracee)->labels[i].lazy = true;
	} else {
		error = mount_is_busy(tracee, mount) ? -EBUSY : path_table_remove(table, mount);
	}
	if (!error)
		guest_tmpfs_collect(tracee->tracer);
	return tracee_answer(tracee, error);
}

/* pivot_root */

static void move_roots(struct tracee *tracee, int from, int to)
{
	struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->fs && tracee_mounts(at) == tracee_mounts(tracee) &&
			    at->fs->root.mount == from && !at->fs->root.length)
				at->fs->root.mount = to;
}

static void after_pivot(struct tracee *tracee)
{
	tracee_restore_arguments(tracee);
	tracee_set_result(tracee, 0);
}

/* The kernel moves a process whose cwd is the old root to the new one; here only the caller, whose call
 * becomes that chdir. */
static enum verdict follow_root(struct tracee *tracee, int old_root, int new_root)
{
	struct path_position cwd, root = { .mount = new_root };
	char host[PATH_SIZE];
	uint64_t address;

	if (tracee_cwd_position(tracee, &cwd) < 0 || cwd.mount != old_root || cwd.length ||
	    path_to_host(tracee_table(tracee), &root, host, sizeof(host)) < 0 ||
	    tracee_put(tracee, host, strlen(host) + 1, &address) < 0)
		return tracee_answer(tracee, 0);
	tracee->fs->cwd_mount = new_root;
	tracee_set_number(tracee, SYS_chdir);
	tracee_set_argument(tracee, 0, address);
	tracee->on_exit = after_pivot;
	return VERDICT_EXIT;
}

enum verdict handle_pivot_root(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *new_root = tracee_result_buffer(tracee, 0);
	struct path_result *put_old = tracee_result_buffer(tracee, 1);
	struct path_table *table = tracee_table(tracee);
	int root = tracee->fs->root.mount, error;

	(void)row;
	if (!may_mount(tracee))
		return tracee_answer(tracee, -EPERM);
	error = resolve_place(tracee, tracee_argument(tracee, 0), PATH_FOLLOW, new_root);
	if (!error)
		error = resolve_place(tracee, tracee_argument(tracee, 1), PATH_FOLLOW, put_old);
	if (!error && (!shows_directory(tracee, new_root) || !shows_directory(tracee, put_old)))
		error = -ENOTDIR;
	if (!error && tracee->fs->root.length)
		error = -EINVAL; /* in a chroot that is no mount */
	if (!error && (put_old->position.flags & PATH_POSITION_DELETED))
		error = -ENOENT;
	if (!error && (new_root->position.mount == root || put_old->position.mount == root))
		error = -EBUSY;
	if (!error && (!is_mount_root(new_root) ||
		       (tracee_mount_flags(tracee, &new_root->position) & PATH_MOUNT_LOCKED)))
		error = -EINVAL;
	if (!error)
		error = path_table_pivot(table, root, new_root->position.mount, &put_old->position);
	if (error)
		return tracee_answer(tracee, error);
	move_roots(tracee, root, new_root->position.mount);
	return follow_root(tracee, root, new_root->position.mount);
}

#define MOVE_FROM_SYMLINKS 0x01
#define MOVE_FROM_EMPTY	   0x04
#define MOVE_TO_SYMLINKS   0x10
#define MOVE_TO_EMPTY	   0x40
#define MOVE_FLAGS	   0x77

/* mount(8) moves a mount by an fd that open_tree() gave, and takes no other way once that is there. */
enum verdict handle_move_mount(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *target = tracee_result_buffer(tracee, 0);
	struct path_result *source = tracee_result_buffer(tracee, 1);
	uint32_t flags = (uint32_t)tracee_argument(tracee, 4);
	int error;

	(void)row;
	if (flags & ~(uint32_t)MOVE_FLAGS)
		return tracee_answer(tracee, -EINVAL);
	if (!may_mount(tracee))
		return tracee_answer(tracee, -EPERM);
	error = tracee_resolve(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			       (flags & MOVE_FROM_SYMLINKS ? PATH_FOLLOW : 0) |
				       (flags & MOVE_FROM_EMPTY ? PATH_EMPTY : 0),
			       source);
	if (!error)
		error = tracee_resolve(tracee, (int)tracee_argument(tracee, 2),
				       tracee_argument(tracee, 3),
				       (flags & MOVE_TO_SYMLINKS ? PATH_FOLLOW : 0) |
					       (flags & MOVE_TO_EMPTY ? PATH_EMPTY : 0),
				       target);
	if (!error && ((source->flags | target->flags) & PATH_RESULT_MAGIC))
		error = -EINVAL;
	return tracee_answer(tracee, error ? error : move_here(tracee, source, target));
}

/* open_tree without a clone is an open with O_PATH. With one it is the first of a family of calls on fds of
 * detached mounts: ENOSYS, and programs take mount(2). */
enum verdict handle_open_tree(struct tracee *tracee, const struct syscall_row *row)
{
	if (tracee_argument(tracee, 2) & OPEN_TREE_CLONE)
		return tracee_answer(tracee, -ENOSYS);
	return translate_paths(tracee, row);
}
