/* SPDX-License-Identifier: Apache-2.0 */
/* The command `amphora`: its verbs. One file a verb: verb_NAME.c. */
#ifndef AMPHORA_FRONT_FRONT_H
#define AMPHORA_FRONT_FRONT_H

#include "core/base/error.h"
#include "core/front/amphora/options.h"

struct verb {
	const char *name;
	const char *summary;
	const struct option_table *options; /* for help and completion */
	/* argv[0] is the verb. Returns the process's exit code; failures that carry a struct error
	 * are printed by verb_fail(). */
	int (*run)(int argc, char **argv);
};

/* Ends with a row whose name is NULL. */
extern const struct verb verbs[];
const struct verb *verb_find(const char *name);

int verb_run(int argc, char **argv);
int verb_plan(int argc, char **argv);
int verb_probe(int argc, char **argv);
int verb_inspect(int argc, char **argv);
int verb_links(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_version(int argc, char **argv);
int verb_help(int argc, char **argv);
int verb_completion(int argc, char **argv);

extern const struct option_table run_options_table, plan_options_table, inspect_options_table,
	links_options_table, bench_options_table;

/* Prints "amphora: message: strerror. hint" on stderr and returns the exit code that err asks for. */
int verb_fail(const struct error *err);

const char *amphora_version(void);
/* The lines of `amphora help`. */
void print_usage(void);

#endif
