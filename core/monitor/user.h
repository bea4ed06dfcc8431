/* SPDX-License-Identifier: Apache-2.0 */
/* Who the first process is: `-u` looked up in the guest's own /etc/passwd and /etc/group. */
#ifndef AMPHORA_MONITOR_USER_H
#define AMPHORA_MONITOR_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/spec.h"

#define USER_GROUPS_MAX 1024

struct user_identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary: those that name the user, when no group was asked for */
	size_t group_count;
	char *home; /* "/" when unknown */
};

/* Reads the two files of the root filesystem at root_fd (regular files of at most 1 MiB; missing is
 * an empty file) and resolves `text` (NULL: "0:0"). Members are children of parent. Returns 0, or
 * -errno with err: malformed request, unknown name, unreadable file. */
int user_lookup(void *parent, int root_fd, const char *text, struct user_identity *ret_user,
		struct error *err);

/* The same on the files' texts. Pure; malformed lines are skipped. */
int user_resolve(void *parent, const struct user_request *request, const char *passwd,
		 const char *group, struct user_identity *ret_user, struct error *err);

#endif
