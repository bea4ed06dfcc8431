/* SPDX-License-Identifier: Apache-2.0 */
/* What execve makes of the caller's ids and capabilities. With real ids nothing is gained: the kernel executes
 * amphora's own file, which has neither set-id bits nor capabilities, and no_new_privs is set. */
#ifndef AMPHORA_PTRACE_EXEC_CREDENTIALS_H
#define AMPHORA_PTRACE_EXEC_CREDENTIALS_H

#include "core/store/capability.h"
#include "ptrace_backend/tracee.h"

struct load_script;

struct exec_credentials {
	struct stat status; /* of the program, as the guest sees it */
	unsigned char capability[CAPABILITY_VALUE_MAX]; /* its security.capability */
	int capability_size; /* or -errno */
	bool nosuid;	     /* its mount */
	bool unmapped;	     /* somebody's whom the machine's user namespace, not the guest's, doesn't know */
	struct credentials after;
	bool secure; /* AT_SECURE */
};

/* Looks at the opened program, whose status is there. */
void exec_credentials_read(const struct tracee *tracee, int fd, struct exec_credentials *exec);
/* At the entry, when nothing else can fail any more: what the caller will be. Returns 0 or -errno (-EPERM: capabilities
 * that the program can't do without). */
int exec_credentials_judge(struct tracee *tracee, struct exec_credentials *exec);
/* At the exec event: the thread is that. */
void exec_credentials_take(struct tracee *tracee, const struct exec_credentials *exec, struct load_script *script);

#endif
