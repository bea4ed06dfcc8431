/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp notifications for calls that the supervisor answers whole (rows with `notify`). */
#ifndef AMPHORA_PTRACE_NOTIFY_H
#define AMPHORA_PTRACE_NOTIFY_H

#include <signal.h>

#include "core/base/error.h"

struct tracer;
struct sock_fprog;

/* Interrupts the thread's wait; its handler (affinity.c) does nothing there. */
#define NOTIFY_SIGNAL (SIGRTMIN + 2)

/* Starts the receiving thread. Before fork, after Landlock. Returns 0 or -errno. */
int notify_start(struct tracer *tracer, struct error *err);
/* The socket over which the child sends the listener; -EBADF when there is no notifier. */
int notify_socket(const struct tracer *tracer);
/* In the parent after fork. */
void notify_forked(struct tracer *tracer);
/* Ends the thread. Safe to call twice and without a notifier. */
void notify_stop(struct tracer *tracer);

/* In the child: installs the filter with a listener. Returns its fd, or -errno. */
int notify_install(const struct sock_fprog *filter);
int notify_send_listener(int to, int listener);

#endif
