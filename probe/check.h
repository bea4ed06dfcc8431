/* SPDX-License-Identifier: Apache-2.0 */
/* What a check is, and the helpers a check may use. Internal to probe/.
 *
 * A check is a function that runs in a forked child and reports one or more facts. The facts lie in
 * memory shared with the prober, so a check may fork further and report from there. A check may
 * change its own process as it likes (namespaces, filters, limits): the process is thrown away.
 */
#ifndef AMPHORA_PROBE_CHECK_H
#define AMPHORA_PROBE_CHECK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/model/facts.h"

struct probe_context {
	struct facts *facts;    /* shared with every child */
	const char *store;      /* host path */
	int store_error;        /* positive errno when scratch could not be made; 0: it was */
	char scratch[PATH_MAX]; /* private directory in the store, removed at the end */
	int scratch_fd;         /* -EBADF when there is none */
	pid_t prober;           /* for names that must be unique */
	uid_t uid;              /* effective ids of the caller, outside of any new namespace */
	gid_t gid;
};

struct probe_check {
	void (*run)(struct probe_context *context, const struct probe_check *check);
	const enum fact_id *facts; /* what it reports, ends with FACT_ID_COUNT */
	int argument;              /* meaning: the check's own */
	/* Removes what a check that was killed may have left outside scratch; may be NULL. Runs in
	 * the prober. */
	void (*clean)(const struct probe_context *context);
};

#define PROBE_FACTS(...) ((const enum fact_id[]){__VA_ARGS__, FACT_ID_COUNT})

/* Runs the checks, `jobs` at a time, each in a child of its own with a time limit. A fact that a
 * check leaves unknown is reported for it: trapped when it died by SIGSYS, fails otherwise.
 * The table ends with run == NULL. */
void probe_run_checks(struct probe_context *context, const struct probe_check *checks,
		      unsigned jobs);

/* Report. The text is a format as in facts.def for works, else a sentence for a person. */
void probe_works(struct probe_context *context, enum fact_id id, int64_t value, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));
/* code: positive errno. ENOSYS becomes trapped when an outer filter raised SIGSYS in this process
 * for the call, absent otherwise. */
void probe_fails(struct probe_context *context, enum fact_id id, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void probe_absent(struct probe_context *context, enum fact_id id, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Reports all of the check's facts that are still unknown as failed. */
void probe_rest_fails(struct probe_context *context, const struct probe_check *check, int code,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True inside amphora's own path translation, which can't hold another: the facts fail by this text. */
bool probe_is_nested(void);
#define PROBE_NESTED "we run inside amphora on path translation, which can hold no other; start this outside of it"

/* fork() for use inside a check: the child dies with its parent. */
pid_t probe_fork(void);
/* Until killed: for a child that only has to be there. */
void probe_sleep(void) __attribute__((noreturn));
/* Waits for a child of probe_fork(). Returns its exit status, 128 + n for a signal, -errno. */
int probe_wait(pid_t pid);
/* Runs `body` in a probe_fork() child and returns what it returned (0..255), or as probe_wait(). */
int probe_call_in_child(int (*body)(void *argument), void *argument);

/* The number of the last call an outer filter trapped in this process; -1: none. Resets it. */
int probe_take_trapped(void);
/* A trapped call is made by another that does the same, as in the rest of amphora; one that has no other
 * is noted and returns -ENOSYS. */
void probe_install_sigsys_handler(void);
/* From here on, every trapped call of this process is noted and returns -ENOSYS. */
void probe_note_every_trap(void);

/* New user namespace with our ids mapped to 0. Returns 0 or -errno and the step that failed. */
int probe_enter_userns(const struct probe_context *context, const char **ret_step);
/* unshare(flags), in a new user namespace when we may not do it without; mounts made private
 * when flags has CLONE_NEWNS. Returns 0 or -errno. *ret_userns: a user namespace was needed. */
int probe_enter_private(const struct probe_context *context, int flags, bool *ret_userns);
/* Stops mounts of this mount namespace from spreading. Returns 0 or -errno. */
int probe_make_private(void);

/* A directory that exists and can be mounted upon in a private mount namespace. */
const char *probe_mount_point(const struct probe_context *context);

/* machine.c */
uint64_t probe_effective_capabilities(void); /* bit = CAP_* */
/* Also used to explain a refused namespace. May change the working directory. */
bool probe_is_chrooted(const struct probe_context *context);
/* calls.c: a hash of what the dummy calls answer: tells one outer filter from another, for the
 * cache. Returns 0 or -errno. */
int probe_calls_fingerprint(uint64_t *ret_hash);
/* trapped.c: a bit a call number. Returns 0 or -errno. */
int probe_trapped_numbers(uint64_t trapped[PLAN_TRAP_WORDS]);
/* lsm.c: 1 enforcing, 0 permissive, -1 no SELinux. */
int probe_selinux_mode(void);

/* One table a file; run.c lists them. */
extern const struct probe_check probe_machine_checks[];
extern const struct probe_check probe_lsm_checks[];
extern const struct probe_check probe_proc_checks[];
extern const struct probe_check probe_calls_checks[];
extern const struct probe_check probe_trapped_checks[];
extern const struct probe_check probe_userns_checks[];
extern const struct probe_check probe_rootns_checks[];
extern const struct probe_check probe_newuidmap_checks[];
extern const struct probe_check probe_kernel_api_checks[];
extern const struct probe_check probe_ptrace_checks[];
extern const struct probe_check probe_seccomp_checks[];
extern const struct probe_check probe_landlock_checks[];
extern const struct probe_check probe_store_checks[];
extern const struct probe_check probe_overlay_checks[];
extern const struct probe_check probe_devices_checks[];
extern const struct probe_check probe_cgroup_checks[];
extern const struct probe_check probe_net_checks[];
extern const struct probe_check probe_ipc_checks[];

/* namespaces.c: the chains, run inside a user namespace or as root. */
extern const struct probe_check probe_namespaces_in_userns[];
extern const struct probe_check probe_namespaces_as_root[];
/* overlay.c: an overlay in the store's file system. Call it in a private mount namespace. */
void probe_overlay_in_store(struct probe_context *context, const struct probe_check *check);

#endif
