/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's pseudo terminal: the monitor holds the master and carries bytes both ways. */
#ifndef AMPHORA_MONITOR_TERMINAL_H
#define AMPHORA_MONITOR_TERMINAL_H

#include <stdbool.h>

#include "core/base/error.h"

struct terminal;

/* Opens a pty with the size and the modes of our own terminal (80x24 and the kernel's modes when we
 * have none). `interactive`: our stdin is carried in. One at a time in a process. *ret_terminal
 * is a talloc child of parent; freeing it restores our terminal. */
int terminal_open(void *parent, bool interactive, struct terminal **ret_terminal,
		  struct error *err);

/* The slave, to become the guest's fds 0-2. Owned by the terminal, closed by terminal_start(). */
int terminal_slave(const struct terminal *terminal);

/* Closes our slave, puts our own terminal into raw mode (only when interactive and in the
 * foreground), and carries bytes in a thread of its own, which blocks every signal. */
int terminal_start(struct terminal *terminal, struct error *err);

/* After the guest's end: carries what is left of its output, stops the thread, and restores our
 * terminal. */
void terminal_finish(struct terminal *terminal);

/* SIGWINCH: gives the guest our terminal's size. Any thread. */
void terminal_resize(struct terminal *terminal);

/* Around a stop of the monitor itself: cooked while stopped, raw again after. Any thread. */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);

#endif
