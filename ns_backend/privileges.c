// SPDX-License-Identifier: Apache-2.0
/* Giving up what the command may not have. Order matters:
 *
 *   resource limits (raising needs CAP_SYS_RESOURCE) -> bounding set (needs CAP_SETPCAP)
 *   -> groups, gid, uid (need CAP_SETGID, CAP_SETUID), capabilities kept across
 *   -> the other four sets -> no_new_privs -> seccomp
 *
 * With no_new_privs off the filter is loaded first, while CAP_SYS_ADMIN allows it; the profile permits
 * what comes after.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ns_backend/setup.h"

static const struct {
	int resource;
	const char *name;
} limit_names[] = {
	{RLIMIT_AS, "as"},	 {RLIMIT_CORE, "core"},	      {RLIMIT_CPU, "cpu"},
	{RLIMIT_DATA, "data"},	 {RLIMIT_FSIZE, "fsize"},     {RLIMIT_LOCKS, "locks"},
	{RLIMIT_MEMLOCK, "memlock"}, {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_NICE, "nice"},
	{RLIMIT_NOFILE, "nofile"}, {RLIMIT_NPROC, "nproc"},   {RLIMIT_RSS, "rss"},
	{RLIMIT_RTPRIO, "rtprio"}, {RLIMIT_RTTIME, "rttime"}, {RLIMIT_SIGPENDING, "sigpending"},
	{RLIMIT_STACK, "stack"},
};

static const char *limit_name(int resource)
{
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++)
		if (limit_names[i].resource == resource)
			return limit_names[i].name;
	return "?";
}

int privileges_set_limits(const struct plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->spec->rlimit_count; i++) {
		const struct rlimit_request *request = &plan->spec->rlimits[i];
		__rlimit_resource_t resource = (__rlimit_resource_t)request->resource;

		if (setrlimit(resource, &request->limit) == 0)
			continue;
		error_set(err, errno, "cannot set the resource limit %s",
			  limit_name(request->resource));
		error_hint(err, "A hard limit can only be raised with CAP_SYS_RESOURCE on the host");
		return err ? -err->code : -EPERM;
	}
	return 0;
}

static bool keeps(uint64_t capabilities, int capability)
{
	return capability < 64 && (capabilities >> capability & 1);
}

static int limit_bounding_set(uint64_t capabilities, struct error *err)
{
	for (int capability = 0; capability < (int)cap_max_bits(); capability++) {
		if (keeps(capabilities, capability) || cap_get_bound(capability) != 1)
			continue;
		if (cap_drop_bound(capability) < 0)
			return error_set(err, errno, "cannot drop capability %d", capability);
	}
	return 0;
}

/* Sets permitted and effective to `usable`, inheritable to `inherited`. */
static int set_capabilities(uint64_t usable, uint64_t inherited, struct error *err)
{
	cap_t current = cap_get_proc(), wanted = cap_init();
	int result = current && wanted ? 0 : -ENOMEM;

	for (cap_value_t value = 0; !result && value < (int)cap_max_bits(); value++) {
		cap_flag_value_t have = CAP_CLEAR;

		/* What we were never given can't be kept. */
		cap_get_flag(current, value, CAP_PERMITTED, &have);
		if (have != CAP_SET)
			continue;
		if (keeps(usable, value)) {
			cap_set_flag(wanted, CAP_PERMITTED, 1, &value, CAP_SET);
			cap_set_flag(wanted, CAP_EFFECTIVE, 1, &value, CAP_SET);
		}
		if (keeps(inherited, value))
			cap_set_flag(wanted, CAP_INHERITABLE, 1, &value, CAP_SET);
	}
	if (!result && cap_set_proc(wanted) < 0)
		result = -errno;
	cap_free(current);
	cap_free(wanted);
	return result < 0 ? error_set(err, -result, "cannot set capabilities") : 0;
}

/* A capability given by name to a user who isn't root survives execve only as an ambient one. */
static int raise_ambient(uint64_t capabilities, struct error *err)
{
	for (int capability = 0; capability < (int)cap_max_bits(); capability++)
		if (keeps(capabilities, capability) && cap_set_ambient(capability, CAP_SET) < 0 &&
		    errno != EPERM)
			return error_set(err, errno, "cannot keep capability %d", capability);
	return 0;
}

static int take_groups(const struct ns_setup *setup, struct error *err)
{
	const struct backend_context *context = setup->context;

	if (setgroups(context->group_count, context->groups) == 0)
		return 0;
	/* With one id mapped the kernel denies setgroups for good; the host's groups stay and look
	 * like nogroup inside. */
	if (errno == EPERM && setup->plan->clone_flags & CLONE_NEWUSER) {
		log_debug("supplementary groups are left as they are");
		return 0;
	}
	error_set(err, errno, "cannot set the supplementary groups");
	error_hint(err, "A group of this user may lie outside the mapped ids; give -u USER:GROUP");
	return err ? -err->code : -EPERM;
}

static int take_ids(const struct ns_setup *setup, struct error *err)
{
	const struct backend_context *context = setup->context;
	int result;

	if (!ids_uid_mapped(setup->plan, context->uid) ||
	    !ids_gid_mapped(setup->plan, context->gid)) {
		error_plain(err, "user %u:%u does not exist inside: only the mapped ids do",
			    (unsigned)context->uid, (unsigned)context->gid);
		error_hint(err, "Ranges in /etc/subuid and /etc/subgid, with the package uidmap, "
				"give more ids");
		return -EINVAL;
	}
	result = take_groups(setup, err);
	if (result < 0)
		return result;
	if (setresgid(context->gid, context->gid, context->gid) < 0)
		return error_set(err, errno, "cannot become group %u", (unsigned)context->gid);
	if (setresuid(context->uid, context->uid, context->uid) < 0)
		return error_set(err, errno, "cannot become user %u", (unsigned)context->uid);
	return 0;
}

static int load_profile(const struct ns_setup *setup, struct error *err)
{
	int result;

	if (!setup->plan->seccomp_profile)
		return 0;
	result = child_wait_go(setup, GO_PROFILE_READY, err);
	if (result < 0)
		return result;
	result = setup->shared->profile_result;
	if (!result)
		result = seccomp_profile_load(&setup->shared->profile);
	if (result < 0) {
		error_set(err, -result, "cannot load the system-call profile");
		error_hint(err, "--security-opt seccomp=unconfined runs without it");
	}
	return result;
}

static int drop_sets(const struct ns_setup *setup, struct error *err)
{
	const struct plan *plan = setup->plan;
	uint64_t named = plan->capabilities & plan->spec->capabilities_add;
	bool root = setup->context->uid == 0;
	int result;

	cap_reset_ambient(); /* EINVAL before Linux 4.3, which has no such set */
	result = limit_bounding_set(plan->capabilities, err);
	if (!result && prctl(PR_SET_KEEPCAPS, 1) < 0)
		result = error_set(err, errno, "cannot keep capabilities over a change of user");
	if (!result)
		result = take_ids(setup, err);
	if (!result)
		result = set_capabilities(root ? plan->capabilities : named, root ? 0 : named, err);
	if (!result && !root)
		result = raise_ambient(named, err);
	return result;
}

int privileges_drop(const struct ns_setup *setup, struct error *err)
{
	bool no_new_privs = setup->plan->no_new_privs;
	int result = 0;

	if (!no_new_privs)
		result = load_profile(setup, err);
	if (!result)
		result = drop_sets(setup, err);
	if (!result && no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		result = error_set(err, errno, "cannot set no_new_privs");
	/* A change of user has cleared it. */
	if (!result && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result = error_set(err, errno, "cannot tie the container to its monitor");
	if (!result && no_new_privs)
		result = load_profile(setup, err);
	return result;
}

int privileges_drop_init(struct error *err)
{
	uint64_t kill_only = 1ull << CAP_KILL;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	cap_reset_ambient();
	return set_capabilities(kill_only, 0, err);
}
