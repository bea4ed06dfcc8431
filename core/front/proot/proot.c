// SPDX-License-Identifier: Apache-2.0
/* `proot [option] ... [command]`: from words to an exit code.
 *
 * It always runs by path translation, on a bare spec: what PRoot shows is the root and what was
 * bound, with the caller's environment, session and open files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/page.h"
#include "core/front/proot/proot.h"
#include "core/model/plan.h"
#include "core/monitor/monitor.h"
#include "core/store/links.h"
#include "core/store/store.h"
#include "probe/probe.h"

extern char **environ;

static void complete_command(struct spec *spec, int argc, char **argv, int index)
{
	static const char *const login_shell[] = {"/bin/sh", "-l"};
	struct spec_process *process = &spec->process;
	int count = index < argc ? argc - index : 2;

	process->argv = talloc_zero_array(spec, const char *, (size_t)count + 1);
	for (int i = 0; i < count; i++)
		process->argv[i] = index < argc ? argv[index + i] : login_shell[i];
	process->argc = (size_t)count;
}

/* The caller's, with PWD kept true. */
static void complete_environment(struct spec *spec)
{
	struct spec_process *process = &spec->process;
	size_t count = 0;

	while (environ && environ[count])
		count++;
	process->env = talloc_zero_array(spec, const char *, count + 2);
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "PWD=", 4) != 0)
			process->env[process->env_count++] = talloc_strdup(spec, environ[i]);
	process->env[process->env_count++] = talloc_asprintf(spec, "PWD=%s", process->cwd);
}

static int complete(struct proot_request *request, int argc, char **argv, int index,
		    struct error *err)
{
	struct spec *spec = request->spec;
	int result = proot_complete_spec(request, err);

	if (!result)
		result = fast_path_from_environment(&spec->fast_path, err);
	if (result)
		return result;
	spec->bare = true;
	spec->backend = BACKEND_PTRACE;
	if (spec->links == LINKS_AUTO)
		spec->links = LINKS_KERNEL; /* -l asks for more */
	spec->ids = request->ids ? IDS_CHANGED : IDS_HOST;
	spec->process.user = request->ids;
	spec->process.interactive = true;
	spec->process.inherit = true;
	complete_command(spec, argc, argv, index);
	complete_environment(spec);
	return spec_validate(spec, err);
}

/* PRoot needs no home: without a usable one our files go where the live state is. The guest's
 * environment has been copied by now. */
static int find_directories(void *parent, char **ret_data, char **ret_runtime, struct error *err)
{
	struct error ignored = ERROR_INIT;
	const char *temporary = getenv("PROOT_TMP_DIR");
	int result;

	if (temporary && temporary[0] == '/') {
		setenv("TMPDIR", temporary, 1);
		unsetenv("XDG_RUNTIME_DIR");
	}
	result = store_runtime_directory(parent, ret_runtime, err);
	if (result || store_data_directory(parent, ret_data, &ignored) == 0)
		return result;
	setenv("XDG_DATA_HOME", *ret_runtime, 1);
	return store_data_directory(parent, ret_data, err);
}

static int make_plan(void *parent, const struct spec *spec, struct plan **ret_plan,
		     struct error *err)
{
	struct facts *facts = talloc_zero(parent, struct facts);
	struct host_info host = {0};
	char *data, *runtime;
	struct utsname names;
	int result = find_directories(parent, &data, &runtime, err);

	if (!result)
		result = probe_cached(data, runtime, false, facts, err);
	if (result)
		return result;
	if (uname(&names) == 0)
		host.machine_hostname = talloc_strdup(parent, names.nodename);
	host.page_size = (unsigned)page_size();
	host.rootfs_has_links = links_exist(spec->rootfs);
	return decide(parent, spec, facts, &host, ret_plan, err);
}

static void print_configuration(const struct spec *spec)
{
	if (proot_verbosity() <= 0)
		return;
	proot_info("root = %s", spec->rootfs);
	proot_info("exe = %s", spec->process.argv[0]);
	proot_info("initial cwd = %s", spec->process.cwd);
	proot_info("verbose level = %d", proot_verbosity());
	proot_options_explain_environment();
}

/* In PRoot's words where scripts look for them. Its exit code is 1 for every failure of its own. */
static int fail(const struct spec *spec, const struct error *err)
{
	const char *path = getenv("PATH"), *command = spec->process.argv ? spec->process.argv[0] : NULL;
	char line[sizeof(err->message) + sizeof(err->hint) + 128];

	if (err->exit_code == EXIT_NOT_FOUND && command)
		proot_error("'%s' not found (root = %s, cwd = %s, $PATH=%s)", command, spec->rootfs,
			    spec->process.cwd, path ? path : "(null)");
	else if (err->exit_code == EXIT_NOT_EXECUTABLE && command)
		proot_error("execve(\"%s\"): %s", command, strerror(err->code));
	else
		proot_error("%s", error_format(err, line, sizeof(line)));
	if (err->exit_code && err->hint[0])
		proot_info("%s", err->hint);
	fprintf(stderr, "fatal error: see `proot --help`.\n");
	return EXIT_FAILURE;
}

static int run(void *scope, int argc, char **argv)
{
	struct proot_request *request = talloc_zero(scope, struct proot_request);
	struct error err = ERROR_INIT;
	struct plan *plan = NULL;
	int index, exit_code = EXIT_FAILURE, result;

	request->spec = spec_new(request);
	result = proot_options_parse(request, argc, argv, &index, &err);
	if (result > 0)
		return EXIT_SUCCESS;
	if (result < 0)
		return fail(request->spec, &err);
	log_set_level(proot_verbosity() < 0 ? LOG_LEVEL_ERROR :
		      proot_verbosity() > 2 ? LOG_LEVEL_DEBUG :
					      LOG_LEVEL_WARNING);
	result = complete(request, argc, argv, index, &err);
	if (!result)
		result = make_plan(request, request->spec, &plan, &err);
	if (!result)
		print_configuration(request->spec);
	if (!result)
		result = monitor_run(plan, &exit_code, &err);
	return result ? fail(request->spec, &err) : exit_code;
}

int proot_main(int argc, char **argv)
{
	void *scope;
	int exit_code;

	if (argc < 2) {
		proot_usage(false);
		fprintf(stderr, "fatal error: see `proot --help`.\n");
		return EXIT_FAILURE;
	}
	scope = talloc_new(NULL);
	exit_code = run(scope, argc, argv);
	talloc_free(scope);
	return exit_code;
}

int care_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fprintf(stderr, "care error: amphora makes no archives of what a command touches: PRoot's own care does.\n");
	return EXIT_FAILURE;
}
