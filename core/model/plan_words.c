// SPDX-License-Identifier: Apache-2.0
/* Words for namespaces, mounts and operations. */
#include <sched.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/model/plan_words.h"

const struct bit_word namespace_words[] = {
	{CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mount"},       {CLONE_NEWPID, "pid"},
	{CLONE_NEWUTS, "uts"},	 {CLONE_NEWIPC, "ipc"},	       {CLONE_NEWNET, "net"},
	{CLONE_NEWTIME, "time"}, {CLONE_NEWCGROUP, "cgroup"}, {0, NULL},
};

const struct bit_word mount_option_words[] = {
	{MOUNT_OPTION_READ_ONLY, "ro"},
	{MOUNT_OPTION_NOSUID, "nosuid"},
	{MOUNT_OPTION_NODEV, "nodev"},
	{MOUNT_OPTION_NOEXEC, "noexec"},
	{MOUNT_OPTION_RECURSIVE, "recursive"},
	{MOUNT_OPTION_OPTIONAL, "optional"},
	{0, NULL},
};

static const char *const backend_names[] = {
	[PLAN_BACKEND_NONE] = "none",
	[PLAN_BACKEND_NS] = "ns",
	[PLAN_BACKEND_PTRACE] = "ptrace",
};

static const char *const op_kind_names[] = {
	[PLAN_OP_ROOT] = "root",   [PLAN_OP_MOUNT] = "mount", [PLAN_OP_SYMLINK] = "symlink",
	[PLAN_OP_FILE] = "file",   [PLAN_OP_MASK] = "mask",   [PLAN_OP_READ_ONLY] = "read-only",
};

static const char *const mount_kind_names[MOUNT_KIND_COUNT] = {
	[MOUNT_KIND_BIND] = "bind",	[MOUNT_KIND_TMPFS] = "tmpfs",
	[MOUNT_KIND_PROC] = "proc",	[MOUNT_KIND_SYSFS] = "sysfs",
	[MOUNT_KIND_DEVPTS] = "devpts", [MOUNT_KIND_MQUEUE] = "mqueue",
	[MOUNT_KIND_CGROUP] = "cgroup",
};

const char *plan_backend_name(enum plan_backend backend)
{
	return (unsigned)backend < ARRAY_SIZE(backend_names) ? backend_names[backend] : "unknown";
}

const char *plan_op_kind_name(enum plan_op_kind kind)
{
	return (unsigned)kind < ARRAY_SIZE(op_kind_names) ? op_kind_names[kind] : "unknown";
}

const char *mount_kind_name(enum mount_kind kind)
{
	return (unsigned)kind < MOUNT_KIND_COUNT ? mount_kind_names[kind] : "unknown";
}
