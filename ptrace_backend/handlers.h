/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers that rows of syscalls.def name. */
#ifndef AMPHORA_PTRACE_HANDLERS_H
#define AMPHORA_PTRACE_HANDLERS_H

#include "ptrace_backend/tracee.h"

/* handlers_file.c: open, openat, openat2, creat; chdir, fchdir, chroot, getcwd; readlink */
syscall_handler handle_open, handle_openat2, handle_chdir, handle_fchdir, handle_chroot,
	handle_getcwd, handle_readlink, handle_rename, handle_fd_write;
/* exec.c */
syscall_handler handle_execve;
/* handlers_process.c: clone, clone3, ptrace, prctl, affinity, kill guards */
syscall_handler handle_clone, handle_clone3, handle_prctl, handle_sched_getaffinity,
	handle_sched_setaffinity, handle_kill, handle_pidfd;
/* handlers_system.c: uname, sethostname, mount family, unshare, setns */
syscall_handler handle_uname, handle_sethostname, handle_mount, handle_unshare;
/* handlers_socket.c: bind, connect, sendto, sendmsg, sendmmsg with unix paths */
syscall_handler handle_bind, handle_connect, handle_sendto, handle_sendmsg, handle_getsockname;
/* handlers_stat.c (faked ids): the stat family, answered by the tracer */
syscall_handler handle_stat, handle_fstat, handle_newfstatat, handle_statx;
/* handlers_owner.c (faked ids): chown, chmod, mknod families and their fd forms */
syscall_handler handle_chown, handle_fchown, handle_chmod, handle_fchmod, handle_mknod,
	handle_unlink;
/* handlers_ids.c (faked ids): get*id, set*id, groups, capget, capset */
syscall_handler handle_ids;

#endif
