// SPDX-License-Identifier: Apache-2.0
/* Random calls that make, change and remove files, the same ones for the same seed.
 *
 *	changes SEED COUNT [ids]	prints what each says, and at the end all that there is below the place: to be
 *					compared between ways to run it. With `ids` as other users too, which takes root.
 *
 * What lies at PLACE/ro may be a read-only mount, and files there are only looked at.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/behave/helpers/random_path.h"

#define PLACE "/tmp/changes/1/2/3/4"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool ids;
static int directory = -1;

static const char *const names[] = { "a", "b", "c", "5", "ro", "stat", ".", "..", "l" };

static void say(const char *call, const char *path, unsigned detail, long result)
{
	printf("%s %s %o: %s\n", call, path, detail, result < 0 ? strerrorname_np(errno) : "0");
}

static void open_it(const char *path)
{
	static const int flags[] = {
		O_WRONLY | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_EXCL,
		O_RDWR, O_WRONLY, O_RDONLY, O_WRONLY | O_APPEND, O_WRONLY | O_TRUNC, O_RDWR | O_CREAT | O_APPEND,
		O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT | O_NOFOLLOW, O_RDWR | O_NOFOLLOW,
		O_WRONLY | O_DIRECTORY, O_RDWR | O_CREAT | O_SYNC, O_RDONLY | O_CREAT | O_EXCL, O_ACCMODE,
	};
	static const mode_t modes[] = { 0644, 0666, 0755, 0600, 0444, 0400, 02755, 04711, 0200, 0 };
	int which = flags[next(COUNT(flags))], fd;
	mode_t mode = modes[next(COUNT(modes))];

	fd = next(2) ? open(path, which | O_CLOEXEC, mode) : openat(directory, path, which | O_CLOEXEC, mode);
	say("open", path, (unsigned)which, fd);
	if (fd < 0)
		return;
	if ((which & O_ACCMODE) == O_WRONLY || (which & O_ACCMODE) == O_RDWR)
		say("write", path, 0, write(fd, "some text", next(10)));
	close(fd);
}

/* By an fd alone. */
static void change_fd(const char *path)
{
	static const mode_t modes[] = { 0644, 0755, 0600, 0700, 0444, 0500, 02755, 04755, 01777, 0, 0640 };
	static const uid_t owners[] = { 0, 0, 0, (uid_t)-1, 7 };
	struct timespec times[2] = { { 1000, next(1000) }, { 2000, next(1000) } };
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	mode_t mode = modes[next(COUNT(modes))];
	uid_t owner = owners[next(COUNT(owners))], group = owners[next(COUNT(owners))];

	say("open", path, 0, fd);
	if (fd < 0)
		return;
	switch (next(4)) {
	case 0:
		say("fchmod", path, mode, fchmod(fd, mode));
		break;
	case 1:
		say("fchown", path, owner * 0100 + group, fchown(fd, owner, group));
		break;
	case 2:
		say("futimens", path, 0, futimens(fd, next(4) ? times : NULL));
		break;
	default:
		say("fchmod", path, mode, fchmod(fd, mode));
		say("fchown", path, owner * 0100 + group, fchown(fd, owner, group));
		say("futimens", path, 0, futimens(fd, times));
	}
	close(fd);
}

static void change_path(const char *path)
{
	static const mode_t modes[] = { 0755, 02755, 0700, 0644, 01777, 0500 };
	mode_t mode = modes[next(COUNT(modes))];
	struct timespec times[2] = { { 3000, 0 }, { 4000, 0 } };

	switch (next(3)) {
	case 0:
		say("chmod", path, mode, chmod(path, mode));
		break;
	case 1:
		say("chown", path, 0, fchownat(directory, path, next(3) ? 0 : 9, 0, next(2) ? AT_SYMLINK_NOFOLLOW : 0));
		break;
	default:
		say("utimensat", path, 0, utimensat(directory, path, times, next(2) ? AT_SYMLINK_NOFOLLOW : 0));
	}
}

static void make_name(const char *path, const char *other)
{
	static const mode_t modes[] = { 0755, 0755, 0777, 0700, 0500, 02755, 01777, 0 };
	mode_t mode = modes[next(COUNT(modes))];

	switch (next(8)) {
	case 0:
	case 1:
	case 2:
		say("mkdir", path, mode, next(2) ? mkdir(path, mode) : mkdirat(directory, path, mode));
		break;
	case 3:
		say("link", path, 0, linkat(AT_FDCWD, path, next(2) ? AT_FDCWD : directory, other, 0));
		break;
	case 4:
		say("symlink", path, 0, symlinkat(next(2) ? other : "a", directory, path));
		break;
	default:
		say("rename", path, 0, next(2) ? rename(path, other) : renameat(directory, path, AT_FDCWD, other));
	}
}

static void remove_name(const char *path)
{
	switch (next(4)) {
	case 0:
		say("rmdir", path, 0, rmdir(path));
		break;
	case 1:
		say("unlinkat", path, 0, unlinkat(directory, path, next(3) ? 0 : AT_REMOVEDIR));
		break;
	default:
		say("unlink", path, 0, unlink(path));
	}
}

static void look(const char *path)
{
	struct stat status;
	long result = fstatat(directory, path, &status, next(2) ? AT_SYMLINK_NOFOLLOW : 0);

	if (result < 0)
		say("stat", path, 0, result);
	else
		printf("stat %s: %o %u:%u %ld %ld\n", path, status.st_mode, status.st_uid, status.st_gid,
		       S_ISDIR(status.st_mode) ? 0L : (long)status.st_nlink,
		       S_ISDIR(status.st_mode) ? 0L : (long)status.st_size);
	say("access", path, W_OK, faccessat(directory, path, W_OK, 0));
}

static void change_self(const char *path)
{
	static const mode_t masks[] = { 022, 022, 0, 077, 0777, 0227 };
	mode_t mask = masks[next(COUNT(masks))];
	int fd;

	switch (next(ids ? 5 : 3)) {
	case 0:
		umask(mask);
		break;
	case 1:
		say("chdir", path, 0, chdir(path));
		break;
	case 2:
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		say("directory", path, 0, fd);
		if (fd >= 0 && dup3(fd, directory, O_CLOEXEC) >= 0)
			close(fd);
		break;
	case 3:
		setfsgid(next(2) ? 0 : 7);
		break;
	default:
		setfsuid(next(2) ? 0 : 7);
	}
}

static void turn(void)
{
	char path[128], other[128];

	make_path(path, PLACE, names, COUNT(names), 30);
	make_path(other, PLACE, names, COUNT(names), 30);
	switch (next(16)) {
	case 0:
	case 1:
	case 2:
		make_name(path, other);
		break;
	case 3:
	case 4:
		remove_name(path);
		break;
	case 5:
		change_path(path);
		break;
	case 6:
	case 7:
		change_fd(path);
		break;
	case 8:
	case 9:
		look(path);
		break;
	case 10:
		if (!next(3))
			change_self(path);
		break;
	default:
		open_it(path);
	}
	if (!next(40) && chdir(PLACE) == 0) {
		int fd = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && dup3(fd, directory, O_CLOEXEC) >= 0)
			close(fd);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void show(const char *path)
{
	char *found[32], below[512];
	unsigned count = 0;
	struct dirent *entry;
	struct stat status;
	DIR *open;

	if (lstat(path, &status) < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	printf("%s: %o %u:%u %ld %ld\n", path, status.st_mode, status.st_uid, status.st_gid,
	       S_ISDIR(status.st_mode) ? 0L : (long)status.st_nlink, S_ISDIR(status.st_mode) ? 0L : (long)status.st_size);
	open = S_ISDIR(status.st_mode) ? opendir(path) : NULL;
	while (open && (entry = readdir(open)) && count < COUNT(found))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			found[count++] = strdup(entry->d_name);
	if (open)
		closedir(open);
	qsort(found, count, sizeof(*found), by_name);
	for (unsigned i = 0; i < count; i++) {
		snprintf(below, sizeof(below), "%s/%s", path, found[i]);
		if (strlen(below) < 80)
			show(below);
		free(found[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	state = (uint64_t)atoi(argv[1]);
	ids = argc > 3;
	umask(022);
	if (chdir(PLACE) < 0 || (directory = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 2;
	for (int i = 0; i < atoi(argv[2]); i++)
		turn();
	setfsuid(0);
	setfsgid(0);
	umask(022);
	show(PLACE);
	return 0;
}
