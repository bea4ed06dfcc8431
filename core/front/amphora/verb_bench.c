// SPDX-License-Identifier: Apache-2.0
/* amphora bench: what system calls cost here, in every backend and beside every peer that is installed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/front/amphora/front.h"

/* What was asked, and strings that the options point to. */
struct bench_request {
	struct options options;
	const char *micro; /* program to put inside; NULL: amphora itself */
	char rootfs[PATH_MAX];
	char rows[512];
	char directory[PATH_MAX]; /* made for the run, and removed */
};

static int set_rootfs(void *target, const char *value, struct error *err)
{
	struct bench_request *request = target;

	if (!realpath(value, request->rootfs))
		return error_set(err, errno, "root filesystem %s", value);
	return 0;
}

static int set_columns(void *target, const char *value, struct error *err)
{
	struct bench_request *request = target;

	(void)err;
	request->options.column_list = value;
	return 0;
}

/* "stat,find" is the expression "stat|find"; a comma before a blank is part of a name. */
static int set_rows(void *target, const char *value, struct error *err)
{
	struct bench_request *request = target;

	if (strlen(value) >= sizeof(request->rows))
		return error_plain(err, "the list of rows is too long");
	snprintf(request->rows, sizeof(request->rows), "%s", value);
	for (char *at = request->rows; *at; at++)
		if (*at == ',' && at[1] != ' ' && at[1] != '\0')
			*at = '|';
	request->options.row_pattern = request->rows;
	return 0;
}

static int parse_count(const char *value, long max, long *ret_count, struct error *err)
{
	char *end;
	long count = strtol(value, &end, 10);

	if (end == value || *end || count < 1 || count > max)
		return error_plain(err, "\"%s\" is not a number from 1 to %ld", value, max);
	*ret_count = count;
	return 0;
}

static int set_rounds(void *target, const char *value, struct error *err)
{
	struct bench_request *request = target;
	long rounds = 0;
	int result = parse_count(value, MAX_ROUNDS, &rounds, err);

	if (!result)
		request->options.rounds = (int)rounds;
	return result;
}

static int set_budget(void *target, const char *value, struct error *err)
{
	struct bench_request *request = target;
	long ms = 0;
	int result = parse_count(value, 10000, &ms, err);

	if (!result)
		request->options.budget_us = 1000 * ms;
	return result;
}

static int set_quick(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &((struct bench_request *)target)->options.quick, err);
}

static int set_programs(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &((struct bench_request *)target)->options.programs, err);
}

static int set_pin(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &((struct bench_request *)target)->options.pin, err);
}

static int set_json(void *target, const char *value, struct error *err)
{
	(void)err;
	((struct bench_request *)target)->options.json = value;
	return 0;
}

static int set_proot(void *target, const char *value, struct error *err)
{
	(void)err;
	((struct bench_request *)target)->options.proot = value;
	return 0;
}

static int set_amphora(void *target, const char *value, struct error *err)
{
	(void)err;
	((struct bench_request *)target)->options.amphora = value;
	return 0;
}

static int set_micro(void *target, const char *value, struct error *err)
{
	(void)err;
	((struct bench_request *)target)->micro = value;
	return 0;
}

static const struct option_row rows[] = {
	{"rootfs", 0, "DIR", "root filesystem to use; it is not changed", set_rootfs, OPTION_EVERYDAY,
	 "@dir"},
	{"columns", 0, "LIST", "of native,ns,ptrace,fast,proot,bwrap,podman,runsc", set_columns,
	 OPTION_EVERYDAY, "native ns ptrace fast proot bwrap podman runsc"},
	{"rows", 0, "LIST", "rows whose names match one of these expressions", set_rows,
	 OPTION_EVERYDAY, NULL},
	{"programs", 0, NULL, "whole programs too: minutes", set_programs, OPTION_EVERYDAY, NULL},
	{"quick", 0, NULL, "2 rounds of 3 ms: rough", set_quick, OPTION_EVERYDAY, NULL},
	{"rounds", 0, "N", "rounds to take the median of (7)", set_rounds, OPTION_EVERYDAY, NULL},
	{"budget", 0, "MS", "milliseconds for one figure (20)", set_budget, OPTION_EVERYDAY, NULL},
	{"pin", 0, NULL, "everything on one CPU", set_pin, OPTION_EVERYDAY, NULL},
	{"json", 0, "FILE", "write every figure of every round", set_json, OPTION_EVERYDAY, "@file"},
	{"proot", 0, "FILE", "the PRoot to compare with (proot)", set_proot, OPTION_EVERYDAY, "@file"},
	{"amphora", 0, "FILE", "the amphora to measure (this one)", set_amphora, 0, "@file"},
	{"micro", 0, "FILE", "the program that runs inside (amphora)", set_micro, 0, "@file"},
	{0},
};

const struct option_table bench_options_table = {
	"bench", "--rootfs DIR [flags]",
	"Times system calls in every backend and peer that works here: ratios to native.", rows, NULL};

/* A copy, because a column may be another user and a bind mount doesn't reach out of its directory. */
static int copy_program(const char *from, const char *to, struct error *err)
{
	struct stat status;
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, result = 0;

	if (in < 0 || fstat(in, &status) < 0)
		result = error_set(err, errno, "%s", from);
	else if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755)) < 0)
		result = error_set(err, errno, "%s", to);
	for (off_t left = result ? 0 : status.st_size; left > 0;) {
		ssize_t sent = sendfile(out, in, NULL, (size_t)left);

		if (sent <= 0) {
			result = error_set(err, sent < 0 ? errno : EIO, "copying %s to %s", from, to);
			break;
		}
		left -= sent;
	}
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) < 0 && !result)
		result = error_set(err, errno, "%s", to);
	return result;
}

static int make_bench_directory(struct bench_request *request, struct error *err)
{
	char *directory = request->directory;
	const char *parent = getenv("TMPDIR");
	char program[PATH_MAX + sizeof(MICRO_NAME) + 1];

	if (!parent || !*parent)
		parent = access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
	snprintf(directory, sizeof(request->directory), "%s/amphora-bench.XXXXXX", parent);
	if (!mkdtemp(directory)) {
		directory[0] = '\0';
		return error_set(err, errno, "a directory for the bench in %s", parent);
	}
	request->options.bench_dir = directory;
	if (chmod(directory, 0755) < 0)
		return error_set(err, errno, "%s", directory);
	snprintf(program, sizeof(program), "%s/" MICRO_NAME, directory);
	return copy_program(request->micro ? request->micro : "/proc/self/exe", program, err);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	remove(path);
	return 0;
}

static int measure(struct options *options)
{
	struct run *run = calloc(1, sizeof(*run));
	struct error err = ERROR_INIT;
	int result = run ? 0 : error_set(&err, ENOMEM, "bench");

	if (!result) {
		run->options = *options;
		result = bench_run(run, &err);
	}
	if (!result) {
		report_print(run, stdout);
		if (options->json)
			result = json_write(run, options->json);
		if (result < 0)
			error_set(&err, -result, "%s", options->json);
	}
	free(run);
	return result < 0 ? verb_fail(&err) : EXIT_SUCCESS;
}

static volatile sig_atomic_t measuring; /* pid of the child */

static void pass_on(int signal_number)
{
	kill((pid_t)measuring, signal_number);
}

/* The child measures and may be interrupted; we stay and remove what it worked in. */
static int measure_in_child(struct options *options)
{
	static const int fatal[] = {SIGINT, SIGTERM, SIGHUP};
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		exit(measure(options));
	measuring = child;
	for (size_t i = 0; child > 0 && i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], pass_on);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_AMPHORA;
	if (child < 0)
		return EXIT_AMPHORA;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int prepare(struct bench_request *request, int argc, char **argv, struct error *err)
{
	struct options *options = &request->options;
	int index = 1;
	int result = options_parse(&bench_options_table, argc, argv, request, &index, err);

	if (result)
		return result;
	if (index < argc)
		return error_plain(err, "bench takes no argument, not \"%s\"", argv[index]);
	if (!request->rootfs[0]) {
		error_plain(err, "bench needs --rootfs DIR");
		error_hint(err, "a root filesystem of any distribution; it is not changed");
		return -EINVAL;
	}
	if (!realpath("/proc/self/exe", options->self))
		return error_set(err, errno, "/proc/self/exe");
	options->rootfs = request->rootfs;
	if (!options->amphora)
		options->amphora = options->self;
	if (!options->proot)
		options->proot = "proot";
	if (!options->rounds)
		options->rounds = options->quick ? 2 : 7;
	if (!options->budget_us)
		options->budget_us = options->quick ? 3000 : 20000;
	return 0;
}

int verb_bench(int argc, char **argv)
{
	static struct bench_request request;
	struct error err = ERROR_INIT;
	int result, code = EXIT_AMPHORA;

	/* How a column starts a chroot: bench/column.c. */
	if (argc > 1 && strcmp(argv[1], "native") == 0)
		return native_main(argc - 1, argv + 1);
	result = prepare(&request, argc, argv, &err);
	if (result > 0)
		return EXIT_SUCCESS;
	if (!result)
		result = make_bench_directory(&request, &err);
	if (!result)
		code = measure_in_child(&request.options);
	if (request.directory[0])
		nftw(request.directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return result < 0 ? verb_fail(&err) : code;
}
