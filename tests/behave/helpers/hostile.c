// SPDX-License-Identifier: Apache-2.0
/* Attacks on the tracer by way of its calls; each prints what came of it.
 *
 *	hostile swap FILE PATH SECONDS   opens PATH, a file that the tracer writes, while a thread puts an O_PATH
 *	                                 fd of FILE where the new fd is
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile int over;

static void give_up(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* swap */

static int put_there, place;

static void *swap(void *unused)
{
	(void)unused;
	while (!over)
		dup2(put_there, place);
	return NULL;
}

static void swap_fds(const char *file, const char *path, int seconds)
{
	time_t end = time(NULL) + seconds;
	struct stat status;
	pthread_t thread;

	put_there = fcntl(open(file, O_PATH), F_DUPFD, 100);
	place = open("/", O_PATH);
	if (put_there < 0 || place < 0)
		give_up(file);
	pthread_create(&thread, NULL, swap, NULL);
	while (time(NULL) < end) {
		close(place);
		open(path, O_RDONLY);
		if (stat(file, &status) < 0 || status.st_size > 0)
			break;
	}
	over = 1;
	pthread_join(thread, NULL);
	puts(time(NULL) < end ? "changed" : "unchanged");
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "swap"))
		swap_fds(argv[2], argv[3], atoi(argv[4]));
	else
		return 2;
	return 0;
}
