// SPDX-License-Identifier: Apache-2.0
/* Which calls that change something may be made from the stub's address, where nobody looks at them.
 *
 * Theory of operation
 *
 * A guest can jump there with any arguments, hence what mustn't be changed has to be held by something else. What
 * lies outside of all mounts, and what is read-only, Landlock holds; but its rights add up, so that a read-only
 * mount whose source lies in what may be written to isn't held. Such a container makes none of these calls fast.
 * Where there is no Landlock nothing is held but by translation, which a race gets around as well: then the calls are
 * fast unless something was asked to be read-only. Modes and times Landlock doesn't hold at all: these are changed by
 * an fd alone, and where nothing was asked to be read-only; masks are left out by the stub. Files of /proc and /sys are
 * the machine's: its root makes no such call without Landlock, and others can't change them.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

/* Whether Landlock lets the guest write there: landlock.c's allow_all(). By identity, since a directory may be bound at
 * another path of the host's, where the rule's holds as well. */
static bool is_granted(const struct tracer *tracer, const struct stat *directory)
{
	struct stat status;

	for (uint32_t i = 0; i < tracer->table->mount_count; i++) {
		const struct path_mount *mount = &tracer->table->mounts[i];
		const char *host = tracer->table->strings + mount->host;

		if (!(mount->flags & PATH_MOUNT_READ_ONLY) && stat(host[0] ? host : "/", &status) == 0 &&
		    file_is_same(&status, directory))
			return true;
	}
	return false;
}

/* Whether it lies in what Landlock lets the guest write to, or can't be looked at. */
static bool is_written_to(const void *context, const char *host)
{
	const struct tracer *tracer = context;
	char path[PATH_SIZE];
	size_t length = strlen(host);
	struct stat status;

	if (length >= sizeof(path) || host_below(host, tracer->mounts_directory))
		return true;
	memcpy(path, host, length + 1);
	for (;;) {
		if (stat(path[0] ? path : "/", &status) < 0 || is_granted(tracer, &status))
			return true;
		if (!path[0])
			return false;
		*strrchr(path, '/') = '\0';
	}
}

/* What the machine's own rules hold: landlock_is_everyones_device() ones may be written to in any case. */
static bool is_machines(const struct path_mount *mount, const char *host)
{
	return (mount->flags & PATH_MOUNT_PROC) || host_below(host, "/sys") || landlock_is_everyones_device(host);
}

/* The calls of each kind that a filter above mustn't trap. */
static uint32_t kinds_that_pass(const struct plan *plan)
{
	static const struct {
		unsigned number;
		uint32_t may;
	} needed[] = {
		{ SYS_mkdirat, FAST_MAY_NAME },	   { SYS_unlinkat, FAST_MAY_NAME },
		{ SYS_renameat, FAST_MAY_NAME },   { SYS_linkat, FAST_MAY_NAME },
		{ SYS_symlinkat, FAST_MAY_NAME },  { SYS_chdir, FAST_MAY_NAME }, /* the last: amphora_stub_tell() */
		{ SYS_fchmod, FAST_MAY_CHANGE },   { SYS_flistxattr, FAST_MAY_CHANGE },
		{ SYS_utimensat, FAST_MAY_CHANGE },
	};
	uint32_t may = FAST_MAY_OPEN | FAST_MAY_NAME | FAST_MAY_CHANGE;

	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
		if (fast_is_trapped(plan, needed[i].number))
			may &= ~needed[i].may;
	return may;
}

/* Whether Landlock keeps the guest from writing there, by whatever path of the host's. */
static bool is_held(const struct tracer *tracer, const struct mount_info *mounts, const char *host)
{
	return !is_written_to(tracer, host) && !fast_any_alias(mounts, host, is_written_to, tracer);
}

/* `mounts`: the host's, as far as Landlock is asked what they hold. */
static uint32_t policy(const struct tracer *tracer, const struct mount_info *mounts)
{
	bool landlock = tracer->plan->landlock;
	uint32_t may = kinds_that_pass(tracer->plan);
	/* Masks: they all lie there. */
	bool ours_held = !landlock || is_held(tracer, mounts, tracer->view_directory);

	/* Real root could change the machine's devices. */
	if (geteuid() == 0)
		may &= ~(uint32_t)FAST_MAY_CHANGE;
	for (uint32_t i = 0; i < tracer->table->mount_count; i++) {
		const struct path_mount *mount = &tracer->table->mounts[i];
		const char *host = tracer->table->strings + mount->host;
		bool ours = host_below(host, tracer->view_directory) != NULL;

		if (!(mount->flags & PATH_MOUNT_READ_ONLY) || is_machines(mount, host))
			continue;
		if (ours ? !ours_held : !landlock || !is_held(tracer, mounts, host))
			return 0;
		/* No mode and no time is held by Landlock. */
		if (!ours)
			may &= ~(uint32_t)FAST_MAY_CHANGE;
	}
	return may;
}

uint32_t fast_policy(const struct tracer *tracer)
{
	struct mount_info mounts = { 0 };
	void *scope;
	uint32_t may;

	if (geteuid() == 0 && !tracer->plan->landlock)
		return 0;
	scope = talloc_new(NULL);
	/* Where they can't be told nothing is held. */
	if (tracer->plan->landlock && mount_info_read(scope, &mounts) < 0)
		mounts.count = 0;
	may = policy(tracer, &mounts);
	talloc_free(scope);
	return may;
}

/* Masks and what else is ours: whoever has an fd of it mustn't change it. */
void fast_policy_spare(const struct tracer *tracer)
{
	struct stat status;

	for (uint32_t i = 0; i < tracer->table->mount_count; i++) {
		const char *host = tracer->table->strings + tracer->table->mounts[i].host;

		if ((tracer->table->mounts[i].flags & PATH_MOUNT_READ_ONLY) &&
		    host_below(host, tracer->view_directory) && stat(host, &status) == 0)
			fast_bloom_add(tracer->fast->shared->recorded, FAST_BLOOM_WORDS, status.st_ino);
	}
}

unsigned fast_policy_read_only(const struct tracer *tracer)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < tracer->table->mount_count; i++)
		count += (tracer->table->mounts[i].flags & (PATH_MOUNT_READ_ONLY | PATH_MOUNT_HIDDEN)) == PATH_MOUNT_READ_ONLY;
	return count;
}
