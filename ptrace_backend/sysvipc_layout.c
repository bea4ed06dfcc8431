// SPDX-License-Identifier: Apache-2.0
/* Structures of System V calls in the guest's memory: our own, or those of 32-bit programs (the form with
 * IPC_64, which C libraries ask for; the older one is refused by who calls these). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/syscall_table.h"

struct perm_32 {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint16_t mode, pad1, sequence, pad2;
	uint32_t unused[2];
};
_Static_assert(sizeof(struct perm_32) == 36, "as struct compat_ipc64_perm");

struct time_32 {
	uint32_t low, high;
};

struct segment_32 {
	struct perm_32 perm;
	uint32_t size;
	struct time_32 atime, dtime, ctime;
	int32_t creator, last;
	uint32_t attached, unused[2];
};
_Static_assert(sizeof(struct segment_32) == 84, "as struct compat_shmid64_ds");

struct set_32 {
	struct perm_32 perm;
	struct time_32 otime, ctime;
	uint32_t count, unused[2];
};
_Static_assert(sizeof(struct set_32) == 64, "as struct compat_semid64_ds");

struct queue_32 {
	struct perm_32 perm;
	struct time_32 stime, rtime, ctime;
	uint32_t bytes, count, limit;
	int32_t sender, receiver;
	uint32_t unused[2];
};
_Static_assert(sizeof(struct queue_32) == 88, "as struct compat_msqid64_ds");

static struct perm_32 narrow_perm(const struct ipc64_perm *perm)
{
	return (struct perm_32){ .key = perm->key,   .uid = perm->uid,		       .gid = perm->gid,
				 .cuid = perm->cuid, .cgid = perm->cgid,
				 .mode = (uint16_t)perm->mode, .sequence = perm->seq };
}

static struct time_32 narrow_time(int64_t seconds)
{
	return (struct time_32){ (uint32_t)seconds, (uint32_t)((uint64_t)seconds >> 32) };
}

static uint32_t narrow(uint64_t number)
{
	return number > INT32_MAX ? INT32_MAX : (uint32_t)number;
}

int ipc_write_segment(struct tracee *tracee, uint64_t address, const struct shmid64_ds *status)
{
	struct segment_32 small = {
		.perm = narrow_perm(&status->shm_perm),
		.size = (uint32_t)status->shm_segsz,
		.atime = narrow_time(status->shm_atime),
		.dtime = narrow_time(status->shm_dtime),
		.ctime = narrow_time(status->shm_ctime),
		.creator = status->shm_cpid,
		.last = status->shm_lpid,
		.attached = (uint32_t)status->shm_nattch,
	};

	return tracee->regs.compat ? tracee_write(tracee, address, &small, sizeof(small)) :
				     tracee_write(tracee, address, status, sizeof(*status));
}

int ipc_write_set(struct tracee *tracee, uint64_t address, const struct semid64_ds *status)
{
	struct set_32 small = {
		.perm = narrow_perm(&status->sem_perm),
		.otime = narrow_time(status->sem_otime),
		.ctime = narrow_time(status->sem_ctime),
		.count = (uint32_t)status->sem_nsems,
	};

	return tracee->regs.compat ? tracee_write(tracee, address, &small, sizeof(small)) :
				     tracee_write(tracee, address, status, sizeof(*status));
}

int ipc_write_queue(struct tracee *tracee, uint64_t address, const struct msqid64_ds *status)
{
	struct queue_32 small = {
		.perm = narrow_perm(&status->msg_perm),
		.stime = narrow_time(status->msg_stime),
		.rtime = narrow_time(status->msg_rtime),
		.ctime = narrow_time(status->msg_ctime),
		.bytes = (uint32_t)status->msg_cbytes,
		.count = (uint32_t)status->msg_qnum,
		.limit = (uint32_t)status->msg_qbytes,
		.sender = status->msg_lspid,
		.receiver = status->msg_lrpid,
	};

	return tracee->regs.compat ? tracee_write(tracee, address, &small, sizeof(small)) :
				     tracee_write(tracee, address, status, sizeof(*status));
}

int ipc_write_shminfo(struct tracee *tracee, uint64_t address, const struct shminfo64 *info)
{
	uint32_t small[9] = { narrow(info->shmmax), narrow(info->shmmin), narrow(info->shmmni),
			      narrow(info->shmseg), narrow(info->shmall) };

	return tracee->regs.compat ? tracee_write(tracee, address, small, sizeof(small)) :
				     tracee_write(tracee, address, info, sizeof(*info));
}

int ipc_write_shm_info(struct tracee *tracee, uint64_t address, const struct shm_info *info)
{
	uint32_t small[6] = { (uint32_t)info->used_ids, narrow(info->shm_tot), narrow(info->shm_rss),
			      narrow(info->shm_swp) };

	return tracee->regs.compat ? tracee_write(tracee, address, small, sizeof(small)) :
				     tracee_write(tracee, address, info, sizeof(*info));
}

int ipc_read_perm(struct tracee *tracee, uint64_t address, struct ipc64_perm *ret_perm)
{
	struct perm_32 small;

	if (!tracee->regs.compat)
		return tracee_read(tracee, address, ret_perm, sizeof(*ret_perm));
	if (tracee_read(tracee, address, &small, sizeof(small)) < 0)
		return -EFAULT;
	memset(ret_perm, 0, sizeof(*ret_perm));
	ret_perm->uid = small.uid;
	ret_perm->gid = small.gid;
	ret_perm->mode = small.mode;
	return 0;
}

int ipc_read_queue_limit(struct tracee *tracee, uint64_t address, uint64_t *ret_limit)
{
	struct queue_32 small;
	struct msqid64_ds queue;
	int error;

	if (tracee->regs.compat) {
		error = tracee_read(tracee, address, &small, sizeof(small));
		*ret_limit = small.limit;
	} else {
		error = tracee_read(tracee, address, &queue, sizeof(queue));
		*ret_limit = queue.msg_qbytes;
	}
	return error;
}

/* Times of 32-bit programs have 32 bits but in the calls named time64. */
static bool is_narrow_time(const struct tracee *tracee)
{
	return tracee->regs.compat && !(tracee->call && tracee->call->shape == SHAPE_TIME64);
}

int ipc_read_timeout(struct tracee *tracee, uint64_t address, struct timespec *ret_time)
{
	int32_t small[2];
	int64_t large[2];

	if (!is_narrow_time(tracee)) {
		if (tracee_read(tracee, address, large, sizeof(large)) < 0)
			return -EFAULT;
		*ret_time = (struct timespec){ large[0], tracee->regs.compat ? (int32_t)large[1] : large[1] };
		return 0;
	}
	if (tracee_read(tracee, address, small, sizeof(small)) < 0)
		return -EFAULT;
	*ret_time = (struct timespec){ small[0], small[1] };
	return 0;
}

int ipc_put_timeout(struct tracee *tracee, const struct timespec *time, uint64_t *ret_address)
{
	int64_t seconds = time->tv_sec > INT32_MAX ? INT32_MAX : time->tv_sec;
	int32_t small[2] = { (int32_t)seconds, (int32_t)time->tv_nsec };

	return tracee->regs.compat ? tracee_put(tracee, small, sizeof(small), ret_address) :
				     tracee_put(tracee, time, sizeof(*time), ret_address);
}

size_t ipc_type_size(const struct tracee *tracee)
{
	return tracee->regs.compat ? sizeof(int32_t) : sizeof(int64_t);
}

int ipc_read_type(struct tracee *tracee, uint64_t address, int64_t *ret_type)
{
	int32_t small;
	int error;

	if (!tracee->regs.compat)
		return tracee_read(tracee, address, ret_type, sizeof(*ret_type));
	error = tracee_read(tracee, address, &small, sizeof(small));
	*ret_type = small;
	return error;
}

int ipc_write_type(struct tracee *tracee, uint64_t address, int64_t type)
{
	int32_t small = (int32_t)type;

	return tracee->regs.compat ? tracee_write(tracee, address, &small, sizeof(small)) :
				     tracee_write(tracee, address, &type, sizeof(type));
}
