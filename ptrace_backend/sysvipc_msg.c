// SPDX-License-Identifier: Apache-2.0
/* Message queues.
 *
 * Theory of operation
 *
 * A message that is sent goes to the first sleeping receiver whom it suits, else into the queue while that has
 * room, else the sender sleeps with it. A message taken out makes room: every sleeping sender whose message
 * fits then goes on. A receiver's memory is written when its own call ends (sysvipc_wait.c).
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <talloc.h>

#include "ptrace_backend/handlers.h"
#include "ptrace_backend/sysvipc.h"

/* Life */

int ipc_make_queue(struct ipc_space *space, struct ipc_object **ret_object)
{
	struct ipc_queue *queue = talloc_zero(space->tracer, struct ipc_queue);

	if (!queue)
		return -ENOMEM;
	TAILQ_INIT(&queue->messages);
	TAILQ_INIT(&queue->senders);
	TAILQ_INIT(&queue->receivers);
	queue->limit = IPC_MSGMNB;
	queue->ctime = time(NULL);
	*ret_object = &queue->object;
	return 0;
}

static void take_out(struct ipc_queue *queue, struct ipc_message *message)
{
	TAILQ_REMOVE(&queue->messages, message, entry);
	queue->bytes -= message->size;
	queue->count--;
	queue->object.space->messages--;
	queue->object.space->message_bytes -= message->size;
}

static void put_in(struct ipc_queue *queue, struct ipc_message *message)
{
	talloc_steal(queue, message);
	TAILQ_INSERT_TAIL(&queue->messages, message, entry);
	queue->bytes += message->size;
	queue->count++;
	queue->object.space->messages++;
	queue->object.space->message_bytes += message->size;
}

void ipc_remove_queue(struct ipc_queue *queue)
{
	ipc_wake_all(&queue->senders, -EIDRM);
	ipc_wake_all(&queue->receivers, -EIDRM);
	while (!TAILQ_EMPTY(&queue->messages))
		take_out(queue, TAILQ_FIRST(&queue->messages));
	ipc_unlist(&queue->object);
	talloc_free(queue); /* with its messages */
}

enum verdict handle_msgget(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, ipc_get(tracee, IPC_MSG, (int32_t)tracee_argument(tracee, 0),
					     (unsigned)tracee_argument(tracee, 1), 0));
}

/* Sending */

static bool suits(const struct ipc_message *message, const struct ipc_wanted *wanted)
{
	switch (wanted->search) {
	case SEARCH_EQUAL:
		return message->type == wanted->type;
	case SEARCH_NOT_EQUAL:
		return message->type != wanted->type;
	case SEARCH_LESS_EQUAL:
		return message->type <= wanted->type;
	default:
		return true;
	}
}

static bool has_room(const struct ipc_queue *queue, size_t size)
{
	return queue->bytes + size <= queue->limit && queue->count + 1 <= queue->limit;
}

/* To a receiver, or into the queue. A receiver whose buffer is too small is told, and the message goes on. */
static void hand_over(struct ipc_queue *queue, struct ipc_message *message, pid_t sender)
{
	struct ipc_waiter *next;

	queue->stime = time(NULL);
	queue->sender = sender;
	for (struct ipc_waiter *at = TAILQ_FIRST(&queue->receivers); at; at = next) {
		next = TAILQ_NEXT(at, entry);
		if (!suits(message, &at->wanted))
			continue;
		if (message->size > at->wanted.size && !at->wanted.may_be_cut) {
			ipc_wake(at, -E2BIG);
			continue;
		}
		queue->receiver = at->tracee->tgid;
		queue->rtime = time(NULL);
		at->message = talloc_steal(at, message);
		ipc_wake(at, 0);
		return;
	}
	put_in(queue, message);
}

static void let_senders_go(struct ipc_queue *queue)
{
	struct ipc_waiter *next;

	for (struct ipc_waiter *at = TAILQ_FIRST(&queue->senders); at; at = next) {
		struct ipc_message *message = at->message;

		next = TAILQ_NEXT(at, entry);
		if (!has_room(queue, message->size))
			continue;
		at->message = NULL;
		hand_over(queue, message, at->tracee->tgid);
		ipc_wake(at, 0);
	}
}

/* The guest's message. NULL with *ret_error. */
static struct ipc_message *read_message(struct tracee *tracee, uint64_t address, uint64_t size,
					int *ret_error)
{
	struct ipc_message *message;
	int64_t type;

	*ret_error = ipc_read_type(tracee, address, &type);
	if (*ret_error)
		return NULL;
	*ret_error = type < 1 ? -EINVAL : -ENOMEM;
	message = type < 1 ? NULL : talloc_size(tracee, sizeof(*message) + size);
	if (!message)
		return NULL;
	*ret_error = size ? tracee_read(tracee, address + ipc_type_size(tracee), message->text, size) : 0;
	if (*ret_error) {
		talloc_free(message);
		return NULL;
	}
	message->type = type;
	message->size = size;
	return message;
}

static enum verdict wait_for_room(struct tracee *tracee, struct ipc_queue *queue,
				  struct ipc_message *message)
{
	struct ipc_waiter *waiter = ipc_waiter_new(tracee, &queue->object);

	if (!waiter) {
		talloc_free(message);
		return tracee_answer(tracee, -ENOMEM);
	}
	waiter->message = talloc_steal(waiter, message);
	return ipc_sleep(tracee, waiter, &queue->senders, NULL);
}

static enum verdict do_send(struct tracee *tracee, int id, uint64_t address, uint64_t size, unsigned flags)
{
	struct ipc_object *object;
	struct ipc_queue *queue;
	struct ipc_message *message;
	enum verdict verdict;
	int error;

	if (ipc_goes_on(tracee, &verdict))
		return verdict;
	if (size > IPC_MSGMAX || id < 0)
		return tracee_answer(tracee, -EINVAL);
	message = read_message(tracee, address, size, &error);
	if (!message)
		return tracee_answer(tracee, error);
	object = ipc_find(tracee, IPC_MSG, id);
	queue = (struct ipc_queue *)object;
	if (!object)
		error = -EINVAL;
	else if (!ipc_allows(tracee, object, IPC_WRITE))
		error = -EACCES;
	else if (has_room(queue, size))
		hand_over(queue, message, tracee->tgid);
	else if (flags & IPC_NOWAIT)
		error = -EAGAIN;
	else
		return wait_for_room(tracee, queue, message);
	if (error)
		talloc_free(message);
	return tracee_answer(tracee, error);
}

enum verdict handle_msgsnd(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return do_send(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			  tracee_argument(tracee, 2), (unsigned)tracee_argument(tracee, 3));
}

/* Receiving */

static void understand(struct ipc_wanted *wanted, int64_t type, unsigned flags)
{
	wanted->may_be_cut = flags & MSG_NOERROR;
	wanted->type = type;
	if (flags & MSG_COPY) {
		wanted->search = SEARCH_NUMBER;
	} else if (type == 0) {
		wanted->search = SEARCH_ANY;
	} else if (type < 0) {
		wanted->search = SEARCH_LESS_EQUAL;
		wanted->type = type == INT64_MIN ? INT64_MAX : -type;
	} else {
		wanted->search = flags & MSG_EXCEPT ? SEARCH_NOT_EQUAL : SEARCH_EQUAL;
	}
}

static struct ipc_message *find_message(const struct ipc_queue *queue, const struct ipc_wanted *wanted)
{
	struct ipc_message *at, *found = NULL;
	int64_t number = 0;

	TAILQ_FOREACH(at, &queue->messages, entry) {
		if (wanted->search == SEARCH_NUMBER) {
			if (number++ == wanted->type)
				return at;
		} else if (suits(at, wanted)) {
			if (wanted->search != SEARCH_LESS_EQUAL)
				return at;
			if (!found || at->type < found->type)
				found = at;
		}
	}
	return found;
}

int64_t ipc_deliver(struct tracee *tracee, const struct ipc_message *message,
		    const struct ipc_wanted *wanted)
{
	size_t size = message->size < wanted->size ? message->size : (size_t)wanted->size;

	if (ipc_write_type(tracee, wanted->address, message->type) < 0 ||
	    tracee_write(tracee, wanted->address + ipc_type_size(tracee), message->text, size) < 0)
		return -EFAULT;
	return (int64_t)size;
}

static enum verdict take(struct tracee *tracee, struct ipc_queue *queue, struct ipc_message *message,
			 const struct ipc_wanted *wanted)
{
	int64_t result;

	if (message->size > wanted->size && !wanted->may_be_cut)
		return tracee_answer(tracee, -E2BIG);
	if (wanted->search == SEARCH_NUMBER)
		return tracee_answer(tracee, ipc_deliver(tracee, message, wanted));
	take_out(queue, message);
	queue->receiver = tracee->tgid;
	queue->rtime = time(NULL);
	let_senders_go(queue);
	result = ipc_deliver(tracee, message, wanted);
	talloc_free(message);
	return tracee_answer(tracee, result);
}

static enum verdict wait_for_message(struct tracee *tracee, struct ipc_queue *queue,
				     const struct ipc_wanted *wanted)
{
	struct ipc_waiter *waiter = ipc_waiter_new(tracee, &queue->object);

	if (!waiter)
		return tracee_answer(tracee, -ENOMEM);
	waiter->wanted = *wanted;
	waiter->receives = true;
	return ipc_sleep(tracee, waiter, &queue->receivers, NULL);
}

enum verdict ipc_msgrcv(struct tracee *tracee, int id, uint64_t address, uint64_t size, int64_t type,
			unsigned flags)
{
	struct ipc_wanted wanted = { .size = size, .address = address };
	struct ipc_object *object;
	struct ipc_queue *queue;
	struct ipc_message *message;
	enum verdict verdict;

	if (ipc_goes_on(tracee, &verdict))
		return verdict;
	if (id < 0 || size > INT64_MAX ||
	    ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT))))
		return tracee_answer(tracee, -EINVAL);
	understand(&wanted, type, flags);
	object = ipc_find(tracee, IPC_MSG, id);
	queue = (struct ipc_queue *)object;
	if (!object)
		return tracee_answer(tracee, -EINVAL);
	if (!ipc_allows(tracee, object, IPC_READ))
		return tracee_answer(tracee, -EACCES);
	message = find_message(queue, &wanted);
	if (message)
		return take(tracee, queue, message, &wanted);
	if (flags & IPC_NOWAIT)
		return tracee_answer(tracee, -ENOMSG);
	return wait_for_message(tracee, queue, &wanted);
}

enum verdict handle_msgrcv(struct tracee *tracee, const struct syscall_row *row)
{
	int64_t type = (int64_t)tracee_argument(tracee, 3);

	(void)row;
	return ipc_msgrcv(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			  tracee_argument(tracee, 2), tracee->regs.compat ? (int32_t)type : type,
			  (unsigned)tracee_argument(tracee, 4));
}

/* msgctl */

static int64_t tell_limits(struct tracee *tracee, int command, uint64_t address)
{
	const struct ipc_space *space = ipc_space(tracee, false);
	struct msginfo info = { .msgpool = MSGPOOL,    .msgmap = MSGMAP,     .msgmax = IPC_MSGMAX,
				.msgmnb = IPC_MSGMNB, .msgmni = IPC_MSGMNI, .msgssz = MSGSSZ,
				.msgtql = MSGTQL,     .msgseg = (unsigned short)MSGSEG };

	if (command == MSG_INFO) {
		info.msgpool = space ? (int)space->tables[IPC_MSG].used : 0;
		info.msgmap = space ? (int)space->messages : 0;
		info.msgtql = space ? (int)space->message_bytes : 0;
	}
	if (tracee_write(tracee, address, &info, sizeof(info)) < 0)
		return -EFAULT;
	return ipc_highest(space, IPC_MSG);
}

static int64_t tell_queue(struct tracee *tracee, int id, enum ipc_lookup lookup, uint64_t address)
{
	struct msqid64_ds status = { 0 };
	const struct ipc_queue *queue;
	struct ipc_object *object;
	int result = ipc_look(tracee, IPC_MSG, id, lookup, &object), error;

	if (result < 0)
		return result;
	queue = (const struct ipc_queue *)object;
	ipc_show(tracee, object, &status.msg_perm);
	status.msg_stime = queue->stime;
	status.msg_rtime = queue->rtime;
	status.msg_ctime = queue->ctime;
	status.msg_cbytes = queue->bytes;
	status.msg_qnum = queue->count;
	status.msg_qbytes = queue->limit;
	status.msg_lspid = queue->sender;
	status.msg_lrpid = queue->receiver;
	error = ipc_write_queue(tracee, address, &status);
	return error ? error : result;
}

/* Who may no longer do what it sleeps for is told. */
static void check_rights(struct ipc_waiters *list, const struct ipc_object *object, unsigned rights)
{
	struct ipc_waiter *next;

	for (struct ipc_waiter *at = TAILQ_FIRST(list); at; at = next) {
		next = TAILQ_NEXT(at, entry);
		if (!ipc_allows(at->tracee, object, rights))
			ipc_wake(at, -EACCES);
	}
}

static int64_t set(struct tracee *tracee, struct ipc_queue *queue, const struct ipc64_perm *perm,
		   uint64_t limit)
{
	int error;

	if (limit > IPC_MSGMNB && !namespaces_capable(tracee, namespace_owner(tracee, NAMESPACE_IPC),
						      IPC_CAPABILITY_RESOURCE))
		return -EPERM;
	error = ipc_set(tracee, &queue->object, perm);
	if (error)
		return error;
	queue->limit = limit;
	queue->ctime = time(NULL);
	check_rights(&queue->receivers, &queue->object, IPC_READ);
	check_rights(&queue->senders, &queue->object, IPC_WRITE);
	let_senders_go(queue);
	return 0;
}

static int64_t change(struct tracee *tracee, int id, int command, uint64_t address)
{
	struct ipc64_perm perm;
	struct ipc_object *object;
	uint64_t limit;
	int error;

	if (command == IPC_SET && (ipc_read_perm(tracee, address, &perm) < 0 ||
				   ipc_read_queue_limit(tracee, address, &limit) < 0))
		return -EFAULT;
	error = ipc_look_owned(tracee, IPC_MSG, id, &object);
	if (error)
		return error;
	if (command == IPC_SET)
		return set(tracee, (struct ipc_queue *)object, &perm, limit);
	ipc_remove_queue((struct ipc_queue *)object);
	return 0;
}

static int64_t control(struct tracee *tracee, int id, int command, uint64_t address)
{
	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case MSG_INFO:
		return tell_limits(tracee, command, address);
	case IPC_STAT:
		return tell_queue(tracee, id, LOOKUP_ID, address);
	case MSG_STAT:
		return tell_queue(tracee, id, LOOKUP_INDEX, address);
	case MSG_STAT_ANY:
		return tell_queue(tracee, id, LOOKUP_ANY, address);
	case IPC_SET:
	case IPC_RMID:
		return change(tracee, id, command, address);
	default:
		return -EINVAL;
	}
}

enum verdict handle_msgctl(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, control(tracee, (int)tracee_argument(tracee, 0),
						(int)tracee_argument(tracee, 1),
						tracee_argument(tracee, 2)));
}
