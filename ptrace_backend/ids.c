// SPDX-License-Identifier: Apache-2.0
/* The credential model: user and group ids, groups, capabilities and securebits of one thread.
 *
 * Theory of operation
 *
 * Each function is one system call of the kernel, on numbers instead of on a task. The order of
 * checks follows kernel/sys.c and security/commoncap.c of Linux 6.18, because programs that drop
 * privileges test that they can't get them back. Where kernels differ the newest counts:
 * setresuid() without effect leaves fsuid alone (6.1), and some securebits need no capability (6.14).
 * execve() is in ids_exec.c.
 *
 *   set*id()  --ids change-->  fix_capabilities(): the four rules of capabilities(7)
 *
 * tests/unit/test_credentials.c runs the same random calls on the kernel and compares.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "ptrace_backend/ids.h"

#define NO_UID ((uid_t)-1)
#define NO_GID ((gid_t)-1)
#define BIT64(n) (UINT64_C(1) << (n))

/* What setfsuid() gives and takes (CAP_FS_SET). */
#define FILE_CAPABILITIES                                                                          \
	(BIT64(CAP_CHOWN) | BIT64(CAP_MKNOD) | BIT64(CAP_DAC_OVERRIDE) |                           \
	 BIT64(CAP_DAC_READ_SEARCH) | BIT64(CAP_FOWNER) | BIT64(CAP_FSETID) |                      \
	 BIT64(CAP_LINUX_IMMUTABLE) | BIT64(CAP_MAC_OVERRIDE))

/* SECBIT_EXEC_RESTRICT_FILE and SECBIT_EXEC_DENY_INTERACTIVE, Linux 6.14; each lock is one bit
 * higher. */
#define UNPRIVILEGED_BITS  ((1u << 8) | (1u << 10))
#define UNPRIVILEGED_LOCKS (UNPRIVILEGED_BITS << 1)
#define ALL_BITS	   (SECURE_ALL_BITS | UNPRIVILEGED_BITS)
#define ALL_LOCKS	   (SECURE_ALL_LOCKS | UNPRIVILEGED_LOCKS)

static bool secure(const struct credentials *credentials, unsigned bit)
{
	return credentials->securebits & (1u << bit);
}

static bool is_subset(uint64_t set, uint64_t of)
{
	return !(set & ~of);
}

bool credentials_capable(const struct credentials *credentials, unsigned capability)
{
	return credentials->effective & BIT64(capability);
}

bool credentials_in_group(const struct credentials *credentials, gid_t gid)
{
	if (gid == credentials->fsgid)
		return true;
	for (uint32_t i = 0; i < credentials->group_count; i++)
		if (credentials->groups[i] == gid)
			return true;
	return false;
}

static int compare_groups(const void *left, const void *right)
{
	gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;

	return (a > b) - (a < b);
}

static void store_groups(struct credentials *credentials, const gid_t *groups, size_t count)
{
	if (count)
		memcpy(credentials->groups, groups, count * sizeof(*groups));
	qsort(credentials->groups, count, sizeof(*groups), compare_groups);
	credentials->group_count = (uint32_t)count;
}

void credentials_init(struct credentials *credentials, uid_t uid, gid_t gid, const gid_t *groups,
		      size_t group_count)
{
	*credentials = (struct credentials){
		.ruid = uid, .euid = uid, .suid = uid, .fsuid = uid,
		.rgid = gid, .egid = gid, .sgid = gid, .fsgid = gid,
		.bounding = CREDENTIALS_ALL_CAPABILITIES,
	};
	if (uid == 0)
		credentials->permitted = credentials->effective = CREDENTIALS_ALL_CAPABILITIES;
	if (group_count > CREDENTIALS_GROUPS_MAX)
		group_count = CREDENTIALS_GROUPS_MAX;
	store_groups(credentials, groups, group_count);
}

/* After setuid, setreuid and setresuid (cap_emulate_setxuid). */
static void fix_capabilities(struct credentials *to, const struct credentials *from)
{
	const uid_t root = to->root_uid;
	bool had_root = from->ruid == root || from->euid == root || from->suid == root;
	bool has_root = to->ruid == root || to->euid == root || to->suid == root;

	if (secure(to, SECURE_NO_SETUID_FIXUP))
		return;
	if (had_root && !has_root) {
		if (!secure(to, SECURE_KEEP_CAPS))
			to->permitted = to->effective = 0;
		to->ambient = 0;
	}
	if (from->euid == root && to->euid != root)
		to->effective = 0;
	if (from->euid != root && to->euid == root)
		to->effective = to->permitted;
}

int credentials_setuid(struct credentials *credentials, uid_t uid)
{
	struct credentials to = *credentials;

	if (uid == NO_UID)
		return -EINVAL;
	if (credentials_capable(credentials, CAP_SETUID))
		to.ruid = to.suid = uid;
	else if (uid != credentials->ruid && uid != credentials->suid)
		return -EPERM;
	to.euid = to.fsuid = uid;
	fix_capabilities(&to, credentials);
	*credentials = to;
	return 0;
}

int credentials_setreuid(struct credentials *credentials, uid_t ruid, uid_t euid)
{
	bool capable = credentials_capable(credentials, CAP_SETUID);
	struct credentials to = *credentials;

	if (ruid != NO_UID) {
		if (ruid != to.ruid && ruid != to.euid && !capable)
			return -EPERM;
		to.ruid = ruid;
	}
	if (euid != NO_UID) {
		if (euid != credentials->ruid && euid != to.euid && euid != to.suid && !capable)
			return -EPERM;
		to.euid = euid;
	}
	if (ruid != NO_UID || (euid != NO_UID && euid != credentials->ruid))
		to.suid = to.euid;
	to.fsuid = to.euid;
	fix_capabilities(&to, credentials);
	*credentials = to;
	return 0;
}

static bool is_own_uid(const struct credentials *credentials, uid_t uid)
{
	return uid == NO_UID || uid == credentials->ruid || uid == credentials->euid ||
	       uid == credentials->suid;
}

int credentials_setresuid(struct credentials *credentials, uid_t ruid, uid_t euid, uid_t suid)
{
	struct credentials to = *credentials;

	if ((ruid == NO_UID || ruid == to.ruid) &&
	    (euid == NO_UID || (euid == to.euid && euid == to.fsuid)) &&
	    (suid == NO_UID || suid == to.suid))
		return 0;
	if (!credentials_capable(credentials, CAP_SETUID) &&
	    !(is_own_uid(credentials, ruid) && is_own_uid(credentials, euid) &&
	      is_own_uid(credentials, suid)))
		return -EPERM;
	if (ruid != NO_UID)
		to.ruid = ruid;
	if (euid != NO_UID)
		to.euid = euid;
	if (suid != NO_UID)
		to.suid = suid;
	to.fsuid = to.euid;
	fix_capabilities(&to, credentials);
	*credentials = to;
	return 0;
}

uid_t credentials_setfsuid(struct credentials *credentials, uid_t uid)
{
	uid_t before = credentials->fsuid;

	if (uid == NO_UID || uid == before ||
	    (!is_own_uid(credentials, uid) && !credentials_capable(credentials, CAP_SETUID)))
		return before;
	credentials->fsuid = uid;
	if (!secure(credentials, SECURE_NO_SETUID_FIXUP)) {
		if (before == credentials->root_uid)
			credentials->effective &= ~FILE_CAPABILITIES;
		else if (uid == credentials->root_uid)
			credentials->effective |= credentials->permitted & FILE_CAPABILITIES;
	}
	return before;
}

int credentials_setgid(struct credentials *credentials, gid_t gid)
{
	if (gid == NO_GID)
		return -EINVAL;
	if (credentials_capable(credentials, CAP_SETGID))
		credentials->rgid = credentials->sgid = gid;
	else if (gid != credentials->rgid && gid != credentials->sgid)
		return -EPERM;
	credentials->egid = credentials->fsgid = gid;
	return 0;
}

int credentials_setregid(struct credentials *credentials, gid_t rgid, gid_t egid)
{
	bool capable = credentials_capable(credentials, CAP_SETGID);
	gid_t before = credentials->rgid;

	if (rgid != NO_GID && rgid != before && rgid != credentials->egid && !capable)
		return -EPERM;
	if (egid != NO_GID && egid != before && egid != credentials->egid &&
	    egid != credentials->sgid && !capable)
		return -EPERM;
	if (rgid != NO_GID)
		credentials->rgid = rgid;
	if (egid != NO_GID)
		credentials->egid = egid;
	if (rgid != NO_GID || (egid != NO_GID && egid != before))
		credentials->sgid = credentials->egid;
	credentials->fsgid = credentials->egid;
	return 0;
}

static bool is_own_gid(const struct credentials *credentials, gid_t gid)
{
	return gid == NO_GID || gid == credentials->rgid || gid == credentials->egid ||
	       gid == credentials->sgid;
}

int credentials_setresgid(struct credentials *credentials, gid_t rgid, gid_t egid, gid_t sgid)
{
	if ((rgid == NO_GID || rgid == credentials->rgid) &&
	    (egid == NO_GID || (egid == credentials->egid && egid == credentials->fsgid)) &&
	    (sgid == NO_GID || sgid == credentials->sgid))
		return 0;
	if (!credentials_capable(credentials, CAP_SETGID) &&
	    !(is_own_gid(credentials, rgid) && is_own_gid(credentials, egid) &&
	      is_own_gid(credentials, sgid)))
		return -EPERM;
	if (rgid != NO_GID)
		credentials->rgid = rgid;
	if (egid != NO_GID)
		credentials->egid = egid;
	if (sgid != NO_GID)
		credentials->sgid = sgid;
	credentials->fsgid = credentials->egid;
	return 0;
}

gid_t credentials_setfsgid(struct credentials *credentials, gid_t gid)
{
	gid_t before = credentials->fsgid;

	if (gid != NO_GID &&
	    (is_own_gid(credentials, gid) || credentials_capable(credentials, CAP_SETGID)))
		credentials->fsgid = gid;
	return before;
}

int credentials_setgroups(struct credentials *credentials, const gid_t *groups, size_t count)
{
	if (!credentials_capable(credentials, CAP_SETGID))
		return -EPERM;
	if (count > CREDENTIALS_GROUPS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (groups[i] == NO_GID)
			return -EINVAL;
	store_groups(credentials, groups, count);
	return 0;
}

int credentials_capset(struct credentials *credentials, uint64_t effective, uint64_t permitted,
		       uint64_t inheritable)
{
	effective &= CREDENTIALS_ALL_CAPABILITIES;
	permitted &= CREDENTIALS_ALL_CAPABILITIES;
	inheritable &= CREDENTIALS_ALL_CAPABILITIES;
	if (!credentials_capable(credentials, CAP_SETPCAP) &&
	    !is_subset(inheritable, credentials->inheritable | credentials->permitted))
		return -EPERM;
	if (!is_subset(inheritable, credentials->inheritable | credentials->bounding) ||
	    !is_subset(permitted, credentials->permitted) || !is_subset(effective, permitted))
		return -EPERM;
	credentials->effective = effective;
	credentials->permitted = permitted;
	credentials->inheritable = inheritable;
	credentials->ambient &= permitted & inheritable;
	return 0;
}

static long set_securebits(struct credentials *credentials, unsigned long bits)
{
	unsigned long old = credentials->securebits, changed = old ^ bits;

	if (((old & ALL_LOCKS) >> 1) & changed)
		return -EPERM;
	if ((old & ALL_LOCKS & ~bits) || (bits & ~(unsigned long)(ALL_LOCKS | ALL_BITS)))
		return -EPERM;
	/* Asking for no change needs the capability too. */
	if ((!changed || (changed & ~(unsigned long)(UNPRIVILEGED_BITS | UNPRIVILEGED_LOCKS))) &&
	    !credentials_capable(credentials, CAP_SETPCAP))
		return -EPERM;
	credentials->securebits = (uint32_t)bits;
	return 0;
}

static long change_ambient(struct credentials *credentials, unsigned long what,
			   unsigned long capability, unsigned long arg4, unsigned long arg5)
{
	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (capability || arg4 || arg5)
			return -EINVAL;
		credentials->ambient = 0;
		return 0;
	}
	if (capability > CAP_LAST_CAP || arg4 || arg5)
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return !!(credentials->ambient & BIT64(capability));
	case PR_CAP_AMBIENT_RAISE:
		if (!(credentials->permitted & credentials->inheritable & BIT64(capability)) ||
		    secure(credentials, SECURE_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		credentials->ambient |= BIT64(capability);
		return 0;
	case PR_CAP_AMBIENT_LOWER:
		credentials->ambient &= ~BIT64(capability);
		return 0;
	default:
		return -EINVAL;
	}
}

long credentials_prctl(struct credentials *credentials, int option, unsigned long arg2,
		       unsigned long arg3, unsigned long arg4, unsigned long arg5)
{
	switch (option) {
	case PR_GET_KEEPCAPS:
		return secure(credentials, SECURE_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		if (arg2 > 1)
			return -EINVAL;
		if (secure(credentials, SECURE_KEEP_CAPS_LOCKED))
			return -EPERM;
		credentials->securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
		if (arg2)
			credentials->securebits |= SECBIT_KEEP_CAPS;
		return 0;
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : !!(credentials->bounding & BIT64(arg2));
	case PR_CAPBSET_DROP:
		if (!credentials_capable(credentials, CAP_SETPCAP))
			return -EPERM;
		if (arg2 > CAP_LAST_CAP)
			return -EINVAL;
		credentials->bounding &= ~BIT64(arg2);
		return 0;
	case PR_GET_SECUREBITS:
		return credentials->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(credentials, arg2);
	case PR_CAP_AMBIENT:
		return change_ambient(credentials, arg2, arg3, arg4, arg5);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : credentials->no_new_privs;
	case PR_SET_NO_NEW_PRIVS:
		if (arg2 != 1 || arg3 || arg4 || arg5)
			return -EINVAL;
		credentials->no_new_privs = true;
		return 0;
	default:
		return -ENOSYS;
	}
}
