/* SPDX-License-Identifier: Apache-2.0 */
/* A whole root filesystem's emulated hard links, ours and PRoot's: counted, or made into real ones.
 *
 * Theory of operation
 *
 * The tree is walked by fds and without following anything. A name (a symlink) is replaced by rename(2) with a
 * hard link to its file, or with a copy, so that it is never missing. Only when all names are done do the
 * files lose the name that they were kept by, and only those that a name was found for: what stops half-way
 * can be started again, and a file without a name is never lost.
 */
#ifndef AMPHORA_STORE_LINKS_CONVERT_H
#define AMPHORA_STORE_LINKS_CONVERT_H

#include <stddef.h>

#include "core/base/error.h"

enum links_conversion {
	LINKS_COUNT,	 /* counts beside the objects are put right */
	LINKS_TO_KERNEL, /* hard links */
	LINKS_TO_COPIES, /* files of their own */
};

struct links_summary {
	size_t names, files; /* found */
	size_t counts;	     /* that were wrong */
	size_t nameless;     /* files that no name was found for; they stay */
	size_t dangling;     /* names whose file isn't there; they stay */
};

/* `rootfs` is a host path. No container should be using it. Returns 0 or -errno with err. */
int links_convert_tree(const char *rootfs, enum links_conversion how, struct links_summary *ret_summary,
		       struct error *err);

#endif
