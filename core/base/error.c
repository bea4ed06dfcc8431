// SPDX-License-Identifier: Apache-2.0
/* Errors that carry context. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"

/* A message that starts with this byte describes itself: no strerror text is appended. */
#define PLAIN_MARK '\001'

static void format_message(struct error *err, bool plain, const char *format, va_list args)
{
	size_t at = 0;

	if (plain)
		err->message[at++] = PLAIN_MARK;
	vsnprintf(err->message + at, sizeof(err->message) - at, format, args);
	err->hint[0] = '\0';
	err->exit_code = 0;
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (err) {
		err->code = code;
		va_start(args, format);
		format_message(err, false, format, args);
		va_end(args);
	}
	return -code;
}

int error_plain(struct error *err, const char *format, ...)
{
	va_list args;

	if (err) {
		err->code = EINVAL;
		va_start(args, format);
		format_message(err, true, format, args);
		va_end(args);
	}
	return -EINVAL;
}

int error_wrap(struct error *err, int code, const char *format, ...)
{
	char inner[sizeof(err->message)];
	const char *text = inner;
	bool plain;
	va_list args;
	int n;

	if (!err)
		return code;
	memcpy(inner, err->message, sizeof(inner));
	plain = inner[0] == PLAIN_MARK;
	if (plain)
		text++;
	err->message[0] = PLAIN_MARK;
	va_start(args, format);
	n = vsnprintf(err->message + plain, sizeof(err->message) - plain, format, args);
	va_end(args);
	n += plain;
	if (n >= 0 && (size_t)n < sizeof(err->message))
		snprintf(err->message + n, sizeof(err->message) - (size_t)n, ": %s", text);
	return -err->code;
}

void error_hint(struct error *err, const char *format, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
}

void error_exit_code(struct error *err, int exit_code)
{
	if (err)
		err->exit_code = exit_code;
}

const char *error_format(const struct error *err, char *buffer, unsigned long size)
{
	bool plain = err->message[0] == PLAIN_MARK;

	snprintf(buffer, size, "%s%s%s%s%s", err->message + plain, plain || !err->code ? "" : ": ",
		 plain || !err->code ? "" : strerror(err->code), err->hint[0] ? ". " : "",
		 err->hint);
	for (char *at = buffer; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return buffer;
}
