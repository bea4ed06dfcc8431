/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of /proc files made for the guest. */
#ifndef AMPHORA_PTRACE_PROCVIEW_H
#define AMPHORA_PTRACE_PROCVIEW_H

#include <stdio.h>

#include "ptrace_backend/tracee.h"

/* procview.c. Opens the memfd that a call of ours has just made as the guest's fd. Returns an fd, or -EBADF
 * when another of the guest's threads has put something else there: a FIFO would hold us up for ever, and
 * what the guest may only read is not for us to write. */
int procview_open_memfd(const struct tracee *tracee, int guest_fd, int flags);

/* Each writes the content of a file below /proc/PID (or /proc/PID/task/TID) of `subject`. */
typedef void procview_writer(struct tracee *subject, FILE *out);

/* procview_text.c */
/* With guest paths, and without our own pages. */
procview_writer procview_maps, procview_smaps, procview_numa_maps;
/* Of the guest's mount table. */
procview_writer procview_mounts, procview_mountinfo, procview_mountstats;
/* Without the tracer, and with the guest's ids. */
procview_writer procview_status;
/* Of a process that job control has stopped: the kernel says 't', for its tracer. */
procview_writer procview_stat;
/* procview_process.c */
/* Not set, and what is written to it is forgotten: the kernel lets only root set it anew, and PAM ends a
 * session that can't (pam_loginuid). */
procview_writer procview_loginuid;
/* The guest program's, as the loader left it on the stack: the kernel's copy is of our own image. */
procview_writer procview_auxv;
/* Names of sockets as the guest's paths. */
procview_writer procview_net_unix;

#endif
