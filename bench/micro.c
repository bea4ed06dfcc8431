// SPDX-License-Identifier: Apache-2.0
/* Times rows inside a container. The program is amphora itself by the name of amphora-micro, or, for
 * bench/run, a small one of its own; static, so that any rootfs can run it.
 *
 * Theory of operation
 *
 * rounds.c starts `micro serve` once per column and round, and leaves all of them waiting on
 * their standard inputs. It then asks one column after the other for the same row, so that what is
 * compared was measured within the same few milliseconds. All timing happens in here, by one
 * clock, away from whatever the sandbox does to pipes.
 *
 *	asked: "<row index> <budget in µs>\n"	micro: "ok <median ns> <min ns> <operations>\n"
 *						    or "no <reason>\n"
 *	       "<row>\t<n>\n": n operations, not timed
 */
#include "bench/bench.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BATCHES 64

struct timing {
	double median_ns;
	double min_ns;
	long operations;
};

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int time_batch(const struct row *row, struct scene *scene, long n, int64_t *ret_ns)
{
	int64_t start = now_ns();
	int r = row_run(row, scene, n);

	*ret_ns = now_ns() - start;
	return r;
}

/* The batch to begin with. One call alone is shorter than whatever disturbs it; threads are made and
 * joined for each batch. */
static long first_batch(const struct row *row)
{
	if (row->threads > 1)
		return row->kind == ROW_CALL ? 1000 : 20;
	return row->kind == ROW_CALL ? 50 : 1;
}

/* Finds a batch of about a tenth of the budget, which also warms every cache, then times batches
 * until the budget is spent. An operation longer than the budget is timed once. A batch is only
 * as long as the shorter of two: the first may have met something else that ran. */
static int measure(const struct row *row, struct scene *scene, int64_t budget_ns,
		   struct timing *ret_timing)
{
	double per_operation[MAX_BATCHES];
	int batches = 0;
	int64_t spent = 0, ns, again;
	long n = first_batch(row);

	for (;; n *= ns < budget_ns / 200 ? 8 : 2) {
		int r = time_batch(row, scene, n, &ns);

		if (r == 0 && ns * 10 >= budget_ns && row->kind != ROW_COMMAND) {
			r = time_batch(row, scene, n, &again);
			ns = again < ns ? again : ns;
		}
		if (r < 0)
			return r;
		if (ns * 10 >= budget_ns)
			break;
	}
	if (ns >= budget_ns) {
		per_operation[batches++] = (double)ns / (double)n;
		spent = ns;
	}
	while (spent < budget_ns && batches < MAX_BATCHES) {
		int r = time_batch(row, scene, n, &ns);

		if (r < 0)
			return r;
		per_operation[batches++] = (double)ns / (double)n;
		spent += ns;
	}
	qsort(per_operation, (size_t)batches, sizeof(double), compare_doubles);
	*ret_timing = (struct timing){
		.median_ns = (per_operation[(batches - 1) / 2] + per_operation[batches / 2]) / 2,
		.min_ns = per_operation[0],
		.operations = n * batches,
	};
	return 0;
}

static const char *reason(const struct scene *scene, int r)
{
	return scene->why[0] ? scene->why : strerror(-r);
}

/* What a line asks for: a row to be timed, or, with *ret_count >= 0, so many operations of one. */
static const struct row *read_request(char *line, int64_t *ret_budget_ns, long *ret_count)
{
	char *tab = strchr(line, '\t');
	size_t index;
	long budget_us;

	*ret_count = -1;
	if (tab) {
		*tab = '\0';
		*ret_count = strtol(tab + 1, NULL, 10);
		return row_find(line);
	}
	if (sscanf(line, "%zu %ld", &index, &budget_us) != 2)
		return NULL;
	*ret_budget_ns = (int64_t)budget_us * 1000;
	return row_at(index);
}

static void answer(const struct row *row, struct scene *scene, int64_t budget_ns, long count)
{
	struct timing timing = { .operations = count };
	int r = row_setup(row, scene);

	if (r == 0)
		r = count < 0 ? measure(row, scene, budget_ns, &timing) : row_run(row, scene, count);
	if (r == 0)
		printf("ok %.2f %.2f %ld\n", timing.median_ns, timing.min_ns, timing.operations);
	else
		printf("no %s\n", reason(scene, r));
	row_teardown(row, scene);
}

static int serve(struct scene *scene)
{
	char line[128];

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int64_t budget_ns = 0;
		long count;
		const struct row *row = read_request(line, &budget_ns, &count);

		if (row)
			answer(row, scene, budget_ns, count);
		else
			printf("no such row\n");
		fflush(stdout);
	}
	return 0;
}

/* Exactly n operations between setup and teardown: for counting what they cost, not timing. */
static int count(struct scene *scene, const char *name, long n)
{
	const struct row *row = row_find(name);

	if (!row) {
		fprintf(stderr, "micro: no row %s\n", name);
		return 2;
	}
	int r = row_setup(row, scene);

	if (r == 0)
		r = row_run(row, scene, n);
	if (r < 0)
		fprintf(stderr, "micro: %s: %s\n", row->name, reason(scene, r));
	row_teardown(row, scene);
	return r < 0 ? 1 : 0;
}

static int list(void)
{
	const struct row *row;

	for (size_t i = 0; (row = row_at(i)); i++)
		printf("%d %d %s\n", (int)row->kind, row->slow, row->name);
	return 0;
}

int micro_main(int argc, char **argv)
{
	struct scene scene = { .self = argv[0], .prefix = "", .fd = -1, .listener = -1 };
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "true") == 0)
		return 0;
	if (strcmp(verb, "list") == 0)
		return list();
	if (strcmp(verb, "serve") == 0 && argc >= 3) {
		scene.scratch = argv[2];
		scene.prefix = argc > 3 ? argv[3] : "";
		return serve(&scene);
	}
	if (strcmp(verb, "count") == 0 && argc >= 5) {
		scene.scratch = argv[2];
		scene.prefix = argc > 5 ? argv[5] : "";
		return count(&scene, argv[3], strtol(argv[4], NULL, 10));
	}
	fprintf(stderr, "usage: micro list | true | serve SCRATCH [PREFIX]\n"
			"       micro count SCRATCH ROW N [PREFIX]\n");
	return 2;
}
