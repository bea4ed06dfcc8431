// SPDX-License-Identifier: Apache-2.0
/* aarch64: patching call sites, and what a signal finds in the stub.
 *
 * Theory of operation
 *
 *	site	svc #0	->  b record
 *
 * One aligned word, of the few instructions that may be replaced while another processor runs them. /proc/PID/mem
 * looks after the instruction caches. The record looks at the number that is in x8 when it is reached; the kernel
 * makes a call again by going back to the site, with its registers as they were, also when the number is
 * restart_syscall's: then the record makes it.
 *
 * A signal's handler must never see stub or record. At the delivery stop the registers become those of the program at
 * the site, before or behind the call. Only where the call may have been interrupted that isn't enough: the
 * kernel has gone back to the instruction before the stop, and decides between EINTR and another turn behind
 * it, unless it finds another program counter. There the program counter stays, and the step (PTRACE_SINGLESTEP) ends
 * where the handler begins: then the handler's frame says where the call came in, and how it ended, in terms of the stub,
 * and is put right. Should another thread have taken the handler away, the step makes a call: in a record it is
 * the program's own, and in the stub a sched_yield() that stands in for it, after which the program is sent to the site.
 *
 * A fault in the stub is a bad pointer of the program's (or a stack where nothing can be put): the record makes the
 * call.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "core/base/log.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/process_status.h"
#include "ptrace_backend/tracer.h"

#define NZCV 0xf0000000u

extern const char amphora_stub_tried[], amphora_stub_acquired[], amphora_stub_switched[];
extern const char amphora_stub_restored[], amphora_stub_slow[], amphora_stub_slow_restored[], amphora_stub_code_end[];
extern const char amphora_stub_call_at[], amphora_stub_call_done[];
_Static_assert(offsetof(struct fast_record, slow) == RECORD_SLOW && offsetof(struct fast_record, leave) == RECORD_LEAVE,
	       "the stub's assembly");
_Static_assert(offsetof(struct fast_record, stub) == 12 + 12, "LDR_STUB");
_Static_assert(sizeof(struct fast_record) <= FAST_SITE_SIZE, "records lie this far apart");

/* Above what programs at fixed addresses use. */
uint64_t fast_choose_base(unsigned random)
{
	return (uint64_t)(0x20 + random % 0x40) << 24;
}

bool fast_patch(struct tracee *tracee, struct fast_sites *sites, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	uint64_t site = after - 4, record = tracee->mm->fast_records + sites->count * FAST_SITE_SIZE;
	struct fast_record made;
	uint32_t text, jump;

	if (sites->count == FAST_SITES_MAX || (site & 3) || tracee_read(tracee, site, &text, sizeof(text)) < 0 ||
	    text != SVC || !fast_is_text(tracee, sites, site, sizeof(text)) ||
	    !record_make(fast->base + FAST_TEXT, record, after, &made, &jump))
		return false;
	if (fast_write_text(tracee, record, &made, sizeof(made)) < 0 ||
	    fast_write_text(tracee, site, &jump, sizeof(jump)) < 0)
		return false;
	sites->places[sites->count++].site = site;
	fast->counts->patched++;
	return true;
}

/* Any number may come by its site, as by those that are patched later. */
bool fast_patch_copy(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record)
{
	const struct fast_copy_context *copy = context;

	(void)number;
	return record_patch_copy(copy->fast->base + FAST_TEXT, copy->flags | FAST_SITE_RELATIVE, copy->fast->magic, after,
				 distance, record);
}

/* Site of the copy's record that an address lies in, or 0. Who makes such a record gains nothing: all that is taken from
 * it is a program counter of the guest. */
static uint64_t copied_site(const struct tracee *tracee, uint64_t address)
{
	const struct fast *fast = tracee->tracer->fast;
	uint64_t record = address & ~(uint64_t)(FAST_SITE_SIZE - 1);
	struct fast_record found;

	if (!fast || !fast->has_copies || !tracee->mm->fast_base ||
	    tracee_read(tracee, record, &found, sizeof(found)) < 0 || !(found.flags & FAST_SITE_RELATIVE) ||
	    found.magic != fast->magic)
		return 0;
	return record + found.back - 4;
}

bool fast_is_copied_record(const struct tracee *tracee, uint64_t address)
{
	return copied_site(tracee, address) != 0;
}

void fast_unpatch(struct tracee *tracee)
{
	const struct fast_sites *sites = tracee->mm->fast_sites;
	const uint32_t svc = SVC;
	uint32_t text, jump;

	for (unsigned i = 0; sites && i < sites->count; i++) {
		uint64_t site = sites->places[i].site;

		if (record_branch(site, tracee->mm->fast_records + i * FAST_SITE_SIZE, &jump) &&
		    tracee_read(tracee, site, &text, sizeof(text)) == 0 && text == jump)
			fast_write_text(tracee, site, &svc, sizeof(svc));
	}
}

/* Signals */

/* What the stub has saved in a slot. */
struct saved {
	uint32_t busy, phase;
	uint64_t record;
	int64_t result;
	uint64_t sp, x[31], nzcv;
};
_Static_assert(offsetof(struct saved, sp) == SLOT_SP && offsetof(struct saved, x) == SLOT_X(0) &&
		       offsetof(struct saved, nzcv) == SLOT_NZCV,
	       "the stub's assembly");

/* Where the program is, and what it is to find. */
struct place {
	uint64_t site;	 /* of its call; 0: unknown */
	uint64_t record;
	bool done;	 /* behind the call; x0 is right */
	bool in_call;	 /* at an instruction that makes it: the program counter is the kernel's business */
	bool in_stub;
};

static void restore(const struct saved *saved, struct user_regs_struct *raw)
{
	for (unsigned i = 0; i < 31; i++)
		if (i != 18)
			raw->regs[i] = saved->x[i];
	raw->sp = saved->sp;
	raw->pstate = (raw->pstate & ~(uint64_t)NZCV) | (saved->nzcv & NZCV);
}

/* What the record has put on the stack. */
static bool pop(const struct tracee *tracee, struct user_regs_struct *raw)
{
	uint64_t pushed[PUSHED / 8];

	if (tracee_read(tracee, raw->sp, pushed, sizeof(pushed)) < 0)
		return false;
	raw->regs[16] = pushed[0];
	raw->regs[17] = pushed[1];
	raw->regs[14] = pushed[2];
	raw->regs[15] = pushed[3];
	raw->sp += PUSHED;
	return true;
}

/* In the stub, on its own stack. */
static bool leave_inner(struct tracee *tracee, struct user_regs_struct *raw, uint64_t at, struct place *place)
{
	uint64_t slot = (raw->sp - 1) & ~(uint64_t)(FAST_SLOT_SIZE - 1), x0 = raw->regs[0];
	struct saved saved;

	if (!fast_is_slot(tracee, slot) || tracee_read(tracee, slot, &saved, sizeof(saved)) < 0)
		return false;
	if (saved.phase == FAST_CALLS) {
		place->in_call = at == fast_stub_offset(amphora_stub_call_at);
		if (at >= fast_stub_offset(amphora_stub_call_after) && at <= fast_stub_offset(amphora_stub_call_done)) {
			saved.phase = FAST_DONE;
			saved.result = (int64_t)x0;
		}
	}
	restore(&saved, raw);
	place->record = saved.record;
	/* Errors are looked at by the slow way, and calls that make nothing are made once more. */
	place->done = saved.phase == FAST_DONE && fast_is_final((uint32_t)saved.x[8], saved.result);
	if (place->done) {
		raw->regs[0] = (uint64_t)saved.result;
		fast_ends_early(tracee->tracer->fast, (uint32_t)saved.x[8]);
	}
	fast_release_slot(tracee, slot);
	return true;
}

/* False: the registers make no sense. */
static bool leave_stub(struct tracee *tracee, struct user_regs_struct *raw, struct place *place)
{
	uint64_t at = raw->pc - tracee->mm->fast_base - FAST_TEXT, slot = raw->regs[17];
	bool taken = (at == fast_stub_offset(amphora_stub_tried) && !(uint32_t)raw->regs[15]) ||
		     (at >= fast_stub_offset(amphora_stub_acquired) && at < fast_stub_offset(amphora_stub_switched)) ||
		     at == fast_stub_offset(amphora_stub_restored) || at == fast_stub_offset(amphora_stub_slow_restored);
	bool left = at >= fast_stub_offset(amphora_stub_restored) && at < fast_stub_offset(amphora_stub_slow);

	if (at >= fast_stub_offset(amphora_stub_switched) && !left &&
	    (at < fast_stub_offset(amphora_stub_slow_restored) || at >= fast_stub_offset(amphora_stub_code_end)))
		return leave_inner(tracee, raw, at, place);
	place->record = raw->regs[16];
	place->done = left;
	if (taken) {
		if (!fast_is_slot(tracee, slot))
			return false;
		fast_release_slot(tracee, slot);
	}
	return pop(tracee, raw);
}

static bool leave_record(struct tracee *tracee, struct user_regs_struct *raw, struct place *place)
{
	uint64_t at = raw->pc % FAST_SITE_SIZE;

	place->record = raw->pc - at;
	place->in_call = at == IN_CALL;
	place->done = at == IN_CALL + 4 || at >= RECORD_LEAVE;
	if (at == 4) /* only the first two are there, and they are still in their registers */
		raw->sp += PUSHED;
	else if (at != 0 && at < IN_CALL)
		return pop(tracee, raw);
	else if (at >= RECORD_LEAVE && at < IN_LEAVE)
		return pop(tracee, raw);
	return true;
}

/* Where a handler begins, or a step ends; that of a call is told as if process 0 had sent it. */
static bool is_step(const struct tracee *tracee)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 &&
	       (info.si_code == SIGTRAP || info.si_code == TRAP_TRACE || (info.si_code == SI_USER && info.si_pid == 0));
}

/* At a handler's first instruction, or behind the call that was made because there is none. */
static void end_delivery(struct tracee *tracee)
{
	struct fast_delivery *delivery = &tracee->fast_delivery;
	struct user_regs_struct *raw = &tracee->regs.raw;
	const size_t context = sizeof(siginfo_t);
	uint64_t call = delivery->call, at;

	delivery->call = 0;
	if (registers_fetch(tracee->tid, &tracee->regs) < 0)
		return;
	if (raw->pc == call || raw->pc == call + 4) {
		if (!delivery->stands_in)
			return;
		raw->pc = delivery->site;
		raw->regs[0] = delivery->argument;
		raw->regs[8] = delivery->number;
		fast_store_registers(tracee);
		return;
	}
	if (tracee_read(tracee, raw->sp + context + offsetof(ucontext_t, uc_mcontext.pc), &at, sizeof(at)) < 0 ||
	    (at != call && at != call + 4))
		return;
	at += delivery->site - call;
	tracee_write(tracee, raw->sp + context + offsetof(ucontext_t, uc_mcontext.pc), &at, sizeof(at));
	tracee_write(tracee, raw->sp + context + offsetof(ucontext_t, uc_mcontext.regs[8]), &delivery->number,
		     sizeof(delivery->number));
}

/* The registers are the program's but for the program counter. */
static void begin_delivery(struct tracee *tracee, const struct place *place)
{
	struct user_regs_struct *raw = &tracee->regs.raw;

	tracee->fast_delivery = (struct fast_delivery){
		.call = raw->pc, .site = place->site, .argument = raw->regs[0], .number = raw->regs[8],
		.stands_in = place->in_stub,
	};
	if (place->in_stub)
		raw->regs[8] = SYS_sched_yield;
}

/* Where the thread is in stub or record, its registers become the program's but for the program counter. False: it is
 * somewhere else, or lost. */
static bool find_place(struct tracee *tracee, struct place *place)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	uint64_t base = tracee->mm->fast_base, at = raw->pc;

	place->in_stub = at >= base && at < base + FAST_TEXT_SIZE;
	if (!place->in_stub && at - tracee->mm->fast_records >= FAST_RECORDS_SIZE && !copied_site(tracee, at))
		return false;
	if ((place->in_stub ? leave_stub : leave_record)(tracee, raw, place)) {
		place->site = fast_site_at(tracee, place->record);
		if (!place->site)
			place->site = copied_site(tracee, place->record);
	}
	if (!place->site)
		log_debug("pid %d: lost in the stub at %#llx", (int)tracee->tid, (unsigned long long)(at - base));
	return place->site != 0;
}

/* Calls that restart_syscall goes on with: the kernel sees to that only where it finds its program counter again. */
static bool goes_on_by_block(uint64_t number)
{
	return number == SYS_nanosleep || number == SYS_clock_nanosleep || number == SYS_futex;
}

/* A call's stop comes behind its svc: should the kernel go back, it does so from the site. Other stops can come after it
 * has gone back. Then the site makes the call again, but if a handler was to be told of EINTR in the same stop: it
 * isn't. */
void fast_on_stop_told(struct tracee *tracee, bool in_call)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	struct place place = { .site = 0 };

	if (!tracee->mm || !tracee->mm->fast_base || tracee->fast_delivery.call ||
	    registers_fetch(tracee->tid, &tracee->regs) < 0 ||
	    (in_call && raw->pc - tracee->mm->fast_base < FAST_TEXT_SIZE) || !find_place(tracee, &place) ||
	    (place.in_call && !place.in_stub && goes_on_by_block(raw->regs[8])))
		return;
	raw->pc = place.site + (place.done ? 4 : 0);
	fast_store_registers(tracee);
}

/* A guest steps from the site of a copy, which stays a branch: the step is to lead behind the call. */
static bool is_stepped(const struct tracee *tracee, uint64_t at, const struct place *place)
{
	return tracee->guest && at == place->record && is_step(tracee);
}

/* The records have been unmapped, which has no meaning without us. */
static bool has_lost_records(const struct tracee *tracee, const struct place *place)
{
	uint32_t code;

	return !place->in_stub && tracee_read(tracee, place->record, &code, sizeof(code)) < 0;
}

bool fast_on_signal(struct tracee *tracee, int signal)
{
	struct user_regs_struct *raw = &tracee->regs.raw;
	struct place place = { .site = 0 };
	siginfo_t info;
	uint64_t at;
	bool fault, goes_on;

	if (!tracee->mm || !tracee->mm->fast_base)
		return false;
	if (tracee->fast_delivery.call) {
		if (signal != SIGTRAP || !is_step(tracee))
			return false; /* another one, all is ready for it */
		end_delivery(tracee);
		tracee_resume(tracee, 0);
		return true;
	}
	if (registers_fetch(tracee->tid, &tracee->regs) < 0)
		return false;
	at = raw->pc;
	if (!find_place(tracee, &place))
		return false;
	fault = (signal == SIGSEGV || signal == SIGBUS) &&
		ptrace(PTRACE_GETSIGINFO, tracee->tid, NULL, &info) == 0 && info.si_code > 0;
	goes_on = fault || (signal == SIGTRAP && is_stepped(tracee, at, &place));
	if (fault && has_lost_records(tracee, &place)) {
		tracee->mm->fast_off = true;
		fast_unpatch(tracee);
		raw->pc = place.site;
	} else if (place.done) {
		raw->pc = place.site + 4;
	} else if (goes_on) {
		raw->pc = place.record + IN_CALL;
	} else if (!place.in_call || tracee->guest || tracee->filters || tracee->state != TRACEE_RUNNING) {
		raw->pc = place.site;
	} else if (process_disposition(tracee->tid, signal) == SIGNAL_CAUGHT) {
		begin_delivery(tracee, &place);
	} else if (place.in_stub) {
		raw->pc = place.site;
	} else {
		return false; /* the kernel makes it again there */
	}
	fast_store_registers(tracee);
	if (goes_on)
		tracee_resume(tracee, 0);
	return goes_on;
}
