/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer: the event loop over wait statuses and the life of tracees. */
#ifndef AMPHORA_PTRACE_TRACER_H
#define AMPHORA_PTRACE_TRACER_H

#include "core/monitor/backend.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracee.h"

/* tracee.c: life of the tracer's objects. Allocation happens here, at clone and exec, never in a
 * system-call stop. */
struct tracee *tracee_new(struct tracer *tracer, pid_t tid);
/* Makes child what the kernel made of it: shares or copies fs, mm, credentials by clone flags. */
void tracee_inherit(struct tracee *child, struct tracee *parent, uint64_t clone_flags);
void tracee_free(struct tracee *tracee);
/* Gives the tracee another tid (execve in a thread that isn't the leader). */
void tracee_rename(struct tracee *tracee, pid_t tid);
/* A new address space after execve. */
int tracee_new_mm(struct tracee *tracee);

/* What every tracee is seized with. */
#define TRACER_OPTIONS                                                                            \
	(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)

/* tracer.c: lets a stopped tracee go on, with a signal or 0. */
void tracee_resume(struct tracee *tracee, int signal);
/* Handles one wait status. Returns true when the first process has ended; its status is then
 * in tracer->init_status. */
bool tracer_handle(struct tracer *tracer, pid_t tid, int status);
/* Kills and reaps everything that is left. */
void tracer_kill_all(struct tracer *tracer);
/* Sends a signal to every tracee. */
void tracer_signal_all(struct tracer *tracer, int signal);

/* compat_call.c: runs the handler of a call at its entry, and what it left for the exit. */
enum verdict syscall_enter(struct tracee *tracee, const struct syscall_call *call);
void syscall_exit(struct tracee *tracee);
/* The call that the registers show, or NULL for a number without a row. */
static inline const struct syscall_call *tracee_call(const struct tracee *tracee)
{
	return syscall_call(tracee->regs.compat ? ARCH_COMPAT_CALLS : ARCH_CALLS,
			    tracee->regs.number);
}

/* exec.c: the stops of an execve. */
void exec_on_event(struct tracee *tracee);
/* True when the image at the exec event is a 32-bit one. */
bool exec_is_compat(const struct tracee *tracee);
void exec_on_failure(struct tracee *tracee);
/* exec_load.c: a call of a tracee with a job. False when it is none of the loader's; the job is gone then. */
bool exec_on_loader_call(struct tracee *tracee);
/* carrier.c: true when amphora is linked statically: executing it needs no file but itself. */
bool exec_is_static(void);

/* child.c: the first process between fork and its command. */
struct start_report {
	int stage; /* enum start_stage */
	int error; /* errno */
};
enum start_stage {
	START_STAGE_NONE,
	START_STAGE_STDIO,
	START_STAGE_LANDLOCK,
	START_STAGE_LIMITS,
	START_STAGE_IDS,
	START_STAGE_CAPABILITIES,
	START_STAGE_FILTER,
	START_STAGE_CWD,
	START_STAGE_COMMAND,
};
struct sock_filter;
/* Waits for a byte on go_fd (the tracer has attached), sets everything up and executes the command. At
 * go_fd's end it exits; on failure it fills *report (shared memory) and exits. notify_fd takes the filter's listener, or is -EBADF. */
void child_run(const struct backend_context *context, const struct sock_filter *program,
	       unsigned program_length, int go_fd, int notify_fd, int guest_ruleset,
	       struct start_report *report)
	__attribute__((noreturn));

/* host_path.c: struct path_ops members without a guest behind them. */
long host_readlink(void *context, const char *host, char *buffer, size_t size);
long host_is_directory(void *context, const char *host);
/* What of a host path lies below another one, or is it: from the slash on, "". NULL: neither. "" is the root. */
const char *host_below(const char *host, const char *above);
/* The same for a walk from one component to the next, until way_end(). */
long way_readlink(struct path_way *way, const char *host, char *buffer, size_t size);
void way_end(struct path_way *way);

/* view.c: builds tracer->table from the plan's operations; makes what they need on the host under
 * the state directory. */
/* Removes what view_build() made. */
void view_remove(struct tracer *tracer);
int view_build(struct tracer *tracer, const struct backend_context *context, struct error *err);
/* landlock.c: confines the calling thread to the table's mounts and what the tracer itself needs, and
 * prepares tracer->guest_ruleset. */
int landlock_confine(struct tracer *tracer, const struct backend_context *context,
		     struct error *err);
/* In the first process: confines it to what the guest needs; nothing for -EBADF. Sets errno. */
int landlock_confine_guest(int ruleset);
/* /dev/null and its kin, which the guest may write to though they are bound read-only. */
bool landlock_is_everyones_device(const char *host);

/* procview.c */
/* True for anything below /proc/PID of a process that isn't the guest's. */
bool procview_hides(struct tracee *tracee, const struct path_position *position);
long procview_magic(void *context, const struct path_position *link, struct path_magic *ret_magic);
/* When `result` names a /proc file whose content must be made for the guest: starts that and stores
 * the verdict. The call's path is its argument `index`; *result is used up. */
bool procview_open(struct tracee *tracee, struct path_result *result, unsigned index, int flags,
		   enum verdict *ret_verdict);
/* With faked ids: files below /proc/PID belong to whom the guest knows that process as. */
void procview_own(struct tracee *tracee, const struct path_position *position, struct stat *status);
/* When `result` is /proc itself, to be opened for reading: result->host becomes the listing that shows
 * the guest's processes only. */
void procview_list(struct tracee *tracee, struct path_result *result, int flags);
/* True when *status, as fstat() gave it, is that listing's. */
bool procview_is_listing(const struct tracer *tracer, const struct stat *status);
/* The text of a magic link for the guest: length, or -EINVAL when the kernel's own is right. */
int procview_readlink(struct tracee *tracee, const struct path_result *result, char *text,
		      size_t size);

/* affinity.c: keeps a tracee that stops often on the tracer's CPU. */
void affinity_on_stop(struct tracee *tracee);
/* Around the fork of the first process. */
void affinity_before_first(struct tracer *tracer);
void affinity_of_first(struct tracee *first);
/* Threads that are made meanwhile aren't to be pinned. */
void affinity_of_tracer(const struct tracer *tracer, bool pinned);
void affinity_tick(struct tracer *tracer);
void affinity_init(struct tracer *tracer);

#endif
