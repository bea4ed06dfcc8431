/* SPDX-License-Identifier: Apache-2.0 */
/* The live state of one container: a private directory that exists as long as its monitor does.
 *
 * RUNTIME/containers/NAME/ (0700) holds `lock`, kept locked by the monitor, `state.json`, and what
 * the backend puts there. A directory whose lock nobody holds belongs to a monitor that died: the
 * next container of that name empties it and takes it over.
 */
#ifndef AMPHORA_MONITOR_STATE_H
#define AMPHORA_MONITOR_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/plan.h"

struct state;

/* Claims `name` under directory `base` (host path, ours; base/containers is made). Returns 0, or
 * -EEXIST with err when a live container has that name. *ret_state is a talloc child of parent; it
 * doesn't remove the directory when freed: state_remove() does. */
int state_claim(void *parent, const char *base, const char *name, struct state **ret_state,
		struct error *err);

/* Whether base/containers/name is a live container's: its lock is held. */
bool state_is_live(const char *base, const char *name);

/* Host path of the directory, valid as long as the state. */
const char *state_path(const struct state *state);

/* Writes state.json: name, backend, the monitor's pid and start time, the first process's pid (0:
 * unknown), creation time, facets and warnings. Returns 0 or -errno. */
int state_write(const struct state *state, const struct plan *plan, const char *backend, pid_t first,
		struct error *err);

/* Removes the directory and everything below, then gives up the name. */
void state_remove(struct state *state);

/* Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it
 * names a process for good. Returns 0 or -errno. */
int state_process_start_time(pid_t pid, unsigned long long *ret_ticks);

#endif
