/* SPDX-License-Identifier: Apache-2.0 */
/* The walk behind rootfs.c, for kernels without openat2 and for making directories on the way. */
#ifndef AMPHORA_PATH_ROOTFS_WALK_H
#define AMPHORA_PATH_ROOTFS_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum rootfs_walk_flags {
	ROOTFS_WALK_FOLLOW = 1 << 0, /* a symlink in the last component */
	ROOTFS_WALK_MAKE = 1 << 1,   /* missing directories before the last component */
};

struct rootfs_place {
	int dir;		 /* O_PATH fd of the directory; the caller closes it */
	char name[NAME_MAX + 1]; /* in it; "." for the directory itself; may not exist */
	bool slash;		 /* a trailing slash asks for a directory */
};

/* Finds the directory and the name that path means in a chroot at root_fd. New directories get
 * `mode`. With FOLLOW the name was no symlink when it was looked at: open it with O_NOFOLLOW. Returns
 * 0 or -errno; ret_place is set only on success. */
int rootfs_walk(int root_fd, const char *path, unsigned flags, mode_t mode,
		struct rootfs_place *ret_place);

#endif
