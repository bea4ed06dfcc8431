/* SPDX-License-Identifier: Apache-2.0 */
/* The tracer's objects and what a system-call handler may do with a stopped tracee.
 *
 * A handler runs at a seccomp stop. It reads arguments and memory, resolves paths, and ends with a
 * verdict. It allocates nothing and never blocks. Entry-only stops are the rule: ask for an exit stop
 * only when a result has to be changed and can't be produced here.
 */
#ifndef AMPHORA_PTRACE_TRACEE_H
#define AMPHORA_PTRACE_TRACEE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/base/page.h"
#include "core/model/plan.h"
#include "core/path/resolve.h"
#include "ptrace_backend/arch/arch.h"
#include "ptrace_backend/ids.h"
#include "ptrace_backend/namespaces.h"

struct tracee;
struct tracer;
struct syscall_row;
struct syscall_call;

enum verdict {
	VERDICT_CONTINUE, /* the kernel runs the call, with the registers as they are now */
	VERDICT_SKIP,	  /* answered: tracee_answer() was called */
	VERDICT_EXIT,	  /* run it, then stop at its exit and call tracee->on_exit */
};

typedef enum verdict syscall_handler(struct tracee *tracee, const struct syscall_row *row);
/* At the exit stop: tracee_result() is the kernel's answer; tracee_set_result() changes it. */
typedef void syscall_exit_handler(struct tracee *tracee);

/*
 *   NEW ----parent's event----> RUNNING <---------------+
 *                                |  ^ |                 |
 *            execve accepted     |  | | VERDICT_EXIT    | exit stop
 *                   +------------+  | +--> EXIT_WANTED -+
 *                   v               |
 *               EXECING --event--> LOADING (loader's opens pass untranslated)
 *
 *   LOADING --last open, when a guest traces--> LOADED --loader's last call--> RUNNING
 *   RUNNING --SIGSYS of an outer filter--> TRAPPED --entry stop or seccomp event--> EXIT_WANTED
 */
enum tracee_state {
	TRACEE_NEW,	    /* stopped for the first time, parent's event not seen yet: no fs, no mm */
	TRACEE_RUNNING,
	TRACEE_EXIT_WANTED, /* resumed with PTRACE_SYSCALL; the next syscall stop is the exit */
	TRACEE_EXECING,	    /* our execve was let through; PTRACE_EVENT_EXEC or an exit stop follows */
	TRACEE_LOADING,	    /* the loader runs in the new image */
	TRACEE_LOADED,	    /* guest_stop.c: every call of the loader's stops, to tell when it is done */
	TRACEE_TRAPPED,	    /* trapped.h: about to make another call in a trapped one's place */
};

/* Shared by CLONE_FS. The kernel keeps the real cwd; this remembers which mount it was entered by. */
struct tracee_fs {
	unsigned references;
	int cwd_mount;		   /* the cwd lies in it; -1: not known */
	unsigned round;		   /* mount_ns.c: of the last pass that saw it */
	struct path_position root; /* chroot; the last: copied as far as it goes */
};

/* exec_emulator.c: an emulator whose dynamic linker is at work. */
struct emulator_start {
	uint64_t missing;	/* its libraries that haven't been opened; 0: it runs */
	uint64_t hidden[16];	/* where the first letters of the environment's LD_* are; more of them stay,
				 * and what they name can't be opened either */
	unsigned hidden_count;
};

/* Shared by CLONE_VM. */
struct tracee_mm {
	unsigned references;
	uint64_t scratch;	/* guest address of the read-only scratch area; 0: none yet */
	uint64_t slots_used[31]; /* bitmap of scratch slots that threads own */
	uint64_t shared_used;	 /* the same of those that calls own */
	uint64_t next_large;	 /* where tracee_put_large() puts the next piece */
	uint64_t large_turns;	 /* how often it began from the start again */
	int mem_fd;		/* /proc/PID/mem, or -1 */
	uint64_t stack;		/* as the kernel made it: argc is there */
	uint64_t loader_base, loader_size; /* our loader's page, hidden from maps */
	bool compat;		/* a 32-bit program: everything below 4 GiB */
	struct ipc_attachment *ipc_attached; /* sysvipc.h: segments mapped */
	dev_t exe_device;	/* the program's file; exe_inode 0: none yet */
	ino_t exe_inode;
	uint64_t fast_base;	/* fast.h: where its area is; 0: none */
	uint64_t fast_records;	/* the first one's address */
	uint64_t fast_cwd;	/* the generation in which it knows its working directory; 0: it doesn't */
	bool fast_off;		/* it was told to ask us always */
	bool fast_others;	/* or when it makes files: a thread has other ids than the container's own */
	bool fast_listing;	/* the program that it executes may have an fd of what stands for /proc */
	struct fast_sites *fast_sites; /* patched; may be shared with copies of it */
	struct emulator_start emulator;
	char exe[PATH_SIZE];	/* guest path of the program (/proc/self/exe); the last: copied as far as it goes */
};

#define SCRATCH_OWNED	  1984	     /* slots that a thread keeps: 64 in a word of slots_used */
#define SCRATCH_SHARED	  64	     /* slots that a call keeps, for the threads beyond */
#define SCRATCH_SLOTS	  (SCRATCH_OWNED + SCRATCH_SHARED)
#define SCRATCH_SLOT_SIZE (4 * 4096) /* two paths and a structure */
#define SCRATCH_NO_SLOT	  SCRATCH_SLOTS
/* Behind the slots: a large piece's words are the guest's choice, and in a slot they would be another thread's path. */
#define SCRATCH_LARGE	  ((uint64_t)SCRATCH_SLOTS * SCRATCH_SLOT_SIZE)
#define SCRATCH_LARGE_SIZE ((uint64_t)16 << 20)
#define SCRATCH_SIZE	  (SCRATCH_LARGE + SCRATCH_LARGE_SIZE)
#define SCRATCH_MAPPED	  (SCRATCH_SIZE + page_size()) /* and the loader's strings */

/* trapped.h: a call that an outer filter trapped, while another is made in its place. */
struct trapped_call {
	bool active;
	bool of_parent;		/* a new process: its registers are still those of the parent's call */
	bool restarted;		/* the next one may be the same call again, after a signal */
	int64_t number;		/* as the guest made it */
	uint64_t arguments[6];
	uint64_t after;		/* the address behind its instruction */
	uint64_t saved;		/* for finish */
	uint64_t deadline;	/* of a wait with a time limit: CLOCK_MONOTONIC, ns */
	void (*finish)(struct tracee *tracee); /* at the exit, with the other call's result; may be NULL */
};

/* chain.h */
typedef void chain_step(struct tracee *tracee, int64_t result);
struct call_chain {
	chain_step *step; /* NULL: none is under way */
	bool goes_on;	  /* the registers are those of its next call */
	int64_t number;	  /* the guest's own call */
	uint64_t arguments[6];
	uint64_t mask; /* of signals, as the guest has it */
	uint64_t data[8]; /* the steps' own */
};

/* arch/aarch64/fast_patch.c: a signal is delivered, and its handler's frame put right after a step. */
struct fast_delivery {
	uint64_t call; /* where the kernel believes the call to be; 0: none is under way */
	uint64_t site; /* where it is */
	uint64_t number, argument; /* x8 and x0 there */
	bool stands_in; /* another call's number is in x8 */
};

#define CPU_MASK_WORDS 16 /* 1024 CPUs */

struct tracee {
	struct tracee *hash_next;
	struct tracer *tracer;
	pid_t tid, tgid;
	pid_t parent; /* the process that has made it; 0: we */
	enum tracee_state state;
	struct tracee_fs *fs;
	struct tracee_mm *mm;
	struct credentials credentials; /* ids.h; per thread */
	uint64_t clone_flags;		/* of the clone this tracee is making */
	bool group_stopped;		/* PTRACE_LISTEN: job control has stopped it */
	struct guest_namespaces namespaces; /* it is in */
	struct guest_namespaces made;	/* by its clone or unshare that is under way */
	bool skip_entry_stop;		/* kernels before 4.8: the next syscall stop is an entry */
	int cpu;			/* affinity.c: pinned there, or -1 */
	unsigned hot;			/* affinity.c: stops in quick succession */
	uint64_t last_stop;		/* affinity.c: ns */

	struct registers regs; /* valid at a system-call stop */
	const struct syscall_call *call; /* the one being handled, from its entry to its exit */
	unsigned slot;		/* scratch slot */
	size_t scratch_used;
	size_t stack_used;

	syscall_exit_handler *on_exit;
	void (*precall_done)(struct tracee *tracee, int64_t result); /* precall.h */
	bool names_filtered; /* names_filter.c: done, or not possible */
	uint64_t saved[6]; /* for on_exit: whatever the entry handler wants to keep */
	uint64_t entry_arguments[6]; /* as at entry, before any change */
	int64_t entry_number;	     /* and the call's number, and what is behind its instruction */
	uint64_t entry_after;
	syscall_exit_handler *inner_exit;  /* compat_call.c: of a call inside socketcall(2) */
	uint64_t outer_arguments[6];	   /* and the registers around it */
	struct exec_job *exec;	     /* while EXECING/LOADING, and until the next call */
	struct trapped_call trapped;
	struct guest_filter *filters;	 /* guest_filter.h: of its own, the newest first; NULL: none */
	struct guest_filter *filters_before; /* until its next stop: before another thread gave it its filters */
	bool filters_given;		 /* one has */
	struct guest_filter *installing; /* until the call that does has ended */
	uint64_t passing_from; /* the program counter, while the kernel is shown another; 0: it is right */
	uint64_t passing_child; /* at a fork event: the same, of the new process */
	bool loader_calls;     /* with filters: the loader is inside a call */
	bool loader_ends;      /* which is its last */
	struct guest_trace *guest; /* guest_trace.h: traced by a guest; NULL: by us alone */
	struct fast_delivery fast_delivery;
	bool fast_removal;	   /* fast.h: its call takes a name away that is known there */
	bool fast_removing;	   /* or may have, since its last stop */
	bool fast_moves;	   /* it changes its working directory, or may have, since its last stop */
	bool fast_unlisted;	   /* and there was no room to remember which */
	bool fast_recalled;	   /* out of the stub, at the stop that it was asked for */
	bool in_wait;		   /* guest_wait.c: in wait4 or waitid, as far as we know */
	bool waits_alone;	   /* and has no child that the kernel knows of */
	bool repeats;		   /* the call that ends is made again, from its entry */
	struct call_chain chain;
	struct ipc_waiter *ipc_waiter; /* sysvipc.h: it sleeps in a System V call; or NULL */
	struct ipc_undo_list *ipc_undo; /* shared by CLONE_SYSVSEM; NULL: nothing to undo */

	/* What the guest believes its CPUs are; a clone inherits both. A thread that chose its own
	 * mask must not be pinned outside it. */
	bool affinity_chosen;
	uint64_t affinity[CPU_MASK_WORDS];
};

/* Arguments and results. */
static inline uint64_t tracee_argument(const struct tracee *tracee, unsigned index)
{
	return tracee->regs.arguments[index];
}

static inline void tracee_set_argument(struct tracee *tracee, unsigned index, uint64_t value)
{
	registers_set_argument(&tracee->regs, index, value);
}

/* SYS_*, or -1; a 32-bit call gets the number that this has there. */
void tracee_set_number(struct tracee *tracee, int64_t number);

/* Answers without running the call: a value or -errno. Returns VERDICT_SKIP for `return`. */
static inline enum verdict tracee_answer(struct tracee *tracee, int64_t result)
{
	registers_set_number(&tracee->regs, -1);
	registers_set_result(&tracee->regs, result);
	return VERDICT_SKIP;
}

static inline int64_t tracee_result(const struct tracee *tracee)
{
	return tracee->regs.result;
}

static inline void tracee_set_result(struct tracee *tracee, int64_t result)
{
	registers_set_result(&tracee->regs, result);
}

/* Restores the arguments that the entry handler changed: for use at exit. */
void tracee_restore_arguments(struct tracee *tracee);

/* memory.c. Return 0 or -EFAULT. */
int tracee_read(const struct tracee *tracee, uint64_t address, void *buffer, size_t size);
int tracee_write(const struct tracee *tracee, uint64_t address, const void *data, size_t size);
/* As its tracer: memory that it may only read, or not even that, as well. */
int tracee_access(const struct tracee *tracee, uint64_t address, void *buffer, size_t size, bool write);
/* A NUL-terminated string: its length, -EFAULT, or -ENAMETOOLONG when no NUL within size. */
int tracee_read_string(const struct tracee *tracee, uint64_t address, char *buffer, size_t size);
/* Puts data where the guest can only read it; valid until this thread's next stop.
 * Returns 0 and its guest address, or -errno (-E2BIG: slot full). */
int tracee_put(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address);
/* The same for one piece of up to 16 MiB, in a place that all threads share: another thread's piece may lie there
 * before the kernel has read this one, but then mm->large_turns has changed. */
int tracee_put_large(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address);
/* The same below the stack pointer, without a limit: only for execve, whose success discards it. */
int tracee_put_stack(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address);
/* True for an address that tracee_put() gave; a guest may pass it again, in whole or in part. */
bool tracee_in_scratch(const struct tracee *tracee, uint64_t address);
void tracee_release_slot(struct tracee *tracee);
/* Has a slot for this call only. */
static inline bool tracee_shares_slot(const struct tracee *tracee)
{
	return tracee->slot >= SCRATCH_OWNED && tracee->slot != SCRATCH_NO_SLOT;
}
static inline void tracee_end_share(struct tracee *tracee)
{
	if (tracee_shares_slot(tracee))
		tracee_release_slot(tracee);
}
void tracee_close_mem(struct tracee_mm *mm, struct tracer *tracer);

/* translate.c. Resolve a path argument: `dirfd` is the guest's (AT_FDCWD for none), `address` points
 * at the path in the guest; flags are enum path_resolve_flags. Return 0 or -errno as for the guest.
 * *result is the tracer's own static buffer: valid until the next resolve into the same object. */
int tracee_resolve(struct tracee *tracee, int dirfd, uint64_t address, uint32_t flags,
		   struct path_result *result);
int tracee_resolve_string(struct tracee *tracee, int dirfd, const char *path, uint32_t flags,
			  struct path_result *result);
/* Rewrites argument `index` to the host path. Returns 0 or -errno. */
int tracee_set_path(struct tracee *tracee, unsigned index, const struct path_result *result);
/* Position of the host object that a symlink under /proc/TID names (cwd, root, fd/N); `hint` is a mount
 * or -1. -ENOTDIR: not a file system object; -ENOENT: outside the guest's tree. */
int tracee_link_position(struct tracee *tracee, const char *link, int hint,
			 struct path_position *ret_position);
/* Where the tracee's cwd is; flags tell when it was removed. -ENOENT when outside the guest's tree. */
int tracee_cwd_position(struct tracee *tracee, struct path_position *ret_position);
/* Position of what a guest fd refers to (directory or file), -EBADF, or -ENOENT when outside. */
int tracee_fd_position(struct tracee *tracee, int fd, struct path_position *ret_position);
/* Whether what a magic link leads to lies in a read-only mount: where the tracee's table has no such
 * place, in one of the plan's, for an fd lives longer than a mount and is passed on to other namespaces. */
bool tracee_link_is_read_only(struct tracee *tracee, const char *link);
/* What a change of owner, mode, times or attributes of an fd (AT_FDCWD: the cwd) is answered: -EROFS, -EPERM
 * where it is all of the machine's (PATH_MOUNT_SHARED), or 0: the kernel decides. */
int tracee_fd_refuses_change(struct tracee *tracee, int fd);
bool tracee_result_is_read_only(struct tracee *tracee, const struct path_result *result);
/* Host path that names a guest fd for the tracer: /proc/TID/fd/N. Returns its length. */
int tracee_fd_host(const struct tracee *tracee, int fd, char *host, size_t size);
/* Flags of the mount a position lies in. */
uint32_t tracee_mount_flags(const struct tracee *tracee, const struct path_position *position);
/* The generic handler: resolves the row's path arguments, enforces read-only mounts, EXDEV, EBUSY,
 * rewrites. Specific handlers call it for the ordinary part. */
syscall_handler translate_paths;

/* The host path of the directory that a name is in, "" for the root's; false for the root itself, which is its own. */
bool path_parent(const struct path_result *name, char parent[PATH_SIZE]);

/* Two result buffers of the tracer for handlers (no PATH_SIZE objects on deep stacks). */
struct path_result *tracee_result_buffer(struct tracee *tracee, unsigned which);

/* tracee.c */
/* Gives the tracee a tracee_fs of its own (unshare(CLONE_FS) succeeded). No-op when not shared. */
void tracee_unshare_fs(struct tracee *tracee);
struct tracee *tracer_find(struct tracer *tracer, pid_t tid);
/* A program's file can't be written to while it runs: the kernel sees amphora's own file there instead. */
void tracee_set_program(struct tracee *tracee, const struct stat *program);
bool tracer_runs(const struct tracer *tracer, const struct stat *file);
/* True when tid is a guest process or thread (the supervisor and host processes are not). */
static inline bool tracer_has(struct tracer *tracer, pid_t tid)
{
	return tracer_find(tracer, tid) != NULL;
}

/* One per container. */
#define TRACER_HASH 1024
#define TRACER_RUNNING 8192 /* FAST_PROGRAMS of fast_area.h */
struct exec_known;
struct guest_filter;
struct sock_filter;
struct ipc_space;
struct record;
struct socket_names;
struct guest_links;
struct places;
struct port_map;
struct guest_exit;
/* host_path.c: a directory on a deep walk's way. */
struct path_way {
	bool open;
	int fd;
	size_t length;
	char directory[PATH_SIZE];
};

struct tracer {
	const struct plan *plan;
	struct path_table *table;
	struct record *record; /* remembered owners and modes; NULL when ids are real */
	struct guest_links *links; /* links.h; NULL: the kernel's own hard links */
	uid_t host_uid;	       /* ours: shown as own_uid when ids are faked */
	gid_t host_gid;
	uid_t own_uid;	       /* 0, or the first process's: plan->own_ids_are_users */
	gid_t own_gid;
	bool fake_ids;
	bool deny_network;
	struct port_map *ports; /* netstack/ports.h; NULL: the same inside and outside */
	int guest_ruleset;     /* landlock.c; -EBADF: none, or given to the first process */
	bool any_read_only;    /* some mount is read-only or shared: fd-based mutators are traced */
	const char *state_directory;
	char *proc_listing;    /* procview_list.c: what opening /proc opens; NULL: not made yet */
	struct stat proc_status, listing_status; /* of /proc itself, and of the directory */
	struct socket_names *socket_names; /* socket_name.h; NULL: none bound yet */
	struct netlinks *netlinks;   /* netlink_route.c; NULL: no such socket yet */
	struct procfiles *procfiles; /* procfile.c; NULL: none made yet */
	struct places *places; /* places.h; NULL: none made */
	struct ipc_space *ipc; /* the container's; NULL: nothing made yet */
	const struct ipc_space *ipc_shown; /* what /proc/sysvipc tells of; NULL: nothing */
	uint64_t ipc_serial;   /* names of segments' files */
	char *view_directory;  /* view.c: tmpfs directories and generated files */
	char *mounts_directory; /* below it: what guests mount as a tmpfs */
	const char *hostname;
	struct tracee *hash[TRACER_HASH];
	unsigned running[TRACER_RUNNING]; /* programs, by their inode */
	size_t tracee_count;
	unsigned mem_fds;      /* that are open: memory.c */
	size_t new_count;      /* of them in TRACEE_NEW */
	bool any_killed;       /* a tracee ended that may have been inside a call */
	pid_t init;	       /* first process */
	bool init_ended;
	bool lingers;	       /* the last process to exit ends the container, with its status */
	bool started;	       /* the first command has been executed */
	int init_status;       /* as from waitpid() */
	char exec_failure[256]; /* exec.c: why the first command can't be executed; may be empty */
	int cpu;	       /* affinity.c: the tracer's own, or -1 */
	uint64_t stops;
	uint32_t *calls;       /* of each row that stopped: AMPHORA_STATS; NULL: not counted */
	pthread_mutex_t lock;  /* held while something is handled: notify.c has a thread */
	struct notifier *notifier;
	struct exec_known *exec_known; /* exec_known.h; NULL: nothing was executed yet */
	struct fast *fast;     /* fast.h; NULL: every path is translated here */
	struct path_result results[2];
	struct path_way way;   /* of the path that is being resolved */
	struct uts_names names_set; /* by the guest's sethostname() */
	struct { /* as every guest process has it; `names` some: names_filter.c */
		struct sock_filter *program, *names;
		size_t length, names_length;
	} filter;
	struct mount_table *mounts; /* `table` and what tells about it */
	struct path_table *plan_table; /* `table` as the plan made it */
	struct guest_namespace *namespaces; /* that guests made */
	unsigned namespace_count, mount_namespace_count;
	uint64_t namespace_serial;
	unsigned namespaces_said, fs_round, tmpfs_serial;
	struct guest_tmpfs *tmpfs; /* mount_ns.c */
	size_t guest_traces;   /* tracees that a guest traces */
	bool guest_traced;     /* there have been some */
	uint64_t guest_serial; /* of their stops */
	struct guest_exit *guest_exits; /* guest_trace.h: to be told */
	uint64_t affinity[CPU_MASK_WORDS];	   /* the supervisor's at start: guest_affinity_init() */
	uint32_t affinity_size, affinity_minimum;  /* bytes sched_getaffinity() gives and needs */
	char path[PATH_SIZE];  /* the path argument being resolved */
};

/* The mounts that this tracee sees. */
static inline struct path_table *tracee_table(const struct tracee *tracee)
{
	const struct guest_namespace *own = tracee->namespaces.in[NAMESPACE_MOUNT];

	return own ? own->mounts->table : tracee->tracer->table;
}

#endif
