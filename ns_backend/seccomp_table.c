// SPDX-License-Identifier: Apache-2.0
/* The rows of the default profile.
 *
 * The list follows the habit of container engines: everything an ordinary program uses, with the calls
 * that exist for one capability tied to it. ptrace and process_vm_* are allowed (Linux 4.8 and later
 * check the filter after a tracer's change, so they are no way around it), personality only for
 * values that change the caller's own view of itself.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "ns_backend/seccomp_table.h"

#define ALLOW(name)		   {SCMP_SYS(name), CALL_ALLOWED, -1, 0}
#define ALLOW_NUMBER(number)	   {number, CALL_ALLOWED, -1, 0}
#define DENY(name)		   {SCMP_SYS(name), CALL_DENIED, -1, EPERM}
#define ABSENT(name)		   {SCMP_SYS(name), CALL_ABSENT, -1, ENOSYS}
#define NEED(name, capability, error) {SCMP_SYS(name), CALL_NEEDS, CAP_##capability, error}

/* clang-format off */
const struct seccomp_call seccomp_calls[] = {
	/* files and directories */
	ALLOW(access), ALLOW(chmod), ALLOW(chown), ALLOW(chown32), ALLOW(creat), ALLOW(faccessat),
	ALLOW(faccessat2), ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchown), ALLOW(fchown32),
	ALLOW(fchownat), ALLOW(fstat), ALLOW(fstat64), ALLOW(fstatat64), ALLOW(fstatfs),
	ALLOW(fstatfs64), ALLOW(futimesat), ALLOW(getdents), ALLOW(getdents64), ALLOW(lchown),
	ALLOW(lchown32), ALLOW(link), ALLOW(linkat), ALLOW(lstat), ALLOW(lstat64), ALLOW(mkdir),
	ALLOW(mkdirat), ALLOW(mknod), ALLOW(mknodat), ALLOW(newfstatat), ALLOW(open),
	ALLOW(openat), ALLOW(openat2), ALLOW(readlink), ALLOW(readlinkat), ALLOW(rename),
	ALLOW(renameat), ALLOW(renameat2), ALLOW(rmdir), ALLOW(stat), ALLOW(stat64), ALLOW(statfs),
	ALLOW(statfs64), ALLOW(statx), ALLOW(symlink), ALLOW(symlinkat), ALLOW(truncate),
	ALLOW(truncate64), ALLOW(umask), ALLOW(unlink), ALLOW(unlinkat), ALLOW(utime),
	ALLOW(utimensat), ALLOW(utimensat_time64), ALLOW(utimes), ALLOW(name_to_handle_at),
	ALLOW(chdir), ALLOW(fchdir), ALLOW(getcwd), ALLOW(inotify_add_watch), ALLOW(inotify_init),
	ALLOW(inotify_init1), ALLOW(inotify_rm_watch),
	/* extended attributes */
	ALLOW(fgetxattr), ALLOW(flistxattr), ALLOW(fremovexattr), ALLOW(fsetxattr),
	ALLOW(getxattr), ALLOW(lgetxattr), ALLOW(listxattr), ALLOW(llistxattr),
	ALLOW(lremovexattr), ALLOW(lsetxattr), ALLOW(removexattr), ALLOW(setxattr),
	/* descriptors and data */
	ALLOW(_llseek), ALLOW(close), ALLOW(close_range), ALLOW(copy_file_range), ALLOW(dup),
	ALLOW(dup2), ALLOW(dup3), ALLOW(fadvise64), ALLOW(fadvise64_64), ALLOW(fallocate),
	ALLOW(fcntl), ALLOW(fcntl64), ALLOW(fdatasync), ALLOW(flock), ALLOW(fsync),
	ALLOW(ftruncate), ALLOW(ftruncate64), ALLOW(ioctl), ALLOW(lseek), ALLOW(memfd_create),
	ALLOW(memfd_secret), ALLOW(pipe), ALLOW(pipe2), ALLOW(pread64), ALLOW(preadv),
	ALLOW(preadv2), ALLOW(pwrite64), ALLOW(pwritev), ALLOW(pwritev2), ALLOW(read),
	ALLOW(readahead), ALLOW(readv), ALLOW(sendfile), ALLOW(sendfile64), ALLOW(splice),
	ALLOW(sync), ALLOW(sync_file_range), ALLOW(sync_file_range2), ALLOW(arm_sync_file_range),
	ALLOW(syncfs), ALLOW(tee), ALLOW(vmsplice), ALLOW(write), ALLOW(writev), ALLOW(eventfd),
	ALLOW(eventfd2), ALLOW(signalfd), ALLOW(signalfd4), ALLOW(timerfd), ALLOW(timerfd_create),
	ALLOW(timerfd_gettime), ALLOW(timerfd_gettime64), ALLOW(timerfd_settime),
	ALLOW(timerfd_settime64), ALLOW(io_cancel), ALLOW(io_destroy), ALLOW(io_getevents),
	ALLOW(io_pgetevents), ALLOW(io_pgetevents_time64), ALLOW(io_setup), ALLOW(io_submit),
	/* waiting */
	ALLOW(_newselect), ALLOW(epoll_create), ALLOW(epoll_create1), ALLOW(epoll_ctl),
	ALLOW(epoll_ctl_old), ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(epoll_wait),
	ALLOW(epoll_wait_old), ALLOW(poll), ALLOW(ppoll), ALLOW(ppoll_time64), ALLOW(pselect6),
	ALLOW(pselect6_time64), ALLOW(select), ALLOW(futex), ALLOW(futex_time64),
	ALLOW(futex_waitv), ALLOW(get_robust_list), ALLOW(set_robust_list),
	/* memory */
	ALLOW(brk), ALLOW(madvise), ALLOW(membarrier), ALLOW(mincore), ALLOW(mlock), ALLOW(mlock2),
	ALLOW(mlockall), ALLOW(mmap), ALLOW(mmap2), ALLOW(mprotect), ALLOW(mremap), ALLOW(msync),
	ALLOW(munlock), ALLOW(munlockall), ALLOW(munmap), ALLOW(pkey_alloc), ALLOW(pkey_free),
	ALLOW(pkey_mprotect), ALLOW(process_madvise), ALLOW(process_mrelease),
	ALLOW(remap_file_pages),
	/* processes and threads */
	ALLOW(arch_prctl), ALLOW(clone), ALLOW(execve), ALLOW(execveat), ALLOW(exit),
	ALLOW(exit_group), ALLOW(fork), ALLOW(getpgid), ALLOW(getpgrp), ALLOW(getpid),
	ALLOW(getppid), ALLOW(getpriority), ALLOW(getrlimit), ALLOW(getrusage), ALLOW(getsid),
	ALLOW(gettid), ALLOW(kill), ALLOW(pause), ALLOW(pidfd_open), ALLOW(pidfd_send_signal),
	ALLOW(prctl), ALLOW(prlimit64), ALLOW(ptrace), ALLOW(process_vm_readv),
	ALLOW(process_vm_writev), ALLOW(restart_syscall), ALLOW(rseq),
	ALLOW(sched_get_priority_max), ALLOW(sched_get_priority_min), ALLOW(sched_getaffinity),
	ALLOW(sched_getattr), ALLOW(sched_getparam), ALLOW(sched_getscheduler),
	ALLOW(sched_rr_get_interval), ALLOW(sched_rr_get_interval_time64),
	ALLOW(sched_setaffinity), ALLOW(sched_setattr), ALLOW(sched_setparam),
	ALLOW(sched_setscheduler), ALLOW(sched_yield), ALLOW(seccomp), ALLOW(set_thread_area),
	ALLOW(get_thread_area), ALLOW(set_tid_address), ALLOW(setpgid), ALLOW(setpriority),
	ALLOW(setrlimit), ALLOW(setsid), ALLOW(tgkill), ALLOW(times), ALLOW(tkill),
	ALLOW(ugetrlimit), ALLOW(uname), ALLOW(unshare), ALLOW(vfork), ALLOW(wait4), ALLOW(waitid),
	ALLOW(waitpid), ALLOW(nice), ALLOW(ioprio_get), ALLOW(ioprio_set), ALLOW(getcpu),
	ALLOW(capget), ALLOW(capset), ALLOW(arm_fadvise64_64), ALLOW(breakpoint),
	ALLOW(cacheflush), ALLOW(set_tls), ALLOW(modify_ldt), ALLOW(landlock_add_rule),
	ALLOW(landlock_create_ruleset), ALLOW(landlock_restrict_self),
	/* signals */
	ALLOW(alarm), ALLOW(getitimer), ALLOW(rt_sigaction), ALLOW(rt_sigpending),
	ALLOW(rt_sigprocmask), ALLOW(rt_sigqueueinfo), ALLOW(rt_sigreturn), ALLOW(rt_sigsuspend),
	ALLOW(rt_sigtimedwait), ALLOW(rt_sigtimedwait_time64), ALLOW(rt_tgsigqueueinfo),
	ALLOW(setitimer), ALLOW(sigaction), ALLOW(sigaltstack), ALLOW(signal), ALLOW(sigpending),
	ALLOW(sigprocmask), ALLOW(sigreturn), ALLOW(sigsuspend),
	/* time */
	ALLOW(clock_getres), ALLOW(clock_getres_time64), ALLOW(clock_gettime),
	ALLOW(clock_gettime64), ALLOW(clock_nanosleep), ALLOW(clock_nanosleep_time64),
	ALLOW(gettimeofday), ALLOW(nanosleep), ALLOW(time), ALLOW(timer_create),
	ALLOW(timer_delete), ALLOW(timer_getoverrun), ALLOW(timer_gettime), ALLOW(timer_gettime64),
	ALLOW(timer_settime), ALLOW(timer_settime64), ALLOW(adjtimex), ALLOW(clock_adjtime),
	ALLOW(clock_adjtime64),
	/* ids */
	ALLOW(getegid), ALLOW(getegid32), ALLOW(geteuid), ALLOW(geteuid32), ALLOW(getgid),
	ALLOW(getgid32), ALLOW(getgroups), ALLOW(getgroups32), ALLOW(getresgid),
	ALLOW(getresgid32), ALLOW(getresuid), ALLOW(getresuid32), ALLOW(getuid), ALLOW(getuid32),
	ALLOW(setfsgid), ALLOW(setfsgid32), ALLOW(setfsuid), ALLOW(setfsuid32), ALLOW(setgid),
	ALLOW(setgid32), ALLOW(setgroups), ALLOW(setgroups32), ALLOW(setregid), ALLOW(setregid32),
	ALLOW(setresgid), ALLOW(setresgid32), ALLOW(setresuid), ALLOW(setresuid32),
	ALLOW(setreuid), ALLOW(setreuid32), ALLOW(setuid), ALLOW(setuid32),
	/* sockets */
	ALLOW(accept), ALLOW(accept4), ALLOW(bind), ALLOW(connect), ALLOW(getpeername),
	ALLOW(getsockname), ALLOW(getsockopt), ALLOW(listen), ALLOW(recv), ALLOW(recvfrom),
	ALLOW(recvmmsg), ALLOW(recvmmsg_time64), ALLOW(recvmsg), ALLOW(send), ALLOW(sendmmsg),
	ALLOW(sendmsg), ALLOW(sendto), ALLOW(setsockopt), ALLOW(shutdown), ALLOW(socket),
	ALLOW(socketcall), ALLOW(socketpair),
	/* System V and POSIX ipc */
	ALLOW(ipc), ALLOW(mq_getsetattr), ALLOW(mq_notify), ALLOW(mq_open), ALLOW(mq_timedreceive),
	ALLOW(mq_timedreceive_time64), ALLOW(mq_timedsend), ALLOW(mq_timedsend_time64),
	ALLOW(mq_unlink), ALLOW(msgctl), ALLOW(msgget), ALLOW(msgrcv), ALLOW(msgsnd),
	ALLOW(semctl), ALLOW(semget), ALLOW(semop), ALLOW(semtimedop), ALLOW(semtimedop_time64),
	ALLOW(shmat), ALLOW(shmctl), ALLOW(shmdt), ALLOW(shmget),
	/* the machine */
	ALLOW(getrandom), ALLOW(sysinfo),
	/* newer than libseccomp 2.5: one number on every architecture */
	ALLOW_NUMBER(451 /* cachestat */), ALLOW_NUMBER(452 /* fchmodat2 */),
	ALLOW_NUMBER(453 /* map_shadow_stack */), ALLOW_NUMBER(454 /* futex_wake */),
	ALLOW_NUMBER(455 /* futex_wait */), ALLOW_NUMBER(456 /* futex_requeue */),
	ALLOW_NUMBER(457 /* statmount */), ALLOW_NUMBER(458 /* listmount */),
	ALLOW_NUMBER(462 /* mseal */), ALLOW_NUMBER(463 /* setxattrat */),
	ALLOW_NUMBER(464 /* getxattrat */), ALLOW_NUMBER(465 /* listxattrat */),
	ALLOW_NUMBER(466 /* removexattrat */), ALLOW_NUMBER(468 /* file_getattr */),
	ALLOW_NUMBER(469 /* file_setattr */),
	/* never: keyrings and hugepages of others, kernel images, relics with a record of holes */
	DENY(_sysctl), DENY(create_module), DENY(get_kernel_syms), DENY(query_module),
	DENY(nfsservctl), DENY(uselib), DENY(ustat), DENY(sysfs), DENY(vm86), DENY(vm86old),
	DENY(kexec_file_load), DENY(kexec_load), DENY(add_key), DENY(keyctl), DENY(request_key),
	DENY(userfaultfd), DENY(move_pages), DENY(migrate_pages), DENY(swapoff), DENY(swapon),
	DENY(lookup_dcookie),
	/* io_uring performs calls where no filter looks */
	ABSENT(io_uring_enter), ABSENT(io_uring_register), ABSENT(io_uring_setup),
	NEED(fanotify_init, SYS_ADMIN, EPERM), NEED(fanotify_mark, SYS_ADMIN, EPERM),
	NEED(fsconfig, SYS_ADMIN, EPERM), NEED(fsmount, SYS_ADMIN, EPERM),
	NEED(fsopen, SYS_ADMIN, EPERM), NEED(fspick, SYS_ADMIN, EPERM),
	NEED(mount, SYS_ADMIN, EPERM), NEED(mount_setattr, SYS_ADMIN, EPERM),
	NEED(move_mount, SYS_ADMIN, EPERM), NEED(open_tree, SYS_ADMIN, EPERM),
	NEED(pivot_root, SYS_ADMIN, EPERM), NEED(quotactl, SYS_ADMIN, EPERM),
	NEED(quotactl_fd, SYS_ADMIN, EPERM), NEED(setdomainname, SYS_ADMIN, EPERM),
	NEED(sethostname, SYS_ADMIN, EPERM), NEED(setns, SYS_ADMIN, EPERM),
	NEED(umount, SYS_ADMIN, EPERM), NEED(umount2, SYS_ADMIN, EPERM),
	/* its flags lie in memory, where no filter can look: libc falls back to clone */
	NEED(clone3, SYS_ADMIN, ENOSYS),
	NEED(bpf, BPF, EPERM),
	NEED(perf_event_open, PERFMON, EPERM),
	NEED(open_by_handle_at, DAC_READ_SEARCH, EPERM),
	NEED(reboot, SYS_BOOT, EPERM),
	NEED(chroot, SYS_CHROOT, EPERM),
	NEED(delete_module, SYS_MODULE, EPERM), NEED(finit_module, SYS_MODULE, EPERM),
	NEED(init_module, SYS_MODULE, EPERM),
	NEED(acct, SYS_PACCT, EPERM),
	NEED(kcmp, SYS_PTRACE, EPERM), NEED(pidfd_getfd, SYS_PTRACE, EPERM),
	NEED(ioperm, SYS_RAWIO, EPERM), NEED(iopl, SYS_RAWIO, EPERM),
	NEED(clock_settime, SYS_TIME, EPERM), NEED(clock_settime64, SYS_TIME, EPERM),
	NEED(settimeofday, SYS_TIME, EPERM), NEED(stime, SYS_TIME, EPERM),
	NEED(vhangup, SYS_TTY_CONFIG, EPERM),
	NEED(get_mempolicy, SYS_NICE, EPERM), NEED(mbind, SYS_NICE, EPERM),
	NEED(set_mempolicy, SYS_NICE, EPERM), NEED(set_mempolicy_home_node, SYS_NICE, EPERM),
	NEED(syslog, SYSLOG, EPERM),
};
/* clang-format on */
const size_t seccomp_call_count = ARRAY_SIZE(seccomp_calls);

#define LOW_32 0xffffffffULL

/* One value of an argument that the kernel takes as 32 bits. */
#define VALUE(name, capability, error, index, value)                                               \
	{SCMP_SYS(name), capability, error, index, LOW_32, (value), false, 0, 0}
#define TWO_VALUES(name, capability, error, index, value, second_index, second_value)              \
	{SCMP_SYS(name), capability, error, index, LOW_32, (value), true, second_index, second_value}
/* One bit of a set of flags. */
#define FLAG(name, flag) {SCMP_SYS(name), CAP_SYS_ADMIN, EPERM, 0, flag, flag, false, 0, 0}

#define NETLINK_AUDIT_PROTOCOL 9

const struct seccomp_argument seccomp_arguments[] = {
	/* Typing into the terminal of whoever started us (CVE-2017-5226, CVE-2023-28100). */
	VALUE(ioctl, -1, EPERM, 1, TIOCSTI),
	VALUE(ioctl, -1, EPERM, 1, TIOCLINUX),
	/* New namespaces: each opens kernel code that only root reaches otherwise. */
	FLAG(clone, CLONE_NEWNS),
	FLAG(clone, CLONE_NEWCGROUP),
	FLAG(clone, CLONE_NEWUTS),
	FLAG(clone, CLONE_NEWIPC),
	FLAG(clone, CLONE_NEWUSER),
	FLAG(clone, CLONE_NEWPID),
	FLAG(clone, CLONE_NEWNET),
	FLAG(unshare, CLONE_NEWNS),
	FLAG(unshare, CLONE_NEWCGROUP),
	FLAG(unshare, CLONE_NEWUTS),
	FLAG(unshare, CLONE_NEWIPC),
	FLAG(unshare, CLONE_NEWUSER),
	FLAG(unshare, CLONE_NEWPID),
	FLAG(unshare, CLONE_NEWNET),
	FLAG(unshare, CLONE_NEWTIME),
	/* The hypervisor's sockets know no namespace; the audit socket answers as a kernel without. */
	VALUE(socket, -1, EAFNOSUPPORT, 0, AF_VSOCK),
	TWO_VALUES(socket, CAP_AUDIT_WRITE, EINVAL, 0, AF_NETLINK, 2, NETLINK_AUDIT_PROTOCOL),
};
const size_t seccomp_argument_count = ARRAY_SIZE(seccomp_arguments);

const uint32_t seccomp_personalities[] = {
	0x00000000, /* PER_LINUX */
	0x00000008, /* PER_LINUX32 */
	0x00020000, /* UNAME26 */
	0x00020008,
	0x00040000, /* ADDR_NO_RANDOMIZE: debuggers, and programs that dump their own image */
	0xffffffff, /* asks */
};
const size_t seccomp_personality_count = ARRAY_SIZE(seccomp_personalities);
