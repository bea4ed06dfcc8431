/* SPDX-License-Identifier: Apache-2.0 */
/* One error, with its errno, the failing object, what to do next, and the exit code it deserves.
 *
 * Convention: `int f(in..., T *ret_x, struct error *err)` returns 0 (or a count) on success and
 * -errno on failure; ret_x is written only on success; err may be NULL. A caller that knows more
 * wraps the message on the way up; only main prints.
 */
#ifndef AMPHORA_BASE_ERROR_H
#define AMPHORA_BASE_ERROR_H

#define EXIT_AMPHORA        125 /* amphora itself failed, or refused what it can't enforce */
#define EXIT_NOT_EXECUTABLE 126 /* the command was found and can't be executed */
#define EXIT_NOT_FOUND      127 /* the command was not found */

struct error {
	int code;	   /* errno, positive; 0: no error */
	int exit_code;	   /* 0 means EXIT_AMPHORA */
	char message[600]; /* one line: what failed, on which path */
	char hint[300];	   /* one line: what to do; may be empty */
};

#define ERROR_INIT ((struct error){0})

/* Sets code and message and clears the hint. `code` is a positive errno; the message should not
 * contain strerror(code): error_format() appends it. Returns -code. */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Like error_set(), for a failure that no errno describes (bad input): code is EINVAL and
 * error_format() appends no strerror text. Returns -EINVAL. */
int error_plain(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message. Returns -err->code, or `code` when err is NULL. */
int error_wrap(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets the hint. Safe with err == NULL. */
void error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the process exit code that main should use. Safe with err == NULL. */
void error_exit_code(struct error *err, int exit_code);

/* Writes "message: strerror. hint" into buffer (always NUL-terminated, control characters
 * replaced by '?', one line). Returns buffer. */
const char *error_format(const struct error *err, char *buffer, unsigned long size);

#endif
