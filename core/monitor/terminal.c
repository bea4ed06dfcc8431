// SPDX-License-Identifier: Apache-2.0
/* The guest's pseudo terminal.
 *
 * Theory of operation
 *
 *   our stdin --> [input] --> master ==pty== slave: fds 0-2 of the guest
 *   our stdout <-- [output] <-- master
 *
 * One thread polls; each direction has one buffer, and reads only when that is empty, so a stalled
 * reader stalls its own direction and nobody else. Writes are at most PIPE_BUF bytes, which a pipe
 * that polls writable takes without blocking: our stdio is shared with other processes, so it can't
 * be made O_NONBLOCK. The master can.
 *
 * The end of our input is told to the guest as its VEOF character. The end of its output is EIO on
 * the master, after the last slave was closed; a slave that escaped (passed to a process outside) would
 * hold that back, so once the guest is over an empty master ends it, too.
 *
 * Our own terminal must come back whatever happens: terminal_finish(), the destructor, exit() and a
 * crash all go through restore_terminal(), which is async-signal-safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <talloc.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/monitor/terminal.h"
#include "core/start/start.h"

/* How long an escaped slave may keep the output open once the guest is over. */
#define LINGER_MS 100

struct channel {
	char data[PIPE_BUF];
	size_t length, done;
	bool open; /* its source may have more */
};

struct terminal {
	int master, slave;
	int wake; /* eventfd: the guest is over */
	bool interactive, running;
	pthread_t thread;
	struct channel input, output;
};

/* What the handlers and atexit need; one terminal a process. */
static struct termios saved_modes, raw_modes;
static atomic_bool modes_are_raw;

static void restore_terminal(void)
{
	if (atomic_exchange(&modes_are_raw, false))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_modes);
}

static void on_crash(int signal)
{
	restore_terminal();
	raise(signal); /* SA_RESETHAND: the default action */
}

static void make_raw(void)
{
	/* From the background, tcsetattr() would take the terminal from its user. */
	if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &saved_modes) < 0)
		return;
	raw_modes = saved_modes;
	cfmakeraw(&raw_modes);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw_modes) == 0)
		atomic_store(&modes_are_raw, true);
}

static void guard_terminal(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	static bool guarded;
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

	if (guarded)
		return;
	guarded = true;
	atexit(restore_terminal);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

static int terminal_destroy(struct terminal *terminal)
{
	restore_terminal();
	if (terminal->master >= 0)
		close(terminal->master);
	if (terminal->slave >= 0)
		close(terminal->slave);
	if (terminal->wake >= 0)
		close(terminal->wake);
	return 0;
}

static int open_slave(int master)
{
	char name[64];
	int fd = -1;

#ifdef TIOCGPTPEER /* Linux 4.13: no path, so nothing can be put in its place */
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
#endif
	/* A host path below /dev/pts. */
	if (fd < 0 && ptsname_r(master, name, sizeof(name)) == 0)
		fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd;
}

static void copy_own_terminal(int slave)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct termios modes;

	for (int fd = 0; fd <= 2; fd++) {
		struct winsize own;

		if (ioctl(fd, TIOCGWINSZ, &own) == 0 && own.ws_row && own.ws_col) {
			size = own;
			break;
		}
	}
	ioctl(slave, TIOCSWINSZ, &size);
	if (tcgetattr(STDIN_FILENO, &modes) == 0)
		tcsetattr(slave, TCSANOW, &modes);
}

int terminal_open(void *parent, bool interactive, struct terminal **ret_terminal, struct error *err)
{
	struct terminal *terminal = talloc_zero(parent, struct terminal);

	if (!terminal)
		return error_set(err, ENOMEM, "cannot open a terminal for the guest");
	terminal->interactive = interactive;
	terminal->slave = terminal->wake = -EBADF;
	terminal->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	talloc_set_destructor(terminal, terminal_destroy);
	if (terminal->master < 0 || grantpt(terminal->master) < 0 ||
	    unlockpt(terminal->master) < 0 ||
	    fcntl(terminal->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		goto failed;
	terminal->slave = open_slave(terminal->master);
	terminal->wake = eventfd(0, EFD_CLOEXEC);
	if (terminal->slave < 0 || terminal->wake < 0)
		goto failed;
	copy_own_terminal(terminal->slave);
	*ret_terminal = terminal;
	return 0;
failed:
	error_set(err, errno, "cannot open a terminal for the guest (/dev/ptmx)");
	talloc_free(terminal);
	return err ? -err->code : -EIO;
}

int terminal_slave(const struct terminal *terminal)
{
	return terminal->slave;
}

/* Reads into an empty channel. */
static void channel_fill(struct channel *channel, int fd)
{
	ssize_t n = read(fd, channel->data, sizeof(channel->data));

	if (n > 0) {
		channel->length = (size_t)n;
		channel->done = 0;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		channel->open = false;
	}
}

/* Writes what it can. A sink that is gone swallows the rest. */
static void channel_drain(struct channel *channel, int fd)
{
	ssize_t n = write(fd, channel->data + channel->done, channel->length - channel->done);

	if (n > 0)
		channel->done += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		channel->done = channel->length;
	if (channel->done == channel->length)
		channel->done = channel->length = 0;
}

/* Our input is over: what a person at a terminal would type then. */
static void send_end_of_file(struct terminal *terminal)
{
	struct termios modes;

	if (tcgetattr(terminal->master, &modes) < 0 || !(modes.c_lflag & ICANON))
		return;
	terminal->input.data[0] = (char)modes.c_cc[VEOF];
	terminal->input.length = 1;
	terminal->input.done = 0;
}

enum { POLL_STDIN, POLL_MASTER, POLL_STDOUT, POLL_WAKE, POLL_COUNT };

static void choose_events(const struct terminal *terminal, bool over, struct pollfd *fds)
{
	const struct channel *input = &terminal->input, *output = &terminal->output;

	fds[POLL_STDIN].fd = input->open && !input->length && !over ? STDIN_FILENO : -1;
	fds[POLL_STDIN].events = POLLIN;
	fds[POLL_MASTER].events = (short)((output->length ? 0 : POLLIN) |
					  (input->length && !over ? POLLOUT : 0));
	/* A hang-up can't be masked: don't watch the master while its output can't be taken. */
	fds[POLL_MASTER].fd = fds[POLL_MASTER].events ? terminal->master : -1;
	fds[POLL_STDOUT].fd = output->length ? STDOUT_FILENO : -1;
	fds[POLL_STDOUT].events = POLLOUT;
	fds[POLL_WAKE].fd = over ? -1 : terminal->wake;
	fds[POLL_WAKE].events = POLLIN;
}

static void *carry(void *argument)
{
	struct terminal *terminal = argument;
	struct pollfd fds[POLL_COUNT];
	bool over = false;

	while (terminal->output.open || terminal->output.length) {
		int ready;

		choose_events(terminal, over, fds);
		ready = poll(fds, POLL_COUNT, over ? LINGER_MS : -1);
		if (ready == 0 && !terminal->output.length)
			break;
		if (ready <= 0)
			continue;
		if (fds[POLL_WAKE].revents)
			over = true;
		if (fds[POLL_STDIN].revents) {
			channel_fill(&terminal->input, STDIN_FILENO);
			if (!terminal->input.open)
				send_end_of_file(terminal);
		}
		if (fds[POLL_MASTER].revents & POLLOUT)
			channel_drain(&terminal->input, terminal->master);
		if (fds[POLL_MASTER].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !terminal->output.length)
			channel_fill(&terminal->output, terminal->master);
		if (fds[POLL_STDOUT].revents)
			channel_drain(&terminal->output, STDOUT_FILENO);
	}
	return NULL;
}

int terminal_start(struct terminal *terminal, struct error *err)
{
	sigset_t all, before;
	int result;

	close(steal_fd(&terminal->slave));
	terminal->input.open = terminal->interactive;
	terminal->output.open = true;
	if (terminal->interactive && isatty(STDIN_FILENO)) {
		guard_terminal();
		make_raw();
	}
	sigfillset(&all);
	start_keep_traps(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&terminal->thread, NULL, carry, terminal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result) {
		restore_terminal();
		return error_set(err, result, "cannot start the terminal's thread");
	}
	terminal->running = true;
	return 0;
}

void terminal_finish(struct terminal *terminal)
{
	uint64_t one = 1;

	if (terminal->running && write(terminal->wake, &one, sizeof(one)) == sizeof(one))
		pthread_join(terminal->thread, NULL);
	terminal->running = false;
	restore_terminal();
}

void terminal_resize(struct terminal *terminal)
{
	struct winsize size;

	for (int fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
			ioctl(terminal->master, TIOCSWINSZ, &size);
			return;
		}
	}
}

void terminal_suspend(struct terminal *terminal)
{
	(void)terminal;
	restore_terminal();
}

void terminal_resume(struct terminal *terminal)
{
	if (terminal->running && terminal->interactive && isatty(STDIN_FILENO))
		make_raw();
	terminal_resize(terminal);
}
