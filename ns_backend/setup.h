/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the namespace backend share: the parent's and the child's view of one start.
 *
 * The child is forked, never threaded, and doesn't return: each step fills in an error and the
 * child leaves it in shared memory, where the parent finds it.
 */
#ifndef AMPHORA_NS_SETUP_H
#define AMPHORA_NS_SETUP_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/monitor/backend.h"
#include "ns_backend/seccomp_profile.h"

#define SETUP_LEFTOVERS_MAX 16
#define SETUP_PATH_SIZE	    512

/* Mapped shared between the parent, the child and its init; the guest never sees it. */
struct ns_shared {
	struct error error;
	atomic_bool failed;	 /* error is filled in */
	atomic_bool command_ended; /* wait_status is filled in, by the init */
	int wait_status;
	/* Empty files made in the rootfs to be mounted on: paths in it, free of symlinks. */
	char leftovers[SETUP_LEFTOVERS_MAX][SETUP_PATH_SIZE];
	atomic_uint leftover_count;
	/* Written by the parent while the child mounts. */
	int profile_result; /* 0 or -errno */
	struct seccomp_profile profile;
};

struct ns_setup {
	const struct backend_context *context;
	const struct plan *plan;
	struct ns_shared *shared;
	/* Pipes. The child's end of `exec` closes on exec: end of file there means that the command
	 * runs, or that shared->failed is set. `go` carries one byte for each thing the parent did. */
	int exec_read, exec_write;
	int go_read, go_write;
	/* Found before the clone: in its new user namespace the child has no id yet. */
	bool child_maps_itself;
};

/* The bytes of the go pipe, in this order; each is only sent when it applies. */
#define GO_IDS_MAPPED	 'i'
#define GO_PROFILE_READY 'p'

/* Whether a process of ours stands above the command: as PID 1 when the plan wants an init, and always
 * where no PID namespace ends the others. */
static inline bool setup_has_init(const struct plan *plan)
{
	return plan->pid1_init || !(plan->clone_flags & CLONE_NEWPID);
}

/* child.c: the cloned child, to the end. */
_Noreturn void child_main(struct ns_setup *setup);
/* Closes every fd from `first` up. Before Linux 5.9 that takes a /proc. */
void child_close_from(int first);
/* Waits for the parent's next byte. Returns 0 or -errno with err (the parent is gone). */
int child_wait_go(const struct ns_setup *setup, char expected, struct error *err);

/* ids.c */
/* Whether the child may write its own maps: one id each, namely ours. */
bool ids_child_maps_itself(const struct plan *plan);
int ids_map_self(const struct plan *plan, struct error *err);
/* From the parent: newuidmap and newgidmap, or by our own capability. */
int ids_map_child(const struct plan *plan, pid_t child, struct error *err);
/* Whether an inside id exists. True without a user namespace. */
bool ids_uid_mapped(const struct plan *plan, uid_t uid);
bool ids_gid_mapped(const struct plan *plan, gid_t gid);

/* root.c: builds the new root and makes it "/". *ret_root is an O_PATH fd of it. */
int root_enter(const struct ns_setup *setup, int *ret_root, struct error *err);

/* privileges.c: gives up, in the calling process, everything that the command may not have. */
int privileges_set_limits(const struct plan *plan, struct error *err);
int privileges_drop(const struct ns_setup *setup, struct error *err);
/* Same for our init: it keeps only the right to signal. */
int privileges_drop_init(struct error *err);

/* command.c: in the process that becomes the command. */
_Noreturn void command_run(struct ns_setup *setup, int root);

/* init.c: PID 1 of the guest, or, without a PID namespace, the subreaper above it. `host_proc` is
 * the host's /proc or -1. */
_Noreturn void init_run(struct ns_setup *setup, pid_t command, int host_proc);
/* Blocks what init_run() waits for; before the fork. */
void init_prepare(void);

#endif
