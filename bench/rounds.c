// SPDX-License-Identifier: Apache-2.0
/* The order in which everything is measured: every column, interleaved.
 *
 * Theory of operation
 *
 * One round starts a server (micro.c) in every column, then takes the rows in order, and for each
 * row asks every column in turn; the column that goes first changes with the round. A ratio is made
 * from two figures of one round, taken milliseconds apart, and the table shows the median of these
 * over the rounds: a load that comes and goes touches both figures, and an outlier touches one
 * round. An extra round before the first fills the caches and finds what fails; its figures are
 * dropped.
 *
 * Start-up is measured from outside, as whole commands. Stops are counted last, in runs of their
 * own, since counting needs containers that do one row and nothing else.
 */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOW_ROUNDS 3

static bool row_selected(const struct options *options, const char *name, bool slow)
{
	regex_t pattern;

	if (!options->row_pattern)
		return !(slow && options->quick);
	if (regcomp(&pattern, options->row_pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool matches = regexec(&pattern, name, 0, NULL, 0) == 0;

	regfree(&pattern);
	return matches;
}

static bool column_selected(const char *list, const char *name)
{
	size_t length = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* Every name in the list is a column's. */
static bool column_list_valid(const char *list)
{
	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL) {
		size_t length = strcspn(at, ",");
		bool known = false;

		for (int i = 0; i < column_table_count; i++)
			known |= strlen(column_table[i].name) == length &&
				 strncmp(column_table[i].name, at, length) == 0;
		if (!known)
			return false;
	}
	return true;
}

static void add_row(struct run *run, const char *name, const struct row_result *like)
{
	if (run->row_count >= MAX_ROWS || !row_selected(&run->options, name, like->slow))
		return;
	struct row_result *row = &run->rows[run->row_count++];

	*row = *like;
	snprintf(row->name, sizeof(row->name), "%.31s", name);
}

/* Rows once more, with more mounts: a row each for every number of these. */
static const int mount_counts[] = { 10, 100 };
#define MOUNT_COUNTS ((int)(sizeof(mount_counts) / sizeof(mount_counts[0])))

static void add_mount_rows(struct run *run, const char *name, const struct row_result *row)
{
	struct row_result more = *row;
	char text[32];

	for (int i = 0; i < MOUNT_COUNTS; i++) {
		more.mounts = mount_counts[i];
		snprintf(text, sizeof(text), "%.16s, %d mounts", name, more.mounts);
		add_row(run, text, &more);
	}
}

static void read_rows(struct run *run)
{
	const struct row *row;

	for (int i = 0; (row = row_at((size_t)i)); i++) {
		struct row_result result = { .index = i, .kind = row->kind, .slow = row->slow };

		if (row->kind != ROW_COMMAND || run->options.programs || run->options.row_pattern)
			add_row(run, row->name, &result);
		if (strcmp(row->name, "stat") == 0)
			add_mount_rows(run, "stat", &result);
		if (strcmp(row->name, "open+close") == 0)
			add_mount_rows(run, "open", &result);
	}
}

/* A directory that every rootfs has and hardly one uses: the bench directory goes over it. */
static int find_guest_dir(struct options *options)
{
	static const char *const candidates[] = { "/mnt", "/media", "/srv", "/opt", "/tmp" };
	char path[PATH_MAX];
	struct stat status;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", options->rootfs, candidates[i]);
		if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
			snprintf(options->guest_dir, sizeof(options->guest_dir), "%s",
				 candidates[i]);
			return 0;
		}
	}
	return -1;
}

static void make_scratch(const struct column *column, const struct options *options)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", options->bench_dir, column->name);
	/* A container's root may be another uid out here. */
	if (mkdir(path, 0777) == 0 && chmod(path, 0777) < 0)
		perror(path);
}

/* Where the mounts of add_mount_rows() go. */
static void make_mount_points(const struct options *options)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/empty", options->bench_dir);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/mounts", options->bench_dir);
	mkdir(path, 0777);
	for (int i = 0; i < mount_counts[MOUNT_COUNTS - 1]; i++) {
		snprintf(path, sizeof(path), "%s/mounts/%d", options->bench_dir, i);
		mkdir(path, 0777);
	}
}

static void prepare_columns(struct run *run)
{
	make_mount_points(&run->options);
	for (int i = 0; i < column_table_count && i < MAX_COLUMNS; i++) {
		struct column *column = &run->columns[run->column_count++];

		*column = column_table[i];
		column->selected = column_selected(run->options.column_list, column->name);
		if (!column->selected)
			continue;
		make_scratch(column, &run->options);
		column_prepare(column, &run->options);
	}
}

static bool column_works(const struct column *column)
{
	return column->selected && !column->why[0];
}

/* Whole programs take seconds: few rounds, and only native's run to warm up. */
static bool row_sits_out(const struct row_result *row, int round, bool is_native)
{
	return row->slow && row->kind == ROW_COMMAND &&
	       (round >= SLOW_ROUNDS || (round < 0 && !is_native));
}

static void measure_row(struct run *run, struct row_result *row, int round)
{
	int native = find_column(run, "native");
	long budget_us = round < 0 ? 100 : run->options.budget_us;

	for (int i = 0; i < run->column_count; i++) {
		/* The warm-up asks native first: a row that it can't run is left out everywhere. */
		int c = (i + (round < 0 ? 0 : round)) % run->column_count;
		struct column *column = &run->columns[c];
		bool impossible = column_works(&run->columns[native]) &&
				  row->cells[native].failed;

		/* Native needs no mounts to be compared with; a peer that we don't know how to give them does. */
		if (row->mounts && !column->mount[0] && c != native)
			continue;
		if (column_works(column) && !row->cells[c].failed && !impossible &&
		    !row_sits_out(row, round, c == native))
			column_measure(column, &run->options, row->index, budget_us,
				       &row->cells[c], round);
	}
}

static void measure_startup(struct run *run, int round)
{
	const int starts = run->options.quick ? 2 : 5;
	double ns[8];

	for (int c = 0; c < run->column_count; c++) {
		struct column *column = &run->columns[c];
		struct cell *cell = &run->startup.cells[c];
		int done = 0;

		if (!column_works(column) || cell->failed)
			continue;
		while (done < starts && column_time_true(column, &run->options, &ns[done]) == 0)
			done++;
		if (done < starts) {
			cell->failed = true;
			memcpy(cell->why, column->why, strnlen(column->why, sizeof(cell->why) - 1) + 1);
			cell->why[sizeof(cell->why) - 1] = '\0';
			column->why[0] = '\0';
		} else if (round >= 0) {
			cell->median_ns[cell->rounds] = median_of(ns, starts);
			cell->min_ns[cell->rounds++] = min_of(ns, starts);
		}
	}
}

/* The rows with so many mounts, between a start and an end of all servers. */
static void measure_rows(struct run *run, int mounts, int round)
{
	bool any = false;

	for (int i = 0; i < run->row_count; i++)
		any |= run->rows[i].mounts == mounts;
	if (!any)
		return;
	for (int c = 0; c < run->column_count; c++) {
		struct column *column = &run->columns[c];

		column->mounts = mounts;
		if (column_works(column))
			column_start(column, &run->options);
	}
	for (int i = 0; i < run->row_count; i++)
		if (run->rows[i].mounts == mounts)
			measure_row(run, &run->rows[i], round);
	for (int c = 0; c < run->column_count; c++) {
		struct column *column = &run->columns[c];
		long kib = column->pid > 0 && mounts == 0 ? memory_peak_kib(column->pid) : 0;

		column->memory_kib = kib > column->memory_kib ? kib : column->memory_kib;
		column_stop(column);
	}
}

static void measure_round(struct run *run, int round)
{
	measure_rows(run, 0, round);
	for (int i = 0; i < MOUNT_COUNTS; i++)
		measure_rows(run, mount_counts[i], round);
	for (int c = 0; c < run->column_count; c++)
		run->columns[c].mounts = 0;
	if (row_selected(&run->options, "start", false))
		measure_startup(run, round);
}

static void count_stops(struct run *run)
{
	static const long operations[] = {
		[ROW_CALL] = 1000, [ROW_PROCESS] = 20, [ROW_COMMAND] = 1
	};

	for (int c = 0; c < run->column_count; c++) {
		struct column *column = &run->columns[c];

		for (int i = 0; i < run->row_count; i++) {
			struct row_result *row = &run->rows[i];
			struct cell *cell = &row->cells[c];

			cell->stops = -1;
			if (!column->has_stops || !column_works(column) ||
			    !cell_usable(run, row, c) || row->mounts)
				continue;
			if (column_count_stops(column, &run->options, row->index,
					       operations[row->kind], &cell->stops) < 0)
				break;
		}
	}
}

static void pin_to_one_cpu(void)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
			return;
		}
	}
}

int bench_run(struct run *run, struct error *err)
{
	struct options *options = &run->options;

	if (!column_list_valid(options->column_list))
		return error_plain(err, "--columns names an unknown column: %s", options->column_list);
	if (find_guest_dir(options) < 0) {
		error_plain(err, "%s has none of /mnt, /media, /srv, /opt, /tmp", options->rootfs);
		error_hint(err, "make one of them");
		return -EINVAL;
	}
	read_rows(run);
	if (options->row_pattern && run->row_count == 0 && !row_selected(options, "start", false))
		return error_plain(err, "--rows matches nothing: %s", options->row_pattern);
	signal(SIGPIPE, SIG_IGN);
	if (options->pin)
		pin_to_one_cpu();
	snprintf(run->startup.name, sizeof(run->startup.name), "start /bin/true");
	run->startup.index = -1;
	environment_read(&run->environment, options->rootfs);
	prepare_columns(run);
	for (int round = -1; round < options->rounds; round++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %d of %d ", round + 1, options->rounds);
		measure_round(run, round);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r                  \r");
	count_stops(run);
	environment_read_load(run->environment.load_after);
	return 0;
}
