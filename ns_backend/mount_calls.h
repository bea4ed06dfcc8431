/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting on fds, by the new mount API or by mount(2).
 *
 * No call here takes a guest path: a target is an O_PATH fd that rootfs_open() gave, so nothing that
 * the root filesystem holds, or that another container swaps meanwhile, can redirect a mount. Used
 * by the set-up child only, in its own mount namespace.
 */
#ifndef AMPHORA_NS_MOUNT_CALLS_H
#define AMPHORA_NS_MOUNT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mount_how {
	bool use_api;	   /* plan->mount_api */
	bool in_userns;	   /* flags and submounts that came from the host are locked */
	uint32_t options;  /* enum mount_option */
};

/* "/proc/self/fd/N", for the calls that want a path. */
struct fd_path {
	char text[32];
};
struct fd_path fd_path(int fd);

/* Binds what `source` names on `target`, with MOUNT_OPTION_RECURSIVE its submounts, too, and gives the
 * new mounts options on top of the flags that they have: read-only reaches every submount. The new
 * mounts are private. Returns 0 or -errno. */
int mount_bind(const struct mount_how *how, int source, int target);

/* Same, and returns an O_PATH fd of the new mount's root. */
int mount_bind_open(const struct mount_how *how, int source, int target);

/* Mounts a new file system. data: "key=value,flag" or NULL. Returns an O_PATH fd of its root, or
 * -errno. */
int mount_filesystem(const struct mount_how *how, const char *type, const char *data, int target);

/* Adds options to the mount whose root is `mount`, RECURSIVE: to those below it, too. Never clears a
 * flag. Returns 0 or -errno. */
int mount_restrict(const struct mount_how *how, int mount);

/* Same for the mounts below it only. */
int mount_restrict_below(const struct mount_how *how, int mount);

/* enum mount_option bits that hold for what fd names. */
uint32_t mount_options_in_force(int fd);

/* Makes every mount of the namespace private. Returns 0 or -errno. */
int mount_all_private(void);

/* The id of the mount that an fd lies in (fdinfo), or -errno. */
int mount_id(int fd);

#endif
