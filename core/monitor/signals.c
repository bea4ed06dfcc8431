// SPDX-License-Identifier: Apache-2.0
/* Signal forwarding.
 *
 * Most signals go to the first process as they come. Two are ours, too: SIGWINCH resizes the guest's
 * terminal, and SIGTSTP stops the guest and then the monitor, as a job at a shell would stop; the
 * SIGCONT that resumes us is carried on and resumes the guest.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/monitor/signals.h"
#include "core/start/start.h"

static const int forwarded[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1,
				SIGUSR2, SIGCONT, SIGTSTP, SIGWINCH, SIGALRM};

struct signals {
	sigset_t set, before;
	struct sigaction pipe_before, child_before;
	int fd, wake;
	bool running;
	bool shared_session;
	pthread_t thread;
	const struct backend *backend;
	struct container *container;
	struct terminal *terminal;
};

static int signals_destroy(struct signals *signals)
{
	signals_stop(signals);
	if (signals->fd >= 0)
		close(signals->fd);
	if (signals->wake >= 0)
		close(signals->wake);
	sigaction(SIGPIPE, &signals->pipe_before, NULL);
	sigaction(SIGCHLD, &signals->child_before, NULL);
	pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
	return 0;
}

int signals_block(void *parent, bool shared_session, struct signals **ret_signals,
		  struct error *err)
{
	struct signals *signals = talloc_zero(parent, struct signals);
	struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
	struct sigaction current;

	if (!signals)
		return error_set(err, ENOMEM, "cannot prepare signals");
	signals->shared_session = shared_session;
	sigemptyset(&signals->set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		if (sigaction(forwarded[i], NULL, &current) == 0 && current.sa_handler != SIG_IGN)
			sigaddset(&signals->set, forwarded[i]);
	pthread_sigmask(SIG_BLOCK, &signals->set, &signals->before);
	sigaction(SIGPIPE, &ignore, &signals->pipe_before);
	/* Ignored by our parent, it would take the guest's exit status away. */
	sigaction(SIGCHLD, &usual, &signals->child_before);
	signals->fd = signalfd(-1, &signals->set, SFD_CLOEXEC | SFD_NONBLOCK);
	signals->wake = eventfd(0, EFD_CLOEXEC);
	talloc_set_destructor(signals, signals_destroy);
	if (signals->fd < 0 || signals->wake < 0) {
		error_set(err, errno, "cannot prepare signals");
		talloc_free(signals);
		return err ? -err->code : -EIO;
	}
	*ret_signals = signals;
	return 0;
}

static void carry_signal(struct signals *signals, int signal, bool from_terminal)
{
	if (signals->shared_session && from_terminal) {
		if (signal == SIGTSTP)
			kill(getpid(), SIGSTOP);
		return;
	}
	switch (signal) {
	case SIGWINCH:
		if (signals->terminal)
			terminal_resize(signals->terminal);
		else
			signals->backend->signal(signals->container, signal);
		break;
	case SIGTSTP:
		signals->backend->signal(signals->container, SIGSTOP);
		if (signals->terminal)
			terminal_suspend(signals->terminal);
		kill(getpid(), SIGSTOP);
		if (signals->terminal)
			terminal_resume(signals->terminal);
		break;
	default:
		signals->backend->signal(signals->container, signal);
	}
}

static void *carry(void *argument)
{
	struct signals *signals = argument;
	struct pollfd fds[2] = {{.fd = signals->wake, .events = POLLIN},
				{.fd = signals->fd, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo info;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[0].revents)
			return NULL;
		if (read(signals->fd, &info, sizeof(info)) == sizeof(info))
			carry_signal(signals, (int)info.ssi_signo, info.ssi_code == SI_KERNEL);
	}
}

int signals_start(struct signals *signals, const struct backend *backend,
		  struct container *container, struct terminal *terminal, struct error *err)
{
	sigset_t all, before;
	int result;

	signals->backend = backend;
	signals->container = container;
	signals->terminal = terminal;
	sigfillset(&all);
	start_keep_traps(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&signals->thread, NULL, carry, signals);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result)
		return error_set(err, result, "cannot start the signal thread");
	signals->running = true;
	return 0;
}

void signals_stop(struct signals *signals)
{
	uint64_t one = 1;

	if (signals->running && write(signals->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(signals->thread, NULL);
	signals->running = false;
}
