/* SPDX-License-Identifier: Apache-2.0 */
/* path_diff's random tree and random paths. Part of path_diff.c, which includes it once.
 *
 * The tree has few names (a to e), so that random paths often exist; the known paths are kept to
 * make half of the random ones from.
 */
#ifndef AMPHORA_TESTS_DIFF_PATH_DIFF_TREE_H
#define AMPHORA_TESTS_DIFF_PATH_DIFF_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/diff/path_diff.h"

#define NODES_MAX 256
#define CHAIN	  45 /* symlinks in a row: five more than the kernel follows */

enum node_kind { NODE_DIRECTORY, NODE_FILE, NODE_FIFO, NODE_LINK };

#define TREE_ROOM 300
static char tree_directory[TREE_ROOM]; /* canonical host path, with rootfs/ and source/ below */

static struct node {
	enum node_kind kind;
	bool pinned;	/* its bits stay: a mount's source lies in it */
	bool victim;	/* kept for STEP_DELETE */
	char path[600]; /* relative to tree_directory */
} nodes[NODES_MAX];
static int node_count;
static char chain_directory[PATH_ROOM]; /* as the guest may see it */

static int tree_fd = -1;

static const char *random_name(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};

	return names[random_below(5)];
}

static void append_text(char *path, const char *text)
{
	size_t used = strlen(path);

	if (used + strlen(text) < PATH_ROOM - 8)
		memcpy(path + used, text, strlen(text) + 1);
}

static void append_random_component(char *path)
{
	uint32_t dice = random_below(100);
	char name[8];

	if (dice < 68) {
		append_text(path, random_name());
	} else if (dice < 82) {
		append_text(path, "..");
	} else if (dice < 90) {
		append_text(path, ".");
	} else if (dice < 94) {
		/* Every other one ends within two links of the kernel's limit. */
		snprintf(name, sizeof(name), "k%02u",
			 chance(50) ? CHAIN - 42 + random_below(4) : random_below(CHAIN));
		append_text(path, name);
	} else if (dice < 96) {
		append_text(path, "missing");
	} else if (dice < 97) {
		append_text(path, "...");
	} else {
		append_text(path, "z");
	}
}

static void random_components(char *path, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			append_text(path, chance(8) ? "//" : "/");
		append_random_component(path);
	}
}

/* A known path as the guest may see it: without the top directory. */
static void append_known(char *path, enum node_kind kind, bool any_kind)
{
	for (int tries = 0; tries < 20; tries++) {
		const struct node *node = &nodes[random_below((uint32_t)node_count)];
		const char *inside = strchr(node->path, '/');

		if (!inside || (!any_kind && node->kind != kind))
			continue;
		append_text(path, inside + 1);
		return;
	}
}

static void append_long(char *path)
{
	static const char *const fillers[] = {"./", "a/../", "/", "../", "b/"};
	const char *filler = fillers[random_below(5)];
	size_t target = PATH_SIZE - 12 + random_below(16);
	char name[300];

	if (chance(50)) {
		memset(name, 'n', sizeof(name));
		name[254 + random_below(3)] = '\0';
		append_text(path, name);
		return;
	}
	while (strlen(path) + strlen(filler) < target)
		append_text(path, filler);
	append_text(path, "a");
}

static void random_path(char *path)
{
	path[0] = '\0';
	if (chance(1))
		return;
	if (chance(45))
		append_text(path, chance(10) ? "//" : "/");
	if (chance(2)) {
		append_long(path);
		return;
	}
	if (chance(50) && node_count) {
		append_known(path, NODE_DIRECTORY, true);
		if (chance(50)) {
			append_text(path, "/");
			random_components(path, 1 + random_below(3));
		}
	} else if (chance(4)) {
		append_text(path, chain_directory);
		append_text(path, chance(80) ? "/" : "/./");
		append_random_component(path);
	} else if (!(path[0] && chance(4))) {
		random_components(path, 1 + random_below(6));
	}
	if (chance(18))
		append_text(path, chance(20) ? "///" : "/");
}

static void random_link_text(char *text)
{
	text[0] = '\0';
	if (chance(40))
		append_text(text, "/");
	if (chance(50) && node_count)
		append_known(text, NODE_DIRECTORY, true);
	else
		random_components(text, 1 + random_below(3));
	if (chance(15))
		append_text(text, "/");
	if (chance(2)) {
		text[0] = '\0';
		while (strlen(text) < 3000)
			append_text(text, "./");
		append_text(text, "a");
	}
	if (!text[0])
		append_text(text, "/");
}

static struct node *add_node(enum node_kind kind, const char *path)
{
	struct node *node = &nodes[node_count];
	char text[PATH_ROOM];
	int result = 0, fd;

	if (node_count == NODES_MAX || strlen(path) >= sizeof(node->path))
		return NULL;
	switch (kind) {
	case NODE_DIRECTORY:
		result = mkdirat(tree_fd, path, 0755);
		break;
	case NODE_FILE:
		fd = openat(tree_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		result = fd < 0 || write(fd, "x", 1) != 1 ? -1 : 0;
		if (fd >= 0)
			close(fd);
		break;
	case NODE_FIFO:
		result = mkfifoat(tree_fd, path, 0644);
		break;
	case NODE_LINK:
		random_link_text(text);
		result = symlinkat(text, tree_fd, path);
		break;
	}
	if (result < 0)
		return NULL;
	*node = (struct node){.kind = kind};
	strcpy(node->path, path);
	node_count++;
	return node;
}

static struct node *random_directory(void)
{
	struct node *node;

	do {
		node = &nodes[random_below((uint32_t)node_count)];
	} while (node->kind != NODE_DIRECTORY || node->victim);
	return node;
}

static void add_random_node(void)
{
	static const enum node_kind kinds[] = {NODE_DIRECTORY, NODE_DIRECTORY, NODE_DIRECTORY,
					       NODE_DIRECTORY, NODE_FILE,      NODE_FILE,
					       NODE_FIFO,      NODE_LINK,      NODE_LINK,
					       NODE_LINK,      NODE_LINK};
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/%s", random_directory()->path, random_name());
	add_node(kinds[random_below(sizeof(kinds) / sizeof(kinds[0]))], path);
}

/* k00 -> k01 -> ... -> the last one, which leads to a name that may exist. */
static void add_chain(void)
{
	const char *directory = random_directory()->path, *inside = strchr(directory, '/');
	char path[PATH_ROOM], text[16];

	strcpy(chain_directory, inside ? inside + 1 : "");

	for (int i = 0; i < CHAIN; i++) {
		snprintf(path, sizeof(path), "%s/k%02d", directory, i);
		snprintf(text, sizeof(text), i + 1 < CHAIN ? "k%02d" : "a", i + 1);
		if (symlinkat(text, tree_fd, path) < 0)
			return;
	}
}

static void add_victims(void)
{
	char path[PATH_ROOM];

	for (int i = 0; i < 2; i++) {
		struct node *node;

		snprintf(path, sizeof(path), "%s/z", random_directory()->path);
		node = add_node(NODE_DIRECTORY, path);
		if (!node)
			continue;
		node->victim = true;
		append_text(path, "/z");
		node = add_node(NODE_DIRECTORY, path);
		if (node)
			node->victim = true;
	}
}

static void tree_build(void)
{
	char path[PATH_ROOM];
	uint32_t count = 30 + random_below(60);

	tree_fd = open(tree_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree_fd < 0)
		die(tree_directory);
	node_count = 0;
	if (mkdirat(tree_fd, "guest", 0755) < 0)
		die("mkdir guest");
	add_node(NODE_DIRECTORY, "rootfs");
	add_node(NODE_DIRECTORY, "source");
	for (uint32_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "rootfs/%c", 'a' + (int)i);
		add_node(NODE_DIRECTORY, path);
	}
	while (count--)
		add_random_node();
	if (chance(30)) {
		memset(path, 0, sizeof(path));
		strcpy(path, "rootfs/a/");
		memset(path + strlen(path), 'n', NAME_MAX);
		add_node(NODE_DIRECTORY, path);
	}
	add_chain();
	add_victims();
}

/* Directories above a mount's source keep their bits: the resolver names the source by its host
 * path, the kernel holds it (a known difference, see tests/diff/path_diff.c). */
static void pin_parents(const char *path)
{
	for (int i = 0; i < node_count; i++) {
		size_t length = strlen(nodes[i].path);

		if (!strncmp(nodes[i].path, path, length) && (path[length] == '/' || !path[length]))
			nodes[i].pinned = true;
	}
}

static void tree_restrict(void)
{
	static const mode_t modes[] = {0000, 0444, 0111, 0666, 0555, 0311};

	if (chance(50))
		return;
	for (int i = 5; i < node_count; i++) {
		if (!nodes[i].pinned && nodes[i].kind != NODE_LINK && !nodes[i].victim &&
		    chance(10) && fchmodat(tree_fd, nodes[i].path, modes[random_below(6)], 0) < 0)
			die("chmod");
	}
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)ftw;
	return type == FTW_DP || type == FTW_D || type == FTW_DNR ? rmdir(path) : unlink(path);
}

static void tree_remove(void)
{
	if (tree_fd >= 0)
		close(tree_fd);
	tree_fd = -1;
	if (nftw(tree_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0)
		die("remove the tree");
}

static void random_mount(struct step *step)
{
	bool file = chance(25);
	const struct node *source;

	step->kind = STEP_MOUNT;
	do {
		source = &nodes[random_below((uint32_t)node_count)];
	} while (source->victim || source->kind == NODE_LINK ||
		 file != (source->kind != NODE_DIRECTORY));
	strcpy(step->source, source->path);
	pin_parents(source->path);
	if (chance(3)) {
		strcpy(step->path, chance(50) ? "/" : "/..");
	} else if (chance(70)) {
		strcpy(step->path, "/");
		append_known(step->path, file ? NODE_FILE : NODE_DIRECTORY, false);
	} else {
		do {
			random_path(step->path);
		} while (step->path[0] != '/' || strlen(step->path) > 200);
	}
}

/* Victims are deleted from the inside out. */
static bool random_victim(struct step *step)
{
	for (int i = node_count - 1; i >= 0; i--) {
		if (!nodes[i].victim)
			continue;
		nodes[i].victim = false;
		step->kind = STEP_DELETE;
		strcpy(step->source, nodes[i].path);
		return true;
	}
	return false;
}

#endif
