/* SPDX-License-Identifier: Apache-2.0 */
/* plan: for every facet the mechanism chosen and what better one was refused and why; then what to
 * do, in order. Both backends execute the same plan. decide() is pure: spec + facts -> plan.
 */
#ifndef AMPHORA_MODEL_PLAN_H
#define AMPHORA_MODEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/facts.h"
#include "core/model/spec.h"

enum facet {
	FACET_FILES,	  /* what the guest sees */
	FACET_BOUNDARY,	  /* what it can reach */
	FACET_LAYER,	  /* where its writes go */
	FACET_LINKS,	  /* hard links */
	FACET_IDS,
	FACET_PROCESSES,
	FACET_NETWORK,
	FACET_LIMITS,
	FACET_HOSTNAME,
	FACET_IPC,
	FACET_CGROUP_VIEW,
	FACET_TIME,
	FACET_PRIVILEGES, /* capabilities, system-call profile, no_new_privs */
	FACET_FAST_PATH,  /* which calls with paths needn't stop */
	FACET_COUNT
};

enum strength {
	STRENGTH_NONE,	   /* the host's own, shared */
	STRENGTH_EMULATED, /* looks right to a well-behaved program */
	STRENGTH_CONTENT,  /* the kernel enforces it for file contents, not for metadata */
	STRENGTH_ENFORCED, /* the kernel enforces it */
};

/* Best first within a facet. The names printed are in mechanism_name(). */
enum mechanism {
	MECHANISM_NOT_CHOSEN,
	/* files */
	MECHANISM_MOUNT_NAMESPACE,
	MECHANISM_PATH_TRANSLATION,
	/* boundary */
	MECHANISM_NAMESPACES,
	MECHANISM_LANDLOCK,
	MECHANISM_NO_BOUNDARY,
	/* writable layer */
	MECHANISM_KERNEL_OVERLAY,
	MECHANISM_FUSE_OVERLAY,
	MECHANISM_TRANSLATED_OVERLAY,
	MECHANISM_COPIED_SCRATCH, /* ptrace --volatile: a thrown-away copy of the rootfs */
	MECHANISM_ROOTFS_DIRECT,  /* writes go to the rootfs itself */
	MECHANISM_READ_ONLY_ROOT, /* no layer wanted: the root is read-only */
	/* hard links */
	MECHANISM_KERNEL_LINKS,
	MECHANISM_EMULATED_LINKS, /* core/store/links.h */
	/* ids */
	MECHANISM_REAL_ROOT,
	MECHANISM_SUBORDINATE_IDS,
	MECHANISM_ONE_ID,
	MECHANISM_FAKED_IDS,
	MECHANISM_HOST_IDS, /* the caller's own, as they are */
	/* processes */
	MECHANISM_PID_NAMESPACE,
	MECHANISM_FILTERED_PROC,
	MECHANISM_HOST_PROCESSES,
	/* network */
	MECHANISM_NET_NAMESPACE, /* mode none: loopback only */
	MECHANISM_SOCKET_FILTER, /* mode none without a net namespace: only unix sockets */
	MECHANISM_HOST_NETWORK,
	/* limits */
	MECHANISM_CGROUP2,
	MECHANISM_CGROUP1,
	MECHANISM_RLIMITS,
	MECHANISM_NO_LIMITS,
	/* hostname, ipc, cgroup view, time */
	MECHANISM_NAMESPACE,
	MECHANISM_EMULATED,
	MECHANISM_HOST,
	/* privileges */
	MECHANISM_CAPS_AND_SECCOMP, /* dropped sets + system-call profile + no_new_privs */
	MECHANISM_NO_NEW_PRIVS,	    /* ptrace: no_new_privs; the guest's capabilities are a fiction */
	/* fast path */
	MECHANISM_NO_TRANSLATION, /* ns: paths mean to the kernel what they mean to the guest */
	MECHANISM_PATCHED_SITES,
	MECHANISM_PATCHED_COPIES, /* of libraries; running processes' text stays as it is */
	MECHANISM_EACH_CALL_STOPS,
	MECHANISM_COUNT
};

#define PLAN_REFUSALS_MAX 6
#define PLAN_WARNINGS_MAX 12

struct plan_refusal {
	enum mechanism mechanism; /* the better one that was not taken */
	enum fact_id fact;	  /* what refused it; FACT_ID_COUNT: not a fact but a request */
	char reason[FACT_TEXT_SIZE];
};

struct plan_facet {
	enum mechanism mechanism;
	enum strength strength;
	struct plan_refusal refusals[PLAN_REFUSALS_MAX];
	unsigned refusal_count;
	bool weakened; /* --best-effort accepted less than what was asked */
	char note[FACT_TEXT_SIZE]; /* what a person should know about the choice; may be empty */
};

enum plan_op_kind {
	PLAN_OP_ROOT,	  /* source: rootfs; options: READ_ONLY; layer by plan->layer */
	PLAN_OP_MOUNT,	  /* mount_kind, source, target, options, size, mode */
	PLAN_OP_SYMLINK,  /* target: guest path of the link, content: its text */
	PLAN_OP_FILE,	  /* target, content: a generated file shown there; rootfs not touched */
	PLAN_OP_MASK,	  /* target: hidden (empty file or empty read-only directory); missing is fine */
	PLAN_OP_READ_ONLY, /* target: an existing path made read-only; missing is fine */
};

struct plan_op {
	enum plan_op_kind kind;
	enum mount_kind mount_kind;
	const char *source;
	const char *target;
	const char *content;
	uint32_t options; /* enum mount_option */
	uint64_t size;
	mode_t mode;
};

struct plan_id_range {
	uint32_t inside, outside, count;
};

enum plan_backend { PLAN_BACKEND_NONE, PLAN_BACKEND_NS, PLAN_BACKEND_PTRACE };

struct plan {
	enum plan_backend backend;
	struct plan_facet facets[FACET_COUNT];
	char warnings[PLAN_WARNINGS_MAX][FACT_TEXT_SIZE]; /* --best-effort: what was asked and is weaker */
	unsigned warning_count;

	const struct spec *spec; /* borrowed: process, rlimits, net, hostname */
	const char *rootfs;	 /* host path */
	const char *hostname;
	enum mechanism layer;	 /* == facets[FACET_LAYER].mechanism */
	uint64_t clone_flags;	 /* ns: exactly these CLONE_NEW* */
	/* MECHANISM_ONE_ID: `inside` is the numeric id asked for, else 0. A user or group given by
	 * name is looked up later: a backend maps the first process's own ids instead. */
	struct plan_id_range uid_ranges[2], gid_ranges[2]; /* ns with user namespace */
	unsigned uid_range_count, gid_range_count;
	bool use_newuidmap;
	uint64_t capabilities;	 /* ns: kept in all sets, bit = CAP_*; ptrace: what the guest is told,
				  * and with MECHANISM_REAL_ROOT at most what it keeps */
	bool seccomp_profile;	 /* ns: load the default profile */
	bool no_new_privs;
	bool pid1_init;		 /* our init as PID 1 */
	bool deny_network;	 /* ptrace, mode none: the filter refuses all but unix sockets */
	bool emulate_netlink;	 /* ptrace: the host refuses rtnetlink, the tracer answers it */
	bool fake_ids;		 /* ptrace: ids are faked and remembered */
	bool keep_ids;		 /* ptrace: MECHANISM_HOST_IDS, ids and groups are left alone */
	bool own_ids_are_users;	 /* ptrace: files of our own ids show the first process's, not 0 */
	bool landlock;		 /* ptrace */
	bool emulate_links;	 /* ptrace: names of emulated hard links are understood */
	bool make_links;	 /* ptrace: link(2) makes such names; else only for files that have some */
	bool emulate_sysvipc;	 /* ptrace: System V IPC is the tracer's */
	bool process_vm;	 /* ptrace: process_vm_readv may be used */
	bool notify;		 /* ptrace: calls answered whole go by seccomp notification */
	bool openat2;		 /* ptrace: the tracer may use openat2 */
	bool syscall_info;	       /* ptrace: PTRACE_GET_SYSCALL_INFO, hence 32-bit calls */
	bool seccomp_stop_after_entry; /* ptrace: FACT SECCOMP_ORDER */
	bool mount_api;		 /* ns: new mount API may be used */
	const struct emulator *emulator; /* ptrace: runs what isn't this machine's; or NULL */
	enum fast_path_choice fast_path; /* ptrace: paths are translated inside the guest's processes */
	uint64_t trapped[PLAN_TRAP_WORDS]; /* ptrace: calls that an outer filter traps; a bit a number */

	struct plan_op *ops;	 /* in the order to be executed; [0] is PLAN_OP_ROOT */
	size_t op_count;
};

/* Host knowledge that isn't a capability: gathered by the caller, handed in, so that decide() stays
 * pure. Strings are borrowed. */
struct host_info {
	const char *resolv_conf; /* text of the host's, NULL: none */
	const char *hostname;	 /* generated default when the spec has none */
	const char *machine_hostname; /* what the guest sees when it can't have its own; may be NULL */
	const struct emulator *emulator; /* QEMU for spec->platform; NULL: none */
	bool emulator_in_kernel; /* binfmt_misc runs that platform's programs in any root */
	bool rootfs_has_links; /* the rootfs has emulated hard links: links_exist() */
	unsigned page_size;    /* the kernel's; 0: not known */
};

/* The mechanisms of a facet, best first, ended by MECHANISM_NOT_CHOSEN. */
const enum mechanism *facet_mechanisms(enum facet facet);

/* Chooses. Returns 0 with a plan (child of parent); or -errno with err naming facet and fact when
 * what was asked can't be enforced (exit 125), unless spec->best_effort. *ret_plan is also set on
 * refusal when the facets could be filled in (so that `amphora plan` can show them); NULL else. */
int decide(void *parent, const struct spec *spec, const struct facts *facts,
	   const struct host_info *host, struct plan **ret_plan, struct error *err);

const char *facet_name(enum facet facet);	      /* "files", "boundary", ... */
const char *mechanism_name(enum mechanism mechanism); /* "mount namespace", "path translation", ... */
const char *strength_name(enum strength strength);    /* "enforced", "emulated", ... */

char *plan_to_json(void *parent, const struct plan *plan);
/* The table of `amphora plan`, at most 80 columns. */
char *plan_to_table(void *parent, const struct plan *plan);

#endif
