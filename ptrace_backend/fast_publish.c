// SPDX-License-Identifier: Apache-2.0
/* What paths lead to, for the stub: guest directories and symlinks, and their host paths.
 *
 * Theory of operation
 *
 * A directory is published when a call that could have been fast stops: its guest path is resolved a component
 * at a time, and every host path on the way, symlinks too, is put in a set. As long as none of these names
 * goes away, the result stands: what is made later can't take the place of what is there. Hence removals and
 * renames that stop are looked up in the set (fast_watch.c), and a hit makes all entries void (`generation`)
 * before the call is made. Those that the stub makes are of other names (stub/names.h). A change of the mount table
 * makes them void as well.
 *
 * What a host process does to the root filesystem behind our back isn't seen: a directory that it replaces by
 * a symlink is followed on the host. Landlock is the boundary there, as for all of path translation.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/tracer.h"

#define STEPS_MAX 256

/* Resolves every prefix of a guest path and watches what it leads through; the last result stays in
 * *result, with `flags` as tracee_resolve_string() takes them. What it leads to in the end is watched where that
 * has to be a directory: names below it are asked for. Returns 0 or -errno. */
static int walk(struct tracee *tracee, const char *guest, unsigned flags, struct path_result *result, unsigned depth)
{
	struct fast *fast = tracee->tracer->fast;
	char partial[PATH_SIZE], text[PATH_SIZE], target[2 * PATH_SIZE];
	const char *end = guest;
	int error;

	if (depth > 8)
		return -ELOOP;
	do {
		size_t length;
		ssize_t n;

		/* Symlinks whose targets go through symlinks: each prefix of each is looked at. */
		if (!fast->steps_left--)
			return -ELOOP;
		end += *end == '/';
		end += strcspn(end, "/");
		length = (size_t)(end - guest);
		if (length >= FAST_PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(partial, guest, length);
		partial[length] = '\0';
		error = tracee_resolve_string(tracee, AT_FDCWD, length ? partial : "/", 0, result);
		if (error)
			return error;
		if (tracee_mount_flags(tracee, &result->position) & (PATH_MOUNT_PROC | PATH_MOUNT_MOVABLE))
			return -EXDEV;
		if (*end || (flags & PATH_DIRECTORY) || (result->flags & PATH_RESULT_SYMLINK))
			error = fast_watch(fast, result->host);
		if (error)
			return error;
		if (!(result->flags & PATH_RESULT_SYMLINK)) {
			if (!depth)
				fast->reached = length;
			continue;
		}
		n = readlink(result->host, text, sizeof(text) - 1);
		if (n <= 0)
			return -EIO;
		text[n] = '\0';
		if (text[0] == '/') {
			snprintf(target, sizeof(target), "%s", text);
		} else {
			char *slash = strrchr(partial, '/');

			*slash = '\0';
			snprintf(target, sizeof(target), "%s/%s", partial, text);
		}
		error = walk(tracee, target, *end ? PATH_FOLLOW | PATH_DIRECTORY : flags, result, depth + 1);
		if (error)
			return error;
		if (!depth)
			fast->reached = length;
	} while (*end);
	error = tracee_resolve_string(tracee, AT_FDCWD, *guest ? guest : "/", flags, result);
	/* What a bind's source lies in can have names of its own elsewhere. */
	return error ? error : fast_watch_above(fast, result->host);
}

/* A directory that set-group-ID says is one that gives its group, if not by the kernel. */
static uint32_t setgid_flag(mode_t shown)
{
	return shown & S_ISGID ? FAST_ENTRY_SETGID : 0;
}

/* Whether whoever is in the directory, or has an fd of it, can only have come by this mount: else it isn't told by which
 * (translate.c). */
static bool is_by_fd(const struct tracee *tracee, const struct path_result *result)
{
	const struct path_table *table = tracee_table(tracee);
	static struct path_position position;

	if (path_from_host(table, -1, result->host, &position) < 0 || position.mount != result->position.mount)
		return false;
	for (int i = 0; i < (int)table->mount_count; i++)
		if (i != result->position.mount && path_from_host_in(table, i, result->host, &position) == 0)
			return false;
	return true;
}

/* What a name's mount lets be done there. The kernel lets a device be written to whatever its mount says. */
static uint32_t mount_flag(const struct tracee *tracee, const struct path_result *result, mode_t mode)
{
	bool read_only = tracee_mount_flags(tracee, &result->position) & PATH_MOUNT_READ_ONLY;

	return !read_only || !(S_ISREG(mode) || S_ISDIR(mode)) ? FAST_ENTRY_WRITABLE : 0;
}

static uint32_t directory_flags(struct tracee *tracee, const struct path_result *result, const struct stat *status)
{
	struct stat shown = *status;

	ids_guest_stat(tracee->tracer, result->host_length ? result->host : "/", -1, &shown);
	return mount_flag(tracee, result, status->st_mode) | setgid_flag(shown.st_mode) |
	       (is_by_fd(tracee, result) ? FAST_ENTRY_BY_FD : 0);
}

void fast_directory_shown(struct tracer *tracer, const struct stat *real, mode_t shown)
{
	struct fast_shared *shared = tracer->fast ? tracer->fast->shared : NULL;

	for (uint32_t index = shared ? shared->inode_buckets[FAST_INODE_BUCKET(real->st_ino)] : 0;
	     index && index <= FAST_ENTRIES_MAX;
	     index = shared->entries[index - 1].next_inode) {
		struct fast_entry *entry = &shared->entries[index - 1];

		if (entry->inode == real->st_ino && entry->device == real->st_dev)
			entry->flags = (entry->flags & ~(uint32_t)FAST_ENTRY_SETGID) | setgid_flag(shown);
	}
}

static void insert(struct fast *fast, const char *guest, size_t length, uint64_t hash, const struct path_result *result,
		   const struct stat *status, uint32_t flags)
{
	struct fast_shared *shared = fast->shared;
	struct fast_entry *entry = &shared->entries[fast->entry_count];
	uint32_t *bucket;

	if (fast->entry_count == FAST_ENTRIES_MAX ||
	    fast->strings_used + length + result->host_length > FAST_STRINGS) {
		fast_bump(fast);
		return;
	}
	entry->hash = hash;
	entry->guest = fast->strings_used;
	entry->guest_length = (uint32_t)length;
	memcpy(shared->strings + entry->guest, guest, length);
	entry->host = entry->guest + entry->guest_length;
	/* Of / itself nothing: names are added with their slash, and watched without a second one. */
	entry->host_length = !(flags & FAST_ENTRY_LEAF) && result->host_length == 1 ? 0 : result->host_length;
	memcpy(shared->strings + entry->host, result->host, entry->host_length);
	fast->strings_used += entry->guest_length + entry->host_length;
	entry->device = status->st_dev;
	entry->inode = status->st_ino;
	entry->flags = flags;
	entry->mount = result->position.mount;
	bucket = &shared->buckets[hash % FAST_BUCKETS];
	entry->next = *bucket;
	__atomic_store_n(bucket, ++fast->entry_count, __ATOMIC_RELEASE);
	if (flags & FAST_ENTRY_LEAF)
		return;
	bucket = &shared->inode_buckets[FAST_INODE_BUCKET(entry->inode)];
	entry->next_inode = *bucket;
	__atomic_store_n(bucket, fast->entry_count, __ATOMIC_RELEASE);
}

static const struct fast_entry *known(const struct fast_shared *shared, size_t length, uint64_t hash)
{
	for (uint32_t index = shared->buckets[hash % FAST_BUCKETS]; index && index <= FAST_ENTRIES_MAX;
	     index = shared->entries[index - 1].next)
		if (shared->entries[index - 1].hash == hash && shared->entries[index - 1].guest_length == length)
			return &shared->entries[index - 1];
	return NULL;
}

/* Returns 0 or -errno. */
static int publish_directory(struct tracee *tracee, const char *guest, size_t length)
{
	struct fast *fast = tracee->tracer->fast;
	struct path_result *result = tracee_result_buffer(tracee, 0);
	uint64_t hash = fast_hash(guest, length);
	struct stat status;
	int error;

	if (fast->refused[hash % REFUSED_MAX] == hash)
		return -EPERM;
	if (known(fast->shared, length, fast_hash_text(guest, length)))
		return 0;
	fast->steps_left = STEPS_MAX;
	fast->reached = 0;
	error = walk(tracee, guest, PATH_FOLLOW | PATH_DIRECTORY, result, 0);
	if (result->fd >= 0 && !error)
		close(result->fd);
	if (!error && (result->flags & (PATH_RESULT_MAGIC | PATH_RESULT_LINK)))
		error = -ENOTDIR;
	if (!error && result->host_length + 256 >= SLOT_PATH_SIZE)
		error = -ENAMETOOLONG;
	if (!error && stat(result->host_length ? result->host : "/", &status) < 0)
		error = -errno;
	/* Where names that are numbers mean something. */
	if (!error && status.st_dev == fast->shared->proc_device)
		error = -EXDEV;
	if (error == -ENOSPC)
		fast_bump(fast);
	else if (error && error != -EAGAIN && error != -ENOENT)
		fast->refused[hash % REFUSED_MAX] = hash;
	else if (!error)
		insert(fast, guest, length, fast_hash_text(guest, length), result, &status,
		       directory_flags(tracee, result, &status));
	return error;
}

/* Whether what a path has led to can be called by its host path, though nothing below that: it is no symlink, none of our
 * making and not /proc's. */
static bool is_leaf(struct tracee *tracee, const struct path_result *result, struct stat *ret_status)
{
	return !(result->flags & (PATH_RESULT_MAGIC | PATH_RESULT_LINK | PATH_RESULT_SYMLINK)) &&
	       !(tracee_mount_flags(tracee, &result->position) & (PATH_MOUNT_PROC | PATH_MOUNT_MOVABLE)) &&
	       result->host_length + 2 < SLOT_PATH_SIZE && !procfile_is_made(tracee->tracer, result->host) &&
	       lstat(result->host_length ? result->host : "/", ret_status) == 0 && !S_ISLNK(ret_status->st_mode) &&
	       ret_status->st_dev != tracee->tracer->fast->shared->proc_device;
}

/* A name that means something somewhere, as the last of a path: mount points, as those of devices are, and what has
 * the name of a file of /proc and isn't one. */
static void publish_leaf(struct tracee *tracee, const char *guest, size_t length)
{
	struct fast *fast = tracee->tracer->fast;
	struct path_result *result = tracee_result_buffer(tracee, 0);
	uint64_t hash = FAST_HASH_LEAF(fast_hash_text(guest, length));
	struct stat status;

	if (known(fast->shared, length, hash) || tracee_resolve_string(tracee, AT_FDCWD, guest, 0, result) < 0)
		return;
	if (result->fd >= 0)
		close(result->fd);
	if (!is_leaf(tracee, result, &status) || fast_watch(fast, result->host) || fast_watch_above(fast, result->host))
		return;
	insert(fast, guest, length, hash, result, &status, mount_flag(tracee, result, status.st_mode) | FAST_ENTRY_LEAF);
}

/* Whether a name in a directory that is published is a symlink. */
static bool is_symlink(const struct fast_shared *shared, const char *guest, const char *slash)
{
	size_t length = (size_t)(slash - guest);
	const struct fast_entry *directory = known(shared, length, fast_hash_text(guest, length));
	char host[SLOT_PATH_SIZE + PATH_SIZE];
	struct stat status;

	if (!directory)
		return false;
	snprintf(host, sizeof(host), "%.*s%s", (int)directory->host_length, shared->strings + directory->host, slash);
	return lstat(host, &status) == 0 && S_ISLNK(status.st_mode);
}

/* What a symlink leads to in the end. The stub takes it for a name that isn't followed: as with any other, where it
 * becomes a symlink the tracer is asked. */
static void publish_link(struct tracee *tracee, const char *guest, const char *slash)
{
	struct fast *fast = tracee->tracer->fast;
	struct path_result *result = tracee_result_buffer(tracee, 0);
	size_t length = strlen(guest);
	uint64_t hash = FAST_HASH_LINK(fast_hash_text(guest, length));
	struct stat status;
	int error;

	if (fast->link_count == LINKS_MAX || fast->refused[hash % REFUSED_MAX] == hash || length >= FAST_PATH_MAX ||
	    known(fast->shared, length, hash) || !is_symlink(fast->shared, guest, slash))
		return;
	fast->steps_left = STEPS_MAX;
	error = walk(tracee, guest, PATH_FOLLOW, result, 0);
	if (result->fd >= 0 && !error)
		close(result->fd);
	if (!error && !is_leaf(tracee, result, &status))
		error = -EPERM;
	if (error == -ENOSPC) {
		fast_bump(fast);
	} else if (error && error != -EAGAIN && error != -ENOENT) {
		fast->refused[hash % REFUSED_MAX] = hash;
	} else if (!error) {
		fast->link_count++;
		/* What would be made in its place isn't known to belong to whom. */
		insert(fast, guest, length, hash, result, &status,
		       mount_flag(tracee, result, status.st_mode) | FAST_ENTRY_LEAF | FAST_ENTRY_SETGID);
	}
}

/* The directory that a name is in, or what there is of it; and where a symlink is followed, what that leads to. */
static void publish(struct tracee *tracee, char *guest, bool follows)
{
	size_t length = strlen(guest);
	bool leaf;
	char *slash;
	int error;

	if (length > 1 && guest[length - 1] == '/')
		guest[--length] = '\0';
	slash = strrchr(guest, '/');
	if (!slash)
		return;
	leaf = fast_bloom_has(tracee->tracer->fast->shared->names, FAST_NAMES_WORDS,
			      fast_hash_text(slash + 1, strlen(slash + 1)));
	*slash = '\0';
	error = publish_directory(tracee, guest, (size_t)(slash - guest));
	*slash = '/';
	if (leaf && !error)
		publish_leaf(tracee, guest, length);
	if (follows && !error)
		publish_link(tracee, guest, slash);
	if (error == -ENOENT) {
		size_t reached = tracee->tracer->fast->reached;

		guest[reached] = '\0';
		publish_directory(tracee, guest, reached);
	}
}

bool fast_may_learn(const struct tracee *tracee)
{
	return !tracee->mm->fast_off && !tracee->tracer->fast->shared->off && !tracee->tracer->fast->unlisted &&
	       fast_has_plain_view(tracee);
}

uint64_t fast_generation(struct tracee *tracee)
{
	const struct fast *fast = tracee->tracer->fast;

	return fast && tracee->mm && fast_may_learn(tracee) && fast->table_sequence == tracee->tracer->table->sequence ?
		       fast->shared->generation :
		       0;
}

int fast_watches(struct tracee *tracee, const char *guest, struct path_result *result, uint64_t *ret_generation)
{
	struct fast *fast = tracee->tracer->fast;
	int error;

	fast->steps_left = STEPS_MAX;
	error = walk(tracee, guest, PATH_FOLLOW, result, 0);
	if (error == -ENOSPC)
		fast_bump(fast);
	*ret_generation = fast->shared->generation;
	return error;
}

uint64_t fast_hash_path(const char *guest)
{
	return fast_hash(guest, strlen(guest));
}

/* Tells of the directory behind an fd. False: it isn't one that can be told of. */
static bool publish_fd(struct tracee *tracee, int fd, char guest[PATH_SIZE])
{
	static struct path_position position;
	int length;

	if (tracee_fd_position(tracee, fd, &position) < 0 || (position.flags & PATH_POSITION_DELETED))
		return false;
	length = path_to_guest(tracee_table(tracee), &tracee->fs->root, &position, guest, PATH_SIZE);
	if (length == 1)
		length = 0;
	if (length < 0)
		return false;
	guest[length] = '\0';
	return publish_directory(tracee, guest, (size_t)length) == 0;
}

void fast_learn(struct tracee *tracee, int dirfd, uint64_t address, bool follows, bool changes)
{
	static char path[PATH_SIZE], guest[2 * PATH_SIZE];
	size_t length;

	if (!fast_may_learn(tracee) || tracee_read_string(tracee, address, path, FAST_PATH_MAX) <= 0)
		return;
	if (path[0] == '/') {
		publish(tracee, path, follows);
		return;
	}
	if (!changes && !strchr(path, '/'))
		return;
	if (dirfd == AT_FDCWD) {
		fast_publish_cwd(tracee, guest, PATH_SIZE);
		if (tracee->mm->fast_cwd != tracee->tracer->fast->shared->generation)
			return;
	} else if (!publish_fd(tracee, dirfd, guest)) {
		return;
	}
	length = strlen(guest);
	snprintf(guest + length, sizeof(guest) - length, "/%s", path);
	publish(tracee, guest, follows);
}
