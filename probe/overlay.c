// SPDX-License-Identifier: Apache-2.0
/* overlayfs, used as a package manager uses it.
 *
 * A mount that succeeds proves little: on a file system without the xattrs or whiteouts that
 * overlayfs needs, the first rename or the first directory made over a removed one fails. f2fs,
 * casefold and NFS are detected by that, not by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "probe/check.h"

static int make_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 || write(fd, "lower", 5) != 5 ? -errno : 0;
}

/* In the current directory: lower with a file and a directory, and an empty place for the mount. */
static int make_lower(void)
{
	int result = 0;

	if (mkdir("lower", 0755) < 0 || mkdir("merged", 0755) < 0 ||
	    mkdir("lower/directory", 0755) < 0)
		return -errno;
	result = make_file("lower/directory/file");
	return result < 0 ? result : make_file("lower/file");
}

static int use_overlay(const char **ret_step)
{
	struct stat status;
	int result;

	*ret_step = "making a file in it fails";
	result = make_file("merged/new");
	if (result < 0)
		return result;
	*ret_step = "changing a lower file fails";
	if (chmod("merged/file", 0600) < 0)
		return -errno;
	*ret_step = "renaming a lower file fails";
	if (rename("merged/file", "merged/renamed") < 0)
		return -errno;
	*ret_step = "removing a lower file (a whiteout) fails";
	if (unlink("merged/directory/file") < 0)
		return -errno;
	*ret_step = "making a directory anew (an opaque one) fails";
	if (rmdir("merged/directory") < 0 || mkdir("merged/directory", 0755) < 0)
		return -errno;
	*ret_step = "what was removed is still seen";
	if (stat("merged/directory/file", &status) == 0 || stat("merged/file", &status) == 0 ||
	    stat("merged/renamed", &status) < 0)
		return -EPROTO;
	return 0;
}

/* upper: a directory that holds upper and work. */
static int try_overlay(const char *upper, bool userxattr, const char **ret_step)
{
	char options[PATH_MAX + 128];

	snprintf(options, sizeof(options), "lowerdir=lower,upperdir=%s/upper,workdir=%s/work%s",
		 upper, upper, userxattr ? ",userxattr" : "");
	*ret_step = "mounting it fails";
	if (mount("overlay", "merged", "overlay", 0, options) < 0)
		return -errno;
	return use_overlay(ret_step);
}

static void report(struct probe_context *context, enum fact_id fact, int result, bool userxattr,
		   const char *step)
{
	if (result == -ENODEV)
		probe_absent(context, fact, ENODEV,
			     "the kernel has no overlayfs, or its module "
			     "isn't loaded");
	else if (result < 0)
		probe_fails(context, fact, -result, "%s", step);
	else
		probe_works(context, fact, userxattr, "%s", userxattr ? "with userxattr" : "");
}

/* By path: scratch_fd lies on a mount of the namespace that was left, where nothing can be mounted.
 */
static int enter_directory(struct probe_context *context, enum fact_id fact, bool userxattr)
{
	char name[64];

	if (context->scratch_fd < 0)
		return -context->store_error;
	snprintf(name, sizeof(name), "%s-%d", fact_name(fact), userxattr);
	if (chdir(context->scratch) < 0 || mkdir(name, 0700) < 0 || chdir(name) < 0)
		return -errno;
	return make_lower();
}

/* upper and work in the current directory, or on a tmpfs mounted there. */
static int try_once(struct probe_context *context, enum fact_id fact, bool userxattr,
		    const char **ret_step)
{
	const bool on_tmpfs = fact == FACT_ID_OVERLAY_TMPFS;
	int result;

	*ret_step = "no directory in the store to try it in";
	result = enter_directory(context, fact, userxattr);
	if (result < 0)
		return result;
	*ret_step = "no tmpfs for the upper layer";
	if (mkdir("layer", 0755) < 0 ||
	    (on_tmpfs && mount("tmpfs", "layer", "tmpfs", 0, "size=1m") < 0) ||
	    mkdir("layer/upper", 0755) < 0 || mkdir("layer/work", 0755) < 0)
		return -errno;
	return try_overlay("layer", userxattr, ret_step);
}

/* In a user namespace, ours or one that we were started in, trusted.* can't be written and
 * overlayfs has to keep its marks in user.*; outside, user.* is the second choice. */
static void try_both(struct probe_context *context, enum fact_id fact, bool userns)
{
	const char *step;
	bool userxattr = userns;
	int result = try_once(context, fact, userxattr, &step);

	if (result < 0 && result != -ENODEV && !userns) {
		const char *second_step;

		if (try_once(context, fact, true, &second_step) == 0) {
			userxattr = true;
			result = 0;
		}
	}
	report(context, fact, result, userxattr, step);
}

void probe_overlay_in_store(struct probe_context *context, const struct probe_check *check)
{
	if (unshare(CLONE_NEWNS) < 0 || probe_make_private() < 0)
		probe_fails(context, check->facts[0], errno, "no mount namespace to try it in");
	else
		try_both(context, check->facts[0], check->facts[0] == FACT_ID_OVERLAY_USERNS);
}

static void check_tmpfs(struct probe_context *context, const struct probe_check *check)
{
	bool userns;
	int result = probe_enter_private(context, CLONE_NEWNS, &userns);

	if (result < 0)
		probe_fails(context, check->facts[0], -result, "no mount namespace to try it in");
	else
		try_both(context, check->facts[0], userns);
}

const struct probe_check probe_overlay_checks[] = {
	{check_tmpfs, PROBE_FACTS(FACT_ID_OVERLAY_TMPFS), 0, NULL},
	{0},
};
