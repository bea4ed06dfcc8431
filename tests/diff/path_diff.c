// SPDX-License-Identifier: Apache-2.0
/* The path resolver against the kernel: `path_diff [--cases N] [--seed S]`, TAP on stdout.
 *
 * Theory of operation
 *
 * For each of many random trees: a script of mounts, bases and chroots is applied to a mount table
 * through the resolver, and by a child (the oracle) to real mounts in its own namespace. Then random
 * (base, path, flags) are put to both in batches, and errno, object and guest path compared. The
 * oracle undoes what it creates before the same is tried on the resolver's host path. Half of the
 * cases run without open_path, so that both of the resolver's ways are compared. rootfs_open()'s
 * two ways are compared with each other on the same trees.
 *
 * Both sides run without CAP_DAC_*, as root or as root of a user namespace, so permission bits count.
 * A known difference isn't provoked: directories above a mount's source stay searchable, since the
 * resolver names the source by its host path.
 */
#include <getopt.h>
#include <sys/mman.h>

#include "core/path/rootfs.h"
#include "tests/diff/path_diff_script.h"

#define CASES_PER_TREE	2000
#define DIFFERENCES_MAX 20 /* shown */

static int rootfs_fd = -1; /* the tree's rootfs/ */
static unsigned long lost, kinds_run[CASE_KINDS], kinds_found[CASE_KINDS];

/* ---- the cases ---------------------------------------------------------------------------- */

static enum case_kind random_kind(void)
{
	static const struct {
		enum case_kind kind;
		uint32_t percent;
	} mix[] = {{CASE_EMPTY, 1},  {CASE_CREATE, 16}, {CASE_MKDIR, 8},
		   {CASE_RENAME, 8}, {CASE_RMDIR, 3},	{CASE_SYMLINK, 5}};
	uint32_t dice = random_below(100);

	for (size_t i = 0; i < sizeof(mix) / sizeof(mix[0]); i++) {
		if (dice < mix[i].percent)
			return mix[i].kind;
		dice -= mix[i].percent;
	}
	return CASE_LOOKUP;
}

static void make_case(struct test_case *test)
{
	static const uint64_t rules[] = {RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS,
					 RESOLVE_NO_XDEV, RESOLVE_BENEATH, RESOLVE_IN_ROOT};

	test->kind = random_kind();
	test->base = chance(40) ? 0 : (int)random_below((uint32_t)base_count);
	test->open_flags = 0;
	test->resolve = 0;
	random_path(test->path);
	switch (test->kind) {
	case CASE_LOOKUP:
		test->open_flags |= chance(40) ? O_NOFOLLOW : 0;
		test->open_flags |= chance(20) ? O_DIRECTORY : 0;
		if (chance(15))
			test->resolve = rules[random_below(5)];
		if (test->resolve && chance(30) && test->resolve != RESOLVE_BENEATH &&
		    test->resolve != RESOLVE_IN_ROOT)
			test->resolve |= rules[random_below(5)];
		/* openat2's dirfd may be AT_FDCWD with BENEATH: that is the base as well. */
		break;
	case CASE_CREATE:
		test->open_flags = O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY;
		test->open_flags |= chance(25) ? O_EXCL : 0;
		test->open_flags |= chance(15) ? O_NOFOLLOW : 0;
		/* The oracle removes a new file by its absolute path. */
		if (!base_visible[test->base] && test->path[0] != '/')
			test->kind = CASE_RENAME;
		break;
	case CASE_EMPTY:
		test->path[0] = '\0';
		break;
	case CASE_RMDIR:
		if (chance(20))
			strcpy(test->path, "//");
		else if (strlen(test->path) < 4000)
			append_text(test->path, chance(50) ? "/." : "/../");
		else
			strcpy(test->path, "..");
		break;
	default:
		break;
	}
}

static void show_tree_of_mounts(void)
{
	for (uint32_t i = 0; i < table.mount_count; i++)
		printf("#   mount %u on (%d, \"%s\") from %s%s\n", i, table.mounts[i].parent,
		       table.strings + table.mounts[i].point, table.strings + table.mounts[i].host,
		       table.mounts[i].flags & PATH_MOUNT_HIDDEN ? " detached" : "");
	printf("#   root (%d, \"%s\")\n", root.mount, root.rel);
}

static void differ(const struct test_case *test, const struct answer *answer, const char *what,
		   int error, const char *host)
{
	static const char *const names[] = {"lookup",  "empty",	 "create", "mkdir",
					    "symlink", "rename", "rmdir"};
	const struct path_position *base = &base_positions[test->base];

	if (differences++ >= DIFFERENCES_MAX)
		return;
	printf("# seed %llu: %s differs: %s \"%.300s\" flags %#x resolve %#llx\n",
	       (unsigned long long)tree_seed, what, names[test->kind], test->path,
	       (unsigned)test->open_flags, (unsigned long long)test->resolve);
	printf("#   base %d (%d, \"%s\")%s\n", test->base, base->mount, base->rel,
	       base->flags & PATH_POSITION_DELETED ? " deleted" : "");
	printf("#   kernel: %s, %.300s ino %llu\n", strerror(answer->error), answer->guest,
	       (unsigned long long)answer->ino);
	printf("#   resolver: %s, %.300s\n", strerror(error), host);
	show_tree_of_mounts();
}

/* The guest path as the kernel prints it for its fd. */
static bool same_guest(const struct path_position *position, const char *kernel)
{
	static const char deleted[] = " (deleted)";
	char guest[PATH_SIZE];
	int length = path_to_guest(&table, &root, position, guest, sizeof(guest));
	size_t size = strlen(kernel);

	/* Outside the process's root the kernel tells the path from the namespace's root. A place
	 * in a detached mount has none. */
	if (length == -ENOENT)
		length = path_to_guest(&table, &bottom, position, guest, sizeof(guest));
	if (length < 0)
		return length == -ENOENT;
	if (size > strlen(deleted) && !strcmp(kernel + size - strlen(deleted), deleted))
		size -= strlen(deleted);
	return (size_t)length == size && !memcmp(guest, kernel, size);
}

static bool same_object(const char *host, const struct answer *answer)
{
	struct statx status;

	return statx(AT_FDCWD, host, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 &&
	       status.stx_ino == answer->ino &&
	       ((uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor) == answer->dev;
}

static void check_round_trip(const struct test_case *test, const struct answer *answer,
			     const struct path_result *result)
{
	struct path_position back, uncovered;
	char host[PATH_SIZE], again[PATH_SIZE];
	int error;

	if (path_to_host(&table, &result->position, host, sizeof(host)) < 0)
		return;
	error = path_from_host(&table, result->position.mount, host, &back);
	/* Where the first mount is covered, "visible" from a root inside it isn't from the top. */
	path_table_root(&table, &uncovered);
	if (uncovered.mount == 0 && is_visible(&result->position) &&
	    (error || back.mount != result->position.mount ||
	     strcmp(back.rel, result->position.rel)))
		differ(test, answer, "path_from_host", -error, host);
	error = path_from_host(&table, -1, host, &back);
	if (!error && (path_to_host(&table, &back, again, sizeof(again)) < 0 || strcmp(host, again)))
		differ(test, answer, "path_from_host without hint", -error, again);
}

/* rootfs_open()'s walk against its openat2. */
static void compare_rootfs(const struct test_case *test, const struct answer *answer)
{
	int flags = O_PATH | test->open_flags, tries = 0, error, walk_error;
	struct stat one = {0}, other = {0};
	int fd;

	do { /* see ask() */
		rootfs_set_openat2(true);
		fd = rootfs_open(rootfs_fd, test->path, flags, 0, NULL);
	} while (fd == -ELOOP && ++tries < LOOP_TRIES);
	error = fd < 0 ? -fd : 0;
	if (fd >= 0 && (fstat(fd, &one) < 0 || close(fd) < 0))
		die("fstat");
	rootfs_set_openat2(false);
	fd = rootfs_open(rootfs_fd, test->path, flags, 0, NULL);
	walk_error = fd < 0 ? -fd : 0;
	if (fd >= 0 && (fstat(fd, &other) < 0 || close(fd) < 0))
		die("fstat");
	if (error != walk_error || one.st_ino != other.st_ino)
		differ(test, answer, "rootfs_open", walk_error, strerror(error));
}

static void compare_lookup(const struct test_case *test, const struct answer *answer)
{
	static struct path_result result;
	uint32_t flags = PATH_WANT_FD;
	struct stat status;
	int error;

	flags |= test->open_flags & O_NOFOLLOW ? 0 : PATH_FOLLOW;
	flags |= test->open_flags & O_DIRECTORY ? PATH_DIRECTORY : 0;
	flags |= test->resolve & RESOLVE_NO_SYMLINKS ? PATH_NO_SYMLINKS : 0;
	flags |= test->resolve & RESOLVE_NO_MAGICLINKS ? PATH_NO_MAGICLINKS : 0;
	flags |= test->resolve & RESOLVE_NO_XDEV ? PATH_NO_XDEV : 0;
	flags |= test->resolve & RESOLVE_BENEATH ? PATH_BENEATH : 0;
	flags |= test->resolve & RESOLVE_IN_ROOT ? PATH_IN_ROOT : 0;
	if (test->kind == CASE_EMPTY)
		flags |= PATH_EMPTY;
	error = resolve(&base_positions[test->base], test->path, flags, &result);
	if (error != answer->error) {
		/* A forbidden ".." is found out without locks and told after a second walk with them,
		 * whose symlinks count again: see ask(). */
		if (answer->error == ELOOP && error == EXDEV)
			goto out;
		/* openat2 refuses this pair before it looks at the path. */
		if (answer->error == EINVAL && flags & PATH_BENEATH && flags & PATH_IN_ROOT)
			goto out;
		differ(test, answer, "errno", error, error ? "" : result.host);
		goto out;
	}
	if (error)
		return;
	kinds_found[test->kind]++;
	if (!same_guest(&result.position, answer->guest))
		differ(test, answer, "guest path", error, result.host);
	if (answer->mount_root != !!(result.flags & PATH_RESULT_MOUNT_ROOT))
		differ(test, answer, "mount root", error, result.host);
	if (result.position.flags & PATH_POSITION_DELETED)
		goto out;
	if (!same_object(result.host, answer))
		differ(test, answer, "object", error, result.host);
	if (result.fd >= 0 && (fstat(result.fd, &status) < 0 || status.st_ino != answer->ino))
		differ(test, answer, "fd", error, result.host);
	if (test->kind == CASE_LOOKUP && lstat(result.host, &status) == 0 &&
	    S_ISLNK(status.st_mode) != !!(result.flags & PATH_RESULT_SYMLINK))
		differ(test, answer, "symlink flag", error, result.host);
	check_round_trip(test, answer, &result);
out:
	if (!error && result.fd >= 0)
		close(result.fd);
}

static void compare_create(const struct test_case *test, const struct answer *answer)
{
	static struct path_result result;
	bool follow = !(test->open_flags & (O_EXCL | O_NOFOLLOW));
	int error = resolve(&base_positions[test->base], test->path,
			    PATH_CREATE | (follow ? PATH_FOLLOW : 0), &result);
	bool missing, created;
	int fd;

	if (error) {
		if (error != answer->error)
			differ(test, answer, "errno", error, "");
		return;
	}
	if (result.position.flags & PATH_POSITION_DELETED)
		return;
	missing = result.flags & PATH_RESULT_MISSING;
	fd = open(result.host, test->open_flags | O_CLOEXEC, 0600);
	error = fd < 0 ? errno : 0;
	created = fd >= 0 && is_new(fd);
	if (error != answer->error)
		differ(test, answer, "errno of the call", error, result.host);
	else if (!error && (created != missing || created != answer->created))
		differ(test, answer, "PATH_RESULT_MISSING", error, result.host);
	else if (!error && !same_guest(&result.position, answer->guest))
		differ(test, answer, "guest path", error, result.host);
	if (!error)
		kinds_found[test->kind]++;
	if (created)
		unlink(result.host);
	if (fd >= 0)
		close(fd);
}

/* mkdir and symlink. */
static void compare_new_name(const struct test_case *test, const struct answer *answer)
{
	static struct path_result result;
	int error = resolve(&base_positions[test->base], test->path, PATH_PARENT, &result);
	struct path_position uncovered;
	struct stat status;
	char *slash;

	if (!error && !(result.position.flags & PATH_POSITION_DELETED)) {
		if ((test->kind == CASE_MKDIR ? mkdir(result.host, 0700)
					      : symlink("t", result.host)) < 0)
			error = errno;
		else if (test->kind == CASE_MKDIR)
			rmdir(result.host);
		else
			unlink(result.host);
	} else if (!error) {
		error = EEXIST; /* ".", ".." of a deleted directory */
	}
	if (error != answer->error) {
		differ(test, answer, "errno of the call", error, result.host);
		return;
	}
	if (error)
		return;
	kinds_found[test->kind]++;
	if (!same_guest(&result.position, answer->guest))
		differ(test, answer, "guest path", error, result.host);
	/* The oracle's ".." goes to what covers a covered directory. */
	path_table_root(&table, &uncovered);
	if (test->kind != CASE_MKDIR || !base_visible[test->base] || uncovered.mount != 0)
		return;
	path_to_host(&table, &result.position, result.host, sizeof(result.host));
	slash = strrchr(result.host, '/');
	*slash = '\0';
	if (stat(result.host, &status) < 0 || status.st_ino != answer->ino)
		differ(test, answer, "directory", error, result.host);
}

static void compare_rename(const struct test_case *test, const struct answer *answer)
{
	static struct path_result result;
	int error = resolve(&base_positions[test->base], test->path, PATH_PARENT, &result);

	if (!error && result.position.flags & PATH_POSITION_DELETED)
		error = EBUSY;
	else if (!error && rename(result.host, result.host) < 0)
		error = errno;
	if (error != answer->error)
		differ(test, answer, "errno of the call", error, result.host);
	if (!error)
		kinds_found[test->kind]++;
}

static void compare_rmdir(const struct test_case *test, const struct answer *answer)
{
	static const int refusals[] = {
		[PATH_LAST_DOT] = EINVAL,
		[PATH_LAST_DOTDOT] = ENOTEMPTY,
		[PATH_LAST_ROOT] = EBUSY,
	};
	static struct path_result result;
	int error = resolve(&base_positions[test->base], test->path, PATH_PARENT, &result);
	int made = error;

	if (!error) {
		kinds_found[test->kind]++;
		made = refusals[result.last];
		/* A path of one component isn't looked at: the call on "directory/." tells. */
		if (!(result.position.flags & PATH_POSITION_DELETED) && rmdir(result.host) < 0 &&
		    errno != EINVAL)
			made = errno;
	}
	if (made != answer->error)
		differ(test, answer, "errno of the call", made, result.host);
}

static void compare(const struct test_case *test, const struct answer *answer)
{
	kinds_run[test->kind]++;
	switch (test->kind) {
	case CASE_LOOKUP:
		if (chance(20))
			compare_rootfs(test, answer);
		compare_lookup(test, answer);
		break;
	case CASE_EMPTY:
		compare_lookup(test, answer);
		break;
	case CASE_CREATE:
		compare_create(test, answer);
		break;
	case CASE_MKDIR:
	case CASE_SYMLINK:
		compare_new_name(test, answer);
		break;
	case CASE_RENAME:
		compare_rename(test, answer);
		break;
	case CASE_RMDIR:
		compare_rmdir(test, answer);
		break;
	case CASE_KINDS:
		break;
	}
}

/* Returns how many cases were compared. */
static unsigned long run_tree(unsigned long cases)
{
	unsigned long compared = 0;
	bool sound = true;

	if (mkdir(tree_directory, 0755) < 0)
		die("mkdir");
	tree_build();
	make_script();
	oracle_start(shared);
	rootfs_fd = openat(tree_fd, "rootfs", O_PATH | O_DIRECTORY | O_CLOEXEC);
	set_file_caps(false);
	check_script();
	while (cases && sound) {
		shared->case_count = (int)(cases < BATCH_MAX ? cases : BATCH_MAX);
		cases -= (unsigned long)shared->case_count;
		for (int i = 0; i < shared->case_count; i++)
			make_case(&shared->cases[i]);
		oracle_run();
		for (int i = 0; i < shared->case_count; i++)
			sound = sound && !shared->answers[i].left_behind;
		for (int i = 0; i < shared->case_count && sound; i++)
			compare(&shared->cases[i], &shared->answers[i]);
		if (sound)
			compared += (unsigned long)shared->case_count;
		else
			lost++;
	}
	oracle_stop();
	close(rootfs_fd);
	set_file_caps(true);
	tree_remove();
	return compared;
}

/* ---- the program -------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* Mounting needs privileges: root's, or those of a user namespace. */
static void become_able(void)
{
	unsigned uid = getuid(), gid = getgid();
	char map[64];

	if (uid == 0 && unshare(CLONE_NEWNS) == 0)
		return;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		printf("1..0 # SKIP no mount namespace and no user namespace: %s\n",
		       strerror(errno));
		exit(0);
	}
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "path_diff: %s is not a number\n", text);
		exit(2);
	}
	return value;
}

static void report(unsigned long cases)
{
	static const char *const titles[] = {"openat2(O_PATH)", "AT_EMPTY_PATH", "openat(O_CREAT)",
					     "mkdirat",		"symlinkat",	 "renameat",
					     "rmdir of dots"};

	for (int i = 0; i < CASE_KINDS; i++)
		printf("# %-16s %8lu cases, %lu succeeded\n", titles[i], kinds_run[i],
		       kinds_found[i]);
	printf("# %lu batches dropped because the oracle couldn't undo a creation\n", lost);
	printf("# %.2f system calls of the resolver per case\n", (double)op_calls / (double)cases);
	printf("%s 1 - the resolver answers as the kernel in %lu cases, %lu differences\n1..1\n",
	       differences ? "not ok" : "ok", cases, differences);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"cases", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'}, {0}};
	unsigned long cases = 200000, done = 0, seed = 1;
	char parent[200], work[PATH_MAX];
	const char *temporary = getenv("TMPDIR");
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		*(option == 'n' ? &cases : &seed) = number(optarg);
	}
	if (optind < argc)
		cases = number(argv[optind]);

	become_able();
	umask(022);
	snprintf(parent, sizeof(parent), "%s/path_diff.XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(parent) || !realpath(parent, work))
		die("make a directory for the trees");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap");
	if (snprintf(tree_directory, sizeof(tree_directory), "%s/t", work) >=
	    (int)sizeof(tree_directory)) {
		errno = ENAMETOOLONG;
		die(work);
	}
	while (done < cases) {
		unsigned long part = cases - done < CASES_PER_TREE ? cases - done : CASES_PER_TREE;

		tree_seed = seed++;
		random_state = tree_seed * 0x9e3779b97f4a7c15ull | 1;
		done += run_tree(part);
	}
	rmdir(work);
	report(cases);
	return differences ? 1 : 0;
}
