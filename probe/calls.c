// SPDX-License-Identifier: Apache-2.0
/* The trap map: a dummy call each, to see which calls an outer filter takes from us.
 *
 * The arguments are invalid, so that a call which gets through changes nothing. A filter may raise
 * SIGSYS (the handler notes it), kill (the child is lost: go on behind that call in another), or
 * answer an errno, which is told from the kernel's own by what the dummy is known to answer.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "probe/check.h"

enum {
	PRIVILEGED = 1, /* the kernel answers EPERM to plain users before it looks at arguments */
	NEWER = 2,      /* younger than Linux 4.4 or optional: ENOSYS says nothing of a filter */
	FORKS = 4,      /* no argument can make it fail */
};

#define BAD ((long)-1)

static const struct dummy_call {
	const char *name;
	long number;
	long arguments[6];
	unsigned flags;
} calls[] = {
#define CALL(name, flags, ...)                                                                     \
	{                                                                                          \
#name, SYS_##name, {__VA_ARGS__ }, flags                                           \
	}
	/* what the namespace backend needs */
	CALL(mount, PRIVILEGED, 0),
	CALL(umount2, PRIVILEGED, 0, 0),
	CALL(pivot_root, PRIVILEGED, 0, 0),
	CALL(chroot, PRIVILEGED, 0),
	CALL(unshare, PRIVILEGED, BAD),
	CALL(setns, PRIVILEGED, BAD, BAD),
	CALL(sethostname, PRIVILEGED, 0, BAD),
	CALL(setgroups, PRIVILEGED, BAD, 0),
	CALL(setuid, PRIVILEGED, BAD),
	CALL(setgid, PRIVILEGED, BAD),
	CALL(setresuid, PRIVILEGED, BAD, BAD, BAD),
	CALL(setresgid, PRIVILEGED, BAD, BAD, BAD),
	CALL(setfsuid, 0, BAD),
	CALL(setfsgid, 0, BAD),
	CALL(capset, 0, 0, 0),
	CALL(mknodat, PRIVILEGED, BAD, 0, 0, 0),
	CALL(open_tree, NEWER | PRIVILEGED, BAD, 0, 0),
	CALL(move_mount, NEWER | PRIVILEGED, BAD, 0, BAD, 0, 0),
	CALL(fsopen, NEWER | PRIVILEGED, 0, BAD),
	CALL(fsconfig, NEWER | PRIVILEGED, BAD, 0, 0, 0, 0),
	CALL(fsmount, NEWER | PRIVILEGED, BAD, 0, 0),
	CALL(mount_setattr, NEWER | PRIVILEGED, BAD, 0, 0, 0, 0),
	/* what the ptrace backend needs */
	CALL(ptrace, 0, BAD, BAD, 0, 0),
	CALL(seccomp, 0, BAD, BAD, 0),
	CALL(process_vm_readv, 0, BAD, 0, 0, 0, 0, 1),
	CALL(process_vm_writev, 0, BAD, 0, 0, 0, 0, 1),
	CALL(memfd_create, 0, 0, BAD),
	CALL(execveat, 0, BAD, 0, 0, 0, 0),
	CALL(landlock_create_ruleset, NEWER, 0, 0, 0),
	CALL(landlock_add_rule, NEWER, BAD, 0, 0, BAD),
	CALL(landlock_restrict_self, NEWER | PRIVILEGED, BAD, BAD),
	/* what C libraries and guests use */
	CALL(clone3, NEWER, 0, 0),
	CALL(openat2, NEWER, BAD, 0, 0, 0),
	CALL(faccessat2, NEWER, BAD, 0, 0, BAD),
	CALL(fchmodat2, NEWER, BAD, 0, 0, BAD),
	CALL(statx, NEWER, BAD, 0, 0, 0, 0),
	CALL(close_range, NEWER, 1, 0, BAD),
	CALL(pidfd_open, NEWER, BAD, BAD),
	CALL(pidfd_send_signal, NEWER, BAD, 0, 0, BAD),
	CALL(renameat2, 0, BAD, 0, BAD, 0, BAD),
	CALL(copy_file_range, NEWER, BAD, 0, BAD, 0, 0, BAD),
	CALL(set_robust_list, 0, 0, 0),
#ifdef SYS_rseq
	CALL(rseq, NEWER, 0, 0, BAD, 0),
#endif
	CALL(accept, 0, BAD, 0, 0),
	CALL(accept4, 0, BAD, 0, 0, 0),
	CALL(linkat, 0, BAD, 0, BAD, 0, BAD),
	CALL(symlinkat, 0, 0, BAD, 0),
	CALL(fchownat, 0, BAD, 0, 0, 0, BAD),
	CALL(personality, 0, 0xffffffff),
	CALL(prlimit64, 0, 0, BAD, 0, 0),
	CALL(fsetxattr, 0, BAD, 0, 0, 0, 0),
	CALL(shmget, NEWER, 0, 0, 0),
	CALL(semget, NEWER, 0, BAD, 0),
	CALL(msgget, NEWER, BAD, 0),
	CALL(mq_open, NEWER, 0, 0, 0, 0),
	CALL(keyctl, NEWER, BAD, 0, 0, 0, 0),
	CALL(name_to_handle_at, NEWER, BAD, 0, 0, 0, BAD),
	CALL(set_mempolicy, NEWER, BAD, 0, 0),
	CALL(inotify_init1, NEWER, BAD),
/* the older halves of pairs: x86-64 has them, arm64 doesn't */
#ifdef SYS_open
	CALL(open, 0, 0, 0, 0),
	CALL(stat, 0, 0, 0),
	CALL(lstat, 0, 0, 0),
	CALL(access, 0, 0, 0),
	CALL(readlink, 0, 0, 0, 0),
	CALL(rename, 0, 0, 0),
	CALL(mkdir, 0, 0, 0),
	CALL(rmdir, 0, 0),
	CALL(unlink, 0, 0),
	CALL(link, 0, 0, 0),
	CALL(symlink, 0, 0, 0),
	CALL(chmod, 0, 0, 0),
	CALL(chown, 0, 0, 0, 0),
	CALL(lchown, 0, 0, 0, 0),
	CALL(utimes, 0, 1, 1),
	CALL(pipe, 0, 0),
	CALL(dup2, 0, BAD, BAD),
	CALL(poll, 0, 1, 1, 0),
	CALL(select, 0, BAD, 0, 0, 0, 0),
	CALL(epoll_create, 0, 0),
	CALL(eventfd, 0, 0x7fffffff),
	CALL(getpgrp, 0, 0),
	CALL(time, 0, 1),
	CALL(fork, FORKS, 0),
#endif
#undef CALL
};

/* Shared with the children. */
struct answers {
	size_t next;
	bool trapped[ARRAY_SIZE(calls)];
	int code[ARRAY_SIZE(calls)]; /* positive errno */
};

static void make_call(const struct dummy_call *call, struct answers *answers, size_t i)
{
	const long *a = call->arguments;
	long result;

	errno = 0;
	result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (result == 0 && call->flags & FORKS) {
		/* The child, or the fork that did not happen because a filter answers 0. */
		_exit(0);
	}
	answers->code[i] = result < 0 ? errno : 0;
	answers->trapped[i] = probe_take_trapped() == call->number;
	if (call->flags & FORKS && result > 0)
		probe_wait((pid_t)result);
}

static void make_calls(struct answers *answers)
{
	probe_install_sigsys_handler();
	probe_note_every_trap();
	while (answers->next < ARRAY_SIZE(calls)) {
		size_t i = answers->next;

		make_call(&calls[i], answers, i);
		answers->next = i + 1;
	}
}

static int ask(struct answers *answers)
{
	while (answers->next < ARRAY_SIZE(calls)) {
		size_t before = answers->next;
		pid_t pid = probe_fork();
		int status;

		if (pid < 0)
			return -errno;
		if (pid == 0) {
			make_calls(answers);
			_exit(0);
		}
		status = probe_wait(pid);
		if (answers->next >= ARRAY_SIZE(calls))
			break;
		if (status != 128 + SIGSYS && answers->next == before)
			return -EPROTO;
		if (status == 128 + SIGSYS)
			answers->trapped[answers->next] = true;
		answers->next++;
	}
	return 0;
}

static bool is_denied(const struct dummy_call *call, int code, bool privileged)
{
	if (code == ENOSYS)
		return !(call->flags & NEWER);
	return code == EPERM && (privileged || !(call->flags & PRIVILEGED));
}

/* Whole names only; one that doesn't fit becomes "...". */
static void append(char *text, size_t size, const char *name)
{
	size_t used = strlen(text);

	if (used + strlen(name) + sizeof(" ...") < size)
		snprintf(text + used, size - used, "%s%s", used ? " " : "", name);
	else if (used >= 3 && strcmp(text + used - 3, "...") != 0)
		snprintf(text + used, size - used, " ...");
}

static struct answers *new_answers(void)
{
	struct answers *answers = mmap(NULL, sizeof(*answers), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return answers == MAP_FAILED ? NULL : answers;
}

int probe_calls_fingerprint(uint64_t *ret_hash)
{
	struct answers *answers = new_answers();
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	int result = answers ? ask(answers) : -ENOMEM;
	uint64_t trapped[PLAN_TRAP_WORDS];

	if (result == 0)
		result = probe_trapped_numbers(trapped);
	for (size_t i = 0; i < PLAN_TRAP_WORDS && result == 0; i++)
		hash = (hash ^ trapped[i]) * 0x100000001b3;
	for (size_t i = 0; i < ARRAY_SIZE(calls) && result == 0; i++)
		hash = (hash ^ (uint64_t)(answers->code[i] * 2 + answers->trapped[i])) *
		       0x100000001b3;
	if (answers)
		munmap(answers, sizeof(*answers));
	if (result == 0)
		*ret_hash = hash;
	return result;
}

/* A capability in a user namespace of our own does not count for calls on what lies outside. */
static bool is_privileged(void)
{
	char map[64] = "";
	unsigned long inside = 1, outside = 1, count = 0;

	file_read_line("/proc/self/uid_map", map, sizeof(map));
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && outside == 0 &&
	       count == UINT32_MAX && probe_effective_capabilities() >> CAP_SYS_ADMIN & 1;
}

static void check_calls(struct probe_context *context, const struct probe_check *check)
{
	char trapped[FACT_TEXT_SIZE] = "", denied[FACT_TEXT_SIZE] = "";
	bool privileged = is_privileged();
	int trapped_count = 0, denied_count = 0, result, denied_code = EPERM;
	struct answers *answers = new_answers();

	if (!answers)
		return;
	result = ask(answers);
	if (result < 0) {
		probe_rest_fails(context, check, -result, "the dummy calls could not be made");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (answers->trapped[i]) {
			append(trapped, sizeof(trapped), calls[i].name);
			trapped_count++;
		} else if (is_denied(&calls[i], answers->code[i], privileged)) {
			append(denied, sizeof(denied), calls[i].name);
			denied_code = answers->code[i];
			denied_count++;
		}
	}
	if (!trapped_count)
		probe_works(context, FACT_ID_TRAP_MAP, 0, "%s", "");
	else
		context->facts->fact[FACT_ID_TRAP_MAP] =
			(struct fact){.status = FACT_TRAPPED, .error_code = ENOSYS};
	if (!denied_count)
		probe_works(context, FACT_ID_DENY_MAP, 0, "%s", "");
	else
		context->facts->fact[FACT_ID_DENY_MAP] =
			(struct fact){.status = FACT_FAILS, .error_code = denied_code};
	context->facts->fact[FACT_ID_TRAP_MAP].value = trapped_count;
	context->facts->fact[FACT_ID_DENY_MAP].value = denied_count;
	snprintf(context->facts->fact[FACT_ID_TRAP_MAP].text, FACT_TEXT_SIZE, "%s", trapped);
	snprintf(context->facts->fact[FACT_ID_DENY_MAP].text, FACT_TEXT_SIZE, "%s", denied);
}

const struct probe_check probe_calls_checks[] = {
	{check_calls, PROBE_FACTS(FACT_ID_TRAP_MAP, FACT_ID_DENY_MAP), 0, NULL},
	{0},
};
