/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated hard links in the guest: between the resolver, core/store/links.h and the handlers.
 *
 * tracer->links is NULL where the kernel's own links are used; every call here then does nothing.
 */
#ifndef AMPHORA_PTRACE_LINKS_H
#define AMPHORA_PTRACE_LINKS_H

#include "core/store/links.h"
#include "ptrace_backend/tracee.h"

/* Makes tracer->links. Returns 0 or -errno. */
int guest_links_init(struct tracer *tracer);

/* Whether we may do in the tracee's place what it may do: with real ids it can be another user than the
 * tracer, who is root then. */
bool guest_links_has_our_rights(const struct tracee *tracee);

/* struct path_ops.object */
long guest_links_object(void *context, int mount, const char *host, const char *text, size_t length,
			char *ret_object);

/* *status is that of the file at this host path: the number of its names is filled in. */
void guest_links_count(const struct tracer *tracer, const char *host, struct stat *status);
/* The same for a magic link to the file, such as /proc/TID/fd/N. */
void guest_links_count_link(const struct tracer *tracer, const char *link, struct stat *status);

/* The file is about to be opened or executed by this name, which /proc will be asked for. */
void guest_links_used(const struct tracee *tracee, const struct path_result *file);
/* A position that the host gave, and that may be an object's: becomes that of one of its names. */
void guest_links_name(const struct tracee *tracee, struct path_position *position);

/* The objects of the mount a position lies in; made with `make`. NULL: none. */
struct links *guest_links_store(const struct tracee *tracee, int mount, bool make);
/* The object of a name, a result with PATH_RESULT_LINK or PATH_PARENT: 1 with the id and its objects, which
 * are locked then; PRoot's are adopted. 0: not a name. -errno. */
int guest_links_lock_id(const struct tracee *tracee, const struct path_result *name,
			struct links **ret_links, struct link_id *ret_id);

/* Handlers of calls that make or take away names: `verdict` is translate_paths()'s, whose results are in the
 * tracer's buffers. They do the whole call where names of emulated links may be concerned. */
enum verdict guest_links_unlink(struct tracee *tracee, enum verdict verdict);
enum verdict guest_links_rename(struct tracee *tracee, unsigned flags, enum verdict verdict);

#endif
