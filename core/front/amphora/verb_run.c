// SPDX-License-Identifier: Apache-2.0
/* amphora run and amphora plan: words -> spec -> facts -> plan, then run it or show it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "core/front/amphora/front.h"
#include "core/front/amphora/run_request.h"
#include "core/front/emulator.h"
#include "core/model/plan.h"
#include "core/monitor/monitor.h"
#include "core/store/links.h"
#include "core/store/store.h"
#include "probe/probe.h"

#define FACTS_FILE_MAX (1 << 20)

static int read_facts_file(void *parent, const char *path, struct facts *ret_facts,
			   struct error *err)
{
	char *text = talloc_size(parent, FACTS_FILE_MAX);
	ssize_t length = file_read_at(AT_FDCWD, path, text, FACTS_FILE_MAX);

	if (length < 0)
		return error_set(err, (int)-length, "facts file %s", path);
	if (facts_from_json(text, (size_t)length, ret_facts, err))
		return error_wrap(err, -EINVAL, "facts file %s", path);
	return 0;
}

static int gather_facts(void *parent, const char *facts_file, struct facts *ret_facts,
			struct error *err)
{
	char *store, *runtime;
	int result;

	if (facts_file)
		return read_facts_file(parent, facts_file, ret_facts, err);
	result = store_data_directory(parent, &store, err);
	if (!result)
		result = store_runtime_directory(parent, &runtime, err);
	if (!result)
		result = probe_cached(store, runtime, false, ret_facts, err);
	return result;
}

/* A root that is another machine's says so by its shell. */
static void find_emulator(void *parent, struct spec *spec, struct host_info *host)
{
	if (!spec->platform && !spec->host_image && spec->rootfs) {
		spec->platform = emulator_platform_of_root(spec->rootfs);
		spec->platform_found = spec->platform != NULL;
	}
	emulator_find(parent, spec->platform, host);
}

static const char *read_resolv_conf(void *parent)
{
	char *text = talloc_size(parent, 16384);

	return file_read_at(AT_FDCWD, "/etc/resolv.conf", text, 16384) < 0 ? NULL : text;
}

static void show_plan(void *parent, const struct plan *plan, bool json)
{
	char *text = json ? plan_to_json(parent, plan) : plan_to_table(parent, plan);
	size_t length = strlen(text);

	fputs(text, stdout);
	if (length == 0 || text[length - 1] != '\n')
		putchar('\n');
}

/* The whole of both verbs. Returns 0 with the exit code, or -errno with err. */
static int execute(void *parent, const struct option_table *table, int argc, char **argv,
		   bool only_show, int *ret_exit_code, struct error *err)
{
	struct run_request *request = NULL;
	struct host_info host = {0};
	struct facts *facts = talloc_zero(parent, struct facts);
	struct plan *plan = NULL;
	int result = run_request_parse(parent, table, argc, argv, &request, err);

	*ret_exit_code = EXIT_SUCCESS;
	if (result)
		return result < 0 ? result : 0;
	only_show = only_show || request->dry_run;
	if (request->facts_file && !only_show)
		return error_plain(err, "--facts can only be planned for, not run: use amphora plan");
	result = gather_facts(parent, request->facts_file, facts, err);
	if (result)
		return result;
	host.resolv_conf = read_resolv_conf(parent);
	host.hostname = request->spec->name;
	find_emulator(parent, request->spec, &host);
	host.page_size = (unsigned)page_size();
	host.rootfs_has_links = !request->spec->host_image && links_exist(request->spec->rootfs);
	result = decide(parent, request->spec, facts, &host, &plan, err);
	if (plan && only_show)
		show_plan(parent, plan, request->json);
	if (result || only_show || !plan)
		return result;
	for (unsigned i = 0; i < plan->warning_count; i++)
		log_warning("%s", plan->warnings[i]);
	return monitor_run(plan, ret_exit_code, err);
}

static int run_verb(const struct option_table *table, int argc, char **argv, bool only_show)
{
	struct error err = ERROR_INIT;
	void *scope = talloc_new(NULL);
	int exit_code;
	int result = execute(scope, table, argc, argv, only_show, &exit_code, &err);

	talloc_free(scope);
	return result ? verb_fail(&err) : exit_code;
}

int verb_run(int argc, char **argv)
{
	return run_verb(&run_options_table, argc, argv, false);
}

int verb_plan(int argc, char **argv)
{
	return run_verb(&plan_options_table, argc, argv, true);
}
