// SPDX-License-Identifier: Apache-2.0
/* Runs a command as an Android app's process would run: as far as seccomp, /proc and W^X go.
 *
 *	android-app [--uid N] [--no-masks] [--noexec DIR]… [+CALL|-CALL]… COMMAND [ARGUMENT…]
 *
 * Every call outside the app's list raises SIGSYS (+CALL and -CALL change the list: other releases),
 * as every call of another architecture does. User namespaces answer EINVAL, which its kernel lacks. No
 * filter can stand in for SELinux's refusal of hard links: --hard-links emulated does. Files of /proc
 * that SELinux hides can't be opened. A file below DIR can't be executed. Exit code 120: this machine can't play the phone.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_open
#define CALLS "tests/android/calls-x86_64.def"
#define AUDIT AUDIT_ARCH_X86_64
#else
#define CALLS "tests/android/calls-aarch64.def"
#define AUDIT AUDIT_ARCH_AARCH64
#endif
#define NUMBERS 512

static const struct {
	const char *name;
	int number;
} names[] = {
#define CALL(name) { #name, SYS_##name },
#include CALLS
	CALL(clone3) CALL(set_robust_list) CALL(accept) CALL(openat2) CALL(faccessat2)
#ifdef SYS_open
	CALL(poll)
#endif
};
#undef CALL

static unsigned char allowed[NUMBERS];

static const char *const hidden[] = {
	"stat", "version", "uptime", "loadavg", "vmstat", "zoneinfo", "filesystems", "swaps",
	"kmsg", "config.gz", "tty/drivers", "modules", "interrupts", "diskstats", "devices",
	"kallsyms", "partitions", "slabinfo", "softirqs", "misc", "locks", "consoles", "mdstat",
};

static void give_up(const char *what)
{
	fprintf(stderr, "android-app: %s: %s\n", what, strerror(errno));
	exit(120);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		give_up(path);
	close(fd);
}

/* Keeps our own ids. */
static void enter_user_namespace(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		give_up("unshare");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_file("/proc/self/gid_map", map);
}

/* A file that nobody but root can read. */
static void mask(void)
{
	static const char *const files[] = { "/etc/shadow", "/etc/gshadow", "/proc/kmsg" };
	const char *file = files[0];
	struct stat status;
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (stat(files[i], &status) == 0 && !(status.st_mode & 0007)) {
			file = files[i];
			break;
		}
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%s", hidden[i]);
		if (mount(file, path, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			give_up(path);
	}
}

static void install_filter(void)
{
	static struct sock_filter program[NUMBERS + 32];
	unsigned length = 0;
	struct sock_fprog filter = { .filter = program };

#define ADD(...) program[length++] = (struct sock_filter)__VA_ARGS__
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT, 1, 0));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 4));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	for (unsigned number = 0; number < NUMBERS; number++) {
		if (!allowed[number])
			continue;
		ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
		ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
#undef ADD
	filter.len = (unsigned short)length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		give_up("seccomp");
}

static void set_call(const char *name, unsigned char value)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name)) {
			allowed[names[i].number] = value;
			return;
		}
	fprintf(stderr, "android-app: no call %s\n", name);
	exit(120);
}

int main(int argc, char **argv)
{
	const char *noexec[8];
	unsigned noexec_count = 0, masks = 1, uid = 0;
	int at = 1;

#define CALL(name) allowed[SYS_##name] = 1;
#include CALLS
	for (; at < argc && (argv[at][0] == '-' || argv[at][0] == '+'); at++) {
		if (!strcmp(argv[at], "--no-masks"))
			masks = 0;
		else if (!strcmp(argv[at], "--uid") && at + 1 < argc)
			uid = (unsigned)atoi(argv[++at]);
		else if (!strcmp(argv[at], "--noexec") && at + 1 < argc && noexec_count < 8)
			noexec[noexec_count++] = argv[++at];
		else
			set_call(argv[at] + 1, argv[at][0] == '+');
	}
	if (at >= argc) {
		fprintf(stderr, "usage: android-app [OPTIONS] COMMAND [ARGUMENT...]\n");
		return 120;
	}
	if (masks || noexec_count) {
		if (geteuid() != 0)
			enter_user_namespace();
		else if (unshare(CLONE_NEWNS) < 0)
			give_up("unshare");
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			give_up("private mounts");
	}
	for (unsigned i = 0; i < noexec_count; i++)
		if (mount(noexec[i], noexec[i], NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, noexec[i], NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL) < 0)
			give_up(noexec[i]);
	if (masks)
		mask();
	if (uid && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
		give_up("ids");
	if ((noexec_count) && chdir(getenv("PWD") ? getenv("PWD") : "/") < 0)
		give_up("working directory");
	install_filter();
	execvp(argv[at], argv + at);
	give_up(argv[at]);
}
