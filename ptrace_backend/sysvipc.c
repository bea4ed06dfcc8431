// SPDX-License-Identifier: Apache-2.0
/* System V objects in their tables: ids, keys, permissions, and what happens to them with their users.
 *
 * Theory of operation
 *
 *   tracer->ipc, or an IPC namespace's ---> a table a kind ---> objects, by index
 *
 * An id is a sequence number times IPC_IDS and an index, made as the kernel makes it (ipc/util.c): an id of
 * a removed object isn't given again soon. Who may do what is decided from the ids that the guest
 * has: faked ones, or those of /proc/PID/status.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <talloc.h>

#include "ptrace_backend/process_status.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracer.h"

#define SEQUENCES (INT32_MAX / IPC_IDS)

static const int limits[IPC_KINDS] = {
	[IPC_SHM] = IPC_SHMMNI, [IPC_SEM] = IPC_SEMMNI, [IPC_MSG] = IPC_MSGMNI };

/* Namespaces */

struct ipc_space *ipc_space(struct tracee *tracee, bool make)
{
	struct guest_namespace *own = tracee->namespaces.in[NAMESPACE_IPC];
	struct ipc_space **space = own ? &own->ipc : &tracee->tracer->ipc;

	if (*space || !make)
		return *space;
	*space = talloc_zero(own ? (void *)own : (void *)tracee->tracer, struct ipc_space);
	if (!*space)
		return NULL;
	(*space)->tracer = tracee->tracer;
	for (unsigned kind = 0; kind < IPC_KINDS; kind++)
		(*space)->tables[kind].highest = (*space)->tables[kind].last = -1;
	return *space;
}

static void remove_object(struct ipc_object *object)
{
	switch (object->kind) {
	case IPC_SHM:
		ipc_remove_segment((struct ipc_segment *)object);
		break;
	case IPC_SEM:
		ipc_remove_set((struct ipc_sem_set *)object);
		break;
	default:
		ipc_remove_queue((struct ipc_queue *)object);
		break;
	}
}

void ipc_space_free(struct ipc_space *space)
{
	for (unsigned kind = 0; space && kind < IPC_KINDS; kind++)
		while (space->tables[kind].highest >= 0) {
			struct ipc_object *object =
				space->tables[kind].slots[space->tables[kind].highest];

			remove_object(object);
			/* A segment that is attached was only marked. */
			if (space->tables[kind].highest >= 0 &&
			    space->tables[kind].slots[space->tables[kind].highest] == object) {
				ipc_unlist(object);
				object->space = NULL;
			}
		}
	if (space && space->tracer->ipc_shown == space)
		space->tracer->ipc_shown = NULL;
	talloc_free(space);
}

/* Tables */

struct ipc_object *ipc_at(const struct ipc_space *space, enum ipc_kind kind, int index)
{
	const struct ipc_table *table = space ? &space->tables[kind] : NULL;

	return table && index >= 0 && index < table->capacity ? table->slots[index] : NULL;
}

int ipc_highest(const struct ipc_space *space, enum ipc_kind kind)
{
	return space && space->tables[kind].highest > 0 ? space->tables[kind].highest : 0;
}

struct ipc_object *ipc_find(struct tracee *tracee, enum ipc_kind kind, int id)
{
	struct ipc_object *object = id < 0 ? NULL :
					     ipc_at(ipc_space(tracee, false), kind, id % IPC_IDS);

	return object && object->id == id ? object : NULL;
}

static bool grow(struct ipc_space *space, struct ipc_table *table)
{
	int capacity = table->capacity ? table->capacity * 2 : 16;
	struct ipc_object **slots =
		talloc_realloc(space, table->slots, struct ipc_object *, (unsigned)capacity);

	if (!slots)
		return false;
	memset(slots + table->capacity, 0,
	       (size_t)(capacity - table->capacity) * sizeof(struct ipc_object *));
	table->slots = slots;
	table->capacity = capacity;
	return true;
}

/* The lowest free index; a new sequence number whenever that goes back. */
static int list(struct ipc_space *space, struct ipc_object *object)
{
	struct ipc_table *table = &space->tables[object->kind];
	int index = 0;

	while (index < table->capacity && table->slots[index])
		index++;
	if (index == table->capacity && !grow(space, table))
		return -ENOMEM;
	if (index <= table->last)
		table->sequence = (table->sequence + 1) % SEQUENCES;
	table->last = index;
	table->slots[index] = object;
	table->used++;
	if (index > table->highest)
		table->highest = index;
	object->space = space;
	object->id = (int)table->sequence * IPC_IDS + index;
	return 0;
}

void ipc_unlist(struct ipc_object *object)
{
	struct ipc_table *table;

	if (!object->space || object->id < 0)
		return;
	table = &object->space->tables[object->kind];
	table->slots[object->id % IPC_IDS] = NULL;
	table->used--;
	while (table->highest >= 0 && !table->slots[table->highest])
		table->highest--;
}

static struct ipc_object *find_key(const struct ipc_space *space, enum ipc_kind kind, int32_t key)
{
	const struct ipc_table *table = &space->tables[kind];

	for (int i = 0; i <= table->highest; i++)
		if (table->slots[i] && table->slots[i]->key == key)
			return table->slots[i];
	return NULL;
}

/* Rights */

/* The ids that the thread acts with. Real ones are the kernel's. */
static const struct credentials *caller(const struct tracee *tracee, struct credentials *room)
{
	struct process_status status;

	if (tracee->tracer->fake_ids)
		return &tracee->credentials;
	memset(room, 0xff, sizeof(*room));
	room->group_count = 0;
	if (process_status(tracee->tid, &status) < 0)
		return room;
	room->euid = status.users[PROCESS_EFFECTIVE];
	room->egid = status.groups[PROCESS_EFFECTIVE];
	room->fsgid = status.groups[PROCESS_FS];
	room->group_count = MIN(status.other_count, CREDENTIALS_GROUPS_MAX);
	memcpy(room->groups, status.others, room->group_count * sizeof(room->groups[0]));
	return room;
}

static bool is_capable(struct tracee *tracee, unsigned capability)
{
	return namespaces_capable(tracee, namespace_owner(tracee, NAMESPACE_IPC), capability);
}

/* ipcperms() of the kernel. */
bool ipc_allows(struct tracee *tracee, const struct ipc_object *object, unsigned flags)
{
	struct credentials room;
	const struct credentials *who = caller(tracee, &room);
	unsigned asked = flags >> 6 | flags >> 3 | flags, granted = object->mode;

	if (who->euid == object->cuid || who->euid == object->uid)
		granted >>= 6;
	else if (credentials_in_group(who, object->cgid) || credentials_in_group(who, object->gid))
		granted >>= 3;
	return !(asked & ~granted & 07) || is_capable(tracee, IPC_CAPABILITY_OWNER);
}

bool ipc_owns(struct tracee *tracee, const struct ipc_object *object, unsigned capability)
{
	struct credentials room;
	const struct credentials *who = caller(tracee, &room);

	return who->euid == object->cuid || who->euid == object->uid || is_capable(tracee, capability);
}

void ipc_show(struct tracee *tracee, const struct ipc_object *object, struct ipc64_perm *ret_perm)
{
	*ret_perm = (struct ipc64_perm){
		.key = object->key,
		.uid = user_ns_show_uid(tracee, object->uid),
		.gid = user_ns_show_gid(tracee, object->gid),
		.cuid = user_ns_show_uid(tracee, object->cuid),
		.cgid = user_ns_show_gid(tracee, object->cgid),
		.mode = (__kernel_mode_t)object->mode,
		.seq = (unsigned short)(object->id / IPC_IDS),
	};
}

int ipc_set(struct tracee *tracee, struct ipc_object *object, const struct ipc64_perm *perm)
{
	uid_t uid = user_ns_take_uid(tracee, perm->uid);
	gid_t gid = user_ns_take_gid(tracee, perm->gid);

	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return -EINVAL;
	object->uid = uid;
	object->gid = gid;
	object->mode = (object->mode & ~0777u) | (perm->mode & 0777u);
	return 0;
}

int ipc_look(struct tracee *tracee, enum ipc_kind kind, int id, enum ipc_lookup lookup,
	     struct ipc_object **ret_object)
{
	struct ipc_object *object = lookup == LOOKUP_ID ? ipc_find(tracee, kind, id) :
				    id < 0		? NULL :
				    ipc_at(ipc_space(tracee, false), kind, id % IPC_IDS);

	if (!object)
		return -EINVAL;
	if (lookup != LOOKUP_ANY && !ipc_allows(tracee, object, IPC_READ))
		return -EACCES;
	*ret_object = object;
	return lookup == LOOKUP_ID ? 0 : object->id;
}

int ipc_look_owned(struct tracee *tracee, enum ipc_kind kind, int id, struct ipc_object **ret_object)
{
	struct ipc_object *object = ipc_find(tracee, kind, id);

	if (!object)
		return -EINVAL;
	if (!ipc_owns(tracee, object, IPC_CAPABILITY_ADMIN))
		return -EPERM;
	*ret_object = object;
	return 0;
}

/* get */

static int make(struct tracee *tracee, struct ipc_space *space, enum ipc_kind kind, int32_t key,
		unsigned flags, uint64_t size, struct ipc_object **ret_object)
{
	int error;

	switch (kind) {
	case IPC_SHM:
		error = ipc_make_segment(space, key, size, flags, ret_object);
		if (!error)
			((struct ipc_segment *)*ret_object)->creator = tracee->tgid;
		return error;
	case IPC_SEM:
		return ipc_make_set(space, size, ret_object);
	default:
		return ipc_make_queue(space, ret_object);
	}
}

static int64_t create(struct tracee *tracee, struct ipc_space *space, enum ipc_kind kind, int32_t key,
		      unsigned flags, uint64_t size)
{
	struct credentials room;
	const struct credentials *who = caller(tracee, &room);
	struct ipc_object *object;
	int error = make(tracee, space, kind, key, flags, size, &object);

	if (error)
		return error;
	object->space = space;
	object->kind = kind;
	object->key = key;
	object->uid = object->cuid = who->euid;
	object->gid = object->cgid = who->egid;
	object->mode = flags & 0777;
	error = space->tables[kind].used >= (unsigned)limits[kind] ? -ENOSPC : list(space, object);
	if (!error)
		return object->id;
	object->id = -1;
	remove_object(object);
	return error;
}

static bool fits(const struct ipc_object *object, uint64_t size)
{
	return object->kind == IPC_MSG ||
	       size <= (object->kind == IPC_SHM ? ((const struct ipc_segment *)object)->size :
						  ((const struct ipc_sem_set *)object)->count);
}

int64_t ipc_get(struct tracee *tracee, enum ipc_kind kind, int32_t key, unsigned flags, uint64_t size)
{
	struct ipc_space *space = ipc_space(tracee, true);
	struct ipc_object *object;

	if (!space)
		return -ENOMEM;
	if (key == IPC_PRIVATE)
		return create(tracee, space, kind, key, flags, size);
	object = find_key(space, kind, key);
	if (!object)
		return flags & IPC_CREAT ? create(tracee, space, kind, key, flags, size) : -ENOENT;
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (!fits(object, size))
		return -EINVAL;
	return ipc_allows(tracee, object, flags) ? object->id : -EACCES;
}

/* Tracees */

void ipc_inherit(struct tracee *child, struct tracee *parent, uint64_t clone_flags)
{
	if (!child->tracer->plan->emulate_sysvipc || !(clone_flags & CLONE_SYSVSEM) ||
	    ipc_undo_share(parent) < 0)
		return;
	child->ipc_undo = parent->ipc_undo;
	child->ipc_undo->references++;
}

/* The copy has the list of the original. */
void ipc_mm_copied(struct tracee_mm *mm, pid_t process)
{
	struct ipc_attachment **end = &mm->ipc_attached;

	while (*end) {
		struct ipc_attachment *copy = talloc_memdup(mm, *end, sizeof(**end));

		if (!copy) {
			*end = NULL;
			break;
		}
		copy->segment->attached++;
		copy->segment->atime = time(NULL);
		copy->segment->last = process;
		*end = copy;
		end = &copy->next;
	}
}

void ipc_mm_released(struct tracee_mm *mm, pid_t process)
{
	for (struct ipc_attachment *at = mm->ipc_attached; at; at = at->next)
		ipc_detach(at->segment, process);
	mm->ipc_attached = NULL;
}

void ipc_leave(struct tracee *tracee)
{
	ipc_undo_release(tracee);
}

void ipc_tracee_ends(struct tracee *tracee)
{
	ipc_waiter_forget(tracee);
	ipc_unpin(tracee);
	ipc_undo_release(tracee);
}
