/* SPDX-License-Identifier: Apache-2.0 */
/* path_diff's other side: the mount table, the resolver's system calls, and the random script that both
 * the table and the oracle's real mounts are built by. Part of path_diff.c, which includes it once.
 */
#ifndef AMPHORA_TESTS_DIFF_PATH_DIFF_SCRIPT_H
#define AMPHORA_TESTS_DIFF_PATH_DIFF_SCRIPT_H

#include "core/path/resolve.h"
#include "tests/diff/path_diff_oracle.h"
#include "tests/diff/path_diff_tree.h"

static struct shared *shared;
static struct path_table table;
static struct path_position root;
static const struct path_position bottom; /* root of the first mount */
static struct path_position base_positions[BASES_MAX];
static bool base_visible[BASES_MAX];
static int base_count;
static uint64_t tree_seed;
static unsigned long differences, op_calls;

/* ---- the resolver's system calls --------------------------------------------------------- */

static long op_readlink(void *context, const char *host, char *buffer, size_t size)
{
	ssize_t length = readlink(host, buffer, size);

	(void)context;
	op_calls++;
	return length < 0 ? -errno : length;
}

static long op_open_path(void *context, const char *host, int flags)
{
	int fd = open_how(AT_FDCWD, host, O_PATH | flags,
			  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	(void)context;
	op_calls++;
	return fd < 0 ? -errno : fd;
}

static void op_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static long op_is_directory(void *context, const char *host)
{
	struct stat status;

	(void)context;
	op_calls++;
	return lstat(host, &status) < 0 ? -errno : S_ISDIR(status.st_mode);
}

static const struct path_ops ops = {op_readlink, op_open_path, op_close, op_is_directory, NULL, NULL, NULL};
static const struct path_ops walk_ops = {op_readlink, NULL, op_close, op_is_directory, NULL, NULL, NULL};

static int resolve(const struct path_position *base, const char *path, uint32_t flags,
		   struct path_result *result)
{
	const struct path_request request = {
		.table = &table,
		.ops = chance(50) ? &ops : &walk_ops,
		.root = &root,
		.base = base,
		.path = path,
		.flags = flags,
	};

	return -path_resolve(&request, result);
}

/* ---- the script --------------------------------------------------------------------------- */

static bool host_is_directory(const char *host)
{
	struct stat status;

	return stat(host, &status) == 0 && S_ISDIR(status.st_mode);
}

static int apply_mount(const struct step *step)
{
	static struct path_result result;
	char host[TREE_ROOM + PATH_ROOM];
	bool directory;
	int error = resolve(&root, step->path, PATH_FOLLOW, &result);

	if (error)
		return error;
	snprintf(host, sizeof(host), "%s/%s", tree_directory, step->source);
	directory = host_is_directory(host);
	if (directory != host_is_directory(result.host))
		return EINVAL; /* what move_mount(2) says */
	if (path_table_add(&table, &result.position, host, directory ? 0 : PATH_MOUNT_FILE) < 0)
		die("path_table_add");
	return 0;
}

/* Whether an absolute path leads to a position. */
static bool is_visible(const struct path_position *position)
{
	static struct path_result result;
	char guest[PATH_SIZE];

	return path_to_guest(&table, &root, position, guest, sizeof(guest)) > 0 &&
	       resolve(&root, guest, 0, &result) == 0 &&
	       result.position.mount == position->mount &&
	       !strcmp(result.position.rel, position->rel);
}

static bool plan_detach(struct step *step)
{
	struct path_position position = {0};

	position.mount = (int)random_below(table.mount_count);
	step->kind = STEP_DETACH;
	if (!position.mount || table.mounts[position.mount].flags & PATH_MOUNT_HIDDEN ||
	    root.mount == position.mount || !is_visible(&position) ||
	    path_to_guest(&table, &root, &position, step->path, PATH_SIZE) < 0)
		return false;
	return path_table_remove(&table, position.mount) == 0;
}

static int apply_base(struct step *step)
{
	static struct path_result result;
	int error = resolve(&root, step->path, step->follow ? PATH_FOLLOW : 0, &result);

	if (!error) {
		if (!base_count) /* the working directory */
			result.position.flags |= PATH_POSITION_DIRECTORY;
		base_positions[base_count++] = result.position;
	}
	return error;
}

static int apply_chroot(const struct step *step)
{
	static struct path_result result;
	int error = resolve(&root, step->path, PATH_FOLLOW | PATH_DIRECTORY, &result);

	if (error)
		return error;
	if (faccessat(AT_FDCWD, result.host, X_OK, AT_EACCESS) < 0)
		return errno;
	root = result.position;
	return 0;
}

static struct step *next_step(void)
{
	struct step *step = &shared->steps[shared->step_count++];

	memset(step, 0, sizeof(*step));
	return step;
}

static void script_base(const char *path, bool follow)
{
	struct step *step;

	if (base_count == BASES_MAX || shared->step_count == STEPS_MAX)
		return;
	step = next_step();
	step->kind = STEP_BASE;
	step->follow = follow;
	strcpy(step->path, path);
	step->expected = apply_base(step);
}

static void script_random_base(void)
{
	char path[PATH_ROOM];

	do {
		random_path(path);
	} while (path[0] != '/' || strlen(path) >= PATH_SIZE);
	script_base(path, chance(80));
}

static void script_victims(void)
{
	char path[PATH_ROOM];

	for (int i = 0; i < node_count; i++) {
		if (nodes[i].victim) {
			snprintf(path, sizeof(path), "/%s", strchr(nodes[i].path, '/') + 1);
			script_base(path, true);
		}
	}
}

static void script_mounts(struct step *planned, int count)
{
	for (int i = 0; i < count; i++) {
		struct step *step = next_step();

		*step = planned[i];
		step->expected = apply_mount(step);
		if (chance(40))
			script_random_base();
		if (chance(10) && !plan_detach(next_step()))
			shared->step_count--;
	}
}

/* Fills shared->steps, and applies them to the table. Bits are set when the sources are known. */
static void make_script(void)
{
	static struct step planned[40];
	int count = chance(10) ? 20 + (int)random_below(20) : (int)random_below(8);
	char host[TREE_ROOM + 16];

	shared->step_count = 0;
	base_count = 0;
	for (int i = 0; i < count; i++) {
		memset(&planned[i], 0, sizeof(planned[i]));
		random_mount(&planned[i]);
	}
	tree_restrict();
	snprintf(host, sizeof(host), "%s/rootfs", tree_directory);
	path_table_init(&table, host, 0);
	root = bottom;

	set_file_caps(false);
	script_base("/", true);
	if (chance(70)) { /* the working directory: base 0, searchable or not */
		base_count = 0;
		shared->step_count = 0;
		script_base("/a", true);
	}
	script_mounts(planned, count);
	if (chance(20)) {
		struct step *step = next_step();

		step->kind = STEP_CHROOT;
		strcpy(step->path, "/");
		append_known(step->path, NODE_DIRECTORY, false);
		if (chance(30))
			strcpy(step->path, "/..");
		step->expected = apply_chroot(step);
	}
	for (int i = 0; i < 10; i++)
		script_random_base();
	script_victims();
	while (shared->step_count < STEPS_MAX && random_victim(next_step()))
		;
	shared->step_count--;
	set_file_caps(true);
}

/* After the oracle has run the script. */
static void check_script(void)
{
	char host[PATH_SIZE], victim[TREE_ROOM + PATH_ROOM];

	for (int i = 0; i < shared->step_count; i++) {
		const struct step *step = &shared->steps[i];

		if (step->kind != STEP_DELETE && step->error != step->expected) {
			printf("# seed %llu step %d (%d) %s: kernel %s, resolver %s\n",
			       (unsigned long long)tree_seed, i, (int)step->kind, step->path,
			       strerror(step->error), strerror(step->expected));
			differences++;
		}
		if (step->kind != STEP_DELETE || step->error)
			continue;
		snprintf(victim, sizeof(victim), "%s/%s", tree_directory, step->source);
		for (int b = -1; b < base_count; b++) {
			struct path_position *position = b < 0 ? &root : &base_positions[b];

			path_to_host(&table, position, host, sizeof(host));
			if (!strcmp(host, victim))
				position->flags |= PATH_POSITION_DELETED;
		}
	}
	for (int b = 0; b < base_count; b++)
		base_visible[b] = is_visible(&base_positions[b]);
}

#endif
