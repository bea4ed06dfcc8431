/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of machines, most of which we lack: what the prober would report there, cut down to what
 * decide() reads. Sources: shared research on Android and rivals (d), (e); the rest was measured.
 */
#ifndef AMPHORA_TESTS_MACHINES_H
#define AMPHORA_TESTS_MACHINES_H

#include <errno.h>

#include "core/model/facts.h"

#define WORKS(id)	     [FACT_ID_##id] = {.status = FACT_WORKS}
#define VALUE(id, number)    [FACT_ID_##id] = {.status = FACT_WORKS, .value = number}
#define TEXT(id, number, words) \
	[FACT_ID_##id] = {.status = FACT_WORKS, .value = number, .text = words}
#define FAILS(id, errno_value, words) \
	[FACT_ID_##id] = {.status = FACT_FAILS, .error_code = errno_value, .text = words}
#define TRAPPED(id, words) [FACT_ID_##id] = {.status = FACT_TRAPPED, .text = words}
#define ABSENT(id, words)  [FACT_ID_##id] = {.status = FACT_ABSENT, .text = words}

#define CAPABILITIES_ALL    0x1ffffffffff
#define CAPABILITIES_DOCKER 0xa80425fb /* no SYS_ADMIN, no SYS_PTRACE */

#define PLAIN_USER  VALUE(UID, 1000), VALUE(GID, 1000), TEXT(CAPABILITIES, 0, "none")
#define NO_SYSVIPC  ABSENT(SYSVIPC, "no shared memory; under ptrace they are emulated")
#define ANDROID_APP VALUE(UID, 10234), VALUE(GID, 10234), TEXT(CAPABILITIES, 0, "none"), NO_SYSVIPC
#define FULL_ROOT   VALUE(UID, 0), VALUE(GID, 0), TEXT(CAPABILITIES, CAPABILITIES_ALL, "all")
#define DOCKER_ROOT VALUE(UID, 0), VALUE(GID, 0), TEXT(CAPABILITIES, CAPABILITIES_DOCKER, "some")

#define USERNS_REST_WORKS                                                                         \
	WORKS(USERNS_UTS), WORKS(USERNS_IPC), WORKS(USERNS_NET), WORKS(USERNS_CGROUP),            \
		WORKS(USERNS_TIME)
#define USERNS_WORKS                                                                              \
	WORKS(USERNS), WORKS(USERNS_GATE), WORKS(USERNS_MOUNT), WORKS(USERNS_PID),                \
		WORKS(USERNS_PROC), USERNS_REST_WORKS
#define USERNS_REFUSED(errno_value, gate)                                                         \
	FAILS(USERNS, errno_value, "unshare(CLONE_NEWUSER) is refused"),                          \
		FAILS(USERNS_GATE, errno_value, gate),                                            \
		FAILS(USERNS_MOUNT, errno_value, "needs a user namespace")
#define USERNS_ABSENT                                                                             \
	ABSENT(USERNS, "unshare(CLONE_NEWUSER): unknown to the kernel"),                          \
		FAILS(USERNS_GATE, EINVAL, "the kernel was built without user namespaces"),       \
		FAILS(USERNS_MOUNT, EINVAL, "needs a user namespace")
#define ROOT_REFUSED FAILS(ROOT_MOUNT, EPERM, "needs CAP_SYS_ADMIN, which we don't have")
#define ROOT_WORKS                                                                                \
	WORKS(ROOT_MOUNT), WORKS(ROOT_PID), WORKS(ROOT_UTS), WORKS(ROOT_IPC), WORKS(ROOT_NET),    \
		WORKS(ROOT_CGROUP), WORKS(ROOT_TIME)
#define TRACING_WORKS                                                                             \
	WORKS(PTRACE), WORKS(SECCOMP_FILTER), VALUE(SECCOMP_ORDER, 1), WORKS(PROCESS_VM)
#define OVERLAY_WORKS	WORKS(OVERLAY_TMPFS), WORKS(OVERLAY_ROOT), WORKS(OVERLAY_USERNS)
#define SUBORDINATE_IDS TEXT(NEWUIDMAP, 65536, "100000:65536 100000:65536")
#define NO_NEWUIDMAP	FAILS(NEWUIDMAP, ENOENT, "newuidmap is not installed")
#define CGROUP2_MOUNTED TEXT(CGROUP2, 0, "/sys/fs/cgroup")
#define NO_LANDLOCK	ABSENT(LANDLOCK, "the kernel has no Landlock")

static const struct facts machine_server_root = {.fact = {
	FULL_ROOT, ROOT_WORKS, USERNS_WORKS, TRACING_WORKS, OVERLAY_WORKS, NO_NEWUIDMAP,
	CGROUP2_MOUNTED, VALUE(LANDLOCK, 7), WORKS(MOUNT_API),
}};
static const struct facts machine_server_user = {.fact = {
	PLAIN_USER, ROOT_REFUSED, USERNS_WORKS, TRACING_WORKS, OVERLAY_WORKS, SUBORDINATE_IDS,
	CGROUP2_MOUNTED, VALUE(LANDLOCK, 7), WORKS(MOUNT_API),
}};
static const struct facts machine_user_without_newuidmap = {.fact = {
	PLAIN_USER, ROOT_REFUSED, USERNS_WORKS, TRACING_WORKS, OVERLAY_WORKS, NO_NEWUIDMAP,
	CGROUP2_MOUNTED, VALUE(LANDLOCK, 7),
}};
static const struct facts machine_userns_off = {.fact = {
	PLAIN_USER, ROOT_REFUSED,
	USERNS_REFUSED(ENOSPC, "user.max_user_namespaces = 0 (sysctl)"),
	TRACING_WORKS, SUBORDINATE_IDS, VALUE(LANDLOCK, 7),
}};
static const struct facts machine_ubuntu_2404 = {.fact = {
	PLAIN_USER, ROOT_REFUSED, WORKS(USERNS),
	FAILS(USERNS_GATE, EACCES, "kernel.apparmor_restrict_unprivileged_userns = 1 (sysctl)"),
	FAILS(USERNS_MOUNT, EACCES, "mount tmpfs: Permission denied"),
	TRACING_WORKS, SUBORDINATE_IDS, VALUE(LANDLOCK, 4),
}};
static const struct facts machine_android_10_app = {.fact = {
	ANDROID_APP, ROOT_REFUSED, USERNS_ABSENT, TRACING_WORKS,
	TEXT(ANDROID, 29, "10"),
	[FACT_ID_TRAP_MAP] = {.status = FACT_TRAPPED, .value = 9,
			      .text = "statx clone3 openat2 faccessat2 close_range setuid mount"},
	TRAPPED(LANDLOCK, "the app filter traps landlock_create_ruleset"),
}};
static const struct facts machine_android_12_app = {.fact = {
	ANDROID_APP, ROOT_REFUSED, USERNS_ABSENT, TRACING_WORKS,
	TEXT(ANDROID, 31, "12"), VALUE(PHANTOM_LIMIT, 32),
	TRAPPED(LANDLOCK, "the app filter traps landlock_create_ruleset"),
}};
/* Samsung OneUI: process_vm_readv answers EPERM. */
static const struct facts machine_android_14_app = {.fact = {
	ANDROID_APP, ROOT_REFUSED, USERNS_ABSENT, WORKS(PTRACE), WORKS(SECCOMP_FILTER),
	VALUE(SECCOMP_ORDER, 1), FAILS(PROCESS_VM, EPERM, "process_vm_readv is refused"),
	TEXT(ANDROID, 34, "14"), VALUE(PHANTOM_LIMIT, 32),
	TRAPPED(LANDLOCK, "the app filter traps landlock_create_ruleset"),
}};
static const struct facts machine_android_15_app = {.fact = {
	ANDROID_APP, ROOT_REFUSED,
	USERNS_REFUSED(EACCES, "SELinux denies user_namespace { create } to u:r:untrusted_app"),
	TRACING_WORKS, TEXT(ANDROID, 35, "15"), VALUE(PHANTOM_LIMIT, 32),
	TRAPPED(LANDLOCK, "the app filter traps landlock_create_ruleset"),
}};
static const struct facts machine_adb_shell = {.fact = {
	VALUE(UID, 2000), VALUE(GID, 2000), TEXT(CAPABILITIES, 0, "none"), ROOT_REFUSED,
	USERNS_ABSENT, TRACING_WORKS, TEXT(ANDROID, 34, "14"), NO_LANDLOCK, NO_SYSVIPC,
}};
/* Stock GKI 6.1: no PID_NS, IPC_NS, USER_NS; tmpfs without xattrs, /data is casefolded f2fs. */
static const struct facts machine_rooted_stock_gki = {.fact = {
	FULL_ROOT, USERNS_ABSENT, TRACING_WORKS, NO_LANDLOCK, TEXT(ANDROID, 34, "14"),
	WORKS(ROOT_MOUNT), WORKS(ROOT_UTS), WORKS(ROOT_NET), WORKS(ROOT_CGROUP), WORKS(ROOT_TIME),
	ABSENT(ROOT_PID, "the kernel has no PID namespaces"),
	ABSENT(ROOT_IPC, "the kernel has no IPC namespaces"),
	FAILS(OVERLAY_TMPFS, EINVAL, "overlay: tmpfs has no xattrs, casefolded lower"),
	FAILS(OVERLAY_ROOT, EINVAL, "overlay: casefolded f2fs"), CGROUP2_MOUNTED,
}};
static const struct facts machine_rooted_custom = {.fact = {
	FULL_ROOT, ROOT_WORKS, USERNS_ABSENT, TRACING_WORKS, NO_LANDLOCK, WORKS(OVERLAY_TMPFS),
	TEXT(ANDROID, 34, "14"), CGROUP2_MOUNTED,
}};
/* Root under an SELinux domain that may not mount; everything else is root's. */
static const struct facts machine_rooted_no_mount = {.fact = {
	FULL_ROOT, USERNS_ABSENT, TRACING_WORKS, NO_LANDLOCK, TEXT(ANDROID, 34, "14"),
	FAILS(ROOT_MOUNT, EACCES, "mount is denied by SELinux"),
}};
static const struct facts machine_selinux_denies = {.fact = {
	PLAIN_USER, ROOT_REFUSED,
	USERNS_REFUSED(EACCES, "SELinux denies user_namespace { create } to user_t"),
	TRACING_WORKS, VALUE(LANDLOCK, 3), VALUE(SELINUX, 1),
}};
/* NFS home, mounted noexec; old Landlock. */
static const struct facts machine_hpc_node = {.fact = {
	PLAIN_USER, ROOT_REFUSED,
	USERNS_REFUSED(ENOSPC, "user.max_user_namespaces = 0 (sysctl)"),
	TRACING_WORKS, VALUE(LANDLOCK, 2), FAILS(STORE_EXEC, EACCES, "mounted noexec"),
	TEXT(STORE_FS, 0x6969, "nfs"), FAILS(STORE_XATTR, EOPNOTSUPP, "no user xattrs"),
}};
static const struct facts machine_landlock_1 = {.fact = {
	PLAIN_USER, ROOT_REFUSED,
	USERNS_REFUSED(EPERM, "kernel.unprivileged_userns_clone = 0 (sysctl)"),
	TRACING_WORKS, VALUE(LANDLOCK, 1),
}};
static const struct facts machine_docker_root = {.fact = {
	DOCKER_ROOT, ROOT_REFUSED,
	USERNS_REFUSED(EPERM, "probably the seccomp filter around us"),
	TRACING_WORKS, VALUE(LANDLOCK, 7),
}};
/* Inside a container that covers parts of /proc: no fresh proc. */
static const struct facts machine_masked_proc = {.fact = {
	PLAIN_USER, ROOT_REFUSED, WORKS(USERNS), WORKS(USERNS_GATE), WORKS(USERNS_MOUNT),
	FAILS(USERNS_PID, EPERM, "mount proc is refused"),
	FAILS(USERNS_PROC, EPERM, "parts of /proc are covered by an outer container"),
	USERNS_REST_WORKS, TRACING_WORKS, OVERLAY_WORKS, NO_NEWUIDMAP,
}};
static const struct facts machine_root_needs_userns = {.fact = {
	FULL_ROOT, FAILS(ROOT_MOUNT, EPERM, "pivot_root is refused"), USERNS_WORKS, TRACING_WORKS,
	OVERLAY_WORKS, NO_NEWUIDMAP,
}};
static const struct facts machine_container_without_ptrace = {.fact = {
	DOCKER_ROOT, ROOT_REFUSED,
	USERNS_REFUSED(EPERM, "probably the seccomp filter around us"),
	FAILS(PTRACE, EPERM, "PTRACE_TRACEME is refused"), WORKS(SECCOMP_FILTER),
}};
static const struct facts machine_nothing_works = {.fact = {
	PLAIN_USER, ROOT_REFUSED, USERNS_ABSENT, WORKS(PTRACE),
	ABSENT(SECCOMP_FILTER, "the kernel has no seccomp filters"), NO_LANDLOCK,
}};

static const struct facts *const all_machines[] = {
	&machine_server_root,
	&machine_server_user,
	&machine_user_without_newuidmap,
	&machine_userns_off,
	&machine_ubuntu_2404,
	&machine_android_10_app,
	&machine_android_12_app,
	&machine_android_14_app,
	&machine_android_15_app,
	&machine_adb_shell,
	&machine_rooted_stock_gki,
	&machine_rooted_custom,
	&machine_rooted_no_mount,
	&machine_selinux_denies,
	&machine_hpc_node,
	&machine_landlock_1,
	&machine_docker_root,
	&machine_masked_proc,
	&machine_root_needs_userns,
	&machine_container_without_ptrace,
	&machine_nothing_works,
};

#endif
