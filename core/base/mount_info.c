// SPDX-License-Identifier: Apache-2.0
/* A reader of /proc/self/mountinfo. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/mount_info.h"

#define TEXT_SIZE_MAX (16 * 1024 * 1024)

static int is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline and backslash as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER" */
static int parse_line(char *line, struct mount_info_entry *ret_entry)
{
	char *fields[5], *rest = line, *type;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!fields[i] || !rest)
			return -EINVAL;
	}
	type = strstr(rest, " - ");
	if (!type)
		return -EINVAL;
	type += 3;
	type[strcspn(type, " ")] = '\0';
	if (sscanf(fields[2], "%u:%u", &ret_entry->major, &ret_entry->minor) != 2)
		return -EINVAL;
	unescape(fields[3]);
	unescape(fields[4]);
	ret_entry->id = atoi(fields[0]);
	ret_entry->parent_id = atoi(fields[1]);
	ret_entry->root = fields[3];
	ret_entry->point = fields[4];
	ret_entry->type = type;
	return 0;
}

int mount_info_parse(void *parent, char *text, struct mount_info *ret_info)
{
	struct mount_info info = {0};
	char *rest = text, *line;
	size_t lines = 1;

	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	info.entries = talloc_array(parent, struct mount_info_entry, lines);
	if (!info.entries)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		if (parse_line(line, &info.entries[info.count]) == 0)
			info.count++;
		else
			info.skipped++;
	}
	*ret_info = info;
	return 0;
}

int mount_info_read(void *parent, struct mount_info *ret_info)
{
	_cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t size = 64 * 1024;

	if (fd < 0)
		return -errno;
	for (; size <= TEXT_SIZE_MAX; size *= 4) {
		char *text = talloc_size(parent, size);
		ssize_t length;

		if (!text)
			return -ENOMEM;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
		length = file_read_fd(fd, text, size);
		if (length < 0)
			return (int)length;
		if ((size_t)length + 1 < size)
			return mount_info_parse(parent, text, ret_info);
		talloc_free(text);
	}
	return -EFBIG;
}

static const struct mount_info_entry *find_entry(const struct mount_info *info, int id)
{
	for (size_t i = 0; i < info->count; i++)
		if (info->entries[i].id == id)
			return &info->entries[i];
	return NULL;
}

int mount_info_below(const struct mount_info *info, int id, int ancestor)
{
	/* The depth is bounded by the count, whatever a bad table says. */
	for (size_t i = 0; i <= info->count; i++) {
		const struct mount_info_entry *entry;

		if (id == ancestor)
			return 1;
		entry = find_entry(info, id);
		if (!entry || entry->parent_id == id)
			return 0;
		id = entry->parent_id;
	}
	return 0;
}
