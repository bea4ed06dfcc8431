// SPDX-License-Identifier: Apache-2.0
/* amphora links: emulated hard links of a root filesystem, counted or made real. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/front/amphora/front.h"
#include "core/store/links_convert.h"

struct links_request {
	bool to_kernel, to_copies;
};

static int set_to_kernel(void *target, const char *value, struct error *err)
{
	struct links_request *request = target;

	return option_boolean(value, &request->to_kernel, err);
}

static int set_to_copies(void *target, const char *value, struct error *err)
{
	struct links_request *request = target;

	return option_boolean(value, &request->to_copies, err);
}

static const struct option_row rows[] = {
	{"to-kernel", 0, NULL, "make them the file system's own hard links", set_to_kernel,
	 OPTION_EVERYDAY, NULL},
	{"to-copies", 0, NULL, "make each name a file of its own", set_to_copies, OPTION_EVERYDAY, NULL},
	{0},
};

const struct option_table links_options_table = {
	"links", "[flags] DIR", "Counts emulated hard links, PRoot's too, or makes them real.", rows,
	"@dir"};

static void print_summary(const struct links_summary *summary, enum links_conversion how)
{
	static const char *const done[] = {
		[LINKS_COUNT] = "",
		[LINKS_TO_KERNEL] = ", now hard links",
		[LINKS_TO_COPIES] = ", now files of their own",
	};

	printf("%zu file%s with %zu name%s%s\n", summary->files, summary->files == 1 ? "" : "s",
	       summary->names, summary->names == 1 ? "" : "s", done[how]);
	if (summary->counts)
		printf("%zu wrong count%s put right\n", summary->counts, summary->counts == 1 ? "" : "s");
	if (summary->nameless)
		printf("%zu file%s without a name, kept below .amphora-links or as .l2s.*\n",
		       summary->nameless, summary->nameless == 1 ? "" : "s");
	if (summary->dangling)
		printf("%zu name%s without a file, kept as %s\n", summary->dangling,
		       summary->dangling == 1 ? "" : "s",
		       summary->dangling == 1 ? "a symlink" : "symlinks");
}

int verb_links(int argc, char **argv)
{
	struct links_request request = {0};
	struct links_summary summary;
	struct error err = ERROR_INIT;
	enum links_conversion how;
	char rootfs[PATH_MAX];
	int index = 1, result;

	result = options_parse(&links_options_table, argc, argv, &request, &index, &err);
	if (result > 0)
		return EXIT_SUCCESS;
	if (!result && index + 1 != argc)
		result = error_plain(&err, "links takes one root filesystem. See `amphora links --help`");
	if (!result && request.to_kernel && request.to_copies)
		result = error_plain(&err, "links takes one of --to-kernel and --to-copies");
	if (!result && !realpath(argv[index], rootfs))
		result = error_set(&err, errno, "root filesystem %s", argv[index]);
	how = request.to_kernel ? LINKS_TO_KERNEL : request.to_copies ? LINKS_TO_COPIES : LINKS_COUNT;
	if (!result)
		result = links_convert_tree(rootfs, how, &summary, &err);
	if (result < 0)
		return verb_fail(&err);
	print_summary(&summary, how);
	return EXIT_SUCCESS;
}
