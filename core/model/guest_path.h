/* SPDX-License-Identifier: Apache-2.0 */
/* Guest paths as words: no file system is asked and no symlink is followed, so these only order and
 * compare what was written. Meaning is core/path's business.
 */
#ifndef AMPHORA_MODEL_GUEST_PATH_H
#define AMPHORA_MODEL_GUEST_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Like strcmp, component by component: two spellings of one path are equal ("//dev/./shm/" and
 * "/dev/shm"), and a path sorts directly before the ones below it. */
int guest_path_compare(const char *a, const char *b);
/* `path` is `parent` or below it. */
bool guest_path_covers(const char *parent, const char *path);
/* Number of components: 0 for "/". */
size_t guest_path_depth(const char *path);
bool guest_path_has_dot_dot(const char *path);

#endif
