// SPDX-License-Identifier: Apache-2.0
/* The credential model against the kernel: the same random calls on both, compared after each one.
 * Needs root, because only root may change its ids, and a new kernel; else those tests are skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "ptrace_backend/ids.h"

#define SEQUENCES      3000
#define CALLS_EACH     30
#define EXEC_SEQUENCES 1500
#define NOT_EXECUTABLE 3
#define NOT_ENOUGH     4
#define PRINT_STATUS   "--print-status" /* argv[1] of the program that tests execute */

/* The children change their ids, after which they can't be traced, and LeakSanitizer needs that. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint32_t pick_id(uint32_t *state)
{
	static const uint32_t ids[] = { 0, 0, 1000, 1000, 1001, 65534, (uint32_t)-1 };

	return ids[next_random(state) % ARRAY_SIZE(ids)];
}

static uint64_t pick_capabilities(uint32_t *state, const struct credentials *credentials)
{
	switch (next_random(state) % 5) {
	case 0:
		return credentials->permitted;
	case 1:
		return credentials->inheritable;
	case 2:
		return credentials->permitted & ~(UINT64_C(1) << (next_random(state) % 41));
	case 3:
		return 0;
	default:
		return UINT64_C(1) << (next_random(state) % 41);
	}
}

/* What the kernel says of this thread, or what a program printed of itself. */
static void parse_status(const char *text, struct credentials *credentials)
{
	const char *line = strstr(text, "\nUid:");
	char *end;

	*credentials = (struct credentials){ 0 };
	assert_non_null(line);
	assert_int_equal(sscanf(line, "\nUid: %u %u %u %u", &credentials->ruid, &credentials->euid,
				&credentials->suid, &credentials->fsuid), 4);
	line = strstr(text, "\nGid:");
	assert_int_equal(sscanf(line, "\nGid: %u %u %u %u", &credentials->rgid, &credentials->egid,
				&credentials->sgid, &credentials->fsgid), 4);
	line = strstr(text, "\nGroups:") + strlen("\nGroups:");
	while (*line == '\t' || *line == ' ')
		line++;
	while (*line != '\n') {
		credentials->groups[credentials->group_count++] = (gid_t)strtoul(line, &end, 10);
		line = end;
		while (*line == ' ')
			line++;
	}
	line = strstr(text, "\nCapInh:");
	assert_int_equal(sscanf(line,
				"\nCapInh: %lx CapPrm: %lx CapEff: %lx CapBnd: %lx CapAmb: %lx",
				&credentials->inheritable, &credentials->permitted,
				&credentials->effective, &credentials->bounding,
				&credentials->ambient), 5);
	line = strstr(text, "\nNoNewPrivs:");
	credentials->no_new_privs = line && strtoul(line + strlen("\nNoNewPrivs:"), NULL, 10);
}

static void read_kernel(struct credentials *credentials)
{
	char text[8192];

	assert_true(file_read_at(AT_FDCWD, "/proc/thread-self/status", text, sizeof(text)) > 0);
	parse_status(text, credentials);
	credentials->securebits = (uint32_t)prctl(PR_GET_SECUREBITS);
}

static void describe(const char *who, const struct credentials *c)
{
	fprintf(stderr,
		"%s: uid %d %d %d %d gid %d %d %d %d groups %u inh %lx prm %lx eff %lx bnd %lx "
		"amb %lx secure %x nnp %d\n",
		who, (int)c->ruid, (int)c->euid, (int)c->suid, (int)c->fsuid, (int)c->rgid,
		(int)c->egid, (int)c->sgid, (int)c->fsgid, c->group_count, c->inheritable,
		c->permitted, c->effective, c->bounding, c->ambient, c->securebits,
		c->no_new_privs);
}

static bool same(const struct credentials *a, const struct credentials *b)
{
	return a->ruid == b->ruid && a->euid == b->euid && a->suid == b->suid &&
	       a->fsuid == b->fsuid && a->rgid == b->rgid && a->egid == b->egid &&
	       a->sgid == b->sgid && a->fsgid == b->fsgid && a->group_count == b->group_count &&
	       !memcmp(a->groups, b->groups, a->group_count * sizeof(gid_t)) &&
	       a->inheritable == b->inheritable && a->permitted == b->permitted &&
	       a->effective == b->effective && a->bounding == b->bounding &&
	       a->ambient == b->ambient && a->securebits == b->securebits &&
	       a->no_new_privs == b->no_new_privs;
}

static long kernel(long result)
{
	return result < 0 ? -errno : result;
}

static long kernel_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(effective >> (32 * i)),
			.permitted = (uint32_t)(permitted >> (32 * i)),
			.inheritable = (uint32_t)(inheritable >> (32 * i)),
		};
	return kernel(syscall(SYS_capset, &header, data));
}

struct outcome {
	const char *call;
	uint32_t a, b, c;
	long kernel, model;
};

static void random_prctl(uint32_t *random, struct credentials *model, struct outcome *outcome)
{
	static const struct {
		int option;
		const char *name;
	} options[] = {
		{ PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS" },
		{ PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS" },
		{ PR_GET_KEEPCAPS, "PR_GET_KEEPCAPS" },
		{ PR_CAPBSET_READ, "PR_CAPBSET_READ" },
		{ PR_CAPBSET_DROP, "PR_CAPBSET_DROP" },
		{ PR_SET_SECUREBITS, "PR_SET_SECUREBITS" },
		{ PR_GET_SECUREBITS, "PR_GET_SECUREBITS" },
		{ PR_CAP_AMBIENT, "PR_CAP_AMBIENT" },
		{ PR_CAP_AMBIENT, "PR_CAP_AMBIENT" },
		{ PR_CAP_AMBIENT, "PR_CAP_AMBIENT" },
		{ PR_GET_NO_NEW_PRIVS, "PR_GET_NO_NEW_PRIVS" },
	};
	unsigned which = next_random(random) % ARRAY_SIZE(options);
	unsigned long arg2 = next_random(random) % 3, arg3 = 0;

	outcome->call = options[which].name;
	switch (options[which].option) {
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
		arg2 = next_random(random) % 43;
		break;
	case PR_SET_SECUREBITS:
		arg2 = next_random(random) % 8 ? 1ul << (next_random(random) % 13) :
						 model->securebits;
		break;
	case PR_CAP_AMBIENT:
		arg2 = next_random(random) % 6;
		arg3 = next_random(random) % 3 ? next_random(random) % 42 : 0;
		break;
	default:
		break;
	}
	outcome->a = (uint32_t)arg2;
	outcome->b = (uint32_t)arg3;
	outcome->kernel = kernel(prctl(options[which].option, arg2, arg3, 0, 0));
	outcome->model = credentials_prctl(model, options[which].option, arg2, arg3, 0, 0);
}

static void random_groups(uint32_t *random, struct credentials *model, struct outcome *outcome)
{
	gid_t groups[5];
	size_t count = next_random(random) % ARRAY_SIZE(groups);

	for (size_t i = 0; i < count; i++)
		groups[i] = next_random(random) % 30 ? next_random(random) % 2000 : (gid_t)-1;
	outcome->kernel = kernel(syscall(SYS_setgroups, count, groups));
	outcome->model = credentials_setgroups(model, groups, count);
}

/* One call on both sides. */
static struct outcome random_call(uint32_t *random, struct credentials *model)
{
	uint32_t a = pick_id(random), b = pick_id(random), c = pick_id(random);
	struct outcome outcome = { .a = a, .b = b, .c = c };
	uint64_t effective, permitted, inheritable;

#define BOTH(name, real, modelled)                                                                 \
	do {                                                                                       \
		outcome.call = (name);                                                             \
		outcome.kernel = kernel(real);                                                     \
		outcome.model = (modelled);                                                        \
	} while (0)
	switch (next_random(random) % 14) {
	case 0:
		BOTH("setuid", syscall(SYS_setuid, a), credentials_setuid(model, a));
		break;
	case 1:
		BOTH("setgid", syscall(SYS_setgid, a), credentials_setgid(model, a));
		break;
	case 2:
		BOTH("setreuid", syscall(SYS_setreuid, a, b), credentials_setreuid(model, a, b));
		break;
	case 3:
		BOTH("setregid", syscall(SYS_setregid, a, b), credentials_setregid(model, a, b));
		break;
	case 4:
	case 5:
		BOTH("setresuid", syscall(SYS_setresuid, a, b, c),
		     credentials_setresuid(model, a, b, c));
		break;
	case 6:
		BOTH("setresgid", syscall(SYS_setresgid, a, b, c),
		     credentials_setresgid(model, a, b, c));
		break;
	case 7:
		BOTH("setfsuid", syscall(SYS_setfsuid, a), credentials_setfsuid(model, a));
		break;
	case 8:
		BOTH("setfsgid", syscall(SYS_setfsgid, a), credentials_setfsgid(model, a));
		break;
	case 9:
		outcome.call = "setgroups";
		random_groups(random, model, &outcome);
		break;
	case 10:
	case 11:
		effective = pick_capabilities(random, model);
		permitted = next_random(random) % 2 ? model->permitted :
						      pick_capabilities(random, model);
		inheritable = next_random(random) % 2 ? model->permitted :
							pick_capabilities(random, model);
		BOTH("capset", kernel_capset(effective, permitted, inheritable),
		     credentials_capset(model, effective, permitted, inheritable));
		break;
	default:
		random_prctl(random, model, &outcome);
		break;
	}
#undef BOTH
	return outcome;
}

/* In a child: runs one sequence. Returns whether kernel and model agree all the way. */
static bool agree(uint32_t seed, unsigned calls, struct credentials *ret_model)
{
	struct credentials model, real;
	uint32_t random = seed;

	read_kernel(&model);
	for (unsigned i = 0; i < calls; i++) {
		struct credentials before = model;
		struct outcome outcome = random_call(&random, &model);

		read_kernel(&real);
		if (outcome.kernel == outcome.model && same(&model, &real))
			continue;
		fprintf(stderr, "seed %u, call %u: %s(%d, %d, %d): kernel %ld, model %ld\n", seed,
			i, outcome.call, (int)outcome.a, (int)outcome.b, (int)outcome.c,
			outcome.kernel, outcome.model);
		describe("before", &before);
		describe("kernel", &real);
		describe("model", &model);
		return false;
	}
	*ret_model = model;
	return true;
}

/* Root, and a kernel of the rules that the model has: securebits without a capability are of
 * Linux 6.14, what execve does to ambient capabilities of 6.16. */
static void need_root_and_linux(unsigned major, unsigned minor)
{
	struct credentials credentials;
	struct utsname name;
	unsigned running[2] = { 0, 0 };

	uname(&name);
	sscanf(name.release, "%u.%u", &running[0], &running[1]);
	if (running[0] < major || (running[0] == major && running[1] < minor))
		skip();
	read_kernel(&credentials);
	if (credentials.euid != 0 || !credentials_capable(&credentials, CAP_SETUID) ||
	    !credentials_capable(&credentials, CAP_SETPCAP) || credentials.no_new_privs)
		skip();
}

static void random_calls_do_what_the_kernel_does(void **state)
{
	unsigned failed = 0;

	(void)state;
	need_root_and_linux(6, 14);
	for (uint32_t seed = 1; seed <= SEQUENCES; seed++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0) {
			struct credentials model;

			_exit(agree(seed, CALLS_EACH, &model) ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		failed += status != 0;
		assert_true(failed < 3);
	}
	assert_int_equal(failed, 0);
}

/* A copy of this program that others may execute; it prints its own status (see main). */
static void make_program(char directory[], char *path, size_t size)
{
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = -EBADF;
	char buffer[65536];
	ssize_t n;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	snprintf(path, size, "%s/program", directory);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		assert_int_equal(file_write_fd(to, buffer, (size_t)n), 0);
}

/* What a program prints, or what became of executing it. */
struct exec_outcome {
	int error; /* errno */
	bool secure;
	struct credentials credentials;
};

static void exec_in_child(uint32_t seed, const char *path, const struct exec_program *program, int output,
			  int expected)
{
	uint32_t random = seed * 7;
	struct exec_outcome model = { 0 };
	char argument[] = PRINT_STATUS;
	char *argv[] = { argument, argument, NULL };
	char *environment[] = { NULL };

	if (!agree(seed, next_random(&random) % 12, &model.credentials))
		_exit(1);
	if (next_random(&random) % 4 == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		credentials_prctl(&model.credentials, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	}
	model.error = -credentials_exec(&model.credentials, program, &model.secure);
	if (file_write_fd(expected, &model, sizeof(model)) || dup2(output, 1) < 0)
		_exit(1);
	execve(path, argv, environment);
	_exit(errno == EACCES ? NOT_EXECUTABLE : errno == EPERM ? NOT_ENOUGH : 2);
}

/* Gives a file capabilities, often such as its user may have. Its ids and mode are set. */
static void random_file_capabilities(uint32_t *random, const char *path, struct file_capabilities *ret)
{
	struct vfs_ns_cap_data value = { 0 };
	bool limited = next_random(random) % 4 == 0;
	uint64_t bits[2];
	size_t size;

	*ret = (struct file_capabilities){ 0 };
	if (next_random(random) % 2)
		return;
	for (unsigned i = 0; i < 2; i++)
		switch (next_random(random) % 4) {
		case 0:
			bits[i] = 0;
			break;
		case 1:
			bits[i] = CREDENTIALS_ALL_CAPABILITIES;
			break;
		default:
			bits[i] = UINT64_C(1) << (next_random(random) % 41);
			break;
		}
	for (unsigned i = 0; i < 2; i++) {
		value.data[i].permitted = (uint32_t)(bits[0] >> (32 * i));
		value.data[i].inheritable = (uint32_t)(bits[1] >> (32 * i));
	}
	size = limited ? XATTR_CAPS_SZ_3 : XATTR_CAPS_SZ_2;
	value.magic_etc = limited ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2;
	if (next_random(random) % 2)
		value.magic_etc |= VFS_CAP_FLAGS_EFFECTIVE;
	value.rootid = next_random(random) % 2 ? 1000 : 0;
	assert_int_equal(setxattr(path, "security.capability", &value, size, 0), 0);
	assert_int_equal(file_capabilities_parse(&value, size, ret), 0);
	if (ret->root_uid != 0)
		*ret = (struct file_capabilities){ 0 };
}

/* What a child prints or how it ends. False when its ids may not execute the file at all. */
static bool read_outcome(int output, pid_t child, struct exec_outcome *ret)
{
	char text[8192];
	const char *bits;
	int status;

	assert_true(file_read_fd(output, text, sizeof(text)) >= 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	*ret = (struct exec_outcome){ 0 };
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_EXECUTABLE)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ENOUGH) {
		ret->error = EPERM;
		return true;
	}
	assert_int_equal(status, 0);
	parse_status(text, &ret->credentials);
	bits = strstr(text, "\nSecureBits:");
	ret->credentials.securebits = (uint32_t)strtoul(bits + strlen("\nSecureBits:"), NULL, 16);
	ret->secure = strstr(text, "\nSecure:\t1");
	return true;
}

static void exec_does_what_the_kernel_does(void **state)
{
	static const mode_t modes[] = { 0755, 0755, 04755, 02755, 06755, 02745, 0755 | S_ISVTX };
	char directory[] = "/tmp/amphora-credentials.XXXXXX", path[128];
	unsigned failed = 0, refused = 0, gained = 0;

	(void)state;
	need_root_and_linux(6, 16);
	make_program(directory, path, sizeof(path));
	for (uint32_t seed = 1; seed <= EXEC_SEQUENCES; seed++) {
		uint32_t random = seed;
		struct exec_program program = {
			.owner = next_random(&random) % 2 ? 0 : 1000,
			.group = next_random(&random) % 2 ? 0 : 1001,
			.mode = modes[next_random(&random) % ARRAY_SIZE(modes)],
		};
		struct exec_outcome model, real;
		int output[2], expected[2];
		pid_t child;
		bool executable;

		assert_int_equal(chown(path, program.owner, program.group), 0);
		assert_int_equal(chmod(path, program.mode), 0);
		random_file_capabilities(&random, path, &program.capabilities);
		assert_int_equal(pipe2(output, O_CLOEXEC), 0);
		assert_int_equal(pipe2(expected, O_CLOEXEC), 0);
		child = fork();
		if (child == 0)
			exec_in_child(seed, path, &program, output[1], expected[1]);
		close(output[1]);
		close(expected[1]);
		assert_int_equal(read(expected[0], &model, sizeof(model)), sizeof(model));
		executable = read_outcome(output[0], child, &real);
		close(output[0]);
		close(expected[0]);
		if (!executable)
			continue;
		refused += real.error != 0;
		gained += !real.error && program.capabilities.present && real.credentials.euid &&
			  real.credentials.permitted;
		if (model.error != real.error ||
		    (!real.error && (!same(&model.credentials, &real.credentials) || model.secure != real.secure))) {
			fprintf(stderr, "seed %u: exec of %u:%u mode %o, capabilities %d %d %lx %lx: kernel %d %d, "
				"model %d %d\n", seed, program.owner, program.group, program.mode,
				program.capabilities.present, program.capabilities.effective,
				program.capabilities.permitted, program.capabilities.inheritable, real.error,
				real.secure, model.error, model.secure);
			describe("kernel", &real.credentials);
			describe("model", &model.credentials);
			failed++;
		}
		assert_true(failed < 3);
	}
	unlink(path);
	rmdir(directory);
	assert_int_equal(failed, 0);
	assert_true(refused > 10 && gained > 10);
}

static void the_first_process_of_root_has_all_capabilities(void **state)
{
	struct credentials credentials;

	(void)state;
	credentials_init(&credentials, 0, 0, NULL, 0);
	assert_true(credentials.effective == CREDENTIALS_ALL_CAPABILITIES);
	assert_true(credentials.permitted == CREDENTIALS_ALL_CAPABILITIES);
	assert_true(credentials.bounding == CREDENTIALS_ALL_CAPABILITIES);
	assert_true(credentials.inheritable == 0 && credentials.ambient == 0);
	assert_int_equal(credentials_prctl(&credentials, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

static void the_first_process_of_a_user_has_none(void **state)
{
	const gid_t groups[] = { 27, 4, 100 };
	struct credentials credentials;

	(void)state;
	credentials_init(&credentials, 1000, 1001, groups, ARRAY_SIZE(groups));
	assert_true(credentials.effective == 0 && credentials.permitted == 0);
	assert_int_equal(credentials_setuid(&credentials, 0), -EPERM);
	assert_int_equal(credentials_setgroups(&credentials, groups, 1), -EPERM);
	assert_true(credentials_in_group(&credentials, 27));
	assert_true(credentials_in_group(&credentials, 1001));
	assert_false(credentials_in_group(&credentials, 0));
	assert_int_equal(credentials.groups[0], 4);
}

static void dropping_root_for_good_leaves_no_way_back(void **state)
{
	struct credentials credentials;

	(void)state;
	credentials_init(&credentials, 0, 0, NULL, 0);
	assert_int_equal(credentials_setgroups(&credentials, NULL, 0), 0);
	assert_int_equal(credentials_setresgid(&credentials, 100, 100, 100), 0);
	assert_int_equal(credentials_setresuid(&credentials, 100, 100, 100), 0);
	assert_int_equal(credentials_setuid(&credentials, 0), -EPERM);
	assert_int_equal(credentials_setreuid(&credentials, (uid_t)-1, 0), -EPERM);
	assert_int_equal(credentials_setfsuid(&credentials, 0), 100);
	assert_int_equal(credentials_setfsuid(&credentials, 0), 100);
	assert_true(credentials.permitted == 0);
}

static void a_set_user_id_root_program_is_root_again(void **state)
{
	const struct exec_program program = { .mode = S_IFREG | 04755 };
	struct credentials credentials;
	bool secure;

	(void)state;
	credentials_init(&credentials, 1000, 1000, NULL, 0);
	assert_int_equal(credentials_exec(&credentials, &program, &secure), 0);
	assert_true(secure);
	assert_int_equal(credentials.ruid, 1000);
	assert_int_equal(credentials.euid, 0);
	assert_int_equal(credentials.suid, 0);
	assert_true(credentials.effective == CREDENTIALS_ALL_CAPABILITIES);
	assert_int_equal(credentials_setuid(&credentials, 0), 0);
	assert_int_equal(credentials.ruid, 0);
}

static void a_program_with_capabilities_gets_them_and_no_more(void **state)
{
	struct exec_program program = {
		.mode = S_IFREG | 0755,
		.capabilities = { .present = true, .effective = true, .permitted = 1 << CAP_NET_RAW },
	};
	struct credentials credentials;
	bool secure;

	(void)state;
	credentials_init(&credentials, 1000, 1000, NULL, 0);
	assert_int_equal(credentials_exec(&credentials, &program, &secure), 0);
	assert_true(secure && credentials.permitted == 1 << CAP_NET_RAW);
	assert_true(credentials.effective == 1 << CAP_NET_RAW && credentials.euid == 1000);

	program.nosuid = true;
	credentials_init(&credentials, 1000, 1000, NULL, 0);
	assert_int_equal(credentials_exec(&credentials, &program, &secure), 0);
	assert_true(!secure && credentials.permitted == 0);

	program.nosuid = false;
	credentials.bounding = 0;
	assert_int_equal(credentials_exec(&credentials, &program, &secure), -EPERM);
	program.capabilities.effective = false;
	assert_int_equal(credentials_exec(&credentials, &program, &secure), 0);
	assert_true(credentials.permitted == 0);

	/* Traced by somebody without CAP_SYS_PTRACE: nothing is gained. */
	program.capabilities.effective = program.unsafe = true;
	credentials_init(&credentials, 1000, 1000, NULL, 0);
	assert_int_equal(credentials_exec(&credentials, &program, &secure), 0);
	assert_true(credentials.permitted == 0);
}

static void values_that_the_kernel_refuses_are_no_file_capabilities(void **state)
{
	static const struct {
		uint32_t magic;
		size_t size;
		int result;
	} cases[] = {
		{ VFS_CAP_REVISION_1, XATTR_CAPS_SZ_1, 0 },	    { VFS_CAP_REVISION_1, XATTR_CAPS_SZ_2, -EINVAL },
		{ VFS_CAP_REVISION_2, XATTR_CAPS_SZ_2, 0 },	    { VFS_CAP_REVISION_2, XATTR_CAPS_SZ_3, -EINVAL },
		{ VFS_CAP_REVISION_2, XATTR_CAPS_SZ_2 - 1, -EINVAL }, { VFS_CAP_REVISION_3, XATTR_CAPS_SZ_3, 0 },
		{ VFS_CAP_REVISION_3, XATTR_CAPS_SZ_2, -EINVAL },   { 0x04000000, XATTR_CAPS_SZ_3, -EINVAL },
		{ 0, 3, -EINVAL },				    { 0, 0, -EINVAL },
	};
	struct file_capabilities found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfs_ns_cap_data value = { .magic_etc = cases[i].magic, .rootid = 7 };

		value.data[0].permitted = 1;
		value.data[1].inheritable = UINT32_MAX;
		assert_int_equal(file_capabilities_parse(&value, cases[i].size, &found), cases[i].result);
		if (cases[i].result)
			continue;
		assert_true(found.present && !found.effective && found.permitted == 1);
		assert_true(found.inheritable ==
			    (cases[i].size == XATTR_CAPS_SZ_1 ? 0 : CREDENTIALS_ALL_CAPABILITIES >> 32 << 32));
		assert_int_equal(found.root_uid, cases[i].size == XATTR_CAPS_SZ_3 ? 7 : 0);
	}
}

static void more_groups_than_fit_are_refused(void **state)
{
	gid_t groups[CREDENTIALS_GROUPS_MAX + 1] = { 0 };
	struct credentials credentials;

	(void)state;
	credentials_init(&credentials, 0, 0, NULL, 0);
	assert_int_equal(credentials_setgroups(&credentials, groups, CREDENTIALS_GROUPS_MAX), 0);
	assert_int_equal(credentials_setgroups(&credentials, groups, CREDENTIALS_GROUPS_MAX + 1),
			 -EINVAL);
}

static int print_status(void)
{
	char text[8192];

	if (file_read_at(AT_FDCWD, "/proc/self/status", text, sizeof(text)) < 0)
		return 1;
	printf("%sSecureBits:\t%x\nSecure:\t%lu\n", text, (unsigned)prctl(PR_GET_SECUREBITS), getauxval(AT_SECURE));
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_process_of_root_has_all_capabilities),
		cmocka_unit_test(the_first_process_of_a_user_has_none),
		cmocka_unit_test(dropping_root_for_good_leaves_no_way_back),
		cmocka_unit_test(a_set_user_id_root_program_is_root_again),
		cmocka_unit_test(a_program_with_capabilities_gets_them_and_no_more),
		cmocka_unit_test(values_that_the_kernel_refuses_are_no_file_capabilities),
		cmocka_unit_test(more_groups_than_fit_are_refused),
		cmocka_unit_test(random_calls_do_what_the_kernel_does),
		cmocka_unit_test(exec_does_what_the_kernel_does),
	};

	if (argc > 1 && !strcmp(argv[1], PRINT_STATUS))
		return print_status();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
