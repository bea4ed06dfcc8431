// SPDX-License-Identifier: Apache-2.0
/* mutate DIR: tries every call that changes something below DIR, one line "call errno" each.
 *
 * DIR must hold: file, dir/, link (a symlink to file), sub/inner. Writable when everything should
 * fail: exit 0 when no call succeeded, 1 when one did. mutate DIR OTHER also renames and links
 * between DIR and OTHER.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

static int succeeded;
static int dirfd_of;

static void report(const char *name, long result)
{
	printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "SUCCEEDED");
	succeeded |= result >= 0;
}

#define TRY(name, call) do { errno = 0; report(name, (long)(call)); } while (0)

static int bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

/* open(2) with O_RDONLY | O_TRUNC truncates. */
static void opens(void)
{
	TRY("open O_WRONLY", open("file", O_WRONLY));
	TRY("open O_RDWR", open("file", O_RDWR));
	TRY("open O_TRUNC", open("file", O_RDONLY | O_TRUNC));
	TRY("open O_APPEND", open("file", O_WRONLY | O_APPEND));
	TRY("open through a symlink", open("link", O_WRONLY));
	TRY("open O_CREAT", open("new", O_WRONLY | O_CREAT, 0600));
	TRY("creat", creat("new", 0600));
	TRY("open O_TMPFILE", open(".", O_TMPFILE | O_RDWR, 0600));
	TRY("openat", openat(dirfd_of, "file", O_WRONLY));
	TRY("openat O_CREAT", openat(dirfd_of, "sub/new", O_WRONLY | O_CREAT, 0600));
	TRY("openat dotdot", openat(dirfd_of, "sub/../file", O_WRONLY));
	struct { unsigned long long flags, mode, resolve; } how = {O_WRONLY, 0, 0};
	TRY("openat2", syscall(437, dirfd_of, "file", &how, sizeof(how)));
}

static void nodes(void)
{
	TRY("mkdir", mkdir("new", 0700));
	TRY("mkdirat", mkdirat(dirfd_of, "new", 0700));
	TRY("rmdir", rmdir("dir"));
	TRY("unlink", unlink("file"));
	TRY("unlinkat", unlinkat(dirfd_of, "file", 0));
	TRY("unlinkat AT_REMOVEDIR", unlinkat(dirfd_of, "dir", AT_REMOVEDIR));
	TRY("symlink", symlink("x", "new"));
	TRY("symlinkat", symlinkat("x", dirfd_of, "new"));
	TRY("mknod fifo", mknod("new", S_IFIFO | 0600, 0));
	TRY("mknod file", mknod("new", S_IFREG | 0600, 0));
	TRY("mknodat", mknodat(dirfd_of, "new", S_IFIFO | 0600, 0));
	TRY("bind unix socket", bind_socket("new"));
	TRY("rename", rename("file", "new"));
	TRY("renameat", renameat(dirfd_of, "file", dirfd_of, "new"));
	TRY("renameat2 exchange", syscall(SYS_renameat2, dirfd_of, "file", dirfd_of, "dir", 2));
	TRY("link", link("file", "new"));
	TRY("linkat", linkat(dirfd_of, "file", dirfd_of, "new", 0));
}

static void attributes(void)
{
	struct timeval times[2] = {{1, 0}, {1, 0}};
	int path_fd = open("file", O_PATH), read_fd = open("file", O_RDONLY);
	char magic[64];

	TRY("truncate", truncate("file", 0));
	TRY("chmod", chmod("file", 0600));
	TRY("fchmodat", fchmodat(dirfd_of, "file", 0600, 0));
	TRY("fchmod of a read fd", fchmod(read_fd, 0600));
	TRY("chown", chown("file", 0, 0));
	TRY("lchown", lchown("link", 0, 0));
	TRY("fchownat", fchownat(dirfd_of, "file", 0, 0, 0));
	TRY("fchownat empty path", fchownat(path_fd, "", 0, 0, AT_EMPTY_PATH));
	TRY("fchown of a read fd", fchown(read_fd, 0, 0));
	TRY("utimensat", utimensat(dirfd_of, "file", NULL, 0));
	TRY("utimes", utimes("file", times));
	TRY("futimens of a read fd", futimens(read_fd, NULL));
	TRY("lutimes", utimensat(dirfd_of, "link", NULL, AT_SYMLINK_NOFOLLOW));
	TRY("setxattr", setxattr("file", "user.x", "1", 1, 0));
	TRY("lsetxattr", lsetxattr("file", "user.x", "1", 1, 0));
	TRY("fsetxattr of a read fd", fsetxattr(read_fd, "user.x", "1", 1, 0));
	TRY("removexattr", removexattr("file", "user.present"));
	snprintf(magic, sizeof(magic), "/proc/self/fd/%d", path_fd);
	TRY("open the magic link", open(magic, O_WRONLY));
	TRY("truncate the magic link", truncate(magic, 0));
	TRY("chmod the magic link", chmod(magic, 0600));
	snprintf(magic, sizeof(magic), "/proc/self/fd/%d", read_fd);
	TRY("reopen a read fd", open(magic, O_RDWR));
	snprintf(magic, sizeof(magic), "/proc/self/fd/%d/new", dirfd_of);
	TRY("create through a dirfd's magic link", open(magic, O_CREAT | O_WRONLY, 0600));
}

static void across(const char *other)
{
	char inside[4096], from[4096];

	snprintf(inside, sizeof(inside), "%s/out", other);
	snprintf(from, sizeof(from), "%s/file", other);
	TRY("rename out", rename("file", inside));
	TRY("rename in", rename(from, "new"));
	TRY("rename over", rename(from, "file"));
	TRY("link out", link("file", inside));
	TRY("link in", link(from, "new"));
	TRY("linkat empty path out", linkat(open("file", O_PATH), "", AT_FDCWD, inside, AT_EMPTY_PATH));
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0)
		return perror("mutate"), 2;
	dirfd_of = open(".", O_PATH | O_DIRECTORY);
	opens();
	attributes();
	nodes();
	if (argc > 2)
		across(argv[2]);
	return succeeded;
}
