// SPDX-License-Identifier: Apache-2.0
/* path_resolve(): where a resolution starts and how its result is written down.
 *
 * Theory of operation
 *
 * A walk stands at (mount, rel); its host path is the mount's host root plus rel, kept in
 * result->host, so that rel is the tail of that one buffer. path_fast() bets that no symlink is on
 * the way: it appends the text and asks the kernel once, by openat2(RESOLVE_NO_SYMLINKS), which
 * answers ELOOP when the bet is lost. path_slow() then goes component by component and bets again
 * after every symlink that it has expanded.
 */
#include <errno.h>

#include "core/path/internal.h"

/* openat2(2) rules that only the walk checks. */
#define RESOLVE_RULES                                                                              \
	(PATH_NO_SYMLINKS | PATH_NO_MAGICLINKS | PATH_NO_XDEV | PATH_BENEATH | PATH_IN_ROOT)

int path_walk_set(struct path_walk *walk, int mount, const char *rel, size_t length)
{
	const struct path_table *table = walk->request->table;
	char *host = walk->result->host;
	size_t prefix = table->mounts[mount].host_length;

	if (prefix + length + 1 >= PATH_SIZE)
		return -ENAMETOOLONG;
	path_copy(host, path_mount_host(table, mount), prefix);
	walk->mount = mount;
	walk->prefix = prefix;
	walk->length = prefix;
	walk->searched = 0;
	walk->position_flags = 0;
	walk->origin = NULL;
	if (length) {
		host[prefix] = '/';
		path_copy(host + prefix + 1, rel, length);
		walk->length = prefix + 1 + length;
	}
	return 0;
}

int path_walk_start(struct path_walk *walk, const struct path_position *position)
{
	int error = path_walk_set(walk, position->mount, position->rel, position->length);

	if (error)
		return error;
	walk->origin = position;
	walk->position_flags = position->flags & PATH_POSITION_DELETED;
	return 0;
}

int path_walk_append(struct path_walk *walk, const char *name, size_t size)
{
	char *host = walk->result->host;

	if (walk->length + size + 1 >= PATH_SIZE)
		return -ENAMETOOLONG;
	host[walk->length] = '/';
	path_copy(host + walk->length + 1, name, size);
	walk->length += size + 1;
	walk->origin = NULL;
	return 0;
}

void path_walk_pop(struct path_walk *walk)
{
	const char *host = walk->result->host;

	do {
		walk->length--;
	} while (host[walk->length] != '/');
	if (walk->searched > walk->length)
		walk->searched = walk->length;
	walk->origin = NULL;
}

/* Adds text to the host path only: not a part of the position. */
static int append_host(struct path_result *result, const char *text, size_t size)
{
	if (result->host_length + size >= PATH_SIZE)
		return -ENAMETOOLONG;
	path_copy(result->host + result->host_length, text, size);
	result->host_length += (uint32_t)size;
	return 0;
}

int path_walk_finish(struct path_walk *walk, const struct path_end *end)
{
	struct path_result *result = walk->result;
	struct path_position *position = &result->position;
	int error = 0;

	if (end->name) {
		error = path_walk_append(walk, end->name, end->size);
		if (error)
			return error;
	}
	position->mount = walk->mount;
	position->flags = walk->position_flags;
	position->length = (uint32_t)path_walk_rel_length(walk);
	path_copy(position->rel, path_walk_rel(walk), position->length);
	position->rel[position->length] = '\0';
	result->last = end->last;
	result->flags = end->flags;
	if (end->name ? path_walk_mount_here(walk) >= 0 : !position->length)
		result->flags |= PATH_RESULT_MOUNT_ROOT;

	result->host_length = (uint32_t)walk->length;
	/* A name that can't be made or removed: the kernel must not see the directory's own name,
	 * or rmdir("/") would remove it. */
	if (walk->request->flags & PATH_PARENT && !end->name)
		error = append_host(result, "/.", 2);
	else if (!result->host_length)
		error = append_host(result, "/", 1);
	else if (end->slash)
		error = append_host(result, "/", 1);
	if (end->slash)
		result->flags |= PATH_RESULT_SLASH;
	if (end->object) {
		path_copy(result->host, end->object, end->object_length);
		result->host_length = (uint32_t)end->object_length;
	}
	result->host[result->host_length] = '\0';
	return error;
}

int path_walk_require_directory(struct path_walk *walk)
{
	const struct path_request *request = walk->request;
	long answer;

	if (walk->position_flags & PATH_POSITION_DELETED)
		return 0;
	answer = request->ops->is_directory(request->context, path_walk_host(walk));
	if (answer <= 0)
		return answer ? (int)answer : -ENOTDIR;
	return 0;
}

/* "": the base itself. */
static int resolve_empty(struct path_walk *walk)
{
	const struct path_request *request = walk->request;
	const struct path_end end = {.last = PATH_LAST_DOT};
	int error;

	if (!(request->flags & PATH_EMPTY) || request->flags & (PATH_PARENT | PATH_CREATE))
		return -ENOENT;
	error = path_walk_start(walk, request->base);
	if (error)
		return error;
	if (walk->directory) {
		error = path_walk_require_directory(walk);
		if (error)
			return error;
	}
	return path_walk_finish(walk, &end);
}

static bool position_valid(const struct path_table *table, const struct path_position *position)
{
	return position && position->mount >= 0 && position->mount < (int)table->mount_count &&
	       position->length < PATH_SIZE;
}

/* What lies on the way to the source of the mount that was resolved to must be no symlink: the kernel would
 * follow it on the host. -ENOENT: there is one, or nothing, and the guest's directory is somewhere else. */
static int check_source(const struct path_request *request, const struct path_result *result)
{
	const struct path_mount *mount = &request->table->mounts[result->position.mount];
	const char *source = path_mount_host(request->table, result->position.mount);
	char host[PATH_SIZE], text[1];
	const struct path_position *at = &result->position, *base = request->base;
	long answer = -ENOSYS;

	if (!(mount->flags & PATH_MOUNT_MOVABLE))
		return 0;
	/* A removed base has no name that could lead elsewhere. */
	if (at->flags & PATH_POSITION_DELETED && base != request->root && at->mount == base->mount &&
	    at->length == base->length)
		return 0;
	if (request->ops->open_path)
		answer = request->ops->open_path(request->context, source, 0);
	if (answer >= 0) {
		request->ops->close(request->context, (int)answer);
		return 0;
	}
	if (answer != -ENOSYS)
		return answer == -ELOOP || answer == -ENOTDIR ? -ENOENT : (int)answer;
	path_copy(host, source, mount->host_length + 1);
	for (size_t i = 1; i <= mount->host_length; i++) {
		char next = host[i];

		if (next && next != '/')
			continue;
		host[i] = '\0';
		if (request->ops->readlink(request->context, host, text, sizeof(text)) != -EINVAL)
			return -ENOENT;
		host[i] = next;
	}
	return 0;
}

int path_resolve(const struct path_request *request, struct path_result *result)
{
	const char *text = request->path;
	uint32_t flags = request->flags;
	bool scoped = flags & (PATH_BENEATH | PATH_IN_ROOT);
	const struct path_position *start;
	struct path_walk walk;
	int error;

	result->fd = -1;
	result->flags = 0;
	if (path_text_length(text) >= PATH_SIZE)
		return -ENAMETOOLONG;

	walk.request = request;
	walk.result = result;
	walk.root = scoped ? request->base : request->root;
	walk.follow = flags & PATH_FOLLOW;
	walk.directory = flags & PATH_DIRECTORY;
	walk.slash = false;
	walk.links = 0;
	walk.checked = false;
	walk.rooted = scoped || text[0] == '/';
	walk.no_open_path = !request->ops->open_path || flags & RESOLVE_RULES;

	start = text[0] == '/' ? walk.root : request->base;
	if (!position_valid(request->table, start) || !position_valid(request->table, walk.root))
		return -EINVAL;
	if (!text[0])
		return resolve_empty(&walk);
	if (text[0] == '/' && flags & PATH_BENEATH)
		return -EXDEV;
	error = path_walk_start(&walk, start);
	if (error)
		return error;
	while (*text == '/')
		text++;
	/* openat2 wants a directory fd even for a path that is only "/" in it. */
	if (scoped && !*text) {
		error = path_walk_require_directory(&walk);
		if (error)
			return error;
	}

	error = PATH_USE_WALK;
	if (!walk.no_open_path && !(walk.position_flags & PATH_POSITION_DELETED))
		error = path_fast(&walk, text);
	if (error == PATH_USE_WALK) {
		error = text[0] && path_start_unknown(&walk) ? path_walk_require_directory(&walk) : 0;
		if (!error)
			error = path_slow(&walk, text);
	}
	if (!error && !walk.checked)
		error = check_source(request, result);
	if (error && result->fd >= 0) {
		request->ops->close(request->context, result->fd);
		result->fd = -1;
	}
	return error;
}
