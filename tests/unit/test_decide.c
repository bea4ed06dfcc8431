// SPDX-License-Identifier: Apache-2.0
/* decide(): what each kind of machine must get, and what holds on any machine. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/model/plan.h"
#include "tests/unit/decide_requests.h"
#include "tests/unit/machines.h"

/* Short names, so that the tables below fit a screen. */
enum {
	NOTHING = MECHANISM_NOT_CHOSEN,
	MOUNTNS = MECHANISM_MOUNT_NAMESPACE,
	PATHS = MECHANISM_PATH_TRANSLATION,
	SPACES = MECHANISM_NAMESPACES,
	LANDL = MECHANISM_LANDLOCK,
	OPEN = MECHANISM_NO_BOUNDARY,
	OVERLAY = MECHANISM_KERNEL_OVERLAY,
	RO_ROOT = MECHANISM_READ_ONLY_ROOT,
	ROOT = MECHANISM_REAL_ROOT,
	RANGE = MECHANISM_SUBORDINATE_IDS,
	ONE = MECHANISM_ONE_ID,
	FAKED = MECHANISM_FAKED_IDS,
	PIDNS = MECHANISM_PID_NAMESPACE,
	FILTERED = MECHANISM_FILTERED_PROC,
	HOSTPROC = MECHANISM_HOST_PROCESSES,
	NETNS = MECHANISM_NET_NAMESPACE,
	SOCKETS = MECHANISM_SOCKET_FILTER,
	HOSTNET = MECHANISM_HOST_NETWORK,
	OWN = MECHANISM_NAMESPACE,
	EMUL = MECHANISM_EMULATED,
	HOST = MECHANISM_HOST,
	CAPS = MECHANISM_CAPS_AND_SECCOMP,
	NNP = MECHANISM_NO_NEW_PRIVS,
	REFUSED = -1, /* exit 125 */
};

/* clang-format off */
static const struct machine {
	const char *name;
	const struct facts *facts;
	/* amphora run --rootfs /srv/debian true */
	int files, boundary, ids, processes, hostname, ipc, cgroup, time, privileges;
	int host_layer;	 /* the layer of: amphora run host */
	int no_network;	 /* the network of: --network none */
	int is_volatile; /* the layer of: --volatile */
} machines[] = {
/*                                                     files    boundary ids     processes hostname ipc     cgroup   time     privil.  image    network  --vola-
 *                                                                                                                                     host     none     tile   */
{"server, root",            &machine_server_root,      MOUNTNS, SPACES,  ROOT,   PIDNS,    OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"server, plain user",      &machine_server_user,      MOUNTNS, SPACES,  RANGE,  PIDNS,    OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"user without newuidmap",  &machine_user_without_newuidmap, MOUNTNS, SPACES, ONE, PIDNS,  OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"userns off by sysctl",    &machine_userns_off,       PATHS,   LANDL,   FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Ubuntu 24.04 AppArmor",   &machine_ubuntu_2404,      PATHS,   LANDL,   FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Android 10 app",          &machine_android_10_app,   PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    EMUL,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Android 12 app",          &machine_android_12_app,   PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    EMUL,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Android 14 app",          &machine_android_14_app,   PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    EMUL,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Android 15 app",          &machine_android_15_app,   PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    EMUL,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"adb shell",               &machine_adb_shell,        PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    EMUL,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"rooted stock GKI",        &machine_rooted_stock_gki, MOUNTNS, SPACES,  ROOT,   HOSTPROC, OWN,     HOST,    OWN,     OWN,     CAPS,    RO_ROOT, NETNS,   REFUSED},
{"rooted custom kernel",    &machine_rooted_custom,    MOUNTNS, SPACES,  ROOT,   PIDNS,    OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"root that can't mount",   &machine_rooted_no_mount,  PATHS,   OPEN,    ROOT,   FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"SELinux denies userns",   &machine_selinux_denies,   PATHS,   LANDL,   FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"HPC node, noexec NFS",    &machine_hpc_node,         PATHS,   LANDL,   FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"Landlock ABI 1",          &machine_landlock_1,       PATHS,   OPEN,    FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"root in docker",          &machine_docker_root,      PATHS,   LANDL,   FAKED,  FILTERED, EMUL,    HOST,    HOST,    HOST,    NNP,     RO_ROOT, SOCKETS, REFUSED},
{"covered /proc",           &machine_masked_proc,      MOUNTNS, SPACES,  ONE,    HOSTPROC, OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"root that needs userns",  &machine_root_needs_userns, MOUNTNS, SPACES, ONE,    PIDNS,    OWN,     OWN,     OWN,     OWN,     CAPS,    OVERLAY, NETNS,   OVERLAY},
{"container, no ptrace",    &machine_container_without_ptrace,
                                                       REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED},
{"nothing works",           &machine_nothing_works,    REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED},
};
/* clang-format on */

/* The facet's mechanism, or REFUSED when decide() failed. */
static int facet_of(void *parent, const struct spec *spec, const struct facts *facts,
		    enum facet facet)
{
	struct plan *plan;

	if (decide(parent, spec, facts, &host, &plan, NULL) < 0)
		return REFUSED;
	return (int)plan->facets[facet].mechanism;
}

static const char *name_of(int mechanism)
{
	return mechanism == REFUSED ? "refused" : mechanism_name((enum mechanism)mechanism);
}

static void expect(const char *machine, const char *what, int got, int wanted)
{
	if (got != wanted)
		fail_msg("%s: %s is %s, not %s", machine, what, name_of(got), name_of(wanted));
}

static void each_machine_gets_what_it_can_give(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct machine *machine = &machines[i];
		const struct {
			enum facet facet;
			int wanted;
		} row[] = {
			{FACET_FILES, machine->files},	     {FACET_BOUNDARY, machine->boundary},
			{FACET_IDS, machine->ids},	     {FACET_PROCESSES, machine->processes},
			{FACET_HOSTNAME, machine->hostname}, {FACET_IPC, machine->ipc},
			{FACET_CGROUP_VIEW, machine->cgroup}, {FACET_TIME, machine->time},
			{FACET_PRIVILEGES, machine->privileges},
		};
		void *t = talloc_new(NULL);
		struct spec *spec = debian(t);

		for (size_t k = 0; k < ARRAY_SIZE(row); k++)
			expect(machine->name, facet_name(row[k].facet),
			       facet_of(t, spec, machine->facts, row[k].facet), row[k].wanted);
		expect(machine->name, "layer of host",
		       facet_of(t, host_image(t), machine->facts, FACET_LAYER),
		       machine->host_layer);
		spec->net.mode = NET_MODE_NONE;
		expect(machine->name, "network none",
		       facet_of(t, spec, machine->facts, FACET_NETWORK), machine->no_network);
		spec->net.mode = NET_MODE_HOST;
		spec->is_volatile = true;
		expect(machine->name, "layer of --volatile",
		       facet_of(t, spec, machine->facts, FACET_LAYER), machine->is_volatile);
		talloc_free(t);
	}
}

/* One request on one machine and the refusal it must get, to the letter. */
static void expect_refusal(const struct spec *spec, const struct facts *facts, const char *message)
{
	struct error err = ERROR_INIT;
	char line[1024];
	void *t = talloc_new(NULL);
	struct plan *plan;

	assert_true(decide(t, spec, facts, &host, &plan, &err) < 0);
	assert_non_null(plan);
	err.hint[0] = '\0';
	assert_string_equal(error_format(&err, line, sizeof(line)), message);
	assert_int_equal(err.exit_code, EXIT_AMPHORA);
	talloc_free(t);
}

static void a_refusal_names_the_facet_and_the_fact(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct spec *plain = debian(t);

	(void)state;
	spec->backend = BACKEND_NS;
	expect_refusal(spec, &machine_userns_off,
		       "facet files: mount namespace refused: user.max_user_namespaces = 0 (sysctl)");
	expect_refusal(spec, &machine_ubuntu_2404,
		       "facet files: mount namespace refused: "
		       "kernel.apparmor_restrict_unprivileged_userns = 1 (sysctl)");
	expect_refusal(spec, &machine_rooted_no_mount,
		       "facet files: mount namespace refused: mount is denied by SELinux; in a user "
		       "namespace: the kernel was built without user namespaces");
	expect_refusal(plain, &machine_container_without_ptrace,
		       "facet files: nothing works here: mount namespace refused: probably the "
		       "seccomp filter around us; path translation refused: PTRACE_TRACEME is refused");
	expect_refusal(plain, &machine_nothing_works,
		       "facet files: nothing works here: mount namespace refused: the kernel was built "
		       "without user namespaces; path translation refused: the kernel has no seccomp "
		       "filters");

	spec = debian(t);
	spec->is_volatile = true;
	expect_refusal(spec, &machine_rooted_stock_gki,
		       "facet writable layer: --volatile: kernel overlay refused: overlay: tmpfs has "
		       "no xattrs, casefolded lower");
	expect_refusal(spec, &machine_userns_off,
		       "facet writable layer: --volatile: overlay in path translation is not built "
		       "yet, and a mount namespace is refused: user.max_user_namespaces = 0 (sysctl)");

	spec = debian(t);
	spec->net.mode = NET_MODE_NAT;
	expect_refusal(spec, &machine_server_user, "facet network: nat is not built yet");
	spec->net.mode = NET_MODE_HOST;
	spec->net.ports = &(struct net_port){.guest_port = 80};
	spec->net.port_count = 1;
	expect_refusal(spec, &machine_server_user,
		       "facet network: ports can't be published: nat is not built yet");

	spec = debian(t);
	spec->capabilities_add = CAP(SYS_ADMIN);
	expect_refusal(spec, &machine_userns_off, "facet privileges: --cap-add CAP_SYS_ADMIN: path "
						  "translation gives the guest no capability");
	spec->capabilities_add = CAP(CHOWN);
	spec->capabilities_drop = CAP(CHOWN);
	expect_refusal(spec, &machine_server_user,
		       "facet privileges: CAP_CHOWN is both added and dropped");
	talloc_free(t);
}

static void an_asked_backend_is_hinted_away(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct error err = ERROR_INIT;
	struct plan *plan;

	(void)state;
	spec->backend = BACKEND_NS;
	spec->backend_from_environment = true;
	assert_true(decide(t, spec, &machine_userns_off, &host, &plan, &err) < 0);
	assert_string_equal(err.hint, "Without AMPHORA_BACKEND=ns this runs on path translation");
	spec->backend_from_environment = false;
	assert_true(decide(t, spec, &machine_container_without_ptrace, &host, &plan, &err) < 0);
	assert_string_equal(err.hint, "`amphora probe` shows everything that was tried");

	spec->backend = BACKEND_PTRACE;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, &err), 0);
	assert_int_equal(plan->backend, PLAN_BACKEND_PTRACE);
	assert_string_equal(plan->facets[FACET_FILES].refusals[0].reason,
			    "--backend ptrace was asked for");
	talloc_free(t);
}

/* Namespaces of the clone call, exactly. */
static void only_namespaces_that_work_are_made(void **state)
{
	const struct {
		const struct facts *facts;
		uint64_t flags;
	} cases[] = {
		{&machine_server_root, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
					       CLONE_NEWCGROUP | CLONE_NEWTIME},
		{&machine_server_user, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS |
					       CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWTIME},
		{&machine_rooted_stock_gki,
		 CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWTIME},
		{&machine_masked_proc, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
					       CLONE_NEWCGROUP | CLONE_NEWTIME},
		{&machine_userns_off, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		void *t = talloc_new(NULL);
		struct plan *plan;

		assert_int_equal(decide(t, debian(t), cases[i].facts, &host, &plan, NULL), 0);
		assert_int_equal(plan->clone_flags, cases[i].flags);
		talloc_free(t);
	}
}

/* Facts that a filter or a policy can leave in odd company. */
static void one_missing_piece_takes_its_namespace_away(void **state)
{
	struct facts facts = machine_server_user;
	void *t = talloc_new(NULL);
	struct plan *plan;

	(void)state;
	facts.fact[FACT_ID_USERNS_PROC].status = FACT_FAILS;
	expect("no fresh proc", "processes", facet_of(t, debian(t), &facts, FACET_PROCESSES),
	       HOSTPROC);
	facts = machine_server_root;
	facts.fact[FACT_ID_CAPABILITIES].value &= ~(int64_t)CAP(SYS_ADMIN);
	assert_int_equal(decide(t, debian(t), &facts, &host, &plan, NULL), 0);
	assert_true(plan->clone_flags & CLONE_NEWUSER);
	assert_string_equal(plan->facets[FACET_IDS].refusals[0].reason,
			    "uid 0 without CAP_SYS_ADMIN");
	talloc_free(t);
}

static void ids_are_mapped_as_asked(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct error err = ERROR_INIT;
	struct plan *plan;

	(void)state;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, &err), 0);
	assert_true(plan->use_newuidmap);
	assert_int_equal(plan->uid_range_count, 2);
	assert_int_equal(plan->uid_ranges[0].inside, 0);
	assert_int_equal(plan->uid_ranges[0].outside, 1000);
	assert_int_equal(plan->uid_ranges[1].inside, 1);
	assert_int_equal(plan->uid_ranges[1].outside, 100000);
	assert_int_equal(plan->uid_ranges[1].count, 65536);

	spec->process.user = "65537";
	assert_true(decide(t, spec, &machine_server_user, &host, &plan, &err) < 0);
	spec->best_effort = true;
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, &err), 0);
	assert_int_equal(plan->facets[FACET_IDS].mechanism, MECHANISM_ONE_ID);
	assert_int_equal(plan->uid_ranges[0].inside, 65537);
	spec->best_effort = false;
	spec->process.user = "65536:65537";
	assert_true(decide(t, spec, &machine_server_user, &host, &plan, &err) < 0);
	spec->process.user = "65536:65536";
	assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, &err), 0);

	spec->process.user = "1234:99";
	assert_int_equal(decide(t, spec, &machine_user_without_newuidmap, &host, &plan, &err), 0);
	assert_int_equal(plan->uid_range_count, 1);
	assert_int_equal(plan->uid_ranges[0].inside, 1234);
	assert_int_equal(plan->uid_ranges[0].outside, 1000);
	assert_int_equal(plan->gid_ranges[0].inside, 99);
	spec->process.user = "www-data";
	assert_int_equal(decide(t, spec, &machine_user_without_newuidmap, &host, &plan, &err), 0);
	assert_int_equal(plan->uid_ranges[0].inside, 0);
	spec->process.user = "1000:";
	assert_true(decide(t, spec, &machine_server_user, &host, &plan, &err) < 0);
	assert_null(plan);
	talloc_free(t);
}

static void a_bad_id_range_is_not_used(void **state)
{
	static const char *const texts[] = {
		"",		"100000",	  "100000:65536", "-5:10 100000:65536",
		"1:0 1:10",	"900:200 1:10",	  "4294967290:10 1:10", " 1:10 1:10",
		"1:10 1:10 ",	"1:10  1:10",	  "1:10 1:10x",	  "99999999999:1 1:10",
		"100000:65536 4294967295:1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		void *t = talloc_new(NULL);
		struct facts facts = machine_server_user;

		strcpy(facts.fact[FACT_ID_NEWUIDMAP].text, texts[i]);
		expect(texts[i], "ids", facet_of(t, debian(t), &facts, FACET_IDS), ONE);
		talloc_free(t);
	}
}

static void capabilities_are_podmans_adjusted(void **state)
{
	const uint64_t all = (UINT64_C(2) << CAP_LAST_CAP) - 1;
	const uint64_t usual = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) |
			       CAP(KILL) | CAP(NET_BIND_SERVICE) | CAP(SETFCAP) | CAP(SETGID) |
			       CAP(SETPCAP) | CAP(SETUID) | CAP(SYS_CHROOT);
	const struct {
		uint64_t add, drop, kept;
	} cases[] = {
		{0, 0, usual},
		{CAP(NET_ADMIN), CAP(KILL), (usual | CAP(NET_ADMIN)) & ~CAP(KILL)},
		{UINT64_MAX, 0, all},
		{UINT64_MAX, CAP(SYS_ADMIN), all & ~CAP(SYS_ADMIN)},
		{0, UINT64_MAX, 0},
		{CAP(CHOWN) | CAP(SYS_TIME), UINT64_MAX, CAP(CHOWN) | CAP(SYS_TIME)},
	};
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct facts weak_root = machine_server_root;
	struct plan *plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		spec->capabilities_add = cases[i].add;
		spec->capabilities_drop = cases[i].drop;
		assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
		assert_int_equal(plan->capabilities, cases[i].kept);
	}
	spec->capabilities_drop = 0;
	weak_root.fact[FACT_ID_CAPABILITIES].value &= ~(int64_t)CAP(SYS_RESOURCE);
	spec->capabilities_add = UINT64_MAX;
	assert_int_equal(decide(t, spec, &weak_root, &host, &plan, NULL), 0);
	assert_int_equal(plan->capabilities, all & ~CAP(SYS_RESOURCE));
	spec->capabilities_add = CAP(SYS_RESOURCE);
	expect_refusal(spec, &weak_root,
		       "facet privileges: --cap-add CAP_SYS_RESOURCE: not among our own capabilities");
	talloc_free(t);
}

static void our_init_is_pid_1_unless_the_command_is_one(void **state)
{
	const struct {
		const char *command;
		bool asked, init;
	} cases[] = {
		{"/bin/sh", false, true},     {"/sbin/init", false, false}, {"systemd", false, false},
		{"/usr/bin/tini", true, true}, {"initdb", false, true},
	};
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct plan *plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *argv[] = {cases[i].command, NULL};

		spec->process.argv = argv;
		spec->process.init = cases[i].asked;
		assert_int_equal(decide(t, spec, &machine_server_user, &host, &plan, NULL), 0);
		assert_int_equal(plan->pid1_init, cases[i].init);
	}
	talloc_free(t);
}

static void without_a_name_of_its_own_the_guest_has_the_machines(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct facts facts = machine_server_user;
	struct plan *plan;

	(void)state;
	assert_int_equal(decide(t, spec, &facts, &host, &plan, NULL), 0);
	assert_string_equal(plan->hostname, "amber-otter");
	spec->name = "web";
	assert_int_equal(decide(t, spec, &facts, &host, &plan, NULL), 0);
	assert_string_equal(plan->hostname, "web");
	facts.fact[FACT_ID_USERNS_UTS].status = FACT_FAILS;
	assert_int_equal(decide(t, spec, &facts, &host, &plan, NULL), 0);
	assert_string_equal(plan->hostname, "the-machine");
	spec->hostname = "box";
	assert_true(decide(t, spec, &facts, &host, &plan, NULL) < 0);
	spec->best_effort = true;
	assert_int_equal(decide(t, spec, &facts, &host, &plan, NULL), 0);
	assert_int_equal(plan->warning_count, 1);
	assert_true(plan->facets[FACET_HOSTNAME].weakened);
	talloc_free(t);
}

static void system_v_ipc_is_emulated_where_it_is_missing_or_asked_for(void **state)
{
	static const struct facts answered = {.fact = {
		PLAIN_USER, ROOT_REFUSED, USERNS_ABSENT, TRACING_WORKS,
		[FACT_ID_SYSVIPC] = {.status = FACT_FAILS, .error_code = EPERM, .value = 1},
	}};
	static const struct {
		const struct facts *facts;
		enum sysvipc_choice asked;
		bool emulated, refused;
	} rows[] = {
		{&answered, SYSVIPC_AUTO, false, false}, {&answered, SYSVIPC_EMULATED, false, true},
		{&machine_android_14_app, SYSVIPC_AUTO, true, false},
		{&machine_android_14_app, SYSVIPC_KERNEL, false, false},
		{&machine_userns_off, SYSVIPC_AUTO, false, false},
		{&machine_userns_off, SYSVIPC_EMULATED, true, false},
		{&machine_server_user, SYSVIPC_AUTO, false, false},
		{&machine_server_user, SYSVIPC_EMULATED, false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spec *spec = debian(NULL);
		struct plan *plan;

		spec->sysvipc = rows[i].asked;
		assert_int_equal(decide(spec, spec, rows[i].facts, &host, &plan, NULL) < 0, rows[i].refused);
		assert_int_equal(plan->emulate_sysvipc, rows[i].emulated);
		assert_int_equal((int)plan->facets[FACET_IPC].mechanism == EMUL,
				 rows[i].emulated);
		talloc_free(spec);
	}
}

static void best_effort_volatile_never_writes_the_rootfs(void **state)
{
	void *t = talloc_new(NULL);
	struct spec *spec = debian(t);
	struct plan *plan;

	(void)state;
	spec->is_volatile = true;
	spec->best_effort = true;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (decide(t, spec, machines[i].facts, &host, &plan, NULL) < 0)
			continue;
		assert_true(plan->layer == MECHANISM_KERNEL_OVERLAY ||
			    (plan->layer == MECHANISM_READ_ONLY_ROOT && plan->warning_count == 1 &&
			     plan->ops[0].options & MOUNT_OPTION_READ_ONLY));
	}
	talloc_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_machine_gets_what_it_can_give),
		cmocka_unit_test(a_refusal_names_the_facet_and_the_fact),
		cmocka_unit_test(an_asked_backend_is_hinted_away),
		cmocka_unit_test(only_namespaces_that_work_are_made),
		cmocka_unit_test(one_missing_piece_takes_its_namespace_away),
		cmocka_unit_test(ids_are_mapped_as_asked),
		cmocka_unit_test(a_bad_id_range_is_not_used),
		cmocka_unit_test(capabilities_are_podmans_adjusted),
		cmocka_unit_test(our_init_is_pid_1_unless_the_command_is_one),
		cmocka_unit_test(without_a_name_of_its_own_the_guest_has_the_machines),
		cmocka_unit_test(system_v_ipc_is_emulated_where_it_is_missing_or_asked_for),
		cmocka_unit_test(best_effort_volatile_never_writes_the_rootfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
