// SPDX-License-Identifier: Apache-2.0
/* A mount table changed while guests live in it: bind, detach, move, pivot and copy on tables alone, no
 * file is looked at. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/path/resolve.h"

static struct path_table table;
static int32_t copies[PATH_MOUNTS_MAX];

static struct path_position at(int mount, const char *rel)
{
	struct path_position position = { .mount = mount, .length = (uint32_t)strlen(rel) };

	strcpy(position.rel, rel);
	return position;
}

static int add(int mount, const char *rel, const char *host, uint32_t flags)
{
	struct path_position point = at(mount, rel);
	int index = path_table_add(&table, &point, host, flags);

	assert_true(index >= 0);
	return index;
}

static int bind(int mount, const char *rel, const char *host, int target, const char *on, bool recursive)
{
	struct path_position source = at(mount, rel), point = at(target, on);

	return path_table_bind(&table, &table, &source, host, &point, 0, recursive, copies);
}

/* The guest path of a place, or "" when nothing leads there. */
static const char *shown(int mount, const char *rel)
{
	static char guest[PATH_SIZE];
	struct path_position position = at(mount, rel), root;

	path_table_root(&table, &root);
	if (path_to_guest(&table, &root, &position, guest, sizeof(guest)) < 0)
		guest[0] = '\0';
	return guest;
}

static int set_up(void **state)
{
	(void)state;
	path_table_init(&table, "/rootfs", 0);
	return 0;
}

static void a_bind_copies_what_is_below_when_asked(void **state)
{
	int sub = add(0, "src/sub", "/vol", 0), deep = add(sub, "deep", "/deep", 0), other;

	(void)state;
	add(0, "srcs", "/other", 0);
	assert_true(bind(0, "src", "/rootfs/src", 0, "plain", false) > 0);
	assert_int_equal(copies[sub], -1);
	other = bind(0, "src", "/rootfs/src", 0, "all", true);
	assert_true(other > 0);
	assert_string_equal(shown(copies[sub], ""), "/all/sub");
	assert_string_equal(shown(copies[deep], "x"), "/all/sub/deep/x");
	assert_int_equal(table.mount_count, 8);
}

static void a_locked_mount_comes_along_with_any_bind(void **state)
{
	int mask = add(0, "proc/keys", "/empty", PATH_MOUNT_LOCKED);

	(void)state;
	assert_true(bind(0, "", "/rootfs", 0, "mnt", false) > 0);
	assert_string_equal(shown(copies[mask], ""), "/mnt/proc/keys");
	assert_true(table.mounts[copies[mask]].flags & PATH_MOUNT_LOCKED);
}

static void a_bind_without_room_changes_nothing(void **state)
{
	uint32_t count, strings;

	(void)state;
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "src/%d", i);
		add(0, name, "/vol", 0);
	}
	count = table.mount_count;
	strings = table.strings_used;
	assert_int_equal(bind(0, "src", "/rootfs/src", 0, "mnt", true), -ENOSPC);
	assert_int_equal(table.mount_count, count);
	assert_int_equal(table.strings_used, strings);
	assert_true(bind(0, "src", "/rootfs/src", 0, "mnt", false) > 0);
	assert_string_equal(shown((int)count, ""), "/mnt");
}

static void a_mount_goes_with_locked_ones_but_not_with_others(void **state)
{
	int mount = add(0, "mnt", "/vol", 0), locked = add(mount, "a", "/x", PATH_MOUNT_LOCKED);
	int other = add(locked, "b", "/y", 0);

	(void)state;
	assert_int_equal(path_table_remove(&table, mount), -EBUSY);
	assert_int_equal(path_table_remove(&table, other), 0);
	assert_int_equal(path_table_remove(&table, mount), 0);
	assert_true(table.mounts[locked].flags & PATH_MOUNT_HIDDEN);
	assert_int_equal(path_table_remove(&table, 0), -EINVAL);
}

static void a_detached_tree_is_left_by_nobody(void **state)
{
	int mount = add(0, "mnt", "/vol", 0), inner = add(mount, "in", "/inner", 0);
	struct path_position position;

	(void)state;
	assert_int_equal(path_table_detach(&table, mount), 0);
	assert_string_equal(shown(inner, "x"), "");
	assert_int_equal(path_table_detach(&table, mount), -EINVAL);
	assert_int_equal(path_table_detach(&table, 0), -EINVAL);
	/* Whoever stands there is still found. */
	assert_int_equal(path_from_host(&table, -1, "/inner/x", &position), 0);
	assert_int_equal(position.mount, inner);
	/* And the name is free again. */
	assert_string_equal(shown(add(0, "mnt", "/new", 0), ""), "/mnt");
}

static void a_cover_stays_for_those_who_stand_in_a_detached_tree(void **state)
{
	static struct path_table copy;
	static bool keep[PATH_MOUNTS_MAX];
	int32_t map[PATH_MOUNTS_MAX];
	int mount = add(0, "mnt", "/rootfs", 0), cover = add(mount, "secret", "/empty", PATH_MOUNT_LOCKED);
	struct path_position place = at(mount, "secret");

	(void)state;
	add(mount, "open", "/open", 0);
	assert_int_equal(path_table_detach(&table, mount), 0);
	path_table_top(&table, &place);
	assert_int_equal(place.mount, cover);
	place = at(mount, "open");
	path_table_top(&table, &place);
	assert_int_equal(place.mount, mount);
	keep[mount] = true;
	path_table_copy(&copy, &table, keep, map);
	place = at(map[mount], "secret");
	path_table_top(&copy, &place);
	assert_int_equal(place.mount, map[cover]);
}

static void a_mount_moves_with_what_is_on_it(void **state)
{
	int mount = add(0, "a", "/vol", 0), inner = add(mount, "in", "/inner", 0);
	struct path_position point = at(0, "b"), inside = at(inner, "deep");

	(void)state;
	assert_int_equal(path_table_move(&table, mount, &inside), -ELOOP);
	assert_int_equal(path_table_move(&table, mount, &point), 0);
	assert_string_equal(shown(inner, ""), "/b/in");
	point = at(0, "a");
	path_table_top(&table, &point);
	assert_int_equal(point.mount, 0);
	assert_int_equal(path_table_move(&table, 0, &point), -EINVAL);
}

static void a_pivot_swaps_roots(void **state)
{
	int new_root = add(0, "mnt", "/new", 0), other = add(0, "vol", "/vol", 0);
	struct path_position put_old = at(new_root, "old"), outside = at(other, "");

	(void)state;
	assert_int_equal(path_table_pivot(&table, 0, new_root, &outside), -EINVAL);
	outside = at(0, "x");
	assert_int_equal(path_table_pivot(&table, 0, new_root, &outside), -EBUSY);
	assert_int_equal(path_table_pivot(&table, 0, 0, &put_old), -EBUSY);
	assert_int_equal(path_table_pivot(&table, 0, new_root, &put_old), 0);
	assert_string_equal(shown(new_root, "x"), "/x");
	assert_string_equal(shown(other, ""), "/old/vol");
	assert_int_equal(path_table_detach(&table, 0), 0);
	assert_string_equal(shown(other, ""), "");
	assert_int_equal(path_table_detach(&table, new_root), -EINVAL);
}

static void a_pivot_onto_itself_stacks_the_old_root(void **state)
{
	int new_root = add(0, "mnt", "/new", 0);
	struct path_position put_old = at(new_root, ""), here = at(new_root, "");

	(void)state;
	assert_int_equal(path_table_pivot(&table, 0, new_root, &put_old), 0);
	path_table_top(&table, &here);
	assert_int_equal(here.mount, 0);
	assert_int_equal(path_table_detach(&table, 0), 0);
	path_table_root(&table, &here);
	assert_int_equal(here.mount, new_root);
}

static void a_copy_drops_what_is_hidden_and_says_how_indices_change(void **state)
{
	static struct path_table copy;
	static bool keep[PATH_MOUNTS_MAX];
	int gone = add(0, "a", "/a", 0), kept = add(0, "b", "/b", 0), last = add(0, "c", "/c", 0);
	struct path_position place = at(0, "c");
	int32_t map[PATH_MOUNTS_MAX];

	(void)state;
	assert_int_equal(path_table_remove(&table, gone), 0);
	assert_int_equal(path_table_remove(&table, kept), 0);
	keep[kept] = true;
	path_table_copy(&copy, &table, keep, map);
	assert_int_equal(map[gone], -1);
	assert_int_equal(copy.mount_count, 3);
	assert_true(copy.mounts[map[kept]].flags & PATH_MOUNT_HIDDEN);
	path_table_top(&copy, &place);
	assert_int_equal(place.mount, map[last]);
	assert_true(copy.strings_used < table.strings_used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_bind_copies_what_is_below_when_asked, set_up),
		cmocka_unit_test_setup(a_locked_mount_comes_along_with_any_bind, set_up),
		cmocka_unit_test_setup(a_bind_without_room_changes_nothing, set_up),
		cmocka_unit_test_setup(a_mount_goes_with_locked_ones_but_not_with_others, set_up),
		cmocka_unit_test_setup(a_detached_tree_is_left_by_nobody, set_up),
		cmocka_unit_test_setup(a_cover_stays_for_those_who_stand_in_a_detached_tree, set_up),
		cmocka_unit_test_setup(a_mount_moves_with_what_is_on_it, set_up),
		cmocka_unit_test_setup(a_pivot_swaps_roots, set_up),
		cmocka_unit_test_setup(a_pivot_onto_itself_stacks_the_old_root, set_up),
		cmocka_unit_test_setup(a_copy_drops_what_is_hidden_and_says_how_indices_change, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
