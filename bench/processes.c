// SPDX-License-Identifier: Apache-2.0
/* Rows that make processes and threads, or go to and fro between them. */
#include "bench/rows.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork+wait, spawn, thread */
static int wait_for(struct scene *scene, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		snprintf(scene->why, sizeof(scene->why), "child killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(scene->why, sizeof(scene->why), "child exited %d", WEXITSTATUS(status));
	return -ECHILD;
}

static int run_fork(struct scene *scene, long n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			_exit(0);
		int r = wait_for(scene, pid);

		if (r < 0)
			return r;
	}
	return 0;
}

int scene_spawn(struct scene *scene, char *const argv[], char *const envp[])
{
	pid_t pid;
	int r = posix_spawn(&pid, argv[0], NULL, NULL, argv, envp);

	if (r == 0)
		return wait_for(scene, pid);
	snprintf(scene->why, sizeof(scene->why), "%.100s: %s", argv[0], strerror(r));
	return -r;
}

static int run_spawn_static(struct scene *scene, long n)
{
	char path[PATH_MAX], name[] = "true";
	char *argv[] = { path, name, NULL };
	char *envp[] = { NULL };
	int r = 0;

	snprintf(path, sizeof(path), "%s", scene->self);
	while (r == 0 && n--)
		r = scene_spawn(scene, argv, envp);
	return r;
}

static int run_spawn_dynamic(struct scene *scene, long n)
{
	char path[] = "/bin/true";
	char *argv[] = { path, NULL };
	char *envp[] = { NULL };
	int r = 0;

	while (r == 0 && n--)
		r = scene_spawn(scene, argv, envp);
	return r;
}

static void *thread_main(void *argument)
{
	return argument;
}

static int run_thread(struct scene *scene, long n)
{
	(void)scene;
	while (n--) {
		pthread_t thread;
		int r = pthread_create(&thread, NULL, thread_main, NULL);

		if (r != 0)
			return -r;
		pthread_join(thread, NULL);
	}
	return 0;
}
/* pipe: a byte to another process and back */
static void echo_bytes(int in, int out)
{
	char byte;

	while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
		;
	_exit(0);
}

static int setup_pipe(struct scene *scene)
{
	int there[2], back[2];

	if (pipe(there) < 0)
		return -errno;
	if (pipe(back) < 0) {
		close(there[0]);
		close(there[1]);
		return -errno;
	}
	pid_t pid = fork();

	if (pid == 0) {
		close(there[1]);
		close(back[0]);
		echo_bytes(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	scene->fd = back[0];
	scene->listener = there[1];
	if (pid > 0)
		scene->children[scene->child_count++] = pid;
	return pid < 0 ? -errno : 0;
}

static int run_pipe(struct scene *scene, long n)
{
	char byte = 'x';

	while (n--)
		if (write(scene->listener, &byte, 1) != 1 || read(scene->fd, &byte, 1) != 1)
			return -EPIPE;
	return 0;
}

/* stat while there are so many processes that do nothing */
static int setup_idle(struct scene *scene, int count)
{
	snprintf(scene->path[0], PATH_MAX, "%.*s/etc/passwd", PATH_MAX - 16, scene->prefix);
	while (scene->child_count < count) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			for (;;)
				pause();
		scene->children[scene->child_count++] = pid;
	}
	return 0;
}

static int setup_10_idle(struct scene *scene)
{
	return setup_idle(scene, 9);
}

static int setup_100_idle(struct scene *scene)
{
	return setup_idle(scene, 99);
}

const struct row process_rows[] = {
	{ "fork+wait", ROW_PROCESS, .run = run_fork },
	{ "spawn static", ROW_PROCESS, .run = run_spawn_static },
	{ "spawn dynamic", ROW_PROCESS, .run = run_spawn_dynamic },
	{ "thread", ROW_PROCESS, .run = run_thread },
	{ "thread, 2 threads", ROW_PROCESS, .run = run_thread, .threads = 2 },
	{ "pipe ping-pong", ROW_PROCESS, .setup = setup_pipe, .run = run_pipe },
	{ "stat, 10 tracees", ROW_CALL, .setup = setup_10_idle, .run = call_stat },
	{ "stat, 100 tracees", ROW_CALL, .setup = setup_100_idle, .run = call_stat },
};
const size_t process_row_count = sizeof(process_rows) / sizeof(process_rows[0]);
