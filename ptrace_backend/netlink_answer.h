/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of rtnetlink, made of what is known of the interfaces. Pure. */
#ifndef AMPHORA_PTRACE_NETLINK_ANSWER_H
#define AMPHORA_PTRACE_NETLINK_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "ptrace_backend/interfaces.h"

/* Readers take datagrams into a page (glibc, Go). */
#define NETLINK_DATAGRAM 4096

struct netlink_answer {
	const struct interfaces *interfaces;
	uint32_t port; /* of the asking socket: nlmsg_pid of the answers */
	/* Takes one datagram. */
	void (*send)(void *context, const void *data, size_t size);
	/* Asks the kernel itself (struct nlmsghdr and what follows): calls netlink_pass() with each
	 * datagram of the answer and returns 0; or returns -errno, the host refuses. May be NULL. */
	int (*ask)(void *context, struct netlink_answer *answer, const void *request, size_t size);
	void *context;
	size_t used;
	unsigned char datagram[NETLINK_DATAGRAM] __attribute__((aligned(8)));
};

/* Answers every message of a request, which may be anything. */
void netlink_answer(struct netlink_answer *answer, const void *request, size_t size);
/* The same where there are no interfaces: lists are empty, and orders succeed without effect. */
void netlink_answer_isolated(const struct netlink_answer *answer, const void *request, size_t size);
/* In ask(): a datagram that the kernel answered, split where it is too long for a reader. */
void netlink_pass(struct netlink_answer *answer, const void *data, size_t size);

#endif
