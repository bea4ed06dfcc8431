// SPDX-License-Identifier: Apache-2.0
/* Unix sockets: names and ids that come back from the kernel.
 *
 * Theory of operation
 *
 * The kernel knows a bound socket by the host path that handle_bind() gave it, possibly a shortened
 * one, and a process by its real ids. getsockname, getpeername, accept, recvfrom, recvmsg and recvmmsg
 * show the one, SO_PEERCRED and SCM_CREDENTIALS the other; both are put right at the call's exit.
 *
 * Few processes need that: only those stop that have bound a path or asked for ids with SO_PASSCRED,
 * and their descendants (names_filter.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/names_filter.h"
#include "ptrace_backend/netlink_route.h"
#include "ptrace_backend/socket_name.h"
#include "ptrace_backend/tracer.h"
#include "ptrace_backend/syscall_table.h"

#define CONTROL_MAX  4096
#define MESSAGES_MAX 1024 /* UIO_MAXIOV, the kernel's own limit */

/* Names */

/* A path that shorten() made, back to the long one: in place. */
static void lengthen(const struct tracer *tracer, char host[PATH_SIZE])
{
	size_t state = strlen(tracer->state_directory);
	char target[PATH_SIZE], *name;
	ssize_t length;

	if (strncmp(host, tracer->state_directory, state) != 0 ||
	    strncmp(host + state, "/l/", 3) != 0)
		return;
	name = strchr(host + state + 3, '/');
	if (!name)
		return;
	*name = '\0';
	length = readlink(host, target, sizeof(target) - 1);
	*name = '/';
	if (length < 0 || (size_t)length + strlen(name) >= PATH_SIZE)
		return;
	memcpy(target + length, name, strlen(name) + 1);
	strcpy(host, target);
}

int socket_path_to_guest(const struct tracee *tracee, char host[PATH_SIZE], char guest[PATH_SIZE])
{
	const struct path_table *table = tracee_table(tracee);
	const char *given = socket_name_given(tracee->tracer, host);
	struct path_position position;

	if (given)
		return snprintf(guest, PATH_SIZE, "%s", given);
	lengthen(tracee->tracer, host);
	if (path_from_host(table, -1, host, &position) < 0)
		return -ENOENT;
	return path_to_guest(table, &tracee->fs->root, &position, guest, PATH_SIZE);
}

/* Whether the call tells the socket's own name, not its peer's. */
static bool is_own_name(const struct tracee *tracee)
{
	const struct syscall_call *call = tracee_call(tracee);

	return call && syscall_call_row(call)->index == ROW_getsockname;
}

/* An address that the kernel wrote: `size` as it says, `room` as the guest gave. *ret_size is set when it
 * became another one. */
static bool show_name(struct tracee *tracee, uint64_t address, uint32_t size, uint64_t room,
		      uint32_t *ret_size)
{
	struct path_result *buffer = tracee_result_buffer(tracee, 0);
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char guest[PATH_SIZE];
	int length;

	if (size > room)
		return false; /* cut off by the guest's buffer: nothing whole to translate */
	if (tracee->tracer->ports)
		ports_to_guest(tracee, address, size, is_own_name(tracee));
	if (socket_read_path(tracee, address, size, buffer->host) <= 0 || buffer->host[0] != '/')
		return false;
	length = socket_path_to_guest(tracee, buffer->host, guest);
	if (length < 0)
		return false;
	if ((size_t)length >= SUN_PATH_SIZE)
		length = (int)SUN_PATH_SIZE - 1;
	memcpy(name.sun_path, guest, (size_t)length);
	*ret_size = (uint32_t)PATH_OFFSET + (uint32_t)length + 1;
	return tracee_write(tracee, address, &name, *ret_size < room ? *ret_size : room) == 0;
}

/* saved: the size of the guest's buffer, and which arguments the buffer and its size are. */
static void after_name(struct tracee *tracee)
{
	uint64_t address = tracee_argument(tracee, (unsigned)tracee->saved[1]);
	uint64_t size_address = tracee_argument(tracee, (unsigned)tracee->saved[1] + 1);
	uint32_t size;

	if (tracee_result(tracee) < 0 ||
	    tracee_read(tracee, size_address, &size, sizeof(size)) < 0)
		return;
	if (!show_name(tracee, address, size, tracee->saved[0], &size)) {
		size = netlink_name(tracee, (int)tracee->entry_arguments[0], tracee->saved[1] == 1,
				    address, tracee->saved[0]);
		if (!size)
			return;
	}
	tracee_write(tracee, size_address, &size, sizeof(size));
}

static enum verdict expect_name(struct tracee *tracee, unsigned index)
{
	int32_t size;

	if (!tracee_argument(tracee, index) ||
	    tracee_read(tracee, tracee_argument(tracee, index + 1), &size, sizeof(size)) < 0 ||
	    size <= 0)
		return VERDICT_CONTINUE;
	tracee->saved[0] = (uint64_t)size;
	tracee->saved[1] = index;
	tracee->on_exit = after_name;
	return VERDICT_EXIT;
}

enum verdict handle_getsockname(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return expect_name(tracee, 1);
}

enum verdict handle_accept(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return expect_name(tracee, 1);
}

enum verdict handle_recvfrom(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return expect_name(tracee, 4);
}

/* Ids */

/* A process of the guest's as the guest knows it, the host's own user as the first process. */
static void show_ids(struct tracee *tracee, struct ucred *ids)
{
	struct tracer *tracer = tracee->tracer;
	const struct tracee *peer = tracer_find(tracer, ids->pid);

	if (ids->uid == tracer->host_uid)
		ids->uid = user_ns_show_uid(tracee, peer ? peer->credentials.euid : tracer->own_uid);
	if (ids->gid == tracer->host_gid)
		ids->gid = user_ns_show_gid(tracee, peer ? peer->credentials.egid : tracer->own_gid);
}

static void after_peercred(struct tracee *tracee)
{
	uint64_t address = tracee_argument(tracee, 3);
	struct ucred peers;
	uint32_t size;

	if (tracee_result(tracee) < 0 ||
	    tracee_read(tracee, tracee_argument(tracee, 4), &size, sizeof(size)) < 0 ||
	    size < sizeof(peers) || tracee_read(tracee, address, &peers, sizeof(peers)) < 0)
		return;
	show_ids(tracee, &peers);
	tracee_write(tracee, address, &peers, sizeof(peers));
}

enum verdict handle_getsockopt(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	tracee->on_exit = after_peercred;
	return VERDICT_EXIT;
}

enum verdict handle_setsockopt(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict;

	(void)row;
	return names_filter_install(tracee, &verdict) ? verdict : VERDICT_CONTINUE;
}

static void show_control(struct tracee *tracee, const struct msghdr *header)
{
	unsigned char control[CONTROL_MAX];
	uint64_t address = (uintptr_t)header->msg_control;
	size_t size = header->msg_controllen;
	struct control_message message;

	if (!address || !size || size > sizeof(control) ||
	    tracee_read(tracee, address, control, size) < 0)
		return;
	for (size_t at = 0; layout_control_message(tracee, control, size, at, &message);
	     at = message.next) {
		struct ucred ids;

		if (message.level == SOL_SOCKET && message.type == SCM_CREDENTIALS &&
		    message.data_size >= sizeof(ids)) {
			memcpy(&ids, control + message.data, sizeof(ids));
			show_ids(tracee, &ids);
			tracee_write(tracee, address + message.data, &ids, sizeof(ids));
		}
	}
}

/* Messages */

static void show_message(struct tracee *tracee, uint64_t address, uint64_t room)
{
	int fd = (int)tracee->entry_arguments[0];
	struct msghdr header;
	uint32_t size;

	if (layout_read_message(tracee, address, &header) < 0)
		return;
	if (header.msg_name && room &&
	    (show_name(tracee, (uintptr_t)header.msg_name, header.msg_namelen, room, &size) ||
	     (size = netlink_name(tracee, fd, false, (uintptr_t)header.msg_name, room)) > 0))
		layout_write_name_size(tracee, address, size);
	if (tracee->tracer->fake_ids)
		show_control(tracee, &header);
}

/* saved: the least room for a name that a message has. */
static void after_recvmsg(struct tracee *tracee)
{
	if (tracee_result(tracee) >= 0)
		show_message(tracee, tracee_argument(tracee, 1), tracee->saved[0]);
}

static void after_recvmmsg(struct tracee *tracee)
{
	uint64_t address = tracee_argument(tracee, 1);
	int64_t count = tracee_result(tracee);

	for (int64_t i = 0; i < count && i < MESSAGES_MAX; i++)
		show_message(tracee, address + (uint64_t)i * layout_message_stride(tracee),
			     tracee->saved[0]);
}

/* Looks at the first of `count` headers for something that has to be seen at the exit. */
static bool wants_exit(struct tracee *tracee, uint64_t address, uint64_t count)
{
	const struct tracer *tracer = tracee->tracer;
	bool wanted = false;

	tracee->saved[0] = UINT32_MAX;
	for (uint64_t i = 0; i < count && i < MESSAGES_MAX; i++) {
		struct msghdr header;

		if (layout_read_message(tracee, address + i * layout_message_stride(tracee),
					&header) < 0)
			break;
		if (header.msg_name && header.msg_namelen < tracee->saved[0])
			tracee->saved[0] = header.msg_namelen;
		wanted |= header.msg_name || (header.msg_control && tracer->fake_ids);
	}
	return wanted;
}

enum verdict handle_recvmsg(struct tracee *tracee, const struct syscall_row *row)
{
	bool many = row->number == SYS_recvmmsg;

	if (!wants_exit(tracee, tracee_argument(tracee, 1),
			many ? (uint32_t)tracee_argument(tracee, 2) : 1))
		return VERDICT_CONTINUE;
	tracee->on_exit = many ? after_recvmmsg : after_recvmsg;
	return VERDICT_EXIT;
}
