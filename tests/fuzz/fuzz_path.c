// SPDX-License-Identifier: Apache-2.0
/* The resolver on a file system that exists only as a hash: bytes in, invariants out.
 *
 * Theory of operation
 *
 * The input is a row of NUL-terminated strings: a header byte each for the world, the symlink texts,
 * the mounts, then the path. What a host path names (directory, file, symlink with which text, nothing)
 * follows from its hash, so there is no tree to keep and every path has an answer. The fake system
 * calls answer as the kernel does, and abort when the resolver looks a name up through a symlink: on a
 * real machine that lookup would leave the guest's tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/path/resolve.h"

#define TEXTS_MAX 8

enum kind { KIND_MISSING, KIND_DIRECTORY, KIND_LOCKED, KIND_FILE, KIND_LINK };

static struct path_table table;
static struct path_position root, base;
static const char *texts[TEXTS_MAX];
static int text_count, open_fds;
static uint64_t seed;
static bool broken_openat2;

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ---- the world ---------------------------------------------------------------------------- */

static uint64_t hash_of(const char *path, size_t length)
{
	uint64_t hash = seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)path[i]) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

#define FILE_HOST "/f"
static const char *const hosts[] = {"/h/root", "/h/root/a", "/h/b", "/h/root/a/b",
				    "/",       "/h/root",   "/x/y", "/h"};

/* Mounts' sources and what lies above them. */
static bool kind_by_mount(const char *path, size_t length, enum kind *ret_kind)
{
	*ret_kind = KIND_FILE;
	if (length == strlen(FILE_HOST) && !memcmp(path, FILE_HOST, length))
		return true;
	*ret_kind = KIND_DIRECTORY;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t size = strlen(hosts[i]);

		if (size >= length && !memcmp(hosts[i], path, length) &&
		    (size == length || hosts[i][length] == '/'))
			return true;
	}
	return false;
}

static enum kind kind_of(const char *path, size_t length)
{
	static const enum kind kinds[16] = {
		KIND_DIRECTORY, KIND_DIRECTORY, KIND_DIRECTORY, KIND_DIRECTORY, KIND_DIRECTORY,
		KIND_DIRECTORY, KIND_DIRECTORY, KIND_LINK,	KIND_LINK,	KIND_LINK,
		KIND_LINK,	KIND_LINK,	KIND_FILE,	KIND_MISSING,	KIND_MISSING,
		KIND_LOCKED,
	};
	enum kind kind;

	if (!length || kind_by_mount(path, length, &kind))
		return length ? kind : KIND_DIRECTORY;
	kind = kinds[hash_of(path, length) % 16];
	return kind == KIND_LINK && !text_count ? KIND_FILE : kind;
}

static const char *text_of(const char *path, size_t length)
{
	return texts[(hash_of(path, length) >> 16) % (unsigned)text_count];
}

static bool is_directory(enum kind kind)
{
	return kind == KIND_DIRECTORY || kind == KIND_LOCKED;
}

struct found {
	char path[PATH_SIZE]; /* canonical */
	size_t length;
	enum kind kind;
	bool slash;
};

/* One component below found. 0 or -errno. */
static int look_up(struct found *found, const char *name, size_t size)
{
	if (!is_directory(found->kind))
		return found->kind == KIND_MISSING ? -ENOENT : -ENOTDIR;
	if (found->kind == KIND_LOCKED)
		return -EACCES;
	if (size == 1 && name[0] == '.')
		return 0;
	if (size == 2 && name[0] == '.' && name[1] == '.') {
		while (found->length && found->path[--found->length] != '/')
			;
		found->kind = kind_of(found->path, found->length);
		return 0;
	}
	if (size > PATH_NAME_MAX)
		return -ENAMETOOLONG;
	found->path[found->length++] = '/';
	memcpy(found->path + found->length, name, size);
	found->length += size;
	found->kind = kind_of(found->path, found->length);
	return 0;
}

/* Walks a host path. A symlink on the way is -ELOOP when that is allowed. */
static int find(const char *host, bool may_meet_links, struct found *found)
{
	REQUIRE(host[0] == '/');
	REQUIRE(strlen(host) < PATH_SIZE);
	found->length = 0;
	found->kind = KIND_DIRECTORY;
	found->slash = false;
	while (*host) {
		size_t size;
		int error;

		host += strspn(host, "/");
		size = strcspn(host, "/");
		if (!size)
			break;
		if (found->kind == KIND_LINK) {
			REQUIRE(may_meet_links);
			return -ELOOP;
		}
		error = look_up(found, host, size);
		if (error)
			return error;
		host += size;
		found->slash = *host == '/';
	}
	return found->kind == KIND_MISSING ? -ENOENT : 0;
}

/* ---- system calls ------------------------------------------------------------------------- */

static long fake_readlink(void *context, const char *host, char *buffer, size_t size)
{
	struct found found;
	int error = find(host, false, &found);
	size_t length;

	(void)context;
	if (error)
		return error;
	REQUIRE(!found.slash);
	if (found.kind != KIND_LINK)
		return -EINVAL;
	length = strlen(text_of(found.path, found.length));
	if (length > size)
		length = size;
	memcpy(buffer, text_of(found.path, found.length), length);
	return (long)length;
}

static long fake_open_path(void *context, const char *host, int flags)
{
	struct found found;
	int error;

	(void)context;
	if (broken_openat2)
		return -ENOSYS;
	error = find(host, true, &found);
	if (error)
		return error;
	if (found.kind == KIND_LINK && (found.slash || !(flags & O_NOFOLLOW)))
		return -ELOOP;
	if ((found.slash || flags & O_DIRECTORY) && !is_directory(found.kind))
		return -ENOTDIR;
	return 1000 + open_fds++;
}

static void fake_close(void *context, int fd)
{
	(void)context;
	REQUIRE(fd >= 1000);
	open_fds--;
}

static long fake_is_directory(void *context, const char *host)
{
	struct found found;
	int error = find(host, false, &found);

	(void)context;
	return error ? error : is_directory(found.kind);
}

static long fake_magic(void *context, const struct path_position *link, struct path_magic *magic)
{
	uint64_t hash = hash_of(link->rel, link->length);

	(void)context;
	switch (hash % 4) {
	case 0:
		magic->kind = PATH_MAGIC_TEXT;
		strcpy(magic->text, texts[hash / 4 % (unsigned)text_count]);
		return 0;
	case 1:
		magic->kind = PATH_MAGIC_POSITION;
		memcpy(&magic->position, &base, sizeof(base));
		return 0;
	case 2:
		magic->kind = PATH_MAGIC_OPAQUE;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct path_ops ops = {fake_readlink, fake_open_path, fake_close, fake_is_directory,
				    fake_magic, NULL, NULL};

static int resolve(const struct path_position *from, const char *path, uint32_t flags,
		   struct path_result *result)
{
	const struct path_request request = {&table, &ops, NULL, &root, from, path, flags};
	int error;

	open_fds = 0;
	memset(result, 0x5a, sizeof(*result));
	error = path_resolve(&request, result);
	REQUIRE(error <= 0);
	REQUIRE(result->fd == -1 || (!error && flags & PATH_WANT_FD));
	REQUIRE(open_fds == (result->fd >= 0));
	return error;
}

/* ---- invariants --------------------------------------------------------------------------- */

static void check_rel(const struct path_position *position)
{
	const char *part = position->rel;

	REQUIRE(position->mount >= 0 && position->mount < (int)table.mount_count);
	REQUIRE(position->length == strlen(position->rel) && position->length < PATH_SIZE);
	while (*part) {
		size_t size = strcspn(part, "/");

		REQUIRE(size > 0);
		REQUIRE(!(size == 1 && part[0] == '.'));
		REQUIRE(!(size == 2 && part[0] == '.' && part[1] == '.'));
		part += size;
		REQUIRE(!*part || part[1]);
		part += *part == '/';
	}
}

static void check_result(const struct path_result *result, uint32_t flags)
{
	const struct path_position *position = &result->position;
	char host[PATH_SIZE], guest[PATH_SIZE];
	struct path_position back;
	struct found found;
	int length, error;
	const char *rest;

	check_rel(position);
	length = path_to_host(&table, position, host, sizeof(host));
	REQUIRE(length > 0);
	REQUIRE(result->host_length == strlen(result->host) && result->host_length < PATH_SIZE);
	REQUIRE(!strncmp(result->host, host, length == 1 ? 0 : (size_t)length));
	rest = result->host + (length == 1 ? 0 : length);
	REQUIRE(!*rest || !strcmp(rest, "/") || !strcmp(rest, "/."));
	REQUIRE(strcmp(rest, "/.") || flags & PATH_PARENT);
	if (result->flags & PATH_RESULT_SLASH)
		REQUIRE(result->host[result->host_length - 1] == '/');

	error = path_to_guest(&table, &root, position, guest, sizeof(guest));
	REQUIRE(error > 0 || error == -ENOENT || error == -ENAMETOOLONG);
	if (error > 0)
		REQUIRE(guest[0] == '/' && (size_t)error == strlen(guest));
	REQUIRE(!path_from_host(&table, position->mount, host, &back));
	check_rel(&back);
	REQUIRE(path_to_host(&table, &back, guest, sizeof(guest)) == length && !strcmp(host, guest));

	/* The object: looked up without meeting a symlink. */
	if (position->flags & PATH_POSITION_DELETED || flags & PATH_PARENT ||
	    (flags & PATH_CREATE && result->flags & PATH_RESULT_SLASH))
		return;
	error = find(host, false, &found);
	if (result->flags & PATH_RESULT_MISSING)
		REQUIRE(error == -ENOENT && flags & PATH_CREATE);
	else if (!error && !(result->flags & PATH_RESULT_MAGIC) && result->last == PATH_LAST_NORMAL &&
		 position->mount != base.mount)
		REQUIRE((found.kind == KIND_LINK) == !!(result->flags & PATH_RESULT_SYMLINK));
	if (!error && flags & PATH_DIRECTORY && !(result->flags & PATH_RESULT_MAGIC))
		REQUIRE(is_directory(found.kind));
}

/* With PATH_PARENT, and where PATH_CREATE meets a trailing slash, one component costs no look: the
 * error comes with the call itself. */
static bool left_to_the_call(int fast, int walked, uint32_t flags)
{
	return !fast && (walked == -EACCES || walked == -ENOTDIR || walked == -ENOENT) &&
	       flags & (PATH_PARENT | PATH_CREATE);
}

static void check_path(const char *path, uint32_t flags)
{
	static struct path_result fast, walked;
	int error, again;

	broken_openat2 = false;
	error = resolve(&base, path, flags, &fast);
	if (!error)
		check_result(&fast, flags);
	if (!error && fast.fd >= 0)
		fake_close(NULL, fast.fd);
	broken_openat2 = true;
	again = resolve(&base, path, flags, &walked);
	if (!again)
		check_result(&walked, flags);
	if (left_to_the_call(error, again, flags))
		return;
	REQUIRE(error == again);
	if (error)
		return;
	REQUIRE(fast.position.mount == walked.position.mount);
	REQUIRE(fast.position.flags == walked.position.flags);
	REQUIRE(!strcmp(fast.position.rel, walked.position.rel));
	REQUIRE(!strcmp(fast.host, walked.host));
	REQUIRE(fast.last == walked.last);
	REQUIRE(fast.flags == walked.flags);
}

/* ---- input -------------------------------------------------------------------------------- */

static const char *next_text(const uint8_t **data, size_t *size)
{
	const char *text = (const char *)*data;
	size_t length = strnlen(text, *size);

	if (length == *size)
		return NULL;
	*data += length + 1;
	*size -= length + 1;
	return text;
}

static void add_mount(const char *spec)
{
	static struct path_result result;
	uint32_t flags = spec[0] & 8 ? PATH_MOUNT_PROC : 0;

	const char *host = hosts[spec[0] & 7];
	struct found found;

	if (spec[0] & 16) {
		flags = PATH_MOUNT_FILE;
		host = FILE_HOST;
	}
	/* mount(2) puts directories on directories and files on files. */
	if (resolve(&root, spec + 1, PATH_FOLLOW, &result) || result.flags & PATH_RESULT_MAGIC ||
	    find(result.host, false, &found) ||
	    is_directory(found.kind) == !!(flags & PATH_MOUNT_FILE))
		return;
	if (path_table_add(&table, &result.position, host, flags) < 0)
		return;
	if (spec[0] & 64)
		path_table_remove(&table, (int)random() % (int)table.mount_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct path_result result;
	const char *text;
	uint32_t flags;
	uint8_t counts;

	if (size < 8)
		return 0;
	srandom(1);
	seed = data[0] | (uint64_t)data[1] << 8;
	flags = data[2] | (uint32_t)data[3] << 8;
	counts = data[4];
	data += 5;
	size -= 5;

	broken_openat2 = false;
	path_table_init(&table, "/h/root", 0);
	path_table_root(&table, &root);
	memcpy(&base, &root, sizeof(base));
	text_count = 0;
	while (text_count < (counts & 7) && (text = next_text(&data, &size))) {
		if (text[0] && strlen(text) < PATH_SIZE)
			texts[text_count++] = text;
	}
	for (int i = 0; i < (counts >> 3 & 15) && (text = next_text(&data, &size)); i++) {
		if (text[0])
			add_mount(text);
	}
	if (counts & 128 && (text = next_text(&data, &size)) && text[0] &&
	    !resolve(&root, text + 1, text[0] & 1 ? PATH_FOLLOW : 0, &result)) {
		memcpy(&base, &result.position, sizeof(base));
		base.flags |= text[0] & 2 ? PATH_POSITION_DELETED : 0;
	}
	if (counts & 128 && (text = next_text(&data, &size)) &&
	    !resolve(&base, text, PATH_FOLLOW | PATH_DIRECTORY, &result) &&
	    !(result.flags & PATH_RESULT_MAGIC))
		memcpy(&root, &result.position, sizeof(root));
	while ((text = next_text(&data, &size)))
		check_path(text, flags);
	return 0;
}
