/* SPDX-License-Identifier: Apache-2.0 */
/* Names of unix sockets, between the two directions. */
#ifndef AMPHORA_PTRACE_SOCKET_NAME_H
#define AMPHORA_PTRACE_SOCKET_NAME_H

#include <stddef.h>
#include <sys/un.h>

#include "ptrace_backend/tracee.h"

#define PATH_OFFSET   offsetof(struct sockaddr_un, sun_path)
#define SUN_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

/* The path of a unix address in the guest's memory, NUL-terminated. Returns 1, 0 for any other address
 * (which the kernel judges), or -EFAULT. */
int socket_read_path(const struct tracee *tracee, uint64_t address, uint64_t length,
		     char path[SUN_PATH_SIZE + 1]);
/* The guest's path for a unix socket that the kernel knows by this host path, which is changed. Returns its
 * length, or -ENOENT when it lies outside the guest's tree. */
int socket_path_to_guest(const struct tracee *tracee, char host[PATH_SIZE], char guest[PATH_SIZE]);

/* socket_name.c: a bound socket's name is the text that bind(2) was given, relative or through symlinks;
 * the kernel knows the one that we gave it instead. The last few hundred are remembered. */
void socket_name_remember(struct tracer *tracer, const char *kernel, const char *given);
/* The text for a name of the kernel's, or NULL. */
const char *socket_name_given(const struct tracer *tracer, const char *kernel);

#endif
