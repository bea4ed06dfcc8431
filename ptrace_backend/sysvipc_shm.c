// SPDX-License-Identifier: Apache-2.0
/* Shared memory segments: files that processes map.
 *
 * Theory of operation
 *
 * A segment is a file below the view directory, under a name that no guest path leads to; Landlock lets a
 * guest open it. shmat is openat, mmap and close in the tracee (chain.h), shmdt is munmap.
 *
 *   made --attach--> attached n times --IPC_RMID--> marked --last detach--> gone
 *     +------------------- IPC_RMID, nobody attached ------------------------^
 *
 * Who has it attached is a list of each address space, copied by fork and dropped by exec and exit. A part
 * taken away by munmap(2) isn't seen: the segment counts as attached until the process ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/page.h"
#include "ptrace_backend/chain.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/sysvipc.h"

#define NAME_SIZE 4096

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17; before, the address is a hint */
#endif

/* Files */

static void file_name(const struct tracer *tracer, const struct ipc_segment *segment, char *path,
		      size_t size)
{
	snprintf(path, size, "%s/shm/%08x-%llu", tracer->view_directory, (unsigned)segment->name,
		 (unsigned long long)segment->serial);
}

bool ipc_map_name(const struct tracer *tracer, const char *host, char *text, size_t size)
{
	size_t length = strlen(tracer->view_directory);

	if (!tracer->plan->emulate_sysvipc || strncmp(host, tracer->view_directory, length) != 0 ||
	    strncmp(host + length, "/shm/", 5) != 0)
		return false;
	snprintf(text, size, "/SYSV%.8s (deleted)", host + length + 5);
	return true;
}

/* Room is looked for, not taken: a file system that fills up later is SIGBUS, as with overcommit. */
static int make_file(const struct tracer *tracer, const struct ipc_segment *segment, bool reserve)
{
	mode_t mode = tracer->fake_ids || geteuid() != 0 ? 0600 : 0666; /* guests may be any user */
	_cleanup_close_ int fd = -EBADF;
	struct statvfs room;
	char path[NAME_SIZE];

	file_name(tracer, segment, path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -ENOMEM;
	if (fchmod(fd, mode) < 0 || ftruncate(fd, (off_t)page_up(segment->size)) < 0 ||
	    (reserve && fstatvfs(fd, &room) == 0 && room.f_blocks > 0 &&
	     segment->size / room.f_frsize >= room.f_bavail)) {
		unlink(path);
		return -ENOMEM;
	}
	return 0;
}

uint64_t ipc_resident(const struct ipc_segment *segment)
{
	struct stat status;
	char path[NAME_SIZE];

	if (!segment->object.space)
		return 0;
	file_name(segment->object.space->tracer, segment, path, sizeof(path));
	return stat(path, &status) < 0 ? 0 : (uint64_t)status.st_blocks * 512;
}

/* Life */

int ipc_make_segment(struct ipc_space *space, int32_t key, uint64_t size, unsigned flags,
		     struct ipc_object **ret_object)
{
	struct tracer *tracer = space->tracer;
	struct ipc_segment *segment;
	int error;

	if (size < 1 || size > IPC_SHMMAX)
		return -EINVAL;
	if (page_up(size) < size || size > (uint64_t)INT64_MAX)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		return -ENOMEM; /* as a kernel whose pool of large pages is empty */
	segment = talloc_zero(tracer, struct ipc_segment);
	if (!segment)
		return -ENOMEM;
	segment->size = size;
	segment->name = key;
	segment->serial = ++tracer->ipc_serial;
	segment->ctime = time(NULL);
	error = make_file(tracer, segment, !(flags & SHM_NORESERVE));
	if (error) {
		talloc_free(segment);
		return error;
	}
	space->pages += page_up(size) / page_size();
	*ret_object = &segment->object;
	return 0;
}

static void destroy(struct ipc_segment *segment)
{
	struct tracer *tracer = talloc_parent(segment);
	char path[NAME_SIZE];

	file_name(tracer, segment, path, sizeof(path));
	unlink(path);
	if (segment->object.space)
		segment->object.space->pages -= page_up(segment->size) / page_size();
	ipc_unlist(&segment->object);
	talloc_free(segment);
}

void ipc_remove_segment(struct ipc_segment *segment)
{
	if (segment->attached == 0) {
		destroy(segment);
		return;
	}
	segment->object.mode |= SHM_DEST;
	segment->object.key = IPC_PRIVATE; /* nobody finds it any more */
}

void ipc_detach(struct ipc_segment *segment, pid_t process)
{
	segment->dtime = time(NULL);
	segment->last = process;
	if (--segment->attached == 0 && (segment->object.mode & SHM_DEST))
		destroy(segment);
}

/* Attachments */

static struct ipc_attachment *remember(struct tracee *tracee, struct ipc_segment *segment,
				       uint64_t address)
{
	struct ipc_attachment *new = talloc_zero(tracee->mm, struct ipc_attachment);

	if (!new)
		return NULL;
	new->segment = segment;
	new->address = address;
	new->length = page_up(segment->size);
	new->next = tracee->mm->ipc_attached;
	tracee->mm->ipc_attached = new;
	return new;
}

static void forget(struct tracee *tracee, struct ipc_attachment **at)
{
	struct ipc_attachment *old = *at;

	*at = old->next;
	ipc_detach(old->segment, tracee->tgid);
	talloc_free(old);
}

static struct ipc_attachment **attached_at(struct tracee *tracee, uint64_t address)
{
	struct ipc_attachment **at = &tracee->mm->ipc_attached;

	while (*at && (*at)->address != address)
		at = &(*at)->next;
	return at;
}

/* What SHM_REMAP has replaced. */
static void forget_covered(struct tracee *tracee, uint64_t address, uint64_t length)
{
	for (struct ipc_attachment **at = &tracee->mm->ipc_attached; *at;) {
		if ((*at)->address >= address && (*at)->address + (*at)->length <= address + length)
			forget(tracee, at);
		else
			at = &(*at)->next;
	}
}

/* shmat. The segment counts as attached from the start: data[0] is what holds it. */

enum { DATA_SEGMENT, DATA_ADDRESS, DATA_PROTECTION, DATA_FLAGS, DATA_FD, DATA_RESULT, DATA_OUT };

static struct ipc_segment *pinned(const struct tracee *tracee)
{
	return (struct ipc_segment *)(uintptr_t)tracee->chain.data[DATA_SEGMENT];
}

void ipc_unpin(struct tracee *tracee)
{
	if (pinned(tracee))
		ipc_detach(pinned(tracee), tracee->tgid);
	tracee->chain.data[DATA_SEGMENT] = 0;
}

/* ipc(2) has the address in memory. */
static int64_t give_address(struct tracee *tracee, uint64_t address)
{
	uint32_t narrow = (uint32_t)address;

	if (!tracee->chain.data[DATA_OUT])
		return (int64_t)address;
	return tracee_write(tracee, tracee->chain.data[DATA_OUT], &narrow, sizeof(narrow));
}

static void after_close(struct tracee *tracee, int64_t result)
{
	struct ipc_segment *segment = pinned(tracee);
	uint64_t *data = tracee->chain.data;

	(void)result;
	result = (int64_t)data[DATA_RESULT];
	if (result >= 0 || result < -4095) {
		uint64_t address = (uint64_t)result;

		if (data[DATA_FLAGS] & MAP_FIXED)
			forget_covered(tracee, address, page_up(segment->size));
		if (remember(tracee, segment, address)) {
			data[DATA_SEGMENT] = 0;
			segment->atime = time(NULL);
			segment->last = tracee->tgid;
		}
		result = give_address(tracee, address);
	}
	ipc_unpin(tracee);
	chain_end(tracee, result);
}

static void close_file(struct tracee *tracee)
{
	chain_call(tracee, ROW_close, (const uint64_t[6]){ tracee->chain.data[DATA_FD] }, after_close);
}

static void after_unmap(struct tracee *tracee, int64_t result)
{
	(void)result;
	close_file(tracee);
}

static void after_map(struct tracee *tracee, int64_t result)
{
	uint64_t *data = tracee->chain.data;

	data[DATA_RESULT] = (uint64_t)(result == -EEXIST ? -EINVAL : result);
	if (data[DATA_ADDRESS] && (result >= 0 || result < -4095) &&
	    (uint64_t)result != data[DATA_ADDRESS]) {
		uint64_t arguments[6] = { (uint64_t)result, page_up(pinned(tracee)->size) };

		data[DATA_RESULT] = (uint64_t)-EINVAL;
		chain_call(tracee, ROW_munmap, arguments, after_unmap);
		return;
	}
	close_file(tracee);
}

static void after_open(struct tracee *tracee, int64_t result)
{
	uint64_t *data = tracee->chain.data;
	uint64_t arguments[6] = { data[DATA_ADDRESS], page_up(pinned(tracee)->size),
				  data[DATA_PROTECTION], data[DATA_FLAGS], (uint64_t)result };

	if (result < 0) {
		ipc_unpin(tracee);
		chain_end(tracee, -ENOMEM);
		return;
	}
	data[DATA_FD] = (uint64_t)result;
	chain_call(tracee, ROW_mmap, arguments, after_map);
}

/* The address to map at, 0 for any. Returns 0 or -EINVAL. */
static int place(uint64_t asked, unsigned flags, uint64_t size, uint64_t *ret_address,
		 uint64_t *ret_flags)
{
	uint64_t offset = asked & (page_size() - 1);

	*ret_address = asked;
	*ret_flags = MAP_SHARED;
	if (!asked)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (offset && !(flags & SHM_RND))
		return -EINVAL;
	*ret_address -= offset;
	if (!*ret_address && (flags & SHM_REMAP))
		return -EINVAL;
	if (*ret_address + size < *ret_address)
		return -EINVAL;
	*ret_flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	return 0;
}

enum verdict ipc_attach(struct tracee *tracee, int id, uint64_t asked, unsigned flags, uint64_t out)
{
	struct ipc_object *object = ipc_find(tracee, IPC_SHM, id);
	bool read_only = flags & SHM_RDONLY;
	unsigned rights = (read_only ? IPC_READ : IPC_READ | IPC_WRITE) | (flags & SHM_EXEC ? 0111 : 0);
	uint64_t *data = tracee->chain.data, arguments[6] = { (uint64_t)AT_FDCWD };
	struct ipc_segment *segment = (struct ipc_segment *)object;
	char path[NAME_SIZE];
	int error;

	if (id < 0)
		return tracee_answer(tracee, -EINVAL);
	error = place(asked, flags, segment ? page_up(segment->size) : 0, &data[DATA_ADDRESS],
		      &data[DATA_FLAGS]);
	if (error || !object)
		return tracee_answer(tracee, -EINVAL);
	if (!ipc_allows(tracee, object, rights))
		return tracee_answer(tracee, -EACCES);
	file_name(tracee->tracer, segment, path, sizeof(path));
	error = tracee_put(tracee, path, strlen(path) + 1, &arguments[1]);
	if (error)
		return tracee_answer(tracee, error);
	arguments[2] = (uint64_t)((read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
	data[DATA_PROTECTION] = (uint64_t)(PROT_READ | (read_only ? 0 : PROT_WRITE) |
					   (flags & SHM_EXEC ? PROT_EXEC : 0));
	if (chain_start(tracee, ROW_openat, arguments, after_open) == VERDICT_SKIP)
		return VERDICT_SKIP;
	data[DATA_SEGMENT] = (uint64_t)(uintptr_t)segment;
	data[DATA_OUT] = out;
	segment->attached++;
	return VERDICT_EXIT;
}

enum verdict handle_shmat(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return ipc_attach(tracee, (int)tracee_argument(tracee, 0), tracee_argument(tracee, 1),
			  (unsigned)tracee_argument(tracee, 2), 0);
}

/* shmdt */

static void after_detach(struct tracee *tracee, int64_t result)
{
	struct ipc_attachment **at = attached_at(tracee, tracee->chain.data[DATA_ADDRESS]);

	if (result == 0 && *at)
		forget(tracee, at);
	chain_end(tracee, result == 0 ? 0 : -EINVAL);
}

enum verdict handle_shmdt(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t address = tracee_argument(tracee, 0);
	const struct ipc_attachment *attachment = *attached_at(tracee, address);
	uint64_t arguments[6] = { address };

	(void)row;
	if (!attachment)
		return tracee_answer(tracee, -EINVAL);
	arguments[1] = attachment->length;
	tracee->chain.data[DATA_ADDRESS] = address;
	return chain_start(tracee, ROW_munmap, arguments, after_detach);
}

/* shmget, shmctl */

enum verdict handle_shmget(struct tracee *tracee, const struct syscall_row *row)
{
	uint64_t size = tracee_argument(tracee, 1);

	(void)row;
	return tracee_answer(tracee, ipc_get(tracee, IPC_SHM, (int32_t)tracee_argument(tracee, 0),
					     (unsigned)tracee_argument(tracee, 2), size));
}

static int64_t tell_limits(struct tracee *tracee, uint64_t address)
{
	struct shminfo64 info = { .shmmax = IPC_SHMMAX, .shmmin = 1, .shmmni = IPC_SHMMNI,
				  .shmseg = IPC_SHMMNI, .shmall = IPC_SHMMAX };
	int error = ipc_write_shminfo(tracee, address, &info);

	return error ? error : ipc_highest(ipc_space(tracee, false), IPC_SHM);
}

static int64_t tell_use(struct tracee *tracee, uint64_t address)
{
	const struct ipc_space *space = ipc_space(tracee, false);
	struct shm_info info = { 0 };
	int error;

	for (int i = 0; space && i <= space->tables[IPC_SHM].highest; i++) {
		const struct ipc_object *object = ipc_at(space, IPC_SHM, i);

		if (object)
			info.shm_rss += ipc_resident((const struct ipc_segment *)object) / page_size();
	}
	if (space) {
		info.used_ids = (int)space->tables[IPC_SHM].used;
		info.shm_tot = space->pages;
	}
	error = ipc_write_shm_info(tracee, address, &info);
	return error ? error : ipc_highest(space, IPC_SHM);
}

static int64_t tell_segment(struct tracee *tracee, int id, enum ipc_lookup lookup, uint64_t address)
{
	struct shmid64_ds status = { 0 };
	const struct ipc_segment *segment;
	struct ipc_object *object;
	int result = ipc_look(tracee, IPC_SHM, id, lookup, &object), error;

	if (result < 0)
		return result;
	segment = (const struct ipc_segment *)object;
	ipc_show(tracee, object, &status.shm_perm);
	status.shm_segsz = segment->size;
	status.shm_atime = segment->atime;
	status.shm_dtime = segment->dtime;
	status.shm_ctime = segment->ctime;
	status.shm_cpid = segment->creator;
	status.shm_lpid = segment->last;
	status.shm_nattch = segment->attached;
	error = ipc_write_segment(tracee, address, &status);
	return error ? error : result;
}

static int64_t lock(struct tracee *tracee, int id, bool locked)
{
	struct ipc_object *object = ipc_find(tracee, IPC_SHM, id);

	if (!object)
		return -EINVAL;
	if (!ipc_owns(tracee, object, IPC_CAPABILITY_LOCK))
		return -EPERM;
	object->mode = (object->mode & ~SHM_LOCKED) | (locked ? SHM_LOCKED : 0);
	return 0;
}

static int64_t change(struct tracee *tracee, int id, int command, uint64_t address)
{
	struct ipc64_perm perm;
	struct ipc_object *object;
	int error = 0;

	if (command == IPC_SET && ipc_read_perm(tracee, address, &perm) < 0)
		return -EFAULT;
	error = ipc_look_owned(tracee, IPC_SHM, id, &object);
	if (error)
		return error;
	if (command == IPC_RMID) {
		ipc_remove_segment((struct ipc_segment *)object);
		return 0;
	}
	error = ipc_set(tracee, object, &perm);
	if (!error)
		((struct ipc_segment *)object)->ctime = time(NULL);
	return error;
}

static int64_t control(struct tracee *tracee, int id, int command, uint64_t address)
{
	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return tell_limits(tracee, address);
	case SHM_INFO:
		return tell_use(tracee, address);
	case IPC_STAT:
		return tell_segment(tracee, id, LOOKUP_ID, address);
	case SHM_STAT:
		return tell_segment(tracee, id, LOOKUP_INDEX, address);
	case SHM_STAT_ANY:
		return tell_segment(tracee, id, LOOKUP_ANY, address);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return lock(tracee, id, command == SHM_LOCK);
	case IPC_SET:
	case IPC_RMID:
		return change(tracee, id, command, address);
	default:
		return -EINVAL;
	}
}

enum verdict handle_shmctl(struct tracee *tracee, const struct syscall_row *row)
{
	(void)row;
	return tracee_answer(tracee, control(tracee, (int)tracee_argument(tracee, 0),
					     (int)tracee_argument(tracee, 1),
					     tracee_argument(tracee, 2)));
}
