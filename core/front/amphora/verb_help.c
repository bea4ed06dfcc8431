// SPDX-License-Identifier: Apache-2.0
/* amphora help [command] */
#include <stdlib.h>
#include <string.h>

#include "core/front/amphora/front.h"

int verb_help(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	const struct verb *verb;

	if (argc < 2 || argv[1][0] == '-') {
		print_usage();
		return EXIT_SUCCESS;
	}
	verb = verb_find(argv[1]);
	if (!verb) {
		error_plain(&err, "unknown command \"%s\"", argv[1]);
		error_hint(&err, "`amphora help` lists the commands");
		return verb_fail(&err);
	}
	options_help(verb->options, argc > 2 && !strcmp(argv[2], "--all"));
	return EXIT_SUCCESS;
}
