// SPDX-License-Identifier: Apache-2.0
/* One table of all rows, and how a row is set up, run and taken down. */
#include "bench/rows.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_THREADS 4

const struct row *row_at(size_t index)
{
	if (index < call_row_count)
		return &call_rows[index];
	index -= call_row_count;
	if (index < process_row_count)
		return &process_rows[index];
	index -= process_row_count;
	return index < command_row_count ? &command_rows[index] : NULL;
}

const struct row *row_find(const char *name)
{
	const struct row *row;
	char *end;
	size_t index = strtoul(name, &end, 10);

	if (end != name && !*end)
		return row_at(index);
	for (index = 0; (row = row_at(index)); index++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static int run_script(struct scene *scene, const char *script)
{
	char shell[] = "/bin/sh", flag[] = "-c";
	char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char scratch[PATH_MAX + 2], prefix[PATH_MAX + 2];
	char *text = strdup(script);
	char *argv[] = { shell, flag, text, NULL };
	char *envp[] = { search, locale, scratch, prefix, NULL };

	if (!text)
		return -ENOMEM;
	snprintf(scratch, sizeof(scratch), "S=%s", scene->scratch);
	snprintf(prefix, sizeof(prefix), "P=%s", scene->prefix);
	int r = scene_spawn(scene, argv, envp);

	free(text);
	return r;
}

int row_setup(const struct row *row, struct scene *scene)
{
	char script[128];

	scene->fd = scene->listener = -1;
	scene->child_count = 0;
	scene->why[0] = scene->path[0][0] = scene->path[1][0] = '\0';
	if (row->setup)
		return row->setup(scene);
	if (!row->script)
		return 0;
	snprintf(script, sizeof(script), "command -v %s >\"$S/out\"", row->program);
	int r = run_script(scene, script);

	if (r < 0) {
		snprintf(scene->why, sizeof(scene->why), "no %s in the rootfs", row->program);
		return r;
	}
	snprintf(script, sizeof(script), "test -e \"$P%s\"", row->needs ? row->needs : "/");
	r = run_script(scene, script);
	if (r < 0)
		snprintf(scene->why, sizeof(scene->why), "no %s in the rootfs: bench/rootfs.sh makes it",
			 row->needs);
	return r < 0 || !row->prepare ? r : run_script(scene, row->prepare);
}

/* A thread's share of a run. */
struct share {
	const struct row *row;
	struct scene *scene;
	long n;
	int result;
};

static void *run_share(void *argument)
{
	struct share *share = argument;

	share->result = share->row->run(share->scene, share->n);
	return NULL;
}

static int run_in_threads(const struct row *row, struct scene *scene, long n)
{
	struct share shares[MAX_THREADS];
	pthread_t threads[MAX_THREADS];
	int started = 0, r = 0;

	for (; started < row->threads && started < MAX_THREADS; started++) {
		long done = n * started / row->threads;

		shares[started] = (struct share){ row, scene, n * (started + 1) / row->threads - done, 0 };
		r = -pthread_create(&threads[started], NULL, run_share, &shares[started]);
		if (r < 0)
			break;
	}
	for (int i = 0; i < started; i++) {
		pthread_join(threads[i], NULL);
		if (r == 0)
			r = shares[i].result;
	}
	return r;
}

int row_run(const struct row *row, struct scene *scene, long n)
{
	int r = 0;

	if (row->threads > 1)
		return run_in_threads(row, scene, n);
	if (row->run)
		return row->run(scene, n);
	while (r == 0 && n--)
		r = run_script(scene, row->script);
	return r;
}

void row_teardown(const struct row *row, struct scene *scene)
{
	char out[PATH_MAX];

	if (row->teardown)
		row->teardown(scene);
	if (row->script) {
		snprintf(out, sizeof(out), "%s/out", scene->scratch);
		unlink(out);
	}
	if (scene->fd >= 0)
		close(scene->fd);
	if (scene->listener >= 0)
		close(scene->listener);
	scene->fd = scene->listener = -1;
	for (int i = 0; i < scene->child_count; i++)
		kill(scene->children[i], SIGKILL);
	for (int i = 0; i < scene->child_count; i++)
		while (waitpid(scene->children[i], NULL, 0) < 0 && errno == EINTR)
			;
	scene->child_count = 0;
}
