// SPDX-License-Identifier: Apache-2.0
/* The loader: runs inside the guest process right after execve and maps the guest's program.
 *
 * Theory of operation
 *
 * The kernel must never open the guest's PT_INTERP by its guest name, so every execve in the guest
 * is turned into one of amphora's own binary. At PTRACE_EVENT_EXEC the tracer writes a
 * struct load_script into our own data segment and sends the process here, before a
 * single instruction of our own start-up code has run. This code maps the program and its
 * interpreter as the kernel's ELF loader would, corrects the auxiliary vector, makes the scratch
 * area, removes every other trace of our image, and jumps.
 *
 * It runs with nothing relocated and nothing initialised: no library, no global data, no string
 * literal, no jump table, one function. It lives in a section of its own (loader_text); the tracer keeps
 * the pages that hold it and no others.
 *
 * Compiled a second time for 32-bit programs, as a program of its own (carrier.h).
 */
#include "ptrace_backend/arch/loader_arch.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/loader/loader.h"

#define MAP_SHARED	    0x01
#define MREMAP_MAYMOVE	    1
#define MREMAP_FIXED	    2
#define MADV_WIPEONFORK	    18
#define MAP_PRIVATE	    0x02
#define MAP_FIXED	    0x10
#define MAP_ANONYMOUS	    0x20
#define MAP_NORESERVE	    0x4000
#define MAP_FIXED_NOREPLACE 0x100000
#define PROT_READ	    1
#define PROT_WRITE	    2
#define PROT_EXEC	    4
#define PROT_GROWSDOWN	    0x01000000
#define AT_FDCWD	    (-100)
#define O_RDONLY	    0
#define O_CLOEXEC	    02000000
#define PR_SET_NAME	    15
#define EMFILE		    24

#define AT_PHDR	  3
#define AT_PHENT  4
#define AT_PHNUM  5
#define AT_BASE	  7
#define AT_ENTRY  9
#define AT_UID	  11
#define AT_EUID	  12
#define AT_GID	  13
#define AT_EGID	  14
#define AT_HWCAP  16
#define AT_SECURE 23
#define AT_EXECFN 31

#define inline_always static inline __attribute__((always_inline))

typedef unsigned long word; /* of the stack that the kernel made */

inline_always uint64_t page_up(uint64_t value, uint64_t page)
{
	return (value + page - 1) & ~(page - 1);
}

inline_always int failed(long result)
{
	return result < 0 && result > -4096;
}

inline_always void give_up(void)
{
	arch_syscall(ARCH_SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0);
}

/* A segment's file part. Where the file can't be mapped executable (a noexec mount, a W^X policy), an
 * anonymous copy; without an fd the memory for one. */
inline_always long map_file(uint64_t address, const struct load_segment *segment, int fd, uint64_t page)
{
	uint64_t length = page_up(segment->file_size, page), done = 0;
	long result = -1;

	if (fd >= 0)
		result = arch_mmap((long)address, (long)length, (int)segment->protection,
				   MAP_PRIVATE | MAP_FIXED, fd, segment->offset);
	if (!failed(result) || (fd >= 0 && !(segment->protection & PROT_EXEC)))
		return result;
	result = arch_mmap((long)address, (long)length, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	if (failed(result) || fd < 0)
		return result;
	while (done < segment->file_size) {
		result = arch_pread(fd, (long)(address + done), (long)(segment->file_size - done),
				    segment->offset + done);
		if (result <= 0)
			break;
		done += (word)result;
	}
	return arch_syscall(ARCH_SYS_MPROTECT, (long)address, (long)length, segment->protection, 0,
			    0, 0);
}

inline_always void zero(uint64_t from, uint64_t to)
{
	for (; from < to && from % sizeof(word); from++)
		*(volatile char *)(word)from = 0;
	for (; from + sizeof(word) <= to; from += sizeof(word))
		*(volatile word *)(word)from = 0;
	for (; from < to; from++)
		*(volatile char *)(word)from = 0;
}

/* What the tracer does where there is no fd. */
inline_always void fill(const struct load_object *object, uint64_t bias, uint64_t scratch, uint64_t page)
{
	long result = arch_syscall(ARCH_SYS_OPENAT, LOADER_FILL, (long)object->path,
				   O_RDONLY | O_CLOEXEC, (long)bias, (long)scratch, (long)LOADER_MARK);

	if (failed(result))
		give_up();
	for (uint32_t i = 0; i < object->segment_count; i++) {
		const struct load_segment *segment = &object->segments[i];

		if (segment->file_size)
			arch_syscall(ARCH_SYS_MPROTECT, (long)(bias + segment->address),
				     (long)page_up(segment->file_size, page), segment->protection, 0, 0, 0);
	}
}

#ifdef ARCH_SYS_MREMAP
typedef long stub_call(void *slot, long number, long a, long b, long c, long d, long e);

/* An open that passes the filter. */
inline_always long open_fast(const struct load_script *script, uint64_t path)
{
	return ((stub_call *)(word)script->fast_call)((void *)(word)(script->fast_base + FAST_SLOTS), ARCH_SYS_OPENAT,
						      AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | ARCH_O_NOFOLLOW, 0, 0);
}

/* The fast path's area: the stub is moved there from our own image. Where there is no room for it the
 * program does without: 0. */
inline_always int map_fast(const struct load_script *script, uint64_t scratch)
{
	uint64_t base = script->fast_base, records = base + FAST_SITES;
	long result, fd;

	if (!base)
		return 0;
	/* What isn't covered below are the slots. */
	result = arch_mmap((long)base, FAST_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (failed(result))
		return 0;
	if ((word)result != base) {
		arch_syscall(ARCH_SYS_MUNMAP, result, FAST_SIZE, 0, 0, 0, 0);
		return 0;
	}
#ifdef FAST_RECORDS_APART
	result = arch_mmap((long)script->fast_records, FAST_RECORDS_SIZE, PROT_READ | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	records = failed(result) ? 0 : (word)result;
#endif
	if (records &&
	    !failed(arch_syscall(ARCH_SYS_MREMAP, (long)script->fast_text, FAST_TEXT_SIZE, FAST_TEXT_SIZE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, (long)(base + FAST_TEXT), 0)) &&
	    !failed(arch_mmap((long)(base + FAST_SITES), FAST_SHARED - FAST_SITES, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)) &&
	    !failed(fd = open_fast(script, script->fast_path))) {
		result = arch_mmap((long)(base + FAST_SHARED), FAST_SHARED_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED,
				   (int)fd, 0);
		arch_syscall(ARCH_SYS_CLOSE, fd, 0, 0, 0, 0, 0);
		/* A child has no thread in the stub; its parent's slots needn't be copied (Linux 4.14). */
		arch_syscall(ARCH_SYS_MADVISE, (long)(base + FAST_SLOTS), FAST_SLOTS_MAX * FAST_SLOT_SIZE,
			     MADV_WIPEONFORK, 0, 0, 0);
		if (!failed(result) &&
		    arch_syscall(ARCH_SYS_OPENAT, AT_FDCWD, (long)script->fast_path, O_RDONLY | O_CLOEXEC,
				 (long)records, (long)scratch, (long)LOADER_MARK) == 0)
			return 1;
	}
#ifdef FAST_RECORDS_APART
	if (records)
		arch_syscall(ARCH_SYS_MUNMAP, (long)records, FAST_RECORDS_SIZE, 0, 0, 0, 0);
#endif
	arch_syscall(ARCH_SYS_MUNMAP, (long)base, FAST_SIZE, 0, 0, 0, 0);
	return 0;
}
#else
inline_always long open_fast(const struct load_script *script, uint64_t path)
{
	(void)script;
	(void)path;
	return -EMFILE;
}

inline_always int map_fast(const struct load_script *script, uint64_t scratch)
{
	(void)script;
	(void)scratch;
	return 0;
}
#endif

/* Maps all of it as its first segment, where the others leave no holes: they are mapped over that. Fails elsewhere, and
 * where map_file() has to do more than that. */
inline_always long map_whole(const struct load_object *object, long fd, uint64_t page)
{
	const struct load_segment *first = &object->segments[0];
	uint64_t end = object->span_start;

	for (uint32_t i = 0; i < object->segment_count; i++) {
		if (object->segments[i].address != end)
			return -1;
		end = page_up(object->segments[i].address + object->segments[i].size, page);
	}
	if (fd < 0 || !first->file_size || end != object->span_start + object->span_size)
		return -1;
	return arch_mmap(0, (long)object->span_size, (int)first->protection, MAP_PRIVATE, (int)fd, first->offset);
}

/* Returns the difference between where the object is and what its headers say. A process that has as many
 * files open as it may gets a copy: the kernel's own execve needs no fd. */
inline_always uint64_t map_object(const struct load_script *script, const struct load_object *object, uint64_t scratch,
				  uint32_t held, int fast)
{
	uint64_t page = script->page_size;
	uint64_t bias, size = object->span_size, start;
	uint64_t extra = object->alignment > page ? object->alignment : 0;
	long fd = -EMFILE, result;
	int whole = 0;

	if (fast && !held)
		fd = open_fast(script, object->path);
	else if (!held)
		fd = arch_syscall(ARCH_SYS_OPENAT, AT_FDCWD, (long)object->path,
				  O_RDONLY | O_CLOEXEC, 0, (long)scratch, (long)LOADER_MARK);
	/* Whatever it was that kept the stub from opening it: the tracer opens it once more. */
	if (failed(fd) && fd != -EMFILE && !fast)
		give_up();
	if (object->fixed) {
		result = arch_mmap((long)object->span_start, (long)size, 0,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
				   -1, 0);
		if ((word)result != object->span_start)
			give_up();
		bias = 0;
	} else {
		result = extra ? -1 : map_whole(object, fd, page);
		whole = !failed(result);
		if (!whole)
			result = arch_mmap(0, (long)(size + extra), 0,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (failed(result))
			give_up();
		start = (word)result;
		if (extra) {
			uint64_t aligned = (start + extra - 1) & ~(extra - 1);

			if (aligned > start)
				arch_syscall(ARCH_SYS_MUNMAP, (long)start, (long)(aligned - start),
					     0, 0, 0, 0);
			arch_syscall(ARCH_SYS_MUNMAP, (long)(aligned + size),
				     (long)(start + extra - aligned), 0, 0, 0, 0);
			start = aligned;
		}
		bias = start - object->span_start;
	}
	for (uint32_t i = 0; i < object->segment_count; i++) {
		const struct load_segment *segment = &object->segments[i];
		uint64_t address = bias + segment->address;
		uint64_t mapped = page_up(segment->file_size, page);
		uint64_t end = page_up(segment->size, page);

		if (segment->file_size && !(whole && i == 0) &&
		    failed(map_file(address, segment, (int)fd, page)))
			give_up();
		if (fd >= 0 && segment->size > segment->file_size && segment->file_size &&
		    (segment->protection & PROT_WRITE))
			zero(address + segment->file_size,
			     address + (mapped < segment->size ? mapped : end));
		if (end > mapped) {
			result = arch_mmap((long)(address + mapped),
					   (long)(end - mapped), (int)segment->protection,
					   MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
			if (failed(result))
				give_up();
		}
	}
	if (fd >= 0)
		arch_syscall(ARCH_SYS_CLOSE, fd, 0, 0, 0, 0, 0);
	else
		fill(object, bias, scratch, page);
	return bias;
}

inline_always void set_auxv(word *auxv, const struct load_script *script, uint64_t bias,
			    uint64_t base, uint64_t execfn)
{
	for (; auxv[0]; auxv += 2) {
		word type = auxv[0];

		if (type == AT_PHDR)
			auxv[1] = (word)(script->program.phdr ? bias + script->program.phdr : 0);
		else if (type == AT_PHENT)
			auxv[1] = script->program.phdr_size;
		else if (type == AT_PHNUM)
			auxv[1] = script->program.phdr_count;
		else if (type == AT_BASE)
			auxv[1] = (word)base;
		else if (type == AT_ENTRY)
			auxv[1] = (word)(bias + script->program.entry);
		else if (type == AT_EXECFN)
			auxv[1] = (word)execfn;
		else if (type == AT_HWCAP && (script->flags & LOAD_HWCAP))
			auxv[1] = (word)script->hwcap;
		else if (!(script->flags & LOAD_FAKE_IDS))
			continue;
		else if (type == AT_UID)
			auxv[1] = script->ids[0];
		else if (type == AT_EUID)
			auxv[1] = script->ids[1];
		else if (type == AT_GID)
			auxv[1] = script->ids[2];
		else if (type == AT_EGID)
			auxv[1] = script->ids[3];
		else if (type == AT_SECURE)
			auxv[1] = !!(script->flags & LOAD_SECURE);
	}
}

inline_always uint64_t copy_string(uint64_t to, uint64_t from)
{
	volatile char *out = (volatile char *)(word)to;
	const volatile char *in = (const volatile char *)(word)from;

	while ((*out++ = *in++))
		;
	return to;
}

inline_always void unmap(uint64_t start, uint64_t end)
{
	if (start < end)
		arch_syscall(ARCH_SYS_MUNMAP, (long)start, (long)(end - start), 0, 0, 0, 0);
}

/* Entered by the tracer, which sets the registers; never returns. On aarch64 execve's result arrives
 * in the first argument's register after that. */
__attribute__((section("loader_text"), used, noreturn)) ARCH_LOADER_ABI void
amphora_loader(long result, const struct load_script *from);

ARCH_LOADER_ABI void amphora_loader(long result, const struct load_script *from)
{
	/* The script lies in what is about to be unmapped. */
	uint64_t copy[LOAD_IMAGE_MAX / sizeof(uint64_t)];
	struct load_script *script = (struct load_script *)copy;
	word *at = (word *)(word)from->stack;
	uint64_t page = from->page_size, scratch, execfn, bias, base = 0, entry;
	int fast;

	(void)result;
	for (word i = 0; i * sizeof(uint64_t) < from->size; i++)
		((volatile uint64_t *)copy)[i] = ((const volatile uint64_t *)from)[i];
	script->program.path += (word)copy;
	if (script->interpreter.path)
		script->interpreter.path += (word)copy;
	script->execfn += (word)copy;
	script->fast_path += (word)copy;
	scratch = (word)arch_mmap(0, (long)(script->scratch_size + page), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (failed((long)scratch))
		give_up();
	/* The page behind the slots holds what must outlive the stack below us. */
	execfn = copy_string(scratch + script->scratch_size, script->execfn);
	arch_syscall(ARCH_SYS_MPROTECT, (long)scratch, (long)(script->scratch_size + page),
		     PROT_READ, 0, 0, 0);

	/* The copy's sites need the area. */
	fast = map_fast(script, scratch);
	if (fast && script->copy)
		script->interpreter.path = (word)copy + script->copy;
	for (uint32_t i = 0; i < script->unmap_count; i++) {
		uint64_t start = script->unmap[i].start, end = script->unmap[i].end;

		if (script->keep_start >= start && script->keep_end <= end) {
			unmap(start, script->keep_start);
			unmap(script->keep_end, end);
		} else {
			unmap(start, end);
		}
	}

	bias = map_object(script, &script->program, scratch, script->flags & LOAD_HELD, fast);
	entry = bias + script->program.entry;
	if (script->interpreter.path) {
		uint64_t interpreter_bias = map_object(script, &script->interpreter, scratch, 0, fast);

		base = interpreter_bias + script->interpreter.span_start;
		entry = interpreter_bias + script->interpreter.entry;
	}

	at += *at + 2; /* argc, argv, NULL */
	while (*at++)
		;
	set_auxv(at, script, bias, base, execfn);

	if (script->flags & LOAD_EXECUTABLE_STACK)
		arch_syscall(ARCH_SYS_MPROTECT, (long)(script->stack & ~(page - 1)), (long)page,
			     PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN, 0, 0, 0);
	/* The rest is for the tracer, where a guest traces. */
	arch_syscall(ARCH_SYS_PRCTL, PR_SET_NAME, (long)script->command, (long)entry,
		     (long)script->stack, (long)LOADER_MARK, 0);
	arch_jump((word)entry, (word)script->stack);
}
