// SPDX-License-Identifier: Apache-2.0
/* Notes in PRoot's words: scripts look for "proot error: " and "proot warning: ". */
#include <stdarg.h>
#include <stdio.h>

#include "core/front/proot/proot.h"

static int verbosity;

void proot_set_verbosity(int level)
{
	verbosity = level;
}

int proot_verbosity(void)
{
	return verbosity;
}

static void print(const char *severity, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void print(const char *severity, const char *format, va_list arguments)
{
	fflush(stdout);
	fprintf(stderr, "proot %s: ", severity);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void proot_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("error", format, arguments);
	va_end(arguments);
}

void proot_warning(const char *format, ...)
{
	va_list arguments;

	if (verbosity < 0)
		return;
	va_start(arguments, format);
	print("warning", format, arguments);
	va_end(arguments);
}

void proot_info(const char *format, ...)
{
	va_list arguments;

	if (verbosity < 0)
		return;
	va_start(arguments, format);
	print("info", format, arguments);
	va_end(arguments);
}
