// SPDX-License-Identifier: Apache-2.0
/* Landlock: confines this child to one directory and looks whether that holds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "probe/check.h"

/* Returns 0 or -errno. Afterwards only `inside` may be read. */
static int confine(const char *inside)
{
	struct landlock_ruleset_attr attributes = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	};
	_cleanup_close_ int ruleset = -EBADF, directory = -EBADF;

	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
			       sizeof(attributes.handled_access_fs), 0);
	if (ruleset < 0)
		return -errno;
	directory = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	rule.parent_fd = directory;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

static bool can_list(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0;
}

static void check_landlock(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const char *inside = probe_mount_point(context);
	int result;

	if (abi < 0) {
		if (errno == EOPNOTSUPP)
			probe_absent(context, fact, errno,
				     "in the kernel, but not started: boot with landlock in lsm=");
		else
			probe_fails(context, fact, errno, "the kernel has no Landlock");
		return;
	}
	result = confine(inside);
	if (result < 0)
		probe_fails(context, fact, -result, "a ruleset can't be enforced");
	else if (can_list("/") || !can_list(inside))
		probe_fails(context, fact, EPROTO, "an enforced ruleset does not hold");
	else
		probe_works(context, fact, abi, "ABI %ld", abi);
}

const struct probe_check probe_landlock_checks[] = {
	{check_landlock, PROBE_FACTS(FACT_ID_LANDLOCK), 0, NULL},
	{0},
};
