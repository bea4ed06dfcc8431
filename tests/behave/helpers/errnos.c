// SPDX-License-Identifier: Apache-2.0
/* errnos DIR [EVERY]: every operation on every path of a table, one line "operation path errno" each.
 *
 * With EVERY, one pair in so many. The tree below DIR is made anew before each operation that changes
 * something, so a line depends on nothing but the kernel's (or the backend's) answer. Run natively in a
 * chroot and in a container, the outputs must be equal.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *directory;
static char long_name[300], long_path[5000];

/* Paths are relative to DIR, which is the working directory; "@" stands for DIR's absolute path. */
static const char *const paths[] = {
	"", ".", "..", "/", "//", "/..", "/../..", "/.", "f", "./f", "f/", "f/.", "f/..", "f/x", "d",
	"d/", "d/.", "d/..", "d/../f", "d/g", "d//g", "d/g/", "d/./g", "d/../d/g", "none", "none/",
	"none/x", "none/..", "none/../f", "lf", "lf/", "lf/x", "ld", "ld/", "ld/.", "ld/g", "ld/../f",
	"dangling", "dangling/", "dangling/x", "loop", "loop/", "loop/x", "loop2", "chain", "chain/",
	"up", "up/f", "abs", "abs/", "absdir/g", "absdir/../f", "escape", "escape/etc", "escape/etc/passwd",
	"fifo", "fifo/", "locked/x", "@", "@/", "@/f", "@/f/", "@/ld/g", "@/d/../../..", "@/none/..",
	"@/abs", "@/loop", "d/d2/../../f", "d/lup/f", "d/lup/d/lup/f", "lself", "lself/f", "ldot", "ldot/",
	"lslash", "lslash/", "/proc/self/cwd/f", "/proc/self/cwd/d/..", "/proc/self/root/..", "LONGNAME",
	"LONGPATH", "d/LONGNAME", "sticky/f", "empty/..", "empty/.",
};

static void make(void)
{
	mkdir("d", 0755);
	mkdir("d/d2", 0755);
	mkdir("empty", 0755);
	mkdir("sticky", 01777);
	mkdir("locked", 0);
	close(open("f", O_CREAT | O_WRONLY, 0644));
	close(open("d/g", O_CREAT | O_WRONLY, 0644));
	mkfifo("fifo", 0644);
	symlink("f", "lf");
	symlink("d", "ld");
	symlink("nowhere", "dangling");
	symlink("loop2", "loop");
	symlink("loop", "loop2");
	symlink("lf", "chain");
	symlink("d/..", "up");
	symlink("..", "d/lup");
	symlink(".", "ldot");
	symlink("/", "lslash");
	symlink("../../../../../../../..", "escape");
	symlink("../scratch", "lself");
	char text[4200];
	snprintf(text, sizeof(text), "%s/f", directory);
	symlink(text, "abs");
	snprintf(text, sizeof(text), "%s/d", directory);
	symlink(text, "absdir");
}

static void wipe(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char child[4300];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (unlink(child) < 0 && rmdir(child) < 0) {
			chmod(child, 0700);
			wipe(child);
			rmdir(child);
		}
	}
	if (dir)
		closedir(dir);
}

static int closing(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int op_stat(const char *p) { struct stat s; return stat(p, &s); }
static int op_lstat(const char *p) { struct stat s; return lstat(p, &s); }
static int op_access(const char *p) { return access(p, F_OK); }
static int op_faccess_nofollow(const char *p) { return faccessat(AT_FDCWD, p, F_OK, AT_SYMLINK_NOFOLLOW); }
static int op_statfs(const char *p) { struct statfs s; return statfs(p, &s); }
static int op_readlink(const char *p) { char b[8]; return readlink(p, b, sizeof(b)) < 0 ? -1 : 0; }
static int op_open(const char *p) { return closing(open(p, O_RDONLY | O_NONBLOCK)); }
static int op_open_nofollow(const char *p) { return closing(open(p, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)); }
static int op_open_path(const char *p) { return closing(open(p, O_PATH)); }
static int op_open_path_nofollow(const char *p) { return closing(open(p, O_PATH | O_NOFOLLOW)); }
static int op_open_directory(const char *p) { return closing(open(p, O_RDONLY | O_DIRECTORY)); }
static int op_open_write(const char *p) { return closing(open(p, O_RDWR | O_NONBLOCK)); }
static int op_create(const char *p) { return closing(open(p, O_RDWR | O_CREAT | O_NONBLOCK, 0600)); }
static int op_create_excl(const char *p) { return closing(open(p, O_RDWR | O_CREAT | O_EXCL, 0600)); }
static int op_create_nofollow(const char *p) { return closing(open(p, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600)); }
static int op_truncate(const char *p) { return truncate(p, 0); }
static int op_mkdir(const char *p) { return mkdir(p, 0700); }
static int op_mkfifo(const char *p) { return mkfifo(p, 0600); }
static int op_rmdir(const char *p) { return rmdir(p); }
static int op_unlink(const char *p) { return unlink(p); }
static int op_symlink(const char *p) { return symlink("target", p); }
static int op_link_from(const char *p) { return link(p, "new"); }
static int op_link_follow(const char *p) { return linkat(AT_FDCWD, p, AT_FDCWD, "new", AT_SYMLINK_FOLLOW); }
static int op_link_to(const char *p) { return link("f", p); }
static int op_rename_from(const char *p) { return rename(p, "new"); }
static int op_rename_to(const char *p) { return rename("f", p); }
static int op_rename_dir_to(const char *p) { return rename("d", p); }
static int op_rename_noreplace(const char *p) { return (int)syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, p, 1); }
static int op_chmod(const char *p) { return chmod(p, 0755); }
static int op_chown(const char *p) { return chown(p, 0, 0); }
static int op_lchown(const char *p) { return lchown(p, 0, 0); }
static int op_utimens(const char *p) { return utimensat(AT_FDCWD, p, NULL, 0); }
static int op_lutimens(const char *p) { return utimensat(AT_FDCWD, p, NULL, AT_SYMLINK_NOFOLLOW); }
static int op_getxattr(const char *p) { return getxattr(p, "user.none", NULL, 0) < 0 ? -1 : 0; }
static int op_chdir(const char *p) { int r = chdir(p), e = errno; chdir(directory); errno = e; return r; }
static int op_exec(const char *p)
{
	int status = 0, child = fork();

	if (child == 0) {
		char *const none[] = {NULL};

		execve(p, none, none);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	return -1;
}
static int op_bind(const char *p)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, result, code;

	if (strlen(p) >= sizeof(address.sun_path) || !*p) {
		errno = 0;
		return -1;
	}
	strcpy(address.sun_path, p);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address));
	code = errno;
	close(fd);
	errno = code;
	return result;
}

static const struct {
	const char *name;
	int (*call)(const char *);
	int changes;
} operations[] = {
	{"stat", op_stat, 0}, {"lstat", op_lstat, 0}, {"access", op_access, 0},
	{"faccessat-nofollow", op_faccess_nofollow, 0}, {"statfs", op_statfs, 0},
	{"readlink", op_readlink, 0}, {"open", op_open, 0}, {"open-nofollow", op_open_nofollow, 0},
	{"open-path", op_open_path, 0}, {"open-path-nofollow", op_open_path_nofollow, 0},
	{"open-directory", op_open_directory, 0}, {"getxattr", op_getxattr, 0}, {"chdir", op_chdir, 0},
	{"exec", op_exec, 0},
	{"open-write", op_open_write, 0}, {"create", op_create, 1}, {"create-excl", op_create_excl, 1},
	{"create-nofollow", op_create_nofollow, 1}, {"truncate", op_truncate, 1}, {"mkdir", op_mkdir, 1},
	{"mkfifo", op_mkfifo, 1}, {"rmdir", op_rmdir, 1}, {"unlink", op_unlink, 1},
	{"symlink", op_symlink, 1}, {"link-from", op_link_from, 1}, {"link-follow", op_link_follow, 1},
	{"link-to", op_link_to, 1}, {"rename-from", op_rename_from, 1}, {"rename-to", op_rename_to, 1},
	{"rename-dir-to", op_rename_dir_to, 1}, {"rename-noreplace", op_rename_noreplace, 1},
	{"chmod", op_chmod, 1}, {"chown", op_chown, 1}, {"lchown", op_lchown, 1},
	{"utimens", op_utimens, 1}, {"lutimens", op_lutimens, 1}, {"bind", op_bind, 1},
};

/* Changing operations leave the container's own root and everything outside DIR alone. */
static int is_outside(const char *path)
{
	return (path[0] == '/' && strcmp(path, "/proc/self/cwd/f") != 0) ||
	       !strncmp(path, "escape/", 7) || !strncmp(path, "lslash", 6);
}

static const char *expand(const char *path, char *buffer, size_t size)
{
	if (path[0] == '@') {
		snprintf(buffer, size, "%s%s", directory, path + 1);
		return buffer;
	}
	if (!strcmp(path, "LONGNAME"))
		return long_name;
	if (!strcmp(path, "LONGPATH"))
		return long_path;
	if (!strcmp(path, "d/LONGNAME")) {
		snprintf(buffer, size, "d/%s", long_name);
		return buffer;
	}
	return path;
}

int main(int argc, char **argv)
{
	int every = argc > 2 ? atoi(argv[2]) : 1, pair = 0;

	directory = argc > 1 ? argv[1] : "/scratch";
	memset(long_name, 'n', sizeof(long_name) - 1);
	for (size_t i = 0; i + 2 < sizeof(long_path); i += 2)
		memcpy(long_path + i, "d/", 2);
	umask(022);
	mkdir(directory, 0755);
	if (chdir(directory) < 0)
		return perror(directory), 1;
	wipe(".");
	make();
	for (size_t o = 0; o < sizeof(operations) / sizeof(operations[0]); o++) {
		for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
			char buffer[4400];
			const char *path = expand(paths[p], buffer, sizeof(buffer));
			int result;

			if ((operations[o].changes && is_outside(paths[p])) || pair++ % every != 0)
				continue;
			errno = 0;
			result = operations[o].call(path);
			printf("%s \"%s\" %s\n", operations[o].name, paths[p],
			       result < 0 ? strerrorname_np(errno) ? strerrorname_np(errno) : "?" : "ok");
			if (operations[o].changes) {
				chdir(directory);
				wipe(".");
				make();
			}
		}
	}
	return 0;
}
