// SPDX-License-Identifier: Apache-2.0
/* Levelled log on stderr. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/base/log.h"

static enum log_level current_level = LOG_LEVEL_WARNING;

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_get_level(void)
{
	return current_level;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const prefix[] = { "", "warning: ", "", "debug: " };
	int saved = errno;
	char line[1024];
	va_list args;

	if (level > current_level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "amphora: %s%s\n", prefix[level], line);
	errno = saved;
}
