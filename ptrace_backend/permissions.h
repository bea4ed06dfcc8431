/* SPDX-License-Identifier: Apache-2.0 */
/* Permission checks as the faked user would have them (--fake-permissions).
 *
 * Theory of operation
 *
 * With faked ids every guest process is the same host user, whom the kernel lets do what that user may. Here
 * the kernel's rules are applied to what the guest sees: recorded owners and modes, and the credentials of
 * the thread (fs/namei.c of Linux 6.18). What is allowed but the real mode refuses is made possible by widening
 * the real mode; the shown one is remembered.
 *
 *	on the way	struct path_ops.search, for each directory that a name is looked up in
 *	at the end	permissions_path() by what the row does with its path; open, exec, chdir, access, bind,
 *			connect and chmod, chown in their own handlers
 *
 * Programs are the guest's own and well-meaning: it is no boundary between its users. Off, nothing of it
 * runs. Every call returns 0 or -errno.
 */
#ifndef AMPHORA_PTRACE_PERMISSIONS_H
#define AMPHORA_PTRACE_PERMISSIONS_H

#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracee.h"

static inline bool permissions_on(const struct tracee *tracee)
{
	return tracee->tracer->plan->spec->fake_permissions && tracee->tracer->fake_ids;
}

/* struct path_ops.search */
long permissions_search(void *context, const char *host);
/* R_OK, W_OK, X_OK on a file whose status is as the guest sees it. */
int permissions_allow(const struct tracee *tracee, const struct stat *shown, int mask);
/* The same of a resolved object, whatever its type. */
int permissions_object(struct tracee *tracee, const struct path_result *object, int mask);
/* A new name: nothing when there is one already, which the kernel says first. */
int permissions_create(struct tracee *tracee, const struct path_result *name);
/* An open(2). `real`: its status on the host, NULL: it doesn't exist. */
int permissions_open(struct tracee *tracee, const struct path_result *file, const struct stat *real,
		     uint64_t flags);
/* One path argument of a row, resolved. */
int permissions_path(struct tracee *tracee, const struct syscall_row *row,
		     const struct path_argument *argument, const struct path_result *result);
/* Both names of a rename. */
int permissions_rename(struct tracee *tracee, const struct path_result *old,
		       const struct path_result *new, unsigned flags);
/* access(2) and its kin: the caller's real ids, unless AT_EACCESS. Swapped back by calling it again. */
void permissions_real_ids(struct tracee *tracee, struct credentials *saved);

#endif
