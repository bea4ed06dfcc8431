// SPDX-License-Identifier: Apache-2.0
/* crowd DIRECTORY THREADS ROUNDS: that many threads, each of which reads a symlink of its own, again and again. Prints
 * how many read another's. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *directory;
static int rounds, wrong;
static pthread_barrier_t all_there;

static void *read_links(void *argument)
{
	int number = (int)(long)argument;
	char path[256], expected[32], text[64];

	snprintf(path, sizeof(path), "%s/%d", directory, number);
	snprintf(expected, sizeof(expected), "target-%d", number);
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < rounds; i++) {
		ssize_t length = readlink(path, text, sizeof(text) - 1);

		text[length < 0 ? 0 : length] = '\0';
		if (strcmp(text, expected) != 0)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 0;
	pthread_t *threads = calloc((size_t)count + 1, sizeof(*threads));
	pthread_attr_t attributes;
	char path[256], target[32];

	if (argc < 4 || !threads)
		return 2;
	directory = argv[1];
	rounds = atoi(argv[3]);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d", directory, i);
		snprintf(target, sizeof(target), "target-%d", i);
		if (symlink(target, path) < 0)
			return 1;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	pthread_barrier_init(&all_there, NULL, (unsigned)count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], &attributes, read_links, (void *)(long)i) != 0) {
			printf("only %d threads\n", i);
			return 3;
		}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("wrong %d\n", wrong);
	return 0;
}
