// SPDX-License-Identifier: Apache-2.0
/* PRoot's words: options in each of their shapes, -k, and where bindings end up. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/front/proot/proot.h"

#define WORDS_MAX 32

/* Reads a command line; words are separated by a space. */
static int read_words(void *parent, const char *line, struct proot_request **ret_request, int *index,
		      struct error *err)
{
	struct proot_request *request = talloc_zero(parent, struct proot_request);
	char *words = talloc_asprintf(parent, "proot %s", line), *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	request->spec = spec_new(request);
	for (char *word = strtok(words, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	proot_set_verbosity(-1);
	*ret_request = request;
	return proot_options_parse(request, argc, argv, index, err);
}

static void options_take_values_as_proot_s_do(void **state)
{
	static const struct {
		const char *line;
		int index; /* of the command, or -1: refused */
	} cases[] = {
		{"true", 1},
		{"-0 true", 2},
		{"-r / true", 3},
		{"-r=/ true", -1},
		{"--rootfs=/ true", 2},
		{"--rootfs / true", 3},
		{"-b /tmp -m /tmp:/x --bind=/tmp --mount=/tmp:/y! true", 7},
		{"-w / --pwd=/ --cwd=/ true", 5},
		{"-i 1:2 --change-id=3:4 true", 4},
		{"-i x true", -1},
		{"-i -1:0 true", -1},
		{"-i 4294967295:0 true", -1},
		{"-p true", 2},
		{"-p 80:8080 true", 3},
		{"-p 80:x true", 2},
		{"-p 0:80 true", -1},
		{"--port=80:x true", -1},
		{"--port 80:8080 true", 3},
		{"-p 80 true", 2},
		{"--port=80:8080 -p -n --netcoop true", 5},
		{"-n true", 2},
		{"-q qemu-for-nothing true", -1},
		{"-q /bin/sh true", 3},
		{"-P x.py true", -1},
		{"-l --link2symlink -L -H --sysvipc --ashmem-memfd --kill-on-exit true", 8},
		{"-v -1 --verbose=-1 true", 4},
		{"-v x true", -1},
		{"--mixed-mode false true", 3},
		{"-k 5.4.0 --kernel-release=5.5.0 true", 4},
		{"-0r / true", -1},
		{"--root-idx true", -1},
		{"--kill-on-exit=1 true", -1},
		{"-z true", -1},
		{"-b", -1},
		{"-- -r", 2},
		{"-v -1", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		void *t = talloc_new(NULL);
		struct proot_request *request;
		struct error err = ERROR_INIT;
		int index = 0, result = read_words(t, cases[i].line, &request, &index, &err);

		if ((cases[i].index < 0) != (result < 0) ||
		    (result == 0 && index != cases[i].index))
			fail_msg("\"%s\": result %d, command at %d: %s", cases[i].line, result,
				 index, err.message);
		talloc_free(t);
	}
}

static void the_last_ids_count_and_a_missing_group_is_ours(void **state)
{
	void *t = talloc_new(NULL);
	struct proot_request *request;
	char expected[32];
	int index;

	(void)state;
	assert_int_equal(read_words(t, "-i 5:6 -0 true", &request, &index, NULL), 0);
	assert_string_equal(request->ids, "0:0");
	assert_int_equal(read_words(t, "-i 007 true", &request, &index, NULL), 0);
	snprintf(expected, sizeof(expected), "7:%u", (unsigned)getegid());
	assert_string_equal(request->ids, expected);
	talloc_free(t);
}

static void a_kernel_is_a_release_or_all_of_uname(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = spec_new(t);
	static const char *const broken[] = {"\\", "\\Linux\\h\\r\\v\\m", "\\Linux\\h\\r\\v\\m\\d\\",
					     "\\Linux\\h\\r\\v\\m\\d\\-1"};

	(void)state;
	assert_int_equal(proot_parse_kernel(spec, "3.4-x", NULL), 0);
	assert_string_equal(spec->uname.release, "3.4-x");
	assert_null(spec->uname.machine);
	assert_int_equal(proot_parse_kernel(spec, "\\Linux\\me\\6.17.0-PRoot-Distro\\#1 SMP\\arm\\"
						  "localdomain\\-1\\", NULL), 0);
	assert_string_equal(spec->uname.sysname, "Linux");
	assert_string_equal(spec->uname.nodename, "me");
	assert_string_equal(spec->uname.release, "6.17.0-PRoot-Distro");
	assert_string_equal(spec->uname.version, "#1 SMP");
	assert_string_equal(spec->uname.machine, "arm");
	assert_string_equal(spec->uname.domainname, "localdomain");
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_true(proot_parse_kernel(spec, broken[i], NULL) < 0);
	assert_string_equal(spec->uname.machine, "arm");
	talloc_free(t);
}

/* Bindings, on a root in a temporary directory: /dir, /link -> dir, /gone -> nowhere/x. */

struct place {
	void *scope;
	char root[64];
};

static int make_place(void **state)
{
	struct place *place = talloc_zero(NULL, struct place);
	int fd;

	strcpy(place->root, "/tmp/amphora-proot-XXXXXX");
	if (!mkdtemp(place->root))
		return -1;
	fd = open(place->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(fd, "dir", 0755) < 0 || symlinkat("dir", fd, "link") < 0 ||
	    symlinkat("nowhere/x", fd, "gone") < 0)
		return -1;
	close(fd);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	file_remove_tree(AT_FDCWD, place->root);
	talloc_free(place);
	return 0;
}

static struct spec *complete(struct place *place, const char *words)
{
	struct proot_request *request;
	int index;

	assert_int_equal(read_words(place, talloc_asprintf(place, "-r %s %s true", place->root, words),
				    &request, &index, NULL), 0);
	assert_int_equal(proot_complete_spec(request, NULL), 0);
	return request->spec;
}

static void bindings_follow_symlinks_unless_told_not_to(void **state)
{
	struct place *place = *state;
	struct spec *spec = complete(place, "-b /tmp:/link -b /tmp:/gone -b /usr:/dir/../usr");

	assert_string_equal(spec->rootfs, place->root);
	assert_int_equal(spec->mount_count, 3);
	assert_string_equal(spec->mounts[0].target, "/dir");
	assert_int_equal(spec->mounts[0].options, 0);
	assert_string_equal(spec->mounts[1].target, "/gone");
	assert_int_equal(spec->mounts[1].options, MOUNT_OPTION_NO_FOLLOW);
	assert_string_equal(spec->mounts[2].target, "/usr");

	spec = complete(place, "-b /tmp:/link!");
	assert_string_equal(spec->mounts[0].target, "/link");
	assert_int_equal(spec->mounts[0].options, MOUNT_OPTION_NO_FOLLOW);
}

static void the_last_binding_on_a_place_wins_and_missing_ones_are_left_out(void **state)
{
	struct spec *spec = complete(*state, "-b /usr:/dir -b /nowhere-at-all:/x -b /etc:/link");

	assert_int_equal(spec->mount_count, 1);
	assert_string_equal(spec->mounts[0].target, "/dir");
	assert_string_equal(spec->mounts[0].source, "/etc");
}

static void the_working_directory_is_the_guest_s_or_the_root(void **state)
{
	struct place *place = *state;

	assert_string_equal(complete(place, "-w /link")->process.cwd, "/dir");
	assert_string_equal(complete(place, "-w /none/here")->process.cwd, "/");
	assert_string_equal(complete(place, "-b /etc:/a/b -w /a/b")->process.cwd, "/a/b");
	assert_string_equal(complete(place, "-b /etc:/dir/e -w /dir/e/..")->process.cwd, "/dir");
}

static void the_host_s_root_comes_with_its_proc(void **state)
{
	struct place *place = *state;
	struct spec *spec = complete(place, "-b /:/dir");

	assert_int_equal(spec->mount_count, 2);
	assert_string_equal(spec->mounts[1].target, "/dir/proc");
	assert_string_equal(spec->mounts[1].source, "/proc");
	spec = complete(place, "-b /:/dir -b /etc:/dir/proc");
	assert_int_equal(spec->mount_count, 2);
	assert_string_equal(spec->mounts[1].source, "/etc");
	spec = complete(place, "-r /");
	assert_string_equal(spec->rootfs, "/");
	assert_string_equal(spec->mounts[0].source, "/proc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_take_values_as_proot_s_do),
		cmocka_unit_test(the_last_ids_count_and_a_missing_group_is_ours),
		cmocka_unit_test(a_kernel_is_a_release_or_all_of_uname),
		cmocka_unit_test(bindings_follow_symlinks_unless_told_not_to),
		cmocka_unit_test(the_last_binding_on_a_place_wins_and_missing_ones_are_left_out),
		cmocka_unit_test(the_working_directory_is_the_guest_s_or_the_root),
		cmocka_unit_test(the_host_s_root_comes_with_its_proc),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
