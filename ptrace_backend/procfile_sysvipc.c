// SPDX-License-Identifier: Apache-2.0
/* /proc/sysvipc: the objects of the namespace of who looked last, in the kernel's columns. */
#include <unistd.h>

#include "ptrace_backend/procfile.h"
#include "ptrace_backend/sysvipc.h"

static const struct ipc_object *next_object(const struct tracer *tracer, enum ipc_kind kind, int *index)
{
	const struct ipc_space *space = tracer->ipc_shown;
	const struct ipc_object *object = NULL;

	while (!object && space && *index <= space->tables[kind].highest)
		object = ipc_at(space, kind, (*index)++);
	return object;
}

static void put_owner(const struct ipc_object *object, FILE *out)
{
	fprintf(out, "%5u %5u %5u %5u ", object->uid, object->gid, object->cuid, object->cgid);
}

void procfile_sysvipc_shm(struct tracer *tracer, FILE *out)
{
	const struct ipc_object *object;
	int index = 0;

	fputs("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
	      "      atime      dtime      ctime                   rss                  swap\n",
	      out);
	while ((object = next_object(tracer, IPC_SHM, &index))) {
		const struct ipc_segment *segment = (const struct ipc_segment *)object;

		fprintf(out, "%10d %10d  %4o %21llu %5u %5u  %5u ", object->key, object->id, object->mode,
			(unsigned long long)segment->size, (unsigned)segment->creator,
			(unsigned)segment->last, segment->attached);
		put_owner(object, out);
		fprintf(out, "%10llu %10llu %10llu %21llu %21d\n", (unsigned long long)segment->atime,
			(unsigned long long)segment->dtime, (unsigned long long)segment->ctime,
			(unsigned long long)ipc_resident(segment), 0);
	}
}

void procfile_sysvipc_sem(struct tracer *tracer, FILE *out)
{
	const struct ipc_object *object;
	int index = 0;

	fputs("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n", out);
	while ((object = next_object(tracer, IPC_SEM, &index))) {
		const struct ipc_sem_set *set = (const struct ipc_sem_set *)object;

		fprintf(out, "%10d %10d  %4o %10u ", object->key, object->id, object->mode, set->count);
		put_owner(object, out);
		fprintf(out, "%10llu %10llu\n", (unsigned long long)set->otime,
			(unsigned long long)set->ctime);
	}
}

void procfile_sysvipc_msg(struct tracer *tracer, FILE *out)
{
	const struct ipc_object *object;
	int index = 0;

	fputs("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
	      "      stime      rtime      ctime\n",
	      out);
	while ((object = next_object(tracer, IPC_MSG, &index))) {
		const struct ipc_queue *queue = (const struct ipc_queue *)object;

		fprintf(out, "%10d %10d  %4o  %10llu %10llu %5u %5u ", object->key, object->id,
			object->mode, (unsigned long long)queue->bytes, (unsigned long long)queue->count,
			(unsigned)queue->sender, (unsigned)queue->receiver);
		put_owner(object, out);
		fprintf(out, "%10llu %10llu %10llu\n", (unsigned long long)queue->stime,
			(unsigned long long)queue->rtime, (unsigned long long)queue->ctime);
	}
}
