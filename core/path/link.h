/* SPDX-License-Identifier: Apache-2.0 */
/* Names of emulated hard links: what the text of a symlink says.
 *
 * Where a file system refuses link(2), the names of one file are symlinks whose text names an object,
 *
 *	/.amphora-links/ab/abcdef...	(32 hexadecimal digits, the first two twice)
 *
 * a regular file in the hidden directory at the root of the mount. The text says nothing about
 * where the name is, so names and whole root filesystems may be moved; where nothing emulates (in a
 * chroot, in namespaces) the kernel follows it to the object as an ordinary symlink.
 * PRoot's names are symlinks to DIRECTORY/.l2s.NAMEnnnn, which is one to DIRECTORY/.l2s.NAMEnnnn.cccc,
 * the file; cccc counts the names.
 *
 * Freestanding, no system call; core/store/links.h keeps the objects.
 */
#ifndef AMPHORA_PATH_LINK_H
#define AMPHORA_PATH_LINK_H

#include <stdbool.h>
#include <stddef.h>

#define LINK_DIRECTORY	 ".amphora-links"
#define LINK_ID_LENGTH	 32
#define LINK_TEXT_LENGTH (1 + (sizeof(LINK_DIRECTORY) - 1) + 1 + 2 + 1 + LINK_ID_LENGTH)

struct link_id {
	char text[LINK_ID_LENGTH + 1];
};

/* Whether text (not NUL-terminated) is a name's; then *ret_id is the object. */
bool link_parse(const char *text, size_t length, struct link_id *ret_id);
/* The text of a name; LINK_TEXT_LENGTH characters and a NUL. Below a mount's host path it is the
 * object's own path. */
void link_format(const struct link_id *id, char text[LINK_TEXT_LENGTH + 1]);
/* Whether a host path is an object's. */
bool link_of_host(const char *host, size_t length, struct link_id *ret_id);
/* The directory of objects, a name that no guest can use. */
bool link_is_hidden(const char *name, size_t length);

/* Whether the last component of text is PRoot's: ".l2s.NAMEnnnn" or ".l2s.NAMEnnnn.cccc". */
bool link_is_l2s(const char *text, size_t length);
/* cccc of such a file, or 0 for one without. */
unsigned link_l2s_count(const char *text, size_t length);

#endif
