// SPDX-License-Identifier: Apache-2.0
/* The value of user.containers.override_stat: "uid:gid:mode:type", mode in octal, type one of
 * file, dir, symlink, pipe, socket, block-MAJOR-MINOR, char-MAJOR-MINOR. Other writers leave the
 * type out, or put the whole st_mode.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/base/cleanup.h"
#include "core/store/record.h"

static const struct {
	mode_t type;
	const char *name;
} types[] = {
	{ S_IFREG, "file" }, { S_IFDIR, "dir" },     { S_IFLNK, "symlink" }, { S_IFIFO, "pipe" },
	{ S_IFSOCK, "socket" }, { S_IFBLK, "block" }, { S_IFCHR, "char" },
};

int record_format(const struct record_entry *entry, char *text, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int n;

		if ((entry->mode & S_IFMT) != types[i].type)
			continue;
		n = snprintf(text, size, "%u:%u:%04o:%s", entry->uid, entry->gid,
			     entry->mode & 07777, types[i].name);
		if (S_ISBLK(entry->mode) || S_ISCHR(entry->mode))
			n += snprintf(text + n, size - (size_t)n, "-%u-%u", major(entry->rdev),
				      minor(entry->rdev));
		return n;
	}
	return -EINVAL;
}

/* A number that ends at `end` or at the text's NUL; *at moves past the end character. */
static int read_number(const char **at, int base, char end, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *start = *at;

	for (; **at >= '0' && **at < '0' + base; (*at)++) {
		value = value * (unsigned)base + (unsigned)(**at - '0');
		if (value > max)
			return -EINVAL;
	}
	if (*at == start || (**at && **at != end))
		return -EINVAL;
	if (**at)
		(*at)++;
	*ret_value = value;
	return 0;
}

static int read_type(const char *at, struct record_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t length = strlen(types[i].name);
		bool is_device = types[i].type == S_IFBLK || types[i].type == S_IFCHR;
		uint64_t major_number = 0, minor_number = 0;

		if (strncmp(at, types[i].name, length) || at[length] != (is_device ? '-' : '\0'))
			continue;
		at += length + is_device;
		if (is_device && (read_number(&at, 10, '-', UINT32_MAX, &major_number) ||
				  read_number(&at, 10, '\0', UINT32_MAX, &minor_number)))
			return -EINVAL;
		entry->mode |= types[i].type;
		entry->rdev = makedev((unsigned)major_number, (unsigned)minor_number);
		return 0;
	}
	return -EINVAL;
}

int record_parse(const char *text, size_t length, mode_t real_mode, struct record_entry *ret_entry)
{
	struct record_entry entry = { 0 };
	char copy[RECORD_TEXT_SIZE];
	const char *at = copy;
	uint64_t uid, gid, mode;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (strlen(copy) != length || (length && copy[length - 1] == ':'))
		return -EINVAL;
	if (read_number(&at, 10, ':', UINT32_MAX - 1, &uid) ||
	    read_number(&at, 10, ':', UINT32_MAX - 1, &gid) ||
	    read_number(&at, 8, ':', S_IFMT | 07777, &mode))
		return -EINVAL;
	entry.uid = (uid_t)uid;
	entry.gid = (gid_t)gid;
	entry.mode = (mode_t)mode & 07777;
	if (*at == '\0')
		entry.mode |= real_mode & S_IFMT;
	else if (read_type(at, &entry))
		return -EINVAL;
	*ret_entry = entry;
	return 0;
}
