// SPDX-License-Identifier: Apache-2.0
/* The columns of the table, and how a program is started in each.
 *
 * Theory of operation
 *
 * A column is a command line up to the program to run inside. column_start() runs `micro serve`
 * behind it with a pipe at either end, in a process group of its own; the server ends when its
 * standard input closes, so that nothing is left over when the driver dies. Whatever a column
 * prints to its standard error goes to a file in bench_dir, and its last line becomes the footnote
 * of a column that does not work.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS 20000
#define MEASURE_TIMEOUT_MS 180000

extern char **environ;

#define PODMAN_RUN                                                                                  \
	"run", "--rm", "-i", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit",          \
	"nproc=4096:4096", "-v", "%B:%G", "--rootfs", "%R:O"

const struct column column_table[] = {
	{ .name = "native", .title = "native",
	  .command = { "%S", "bench", "native", "%R", "%B", "%G" } },
	{ .name = "ns", .title = "amphora ns",
	  .command = { "%A", "run", "--rm", "-i", "--backend", "ns", "--network", "host",
		       "--rootfs", "%R", "-v", "%B:%G" },
	  .mount = { "-v", "%B/empty:%G/mounts/" } },
	{ .name = "ptrace", .title = "amphora ptrace", .has_stops = true,
	  .command = { "%A", "run", "--rm", "-i", "--backend", "ptrace", "--fast-path", "off", "--network",
		       "host", "--rootfs", "%R", "-v", "%B:%G" },
	  .mount = { "-v", "%B/empty:%G/mounts/" } },
	{ .name = "fast", .title = "ptrace, fast", .has_stops = true,
	  .command = { "%A", "run", "--rm", "-i", "--backend", "ptrace", "--fast-path", "auto", "--network",
		       "host", "--rootfs", "%R", "-v", "%B:%G" },
	  .mount = { "-v", "%B/empty:%G/mounts/" } },
	{ .name = "proot", .title = "proot", .program = "%P",
	  .command = { "%P", "-0", "-r", "%R", "-b", "%B:%G", "-b", "/dev", "-b", "/proc",
		       "-w", "/" },
	  .mount = { "-b", "%B/empty:%G/mounts/" } },
	{ .name = "bwrap", .title = "bubblewrap", .program = "bwrap",
	  .command = { "bwrap", "--unshare-all", "--share-net", "--die-with-parent", "--bind",
		       "%R", "/", "--dev", "/dev", "--proc", "/proc", "--bind", "%B", "%G",
		       "--chdir", "/" },
	  .mount = { "--bind", "%B/empty", "%G/mounts/" } },
	/* An overlay, since podman makes files in a rootfs; low limits, since it would raise its own. */
	{ .name = "podman", .title = "podman, crun", .program = "crun",
	  .command = { "podman", "--runtime", "crun", PODMAN_RUN } },
	{ .name = "runsc", .title = "podman, runsc", .program = "runsc",
	  .command = { "podman", "--runtime", "runsc", "--runtime-flag", "network=host", PODMAN_RUN } },
};
const int column_table_count = sizeof(column_table) / sizeof(column_table[0]);

/* A command line: pointers into text, which holds the expanded templates one after the other. */
struct arguments {
	char *argv[MAX_ARGUMENTS];
	int count;
	char text[8 * PATH_MAX];
	size_t used;
	bool overflow;
};

static const char *placeholder(char letter, const struct options *options)
{
	switch (letter) {
	case 'A':
		return options->amphora;
	case 'P':
		return options->proot;
	case 'R':
		return options->rootfs;
	case 'B':
		return options->bench_dir;
	case 'G':
		return options->guest_dir;
	case 'S':
		return options->self;
	default:
		return "";
	}
}

static void arguments_append(struct arguments *arguments, const char *text, size_t length)
{
	if (length >= sizeof(arguments->text) - arguments->used) {
		arguments->overflow = true;
		return;
	}
	memcpy(arguments->text + arguments->used, text, length);
	arguments->used += length;
}

static void arguments_add(struct arguments *arguments, const char *template,
			  const struct options *options)
{
	if (arguments->count >= MAX_ARGUMENTS - 1) {
		arguments->overflow = true;
		return;
	}
	arguments->argv[arguments->count++] = arguments->text + arguments->used;
	arguments->argv[arguments->count] = NULL;
	for (; *template; template++) {
		if (template[0] == '%' && template[1]) {
			const char *value = placeholder(*++template, options);

			arguments_append(arguments, value, strlen(value));
		} else {
			arguments_append(arguments, template, 1);
		}
	}
	arguments_append(arguments, "", 1);
}

static void arguments_add_mount(struct arguments *arguments, const struct column *column,
				const struct options *options, int index)
{
	char word[64];

	for (int i = 0; column->mount[i]; i++) {
		snprintf(word, sizeof(word), column->mount[i + 1] ? "%s" : "%s%d", column->mount[i],
			 index);
		arguments_add(arguments, word, options);
	}
}

static void arguments_begin(struct arguments *arguments, const struct column *column,
			    const struct options *options)
{
	*arguments = (struct arguments){ .count = 0 };
	if (column->on_host)
		return;
	for (int i = 0; column->command[i]; i++)
		arguments_add(arguments, column->command[i], options);
	for (int i = 0; column->mount[0] && i < column->mounts; i++)
		arguments_add_mount(arguments, column, options, i);
}

/* micro, a verb, and the column's own scratch directory, as paths that the column can see */
static void arguments_add_micro(struct arguments *arguments, const struct column *column,
				const struct options *options, const char *verb)
{
	char scratch[64];

	snprintf(scratch, sizeof(scratch), "%s/%s", column->on_host ? "%B" : "%G", column->name);
	arguments_add(arguments, column->on_host ? "%B/" MICRO_NAME : "%G/" MICRO_NAME, options);
	arguments_add(arguments, verb, options);
	arguments_add(arguments, scratch, options);
}

static void arguments_end_micro(struct arguments *arguments, const struct column *column,
				const struct options *options)
{
	if (column->on_host)
		arguments_add(arguments, "%R", options);
}

/* in and out are file descriptors for the child, or -1 for /dev/null. */
static int start(struct column *column, const struct options *options,
		 struct arguments *arguments, int in, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char errors[PATH_MAX];
	int r = E2BIG;

	if (!arguments->overflow) {
		snprintf(errors, sizeof(errors), "%s/%s.err", options->bench_dir, column->name);
		posix_spawn_file_actions_init(&actions);
		posix_spawnattr_init(&attributes);
		if (in >= 0)
			posix_spawn_file_actions_adddup2(&actions, in, 0);
		else
			posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		if (out >= 0)
			posix_spawn_file_actions_adddup2(&actions, out, 1);
		else
			posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
		posix_spawn_file_actions_addopen(&actions, 2, errors,
						 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
		r = posix_spawnp(ret_pid, arguments->argv[0], &actions, &attributes,
				 arguments->argv, environ);
		posix_spawn_file_actions_destroy(&actions);
		posix_spawnattr_destroy(&attributes);
	}
	if (r == 0)
		return 0;
	snprintf(column->why, sizeof(column->why), "%.120s: %s", arguments->argv[0], strerror(r));
	return -1;
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Waits at most that long, then kills the process group. Returns the wait status. */
static int finish(pid_t pid, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t deadline = now_ns() + (int64_t)timeout_ms * 1000000;
	int status = -1;
	pid_t done;

	while ((done = waitpid(pid, &status, WNOHANG)) == 0 && now_ns() < deadline)
		nanosleep(&pause, NULL);
	if (done == 0) {
		kill(-pid, SIGTERM);
		nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	return status;
}

static void forget_errors(const struct column *column, const struct options *options)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.err", options->bench_dir, column->name);
	if (truncate(path, 0) < 0 && errno != ENOENT)
		perror(path);
}

/* Puts "what: the last line of the column's standard error" in why. */
static void explain(struct column *column, const struct options *options, const char *what)
{
	char path[PATH_MAX], line[200], last[200] = "";

	snprintf(path, sizeof(path), "%s/%s.err", options->bench_dir, column->name);
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			memcpy(last, line, sizeof(last));
	}
	if (file)
		fclose(file);
	snprintf(column->why, sizeof(column->why), "%.60s%s%.180s", what,
		 last[0] ? ": " : "", last);
}

/* One line without its newline; -1 at end of file or after the timeout. */
static int read_line(int fd, char *line, size_t size, int timeout_ms)
{
	int64_t deadline = now_ns() + (int64_t)timeout_ms * 1000000;
	size_t used = 0;

	while (used + 1 < size) {
		int64_t left_ms = (deadline - now_ns()) / 1000000;
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

		if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) <= 0)
			return -1;
		if (read(fd, line + used, 1) != 1)
			return -1;
		if (line[used] == '\n') {
			line[used] = '\0';
			return 0;
		}
		if (line[used] != '\r')
			used++;
	}
	return -1;
}

/* The same, with how the command ended. */
static void explain_end(struct column *column, const struct options *options, const char *what,
			int status)
{
	char text[64];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "%.30s (signal %d)", what, WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "%.30s (exit %d)", what, WEXITSTATUS(status));
	explain(column, options, text);
}

/* Closes the server's input, which ends it. Returns its wait status. */
static int stop(struct column *column)
{
	pid_t pid = column->pid;

	close(column->to_server);
	close(column->from_server);
	column->pid = 0;
	return finish(pid, 5000);
}

void column_stop(struct column *column)
{
	if (column->pid > 0)
		stop(column);
}

int column_start(struct column *column, const struct options *options)
{
	struct arguments arguments;
	int in[2], out[2];
	char line[256];

	arguments_begin(&arguments, column, options);
	arguments_add_micro(&arguments, column, options, "serve");
	arguments_end_micro(&arguments, column, options);
	if (pipe2(in, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -1;
	}
	int r = start(column, options, &arguments, in[0], out[1], &column->pid);

	close(in[0]);
	close(out[1]);
	column->to_server = in[1];
	column->from_server = out[0];
	if (r < 0) {
		column->pid = 0;
		close(in[1]);
		close(out[0]);
		return -1;
	}
	if (read_line(column->from_server, line, sizeof(line), START_TIMEOUT_MS) < 0 ||
	    strcmp(line, "ready") != 0) {
		explain_end(column, options, "does not start", stop(column));
		return -1;
	}
	return 0;
}

static int fail_cell(struct cell *cell, const char *why)
{
	cell->failed = true;
	snprintf(cell->why, sizeof(cell->why), "%.120s", why);
	return -1;
}

int column_measure(struct column *column, const struct options *options, int row_index,
		   long budget_us, struct cell *cell, int round)
{
	char line[256];
	double median_ns, min_ns;

	if (column->pid <= 0 && column_start(column, options) < 0)
		return fail_cell(cell, column->why);
	forget_errors(column, options);
	int length = snprintf(line, sizeof(line), "%d %ld\n", row_index, budget_us);

	if (write(column->to_server, line, (size_t)length) != length ||
	    read_line(column->from_server, line, sizeof(line), MEASURE_TIMEOUT_MS) < 0) {
		explain_end(column, options, "no answer in this row", stop(column));
		fail_cell(cell, column->why);
		column->why[0] = '\0';
		return -1;
	}
	if (sscanf(line, "ok %lf %lf", &median_ns, &min_ns) != 2) {
		explain(column, options, strncmp(line, "no ", 3) == 0 ? line + 3 : line);
		fail_cell(cell, column->why);
		column->why[0] = '\0';
		return -1;
	}
	if (round >= 0) {
		cell->median_ns[cell->rounds] = median_ns;
		cell->min_ns[cell->rounds++] = min_ns;
	}
	return 0;
}

int column_time_true(struct column *column, const struct options *options, double *ret_ns)
{
	struct options bare = *options;
	struct arguments arguments;
	pid_t pid;
	int status;

	/* A native start is fork, chroot and exec, without the bind mount of the other rows. */
	if (strcmp(column->name, "native") == 0)
		bare.bench_dir = "-";
	arguments_begin(&arguments, column, &bare);
	arguments_add(&arguments, "/bin/true", options);
	int64_t begin = now_ns();

	if (start(column, options, &arguments, -1, -1, &pid) < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	*ret_ns = (double)(now_ns() - begin);
	if (status == 0)
		return 0;
	explain_end(column, options, "/bin/true", status);
	return -1;
}

/* The sum of "stops" over the JSON lines that the tracer left; negative when there are none. */
static double read_stops(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	double total = -1;

	while (file && fgets(line, sizeof(line), file)) {
		const char *key = strstr(line, "\"stops\"");
		const char *colon = key ? strchr(key, ':') : NULL;

		if (colon)
			total = (total < 0 ? 0 : total) + strtod(colon + 1, NULL);
	}
	if (file)
		fclose(file);
	return total;
}

static double stops_of_run(struct column *column, const struct options *options, int row_index,
			   long n)
{
	struct arguments arguments;
	char index[16], count[16], path[PATH_MAX];
	pid_t pid;

	snprintf(index, sizeof(index), "%d", row_index);
	snprintf(count, sizeof(count), "%ld", n);
	snprintf(path, sizeof(path), "%s/stats.jsonl", options->bench_dir);
	arguments_begin(&arguments, column, options);
	arguments_add_micro(&arguments, column, options, "count");
	arguments_add(&arguments, index, options);
	arguments_add(&arguments, count, options);
	unlink(path);
	setenv("AMPHORA_STATS", path, 1);
	int r = start(column, options, &arguments, -1, -1, &pid);

	unsetenv("AMPHORA_STATS");
	if (r < 0 || finish(pid, MEASURE_TIMEOUT_MS) != 0)
		return -1;
	return read_stops(path);
}

int column_count_stops(struct column *column, const struct options *options, int row_index, long n,
		       double *ret_stops)
{
	double idle = stops_of_run(column, options, row_index, 0);
	double busy = idle < 0 ? -1 : stops_of_run(column, options, row_index, n);

	if (busy < 0)
		return -1;
	/* Processes that end at different moments of the two runs make it less than nothing. */
	*ret_stops = busy > idle ? (busy - idle) / (double)n : 0;
	return 0;
}

/* The first word with a digit, a dot and a digit in what the command prints. */
static void read_version(const char *command, char *version, size_t size)
{
	FILE *pipe = popen(command, "re");
	char line[256];

	version[0] = '\0';
	while (pipe && fgets(line, sizeof(line), pipe)) {
		char *rest = line, *word;

		while (!version[0] && (word = strtok_r(rest, " \n", &rest))) {
			const char *dot = strchr(word, '.');
			bool is_version = dot && dot > word && dot[-1] >= '0' && dot[-1] <= '9' &&
					  dot[1] >= '0' && dot[1] <= '9';

			if (is_version)
				snprintf(version, size, "%s", word);
		}
	}
	if (pipe)
		pclose(pipe);
}

/* A peer: is it installed, and which version? */
static int find_peer(struct column *column, const struct options *options)
{
	char command[PATH_MAX + 64];
	const char *program = column->program[0] == '%' ?
			      placeholder(column->program[1], options) : column->program;

	snprintf(command, sizeof(command), "command -v '%s' >/dev/null 2>&1", program);
	if (system(command) != 0) {
		snprintf(column->why, sizeof(column->why), "%.200s is not installed", program);
		return -1;
	}
	snprintf(command, sizeof(command), "'%s' --version 2>&1", program);
	read_version(command, column->version, sizeof(column->version));
	return 0;
}

static int find_amphora(struct column *column, const struct options *options)
{
	char command[PATH_MAX + 64];

	if (!options->amphora[0]) {
		snprintf(column->why, sizeof(column->why),
			 "not built (looked for build/amphora and build/release/amphora)");
		return -1;
	}
	snprintf(command, sizeof(command), "'%s' version 2>/dev/null", options->amphora);
	FILE *pipe = popen(command, "re");

	if (pipe && fgets(column->version, sizeof(column->version), pipe))
		column->version[strcspn(column->version, "\n")] = '\0';
	if (pipe)
		pclose(pipe);
	return 0;
}

int column_prepare(struct column *column, const struct options *options)
{
	bool is_native = strcmp(column->name, "native") == 0;
	int r = 0;

	if (column->program)
		r = find_peer(column, options);
	else if (!is_native)
		r = find_amphora(column, options);
	if (r < 0)
		return r;
	r = column_start(column, options);
	if (r < 0 && is_native) {
		column->on_host = true;
		column->why[0] = '\0';
		r = column_start(column, options);
	}
	column_stop(column);
	return r;
}
