// SPDX-License-Identifier: Apache-2.0
/* The plan's mounts as a table for the resolver.
 *
 * Theory of operation
 *
 * A bind is a table entry. A tmpfs is a directory below the container's state directory; a generated
 * file is a file there; a masked path is bound to an empty file or directory there. proc, sysfs and
 * devpts are the host's, bound. Where a mount point is missing it is made, as a namespace would
 * need it, so that directory listings show it; but never for the built-in image `host`, and a
 * generated file's never: translation doesn't need it.
 *
 * With real ids a guest process may be any user, and the kernel walks to these directories as that
 * user: then they lie below /run/amphora-view, which others can search but not list, under a name
 * that can't be guessed. Faked ids are all ours: the private state directory will do.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/path/link.h"
#include "ptrace_backend/places.h"
#include "ptrace_backend/tracer.h"

struct view {
	struct tracer *tracer;
	struct path_table *table;
	const char *state;     /* directory for what is made here */
	bool may_make_points;
	uint32_t follow;       /* PATH_FOLLOW; 0 for a mount with MOUNT_OPTION_NO_FOLLOW */
	unsigned made;	       /* counter for names below state */
	char **procs;	       /* where the host has a proc file system; ends in NULL */
};

/* The name of an emulated hard link is a file: mounted on as such. */
static long keep_link(void *context, int mount, const char *host, const char *text, size_t length,
		      char *ret_object)
{
	struct link_id id;

	(void)context;
	(void)mount;
	if (!link_parse(text, length, &id) && !link_is_l2s(text, length))
		return 0;
	return snprintf(ret_object, PATH_SIZE, "%s", host);
}

static const struct path_ops view_ops = {
	.readlink = host_readlink,
	.is_directory = host_is_directory,
	.object = keep_link,
};

static int resolve(struct view *view, const char *path, uint32_t flags, struct path_result *result)
{
	struct path_position root;
	struct path_request request = {
		.table = view->table,
		.ops = &view_ops,
		.root = &root,
		.base = &root,
		.path = path,
		.flags = flags,
	};

	path_table_root(view->table, &root);
	return path_resolve(&request, result);
}

static int make_place(const struct view *view, const struct path_result *result, bool file)
{
	const struct path_mount *mount = &view->table->mounts[result->position.mount];

	return places_make(view->tracer, result->host, mount->host_length, file);
}

/* mkdir -p of everything above the last component of target, and of it when `last`. */
static int make_directories(struct view *view, const char *target, bool last,
			    struct path_result *result)
{
	char partial[PATH_SIZE];
	int error = 0;

	for (const char *slash = target; slash && !error;) {
		slash = strchr(slash + 1, '/');
		if (!slash && !last)
			break;
		snprintf(partial, sizeof(partial), "%.*s",
			 slash ? (int)(slash - target) : (int)strlen(target), target);
		error = resolve(view, partial, PATH_FOLLOW | PATH_CREATE, result);
		if (!error)
			error = make_place(view, result, false);
	}
	return error;
}

/* The position of a mount point, made when missing and allowed. */
static int mount_point(struct view *view, const char *target, bool file, bool make,
		       struct path_result *result)
{
	struct stat status;
	int error = resolve(view, target, view->follow | PATH_CREATE, result);

	if (!error && lstat(result->host, &status) == 0)
		return 0;
	if (!make)
		return error;
	if (error)
		error = make_directories(view, target, !file, result);
	if (!error)
		error = resolve(view, target, PATH_FOLLOW | PATH_CREATE, result);
	if (error)
		return error;
	return make_place(view, result, file);
}

static uint32_t mount_flags(uint32_t options)
{
	return (options & MOUNT_OPTION_READ_ONLY ? PATH_MOUNT_READ_ONLY : 0) |
	       (options & MOUNT_OPTION_NOSUID ? PATH_MOUNT_NOSUID : 0) |
	       (options & MOUNT_OPTION_NODEV ? PATH_MOUNT_NODEV : 0) |
	       (options & MOUNT_OPTION_NOEXEC ? PATH_MOUNT_NOEXEC : 0);
}

#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif

/* The host's /proc and its devices, for the machine's root, its ids faked or not: chmod there would be chmod
 * for everybody. Terminals are the guest's own as well. */
static bool is_shared(const struct stat *status, long fs_type)
{
	return geteuid() == 0 &&
	       (fs_type == PROC_SUPER_MAGIC ||
		((S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) && fs_type != DEVPTS_SUPER_MAGIC));
}

/* Adds host at target. */
static int add(struct view *view, const char *target, const char *host, uint32_t flags, bool make,
	       struct error *err)
{
	struct path_result *point = &view->tracer->results[0];
	struct statfs fs = { 0 };
	struct stat status;
	int error;

	if (stat(host, &status) < 0)
		return error_set(err, errno, "mount source %s", host);
	if (!S_ISDIR(status.st_mode))
		flags |= PATH_MOUNT_FILE;
	if (statfs(host, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		flags |= PATH_MOUNT_PROC;
	if (is_shared(&status, (long)fs.f_type))
		flags |= PATH_MOUNT_SHARED;
	error = mount_point(view, target, !S_ISDIR(status.st_mode), make, point);
	if (error == -EROFS || error == -EACCES || error == -EPERM)
		error = resolve(view, target, view->follow | PATH_CREATE, point);
	if (error == -ENOENT && !make)
		return 0;
	if (error)
		return error_set(err, -error, "mount point %s", target);
	if (flags & (PATH_MOUNT_READ_ONLY | PATH_MOUNT_SHARED))
		view->tracer->any_read_only = true;
	error = path_table_add(view->table, &point->position, host, flags);
	return error < 0 ? error_set(err, -error, "mount on %s", target) : 0;
}

static int make_name(struct view *view, char *path, size_t size)
{
	return snprintf(path, size, "%s/%u", view->state, view->made++) < (int)size ?
		       0 :
		       -ENAMETOOLONG;
}

static bool may_make(const struct view *view, const struct plan_op *op)
{
	return view->may_make_points && !(op->options & MOUNT_OPTION_NO_POINT);
}

static int add_tmpfs(struct view *view, const struct plan_op *op, struct error *err)
{
	char path[PATH_MAX];

	if (make_name(view, path, sizeof(path)) < 0 || mkdir(path, 0700) < 0 ||
	    chmod(path, op->mode ? op->mode : 01777) < 0)
		return error_set(err, errno, "directory for the tmpfs on %s", op->target);
	return add(view, op->target, path, mount_flags(op->options), may_make(view, op), err);
}

static int add_bind(struct view *view, const struct plan_op *op, const char *source,
		    struct error *err)
{
	char host[PATH_MAX];

	if (!realpath(source, host)) {
		if (op->options & MOUNT_OPTION_OPTIONAL || op->mount_kind != MOUNT_KIND_BIND)
			return 0;
		return error_set(err, errno, "mount source %s", source);
	}
	return add(view, op->target, host, mount_flags(op->options), may_make(view, op), err);
}

static int find_procs(struct view *view, struct error *err)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char line[2 * PATH_MAX];
	size_t count = 0;
	char **grown;

	if (!mounts)
		return error_set(err, errno, "/proc/self/mounts");
	view->procs = talloc_zero_array(view->tracer, char *, 1);
	grown = view->procs;
	while (grown && getmntent_r(mounts, &entry, line, sizeof(line))) {
		if (strcmp(entry.mnt_type, "proc") != 0)
			continue;
		grown = talloc_realloc(view->tracer, view->procs, char *, count + 2);
		if (grown) {
			grown[count] = talloc_strdup(grown, entry.mnt_dir);
			grown[++count] = NULL;
			view->procs = grown;
		}
	}
	endmntent(mounts);
	return grown ? 0 : error_set(err, ENOMEM, "proc file systems");
}

/* The newest mount shows a directory of the host, as far as that is one file system; a proc below it would
 * be the host's as it is, with what a mount of the plan on it hides. */
static int cover_procs(struct view *view, struct error *err)
{
	struct path_position *point = &view->tracer->results[0].position;
	int mount = (int)view->table->mount_count - 1, index, error = 0;
	const char *source = view->table->strings + view->table->mounts[mount].host;
	size_t length = strlen(source);
	char path[PATH_MAX];

	if (!view->procs)
		error = find_procs(view, err);
	for (char **proc = view->procs; !error && *proc; proc++) {
		if (strncmp(*proc, source, length) != 0 || (*proc)[length] != '/' ||
		    strlen(*proc) >= PATH_SIZE)
			continue;
		*point = (struct path_position){ .mount = mount };
		point->length = (uint32_t)snprintf(point->rel, sizeof(point->rel), "%s",
						   *proc + length + 1);
		if (make_name(view, path, sizeof(path)) < 0 || mkdir(path, 0555) < 0)
			return error_set(err, errno, "cover of %s", *proc);
		index = path_table_add(view->table, point, path, PATH_MOUNT_READ_ONLY);
		if (index < 0)
			return error_set(err, -index, "cover of %s", *proc);
		view->tracer->any_read_only = true;
	}
	return error;
}

static int add_mount(struct view *view, const struct plan_op *op, struct error *err)
{
	static const char *const host_paths[MOUNT_KIND_COUNT] = {
		[MOUNT_KIND_PROC] = "/proc",	     [MOUNT_KIND_SYSFS] = "/sys",
		[MOUNT_KIND_DEVPTS] = "/dev/pts",    [MOUNT_KIND_MQUEUE] = "/dev/mqueue",
		[MOUNT_KIND_CGROUP] = "/sys/fs/cgroup",
	};

	uint32_t before = view->table->mount_count;
	int error;

	if (op->mount_kind == MOUNT_KIND_TMPFS)
		return add_tmpfs(view, op, err);
	error = add_bind(view, op,
			 op->mount_kind == MOUNT_KIND_BIND ? op->source :
							     host_paths[op->mount_kind],
			 err);
	if (error || op->mount_kind != MOUNT_KIND_BIND || view->table->mount_count == before)
		return error;
	return cover_procs(view, err);
}

static int add_file(struct view *view, const struct plan_op *op, struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	char path[PATH_MAX];
	int error = make_name(view, path, sizeof(path));

	if (!error)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (!error && fd < 0)
		error = -errno;
	if (!error)
		error = file_write_fd(fd, op->content, strlen(op->content));
	if (error)
		return error_set(err, -error, "file for %s", op->target);
	return add(view, op->target, path, mount_flags(op->options), false, err);
}

static int add_symlink(struct view *view, const struct plan_op *op, struct error *err)
{
	struct path_result *link = &view->tracer->results[0];
	_cleanup_close_ int parent = -EBADF;
	const char *name;
	int error = resolve(view, op->target, PATH_PARENT, link);

	if (!error)
		parent = places_open_parent(
			link->host, view->table->mounts[link->position.mount].host_length, &name);
	if (!error && parent < 0)
		error = parent;
	if (!error && symlinkat(op->content, parent, name) < 0 && errno != EEXIST)
		error = -errno;
	if (error == -EROFS || error == -EACCES || error == -EPERM) {
		log_debug("symlink %s: %s", op->target, strerror(-error));
		error = 0;
	}
	return error ? error_set(err, -error, "symlink %s", op->target) : 0;
}

/* An existing path shown as empty, or as it is but read-only. */
static int add_over(struct view *view, const struct plan_op *op, struct error *err)
{
	struct path_result *point = &view->tracer->results[0];
	uint32_t flags;
	struct stat status;
	char path[PATH_MAX];
	int fd;

	if (resolve(view, op->target, PATH_FOLLOW, point) < 0 || lstat(point->host, &status) < 0)
		return 0;
	flags = view->table->mounts[point->position.mount].flags | PATH_MOUNT_READ_ONLY;
	flags &= ~(uint32_t)PATH_MOUNT_FILE;
	if (op->kind == PLAN_OP_READ_ONLY)
		return add(view, op->target, point->host, flags, false, err);
	if (make_name(view, path, sizeof(path)) < 0)
		return error_set(err, ENAMETOOLONG, "mask of %s", op->target);
	if (S_ISDIR(status.st_mode)) {
		if (mkdir(path, 0555) < 0)
			return error_set(err, errno, "mask of %s", op->target);
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (fd < 0)
			return error_set(err, errno, "mask of %s", op->target);
		close(fd);
	}
	return add(view, op->target, path, PATH_MOUNT_READ_ONLY, false, err);
}

static int add_root(struct view *view, const struct plan_op *op, struct error *err)
{
	uint32_t flags = mount_flags(op->options);
	char host[PATH_MAX];

	if (!realpath(op->source, host))
		return error_set(err, errno, "root filesystem %s", op->source);
	if (view->tracer->plan->layer == MECHANISM_READ_ONLY_ROOT)
		flags |= PATH_MOUNT_READ_ONLY;
	if (flags & PATH_MOUNT_READ_ONLY)
		view->tracer->any_read_only = true;
	path_table_init(view->table, host, flags);
	return cover_procs(view, err);
}

#define SHARED_PARENT "/run/amphora-view"

static char *shared_directory(struct tracer *tracer)
{
	char path[] = SHARED_PARENT "/XXXXXX";
	struct stat status;

	if (mkdir(SHARED_PARENT, 0711) < 0 && errno != EEXIST)
		return NULL;
	if (lstat(SHARED_PARENT, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != 0 ||
	    (status.st_mode & 022) || !mkdtemp(path) || chmod(path, 0711) < 0)
		return NULL;
	return talloc_strdup(tracer, path);
}

static int make_directory(struct tracer *tracer, const struct backend_context *context,
			  struct error *err)
{
	char *view = talloc_asprintf(tracer, "%s/view", context->state_directory);

	if (!tracer->fake_ids && geteuid() == 0)
		tracer->view_directory = shared_directory(tracer);
	/* `amphora inspect` looks for it there; without the symlink it shows less. */
	if (tracer->view_directory && view && symlink(tracer->view_directory, view) < 0)
		log_debug("symlink %s: %s", view, strerror(errno));
	if (tracer->view_directory)
		return 0;
	tracer->view_directory = view;
	if (!view || mkdir(view, 0700) < 0)
		return error_set(err, errno, "directory %s/view", context->state_directory);
	return 0;
}

/* Whether a guest may take the mount away: what covers nothing but an empty place of the rootfs. Others
 * may hide something, or keep it from being written. */
static bool may_go(const struct plan_op *op)
{
	static const uint32_t automatic = 1u << MOUNT_KIND_PROC | 1u << MOUNT_KIND_SYSFS |
					  1u << MOUNT_KIND_DEVPTS | 1u << MOUNT_KIND_MQUEUE |
					  1u << MOUNT_KIND_CGROUP;

	if (op->kind != PLAN_OP_MOUNT)
		return false;
	if (op->mount_kind == MOUNT_KIND_BIND && strncmp(op->source, "/dev/", 5) != 0)
		return false;
	return automatic >> op->mount_kind & 1 || !strcmp(op->target, "/dev") ||
	       !strncmp(op->target, "/dev/", 5);
}

/* For the guest's mount calls (handlers_mount.c), and mountinfo. */
static void lock_mounts(struct tracer *tracer, uint32_t first, const struct plan_op *op)
{
	struct path_table *table = tracer->table;

	for (uint32_t i = first; i < table->mount_count; i++) {
		uint32_t flags = table->mounts[i].flags;

		flags |= PATH_MOUNT_LOCK(flags & PATH_MOUNT_OPTIONS);
		if (!may_go(op))
			flags |= PATH_MOUNT_LOCKED;
		path_table_set_flags(table, (int)i, flags);
		if (op->kind == PLAN_OP_MOUNT && op->mount_kind == MOUNT_KIND_TMPFS)
			tracer->mounts->labels[i] = (struct mount_label){ .type = "tmpfs",
									  .source = "tmpfs" };
	}
}

/* POSIX shared memory where the host's /dev is shown and has no place for it, as Android's. */
static int add_shared_memory(struct view *view, struct error *err)
{
	static const struct plan_op op = { .kind = PLAN_OP_MOUNT, .mount_kind = MOUNT_KIND_TMPFS,
					   .target = "/dev/shm", .mode = 01777,
					   .options = MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV };
	struct path_result *point = &view->tracer->results[0];
	uint32_t first = view->table->mount_count;
	struct stat status;
	int error;

	view->follow = PATH_FOLLOW;
	view->may_make_points = false;
	if (resolve(view, op.target, PATH_FOLLOW | PATH_CREATE, point) < 0 || point->position.mount == 0 ||
	    lstat(point->host, &status) == 0)
		return 0;
	error = add_tmpfs(view, &op, err);
	if (!error)
		lock_mounts(view->tracer, first, &op);
	return error;
}

/* A mount whose source lies in what the guest can write to. */
static void mark_movable(struct path_table *table)
{
	for (uint32_t i = 0; i < table->mount_count; i++)
		for (uint32_t j = 0; j < table->mount_count; j++) {
			const struct path_mount *mount = &table->mounts[i], *above = &table->mounts[j];
			const char *host = table->strings + mount->host;

			if (above->host_length < mount->host_length &&
			    !((above->flags | mount->flags) & PATH_MOUNT_PROC) &&
			    !(above->flags & PATH_MOUNT_READ_ONLY) &&
			    !memcmp(host, table->strings + above->host, above->host_length) &&
			    host[above->host_length] == '/')
				path_table_set_flags(table, (int)i, mount->flags | PATH_MOUNT_MOVABLE);
		}
}

static int keep_table(struct tracer *tracer, struct error *err)
{
	const struct path_table *table = tracer->table;
	struct path_table *copy = talloc(tracer, struct path_table);

	if (!copy)
		return error_set(err, ENOMEM, "mount table");
	/* Not the room that both have left. */
	memcpy(copy, table, offsetof(struct path_table, mounts) + table->mount_count * sizeof(table->mounts[0]));
	memcpy(copy->buckets, table->buckets, sizeof(copy->buckets));
	memcpy(copy->strings, table->strings, table->strings_used);
	tracer->plan_table = copy;
	return 0;
}

/* mounts: what guests mount as a tmpfs; shm: System V segments; ns: what stands for their namespaces. */
static int make_guest_directories(struct tracer *tracer, struct error *err)
{
	char path[PATH_MAX];

	tracer->mounts_directory = talloc_asprintf(tracer, "%s/mounts", tracer->view_directory);
	snprintf(path, sizeof(path), "%s/shm", tracer->view_directory);
	if (tracer->plan->emulate_sysvipc && (mkdir(path, 0711) < 0 || chmod(path, 0711) < 0))
		return error_set(err, errno, "directory %s", path);
	snprintf(path, sizeof(path), "%s/ns", tracer->view_directory);
	if (!tracer->mounts_directory || mkdir(tracer->mounts_directory, 0711) < 0 ||
	    chmod(tracer->mounts_directory, 0711) < 0 || mkdir(path, 0711) < 0 ||
	    chmod(path, 0711) < 0)
		return error_set(err, errno, "directory %s/mounts", tracer->view_directory);
	return 0;
}

void view_remove(struct tracer *tracer)
{
	places_remove(tracer);
	if (tracer->view_directory)
		file_remove_tree(AT_FDCWD, tracer->view_directory);
}

int view_build(struct tracer *tracer, const struct backend_context *context, struct error *err)
{
	const struct plan *plan = tracer->plan;
	struct view view = { .tracer = tracer, .table = tracer->table };
	int error = make_directory(tracer, context, err);

	tracer->mounts = talloc_zero(tracer, struct mount_table);
	if (!error && !tracer->mounts)
		error = error_set(err, ENOMEM, "mount table");
	if (!error)
		error = make_guest_directories(tracer, err);
	if (!error)
		tracer->mounts->table = tracer->table;
	view.state = tracer->view_directory;
	view.may_make_points = !plan->spec->host_image;
	for (size_t i = 0; i < plan->op_count && !error; i++) {
		const struct plan_op *op = &plan->ops[i];
		uint32_t first = i ? view.table->mount_count : 0;

		view.follow = op->options & MOUNT_OPTION_NO_FOLLOW ? 0 : PATH_FOLLOW;
		switch (op->kind) {
		case PLAN_OP_ROOT:
			error = add_root(&view, op, err);
			break;
		case PLAN_OP_MOUNT:
			error = add_mount(&view, op, err);
			break;
		case PLAN_OP_FILE:
			error = add_file(&view, op, err);
			break;
		case PLAN_OP_SYMLINK:
			error = add_symlink(&view, op, err);
			break;
		case PLAN_OP_MASK:
		case PLAN_OP_READ_ONLY:
			error = add_over(&view, op, err);
			break;
		}
		if (!error)
			lock_mounts(tracer, first, op);
	}
	if (!error)
		error = add_shared_memory(&view, err);
	if (!error)
		mark_movable(tracer->table);
	return error ? error : keep_table(tracer, err);
}
