// SPDX-License-Identifier: Apache-2.0
/* perms DIRECTORY SEED COUNT: as root makes a tree of random owners and modes there, then makes random calls on
 * it as random users and tells what each answers. The same numbers give the same calls, so that what real
 * users get is what faked ones must get.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORIES 4
#define FILES	    4

static uint32_t state;
static const unsigned ids[] = { 0, 1000, 1001, 1002 };

static unsigned pick(unsigned limit)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % limit;
}

static const char *text_of(long result)
{
	return result < 0 ? strerrorname_np(errno) : "0";
}

/* Permissive ones often, or nothing would ever be reached. */
static mode_t any_mode(void)
{
	mode_t mode = pick(3) ? pick(512) | 0500 : pick(512);

	return mode | (pick(4) ? 0 : S_ISVTX) | (pick(6) ? 0 : S_ISGID);
}

static void own(const char *path, mode_t mode)
{
	unsigned uid = ids[pick(4)], gid = ids[pick(4)];

	if (chown(path, uid, gid) < 0 || chmod(path, mode) < 0)
		perror(path);
}

static void make_tree(void)
{
	char path[64];

	for (int i = 0; i < DIRECTORIES; i++) {
		snprintf(path, sizeof(path), "d%d", i);
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "d%d/s", i);
		mkdir(path, 0755);
		for (int j = 0; j < FILES; j++) {
			int fd;

			snprintf(path, sizeof(path), "d%d/%sf%d", i, j % 2 ? "s/" : "", j);
			fd = open(path, O_WRONLY | O_CREAT, 0644);
			if (fd >= 0 && write(fd, "text", 4) == 4)
				close(fd);
			own(path, any_mode() & ~(mode_t)(S_ISVTX | S_ISGID));
		}
		snprintf(path, sizeof(path), "d%d/l", i);
		if (symlink(i % 2 ? "../d0/f0" : "s/f1", path) < 0)
			perror(path);
		snprintf(path, sizeof(path), "d%d/s", i);
		own(path, any_mode());
		snprintf(path, sizeof(path), "d%d", i);
		own(path, any_mode());
	}
}

static const char *any_name(char *path)
{
	static const char *const names[] = { "", "/f0", "/f2", "/s/f1", "/s/f3", "/s", "/l", "/n", "/s/n", "/s/../f0", "/." };

	sprintf(path, "d%u%s", pick(DIRECTORIES), names[pick(11)]);
	return path;
}

static long call_one(unsigned which, const char *a, const char *b, unsigned number)
{
	static const int opens[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_DIRECTORY, O_RDONLY | O_TRUNC,
				     O_WRONLY | O_CREAT | O_EXCL, O_RDONLY | O_NOFOLLOW, O_PATH,
				     O_RDONLY | O_NOATIME };
	const struct timespec set[2] = { { 1, 0 }, { 2, 0 } };
	struct stat status;
	char buffer[64];
	long result;

	switch (which) {
	case 0:
	case 1:
		result = open(a, opens[number % 9], 0640);
		if (result >= 0)
			close((int)result);
		return result;
	case 2: return access(a, (int)(number % 8));
	case 3: return faccessat(AT_FDCWD, a, (int)(number % 8), AT_EACCESS);
	case 4: return mkdir(a, 0750);
	case 5: return unlink(a);
	case 6: return rmdir(a);
	case 7: return rename(a, b);
	case 8: return link(a, b);
	case 9: return symlink("x", a);
	case 10: return chmod(a, number & 0777);
	case 11: return chown(a, number & 1 ? (uid_t)-1 : ids[number % 4], ids[number / 4 % 4]);
	case 12: return stat(a, &status);
	case 13: return lstat(a, &status);
	case 14: return readlink(a, buffer, sizeof(buffer));
	case 15: return truncate(a, 3);
	case 16: return utimensat(AT_FDCWD, a, number & 1 ? set : NULL, 0);
	case 17: return mkfifo(a, 0600) < 0 ? -1 : unlink(a);
	case 18: return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, number % 3);
	default:
		result = chdir(a);
		return result < 0 || chdir(number & 1 ? ".." : ".") < 0 ? -1 : 0;
	}
}

static void one_call(int i, int start)
{
	static const char *const names[] = { "open", "open", "access", "eaccess", "mkdir", "unlink", "rmdir", "rename",
					     "link", "symlink", "chmod", "chown", "stat", "lstat", "readlink",
					     "truncate", "utimens", "mkfifo", "renameat2", "chdir" };
	char a[64], b[64];
	unsigned which = pick(20), number = pick(1 << 12), uid = ids[pick(4)], gid = ids[pick(4)];
	unsigned euid = pick(4) ? uid : ids[pick(4)];
	gid_t groups[1] = { ids[pick(4)] };
	long result;
	pid_t child;

	any_name(a);
	any_name(b);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		umask(022);
		if (fchdir(start) < 0 || setgroups(pick(2), groups) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, euid, uid) < 0)
			_exit(1);
		result = call_one(which, a, b, number);
		printf("%d %u/%u:%u %s %s %s %o: %s\n", i, uid, euid, gid, names[which], a,
		       which == 7 || which == 8 || which == 18 ? b : "", number, text_of(result));
		fflush(stdout);
		_exit(0);
	}
	pick(2);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	int start;

	if (argc != 4 || chdir(argv[1]) < 0)
		return 2;
	state = (uint32_t)atoi(argv[2]);
	umask(022);
	make_tree();
	start = open(".", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < atoi(argv[3]); i++)
		one_call(i, start);
	return 0;
}
