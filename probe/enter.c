// SPDX-License-Identifier: Apache-2.0
/* Entering private namespaces, for the checks that need one to try in. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "core/base/file.h"
#include "probe/check.h"

int probe_enter_userns(const struct probe_context *context, const char **ret_step)
{
	char map[64];
	int result;

	*ret_step = "unshare(CLONE_NEWUSER)";
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	/* Changed credentials may have cleared it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	*ret_step = "writing deny to /proc/self/setgroups";
	result = file_write_once("/proc/self/setgroups", "deny");
	/* ENOENT: before Linux 3.19 the file was not there, nor needed. */
	if (result < 0 &&
	    (result != -ENOENT || faccessat(AT_FDCWD, "/proc/self/uid_map", F_OK, 0) < 0))
		return result;
	*ret_step = "writing /proc/self/uid_map";
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)context->uid);
	result = file_write_once("/proc/self/uid_map", map);
	if (result < 0)
		return result;
	*ret_step = "writing /proc/self/gid_map";
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)context->gid);
	return file_write_once("/proc/self/gid_map", map);
}

int probe_make_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int probe_enter_private(const struct probe_context *context, int flags, bool *ret_userns)
{
	const char *step;

	*ret_userns = false;
	if (unshare(flags) < 0) {
		int result;

		if (errno != EPERM)
			return -errno;
		*ret_userns = true;
		result = probe_enter_userns(context, &step);
		if (result < 0)
			return result;
		if (unshare(flags) < 0)
			return -errno;
	}
	return flags & CLONE_NEWNS ? probe_make_private() : 0;
}

const char *probe_mount_point(const struct probe_context *context)
{
	return context->scratch_fd >= 0 ? context->scratch : "/tmp";
}
