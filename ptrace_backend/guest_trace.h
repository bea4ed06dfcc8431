/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that trace each other: ptrace(2) and the waits that go with it.
 *
 * The kernel knows one tracer a task, and that is us. What a tracing guest asks for is done by us on
 * its behalf, at a stop that we don't end before the guest says so.
 */
#ifndef AMPHORA_PTRACE_GUEST_TRACE_H
#define AMPHORA_PTRACE_GUEST_TRACE_H

#include <signal.h>
#include <sys/ptrace.h>

#include "ptrace_backend/tracee.h"

#define GUEST_OPTIONS_KNOWN ((uint64_t)PTRACE_O_MASK)
/* Those that every tracee of ours lacks. */
#define GUEST_OPTIONS_OWN   ((uint64_t)(PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT))

/* How a guest lets its tracee go on. */
enum guest_go {
	GUEST_GO_ON,
	GUEST_GO_SYSCALL, /* to the next entry or exit */
	GUEST_GO_STEP,
	GUEST_GO_BLOCK, /* to the next branch */
};

/* What follows a stop when the tracing guest ends it; signal is what that guest delivers, or 0. The
 * tracee may be untraced by then. */
typedef void guest_continuation(struct tracee *tracee, int signal);

/* Of a tracee that a guest traces. */
struct guest_trace {
	struct tracee *by;	/* the thread that traces; NULL: ended while the loader ran */
	uint32_t options;	/* PTRACE_O_* as the guest set them */
	bool options_due;	/* the kernel hasn't been told yet */
	bool seized;
	bool is_child;		/* the kernel tells its end: it is a child of the process that traces */
	enum guest_go go;
	bool held;		/* stopped on the guest's behalf */
	bool waited;		/* and wait() has told */
	bool own_filter;	/* one of the guest's own stopped this call */
	bool asked;		/* the same at the call's entry, where there is no such event */
	bool traps;		/* an outer filter traps the call, as the guest left it */
	bool taken;		/* at the entry: the call isn't made, its result is the guest's */
	bool in_call;		/* the next system-call stop is an exit */
	bool skip_entry;	/* the next entry repeats a call that was told already */
	bool exit_due;		/* an outer filter trapped the call: its exit comes with the SIGSYS */
	bool first_stop;	/* a new task's is to come */
	bool interrupt;		/* a stop was asked for */
	bool stop_sent;		/* PTRACE_ATTACH's SIGSTOP is on its way */
	bool listening;
	bool execed;		/* PTRACE_EVENT_EXEC is to be told when the loader is done */
	bool load_ended;	/* its last call is being made */
	uint64_t entry, stack;	/* of the new program */
	uint64_t mask;		/* of signals, while the loader runs */
	uint64_t former;	/* tid before execve */
	int64_t number;		/* of the call, as the guest made it */
	int code;		/* of the stop: a signal, and an event << 8 */
	uint64_t serial;	/* which stop came first */
	uint64_t message;	/* PTRACE_GETEVENTMSG */
	bool info_made;		/* else the kernel's siginfo is right */
	siginfo_t info;
	guest_continuation *then;
};

/* The end of a tracee whose parent is not the one that traced it, until wait() tells. */
struct guest_exit {
	struct guest_exit *next;
	pid_t by;		/* the tracing process */
	pid_t tid;
	uid_t uid;
	int status;		/* as from waitpid() */
};

/* guest_trace.c */
/* Starts tracing. Returns 0 or -ENOMEM. */
int guest_trace_begin(struct tracee *tracee, struct tracee *by, bool seized, uint32_t options);
/* Forgets that the tracee is traced; whoever calls resumes it. */
void guest_trace_drop(struct tracee *tracee);
/* Untraced from now on, whatever it was doing; `signal` is delivered when it was held. */
void guest_trace_let_go(struct tracee *tracee, int signal);
/* The tracee is about to be freed: what it traces is let go. */
void guest_trace_release(struct tracee *tracee);
/* Tells the kernel the options that are the guest's alone, when it is at a stop. */
void guest_trace_set_options(struct tracee *tracee);
/* Whether a set-user-ID program gives its tracee more rights than the one that traces has. */
bool guest_trace_may_gain(const struct tracee *tracee);

/* guest_request.c: ptrace(2) by one guest on another that is held. Returns the result for the guest. */
int64_t guest_request(struct tracee *by, struct tracee *target, int request, uint64_t address,
		      uint64_t data);

/* guest_stop.c: called by tracer.c at stops of a tracee that has tracee->guest. Those that return bool say
 * whether the tracee is held now. */
/* True while the tracee does what we told it to: no stop is told then. */
bool guest_must_wait(const struct tracee *tracee);
void guest_hold(struct tracee *tracee, int code, guest_continuation *then);
bool guest_on_entry(struct tracee *tracee);
/* After the exit was handled; the registers are stored. `in_place`: of the call that trapped.c made in the place of the
 * guest's own. */
void guest_on_exit(struct tracee *tracee, bool in_place);
/* RET_TRACE of a filter of the guest's own: `then` goes on with our part. The registers may be fetched. */
bool guest_on_seccomp(struct tracee *tracee, guest_continuation *then);
bool guest_on_signal(struct tracee *tracee, int signal);
bool guest_on_event_stop(struct tracee *tracee, int signal);
bool guest_on_event(struct tracee *tracee, int event);
/* The parent's side of a fork event: `child` is traced as its parent is, where that was asked for. */
void guest_on_clone(struct tracee *tracee, struct tracee *child, int event, uint64_t flags);
/* Whether a guest that traces was told of this call by RET_TRACE. */
static inline bool guest_was_asked(const struct tracee *tracee)
{
	return tracee->guest && (tracee->guest->own_filter || tracee->guest->asked);
}
/* At an entry stop of the loader, whose registers are fetched: it is its last call. */
bool guest_loader_ends(const struct tracee *tracee);
/* The kernel has executed the carrier: the loader is to be watched. */
void guest_on_exec(struct tracee *tracee, pid_t former);
/* A system-call stop of the loader. */
void guest_on_loader(struct tracee *tracee);
/* The tracing guest had the call in its hands at the entry, or at an event of its own filter: whether it is made
 * anew, because it isn't what filters have seen. The caller resumes it. */
bool guest_enters_again(struct tracee *tracee);
/* A SIGSYS stop has been answered in the call's place. */
bool guest_on_trap_answered(struct tracee *tracee);

/* guest_wait.c (handle_wait: handlers.h) */

/* A tracee was held: SIGCHLD for the tracing process, and an end to its wait. */
void guest_wait_notify(struct tracee *tracee);
/* It has ended. */
void guest_wait_on_end(struct tracee *tracee, int status);
/* A SIGCHLD that guest_wait_notify() sent gets the look of the kernel's. */
void guest_wait_on_sigchld(struct tracee *tracee);
/* What a process that has ended was still to be told. */
void guest_wait_forget(struct tracer *tracer, pid_t tgid);

#endif
