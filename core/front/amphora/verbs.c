// SPDX-License-Identifier: Apache-2.0
/* The table of verbs, and the one place that prints errors. */
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/front/amphora/front.h"

static const struct option_row no_rows[] = {{0}};

/* verb_probe.c reads its own words; these rows are for help and completion. */
static const struct option_row probe_rows[] = {
	{"json", 0, NULL, "facts as JSON", NULL, OPTION_EVERYDAY, NULL},
	{"fresh", 0, NULL, "probe again instead of using the cache", NULL, OPTION_EVERYDAY, NULL},
	{"facts", 0, "FILE", "read facts from a file", NULL, OPTION_EVERYDAY, "@file"},
	{0},
};

static const struct option_table probe_table_options = {
	"probe", "[flags]", "Finds out what this machine allows, by trying.", probe_rows, NULL};
static const struct option_table version_table = {
	"version", "", "Prints the version.", no_rows, NULL};
static const struct option_table help_table = {
	"help", "[command]", "Explains a command.", no_rows, "run plan probe inspect links bench version completion"};
static const struct option_table completion_table = {
	"completion", "bash|zsh|fish", "Prints a completion script for a shell.", no_rows,
	"bash zsh fish"};

const struct verb verbs[] = {
	{"run", "run a command in a container", &run_options_table, verb_run},
	{"plan", "show what run would use, and why nothing better", &plan_options_table, verb_plan},
	{"probe", "show what this machine allows", &probe_table_options, verb_probe},
	{"inspect", "show what a container that runs is held by", &inspect_options_table, verb_inspect},
	{"links", "count emulated hard links, or make them real", &links_options_table, verb_links},
	{"bench", "time system calls in everything that works here", &bench_options_table, verb_bench},
	{"version", "print the version", &version_table, verb_version},
	{"help", "explain a command", &help_table, verb_help},
	{"completion", "print a completion script for bash, zsh or fish", &completion_table,
	 verb_completion},
	{0},
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!strcmp(verb->name, name))
			return verb;
	return NULL;
}

int verb_fail(const struct error *err)
{
	char line[sizeof(err->message) + sizeof(err->hint) + 128];

	fflush(stdout);
	fprintf(stderr, "amphora: %s\n", error_format(err, line, sizeof(line)));
	return err->exit_code ? err->exit_code : EXIT_AMPHORA;
}

void print_usage(void)
{
	puts("amphora: runs a Linux root filesystem as a container, by namespaces or by\n"
	     "ptrace, whichever this machine offers.\n\n"
	     "  amphora run host                       a shell on this machine's own root,\n"
	     "                                         under a scratch layer\n"
	     "  amphora run -it --rootfs DIR           a shell in a root filesystem\n"
	     "  amphora plan --rootfs DIR              what it would use, and why\n");
	for (const struct verb *verb = verbs; verb->name; verb++)
		printf("  %-11s %s\n", verb->name, verb->summary);
	puts("\n`amphora help COMMAND` explains one. Exit codes: 125 amphora's own failure, 126\n"
	     "not executable, 127 not found, 128+n signal n, otherwise the command's.");
}
