// SPDX-License-Identifier: Apache-2.0
/* Reads a command line by an option table, and prints the table as help. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/front/amphora/options.h"

int option_boolean(const char *value, bool *ret_value, struct error *err)
{
	if (!strcmp(value, "true") || !strcmp(value, "1"))
		*ret_value = true;
	else if (!strcmp(value, "false") || !strcmp(value, "0"))
		*ret_value = false;
	else
		return error_plain(err, "\"%s\" is neither true nor false", value);
	return 0;
}

static const struct option_row *find_long(const struct option_row *rows, const char *name,
					  size_t length)
{
	for (const struct option_row *row = rows; row->name; row++)
		if (strlen(row->name) == length && !strncmp(row->name, name, length))
			return row;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (const struct option_row *row = rows; row->name; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

static int refuse_unknown(const struct option_table *table, const char *word, struct error *err)
{
	error_plain(err, "unknown option %s", word);
	error_hint(err, "`amphora help %s` lists the options", table->verb);
	return -EINVAL;
}

static int call_row(const struct option_row *row, void *target, const char *value,
		    struct error *err)
{
	bool ignored;
	int result = 0;

	if (!row->argument)
		result = option_boolean(value, &ignored, err);
	if (!result)
		result = row->parse(target, value, err);
	if (result)
		return error_wrap(err, result, "--%s", row->name);
	return 0;
}

/* The state of one walk over argv. */
struct walk {
	const struct option_table *table;
	int argc;
	char **argv;
	int index; /* of the word being read */
	void *target;
};

/* The option's argument: `attached` when it is in the same word, else the next word. */
static int take_argument(struct walk *walk, const struct option_row *row, const char *attached,
			 const char **ret_value, struct error *err)
{
	bool last = walk->index + 1 >= walk->argc;

	if (attached) {
		*ret_value = attached;
		return 0;
	}
	if (row->flags & OPTION_MAYBE_LATER && !last && walk->argv[walk->index + 1][0] == '-') {
		*ret_value = NULL;
		return 0;
	}
	if (last)
		return error_plain(err, "--%s needs an argument: --%s %s", row->name, row->name,
				   row->argument);
	*ret_value = walk->argv[++walk->index];
	return 0;
}

static int parse_long(struct walk *walk, const char *word, struct error *err)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	const struct option_row *row = find_long(walk->table->rows, word + 2, length - 2);
	const char *value = "true";
	int result;

	if (!row)
		return refuse_unknown(walk->table, word, err);
	if (row->argument) {
		result = take_argument(walk, row, equals ? equals + 1 : NULL, &value, err);
		if (result)
			return result;
	} else if (equals) {
		value = equals + 1;
	}
	return call_row(row, walk->target, value, err);
}

/* A cluster such as -it or -eKEY=VALUE. */
static int parse_letters(struct walk *walk, const char *word, struct error *err)
{
	for (const char *at = word + 1; *at; at++) {
		const struct option_row *row = find_letter(walk->table->rows, *at);
		const char *value = "true";
		int result;

		if (!row)
			return refuse_unknown(walk->table, word, err);
		if (row->argument) {
			const char *attached = at[1] == '=' ? at + 2 : at[1] ? at + 1 : NULL;

			result = take_argument(walk, row, attached, &value, err);
			return result ? result : call_row(row, walk->target, value, err);
		}
		result = call_row(row, walk->target, value, err);
		if (result)
			return result;
	}
	return 0;
}

int options_parse(const struct option_table *table, int argc, char **argv, void *target,
		  int *ret_index, struct error *err)
{
	struct walk walk = {
		.table = table, .argc = argc, .argv = argv, .index = 1, .target = target};

	for (; walk.index < argc; walk.index++) {
		const char *word = argv[walk.index];
		int result;

		if (word[0] != '-' || !word[1])
			break;
		if (!strcmp(word, "--")) {
			walk.index++;
			break;
		}
		if (!strcmp(word, "--help") || !strcmp(word, "--help-all") ||
		    (!strcmp(word, "-h") && !find_letter(table->rows, 'h'))) {
			options_help(table, !strcmp(word, "--help-all"));
			return 1;
		}
		result = word[1] == '-' ? parse_long(&walk, word, err)
					: parse_letters(&walk, word, err);
		if (result)
			return result;
	}
	*ret_index = walk.index;
	return 0;
}

static void print_row(const struct option_row *row)
{
	char left[48];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
		 row->argument ? " " : "", row->argument ? row->argument : "");
	printf("  %-27s %s\n", left, row->help);
}

void options_help(const struct option_table *table, bool all)
{
	bool more = false;

	printf("amphora %s %s\n%s\n", table->verb, table->synopsis, table->summary);
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (row->flags & OPTION_HIDDEN)
			continue;
		if (all || row->flags & OPTION_EVERYDAY)
			print_row(row);
		else
			more = true;
	}
	if (more)
		printf("All options: amphora %s --help-all. Manual: man amphora-%s\n", table->verb,
		       table->verb);
}
