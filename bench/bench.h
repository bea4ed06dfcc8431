// SPDX-License-Identifier: Apache-2.0
/* `amphora bench`: columns, rows, the figures of a run.
 *
 * Functions that can fail return 0 or -1 and leave a sentence in column.why; a column or a row that can't be
 * measured is part of the result.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/rows.h"
#include "core/base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define MAX_COLUMNS 8
#define MAX_ROWS 80
#define MAX_ROUNDS 101
#define MAX_ARGUMENTS 384
#define MICRO_NAME "amphora-micro" /* of the program inside, in bench_dir and in /proc */

/* Paths and settings of a run: written before anything starts, then only read. */
struct options {
	const char *amphora;   /* path of the binary; "" when none was built */
	const char *proot;     /* the proot to compare with: a name in $PATH or a path */
	const char *rootfs;    /* host path */
	const char *bench_dir; /* host path: holds micro and one scratch directory a column */
	char guest_dir[PATH_MAX]; /* where bench_dir is in every container, e.g. /mnt */
	char self[PATH_MAX];      /* this program */
	const char *row_pattern;  /* extended regular expression, or NULL for every row */
	const char *column_list;  /* comma-separated names, or NULL for every column */
	const char *json;         /* file to write */
	int rounds;
	long budget_us; /* for one measurement: a row in a column in a round */
	bool quick;
	bool programs; /* whole programs too */
	bool pin; /* everything on one CPU */
};

struct column {
	const char *name;  /* for --columns and JSON */
	const char *title; /* for the table */
	const char *program; /* %-template of what must be installed; NULL when it isn't a peer */
	/* The command line up to the program to run inside. %A amphora, %P proot, %R rootfs,
	 * %B bench_dir, %G guest_dir, %S the driver itself. */
	const char *command[24];
	/* One more bind mount: words like command's. The last one ends in a number of ours. */
	const char *mount[4];
	bool has_stops; /* understands AMPHORA_STATS */

	bool selected;
	char why[256];     /* why there are no figures; "" while there are */
	char version[64];
	bool on_host; /* native only: no chroot allowed, hence rootfs paths by prefix */

	int mounts;	 /* how many more there are where it starts next */
	long memory_kib; /* the most that its processes held, or 0 */
	pid_t pid; /* of the running server, or 0 */
	int to_server;
	int from_server;
};

/* The figures of a row in a column: ns per operation, one entry a round. */
struct cell {
	int rounds; /* entries that are filled */
	double median_ns[MAX_ROUNDS];
	double min_ns[MAX_ROUNDS];
	double stops; /* ptrace stops per operation; negative when not known */
	bool failed;
	char why[128];
};

struct row_result {
	char name[32];
	int index; /* in micro's table; -1 for the start-up row */
	enum row_kind kind;
	bool slow;
	int mounts; /* that there are besides; 0: as the column has them */
	struct cell cells[MAX_COLUMNS];
};

struct environment {
	char kernel[132], machine[65], cpu[96], date[32], rootfs_type[24];
	long cpu_count;
	double load_before[3], load_after[3];
	unsigned int uid;
};

struct run {
	struct options options;
	struct column columns[MAX_COLUMNS];
	int column_count;
	struct row_result rows[MAX_ROWS];
	int row_count;
	struct row_result startup; /* whole command, ns, /bin/true of the rootfs */
	struct environment environment;
};

extern const struct column column_table[];
extern const int column_table_count;

/* column.c: starting programs in a column */
int column_prepare(struct column *column, const struct options *options);
int column_start(struct column *column, const struct options *options);
void column_stop(struct column *column);
/* Asks the server of the column, which is started when it does not run. -1 when the row failed,
 * with the reason in cell->why. */
int column_measure(struct column *column, const struct options *options, int row_index,
		   long budget_us, struct cell *cell, int round);
/* Runs /bin/true once, from fork to exit. */
int column_time_true(struct column *column, const struct options *options, double *ret_ns);
/* Stops per operation of a row by the difference between runs of n and of 0 operations. */
int column_count_stops(struct column *column, const struct options *options, int row_index, long n,
		       double *ret_stops);

/* memory.c: KiB, of the processes below root, root's own among them, without micro's */
long memory_peak_kib(pid_t root);

/* rounds.c: measures everything that options ask for. Other errors than a column's or a row's: -EINVAL. */
int bench_run(struct run *run, struct error *err);

/* micro.c: the program inside the columns, by the name MICRO_NAME */
int micro_main(int argc, char **argv);

/* native.c: `amphora bench native`, which becomes the command inside a chroot */
int native_main(int argc, char **argv);

/* environment.c */
void environment_read(struct environment *environment, const char *rootfs);
void environment_read_load(double ret_load[3]);

/* report.c, json.c */
double median_of(const double *values, int count);
double min_of(const double *values, int count);
/* A column's times as ratios to another column's, of the same row. */
struct ratios {
	double median;	  /* over rounds of the ratio in the same round */
	double spread;	  /* half the distance between the quartiles of those, as a part of the median */
	double of_minima; /* the best time of all rounds, over the best of the other's */
};
struct ratios cell_ratios(const struct cell *cell, const struct cell *base);
int find_column(const struct run *run, const char *name);
bool cell_usable(const struct run *run, const struct row_result *row, int column);
void report_print(const struct run *run, FILE *out);
int json_write(const struct run *run, const char *path);

#endif
