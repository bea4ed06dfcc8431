// SPDX-License-Identifier: Apache-2.0
/* amphora: finds the verb and runs it. The name it was called by chooses the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/base/error.h"
#include "core/front/amphora/front.h"
#include "core/front/proot/proot.h"

/* Names that bring another command line. udocker calls its PRoot proot-x86_64-4_8_0 and the like. */
static const struct personality {
	const char *name;
	const char *what;
	int (*run)(int argc, char **argv); /* NULL: not there yet */
} personalities[] = {
	{"amphora-oci", "the OCI runtime command line", NULL},
	{"amphora-proot", "PRoot's command line", proot_main},
	{"proot", "PRoot's command line", proot_main},
	{"care", "PRoot's archiver", care_main},
	{MICRO_NAME, "what `amphora bench` runs inside", micro_main},
};

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "amphora";
}

static int run_personality(const struct personality *personality, int argc, char **argv)
{
	if (personality->run)
		return personality->run(argc, argv);
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
		printf("%s %s\n", personality->name, amphora_version());
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "amphora: %s is not there yet: %s comes later. Use `amphora run`\n",
		personality->name, personality->what);
	return EXIT_AMPHORA;
}

int main(int argc, char **argv)
{
	const char *name = base_name(argv[0]);
	const struct verb *verb;

	for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++)
		if (!strcmp(name, personalities[i].name) ||
		    (!strncmp(name, "proot-", 6) && !strcmp(personalities[i].name, "proot")))
			return run_personality(&personalities[i], argc, argv);
	if (argc < 2) {
		print_usage();
		return EXIT_AMPHORA;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return verb_version(1, argv);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return verb_help(1, argv);
	verb = verb_find(argv[1]);
	if (!verb) {
		struct error err = ERROR_INIT;

		error_plain(&err, "unknown command \"%s\"", argv[1]);
		error_hint(&err, "`amphora help` lists the commands");
		return verb_fail(&err);
	}
	return verb->run(argc - 1, argv + 1);
}
