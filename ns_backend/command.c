// SPDX-License-Identifier: Apache-2.0
/* The last steps before the command, in the process that becomes it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/path/rootfs.h"
#include "ns_backend/setup.h"

static void reset_signals(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_terminal(const struct ns_setup *setup, struct error *err)
{
	if (!setup->context->terminal)
		return 0;
	/* The guest's user owns its terminal; not fatal where it can't. */
	if (fchown(STDIN_FILENO, setup->context->uid, (gid_t)-1) < 0 && errno == ENOSYS)
		return error_set(err, errno, "cannot own the terminal");
	if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return error_set(err, errno, "cannot make the terminal the controlling one");
	return 0;
}

/* By the resolved directory, never by name: /proc/self/fd/N must not lead out (CVE-2024-21626). */
static int enter_directory(int root, const char *cwd, struct error *err)
{
	_cleanup_close_ int fd = -EBADF;
	char where[PATH_MAX];

	fd = rootfs_open(root, cwd, O_PATH | O_DIRECTORY, 0, err);
	if (fd < 0) {
		error_set(err, -fd, "cannot enter the working directory %s", cwd);
		error_hint(err, "It must exist in the root filesystem or in a mount (-w)");
		return fd;
	}
	if (fchdir(fd) < 0)
		return error_set(err, errno, "cannot enter the working directory %s", cwd);
	/* The kernel writes "(unreachable)" before a path outside the root. */
	if (!getcwd(where, sizeof(where)) || where[0] != '/')
		return error_plain(err, "the working directory %s lies outside the container", cwd);
	return 0;
}

static const char *search_path(char *const env[])
{
	for (; *env; env++)
		if (!strncmp(*env, "PATH=", 5))
			return *env + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* execve() of each candidate; returns the errno that tells most. */
static int execute_in_path(char *const argv[], char *const env[])
{
	char candidate[PATH_MAX];
	int best = ENOENT;

	for (const char *at = search_path(env); at;) {
		size_t length = strcspn(at, ":");

		if (snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)length, at,
			     length ? "/" : "", argv[0]) < (int)sizeof(candidate)) {
			execve(candidate, argv, env);
			if (errno == EACCES)
				best = EACCES; /* the search goes on, as execvp(3)'s does */
			else if (errno != ENOENT && errno != ENOTDIR)
				return errno;
		}
		at = at[length] ? at + length + 1 : NULL;
	}
	return best;
}

/* podman's words, which callers match. */
static void explain(const char *command, int code, struct error *err)
{
	struct stat status;

	if (code == ENOENT && !strchr(command, '/')) {
		error_plain(err, "%s: executable file not found in $PATH", command);
		error_exit_code(err, EXIT_NOT_FOUND);
	} else if (code == ENOENT || code == ENOTDIR) {
		error_set(err, code, "cannot execute %s", command);
		/* Not a host path any more, but the guest's root is ours here. */
		if (stat(command, &status) == 0)
			error_hint(err, "The file exists: the interpreter that it names doesn't");
		error_exit_code(err, EXIT_NOT_FOUND);
	} else {
		error_set(err, code, "cannot execute %s", command);
		if (code == ENOEXEC)
			error_hint(err, "It is for another machine (--platform and qemu-user-static run those), or a script without #!");
		error_exit_code(err, EXIT_NOT_EXECUTABLE);
	}
}

static void execute(const struct ns_setup *setup, struct error *err)
{
	const struct spec_process *process = &setup->plan->spec->process;
	/* execve() has no const, and changes nothing. */
	char *const *argv = (char *const *)(uintptr_t)process->argv;
	char *const *env = (char *const *)(uintptr_t)process->env;
	int code;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		code = errno;
	} else {
		code = argv[0][0] ? execute_in_path(argv, env) : ENOENT;
	}
	explain(argv[0], code, err);
}

_Noreturn void command_run(struct ns_setup *setup, int root)
{
	const char *cwd = setup->plan->spec->process.cwd;
	struct error *err = &setup->shared->error;
	int result;

	/* After an init's fork it is a group of its own again; alone it has one already. */
	setsid();
	/* The init is our parent where there is one, and no PID namespace may end us with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	result = take_terminal(setup, err);
	if (!result)
		result = privileges_set_limits(setup->plan, err);
	if (!result)
		result = enter_directory(root, cwd ? cwd : "/", err);
	if (!result)
		result = privileges_drop(setup, err);
	if (!result) {
		close(root);
		reset_signals();
		execute(setup, err);
	}
	atomic_store(&setup->shared->failed, true);
	_exit(EXIT_AMPHORA);
}
