/* SPDX-License-Identifier: Apache-2.0 */
/* Faked credentials: what get*id(), stat and friends say when real ids can't be had.
 *
 * Every thread starts as the plan's user; set*id() calls follow the kernel's rules on these
 * numbers (capabilities(7): euid 0 means all). The model is plain data: fork and clone copy it, and
 * nothing in it is ever asked of the kernel. Owners and modes that the real file system can't hold
 * are remembered by core/store/record.h.
 */
#ifndef AMPHORA_PTRACE_IDS_H
#define AMPHORA_PTRACE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define CREDENTIALS_GROUPS_MAX 64
#define CREDENTIALS_ALL_CAPABILITIES ((UINT64_C(1) << 41) - 1) /* up to CAP_CHECKPOINT_RESTORE */

struct credentials {
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	uint32_t group_count;
	gid_t groups[CREDENTIALS_GROUPS_MAX]; /* ascending */
	uid_t root_uid; /* what uid 0 of its user namespace is; -1: nobody */
	uint32_t securebits;		      /* PR_SET_SECUREBITS, PR_SET_KEEPCAPS */
	bool no_new_privs; /* as the guest set it: the real one is always on and hidden */
	/* Capability bits, bit = CAP_*. */
	uint64_t permitted, effective, inheritable, bounding, ambient;
};

struct tracer;
struct tracee;

/* Start of the first process: uid, gid, groups from the backend context. Groups beyond
 * CREDENTIALS_GROUPS_MAX are dropped. */
void credentials_init(struct credentials *credentials, uid_t uid, gid_t gid, const gid_t *groups,
		      size_t group_count);
/* ids_exec.c */
/* What security.capability says of a program (capabilities(7)). */
struct file_capabilities {
	bool present;
	bool effective;	  /* the program doesn't know of capabilities: it gets them switched on, or isn't run */
	uint32_t root_uid; /* counts in the user namespaces that this id is root of, and below */
	uint64_t permitted, inheritable;
};
/* The xattr's value, any version of it. Returns 0 or -EINVAL. */
int file_capabilities_parse(const void *value, size_t size, struct file_capabilities *ret);

/* A program as the guest sees it. */
struct exec_program {
	uid_t owner;
	gid_t group;
	mode_t mode;
	struct file_capabilities capabilities;
	bool nosuid; /* neither set-id bits nor capabilities count: a nosuid mount */
	bool unmapped; /* its owner or group is unknown in the user namespace: set-id bits don't count */
	bool unsafe; /* traced by a process that lacks CAP_SYS_PTRACE, or another one shares its CLONE_FS */
};
/* execve: set-user-ID, set-group-ID, capabilities. *ret_secure is what AT_SECURE tells. Returns 0, or -EPERM for a
 * program that would get less than it needs. */
int credentials_exec(struct credentials *credentials, const struct exec_program *program, bool *ret_secure);

/* The calls of the same names. (uid_t)-1 and (gid_t)-1 mean what they mean there. Return 0 or
 * -errno and change nothing on failure. */
int credentials_setuid(struct credentials *credentials, uid_t uid);
int credentials_setgid(struct credentials *credentials, gid_t gid);
int credentials_setreuid(struct credentials *credentials, uid_t ruid, uid_t euid);
int credentials_setregid(struct credentials *credentials, gid_t rgid, gid_t egid);
int credentials_setresuid(struct credentials *credentials, uid_t ruid, uid_t euid, uid_t suid);
int credentials_setresgid(struct credentials *credentials, gid_t rgid, gid_t egid, gid_t sgid);
/* These two return the id before the call, whether it succeeded or not. */
uid_t credentials_setfsuid(struct credentials *credentials, uid_t uid);
gid_t credentials_setfsgid(struct credentials *credentials, gid_t gid);
/* More than CREDENTIALS_GROUPS_MAX groups are -EINVAL, as on a kernel with a smaller NGROUPS_MAX.
 */
int credentials_setgroups(struct credentials *credentials, const gid_t *groups, size_t count);
int credentials_capset(struct credentials *credentials, uint64_t effective, uint64_t permitted,
		       uint64_t inheritable);
/* The prctl options that only concern credentials: their result, or -errno. -ENOSYS for any other
 * option: the kernel's own answer holds. */
long credentials_prctl(struct credentials *credentials, int option, unsigned long arg2,
		       unsigned long arg3, unsigned long arg4, unsigned long arg5);

bool credentials_capable(const struct credentials *credentials, unsigned capability);
/* Membership in the supplementary groups or fsgid. */
bool credentials_in_group(const struct credentials *credentials, gid_t gid);

/* Makes *status, which fstat() or lstat() just gave, what the guest should see for the file that
 * `host` (absolute, not followed) or, when host is NULL, `fd` names (an O_PATH fd will do; give
 * both where both are at hand). Owner, group, mode, rdev and type from the record when there is
 * one, otherwise tracer->own_uid and own_gid for the host's own. Does nothing when ids are real. */
void ids_guest_stat(struct tracer *tracer, const char *host, int fd, struct stat *status);

/* The same for a magic link of /proc, such as /proc/TID/fd/N, that the kernel has to follow. */
void ids_guest_stat_link(struct tracer *tracer, const char *link, struct stat *status);

/* What the guest should see of a file from now on. `real` is the file's own, unpatched stat; of
 * `shown` owner, group, mode and rdev count. When the real file already says the same, what was
 * remembered is dropped. Returns 0 or -errno. */
int ids_remember(struct tracer *tracer, int fd, const struct stat *real, const struct stat *shown);

/* Gives the real file the permission bits that stand for `mode` (a whole st_mode as the guest
 * should see it): its owner, who is the guest's root, keeps read and write, and search or execute
 * where that makes sense, as root always could; set-id bits are left out, because they would hand
 * the host user's rights to other host users. Updates *real. Returns 0 or -errno. */
int ids_chmod(int fd, struct stat *real, mode_t mode);

/* Owner and group of a new file at this host path, in the thread's ids or those of a set-group-id directory. */
void ids_new_owner(const struct tracee *tracee, const char *host, struct stat *shown);
/* After a call has made a file: it belongs to the thread's fsuid and fsgid, which is remembered
 * unless these are what the file shows anyway. `host` is not followed. ids_created() in
 * handlers.h arranges for that at the exit stop. */
void ids_own(struct tracee *tracee, const char *host);

#endif
