/* SPDX-License-Identifier: Apache-2.0 */
/* Levelled log on stderr. Libraries only use log_debug(); the front decides the level. */
#ifndef AMPHORA_BASE_LOG_H
#define AMPHORA_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Process-wide; LOG_LEVEL_WARNING until set. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* One line on stderr, "amphora: " before it. Keeps errno. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_get_level() >= LOG_LEVEL_DEBUG)                                            \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)

#endif
