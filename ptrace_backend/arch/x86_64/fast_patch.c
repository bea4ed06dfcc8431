// SPDX-License-Identifier: Apache-2.0
/* x86-64: patching call sites, and what a signal finds in the stub.
 *
 * Theory of operation
 *
 *	site	b8 NN NN NN NN	mov $number, %eax	ff 24 25 27 LL MM HH	jmp *record.entry
 *	site+5	0f 05		syscall
 *
 * The jump takes the place of whole instructions (fast_shape.c), which the record makes up for. Where they say what
 * the number is, as here, that is all; elsewhere the record holds a copy of them, and asks whether the number is
 * the one that was seen. For another number it has another record, or makes the call itself.
 *
 * The record lies where 27, bits 16 to 23 (MM) and bits 24 to 31 (HH) of its address are no instructions: a thread that
 * was between two when its site was patched, or whose call the kernel makes again after a signal (it goes back two
 * bytes), gets a SIGILL and is sent to the same place of the copy: instructions aren't executed twice, for
 * they needn't do the same once more. That of a number does, and is. So that no thread sees half of a jump, bytes
 * that are no instruction are written first, the site's first byte too, and its real first byte last.
 *
 * A signal's handler must never see the stub. At its delivery stop the registers become those of the program
 * at the site: before the call when nothing has been done (or what has been done can be done again), behind
 * it with the result otherwise. The kernel decides about restarting afterwards, from that result. A fault in the
 * stub is a bad pointer of the program's: the call goes the slow way, and gets its EFAULT.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#include "core/base/log.h"
#include "ptrace_backend/arch/x86_64/fast_record.h"
#include "ptrace_backend/arch/x86_64/fast_shape.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/tracer.h"

#define BEFORE_MAX   (SHAPE_MAX + 1)
#define CACHE_LINE   64

extern const char amphora_stub_tried[], amphora_stub_acquired[], amphora_stub_switched[];
extern const char amphora_stub_restoring[], amphora_stub_restored[], amphora_stub_released[];
extern const char amphora_stub_left[], amphora_stub_code_end[], amphora_stub_call_done[];
_Static_assert(offsetof(struct fast_site, slow) == SLOW_OFFSET && offsetof(struct fast_site, leave) == LEAVE_OFFSET,
	       "the stub's assembly");
_Static_assert(sizeof(struct fast_site) <= FAST_SITE_SIZE && offsetof(struct fast_site, entry) == JUMP_LOW &&
		       FAST_SITE_SIZE == 256,
	       "every record has the same lowest byte");
_Static_assert(sizeof(((struct fast_place *)NULL)->jump) == JUMP_MAX, "a jump fits");
_Static_assert(sizeof(((struct fast_site *)NULL)->code) >= SHAPE_MAX + 25, "as make_record() fills it");

uint64_t fast_choose_base(unsigned random)
{
	unsigned high = 0x20 + random % 0x20, middle = random / 0x20;

	while (!fast_is_undefined((uint8_t)high))
		high = high == 0x3f ? 0x20 : high + 1;
	for (middle %= 0x40; !fast_is_undefined((uint8_t)middle);)
		middle = (middle + 1) % 0x40;
	return (uint64_t)high << 24 | middle << 16;
}

static uint64_t record_address(const struct fast *fast, unsigned index)
{
	return fast->base + FAST_SITES + index * FAST_SITE_SIZE;
}

/* `moved`: the instructions that it starts with, none at a site's second record. */
static void make_record(const struct fast *fast, unsigned index, const struct fast_place *place, const uint8_t *moved,
			unsigned length, uint32_t number, struct fast_site *record)
{
	uint64_t address = record_address(fast, index);
	uint64_t code = address + offsetof(struct fast_site, code), slow = address + SLOW_OFFSET;
	uint8_t *at = record->code;

	*record = (struct fast_site){ .other = slow + RAW_OFFSET, .back = place->after, .number = number };
	record->again = place->numbered ? place->site : place->after - 2;
	memcpy(record->entry, &code, sizeof(code));
	if (!place->numbered) {
		if (moved)
			memcpy(at, moved, length);
		at += length;
		*at = 0x3d; /* cmp number, %eax; jne behind the next two */
		put32(at + 1, number);
		memcpy(at + 5, "\x75\x0c", 2);
		at += 7;
	}
	memcpy(at, "\x4c\x8d\x1d", 3); /* lea address(%rip), %r11 */
	at += 7;
	put32(at - 4, address - (code + (uint64_t)(at - record->code)));
	*at = 0xe9; /* jmp the stub */
	at += 5;
	put32(at - 4, fast->base + FAST_TEXT - (code + (uint64_t)(at - record->code)));
	memcpy(at, "\xff\x25", 2); /* jmp *other(%rip) */
	at += 6;
	put32(at - 4, address + offsetof(struct fast_site, other) - (code + (uint64_t)(at - record->code)));

	record->slow[0] = MOV_EAX;
	put32(record->slow + 1, number);
	memcpy(record->slow + 5, "\x0f\x05\xff\x25", 4); /* syscall; jmp *back(%rip) */
	put32(record->slow + 9, address + offsetof(struct fast_site, back) - (slow + RAW_OFFSET));
	memcpy(record->slow + RAW_OFFSET, "\x0f\x05\xff\x25", 4);
	put32(record->slow + RAW_OFFSET + 4, address + offsetof(struct fast_site, back) - (slow + RAW_OFFSET + 8));
	memcpy(record->leave, "\xff\x25", 2);
	put32(record->leave + 2, address + offsetof(struct fast_site, back) - (address + LEAVE_OFFSET + 6));
}

static bool add_record(struct tracee *tracee, struct fast_sites *sites, const struct fast_place *place,
		       const uint8_t *moved, unsigned length)
{
	unsigned index = sites->count;
	struct fast_site record;

	if (index == FAST_SITES_MAX)
		return false;
	make_record(tracee->tracer->fast, index, place, moved, length, (uint32_t)tracee->regs.number, &record);
	if (fast_write(tracee, FAST_SITES + index * FAST_SITE_SIZE, &record, sizeof(record)) < 0)
		return false;
	sites->places[sites->count++] = *place;
	return true;
}

/* Another number than those that its site has records for. */
static bool add_number(struct tracee *tracee, struct fast_sites *sites, unsigned index)
{
	struct fast_place place = sites->places[index];
	uint64_t code = record_address(tracee->tracer->fast, sites->count) + offsetof(struct fast_site, code);

	place.size = 0;
	for (unsigned i = index; i < sites->count; i++)
		if (sites->places[i].site == place.site)
			index = i; /* the last one, which leads nowhere yet */
	return add_record(tracee, sites, &place, NULL, 0) &&
	       fast_write(tracee, FAST_SITES + index * FAST_SITE_SIZE + offsetof(struct fast_site, other), &code,
			  sizeof(code)) == 0;
}

static bool read_word(void *context, uint64_t address, uint64_t *ret_value)
{
	return tracee_read(context, address, ret_value, sizeof(*ret_value)) == 0;
}

/* Registers after the call: all but rcx and r11; or its arguments, and maybe the stack pointer. */
static void known_registers(struct tracee *tracee, struct shape_registers *known)
{
	struct registers *regs = &tracee->regs;
	const struct user_regs_struct *raw = &regs->raw;
	uint64_t counter;

	if (registers_fetch_raw(tracee->tid, regs) == 0) {
		*known = (struct shape_registers){ { raw->orig_rax, 0, raw->rdx, raw->rbx, raw->rsp, raw->rbp, raw->rsi,
						     raw->rdi, raw->r8, raw->r9, raw->r10, 0, raw->r12, raw->r13, raw->r14,
						     raw->r15 }, 0xf7fd };
		return;
	}
	*known = (struct shape_registers){ { (uint64_t)regs->number, 0, regs->arguments[2], 0, 0, 0, regs->arguments[1],
					     regs->arguments[0], regs->arguments[4], regs->arguments[5],
					     regs->arguments[3] }, 0x7c5 };
	/* Of a thread whose call was notified (notify.c), and which is no tracee's at a stop. */
	if (process_sleeps_at(tracee->tid, &known->values[4], &counter))
		known->known |= 1 << 4;
}

static const uint8_t no_instruction = 0x06;

static int write_jump(struct tracee *tracee, const struct fast_place *place)
{
	int error = 0;

	for (unsigned i = 1; i < place->size && !error; i++)
		if (place->boundaries & 1U << i)
			error = fast_write_text(tracee, place->site + i, place->jump + i, 1);
	/* Half of a number is no harm: it is set again. */
	if (!error && !place->numbered)
		error = fast_write_text(tracee, place->site, &no_instruction, 1);
	if (!error)
		error = fast_write_text(tracee, place->site + 1, place->jump + 1, place->size - 1u);
	if (!error)
		error = fast_write_text(tracee, place->site, place->jump, 1);
	return error;
}

enum text {
	TEXT_OTHER, /* something else has been mapped there */
	TEXT_WHOLE, /* what was there */
	TEXT_HALF,  /* a fork made its copy while the jump was written */
	TEXT_JUMP,
};

static enum text what_is_at(struct tracee *tracee, const struct fast_place *place)
{
	uint8_t text[JUMP_MAX];

	if (!place->size || tracee_read(tracee, place->site, text, place->size) < 0)
		return TEXT_OTHER;
	if (!memcmp(text, place->jump, place->size))
		return TEXT_JUMP;
	if (!memcmp(text, place->text, place->size))
		return TEXT_WHOLE;
	for (unsigned i = 0; i < place->size; i++)
		if (text[i] != place->jump[i] && text[i] != place->text[i] && (i || text[i] != no_instruction))
			return TEXT_OTHER;
	return TEXT_HALF;
}

void fast_unpatch(struct tracee *tracee)
{
	const struct fast_sites *sites = tracee->mm->fast_sites;

	for (unsigned i = 0; sites && i < sites->count; i++) {
		const struct fast_place *place = &sites->places[i];

		if (what_is_at(tracee, place) < TEXT_HALF)
			continue;
		/* A thread that gets a SIGILL now finds that all is as it was. */
		fast_write_text(tracee, place->site, &no_instruction, 1);
		fast_write_text(tracee, place->site + 1, place->text + 1, place->size - 1u);
		fast_write_text(tracee, place->site, place->text, 1);
	}
}

bool fast_patch(struct tracee *tracee, struct fast_sites *sites, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t within = after - fast->base - FAST_SITES, call = after - 2;
	uint8_t text[BEFORE_MAX + 2];
	struct shape_registers known;
	struct fast_shape shape;
	struct fast_place place;
	unsigned available = BEFORE_MAX;

	if (after >= fast->base && after < fast->base + FAST_SIZE)
		return within / FAST_SITE_SIZE < sites->count &&
		       within % FAST_SITE_SIZE == SLOW_OFFSET + RAW_OFFSET + 2 &&
		       add_number(tracee, sites, (unsigned)(within / FAST_SITE_SIZE));
	while (tracee_read(tracee, call - available, text, available + 2) < 0)
		if ((available -= BEFORE_MAX / 5) == 0)
			return false;
	if (text[available] != 0x0f || text[available + 1] != 0x05)
		return false;
	known_registers(tracee, &known);
	if (!fast_find_shape(text, available, &known, read_word, tracee, &shape))
		return false;
	place = (struct fast_place){ .site = call - shape.length, .after = after, .boundaries = shape.boundaries,
				     .numbered = shape.numbered, .length = (uint8_t)shape.length,
				     .number = (uint32_t)tracee->regs.number };
	place.size = (uint8_t)fast_make_jump(&shape, (uint32_t)record_address(fast, sites->count) + JUMP_LOW, place.jump);
	memcpy(place.text, text + available - shape.length, place.size);
	if (!fast_is_text(tracee, sites, place.site, shape.length + 2))
		return false;
	/* What lies in two cache lines isn't written at once. */
	if (!place.numbered && tracee->mm->references > 1 &&
	    place.site / CACHE_LINE != (place.site + place.size - 1) / CACHE_LINE)
		return false;
	if (!add_record(tracee, sites, &place, text + available - shape.length, shape.length) ||
	    write_jump(tracee, &place) < 0)
		return false;
	fast->counts->patched++;
	return true;
}

/* Signals */

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
	    fast_read_record(tracee, saved.site, record) < 0)
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

/* To the site, whose number may be left to what is before it. */
static void rewind_to_site(struct user_regs_struct *raw, const struct fast_site *record)
{
	raw->rip = record->again;
	raw->rax = record->number;
}

/* In the stub proper: false when its registers make no sense. */
static bool leave_stub(struct tracee *tracee, struct user_regs_struct *raw, bool fault)
{
	uint64_t base = tracee->mm->fast_base, at = raw->rip - base - FAST_TEXT, slot;
	struct fast_site record;
	uint32_t phase = FAST_BEFORE;
	int64_t result = 0;

	if (at >= fast_stub_offset(amphora_stub_released) && at < fast_stub_offset(amphora_stub_code_end)) {
		/* All is as it was, rax is the result unless it goes the slow way. */
		if (fast_read_record(tracee, raw->r11, &record) < 0)
			return false;
		if (at >= fast_stub_offset(amphora_stub_left) || (int64_t)raw->rax == FAST_IS_SLOW)
			rewind_to_site(raw, &record);
		else
			raw->rip = record.back;
		return true;
	}
	if (at < fast_stub_offset(amphora_stub_acquired)) {
		if (fast_read_record(tracee, raw->r11, &record) < 0)
			return false;
		/* It was free. */
		if (at >= fast_stub_offset(amphora_stub_tried) && !(uint32_t)raw->rax && fast_is_slot(tracee, raw->rcx))
			fast_release_slot(tracee, raw->rcx);
		rewind_to_site(raw, &record);
		return true;
	}
	if (at < fast_stub_offset(amphora_stub_switched)) { /* nothing was changed yet but rcx, rax, and the slot */
		slot = raw->rcx;
		if (!fast_is_slot(tracee, slot) || fast_read_record(tracee, raw->r11, &record) < 0)
			return false;
		fast_release_slot(tracee, slot);
		rewind_to_site(raw, &record);
		return true;
	}
	if (at >= fast_stub_offset(amphora_stub_restoring) && at < fast_stub_offset(amphora_stub_code_end))
		slot = raw->rcx;
	else
		slot = (raw->rsp - 1) & ~(uint64_t)(FAST_SLOT_SIZE - 1);
	if (!fast_is_slot(tracee, slot) ||
	    restore(tracee, slot, raw, &record, &phase, &result) < 0)
		return false;
	if (phase == FAST_CALLS) {
		if (at >= fast_stub_offset(amphora_stub_call_after) && at <= fast_stub_offset(amphora_stub_call_done)) {
			phase = FAST_DONE;
			result = (int64_t)raw->rax;
		} else {
			phase = FAST_BEFORE;
		}
	}
	fast_release_slot(tracee, slot);
	/* What the kernel makes again is the program's call, not the stub's. */
	if ((int64_t)raw->orig_rax >= 0)
		raw->orig_rax = record.number;
	/* Errors, but for those that the program gets, are looked at by the slow way. */
	if (phase == FAST_DONE && fast_is_final(record.number, result)) {
		fast_ends_early(tracee->tracer->fast, record.number);
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
static void leave_record(struct tracee *tracee, struct user_regs_struct *raw, const struct fast_place *place, bool first)
{
	uint64_t within = raw->rip % FAST_SITE_SIZE, slow = within - SLOW_OFFSET;
	uint64_t moved = within - offsetof(struct fast_site, code);
	uint32_t number;

	if (within < SLOW_OFFSET)
		return;
	if (within < offsetof(struct fast_site, code) && (slow == SLOW_CALL || slow > RAW_OFFSET)) {
		raw->rip = place->after;
		return;
	}
	if (slow < SLOW_CALL &&
	    tracee_read(tracee, raw->rip - within + offsetof(struct fast_site, number), &number, sizeof(number)) == 0)
		raw->rax = number;
	if (place->numbered)
		raw->rip = place->site;
	else if (first && within >= offsetof(struct fast_site, code) && moved < place->length)
		raw->rip = place->site + moved;
	else
		raw->rip = place->after - 2;
}

/* By itself or for a guest that traces it. */
static bool is_stepped(const struct tracee *tracee)
{
	return (tracee->regs.raw.eflags & 0x100) ||
	       (tracee->guest && (tracee->guest->go == GUEST_GO_STEP || tracee->guest->go == GUEST_GO_BLOCK));
}

/* Whether a thread that finds this number behind a site may have set it there, also by half a jump. */
static bool is_number_of(const struct fast_place *place, uint64_t found)
{
	if (found == place->number)
		return true;
	for (unsigned i = 1; i < 5; i++, found >>= 8)
		if ((uint8_t)found != place->text[i] && (uint8_t)found != place->jump[i])
			return false;
	return !found;
}

/* A SIGILL where a jump has taken the place of more than one instruction: to the copy of the one that was there. */
static bool repair(struct tracee *tracee)
{
	const struct fast_sites *sites = tracee->mm->fast_sites;
	struct user_regs_struct *raw = &tracee->regs.raw;

	for (unsigned i = 0; sites && i < sites->count; i++) {
		const struct fast_place *place = &sites->places[i];
		uint64_t at = raw->rip - place->site, record = record_address(tracee->tracer->fast, i);
		enum text text;

		if (at >= JUMP_MAX || (at && !(place->boundaries & 1U << at)))
			continue;
		text = what_is_at(tracee, place);
		if (text == TEXT_OTHER || (text == TEXT_HALF && write_jump(tracee, place) < 0))
			continue;
		if (!at || (place->numbered && is_number_of(place, raw->rax) && !is_stepped(tracee)))
			raw->rip = place->site;
		else if (text == TEXT_WHOLE)
			return true;
		else if (at == place->length) /* another number, or a step that has to lead behind the call */
			raw->rip = record + SLOW_OFFSET + RAW_OFFSET;
		else
			raw->rip = record + offsetof(struct fast_site, code) + at;
		return true;
	}
	return false;
}

/* The first step from a site ends in its record, and would end there over and over. True: the program needn't
 * be told of it, the next one ends where one from the site would have. */
static bool goes_on_stepping(struct user_regs_struct *raw, const struct fast_place *place)
{
	if (raw->rip % FAST_SITE_SIZE != offsetof(struct fast_site, code))
		return false;
	if (!place->numbered)
		return true;
	raw->rip = place->after - 2;
	raw->rax = place->number;
	return false;
}

/* The area has been unmapped, which has no meaning without us. */
static bool has_lost_area(struct tracee *tracee)
{
	const struct fast_sites *sites = tracee->mm->fast_sites;
	uint8_t byte;

	if (tracee_read(tracee, tracee->mm->fast_base + FAST_SITES, &byte, 1) == 0)
		return false;
	if (fast_slow_copied(tracee))
		return true;
	for (unsigned i = 0; sites && i < sites->count; i++) {
		if (tracee->regs.raw.rip != sites->places[i].site ||
		    what_is_at(tracee, &sites->places[i]) != TEXT_JUMP)
			continue;
		tracee->mm->fast_off = true;
		fast_unpatch(tracee);
		return true;
	}
	return false;
}

void fast_on_stop_told(struct tracee *tracee, bool in_call)
{
	uint64_t base = tracee->mm ? tracee->mm->fast_base : 0, at;
	const struct fast_place *place;

	if (!base || registers_fetch(tracee->tid, &tracee->regs) < 0)
		return;
	at = tracee->regs.raw.rip;
	if (at < base || at >= base + FAST_PROCESS) {
		if (fast_leave_copied(tracee, false))
			fast_store_registers(tracee);
		return;
	}
	place = at < base + FAST_SITES ? NULL : fast_place_at(tracee, at);
	if (place)
		leave_record(tracee, &tracee->regs.raw, place, fast_is_first(tracee, place));
	else if (in_call || at >= base + FAST_SITES || !leave_stub(tracee, &tracee->regs.raw, false))
		return;
	fast_store_registers(tracee);
}

bool fast_on_signal(struct tracee *tracee, int signal)
{
	const struct fast_place *place;
	uint64_t base, at;
	bool fault;
	siginfo_t info;

	if (!tracee->mm || !tracee->mm->fast_base || registers_fetch(tracee->tid, &tracee->regs) < 0)
		return false;
	base = tracee->mm->fast_base;
	at = tracee->regs.raw.rip;
	if ((signal == SIGILL && (repair(tracee) || fast_repair_copied(tracee))) ||
	    (signal == SIGSEGV && has_lost_area(tracee))) {
		fast_store_registers(tracee);
		tracee_resume(tracee, 0);
		return true;
	}
	if (at < base || at >= base + FAST_PROCESS) {
		if (fast_leave_copied(tracee, signal == SIGTRAP && is_stepped(tracee)))
			fast_store_registers(tracee);
		return false;
	}
	fault = (signal == SIGSEGV || signal == SIGBUS) &&
		ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 && info.si_code > 0;
	if (at < base + FAST_SITES) {
		if (!leave_stub(tracee, &tracee->regs.raw, fault)) {
			log_debug("pid %d: lost in the stub at %#llx", (int)tracee->tid,
				  (unsigned long long)(at - base));
			return false;
		}
	} else {
		place = fast_place_at(tracee, at);
		if (!place)
			return false;
		if (signal == SIGTRAP && is_stepped(tracee) && goes_on_stepping(&tracee->regs.raw, place)) {
			tracee_resume(tracee, 0);
			return true;
		}
		at = tracee->regs.raw.rip;
		if (at >= base && at < base + FAST_PROCESS)
			leave_record(tracee, &tracee->regs.raw, place, fast_is_first(tracee, place));
		fault = false;
	}
	fast_store_registers(tracee);
	if (fault)
		tracee_resume(tracee, 0);
	return fault;
}
