// SPDX-License-Identifier: Apache-2.0
/* The machine and the process: plain reads, no chain to try. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "probe/check.h"

#define PHANTOM_API   31 /* Android 12 */
#define PHANTOM_LIMIT 32

/* Runs /system/bin/getprop: the properties' own format is private to Android's libc. */
static int read_property(const char *name, char *value, size_t size)
{
	int ends[2];
	ssize_t length;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = probe_fork();
	if (pid == 0) {
		dup3(ends[1], STDOUT_FILENO, 0);
		execl("/system/bin/getprop", "getprop", name, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	length = pid < 0 ? -EAGAIN : file_read_fd(ends[0], value, size);
	close(ends[0]);
	if (pid > 0)
		probe_wait(pid);
	if (length < 0)
		return (int)length;
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

static void check_android(struct probe_context *context)
{
	char release[64] = "", api[16] = "";
	long level;

	if (faccessat(AT_FDCWD, "/system/bin/linker64", F_OK, 0) < 0 &&
	    faccessat(AT_FDCWD, "/system/bin/linker", F_OK, 0) < 0) {
		probe_absent(context, FACT_ID_ANDROID, 0, "not Android");
		probe_absent(context, FACT_ID_PHANTOM_LIMIT, 0, "no limit but the kernel's own");
		return;
	}
	read_property("ro.build.version.release", release, sizeof(release));
	read_property("ro.build.version.sdk", api, sizeof(api));
	level = strtol(api, NULL, 10);
	probe_works(context, FACT_ID_ANDROID, level, "%s", release);
	if (level == 0 || level >= PHANTOM_API)
		probe_works(context, FACT_ID_PHANTOM_LIMIT, PHANTOM_LIMIT,
			    "Android kills processes beyond %d of all apps together",
			    PHANTOM_LIMIT);
	else
		probe_absent(context, FACT_ID_PHANTOM_LIMIT, 0, "came with Android 12");
}

uint64_t probe_effective_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* Names of the bits, as many as fit. */
static void name_capabilities(uint64_t bits, char *text, size_t size)
{
	for (int bit = 0; bit < 64; bit++) {
		size_t used = strlen(text);
		char *name;

		if (!(bits & 1ULL << bit))
			continue;
		name = cap_to_name(bit);
		if (!name || used + strlen(name) + sizeof(" ...") >= size) {
			snprintf(text + used, size - used, " ...");
			cap_free(name);
			return;
		}
		snprintf(text + used, size - used, "%s%s", used ? " " : "",
			 strncmp(name, "cap_", 4) ? name : name + 4);
		cap_free(name);
	}
}

static void check_capabilities(struct probe_context *context)
{
	uint64_t bits = probe_effective_capabilities(), all = 0;
	char text[FACT_TEXT_SIZE] = "";

	for (int bit = 0; bit < 64 && prctl(PR_CAPBSET_READ, bit, 0, 0, 0) >= 0; bit++)
		all |= 1ULL << bit;
	if (!bits)
		snprintf(text, sizeof(text), "none");
	else if (bits == all)
		snprintf(text, sizeof(text), "all");
	else if (__builtin_popcountll(all & ~bits) <= 8)
		snprintf(text, sizeof(text), "all but");
	name_capabilities(!bits || bits == all ? 0
			  : text[0]            ? all & ~bits
					       : bits,
			  text, sizeof(text));
	probe_works(context, FACT_ID_CAPABILITIES, (int64_t)bits, "%s", text);
}

/* "Name:\tnumber" of /proc/PID/status; -1 when it isn't there. */
static long status_number(pid_t pid, const char *name)
{
	char text[4096], path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void check_outer_seccomp(struct probe_context *context)
{
	int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	long count;

	if (mode < 0) {
		probe_absent(context, FACT_ID_OUTER_SECCOMP, errno, "the kernel has no seccomp");
		return;
	}
	if (mode == 0) {
		probe_works(context, FACT_ID_OUTER_SECCOMP, 0, "no filter");
		return;
	}
	count = status_number(getpid(), "\nSeccomp_filters:\t");
	probe_fails(context, FACT_ID_OUTER_SECCOMP, 0, "%s",
		    mode == 2 ? "filter: installed by what started us" : "strict");
	/* Kernels before 5.9 don't tell how many; at least one. */
	context->facts->fact[FACT_ID_OUTER_SECCOMP].value = count < 0 ? 1 : count;
}

/* Which directory on which mount. Mount ids need Linux 5.8; without, a bind of the real root looks
 * like the root itself. */
struct place {
	struct statx status;
};

static int find_place(const char *path, struct place *ret_place)
{
	return statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &ret_place->status) < 0 ? -errno
											  : 0;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->status.stx_ino == b->status.stx_ino &&
	       a->status.stx_dev_major == b->status.stx_dev_major &&
	       a->status.stx_dev_minor == b->status.stx_dev_minor &&
	       (!(a->status.stx_mask & b->status.stx_mask & STATX_MNT_ID) ||
		a->status.stx_mnt_id == b->status.stx_mnt_id);
}

/* A process that shares our mount namespace and has another root: one of us is chrooted, and
 * process 1 or our parents are less likely to be. */
static bool root_differs_from(pid_t pid, const struct place *root)
{
	char path[64], ours[64] = "", theirs[64] = "";
	struct place other;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	if (readlinkat(AT_FDCWD, path, theirs, sizeof(theirs) - 1) < 0 ||
	    readlinkat(AT_FDCWD, "/proc/self/ns/mnt", ours, sizeof(ours) - 1) < 0 ||
	    strcmp(ours, theirs) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return find_place(path, &other) == 0 && !same_place(&other, root);
}

/* In a chroot to a directory that isn't a mount point, no mount is seen at "/". */
static bool root_mount_is_hidden(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, target[PATH_MAX];
	size_t size = 0;
	bool seen = false, any = false;

	if (!file)
		return false;
	while (!seen && getline(&line, &size, file) > 0) {
		any = true;
		seen = sscanf(line, "%*s %*s %*s %*s %4095s", target) == 1 && !strcmp(target, "/");
	}
	free(line);
	return any && !seen;
}

/* With CAP_SYS_CHROOT, a process can climb out: where it arrives is the real root. In a child, for
 * it moves our root. */
static int climb(void *argument)
{
	const struct place *root = argument;
	struct place top;

	if (chroot("proc") < 0 && chroot("tmp") < 0 && chroot("dev") < 0)
		return 0;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return 0;
	return find_place(".", &top) == 0 && !same_place(&top, root);
}

bool probe_is_chrooted(const struct probe_context *context)
{
	struct place root;

	(void)context;
	if (find_place("/", &root) < 0)
		return false;
	if (root_mount_is_hidden())
		return true;
	for (pid_t pid = getppid(); pid > 0; pid = (pid_t)status_number(pid, "\nPPid:\t"))
		if (root_differs_from(pid, &root))
			return true;
	return chdir("/") == 0 && probe_call_in_child(climb, &root) == 1;
}

static void check_machine(struct probe_context *context, const struct probe_check *check)
{
	struct utsname name;
	bool chrooted;

	(void)check;
	uname(&name);
	probe_works(context, FACT_ID_KERNEL, 0, "%s", name.release);
	probe_works(context, FACT_ID_ARCHITECTURE, 0, "%s", name.machine);
	probe_works(context, FACT_ID_UID, context->uid, "%s", "");
	probe_works(context, FACT_ID_GID, context->gid, "%s", "");
	probe_works(context, FACT_ID_NO_NEW_PRIVS, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), "%s",
		    "");
	check_capabilities(context);
	check_outer_seccomp(context);
	check_android(context);
	chrooted = probe_is_chrooted(context);
	probe_works(context, FACT_ID_CHROOTED, chrooted, "%s", "");
}

const struct probe_check probe_machine_checks[] = {
	{check_machine,
	 PROBE_FACTS(FACT_ID_KERNEL, FACT_ID_ARCHITECTURE, FACT_ID_UID, FACT_ID_GID,
		     FACT_ID_NO_NEW_PRIVS, FACT_ID_CAPABILITIES, FACT_ID_OUTER_SECCOMP,
		     FACT_ID_ANDROID, FACT_ID_PHANTOM_LIMIT, FACT_ID_CHROOTED),
	 0, NULL},
	{0},
};
