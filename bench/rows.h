// SPDX-License-Identifier: Apache-2.0
/* The things bench/micro can time: one row of the table each. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How long one operation of a row is, which decides how many are run to count stops. */
enum row_kind {
	ROW_CALL,    /* one or a few system calls: microseconds */
	ROW_PROCESS, /* a process or a thread: a fraction of a millisecond */
	ROW_COMMAND, /* a whole command: tens of milliseconds and up */
};

#define MAX_CHILDREN 100

/* Where a row runs, and what its setup leaves for its run. One row at a time uses it. */
struct scene {
	const char *self;    /* absolute path of this program, as the guest sees it */
	const char *scratch; /* a directory that the row may write to */
	const char *prefix;  /* goes before every path into the rootfs; "" inside a container */
	int fd;
	int listener;
	char path[2][PATH_MAX];
	pid_t children[MAX_CHILDREN]; /* killed and waited for after the row's teardown */
	int child_count;
	char why[160]; /* what went wrong, when an errno does not say it */
};

/* setup, run and teardown return nothing of their own: run does its operation n times. All return
 * 0 or -errno, with scene.why filled when there is more to say. setup and teardown may be NULL.
 * teardown follows every setup, a failed one too. */
struct row {
	const char *name;
	enum row_kind kind;
	bool slow;   /* left out by --quick */
	int threads; /* that share the n operations of a run; 0 is one. run only reads the scene then */
	int (*setup)(struct scene *scene);
	int (*run)(struct scene *scene, long n);
	void (*teardown)(struct scene *scene);
	const char *program; /* ROW_COMMAND: must exist in the rootfs, or the row is skipped */
	const char *needs;   /* ROW_COMMAND: a file that must exist as well, or NULL */
	const char *prepare; /* ROW_COMMAND: a script that goes before each measurement, untimed, or NULL */
	const char *script;  /* ROW_COMMAND: for sh -c, with $S the scratch and $P the prefix */
};

/* The tables that rows.c makes one of. */
extern const struct row call_rows[], process_rows[], command_rows[];
extern const size_t call_row_count, process_row_count, command_row_count;

/* NULL behind the last one. */
const struct row *row_at(size_t index);
/* The row of that name, or of that index in digits; NULL when there is none. */
const struct row *row_find(const char *name);

int row_setup(const struct row *row, struct scene *scene);
int row_run(const struct row *row, struct scene *scene, long n);
void row_teardown(const struct row *row, struct scene *scene);

/* calls.c: stat(scene.path[0]), n times */
int call_stat(struct scene *scene, long n);
/* processes.c: runs argv to its end; an exit code other than 0 is -ECHILD with scene.why. */
int scene_spawn(struct scene *scene, char *const argv[], char *const envp[]);

#endif
