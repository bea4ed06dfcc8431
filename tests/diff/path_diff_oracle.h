/* SPDX-License-Identifier: Apache-2.0 */
/* path_diff's oracle: a process inside the real mounts that answers by asking the kernel. Part of
 * path_diff.c, which includes it once.
 */
#ifndef AMPHORA_TESTS_DIFF_PATH_DIFF_ORACLE_H
#define AMPHORA_TESTS_DIFF_PATH_DIFF_ORACLE_H

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "tests/diff/path_diff_tree.h"

/* From <linux/mount.h>'s neighbours; sys/mount.h and linux/mount.h don't go together. */
#define UMOUNT_LAZY	  2	    /* MNT_DETACH */
#define MOUNT_PRIVATE	  (1 << 18) /* MS_PRIVATE */
#define MOUNT_RECURSIVE	  16384	    /* MS_REC */

#define FILE_CAPS                                                                                  \
	(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER | 1u << CAP_FSETID)

#define LOOP_TRIES 30 /* see ask() */

static int proc_fd;	   /* the oracle's /proc/self/fd */
static int bases[BASES_MAX];
static int to_oracle[2], from_oracle[2];
static pid_t oracle_pid;
static int trees[STEPS_MAX]; /* clones of the sources, by step */

/* Permission bits mean nothing to a process that has these. */
static void set_file_caps(bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		die("capget");
	if (on)
		data[0].effective |= data[0].permitted & FILE_CAPS;
	else
		data[0].effective &= ~FILE_CAPS;
	if (syscall(SYS_capset, &header, data) < 0)
		die("capset");
}

static int open_how(int dir, const char *path, int flags, uint64_t resolve)
{
	struct amphora_open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = resolve,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN);
	return (int)fd;
}

static int clone_tree(const char *source)
{
	long fd = syscall(SYS_open_tree, tree_fd, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		die("open_tree");
	return (int)fd;
}

static int mount_tree(int tree, const char *path)
{
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, path,
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}

/* Makes a mount of rootfs/ the namespace's root: a chroot isn't one, "../.." from a base outside a
 * later chroot would lead to the machine's own files. */
static void enter_tree(void)
{
	int tree = clone_tree("rootfs");

	if (fchdir(tree_fd) < 0 || mount_tree(tree, "guest") < 0 || chdir("guest") < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || syscall(SYS_umount2, ".", UMOUNT_LAZY) < 0 ||
	    chdir("/") < 0)
		die("enter the tree");
	close(tree);
}

static int base_dir(int base)
{
	return base ? bases[base] : AT_FDCWD;
}

static int run_step(const struct step *step, int tree, int *count)
{
	int fd, result;

	switch (step->kind) {
	case STEP_MOUNT:
		return mount_tree(tree, step->path) < 0 ? -errno : 0;
	case STEP_DETACH:
		return syscall(SYS_umount2, step->path, UMOUNT_LAZY) < 0 ? -errno : 0;
	case STEP_BASE:
		fd = open_how(AT_FDCWD, step->path, O_PATH | (step->follow ? 0 : O_NOFOLLOW), 0);
		if (fd < 0)
			return -errno;
		bases[(*count)++] = fd;
		return 0;
	case STEP_CHROOT:
		return chroot(step->path) < 0 ? -errno : 0;
	case STEP_DELETE:
		set_file_caps(true);
		result = unlinkat(tree_fd, step->source, AT_REMOVEDIR) < 0 ? -errno : 0;
		set_file_caps(false);
		return result;
	}
	return -EINVAL;
}

static void read_guest(int fd, char *guest)
{
	char name[16];
	ssize_t size;

	snprintf(name, sizeof(name), "%d", fd);
	size = readlinkat(proc_fd, name, guest, PATH_ROOM - 1);
	guest[size < 0 ? 0 : size] = '\0';
}

static void describe(int fd, struct answer *answer)
{
	struct statx status;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) < 0)
		die("statx");
	answer->dev = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	answer->ino = status.stx_ino;
	answer->mount_root = status.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	read_guest(fd, answer->guest);
}

static void ask_lookup(const struct test_case *test, struct answer *answer)
{
	int fd = open_how(base_dir(test->base), test->path, O_PATH | test->open_flags,
			  test->resolve);

	answer->error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	describe(fd, answer);
	close(fd);
}

static void ask_empty(const struct test_case *test, struct answer *answer)
{
	describe(bases[test->base], answer);
}

/* Files of the tree hold one byte, new ones none. */
static bool is_new(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

/* Removes the file that fd is open on, if path leads to it. */
static bool remove_file(int fd, const char *path)
{
	struct stat one, other;

	return fstat(fd, &one) == 0 && fstatat(AT_FDCWD, path, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino && unlink(path) == 0;
}

static void ask_create(const struct test_case *test, struct answer *answer)
{
	int fd = openat(base_dir(test->base), test->path, test->open_flags | O_CLOEXEC, 0600);
	char above[PATH_ROOM + 4];

	answer->error = fd < 0 ? errno : 0;
	if (fd < 0)
		return;
	describe(fd, answer);
	answer->created = is_new(fd);
	if (answer->created) {
		/* In what covers the root, only ".." leads. */
		snprintf(above, sizeof(above), "/..%s", answer->guest);
		answer->left_behind = !remove_file(fd, answer->guest) && !remove_file(fd, above);
	}
	close(fd);
}

static void ask_mkdir(const struct test_case *test, struct answer *answer)
{
	int dir = base_dir(test->base), fd, above;

	if (mkdirat(dir, test->path, 0700) < 0) {
		answer->error = errno;
		return;
	}
	answer->created = true;
	fd = open_how(dir, test->path, O_PATH | O_DIRECTORY, 0);
	above = fd < 0 ? -1 : open_how(fd, "..", O_PATH, 0);
	if (above < 0)
		die("open the new directory");
	describe(above, answer);
	read_guest(fd, answer->guest);
	close(fd);
	close(above);
	answer->left_behind = unlinkat(dir, test->path, AT_REMOVEDIR) < 0;
}

static void ask_symlink(const struct test_case *test, struct answer *answer)
{
	int dir = base_dir(test->base), fd;

	if (symlinkat("t", dir, test->path) < 0) {
		answer->error = errno;
		return;
	}
	answer->created = true;
	fd = open_how(dir, test->path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		die("open the new symlink");
	read_guest(fd, answer->guest);
	close(fd);
	answer->left_behind = unlinkat(dir, test->path, 0) < 0;
}

static void ask_once(const struct test_case *test, struct answer *answer)
{
	int dir = base_dir(test->base);

	memset(answer, 0, offsetof(struct answer, guest) + 1);
	switch (test->kind) {
	case CASE_LOOKUP:
		ask_lookup(test, answer);
		break;
	case CASE_EMPTY:
		ask_empty(test, answer);
		break;
	case CASE_CREATE:
		ask_create(test, answer);
		break;
	case CASE_MKDIR:
		ask_mkdir(test, answer);
		break;
	case CASE_SYMLINK:
		ask_symlink(test, answer);
		break;
	case CASE_RENAME:
		if (renameat(dir, test->path, dir, test->path) < 0)
			answer->error = errno;
		break;
	case CASE_RMDIR:
		if (unlinkat(dir, test->path, AT_REMOVEDIR) < 0)
			answer->error = errno;
		break;
	case CASE_KINDS:
		break;
	}
}

/* The kernel counts followed symlinks over both of its attempts, without and with locks, so a path
 * with 21 of them can be ELOOP while its names aren't cached yet, or while anything on the machine
 * is being mounted. */
static void ask(const struct test_case *test, struct answer *answer)
{
	int tries = 0;

	do {
		ask_once(test, answer);
	} while (answer->error == ELOOP && ++tries < LOOP_TRIES);
}

static _Noreturn void oracle_main(struct shared *shared)
{
	int count = 0;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS) < 0)
		die("unshare");
	if (syscall(SYS_mount, "none", "/", NULL, MOUNT_RECURSIVE | MOUNT_PRIVATE, NULL) < 0)
		die("make mounts private");
	proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		die("/proc/self/fd");
	/* Only mounts of its own namespace can be cloned: the tree again, through that. */
	close(tree_fd);
	tree_fd = open(tree_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree_fd < 0)
		die(tree_directory);
	for (int i = 0; i < shared->step_count; i++) {
		if (shared->steps[i].kind == STEP_MOUNT)
			trees[i] = clone_tree(shared->steps[i].source);
	}
	enter_tree();
	set_file_caps(false);
	for (int i = 0; i < shared->step_count; i++) {
		int tries = 0;

		do {
			shared->steps[i].error = -run_step(&shared->steps[i], trees[i], &count);
		} while (shared->steps[i].error == ELOOP && ++tries < LOOP_TRIES); /* see ask() */
	}
	set_file_caps(true);
	if (fchdir(bases[0]) < 0)
		die("chdir to the first base");
	set_file_caps(false);
	if (write(from_oracle[1], "r", 1) != 1)
		_exit(1);
	while (read(to_oracle[0], &byte, 1) == 1) {
		for (int i = 0; i < shared->case_count; i++)
			ask(&shared->cases[i], &shared->answers[i]);
		if (write(from_oracle[1], "a", 1) != 1)
			break;
	}
	_exit(0);
}

static void oracle_wait(void)
{
	char byte;

	if (read(from_oracle[0], &byte, 1) != 1) {
		errno = EPIPE;
		die("the oracle has died");
	}
}

static void oracle_start(struct shared *shared)
{
	if (pipe2(to_oracle, O_CLOEXEC) < 0 || pipe2(from_oracle, O_CLOEXEC) < 0)
		die("pipe");
	fflush(stdout);
	oracle_pid = fork();
	if (oracle_pid < 0)
		die("fork");
	if (oracle_pid == 0) {
		close(to_oracle[1]);
		close(from_oracle[0]);
		oracle_main(shared);
	}
	close(to_oracle[0]);
	close(from_oracle[1]);
	oracle_wait();
}

static void oracle_run(void)
{
	if (write(to_oracle[1], "c", 1) != 1)
		die("write to the oracle");
	oracle_wait();
}

static void oracle_stop(void)
{
	close(to_oracle[1]);
	close(from_oracle[0]);
	waitpid(oracle_pid, NULL, 0);
}

#endif
