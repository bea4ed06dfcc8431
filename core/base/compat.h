/* SPDX-License-Identifier: Apache-2.0 */
/* What the build's headers may lack: numbers and structures of newer kernels.
 * The one place for such definitions. Numbers are the kernel's UAPI.
 */
#ifndef AMPHORA_BASE_COMPAT_H
#define AMPHORA_BASE_COMPAT_H

#include <linux/types.h>
#include <sys/syscall.h>

/* System calls from 424 up have one number on every architecture we build for. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#define SYS_fspick 433
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#ifndef SYS_lsm_get_self_attr
#define SYS_lsm_get_self_attr 459
#define SYS_lsm_set_self_attr 460
#define SYS_lsm_list_modules 461
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

/* openat2(2), Linux 5.6 */
struct amphora_open_how {
	__u64 flags;
	__u64 mode;
	__u64 resolve;
};
#ifndef RESOLVE_NO_XDEV
#define RESOLVE_NO_XDEV	      0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH	      0x08
#define RESOLVE_IN_ROOT	      0x10
#define RESOLVE_CACHED	      0x20
#endif

/* The mount API, Linux 5.2 (mount_setattr 5.12). Own names: glibc 2.36 has these in <sys/mount.h>, partly
 * as an enum, and that header and <linux/mount.h> exclude each other. */
struct amphora_mount_attr {
	__u64 attr_set;
	__u64 attr_clr;
	__u64 propagation;
	__u64 userns_fd;
};
#define AMPHORA_OPEN_TREE_CLONE	       0x00000001
#define AMPHORA_OPEN_TREE_CLOEXEC      02000000
#define AMPHORA_MOVE_MOUNT_F_EMPTY     0x00000004
#define AMPHORA_MOVE_MOUNT_T_EMPTY     0x00000040
#define AMPHORA_FSOPEN_CLOEXEC	       0x00000001
#define AMPHORA_FSMOUNT_CLOEXEC	       0x00000001
#define AMPHORA_FSCONFIG_SET_FLAG      0
#define AMPHORA_FSCONFIG_SET_STRING    1
#define AMPHORA_FSCONFIG_CMD_CREATE    6
#define AMPHORA_MOUNT_ATTR_RDONLY      0x00000001
#define AMPHORA_MOUNT_ATTR_NOSUID      0x00000002
#define AMPHORA_MOUNT_ATTR_NODEV       0x00000004
#define AMPHORA_MOUNT_ATTR_NOEXEC      0x00000008
#define AMPHORA_AT_RECURSIVE	       0x8000

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* Linux 5.6 */
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000 /* Linux 4.6 */
#endif

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#endif
