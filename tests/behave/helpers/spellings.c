// SPDX-License-Identifier: Apache-2.0
/* What calls say of names that are spelled in all ways, for a comparison of who answers them.
 *
 *	spellings names		each call for each spelling and directory, several times over
 *	spellings owners	a file's owner, by all its names, while it changes
 *	spellings cwd		relative names, while another thread changes the working directory
 *	spellings WHAT brief	for a machine that is emulated: each call for each spelling in one of the directories, twice
 *
 * Prints a line a call, and what differed from one time to the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PLACE "/tmp/spellings"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = {
	"", ".", "..", "a", "a/", "a//", "a/.", "a/..", "a/./", "a/b/../b/file", "a//b//file", "./a/b/file", "b/file", "./b",
	"a/none/x", "none/x", "none", "none/", "12", "12/", "12/12", "12/none/x", "link", "link/", "link/file", "link/../file",
	"link/none/x", "self", "self/none/x", "1", "1/none/x", "fd/0", "stat", "secret", "program", "closed/x", "closed",
	PLACE, PLACE "/", PLACE "/.", PLACE "/..", PLACE "/a/b/file", PLACE "/a/b/file/", PLACE "/a/b/file/x",
	PLACE "//a/./b/../b/file", PLACE "/12", PLACE "/12/", PLACE "/12/12", PLACE "/12/13", PLACE "/12/13/14",
	PLACE "/none", PLACE "/none/x/y", PLACE "/none/../a", PLACE "/a/b/none/../x", PLACE "/link", PLACE "/link/",
	PLACE "/link/.", PLACE "/link/file", PLACE "/link/none/x", PLACE "/abslink", PLACE "/abslink/file",
	PLACE "/abslink/../b/file", PLACE "/abslink/none/x", PLACE "/dangling", PLACE "/dangling/", PLACE "/dangling/x",
	PLACE "/loop/x", PLACE "/out/passwd", PLACE "/out/none/x", PLACE "/secret", PLACE "/program", PLACE "/fifo",
	PLACE "/read-only/file", PLACE "/read-only", PLACE "/a/self/none", PLACE "/a/self",
	PLACE "/a/stat", PLACE "/a/stat/", PLACE "/a/net", PLACE "/a/net/", PLACE "/a/net/x", "a/net", "a/stat",
	"/", "//", "/.", "/..", "/../tmp", "/tmp/", "/etc/passwd", "/etc/../etc/passwd", "/etc/passwd/x", "/none/passwd",
	"/dev/null", "/dev/urandom", "/dev/none/x", "/dev/fd/0", "/proc", "/proc/self", "/proc/self/none", "/proc/self/none/x",
	"/proc/none/x", "/proc/1/none/x", "/proc/self/cwd/a", "/proc/self/root/etc/passwd", "/proc/sys/none/x",
};

static const struct directory {
	const char *name;
	int fd;
} *directory;

static int dirfd_of;
static bool brief;

static void show_status(char *text, size_t size, long result, const struct stat *status)
{
	if (result)
		snprintf(text, size, "%d %o", -errno, status->st_mode);
	else
		snprintf(text, size, "%o %u %u", status->st_mode, status->st_uid, status->st_gid);
}

static void one(char *text, size_t size, unsigned call, const char *path)
{
	static const int modes[] = { F_OK, R_OK, W_OK, X_OK, R_OK | X_OK, 8 };
	char link[256] = "";
	struct stat status;
	struct statx all;
	long result;

	memset(&status, 0, sizeof(status));
	if (call < 2) {
		result = fstatat(dirfd_of, path, &status, call ? AT_SYMLINK_NOFOLLOW : 0);
		show_status(text, size, result, &status);
	} else if (call == 2) {
		memset(&all, 0, sizeof(all));
		result = syscall(SYS_statx, dirfd_of, path, 0, STATX_BASIC_STATS, &all);
		snprintf(text, size, "%ld %o %u", result ? -(long)errno : 0, all.stx_mode, all.stx_uid);
	} else if (call < 6) {
		static const int flags[] = { O_RDONLY | O_NONBLOCK, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW | O_NONBLOCK };

		result = openat(dirfd_of, path, flags[call - 3] | O_CLOEXEC);
		if (result < 0 || fstat((int)result, &status) < 0)
			status.st_mode = 0;
		show_status(text, size, result < 0, &status);
		if (result >= 0)
			close((int)result);
	} else if (call < 12) {
		result = faccessat(dirfd_of, path, modes[call - 6], 0);
		snprintf(text, size, "%ld", result ? -(long)errno : 0);
	} else if (call == 12) {
		result = readlinkat(dirfd_of, path, link, sizeof(link) - 1);
		if (atoi(link))
			snprintf(text, size, "a pid");
		else
			snprintf(text, size, "%ld %s", result < 0 ? -(long)errno : result, strstr(link, "self/fd") ? "" : link);
	} else if (dirfd_of == AT_FDCWD && call == 13) {
		result = lgetxattr(path, "security.selinux", NULL, 0);
		snprintf(text, size, "%ld", result < 0 ? -(long)errno : result);
	} else if (dirfd_of == AT_FDCWD && call == 14) {
		result = access(path, R_OK);
		snprintf(text, size, "%ld", result < 0 ? -(long)errno : result);
	} else {
		*text = '\0';
	}
}

static void make(const char *path, const char *text, mode_t mode)
{
	FILE *out = fopen(path, "w");

	if (!out || fputs(text, out) < 0 || fclose(out) != 0 || chmod(path, mode) != 0)
		printf("%s: %s\n", path, strerror(errno));
}

static void make_tree(void)
{
	mkdir(PLACE, 0755);
	mkdir(PLACE "/a", 0755);
	mkdir(PLACE "/a/b", 0755);
	mkdir(PLACE "/a/net", 0755);
	mkdir(PLACE "/12", 0755);
	mkdir(PLACE "/closed", 0755);
	make(PLACE "/a/b/file", "five\n", 0644);
	make(PLACE "/a/stat", "five\n", 0644);
	make(PLACE "/a/net/x", "five\n", 0644);
	make(PLACE "/12/12", "five\n", 0644);
	make(PLACE "/closed/x", "five\n", 0644);
	make(PLACE "/secret", "five\n", 0);
	make(PLACE "/program", "#!/bin/sh\n", 0755);
	chmod(PLACE "/closed", 0);
	mkfifo(PLACE "/fifo", 0600);
	if (symlink("a/b", PLACE "/link") < 0 || symlink(PLACE "/a/b", PLACE "/abslink") < 0 ||
	    symlink("none", PLACE "/dangling") < 0 || symlink("loop", PLACE "/loop") < 0 || symlink("/etc", PLACE "/out") < 0 ||
	    symlink("b", PLACE "/a/self") < 0)
		printf("symlinks: %s\n", strerror(errno));
}

static void all_names(void)
{
	struct directory directories[] = {
		{ "cwd", AT_FDCWD }, { "place", open(PLACE, O_RDONLY) }, { "a", open(PLACE "/a", O_PATH) },
		{ "self", open("/proc/self", O_RDONLY) }, { "file", open(PLACE "/a/b/file", O_RDONLY) }, { "closed", 99 },
		{ "/proc", -1 },
	};
	char longest[400], text[300], again[300];

	memset(longest, 'x', sizeof(longest));
	longest[300] = '\0';
	for (unsigned d = 0; d < COUNT(directories); d++) {
		/* Who lists processes isn't fast any more. */
		if (!strcmp(directories[d].name, "/proc"))
			directories[d].fd = open("/proc", O_RDONLY | O_DIRECTORY);
		directory = &directories[d];
		dirfd_of = directory->fd;
		for (unsigned n = 0; n <= COUNT(names); n++) {
			const char *name = n < COUNT(names) ? names[n] : longest;

			for (unsigned call = 0; call < 15; call++) {
				if (brief && (n + call) % COUNT(directories) != d)
					continue;
				if (call >= 3 && call < 6 && !strcmp(name, "/proc") && d + 1 < COUNT(directories))
					continue;
				one(text, sizeof(text), call, name);
				printf("%s %.40s %u: %s\n", directory->name, name, call, text);
				for (int turn = 0; turn < (brief ? 1 : 3); turn++) {
					one(again, sizeof(again), call, name);
					if (strcmp(text, again) != 0)
						printf("and then: %s\n", again);
				}
			}
		}
	}
}

static void owners(void)
{
	int fd = open(PLACE "/a/b", O_RDONLY | O_DIRECTORY);
	struct stat status;

	for (unsigned i = 0; i < 12; i++) {
		static const char *const other[] = { "12/12", "secret" };

		if (chown(PLACE "/a/b/file", i % 3 ? i : 0, i % 3 ? i : 0) != 0)
			printf("chown: %s\n", strerror(errno));
		for (int turn = 0; turn < 3; turn++) {
			if (fstatat(fd, "file", &status, 0) == 0)
				printf("by fd %u %u\n", status.st_uid, status.st_gid);
			if (stat("a/b/file", &status) == 0)
				printf("relative %u %u\n", status.st_uid, status.st_gid);
			if (stat(PLACE "/a/b/../b/file", &status) == 0)
				printf("absolute %u %u\n", status.st_uid, status.st_gid);
			if (stat(other[turn & 1], &status) == 0)
				printf("another %u\n", status.st_uid);
		}
	}
}

static void where(void)
{
	static const unsigned sizes[] = { 0, 1, sizeof(PLACE "/a") - 1, sizeof(PLACE "/a"), sizeof(PLACE "/12"), 200 };
	char text[200];

	for (unsigned i = 0; i < COUNT(sizes); i++) {
		long result;

		memset(text, '?', sizeof(text));
		result = syscall(SYS_getcwd, text, (unsigned long)sizes[i]);
		printf("%ld %.20s\n", result < 0 ? -(long)errno : result, result < 0 ? "" : text);
	}
	printf("%ld\n", syscall(SYS_getcwd, NULL, 100UL) < 0 ? (long)errno : 0);
}

static volatile int round_number;

static void *mover(void *argument)
{
	(void)argument;
	if (chdir(round_number & 1 ? PLACE "/12" : PLACE "/a") != 0)
		printf("chdir: %s\n", strerror(errno));
	return NULL;
}

static void *looker(void *argument)
{
	struct stat status;
	unsigned long odd = 0, turn;

	/* One of the two is there, whoever moves. */
	for (turn = 0; turn < (brief ? 300 : 20000); turn++)
		if (stat("../a/b/file", &status) != 0 || status.st_size != 5)
			odd++;
	if (odd)
		printf("lost %lu times\n", odd);
	return argument;
}

static void moves(void)
{
	pthread_t thread, lookers[2];
	struct stat status;

	if (chdir("/") != 0)
		return;
	where();
	where();
	if (chdir(PLACE "/a") != 0)
		return;
	/* Moved, and moved away under it. */
	for (int turn = 0; turn < 4; turn++) {
		where();
		if (rename(turn & 1 ? PLACE "/elsewhere" : PLACE "/a", turn & 1 ? PLACE "/a" : PLACE "/elsewhere") != 0)
			printf("rename: %s\n", strerror(errno));
		where();
	}
	for (round_number = 0; round_number < 40; round_number++) {
		pthread_create(&thread, NULL, mover, NULL);
		pthread_join(thread, NULL);
		for (int turn = 0; turn < 3; turn++)
			printf("%d %d\n", stat("./b/file", &status), stat("../a/b/file", &status));
		where();
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&lookers[i], NULL, looker, NULL);
	for (; round_number < (brief ? 100 : 300); round_number++)
		mover(NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(lookers[i], NULL);
}

int main(int argc, char **argv)
{
	int child;

	make_tree();
	if (chdir(PLACE) != 0 || argc < 2)
		return 2;
	brief = argc > 2 && !strcmp(argv[2], "brief");
	if (!strcmp(argv[1], "owners"))
		owners();
	else if (!strcmp(argv[1], "cwd"))
		moves();
	else
		all_names();
	/* The next one makes it anew. */
	chmod(PLACE "/closed", 0755);
	child = chdir("/");
	return child ? 2 : 0;
}
