/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers that rows of syscalls.def name. */
#ifndef AMPHORA_PTRACE_HANDLERS_H
#define AMPHORA_PTRACE_HANDLERS_H

#include "ptrace_backend/tracee.h"

/* handlers_file.c: open, openat, openat2, creat; chdir, fchdir, chroot, getcwd; readlink */
syscall_handler handle_open, handle_openat2, handle_chdir, handle_fchdir, handle_chroot,
	handle_getcwd, handle_readlink, handle_rename, handle_fd_write;
/* -ETXTBSY for the file of a program that runs: its memory is the file. Else 0. */
int file_refuses_writing(const struct tracee *tracee, const struct path_result *file,
			 const struct stat *status);
/* sysvipc_*.c */
syscall_handler handle_shmget, handle_shmat, handle_shmctl, handle_shmdt, handle_semget, handle_semop,
	handle_semtimedop, handle_semctl, handle_msgget, handle_msgsnd, handle_msgrcv, handle_msgctl,
	handle_ipc;
/* exec.c */
syscall_handler handle_execve;
/* exec_emulator.c: the calls of an emulator's dynamic linker. False: the call is like any other. */
bool emulator_call(struct tracee *tracee, const struct syscall_row *row, enum verdict *ret_verdict);
/* guest_trace.c, guest_wait.c */
syscall_handler handle_ptrace, handle_wait;
/* guest_filter.c */
syscall_handler handle_seccomp;
/* handlers_namespace.c */
syscall_handler handle_clone, handle_clone3, handle_unshare, handle_setns, handle_socket;
/* handlers_mount.c */
syscall_handler handle_mount, handle_umount, handle_pivot_root, handle_open_tree,
	handle_move_mount;
/* user_ns.c: when `result` is /proc/PID/uid_map, gid_map or setgroups, starts what opens it and stores the
 * verdict. */
bool user_ns_open(struct tracee *tracee, const struct path_result *result, int flags,
		  enum verdict *ret_verdict);
/* handlers_process.c: prctl, affinity; and the guards that keep a guest's calls
 * by pid, process group or pidfd among the guest's own processes */
syscall_handler handle_prctl, handle_sched_getaffinity,
	handle_sched_setaffinity, handle_kill, handle_pid, handle_pidfd, handle_priority,
	handle_fcntl;
/* For calls whose arguments were replaced: at the exit the guest gets its own back, and a call that the
 * kernel restarts after a signal is translated anew. Returns VERDICT_EXIT. */
enum verdict continue_and_restore(struct tracee *tracee);
/* The same with argument `index` pointing at a copy of what was checked, which the guest can't change. */
enum verdict continue_with_copy(struct tracee *tracee, unsigned index, const void *data,
				size_t size);
/* True when pid is a process of the guest, the zombie of one, or one of its threads; when a process
 * group has only the guest's members (false for the supervisor's own). */
/* The process behind an fd that is a pidfd or a directory /proc/PID, which pidfd_send_signal() takes as
 * well. 0: neither; -ESRCH: it is gone or of another pid namespace. */
pid_t guest_pidfd_process(const struct tracee *tracee, int fd);
bool guest_has_process(struct tracer *tracer, pid_t pid);
bool guest_has_group(struct tracer *tracer, pid_t group);
/* Remembers the CPUs the supervisor may use, before it pins itself: once, at start. */
void guest_affinity_init(struct tracer *tracer);
/* What uname(2) tells the guest; `set` is what sethostname() set. Returns 0 or -errno. */
struct utsname;
int guest_names(const struct tracer *tracer, const struct uts_names *set, struct utsname *ret_names);
/* handlers_system.c: uname, sethostname; path calls with rules of their own */
syscall_handler handle_uname, handle_sethostname, handle_ioctl, handle_access, handle_inotify,
	handle_fanotify;
/* handlers_socket.c: bind, connect, sendto, sendmsg, sendmmsg with unix paths */
syscall_handler handle_bind, handle_connect, handle_sendto, handle_sendmsg;
/* handlers_receive.c: names of unix sockets and ids of their owners that the kernel gives: getsockname,
 * getpeername; accept, accept4, recvfrom; recvmsg, recvmmsg; getsockopt (SO_PEERCRED); setsockopt
 * (SO_PASSCRED) */
syscall_handler handle_getsockname, handle_accept, handle_recvfrom, handle_recvmsg,
	handle_getsockopt, handle_setsockopt;
/* compat_call.c: all socket calls of 32-bit programs in one */
syscall_handler handle_socketcall;
/* handlers_port.c (plan->ports). */
/* An address of the guest's with the machine's port, in a copy. 1, 0: it stays as it is, or -errno. */
int ports_to_host(struct tracee *tracee, uint64_t address, uint64_t size, bool binds,
		  uint64_t *ret_address);
/* An address that the kernel wrote, `own` the socket's or its peer's: gets the guest's port, in place. */
void ports_to_guest(struct tracee *tracee, uint64_t address, uint64_t size, bool own);
/* handlers_stat.c (faked ids): the stat family, answered by the tracer */
syscall_handler handle_stat, handle_fstat, handle_newfstatat, handle_statx;
/* handlers_owner.c (faked ids): chown and chmod families and their fd forms */
syscall_handler handle_chown, handle_fchown, handle_chmod, handle_fchmod;
/* handlers_xattr.c: all calls on extended attributes, and those that change a file's times or size by path */
syscall_handler handle_getxattr, handle_setxattr, handle_removexattr, handle_listxattr, handle_times,
	handle_truncate;
/* handlers_links.c: emulated hard links */
syscall_handler handle_link, handle_symlink, handle_getdents;
/* handlers_create.c (faked ids): names that come and go */
syscall_handler handle_mknod, handle_mkdir, handle_unlink;
/* How a handler ends whose call makes a new file, once the host path has been put into argument `index`:
 * VERDICT_CONTINUE for the fake root, whose files need no record; otherwise VERDICT_EXIT with an
 * on_exit that gives the file to fsuid and fsgid. Uses saved[4]. */
enum verdict ids_created(struct tracee *tracee, unsigned index);
/* The same for a call that takes away a name of `host` (not followed): VERDICT_EXIT when a record may have
 * to be forgotten then. Uses saved[4] and saved[5]. */
enum verdict ids_removed(struct tracee *tracee, const char *host);
/* Before an open of an existing file: root may read and write whatever its mode, but the real user
 * only what the mode allows, so the real mode is made wide enough (and the shown one kept). `real` is
 * the file's own stat; no system call unless bits are missing. */
void ids_grant(struct tracee *tracee, const struct path_result *file, const struct stat *real,
	       uint64_t open_flags);
/* The real mode of a file of ours becomes one that lets root do as it does, and the shown one is remembered. */
void ids_widen(const struct tracee *tracee, int fd, struct stat *real);
/* The same as ids_grant() for the directory that a new name, or one that goes away, is in. */
void ids_grant_parent(struct tracee *tracee, const struct path_result *name);
/* The same for a directory that is to be searched, after permissions_search(): a struct path_ops.search. */
long ids_grant_search(void *context, const char *host);
/* Resolves with that when path_resolve() has said -EACCES to who may search any directory. */
struct path_request;
int ids_resolve_again(struct tracee *tracee, const struct path_request *request,
		      struct path_result *result);
/* handlers_ids.c (faked ids): get*id, set*id, groups, capget, capset; handle_prctl_ids is called by
 * handle_prctl for every option that credentials_prctl() knows */
syscall_handler handle_ids, handle_prctl_ids;

#endif
