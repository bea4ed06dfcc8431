/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's signals, carried to the guest's first process by a thread of their own. */
#ifndef AMPHORA_MONITOR_SIGNALS_H
#define AMPHORA_MONITOR_SIGNALS_H

#include "core/base/error.h"
#include "core/monitor/backend.h"
#include "core/monitor/terminal.h"

struct signals;

/* Blocks what will be forwarded, in the calling thread and those it starts; SIGPIPE is ignored
 * and SIGCHLD set to its default. A signal that we were started with as ignored (nohup) stays so.
 * shared_session: the guest is in our session, and gets the terminal's signals by itself.
 * *ret_signals is a talloc child of
 * parent; freeing it puts masks and dispositions back. */
int signals_block(void *parent, bool shared_session, struct signals **ret_signals,
		  struct error *err);

/* Starts the thread. `terminal` may be NULL. Signals that came since signals_block() are carried. */
int signals_start(struct signals *signals, const struct backend *backend,
		  struct container *container, struct terminal *terminal, struct error *err);

/* Stops the thread: the container is not touched after. */
void signals_stop(struct signals *signals);

#endif
