// SPDX-License-Identifier: Apache-2.0
/* Random calls on files with capabilities, and programs executed with them, by root and by users that have given up
 * much. What each call answers and what each program is then is printed: the same as real root and as a faked one.
 *
 *	filecaps DIRECTORY SEED COUNT
 *	filecaps status			lines about the process
 *	filecaps get FILE		the value and whether it is listed
 *	filecaps set FILE HEX [NAME]	by that name; "" removes it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAME  "security.capability"
#define FILES 4
/* But one: a container that the tests run in may lack it. */
#define ALL   (((UINT64_C(1) << 41) - 1) & ~(UINT64_C(1) << CAP_SYS_RESOURCE))

static uint32_t state;
static char files[FILES][16];

static uint32_t any(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

static const char *answer(long result)
{
	static char text[32];

	if (result < 0)
		return strerrorname_np(errno);
	snprintf(text, sizeof(text), "%ld", result);
	return text;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){ (uint32_t)(effective >> (32 * i)),
							   (uint32_t)(permitted >> (32 * i)),
							   (uint32_t)(inheritable >> (32 * i)) };
	return (int)syscall(SYS_capset, &header, data);
}

static int print_status(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	char text[8192];
	const char *at, *end;
	FILE *file = fopen("/proc/self/status", "r");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	syscall(SYS_capget, &header, data);
	printf("secure %lu keepcaps %d bits %x nnp %d, capget %08x%08x %08x%08x,", getauxval(AT_SECURE),
	       prctl(PR_GET_KEEPCAPS), (unsigned)prctl(PR_GET_SECUREBITS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       data[1].permitted, data[0].permitted, data[1].effective, data[0].effective);
	at = strstr(text, "\nUid:");
	end = at ? strstr(at, "\nFDSize:") : NULL;
	if (end)
		printf(" %.*s", (int)(end - at - 1), at + 1);
	at = strstr(text, "\nCapInh:");
	end = at ? strstr(at, "\nSeccomp:") : NULL;
	if (end)
		printf(" %.*s", (int)(end - at - 1), at + 1);
	putchar('\n');
	return 0;
}

static void print_file(const char *path)
{
	unsigned char value[64];
	char list[4096];
	ssize_t n = getxattr(path, NAME, value, sizeof(value)), length = listxattr(path, list, sizeof(list));
	int listed = 0;

	printf("  %s:", path);
	if (n < 0)
		printf(" %s", strerrorname_np(errno));
	for (ssize_t i = 0; i < n; i++)
		printf("%02x", value[i]);
	for (const char *at = list; length > 0 && at < list + length; at += strlen(at) + 1)
		listed += !strcmp(at, NAME);
	printf(" %d\n", listed);
}

static size_t random_value(struct vfs_ns_cap_data *value)
{
	static const uint64_t sets[] = {
		0, ALL, 1 << CAP_CHOWN, 1 << CAP_NET_RAW, 1 << CAP_SETFCAP, 1 << CAP_SETUID | 1 << CAP_SETPCAP,
		UINT64_C(1) << CAP_BPF | 1 << CAP_SYS_RESOURCE,
	};
	const uint64_t permitted = sets[any(7)], inheritable = sets[any(7)];
	size_t size = any(3) ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3;

	value->magic_etc = size == XATTR_CAPS_SZ_2 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3;
	if (any(2))
		value->magic_etc |= VFS_CAP_FLAGS_EFFECTIVE;
	for (unsigned i = 0; i < 2; i++) {
		value->data[i].permitted = (uint32_t)(permitted >> (32 * i));
		value->data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	value->rootid = any(3) ? 0 : 1000;
	switch (any(12)) {
	case 0:
		value->magic_etc ^= 1u << any(32);
		break;
	case 1:
		return 1 + any(30);
	default:
		break;
	}
	return size;
}

static long set_value(const char *path)
{
	struct {
		struct vfs_ns_cap_data value;
		char more[16];
	} data = { 0 };
	size_t size = random_value(&data.value);
	int flags = (int)any(8), fd, error;
	long result;

	flags = flags < 3 ? flags : 0;
	if (any(2))
		return setxattr(path, NAME, &data, size, flags);
	fd = open(path, O_RDONLY);
	result = fsetxattr(fd, NAME, &data, size, flags);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static long write_file(const char *path)
{
	int fd = open(path, O_WRONLY);
	char byte = 0;
	long result;

	switch (any(5)) {
	case 0:
		result = pwrite(fd, &byte, 1, 5);
		break;
	case 1:
		result = ftruncate(fd, lseek(fd, 0, SEEK_END));
		break;
	case 2:
		result = truncate(path, lseek(fd, 0, SEEK_END));
		break;
	case 3:
		result = fallocate(fd, 0, 0, lseek(fd, 0, SEEK_END) + 5);
		break;
	default:
		result = 0; /* opened, and no more */
		break;
	}
	close(fd);
	return result;
}

static long set_times(const char *path)
{
	const struct timespec times[2] = { { any(1000), any(1000) }, { any(1000), any(1000) } };
	long result;
	int fd;

	if (any(2))
		return utimensat(AT_FDCWD, path, any(2) ? times : NULL, 0);
	fd = open(path, O_RDONLY);
	result = futimens(fd, any(2) ? times : NULL);
	close(fd);
	return result;
}

/* A child that is somebody else, or has given up something. */
static void become(void)
{
	static const uint64_t sets[] = { ALL, 1 << CAP_CHOWN, 1 << CAP_SETFCAP, 1 << CAP_SETPCAP | 1 << CAP_NET_RAW };
	uint64_t kept = sets[any(4)];

	if (any(4) == 0)
		prctl(PR_CAPBSET_DROP, any(2) ? CAP_NET_RAW : CAP_CHOWN);
	if (any(4) == 0)
		set_capabilities(ALL, ALL, kept);
	if (any(8) == 0)
		prctl(PR_SET_SECUREBITS, SECBIT_NOROOT);
	if (any(3)) {
		prctl(PR_SET_KEEPCAPS, any(2));
		if (any(4))
			(void)!setresgid(1000, 1000, 1000);
		(void)!setresuid(1000, any(4) ? 1000 : 0, 1000);
		set_capabilities(kept, kept, any(2) ? kept : 0);
	}
	if (any(3) == 0)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, any(2) ? CAP_NET_RAW : CAP_CHOWN, 0, 0);
	if (any(5) == 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void execute(const char *path)
{
	char *arguments[] = { (char *)path, "status", NULL };
	char *environment[] = { NULL };
	int fd;

	if (any(3)) {
		execve(path, arguments, environment);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
	}
	printf("%s\n", strerrorname_np(errno));
}

static long raw_clone(unsigned long flags)
{
	return syscall(SYS_clone, flags, 0, 0, 0, 0);
}

static void in_child(const char *path)
{
	const unsigned what = any(5);
	unsigned char value[64];
	pid_t child;

	fflush(stdout);
	/* One that shares its directories with another gains nothing. */
	child = what > 2 && any(6) == 0 ? (pid_t)raw_clone(CLONE_FS | SIGCHLD) : fork();
	if (child == 0) {
		become();
		if (what == 0)
			printf("child sets %s\n", answer(set_value(path)));
		else if (what == 1)
			printf("child removes %s, gets %s\n", answer(removexattr(path, NAME)),
			       answer(getxattr(path, NAME, value, any(30))));
		else if (what == 2)
			printf("child chowns %s\n", answer(chown(path, 0, 50)));
		else
			execute(path);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	/* The child's random numbers are its own. */
}

static void copy_self(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		(void)!write(to, buffer, (size_t)n);
	close(from);
	close(to);
}

static void one_call(const char *path, const char *other)
{
	static const mode_t modes[] = { 0755, 0755, 04755, 02755, 06755 };
	unsigned char value[64];

	switch (any(16)) {
	case 0:
	case 1:
	case 2:
	case 3:
		printf("set %s\n", answer(set_value(path)));
		break;
	case 4:
		printf("get %s\n", answer(lgetxattr(path, NAME, value, any(30))));
		break;
	case 5:
		printf("remove %s\n", answer(any(2) ? removexattr(path, NAME) : lremovexattr(path, NAME)));
		break;
	case 6:
		printf("chown %s\n", answer(chown(path, any(2) ? 0 : 1000, any(2) ? (gid_t)-1 : 1000)));
		break;
	case 7:
		printf("chmod %s\n", answer(chmod(path, modes[any(5)])));
		break;
	case 8:
		printf("write %s\n", answer(write_file(path)));
		break;
	case 9:
		printf("times %s\n", answer(set_times(path)));
		break;
	case 10:
		printf("rename %s\n", answer(rename(path, other)));
		copy_self(path);
		break;
	case 11:
		unlink(other);
		printf("link %s\n", answer(link(path, other)));
		break;
	default:
		in_child(path);
		break;
	}
	print_file(path);
	print_file(other);
}

static int set_hex(const char *path, const char *hex, const char *name)
{
	unsigned char value[64];
	size_t size = strlen(hex) / 2;
	unsigned byte;

	for (size_t i = 0; i < size && i < sizeof(value); i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return 2;
		value[i] = (unsigned char)byte;
	}
	puts(answer(size ? setxattr(path, name, value, size, 0) : removexattr(path, name)));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "get")) {
		print_file(argv[2]);
		return 0;
	}
	if (argc >= 4 && !strcmp(argv[1], "set"))
		return set_hex(argv[2], argv[3], argc > 4 ? argv[4] : NAME);
	if (argc == 2 && !strcmp(argv[1], "status"))
		return print_status();
	if (argc != 4 || chdir(argv[1]) < 0)
		return 2;
	state = (uint32_t)strtoul(argv[2], NULL, 10);
	umask(022);
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	set_capabilities(ALL, ALL, 0);
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(files[i], sizeof(files[i]), "f%u", i);
		copy_self(files[i]);
	}
	for (unsigned long i = 0, count = strtoul(argv[3], NULL, 10); i < count; i++) {
		unsigned first = any(FILES);

		printf("%lu ", i);
		one_call(files[first], files[(first + 1) % FILES]);
	}
	return 0;
}
