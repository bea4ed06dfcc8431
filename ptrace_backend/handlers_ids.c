// SPDX-License-Identifier: Apache-2.0
/* User and group ids, groups and capabilities with faked ids: answered from the model in ids.c. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/syscall_table.h"

static uint32_t argument32(const struct tracee *tracee, unsigned index)
{
	return (uint32_t)tracee_argument(tracee, index);
}

static int64_t answer_getuid(struct tracee *tracee)
{
	return user_ns_show_uid(tracee, tracee->credentials.ruid);
}

static int64_t answer_geteuid(struct tracee *tracee)
{
	return user_ns_show_uid(tracee, tracee->credentials.euid);
}

static int64_t answer_getgid(struct tracee *tracee)
{
	return user_ns_show_gid(tracee, tracee->credentials.rgid);
}

static int64_t answer_getegid(struct tracee *tracee)
{
	return user_ns_show_gid(tracee, tracee->credentials.egid);
}

/* An id argument in the container's own ids; (id_t)-1 stays. False: its user namespace has no such id. */
static bool take_uid(struct tracee *tracee, unsigned index, uid_t *ret_uid)
{
	uid_t uid = argument32(tracee, index);

	*ret_uid = uid == ID_NONE ? uid : user_ns_take_uid(tracee, uid);
	return uid == ID_NONE || *ret_uid != ID_NONE;
}

static bool take_gid(struct tracee *tracee, unsigned index, gid_t *ret_gid)
{
	gid_t gid = argument32(tracee, index);

	*ret_gid = gid == ID_NONE ? gid : user_ns_take_gid(tracee, gid);
	return gid == ID_NONE || *ret_gid != ID_NONE;
}

static int64_t answer_setuid(struct tracee *tracee)
{
	uid_t uid;

	return take_uid(tracee, 0, &uid) ? credentials_setuid(&tracee->credentials, uid) : -EINVAL;
}

static int64_t answer_setgid(struct tracee *tracee)
{
	gid_t gid;

	return take_gid(tracee, 0, &gid) ? credentials_setgid(&tracee->credentials, gid) : -EINVAL;
}

static int64_t answer_setreuid(struct tracee *tracee)
{
	uid_t real, effective;

	if (!take_uid(tracee, 0, &real) || !take_uid(tracee, 1, &effective))
		return -EINVAL;
	return credentials_setreuid(&tracee->credentials, real, effective);
}

static int64_t answer_setregid(struct tracee *tracee)
{
	gid_t real, effective;

	if (!take_gid(tracee, 0, &real) || !take_gid(tracee, 1, &effective))
		return -EINVAL;
	return credentials_setregid(&tracee->credentials, real, effective);
}

static int64_t answer_setresuid(struct tracee *tracee)
{
	uid_t real, effective, saved;

	if (!take_uid(tracee, 0, &real) || !take_uid(tracee, 1, &effective) ||
	    !take_uid(tracee, 2, &saved))
		return -EINVAL;
	return credentials_setresuid(&tracee->credentials, real, effective, saved);
}

static int64_t answer_setresgid(struct tracee *tracee)
{
	gid_t real, effective, saved;

	if (!take_gid(tracee, 0, &real) || !take_gid(tracee, 1, &effective) ||
	    !take_gid(tracee, 2, &saved))
		return -EINVAL;
	return credentials_setresgid(&tracee->credentials, real, effective, saved);
}

static int64_t answer_setfsuid(struct tracee *tracee)
{
	uid_t uid = ID_NONE;

	take_uid(tracee, 0, &uid);
	return user_ns_show_uid(tracee, credentials_setfsuid(&tracee->credentials, uid));
}

static int64_t answer_setfsgid(struct tracee *tracee)
{
	gid_t gid = ID_NONE;

	take_gid(tracee, 0, &gid);
	return user_ns_show_gid(tracee, credentials_setfsgid(&tracee->credentials, gid));
}

/* Three ids to three pointers, in the order of the arguments. */
static int64_t write_three(struct tracee *tracee, uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t ids[3] = { first, second, third };

	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
		if (layout_write_ids(tracee, tracee_argument(tracee, i), &ids[i], 1) < 0)
			return -EFAULT;
	return 0;
}

static int64_t answer_getresuid(struct tracee *tracee)
{
	const struct credentials *credentials = &tracee->credentials;

	return write_three(tracee, user_ns_show_uid(tracee, credentials->ruid),
			   user_ns_show_uid(tracee, credentials->euid),
			   user_ns_show_uid(tracee, credentials->suid));
}

static int64_t answer_getresgid(struct tracee *tracee)
{
	const struct credentials *credentials = &tracee->credentials;

	return write_three(tracee, user_ns_show_gid(tracee, credentials->rgid),
			   user_ns_show_gid(tracee, credentials->egid),
			   user_ns_show_gid(tracee, credentials->sgid));
}

static int64_t answer_getgroups(struct tracee *tracee)
{
	const struct credentials *credentials = &tracee->credentials;
	int size = (int)tracee_argument(tracee, 0);
	gid_t groups[CREDENTIALS_GROUPS_MAX];

	for (uint32_t i = 0; i < credentials->group_count; i++)
		groups[i] = user_ns_show_gid(tracee, credentials->groups[i]);
	if (size < 0 || (size > 0 && (uint32_t)size < credentials->group_count))
		return -EINVAL;
	if (size > 0 && credentials->group_count &&
	    layout_write_ids(tracee, tracee_argument(tracee, 1), groups,
			     credentials->group_count) < 0)
		return -EFAULT;
	return credentials->group_count;
}

static int64_t answer_setgroups(struct tracee *tracee)
{
	gid_t groups[CREDENTIALS_GROUPS_MAX];
	uint32_t count = argument32(tracee, 0);

	if (!credentials_capable(&tracee->credentials, CAP_SETGID) ||
	    !user_ns_allows_setgroups(tracee))
		return -EPERM;
	if (count > CREDENTIALS_GROUPS_MAX)
		return -EINVAL;
	if (count && layout_read_ids(tracee, tracee_argument(tracee, 1), groups, count) < 0)
		return -EFAULT;
	for (uint32_t i = 0; i < count; i++) {
		groups[i] = user_ns_take_gid(tracee, groups[i]);
		if (groups[i] == ID_NONE)
			return -EINVAL;
	}
	return credentials_setgroups(&tracee->credentials, groups, count);
}

/* How many data structures follow a capability header: -EINVAL and the kernel's own version
 * written into it when it is of no known version. */
static int read_capability_header(struct tracee *tracee, struct __user_cap_header_struct *header)
{
	uint64_t address = tracee_argument(tracee, 0);
	const uint32_t preferred = _LINUX_CAPABILITY_VERSION_3;

	if (tracee_read(tracee, address, &header->version, sizeof(header->version)) < 0)
		return -EFAULT;
	switch (header->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	default:
		if (tracee_write(tracee, address, &preferred, sizeof(preferred)) < 0)
			return -EFAULT;
		return -EINVAL;
	}
}

static int read_capability_pid(struct tracee *tracee, struct __user_cap_header_struct *header)
{
	uint64_t address = tracee_argument(tracee, 0) +
			   offsetof(struct __user_cap_header_struct, pid);

	return tracee_read(tracee, address, &header->pid, sizeof(header->pid));
}

static int64_t answer_capget(struct tracee *tracee)
{
	uint64_t address = tracee_argument(tracee, 1);
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
	const struct tracee *target = tracee;
	int count = read_capability_header(tracee, &header);

	if (!address && (count >= 0 || count == -EINVAL))
		return 0; /* asks for the version only */
	if (count < 0)
		return count;
	if (read_capability_pid(tracee, &header) < 0)
		return -EFAULT;
	if (header.pid < 0)
		return -EINVAL;
	if (header.pid != 0)
		target = tracer_find(tracee->tracer, header.pid);
	if (!target)
		return -ESRCH;
	for (int i = 0; i < count; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(target->credentials.effective >> (32 * i)),
			.permitted = (uint32_t)(target->credentials.permitted >> (32 * i)),
			.inheritable = (uint32_t)(target->credentials.inheritable >> (32 * i)),
		};
	return tracee_write(tracee, address, data, (size_t)count * sizeof(data[0]));
}

static int64_t answer_capset(struct tracee *tracee)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2] = { 0 };
	int count = read_capability_header(tracee, &header);

	if (count < 0)
		return count;
	if (read_capability_pid(tracee, &header) < 0)
		return -EFAULT;
	if (header.pid != 0 && header.pid != tracee->tid)
		return -EPERM;
	if (tracee_read(tracee, tracee_argument(tracee, 1), data,
			(size_t)count * sizeof(data[0])) < 0)
		return -EFAULT;
	return credentials_capset(&tracee->credentials,
				  data[0].effective | (uint64_t)data[1].effective << 32,
				  data[0].permitted | (uint64_t)data[1].permitted << 32,
				  data[0].inheritable | (uint64_t)data[1].inheritable << 32);
}

static int64_t (*const answers[])(struct tracee *) = {
	[SYS_getuid] = answer_getuid,
	[SYS_geteuid] = answer_geteuid,
	[SYS_getgid] = answer_getgid,
	[SYS_getegid] = answer_getegid,
	[SYS_setuid] = answer_setuid,
	[SYS_setgid] = answer_setgid,
	[SYS_setreuid] = answer_setreuid,
	[SYS_setregid] = answer_setregid,
	[SYS_setresuid] = answer_setresuid,
	[SYS_setresgid] = answer_setresgid,
	[SYS_setfsuid] = answer_setfsuid,
	[SYS_setfsgid] = answer_setfsgid,
	[SYS_getresuid] = answer_getresuid,
	[SYS_getresgid] = answer_getresgid,
	[SYS_getgroups] = answer_getgroups,
	[SYS_setgroups] = answer_setgroups,
	[SYS_capget] = answer_capget,
	[SYS_capset] = answer_capset,
};

enum verdict handle_ids(struct tracee *tracee, const struct syscall_row *row)
{
	if (!tracee->tracer->fake_ids || (size_t)row->number >= ARRAY_SIZE(answers) ||
	    !answers[row->number])
		return VERDICT_CONTINUE;
	return tracee_answer(tracee, answers[row->number](tracee));
}

enum verdict handle_prctl_ids(struct tracee *tracee, const struct syscall_row *row)
{
	long result;

	(void)row;
	if (!tracee->tracer->fake_ids)
		return VERDICT_CONTINUE;
	result = credentials_prctl(&tracee->credentials, (int)tracee_argument(tracee, 0),
				   tracee_argument(tracee, 1), tracee_argument(tracee, 2),
				   tracee_argument(tracee, 3), tracee_argument(tracee, 4));
	return result == -ENOSYS ? VERDICT_CONTINUE : tracee_answer(tracee, result);
}
