// SPDX-License-Identifier: Apache-2.0
/* Emulated hard links as the guest sees them: a name is the file, and the file knows its names.
 *
 * Theory of operation
 *
 * The resolver meets a symlink and asks guest_links_object(): a name's text leads to the object in
 * ROOT/.amphora-links of the mount, and the result's host path is the object's. So open, stat, chmod,
 * exec and all the others act on the file without knowing. What has to know:
 *
 *   names come and go	link, unlink, rename: done by the tracer, under the objects' lock
 *			(handlers_links.c)
 *   the count		stat and its kin: st_nlink is read from beside the object, whose host path
 *			tells that it is one
 *   listings		getdents at its exit: a name is a regular file with the object's inode
 *   from file to name	/proc/PID/fd, maps, a restarted call: the host says the object's path. The name it
 *			was last opened by is kept in a small table, another one beside the object
 *
 * Objects are looked for in the mount's own root, then in those of mounts that hold its source: a
 * bind of a directory of the rootfs shows names that were made through the rootfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/fast.h"
#include "ptrace_backend/links.h"
#include "ptrace_backend/tracer.h"

#define STORES_KEPT 64 /* more are closed again: each has up to three fds */
#define USED_MAX   64

struct store {
	char *host; /* the mount's root; NULL: none */
	int root;
	uint64_t stop; /* tracer->stops when it was last asked for */
	struct links links; /* directory is -EBADF as long as there are none */
};

struct used_name {
	struct link_id id;
	struct path_position position;
};

struct guest_links {
	struct store **stores; /* pointers to one last for the stop */
	unsigned count;
	struct used_name used[USED_MAX];
};

int guest_links_init(struct tracer *tracer)
{
	if (tracer->plan->emulate_links)
		tracer->links = talloc_zero(tracer->table, struct guest_links);
	return tracer->plan->emulate_links && !tracer->links ? -ENOMEM : 0;
}

/* Where an fd of ours is. Returns the path's length or -errno. */
static ssize_t place_of(int fd, char host[PATH_SIZE])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, host, PATH_SIZE - 1);
	if (length < 0)
		return -errno;
	host[length] = '\0';
	return length;
}

/* A guest may have put a symlink on the way to a bind's source. */
static bool is_at(int fd, const char *host)
{
	char there[PATH_SIZE];

	return place_of(fd, there) >= 0 && !strcmp(there, host[0] ? host : "/");
}

static void close_store(struct store *store)
{
	if (!store->host)
		return;
	links_close(&store->links);
	close(store->root);
	talloc_free(store->host);
	store->host = NULL;
}

/* One that isn't in use: a new one, or that which nobody has asked for the longest, but for those of this
 * stop. Returns NULL when there is no memory. */
static struct store *free_store(const struct tracer *tracer)
{
	struct guest_links *all = tracer->links;
	struct store **stores, *oldest = NULL;

	for (unsigned i = 0; i < all->count; i++)
		if (!oldest || !all->stores[i]->host ||
		    (oldest->host && all->stores[i]->stop < oldest->stop))
			oldest = all->stores[i];
	if (oldest && (!oldest->host || (all->count >= STORES_KEPT && oldest->stop != tracer->stops))) {
		close_store(oldest);
		return oldest;
	}
	stores = talloc_realloc(all, all->stores, struct store *, all->count + 1);
	if (!stores)
		return NULL;
	all->stores = stores;
	stores[all->count] = talloc_zero(all, struct store);
	return stores[all->count] ? stores[all->count++] : NULL;
}

/* Mounts come and go in the guest's lifetime. */
static struct store *find_store(const struct tracee *tracee, const char *host)
{
	struct guest_links *all = tracee->tracer->links;
	struct store *store;

	for (unsigned i = 0; i < all->count; i++)
		if (all->stores[i]->host && !strcmp(all->stores[i]->host, host)) {
			all->stores[i]->stop = tracee->tracer->stops;
			return all->stores[i];
		}
	store = free_store(tracee->tracer);
	if (!store)
		return NULL;
	store->host = talloc_strdup(all, host);
	store->stop = tracee->tracer->stops;
	store->root = open(host[0] ? host : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	store->links = (struct links){ .root = store->root, .directory = -EBADF, .lock = -EBADF };
	if (store->host && store->root >= 0 && is_at(store->root, host))
		return store;
	if (store->root >= 0)
		close(store->root);
	talloc_free(store->host);
	store->host = NULL;
	return NULL;
}

static struct links *open_store(struct store *store, bool make)
{
	if (store && store->links.directory < 0 &&
	    links_open(store->root, make, &store->links) < 0)
		return NULL;
	return store ? &store->links : NULL;
}

/* Where there are none yet, they may be made right now. */
struct links *guest_links_store(const struct tracee *tracee, int mount, bool make)
{
	const struct path_table *table = tracee_table(tracee);
	uint32_t flags = table->mounts[mount].flags;
	struct links *links;

	if (!tracee->tracer->links || (flags & (PATH_MOUNT_FILE | PATH_MOUNT_PROC)))
		return NULL;
	links = open_store(find_store(tracee, table->strings + table->mounts[mount].host),
			   make && !(flags & PATH_MOUNT_READ_ONLY));
	if (links && links->directory >= 0)
		fast_has_objects(tracee->tracer);
	return links;
}

static bool is_below(const char *host, const char *above)
{
	const char *rest = host_below(host, above);

	return rest && *rest;
}

/* The store that has the object: the mount's own, or one that holds the mount's source. */
static struct store *store_of_object(const struct tracee *tracee, int mount, const struct link_id *id)
{
	const struct path_table *table = tracee_table(tracee);
	const char *host = table->strings + table->mounts[mount].host;
	struct store *store = NULL;

	if (guest_links_store(tracee, mount, false))
		store = find_store(tracee, host);
	if (store && links_has(&store->links, id, NULL))
		return store;
	for (uint32_t i = 0; i < table->mount_count; i++) {
		const char *other = table->strings + table->mounts[i].host;

		if (!is_below(host, other) || !guest_links_store(tracee, (int)i, false))
			continue;
		store = find_store(tracee, other);
		if (store && links_has(&store->links, id, NULL))
			return store;
	}
	return NULL;
}

/* 0: the mount's root isn't where it was. */
static long object_host(const struct store *store, const struct link_id *id, char *host)
{
	char text[LINK_TEXT_LENGTH + 1];
	int length;

	if (!is_at(store->root, store->host))
		return 0;
	link_format(id, text);
	length = snprintf(host, PATH_SIZE, "%s%s", store->host, text);
	return length >= PATH_SIZE ? -ENAMETOOLONG : length;
}

/* Whether the directory is seen by way of the mount: another may cover it, and protect what is there. */
static bool is_shown(const struct path_table *table, int mount, int directory)
{
	struct path_position position;
	char host[PATH_SIZE];

	return place_of(directory, host) >= 0 && path_from_host(table, mount, host, &position) == 0 &&
	       position.mount == mount;
}

/* PRoot's file behind a name at this host path. 1, 0 or -errno; the caller closes l2s->directory. */
static int find_l2s(const struct tracee *tracee, int mount, const char *host, const char *text,
		    size_t length, struct links_l2s *ret_l2s)
{
	const struct path_table *table = tracee_table(tracee);
	const char *root = table->strings + table->mounts[mount].host;
	struct store *store;
	char directory[PATH_SIZE];
	const char *slash = strrchr(host, '/');
	int found;

	if (!link_is_l2s(text, length) || link_is_l2s(host, strlen(host)) || !is_below(host, root) ||
	    (table->mounts[mount].flags & (PATH_MOUNT_FILE | PATH_MOUNT_PROC)))
		return 0;
	store = find_store(tracee, root);
	if (!store)
		return 0;
	snprintf(directory, sizeof(directory), "%.*s",
		 slash > host + strlen(root) ? (int)(slash - host - strlen(root) - 1) : 0,
		 host + strlen(root) + 1);
	found = links_l2s_find(store->root, root, directory, text, length, ret_l2s);
	if (found <= 0 || is_shown(table, mount, ret_l2s->directory))
		return found;
	close(ret_l2s->directory);
	return 0;
}

static long l2s_host(const struct links_l2s *l2s, char *host)
{
	ssize_t length = place_of(l2s->directory, host);
	int used;

	if (length < 0)
		return length;
	used = snprintf(host + length, PATH_SIZE - (size_t)length, "/%s", l2s->file);
	return length + used >= PATH_SIZE ? -ENAMETOOLONG : length + used;
}

long guest_links_object(void *context, int mount, const char *host, const char *text, size_t length,
			char *ret_object)
{
	const struct tracee *tracee = context;
	const struct store *store;
	struct links_l2s l2s;
	struct link_id id;
	long result;

	/* PRoot's symlink of an adopted set is none of the names. */
	if (link_parse(text, length, &id) && !link_is_l2s(host, strlen(host))) {
		store = store_of_object(tracee, mount, &id);
		return store ? object_host(store, &id, ret_object) : 0;
	}
	if (find_l2s(tracee, mount, host, text, length, &l2s) <= 0)
		return 0;
	if (l2s.file[0]) {
		result = l2s_host(&l2s, ret_object);
	} else {
		store = store_of_object(tracee, mount, &l2s.id);
		result = store ? object_host(store, &l2s.id, ret_object) : 0;
	}
	close(l2s.directory);
	return result;
}

/* Adopts PRoot's file. `links` are locked. */
static int adopt(const struct tracee *tracee, int mount, const struct links *links,
		 const struct links_l2s *l2s, struct link_id *ret_id)
{
	const char *root = tracee_table(tracee)->strings + tracee_table(tracee)->mounts[mount].host;
	char where[2 * PATH_SIZE];
	long length = l2s_host(l2s, where);

	if (length < 0)
		return (int)length;
	snprintf(strrchr(where, '/'), PATH_SIZE, "/%s", l2s->symlink);
	return links_l2s_adopt(links, l2s, is_below(where, root) ? where + strlen(root) + 1 : "",
			       ret_id);
}

int guest_links_lock_id(const struct tracee *tracee, const struct path_result *name,
			struct links **ret_links, struct link_id *ret_id)
{
	int mount = name->position.mount, error;
	char host[PATH_SIZE], text[PATH_SIZE];
	struct links_l2s l2s;
	struct store *store;
	ssize_t length;

	if (path_to_host(tracee_table(tracee), &name->position, host, sizeof(host)) < 0)
		return 0;
	length = readlink(host, text, sizeof(text));
	if (length <= 0)
		return 0;
	if (link_parse(text, (size_t)length, ret_id) && !link_is_l2s(host, strlen(host))) {
		store = store_of_object(tracee, mount, ret_id);
		if (!store)
			return 0;
		*ret_links = &store->links;
		error = links_lock(*ret_links);
		return error ? error : 1;
	}
	if (find_l2s(tracee, mount, host, text, (size_t)length, &l2s) <= 0)
		return 0;
	*ret_links = guest_links_store(tracee, mount, true);
	error = *ret_links ? links_lock(*ret_links) : -EACCES;
	if (!error) {
		error = adopt(tracee, mount, *ret_links, &l2s, ret_id);
		if (error)
			links_unlock(*ret_links);
	}
	close(l2s.directory);
	return error ? error : 1;
}

bool guest_links_has_our_rights(const struct tracee *tracee)
{
	char path[64];
	struct stat status;

	if (tracee->tracer->fake_ids || tracee->tracer->plan->keep_ids)
		return true;
	snprintf(path, sizeof(path), "/proc/%d", (int)tracee->tid);
	return stat(path, &status) == 0 && status.st_uid == geteuid();
}

void guest_links_count(const struct tracer *tracer, const char *host, struct stat *status)
{
	if (tracer->links && !S_ISDIR(status->st_mode) && status->st_nlink)
		status->st_nlink = links_count_of_host(host, strlen(host), (unsigned)status->st_nlink);
}

void guest_links_count_link(const struct tracer *tracer, const char *link, struct stat *status)
{
	char host[PATH_SIZE];
	ssize_t length;

	if (!tracer->links || S_ISDIR(status->st_mode))
		return;
	length = readlink(link, host, sizeof(host) - 1);
	if (length <= 0)
		return;
	host[length] = '\0';
	guest_links_count(tracer, host, status);
}

static struct used_name *used_name(const struct tracee *tracee, const struct link_id *id)
{
	return &tracee->tracer->links
			->used[((unsigned)id->text[2] * 31 + (unsigned)id->text[3]) % USED_MAX];
}

void guest_links_used(const struct tracee *tracee, const struct path_result *file)
{
	struct used_name *used;
	struct link_id id;

	if (!tracee->tracer->links || !(file->flags & PATH_RESULT_LINK))
		return;
	fast_is_linked(tracee->tracer, file->host);
	if (!link_of_host(file->host, file->host_length, &id))
		return;
	used = used_name(tracee, &id);
	used->id = id;
	memcpy(&used->position, &file->position,
	       offsetof(struct path_position, rel) + file->position.length + 1);
}

/* Whether the position is a name of the object. */
static bool names(const struct tracee *tracee, const struct path_position *position,
		  const struct link_id *id)
{
	char host[PATH_SIZE], text[LINK_TEXT_LENGTH + 1];
	struct link_id found;
	ssize_t length;

	if (position->mount >= (int)tracee_table(tracee)->mount_count ||
	    path_to_host(tracee_table(tracee), position, host, sizeof(host)) < 0)
		return false;
	length = readlink(host, text, sizeof(text));
	return length > 0 && link_parse(text, (size_t)length, &found) && !strcmp(found.text, id->text);
}

void guest_links_name(const struct tracee *tracee, struct path_position *position)
{
	char host[PATH_SIZE], record[PATH_SIZE + 8], text[PATH_SIZE], *where;
	const struct used_name *used;
	struct link_id id;
	ssize_t length;
	size_t above;
	int host_length;

	if (!tracee->tracer->links || position->length < LINK_TEXT_LENGTH - 1)
		return;
	host_length = path_to_host(tracee_table(tracee), position, host, sizeof(host));
	if (host_length < 0 || !link_of_host(host, (size_t)host_length, &id))
		return;
	used = used_name(tracee, &id);
	if (!strcmp(used->id.text, id.text) && names(tracee, &used->position, &id)) {
		uint32_t flags = position->flags;

		memcpy(position, &used->position,
		       offsetof(struct path_position, rel) + used->position.length + 1);
		position->flags = flags;
		return;
	}
	snprintf(record, sizeof(record), "%s.n", host);
	length = readlink(record, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = '\0';
	where = strchr(text, ' ');
	/* Objects below the mount's root are those of a mount whose source lies there. */
	above = position->length - (LINK_TEXT_LENGTH - 1);
	if (!where || !where[1] || above + strlen(where + 1) >= sizeof(position->rel))
		return;
	memcpy(position->rel + above, where + 1, strlen(where + 1) + 1);
	position->length = (uint32_t)strlen(position->rel);
}
