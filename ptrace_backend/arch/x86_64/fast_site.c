// SPDX-License-Identifier: Apache-2.0
/* Call sites: patching them, and what a signal finds in the stub.
 *
 * Theory of operation
 *
 *	site	b8 NN NN NN NN	mov $number, %eax	ff 24 25 LL LL 06 HH	jmp *record.entry
 *	site+5	0f 05		syscall
 *
 * or, where the number is set before, `mov $dirfd, %edi` in the place of the first (glibc's opendir). The record
 * then makes up for it, and looks whether the number is the one that was seen.
 *
 * The record lies where bits 16 to 23 of its address are 06, which is no instruction: a thread that was between
 * the two when its site was patched, or whose call the kernel makes again after a signal (it goes back two
 * bytes), gets a SIGILL at site+5 and is sent to the site. So that no thread sees half of it, the 06 is
 * written first and the opcode last.
 *
 * Only text that the process maps privately from a file, and only at the second call from a site: generated code
 * may be anything, and most sites of a short program are used once.
 *
 * A signal's handler must never see the stub. At its delivery stop the registers become those of the program
 * at the site: before the call when nothing has been done (or what has been done can be done again), behind
 * it with the result otherwise. The kernel decides about restarting afterwards, from that result. A fault in the
 * stub is a bad pointer of the program's: the call goes the slow way, and gets its EFAULT.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/log.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

#define SITE_LENGTH 7
#define SLOW_OFFSET 56 /* of struct fast_site's slow code */
#define SLOW_CALL   7  /* in it: behind its call */
#define RAW_OFFSET  13 /* in it: the call with another number */
#define MOV_EAX	    0xb8
#define MOV_EDI	    0xbf
#define SEEN_MAX    64
#define RANGES_MAX  32

extern const char __start_stub_text[], __stop_stub_text[];
extern const char amphora_stub_start[], amphora_stub_acquired[], amphora_stub_switched[];
extern const char amphora_stub_restoring[], amphora_stub_restored[], amphora_stub_released[];
extern const char amphora_stub_left[], amphora_stub_code_end[];
extern const char amphora_stub_call_at[], amphora_stub_call_after[], amphora_stub_call_done[];
_Static_assert(offsetof(struct fast_site, slow) == SLOW_OFFSET && offsetof(struct fast_site, back) == 8,
	       "the stub's assembly");

/* What is known of an address space's text; a copy of it shares this until one of them changes. */
struct fast_sites {
	unsigned references;
	unsigned count;
	uint64_t sites[FAST_SITES_MAX];
	unsigned range_count, looks;
	struct load_range ranges[RANGES_MAX]; /* private file mappings with text */
	struct {
		uint64_t site;
		unsigned calls;
	} seen[SEEN_MAX];
};

static int write_text(struct tracee *tracee, uint64_t address, const void *data, size_t size)
{
	return tracee_access(tracee, address, (void *)(uintptr_t)data, size, true);
}

static uint64_t offset_of(const char *symbol)
{
	return (uint64_t)(symbol - amphora_stub_start);
}

/* As the linker has laid it out. */
bool fast_is_supported(void)
{
	return (uintptr_t)__stop_stub_text - (uintptr_t)__start_stub_text == FAST_TEXT_SIZE &&
	       (uintptr_t)amphora_stub_start == (uintptr_t)__start_stub_text;
}

uint64_t fast_call_address(const struct tracer *tracer)
{
	return tracer->fast ? tracer->fast->base + offset_of(amphora_stub_call_after) : 0;
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

const char *fast_fill_script(struct tracee *tracee, struct load_script *script, uint64_t image_shift)
{
	const struct fast *fast = tracee->tracer->fast;
	const struct load_object *objects[] = { &script->program, &script->interpreter };

	if (!fast || tracee->guest || tracee->filters)
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		if (objects[i]->fixed && objects[i]->span_start < fast->base + FAST_SIZE &&
		    objects[i]->span_start + objects[i]->span_size > fast->base)
			return NULL;
	script->fast_base = fast->base;
	script->fast_text = (uintptr_t)amphora_stub_start + image_shift;
	return fast->path;
}

void fast_loaded(struct tracee *tracee, uint64_t base)
{
	const struct fast *fast = tracee->tracer->fast;

	tracee->mm->fast_base = fast && base == fast->base ? base : 0;
}

bool fast_is_area(const struct tracee_mm *mm, uint64_t start, uint64_t end)
{
	return mm->fast_base && start >= mm->fast_base && end <= mm->fast_base + FAST_SIZE;
}

int fast_write(struct tracee *tracee, size_t offset, const void *data, size_t size)
{
	return write_text(tracee, tracee->mm->fast_base + offset, data, size);
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
	sites->looks++;
	while (maps && sites->range_count < RANGES_MAX && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &start, &end, permissions, &inode) == 4 && inode &&
		    !strcmp(permissions, "r-xp") && !fast_is_area(tracee->mm, start, end))
			sites->ranges[sites->range_count++] = (struct load_range){ start, end };
	if (maps)
		fclose(maps);
}

static bool is_text(struct tracee *tracee, struct fast_sites *sites, uint64_t site)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < sites->range_count; i++)
			if (site >= sites->ranges[i].start && site + SITE_LENGTH <= sites->ranges[i].end)
				return true;
		if (sites->looks >= 8)
			return false;
		if (!turn)
			read_ranges(tracee, sites);
	}
	return false;
}

static void put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

/* `text`: what the site was. */
static void make_record(const struct fast *fast, unsigned index, uint64_t site, const uint8_t *text, uint32_t number,
			struct fast_site *record)
{
	uint64_t address = fast->base + FAST_SITES + index * FAST_SITE_SIZE;
	uint64_t code = address + offsetof(struct fast_site, code), slow = address + SLOW_OFFSET;
	uint8_t *at = record->code;

	*record = (struct fast_site){ .entry = code, .back = site + SITE_LENGTH, .number = number };
	if (text[0] == MOV_EDI) {
		memcpy(at, text, 5);
		at += 5;
	}
	memcpy(at, "\x4c\x8d\x1d", 3); /* lea address(%rip), %r11 */
	at += 7;
	put32(at - 4, (uint32_t)(address - (code + (uint64_t)(at - record->code))));
	if (text[0] == MOV_EDI) {
		*at = 0x3d; /* cmp number, %eax; jne raw */
		put32(at + 1, number);
		at += 11;
		at[-6] = 0x0f;
		at[-5] = 0x85;
		put32(at - 4, (uint32_t)(slow + RAW_OFFSET - (code + (uint64_t)(at - record->code))));
	}
	*at = 0xe9; /* jmp the stub */
	at += 5;
	put32(at - 4, (uint32_t)(fast->base + FAST_TEXT - (code + (uint64_t)(at - record->code))));

	record->slow[0] = MOV_EAX;
	put32(record->slow + 1, number);
	memcpy(record->slow + 5, "\x0f\x05\xff\x25", 4); /* syscall; jmp *back(%rip) */
	put32(record->slow + 9, (uint32_t)(address + 8 - (slow + RAW_OFFSET)));
	memcpy(record->slow + RAW_OFFSET, "\x0f\x05\xff\x25", 4);
	put32(record->slow + RAW_OFFSET + 4, (uint32_t)(address + 8 - (slow + RAW_OFFSET + 8)));
}

/* Returns false when the site can't be patched. */
static bool patch(struct tracee *tracee, struct fast_sites *sites, uint64_t site)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t address = fast->base + FAST_SITES + sites->count * FAST_SITE_SIZE;
	uint8_t text[SITE_LENGTH], jump[SITE_LENGTH] = { 0xff, 0x24, 0x25 };
	struct fast_site record;
	uint32_t number = (uint32_t)tracee->regs.number, set;

	if (sites->count == FAST_SITES_MAX || tracee_read(tracee, site, text, sizeof(text)) < 0 ||
	    (text[0] != MOV_EAX && text[0] != MOV_EDI) || text[5] != 0x0f || text[6] != 0x05)
		return false;
	memcpy(&set, text + 1, sizeof(set));
	if ((text[0] == MOV_EAX && set != number) || !is_text(tracee, sites, site))
		return false;
	make_record(fast, sites->count, site, text, number, &record);
	put32(jump + 3, (uint32_t)address);
	if (fast_write(tracee, FAST_SITES + sites->count * FAST_SITE_SIZE, &record, sizeof(record)) < 0 ||
	    write_text(tracee, site + 5, jump + 5, 1) < 0 ||
	    write_text(tracee, site + 1, jump + 1, 6) < 0 ||
	    write_text(tracee, site, jump, 1) < 0)
		return false;
	sites->sites[sites->count++] = site;
	fast->patched++;
	return true;
}

void fast_seen(struct tracee *tracee, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t site = after - SITE_LENGTH;
	struct fast_sites *sites;
	unsigned slot = (unsigned)(fast_mix(site) % SEEN_MAX);

	if (!after || tracee->mm->fast_off || fast->shared->off)
		return;
	if (after >= fast->base && after < fast->base + FAST_SIZE) {
		fast->declined++;
		return;
	}
	sites = own_sites(tracee);
	if (!sites)
		return;
	if (sites->seen[slot].site != site) {
		sites->seen[slot].site = site;
		sites->seen[slot].calls = 0;
	}
	if (++sites->seen[slot].calls == 2)
		patch(tracee, sites, site);
}

/* Signals */

static struct fast_sites *sites_of(const struct tracee *tracee)
{
	return tracee->mm ? tracee->mm->fast_sites : NULL;
}

/* The record that an address of the area belongs to: its site, or 0. */
static uint64_t site_at(const struct tracee *tracee, uint64_t address)
{
	const struct fast_sites *sites = sites_of(tracee);
	uint64_t index = (address - tracee->mm->fast_base - FAST_SITES) / FAST_SITE_SIZE;

	return sites && index < sites->count ? sites->sites[index] : 0;
}

static bool is_patched(const struct tracee *tracee, uint64_t site)
{
	const struct fast_sites *sites = sites_of(tracee);

	for (unsigned i = 0; sites && i < sites->count; i++)
		if (sites->sites[i] == site)
			return true;
	return false;
}

/* Calls of which the result is something that would be lost. */
static bool makes_something(uint32_t number)
{
	return number == SYS_open || number == SYS_openat;
}

/* The registers that the stub has saved in its slot. */
static int restore(struct tracee *tracee, uint64_t slot, struct user_regs_struct *raw, struct fast_site *record,
		   uint32_t *ret_phase, int64_t *ret_result)
{
	struct {
		uint32_t busy, phase;
		uint64_t site;
		int64_t result;
		uint64_t rsp, rdi, rsi, rdx, r10, r8, r9, rbx, rbp, r12, r13, r14, r15;
	} saved;

	_Static_assert(offsetof(__typeof__(saved), r15) == SLOT_R15, "the stub's assembly");
	if (tracee_read(tracee, slot, &saved, sizeof(saved)) < 0 ||
	    tracee_read(tracee, saved.site, record, sizeof(*record)) < 0)
		return -EFAULT;
	raw->rsp = saved.rsp;
	raw->rdi = saved.rdi;
	raw->rsi = saved.rsi;
	raw->rdx = saved.rdx;
	raw->r10 = saved.r10;
	raw->r8 = saved.r8;
	raw->r9 = saved.r9;
	raw->rbx = saved.rbx;
	raw->rbp = saved.rbp;
	raw->r12 = saved.r12;
	raw->r13 = saved.r13;
	raw->r14 = saved.r14;
	raw->r15 = saved.r15;
	raw->r11 = saved.site;
	*ret_phase = saved.phase;
	*ret_result = saved.result;
	return 0;
}

/* Registers are what the program wants them to be, wherever it is. */
static bool is_slot(const struct tracee *tracee, uint64_t slot)
{
	uint64_t slots = tracee->mm->fast_base + FAST_SLOTS;

	return slot >= slots && slot < tracee->mm->fast_base + FAST_SIZE && (slot - slots) % FAST_SLOT_SIZE == 0;
}

static void release(struct tracee *tracee, uint64_t slot)
{
	uint32_t free = 0;

	tracee_write(tracee, slot + SLOT_BUSY, &free, sizeof(free));
}

/* In the stub proper: false when its registers make no sense. */
/* To the site, whose number may be left to what is before it. */
static void rewind_to_site(struct user_regs_struct *raw, const struct fast_site *record)
{
	raw->rip = record->back - SITE_LENGTH;
	raw->rax = record->number;
}

static bool leave_stub(struct tracee *tracee, struct user_regs_struct *raw, bool fault)
{
	uint64_t base = tracee->mm->fast_base, at = raw->rip - base - FAST_TEXT, slot;
	struct fast_site record;
	uint32_t phase = FAST_BEFORE;
	int64_t result = 0;

	if (at >= offset_of(amphora_stub_released) && at < offset_of(amphora_stub_code_end)) {
		/* All is as it was, rax is the result unless it goes the slow way. */
		if (tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		if (at >= offset_of(amphora_stub_left) || (int64_t)raw->rax == FAST_IS_SLOW)
			rewind_to_site(raw, &record);
		else
			raw->rip = record.back;
		return true;
	}
	if (at < offset_of(amphora_stub_acquired)) {
		if (tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		rewind_to_site(raw, &record);
		return true;
	}
	if (at < offset_of(amphora_stub_switched)) { /* nothing was changed yet but rcx, rax, and the slot */
		slot = raw->rcx;
		if (!is_slot(tracee, slot) || tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		release(tracee, slot);
		rewind_to_site(raw, &record);
		return true;
	}
	if (at == offset_of(amphora_stub_restored))
		slot = raw->rcx;
	else
		slot = (raw->rsp - 1) & ~(uint64_t)(FAST_SLOT_SIZE - 1);
	if (at >= offset_of(amphora_stub_restoring) && at < offset_of(amphora_stub_code_end))
		slot = raw->rcx;
	if (!is_slot(tracee, slot) ||
	    restore(tracee, slot, raw, &record, &phase, &result) < 0)
		return false;
	if (phase == FAST_CALLS) {
		if (at >= offset_of(amphora_stub_call_after) && at <= offset_of(amphora_stub_call_done)) {
			phase = FAST_DONE;
			result = (int64_t)raw->rax;
		} else {
			phase = FAST_BEFORE;
		}
	}
	release(tracee, slot);
	/* Errors, but for those that the program gets, are looked at by the slow way. */
	if (phase == FAST_DONE && makes_something(record.number) &&
	    (result >= 0 || result == -ENOENT || result <= -512)) {
		raw->rax = (unsigned long long)result;
		raw->rip = record.back;
	} else if (fault) {
		raw->rip = (raw->r11 + SLOW_OFFSET);
		raw->orig_rax = (unsigned long long)-1;
	} else if (phase == FAST_DONE && result <= -512) {
		raw->rax = (unsigned long long)result;
		raw->rip = record.back;
	} else {
		rewind_to_site(raw, &record);
		raw->orig_rax = (unsigned long long)-1;
	}
	return true;
}

/* In a record. */
static void leave_record(struct tracee *tracee, struct user_regs_struct *raw, uint64_t site)
{
	uint64_t within = raw->rip % FAST_SITE_SIZE, slow = within - SLOW_OFFSET;
	uint32_t number;

	if (within >= SLOW_OFFSET && (slow == SLOW_CALL || slow > RAW_OFFSET)) {
		raw->rip = site + SITE_LENGTH;
		return;
	}
	/* A site may leave the number to what is before it. */
	if (within >= SLOW_OFFSET && slow < SLOW_CALL &&
	    tracee_read(tracee, raw->rip - within + offsetof(struct fast_site, number), &number, sizeof(number)) == 0)
		raw->rax = number;
	raw->rip = site;
}

bool fast_on_signal(struct tracee *tracee, int signal)
{
	uint64_t base, at, site;
	bool fault;
	siginfo_t info;

	if (!tracee->mm || !tracee->mm->fast_base || registers_fetch(tracee->tid, &tracee->regs) < 0)
		return false;
	base = tracee->mm->fast_base;
	at = tracee->regs.raw.rip;
	if (signal == SIGILL && is_patched(tracee, at - 5)) {
		tracee->regs.raw.rip = at - 5;
		tracee->regs.changed = REGISTER_ALL;
		registers_store(tracee->tid, &tracee->regs);
		tracee_resume(tracee, 0);
		return true;
	}
	if (at < base || at >= base + FAST_PROCESS)
		return false;
	fault = (signal == SIGSEGV || signal == SIGBUS) &&
		ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 && info.si_code > 0;
	if (at < base + FAST_SITES) {
		if (!leave_stub(tracee, &tracee->regs.raw, fault)) {
			log_debug("pid %d: lost in the stub at %#llx", (int)tracee->tid,
				  (unsigned long long)(at - base));
			return false;
		}
	} else {
		site = site_at(tracee, at);
		if (!site)
			return false;
		leave_record(tracee, &tracee->regs.raw, site);
		fault = false;
	}
	tracee->regs.changed = REGISTER_ALL;
	registers_store(tracee->tid, &tracee->regs);
	if (fault)
		tracee_resume(tracee, 0);
	return fault;
}
