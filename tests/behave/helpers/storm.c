// SPDX-License-Identifier: Apache-2.0
/* A storm of processes: storm PROCESSES THREADS SECONDS
 *
 * Keeps that many workers alive. Each opens, renames and stats files, makes that many threads that do the
 * same, forks and executes; meanwhile the parent stops, continues and kills them at random. Prints
 * "storm ok" when at the end every one could be waited for and no file call gave an odd answer.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 1000

static pid_t workers[WORKERS_MAX];
static int worker_count, thread_count;
static char program[] = "/proc/self/exe";

static void odd(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	_exit(3);
}

/* A few calls on files of this thread's own. */
static void use_files(unsigned seed)
{
	char name[64], other[80], text[16];
	struct stat status;
	int fd;

	snprintf(name, sizeof(name), "/tmp/storm/%x.%d", seed, (int)getpid());
	snprintf(other, sizeof(other), "%s.b", name);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		odd(name);
	if (write(fd, name, strlen(name)) < 0 || fstat(fd, &status) < 0 ||
	    (size_t)status.st_size != strlen(name))
		odd("size");
	close(fd);
	if (rename(name, other) < 0 || stat(other, &status) < 0 || stat(name, &status) == 0)
		odd("rename");
	if (readlink("/proc/self", text, sizeof(text)) <= 0)
		odd("/proc/self");
	if (unlink(other) < 0)
		odd("unlink");
}

static void *thread_main(void *argument)
{
	for (unsigned i = 0; i < 5; i++)
		use_files((unsigned)(uintptr_t)argument * 16 + i);
	return NULL;
}

static void make_threads(unsigned seed)
{
	pthread_t threads[256];
	int made = 0;

	while (made < thread_count && pthread_create(&threads[made], NULL, thread_main,
						     (void *)(uintptr_t)(seed + (unsigned)made)) == 0)
		made++;
	while (made-- > 0)
		pthread_join(threads[made], NULL);
}

static void execute(void)
{
	static char quick[] = "quick";
	char *argv[] = { program, quick, NULL }, *env[] = { NULL };
	pid_t pid = rand() % 2 ? vfork() : fork();
	int status;

	if (pid == 0) {
		execve(program, argv, env);
		_exit(127);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 7 << 8 && !WIFSIGNALED(status)) {
		fprintf(stderr, "storm: execute: status %x\n", (unsigned)status);
		_exit(3);
	}
}

static void worker_main(unsigned seed)
{
	srand(seed);
	for (;;) {
		switch (rand() % 4) {
		case 0:
			make_threads(seed << 8);
			break;
		case 1:
			execute();
			break;
		default:
			use_files(seed << 8 | 0xff);
		}
	}
}

static void start(int index)
{
	pid_t pid = fork();

	if (pid == 0)
		worker_main((unsigned)index * 1000003u + (unsigned)rand());
	workers[index] = pid < 0 ? 0 : pid;
}

/* Waits for the worker, which was killed; a worker that ended by itself has found something odd. */
static int reap(int index, bool killed)
{
	int status;

	if (!workers[index] || waitpid(workers[index], &status, 0) != workers[index])
		return 0;
	workers[index] = 0;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && killed ? 0 : 1;
}

int main(int argc, char **argv)
{
	time_t end;
	int failures = 0;

	if (argc == 2 && !strcmp(argv[1], "quick"))
		return 7;
	if (argc != 4)
		return 2;
	worker_count = atoi(argv[1]);
	thread_count = atoi(argv[2]);
	if (worker_count > WORKERS_MAX || thread_count > 256)
		return 2;
	end = time(NULL) + atoi(argv[3]);
	mkdir("/tmp/storm", 0777);
	for (int i = 0; i < worker_count; i++)
		start(i);
	while (time(NULL) < end && !failures) {
		int victim = rand() % worker_count;

		if (!workers[victim]) {
			start(victim);
			continue;
		}
		switch (rand() % 3) {
		case 0:
			kill(workers[victim], SIGKILL);
			failures += reap(victim, true);
			start(victim);
			break;
		case 1:
			kill(workers[victim], SIGSTOP);
			break;
		default:
			kill(workers[victim], SIGCONT);
		}
		usleep(3000);
	}
	for (int i = 0; i < worker_count; i++)
		if (workers[i])
			kill(workers[i], SIGKILL);
	for (int i = 0; i < worker_count; i++)
		failures += reap(i, true);
	puts(failures ? "storm failed" : "storm ok");
	return failures != 0;
}
