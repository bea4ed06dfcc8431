// SPDX-License-Identifier: Apache-2.0
/* amphora probe: shows what this machine allows. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/front/amphora/front.h"
#include "core/store/store.h"
#include "probe/probe.h"

#define EXIT_NO_BACKEND     3
#define FACTS_FILE_SIZE_MAX (1024 * 1024)

struct probe_request {
	bool json, fresh;
	const char *facts_file;
};

static int set_json(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &((struct probe_request *)target)->json, err);
}

static int set_fresh(void *target, const char *value, struct error *err)
{
	return option_boolean(value, &((struct probe_request *)target)->fresh, err);
}

static int set_facts(void *target, const char *value, struct error *err)
{
	(void)err;
	((struct probe_request *)target)->facts_file = value;
	return 0;
}

static const struct option_row rows[] = {
	{"json", 0, NULL, "print the facts as JSON", set_json, OPTION_EVERYDAY, NULL},
	{"fresh", 0, NULL, "probe again, whatever the cache says", set_fresh, OPTION_EVERYDAY,
	 NULL},
	{"facts", 0, "FILE", "read facts of another machine; - is stdin", set_facts,
	 OPTION_EVERYDAY, "@file"},
	{0},
};

static const struct option_table table = {
	"probe", "[flags]",
	"Shows what this machine allows. Exit code 0: a backend works, 3: none does.", rows, NULL};

static int read_facts(void *scope, const char *path, struct facts *ret_facts, struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	/* One byte more than allowed, so that facts_from_json() sees that there is more. */
	char *text = talloc_size(scope, FACTS_FILE_SIZE_MAX + 2);
	bool is_stdin = !strcmp(path, "-");
	ssize_t length;
	int result;

	if (!text)
		return error_set(err, ENOMEM, "%s", path);
	if (!is_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!is_stdin && fd < 0)
		return error_set(err, errno, "can't open %s", path);
	length = file_read_fd(is_stdin ? STDIN_FILENO : fd, text, FACTS_FILE_SIZE_MAX + 2);
	if (length < 0)
		return error_set(err, (int)-length, "can't read %s", path);
	result = facts_from_json(text, (size_t)length, ret_facts, err);
	if (result < 0) {
		error_wrap(err, result, "%s", path);
		error_hint(err, "`amphora probe --json` writes such a file");
	}
	return result;
}

static int find_facts(void *scope, const struct probe_request *request, struct facts *ret_facts,
		      struct error *err)
{
	char *store, *runtime;
	int result;

	if (request->facts_file)
		return read_facts(scope, request->facts_file, ret_facts, err);
	result = store_data_directory(scope, &store, err);
	if (result < 0)
		return result;
	if (store_runtime_directory(scope, &runtime, NULL) < 0)
		runtime = NULL; /* no cache */
	return probe_cached(store, runtime, request->fresh, ret_facts, err);
}

/* 0 or EXIT_NO_BACKEND, with the two reasons on stderr. */
static int verdict(const struct facts *facts)
{
	char namespaces[FACT_TEXT_SIZE + 128], ptrace[FACT_TEXT_SIZE + 128];
	bool works = probe_namespaces_work(facts, namespaces, sizeof(namespaces));

	if (probe_ptrace_works(facts, ptrace, sizeof(ptrace)) || works)
		return EXIT_SUCCESS;
	fflush(stdout);
	fprintf(stderr, "amphora: no backend works here. namespaces: %s; ptrace: %s\n", namespaces,
		ptrace);
	return EXIT_NO_BACKEND;
}

int verb_probe(int argc, char **argv)
{
	struct probe_request request = {0};
	struct error err = ERROR_INIT;
	struct facts facts;
	void *scope;
	int index, result = options_parse(&table, argc, argv, &request, &index, &err);

	if (result > 0)
		return EXIT_SUCCESS;
	if (!result && index < argc)
		result = error_plain(&err, "probe takes no argument, not \"%s\"", argv[index]);
	if (result < 0)
		return verb_fail(&err);
	scope = talloc_new(NULL);
	result = find_facts(scope, &request, &facts, &err);
	if (!result) {
		fputs(request.json ? facts_to_json(scope, &facts)
				   : probe_table(scope, &facts, isatty(STDOUT_FILENO)),
		      stdout);
		if (request.json)
			putchar('\n');
		if (fflush(stdout) != 0)
			result = error_set(&err, errno, "can't write the table");
	}
	talloc_free(scope);
	return result < 0 ? verb_fail(&err) : verdict(&facts);
}
