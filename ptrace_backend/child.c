// SPDX-License-Identifier: Apache-2.0
/* The first process between fork and its command.
 *
 * The tracer may have threads (terminal pump, signals), hence only async-signal-safe calls here. From the
 * filter's installation on, this process is a guest: chdir and execve take guest paths and are
 * translated like any other.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/notify.h"
#include "ptrace_backend/tracer.h"

static void fail(struct start_report *report, enum start_stage stage)
{
	report->error = errno;
	report->stage = stage;
	_exit(EXIT_AMPHORA);
}

static void close_from(unsigned first)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = 4096;
	for (unsigned fd = first; fd < limit.rlim_cur && fd < 65536; fd++)
		close((int)fd);
}

static void set_stdio(const struct backend_context *context, struct start_report *report)
{
	if (!context->plan->spec->process.inherit)
		setsid();
	for (int fd = 0; fd < 3; fd++)
		if (context->stdio[fd] != fd && dup2(context->stdio[fd], fd) < 0)
			fail(report, START_STAGE_STDIO);
	/* dup2 onto itself would have kept O_CLOEXEC. */
	for (int fd = 0; fd < 3; fd++)
		fcntl(fd, F_SETFD, 0);
	if (context->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		fail(report, START_STAGE_STDIO);
}

/* What the caller ignores stays ignored where all is inherited: nohup. SIGPIPE is the monitor's doing. */
static void reset_signals(bool inherit)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, current;
	sigset_t none;

	for (int number = 1; number < 65; number++)
		if (!inherit || number == SIGPIPE || sigaction(number, NULL, &current) < 0 ||
		    current.sa_handler != SIG_IGN)
			sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_limits(const struct spec *spec, struct start_report *report)
{
	for (size_t i = 0; i < spec->rlimit_count; i++)
		if (setrlimit((__rlimit_resource_t)spec->rlimits[i].resource,
			      &spec->rlimits[i].limit) < 0)
			fail(report, START_STAGE_LIMITS);
}

static void set_ids(const struct backend_context *context, struct start_report *report)
{
	if (context->plan->fake_ids || context->plan->keep_ids)
		return;
	if (setgroups(context->group_count, context->groups) < 0 ||
	    setresgid(context->gid, context->gid, context->gid) < 0 ||
	    setresuid(context->uid, context->uid, context->uid) < 0)
		fail(report, START_STAGE_IDS);
}

/* What the machine's root may do beyond the plan's capabilities (freeze a file system, set up the host's
 * network) no path translation could take back. For another user there is nothing to give up.
 * no_new_privs, which the filter needs, keeps execve from giving anything back. */
static void drop_capabilities(uint64_t keep, struct start_report *report)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned capability = 0; capability < 64; capability++)
		if (!(keep >> capability & 1))
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* EPERM: as above */
	if (syscall(SYS_capget, &header, data) < 0)
		fail(report, START_STAGE_CAPABILITIES);
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		fail(report, START_STAGE_CAPABILITIES);
}

/* Moves an fd to the first place behind the guest's own; it closes itself at execve. */
static int keep_above(int fd, unsigned place)
{
	if (fd < 0 || fd == (int)place)
		return fd;
	return dup3(fd, (int)place, O_CLOEXEC);
}

static void install_filter(const struct sock_fprog *filter, int notify_fd,
			   struct start_report *report)
{
	int listener, error = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(report, START_STAGE_FILTER);
	if (notify_fd < 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter) < 0)
			fail(report, START_STAGE_FILTER);
		return;
	}
	listener = notify_install(filter);
	if (listener >= 0)
		error = notify_send_listener(notify_fd, listener);
	if (listener < 0 || error) {
		errno = listener < 0 ? -listener : -error;
		fail(report, START_STAGE_FILTER);
	}
	close(listener);
	close(notify_fd);
}

/* A damaged program, or one for another machine. */
static bool is_elf(const char *file)
{
	char magic[SELFMAG];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool answer = fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
		      !memcmp(magic, ELFMAG, SELFMAG);

	if (fd >= 0)
		close(fd);
	return answer;
}

/* execvp(3) hands a file that the kernel takes for no program to the shell, and PRoot with it. */
static void execute_by_shell(const char *file, char **argv, char **env)
{
	size_t count = 1;
	char **words;

	while (argv[count])
		count++;
	/* malloc's lock may be a lost thread's */
	words = mmap(NULL, (count + 2) * sizeof(*words), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		return;
	words[0] = (char[]){ "/bin/sh" };
	words[1] = (char *)(uintptr_t)file;
	memcpy(words + 2, argv + 1, count * sizeof(*words));
	execve(words[0], words, env);
}

static void execute_file(const struct spec_process *process, const char *file, char **argv,
			 char **env)
{
	execve(file, argv, env);
	if (errno != ENOEXEC || !process->inherit)
		return;
	if (!is_elf(file))
		execute_by_shell(file, argv, env);
	errno = ENOEXEC;
}

/* As execvp(3), with the guest's PATH; every try is an execve that the tracer translates. */
static void execute(const struct spec_process *process, struct start_report *report)
{
	/* PRoot finds nothing without PATH, and "amphora run" always has one. */
	const char *path = process->inherit ? "" : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char **argv = (char **)(uintptr_t)process->argv, **env = (char **)(uintptr_t)process->env;
	char candidate[PATH_SIZE];
	int worst = ENOENT;
	size_t length;

	for (size_t i = 0; i < process->env_count; i++)
		if (!strncmp(process->env[i], "PATH=", 5))
			path = process->env[i] + 5;
	if (strchr(argv[0], '/')) {
		execute_file(process, argv[0], argv, env);
		fail(report, START_STAGE_COMMAND);
	}
	while (*path && *argv[0]) {
		const char *end = strchrnul(path, ':');

		length = (size_t)(end - path);
		if (length + strlen(argv[0]) + 2 <= sizeof(candidate)) {
			memcpy(candidate, path, length);
			if (length)
				candidate[length++] = '/';
			memcpy(candidate + length, argv[0], strlen(argv[0]) + 1);
			execute_file(process, candidate, argv, env);
			if (errno != ENOENT && errno != ENOTDIR) {
				worst = errno;
				if (errno != EACCES)
					break;
			}
		}
		path = *end ? end + 1 : end;
	}
	errno = worst;
	fail(report, START_STAGE_COMMAND);
}

void child_run(const struct backend_context *context, const struct sock_filter *program,
	       unsigned program_length, int go_fd, int notify_fd, int guest_ruleset,
	       struct start_report *report)
{
	const struct spec *spec = context->plan->spec;
	struct sock_fprog filter = {
		.len = (unsigned short)program_length,
		.filter = (struct sock_filter *)(uintptr_t)program,
	};
	char go;

	if (read(go_fd, &go, 1) != 1)
		_exit(EXIT_AMPHORA);
	set_stdio(context, report);
	if (landlock_confine_guest(guest_ruleset) < 0)
		fail(report, START_STAGE_LANDLOCK);
	if (!spec->process.inherit) { /* ours are all close-on-exec */
		bool notifies = notify_fd >= 0;

		notify_fd = keep_above(notify_fd, 3 + spec->process.preserve_fds);
		if (notifies && notify_fd < 0) /* calls would be answered ENOSYS */
			fail(report, START_STAGE_FILTER);
		close_from(3 + spec->process.preserve_fds + (notify_fd >= 0));
	}
	set_limits(spec, report);
	set_ids(context, report);
	drop_capabilities(context->plan->capabilities, report);
	reset_signals(spec->process.inherit);
	install_filter(&filter, notify_fd, report);
	if (chdir(spec->process.cwd ? spec->process.cwd : "/") < 0)
		fail(report, START_STAGE_CWD);
	execute(&spec->process, report);
	_exit(EXIT_AMPHORA);
}
