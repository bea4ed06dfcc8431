// SPDX-License-Identifier: Apache-2.0
/* The table that a person reads: one row an operation, ratios to native, within 100 columns. */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 19

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Between two neighbours in proportion. */
static double quantile_of(const double *values, int count, double share)
{
	double sorted[MAX_ROUNDS];

	if (count <= 0)
		return 0;
	memcpy(sorted, values, (size_t)count * sizeof(double));
	qsort(sorted, (size_t)count, sizeof(double), compare_doubles);
	double at = share * (count - 1);
	int low = (int)at, high = low + 1 < count ? low + 1 : low;

	return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

double median_of(const double *values, int count)
{
	return quantile_of(values, count, 0.5);
}

double min_of(const double *values, int count)
{
	double least = count > 0 ? values[0] : 0;

	for (int i = 1; i < count; i++)
		if (values[i] < least)
			least = values[i];
	return least;
}

struct ratios cell_ratios(const struct cell *cell, const struct cell *base)
{
	double ratios[MAX_ROUNDS];
	int rounds = cell->rounds < base->rounds ? cell->rounds : base->rounds;

	for (int i = 0; i < rounds; i++)
		ratios[i] = cell->median_ns[i] / base->median_ns[i];
	double between = quantile_of(ratios, rounds, 0.75) - quantile_of(ratios, rounds, 0.25);
	double median = median_of(ratios, rounds);

	return (struct ratios){
		.median = median,
		.spread = median > 0 ? between / 2 / median : 0,
		.of_minima = min_of(cell->min_ns, cell->rounds) / min_of(base->min_ns, base->rounds),
	};
}

int find_column(const struct run *run, const char *name)
{
	for (int i = 0; i < run->column_count; i++)
		if (strcmp(run->columns[i].name, name) == 0)
			return i;
	return -1;
}

bool cell_usable(const struct run *run, const struct row_result *row, int column)
{
	return column >= 0 && run->columns[column].selected && !row->cells[column].failed &&
	       row->cells[column].rounds > 0;
}

/* One that does not work at all has a footnote and no room. */
static bool column_shown(const struct run *run, int column)
{
	return run->columns[column].selected && !run->columns[column].why[0];
}

struct text {
	char s[24];
};

static struct text time_text(double ns)
{
	struct text text;

	if (ns < 1e3)
		snprintf(text.s, sizeof(text.s), "%.0fns", ns);
	else if (ns < 1e6)
		snprintf(text.s, sizeof(text.s), "%.2fus", ns / 1e3);
	else if (ns < 1e9)
		snprintf(text.s, sizeof(text.s), "%.2fms", ns / 1e6);
	else
		snprintf(text.s, sizeof(text.s), "%.2fs", ns / 1e9);
	return text;
}

static struct text ratio_text(double ratio)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "%.*fx", ratio < 10 ? 2 : ratio < 100 ? 1 : 0, ratio);
	return text;
}

static struct text spread_text(double spread)
{
	struct text text;

	snprintf(text.s, sizeof(text.s), "+-%.0f%%", 100 * spread);
	return text;
}

static void print_heading(const struct run *run, int native, FILE *out)
{
	fprintf(out, "\n%-*s", NAME_WIDTH, "");
	for (int c = 0; c < run->column_count; c++) {
		const struct column *column = &run->columns[c];

		if (!column_shown(run, c))
			continue;
		if (c == native)
			fprintf(out, " %8s", column->title);
		else
			fprintf(out, " %15s", column->title);
		if (column->has_stops)
			fprintf(out, " %6s", "stops");
	}
	fprintf(out, "\n%-*s", NAME_WIDTH, "");
	for (int c = 0; c < run->column_count; c++) {
		if (!column_shown(run, c))
			continue;
		if (c == native)
			fprintf(out, " %8s", "one op");
		else
			fprintf(out, "  %7s %6s", native >= 0 ? "median" : "one op", "");
		if (run->columns[c].has_stops)
			fprintf(out, " %6s", "per op");
	}
	fprintf(out, "\n");
}

/* The ratio to base and its spread, or the time and nothing when there is nothing to compare with. */
static void print_cell(const struct run *run, const struct row_result *row, int column, int base,
		       FILE *out)
{
	const struct cell *cell = &row->cells[column];
	if (!cell_usable(run, row, column)) {
		fprintf(out, "  %7s %6s", "n/a", "");
	} else if (!cell_usable(run, row, base)) {
		fprintf(out, "  %7s %6s",
			time_text(median_of(cell->median_ns, cell->rounds)).s, "");
	} else {
		struct ratios ratios = cell_ratios(cell, &row->cells[base]);

		fprintf(out, "  %7s %6s", ratio_text(ratios.median).s, spread_text(ratios.spread).s);
	}
}

static void print_row(const struct run *run, const struct row_result *row, int native, FILE *out)
{
	fprintf(out, "%-*s", NAME_WIDTH, row->name);
	for (int c = 0; c < run->column_count; c++) {
		const struct cell *cell = &row->cells[c];

		if (!column_shown(run, c))
			continue;
		if (c != native)
			print_cell(run, row, c, native, out);
		else if (cell_usable(run, row, c))
			fprintf(out, " %8s", time_text(median_of(cell->median_ns, cell->rounds)).s);
		else
			fprintf(out, " %8s", "n/a");
		if (run->columns[c].has_stops && cell->stops >= 0)
			fprintf(out, " %6.*f", cell->stops < 100 ? 2 : 0, cell->stops);
		else if (run->columns[c].has_stops)
			fprintf(out, " %6s", "-");
	}
	fprintf(out, "\n");
}

/* Start-up is a whole command, so the peer is bubblewrap: the time, and the ratio to it. */
static void print_startup(const struct run *run, int native, FILE *out)
{
	const struct row_result *row = &run->startup;
	int bwrap = find_column(run, "bwrap");
	bool measured = false;

	for (int c = 0; c < run->column_count; c++)
		measured |= cell_usable(run, row, c);
	if (!measured)
		return;
	fprintf(out, "\n%-*s", NAME_WIDTH, row->name);
	for (int c = 0; c < run->column_count; c++) {
		const struct cell *cell = &row->cells[c];
		struct text time = { "n/a" }, ratio = { "" };
		if (!column_shown(run, c))
			continue;
		if (cell_usable(run, row, c)) {
			time = time_text(median_of(cell->median_ns, cell->rounds));
			if (cell_usable(run, row, bwrap))
				ratio = ratio_text(cell_ratios(cell, &row->cells[bwrap]).median);
		}
		if (c == native)
			fprintf(out, " %8s", time.s);
		else
			fprintf(out, " %8s %6s", time.s, ratio.s);
		if (run->columns[c].has_stops)
			fprintf(out, " %6s", "");
	}
	fprintf(out, "\n%-*s the whole command: time, and its ratio to bubblewrap's\n", NAME_WIDTH, "");
}

static void print_memory(const struct run *run, int native, FILE *out)
{
	bool measured = false;

	for (int c = 0; c < run->column_count; c++)
		measured |= c != native && run->columns[c].memory_kib > 0;
	if (!measured)
		return;
	fprintf(out, "%-*s", NAME_WIDTH, "peak memory");
	for (int c = 0; c < run->column_count; c++) {
		const struct column *column = &run->columns[c];

		if (!column_shown(run, c))
			continue;
		if (c == native)
			fprintf(out, " %8s", "");
		else if (column->memory_kib > 0)
			fprintf(out, " %5.1f MiB %5s", (double)column->memory_kib / 1024, "");
		else
			fprintf(out, " %8s %6s", "n/a", "");
		if (column->has_stops)
			fprintf(out, " %6s", "");
	}
	fprintf(out, "\n%-*s what the processes beside the program have held\n", NAME_WIDTH, "");
}

static void print_footnotes(const struct run *run, int native, FILE *out)
{
	for (int c = 0; c < run->column_count; c++) {
		const struct column *column = &run->columns[c];

		if (column->selected && column->why[0])
			fprintf(out, "n/a: %s: %s\n", column->title, column->why);
		if (column->selected && column->on_host)
			fprintf(out, "native: chroot is not allowed here, hence the host's "
				     "programs on paths under the rootfs\n");
	}
	if (native >= 0 && !run->columns[native].on_host && run->environment.uid != 0)
		fprintf(out, "native: chroot in a user namespace, which a plain user may make\n");
	for (int i = 0; i <= run->row_count; i++) {
		const struct row_result *row = i < run->row_count ? &run->rows[i] : &run->startup;

		for (int c = 0; c < run->column_count; c++) {
			if (!row->cells[c].failed || run->columns[c].why[0])
				continue;
			fprintf(out, "n/a: %s, %s: %s\n", row->name, run->columns[c].title,
				row->cells[c].why);
		}
	}
}

static void print_environment(const struct run *run, FILE *out)
{
	const struct environment *environment = &run->environment;

	fprintf(out, "%s %s, %s, %ld CPUs, load %.2f before and %.2f after\n", environment->kernel,
		environment->machine, environment->cpu, environment->cpu_count,
		environment->load_before[0], environment->load_after[0]);
	fprintf(out, "rootfs %s on %s, uid %u, %d rounds of %.1f ms a figure%s\n",
		run->options.rootfs, environment->rootfs_type, environment->uid,
		run->options.rounds, (double)run->options.budget_us / 1e3,
		run->options.pin ? ", all on one CPU" : "");
	for (int c = 0; c < run->column_count; c++)
		if (run->columns[c].selected && run->columns[c].version[0])
			fprintf(out, "%s: %s\n", run->columns[c].title, run->columns[c].version);
	if (environment->load_before[0] > 0.5 * (double)environment->cpu_count)
		fprintf(out, "The machine was busy before this began: read ratios, not times.\n");
}

void report_print(const struct run *run, FILE *out)
{
	int native = find_column(run, "native");

	if (native >= 0 && (!run->columns[native].selected || run->columns[native].why[0]))
		native = -1;
	print_environment(run, out);
	print_heading(run, native, out);
	for (int i = 0; i < run->row_count; i++)
		if (native < 0 || !run->rows[i].cells[native].failed)
			print_row(run, &run->rows[i], native, out);
	print_startup(run, native, out);
	print_memory(run, native, out);
	print_footnotes(run, native, out);
}
