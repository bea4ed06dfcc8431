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
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/cleanup.h"
#include "core/arch/compat.h"
#include "ns_backend/profile_rows.h"
#include "ns_backend/seccomp_table.h"

#define NUMBER(name) SCMP_SYS(name)
const struct seccomp_call seccomp_calls[] = {
#include "ns_backend/profile.def"
};
const size_t seccomp_call_count = ARRAY_SIZE(seccomp_calls);

#define LOW_32 0xffffffffULL

enum {
#define CALL(number, name)		  COMPAT_##name = (number),
#define CALL_AS(number, name, row, shape) COMPAT_##name = (number),
#define CALL_HIGH(number, name)
#include COMPAT_CALLS_FILE
#undef CALL
#undef CALL_AS
#undef CALL_HIGH
};

/* One value of an argument that the kernel takes as 32 bits. */
#define VALUE(name, capability, error, index, value)                                               \
	{SCMP_SYS(name), COMPAT_##name, capability, error, index, LOW_32, (value), false, 0, 0}
#define TWO_VALUES(name, capability, error, index, value, second_index, second_value)              \
	{SCMP_SYS(name), COMPAT_##name, capability, error, index, LOW_32, (value), true, second_index, second_value}
/* One bit of a set of flags. */
#define FLAG(name, flag) {SCMP_SYS(name), COMPAT_##name, CAP_SYS_ADMIN, EPERM, 0, flag, flag, false, 0, 0}

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
	/* A 32-bit program that goes by socketcall(2) keeps its arguments in memory, out of a filter's
	 * sight, and its C library has no other way: there this row refuses nothing.
	 * The hypervisor's sockets know no namespace; the audit socket answers as a kernel without. */
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
