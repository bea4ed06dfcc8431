// SPDX-License-Identifier: Apache-2.0
/* The two xattrs of capability.h. */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "core/store/capability.h"
#include "core/store/record_file.h"

#define LINK_SIZE  32
#define LIST_SIZE  4096
#define SECOND	   1000000000

int capability_stamp_format(const struct stat *status, char text[CAPABILITY_STAMP_TEXT_MAX])
{
	return snprintf(text, CAPABILITY_STAMP_TEXT_MAX, "%lld.%09ld:%lld", (long long)status->st_mtim.tv_sec,
			(long)status->st_mtim.tv_nsec, (long long)status->st_size);
}

bool capability_stamp_fits(const char *text, const struct stat *status)
{
	long long seconds, size;
	long rest;
	int used = 0;

	if (sscanf(text, "%lld.%9ld:%lld%n", &seconds, &rest, &size, &used) != 3 || text[used])
		return false;
	return size == status->st_size && seconds == status->st_mtim.tv_sec &&
	       (rest == status->st_mtim.tv_nsec || status->st_mtim.tv_nsec == 0);
}

/* Files alone have a stamp: the kernel takes nothing from a directory. */
static bool is_untouched(const struct record_file *file)
{
	char text[CAPABILITY_STAMP_TEXT_MAX];
	ssize_t n = S_ISREG(file->status->st_mode) ?
			    record_file_get_xattr(file, CAPABILITY_STAMP_XATTR, text, sizeof(text) - 1) :
			    -ENODATA;

	if (n < 0)
		return n == -ENODATA;
	text[n] = '\0';
	return capability_stamp_fits(text, file->status);
}

/* A namespaced value for `root` becomes one of the older version, as the kernel shows it to that root. */
static int show_as_root(unsigned char value[CAPABILITY_VALUE_MAX], int size, uid_t root)
{
	struct vfs_ns_cap_data data;
	uint32_t magic = VFS_CAP_REVISION_2;

	if (size != XATTR_CAPS_SZ_3)
		return size;
	memcpy(&data, value, sizeof(data));
	if (le32toh(data.rootid) != root)
		return size;
	magic |= le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE;
	data.magic_etc = htole32(magic);
	memcpy(value, &data, XATTR_CAPS_SZ_2);
	return XATTR_CAPS_SZ_2;
}

int capability_get_real(const struct record_file *file, unsigned char value[CAPABILITY_VALUE_MAX])
{
	ssize_t n = record_file_get_xattr(file, CAPABILITY_REAL_XATTR, value, CAPABILITY_VALUE_MAX);

	return n >= 0 ? (int)n : n == -ERANGE ? -ERANGE : -ENODATA;
}

int capability_get(const struct record_file *file, uid_t root, unsigned char value[CAPABILITY_VALUE_MAX])
{
	ssize_t n = record_file_get_xattr(file, CAPABILITY_XATTR, value, CAPABILITY_VALUE_MAX);

	if (n >= 0)
		return n > 0 && is_untouched(file) ? (int)n : -ENODATA;
	/* A user xattr asks for the right to read the file; its own value doesn't. */
	if (n != -ENODATA && n != -EOPNOTSUPP && n != -EACCES)
		return (int)n;
	n = capability_get_real(file, value);
	return n < 0 ? (int)n : show_as_root(value, (int)n, root);
}

static int write_stamp(const struct record_file *file)
{
	char text[CAPABILITY_STAMP_TEXT_MAX];
	int n = capability_stamp_format(file->status, text);

	if (!S_ISREG(file->status->st_mode))
		return 0;
	return record_file_set_xattr(file, CAPABILITY_STAMP_XATTR, text, (size_t)n);
}

int capability_set(const struct record_file *file, const void *value, size_t size)
{
	int result = write_stamp(file);

	return result ? result : record_file_set_xattr(file, CAPABILITY_XATTR, value, size);
}

int capability_remove(const struct record_file *file)
{
	bool has_real = record_file_get_xattr(file, CAPABILITY_REAL_XATTR, NULL, 0) >= 0;
	int result = record_file_set_xattr(file, CAPABILITY_XATTR, has_real ? "" : NULL, 0);

	if (result && !(result == -EOPNOTSUPP && !has_real))
		return result;
	record_file_set_xattr(file, CAPABILITY_STAMP_XATTR, NULL, 0);
	return 0;
}

int capability_renew(const struct record_file *file)
{
	return write_stamp(file);
}

bool capability_is_stamped(const struct record_file *file)
{
	return record_file_get_xattr(file, CAPABILITY_STAMP_XATTR, NULL, 0) >= 0;
}

bool capability_is_likely(const struct record_file *file)
{
	char link[LINK_SIZE], list[LIST_SIZE];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	n = listxattr(link, list, sizeof(list));
	if (n < 0)
		return errno == ERANGE;
	for (const char *at = list; at < list + n; at += strlen(at) + 1)
		if (!strcmp(at, CAPABILITY_XATTR) || !strcmp(at, CAPABILITY_REAL_XATTR))
			return true;
	return false;
}
