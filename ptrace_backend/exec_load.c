// SPDX-License-Identifier: Apache-2.0
/* What the loader asks of us while it maps a program: to let its opens pass, and to do without an fd.
 *
 * Theory of operation
 *
 *   an open   of the next object's host path; the loader then maps it from its fd
 *   a fill    there is none: the process has as many files open as it may, or the program has no path
 *             (exec_job.held_fd). The loader has mapped anonymous memory, and we write the file into it
 *
 * A fill comes after the object's open, hence after the last call that we can expect. The job is kept until
 * the next call of any kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/exec_job.h"
#include "ptrace_backend/exec_rights.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/loader/loader.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

/* A filter of the guest's own survives execve and may answer the loader's calls: the guest's program would
 * then run where the loader is still expected. Its opens must not pass for the loader's. */
static bool is_loader_call(struct tracee *tracee)
{
	const struct syscall_call *call = tracee_call(tracee);
	uint64_t mark = tracee->regs.compat ? (uint32_t)LOADER_MARK : LOADER_MARK;

	return call && syscall_call_row(call)->index == ROW_openat &&
	       tracee->regs.compat == tracee->mm->compat && tracee_argument(tracee, 5) == mark &&
	       tracee_argument(tracee, 2) == (O_RDONLY | O_CLOEXEC);
}

static bool names(struct tracee *tracee, const char *host)
{
	char *path = tracee->tracer->path;

	return tracee_read_string(tracee, tracee_argument(tracee, 1), path, PATH_SIZE) >= 0 &&
	       !strcmp(path, host);
}

/* Nothing but fills is expected any more. */
static void end_opens(struct tracee *tracee)
{
	if (tracee->exec && tracee->exec->fast_path && !tracee->mm->fast_base)
		fast_lacks(tracee, FAST_LACK_ROOM);
	tracee->state = tracee->guest || guest_filter_watches_loader(tracee) ? TRACEE_LOADED : TRACEE_RUNNING;
	if (tracee->tid == tracee->tracer->init)
		tracee->tracer->started = true;
}

static bool is_in_scratch_area(const struct tracee *tracee, uint64_t start, uint64_t size)
{
	uint64_t area = tracee->mm->scratch;

	return size > UINT64_MAX - start || (start < area + SCRATCH_SIZE && start + size > area);
}

static int fill_segment(struct tracee *tracee, const struct load_segment *segment, uint64_t bias, int fd)
{
	static char bytes[1 << 16];
	uint64_t done = 0, address = bias + segment->address;
	ssize_t n;

	if (is_in_scratch_area(tracee, address, segment->file_size))
		return -EFAULT;
	while (done < segment->file_size) {
		uint64_t left = segment->file_size - done;

		n = pread(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes),
			  (off_t)(segment->offset + done));
		if (n <= 0)
			return n < 0 ? -errno : 0; /* what a mapping would have there is 0, or SIGBUS */
		if (tracee_write(tracee, address + done, bytes, (size_t)n) < 0)
			return -EFAULT;
		done += (uint64_t)n;
	}
	return 0;
}

/* Attack: by now the guest may have put a symlink in the place of what was judged at the entry. It would lead us
 * where the guest may not go: /proc/self is the tracer here. */
static int open_again(const struct tracee *tracee, const struct elf_image *image, const char *host)
{
	struct stat status;
	_cleanup_close_ int fd = exec_open(tracee, host, &status);

	if (fd >= 0 && (status.st_dev != image->device || status.st_ino != image->inode))
		return -ENOEXEC;
	return steal_fd(&fd);
}

static int fill(struct tracee *tracee, struct exec_job *job, bool interpreter)
{
	const struct elf_image *image = interpreter ? &job->interpreter : &job->program;
	const struct load_object *object = &image->object;
	const struct path_result *file = interpreter ? &job->interpreter_file : &job->program_file;
	bool held = !interpreter && exec_is_held(job);
	_cleanup_close_ int opened = held ? -EBADF : open_again(tracee, image, file->host);
	int fd = held ? job->held_fd : opened, error = 0;

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < object->segment_count && !error; i++)
		error = fill_segment(tracee, &object->segments[i], tracee_argument(tracee, 3), fd);
	return error;
}

/* The area is there: nothing else is expected, unless the stub can't open something. */
static bool on_fast(struct tracee *tracee, struct exec_job *job)
{
	if (!job->fast_path || tracee->state != TRACEE_LOADING || (int)tracee_argument(tracee, 0) != AT_FDCWD ||
	    !names(tracee, job->fast_path))
		return false;
	fast_loaded(tracee, tracee_argument(tracee, 3));
	tracee->mm->scratch = tracee_argument(tracee, 4);
	job->opens_left = 0;
	end_opens(tracee);
	tracee_answer(tracee, 0);
	return true;
}

static bool names_interpreter(struct tracee *tracee, const struct exec_job *job)
{
	return names(tracee, job->interpreter_file.host) || (job->copy && names(tracee, job->copy));
}

bool exec_on_loader_call(struct tracee *tracee)
{
	struct exec_job *job = tracee->exec;
	bool fills = (int)tracee_argument(tracee, 0) == LOADER_FILL, called = job && is_loader_call(tracee);
	bool interpreter, ours;

	if (called && on_fast(tracee, job))
		return true;
	/* The one that is to be opened, or was opened last. */
	interpreter = called && job->program.has_interpreter &&
		      (fills ? names_interpreter(tracee, job) : job->opens_left == 1);
	ours = called && (fills || job->opens_left) &&
	       (interpreter ? names_interpreter(tracee, job) : names(tracee, job->program_file.host));
	if (ours && tracee->state == TRACEE_LOADING)
		tracee->mm->scratch = tracee_argument(tracee, 4);
	if (ours && fills) {
		tracee_answer(tracee, fill(tracee, job, interpreter));
		if (tracee->state == TRACEE_LOADING && !job->opens_left)
			end_opens(tracee);
		return true;
	}
	if (ours) {
		if (--job->opens_left == 0)
			end_opens(tracee);
		return true;
	}
	if (tracee->state == TRACEE_LOADING) {
		kill(tracee->tgid, SIGKILL);
		return true;
	}
	talloc_free(job);
	tracee->exec = NULL;
	return false;
}
