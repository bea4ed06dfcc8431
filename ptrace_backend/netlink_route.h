/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink for hosts that refuse it (plan->emulate_netlink) and for network namespaces of guests: sockets
 * that look like it and are answered by the tracer. */
#ifndef AMPHORA_PTRACE_NETLINK_ROUTE_H
#define AMPHORA_PTRACE_NETLINK_ROUTE_H

#include "ptrace_backend/tracee.h"

/* socket(AF_NETLINK, ..., NETLINK_ROUTE): false for any other, and where the host has it. */
bool netlink_socket(struct tracee *tracee, enum verdict *ret_verdict);
/* Each is for a handler, before it looks at its arguments: false when argument 0 isn't such a socket; else
 * *ret_verdict is the handler's verdict. */
bool netlink_bind(struct tracee *tracee, enum verdict *ret_verdict);
bool netlink_connect(struct tracee *tracee, enum verdict *ret_verdict);
bool netlink_sendto(struct tracee *tracee, enum verdict *ret_verdict);
bool netlink_sendmsg(struct tracee *tracee, bool many, enum verdict *ret_verdict);

/* At the exit of a call that tells a name: writes the one that an rtnetlink socket would tell (its own,
 * or the kernel's), at most `room` bytes, and returns its size; 0 when fd isn't such a socket. */
uint32_t netlink_name(struct tracee *tracee, int fd, bool own, uint64_t address, uint64_t room);

void netlink_stop(struct tracer *tracer);

#endif
