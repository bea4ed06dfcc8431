/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: a row an option. Parsing, --help and shell completion all come from the rows. */
#ifndef AMPHORA_FRONT_OPTIONS_H
#define AMPHORA_FRONT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum option_flag {
	OPTION_EVERYDAY = 1 << 0, /* shown by --help; the others by --help-all */
	OPTION_HIDDEN = 1 << 1,	  /* accepted, not shown */
	/* Podman's --rootfs: a following word that starts with '-' is the next option, and the
	 * argument is then the first positional word. parse() gets NULL. */
	OPTION_MAYBE_LATER = 1 << 2,
};

struct option_row {
	const char *name;     /* without the dashes */
	char letter;	      /* 0: none */
	const char *argument; /* as help shows it, "DIR"; NULL: a switch, which takes =true or =false */
	const char *help;     /* fits behind the name on an 80-column line */
	/* Called once for each time the option is given. For a switch, value is "true" or "false".
	 * target is what options_parse() was given. */
	int (*parse)(void *target, const char *value, struct error *err);
	unsigned flags;
	const char *complete; /* "@file", "@dir", or words with a space between; NULL: nothing known */
};

struct option_table {
	const char *verb;	 /* "run" */
	const char *synopsis;	 /* after the verb: "[flags] IMAGE|--rootfs DIR [command…]" */
	const char *summary;	 /* one line */
	const struct option_row *rows; /* ends with a row whose name is NULL */
	const char *words;	 /* completion of the first positional word, as option_row.complete */
};

/* Parses argv[1..] up to the first word that is not an option, or "--". *ret_index is the index of
 * the first positional word (argc when there is none). Returns 0; 1 when help was asked for and
 * printed; -EINVAL with err. */
int options_parse(const struct option_table *table, int argc, char **argv, void *target,
		  int *ret_index, struct error *err);

/* "true"/"false" as parse() gets them for a switch, and "1"/"0". Returns 0 or -EINVAL. */
int option_boolean(const char *value, bool *ret_value, struct error *err);

/* Prints the help on stdout: at most 24 lines unless `all`. */
void options_help(const struct option_table *table, bool all);

#endif
