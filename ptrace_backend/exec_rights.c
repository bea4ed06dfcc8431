// SPDX-License-Identifier: Apache-2.0
/* Opening a program with the rights of the process that wants to execute it.
 *
 * Theory of operation
 *
 * The kernel executes amphora's own file in the program's place, so that the check of the program's is
 * ours to make. With faked ids the tracer and its guests are the same host user. Where they are
 * not, as for real root with `--user`, the tracer opens the file in the process's name, for it must be able
 * to read what its loader will map: the kernel judges the directories on the way and the file. Execute
 * permission is looked up in the mode: access(2) would say no on a file system that is mounted noexec,
 * which the loader can do without. An access control list counts as the mode shows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/exec_rights.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/process_status.h"

struct rights {
	uid_t uid;
	gid_t gid, groups[PROCESS_GROUPS_MAX];
	int group_count;
};

static int own_rights(struct rights *rights)
{
	rights->uid = geteuid();
	rights->gid = getegid();
	rights->group_count = getgroups(PROCESS_GROUPS_MAX, rights->groups);
	return rights->group_count < 0 ? -errno : 0;
}

/* What files are opened by: fsuid, fsgid, groups. */
static int rights_of(pid_t tid, struct rights *rights)
{
	struct process_status status;

	if (process_status(tid, &status) < 0)
		return -ESRCH;
	rights->uid = status.users[PROCESS_FS];
	rights->gid = status.groups[PROCESS_FS];
	rights->group_count = (int)status.other_count;
	memcpy(rights->groups, status.others, sizeof(rights->groups));
	return 0;
}

/* This thread's alone: the C library's functions would change all threads. */
static int act_as(const struct rights *rights)
{
	if (syscall(SYS_setgroups, rights->group_count, rights->groups) < 0)
		return -errno;
	syscall(SYS_setfsgid, rights->gid);
	syscall(SYS_setfsuid, rights->uid);
	/* They tell no failure. Asked for -1 they change nothing. */
	return (gid_t)syscall(SYS_setfsgid, -1) == rights->gid &&
			       (uid_t)syscall(SYS_setfsuid, -1) == rights->uid ?
		       0 :
		       -EPERM;
}

static bool is_member(const struct rights *rights, gid_t gid)
{
	for (int i = 0; i < rights->group_count; i++)
		if (rights->groups[i] == gid)
			return true;
	return rights->gid == gid;
}

static bool may_execute(const struct rights *rights, const struct stat *status)
{
	if (rights->uid == 0)
		return status->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH);
	if (rights->uid == status->st_uid)
		return status->st_mode & S_IXUSR;
	return status->st_mode & (is_member(rights, status->st_gid) ? S_IXGRP : S_IXOTH);
}

static int open_program(const char *host)
{
	int fd = open(host, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Opens it in another's name. Returns an fd or -errno. */
static int open_as(const struct rights *rights, const struct rights *own, const char *host)
{
	int fd = act_as(rights), error;

	if (!fd)
		fd = open_program(host);
	error = act_as(own);
	if (error && fd >= 0)
		close(fd);
	return error ? error : fd;
}

int exec_open(const struct tracee *tracee, const char *host, struct stat *ret_status)
{
	_cleanup_close_ int fd = -EBADF;
	struct rights own, other, *rights = &own;
	int error = own_rights(&own);

	if (guest_links_has_our_rights(tracee)) {
		fd = open_program(host);
	} else {
		rights = &other;
		error = error ? error : rights_of(tracee->tid, &other);
		fd = error ? error : open_as(&other, &own, host);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, ret_status) < 0)
		return -errno;
	if (S_ISREG(ret_status->st_mode) && !tracee->tracer->fake_ids &&
	    !may_execute(rights, ret_status))
		return -EACCES;
	return steal_fd(&fd);
}
