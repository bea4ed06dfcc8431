/* SPDX-License-Identifier: Apache-2.0 */
/* spec: what was asked. Plain data that a front builds; everything is owned by the spec (talloc).
 *
 * A front parses words and fills this in. It opens nothing: `-u name` stays a string until the
 * monitor looks it up in the guest's own files.
 */
#ifndef AMPHORA_MODEL_SPEC_H
#define AMPHORA_MODEL_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/fast_path.h"
#include "core/model/platform.h"
#include "netstack/net.h"
#include "netstack/ports.h"

enum backend_choice { BACKEND_AUTO, BACKEND_NS, BACKEND_PTRACE };

enum mount_kind {
	MOUNT_KIND_BIND,
	MOUNT_KIND_TMPFS,
	MOUNT_KIND_PROC,
	MOUNT_KIND_SYSFS,
	MOUNT_KIND_DEVPTS,
	MOUNT_KIND_MQUEUE,
	MOUNT_KIND_CGROUP,
	MOUNT_KIND_COUNT
};

enum mount_option {
	MOUNT_OPTION_READ_ONLY = 1 << 0,
	MOUNT_OPTION_NOSUID = 1 << 1,
	MOUNT_OPTION_NODEV = 1 << 2,
	MOUNT_OPTION_NOEXEC = 1 << 3,
	MOUNT_OPTION_RECURSIVE = 1 << 4, /* rbind; read-only then covers submounts too */
	/* A missing source is skipped (default devices); so are a tmpfs whose target is missing in a
	 * root that can't be written (/var/tmp of a minimal image) and a refused cgroup mount. */
	MOUNT_OPTION_OPTIONAL = 1 << 5,
	/* A symlink as the target's last component is covered itself; ptrace only (PRoot's "!"). */
	MOUNT_OPTION_NO_FOLLOW = 1 << 6,
	/* A target that is missing isn't made: it is there, but no listing shows it. ptrace only */
	MOUNT_OPTION_NO_POINT = 1 << 7,
};

struct mount_request {
	enum mount_kind kind;
	const char *source; /* host path, absolute; BIND only */
	const char *target; /* guest path, absolute, without "..", as the user wrote it */
	uint32_t options;   /* enum mount_option */
	uint64_t size;	    /* TMPFS: bytes, 0: kernel's default */
	mode_t mode;	    /* TMPFS: of its root, 0: 01777 */
};

struct rlimit_request {
	int resource; /* RLIMIT_* */
	struct rlimit limit;
};

enum seccomp_choice { SECCOMP_DEFAULT, SECCOMP_UNCONFINED };

/* Whose ids the guest has. */
enum id_choice {
	IDS_CONTAINER, /* process.user as an account of the container's */
	IDS_HOST,      /* the caller's own, not mapped; process.user is not looked at. ptrace only */
	IDS_CHANGED,   /* process.user, two numbers; files of the caller's own show these ids, where
			* IDS_CONTAINER shows 0. ptrace only */
};

/* Hard links where the file system refuses them. ptrace only */
enum links_choice {
	LINKS_AUTO,	/* emulated there */
	LINKS_KERNEL,	/* refused there */
	LINKS_EMULATED, /* LINKS_AUTO, and PRoot's names are looked for everywhere */
	LINKS_ALWAYS,	/* emulated wherever a link is made: for a rootfs that is to be moved there */
};

/* System V shared memory, semaphores and message queues. ptrace only */
enum sysvipc_choice {
	SYSVIPC_AUTO,	  /* emulated where the kernel has none for us */
	SYSVIPC_KERNEL,	  /* ENOSYS there */
	SYSVIPC_EMULATED, /* the container's own, whatever the kernel has */
};

/* What uname(2) says; NULL: what the kernel or the plan's host name says. ptrace only. */
struct uname_request {
	const char *sysname, *nodename, *release, *version, *machine, *domainname;
	bool has_hwcap; /* AT_HWCAP of the auxiliary vector, too: what programs think the CPU can do */
	uint64_t hwcap;
};

struct spec_process {
	const char **argv; /* NULL-terminated; argc >= 1 */
	size_t argc;
	const char **env; /* NULL-terminated "K=V"; the guest's whole environment */
	size_t env_count;
	const char *cwd;  /* guest path; NULL: "/" */
	const char *user; /* as given: "name", "uid", "user:group"; NULL: "0:0" */
	bool terminal;	  /* -t */
	bool interactive; /* -i: keep stdin open; without it stdin is /dev/null */
	bool init;	  /* --init: our init is PID 1 and reaps, even when not needed */
	unsigned preserve_fds; /* this many fds from 3 up reach the guest */
	bool linger;	  /* ptrace: wait for every process; the last one to exit gives the status */
	bool inherit;	  /* ptrace: the caller's session, process group and all of its fds, as a
			   * program that the caller executed itself would have them */
};

struct spec {
	const char *name;   /* container name; NULL: generated */
	bool name_is_generated; /* by the front: nobody asks for it */
	const char *rootfs; /* host path of the root filesystem; "/" for the image "host" */
	bool host_image;    /* the built-in image `host`: read-only root under a scratch layer */
	bool read_only;	    /* --read-only */
	bool is_volatile;   /* --volatile: writes go to a scratch layer that is thrown away */
	bool remove;	    /* --rm */
	const char *hostname; /* NULL: the container's name */
	enum backend_choice backend;
	bool backend_from_environment; /* AMPHORA_BACKEND, not --backend: for the message */
	bool best_effort;

	const struct platform *platform; /* whose programs the root has; NULL: this machine's */
	bool platform_found;	 /* nobody asked: the root's shell is that platform's */
	const struct emulator *emulator; /* PRoot's -q; NULL: what the machine has for `platform` */

	struct mount_request *mounts; /* user's mounts in the order given */
	size_t mount_count;
	struct rlimit_request *rlimits;
	size_t rlimit_count;

	uint64_t capabilities_add;  /* bit = CAP_* number; all ones: ALL */
	uint64_t capabilities_drop;
	enum seccomp_choice seccomp;
	bool allow_new_privileges;  /* --security-opt no-new-privileges=false */
	bool unmask;		    /* --security-opt unmask=ALL */

	/* What PRoot's command line means. bare: the root and the user's mounts and nothing else: no
	 * default mounts, masks or generated files, the machine's host name, and the environment is
	 * not completed. */
	bool bare;
	enum id_choice ids;
	enum links_choice links;
	enum sysvipc_choice sysvipc;
	struct uname_request uname;
	enum fast_path_choice fast_path; /* where it works. ptrace only */
	bool strict;	       /* nothing of what holds the guest is given up for speed */
	bool fake_permissions; /* with faked ids: owners and modes count for the guest's users */
	const char *hidden_prefix; /* listings of the root leave such names out; NULL. ptrace only */
	const struct port_map *ports; /* NULL: the guest's are the machine's. ptrace only */

	struct net_request net;
	struct spec_process process;
};

/* An empty spec with the defaults above, child of parent. */
struct spec *spec_new(void *parent);

/* Appends; the strings are copied. Return 0 or -errno with err set (relative target, ".." in it,
 * newline, too long: EINVAL). */
int spec_add_mount(struct spec *spec, const struct mount_request *mount, struct error *err);
int spec_add_env(struct spec *spec, const char *assignment, struct error *err); /* replaces same key */
int spec_add_rlimit(struct spec *spec, const struct rlimit_request *limit, struct error *err);

/* Checks what no single option can: argv present, rootfs present, no two mounts on one target, user,
 * --dns and --add-host well formed, name and hostname too (name: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most
 * 128; hostname: 1..64 of letters, digits, '-', '.', not starting with a '-' or '.'). */
int spec_validate(const struct spec *spec, struct error *err);

/* What spec_validate() asks of a name and a hostname. */
bool spec_name_is_valid(const char *name);
bool spec_hostname_is_valid(const char *hostname);

/* "user", "uid", "user:group", "uid:gid": strict (no sign, no space, no hex, no empty half, at
 * most 4294967294). A part is either a number or a name; *ret_name parts point into text copies
 * owned by parent and are NULL for numbers. */
struct user_request {
	const char *user_name;	/* NULL: uid is given */
	uid_t uid;
	const char *group_name; /* NULL and !has_group: the user's own group */
	gid_t gid;
	bool has_group;
};
int user_request_parse(void *parent, const char *text, struct user_request *ret_request,
		       struct error *err);

#endif
