// SPDX-License-Identifier: Apache-2.0
/* Prints docs/syscalls.md from ptrace_backend/syscalls.def: a program of its own that links nothing.
 *
 *	cc -I. tests/tools/syscalls_doc.c -o doc && ./doc >docs/syscalls.md
 */
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum kind { KIND_FAMILY, KIND_PASS, KIND_FAIL, KIND_TRACE };

/* A line of syscalls.def, in words. */
struct line {
	const char *name; /* of the call; title of a family */
	enum kind kind;
	const char *error, *when, *rule, *why, *paths, *handler;
};

#define LEGACY(...) __VA_ARGS__
#define COMPAT(...) __VA_ARGS__
#define FAMILY(title, text)	    { .kind = KIND_FAMILY, .name = title, .why = text },
#define PASS(call)		    { .kind = KIND_PASS, .name = #call },
#define FAIL(call, errno_name, why) FAIL_IF(call, errno_name, ALWAYS, NONE, why)
#define FAIL_IF(call, errno_name, when_, rule_, why_) \
	{ .kind = KIND_FAIL, .name = #call, .error = #errno_name, \
	  .when = #when_, .rule = #rule_, .why = why_ },
#define ANSWER TRACE
#define TRACE(call, when_, rule_, paths_, handler_) \
	{ .kind = KIND_TRACE, .name = #call, .when = #when_, .rule = #rule_, \
	  .paths = #paths_, .handler = #handler_ },

static const struct line lines[] = {
#include "ptrace_backend/syscalls.def"
};

/* The numbers of four architectures: row, and the call's own name where it has another. */
struct number {
	unsigned number;
	const char *row, *name;
};
#define CALL(number, name)		  { number, #name, NULL },
#define CALL_AS(number, name, row, shape) { number, #row, #name },
#define CALL_HIGH(number, name)		  { 0xf0000 + (number), #name, NULL },
static const struct number x86_64_numbers[] = {
#include "ptrace_backend/arch/x86_64/calls.def"
};
static const struct number i386_numbers[] = {
#include "core/arch/i386.def"
};
static const struct number aarch64_numbers[] = {
#include "ptrace_backend/arch/aarch64/calls.def"
};
static const struct number arm_numbers[] = {
#include "core/arch/arm.def"
};

static void print_numbers(const struct number *numbers, size_t count, const char *row)
{
	const char *between = " ";

	for (size_t i = 0; i < count; i++) {
		if (strcmp(numbers[i].row, row) != 0)
			continue;
		printf(numbers[i].number < 0xf0000 ? "%s%u" : "%s%#x", between, numbers[i].number);
		if (numbers[i].name && strcmp(numbers[i].name, row) != 0)
			printf(" `%s`", numbers[i].name);
		between = ", ";
	}
	printf(" |");
}

static void print_call(const char *row)
{
	printf("| `%s` |", row);
	print_numbers(x86_64_numbers, COUNT(x86_64_numbers), row);
	print_numbers(i386_numbers, COUNT(i386_numbers), row);
	print_numbers(aarch64_numbers, COUNT(aarch64_numbers), row);
	print_numbers(arm_numbers, COUNT(arm_numbers), row);
}

static const struct word {
	const char *name, *text;
} whens[] = {
	{ "FAKE_IDS", "when ids are faked" },
	{ "READ_ONLY", "with read-only mounts or faked ids" },
	{ "LISTED", "with emulated hard links or hidden names" },
	{ "SHOWN", "when ids are faked or hard links emulated" },
	{ "SYSVIPC", "with emulated System V IPC" },
	{ "NAMES", "in processes that have bound a unix path or asked for ids" },
}, rules[] = {
	{ "CLONE", "only for CLONE_NEW*, CLONE_UNTRACED" },
	{ "PRCTL", "only for options that the tracer answers" },
	{ "SOCKET", "only for other families than AF_UNIX; with `--network none` EACCES" },
	{ "IOCTL", "TIOCSTI, TIOCLINUX: EPERM; stops for FIOSETOWN, SIOCSPGRP and, with read-only mounts "
		   "or faked ids, for what changes a file by a read-only fd" },
	{ "FCNTL", "only for F_SETOWN, F_SETOWN_EX" },
	{ "OTHER_PID", "only for another pid than 0" },
	{ "ADDRESS", "only with an address" },
	{ "ACCEPT", "only with a buffer for a name" },
	{ "PASSCRED", "only for SO_PASSCRED" },
	{ "PEERCRED", "only for SO_PEERCRED" },
	{ "SECCOMP", "for a new filter, and for what tells of listeners" },
	{ "SOCKETCALL", "only for calls that don't pass by their own names" },
}, handlers[] = {
	{ "translate_paths", "" },
	{ "handle_open", "creates, truncates and opens by the mount's rules; /proc files that show the host "
			 "are replaced" },
	{ "handle_openat2", "RESOLVE_* flags mean what they mean inside the guest" },
	{ "handle_chdir", "remembers the mount" },
	{ "handle_fchdir", "remembers the mount" },
	{ "handle_chroot", "the tracer's idea of the root; the kernel isn't asked" },
	{ "handle_getcwd", "the guest path of the kernel's cwd" },
	{ "handle_readlink", "links of /proc show guest paths" },
	{ "handle_rename", "remembered owners go along" },
	{ "handle_fd_write", "" },
	{ "handle_ptrace", "done by the tracer, at a stop that it holds for the guest" },
	{ "handle_seccomp", "a new filter is read by us, kept, and given to the kernel so that it doesn't refuse what we "
			    "call in a call's place; a listener: EINVAL" },
	{ "handle_wait", "answered when a stop of a traced child waits to be told; else the kernel's" },
	{ "handle_execve", "the program is mapped by amphora's own loader" },
	{ "handle_clone", "namespaces are emulated; CLONE_UNTRACED is taken out" },
	{ "handle_clone3", "the same; CLONE_INTO_CGROUP: EPERM, CLONE_NEWTIME: EINVAL; the kernel gets a copy of "
			   "the structure" },
	{ "handle_prctl", "PR_SET_DUMPABLE and PR_SET_PTRACER succeed without effect, PR_SET_MM: EPERM; "
			  "capabilities and securebits are the faked ones" },
	{ "handle_sched_getaffinity", "the mask the guest chose, or the supervisor's at start" },
	{ "handle_sched_setaffinity", "done by the tracer and remembered" },
	{ "handle_kill", "ESRCH outside the guest; kill(-1) reaches the guest's processes" },
	{ "handle_pid", "ESRCH outside the guest" },
	{ "handle_pidfd", "ESRCH outside the guest" },
	{ "handle_priority", "ESRCH outside the guest; a whole user: EPERM" },
	{ "handle_fcntl", "signals of an fd go to the guest's processes only" },
	{ "handle_shmget", "a file stands for the segment" },
	{ "handle_shmat", "the tracee opens and maps the segment's file" },
	{ "handle_shmctl", "answered by the tracer" },
	{ "handle_shmdt", "the tracee unmaps what shmat mapped" },
	{ "handle_semget", "the set is the tracer's" },
	{ "handle_semop", "done by the tracer; sleeps in ppoll while it blocks" },
	{ "handle_semtimedop", "done by the tracer; sleeps in ppoll while it blocks" },
	{ "handle_semctl", "answered by the tracer" },
	{ "handle_msgget", "the queue is the tracer's" },
	{ "handle_msgsnd", "done by the tracer; sleeps in ppoll while it blocks" },
	{ "handle_msgrcv", "done by the tracer; sleeps in ppoll while it blocks" },
	{ "handle_msgctl", "answered by the tracer" },
	{ "handle_ipc", "as the call it stands for; structures without IPC_64 are ENOSYS" },
	{ "handle_uname", "the container's host name" },
	{ "handle_sethostname", "changes the container's name; without the (faked) capability EPERM" },
	{ "handle_mount", "changes the table: bind, move, remount, tmpfs, and what the container has of proc, sysfs, "
			  "devpts, mqueue; others EPERM or ENODEV" },
	{ "handle_umount", "changes the table; EINVAL for a mount of the plan" },
	{ "handle_pivot_root", "changes the table and the roots of its processes" },
	{ "handle_open_tree", "OPEN_TREE_CLONE: ENOSYS; else an open with O_PATH" },
	{ "handle_move_mount", "moves an attached mount, as mount(2) does" },
	{ "handle_unshare", "namespaces are emulated; CLONE_NEWTIME: EINVAL" },
	{ "handle_setns", "into a namespace of another of the guest's processes" },
	{ "handle_socket", "EACCES in a network namespace of the guest's making" },
	{ "handle_ioctl", "EROFS on a read-only mount; owners as fcntl" },
	{ "handle_access", "W_OK on a read-only mount: EROFS" },
	{ "handle_inotify", "IN_DONT_FOLLOW is heeded" },
	{ "handle_fanotify", "FAN_MARK_DONT_FOLLOW is heeded" },
	{ "handle_bind", "unix socket path, a new name" },
	{ "handle_connect", "unix socket path, followed" },
	{ "handle_sendto", "unix socket path, followed" },
	{ "handle_sendmsg", "unix socket path, followed; faked ids in SCM_CREDENTIALS become real ones" },
	{ "handle_getsockname", "unix socket paths are the guest's" },
	{ "handle_accept", "unix socket paths are the guest's" },
	{ "handle_recvfrom", "unix socket paths are the guest's" },
	{ "handle_recvmsg", "unix socket paths are the guest's; ids in SCM_CREDENTIALS are the faked ones" },
	{ "handle_setsockopt", "the process gets the second filter" },
	{ "handle_getsockopt", "the peer's faked ids" },
	{ "handle_stat", "answered by the tracer when ids are faked" },
	{ "handle_fstat", "answered by the tracer" },
	{ "handle_newfstatat", "answered by the tracer when ids are faked" },
	{ "handle_statx", "answered by the tracer when ids are faked" },
	{ "handle_chown", "remembered when ids are faked" },
	{ "handle_fchown", "remembered when ids are faked" },
	{ "handle_chmod", "what the host can't hold is remembered when ids are faked" },
	{ "handle_fchmod", "what the host can't hold is remembered when ids are faked" },
	{ "handle_mknod", "devices are remembered when ids are faked" },
	{ "handle_mkdir", "a mode without all owner bits is remembered when ids are faked" },
	{ "handle_setxattr", "with faked ids security.capability is kept under another name, records are left alone" },
	{ "handle_removexattr", "with faked ids as setxattr" },
	{ "handle_getxattr", "with faked ids security.capability is found under its other name, records aren't there" },
	{ "handle_listxattr", "with faked ids as the guest knows them" },
	{ "handle_times", "with faked ids a file keeps its capabilities" },
	{ "handle_truncate", "with faked ids a file loses its capabilities, whatever the size" },
	{ "handle_link", "emulated where hard links are" },
	{ "handle_symlink", "no name of an emulated hard link can be forged" },
	{ "handle_getdents", "names of emulated hard links are shown as files" },
	{ "handle_unlink", "forgets what was remembered" },
	{ "handle_ids", "the faked ids" },
	{ "handle_socketcall", "as the call it stands for, on a copy of its arguments" },
};

#define WORDS(table, name) find_words(table, COUNT(table), name)
static const char *find_words(const struct word *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i].name, name))
			return table[i].text;
	return NULL;
}

static const char *separator;

static void say(const char *text)
{
	if (!text[0])
		return;
	printf("%s%s", separator, text);
	separator = "; ";
}

/* "AT(0,1,3, UNLESS_NOFOLLOW, READ)": what follows the argument numbers. */
static void say_paths(const char *paths)
{
	static const char *const follows[][2] = {
		{ "UNLESS_NOFOLLOW", "path, followed unless AT_SYMLINK_NOFOLLOW" },
		{ "IF_FOLLOW", "path, followed with AT_SYMLINK_FOLLOW" },
		{ "BY_OPEN", "path, followed by the open flags" },
		{ "CREATE", "a new name" },
		{ "REMOVE", "a name, not followed" },
		{ "RENAME", "two names, not followed" },
		{ "ALWAYS", "path, followed" },
		{ "NEVER", "path, not followed" },
	};
	static const char *const link = "an object and a new name for it in the same mount";

	if (!strcmp(paths, "NO_PATH"))
		return;
	if (strstr(paths, "LINK")) {
		say(link);
		return;
	}
	for (size_t i = 0; i < COUNT(follows); i++)
		if (strstr(paths, follows[i][0])) {
			say(follows[i][1]);
			break;
		}
	if (strstr(paths, "WRITE"))
		say("EROFS on a read-only mount");
}

static int print_line(const struct line *line)
{
	const char *when = line->when ? WORDS(whens, line->when) : NULL;
	const char *rule = line->rule ? WORDS(rules, line->rule) : NULL;
	const char *handler = line->handler ? WORDS(handlers, line->handler) : NULL;

	separator = "";
	switch (line->kind) {
	case KIND_FAMILY:
		printf("\n## %s\n%s%s\n| call | x86-64 | i386 | aarch64 | arm | becomes | how, or why |\n"
		       "|---|---|---|---|---|---|---|\n",
		       line->name, line->why, line->why[0] ? "\n" : "");
		return 0;
	case KIND_PASS:
		print_call(line->name);
		printf(" passed | |\n");
		return 0;
	case KIND_FAIL:
		print_call(line->name);
		printf(" %s | ", line->error);
		break;
	case KIND_TRACE:
		if (!handler) {
			fprintf(stderr, "%s: no words for %s\n", line->name, line->handler);
			return 1;
		}
		print_call(line->name);
		printf(" %s | ", strcmp(line->paths, "NO_PATH") ? "translated" : "handled");
		break;
	}
	say(when ? when : "");
	say(rule ? rule : "");
	if (line->kind == KIND_FAIL) {
		say(line->why);
	} else {
		say_paths(line->paths);
		if (line->when && !strcmp(line->when, "READ_ONLY"))
			say("EROFS on a read-only mount");
		say(handler);
	}
	printf(" |\n");
	return 0;
}

int main(void)
{
	unsigned counts[4] = { 0 };

	for (size_t i = 0; i < COUNT(lines); i++)
		counts[lines[i].kind]++;
	printf("# System calls under the ptrace backend\n\n"
	       "Made by tests/tools/syscalls_doc.c from ptrace_backend/syscalls.def: change that.\n"
	       "Of the calls below %u pass without a stop, %u are looked at by the tracer, %u are refused by\n"
	       "the filter. i386 programs run on x86-64 and arm programs on aarch64, where the kernel has\n"
	       "PTRACE_GET_SYSCALL_INFO (5.3). A number that isn't listed answers ENOSYS, and so does every\n"
	       "number of x32 (those with bit 30 set) and of any other architecture.\n\n"
	       "- **passed**: the kernel's own; costs nothing.\n"
	       "- **translated**: the tracer turns guest paths into host paths, then the kernel runs the call.\n"
	       "- **handled**: the tracer checks, changes or answers it.\n"
	       "- an **errno**: answered by the filter.\n\n"
	       "A condition in the last column means that the call passes otherwise.\n",
	       counts[KIND_PASS], counts[KIND_TRACE], counts[KIND_FAIL]);
	for (size_t i = 0; i < COUNT(lines); i++)
		if (print_line(&lines[i]))
			return 1;
	return 0;
}
