// SPDX-License-Identifier: Apache-2.0
/* The words a person reads for facets, mechanisms and strengths, and their order. */
#include "core/base/cleanup.h"
#include "core/model/plan.h"

static const char *const facet_names[FACET_COUNT] = {
	[FACET_FILES] = "files",
	[FACET_BOUNDARY] = "boundary",
	[FACET_LAYER] = "writable layer",
	[FACET_LINKS] = "hard links",
	[FACET_IDS] = "ids",
	[FACET_PROCESSES] = "processes",
	[FACET_NETWORK] = "network",
	[FACET_LIMITS] = "limits",
	[FACET_HOSTNAME] = "hostname",
	[FACET_IPC] = "ipc",
	[FACET_CGROUP_VIEW] = "cgroup view",
	[FACET_TIME] = "time",
	[FACET_PRIVILEGES] = "privileges",
	[FACET_FAST_PATH] = "fast path",
};

static const char *const mechanism_names[MECHANISM_COUNT] = {
	[MECHANISM_NOT_CHOSEN] = "nothing works",
	[MECHANISM_MOUNT_NAMESPACE] = "mount namespace",
	[MECHANISM_PATH_TRANSLATION] = "path translation",
	[MECHANISM_NAMESPACES] = "namespaces",
	[MECHANISM_LANDLOCK] = "Landlock",
	[MECHANISM_NO_BOUNDARY] = "no boundary",
	[MECHANISM_KERNEL_OVERLAY] = "kernel overlay",
	[MECHANISM_FUSE_OVERLAY] = "fuse-overlayfs",
	[MECHANISM_TRANSLATED_OVERLAY] = "overlay in path translation",
	[MECHANISM_COPIED_SCRATCH] = "copied scratch",
	[MECHANISM_ROOTFS_DIRECT] = "the rootfs itself",
	[MECHANISM_READ_ONLY_ROOT] = "read-only root",
	[MECHANISM_KERNEL_LINKS] = "the kernel's",
	[MECHANISM_EMULATED_LINKS] = "emulated by symlinks",
	[MECHANISM_REAL_ROOT] = "real root",
	[MECHANISM_SUBORDINATE_IDS] = "subordinate id range",
	[MECHANISM_ONE_ID] = "one id mapped",
	[MECHANISM_FAKED_IDS] = "faked ids, remembered",
	[MECHANISM_HOST_IDS] = "the caller's own ids",
	[MECHANISM_PID_NAMESPACE] = "PID namespace",
	[MECHANISM_FILTERED_PROC] = "filtered /proc",
	[MECHANISM_HOST_PROCESSES] = "host's processes",
	[MECHANISM_NET_NAMESPACE] = "network namespace",
	[MECHANISM_SOCKET_FILTER] = "socket filter",
	[MECHANISM_HOST_NETWORK] = "host network",
	[MECHANISM_CGROUP2] = "cgroup v2",
	[MECHANISM_CGROUP1] = "cgroup v1",
	[MECHANISM_RLIMITS] = "rlimits",
	[MECHANISM_NO_LIMITS] = "no limits",
	[MECHANISM_NAMESPACE] = "namespace",
	[MECHANISM_EMULATED] = "emulated",
	[MECHANISM_HOST] = "host's own",
	[MECHANISM_CAPS_AND_SECCOMP] = "capabilities and seccomp",
	[MECHANISM_NO_NEW_PRIVS] = "no_new_privs",
	[MECHANISM_NO_TRANSLATION] = "the kernel's own",
	[MECHANISM_PATCHED_SITES] = "patched call sites",
	[MECHANISM_PATCHED_COPIES] = "patched copies of libraries",
	[MECHANISM_EACH_CALL_STOPS] = "off",
};

static const char *const strength_names[] = {
	[STRENGTH_NONE] = "none",
	[STRENGTH_EMULATED] = "emulated",
	[STRENGTH_CONTENT] = "content",
	[STRENGTH_ENFORCED] = "enforced",
};

#define SHARED_FACET \
	{MECHANISM_NAMESPACE, MECHANISM_EMULATED, MECHANISM_HOST}

static const enum mechanism mechanisms[FACET_COUNT][7] = {
	[FACET_FILES] = {MECHANISM_MOUNT_NAMESPACE, MECHANISM_PATH_TRANSLATION},
	[FACET_BOUNDARY] = {MECHANISM_NAMESPACES, MECHANISM_LANDLOCK, MECHANISM_NO_BOUNDARY},
	[FACET_LAYER] = {MECHANISM_KERNEL_OVERLAY, MECHANISM_FUSE_OVERLAY,
			 MECHANISM_TRANSLATED_OVERLAY, MECHANISM_COPIED_SCRATCH,
			 MECHANISM_ROOTFS_DIRECT, MECHANISM_READ_ONLY_ROOT},
	[FACET_LINKS] = {MECHANISM_KERNEL_LINKS, MECHANISM_EMULATED_LINKS},
	[FACET_IDS] = {MECHANISM_REAL_ROOT, MECHANISM_SUBORDINATE_IDS, MECHANISM_ONE_ID,
		       MECHANISM_FAKED_IDS, MECHANISM_HOST_IDS},
	[FACET_PROCESSES] = {MECHANISM_PID_NAMESPACE, MECHANISM_FILTERED_PROC,
			     MECHANISM_HOST_PROCESSES},
	[FACET_NETWORK] = {MECHANISM_NET_NAMESPACE, MECHANISM_SOCKET_FILTER,
			   MECHANISM_HOST_NETWORK},
	[FACET_LIMITS] = {MECHANISM_CGROUP2, MECHANISM_CGROUP1, MECHANISM_RLIMITS,
			  MECHANISM_NO_LIMITS},
	[FACET_HOSTNAME] = SHARED_FACET,
	[FACET_IPC] = SHARED_FACET,
	[FACET_CGROUP_VIEW] = SHARED_FACET,
	[FACET_TIME] = SHARED_FACET,
	[FACET_PRIVILEGES] = {MECHANISM_CAPS_AND_SECCOMP, MECHANISM_NO_NEW_PRIVS},
	[FACET_FAST_PATH] = {MECHANISM_NO_TRANSLATION, MECHANISM_PATCHED_SITES, MECHANISM_PATCHED_COPIES,
			     MECHANISM_EACH_CALL_STOPS},
};

const char *facet_name(enum facet facet)
{
	return (unsigned)facet < FACET_COUNT ? facet_names[facet] : "unknown";
}

const char *mechanism_name(enum mechanism mechanism)
{
	return (unsigned)mechanism < MECHANISM_COUNT ? mechanism_names[mechanism] : "unknown";
}

const char *strength_name(enum strength strength)
{
	return (unsigned)strength < ARRAY_SIZE(strength_names) ? strength_names[strength] : "unknown";
}

const enum mechanism *facet_mechanisms(enum facet facet)
{
	return mechanisms[facet];
}
