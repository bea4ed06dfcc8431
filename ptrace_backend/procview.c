// SPDX-License-Identifier: Apache-2.0
/* What the guest sees of /proc: itself, in its own paths, and none of the host's processes.
 *
 * Theory of operation
 *
 * The guest's /proc is the host's, mounted in the table with PATH_MOUNT_PROC. The resolver asks
 * procview_magic() about each symlink there. Of a file of a process whose contents are wrong for the
 * guest (view_rows: mostly host paths) the guest's version is written to a file below the view directory,
 * opened there and unlinked at the call's exit: a memfd would be open for writing, which Chromium takes for
 * an attack. One that the guest opens for writing is a memfd: the call becomes memfd_create. Files that
 * belong to no process are procfile.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/procview.h"
#include "ptrace_backend/tracer.h"

/* A host path below /proc, taken apart. */
struct proc_name {
	pid_t pid;	  /* 0: not below a process */
	const char *rest; /* after "PID/" or "PID/task/TID/"; "" for the directory itself */
};

static int parse_pid(const char **at)
{
	const char *digit = *at;
	long pid = 0;

	while (*digit >= '0' && *digit <= '9' && pid < 100000000)
		pid = pid * 10 + (*digit++ - '0');
	if (digit == *at || (*digit != '/' && *digit != '\0'))
		return 0;
	*at = *digit ? digit + 1 : digit;
	return (int)pid;
}

/* name is what follows "/proc/". */
static struct proc_name parse_name(const char *name)
{
	struct proc_name parsed = { 0, name };
	pid_t thread;

	parsed.pid = parse_pid(&parsed.rest);
	if (parsed.pid && !strncmp(parsed.rest, "task/", 5)) {
		const char *rest = parsed.rest + 5;

		thread = parse_pid(&rest);
		if (thread) {
			parsed.pid = thread;
			parsed.rest = rest;
		}
	}
	return parsed;
}

/* The part after "/proc/" of a position in a proc mount; NULL for /proc itself or elsewhere. */
static const char *name_of(const struct tracee *tracee, const struct path_position *position,
			   char *host)
{
	if (!(tracee_mount_flags(tracee, position) & PATH_MOUNT_PROC) ||
	    path_to_host(tracee_table(tracee), position, host, PATH_SIZE) < 0 ||
	    strncmp(host, "/proc/", 6) != 0)
		return NULL;
	return host + 6;
}

bool procview_hides(struct tracee *tracee, const struct path_position *position)
{
	char host[PATH_SIZE];
	const char *name;
	pid_t pid;

	if (!(tracee_mount_flags(tracee, position) & PATH_MOUNT_PROC))
		return false;
	name = name_of(tracee, position, host);
	if (!name)
		return false;
	pid = parse_pid(&name);
	return pid && !tracer_has(tracee->tracer, pid);
}

static long set_text(struct path_magic *magic, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static long set_text(struct path_magic *magic, const char *format, ...)
{
	va_list arguments;
	int n;

	magic->kind = PATH_MAGIC_TEXT;
	va_start(arguments, format);
	n = vsnprintf(magic->text, sizeof(magic->text), format, arguments);
	va_end(arguments);
	return n < 0 || n >= (int)sizeof(magic->text) ? -ENAMETOOLONG : 0;
}

/* /proc/PID/fd/N: a jump to the file where the guest's tree has it, else only for the kernel. */
static long magic_fd(struct tracee *tracee, const char *host, struct path_magic *ret_magic)
{
	struct stat status;
	long result;

	if (lstat(host, &status) < 0)
		return -errno;
	if (!S_ISLNK(status.st_mode))
		return -EINVAL;
	ret_magic->kind = PATH_MAGIC_OPAQUE;
	result = tracee_link_position(tracee, host, -1, &ret_magic->position);
	if (result || (ret_magic->position.flags & PATH_POSITION_DELETED))
		return 0;
	if (stat(host, &status) == 0 && (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode)))
		ret_magic->kind = PATH_MAGIC_POSITION;
	return 0;
}

/* A new process is stopped and has no memory, cwd or root of its own here until its parent's event has
 * been seen; for the guest it doesn't exist yet. */
static struct tracee *find_subject(struct tracer *tracer, pid_t pid)
{
	struct tracee *subject = tracer_find(tracer, pid);

	return subject && subject->state != TRACEE_NEW ? subject : NULL;
}

static bool same_mounts(const struct tracee *a, const struct tracee *b)
{
	return tracee_table(a) == tracee_table(b);
}

/* Of a process in another mount namespace: the same place of the host in the asker's own mounts, without
 * what that process has mounted there. */
static long magic_root(struct tracee *tracee, const struct tracee *subject,
		       struct path_magic *ret_magic)
{
	const struct path_position *root = &subject->fs->root;
	char host[PATH_SIZE];

	if (same_mounts(tracee, subject)) {
		memcpy(&ret_magic->position, root,
		       offsetof(struct path_position, rel) + root->length + 1);
		return 0;
	}
	if (path_to_host(tracee_table(subject), root, host, sizeof(host)) < 0 ||
	    path_from_host(tracee_table(tracee), -1, host, &ret_magic->position) < 0)
		return -EACCES;
	return 0;
}

static long magic_of_process(struct tracee *tracee, const struct proc_name *name, const char *host,
			     struct path_magic *ret_magic)
{
	struct tracee *subject = find_subject(tracee->tracer, name->pid);
	long result;

	if (!subject)
		return -ENOENT;
	if (!strcmp(name->rest, "exe"))
		return set_text(ret_magic, "%s", subject->mm->exe);
	/* As the kernel's ptrace_may_access() says. */
	if (!user_ns_contains(tracee->namespaces.in[NAMESPACE_USER],
			      subject->namespaces.in[NAMESPACE_USER]))
		return -EACCES;
	if (!strcmp(name->rest, "root")) {
		ret_magic->kind = PATH_MAGIC_POSITION;
		return magic_root(tracee, subject, ret_magic);
	}
	if (!strcmp(name->rest, "cwd")) {
		ret_magic->kind = PATH_MAGIC_POSITION;
		if (subject == tracee)
			result = tracee_cwd_position(tracee, &ret_magic->position);
		else
			result = tracee_link_position(tracee, host,
						      same_mounts(tracee, subject) ?
							      subject->fs->cwd_mount :
							      -1,
						      &ret_magic->position);
		ret_magic->position.flags &= ~(uint32_t)PATH_POSITION_DIRECTORY;
		return result == -ENOENT ? -EACCES : result;
	}
	if (!strncmp(name->rest, "fd/", 3))
		return magic_fd(tracee, host, ret_magic);
	if (!strncmp(name->rest, "map_files/", 10))
		return -EACCES;
	ret_magic->kind = PATH_MAGIC_OPAQUE; /* ns/... */
	return readlink(host, ret_magic->text, 1) < 0 ? -errno : 0;
}

long procview_magic(void *context, const struct path_position *link, struct path_magic *ret_magic)
{
	struct tracee *tracee = context;
	char host[PATH_SIZE];
	const char *name = name_of(tracee, link, host);
	struct proc_name parsed;
	ssize_t n;

	if (!name)
		return -EINVAL;
	if (!strcmp(name, "self"))
		return set_text(ret_magic, "%d", (int)tracee->tgid);
	if (!strcmp(name, "thread-self"))
		return set_text(ret_magic, "%d/task/%d", (int)tracee->tgid, (int)tracee->tid);
	parsed = parse_name(name);
	n = readlink(host, ret_magic->text, sizeof(ret_magic->text) - 1);
	if (n < 0 && !(parsed.pid && errno == EACCES))
		return -errno;
	if (parsed.pid)
		return magic_of_process(tracee, &parsed, host, ret_magic);
	ret_magic->kind = PATH_MAGIC_TEXT;
	ret_magic->text[n] = '\0';
	return 0;
}

int procview_readlink(struct tracee *tracee, const struct path_result *result, char *text,
		      size_t size)
{
	static struct path_magic magic;
	struct path_position position;
	char host[PATH_SIZE];
	const char *name = name_of(tracee, &result->position, host);
	struct proc_name parsed;
	bool deleted;
	int length;
	long error;

	if (!name)
		return -EINVAL;
	error = procview_magic(tracee, &result->position, &magic);
	if (error)
		return (int)error;
	if (magic.kind == PATH_MAGIC_TEXT) {
		length = (int)strlen(magic.text);
		memcpy(text, magic.text, (size_t)length + 1);
		return length;
	}
	length = namespaces_link_text(tracee, host, text, size);
	if (length)
		return length;
	parsed = parse_name(name);
	if (magic.kind == PATH_MAGIC_POSITION)
		memcpy(&position, &magic.position, sizeof(position));
	else if (strncmp(parsed.rest, "fd/", 3) != 0 ||
		 tracee_link_position(tracee, host, -1, &position) < 0)
		return -EINVAL;
	guest_links_name(tracee, &position);
	deleted = position.flags & PATH_POSITION_DELETED;
	length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, text, size);
	if (length >= 0 && deleted && (size_t)length + 11 < size)
		length += snprintf(text + length, size - (size_t)length, " (deleted)");
	return length == -ENOENT ? -EINVAL : length;
}

enum view_when {
	VIEW_ALWAYS,
	VIEW_STOPPED, /* only while job control has stopped the process */
	VIEW_FAKED,   /* with faked ids; the process itself may write to it */
};

static const struct view_row {
	const char *name; /* below /proc/PID */
	procview_writer *write;
	enum view_when when;
} view_rows[] = {
	{ "maps", procview_maps, VIEW_ALWAYS },
	{ "smaps", procview_smaps, VIEW_ALWAYS },
	{ "numa_maps", procview_numa_maps, VIEW_ALWAYS },
	{ "mounts", procview_mounts, VIEW_ALWAYS },
	{ "mountinfo", procview_mountinfo, VIEW_ALWAYS },
	{ "mountstats", procview_mountstats, VIEW_ALWAYS },
	{ "status", procview_status, VIEW_ALWAYS },
	{ "auxv", procview_auxv, VIEW_ALWAYS },
	{ "net/unix", procview_net_unix, VIEW_ALWAYS },
	{ "stat", procview_stat, VIEW_STOPPED },
	{ "loginuid", procview_loginuid, VIEW_FAKED },
};

/* Whether the guest's version takes the place of what the kernel has. */
static bool row_applies(const struct tracee *tracee, const struct view_row *row,
			const struct tracee *subject, uint32_t mount, int flags)
{
	if (flags & O_ACCMODE)
		return row->when == VIEW_FAKED && tracee->tracer->fake_ids && subject &&
		       subject->tgid == tracee->tgid && !(mount & PATH_MOUNT_READ_ONLY);
	switch (row->when) {
	case VIEW_ALWAYS:
		break;
	case VIEW_STOPPED:
		return subject && subject->group_stopped;
	case VIEW_FAKED:
		return tracee->tracer->fake_ids;
	}
	return true;
}

static int find_row(const char *rest)
{
	for (unsigned i = 0; i < ARRAY_SIZE(view_rows); i++)
		if (!strcmp(rest, view_rows[i].name))
			return (int)i;
	return -1;
}

static dev_t memfd_device(void)
{
	static dev_t device;
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	if (!device) {
		fd = (int)syscall(SYS_memfd_create, "", MFD_CLOEXEC);
		if (fd >= 0 && fstat(fd, &status) == 0)
			device = status.st_dev;
	}
	return device;
}

int procview_open_memfd(const struct tracee *tracee, int guest_fd, int flags)
{
	_cleanup_close_ int found = -EBADF;
	struct stat status;
	char path[64];
	int fd;

	tracee_fd_host(tracee, guest_fd, path, sizeof(path));
	found = open(path, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &status) < 0)
		return -EBADF;
	if (!S_ISREG(status.st_mode) || status.st_dev != memfd_device() || status.st_nlink ||
	    status.st_size)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK); /* a lease on it would make us wait */
	return fd < 0 ? -errno : fd;
}

static void fill(struct tracee *tracee, int row, pid_t pid, int fd)
{
	struct tracee *subject = find_subject(tracee->tracer, pid);
	FILE *out = fdopen(fd, "w");

	if (!out) {
		close(fd);
		return;
	}
	if (subject)
		view_rows[row].write(subject, out);
	fclose(out);
}

/* The memfd exists in the guest. Its read position stays 0, for we write through an open of our own. */
static void fill_memfd(struct tracee *tracee)
{
	int64_t guest_fd = tracee_result(tracee);
	int fd;

	tracee_restore_arguments(tracee);
	if (guest_fd < 0)
		return;
	fd = procview_open_memfd(tracee, (int)guest_fd, O_WRONLY);
	if (fd >= 0)
		fill(tracee, (int)tracee->saved[0], (pid_t)tracee->saved[1], fd);
}

static enum verdict open_memfd(struct tracee *tracee, const char *name, int flags)
{
	const char *slash = strrchr(name, '/');
	uint64_t address;

	name = slash ? slash + 1 : name;
	if (tracee_put(tracee, name, strlen(name) + 1, &address) < 0)
		return tracee_answer(tracee, -ENOMEM);
	tracee->on_exit = fill_memfd;
	tracee_set_number(tracee, SYS_memfd_create);
	tracee_set_argument(tracee, 0, address);
	tracee_set_argument(tracee, 1, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	return VERDICT_EXIT;
}

static void unlink_copy(struct tracee *tracee)
{
	char path[PATH_SIZE];

	tracee_restore_arguments(tracee);
	if (procfile_for_process(tracee, (pid_t)tracee->saved[1],
				 view_rows[tracee->saved[0]].name, path, sizeof(path)) == 0)
		unlink(path);
}

/* `index`: of the argument with the path. */
static enum verdict open_copy(struct tracee *tracee, struct path_result *result, unsigned index,
			      int row, pid_t pid)
{
	int error, fd;

	error = procfile_for_process(tracee, pid, view_rows[row].name, result->host,
				     sizeof(result->host));
	if (error)
		return tracee_answer(tracee, error);
	unlink(result->host); /* of a namesake that was killed in its call */
	fd = open(result->host, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (fd < 0)
		return tracee_answer(tracee, -errno);
	fchmod(fd, 0444);
	fill(tracee, row, pid, fd);
	if (result->fd >= 0)
		close(result->fd);
	result->fd = -1;
	result->flags = 0;
	result->last = PATH_LAST_NORMAL;
	result->host_length = (uint32_t)strlen(result->host);
	tracee->on_exit = unlink_copy;
	error = tracee_set_path(tracee, index, result);
	if (!error)
		return VERDICT_EXIT;
	unlink(result->host);
	return tracee_answer(tracee, error);
}

bool procview_open(struct tracee *tracee, struct path_result *result, unsigned index, int flags,
		   enum verdict *ret_verdict)
{
	char host[PATH_SIZE];
	const struct tracee *subject;
	uint32_t mount = tracee_mount_flags(tracee, &result->position);
	const char *name;
	struct proc_name parsed;
	int row;

	if (!(mount & PATH_MOUNT_PROC) || (flags & (O_PATH | O_DIRECTORY)) ||
	    procfile_is_made(tracee->tracer, result->host))
		return false;
	name = name_of(tracee, &result->position, host);
	if (!name)
		return false;
	parsed = parse_name(name);
	row = find_row(parsed.rest);
	if (!parsed.pid || row < 0)
		return false;
	subject = find_subject(tracee->tracer, parsed.pid);
	if (!row_applies(tracee, &view_rows[row], subject, mount, flags))
		return false;
	tracee->saved[0] = (uint64_t)row;
	tracee->saved[1] = (uint64_t)parsed.pid;
	*ret_verdict = flags & (O_ACCMODE | O_TRUNC) ? open_memfd(tracee, parsed.rest, flags) :
					   open_copy(tracee, result, index, row, parsed.pid);
	return true;
}

void procview_own(struct tracee *tracee, const struct path_position *position, struct stat *status)
{
	const struct tracee *subject;
	char host[PATH_SIZE];
	const char *name;

	if (!(tracee_mount_flags(tracee, position) & PATH_MOUNT_PROC))
		return;
	name = name_of(tracee, position, host);
	subject = name ? find_subject(tracee->tracer, parse_name(name).pid) : NULL;
	if (!subject)
		return;
	status->st_uid = subject->credentials.euid;
	status->st_gid = subject->credentials.egid;
}
