/* SPDX-License-Identifier: Apache-2.0 */
/* Faked credentials: what get*id(), stat and friends say when real ids can't be had.
 *
 * Every thread starts as the plan's user; set*id() calls follow the kernel's rules on these
 * numbers (capabilities(7): euid 0 means all). Owners and modes that the real file system can't
 * hold are remembered by core/store/record.h.
 */
#ifndef AMPHORA_PTRACE_IDS_H
#define AMPHORA_PTRACE_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define CREDENTIALS_GROUPS_MAX 64

struct credentials {
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	uint32_t group_count;
	gid_t groups[CREDENTIALS_GROUPS_MAX];
	bool keep_capabilities; /* PR_SET_KEEPCAPS */
	uint64_t permitted, effective, inheritable; /* capability bits as capget() shows them */
};

struct tracer;
struct tracee;

/* Start of the first process: uid, gid, groups from the backend context. */
void credentials_init(struct credentials *credentials, uid_t uid, gid_t gid, const gid_t *groups,
		      size_t group_count);
/* execve of a program whose guest-visible owner and mode are these (set-user-ID, set-group-ID,
 * capability recomputation). */
void credentials_exec(struct credentials *credentials, uid_t owner, gid_t group, mode_t mode);

/* Makes *status what the guest should see for the file that `host` (absolute, not followed) or, when
 * host is NULL, `fd` names. Owner, group, mode, rdev and type from the record when there is one,
 * otherwise the host's own ids mapped to 0. */
void ids_guest_stat(struct tracer *tracer, const char *host, int fd, struct stat *status);

#endif
