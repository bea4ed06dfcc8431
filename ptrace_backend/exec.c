// SPDX-License-Identifier: Apache-2.0
/* execve in the guest: plan it, let the kernel execute our own binary, send that to the loader.
 *
 * Theory of operation
 *
 *   stop at entry    find the program (scripts: up to five levels), its interpreter, check that
 *                    both can be executed; any failure is answered here and nothing has happened.
 *                    The path argument becomes a carrier's (carrier.h): amphora itself, or its loader
 *                    for 32-bit programs; a script gets a new argv.
 *   exec event       the kernel has built the stack, environment and auxiliary vector. The script
 *                    for the loader goes into the carrier's data, the registers to the loader.
 *   loader's opens   one for the program and one for its interpreter, both by host path, passed
 *                    untranslated. The first tells where the scratch area is (exec_load.c).
 *
 * A program of another machine becomes the emulator's argument (plan->emulator), which then makes
 * ordinary calls with the guest's paths; its own execve comes here again.
 *
 * Nothing is written to disk for a 64-bit program, and nothing in the root filesystem has to be
 * executable for the kernel's execve.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/carrier.h"
#include "ptrace_backend/exec_job.h"
#include "ptrace_backend/exec_known.h"
#include "ptrace_backend/exec_rights.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

static ssize_t read_file(void *context, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n = pread(*(const int *)context, buffer, size, (off_t)offset);

	return n < 0 ? -errno : n;
}

int exec_parse(int fd, unsigned compat, struct elf_image *ret_image)
{
	struct stat status;
	int error = fstat(fd, &status) < 0 ? -errno :
					     elf_image_parse(read_file, &fd, ARCH_ELF_MACHINE, compat,
							     page_size(), ret_image);

	if (!error) {
		ret_image->device = status.st_dev;
		ret_image->inode = status.st_ino;
	}
	return error;
}

/* Opens a resolved file for execution. Returns an fd, or the errno that execve would give. */
static int open_executable(struct tracee *tracee, const struct path_result *file,
			   struct stat *ret_status)
{
	_cleanup_close_ int fd = -EBADF;
	uint32_t mount = tracee_mount_flags(tracee, &file->position);

	if (!(file->flags & PATH_RESULT_MAGIC) && (mount & PATH_MOUNT_NOEXEC))
		return -EACCES;
	fd = exec_open(tracee, file->host, ret_status);
	if (fd < 0)
		return fd == -EISDIR ? -EACCES : fd;
	if (!S_ISREG(ret_status->st_mode))
		return -EACCES;
	if (tracee->tracer->fake_ids)
		ids_guest_stat(tracee->tracer, NULL, fd, ret_status);
	if (!(ret_status->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) ||
	    (permissions_on(tracee) && permissions_allow(tracee, ret_status, X_OK) < 0))
		return -EACCES;
	return steal_fd(&fd);
}

/* What a person should know when the container's own command can't be executed. */
static void explain(struct tracee *tracee, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void explain(struct tracee *tracee, const char *format, ...)
{
	struct tracer *tracer = tracee->tracer;
	va_list arguments;

	if (tracer->started)
		return;
	va_start(arguments, format);
	vsnprintf(tracer->exec_failure, sizeof(tracer->exec_failure), format, arguments);
	va_end(arguments);
}

/* The machine of 32-bit programs, EM_*, or 0 where their calls can't be told from others. */
static unsigned compat_machine(const struct tracee *tracee)
{
	return tracee->tracer->plan->syscall_info ? carrier_compat_machine() : 0;
}

static void explain_format(struct tracee *tracee, const struct exec_job *job,
			   const struct platform *platform)
{
	const struct plan *plan = tracee->tracer->plan;
	const char *name = job->is_script ? job->prefix[0] : job->given;

	if (!platform)
		return;
	if (platform_is_native(platform) && platform != platform_here() && !compat_machine(tracee))
		explain(tracee, "%.120s is for %s: %s", name, platform->machine,
			plan->syscall_info ?
				"this amphora was built by a compiler without 32-bit programs" :
				"32-bit programs need PTRACE_GET_SYSCALL_INFO (Linux 5.3)");
	else if (platform_is_native(platform))
		explain(tracee, "%.120s is damaged, or not a program", name);
	else if (plan->spec->bare)
		explain(tracee, "%.120s is for %s: -q qemu-%s-static runs it (package "
			"qemu-user-static)", name, platform->machine, platform->machine);
	else if (plan->spec->platform == platform)
		explain(tracee, "%.120s is for %s: install qemu-user-static", name,
			platform->machine);
	else
		explain(tracee, "%.120s is for %s: --platform linux/%s runs it (package "
			"qemu-user-static)", name, platform->machine, platform->name);
}

static void explain_pages(struct tracee *tracee, const struct exec_job *job, const char *program, int error)
{
	if (error == -EINVAL)
		explain(tracee, "%.100s can't be loaded: %.100s is linked for smaller pages than this kernel's, "
			"which have %u KiB", job->given, program, (unsigned)(page_size() / 1024));
}

/* The ELF program in `fd`, or what runs it: the emulator's file takes its place. Both stand on the host
 * side: the guest can't name, see or change the emulator. */
static int parse_program(struct tracee *tracee, struct exec_job *job, int fd, const char *head,
			 size_t size)
{
	const struct emulator *emulator = tracee->tracer->plan->emulator;
	const struct platform *platform = platform_of_program(head, size);
	int error = exec_parse(fd, compat_machine(tracee), &job->program);

	if (!emulator || !platform || (error != -ENOEXEC && !emulator->native_too) ||
	    (emulator->platform && emulator->platform != platform)) {
		explain_pages(tracee, job, job->given, error);
		if (error == -ENOEXEC)
			explain_format(tracee, job, platform);
		return error;
	}
	return exec_take_emulator(tracee, job);
}

/* Follows scripts to the ELF program. *file is the first file, resolved; it becomes the program. */
static int find_program(struct tracee *tracee, struct exec_job *job, struct path_result *file)
{
	char head[EXEC_HEAD_SIZE], interpreter[EXEC_HEAD_SIZE], argument[EXEC_HEAD_SIZE];
	char script[EXEC_HEAD_SIZE] = "";
	int error;

	for (unsigned level = 0;; level++) {
		_cleanup_close_ int fd = -EBADF;
		struct stat status;
		ssize_t n;

		if (!tracee->tracer->plan->emulator &&
		    exec_known(tracee, file, &job->program, &job->credentials, &job->credentials.status))
			return 0;
		fd = open_executable(tracee, file, &job->credentials.status);
		if (fd < 0)
			return fd;
		if (fstat(fd, &status) < 0)
			return -errno;
		n = pread(fd, head, sizeof(head), 0);
		if (n < 0)
			return -errno;
		if (shebang_parse(head, (size_t)n, interpreter, argument) < 0) {
			exec_credentials_read(tracee, fd, &job->credentials);
			error = parse_program(tracee, job, fd, head, (size_t)n);
			if (!error && !job->is_emulated)
				exec_known_remember(tracee, &status, &job->program, &job->credentials);
			if (!error && (file->flags & PATH_RESULT_MAGIC) && !job->is_emulated)
				job->held_fd = steal_fd(&fd);
			return error;
		}
		if (level == SCRIPT_LEVELS)
			return -ELOOP;
		error = exec_push_script(job, script, interpreter, argument);
		if (error)
			return error;
		memcpy(script, interpreter, sizeof(script));
		error = exec_known_resolve(tracee, interpreter, file);
		if (error)
			return error;
	}
}

static int find_interpreter(struct tracee *tracee, struct exec_job *job)
{
	struct stat status;
	_cleanup_close_ int fd = -EBADF;
	int error;

	if (!job->program.has_interpreter || job->is_emulated)
		return 0;
	error = exec_known_resolve(tracee, job->program.interpreter, &job->interpreter_file);
	if (!error && exec_known(tracee, &job->interpreter_file, &job->interpreter, NULL, &status))
		return job->interpreter.compat == job->program.compat ? 0 : -ELIBBAD;
	if (!error) {
		fd = open_executable(tracee, &job->interpreter_file, &status);
		error = fd < 0 ? fd : fstat(fd, &status) < 0 ? -errno : 0;
	}
	if (error) {
		log_debug("%s: its interpreter %s: %s", job->given, job->program.interpreter,
			  strerror(-error));
		explain(tracee, "%.100s needs %.100s, which the root lacks or can't execute",
			job->given, job->program.interpreter);
		return error;
	}
	error = exec_parse(fd, compat_machine(tracee), &job->interpreter);
	explain_pages(tracee, job, job->program.interpreter, error);
	if (!error)
		exec_known_remember(tracee, &status, &job->interpreter, NULL);
	if (!error && job->interpreter.compat != job->program.compat)
		error = -ENOEXEC;
	return error == -ENOEXEC ? -ELIBBAD : error;
}

/* Resolves what is to be executed: by path, or by fd (execveat with AT_EMPTY_PATH). */
static int find_file(struct tracee *tracee, struct exec_job *job, bool at)
{
	struct path_result *file = &job->program_file;
	uint64_t address = tracee_argument(tracee, at ? 1 : 0);
	uint64_t flags = at ? tracee_argument(tracee, 4) : 0;
	int dirfd = at ? (int)tracee_argument(tracee, 0) : AT_FDCWD;
	int length;

	if (flags & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	length = tracee_read_string(tracee, address, job->given, sizeof(job->given));
	if (length < 0)
		return length;
	if (length == 0 && (flags & AT_EMPTY_PATH)) {
		job->by_fd = true;
		struct path_position position;
		int error = tracee_fd_position(tracee, dirfd, &position);

		if (error == -EBADF)
			return error;
		memset(file, 0, offsetof(struct path_result, host));
		file->fd = -1;
		if (!error)
			file->position = position;
		file->flags = PATH_RESULT_MAGIC;
		file->host_length = (uint32_t)tracee_fd_host(tracee, dirfd, file->host, PATH_SIZE);
		snprintf(job->given, sizeof(job->given), "/dev/fd/%d", dirfd);
		if (!error && !(position.flags & PATH_POSITION_DELETED)) {
			int n = path_to_host(tracee_table(tracee), &position, file->host,
					     PATH_SIZE);

			guest_links_name(tracee, &file->position);
			file->flags = 0;
			return n < 0 ? n : (file->host_length = (uint32_t)n, 0);
		}
		return 0;
	}
	length = flags & AT_SYMLINK_NOFOLLOW || job->given[0] != '/' ?
			 tracee_resolve_string(tracee, dirfd, job->given, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW,
					       file) :
			 exec_known_resolve(tracee, job->given, file);
	if (!length && (file->flags & PATH_RESULT_SYMLINK))
		return -ELOOP;
	/* A script's interpreter is told a name that it can open (fs/exec.c: alloc_bprm()). */
	if (!length && dirfd != AT_FDCWD && job->given[0] != '/') {
		char *name = tracee->tracer->path;

		memcpy(name, job->given, sizeof(job->given));
		if (snprintf(job->given, sizeof(job->given), "/dev/fd/%d/%s", dirfd, name) >=
		    (int)sizeof(job->given))
			return -ENAMETOOLONG;
	}
	return length;
}

/* What /proc/PID/exe says of a program that has no path: as the kernel names it. */
static void name_by_fd(struct tracee *tracee, const char *host, char *name, size_t size)
{
	static const char deleted[] = " (deleted)";
	struct path_position position;
	ssize_t n;
	int length;

	if (tracee_link_position(tracee, host, -1, &position) == 0) {
		length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, name, size);
		if (length >= 0) {
			if (position.flags & PATH_POSITION_DELETED)
				snprintf(name + length, size - (size_t)length, "%s", deleted);
			return;
		}
	}
	n = readlink(host, name, size - 1);
	name[n < 0 ? 0 : n] = '\0';
	/* memfds aside, a path outside the guest's tree is nobody's business. */
	if (strncmp(name, "/memfd:", 7) != 0)
		snprintf(name, size, "/%s", deleted);
}

/* What the guest is told about the program, before the emulator's file stands in for it. */
static void name_program(struct tracee *tracee, struct exec_job *job)
{
	struct path_result *file = &job->program_file;

	job->credentials.nosuid = tracee_mount_flags(tracee, &file->position) & PATH_MOUNT_NOSUID;
	if (file->flags & PATH_RESULT_MAGIC)
		name_by_fd(tracee, file->host, job->exe, sizeof(job->exe));
	else if (path_to_guest(tracee_table(tracee), &tracee->fs->root, &file->position, job->exe,
			       sizeof(job->exe)) < 0)
		snprintf(job->exe, sizeof(job->exe), "%s", job->given);
	if (job->is_emulated)
		exec_name_emulator(tracee, job);
}

static int close_held(struct exec_job *job)
{
	if (exec_is_held(job))
		close(job->held_fd);
	return 0;
}

enum verdict handle_execve(struct tracee *tracee, const struct syscall_row *row)
{
	char *carrier = tracee->tracer->path;
	bool at = row->number == SYS_execveat;
	struct exec_job *job = talloc_zero(tracee, struct exec_job);
	uint64_t address;
	int error = job ? 0 : -ENOMEM;

	if (!error) {
		job->held_fd = -EBADF;
		talloc_set_destructor(job, close_held);
		error = find_file(tracee, job, at);
	}
	error = error ? error : find_program(tracee, job, &job->program_file);
	error = error ? error : find_interpreter(tracee, job);
	if (!error)
		name_program(tracee, job);
	error = error ? error : exec_credentials_judge(tracee, &job->credentials);
	if (!error && (job->is_script || job->is_emulated))
		error = exec_write_arguments(tracee, job, at ? 2 : 1);
	if (!error) {
		error = carrier_path(tracee, job->program.compat, carrier, PATH_SIZE);
		if (error == -ENOEXEC)
			explain(tracee, "%.100s: 32-bit programs need a runtime directory that isn't "
				"mounted noexec (XDG_RUNTIME_DIR)", job->given);
	}
	if (!error)
		error = tracee_put(tracee, carrier, strlen(carrier) + 1, &address);
	if (error) {
		talloc_free(job);
		return tracee_answer(tracee, error);
	}
	guest_links_used(tracee, &job->program_file);
	guest_links_used(tracee, &job->interpreter_file);
	if (at) {
		tracee_set_number(tracee, SYS_execve);
		tracee_set_argument(tracee, 1, tracee_argument(tracee, 2));
		tracee_set_argument(tracee, 2, tracee_argument(tracee, 3));
	}
	tracee_set_argument(tracee, 0, address);
	talloc_free(tracee->exec);
	tracee->exec = job;
	tracee->state = TRACEE_EXECING;
	return VERDICT_EXIT;
}

void exec_on_failure(struct tracee *tracee)
{
	if (tracee->exec && tracee->exec->program.compat && tracee_result(tracee) == -ENOEXEC)
		explain(tracee, "%.120s: this kernel runs no 32-bit programs", tracee->exec->given);
	talloc_free(tracee->exec);
	tracee->exec = NULL;
	tracee_restore_arguments(tracee);
}

bool exec_is_compat(const struct tracee *tracee)
{
	return tracee->exec && tracee->exec->program.compat;
}

void exec_on_event(struct tracee *tracee)
{
	/* One write: the script, then its strings. In our own image it goes to where this very object is
	 * in the new process: the memory is there, and nothing of our image but the loader is ever used.
	 * Below the new stack there may be no memory yet. */
	static struct {
		struct load_script script;
		char strings[4 * PATH_SIZE + 512];
	} image;
	struct load_script *script = &image.script;
	struct exec_job *job = tracee->exec;
	const char *base_name, *strings[5];
	struct carrier carrier = { 0 };
	uint64_t *targets[5];
	size_t used = 0;

	if (!job || tracee_new_mm(tracee) < 0 ||
	    carrier_locate(tracee, job->program.compat, &image, &carrier) < 0) {
		log_debug("pid %d: exec without a job", (int)tracee->tid);
		registers_enter_loader(&tracee->regs, 0, 0, tracee->regs.stack);
		return;
	}
	memset(script, 0, sizeof(*script));
	script->program = job->program.object;
	script->interpreter = job->interpreter.object;
	script->stack = tracee->regs.stack;
	script->scratch_size = SCRATCH_SIZE;
	script->page_size = page_size();
	script->keep_start = carrier.keep_start;
	script->keep_end = carrier.keep_end;
	script->unmap_count = carrier.unmap_count;
	memcpy(script->unmap, carrier.unmap, sizeof(script->unmap));
	if (job->program.executable_stack)
		script->flags |= LOAD_EXECUTABLE_STACK;
	if (tracee->tracer->plan->spec->uname.has_hwcap)
		script->flags |= LOAD_HWCAP;
	script->hwcap = tracee->tracer->plan->spec->uname.hwcap;
	if (exec_is_held(job))
		script->flags |= LOAD_HELD;
	exec_credentials_take(tracee, &job->credentials, script);
	/* Executed by fd, it has the file's name since Linux 6.14 (once the fd's number). */
	base_name = strrchr(job->by_fd ? job->exe : job->given, '/');
	snprintf(script->command, sizeof(script->command), "%.*s",
		 (int)(job->by_fd && base_name ? strcspn(base_name + 1, " ") : 15),
		 base_name ? base_name + 1 : job->given);

	strings[0] = job->program_file.host;
	strings[1] = job->program.has_interpreter ? job->interpreter_file.host : NULL;
	strings[2] = job->given;
	targets[0] = &script->program.path;
	targets[1] = &script->interpreter.path;
	targets[2] = &script->execfn;
	if (job->program.compat)
		fast_lacks(tracee, FAST_LACK_COMPAT);
	strings[3] = job->program.compat ? NULL :
					   fast_fill_script(tracee, script, carrier.shift, strings[1], &job->copy);
	targets[3] = &script->fast_path;
	job->fast_path = strings[3];
	strings[4] = job->copy;
	targets[4] = &script->copy;
	for (unsigned i = 0; i < 5; i++) {
		size_t length = strings[i] ? strlen(strings[i]) + 1 : 0;

		memcpy(image.strings + used, strings[i] ? strings[i] : "", length);
		*targets[i] = strings[i] ? sizeof(*script) + used : 0;
		used += length;
	}
	_Static_assert(sizeof(image) <= LOAD_IMAGE_MAX, "the loader copies it to its stack");
	script->size = sizeof(*script) + used;
	if (tracee_write(tracee, carrier.script, &image, script->size) < 0)
		log_debug("pid %d: its new image can't be written", (int)tracee->tid);

	if (job->is_emulated)
		exec_start_emulator(tracee, script->stack);
	tracee->mm->stack = script->stack;
	tracee->mm->loader_base = script->keep_start;
	tracee->mm->loader_size = script->keep_end - script->keep_start;
	memcpy(tracee->mm->exe, job->exe, strlen(job->exe) + 1);
	tracee_set_program(tracee, &job->credentials.status);
	job->opens_left = !exec_is_held(job) + job->program.has_interpreter;
	tracee->mm->compat = job->program.compat;
	registers_enter_loader(&tracee->regs, carrier.loader, carrier.script, script->stack - 256);
	tracee->state = TRACEE_LOADING;
}
