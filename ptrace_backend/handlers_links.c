// SPDX-License-Identifier: Apache-2.0
/* Names of emulated hard links that come and go, and how listings show them.
 *
 * Theory of operation
 *
 * link, and those unlinks and renames that take a file's name away, are done by the tracer under the
 * objects' lock: were they left to the guest, another process's link(2) could make the file an
 * object between our look and the kernel's, and the count would be wrong for ever. The directory is
 * opened once, without following anything, and everything happens below that fd.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/store/record.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/syscall_table.h"
#include "ptrace_backend/tracer.h"

#define LISTING_MAX (1u << 20) /* that a getdents buffer is made out to be; glibc's is 32 KiB */

/* The directory of a resolved name. Returns an O_PATH fd or -errno; *ret_name is a part of `file`. */
static int open_parent(const struct tracee *tracee, const struct path_result *file,
		       const char **ret_name)
{
	struct amphora_open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char parent[PATH_SIZE];
	const char *slash = strrchr(file->host, '/');
	long fd;

	if (!slash)
		return -ENOENT;
	*ret_name = slash + 1;
	snprintf(parent, sizeof(parent), "%.*s", slash == file->host ? 1 : (int)(slash - file->host),
		 file->host);
	if (tracee->tracer->plan->openat2)
		fd = syscall(SYS_openat2, AT_FDCWD, parent, &how, sizeof(how));
	else
		fd = open(parent, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* Answers a call whose arguments translate_paths() has replaced. */
static enum verdict answer(struct tracee *tracee, int64_t result)
{
	tracee->on_exit = NULL;
	tracee_restore_arguments(tracee);
	return tracee_answer(tracee, result);
}

/* link */

/* Whether the old name of a link is an emulated one already, or an fd of such a file. */
static bool is_object(const struct tracee *tracee, const struct path_result *old)
{
	char link[64], host[PATH_SIZE];
	struct link_id id;
	ssize_t length;

	if (old->host_length && !(old->flags & PATH_RESULT_MAGIC))
		return old->flags & PATH_RESULT_LINK || link_of_host(old->host, old->host_length, &id);
	tracee_fd_host(tracee, (int)tracee_argument(tracee, 0), link, sizeof(link));
	length = readlink(old->host_length ? old->host : link, host, sizeof(host));
	return length > 0 && link_of_host(host, (size_t)length, &id);
}

/* A file may be as large as it likes to be where it has no data. Returns 0 or -errno. */
static int copy_data(int from, int to, off_t size)
{
	off_t at = 0, end;

	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		at = data < 0 ? at : data;
		end = data < 0 ? size : lseek(from, data, SEEK_HOLE);
		if (end < 0 || lseek(to, at, SEEK_SET) < 0)
			return -errno;
		while (at < end) {
			ssize_t copied = sendfile(to, from, &at, (size_t)(end - at < 1 << 20 ? end - at : 1 << 20));

			if (copied < 0)
				return -errno;
			if (!copied)
				return 0; /* it has become shorter */
		}
	}
	return ftruncate(to, size) < 0 ? -errno : 0;
}

/* What linkat(2) does with a file that has no name: it can't become an object. The new name gets a copy. */
static int copy_file(const char *link, int directory, const char *name)
{
	_cleanup_close_ int from = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_close_ int to = -EBADF;
	struct stat status;
	int error;

	if (from < 0 || fstat(from, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EPERM;
	to = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	error = copy_data(from, to, status.st_size);
	if (!error && fchmod(to, status.st_mode & 07777) < 0)
		error = -errno;
	if (error)
		unlinkat(directory, name, 0);
	return error;
}

/* A temporary file's name is "#" and its inode number, and deleted from the start. */
static bool is_temporary(const char *link)
{
	static const char deleted[] = " (deleted)";
	char host[PATH_SIZE], expected[64];
	struct stat status;
	ssize_t length = readlink(link, host, sizeof(host) - 1);
	const char *name;

	if (length <= 0 || stat(link, &status) < 0)
		return false;
	host[length] = '\0';
	name = strrchr(host, '/');
	snprintf(expected, sizeof(expected), "/#%llu%s", (unsigned long long)status.st_ino, deleted);
	return name && !strcmp(name, expected);
}

/* A symlink can't be an object: its text is all there is to it, so a second one is as good. */
static int copy_symlink(const char *host, int directory, const char *name)
{
	char text[PATH_SIZE];
	ssize_t length = readlink(host, text, sizeof(text) - 1);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	return symlinkat(text, directory, name) < 0 ? -errno : 0;
}

static int add_name(struct tracee *tracee, const struct path_result *old,
		    const struct path_result *new, int directory, const char *name)
{
	struct links *links;
	struct link_id id;
	_cleanup_close_ int parent = -EBADF;
	const char *old_name;
	int result;

	if (old->flags & PATH_RESULT_LINK) {
		result = guest_links_lock_id(tracee, old, &links, &id);
		if (result == 0)
			result = -ENOENT;
		if (result < 0)
			return result;
	} else {
		links = guest_links_store(tracee, old->position.mount, true);
		if (!links)
			return -EPERM;
		result = links_lock(links);
		if (result < 0)
			return result;
		parent = open_parent(tracee, old, &old_name);
		result = parent < 0 ? parent :
				      links_convert(links, parent, old_name, old->position.rel, &id);
		if (result < 0) {
			links_unlock(links);
			return result;
		}
	}
	result = links_add(links, &id, directory, name, new->position.rel);
	if (result < 0 && parent >= 0)
		links_restore(links, &id, parent, old_name);
	links_unlock(links);
	return result;
}

/* Another name of an object that is known by its place. */
static int add_name_of_object(const struct tracee *tracee, int mount, const struct link_id *id,
			      const struct path_result *new, int directory, const char *name)
{
	struct links *links = guest_links_store(tracee, mount, false);
	int result;

	if (!links)
		return -ENOENT;
	result = links_lock(links);
	if (result < 0)
		return result;
	result = links_add(links, id, directory, name, new->position.rel);
	links_unlock(links);
	return result;
}

/* The old name by fd alone; `link` is its magic link. */
static int add_name_of_fd(struct tracee *tracee, const char *link, const struct path_result *new,
			  int directory, const char *name)
{
	static struct path_result old;
	char object[PATH_SIZE];
	struct link_id id;
	struct stat status;
	int result;

	if (stat(link, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EPERM;
	if (!status.st_nlink)
		return is_temporary(link) ? copy_file(link, directory, name) : -ENOENT;
	result = tracee_link_position(tracee, link, -1, &old.position);
	if (result)
		return result;
	if (old.position.mount != new->position.mount)
		return -EXDEV;
	result = path_to_host(tracee_table(tracee), &old.position, object, sizeof(object));
	if (result < 0)
		return result;
	if (!link_of_host(object, (size_t)result, &id)) {
		memcpy(old.host, object, (size_t)result + 1);
		old.host_length = (uint32_t)result;
		old.flags = 0;
		return add_name(tracee, &old, new, directory, name);
	}
	return add_name_of_object(tracee, old.position.mount, &id, new, directory, name);
}

/* Does linkat by old host path or, when that is empty, by the fd in argument 0. */
static int make_link(struct tracee *tracee, const struct path_result *old,
		     const struct path_result *new)
{
	_cleanup_close_ int directory = -EBADF;
	struct stat status;
	const char *name;
	struct link_id id;
	char link[64];

	directory = open_parent(tracee, new, &name);
	if (directory < 0)
		return directory;
	if (new->last != PATH_LAST_NORMAL || new->flags & PATH_RESULT_SLASH)
		return lstat(new->host, &status) == 0 ? -EEXIST : -ENOENT;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (!old->host_length) {
		tracee_fd_host(tracee, (int)tracee_argument(tracee, 0), link, sizeof(link));
		fast_is_linked(tracee->tracer, link);
		return add_name_of_fd(tracee, link, new, directory, name);
	}
	/* Whoever has it open sees the number of its names. */
	fast_is_linked(tracee->tracer, old->host);
	if (old->flags & PATH_RESULT_MAGIC)
		return add_name_of_fd(tracee, old->host, new, directory, name);
	/* /proc/PID/fd/N led to the object itself. */
	if (!(old->flags & PATH_RESULT_LINK) && link_of_host(old->host, old->host_length, &id))
		return add_name_of_object(tracee, old->position.mount, &id, new, directory, name);
	if (lstat(old->host, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EPERM;
	if (S_ISLNK(status.st_mode))
		return copy_symlink(old->host, directory, name);
	return add_name(tracee, old, new, directory, name);
}

/* link, linkat */
enum verdict handle_link(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_result *old = tracee_result_buffer(tracee, 0);
	struct path_result *new = tracee_result_buffer(tracee, 1);
	enum verdict verdict;

	old->host_length = new->host_length = 0;
	old->flags = 0;
	if (row->paths[0].flags >= 0 &&
	    (tracee_argument(tracee, 4) & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)))
		return tracee_answer(tracee, -EINVAL);
	verdict = translate_paths(tracee, row);
	if (verdict != VERDICT_CONTINUE || !tracee->tracer->links || !new->host_length)
		return verdict;
	if (!tracee->tracer->plan->make_links && !is_object(tracee, old))
		return verdict;
	return guest_links_has_our_rights(tracee) ? answer(tracee, make_link(tracee, old, new)) : verdict;
}

/* symlink, symlinkat */
enum verdict handle_symlink(struct tracee *tracee, const struct syscall_row *row)
{
	char text[LINK_TEXT_LENGTH + 2];
	struct link_id id;
	int length;

	if (!tracee->tracer->links)
		return translate_paths(tracee, row);
	/* Longer texts are none of ours. */
	length = tracee_read_string(tracee, tracee_argument(tracee, 0), text, sizeof(text));
	if (length > 0 && link_parse(text, (size_t)length, &id))
		return tracee_answer(tracee, -EPERM);
	return translate_paths(tracee, row);
}

/* unlink, rename */

/* A name is gone. `links` are locked. */
static void drop_name(struct tracee *tracee, const struct links *links, const struct link_id *id)
{
	struct stat status;
	bool last = false;

	if (links_has(links, id, &status) && links_drop(links, id, &last) == 0 && last && tracee->tracer->record)
		record_forget(tracee->tracer->record, status.st_dev, status.st_ino);
}

/* A plain file's name is gone: its record goes along. `forget` is what ids_removed() said before. */
static void drop_record(struct tracee *tracee, enum verdict forget)
{
	if (forget == VERDICT_EXIT)
		record_forget(tracee->tracer->record, (dev_t)tracee->saved[4],
			      (ino_t)tracee->saved[5]);
}

/* With objects in the mount: 1 when `name` is an emulated link, 0 when it isn't; both locked. -ENOENT: there
 * are no objects; -errno. */
static int lock_name(const struct tracee *tracee, const struct path_result *name,
		     struct links **ret_links, struct link_id *ret_id)
{
	int result = guest_links_lock_id(tracee, name, ret_links, ret_id);

	if (result)
		return result;
	*ret_links = guest_links_store(tracee, name->position.mount, false);
	if (!*ret_links || (*ret_links)->directory < 0)
		return -ENOENT;
	return links_lock(*ret_links);
}

enum verdict guest_links_unlink(struct tracee *tracee, enum verdict verdict)
{
	const struct path_result *file = tracee_result_buffer(tracee, 0);
	_cleanup_close_ int directory = -EBADF;
	enum verdict forget = VERDICT_CONTINUE;
	struct links *links;
	struct link_id id;
	const char *name;
	int result, is_link;

	if (verdict != VERDICT_CONTINUE || !tracee->tracer->links ||
	    file->last != PATH_LAST_NORMAL || file->flags & PATH_RESULT_SLASH)
		return verdict;
	is_link = lock_name(tracee, file, &links, &id);
	if (is_link < 0)
		return is_link == -ENOENT ? verdict : answer(tracee, is_link);
	if (!is_link && !guest_links_has_our_rights(tracee)) {
		links_unlock(links);
		return verdict;
	}
	directory = open_parent(tracee, file, &name);
	result = directory < 0 ? directory : 0;
	if (!is_link && tracee->tracer->fake_ids)
		forget = ids_removed(tracee, file->host);
	if (!result && unlinkat(directory, name, 0) < 0)
		result = -errno;
	if (!result && is_link)
		drop_name(tracee, links, &id);
	links_unlock(links);
	if (!result)
		drop_record(tracee, forget);
	return answer(tracee, result);
}

/* The kernel's, below fds. */
static int rename_below(int from, const char *from_name, int to, const char *to_name, unsigned flags)
{
	long result = syscall(SYS_renameat2, from, from_name, to, to_name, flags);

	if (result < 0 && errno == ENOSYS && !flags)
		result = renameat(from, from_name, to, to_name);
	return result < 0 ? -errno : 0;
}

enum verdict guest_links_rename(struct tracee *tracee, unsigned flags, enum verdict verdict)
{
	const struct path_result *old = tracee_result_buffer(tracee, 0);
	const struct path_result *new = tracee_result_buffer(tracee, 1);
	_cleanup_close_ int from = -EBADF;
	_cleanup_close_ int to = -EBADF;
	enum verdict forget = VERDICT_CONTINUE;
	const char *from_name, *to_name;
	struct link_id old_id, new_id;
	struct links *links, *old_links;
	struct stat status;
	int result, is_link;

	if (verdict != VERDICT_CONTINUE || !tracee->tracer->links ||
	    (flags & ~(unsigned)RENAME_NOREPLACE) || old->flags & PATH_RESULT_SLASH ||
	    new->flags & PATH_RESULT_SLASH)
		return verdict;
	/* Nothing is replaced: names may have any place. */
	if (lstat(new->host, &status) < 0 || S_ISDIR(status.st_mode))
		return verdict;
	if (flags & RENAME_NOREPLACE)
		return verdict;
	is_link = guest_links_lock_id(tracee, old, &old_links, &old_id);
	if (is_link > 0)
		links_unlock(old_links);
	else if (is_link == -EBUSY)
		return answer(tracee, is_link);
	else
		old_id.text[0] = '\0';
	is_link = lock_name(tracee, new, &links, &new_id);
	if (is_link < 0)
		return is_link == -ENOENT ? verdict : answer(tracee, is_link);
	if (is_link && !strcmp(old_id.text, new_id.text)) {
		links_unlock(links);
		return answer(tracee, 0); /* two names of one file: nothing happens */
	}
	if (!is_link && !guest_links_has_our_rights(tracee)) {
		links_unlock(links);
		return verdict;
	}
	from = open_parent(tracee, old, &from_name);
	to = open_parent(tracee, new, &to_name);
	result = from < 0 ? from : to < 0 ? to : 0;
	if (!is_link && tracee->tracer->fake_ids)
		forget = ids_removed(tracee, new->host);
	if (!result)
		result = rename_below(from, from_name, to, to_name, 0);
	if (!result && is_link)
		drop_name(tracee, links, &new_id);
	links_unlock(links);
	if (!result)
		drop_record(tracee, forget);
	return answer(tracee, result);
}

/* Listings */

/* What getdents64 and getdents differ in. The old call's entries have their type in the last byte. */
struct listing {
	size_t name;	/* offset */
	bool old;
};

static uint16_t entry_size(const char *entry)
{
	uint16_t size;

	memcpy(&size, entry + 16, sizeof(size));
	return size;
}

static char *entry_type(const struct listing *listing, char *entry)
{
	return listing->old ? entry + entry_size(entry) - 1 : entry + 18;
}

/* A symlink of a listing: a name is shown as what it names. */
static void show_name(struct tracee *tracee, const struct listing *listing, const char *directory,
		      int mount, char *entry)
{
	char host[2 * PATH_SIZE], text[PATH_SIZE], object[PATH_SIZE];
	struct stat status;
	ssize_t length;
	uint64_t inode;

	if (strchr(entry + listing->name, '/') || /* another thread's */
	    snprintf(host, sizeof(host), "%s/%s", directory, entry + listing->name) >= PATH_SIZE)
		return;
	length = readlink(host, text, sizeof(text));
	if (length <= 0 || !tracee->tracer->links ||
	    guest_links_object(tracee, mount, host, text, (size_t)length, object) <= 0 ||
	    lstat(object, &status) < 0)
		return;
	inode = status.st_ino;
	memcpy(entry, &inode, sizeof(inode));
	*entry_type(listing, entry) = (char)IFTODT(status.st_mode);
}

/* The directory of objects; and what PRoot's -H hides, which is only hidden from the root's listings. */
static bool is_left_out(const struct tracee *tracee, int mount, const char *name)
{
	const char *prefix = tracee->tracer->plan->spec->hidden_prefix;

	return (tracee->tracer->links && !strcmp(name, LINK_DIRECTORY)) ||
	       (prefix && mount == 0 && !strncmp(name, prefix, strlen(prefix)));
}

/* Makes a listing what the guest may see. Returns its length. */
static size_t show_listing(struct tracee *tracee, const struct listing *listing,
			   const char *directory, int mount, char *entries, size_t size)
{
	size_t to = 0;

	for (size_t from = 0; from + listing->name + 1 < size;) {
		char *entry = entries + from;
		size_t length = entry_size(entry);
		const char *name = entry + listing->name;

		/* Another thread of the guest's may write there, too. */
		if (length <= listing->name + 1 || length > size - from ||
		    !memchr(name, '\0', length - listing->name))
			return size;
		from += length;
		if (is_left_out(tracee, mount, name))
			continue;
		if (*entry_type(listing, entry) == DT_LNK)
			show_name(tracee, listing, directory, mount, entry);
		memmove(entries + to, entry, length);
		to += length;
	}
	return to;
}

static void show_at_exit(struct tracee *tracee)
{
	const struct listing listing = {
		.name = tracee->saved[2] ? 18 : 19,
		.old = tracee->saved[2],
	};
	int64_t size = tracee_result(tracee);
	struct path_position *position = &tracee_result_buffer(tracee, 0)->position;
	char directory[PATH_SIZE], *entries;
	size_t shown;

	tracee_restore_arguments(tracee);
	if (size <= 0 || size > LISTING_MAX ||
	    tracee_fd_position(tracee, (int)tracee->saved[0], position) < 0 ||
	    path_to_host(tracee_table(tracee), position, directory, sizeof(directory)) < 0)
		return;
	entries = malloc((size_t)size);
	if (entries && tracee_read(tracee, tracee->saved[1], entries, (size_t)size) == 0) {
		shown = show_listing(tracee, &listing, directory, position->mount, entries,
				     (size_t)size);
		/* Only hidden names: an end that is none. "." may come twice. */
		if (!shown) {
			entries[listing.name] = '.';
			entries[listing.name + 1] = '\0';
			shown = entry_size(entries);
		}
		if (tracee_write(tracee, tracee->saved[1], entries, shown) == 0)
			tracee_set_result(tracee, (int64_t)shown);
	}
	free(entries);
}

/* getdents, getdents64 */
enum verdict handle_getdents(struct tracee *tracee, const struct syscall_row *row)
{
	struct path_position *position = &tracee_result_buffer(tracee, 0)->position;
	int fd = (int)tracee_argument(tracee, 0);

	/* Without objects there is nothing to show otherwise; PRoot's may be anywhere. */
	if ((!tracee->tracer->links && !tracee->tracer->plan->spec->hidden_prefix) ||
	    tracee_fd_position(tracee, fd, position) < 0 ||
	    (tracee_mount_flags(tracee, position) & PATH_MOUNT_PROC))
		return VERDICT_CONTINUE;
	if ((uint32_t)tracee_argument(tracee, 2) > LISTING_MAX)
		tracee_set_argument(tracee, 2, LISTING_MAX);
	tracee->saved[0] = (uint64_t)fd;
	tracee->saved[1] = tracee_argument(tracee, 1);
	tracee->saved[2] = row->number != SYS_getdents64;
	tracee->on_exit = show_at_exit;
	return VERDICT_EXIT;
}
