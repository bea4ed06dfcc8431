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
#define TICK	  4000000ULL /* ns */

static cpu_set_t allowed;
static timer_t timer;
static bool timer_made, timer_armed;
static volatile sig_atomic_t tick_due;

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
}

static void pin(struct tracee *tracee)
{
	struct tracer *tracer = tracee->tracer;
	cpu_set_t one;

	if (tracee->affinity_chosen)
		return; /* the guest chose */
	CPU_ZERO(&one);
	if (tracer->cpu < 0) {
		tracer->cpu = sched_getcpu();
		CPU_SET((unsigned)tracer->cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0) {
			tracer->cpu = -1;
			return;
		}
	}
	CPU_SET((unsigned)tracer->cpu, &one);
	if (sched_setaffinity(tracee->tid, sizeof(one), &one) == 0)
		tracee->cpu = tracer->cpu;
	arm(true);
}

void affinity_on_stop(struct tracee *tracee)
{
	uint64_t at;

	if (!timer_made)
		return;
	at = now();
	if (tracee->cpu < 0) {
		tracee->hot = at - tracee->last_stop < HOT_GAP ? tracee->hot + 1 : 0;
		if (tracee->hot >= HOT_STOPS)
			pin(tracee);
	}
	tracee->last_stop = at;
}

void affinity_tick(struct tracer *tracer)
{
	uint64_t at;
	bool any = false;

	if (!tick_due)
		return;
	tick_due = 0;
	at = now();
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *tracee = tracer->hash[i]; tracee; tracee = tracee->hash_next) {
			if (tracee->cpu < 0)
				continue;
			if (at - tracee->last_stop < TICK) {
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
