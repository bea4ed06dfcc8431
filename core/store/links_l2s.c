// SPDX-License-Identifier: Apache-2.0
/* PRoot's link2symlink files: finding them, and making them ours. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/path/rootfs.h"
#include "core/store/links.h"

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether the directory has PRoot's symlink `symlink`, and what that leads to. Takes the fd. */
static int look_in(int directory, const char *symlink, struct links_l2s *ret_l2s)
{
	_cleanup_close_ int fd = directory;
	char text[PATH_MAX];
	struct stat status;
	ssize_t length;

	if (fd < 0 || strlen(symlink) >= sizeof(ret_l2s->symlink))
		return 0;
	length = readlinkat(fd, symlink, text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	ret_l2s->file[0] = '\0';
	if (!link_parse(text, (size_t)length, &ret_l2s->id)) {
		const char *file = last_component(text);

		if (!link_l2s_count(text, (size_t)length) || strlen(file) >= sizeof(ret_l2s->file) ||
		    fstatat(fd, file, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
			return 0;
		snprintf(ret_l2s->file, sizeof(ret_l2s->file), "%s", file);
	}
	snprintf(ret_l2s->symlink, sizeof(ret_l2s->symlink), "%s", symlink);
	ret_l2s->directory = steal_fd(&fd);
	return 1;
}

static int open_below(int root_fd, const char *directory)
{
	return rootfs_open(root_fd, directory[0] ? directory : ".", O_PATH | O_DIRECTORY, 0, NULL);
}

int links_l2s_find(int root_fd, const char *root, const char *name, const char *text, size_t length,
		   struct links_l2s *ret_l2s)
{
	char path[PATH_MAX], *symlink;
	const char *directory;
	size_t root_length = strlen(root);

	if (length >= sizeof(path) || !link_is_l2s(text, length))
		return 0;
	memcpy(path, text, length);
	path[length] = '\0';
	symlink = strrchr(path, '/');
	if (!symlink)
		return look_in(open_below(root_fd, name), path, ret_l2s);
	*symlink++ = '\0';
	if (!strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]) &&
	    look_in(open_below(root_fd, path + root_length + strspn(path + root_length, "/")), symlink,
		    ret_l2s))
		return 1;
	if (look_in(open_below(root_fd, name), symlink, ret_l2s))
		return 1;
	for (directory = path; directory; directory = strchr(directory, '/')) {
		directory += strspn(directory, "/");
		if (!*directory)
			break;
		if (look_in(open_below(root_fd, directory), symlink, ret_l2s))
			return 1;
	}
	return look_in(open_below(root_fd, ""), symlink, ret_l2s);
}

int links_l2s_adopt(const struct links *links, const struct links_l2s *l2s, const char *where,
		    struct link_id *ret_id)
{
	char text[LINK_TEXT_LENGTH + 1], temporary[LINKS_NAME_SIZE];
	_cleanup_close_ int place = -EBADF;
	int error;

	if (!l2s->file[0]) {
		*ret_id = l2s->id;
		return 0;
	}
	error = links_make_id(links, ret_id);
	if (!error)
		error = links_set_count(links, ret_id, link_l2s_count(l2s->file, strlen(l2s->file)),
					where);
	if (error)
		return error;
	link_format(ret_id, text);
	links_name(ret_id, ".t", temporary);
	place = links_open_place(links, ret_id);
	if (place < 0)
		return place;
	if (symlinkat(text, place, temporary) < 0)
		return -errno;
	/* A crash between the two leaves an object that `amphora links` gives back. */
	if (renameat(l2s->directory, l2s->file, place, ret_id->text) < 0 ||
	    renameat(place, temporary, l2s->directory, l2s->symlink) < 0) {
		error = -errno;
		renameat(place, ret_id->text, l2s->directory, l2s->file);
		unlinkat(place, temporary, 0);
	}
	return error;
}

void links_l2s_remove(const struct links *links, const struct link_id *id, const char *where)
{
	_cleanup_close_ int directory = -EBADF;
	const char *name = last_component(where);
	char parent[PATH_MAX];
	struct link_id found;

	if (!link_is_l2s(where, strlen(where)))
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(name - where), where);
	directory = open_below(links->root, parent);
	/* The record may be somebody else's. */
	if (directory >= 0 && links_read_name(directory, name, &found) == 1 &&
	    !strcmp(found.text, id->text))
		unlinkat(directory, name, 0);
}
