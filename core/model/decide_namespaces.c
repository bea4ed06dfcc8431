// SPDX-License-Identifier: Apache-2.0
/* Every namespace but mount and user: each is optional, each has its own facet. */
#include <sched.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/model/decision.h"

/* How a facet is met with its namespace, without it, and under path translation. */
static const struct namespace_facet {
	enum facet facet;
	uint64_t flag;
	enum fact_id in_userns, in_userns_too, as_root;
	enum mechanism with, without, translated;
	enum strength translated_strength;
} namespace_facets[] = {
	{FACET_PROCESSES, CLONE_NEWPID, FACT_ID_USERNS_PID, FACT_ID_USERNS_PROC, FACT_ID_ROOT_PID,
	 MECHANISM_PID_NAMESPACE, MECHANISM_HOST_PROCESSES, MECHANISM_FILTERED_PROC,
	 STRENGTH_EMULATED},
	{FACET_HOSTNAME, CLONE_NEWUTS, FACT_ID_USERNS_UTS, FACT_ID_COUNT, FACT_ID_ROOT_UTS,
	 MECHANISM_NAMESPACE, MECHANISM_HOST, MECHANISM_EMULATED, STRENGTH_EMULATED},
	{FACET_IPC, CLONE_NEWIPC, FACT_ID_USERNS_IPC, FACT_ID_COUNT, FACT_ID_ROOT_IPC,
	 MECHANISM_NAMESPACE, MECHANISM_HOST, MECHANISM_HOST, STRENGTH_NONE},
	{FACET_CGROUP_VIEW, CLONE_NEWCGROUP, FACT_ID_USERNS_CGROUP, FACT_ID_COUNT,
	 FACT_ID_ROOT_CGROUP, MECHANISM_NAMESPACE, MECHANISM_HOST, MECHANISM_HOST, STRENGTH_NONE},
	{FACET_TIME, CLONE_NEWTIME, FACT_ID_USERNS_TIME, FACT_ID_COUNT, FACT_ID_ROOT_TIME,
	 MECHANISM_NAMESPACE, MECHANISM_HOST, MECHANISM_HOST, STRENGTH_NONE},
};

/* The fact that refuses this namespace, or FACT_ID_COUNT. */
static enum fact_id culprit(const struct decision *decision, enum fact_id in_userns,
			    enum fact_id in_userns_too, enum fact_id as_root)
{
	enum fact_id first = decision->as_root ? as_root : in_userns;

	if (!decision_works(decision, first))
		return first;
	if (!decision->as_root && in_userns_too != FACT_ID_COUNT &&
	    !decision_works(decision, in_userns_too))
		return in_userns_too;
	return FACT_ID_COUNT;
}

static void decide_namespace(struct decision *decision, const struct namespace_facet *row)
{
	enum fact_id refused_by;

	if (!decision_is_ns(decision)) {
		if (row->facet == FACET_IPC && decide_sysvipc(decision))
			decision_choose(decision, FACET_IPC, MECHANISM_EMULATED, STRENGTH_EMULATED);
		else
			decision_choose(decision, row->facet, row->translated,
					row->translated_strength);
		decision_refuse_ns(decision, row->facet, row->with);
		return;
	}
	refused_by = culprit(decision, row->in_userns, row->in_userns_too, row->as_root);
	if (refused_by == FACT_ID_COUNT) {
		decision_choose(decision, row->facet, row->with, STRENGTH_ENFORCED);
		decision->plan->clone_flags |= row->flag;
		return;
	}
	decision_choose(decision, row->facet, row->without, STRENGTH_NONE);
	decision_refuse_fact(decision, row->facet, row->with, refused_by);
}

/* A hint at path translation, where that would work. */
static const char *if_ptrace(const struct decision *decision, const char *hint)
{
	return decision_works(decision, FACT_ID_PTRACE) &&
			       decision_works(decision, FACT_ID_SECCOMP_FILTER) ?
		       hint :
		       "";
}

static void choose_host_network(struct decision *decision, const char *why)
{
	decision_choose(decision, FACET_NETWORK, MECHANISM_HOST_NETWORK, STRENGTH_NONE);
	decision_refuse(decision, FACET_NETWORK, MECHANISM_NET_NAMESPACE, FACT_ID_COUNT, "%s", why);
}

static void decide_no_network(struct decision *decision)
{
	struct plan *plan = decision->plan;
	enum fact_id refused_by;
	char reason[FACT_TEXT_SIZE];

	if (!decision_is_ns(decision)) {
		decision_choose(decision, FACET_NETWORK, MECHANISM_SOCKET_FILTER, STRENGTH_ENFORCED);
		decision_refuse_ns(decision, FACET_NETWORK, MECHANISM_NET_NAMESPACE);
		decision_note(decision, FACET_NETWORK, "unix sockets only, no loopback");
		plan->deny_network = true;
		return;
	}
	refused_by = culprit(decision, FACT_ID_USERNS_NET, FACT_ID_COUNT, FACT_ID_ROOT_NET);
	if (refused_by == FACT_ID_COUNT) {
		decision_choose(decision, FACET_NETWORK, MECHANISM_NET_NAMESPACE, STRENGTH_ENFORCED);
		plan->clone_flags |= CLONE_NEWNET;
		return;
	}
	decision_choose(decision, FACET_NETWORK, MECHANISM_HOST_NETWORK, STRENGTH_NONE);
	decision_refuse_fact(decision, FACET_NETWORK, MECHANISM_NET_NAMESPACE, refused_by);
	decision_unmet(decision, FACET_NETWORK,
		       if_ptrace(decision, "--backend ptrace refuses sockets by a filter"),
		       "--network none needs a network namespace: %s",
		       fact_reason(decision->facts, refused_by, reason, sizeof(reason)));
}

static void decide_network(struct decision *decision)
{
	const struct net_request *net = &decision->spec->net;

	switch (net->mode) {
	case NET_MODE_NONE:
		decide_no_network(decision);
		break;
	case NET_MODE_NAT:
		choose_host_network(decision, "nat is not built yet");
		decision_unmet(decision, FACET_NETWORK, "Use --network host or --network none",
			       "nat is not built yet");
		break;
	case NET_MODE_HOST:
		choose_host_network(decision, "the host's network was asked for");
		break;
	}
	if (net->port_count > 0)
		decision_unmet(decision, FACET_NETWORK,
			       "With --network host a server in the guest listens on the host itself",
			       "ports can't be published: nat is not built yet");
}

/* "host": what the machine calls itself; a name asked for can't be given then. */
static void decide_hostname(struct decision *decision)
{
	const struct spec *spec = decision->spec;
	const struct plan_facet *facet = &decision->plan->facets[FACET_HOSTNAME];
	const char *name = spec->hostname;

	if (!name && spec->name && spec_hostname_is_valid(spec->name))
		name = spec->name;
	if (!name && decision->host->hostname && spec_hostname_is_valid(decision->host->hostname))
		name = decision->host->hostname;
	if (spec->bare && !spec->hostname)
		name = decision->host->machine_hostname;
	if (facet->mechanism == MECHANISM_HOST) {
		if (spec->hostname)
			decision_unmet(decision, FACET_HOSTNAME,
				       if_ptrace(decision,
						 "--backend ptrace gives the guest its own name"),
				       "--hostname %s needs a uts namespace: %s", spec->hostname,
				       facet->refusals[0].reason);
		if (decision->host->machine_hostname)
			name = decision->host->machine_hostname;
	}
	decision->plan->hostname = name ? name : "amphora";
}

/* PID 1 reaps what the container's processes leave behind, unless the command is made for that. */
static const char *const inits[] = {
	"init",	    "systemd", "openrc-init", "runit", "runit-init", "s6-svscan",
	"dinit",    "tini",    "dumb-init",   "catatonit", "docker-init",
};

static bool is_init(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *name = slash ? slash + 1 : command;

	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (strcmp(name, inits[i]) == 0)
			return true;
	return false;
}

static void decide_init(struct decision *decision)
{
	const struct spec_process *process = &decision->spec->process;
	const struct plan_facet *facet = &decision->plan->facets[FACET_PROCESSES];
	bool command_is_init = process->argc > 0 && is_init(process->argv[0]);

	if (facet->mechanism == MECHANISM_PID_NAMESPACE)
		decision->plan->pid1_init = process->init || !command_is_init;
	else if (facet->mechanism == MECHANISM_HOST_PROCESSES && process->init)
		decision_unmet(decision, FACET_PROCESSES, "Leave out --init",
			       "--init needs a PID namespace: %s", facet->refusals[0].reason);
}

void decide_namespaces(struct decision *decision)
{
	struct plan *plan = decision->plan;

	if (decision_is_ns(decision))
		plan->clone_flags = CLONE_NEWNS | (decision->as_root ? 0 : CLONE_NEWUSER);
	for (size_t i = 0; i < ARRAY_SIZE(namespace_facets); i++)
		decide_namespace(decision, &namespace_facets[i]);
	if (plan->facets[FACET_PROCESSES].mechanism == MECHANISM_HOST_PROCESSES) {
		decision_note(decision, FACET_PROCESSES,
			      "the guest sees the machine's processes and can signal its user's");
		/* ptrace access, which guards /proc/PID/root, asks for the same uid and for
		 * capabilities that include the target's. A user namespace closes that. */
		if (decision->as_root)
			decision_note(decision, FACET_BOUNDARY,
				      "no user or PID namespace: a machine's process that runs as root "
				      "with no more capabilities than the guest's can be entered "
				      "through /proc");
	}
	if (decision_is_ns(decision))
		decide_sysvipc(decision);
	decide_network(decision);
	decide_hostname(decision);
	decide_init(decision);
}
