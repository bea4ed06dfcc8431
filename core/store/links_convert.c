// SPDX-License-Identifier: Apache-2.0
/* The walk of links_convert.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/path/rootfs.h"
#include "core/store/links.h"
#include "core/store/links_convert.h"
#include "core/store/record.h"

#define DEPTH_MAX 512
#define TEMPORARY ".amphora-new"

/* A name that was found: the file it names. */
struct seen {
	ino_t inode;
	struct link_id id; /* empty: PRoot's, not adopted */
};

struct conversion {
	enum links_conversion how;
	const char *rootfs;
	int root;
	dev_t device;
	struct links links;
	bool has_objects;
	struct seen *seen;
	size_t seen_size;
	char **internal; /* PRoot's own names (".l2s.…"), relative to the root */
	size_t internal_count;
	struct links_summary summary;
	struct error *err;
};

/* Copies */

static void copy_attributes(int from, int to, const struct stat *status)
{
	const struct timespec times[2] = { status->st_atim, status->st_mtim };
	char text[RECORD_TEXT_SIZE];
	ssize_t length = fgetxattr(from, RECORD_XATTR, text, sizeof(text));

	if (fchown(to, status->st_uid, status->st_gid) < 0)
		errno = 0; /* a plain user's are its own already */
	fchmod(to, status->st_mode & 07777);
	if (length > 0)
		fsetxattr(to, RECORD_XATTR, text, (size_t)length, 0);
	futimens(to, times);
}

static int copy_content(int from, int to)
{
	char buffer[64 * 1024];

	for (;;) {
		ssize_t length = read(from, buffer, sizeof(buffer));

		if (length <= 0)
			return length < 0 ? -errno : 0;
		for (ssize_t done = 0; done < length;) {
			ssize_t written = write(to, buffer + done, (size_t)(length - done));

			if (written < 0)
				return -errno;
			done += written;
		}
	}
}

static int copy_file(int objects, const char *object, int directory, const char *name)
{
	_cleanup_close_ int from = openat(objects, object, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_close_ int to = -EBADF;
	struct stat status;
	int error;

	if (from < 0 || fstat(from, &status) < 0)
		return -errno;
	to = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	error = copy_content(from, to);
	copy_attributes(from, to, &status);
	return error;
}

/* The file takes the name's place. Returns 0 or -errno. */
static int replace_name(const struct conversion *conversion, int objects, const char *object,
			int directory, const char *name)
{
	int error = 0;

	unlinkat(directory, TEMPORARY, 0); /* of one that was ended */
	if (conversion->how == LINKS_TO_COPIES)
		error = copy_file(objects, object, directory, TEMPORARY);
	else if (linkat(objects, object, directory, TEMPORARY, 0) < 0)
		error = -errno;
	if (!error && renameat(directory, TEMPORARY, directory, name) < 0)
		error = -errno;
	if (error)
		unlinkat(directory, TEMPORARY, 0);
	return error;
}

/* Names */

static int remember_name(struct conversion *conversion, ino_t inode, const struct link_id *id)
{
	size_t count = conversion->summary.names;

	if (count == conversion->seen_size) {
		size_t size = count ? 2 * count : 256;
		struct seen *all = talloc_realloc(NULL, conversion->seen, struct seen, size);

		if (!all)
			return -ENOMEM;
		conversion->seen = all;
		conversion->seen_size = size;
	}
	conversion->seen[count] = (struct seen){ .inode = inode, .id = *id };
	conversion->summary.names++;
	return 0;
}

static int remember_internal(struct conversion *conversion, const char *where)
{
	size_t count = conversion->internal_count;
	char **all = talloc_realloc(NULL, conversion->internal, char *, count + 1);

	if (!all)
		return -ENOMEM;
	conversion->internal = all;
	all[count] = talloc_strdup(all, where);
	if (!all[count])
		return -ENOMEM;
	conversion->internal_count++;
	return 0;
}

static int refused(const struct conversion *conversion, int error, const char *where)
{
	error_set(conversion->err, -error, "%s in %s", where, conversion->rootfs);
	if (conversion->how == LINKS_TO_KERNEL && (error == -EPERM || error == -EACCES || error == -EMLINK ||
						   error == -EXDEV || error == -ENOSYS))
		error_hint(conversion->err, "where hard links are refused --to-copies makes files of "
					    "their own; what was done so far stays");
	return error;
}

/* A symlink in the tree; `where` is it relative to the root, `parent_length` of that its directory. */
static int look_at(struct conversion *conversion, int directory, const char *name, const char *where,
		   size_t parent_length)
{
	char text[PATH_MAX], parent[PATH_MAX];
	ssize_t length = readlinkat(directory, name, text, sizeof(text));
	struct links_l2s l2s = { .directory = -EBADF };
	_cleanup_close_ int objects = -EBADF;
	struct link_id id = { "" };
	const char *object = id.text;
	int error;
	struct stat status;

	if (length <= 0)
		return length < 0 ? refused(conversion, -errno, where) : 0;
	if (!link_parse(text, (size_t)length, &id)) {
		if (!link_is_l2s(text, (size_t)length))
			return 0;
		snprintf(parent, sizeof(parent), "%.*s", (int)parent_length, where);
		if (links_l2s_find(conversion->root, conversion->rootfs, parent, text, (size_t)length,
				   &l2s) <= 0) {
			conversion->summary.dangling++;
			return 0;
		}
		objects = l2s.directory;
		id = l2s.id;
	}
	if (objects >= 0 && l2s.file[0]) {
		id.text[0] = '\0';
		object = l2s.file;
	} else {
		if (objects >= 0)
			close(objects);
		objects = conversion->has_objects ? links_open_place(&conversion->links, &id) : -ENOENT;
	}
	if (objects < 0 || fstatat(objects, object, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(status.st_mode)) {
		conversion->summary.dangling++;
		return 0;
	}
	if (conversion->how != LINKS_COUNT) {
		error = replace_name(conversion, objects, object, directory, name);
		if (error)
			return refused(conversion, error, where);
	}
	return remember_name(conversion, status.st_ino, &id);
}

static int walk(struct conversion *conversion, int directory, char *where, size_t length, unsigned depth);

static int walk_entry(struct conversion *conversion, int directory, const char *name, char *where,
		      size_t length, unsigned depth)
{
	size_t full = length + (length > 0) + strlen(name);
	struct stat status;
	int fd;

	if (full >= PATH_MAX)
		return refused(conversion, -ENAMETOOLONG, where);
	snprintf(where + length, PATH_MAX - length, "%s%s", length ? "/" : "", name);
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : refused(conversion, -errno, where);
	if (S_ISDIR(status.st_mode)) {
		if (status.st_dev != conversion->device || !strcmp(where, LINK_DIRECTORY))
			return 0;
		fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? refused(conversion, -errno, where) :
				walk(conversion, fd, where, full, depth + 1);
	}
	if (link_is_l2s(name, strlen(name)) && (S_ISLNK(status.st_mode) || S_ISREG(status.st_mode)))
		return remember_internal(conversion, where);
	return S_ISLNK(status.st_mode) ? look_at(conversion, directory, name, where, length) : 0;
}

/* Takes the fd. `where` is the directory's name, and what is written behind it is taken off again. */
static int walk(struct conversion *conversion, int directory, char *where, size_t length, unsigned depth)
{
	DIR *entries = depth < DEPTH_MAX ? fdopendir(directory) : NULL;
	struct dirent *entry;
	int result = 0;

	if (!entries) {
		close(directory);
		return refused(conversion, depth < DEPTH_MAX ? -errno : -ELOOP, where);
	}
	while (!result && (entry = readdir(entries))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = walk_entry(conversion, directory, entry->d_name, where, length, depth);
		where[length] = '\0';
	}
	closedir(entries);
	return result;
}

/* Afterwards */

static int compare_seen(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

static bool was_seen(const struct conversion *conversion, ino_t inode)
{
	const struct seen key = { .inode = inode };

	return conversion->summary.names &&
	       bsearch(&key, conversion->seen, conversion->summary.names, sizeof(key), compare_seen);
}

/* One file's names follow each other in the sorted list. */
static void count_files(struct conversion *conversion)
{
	struct seen *seen = conversion->seen;
	size_t count = conversion->summary.names, end;
	char where[PATH_MAX];

	if (count)
		qsort(seen, count, sizeof(*seen), compare_seen);
	for (size_t i = 0; i < count; i = end) {
		for (end = i + 1; end < count && seen[end].inode == seen[i].inode;)
			end++;
		conversion->summary.files++;
		if (conversion->how != LINKS_COUNT || !seen[i].id.text[0])
			continue;
		if (links_count(&conversion->links, &seen[i].id, where) == (long)(end - i))
			continue;
		if (links_set_count(&conversion->links, &seen[i].id, end - i, where) == 0)
			conversion->summary.counts++;
	}
}

/* PRoot's own name: a symlink that leads to a file whose names are done, or such a file. */
static void remove_internal(struct conversion *conversion, const char *where, bool symlinks)
{
	const char *name = strrchr(where, '/') ? strrchr(where, '/') + 1 : where, *file;
	char parent[PATH_MAX], text[PATH_MAX];
	_cleanup_close_ int directory = -EBADF;
	struct link_id id;
	struct stat status;
	ssize_t length;

	snprintf(parent, sizeof(parent), "%.*s", (int)(name - where), where);
	directory = rootfs_open(conversion->root, parent[0] ? parent : ".", O_PATH | O_DIRECTORY, 0, NULL);
	if (directory < 0 || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISLNK(status.st_mode) != symlinks)
		return;
	if (symlinks) {
		length = readlinkat(directory, name, text, sizeof(text) - 1);
		text[length > 0 ? length : 0] = '\0';
		file = strrchr(text, '/') ? strrchr(text, '/') + 1 : text;
		if (link_parse(text, strlen(text), &id)) {
			if (!conversion->has_objects || !links_has(&conversion->links, &id, &status))
				return;
		} else if (fstatat(directory, file, &status, AT_SYMLINK_NOFOLLOW) < 0) {
			return;
		}
	}
	if (was_seen(conversion, status.st_ino))
		unlinkat(directory, name, 0);
	else if (!symlinks)
		conversion->summary.nameless++;
}

/* The objects of one directory of .amphora-links. Takes the fd. */
static void remove_objects(struct conversion *conversion, int directory)
{
	DIR *entries = fdopendir(directory);
	struct dirent *entry;
	struct stat status;
	char record[NAME_MAX + 1];

	if (!entries) {
		close(directory);
		return;
	}
	while ((entry = readdir(entries))) {
		if (strlen(entry->d_name) != LINK_ID_LENGTH ||
		    fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!was_seen(conversion, status.st_ino)) {
			conversion->summary.nameless++;
		} else if (conversion->how != LINKS_COUNT) {
			snprintf(record, sizeof(record), "%.*s.n", LINK_ID_LENGTH, entry->d_name);
			unlinkat(directory, entry->d_name, 0);
			unlinkat(directory, record, 0);
		}
	}
	closedir(entries);
}

static void remove_object_directories(struct conversion *conversion)
{
	static const char digits[] = "0123456789abcdef";
	char name[3] = "";

	if (!conversion->has_objects)
		return;
	for (unsigned i = 0; i < 256; i++) {
		int fd;

		name[0] = digits[i >> 4];
		name[1] = digits[i & 15];
		fd = openat(conversion->links.directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (fd < 0)
			continue;
		remove_objects(conversion, fd);
		if (conversion->how != LINKS_COUNT)
			unlinkat(conversion->links.directory, name, AT_REMOVEDIR);
	}
	if (conversion->how == LINKS_COUNT || conversion->summary.nameless)
		return;
	unlinkat(conversion->links.directory, "lock", 0);
	unlinkat(conversion->root, LINK_DIRECTORY, AT_REMOVEDIR);
}

static void finish(struct conversion *conversion)
{
	count_files(conversion);
	for (unsigned symlinks = 2; symlinks-- > 0 && conversion->how != LINKS_COUNT;)
		for (size_t i = 0; i < conversion->internal_count; i++)
			remove_internal(conversion, conversion->internal[i], symlinks);
	if (conversion->how != LINKS_COUNT)
		unlinkat(conversion->root, ".l2s", AT_REMOVEDIR); /* PROOT_L2S_DIR, if it is empty */
	remove_object_directories(conversion);
}

int links_convert_tree(const char *rootfs, enum links_conversion how, struct links_summary *ret_summary,
		       struct error *err)
{
	struct conversion conversion = {
		.how = how,
		.rootfs = rootfs,
		.links = { .root = -EBADF, .directory = -EBADF, .lock = -EBADF },
		.err = err,
	};
	/* The rootfs itself is a host path. */
	_cleanup_close_ int root = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char where[PATH_MAX] = "";
	struct stat status;
	int fd, result;

	if (root < 0 || fstat(root, &status) < 0)
		return error_set(err, errno, "root filesystem %s", rootfs);
	conversion.root = root;
	conversion.device = status.st_dev;
	conversion.has_objects = links_open(root, false, &conversion.links) == 0;
	if (conversion.has_objects && links_lock(&conversion.links) < 0) {
		links_close(&conversion.links);
		return error_set(err, EBUSY, "hard links of %s: another process has locked them", rootfs);
	}
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	result = fd < 0 ? error_set(err, errno, "root filesystem %s", rootfs) :
			  walk(&conversion, fd, where, 0, 0);
	if (result == -ENOMEM)
		error_set(err, ENOMEM, "names of %s", rootfs);
	if (!result) {
		finish(&conversion);
		*ret_summary = conversion.summary;
	}
	if (conversion.has_objects) {
		links_unlock(&conversion.links);
		links_close(&conversion.links);
	}
	talloc_free(conversion.seen);
	talloc_free(conversion.internal);
	return result;
}
