// SPDX-License-Identifier: Apache-2.0
/* The list of operations: what both backends do to make the guest's view, in order.
 *
 * Theory of operation
 *
 *   root | proc, sys, dev, private tmpfs, generated files | user's mounts | masks, read-only paths
 *
 * A row of the tables is one operation with the condition under which it is wanted. A user's mount on
 * the target of a row, or above it, takes the row out: `-v /dev:/dev` means the host's /dev and must
 * not be filled with our symlinks. Masks stay whatever the user mounted. User's mounts are sorted by
 * depth, keeping their order within a depth, so that none is hidden by its own parent. A bare spec
 * has the root and the user's mounts only.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/model/decision.h"
#include "core/model/guest_path.h"

#define RO   MOUNT_OPTION_READ_ONLY
#define SAFE (MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV | MOUNT_OPTION_NOEXEC)
#define TREE MOUNT_OPTION_RECURSIVE
#define MAYBE MOUNT_OPTION_OPTIONAL
#define DEVICE (MOUNT_OPTION_NOSUID | MOUNT_OPTION_NOEXEC | MOUNT_OPTION_OPTIONAL)
#define SCRATCH (MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV | MOUNT_OPTION_OPTIONAL)
#define SHM_SIZE (UINT64_C(64) << 20) /* podman's, for /dev and /dev/shm */

typedef bool condition(const struct decision *decision);
typedef char *generator(void *parent, const struct decision *decision);

static bool in_ns(const struct decision *decision)
{
	return decision_is_ns(decision);
}

static bool in_ptrace(const struct decision *decision)
{
	return !decision_is_ns(decision);
}

static bool has_own_proc(const struct decision *decision)
{
	return decision_is_ns(decision) && decision_unshares(decision, CLONE_NEWPID);
}

static bool has_bound_proc(const struct decision *decision)
{
	return decision_is_ns(decision) && !decision_unshares(decision, CLONE_NEWPID);
}

/* A new sysfs belongs to a network namespace that we own, and the kernel refuses it in a user
 * namespace where the outer one is partly covered, as it does for proc. */
static bool has_own_sysfs(const struct decision *decision)
{
	return decision_is_ns(decision) && decision_unshares(decision, CLONE_NEWNET) &&
	       (decision->as_root || decision_works(decision, FACT_ID_USERNS_PROC));
}

static bool has_bound_sysfs(const struct decision *decision)
{
	return !has_own_sysfs(decision);
}

static bool has_own_ipc(const struct decision *decision)
{
	return decision_unshares(decision, CLONE_NEWIPC);
}

static bool has_own_cgroup2(const struct decision *decision)
{
	return decision_unshares(decision, CLONE_NEWCGROUP) &&
	       decision_works(decision, FACT_ID_CGROUP2);
}

/* The machine's own /tmp and /run hold sockets and other people's files. */
static bool has_private_tmp(const struct decision *decision)
{
	return decision->spec->host_image || decision->plan->layer == MECHANISM_READ_ONLY_ROOT;
}

static bool has_private_home(const struct decision *decision)
{
	return decision->spec->host_image && decision->plan->layer == MECHANISM_READ_ONLY_ROOT;
}

static bool is_masked(const struct decision *decision)
{
	return !decision->spec->unmask;
}

static char *resolv_file(void *parent, const struct decision *decision)
{
	return net_resolv_file(parent, &decision->spec->net, decision->host->resolv_conf);
}

static char *hosts_file(void *parent, const struct decision *decision)
{
	return net_hosts_file(parent, &decision->spec->net, decision->plan->hostname);
}

static char *hostname_file(void *parent, const struct decision *decision)
{
	return net_hostname_file(parent, decision->plan->hostname);
}

/* The machine's own device files: whoever is root there could change their owner and mode. Writing to a device
 * isn't writing to its mount. */
static bool is_device(const struct plan_op *op)
{
	return op->mount_kind == MOUNT_KIND_BIND && (op->options & DEVICE) == DEVICE && op->source &&
	       strcmp(op->source, "/dev/pts") != 0; /* who logs in on a terminal is given it */
}

struct operation_row {
	condition *wanted; /* NULL: always */
	struct plan_op op;
	generator *content;
};

#define MOUNT(mount, ...) {.kind = PLAN_OP_MOUNT, .mount_kind = MOUNT_KIND_##mount, __VA_ARGS__}
#define BIND_DEVICE(path) MOUNT(BIND, .source = path, .target = path, .options = DEVICE)
#define TMPFS(path, bits, access) MOUNT(TMPFS, .target = path, .options = bits, .mode = access)
#define SYMLINK(link, text) {.kind = PLAN_OP_SYMLINK, .target = link, .content = text}
#define GENERATED(path) {.kind = PLAN_OP_FILE, .target = path, .mode = 0644}
#define MASK(path) {is_masked, {.kind = PLAN_OP_MASK, .target = path}, NULL}
#define READ_ONLY(path) {is_masked, {.kind = PLAN_OP_READ_ONLY, .target = path}, NULL}

static const struct operation_row defaults[] = {
	{has_own_proc, MOUNT(PROC, .target = "/proc", .options = SAFE), NULL},
	{has_bound_proc,
	 MOUNT(BIND, .source = "/proc", .target = "/proc", .options = SAFE | TREE), NULL},
	{in_ptrace, MOUNT(PROC, .source = "/proc", .target = "/proc", .options = SAFE), NULL},
	{has_own_sysfs, MOUNT(SYSFS, .target = "/sys", .options = RO | SAFE), NULL},
	{has_bound_sysfs,
	 MOUNT(BIND, .source = "/sys", .target = "/sys", .options = RO | SAFE | TREE | MAYBE), NULL},
	{has_own_cgroup2, MOUNT(CGROUP, .target = "/sys/fs/cgroup", .options = RO | SAFE | MAYBE),
	 NULL},
	{NULL,
	 MOUNT(TMPFS, .target = "/dev", .options = MOUNT_OPTION_NOSUID, .size = SHM_SIZE,
	       .mode = 0755),
	 NULL},
	{NULL, BIND_DEVICE("/dev/null"), NULL},
	{NULL, BIND_DEVICE("/dev/zero"), NULL},
	{NULL, BIND_DEVICE("/dev/full"), NULL},
	{NULL, BIND_DEVICE("/dev/random"), NULL},
	{NULL, BIND_DEVICE("/dev/urandom"), NULL},
	{NULL, BIND_DEVICE("/dev/tty"), NULL},
	{in_ns,
	 MOUNT(DEVPTS, .target = "/dev/pts", .options = MOUNT_OPTION_NOSUID | MOUNT_OPTION_NOEXEC,
	       .mode = 0620),
	 NULL},
	{in_ptrace, BIND_DEVICE("/dev/pts"), NULL},
	{in_ptrace, BIND_DEVICE("/dev/ptmx"), NULL},
	{NULL,
	 MOUNT(TMPFS, .target = "/dev/shm", .options = SAFE, .size = SHM_SIZE, .mode = 01777), NULL},
	{has_own_ipc, MOUNT(MQUEUE, .target = "/dev/mqueue", .options = SAFE | MAYBE), NULL},
	{NULL, SYMLINK("/dev/fd", "/proc/self/fd"), NULL},
	{NULL, SYMLINK("/dev/stdin", "/proc/self/fd/0"), NULL},
	{NULL, SYMLINK("/dev/stdout", "/proc/self/fd/1"), NULL},
	{NULL, SYMLINK("/dev/stderr", "/proc/self/fd/2"), NULL},
	{in_ns, SYMLINK("/dev/ptmx", "pts/ptmx"), NULL},
	{NULL, SYMLINK("/dev/core", "/proc/kcore"), NULL},
	{has_private_tmp, TMPFS("/tmp", SCRATCH, 01777), NULL},
	{has_private_tmp, TMPFS("/run", SCRATCH, 0755), NULL},
	{has_private_tmp, TMPFS("/var/tmp", SCRATCH, 01777), NULL},
	{has_private_home, TMPFS("/root", SCRATCH, 0700), NULL},
	{NULL, GENERATED("/etc/resolv.conf"), resolv_file},
	{NULL, GENERATED("/etc/hosts"), hosts_file},
	{NULL, GENERATED("/etc/hostname"), hostname_file},
};

/* podman's lists. */
static const struct operation_row protections[] = {
	MASK("/proc/acpi"),
	MASK("/proc/interrupts"),
	MASK("/proc/kcore"),
	MASK("/proc/keys"),
	MASK("/proc/latency_stats"),
	MASK("/proc/sched_debug"),
	MASK("/proc/scsi"),
	MASK("/proc/timer_list"),
	MASK("/proc/timer_stats"),
	MASK("/sys/dev/block"),
	MASK("/sys/devices/virtual/powercap"),
	MASK("/sys/firmware"),
	MASK("/sys/fs/selinux"),
	READ_ONLY("/proc/asound"),
	READ_ONLY("/proc/bus"),
	READ_ONLY("/proc/fs"),
	READ_ONLY("/proc/irq"),
	READ_ONLY("/proc/sys"),
	READ_ONLY("/proc/sysrq-trigger"),
};

static void append(struct decision *decision, const struct plan_op *op)
{
	struct plan *plan = decision->plan;

	plan->ops[plan->op_count++] = *op;
}

static bool is_taken_over(const struct spec *spec, const struct plan_op *op)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (guest_path_covers(spec->mounts[i].target, op->target))
			return true;
	return false;
}

static void append_row(struct decision *decision, const struct operation_row *row)
{
	struct plan_op op = row->op;

	if (row->content) {
		op.content = row->content(decision->plan->ops, decision);
		if (!op.content)
			decision->out_of_memory = true;
	}
	if (is_device(&op) && decision->plan->facets[FACET_IDS].mechanism == MECHANISM_REAL_ROOT)
		op.options |= RO;
	append(decision, &op);
}

struct placed_mount {
	const struct mount_request *request;
	size_t depth, order;
};

static int placed_compare(const void *a, const void *b)
{
	const struct placed_mount *left = a, *right = b;

	if (left->depth != right->depth)
		return left->depth < right->depth ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

static void append_mounts(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	struct placed_mount *placed =
		talloc_array(decision->plan, struct placed_mount, spec->mount_count + 1);

	if (!placed) {
		decision->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < spec->mount_count; i++)
		placed[i] = (struct placed_mount){
			.request = &spec->mounts[i],
			.depth = guest_path_depth(spec->mounts[i].target),
			.order = i,
		};
	qsort(placed, spec->mount_count, sizeof(*placed), placed_compare);
	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct mount_request *request = placed[i].request;

		append(decision, &(struct plan_op){
					 .kind = PLAN_OP_MOUNT,
					 .mount_kind = request->kind,
					 .source = request->source,
					 .target = request->target,
					 .options = request->options,
					 .size = request->size,
					 .mode = request->mode,
				 });
	}
	talloc_free(placed);
}

void decide_operations(struct decision *decision)
{
	struct plan *plan = decision->plan;
	const struct plan_op root = {
		.kind = PLAN_OP_ROOT,
		.source = plan->rootfs,
		.target = "/",
		.options = plan->layer == MECHANISM_READ_ONLY_ROOT ? MOUNT_OPTION_READ_ONLY : 0,
	};

	plan->ops = talloc_array(plan, struct plan_op,
				 1 + ARRAY_SIZE(defaults) + decision->spec->mount_count +
					 ARRAY_SIZE(protections));
	if (!plan->ops) {
		decision->out_of_memory = true;
		return;
	}
	append(decision, &root);
	for (size_t i = 0; i < ARRAY_SIZE(defaults) && !decision->spec->bare; i++)
		if ((!defaults[i].wanted || defaults[i].wanted(decision)) &&
		    !is_taken_over(decision->spec, &defaults[i].op))
			append_row(decision, &defaults[i]);
	append_mounts(decision);
	for (size_t i = 0; i < ARRAY_SIZE(protections) && !decision->spec->bare; i++)
		if (protections[i].wanted(decision))
			append_row(decision, &protections[i]);
}
