/* SPDX-License-Identifier: Apache-2.0 */
/* Places of mounts that are missing in a root filesystem: made, so that listings show them, and for PRoot's
 * command line removed at the end.
 *
 * A host path here is a mount's root, `root_length` long, and the guest's names below it. These are walked
 * without following anything: the rootfs may be another container's too, who may put a symlink to the host
 * where the resolver found a directory.
 */
#ifndef AMPHORA_PTRACE_PLACES_H
#define AMPHORA_PTRACE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct tracer;

/* The directory that holds the last name of `host`: an fd, or -errno (ENOTDIR: a symlink is on the way).
 * *ret_name is that name; empty for the mount's root itself. */
int places_open_parent(const char *host, size_t root_length, const char **ret_name);
/* Makes an empty directory or file, where there is nothing yet. Returns 0 or -errno. */
int places_make(struct tracer *tracer, const char *host, size_t root_length, bool file);
/* Takes away what was made and is still empty, if the plan is a bare one. */
void places_remove(struct tracer *tracer);

#endif
