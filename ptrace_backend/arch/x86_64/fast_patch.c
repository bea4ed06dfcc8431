// SPDX-License-Identifier: Apache-2.0
/* x86-64: patching call sites, and what a signal finds in the stub.
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
 * A signal's handler must never see the stub. At its delivery stop the registers become those of the program
 * at the site: before the call when nothing has been done (or what has been done can be done again), behind
 * it with the result otherwise. The kernel decides about restarting afterwards, from that result. A fault in the
 * stub is a bad pointer of the program's: the call goes the slow way, and gets its EFAULT.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>

#include "core/base/log.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

#define SITE_LENGTH 7
#define SLOW_OFFSET 56 /* of struct fast_site's slow code */
#define LEAVE_OFFSET 96
#define SLOW_CALL   7  /* in it: behind its call */
#define RAW_OFFSET  13 /* in it: the call with another number */
#define MOV_EAX	    0xb8
#define MOV_EDI	    0xbf

extern const char amphora_stub_acquired[], amphora_stub_switched[];
extern const char amphora_stub_restoring[], amphora_stub_restored[], amphora_stub_released[];
extern const char amphora_stub_left[], amphora_stub_code_end[], amphora_stub_call_done[];
_Static_assert(offsetof(struct fast_site, slow) == SLOW_OFFSET && offsetof(struct fast_site, leave) == LEAVE_OFFSET,
	       "the stub's assembly");
_Static_assert(sizeof(struct fast_site) <= FAST_SITE_SIZE, "records lie this far apart");

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
	memcpy(record->leave, "\xff\x25", 2);
	put32(record->leave + 2, (uint32_t)(address + 8 - (address + LEAVE_OFFSET + 6)));
}

bool fast_patch(struct tracee *tracee, struct fast_sites *sites, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t site = after - SITE_LENGTH;
	uint64_t address = fast->base + FAST_SITES + sites->count * FAST_SITE_SIZE;
	uint8_t text[SITE_LENGTH], jump[SITE_LENGTH] = { 0xff, 0x24, 0x25 };
	struct fast_site record;
	uint32_t number = (uint32_t)tracee->regs.number, set;

	if (sites->count == FAST_SITES_MAX || tracee_read(tracee, site, text, sizeof(text)) < 0 ||
	    (text[0] != MOV_EAX && text[0] != MOV_EDI) || text[5] != 0x0f || text[6] != 0x05)
		return false;
	memcpy(&set, text + 1, sizeof(set));
	if ((text[0] == MOV_EAX && set != number) || !fast_is_text(tracee, sites, site, SITE_LENGTH))
		return false;
	make_record(fast, sites->count, site, text, number, &record);
	put32(jump + 3, (uint32_t)address);
	if (fast_write(tracee, FAST_SITES + sites->count * FAST_SITE_SIZE, &record, sizeof(record)) < 0 ||
	    fast_write_text(tracee, site + 5, jump + 5, 1) < 0 ||
	    fast_write_text(tracee, site + 1, jump + 1, 6) < 0 ||
	    fast_write_text(tracee, site, jump, 1) < 0)
		return false;
	sites->sites[sites->count++] = site;
	fast->patched++;
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

/* To the site, whose number may be left to what is before it. */
static void rewind_to_site(struct user_regs_struct *raw, const struct fast_site *record)
{
	raw->rip = record->back - SITE_LENGTH;
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
		if (tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		if (at >= fast_stub_offset(amphora_stub_left) || (int64_t)raw->rax == FAST_IS_SLOW)
			rewind_to_site(raw, &record);
		else
			raw->rip = record.back;
		return true;
	}
	if (at < fast_stub_offset(amphora_stub_acquired)) {
		if (tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		rewind_to_site(raw, &record);
		return true;
	}
	if (at < fast_stub_offset(amphora_stub_switched)) { /* nothing was changed yet but rcx, rax, and the slot */
		slot = raw->rcx;
		if (!fast_is_slot(tracee, slot) || tracee_read(tracee, raw->r11, &record, sizeof(record)) < 0)
			return false;
		fast_release_slot(tracee, slot);
		rewind_to_site(raw, &record);
		return true;
	}
	if (at == fast_stub_offset(amphora_stub_restored))
		slot = raw->rcx;
	else
		slot = (raw->rsp - 1) & ~(uint64_t)(FAST_SLOT_SIZE - 1);
	if (at >= fast_stub_offset(amphora_stub_restoring) && at < fast_stub_offset(amphora_stub_code_end))
		slot = raw->rcx;
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
	/* Errors, but for those that the program gets, are looked at by the slow way. */
	if (phase == FAST_DONE && fast_makes_something(record.number) &&
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
	if (signal == SIGILL && fast_is_patched(tracee, at - 5)) {
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
		site = fast_site_at(tracee, at);
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
