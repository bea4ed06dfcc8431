/* SPDX-License-Identifier: Apache-2.0 */
/* The prober: establishes facts by trying, each check in a forked child. It never decides. */
#ifndef AMPHORA_PROBE_PROBE_H
#define AMPHORA_PROBE_PROBE_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/model/facts.h"

/* Probes everything; store is the host path of the store (made 0700 when missing). Takes about
 * 100 ms. Returns 0 or -errno. */
int probe_run(const char *store, struct facts *ret_facts, struct error *err);

/* The same through the cache in runtime_directory, keyed by boot id, kernel, uid, LSM context and
 * the sysctls that gate namespaces, so that a flipped sysctl is noticed. fresh: probe again. */
int probe_cached(const char *store, const char *runtime_directory, bool fresh,
		 struct facts *ret_facts, struct error *err);

/* The table of `amphora probe`: grouped, at most 80 columns, a sentence for each failure. */
char *probe_table(void *parent, const struct facts *facts);

#endif
