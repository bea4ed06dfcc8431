// SPDX-License-Identifier: Apache-2.0
/* Each namespace on its own, tried to the end of its chain.
 *
 * The same functions run in a fresh user namespace (facts USERNS_*) and with the caller's own
 * capabilities (facts ROOT_*): real root without user namespaces is an ordinary case, and so is a
 * kernel with some of the kinds only.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "probe/check.h"

#define CLOCK_SHIFT_S 1000

struct kind {
	int flag;
	const char *flag_name;
	const char *limit;  /* the sysctl below user. that limits it */
	const char *option; /* the kernel's configuration option */
};

static const struct kind kinds[] = {
	{CLONE_NEWNS, "CLONE_NEWNS", "max_mnt_namespaces", "NAMESPACES"},
	{CLONE_NEWPID, "CLONE_NEWPID", "max_pid_namespaces", "PID_NS"},
	{CLONE_NEWUTS, "CLONE_NEWUTS", "max_uts_namespaces", "UTS_NS"},
	{CLONE_NEWIPC, "CLONE_NEWIPC", "max_ipc_namespaces", "IPC_NS"},
	{CLONE_NEWNET, "CLONE_NEWNET", "max_net_namespaces", "NET_NS"},
	{CLONE_NEWCGROUP, "CLONE_NEWCGROUP", "max_cgroup_namespaces", "CGROUPS"},
	{CLONE_NEWTIME, "CLONE_NEWTIME", "max_time_namespaces", "TIME_NS"},
};

static const struct kind *find_kind(int flag)
{
	const struct kind *kind = kinds;

	while (kind->flag != flag)
		kind++;
	return kind;
}

static void explain_refusal(struct probe_context *context, const struct probe_check *check,
			    const struct kind *kind, int code)
{
	char path[80];
	int64_t limit = -1;

	switch (code) {
	case EINVAL:
		for (const enum fact_id *id = check->facts; *id != FACT_ID_COUNT; id++)
			probe_absent(context, *id, code,
				     "the kernel refuses %s as unknown: built without CONFIG_%s",
				     kind->flag_name, kind->option);
		return;
	case ENOSPC:
		snprintf(path, sizeof(path), "/proc/sys/user/%s", kind->limit);
		file_read_number(path, &limit);
		probe_rest_fails(context, check, code, "limit reached: user.%s = %lld (sysctl)",
				 kind->limit, (long long)limit);
		return;
	case EPERM:
		probe_rest_fails(context, check, code, "unshare(%s) needs CAP_SYS_ADMIN",
				 kind->flag_name);
		return;
	case EACCES:
		probe_rest_fails(context, check, code, "a security module refuses unshare(%s)",
				 kind->flag_name);
		return;
	default:
		probe_rest_fails(context, check, code, "unshare(%s) is refused", kind->flag_name);
	}
}

/* Returns whether the check goes on. */
static bool enter(struct probe_context *context, const struct probe_check *check)
{
	const struct kind *kind = find_kind(check->argument);

	if (unshare(kind->flag) == 0)
		return true;
	explain_refusal(context, check, kind, errno);
	return false;
}

/* Directories root/{bound,old} on a fresh tmpfs, a directory bound read-only, pivot_root, and the
 * old root let go. */
static int build_root(const char *base, const char **ret_step)
{
	*ret_step = "making mounts private";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	*ret_step = "mounting a tmpfs";
	if (mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64k") < 0)
		return -errno;
	*ret_step = "preparing the new root";
	if (chdir(base) < 0 || mkdir("source", 0755) < 0 || mkdir("bound", 0755) < 0)
		return -errno;
	*ret_step = "bind mounting a directory";
	if (mount("source", "bound", NULL, MS_BIND, NULL) < 0)
		return -errno;
	*ret_step = "remounting a bind read-only";
	if (mount(NULL, "bound", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
		  NULL) < 0)
		return -errno;
	*ret_step = "pivot_root";
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	*ret_step = "unmounting the old root";
	if (umount2(".", MNT_DETACH) < 0)
		return -errno;
	*ret_step = "looking into the new root";
	if (access("/source", F_OK) < 0)
		return -errno;
	*ret_step = "a read-only bind let a directory be made";
	return mkdir("/bound/x", 0755) < 0 ? 0 : -EPROTO;
}

static void try_mount(struct probe_context *context, const struct probe_check *check)
{
	const char *step;
	int result;

	if (!enter(context, check))
		return;
	result = build_root(probe_mount_point(context), &step);
	if (result < 0)
		probe_fails(context, check->facts[0], -result, "%s is refused%s", step,
			    result == -EINVAL && probe_is_chrooted(context) ? ": we run in a chroot"
									    : "");
	else
		probe_works(context, check->facts[0], 0, "%s", "");
}

static int mount_fresh_proc(void *argument)
{
	const char *base = argument;
	char text[16];

	if (getpid() != 1)
		return ESRCH;
	if (mount("proc", base, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return errno;
	if (chdir(base) < 0 || readlink("self", text, sizeof(text)) != 1 || text[0] != '1')
		return EPROTO;
	return 0;
}

static void try_pid(struct probe_context *context, const struct probe_check *check)
{
	char base[PATH_MAX];
	int result;

	if (!enter(context, check))
		return;
	if (unshare(CLONE_NEWNS) < 0 || probe_make_private() < 0) {
		probe_rest_fails(context, check, errno,
				 "needs a mount namespace for its own proc, which is refused");
		return;
	}
	snprintf(base, sizeof(base), "%s", probe_mount_point(context));
	result = probe_call_in_child(mount_fresh_proc, base);
	if (result == 0) {
		for (const enum fact_id *id = check->facts; *id != FACT_ID_COUNT; id++)
			probe_works(context, *id, 0, "%s", "");
	} else if (result < 0 || result == ESRCH) {
		probe_rest_fails(context, check, result < 0 ? -result : result,
				 "the first child could not be made or isn't process 1");
	} else if (result == EPERM) {
		probe_rest_fails(
			context, check, result,
			"a fresh proc is refused: parts of /proc are mounted over here, as "
			"containers do; mount it unmasked");
	} else {
		probe_rest_fails(context, check, result, "mounting a fresh proc is refused");
	}
}

static void try_uts(struct probe_context *context, const struct probe_check *check)
{
	static const char name[] = "amphora-probe";
	struct utsname read_back;

	if (!enter(context, check))
		return;
	if (sethostname(name, sizeof(name) - 1) < 0)
		probe_fails(context, check->facts[0], errno, "sethostname is refused");
	else if (uname(&read_back) < 0 || strcmp(read_back.nodename, name) != 0)
		probe_fails(context, check->facts[0], EPROTO, "sethostname had no effect");
	else
		probe_works(context, check->facts[0], 0, "%s", "");
}

static void try_ipc(struct probe_context *context, const struct probe_check *check)
{
	bool queues;

	if (!enter(context, check))
		return;
	queues = unshare(CLONE_NEWNS) == 0 && probe_make_private() == 0 &&
		 mount("mqueue", probe_mount_point(context), "mqueue",
		       MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
	probe_works(context, check->facts[0], queues, "%s",
		    queues ? "" : "mqueue can't be mounted");
}

static int loopback_up(const char **ret_step)
{
	struct ifreq request = {.ifr_name = "lo"};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_step = "an IPv4 socket";
	if (fd < 0)
		return -errno;
	*ret_step = "reading the flags of lo";
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	*ret_step = "setting lo up";
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -errno;
	*ret_step = "lo does not stay up";
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP))
		return -EPROTO;
	return 0;
}

static void try_net(struct probe_context *context, const struct probe_check *check)
{
	const char *step;
	int result;

	if (!enter(context, check))
		return;
	result = loopback_up(&step);
	if (result < 0)
		probe_fails(context, check->facts[0], -result, "%s is refused", step);
	else
		probe_works(context, check->facts[0], 0, "%s", "");
}

static void try_cgroup(struct probe_context *context, const struct probe_check *check)
{
	if (enter(context, check))
		probe_works(context, check->facts[0], 0, "%s", "");
}

static int clock_is_shifted(void *argument)
{
	const struct timespec *before = argument;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= before->tv_sec + CLOCK_SHIFT_S ? 0 : EPROTO;
}

static void try_time(struct probe_context *context, const struct probe_check *check)
{
	struct timespec before;
	char text[64];
	int result;

	if (!enter(context, check))
		return;
	clock_gettime(CLOCK_MONOTONIC, &before);
	snprintf(text, sizeof(text), "monotonic %d 0\n", CLOCK_SHIFT_S);
	result = file_write_once("/proc/self/timens_offsets", text);
	if (result == 0)
		result = -probe_call_in_child(clock_is_shifted, &before);
	if (result != 0)
		probe_fails(context, check->facts[0], result < 0 ? -result : result,
			    "the clock of a time namespace can't be set");
	else
		probe_works(context, check->facts[0], 0, "%s", "");
}

const struct probe_check probe_namespaces_in_userns[] = {
	{try_net, PROBE_FACTS(FACT_ID_USERNS_NET), CLONE_NEWNET, NULL},
	{probe_overlay_in_store, PROBE_FACTS(FACT_ID_OVERLAY_USERNS), 0, NULL},
	{try_mount, PROBE_FACTS(FACT_ID_USERNS_MOUNT), CLONE_NEWNS, NULL},
	{try_pid, PROBE_FACTS(FACT_ID_USERNS_PID, FACT_ID_USERNS_PROC), CLONE_NEWPID, NULL},
	{try_uts, PROBE_FACTS(FACT_ID_USERNS_UTS), CLONE_NEWUTS, NULL},
	{try_ipc, PROBE_FACTS(FACT_ID_USERNS_IPC), CLONE_NEWIPC, NULL},
	{try_cgroup, PROBE_FACTS(FACT_ID_USERNS_CGROUP), CLONE_NEWCGROUP, NULL},
	{try_time, PROBE_FACTS(FACT_ID_USERNS_TIME), CLONE_NEWTIME, NULL},
	{0},
};

const struct probe_check probe_namespaces_as_root[] = {
	{try_net, PROBE_FACTS(FACT_ID_ROOT_NET), CLONE_NEWNET, NULL},
	{probe_overlay_in_store, PROBE_FACTS(FACT_ID_OVERLAY_ROOT), 0, NULL},
	{try_mount, PROBE_FACTS(FACT_ID_ROOT_MOUNT), CLONE_NEWNS, NULL},
	{try_pid, PROBE_FACTS(FACT_ID_ROOT_PID), CLONE_NEWPID, NULL},
	{try_uts, PROBE_FACTS(FACT_ID_ROOT_UTS), CLONE_NEWUTS, NULL},
	{try_ipc, PROBE_FACTS(FACT_ID_ROOT_IPC), CLONE_NEWIPC, NULL},
	{try_cgroup, PROBE_FACTS(FACT_ID_ROOT_CGROUP), CLONE_NEWCGROUP, NULL},
	{try_time, PROBE_FACTS(FACT_ID_ROOT_TIME), CLONE_NEWTIME, NULL},
	{0},
};
