// SPDX-License-Identifier: Apache-2.0
/* Devices that mechanisms need: FUSE, loop, tun. Each is used, not just opened. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "probe/check.h"

#define LOOP_FILE_SIZE (64 * 1024)

/* Opens a device; reports why not. */
static int open_device(struct probe_context *context, enum fact_id fact, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		probe_absent(context, fact, errno, "no %s here", path);
	else
		probe_fails(context, fact, errno, "can't open %s", path);
	return -1;
}

static void check_fuse(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	_cleanup_close_ int fd = -EBADF;
	char options[96];
	bool userns;
	/* A server must open the device in the user namespace of the mount. */
	int result = probe_enter_private(context, CLONE_NEWNS, &userns);

	fd = open_device(context, fact, "/dev/fuse");
	if (fd < 0)
		return;
	if (result == 0) {
		snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
		if (mount("amphora-probe", probe_mount_point(context), "fuse", MS_NOSUID | MS_NODEV,
			  options) < 0)
			result = -errno;
	}
	if (result < 0)
		probe_fails(context, fact, -result, "/dev/fuse opens, but can't be mounted");
	else
		probe_works(context, fact, 0, "%s", "");
}

/* Attached in one step, such that the kernel detaches it with the last close, should we be killed.
 */
static int configure_loop(int device, int file)
{
	struct loop_config config = {
		.fd = (__u32)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};

	if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOTTY)
		return -errno;
	/* before Linux 5.8 */
	if (ioctl(device, LOOP_SET_FD, file) < 0)
		return -errno;
	return ioctl(device, LOOP_SET_STATUS64, &config.info) < 0 ? -errno : 0;
}

static int attach_loop(int control, int file, int *ret_device, const char **ret_step)
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	char path[32];

	*ret_step = "LOOP_CTL_GET_FREE";
	if (number < 0)
		return -errno;
	*ret_step = "opening the device";
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	*ret_device = open(path, O_RDWR | O_CLOEXEC);
	if (*ret_device < 0) {
		snprintf(path, sizeof(path), "/dev/block/loop%d", number); /* Android */
		*ret_device = open(path, O_RDWR | O_CLOEXEC);
	}
	if (*ret_device < 0)
		return -errno;
	*ret_step = "attaching a file";
	return configure_loop(*ret_device, file);
}

static void check_loop(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	_cleanup_close_ int control = open_device(context, fact, "/dev/loop-control");
	_cleanup_close_ int file = -EBADF, device = -EBADF;
	const char *step = "a file in the store";
	int result;

	if (control < 0)
		return;
	if (context->scratch_fd < 0) {
		probe_fails(context, fact, context->store_error, "needs the store");
		return;
	}
	file = openat(context->scratch_fd, "loop", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	result = file < 0 || ftruncate(file, LOOP_FILE_SIZE) < 0
			 ? -errno
			 : attach_loop(control, file, &device, &step);
	if (device >= 0)
		ioctl(device, LOOP_CLR_FD);
	if (result < 0)
		probe_fails(context, fact, -result, "%s fails", step);
	else
		probe_works(context, fact, 0, "%s", "");
}

static void check_tun(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	_cleanup_close_ int fd = -EBADF;
	bool userns;
	/* The interface goes away with the fd; in a namespace nobody sees it come. */
	int result;

	fd = open_device(context, fact, "/dev/net/tun");
	if (fd < 0)
		return;
	result = probe_enter_private(context, CLONE_NEWNET, &userns);
	close(steal_fd(&fd));
	if (result < 0) {
		probe_fails(context, fact, -result,
			    "/dev/net/tun opens, but there is no network namespace to use it in");
		return;
	}
	/* Opened here: the device belongs to the namespace of its opener. */
	fd = open_device(context, fact, "/dev/net/tun");
	if (fd < 0)
		return;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "amphora0");
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		probe_fails(context, fact, errno, "an interface can't be made");
	else
		probe_works(context, fact, 0, "%s", "");
}

const struct probe_check probe_devices_checks[] = {
	{check_tun, PROBE_FACTS(FACT_ID_TUN), 0, NULL},
	{check_fuse, PROBE_FACTS(FACT_ID_FUSE), 0, NULL},
	{check_loop, PROBE_FACTS(FACT_ID_LOOP), 0, NULL},
	{0},
};
