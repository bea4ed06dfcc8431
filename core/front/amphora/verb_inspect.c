// SPDX-License-Identifier: Apache-2.0
/* amphora inspect: what a container that runs is held by, from its state directory; under path translation how much of
 * its calls need no stop, and who goes without.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/front/amphora/front.h"
#include "core/model/plan.h"
#include "core/monitor/state.h"
#include "core/store/store.h"

#define STATE_MAX (1 << 20)

static int set_json(void *target, const char *value, struct error *err)
{
	return option_boolean(value, target, err);
}

static const struct option_row rows[] = {
	{"json", 0, NULL, "as JSON", set_json, OPTION_EVERYDAY, NULL},
	{0},
};

const struct option_table inspect_options_table = {
	"inspect", "[flags] NAME", "Shows what a container that runs is held by, and its fast path.", rows, NULL};

/* False where there is none: namespaces, or off. */
static bool read_counts(const char *directory, struct fast_path_counts *counts)
{
	char path[4096];
	struct stat status;
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/" FAST_PATH_COUNTS_FILE, directory);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &status) == 0 && status.st_size >= (off_t)sizeof(*counts) &&
	       pread(fd, counts, sizeof(*counts), status.st_size - (off_t)sizeof(*counts)) ==
		       (ssize_t)sizeof(*counts) &&
	       counts->magic == FAST_PATH_COUNTS_MAGIC;
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_int64((int64_t)value));
}

static struct json_object *counts_json(const struct fast_path_counts *counts)
{
	struct json_object *json = json_object_new_object(), *lacks = json_object_new_object();

	add_number(json, "patched", counts->patched);
	add_number(json, "unpatched", counts->unpatched);
	add_number(json, "declined", counts->declined);
	add_number(json, "copies", counts->copies);
	add_number(json, "copied_sites", counts->copied);
	if (counts->ended)
		json_object_object_add(json, "ended",
				       json_object_new_string(fast_path_lack_name(
					       (enum fast_path_lack)(counts->ended - 1))));
	for (unsigned i = 0; i < FAST_LACK_COUNT; i++)
		if (counts->lacks[i])
			add_number(lacks, fast_path_lack_name((enum fast_path_lack)i), counts->lacks[i]);
	json_object_object_add(json, "without", lacks);
	return json;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

static void print_facets(struct json_object *facets)
{
	json_object_object_foreach(facets, name, facet) {
		printf("%-15s %-29s %s\n", name, text_of(facet, "mechanism"), text_of(facet, "strength"));
		if (!strcmp(name, "fast path") && !strcmp(text_of(facet, "mechanism"), mechanism_name(MECHANISM_EACH_CALL_STOPS)))
			printf("    %s\n", text_of(facet, "reason"));
	}
}

static void print_counts(const struct fast_path_counts *counts)
{
	printf("    %" PRIu64 " call sites patched; %" PRIu64 " used often can't be\n", counts->patched,
	       counts->unpatched);
	printf("    %" PRIu64 " calls from them came back; %" PRIu64 " copies with %" PRIu64 " sites\n",
	       counts->declined, counts->copies, counts->copied);
	if (counts->ended)
		printf("    over for everybody: %s\n",
		       fast_path_lack_name((enum fast_path_lack)(counts->ended - 1)));
	for (unsigned i = 0; i < FAST_LACK_COUNT; i++)
		if (counts->lacks[i])
			printf("    %" PRIu64 " without: %s\n", counts->lacks[i],
			       fast_path_lack_name((enum fast_path_lack)i));
}

static void print_table(struct json_object *state, const struct fast_path_counts *counts)
{
	static const char *const keys[] = {"name", "backend", "rootfs", "created"};
	struct json_object *facets;

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		printf("%-15s %s\n", keys[i], text_of(state, keys[i]));
	putchar('\n');
	if (json_object_object_get_ex(state, "facets", &facets))
		print_facets(facets);
	if (counts)
		print_counts(counts);
}

static int read_state(void *scope, const char *name, struct json_object **ret_state,
		      struct fast_path_counts *counts, bool *ret_has_counts, struct error *err)
{
	char *runtime, *memory, *directory, *text = talloc_zero_size(scope, STATE_MAX);
	struct json_object *state;
	int result = store_runtime_directory(scope, &runtime, err);
	ssize_t length;

	if (result)
		return result;
	if (!state_is_live(runtime, name)) {
		if (store_memory_directory(scope, &memory) < 0 || !state_is_live(memory, name)) {
			error_plain(err, "no container '%s' runs here", name);
			error_hint(err, "The directories in %s/containers have their names", runtime);
			return -ENOENT;
		}
		runtime = memory;
	}
	directory = talloc_asprintf(scope, "%s/containers/%s", runtime, name);
	length = file_read_at(AT_FDCWD, talloc_asprintf(scope, "%s/state.json", directory), text, STATE_MAX);
	if (length < 0)
		return error_set(err, (int)-length, "%s/state.json", directory);
	state = json_tokener_parse(text);
	if (!json_object_is_type(state, json_type_object)) {
		json_object_put(state);
		return error_plain(err, "%s/state.json is no JSON object", directory);
	}
	*ret_has_counts = read_counts(directory, counts);
	*ret_state = state;
	return 0;
}

int verb_inspect(int argc, char **argv)
{
	bool json = false, has_counts = false;
	struct fast_path_counts counts;
	struct error err = ERROR_INIT;
	struct json_object *state = NULL;
	void *scope = talloc_new(NULL);
	int index = 1, result = options_parse(&inspect_options_table, argc, argv, &json, &index, &err);

	if (!result && index + 1 != argc)
		result = error_plain(&err, "inspect takes the name of one container. See `amphora inspect --help`");
	if (!result)
		result = read_state(scope, argv[index], &state, &counts, &has_counts, &err);
	if (!result && json) {
		if (has_counts)
			json_object_object_add(state, "fast_path", counts_json(&counts));
		puts(json_object_to_json_string_ext(state, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	} else if (!result) {
		print_table(state, has_counts ? &counts : NULL);
	}
	json_object_put(state);
	talloc_free(scope);
	return result < 0 ? verb_fail(&err) : EXIT_SUCCESS;
}
