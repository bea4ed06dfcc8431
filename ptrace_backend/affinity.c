// SPDX-License-Identifier: Apache-2.0
/* Tracer and tracee on one CPU while they talk a lot.
 *
 * Theory of operation
 *
 * A stop whose tracer sleeps on another, idle CPU costs 40 us on a virtual machine: two wake-ups by
 * interrupt. On one CPU it is two context switches, 9 us. The scheduler prefers the idle CPU, so
 * luck won't do: a tracee that stops HOT_STOPS times in quick succession is pinned to the tracer's
 * CPU, and the tracer to its own. A timer looks at the pinned ones every TICK and releases those that
 * have computed without a stop since, so that parallel work keeps its CPUs. Children of a pinned
 * tracee start pinned (the kernel's rule) and are released the same way.
 *
 * Programs that start programs and wait for them stop seldom each, but are one after the other at work: where
 * the container's stops follow each other within TURN_GAP, whoever's they are, they are pinned too. Should they turn
 * out not to take turns, stops of several alternating with nothing gained by it, all are let go for APART. The first
 * process starts pinned.
 *
 * The guest never sees any of it: sched_getaffinity and sched_setaffinity are answered from what
 * the guest itself asked for.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ptrace_backend/notify.h"
#include "ptrace_backend/tracer.h"

#define HOT_GAP	  200000ULL /* ns: stops closer than this are in succession */
#define HOT_STOPS 8
#define TURN_GAP  1000000ULL /* the same, of all */
#define TICK	  4000000ULL /* ns */
#define APART	  (25 * TICK)
#define CROSSINGS 4 /* in a tick */

static cpu_set_t allowed;
static timer_t timer;
static bool timer_made, timer_armed;
static volatile sig_atomic_t tick_due;

/* Stops of the whole container. */
static struct {
	pid_t last;	     /* whose was the last one */
	uint64_t at;	     /* when */
	unsigned successive;
	unsigned stops, crossings; /* since the last tick; of those that don't take turns */
	uint64_t apart_until;
} turns;

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000ULL + (uint64_t)at.tv_nsec;
}

/* Interrupts waitpid(); the work is done in affinity_tick(). */
static void on_timer(int signal)
{
	(void)signal;
	tick_due = 1;
}

void affinity_init(struct tracer *tracer)
{
	struct sigaction action = { .sa_handler = on_timer };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NOTIFY_SIGNAL };
	sigset_t set;

	tracer->cpu = -1;
	sigaction(NOTIFY_SIGNAL, &action, NULL);
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 || CPU_COUNT(&allowed) < 2)
		return;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigemptyset(&set);
	sigaddset(&set, NOTIFY_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	timer_made = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
}

static void arm(bool on)
{
	struct itimerspec at = { 0 };

	if (timer_armed == on)
		return;
	if (on)
		at.it_interval.tv_nsec = at.it_value.tv_nsec = (long)TICK;
	timer_settime(timer, 0, &at, NULL);
	timer_armed = on;
	turns.stops = turns.crossings = 0;
}

/* To the CPU it is on. Returns false where that can't be. */
static bool pin_tracer(struct tracer *tracer, cpu_set_t *one)
{
	int cpu = tracer->cpu < 0 ? sched_getcpu() : tracer->cpu;

	CPU_ZERO(one);
	CPU_SET((unsigned)cpu, one);
	if (tracer->cpu < 0 && sched_setaffinity(0, sizeof(*one), one) < 0)
		return false;
	tracer->cpu = cpu;
	arm(true);
	return true;
}

static void pin(struct tracee *tracee)
{
	cpu_set_t one;

	/* Else the guest chose. */
	if (!tracee->affinity_chosen && pin_tracer(tracee->tracer, &one) &&
	    sched_setaffinity(tracee->tid, sizeof(one), &one) == 0)
		tracee->cpu = tracee->tracer->cpu;
}

void affinity_before_first(struct tracer *tracer)
{
	cpu_set_t one;

	if (timer_made)
		pin_tracer(tracer, &one);
}

void affinity_of_tracer(const struct tracer *tracer, bool pinned)
{
	cpu_set_t one;

	if (tracer->cpu < 0)
		return;
	CPU_ZERO(&one);
	CPU_SET((unsigned)tracer->cpu, &one);
	sched_setaffinity(0, sizeof(one), pinned ? &one : &allowed);
}

void affinity_of_first(struct tracee *first)
{
	first->cpu = first->tracer->cpu;
	first->last_stop = now();
}

/* Whether the tracee stops while another that has stopped before is at work, for all we know: one that has made it
 * waits for it. */
static bool crosses(const struct tracee *tracee)
{
	const struct tracee *last = tracee->tid == turns.last ? NULL : tracer_find(tracee->tracer, turns.last);

	return last && tracee->parent != last->tgid;
}

static void count_turn(const struct tracee *tracee, uint64_t at)
{
	turns.successive = at - turns.at < TURN_GAP ? turns.successive + 1 : 0;
	turns.stops++;
	turns.crossings += crosses(tracee);
	turns.last = tracee->tid;
	turns.at = at;
}

void affinity_on_stop(struct tracee *tracee)
{
	uint64_t at;

	if (!timer_made)
		return;
	at = now();
	count_turn(tracee, at);
	if (tracee->cpu < 0) {
		tracee->hot = at - tracee->last_stop < HOT_GAP ? tracee->hot + 1 : 0;
		if (tracee->hot >= HOT_STOPS || (turns.successive >= HOT_STOPS && at >= turns.apart_until))
			pin(tracee);
	}
	tracee->last_stop = at;
}

void affinity_tick(struct tracer *tracer)
{
	bool any = false, apart = turns.crossings >= CROSSINGS && turns.stops < TICK / HOT_GAP;
	uint64_t at;

	if (!tick_due)
		return;
	tick_due = 0;
	at = now();
	if (apart)
		turns.apart_until = at + APART;
	turns.stops = turns.crossings = 0;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *tracee = tracer->hash[i]; tracee; tracee = tracee->hash_next) {
			if (tracee->cpu < 0)
				continue;
			if (!apart && at - tracee->last_stop < TICK) {
				any = true;
				continue;
			}
			sched_setaffinity(tracee->tid, sizeof(allowed), &allowed);
			tracee->cpu = -1;
			tracee->hot = 0;
		}
	if (any)
		return;
	arm(false);
	sched_setaffinity(0, sizeof(allowed), &allowed);
	tracer->cpu = -1;
}
