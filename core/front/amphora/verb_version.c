// SPDX-License-Identifier: Apache-2.0
/* amphora version */
#include <stdio.h>
#include <stdlib.h>

#include "core/front/amphora/front.h"

#ifndef AMPHORA_VERSION
#define AMPHORA_VERSION "unknown"
#endif

const char *amphora_version(void)
{
	return AMPHORA_VERSION;
}

int verb_version(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	int index = 1;
	int result = argc > 1 ? options_parse(verb_find("version")->options, argc, argv, NULL, &index,
					      &err)
			      : 0;

	if (result > 0)
		return EXIT_SUCCESS;
	if (!result && index < argc)
		result = error_plain(&err, "version takes no argument, not \"%s\"", argv[index]);
	if (result < 0)
		return verb_fail(&err);
	printf("amphora %s\n", amphora_version());
	return EXIT_SUCCESS;
}
