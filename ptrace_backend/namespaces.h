/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that guests make: emulated, so that programs which set up a sandbox work. They isolate the
 * mount table, the ids and the host name that a process sees, and no more: pids, System V objects and
 * cgroups are the container's own in each, and a network namespace only refuses sockets.
 */
#ifndef AMPHORA_PTRACE_NAMESPACES_H
#define AMPHORA_PTRACE_NAMESPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/path/resolve.h"
#include "ptrace_backend/id_map.h"

struct tracee;
struct tracer;
struct path_result;

enum namespace_kind {
	NAMESPACE_USER, /* first: it owns the others that are made with it */
	NAMESPACE_MOUNT,
	NAMESPACE_UTS,
	NAMESPACE_IPC,
	NAMESPACE_PID,
	NAMESPACE_NET,
	NAMESPACE_CGROUP,
	NAMESPACE_KINDS
};

#define NAMESPACES_MAX	     2048 /* that guests make, of all kinds; then ENOSPC */
#define MOUNT_NAMESPACES_MAX 512
#define USER_NAMESPACE_DEPTH 32 /* as in the kernel */

/* What mountinfo tells of a mount that a guest made. */
struct mount_label {
	char type[16];	 /* "": what the host says */
	char source[104];
	bool lazy;	 /* detached with MNT_DETACH: stays while somebody is there, and until mount_table_compact() */
};

struct mount_table {
	struct path_table *table;
	struct mount_label labels[PATH_MOUNTS_MAX];
};

struct uts_names {
	char host[65], domain[65]; /* "": the container's */
};

#define MAP_WRITERS 6
/* A memfd that a guest took for uid_map, gid_map or setgroups, until something is in it. */
struct map_writer {
	int fd; /* 0: free */
	int file; /* enum in user_ns.c */
	uid_t uid;
	gid_t gid;
	bool setuid, setgid;			   /* the opener's capabilities in the parent */
	const struct guest_namespace *seen_from; /* the opener's user namespace */
};

struct user_maps {
	struct id_map uids, gids;
	uid_t owner;
	unsigned depth;
	bool setgroups_denied;
	struct map_writer writers[MAP_WRITERS];
};

/* One that a guest made. NULL stands for the container's own. */
struct guest_namespace {
	struct guest_namespace *next; /* tracer->namespaces */
	enum namespace_kind kind;
	unsigned references;
	uint64_t id;
	bool has_file;			/* namespaces_redirect() made it */
	struct guest_namespace *owner; /* user namespace; of a user namespace: its parent */
	union {
		struct mount_table *mounts;
		struct uts_names *uts;
		struct user_maps *user;
		struct ipc_space *ipc; /* sysvipc.h; NULL: nothing made in it yet */
	};
};

/* What a thread is in; `for_children` is unshare(CLONE_NEWPID). */
struct guest_namespaces {
	struct guest_namespace *in[NAMESPACE_KINDS];
	struct guest_namespace *pid_for_children;
};

/* The kinds that clone flags ask for, as bits 1 << kind. */
unsigned namespaces_of_flags(uint64_t clone_flags);
/* The kind of a name below /proc/PID/ns, as such a bit; 0: none. */
unsigned namespaces_of_name(const char *name);

/* Makes the namespaces that flags ask for into tracee->made. Returns 0, -EPERM, -ENOSPC or -ENOMEM. */
int namespaces_make(struct tracee *tracee, uint64_t clone_flags);
/* Puts a thread into `made` (its parent's when it is a `child`, or its own), which is empty then. With a
 * mount namespace among them the thread's fs must be its own. */
void namespaces_adopt(struct tracee *tracee, struct guest_namespaces *made, bool child);
/* Puts a thread into one namespace; NULL: the container's own of that kind. */
void namespaces_enter(struct tracee *tracee, enum namespace_kind kind,
		      struct guest_namespace *namespace);
void namespaces_set_children_pid(struct tracee *tracee, struct guest_namespace *namespace);
void namespaces_inherit(struct tracee *child, const struct tracee *parent);
void namespaces_release(struct tracee *tracee, struct guest_namespaces *namespaces);

/* The names that the thread's sethostname() sets. */
struct uts_names *namespaces_uts(const struct tracee *tracee);

/* True when the thread has a capability towards what a user namespace (NULL: the container's own) owns.
 * With real ids: when it is root and the plan gives root that capability. */
bool namespaces_capable(const struct tracee *tracee, const struct guest_namespace *owner,
			unsigned capability);
/* The user namespace that owns the mounts (or names ...) a thread sees. */
const struct guest_namespace *namespace_owner(const struct tracee *tracee, enum namespace_kind kind);
/* Whether `inner` is `outer` or was made below it. */
bool user_ns_contains(const struct guest_namespace *outer, const struct guest_namespace *inner);

/* When result is a /proc/PID/ns link that a guest's namespace stands behind: result becomes a file of
 * ours that stands for it. */
void namespaces_redirect(struct tracee *tracee, struct path_result *result);
/* The text of such a link or of an fd of such a file, "mnt:[1234]": its length, or 0 for another host
 * path. `host` is the link under /proc. */
int namespaces_link_text(struct tracee *tracee, const char *host, char *text, size_t size);
/* The namespace that a file made by namespaces_redirect() stands for. Returns false for another path. */
bool namespaces_find_file(const struct tracer *tracer, const char *host,
			  struct guest_namespace **ret_namespace);

/* mount_ns.c: the mounts that a thread sees, and what tells about them. */
struct mount_table *tracee_mounts(const struct tracee *tracee);
/* Makes dst a copy of src for the thread, whose root and cwd come along. */
void mount_table_copy(struct tracee *tracee, struct mount_table *to, const struct mount_table *from,
		      bool lock);
/* Frees indices of detached mounts when few are left. Before a position is resolved. */
void mount_table_compact(struct tracee *tracee);
/* True when somebody's root or cwd lies in the mount. */
bool mount_is_busy(struct tracee *tracee, int mount);
void mount_label(struct tracee *tracee, int mount, const char *type, const char *source);
/* A directory for a tmpfs: its host path. Returns 0 or -errno. */
int guest_tmpfs_make(struct tracer *tracer, mode_t mode, char *host, size_t size);
/* True when a host path lies in a tmpfs that a guest mounted. */
bool guest_tmpfs_has(const struct tracer *tracer, const char *host);
/* Removes those that no mount shows any more. */
void guest_tmpfs_collect(struct tracer *tracer);

/* user_ns.c: what a thread's user namespace makes of ids. */
/* For a new or entered user namespace: all capabilities in it. */
void user_ns_credentials(struct tracee *tracee);
uid_t user_ns_show_uid(struct tracee *tracee, uid_t uid);
gid_t user_ns_show_gid(struct tracee *tracee, gid_t gid);
/* ID_NONE when it isn't mapped. */
uid_t user_ns_take_uid(struct tracee *tracee, uid_t uid);
gid_t user_ns_take_gid(struct tracee *tracee, gid_t gid);
bool user_ns_maps(struct tracee *tracee, uid_t uid, gid_t gid);
/* Whether a user id (the container's) is root of the thread's user namespace or of one above it. */
bool user_ns_has_root(struct tracee *tracee, uid_t uid);
/* Whether setgroups(2) is on offer there. */
bool user_ns_allows_setgroups(struct tracee *tracee);
void user_ns_free(struct guest_namespace *namespace);

#endif
