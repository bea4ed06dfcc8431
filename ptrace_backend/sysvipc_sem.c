// SPDX-License-Identifier: Apache-2.0
/* Semaphore sets.
 *
 * Theory of operation
 *
 * semop() tries its operations in order: all are done, or none. What can't be done yet sleeps on the set, and
 * each change tries the sleepers anew: first those that change nothing, since they may all go, then the
 * others in the order they came, from the front after each that went (ipc/sem.c: do_smart_update).
 *
 * SEM_UNDO is a list that the threads of a process share (CLONE_SYSVSEM), with an adjustment a semaphore of
 * each set they used; it survives execve, and the last thread's end applies it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "ptrace_backend/handlers.h"
#include "ptrace_backend/sysvipc.h"

#define ADJUST_MAX IPC_SEMVMX
#define WOULD_BLOCK 1

/* Trying */

static int try_one(struct ipc_sem_set *set, const struct sembuf *operation, struct ipc_undo *undo)
{
	struct ipc_semaphore *semaphore = &set->semaphores[operation->sem_num];
	int value = semaphore->value + operation->sem_op;

	if ((!operation->sem_op && semaphore->value) || value < 0)
		return operation->sem_flg & IPC_NOWAIT ? -EAGAIN : WOULD_BLOCK;
	if (value > IPC_SEMVMX)
		return -ERANGE;
	if (operation->sem_flg & SEM_UNDO) {
		int adjust = undo->adjust[operation->sem_num] - operation->sem_op;

		if (adjust < -ADJUST_MAX - 1 || adjust > ADJUST_MAX)
			return -ERANGE;
		undo->adjust[operation->sem_num] = adjust;
	}
	semaphore->value = value;
	return 0;
}

static void take_back(struct ipc_sem_set *set, const struct sembuf *operation, struct ipc_undo *undo)
{
	set->semaphores[operation->sem_num].value -= operation->sem_op;
	if (operation->sem_flg & SEM_UNDO)
		undo->adjust[operation->sem_num] += operation->sem_op;
}

/* 0, WOULD_BLOCK with *ret_blocking, or -errno. */
static int try_all(struct ipc_sem_set *set, const struct sembuf *operations, unsigned count,
		   struct ipc_undo *undo, pid_t process, unsigned *ret_blocking)
{
	unsigned done = 0;
	int result = 0;

	while (done < count) {
		result = try_one(set, &operations[done], undo);
		if (result)
			break;
		done++;
	}
	if (result) {
		*ret_blocking = done;
		while (done-- > 0)
			take_back(set, &operations[done], undo);
		return result;
	}
	for (unsigned i = 0; i < count; i++)
		set->semaphores[operations[i].sem_num].pid = process;
	set->otime = time(NULL);
	return 0;
}

/* One pass over the sleepers of a sort. True when one went that changed something. */
static bool settle_some(struct ipc_sem_set *set, bool alters)
{
	struct ipc_waiter *next;

	for (struct ipc_waiter *at = TAILQ_FIRST(&set->waiters); at; at = next) {
		int result;

		next = TAILQ_NEXT(at, entry);
		if (at->alters != alters)
			continue;
		result = try_all(set, at->operations, at->count, at->undo, at->tracee->tgid, &at->blocking);
		if (result == WOULD_BLOCK)
			continue;
		ipc_wake(at, result);
		if (result == 0 && alters)
			return true;
	}
	return false;
}

static void settle(struct ipc_sem_set *set)
{
	do
		settle_some(set, false);
	while (settle_some(set, true));
}

/* SEM_UNDO */

int ipc_undo_share(struct tracee *tracee)
{
	if (tracee->ipc_undo)
		return 0;
	tracee->ipc_undo = talloc_zero(tracee->tracer, struct ipc_undo_list);
	if (!tracee->ipc_undo)
		return -ENOMEM;
	tracee->ipc_undo->references = 1;
	LIST_INIT(&tracee->ipc_undo->undos);
	return 0;
}

static struct ipc_undo *undo_of(struct tracee *tracee, struct ipc_sem_set *set)
{
	struct ipc_undo *undo;

	if (ipc_undo_share(tracee) < 0)
		return NULL;
	LIST_FOREACH(undo, &tracee->ipc_undo->undos, of_list)
		if (undo->set == set)
			return undo;
	undo = talloc_zero_size(tracee->ipc_undo,
				sizeof(*undo) + set->count * sizeof(undo->adjust[0]));
	if (!undo)
		return NULL;
	undo->set = set;
	LIST_INSERT_HEAD(&tracee->ipc_undo->undos, undo, of_list);
	LIST_INSERT_HEAD(&set->undos, undo, of_set);
	return undo;
}

static void drop_undo(struct ipc_undo *undo)
{
	LIST_REMOVE(undo, of_list);
	LIST_REMOVE(undo, of_set);
	talloc_free(undo);
}

static void apply(const struct ipc_undo *undo, pid_t process)
{
	struct ipc_sem_set *set = undo->set;

	for (unsigned i = 0; i < set->count; i++) {
		struct ipc_semaphore *semaphore = &set->semaphores[i];

		if (!undo->adjust[i])
			continue;
		semaphore->value += undo->adjust[i];
		if (semaphore->value < 0)
			semaphore->value = 0;
		if (semaphore->value > IPC_SEMVMX)
			semaphore->value = IPC_SEMVMX;
		semaphore->pid = process;
	}
	set->otime = time(NULL);
}

void ipc_undo_release(struct tracee *tracee)
{
	struct ipc_undo_list *list = tracee->ipc_undo;

	tracee->ipc_undo = NULL;
	if (!list || --list->references > 0)
		return;
	while (!LIST_EMPTY(&list->undos)) {
		struct ipc_undo *undo = LIST_FIRST(&list->undos);
		struct ipc_sem_set *set = undo->set;

		apply(undo, tracee->tgid);
		drop_undo(undo);
		settle(set);
	}
	talloc_free(list);
}

static void clear_undo(struct ipc_sem_set *set, unsigned first, unsigned count)
{
	struct ipc_undo *undo;

	LIST_FOREACH(undo, &set->undos, of_set)
		for (unsigned i = first; i < first + count; i++)
			undo->adjust[i] = 0;
}

/* Life */

int ipc_make_set(struct ipc_space *space, uint64_t count, struct ipc_object **ret_object)
{
	struct ipc_sem_set *set;

	if (count == 0)
		return -EINVAL;
	if (space->semaphores + count > IPC_SEMMNS)
		return -ENOSPC;
	set = talloc_zero_size(space->tracer, sizeof(*set) + count * sizeof(set->semaphores[0]));
	if (!set)
		return -ENOMEM;
	set->count = (unsigned)count;
	set->ctime = time(NULL);
	TAILQ_INIT(&set->waiters);
	LIST_INIT(&set->undos);
	space->semaphores += set->count;
	*ret_object = &set->object;
	return 0;
}

void ipc_remove_set(struct ipc_sem_set *set)
{
	ipc_wake_all(&set->waiters, -EIDRM);
	while (!LIST_EMPTY(&set->undos))
		drop_undo(LIST_FIRST(&set->undos));
	set->object.space->semaphores -= set->count;
	ipc_unlist(&set->object);
	talloc_free(set);
}

enum verdict handle_semget(struct tracee *tracee, const struct syscall_row *row)
{
	int count = (int)tracee_argument(tracee, 1);

	(void)row;
	if (count < 0 || count > IPC_SEMMSL)
		return tracee_answer(tracee, -EINVAL);
	return tracee_answer(tracee, ipc_get(tracee, IPC_SEM, (int32_t)tracee_argument(tracee, 0),
					     (unsigned)tracee_argument(tracee, 2), (uint64_t)count));
}

/* semop */

struct request {
	const struct sembuf *operations;
	unsigned count;
	bool alters, undoes;
	unsigned highest;
};

static void look_through(struct request *request)
{
	for (unsigned i = 0; i < request->count; i++) {
		const struct sembuf *operation = &request->operations[i];

		request->alters |= operation->sem_op != 0;
		request->undoes |= (operation->sem_flg & SEM_UNDO) != 0;
		if (operation->sem_num > request->highest)
			request->highest = operation->sem_num;
	}
}

static enum verdict sleep_on(struct tracee *tracee, struct ipc_sem_set *set,
			     const struct request *request, struct ipc_undo *undo, unsigned blocking,
			     const struct timespec *timeout)
{
	struct ipc_waiter *waiter = ipc_waiter_new(tracee, &set->object);

	if (waiter)
		waiter->operations = talloc_memdup(waiter, request->operations,
						   request->count * sizeof(struct sembuf));
	if (!waiter || !waiter->operations) {
		ipc_waiter_forget(tracee);
		return tracee_answer(tracee, -ENOMEM);
	}
	waiter->count = request->count;
	waiter->blocking = blocking;
	waiter->alters = request->alters;
	waiter->undo = undo;
	waiter->ends_by_stop = true;
	return ipc_sleep(tracee, waiter, &set->waiters, timeout);
}

static enum verdict operate(struct tracee *tracee, int id, struct request *request,
			    const struct timespec *timeout)
{
	struct ipc_object *object = ipc_find(tracee, IPC_SEM, id);
	struct ipc_sem_set *set = (struct ipc_sem_set *)object;
	struct ipc_undo *undo = NULL;
	unsigned blocking;
	int result;

	if (!object)
		return tracee_answer(tracee, -EINVAL);
	look_through(request);
	if (request->highest >= set->count)
		return tracee_answer(tracee, -EFBIG);
	if (!ipc_allows(tracee, object, request->alters ? IPC_WRITE : IPC_READ))
		return tracee_answer(tracee, -EACCES);
	if (request->undoes) {
		undo = undo_of(tracee, set);
		if (!undo)
			return tracee_answer(tracee, -ENOMEM);
	}
	result = try_all(set, request->operations, request->count, undo, tracee->tgid, &blocking);
	if (result == WOULD_BLOCK)
		return sleep_on(tracee, set, request, undo, blocking, timeout);
	if (result == 0 && request->alters)
		settle(set);
	return tracee_answer(tracee, result);
}

static enum verdict do_semop(struct tracee *tracee, int id, uint64_t address, unsigned count,
		       const struct timespec *timeout)
{
	struct sembuf operations[IPC_SEMOPM];
	struct request request = { .operations = operations, .count = count };
	enum verdict verdict;

	if (ipc_goes_on(tracee, &verdict))
		return verdict;
	if (count > IPC_SEMOPM)
		return tracee_answer(tracee, -E2BIG);
	if (count < 1)
		return tracee_answer(tracee, -EINVAL);
	if (tracee_read(tracee, address, operations, count * sizeof(operations[0])) < 0)
		return tracee_answer(tracee, -EFAULT);
	if (id < 0 || (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
				   timeout->tv_nsec >= 1000000000)))
		return tracee_answer(tracee, -EINVAL);
	return operate(tracee, id, &request, timeout);
}

enum verdict handle_semop(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return do_semop(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			 (unsigned)tracee_argument(tracee, 2), NULL);
}

enum verdict handle_semtimedop(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t address = tracee_argument(tracee, 3);
	struct timespec timeout;

	(void)row;
	if (address && ipc_read_timeout(tracee, address, &timeout) < 0)
		return tracee_answer(tracee, -EFAULT);
	return do_semop(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			 (unsigned)tracee_argument(tracee, 2), address ? &timeout : NULL);
}

/* semctl */

static int64_t tell_limits(struct tracee *tracee, int command, uint64_t address)
{
	const struct ipc_space *space = ipc_space(tracee, false);
	struct seminfo info = { .semmap = IPC_SEMMNS, .semmni = IPC_SEMMNI, .semmns = IPC_SEMMNS,
				.semmnu = IPC_SEMMNS, .semmsl = IPC_SEMMSL, .semopm = IPC_SEMOPM,
				.semume = IPC_SEMOPM, .semusz = SEMUSZ,	    .semvmx = IPC_SEMVMX,
				.semaem = ADJUST_MAX };

	if (command == SEM_INFO) {
		info.semusz = space ? (int)space->tables[IPC_SEM].used : 0;
		info.semaem = space ? (int)space->semaphores : 0;
	}
	if (tracee_write(tracee, address, &info, sizeof(info)) < 0)
		return -EFAULT;
	return ipc_highest(space, IPC_SEM);
}

static int64_t tell_set(struct tracee *tracee, int id, enum ipc_lookup lookup, uint64_t address)
{
	struct semid64_ds status = { 0 };
	const struct ipc_sem_set *set;
	struct ipc_object *object;
	int result = ipc_look(tracee, IPC_SEM, id, lookup, &object), error;

	if (result < 0)
		return result;
	set = (const struct ipc_sem_set *)object;
	ipc_show(tracee, object, &status.sem_perm);
	status.sem_otime = set->otime;
	status.sem_ctime = set->ctime;
	status.sem_nsems = set->count;
	error = ipc_write_set(tracee, address, &status);
	return error ? error : result;
}

/* Sleepers that wait for this semaphore to rise, or to be zero. */
static int count_waiters(const struct ipc_sem_set *set, unsigned number, bool zero)
{
	const struct ipc_waiter *at;
	int count = 0;

	TAILQ_FOREACH(at, &set->waiters, entry) {
		const struct sembuf *blocking = &at->operations[at->blocking];

		count += blocking->sem_num == number &&
			 (zero ? blocking->sem_op == 0 : blocking->sem_op < 0);
	}
	return count;
}

static int64_t set_value(struct tracee *tracee, int id, int number, int value)
{
	struct ipc_object *object = ipc_find(tracee, IPC_SEM, id);
	struct ipc_sem_set *set = (struct ipc_sem_set *)object;

	if (value < 0 || value > IPC_SEMVMX)
		return -ERANGE;
	if (!object || number < 0 || (unsigned)number >= set->count)
		return -EINVAL;
	if (!ipc_allows(tracee, object, IPC_WRITE))
		return -EACCES;
	clear_undo(set, (unsigned)number, 1);
	set->semaphores[number].value = value;
	set->semaphores[number].pid = tracee->tgid;
	set->ctime = time(NULL);
	settle(set);
	return 0;
}

static int64_t get_all(struct tracee *tracee, struct ipc_sem_set *set, uint64_t address)
{
	uint16_t values[256];

	for (unsigned i = 0; i < set->count;) {
		unsigned some = 0;

		while (some < 256 && i + some < set->count) {
			values[some] = (uint16_t)set->semaphores[i + some].value;
			some++;
		}
		if (tracee_write(tracee, address + i * sizeof(values[0]), values, some * sizeof(values[0])) < 0)
			return -EFAULT;
		i += some;
	}
	return 0;
}

static int64_t set_all(struct tracee *tracee, struct ipc_sem_set *set, uint64_t address)
{
	uint16_t *values = talloc_array(NULL, uint16_t, set->count);
	int64_t result = 0;

	if (!values)
		return -ENOMEM;
	if (tracee_read(tracee, address, values, set->count * sizeof(values[0])) < 0)
		result = -EFAULT;
	for (unsigned i = 0; i < set->count && !result; i++)
		if (values[i] > IPC_SEMVMX)
			result = -ERANGE;
	for (unsigned i = 0; i < set->count && !result; i++) {
		set->semaphores[i].value = values[i];
		set->semaphores[i].pid = tracee->tgid;
	}
	talloc_free(values);
	if (result)
		return result;
	clear_undo(set, 0, set->count);
	set->ctime = time(NULL);
	settle(set);
	return 0;
}

/* GETVAL and the others that look at the set. */
static int64_t look(struct tracee *tracee, int id, int number, int command, uint64_t address)
{
	struct ipc_object *object = ipc_find(tracee, IPC_SEM, id);
	struct ipc_sem_set *set = (struct ipc_sem_set *)object;

	if (!object)
		return -EINVAL;
	if (!ipc_allows(tracee, object, command == SETALL ? IPC_WRITE : IPC_READ))
		return -EACCES;
	if (command == GETALL)
		return get_all(tracee, set, address);
	if (command == SETALL)
		return set_all(tracee, set, address);
	if (number < 0 || (unsigned)number >= set->count)
		return -EINVAL;
	switch (command) {
	case GETVAL:
		return set->semaphores[number].value;
	case GETPID:
		return set->semaphores[number].pid;
	default:
		return count_waiters(set, (unsigned)number, command == GETZCNT);
	}
}

static int64_t change(struct tracee *tracee, int id, int command, uint64_t address)
{
	struct ipc64_perm perm;
	struct ipc_object *object;
	int error;

	if (command == IPC_SET && ipc_read_perm(tracee, address, &perm) < 0)
		return -EFAULT;
	error = ipc_look_owned(tracee, IPC_SEM, id, &object);
	if (error)
		return error;
	if (command == IPC_RMID) {
		ipc_remove_set((struct ipc_sem_set *)object);
		return 0;
	}
	error = ipc_set(tracee, object, &perm);
	if (!error)
		((struct ipc_sem_set *)object)->ctime = time(NULL);
	return error;
}

int64_t ipc_semctl(struct tracee *tracee, int id, int number, int command, uint64_t argument)
{
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case SEM_INFO:
		return tell_limits(tracee, command, argument);
	case IPC_STAT:
		return tell_set(tracee, id, LOOKUP_ID, argument);
	case SEM_STAT:
		return tell_set(tracee, id, LOOKUP_INDEX, argument);
	case SEM_STAT_ANY:
		return tell_set(tracee, id, LOOKUP_ANY, argument);
	case GETALL:
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
	case SETALL:
		return look(tracee, id, number, command, argument);
	case SETVAL:
		return set_value(tracee, id, number, (int)argument);
	case IPC_SET:
	case IPC_RMID:
		return change(tracee, id, command, argument);
	default:
		return -EINVAL;
	}
}

enum verdict handle_semctl(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, ipc_semctl(tracee, (int)tracee_argument(tracee, 0),
						(int)tracee_argument(tracee, 1),
						(int)tracee_argument(tracee, 2),
						tracee_argument(tracee, 3)));
}
