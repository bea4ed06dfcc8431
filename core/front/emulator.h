/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine has to run programs of another one: host knowledge for decide(), looked up anew each
 * time, because installing it is what a person does after being told that it is missing.
 */
#ifndef AMPHORA_FRONT_EMULATOR_H
#define AMPHORA_FRONT_EMULATOR_H

#include "core/base/error.h"
#include "core/model/plan.h"
#include "core/model/platform.h"

/* Fills in host->emulator and host->emulator_in_kernel for a platform that isn't native; leaves host alone
 * for one that is, or for NULL. */
void emulator_find(void *parent, const struct platform *platform, struct host_info *host);

/* The platform of the root's /bin/sh, where it isn't native; else NULL. */
const struct platform *emulator_platform_of_root(const char *rootfs);

/* A program by name in PATH, or by path, as an absolute host path. NULL when there is none. */
char *emulator_search(void *parent, const char *name);

/* Fills in what the program argv[0] needs beside its own file: emulator->interpreter and its libraries, as this
 * machine's dynamic linker finds them. Returns 0; -errno with err. */
int emulator_examine(struct emulator *emulator, struct error *err);

#endif
