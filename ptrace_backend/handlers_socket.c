// SPDX-License-Identifier: Apache-2.0
/* Unix socket addresses: paths that hide in structures.
 *
 * Theory of operation
 *
 * bind, connect, sendto, sendmsg and sendmmsg name a unix socket by a path in a sockaddr_un. It is
 * resolved like any other path and put, as a host path, into a copy of the address. Abstract
 * names, autobind and other families stay as they are, in a copy all the same: no rule of Landlock's keeps a
 * guest that races from the host's sockets. These calls may sleep and be restarted, so each stops at
 * its exit to give the guest its arguments back.
 *
 * A host path is longer than the guest's and sun_path holds 108 bytes. Where it doesn't fit, a
 * symlink in the state directory stands for the parent directory:
 *
 *	STATE/l/3f0c19aa -> /home/user/.local/share/amphora/containers/.../run/postgresql
 *	address:  STATE/l/3f0c19aa/.s.PGSQL.5432
 *
 * Its name is a hash of its target, so that every later call finds it again and nothing has to be
 * remembered. handlers_receive.c undoes both steps. A name that is too long even so is left as it is when it
 * has no slash.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/compat.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/layout.h"
#include "ptrace_backend/names_filter.h"
#include "ptrace_backend/namespaces.h"
#include "ptrace_backend/netlink_route.h"
#include "ptrace_backend/permissions.h"
#include "ptrace_backend/socket_name.h"
#include "ptrace_backend/syscall_table.h"

#define CONTROL_MAX	  4096 /* SCM_RIGHTS of 253 fds is a quarter of it */
#define LINK_ATTEMPTS	  8
#define CAPABILITY_SETUID 7

/* The path in an address of that length. Returns 1, or 0 when there is none. */
static int path_of(const struct sockaddr_un *name, uint64_t length, char path[SUN_PATH_SIZE + 1])
{
	if (length <= PATH_OFFSET || length > sizeof(*name) || name->sun_family != AF_UNIX ||
	    name->sun_path[0] == '\0')
		return 0;
	memcpy(path, name->sun_path, length - PATH_OFFSET);
	path[length - PATH_OFFSET] = '\0';
	return 1;
}

int socket_read_path(const struct tracee *tracee, uint64_t address, uint64_t length,
		     char path[SUN_PATH_SIZE + 1])
{
	struct sockaddr_un name;

	if (!address || length <= PATH_OFFSET || length > sizeof(name))
		return 0;
	if (tracee_read(tracee, address, &name, length) < 0)
		return -EFAULT;
	return path_of(&name, length, path);
}

/* Host paths that are too long */

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static bool link_is(const char *link, const char *target)
{
	char text[PATH_SIZE];
	ssize_t length = readlink(link, text, sizeof(text) - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	return strcmp(text, target) == 0;
}

/* Writes STATE/l/HASH/NAME. `host` is changed and restored. Returns 0 or -ENAMETOOLONG. */
static int shorten(const struct tracer *tracer, char *host, char sun_path[SUN_PATH_SIZE])
{
	char *slash = strrchr(host, '/');
	char link[SUN_PATH_SIZE];
	uint32_t hash;
	int result = -ENAMETOOLONG;

	if (!slash || slash == host || !slash[1])
		return -ENAMETOOLONG;
	if (snprintf(link, sizeof(link), "%s/l", tracer->state_directory) >= (int)sizeof(link))
		return -ENAMETOOLONG;
	mkdir(link, 0700);
	*slash = '\0';
	hash = hash_text(host);
	for (unsigned attempt = 0; attempt < LINK_ATTEMPTS; attempt++) {
		snprintf(link, sizeof(link), "%s/l/%08x", tracer->state_directory, hash + attempt);
		if (snprintf(sun_path, SUN_PATH_SIZE, "%s/%s", link, slash + 1) >=
		    (int)SUN_PATH_SIZE)
			break;
		if (symlink(host, link) == 0 || link_is(link, host)) {
			result = 0;
			break;
		}
	}
	*slash = '/';
	return result;
}

/* Puts the address of a resolved path where the guest can only read it. `binds_as`: what the guest calls a
 * socket that gets this name, or NULL. */
static int put_address(struct tracee *tracee, struct path_result *result, const char *binds_as,
		       uint64_t *ret_address, uint64_t *ret_length)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t length = result->host_length;
	int error = 0;

	if (!length)
		name.sun_path[0] = '/'; /* an empty one would be an abstract name */
	else if (length < SUN_PATH_SIZE)
		memcpy(name.sun_path, result->host, length);
	else
		error = shorten(tracee->tracer, result->host, name.sun_path);
	if (error)
		return error;
	if (binds_as)
		socket_name_remember(tracee->tracer, name.sun_path, binds_as);
	*ret_length = PATH_OFFSET + strlen(name.sun_path) + 1;
	return tracee_put(tracee, &name, *ret_length, ret_address);
}

/* A name in the tracee's cwd, which is the kernel's own, means the same to both. */
static bool is_in_cwd(struct tracee *tracee, const char *path, const struct path_result *result)
{
	struct path_position cwd;
	char host[PATH_SIZE];
	int length;

	if (strchr(path, '/') || tracee_cwd_position(tracee, &cwd) < 0)
		return false;
	length = path_to_host(tracee_table(tracee), &cwd, host, sizeof(host));
	return length >= 0 && result->host_length == (size_t)length + 1 + strlen(path) &&
	       !memcmp(result->host, host, (size_t)length) && result->host[length] == '/' &&
	       !strcmp(result->host + length + 1, path);
}

/* A copy of the guest's own name: of up to 108 bytes, where no NUL follows. */
static int put_name(struct tracee *tracee, const char *path, uint64_t *ret_address,
		    uint64_t *ret_length)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	memcpy(name.sun_path, path, length);
	*ret_length = PATH_OFFSET + length + (length < SUN_PATH_SIZE);
	return tracee_put(tracee, &name, *ret_length, ret_address);
}

/* What bind() answers before the kernel could (fs/namei.c, net/unix). */
static int refuse_bind(struct tracee *tracee, const struct path_result *result)
{
	struct stat status;

	if (result->last != PATH_LAST_NORMAL || (result->flags & PATH_RESULT_MOUNT_ROOT))
		return -EADDRINUSE;
	if (!(tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY))
		return 0;
	return lstat(result->host, &status) == 0 ? -EADDRINUSE : -EROFS;
}

/* Puts an address, translated where that is needed, where the guest can't change it: what was seen to be no
 * path would else become one before the kernel looks. Returns 1, 0 when there is none, -errno. */
static int take_address(struct tracee *tracee, uint64_t *address, uint64_t *length, bool binds)
{
	struct path_result *result = tracee_result_buffer(tracee, 0);
	union {
		struct sockaddr_storage any;
		struct sockaddr_un local;
	} name;
	char path[SUN_PATH_SIZE + 1];
	uint64_t copy;
	int error;

	if (!*address || !*length || *length > sizeof(name.any)) /* the kernel answers EINVAL */
		return 0;
	if (tracee_read(tracee, *address, &name, *length) < 0)
		return -EFAULT;
	if (path_of(&name.local, *length, path)) {
		error = tracee_resolve_string(tracee, AT_FDCWD, path,
					      binds ? PATH_PARENT : PATH_FOLLOW, result);
		if (!error && binds)
			error = refuse_bind(tracee, result);
		if (!error && permissions_on(tracee))
			error = binds ? permissions_create(tracee, result) :
					permissions_object(tracee, result, W_OK);
		if (!error)
			error = put_address(tracee, result, binds ? path : NULL, address, length);
		if (error == -ENAMETOOLONG && is_in_cwd(tracee, path, result))
			error = put_name(tracee, path, address, length);
		return error ? error : 1;
	}
	error = ports_to_host(tracee, *address, *length, binds, &copy);
	if (!error)
		error = tracee_put(tracee, &name, *length, &copy);
	if (error >= 0)
		*address = copy;
	return error < 0 ? error : 1;
}

/* The same for an address in these two arguments. */
static int translate_address(struct tracee *tracee, unsigned address_index, unsigned length_index,
			     bool binds)
{
	uint64_t address = tracee_argument(tracee, address_index);
	uint64_t length = (uint32_t)tracee_argument(tracee, length_index);
	int taken = take_address(tracee, &address, &length, binds);

	if (taken > 0) {
		tracee_set_argument(tracee, address_index, address);
		tracee_set_argument(tracee, length_index, length);
	}
	return taken;
}

static enum verdict finish(struct tracee *tracee, int translated)
{
	if (translated < 0)
		return tracee_answer(tracee, translated);
	return translated ? continue_and_restore(tracee) : VERDICT_CONTINUE;
}

/* The new socket's owner is remembered. Its path is resolved again: bind() is rare. */
static void after_bind(struct tracee *tracee)
{
	struct path_result *result = tracee_result_buffer(tracee, 0);
	char path[SUN_PATH_SIZE + 1];

	tracee_restore_arguments(tracee);
	if (tracee_result(tracee) < 0)
		return;
	if (socket_read_path(tracee, tracee_argument(tracee, 1), (uint32_t)tracee_argument(tracee, 2), path) > 0 &&
	    tracee_resolve_string(tracee, AT_FDCWD, path, PATH_PARENT, result) == 0)
		ids_own(tracee, result->host);
}

enum verdict handle_bind(struct tracee *tracee, const struct syscall_row *row)
{
	char path[SUN_PATH_SIZE + 1];
	enum verdict verdict;

	(void)row;
	if (netlink_bind(tracee, &verdict))
		return verdict;
	if (socket_read_path(tracee, tracee_argument(tracee, 1), (uint32_t)tracee_argument(tracee, 2),
			     path) > 0 &&
	    names_filter_install(tracee, &verdict))
		return verdict;
	verdict = finish(tracee, translate_address(tracee, 1, 2, true));
	if (verdict == VERDICT_EXIT && tracee->tracer->fake_ids)
		tracee->on_exit = after_bind;
	return verdict;
}

enum verdict handle_connect(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict;

	(void)row;
	return netlink_connect(tracee, &verdict) ?
		       verdict :
		       finish(tracee, translate_address(tracee, 1, 2, false));
}

enum verdict handle_sendto(struct tracee *tracee, const struct syscall_row *row)
{
	enum verdict verdict;

	(void)row;
	return netlink_sendto(tracee, &verdict) ?
		       verdict :
		       finish(tracee, translate_address(tracee, 4, 5, false));
}

/* Messages */

/* Replaces msg_name of a header. Returns 0 or -errno. */
static int translate_name(struct tracee *tracee, struct msghdr *header)
{
	uint64_t address = (uintptr_t)header->msg_name, length = header->msg_namelen;
	int taken;

	if (length > INT32_MAX)
		return -EINVAL;
	if (length > sizeof(struct sockaddr_storage)) /* as the kernel cuts it */
		length = sizeof(struct sockaddr_storage);
	taken = take_address(tracee, &address, &length, false);
	if (taken <= 0)
		return taken;
	header->msg_name = (void *)(uintptr_t)address;
	header->msg_namelen = (socklen_t)length;
	return 0;
}

/* A faked id in SCM_CREDENTIALS would be EPERM. Ids that the sender may claim become the real ones.
 * Returns 1 when something was changed, 0, or -EPERM. */
static int claim_real_ids(struct tracee *tracee, unsigned char *control, size_t size)
{
	const struct credentials *own = &tracee->credentials;
	bool may_claim_any = credentials_capable(own, CAPABILITY_SETUID);
	struct control_message message;
	int changed = 0;

	for (size_t at = 0; layout_control_message(tracee, control, size, at, &message);
	     at = message.next) {
		struct ucred claim;

		if (message.level == SOL_SOCKET && message.type == SCM_CREDENTIALS &&
		    message.data_size == sizeof(claim)) {
			unsigned char *data = control + message.data;

			memcpy(&claim, data, sizeof(claim));
			claim.uid = user_ns_take_uid(tracee, claim.uid);
			if (!may_claim_any && claim.uid != own->ruid && claim.uid != own->euid &&
			    claim.uid != own->suid)
				return -EPERM;
			claim.uid = tracee->tracer->host_uid;
			claim.gid = tracee->tracer->host_gid;
			memcpy(data, &claim, sizeof(claim));
			changed = 1;
		}
	}
	return changed;
}

/* Returns 0 or -errno. */
static int translate_control(struct tracee *tracee, struct msghdr *header)
{
	unsigned char control[CONTROL_MAX];
	uint64_t address;
	int changed, error;

	if (!tracee->tracer->fake_ids || !header->msg_control || !header->msg_controllen ||
	    header->msg_controllen > sizeof(control))
		return 0;
	if (tracee_read(tracee, (uintptr_t)header->msg_control, control, header->msg_controllen) < 0)
		return -EFAULT;
	changed = claim_real_ids(tracee, control, header->msg_controllen);
	if (changed <= 0)
		return changed;
	error = tracee_put(tracee, control, header->msg_controllen, &address);
	if (error)
		return error;
	header->msg_control = (void *)(uintptr_t)address;
	return 0;
}

/* A copy of the header that argument 1 points to becomes the argument. A header without a name is copied, too:
 * it could get one before the kernel looks. Returns 0 or -errno. */
static int take_message(struct tracee *tracee)
{
	struct msghdr header;
	uint64_t address;
	int error;

	if (layout_read_message(tracee, tracee_argument(tracee, 1), &header) < 0)
		return -EFAULT;
	error = translate_name(tracee, &header);
	if (!error)
		error = translate_control(tracee, &header);
	if (!error)
		error = layout_put_message(tracee, &header, &address);
	if (!error)
		tracee_set_argument(tracee, 1, address);
	return error;
}

static enum verdict send_one(struct tracee *tracee)
{
	int error = take_message(tracee);

	return error ? tracee_answer(tracee, error) : continue_and_restore(tracee);
}

/* saved: the guest's array, the call's own number. */
static void after_send_first(struct tracee *tracee)
{
	int64_t result = tracee_result(tracee);

	tracee_restore_arguments(tracee);
	registers_set_number(&tracee->regs, (int64_t)tracee->saved[1]); /* to be restarted as itself */
	if (result >= 0)
		tracee_set_result(tracee,
				  layout_write_sent(tracee, tracee->saved[0], (uint32_t)result) < 0 ?
					  -EFAULT :
					  1);
}

/* sendmmsg sends the first message alone, by sendmsg: the kernel writes each length into the array, hence it
 * can't lie where the guest writes nothing. The caller has to cope with fewer messages anyway. */
static enum verdict send_first(struct tracee *tracee)
{
	uint64_t flags = tracee_argument(tracee, 3);
	int error;

	if ((uint32_t)tracee_argument(tracee, 2) == 0)
		return VERDICT_CONTINUE;
	tracee->saved[0] = tracee_argument(tracee, 1);
	tracee->saved[1] = (uint64_t)tracee->regs.number;
	error = take_message(tracee);
	if (error)
		return tracee_answer(tracee, error);
	tracee_set_argument(tracee, 2, flags);
	tracee_set_number(tracee, SYS_sendmsg);
	tracee->on_exit = after_send_first;
	return VERDICT_EXIT;
}

enum verdict handle_sendmsg(struct tracee *tracee, const struct syscall_row *row)
{
	bool many = row->number == SYS_sendmmsg;
	enum verdict verdict;

	if (netlink_sendmsg(tracee, many, &verdict))
		return verdict;
	return many ? send_first(tracee) : send_one(tracee);
}
