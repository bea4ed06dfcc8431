/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory, semaphores and message queues of the tracer's own, for kernels without them.
 *
 * Ids and keys belong to an IPC namespace: the container's, or one that a guest made. Semaphores and
 * messages live in the tracer's memory; a segment is a file that those who attach it map. A call that
 * blocks sleeps in ppoll(2), in the tracee itself, so that signals and time limits are the kernel's.
 *
 * These handlers allocate, since what they make has to be kept somewhere.
 */
#ifndef AMPHORA_PTRACE_SYSVIPC_H
#define AMPHORA_PTRACE_SYSVIPC_H

#include <linux/ipc.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>
#include <sys/queue.h>
#include <time.h>

#include "ptrace_backend/tracee.h"

#define IPC_READ  0444u
#define IPC_WRITE 0222u
/* Bits of a segment's mode that the headers keep to the kernel. */
#define SHM_DEST   01000u
#define SHM_LOCKED 02000u
#define IPC_IDS	  32768 /* indices; an id is a sequence number times that and the index */

/* The kernel's defaults (ipc(5)); semaphores are fewer in all, since they are our memory. */
#define IPC_SHMMNI 4096
#define IPC_SHMMAX (UINT64_MAX - (1UL << 24))
#define IPC_SEMMNI 32000
#define IPC_SEMMSL 32000
#define IPC_SEMMNS 1024000
#define IPC_SEMOPM 500
#define IPC_SEMVMX 32767
#define IPC_MSGMNI 32000
#define IPC_MSGMAX 8192
#define IPC_MSGMNB 16384

enum ipc_kind { IPC_SHM, IPC_SEM, IPC_MSG, IPC_KINDS };

struct ipc_object {
	struct ipc_space *space; /* NULL: a segment that is only attached, its namespace is gone */
	enum ipc_kind kind;
	int id;
	int32_t key;
	uid_t uid, cuid;
	gid_t gid, cgid;
	unsigned mode;
};

struct ipc_table {
	struct ipc_object **slots;
	int capacity, highest, last; /* highest index in use, -1: none; last one given */
	unsigned used, sequence;
};

/* Of one IPC namespace. */
struct ipc_space {
	struct tracer *tracer;
	struct ipc_table tables[IPC_KINDS];
	uint64_t pages;	   /* of all segments */
	unsigned semaphores;
	uint64_t messages, message_bytes;
};

struct ipc_segment {
	struct ipc_object object;
	uint64_t size;
	int32_t name;	 /* the first key */
	uint64_t serial; /* both are its file's name */
	unsigned attached;
	time_t atime, dtime, ctime;
	pid_t creator, last;
};

/* Where an address space has a segment. */
struct ipc_attachment {
	struct ipc_attachment *next;
	struct ipc_segment *segment;
	uint64_t address, length;
};

TAILQ_HEAD(ipc_waiters, ipc_waiter);

struct ipc_semaphore {
	int value;
	pid_t pid;
};

struct ipc_undo {
	LIST_ENTRY(ipc_undo) of_set, of_list;
	struct ipc_sem_set *set;
	int adjust[]; /* one a semaphore */
};

LIST_HEAD(ipc_undos, ipc_undo);

struct ipc_undo_list {
	unsigned references;
	struct ipc_undos undos;
};

struct ipc_sem_set {
	struct ipc_object object;
	time_t otime, ctime;
	struct ipc_waiters waiters;
	struct ipc_undos undos;
	unsigned count;
	struct ipc_semaphore semaphores[];
};

struct ipc_message {
	TAILQ_ENTRY(ipc_message) entry;
	int64_t type;
	size_t size;
	char text[];
};

TAILQ_HEAD(ipc_messages, ipc_message);

struct ipc_queue {
	struct ipc_object object;
	struct ipc_messages messages;
	struct ipc_waiters senders, receivers;
	uint64_t bytes, count, limit; /* limit: msg_qbytes */
	time_t stime, rtime, ctime;
	pid_t sender, receiver;
};

enum ipc_search { SEARCH_ANY, SEARCH_EQUAL, SEARCH_NOT_EQUAL, SEARCH_LESS_EQUAL, SEARCH_NUMBER };

/* What a message must be for a receiver. */
struct ipc_wanted {
	enum ipc_search search;
	int64_t type;
	uint64_t size;	/* of the buffer */
	bool may_be_cut; /* MSG_NOERROR */
	uint64_t address;
};

/* A thread asleep in a call. */
struct ipc_waiter {
	TAILQ_ENTRY(ipc_waiter) entry;
	struct ipc_waiters *list;
	struct tracee *tracee;
	struct ipc_object *object;
	bool done;	/* off the list, with the call's result */
	int64_t result;
	/* Interrupted, about to be made again with its place on the list: the guest's call, the address
	 * behind its instruction, and whether a stop by job control ends it. */
	bool interrupted, ends_by_stop;
	int64_t number;
	uint64_t after;
	uint64_t deadline; /* CLOCK_MONOTONIC, ns; 0: none */
	/* semop */
	struct sembuf *operations;
	unsigned count, blocking; /* the one that can't be done */
	bool alters;
	struct ipc_undo *undo;
	/* msgsnd and msgrcv: what is to be sent; what was received */
	bool receives;
	struct ipc_message *message;
	struct ipc_wanted wanted;
};

/* sysvipc.c */

/* The thread's namespace; NULL when nothing was made in it, or, with `make`, no memory. */
struct ipc_space *ipc_space(struct tracee *tracee, bool make);
/* Nobody is in it any more. Segments that are attached stay until they aren't. */
void ipc_space_free(struct ipc_space *space);
/* shmget, semget and msgget. Returns an id or -errno. */
int64_t ipc_get(struct tracee *tracee, enum ipc_kind kind, int32_t key, unsigned flags,
		uint64_t size);
struct ipc_object *ipc_find(struct tracee *tracee, enum ipc_kind kind, int id);
/* By index, as SHM_STAT and its like ask. */
struct ipc_object *ipc_at(const struct ipc_space *space, enum ipc_kind kind, int index);
/* Highest index in use; 0 for none, as the kernel. */
int ipc_highest(const struct ipc_space *space, enum ipc_kind kind);
/* Takes the object out of its table. */
void ipc_unlist(struct ipc_object *object);
/* flags: bits of rwx, in any of the three places. */
bool ipc_allows(struct tracee *tracee, const struct ipc_object *object, unsigned flags);
/* Owner, creator, or who has the capability. */
bool ipc_owns(struct tracee *tracee, const struct ipc_object *object, unsigned capability);
#define IPC_CAPABILITY_LOCK	14
#define IPC_CAPABILITY_OWNER	15
#define IPC_CAPABILITY_ADMIN	21
#define IPC_CAPABILITY_RESOURCE 24
/* As the thread's user namespace sees the ids. */
void ipc_show(struct tracee *tracee, const struct ipc_object *object, struct ipc64_perm *ret_perm);
/* The part of IPC_SET that all kinds have. Returns 0 or -EINVAL. */
int ipc_set(struct tracee *tracee, struct ipc_object *object, const struct ipc64_perm *perm);
/* IPC_STAT, or by index for *_STAT and *_STAT_ANY: the object and the call's result, or -errno. */
enum ipc_lookup { LOOKUP_ID, LOOKUP_INDEX, LOOKUP_ANY };
int ipc_look(struct tracee *tracee, enum ipc_kind kind, int id, enum ipc_lookup lookup,
	     struct ipc_object **ret_object);
/* For IPC_SET and IPC_RMID: the object, or -EINVAL or -EPERM. */
int ipc_look_owned(struct tracee *tracee, enum ipc_kind kind, int id, struct ipc_object **ret_object);

/* Life of tracees. */
void ipc_inherit(struct tracee *child, struct tracee *parent, uint64_t clone_flags);
void ipc_mm_copied(struct tracee_mm *mm, pid_t process);
void ipc_mm_released(struct tracee_mm *mm, pid_t process);
/* Ends, or leaves its namespace. */
void ipc_tracee_ends(struct tracee *tracee);
void ipc_leave(struct tracee *tracee);

/* sysvipc_shm.c, sysvipc_sem.c, sysvipc_msg.c */

/* A new one for ipc_get(), not yet in a table. Returns 0 or -errno. */
int ipc_make_segment(struct ipc_space *space, int32_t key, uint64_t size, unsigned flags,
		     struct ipc_object **ret_object);
int ipc_make_set(struct ipc_space *space, uint64_t count, struct ipc_object **ret_object);
int ipc_make_queue(struct ipc_space *space, struct ipc_object **ret_object);
/* IPC_RMID. */
void ipc_remove_segment(struct ipc_segment *segment);
void ipc_remove_set(struct ipc_sem_set *set);
void ipc_remove_queue(struct ipc_queue *queue);
/* One attachment less; the last one frees what was removed. */
void ipc_detach(struct ipc_segment *segment, pid_t process);
/* shmat; `out`: where ipc(2) wants the address, or 0. Its verdict. */
enum verdict ipc_attach(struct tracee *tracee, int id, uint64_t asked, unsigned flags, uint64_t out);
/* A thread that ended between the links of shmat. */
void ipc_unpin(struct tracee *tracee);
/* Bytes that a segment's file occupies. */
uint64_t ipc_resident(const struct ipc_segment *segment);
/* What /proc/PID/maps shows for a host path that is a segment's; false for any other. */
bool ipc_map_name(const struct tracer *tracer, const char *host, char *text, size_t size);
void ipc_undo_release(struct tracee *tracee);
int ipc_undo_share(struct tracee *tracee);

/* The calls, with their arguments in hand: for ipc(2). */
enum verdict ipc_msgrcv(struct tracee *tracee, int id, uint64_t address, uint64_t size, int64_t type,
			unsigned flags);
int64_t ipc_semctl(struct tracee *tracee, int id, int number, int command, uint64_t argument);

/* sysvipc_wait.c */

/* A waiter for an object, or NULL. */
struct ipc_waiter *ipc_waiter_new(struct tracee *tracee, struct ipc_object *object);
/* The thread sleeps at the end of the list; NULL: no time limit. */
enum verdict ipc_sleep(struct tracee *tracee, struct ipc_waiter *waiter, struct ipc_waiters *list,
		       const struct timespec *timeout);
void ipc_wake(struct ipc_waiter *waiter, int64_t result);
void ipc_wake_all(struct ipc_waiters *list, int64_t result);
/* The call isn't made, and nothing has happened. */
void ipc_waiter_forget(struct tracee *tracee);
/* For the tracer: stops of a sleeper that isn't asleep. `signal` is what it gets, 0: nothing. */
void ipc_before_signal(struct tracee *tracee, int signal);
void ipc_on_interrupt(struct tracee *tracee);
/* At an entry stop, which has taken a pending PTRACE_INTERRUPT with it. */
void ipc_interrupt_again(struct tracee *tracee);
/* When the call is one that was interrupted: goes on with it and stores the verdict. */
bool ipc_goes_on(struct tracee *tracee, enum verdict *ret_verdict);
/* sysvipc_msg.c: the end of msgrcv, with what was received. Returns the call's result. */
int64_t ipc_deliver(struct tracee *tracee, const struct ipc_message *message,
		    const struct ipc_wanted *wanted);

/* sysvipc_layout.c: structures of 64-bit and 32-bit calls. Return 0 or -EFAULT. */
int ipc_write_segment(struct tracee *tracee, uint64_t address, const struct shmid64_ds *status);
int ipc_write_set(struct tracee *tracee, uint64_t address, const struct semid64_ds *status);
int ipc_write_queue(struct tracee *tracee, uint64_t address, const struct msqid64_ds *status);
int ipc_write_shminfo(struct tracee *tracee, uint64_t address, const struct shminfo64 *info);
int ipc_write_shm_info(struct tracee *tracee, uint64_t address, const struct shm_info *info);
/* IPC_SET's argument: owner, group and mode; a queue's limit. */
int ipc_read_perm(struct tracee *tracee, uint64_t address, struct ipc64_perm *ret_perm);
int ipc_read_queue_limit(struct tracee *tracee, uint64_t address, uint64_t *ret_limit);
int ipc_read_timeout(struct tracee *tracee, uint64_t address, struct timespec *ret_time);
int ipc_put_timeout(struct tracee *tracee, const struct timespec *time, uint64_t *ret_address);
int ipc_read_type(struct tracee *tracee, uint64_t address, int64_t *ret_type);
/* Writes the type; *ret_size is its own size. */
int ipc_write_type(struct tracee *tracee, uint64_t address, int64_t type);
size_t ipc_type_size(const struct tracee *tracee);

#endif
