/* SPDX-License-Identifier: Apache-2.0 */
/* What structures in the guest's memory look like to the call that is being handled: the one place that
 * knows the pointers, sizes and ids of 32-bit programs. Handlers work with our own structures.
 *
 * Each returns 0 or -EFAULT unless it says otherwise. None allocates.
 */
#ifndef AMPHORA_PTRACE_LAYOUT_H
#define AMPHORA_PTRACE_LAYOUT_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "ptrace_backend/tracee.h"

/* Bytes of a word, which is what a pointer and a register have. */
static inline size_t layout_word(const struct tracee *tracee)
{
	return tracee->regs.compat ? sizeof(uint32_t) : sizeof(uint64_t);
}

/* Element `index` of an array of pointers (argv). */
int layout_read_pointer(const struct tracee *tracee, uint64_t array, uint64_t index,
			uint64_t *ret_pointer);
/* Puts such an array into the scratch area, or with tracee_put_large() when it is too long for a
 * slot; the pointers are changed. Returns 0 or -errno as these do. */
int layout_put_pointers(struct tracee *tracee, uint64_t *pointers, size_t count,
			uint64_t *ret_address);

/* The result of the stat family. Also -EOVERFLOW, as the kernel for what doesn't fit. */
int layout_write_stat(const struct tracee *tracee, uint64_t address, const struct stat *status);
/* True when it is our own struct stat. */
bool layout_stat_is_own(const struct tracee *tracee);

int layout_write_uname(const struct tracee *tracee, uint64_t address, const struct utsname *name);

/* User and group ids; an id that 16 bits don't hold is written as 65534. */
int layout_write_ids(const struct tracee *tracee, uint64_t address, const uint32_t *ids,
		     uint32_t count);
/* (uid_t)-1 stays that. */
int layout_read_ids(const struct tracee *tracee, uint64_t address, uint32_t *ids, uint32_t count);

/* Messages: the pointers in them are the guest's. */
int layout_read_message(const struct tracee *tracee, uint64_t address, struct msghdr *message);
int layout_put_message(struct tracee *tracee, const struct msghdr *message, uint64_t *ret_address);

/* A struct iovec; its base is the guest's. */
int layout_read_vector(const struct tracee *tracee, uint64_t address, struct iovec *vector);
int layout_write_vector_size(const struct tracee *tracee, uint64_t address, size_t size);

/* layout_signal.c. A siginfo_t has the same size in both. */
int layout_write_siginfo(const struct tracee *tracee, uint64_t address, const siginfo_t *info);
int layout_read_siginfo(const struct tracee *tracee, uint64_t address, siginfo_t *info);
/* A struct rusage of a child that has used nothing. */
int layout_write_no_usage(const struct tracee *tracee, uint64_t address);

/* Bytes from one message of sendmmsg's or recvmmsg's array to the next. */
size_t layout_message_stride(const struct tracee *tracee);
/* What was sent of it, or came. */
int layout_write_sent(const struct tracee *tracee, uint64_t message, uint32_t size);
int layout_write_name_size(const struct tracee *tracee, uint64_t message, uint32_t size);

/* A struct sock_fprog; the program's address is the guest's. */
int layout_read_filter(const struct tracee *tracee, uint64_t address, uint64_t *ret_program,
		       uint16_t *ret_length);
/* Puts a struct sock_fprog for a program that lies at `program` in the guest. Returns 0 or -errno. */
int layout_put_filter(struct tracee *tracee, uint64_t program, uint16_t length,
		      uint64_t *ret_address);

/* The control message at `at` of a buffer in our memory. Returns false for none. */
struct control_message {
	int level, type;
	size_t data, data_size; /* where its data is, from the buffer's start */
	size_t next;		/* of the next one */
};
bool layout_control_message(const struct tracee *tracee, const void *buffer, size_t size, size_t at,
			    struct control_message *ret_message);

#endif
