/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of /proc files made for the guest. */
#ifndef AMPHORA_PTRACE_PROCVIEW_H
#define AMPHORA_PTRACE_PROCVIEW_H

#include "ptrace_backend/tracee.h"

/* /proc/PID/maps with guest paths and without our own pages. Child of tracer, or NULL. */
char *procview_maps(struct tracer *tracer, struct tracee *subject);
/* /proc/PID/mounts, or mountinfo, of the guest's mount table. Child of tracer, or NULL. */
char *procview_mounts(struct tracer *tracer, struct tracee *subject, bool info);

/* /proc/PID/status without the tracer, and with the guest's ids. Child of tracer, or NULL. */
char *procview_status(struct tracer *tracer, struct tracee *subject);

#endif
