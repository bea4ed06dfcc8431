// SPDX-License-Identifier: Apache-2.0
/* amphora completion bash|zsh|fish: scripts made from the option tables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/front/amphora/front.h"

static void print_verbs(const char *separator)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		printf("%s%s", verb == verbs ? "" : separator, verb->name);
}

/* Rows that are shown, one at a time. */
static const struct option_row *next_row(const struct option_row *row)
{
	while (row->name && row->flags & OPTION_HIDDEN)
		row++;
	return row->name ? row : NULL;
}

#define FOR_EACH_ROW(row, table)                                                                   \
	for (const struct option_row *row = next_row((table)->rows); row; row = next_row(row + 1))

static void bash_argument_cases(const struct option_table *table)
{
	FOR_EACH_ROW (row, table) {
		if (!row->argument)
			continue;
		printf("\t%s:--%s", table->verb, row->name);
		if (row->letter)
			printf("|%s:-%c", table->verb, row->letter);
		if (!row->complete)
			printf(") return ;;\n");
		else if (!strcmp(row->complete, "@dir"))
			printf(") COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n");
		else if (!strcmp(row->complete, "@file"))
			printf(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
		else
			printf(") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n",
			       row->complete);
	}
}

static void print_bash(void)
{
	printf("# bash completion for amphora, made by `amphora completion bash`\n"
	       "_amphora() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal verb=${COMP_WORDS[1]}\n\tCOMPREPLY=()\n"
	       "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W '");
	print_verbs(" ");
	printf("' -- \"$word\"))\n\t\treturn\n\tfi\n\tcase $verb:$before in\n");
	for (const struct verb *verb = verbs; verb->name; verb++)
		bash_argument_cases(verb->options);
	printf("\tesac\n\tcase $verb:$word in\n");
	for (const struct verb *verb = verbs; verb->name; verb++) {
		printf("\t%s:-*) COMPREPLY=($(compgen -W '", verb->name);
		FOR_EACH_ROW (row, verb->options)
			printf("--%s ", row->name);
		printf("--help' -- \"$word\")) ;;\n");
		if (verb->options->words)
			printf("\t%s:*) COMPREPLY=($(compgen -W '%s' -- \"$word\")) ;;\n", verb->name,
			       verb->options->words);
	}
	printf("\tesac\n}\ncomplete -o default -F _amphora amphora\n");
}

/* Text inside a zsh _arguments spec, within single quotes. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
}

static void zsh_action(const char *complete)
{
	if (!complete)
		fputs(": ", stdout);
	else if (!strcmp(complete, "@dir"))
		fputs(":_directories", stdout);
	else if (!strcmp(complete, "@file"))
		fputs(":_files", stdout);
	else
		printf(":(%s)", complete);
}

static void zsh_row(const struct option_row *row)
{
	if (row->letter)
		printf("\t\t\t'*'{-%c,--%s}'[", row->letter, row->name);
	else
		printf("\t\t\t'*--%s[", row->name);
	zsh_text(row->help);
	putchar(']');
	if (row->argument) {
		putchar(':');
		zsh_text(row->argument);
		zsh_action(row->complete);
	}
	fputs("' \\\n", stdout);
}

static void print_zsh(void)
{
	printf("#compdef amphora\n# made by `amphora completion zsh`\n_amphora() {\n"
	       "\tif ((CURRENT == 2)); then\n\t\tlocal -a verbs=(\n");
	for (const struct verb *verb = verbs; verb->name; verb++)
		printf("\t\t\t'%s:%s'\n", verb->name, verb->summary);
	printf("\t\t)\n\t\t_describe command verbs\n\t\treturn\n\tfi\n\tlocal verb=$words[2]\n"
	       "\tshift words\n\t((CURRENT--))\n\tcase $verb in\n");
	for (const struct verb *verb = verbs; verb->name; verb++) {
		printf("\t%s)\n\t\t_arguments -S \\\n", verb->name);
		FOR_EACH_ROW (row, verb->options)
			zsh_row(row);
		if (verb->options->words)
			printf("\t\t\t'1:word:(%s)' \\\n", verb->options->words);
		printf("\t\t\t'*::command:_normal' ;;\n");
	}
	printf("\tesac\n}\n_amphora \"$@\"\n");
}

static void fish_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void fish_row(const char *verb, const struct option_row *row)
{
	printf("complete -c amphora -n '__fish_seen_subcommand_from %s' -l %s", verb, row->name);
	if (row->letter)
		printf(" -s %c", row->letter);
	if (row->argument) {
		if (row->complete && !strcmp(row->complete, "@dir"))
			printf(" -x -a '(__fish_complete_directories)'");
		else if (row->complete && !strcmp(row->complete, "@file"))
			printf(" -rF");
		else if (row->complete)
			printf(" -x -a '%s'", row->complete);
		else
			printf(" -x");
	}
	printf(" -d '");
	fish_text(row->help);
	printf("'\n");
}

static void print_fish(void)
{
	printf("# fish completion for amphora, made by `amphora completion fish`\n");
	for (const struct verb *verb = verbs; verb->name; verb++) {
		printf("complete -c amphora -n __fish_use_subcommand -f -a %s -d '", verb->name);
		fish_text(verb->summary);
		printf("'\n");
		if (verb->options->words)
			printf("complete -c amphora -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
			       verb->name, verb->options->words);
		FOR_EACH_ROW (row, verb->options)
			fish_row(verb->name, row);
	}
}

int verb_completion(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	struct error err = ERROR_INIT;
	int index, result = options_parse(verb_find("completion")->options, argc, argv, NULL, &index,
					  &err);

	if (result)
		return result > 0 ? EXIT_SUCCESS : verb_fail(&err);
	for (size_t i = 0; index < argc && i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (!strcmp(argv[index], shells[i].name)) {
			shells[i].print();
			return EXIT_SUCCESS;
		}
	}
	error_plain(&err, "which shell?");
	error_hint(&err, "Say amphora completion bash, zsh or fish");
	return verb_fail(&err);
}
