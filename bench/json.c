// SPDX-License-Identifier: Apache-2.0
/* The run as JSON: everything the table says and every round behind it. */
#include "bench/bench.h"

#include <errno.h>
#include <string.h>

static void write_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void write_member(FILE *out, const char *key, const char *value)
{
	write_string(out, key);
	fputs(": ", out);
	write_string(out, value);
	fputs(", ", out);
}

static void write_numbers(FILE *out, const char *key, const double *values, int count)
{
	fprintf(out, "\"%s\": [", key);
	for (int i = 0; i < count; i++)
		fprintf(out, "%s%.2f", i ? ", " : "", values[i]);
	fputs("]", out);
}

static void write_environment(const struct run *run, FILE *out)
{
	const struct environment *environment = &run->environment;
	const struct options *options = &run->options;

	fputs("  \"environment\": { ", out);
	write_member(out, "date", environment->date);
	write_member(out, "kernel", environment->kernel);
	write_member(out, "machine", environment->machine);
	write_member(out, "cpu", environment->cpu);
	write_member(out, "rootfs", options->rootfs);
	write_member(out, "rootfs_type", environment->rootfs_type);
	fprintf(out, "\"cpu_count\": %ld, \"uid\": %u, ", environment->cpu_count, environment->uid);
	write_numbers(out, "load_before", environment->load_before, 3);
	fputs(", ", out);
	write_numbers(out, "load_after", environment->load_after, 3);
	fprintf(out, ", \"rounds\": %d, \"budget_us\": %ld, \"quick\": %s, \"pinned\": %s },\n",
		options->rounds, options->budget_us, options->quick ? "true" : "false",
		options->pin ? "true" : "false");
}

static void write_columns(const struct run *run, FILE *out)
{
	const char *separator = "";

	fputs("  \"columns\": [\n", out);
	for (int c = 0; c < run->column_count; c++) {
		const struct column *column = &run->columns[c];

		if (!column->selected)
			continue;
		fprintf(out, "%s    { ", separator);
		write_member(out, "name", column->name);
		write_member(out, "title", column->title);
		write_member(out, "version", column->version);
		write_member(out, "unavailable", column->why);
		fputs("\"command\": [", out);
		for (int i = 0; column->command[i] && !column->on_host; i++) {
			fputs(i ? ", " : "", out);
			write_string(out, column->command[i]);
		}
		fputs("] }", out);
		separator = ",\n";
	}
	fputs("\n  ],\n", out);
}

static void write_cell(const struct run *run, const struct row_result *row, int c, int base,
		       FILE *out)
{
	const struct cell *cell = &row->cells[c];

	write_string(out, run->columns[c].name);
	if (!cell_usable(run, row, c)) {
		fputs(": { \"failed\": ", out);
		write_string(out, cell->failed ? cell->why : run->columns[c].why);
		fputs(" }", out);
		return;
	}
	fprintf(out, ": { \"median_ns\": %.2f, \"min_ns\": %.2f, ",
		median_of(cell->median_ns, cell->rounds), min_of(cell->min_ns, cell->rounds));
	if (cell_usable(run, row, base)) {
		struct ratios ratios = cell_ratios(cell, &row->cells[base]);

		fprintf(out, "\"ratio\": %.4f, \"spread\": %.4f, \"ratio_of_minima\": %.4f, ",
			ratios.median, ratios.spread, ratios.of_minima);
	}
	if (cell->stops >= 0)
		fprintf(out, "\"stops\": %.4f, ", cell->stops);
	write_numbers(out, "rounds_median_ns", cell->median_ns, cell->rounds);
	fputs(", ", out);
	write_numbers(out, "rounds_min_ns", cell->min_ns, cell->rounds);
	fputs(" }", out);
}

static void write_row(const struct run *run, const struct row_result *row, int base, FILE *out)
{
	static const char *const kinds[] = {
		[ROW_CALL] = "call", [ROW_PROCESS] = "process", [ROW_COMMAND] = "command"
	};
	const char *separator = "";

	fputs("{ ", out);
	write_member(out, "name", row->name);
	write_member(out, "kind", kinds[row->kind]);
	if (row->mounts)
		fprintf(out, "\"mounts\": %d, ", row->mounts);
	write_member(out, "ratio_to", base >= 0 ? run->columns[base].name : "");
	fputs("\"cells\": {\n", out);
	for (int c = 0; c < run->column_count; c++) {
		if (!run->columns[c].selected)
			continue;
		fprintf(out, "%s      ", separator);
		write_cell(run, row, c, base, out);
		separator = ",\n";
	}
	fputs(" } }", out);
}

static void write_memory(const struct run *run, FILE *out)
{
	const char *separator = "";

	fputs(",\n  \"memory\": {", out);
	for (int c = 0; c < run->column_count; c++) {
		const struct column *column = &run->columns[c];

		if (column->memory_kib <= 0 || strcmp(column->name, "native") == 0)
			continue;
		fprintf(out, "%s ", separator);
		write_string(out, column->name);
		fprintf(out, ": { \"peak_kib\": %ld }", column->memory_kib);
		separator = ",";
	}
	fputs(" }", out);
}

int json_write(const struct run *run, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	fputs("{\n  \"amphora_bench\": 1,\n", out);
	write_environment(run, out);
	write_columns(run, out);
	fputs("  \"rows\": [\n", out);
	for (int i = 0; i < run->row_count; i++) {
		fputs("    ", out);
		write_row(run, &run->rows[i], find_column(run, "native"), out);
		fputs(i + 1 < run->row_count ? ",\n" : "\n", out);
	}
	fputs("  ],\n  \"startup\": ", out);
	write_row(run, &run->startup, find_column(run, "bwrap"), out);
	write_memory(run, out);
	fputs("\n}\n", out);
	bool failed = ferror(out) != 0;

	return fclose(out) != 0 || failed ? -EIO : 0;
}
