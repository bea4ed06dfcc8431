/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/mountinfo, as far as it is needed. */
#ifndef AMPHORA_BASE_MOUNT_INFO_H
#define AMPHORA_BASE_MOUNT_INFO_H

#include <stddef.h>

struct mount_info_entry {
	int id, parent_id;
	unsigned major, minor; /* of the file system */
	const char *root;  /* unescaped: what of the file system is shown */
	const char *point; /* unescaped, as seen from the caller's root */
	const char *type;
};

struct mount_info {
	struct mount_info_entry *entries; /* in the order of mounting, parents first */
	size_t count;
	size_t skipped; /* lines that don't parse */
};

/* Parses the text of mountinfo; result is a child of parent. Lines that don't parse are skipped.
 * Returns 0 or -ENOMEM. */
int mount_info_parse(void *parent, char *text, struct mount_info *ret_info);

/* Reads the caller's. Returns 0 or -errno. */
int mount_info_read(void *parent, struct mount_info *ret_info);

/* Whether `id` is `ancestor` or lies below it. */
int mount_info_below(const struct mount_info *info, int id, int ancestor);

#endif
