// SPDX-License-Identifier: Apache-2.0
/* The credential model's execve: set-id bits and file capabilities.
 *
 * Theory of operation
 *
 *   set-id bits, unless no_new_privs or nosuid        euid, egid
 *   security.capability, unless nosuid                pP' = (X & fP) | (pI & fI), fE; EPERM when fE and fP isn't had
 *   root, by euid or uid                              pP' = X | pI, fE: what a set-user-ID root program gets, unless
 *                                                     the file has capabilities, which then are all it gets
 *   no_new_privs, or unsafe, and something gained     no more than before
 *   file capabilities, or another euid or egid        pA' = 0
 *   pP' |= pA', pE' = fE ? pP' : pA'
 *
 * The order follows security/commoncap.c of Linux 6.18: ambient capabilities are forgotten when euid changes, not
 * when it differs from uid (6.16). tests/unit/test_credentials.c executes random programs and compares.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>

#include "ptrace_backend/ids.h"

#define CAPABILITY_BITS CREDENTIALS_ALL_CAPABILITIES

static uint32_t word(const unsigned char *value, unsigned index)
{
	value += 4 * index;
	return value[0] | (uint32_t)value[1] << 8 | (uint32_t)value[2] << 16 | (uint32_t)value[3] << 24;
}

int file_capabilities_parse(const void *value, size_t size, struct file_capabilities *ret)
{
	struct file_capabilities found = { .present = true };
	const unsigned char *bytes = value;
	size_t expected;

	if (size < sizeof(uint32_t))
		return -EINVAL;
	switch (word(bytes, 0) & VFS_CAP_REVISION_MASK) {
	case VFS_CAP_REVISION_1:
		expected = XATTR_CAPS_SZ_1;
		break;
	case VFS_CAP_REVISION_2:
		expected = XATTR_CAPS_SZ_2;
		break;
	case VFS_CAP_REVISION_3:
		expected = XATTR_CAPS_SZ_3;
		break;
	default:
		return -EINVAL;
	}
	if (size != expected)
		return -EINVAL;
	found.effective = word(bytes, 0) & VFS_CAP_FLAGS_EFFECTIVE;
	found.permitted = word(bytes, 1);
	found.inheritable = word(bytes, 2);
	if (size > XATTR_CAPS_SZ_1) {
		found.permitted |= (uint64_t)word(bytes, 3) << 32;
		found.inheritable |= (uint64_t)word(bytes, 4) << 32;
	}
	if (size == XATTR_CAPS_SZ_3)
		found.root_uid = word(bytes, 5);
	found.permitted &= CAPABILITY_BITS;
	found.inheritable &= CAPABILITY_BITS;
	*ret = found;
	return 0;
}

static bool is_subset(uint64_t set, uint64_t of)
{
	return !(set & ~of);
}

static void take_ids(struct credentials *to, const struct exec_program *program)
{
	if (to->no_new_privs || program->nosuid || program->unmapped)
		return;
	if (program->mode & S_ISUID)
		to->euid = program->owner;
	if ((program->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		to->egid = program->group;
}

/* What the file's capabilities give. */
static int take_capabilities(struct credentials *to, const struct exec_program *program, bool *ret_effective)
{
	const struct file_capabilities *file = &program->capabilities;

	to->permitted = 0;
	*ret_effective = false;
	if (program->nosuid || !file->present)
		return 0;
	to->permitted = (to->bounding & file->permitted) | (to->inheritable & file->inheritable);
	*ret_effective = file->effective;
	return file->effective && !is_subset(file->permitted, to->permitted) ? -EPERM : 0;
}

/* What root gets of any program. */
static void take_root(struct credentials *to, bool has_file_capabilities, bool *effective)
{
	bool is_effective = to->euid == to->root_uid, is_real = to->ruid == to->root_uid;

	if ((to->securebits & SECBIT_NOROOT) || (has_file_capabilities && is_effective && !is_real))
		return;
	if (is_effective || is_real)
		to->permitted = to->bounding | to->inheritable;
	if (is_effective)
		*effective = true;
}

int credentials_exec(struct credentials *credentials, const struct exec_program *program, bool *ret_secure)
{
	const struct credentials old = *credentials;
	bool has_file_capabilities = program->capabilities.present && !program->nosuid;
	struct credentials to = old;
	bool effective, id_changed;
	int error;

	take_ids(&to, program);
	error = take_capabilities(&to, program, &effective);
	if (error)
		return error;
	take_root(&to, has_file_capabilities, &effective);

	id_changed = to.euid != old.euid || !credentials_in_group(&old, to.egid);
	if ((id_changed || !is_subset(to.permitted, old.permitted)) && (old.no_new_privs || program->unsafe)) {
		if (old.no_new_privs || !credentials_capable(&old, CAP_SETUID)) {
			to.euid = to.ruid;
			to.egid = to.rgid;
		}
		to.permitted &= old.permitted;
	}
	to.suid = to.fsuid = to.euid;
	to.sgid = to.fsgid = to.egid;
	if (has_file_capabilities || id_changed)
		to.ambient = 0;
	to.permitted |= to.ambient;
	to.effective = effective ? to.permitted : to.ambient;
	to.securebits &= ~(uint32_t)SECBIT_KEEP_CAPS;
	*ret_secure = id_changed || to.euid != old.ruid || to.egid != old.rgid ||
		      (to.ruid != to.root_uid && (effective || !is_subset(to.permitted, to.ambient)));
	*credentials = to;
	return 0;
}
