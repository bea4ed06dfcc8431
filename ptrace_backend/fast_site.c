// SPDX-License-Identifier: Apache-2.0
/* Call sites: which are patched, and what is known of them. How they are is the architecture's (fast_patch.c).
 *
 * Theory of operation
 *
 * Only text that the process maps privately from a file, and only at the second call from a site: generated code
 * may be anything, and most sites of a short program are used once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "ptrace_backend/chain.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_copy.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

#define RECORDS_BEHIND (32ULL << 20)

extern const char __start_stub_text[], __stop_stub_text[];

int fast_write_text(struct tracee *tracee, uint64_t address, const void *data, size_t size)
{
	return tracee_access(tracee, address, (void *)(uintptr_t)data, size, true);
}

bool fast_is_supported(void)
{
	return page_size() <= FAST_TEXT_SIZE && (uintptr_t)__stop_stub_text - (uintptr_t)__start_stub_text == FAST_TEXT_SIZE &&
	       (uintptr_t)amphora_stub_start == (uintptr_t)__start_stub_text;
}

bool fast_is_written_by_any_thread(void)
{
	const off_t text = (off_t)(uintptr_t)fast_is_written_by_any_thread;
	_cleanup_close_ int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	char same;

	/* The same rule: what is mapped read-only, written by who doesn't trace. */
	return fd >= 0 && pread(fd, &same, 1, text) == 1 && pwrite(fd, &same, 1, text) == 1;
}

uint64_t fast_call_address(const struct tracer *tracer)
{
	return tracer->fast ? tracer->fast->base + fast_stub_offset(amphora_stub_call_after) : 0;
}

uint32_t fast_may(const struct tracer *tracer)
{
	return tracer->fast ? tracer->fast->shared->may : 0;
}

struct fast_sites *fast_sites_share(struct fast_sites *sites)
{
	if (sites)
		sites->references++;
	return sites;
}

void fast_sites_release(struct fast_sites *sites)
{
	if (sites && --sites->references == 0)
		talloc_free(sites);
}

/* One of the tracee's own, to be changed. */
static struct fast_sites *own_sites(struct tracee *tracee)
{
	struct fast_sites *from = tracee->mm->fast_sites, *own;

	if (from && from->references == 1)
		return from;
	own = talloc_zero(tracee->tracer->fast, struct fast_sites);
	if (!own)
		return NULL;
	if (from)
		*own = *from;
	own->references = 1;
	fast_sites_release(from);
	tracee->mm->fast_sites = own;
	return own;
}

/* Why what is executed goes without; FAST_LACK_COUNT: it doesn't. */
static enum fast_path_lack program_lacks(const struct tracee *tracee)
{
	return tracee->guest			    ? FAST_LACK_TRACED :
	       tracee->filters			    ? FAST_LACK_FILTER :
	       /* A root or a working directory that others may change survives an exec. */
	       tracee->fs->references != 1	    ? FAST_LACK_SHARED :
	       tracee->mm->fast_listing		    ? FAST_LACK_LISTING :
	       !fast_has_plain_view(tracee)	    ? FAST_LACK_VIEW :
						      FAST_LACK_COUNT;
}

const char *fast_fill_script(struct tracee *tracee, struct load_script *script, uint64_t image_shift,
			     const char *interpreter, const char **ret_copy)
{
	const struct fast *fast = tracee->tracer->fast;
	const struct load_object *objects[] = { &script->program, &script->interpreter };
	enum fast_path_lack lack;

	*ret_copy = NULL;
	if (!fast)
		return NULL;
	lack = program_lacks(tracee);
	for (unsigned i = 0; i < 2 && lack == FAST_LACK_COUNT; i++)
		if (objects[i]->fixed && objects[i]->span_start < fast->base + FAST_SIZE &&
		    objects[i]->span_start + objects[i]->span_size > fast->base)
			lack = FAST_LACK_ROOM;
	if (lack != FAST_LACK_COUNT) {
		fast_lacks(tracee, lack);
		return NULL;
	}
	script->fast_base = fast->base;
	/* Where the first library comes, or behind a program that has none: it may want what is next to it. */
	if (script->program.fixed && !script->interpreter.segment_count)
		script->fast_records = page_up(script->program.span_start + script->program.span_size) + RECORDS_BEHIND;
	script->fast_text = (uintptr_t)amphora_stub_start + image_shift;
	script->fast_call = fast->base + fast_stub_offset(amphora_stub_make_call);
	*ret_copy = fast_copy_of(tracee, interpreter, &script->interpreter);
	return fast->path;
}

void fast_loaded(struct tracee *tracee, uint64_t records)
{
	const struct fast *fast = tracee->tracer->fast;

	tracee->mm->fast_base = fast && records ? fast->base : 0;
	tracee->mm->fast_records = records;
	fast_tell_ids(tracee);
}

bool fast_is_area(const struct tracee_mm *mm, uint64_t start, uint64_t end)
{
	if (!mm->fast_base)
		return false;
	return (start >= mm->fast_base && end <= mm->fast_base + FAST_SIZE) ||
	       (start >= mm->fast_records && end <= mm->fast_records + FAST_RECORDS_SIZE);
}

int fast_write(struct tracee *tracee, size_t offset, const void *data, size_t size)
{
	return fast_write_text(tracee, tracee->mm->fast_base + offset, data, size);
}

/* Reads which text is mapped privately from files. */
static void read_ranges(struct tracee *tracee, struct fast_sites *sites)
{
	char path[64], line[PATH_SIZE + 128], permissions[8];
	unsigned long start, end, inode;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tracee->tid);
	maps = fopen(path, "re");
	sites->range_count = 0;
	while (maps && sites->range_count < FAST_RANGES_MAX && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &start, &end, permissions, &inode) == 4 && inode &&
		    !strcmp(permissions, "r-xp") && !fast_is_area(tracee->mm, start, end))
			sites->ranges[sites->range_count++] = (struct load_range){ start, end };
	if (maps)
		fclose(maps);
}

/* The kernel's, since Linux 6.11; headers may be older. */
struct procmap_query {
	uint64_t size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_ _IOWR('f', 17, struct procmap_query)
#define VMA_READABLE   1
#define VMA_EXECUTABLE 4

/* 1, 0, or -errno: the kernel can't be asked for a single mapping. */
static int ask_for_text(const struct tracee *tracee, uint64_t start, size_t size)
{
	struct procmap_query query = { .size = sizeof(query), .query_addr = start };
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tracee->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PROCMAP_QUERY_, &query) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Neither writable nor shared. */
	return query.inode && query.vma_flags == (VMA_READABLE | VMA_EXECUTABLE) && start + size <= query.vma_end;
}

static bool is_in_ranges(const struct fast_sites *sites, uint64_t start, size_t size)
{
	for (unsigned i = 0; i < sites->range_count; i++)
		if (start >= sites->ranges[i].start && start + size <= sites->ranges[i].end)
			return true;
	return false;
}

bool fast_is_text(struct tracee *tracee, struct fast_sites *sites, uint64_t start, size_t size)
{
	int answer = ask_for_text(tracee, start, size);

	if (answer >= 0)
		return answer && !fast_is_area(tracee->mm, start, start + size);
	/* What was text can be a program's own code by now. What wasn't is looked for only so often: reading all of it
	 * costs more than a call in vain. */
	if (!is_in_ranges(sites, start, size) && sites->looks++ >= 8)
		return false;
	read_ranges(tracee, sites);
	return is_in_ranges(sites, start, size);
}

/* So that it can be found out what sites there are besides. */
static void count_unpatched(struct tracee *tracee, uint64_t after)
{
	uint8_t text[16] = { 0 };
	char shown[2 * sizeof(text) + 1];

	tracee->tracer->fast->counts->unpatched++;
	if (log_get_level() < LOG_LEVEL_DEBUG || tracee_read(tracee, after - sizeof(text), text, sizeof(text)) < 0)
		return;
	for (unsigned i = 0; i < sizeof(text); i++)
		snprintf(shown + 2L * i, 3, "%02x", text[i]);
	log_debug("pid %d: call %d from %#llx isn't patched, behind %s", (int)tracee->tid, (int)tracee->regs.number,
		  (unsigned long long)after, shown);
}

/* Whether a thread is about to make a call of ours at the place of one of its own: not in a site that becomes a jump. */
static bool any_goes_back(const struct tracee *tracee)
{
	const struct tracer *tracer = tracee->tracer;

	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at != tracee && at->mm == tracee->mm &&
			    (at->state == TRACEE_TRAPPED || at->repeats || chain_is_active(at)))
				return true;
	return false;
}

unsigned fast_seen(struct tracee *tracee, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t key = after ^ (uint64_t)tracee->regs.number << 48;
	struct fast_sites *sites;
	unsigned slot = (unsigned)(fast_mix(key) % FAST_SEEN_MAX);
	bool ours = fast_is_area(tracee->mm, after, after);

	if (!after || tracee->mm->fast_off || fast->shared->off)
		return 0;
	fast->counts->declined += ours;
	if (!ours)
		fast_copy_seen(tracee, after);
	sites = own_sites(tracee);
	if (!sites)
		return 0;
	/* Two places each: an empty one is taken, or one that is decided upon gives way. */
	if (sites->seen[slot].key && sites->seen[slot].key != key &&
	    (sites->seen[slot ^ 1].key == key || !sites->seen[slot ^ 1].key ||
	     sites->seen[slot ^ 1].calls > sites->seen[slot].calls))
		slot ^= 1;
	if (sites->seen[slot].key != key) {
		sites->seen[slot].key = key;
		sites->seen[slot].calls = 0;
	}
	if (sites->seen[slot].calls == 1 && tracee->mm->references > 1 && any_goes_back(tracee))
		return 1;
	if (++sites->seen[slot].calls == 2 && !fast->only_copies && !fast_is_copied_record(tracee, after))
		fast_patch(tracee, sites, after);
	if (sites->seen[slot].calls == FAST_OFTEN && !ours)
		count_unpatched(tracee, after);
	return sites->seen[slot].calls;
}

const struct fast_place *fast_place_at(const struct tracee *tracee, uint64_t address)
{
	const struct fast_sites *sites = tracee->mm->fast_sites;
	uint64_t index = (address - tracee->mm->fast_records) / FAST_SITE_SIZE;

	return sites && index < sites->count ? &sites->places[index] : NULL;
}

uint64_t fast_site_at(const struct tracee *tracee, uint64_t address)
{
	const struct fast_place *place = fast_place_at(tracee, address);

	return place ? place->site : 0;
}

bool fast_is_first(const struct tracee *tracee, const struct fast_place *place)
{
	const struct fast_place *first = tracee->mm->fast_sites->places;

	while (first->site != place->site)
		first++;
	return first == place;
}

/* Or takes one away. */
static bool makes_name(uint32_t number)
{
	switch (number) {
#ifdef SYS_open
	case SYS_mkdir:
	case SYS_rmdir:
	case SYS_unlink:
	case SYS_rename:
	case SYS_link:
	case SYS_symlink:
#endif
	case SYS_mkdirat:
	case SYS_unlinkat:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_linkat:
	case SYS_symlinkat:
		return true;
	default:
		return false;
	}
}

static bool opens(uint32_t number)
{
#ifdef SYS_open
	if (number == SYS_open || number == SYS_creat)
		return true;
#endif
	return number == SYS_openat;
}

bool fast_is_final(uint32_t number, int64_t result)
{
	return fast_waits(number) || (opens(number) && (result >= 0 || result == -ENOENT)) ||
	       (makes_name(number) && result >= 0);
}

void fast_ends_early(struct fast *fast, uint32_t number)
{
	if (makes_name(number))
		fast_bump(fast);
}

bool fast_waits(uint32_t number)
{
	return FAST_WAITS && (number == SYS_wait4 || number == SYS_waitid);
}

bool fast_is_slot(const struct tracee *tracee, uint64_t slot)
{
	uint64_t slots = tracee->mm->fast_base + FAST_SLOTS;

	return slot >= slots && slot < tracee->mm->fast_base + FAST_SIZE && (slot - slots) % FAST_SLOT_SIZE == 0;
}

void fast_release_slot(struct tracee *tracee, uint64_t slot)
{
	uint32_t free = 0;

	tracee_write(tracee, slot + SLOT_BUSY, &free, sizeof(free));
}

void fast_store_registers(struct tracee *tracee)
{
	tracee->regs.changed = REGISTER_ALL;
	registers_store(tracee->tid, &tracee->regs);
}
