/* SPDX-License-Identifier: Apache-2.0 */
/* The one process a container needs: holds the pty, forwards signals, keeps state, cleans up. */
#ifndef AMPHORA_MONITOR_MONITOR_H
#define AMPHORA_MONITOR_MONITOR_H

#include "core/base/error.h"
#include "core/model/plan.h"

/* Runs the plan in the foreground. Returns 0 and the exit code the front should use (the command's,
 * or 128 + signal); -errno with err (err->exit_code 125, 126 or 127) when it didn't start. */
int monitor_run(const struct plan *plan, int *ret_exit_code, struct error *err);

#endif
