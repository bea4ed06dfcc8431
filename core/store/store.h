/* SPDX-License-Identifier: Apache-2.0 */
/* Where root filesystems, layers, volumes and state live (DESIGN 5.7). */
#ifndef AMPHORA_STORE_STORE_H
#define AMPHORA_STORE_STORE_H

#include "core/base/error.h"

#define STORE_SHARED_MEMORY "/dev/shm"

/* $XDG_DATA_HOME/amphora or ~/.local/share/amphora (root: /var/lib/amphora when HOME is unset),
 * made 0700 when missing. Owner and mode are checked (-EPERM when another user owns it). The string
 * is a child of parent. */
int store_data_directory(void *parent, char **ret_path, struct error *err);
/* $XDG_RUNTIME_DIR/amphora, or a private 0700 directory when that is empty: /run/amphora for root,
 * $TMPDIR|/tmp/amphora-UID otherwise, with the same checks. */
int store_runtime_directory(void *parent, char **ret_path, struct error *err);

/* The same in memory, for what lasts as long as a container and isn't to be found by its name: /dev/shm/amphora-UID where
 * neither XDG_RUNTIME_DIR nor TMPDIR says otherwise. -ENOENT where there is none: root has /run, and what is mounted
 * noexec can't hold all of it. */
int store_memory_directory(void *parent, char **ret_path);

/* Host path of the sidecar ownership record for a rootfs directory: data/records/<dev>-<ino>. The
 * directory is made. */
int store_record_path(void *parent, const char *rootfs, char **ret_path, struct error *err);

#endif
