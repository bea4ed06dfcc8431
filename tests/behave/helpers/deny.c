// SPDX-License-Identifier: Apache-2.0
/* deny CALL[,CALL…] COMMAND…: runs the command where these system calls answer EACCES, as a security module
 * would have it. What the command and its children can't do, nobody below can. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	long number;
} calls[] = {
#ifdef SYS_link
	{ "link", SYS_link },
#endif
	{ "linkat", SYS_linkat },	{ "shmget", SYS_shmget },  { "semget", SYS_semget },
	{ "msgget", SYS_msgget },	{ "openat2", SYS_openat2 }, { "ptrace", SYS_ptrace },
	{ "process_vm_readv", SYS_process_vm_readv },
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset },
	{ "ioctl", SYS_ioctl },
};

static long number_of(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strlen(calls[i].name) == length && !strncmp(calls[i].name, name, length))
			return calls[i].number;
	return -1;
}

int main(int argc, char **argv)
{
	struct sock_filter program[64] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    offsetof(struct seccomp_data, nr)) };
	struct sock_fprog filter = { .len = 1, .filter = program };
	const char *at = argc > 2 ? argv[1] : "";

	while (*at && filter.len < 60) {
		size_t length = strcspn(at, ",");
		long number = number_of(at, length);

		if (number < 0) {
			fprintf(stderr, "deny: %.*s: unknown\n", (int)length, at);
			return 2;
		}
		program[filter.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								     (unsigned)number, 0, 1);
		program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
								     SECCOMP_RET_ERRNO | EACCES);
		at += length + (at[length] == ',');
	}
	program[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
		perror("deny");
		return 2;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
