// SPDX-License-Identifier: Apache-2.0
/* Times the rows of rows.c inside a container; static, so that any rootfs can run it.
 *
 * Theory of operation
 *
 * bench/driver starts `micro serve` once per column and round, and leaves all of them waiting on
 * their standard inputs. It then asks one column after the other for the same row, so that what is
 * compared was measured within the same few milliseconds. All timing happens in here, by one
 * clock, away from whatever the sandbox does to pipes.
 *
 *	driver: "<row index> <budget in µs>\n"	micro: "ok <median ns> <min ns> <operations>\n"
 *						    or "no <reason>\n"
 */
#include "rows.h"

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

/* Finds a batch of about a tenth of the budget, which also warms every cache, then times batches
 * until the budget is spent. An operation longer than the budget is timed once. */
static int measure(const struct row *row, struct scene *scene, int64_t budget_ns,
		   struct timing *ret_timing)
{
	double per_operation[MAX_BATCHES];
	int batches = 0;
	int64_t spent = 0, ns;
	long n = 1;

	for (;; n *= ns < budget_ns / 200 ? 8 : 2) {
		int r = time_batch(row, scene, n, &ns);

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

static int serve(struct scene *scene)
{
	char line[128];

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		struct timing timing;
		size_t index;
		long budget_us;

		if (sscanf(line, "%zu %ld", &index, &budget_us) != 2 || index >= row_count) {
			printf("no such row\n");
			fflush(stdout);
			continue;
		}
		int r = row_setup(&rows[index], scene);

		if (r == 0)
			r = measure(&rows[index], scene, (int64_t)budget_us * 1000, &timing);
		if (r == 0)
			printf("ok %.2f %.2f %ld\n", timing.median_ns, timing.min_ns,
			       timing.operations);
		else
			printf("no %s\n", reason(scene, r));
		row_teardown(&rows[index], scene);
		fflush(stdout);
	}
	return 0;
}

/* Exactly n operations between setup and teardown: for counting what they cost, not timing. */
static int count(struct scene *scene, size_t index, long n)
{
	if (index >= row_count)
		return 2;
	int r = row_setup(&rows[index], scene);

	if (r == 0)
		r = row_run(&rows[index], scene, n);
	if (r < 0)
		fprintf(stderr, "micro: %s: %s\n", rows[index].name, reason(scene, r));
	row_teardown(&rows[index], scene);
	return r < 0 ? 1 : 0;
}

static int list(void)
{
	for (size_t i = 0; i < row_count; i++)
		printf("%d %d %s\n", (int)rows[i].kind, rows[i].slow, rows[i].name);
	return 0;
}

int main(int argc, char **argv)
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
		return count(&scene, strtoul(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
	}
	fprintf(stderr, "usage: micro list | true | serve SCRATCH [PREFIX]\n"
			"       micro count SCRATCH ROW-INDEX N [PREFIX]\n");
	return 2;
}
