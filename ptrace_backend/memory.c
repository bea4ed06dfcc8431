// SPDX-License-Identifier: Apache-2.0
/* Reading and writing a stopped tracee's memory.
 *
 * Theory of operation
 *
 * Reads go through process_vm_readv(2), one call for a string that doesn't cross a page. Strings the
 * kernel is to read in the guest's place go to the scratch area: private anonymous memory that the
 * loader mapped PROT_READ, so that no other guest thread can change a path between our check and
 * the kernel's use. Only /proc/PID/mem can write there (FOLL_FORCE); its fd is opened at the first
 * such write of a process and kept. Every thread has a slot of its own, up to SCRATCH_OWNED.
 *
 * Before the loader has run (the first execve of the container) there is no scratch area: data
 * goes below the stack pointer, past the red zone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ptrace_backend/tracee.h"

#define CHUNK	 4096UL /* no page is smaller */
#define RED_ZONE 256UL
#define MEM_FDS_SPARE 64
#define LARGE_TURN (4UL << 20)

/* How many of these are kept open: the tracer needs a few fds for other things, however low the limit is. */
static unsigned mem_fds_max(void)
{
	static unsigned max;
	struct rlimit limit;

	if (!max)
		max = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? MEM_FDS_SPARE :
		      limit.rlim_cur > 2 * MEM_FDS_SPARE   ? (unsigned)MIN(limit.rlim_cur, UINT_MAX) - MEM_FDS_SPARE :
							     (unsigned)limit.rlim_cur / 2;
	return max;
}

static void close_mem_fds(struct tracer *tracer)
{
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->mm)
				tracee_close_mem(at->mm, tracer);
}

void tracee_close_mem(struct tracee_mm *mm, struct tracer *tracer)
{
	if (mm->mem_fd < 0)
		return;
	close(mm->mem_fd);
	mm->mem_fd = -1;
	tracer->mem_fds--;
}

static int mem_fd(const struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;
	char path[64];

	if (tracee->mm->mem_fd >= 0)
		return tracee->mm->mem_fd;
	if (tracer->mem_fds >= mem_fds_max())
		close_mem_fds(tracer);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tracee->tid);
	tracee->mm->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (tracee->mm->mem_fd >= 0)
		tracer->mem_fds++;
	return tracee->mm->mem_fd;
}

/* The slow way, for kernels or filters without process_vm_readv. */
static ssize_t mem_transfer(const struct tracee *tracee, uint64_t address, void *buffer,
			    size_t size, bool write)
{
	int fd = mem_fd(tracee);
	ssize_t n;

	if (fd < 0)
		return -EFAULT;
	n = write ? pwrite(fd, buffer, size, (off_t)address) :
		    pread(fd, buffer, size, (off_t)address);
	if (n < 0 && write) {
		/* Where only a tracer may write to what the guest can't (PROC_MEM_FORCE_PTRACE, Linux 6.12),
		 * the kernel looks at the thread that the file was opened by: it may have gone. */
		tracee_close_mem(tracee->mm, tracee->tracer);
		fd = mem_fd(tracee);
		n = fd < 0 ? -1 : pwrite(fd, buffer, size, (off_t)address);
	}
	return n < 0 ? -EFAULT : n;
}

static ssize_t read_some(const struct tracee *tracee, uint64_t address, void *buffer, size_t size)
{
	struct iovec local = { buffer, size };
	struct iovec remote = { (void *)(uintptr_t)address, size };
	ssize_t n;

	if (tracee->tracer->plan->process_vm) {
		n = process_vm_readv(tracee->tid, &local, 1, &remote, 1, 0);
		if (n >= 0)
			return n;
		if (errno == EFAULT)
			return -EFAULT;
	}
	return mem_transfer(tracee, address, buffer, size, false);
}

int tracee_read(const struct tracee *tracee, uint64_t address, void *buffer, size_t size)
{
	char *at = buffer;

	while (size > 0) {
		ssize_t n = read_some(tracee, address, at, size);

		if (n <= 0)
			return -EFAULT;
		at += n;
		address += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int tracee_write(const struct tracee *tracee, uint64_t address, const void *data, size_t size)
{
	struct iovec local = { (void *)(uintptr_t)data, size };
	struct iovec remote = { (void *)(uintptr_t)address, size };

	if (size == 0)
		return 0;
	if (tracee->tracer->plan->process_vm) {
		ssize_t n = process_vm_writev(tracee->tid, &local, 1, &remote, 1, 0);

		if (n == (ssize_t)size)
			return 0;
		if (n >= 0 || errno == EFAULT)
			return -EFAULT;
	}
	return mem_transfer(tracee, address, (void *)(uintptr_t)data, size, true) == (ssize_t)size ?
		       0 :
		       -EFAULT;
}

int tracee_access(const struct tracee *tracee, uint64_t address, void *buffer, size_t size, bool write)
{
	return mem_transfer(tracee, address, buffer, size, write) == (ssize_t)size ? 0 : -EFAULT;
}

int tracee_read_string(const struct tracee *tracee, uint64_t address, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		/* Most paths are short: copying a whole page would cost as much as the call. */
		size_t chunk = length ? CHUNK - (address & (CHUNK - 1)) :
					256 - (address & 255);
		ssize_t n;
		char *nul;

		if (chunk > size - length)
			chunk = size - length;
		n = read_some(tracee, address, buffer + length, chunk);
		if (n <= 0)
			return -EFAULT;
		nul = memchr(buffer + length, '\0', (size_t)n);
		if (nul)
			return (int)(nul - buffer);
		length += (size_t)n;
		address += (uint64_t)n;
	}
	return -ENAMETOOLONG;
}

bool tracee_in_scratch(const struct tracee *tracee, uint64_t address)
{
	return tracee->mm->scratch && address - tracee->mm->scratch < SCRATCH_SIZE;
}

_Static_assert(SCRATCH_SHARED == 64, "a bit of shared_used a slot");
_Static_assert(SCRATCH_OWNED == 8 * sizeof(((struct tracee_mm *)0)->slots_used), "a bit a slot");

/* Takes a slot: for good when one is free, else a shared one, until the call's exit. Returns 0, or -EAGAIN when
 * all of them are in use: that many threads beyond SCRATCH_OWNED sleep in calls. */
static int take_slot(struct tracee *tracee)
{
	struct tracee_mm *mm = tracee->mm;
	unsigned shared;

	if (tracee->slot != SCRATCH_NO_SLOT)
		return 0;
	for (unsigned word = 0; word < SCRATCH_OWNED / 64; word++) {
		unsigned bit;

		if (!~mm->slots_used[word])
			continue;
		bit = (unsigned)__builtin_ctzll(~mm->slots_used[word]);
		mm->slots_used[word] |= 1ULL << bit;
		tracee->slot = word * 64 + bit;
		return 0;
	}
	if (!~mm->shared_used)
		return -EAGAIN;
	shared = (unsigned)__builtin_ctzll(~mm->shared_used);
	mm->shared_used |= 1ULL << shared;
	tracee->slot = SCRATCH_OWNED + shared;
	return 0;
}

void tracee_release_slot(struct tracee *tracee)
{
	if (tracee->slot < SCRATCH_OWNED)
		tracee->mm->slots_used[tracee->slot / 64] &= ~(1ULL << (tracee->slot % 64));
	else if (tracee->slot != SCRATCH_NO_SLOT)
		tracee->mm->shared_used &= ~(1ULL << (tracee->slot - SCRATCH_OWNED));
	tracee->slot = SCRATCH_NO_SLOT;
}

/* A 64-bit program's 32-bit call (int 0x80) can't name its scratch area. It is refused: with the address
 * cut off the kernel would read what the guest put there. */
static bool reachable(const struct tracee *tracee, uint64_t address)
{
	return !tracee->regs.compat || address <= UINT32_MAX;
}

int tracee_put(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address)
{
	size_t room = (size + 15) & ~(size_t)15;
	uint64_t address;
	int result;

	if (tracee->mm->scratch) {
		if (tracee->scratch_used + room > SCRATCH_SLOT_SIZE)
			return -E2BIG;
		result = take_slot(tracee);
		if (result)
			return result;
		address = tracee->mm->scratch + (uint64_t)tracee->slot * SCRATCH_SLOT_SIZE +
			  tracee->scratch_used;
		if (!reachable(tracee, address))
			return -ENOSYS;
		if (mem_transfer(tracee, address, (void *)(uintptr_t)data, size, true) !=
		    (ssize_t)size)
			return -EFAULT;
		tracee->scratch_used += room;
	} else {
		result = tracee_put_stack(tracee, data, size, &address);
		if (result)
			return result;
	}
	*ret_address = address;
	return 0;
}

/* Pieces lie one behind the other, and from the start again after LARGE_TURN: by then the kernel has read
 * the first. Threads that execute by vfork share the area. */
int tracee_put_large(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address)
{
	struct tracee_mm *mm = tracee->mm;
	size_t room = (size + 15) & ~(size_t)15;
	uint64_t address;

	if (!mm->scratch)
		return tracee_put_stack(tracee, data, size, ret_address);
	if (room > SCRATCH_LARGE_SIZE)
		return -E2BIG;
	if (mm->next_large >= LARGE_TURN || mm->next_large + room > SCRATCH_LARGE_SIZE) {
		mm->next_large = 0;
		mm->large_turns++;
	}
	address = mm->scratch + SCRATCH_LARGE + mm->next_large;
	mm->next_large += room;
	if (!reachable(tracee, address))
		return -ENOSYS;
	if (mem_transfer(tracee, address, (void *)(uintptr_t)data, size, true) != (ssize_t)size)
		return -EFAULT;
	*ret_address = address;
	return 0;
}

int tracee_put_stack(struct tracee *tracee, const void *data, size_t size, uint64_t *ret_address)
{
	size_t room = (size + 15) & ~(size_t)15;
	uint64_t address;

	tracee->stack_used += room;
	address = ((tracee->regs.stack - RED_ZONE) & ~15ULL) - tracee->stack_used;
	if (!reachable(tracee, address))
		return -ENOSYS;
	if (tracee_write(tracee, address, data, size) < 0)
		return -EFAULT;
	*ret_address = address;
	return 0;
}
