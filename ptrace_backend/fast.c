// SPDX-License-Identifier: Apache-2.0
/* What the stub knows: guest directories and their host paths, and whose files are whose.
 *
 * Theory of operation
 *
 * Directories and symlinks are published when calls stop (fast_publish.c); here is what else goes into the shared file and
 * struct fast_process, and what takes the fast path from a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/path/link.h"
#include "core/store/capability.h"
#include "core/store/record.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

/* Names that mean something somewhere: mount points, and what procview and procfile make. */

static void add_name(struct fast *fast, const char *name, size_t length)
{
	fast_bloom_add(fast->shared->names, FAST_NAMES_WORDS, fast_hash(name, length));
}

static void add_mount_names(struct fast *fast, const struct path_table *table)
{
	for (uint32_t i = 0; i < table->mount_count; i++) {
		const char *point = table->strings + table->mounts[i].point;
		const char *slash = memrchr(point, '/', table->mounts[i].point_length);
		const char *name = slash ? slash + 1 : point;

		add_name(fast, name, table->mounts[i].point_length - (size_t)(name - point));
	}
}

static void add_proc_names(struct fast *fast)
{
	static const char *const names[] = {
		"self", "thread-self", "cwd", "root", "exe", "maps", "smaps", "numa_maps", "mounts",
		"mountinfo", "mountstats", "status", "auxv", "unix", "stat", "loginuid", "uid_map",
		"gid_map", "setgroups", "projid_map", "proc", "task", "ns", "fd", "net",
		/* in ns */
		"mnt", "user", "uts", "ipc", "pid", "pid_for_children", "cgroup", "time", "time_for_children",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		add_name(fast, names[i], strlen(names[i]));
	for (unsigned i = 0; i < procfile_row_count; i++) {
		const char *name = procfile_rows[i].name, *slash = strrchr(name, '/');

		name = slash ? slash + 1 : name;
		add_name(fast, name, strlen(name));
	}
}

bool fast_has_plain_view(const struct tracee *tracee)
{
	struct path_position root;

	if (tracee_table(tracee) != tracee->tracer->table || tracee->namespaces.in[NAMESPACE_USER])
		return false;
	path_table_root(tracee->tracer->table, &root);
	return tracee->fs->root.mount == root.mount && tracee->fs->root.length == root.length &&
	       !memcmp(tracee->fs->root.rel, root.rel, root.length);
}

static void switch_off(struct tracee *tracee, enum fast_path_lack lack)
{
	uint32_t off = 1;

	if (tracee->mm->fast_base && !tracee->mm->fast_off)
		fast_lacks(tracee, lack);
	if (tracee->mm->fast_base && !tracee->mm->fast_off)
		fast_write_process(tracee, offsetof(struct fast_process, off), &off, sizeof(off));
	if (!tracee->mm->fast_off)
		fast_unpatch(tracee);
	tracee->mm->fast_off = true;
}

void fast_is_traced(struct tracee *tracee, struct tracee *by)
{
	if (!tracee->tracer->fast)
		return;
	fast_ends(tracee->tracer, FAST_LACK_TRACED);
	if (tracee->mm)
		switch_off(tracee, FAST_LACK_TRACED);
	if (FAST_WAITS)
		fast_recall_waits(by);
}

void fast_on_clone(struct tracee *tracee, struct tracee *child, uint64_t flags)
{
	if (!child || !tracee->tracer->fast || (flags & CLONE_VM))
		return;
	/* Another thread may have been told while the memory was copied. */
	child->mm->fast_off = false;
	if (tracee->mm->fast_off)
		switch_off(child, FAST_LACK_PARENT);
	fast_tell_ids(child);
	/* A working directory that another address space shares can change without this one's call. */
	if (flags & CLONE_FS) {
		switch_off(tracee, FAST_LACK_SHARED);
		switch_off(child, FAST_LACK_SHARED);
	}
}

void fast_opens(struct tracee *tracee, const char *host, int flags)
{
	if (!tracee->tracer->fast || !tracee->tracer->proc_listing || strcmp(host, tracee->tracer->proc_listing))
		return;
	switch_off(tracee, FAST_LACK_LISTING);
	tracee->mm->fast_listing |= !(flags & O_CLOEXEC);
}

/* The same for a call whose argument 0 is the path, or 0 and 1 are. */

static void learn_first(struct tracee *tracee, bool follows, bool changes)
{
	fast_seen(tracee, tracee->regs.after);
	fast_learn(tracee, AT_FDCWD, tracee_argument(tracee, 0), follows, changes);
}

static void learn_second(struct tracee *tracee, bool follows, bool changes)
{
	fast_seen(tracee, tracee->regs.after);
	fast_learn(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1), follows, changes);
}

/* Whether an open has to know if the mount may be written to. */
static bool opens_to_change(uint64_t flags)
{
	return flags & (O_ACCMODE | O_CREAT | O_TRUNC);
}

/* A call that might have been fast. */
static void before_path(struct tracee *tracee)
{
	char guest[PATH_SIZE];

	switch ((enum syscall_index)syscall_call_row(tracee->call)->index) {
	case ROW_open:
		learn_first(tracee, !(tracee_argument(tracee, 1) & O_NOFOLLOW),
			    opens_to_change(tracee_argument(tracee, 1)));
		break;
	case ROW_creat:
		learn_first(tracee, true, true);
		break;
	case ROW_access:
		learn_first(tracee, true, tracee_argument(tracee, 1) & W_OK);
		break;
	case ROW_stat:
	case ROW_getxattr:
		learn_first(tracee, true, false);
		break;
	case ROW_lstat:
	case ROW_readlink:
	case ROW_lgetxattr:
		learn_first(tracee, false, false);
		break;
	case ROW_openat:
		learn_second(tracee, !(tracee_argument(tracee, 2) & O_NOFOLLOW),
			     opens_to_change(tracee_argument(tracee, 2)));
		break;
	case ROW_newfstatat:
		learn_second(tracee, !(tracee_argument(tracee, 3) & AT_SYMLINK_NOFOLLOW), false);
		break;
	case ROW_statx:
		learn_second(tracee, !(tracee_argument(tracee, 2) & AT_SYMLINK_NOFOLLOW), false);
		break;
	case ROW_faccessat:
	case ROW_faccessat2:
		learn_second(tracee, true, tracee_argument(tracee, 2) & W_OK);
		break;
	case ROW_readlinkat:
		learn_second(tracee, false, false);
		break;
	case ROW_getcwd:
		if (fast_seen(tracee, tracee->regs.after) >= 2 && fast_may_learn(tracee))
			fast_publish_cwd(tracee, guest, sizeof(guest));
		break;
	case ROW_wait4:
	case ROW_waitid:
		if (FAST_WAITS && !fast_is_trapped(tracee->tracer->plan, (unsigned)tracee->regs.number))
			fast_seen(tracee, tracee->regs.after);
		break;
	case ROW_mkdir:
	case ROW_rmdir:
	case ROW_unlink:
		learn_first(tracee, false, true);
		break;
	case ROW_mkdirat:
	case ROW_unlinkat:
		learn_second(tracee, false, true);
		break;
	case ROW_rename:
	case ROW_link:
		learn_first(tracee, false, true);
		fast_learn(tracee, AT_FDCWD, tracee_argument(tracee, 1), false, true);
		break;
	case ROW_renameat:
	case ROW_renameat2:
	case ROW_linkat:
		learn_second(tracee, false, true);
		fast_learn(tracee, (int)tracee_argument(tracee, 2), tracee_argument(tracee, 3), false, true);
		break;
	case ROW_symlink:
		fast_seen(tracee, tracee->regs.after);
		fast_learn(tracee, AT_FDCWD, tracee_argument(tracee, 1), false, true);
		break;
	case ROW_symlinkat:
		fast_seen(tracee, tracee->regs.after);
		fast_learn(tracee, (int)tracee_argument(tracee, 1), tracee_argument(tracee, 2), false, true);
		break;
	case ROW_fstat:
	case ROW_fchmod:
	case ROW_fchown:
	case ROW_getuid:
	case ROW_geteuid:
	case ROW_getgid:
	case ROW_getegid:
		fast_seen(tracee, tracee->regs.after);
		break;
	case ROW_utimensat: /* by an fd */
		if (!tracee_argument(tracee, 1))
			fast_seen(tracee, tracee->regs.after);
		break;
	default:
		break;
	}
}

void fast_before_call(struct tracee *tracee)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t none = 0;

	if (!fast || !tracee->mm || !tracee->mm->fast_base || tracee->trapped.active)
		return;
	if (tracee->regs.after == tracee->mm->fast_base + FAST_TEXT + fast_stub_offset(amphora_stub_told)) {
		fast_bump(fast);
		return;
	}
	switch ((enum syscall_index)syscall_call_row(tracee->call)->index) {
	case ROW_chdir:
	case ROW_fchdir:
		/* Though we may not know that it knows: it can be a copy made while another thread was told. */
		fast_write_process(tracee, offsetof(struct fast_process, cwd_generation), &none, sizeof(none));
		tracee->mm->fast_cwd = 0;
		tracee->fast_moves = true;
		break;
	case ROW_chroot:
	case ROW_unshare:
	case ROW_setns:
	case ROW_pivot_root:
		switch_off(tracee, FAST_LACK_VIEW);
		break;
	case ROW_seccomp:
		switch_off(tracee, FAST_LACK_FILTER);
		break;
	case ROW_prctl:
		if ((int)tracee_argument(tracee, 0) == PR_SET_SECCOMP)
			switch_off(tracee, FAST_LACK_FILTER);
		break;
	default:
		/* Of 32-bit calls (int 0x80) only what they change matters. */
		if (!tracee->regs.compat)
			before_path(tracee);
	}
}

void fast_after_call(struct tracee *tracee)
{
	struct fast *fast = tracee->tracer->fast;
	unsigned made = 0;

	if (!fast)
		return;
	if (fast->table_sequence != tracee->tracer->table->sequence) {
		fast->table_sequence = tracee->tracer->table->sequence;
		add_mount_names(fast, tracee->tracer->table);
		if (fast_policy_read_only(tracee->tracer) > fast->read_only)
			fast->shared->may &= ~(uint32_t)FAST_MAY_CHANGE;
		fast_bump(fast);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(tracee->made.in); i++)
		made |= tracee->made.in[i] != NULL;
	/* A chroot below an app's filter has come by no fast_before_call(). */
	if (made || (tracee->mm && tracee->mm->fast_base && !fast_has_plain_view(tracee)))
		switch_off(tracee, FAST_LACK_VIEW);
	fast_tell_ids(tracee);
	if (tracee->tracer->guest_traced)
		fast_ends(tracee->tracer, FAST_LACK_TRACED);
}

void fast_recorded(struct tracer *tracer, uint64_t inode)
{
	if (tracer->fast)
		fast_bloom_add(tracer->fast->shared->recorded, FAST_BLOOM_WORDS, inode);
}

static void recorded(void *context, uint64_t inode)
{
	fast_recorded(context, inode);
}

_Static_assert(TRACER_RUNNING == FAST_PROGRAMS, "counted together, shown together");

void fast_program_runs(struct tracer *tracer, uint64_t inode, bool any)
{
	uint64_t at = inode % FAST_PROGRAMS;

	if (!tracer->fast)
		return;
	if (any)
		tracer->fast->shared->programs[at / 64] |= 1ULL << at % 64;
	else
		tracer->fast->shared->programs[at / 64] &= ~(1ULL << at % 64);
}

void fast_is_linked(struct tracer *tracer, const char *host)
{
	struct stat status;

	if (tracer->fast && tracer->links && stat(host, &status) == 0)
		fast_recorded(tracer, status.st_ino);
}

void fast_has_objects(struct tracer *tracer)
{
	if (tracer->fast)
		__atomic_store_n(&tracer->fast->shared->objects, 1, __ATOMIC_SEQ_CST);
}

void fast_known_absent(struct tracer *tracer, const struct stat *status)
{
	struct fast_absence *absence;

	if (!tracer->fast || tracer->fast->shared->proven)
		return;
	absence = &tracer->fast->shared->absent[FAST_ABSENCE(status->st_ino)];
	if (absence[1].inode == status->st_ino || (absence->inode && absence->inode != status->st_ino))
		absence++;
	absence->inode = 0;
	__atomic_store_n(&absence->change,
			 ((uint64_t)status->st_ctim.tv_sec << 30) + (uint64_t)status->st_ctim.tv_nsec,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&absence->inode, status->st_ino, __ATOMIC_RELEASE);
}

/* AMPHORA_FAST_PATH_SWITCH=PERCENT: of the calls at patched sites so many are the tracer's, for tests that want the same
 * results whichever way a call takes. */
static void switch_at_random(struct fast_shared *shared)
{
	const char *percent = getenv("AMPHORA_FAST_PATH_SWITCH");
	unsigned long share = percent ? strtoul(percent, NULL, 10) : 0;

	shared->switched = (uint32_t)(share > 100 ? 256 : share * 256 / 100);
	shared->seed = (uint32_t)getpid();
}

/* Linux 5.8. */
static bool knows_faccessat2(void)
{
	return syscall(SYS_faccessat2, -1, "", 0, 0) == 0 || errno != ENOSYS;
}

/* The file that all processes map, zero at first, or NULL with errno set. */
static struct fast_shared *make_shared(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	void *shared;

	if (fd < 0 || fchmod(fd, 0444) < 0 || ftruncate(fd, FAST_SHARED_SIZE) < 0)
		return NULL;
	shared = mmap(NULL, FAST_SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return shared == MAP_FAILED ? NULL : shared;
}

int fast_start(struct tracer *tracer, struct error *err)
{
	struct fast *fast = talloc_zero(tracer, struct fast);
	struct fast_shared *shared;
	struct stat proc;
	uint16_t random;

	if (!fast)
		return error_set(err, ENOMEM, "fast path");
	fast->path = talloc_asprintf(fast, "%s/fast", tracer->view_directory);
	fast->watched = mmap(NULL, WATCHED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = fast->path && fast->watched != MAP_FAILED ? make_shared(fast->path) : NULL;
	if (!shared) {
		int code = errno;

		if (fast->watched != MAP_FAILED)
			munmap(fast->watched, WATCHED_SIZE);
		talloc_free(fast);
		return error_set(err, code, "%s/fast", tracer->view_directory);
	}
	fast->shared = shared;
	fast->counts = fast_counts_of(shared);
	fast->counts->magic = FAST_PATH_COUNTS_MAGIC;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = 0;
	fast->base = fast_choose_base(random);
	shared->fake_ids = tracer->fake_ids;
	shared->host_uid = tracer->host_uid;
	shared->host_gid = tracer->host_gid;
	shared->own_uid = tracer->own_uid;
	shared->own_gid = tracer->own_gid;
	memcpy(shared->record_name, RECORD_XATTR, sizeof(RECORD_XATTR));
	memcpy(shared->capability_name, CAPABILITY_XATTR, sizeof(CAPABILITY_XATTR));
	memcpy(shared->stamp_name, CAPABILITY_STAMP_XATTR, sizeof(CAPABILITY_STAMP_XATTR));
	shared->proven = !tracer->record || record_proven(tracer->record);
	shared->links = tracer->links != NULL;
	shared->off = tracer->plan->spec->hidden_prefix || tracer->plan->spec->fake_permissions;
	shared->access = !fast_is_trapped(tracer->plan, SYS_faccessat2) && knows_faccessat2();
	shared->statx = !fast_is_trapped(tracer->plan, SYS_statx);
	fast->only_copies = tracer->plan->fast_path == FAST_PATH_ONLY_PREPATCHED;
	shared->may = fast_policy(tracer);
	shared->generation = 2;
	switch_at_random(shared);
	shared->stub = fast->base + FAST_TEXT;
	if (getrandom(&fast->magic, sizeof(fast->magic), 0) != sizeof(fast->magic))
		fast->magic = (uint64_t)getpid() << 32 | FAST_HASH_START;
	for (unsigned i = 0; i < FAST_COPIES_MAX; i++)
		shared->copies[i].version = 1;
	if (stat("/proc", &proc) == 0)
		shared->proc_device = proc.st_dev;
	tracer->fast = fast;
	if (tracer->record)
		record_inodes(tracer->record, recorded, tracer);
	fast_policy_spare(tracer);
	fast->read_only = fast_policy_read_only(tracer);
	add_mount_names(fast, tracer->table);
	add_proc_names(fast);
	add_name(fast, LINK_DIRECTORY, strlen(LINK_DIRECTORY));
	fast->table_sequence = tracer->table->sequence;
	return 0;
}

void fast_stop(struct tracer *tracer)
{
	if (tracer->fast) {
		munmap(tracer->fast->shared, FAST_SHARED_SIZE);
		munmap(tracer->fast->watched, WATCHED_SIZE);
	}
	tracer->fast = NULL;
}
