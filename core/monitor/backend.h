/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend is to the monitor: it starts the plan's first process, waits for the container's
 * end, and can be signalled meanwhile. Backends never include each other's headers.
 */
#ifndef AMPHORA_MONITOR_BACKEND_H
#define AMPHORA_MONITOR_BACKEND_H

#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/plan.h"

/* What the monitor prepared for the backend. */
struct backend_context {
	const struct plan *plan;
	int stdio[3];	   /* become fds 0-2 of the guest; with a terminal all three are the slave */
	bool terminal;	   /* make stdio[0] the controlling terminal of a new session */
	uid_t uid;	   /* of the first process, inside the guest */
	gid_t gid;
	gid_t *groups;	   /* supplementary, inside */
	size_t group_count;
	const char *home;  /* from the guest's passwd, or "/" */
	const char *state_directory; /* private (0700) host directory of this container, exists for
				      * its life; removed by the monitor afterwards */
	const char *record_path; /* ptrace: host path of the sidecar ownership record of this rootfs
				  * (the file may not exist yet) */
};

struct container; /* the backend's own */

struct backend {
	const char *name; /* "ns", "ptrace" */

	/* Sets up and starts. Returns 0 once the command has been executed; on failure everything
	 * made is undone, err->exit_code is 126/127 when the command itself was the problem. Must
	 * be called on the thread that will call wait(). *ret_container is a talloc child of parent. */
	int (*start)(void *parent, const struct backend_context *context,
		     struct container **ret_container, struct error *err);

	/* Runs until the first process ends, then ends all others. *ret_wait_status is the first
	 * process's, as waitpid() gives. */
	int (*wait)(struct container *container, int *ret_wait_status, struct error *err);

	/* Sends a signal to the container's first process. Any thread. Returns 0 or -errno. */
	int (*signal)(struct container *container, int signal);

	/* Host pid of the first process (or of the init that stands for it), for the state file. May
	 * be NULL: unknown. */
	pid_t (*pid)(const struct container *container);
};

extern const struct backend ns_backend;
extern const struct backend ptrace_backend;

#endif
