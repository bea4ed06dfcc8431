/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch layer over a rootfs. */
#ifndef AMPHORA_NS_OVERLAY_H
#define AMPHORA_NS_OVERLAY_H

#include "core/base/mount_info.h"
#include "ns_backend/root.h"

/* More would be a mistake, or an attack on the machine's memory. */
#define OVERLAYS_MAX 256

/* Mounts plan->rootfs, open at `lower`, under a scratch layer on `anchor`, and what is mounted below
 * it likewise. Sets root->fd. */
int overlay_mount_root(struct new_root *root, int lower, int anchor, struct error *err);

/* Mounts one overlay over `lower` on `target`, its upper and work directories made in `scratch` under
 * that number. Returns an O_PATH fd of its root, or -errno: -EINVAL when mounts that the host locked
 * lie below `lower`, or when its file system is no good as a layer. */
int overlay_mount(const struct new_root *root, int scratch, unsigned number, int lower, int target);

/* Gives `upper` the mode and, where mapped, the owner of `lower`: an overlay's root looks as its
 * upper directory does. */
void overlay_copy_attributes(int lower, int upper);

/* proc, sysfs and such: never shown through a layer. */
bool overlay_is_kernel_type(const char *type);

/* The host path of `lower`, free of symlinks and without a trailing slash ("" for "/"), to compare
 * with mountinfo. Returns 0 or -errno. */
int overlay_lower_path(int lower, char *path, size_t size);

/* compose.c: the same as one overlay over `lower`, built of several on the directory `target`. `info`
 * is from before our own mounts. Sets root->fd. */
int compose_root(struct new_root *root, int scratch, int lower, int target,
		 const struct mount_info *info, struct error *err);

#endif
