/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc that belong to no process and are made for the guest: those that the host hides, and
 * those that name the container. */
#ifndef AMPHORA_PTRACE_PROCFILE_H
#define AMPHORA_PTRACE_PROCFILE_H

#include <stdio.h>

#include "ptrace_backend/tracee.h"

/* Between resolving a path that is only looked at (open, stat, access) and using it: `error` and
 * *result are what tracee_resolve() gave. Where the path names a file to be made, *result becomes that
 * file, its content fresh. Returns 0 or -errno, `error` in all other cases. */
int procfile_look(struct tracee *tracee, int error, struct path_result *result);
/* True when a host path is such a file's. Never to be written, whoever asks. */
bool procfile_is_made(const struct tracer *tracer, const char *host);
/* Its position in the guest's /proc. Returns 0, or -ENOENT for any other path. */
int procfile_position(const struct tracee *tracee, const char *host,
		      struct path_position *ret_position);
/* The host path for one reader's copy of /proc/PID/REST, which is to be made, opened once and unlinked:
 * procfile_is_made() and procfile_position() know it. Returns 0 or -errno. */
int procfile_for_process(const struct tracee *reader, pid_t pid, const char *rest, char *path,
			 size_t size);
/* Before the tracer is freed. */
void procfile_stop(struct tracer *tracer);

/* For the makers: the names of the UTS namespace of who looked last. */
const struct uts_names *procfile_names(const struct tracer *tracer);

/* procfile_text.c and procfile_net.c */
typedef void procfile_maker(struct tracer *tracer, FILE *out);

struct procfile_row {
	const char *name;      /* below /proc */
	procfile_maker *make;  /* or NULL: */
	const char *text;
	bool container;	       /* always made; otherwise only where the host hides it ... */
	bool sysvipc;	       /* ... or System V IPC is emulated */
};

extern const struct procfile_row procfile_rows[];
extern const unsigned procfile_row_count;

procfile_maker procfile_sysvipc_shm, procfile_sysvipc_sem, procfile_sysvipc_msg;
procfile_maker procfile_net_dev, procfile_net_route, procfile_net_if_inet6;

#endif
