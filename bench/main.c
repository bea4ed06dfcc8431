// SPDX-License-Identifier: Apache-2.0
/* bench/driver: runs the micro table of every column, interleaved, and reports it.
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
 *
 * bench/run compiles this, makes bench_dir, and removes it.
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

static const char help[] =
	"Usage: bench/run [options]\n"
	"Times system calls and commands in every column on one rootfs: ratios to native.\n\n"
	"  --rootfs DIR     root filesystem to use; it is not changed\n"
	"  --amphora FILE   amphora's binary (build/amphora, build/release/amphora)\n"
	"  --proot FILE     the proot to compare with ($PROOT, or proot in $PATH)\n"
	"  --columns LIST   of native,ns,ptrace,fast,proot,bwrap\n"
	"  --rows REGEX     only rows whose name matches; start-up is the row `start`\n"
	"  --rounds N       rounds to take the median of (7)\n"
	"  --budget MS      milliseconds for one figure (20)\n"
	"  --quick          2 rounds of 3 ms, without the slowest rows\n"
	"  --pin            everything on one CPU\n"
	"  --json FILE      where to write the figures (build/bench/bench.json)\n";

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

/* Asks micro which rows there are. */
static int read_rows(struct run *run)
{
	char command[PATH_MAX + 16], line[64];
	int kind, slow, at, index = 0;

	snprintf(command, sizeof(command), "'%s/micro' list", run->options.bench_dir);
	FILE *pipe = popen(command, "re");

	while (pipe && fgets(line, sizeof(line), pipe)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%d %d %n", &kind, &slow, &at) == 2 && run->row_count < MAX_ROWS &&
		    row_selected(&run->options, line + at, slow)) {
			struct row_result *row = &run->rows[run->row_count++];

			snprintf(row->name, sizeof(row->name), "%.31s", line + at);
			row->index = index;
			row->kind = (enum row_kind)kind;
		}
		index++;
	}
	return pipe && pclose(pipe) == 0 && index > 0 ? 0 : -1;
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

static void prepare_columns(struct run *run)
{
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

		if (column_works(column) && !row->cells[c].failed && !impossible)
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
			snprintf(cell->why, sizeof(cell->why), "%.120s", column->why);
			column->why[0] = '\0';
		} else if (round >= 0) {
			cell->median_ns[cell->rounds] = median_of(ns, starts);
			cell->min_ns[cell->rounds++] = min_of(ns, starts);
		}
	}
}

static void measure_round(struct run *run, int round)
{
	for (int c = 0; c < run->column_count; c++)
		if (column_works(&run->columns[c]))
			column_start(&run->columns[c], &run->options);
	for (int i = 0; i < run->row_count; i++)
		measure_row(run, &run->rows[i], round);
	for (int c = 0; c < run->column_count; c++)
		column_stop(&run->columns[c]);
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
			    !cell_usable(run, row, c))
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

static int parse_options(int argc, char **argv, struct options *options)
{
	enum { ROOTFS = 1, AMPHORA, PEER_PROOT, COLUMNS, ROWS, ROUNDS, BUDGET, QUICK, PIN, JSON,
	       BENCH_DIR };
	static const struct option names[] = {
		{ "rootfs", required_argument, NULL, ROOTFS },
		{ "amphora", required_argument, NULL, AMPHORA },
		{ "proot", required_argument, NULL, PEER_PROOT },
		{ "columns", required_argument, NULL, COLUMNS },
		{ "rows", required_argument, NULL, ROWS },
		{ "rounds", required_argument, NULL, ROUNDS },
		{ "budget", required_argument, NULL, BUDGET },
		{ "quick", no_argument, NULL, QUICK },
		{ "pin", no_argument, NULL, PIN },
		{ "json", required_argument, NULL, JSON },
		{ "bench-dir", required_argument, NULL, BENCH_DIR },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *proot = getenv("PROOT");
	int rounds = 0;
	double budget_ms = 0;

	*options = (struct options){ .amphora = "", .rootfs = "", .bench_dir = "",
				     .proot = proot && proot[0] ? proot : "proot" };
	for (int letter; (letter = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
		switch (letter) {
		case ROOTFS: options->rootfs = optarg; break;
		case AMPHORA: options->amphora = optarg; break;
		case PEER_PROOT: options->proot = optarg; break;
		case COLUMNS: options->column_list = optarg; break;
		case ROWS: options->row_pattern = optarg; break;
		case ROUNDS: rounds = atoi(optarg); break;
		case BUDGET: budget_ms = strtod(optarg, NULL); break;
		case QUICK: options->quick = true; break;
		case PIN: options->pin = true; break;
		case JSON: options->json = optarg; break;
		case BENCH_DIR: options->bench_dir = optarg; break;
		case 'h': fputs(help, stdout); exit(0);
		default: fputs(help, stderr); return -1;
		}
	}
	options->rounds = rounds > 0 ? rounds : options->quick ? 2 : 7;
	if (options->rounds > MAX_ROUNDS)
		options->rounds = MAX_ROUNDS;
	options->budget_us = (long)(1000 * (budget_ms > 0 ? budget_ms : options->quick ? 3 : 20));
	return 0;
}

static int fail(const char *what, const char *hint)
{
	fprintf(stderr, "bench: %s; %s\n", what, hint);
	return 1;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct options *options = &run.options;

	if (argc > 1 && strcmp(argv[1], "native") == 0)
		return native_main(argc - 1, argv + 1);
	if (parse_options(argc, argv, options) < 0)
		return 2;
	if (!options->bench_dir[0] || !realpath("/proc/self/exe", options->self))
		return fail("no bench directory", "start this through bench/run");
	if (!column_list_valid(options->column_list))
		return fail("--columns names an unknown column", "see bench/run --help");
	if (find_guest_dir(options) < 0)
		return fail("the rootfs has none of /mnt, /media, /srv, /opt, /tmp",
			    "make one of them");
	if (read_rows(&run) < 0)
		return fail("micro does not run", "see bench/run");
	if (options->row_pattern && run.row_count == 0 && !row_selected(options, "start", false))
		return fail("--rows matches nothing", "`build/bench/micro list` shows the names");
	signal(SIGPIPE, SIG_IGN);
	if (options->pin)
		pin_to_one_cpu();
	snprintf(run.startup.name, sizeof(run.startup.name), "start /bin/true");
	run.startup.index = -1;
	environment_read(&run.environment, options->rootfs);
	prepare_columns(&run);
	for (int round = -1; round < options->rounds; round++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %d of %d ", round + 1, options->rounds);
		measure_round(&run, round);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r                  \r");
	count_stops(&run);
	environment_read_load(run.environment.load_after);
	report_print(&run, stdout);
	if (options->json && json_write(&run, options->json) < 0)
		return fail("can't write the JSON file", options->json);
	return 0;
}
