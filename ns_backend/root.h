/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts that build the new root share. */
#ifndef AMPHORA_NS_ROOT_H
#define AMPHORA_NS_ROOT_H

#include "core/model/plan.h"
#include "ns_backend/mount_calls.h"
#include "ns_backend/setup.h"

struct new_root {
	const struct ns_setup *setup;
	const struct plan *plan;
	struct mount_how how; /* options 0: copied and completed for each mount */
	int fd;		      /* O_PATH, of the new root directory: "/" to be */
	int empty_directory;  /* that masks directories, or negative: none yet */
	unsigned file_count;  /* generated files so far */
	bool scratch;	      /* writes never reach the rootfs */
};

/* operations.c: executes one operation that isn't PLAN_OP_ROOT. */
int operation_execute(struct new_root *root, const struct plan_op *op, struct error *err);
/* Shows the guest's terminal as /dev/console. */
int operation_bind_console(struct new_root *root, struct error *err);

#endif
