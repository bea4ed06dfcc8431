// SPDX-License-Identifier: Apache-2.0
/* `amphora bench native`: the column that the others are compared with, chroot and nothing else.
 *
 * A mount namespace of its own only carries the bind mount of the bench directory, which every
 * column has; no call is slower for it. A plain user may chroot in a user namespace.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(text);

	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, (size_t)length);

	close(fd);
	return written == length ? 0 : -1;
}

static int enter_user_namespace(uid_t uid, gid_t gid)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
	if (unshare(CLONE_NEWUSER) < 0 || write_file("/proc/self/setgroups", "deny") < 0 ||
	    write_file("/proc/self/uid_map", uid_map) < 0 ||
	    write_file("/proc/self/gid_map", gid_map) < 0)
		return -1;
	return 0;
}

static int bind(const char *source, const char *rootfs, const char *guest_dir)
{
	char target[PATH_MAX];
	int length = snprintf(target, sizeof(target), "%s%s", rootfs, guest_dir);

	if (length >= (int)sizeof(target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount(source, target, NULL, MS_BIND | MS_REC, NULL);
}

static int fail(const char *what, const char *path)
{
	fprintf(stderr, "bench: %s %s: %s\n", what, path, strerror(errno));
	return 125;
}

/* native ROOTFS BENCH_DIR GUEST_DIR COMMAND...; BENCH_DIR is - for no bind mount. */
int native_main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: amphora bench native ROOTFS BENCH_DIR GUEST_DIR COMMAND...\n");
		return 125;
	}
	const char *rootfs = argv[1], *bench_dir = argv[2], *guest_dir = argv[3];

	if (geteuid() != 0 && enter_user_namespace(geteuid(), getegid()) < 0)
		return fail("user namespace", "for chroot");
	if (strcmp(bench_dir, "-") != 0 && bind(bench_dir, rootfs, guest_dir) < 0)
		return fail("bind mount", bench_dir);
	if (chroot(rootfs) < 0 || chdir("/") < 0)
		return fail("chroot", rootfs);
	execv(argv[4], argv + 4);
	return fail("exec", argv[4]);
}
