// SPDX-License-Identifier: Apache-2.0
/* The guest's tree before there is a guest: core/path over the root and the bindings. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/front/proot/proot.h"
#include "core/path/resolve.h"

_Static_assert(PROOT_PATH_SIZE == PATH_SIZE, "one size of paths");

struct proot_guest {
	struct path_table table;
	struct path_position root;
	struct path_result result;
};

static long guest_readlink(void *context, const char *host, char *buffer, size_t size)
{
	ssize_t length = readlink(host[0] ? host : "/", buffer, size);

	(void)context;
	return length < 0 ? -errno : length;
}

static long guest_is_directory(void *context, const char *host)
{
	struct stat status;

	(void)context;
	if (lstat(host[0] ? host : "/", &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode);
}

static const struct path_ops guest_ops = {
	.readlink = guest_readlink,
	.is_directory = guest_is_directory,
};

int proot_guest_new(void *parent, const char *rootfs, struct proot_guest **ret_guest,
		    struct error *err)
{
	struct proot_guest *guest = talloc_zero(parent, struct proot_guest);

	if (!guest)
		return error_set(err, ENOMEM, "can't look into the root");
	path_table_init(&guest->table, rootfs, 0);
	path_table_root(&guest->table, &guest->root);
	*ret_guest = guest;
	return 0;
}

static int resolve(struct proot_guest *guest, const char *path, uint32_t flags)
{
	struct path_request request = {
		.table = &guest->table,
		.ops = &guest_ops,
		.root = &guest->root,
		.base = &guest->root,
		.path = path,
		.flags = flags,
	};

	return path_resolve(&request, &guest->result);
}

static int guest_path(struct proot_guest *guest, char *ret_path)
{
	int length = path_to_guest(&guest->table, &guest->root, &guest->result.position, ret_path,
				   PATH_SIZE);

	return length < 0 ? length : 0;
}

/* What is above the part that exists is looked at, the rest is taken as written. */
static int canonical_with_gap(struct proot_guest *guest, const char *path, char *ret_path)
{
	char upper[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	size_t length;
	int error;

	if (!slash)
		return -ENOENT;
	snprintf(upper, sizeof(upper), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	error = proot_guest_canonical(guest, upper, true, ret_path);
	if (error < 0)
		return error;
	length = strlen(ret_path);
	if (length == 1)
		length = 0;
	if (length + strlen(slash) >= PATH_SIZE)
		return -ENAMETOOLONG;
	memcpy(ret_path + length, slash, strlen(slash) + 1);
	return 1;
}

int proot_guest_canonical(struct proot_guest *guest, const char *path, bool follow, char *ret_path)
{
	int error = resolve(guest, path, (follow ? PATH_FOLLOW : 0) | PATH_CREATE);

	if (error == -ENOENT)
		return canonical_with_gap(guest, path, ret_path);
	return error ? error : guest_path(guest, ret_path);
}

int proot_guest_directory(struct proot_guest *guest, const char *path, char *ret_path)
{
	int error = resolve(guest, path, PATH_FOLLOW | PATH_DIRECTORY);

	if (!error && access(guest->result.host_length ? guest->result.host : "/", X_OK) < 0)
		error = -errno;
	return error ? error : guest_path(guest, ret_path);
}

int proot_guest_gap(struct proot_guest *guest, const char *path, bool always, char *ret_path)
{
	const char *slash = path;
	struct stat status;

	while (*slash) {
		slash = strchr(slash + 1, '/');
		if (!slash)
			slash = path + strlen(path);
		snprintf(ret_path, PATH_SIZE, "%.*s", (int)(slash - path), path);
		if (resolve(guest, ret_path, PATH_CREATE) < 0)
			return -ENOENT;
		if (lstat(guest->result.host, &status) < 0) {
			char *end = strrchr(guest->result.host, '/');

			if (end)
				*end = '\0';
			return always || access(guest->result.host[0] ? guest->result.host : "/",
						W_OK) < 0 ?
				       0 :
				       -ENOENT;
		}
	}
	return -ENOENT;
}

int proot_guest_mount(struct proot_guest *guest, const char *path, bool follow, const char *host)
{
	struct stat status;
	uint32_t flags = stat(host, &status) == 0 && !S_ISDIR(status.st_mode) ? PATH_MOUNT_FILE : 0;
	int result = resolve(guest, path, (follow ? PATH_FOLLOW : 0) | PATH_CREATE);

	if (!result)
		result = path_table_add(&guest->table, &guest->result.position, host, flags);
	return result < 0 ? result : 0;
}
