/* SPDX-License-Identifier: Apache-2.0 */
/* Empty files that were made in a root filesystem only to be mounted on, and their removal. */
#ifndef AMPHORA_NS_LEFTOVERS_H
#define AMPHORA_NS_LEFTOVERS_H

struct ns_shared;

/* Marks the root filesystem as used by this container. Returns an fd to hold for the container's
 * life, or -errno: then leftovers_remove() removes nothing. */
int leftovers_lock(const char *rootfs);

/* Removes the files listed in `shared` that are still empty, unless another container uses the
 * root filesystem: removing a mount point takes the mount away there, too. */
void leftovers_remove(const struct ns_shared *shared, const char *rootfs, int lock);

#endif
