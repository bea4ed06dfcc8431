// SPDX-License-Identifier: Apache-2.0
/* The tiny init: stands above the command, reaps, carries signals, and ends with it.
 *
 * In a PID namespace it is PID 1 and its end kills everybody. Without one it is a subreaper: every
 * orphan of the guest becomes its child, so killing its children until there are none leaves nobody;
 * the monitor's death reaches it as SIGRTMAX. The command's wait status goes to the monitor through
 * shared memory, since an exit code can't say "killed by".
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ns_backend/setup.h"

void init_prepare(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Keeps nothing of the guest's open: a pipe's reader would wait for us. Returns where host_proc is. */
static int drop_fds(int host_proc)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null_fd < 0 || dup2(null_fd, fd) < 0)
			close(fd);
	if (host_proc >= 0 && host_proc != 3 && dup3(host_proc, 3, O_CLOEXEC) == 3)
		host_proc = 3;
	child_close_from(host_proc == 3 ? 4 : 3);
	return host_proc;
}

/* The parent of a process, from the host's view: /proc/PID/stat "pid (comm) state ppid". */
static pid_t parent_of(int host_proc, const char *pid)
{
	char path[NAME_MAX + 8], text[512];
	const char *at;

	snprintf(path, sizeof(path), "%s/stat", pid);
	if (file_read_at(host_proc, path, text, sizeof(text)) < 0)
		return -1;
	at = strrchr(text, ')');
	return at && strlen(at) > 4 ? (pid_t)atoi(at + 4) : -1;
}

static void kill_children(int host_proc)
{
	_cleanup_closedir_ DIR *processes = NULL;
	struct dirent *entry;
	int fd = openat(host_proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	processes = fd < 0 ? NULL : fdopendir(fd);
	if (!processes)
		return;
	while ((entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    parent_of(host_proc, entry->d_name) == getpid())
			kill(atoi(entry->d_name), SIGKILL);
}

/* A killed child's children become ours, so this ends when the last one has. */
static void sweep(int host_proc)
{
	do
		kill_children(host_proc);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* True when the command was among them. */
static bool reap(pid_t command, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command) {
			*ret_status = status;
			ended = true;
		}
	}
	return ended;
}

static void carry(pid_t command, int signal)
{
	if (signal == SIGTSTP)
		kill(-command, SIGSTOP); /* the command leads its group */
	else if (signal == SIGCONT)
		kill(-command, SIGCONT);
	else
		kill(command, signal);
}

_Noreturn void init_run(struct ns_setup *setup, pid_t command, int host_proc)
{
	bool sweeps = !(setup->plan->clone_flags & CLONE_NEWPID);
	sigset_t all;
	int status = 0;

	host_proc = drop_fds(host_proc);
	privileges_drop_init(NULL);
	prctl(PR_SET_NAME, "amphora-init");
	sigfillset(&all);
	for (;;) {
		int signal = sigwaitinfo(&all, NULL);

		if (signal == SIGCHLD) {
			if (reap(command, &status))
				break;
		} else if (sweeps && signal == SIGRTMAX) {
			sweep(host_proc);
			_exit(EXIT_AMPHORA);
		} else if (signal > 0) {
			carry(command, signal);
		}
	}
	setup->shared->wait_status = status;
	atomic_store(&setup->shared->command_ended, true);
	if (sweeps)
		sweep(host_proc);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
