/* SPDX-License-Identifier: Apache-2.0 */
/* The prober: establishes facts by trying, each check in a forked child. It never decides. */
#ifndef AMPHORA_PROBE_PROBE_H
#define AMPHORA_PROBE_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/facts.h"

/* Probes everything; store is the host path of the store (made 0700 when missing). Takes about
 * 30 ms. A store that can't be made is a fact, not an error. Nothing is left behind: no process,
 * mount or file, and the caller's own process is not changed. Not for a thread that may end
 * earlier: the children die with it. Returns 0 or -errno. */
int probe_run(const char *store, struct facts *ret_facts, struct error *err);

/* The same through the cache probe-UID.json in runtime_directory (NULL: none), keyed by boot id,
 * kernel, ids, LSM context, cgroup, capabilities, outer filters, the namespaces we are in, the
 * store and the sysctls that gate namespaces, so that a flipped sysctl is noticed. A hit takes less
 * than 1 ms. fresh: probe again. A cache that can't be written is no error. */
int probe_cached(const char *store, const char *runtime_directory, bool fresh,
		 struct facts *ret_facts, struct error *err);

/* The table of `amphora probe`: grouped, at most 80 columns, a sentence for each failure, at the
 * end the two backends. colour: with terminal escapes. */
char *probe_table(void *parent, const struct facts *facts, bool colour);

/* Whether a backend's chain was seen working: namespaces as root or in a user namespace; ptrace
 * with a seccomp filter. The reason is a sentence in both cases. What is used is for decide() to
 * say. */
bool probe_namespaces_work(const struct facts *facts, char *ret_reason, size_t size);
bool probe_ptrace_works(const struct facts *facts, char *ret_reason, size_t size);

#endif
