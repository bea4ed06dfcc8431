/* SPDX-License-Identifier: Apache-2.0 */
/* Emulated hard links: the objects below a mount's root, and their counts.
 *
 * Theory of operation
 *
 *	ROOT/.amphora-links/lock	flock()ed around every change
 *	                   /ab/ID	the file
 *	                   /ab/ID.n	a symlink whose text is "COUNT NAME": how many names there are,
 *	                   		and where one of them was made, relative to ROOT
 *
 * and the names, symlinks with the text of core/path/link.h, anywhere below ROOT. A file becomes an
 * object by RENAME_EXCHANGE with its first name's symlink, so that the name is never missing. A count is
 * replaced by rename(2). It is raised before a name is made and lowered after one has gone: a crash
 * between leaves a file that is kept too long, never one that is lost; `amphora links` counts anew.
 *
 * The rootfs may come from somebody else, and so may what is in the hidden directory: nothing there is
 * followed, and an object is a regular file or none.
 *
 * Names are given as (directory fd, last component): the caller has found the directory without
 * following anything. All calls are for the lock's holder, except where noted; they return 0 or -errno.
 */
#ifndef AMPHORA_STORE_LINKS_H
#define AMPHORA_STORE_LINKS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/path/link.h"

struct links {
	int root; /* O_PATH fd of the mount's root; the caller's */
	int directory; /* O_PATH fd of .amphora-links, or -EBADF */
	int lock;
	bool stuck; /* somebody else has kept the lock for long */
};

/* Whether a root filesystem (host path) has emulated links, ours or PRoot's. No lock. */
bool links_exist(const char *rootfs);

/* Opens the objects of the mount whose root is `root_fd`; with `make` they are made when missing, else
 * that is -ENOENT. No lock. */
int links_open(int root_fd, bool make, struct links *ret_links);
void links_close(struct links *links);

/* Waits for the lock, but not for ever: whoever has it may be stopped, and a container of the other backend can
 * reach the file. After 2 s -EBUSY, and at once as long as it stays so. */
int links_lock(struct links *links);
void links_unlock(const struct links *links);

/* 1 and *ret_id when `name` is an emulated link's, 0, or -errno. No lock. */
int links_read_name(int directory, const char *name, struct link_id *ret_id);
/* Whether the object is there; ret_status may be NULL. No lock. */
bool links_has(const struct links *links, const struct link_id *id, struct stat *ret_status);
/* The count: positive, or -errno. With ret_name (PATH_MAX bytes) the recorded name. No lock. */
long links_count(const struct links *links, const struct link_id *id, char *ret_name);
/* The same of an object by its host path; `fallback` where there is no count. */
unsigned links_count_of_host(const char *host, size_t length, unsigned fallback);
int links_set_count(const struct links *links, const struct link_id *id, unsigned long count,
		    const char *name);

/* Makes the file an object with one name, the one it has. `where` is that name relative to the root. */
int links_convert(const struct links *links, int directory, const char *name, const char *where,
		  struct link_id *ret_id);
/* Makes another name. */
int links_add(const struct links *links, const struct link_id *id, int directory, const char *name,
	      const char *where);
/* A name has gone. *ret_last: it was the last one, and the object is gone, too. */
int links_drop(const struct links *links, const struct link_id *id, bool *ret_last);
/* Gives the object its own name back: it replaces the symlink there, and is no object any more. */
int links_restore(const struct links *links, const struct link_id *id, int directory, const char *name);

/* An object's name that isn't taken, and its directory. */
int links_make_id(const struct links *links, struct link_id *ret_id);

/* links_l2s.c: PRoot's. A name's text holds an absolute host path that goes stale when the rootfs is
 * moved: the file is looked for there, beside the name, and by ever shorter ends of that path below the
 * root. `name` is the name's directory relative to the root. Returns 1 with an O_PATH fd of the
 * directory that has the file (or PRoot's symlink that became ours) and the last components, 0 when
 * there is no such file. No lock. */
struct links_l2s {
	int directory;
	char symlink[256]; /* ".l2s.NAMEnnnn" */
	char file[256];	   /* ".l2s.NAMEnnnn.cccc"; empty: adopted, id is the object */
	struct link_id id;
};
int links_l2s_find(int root_fd, const char *root, const char *name, const char *text, size_t length,
		   struct links_l2s *ret_l2s);
/* Makes the file an object, with the count of its name; PRoot's symlink becomes a name of ours, which the
 * others lead to. `where` is the symlink relative to the root. */
int links_l2s_adopt(const struct links *links, const struct links_l2s *l2s, const char *where,
		    struct link_id *ret_id);
/* The last name of an adopted set has gone. */
void links_l2s_remove(const struct links *links, const struct link_id *id, const char *where);

/* The directory "ab" that holds the object: an O_PATH fd, or -errno. The names in it: ID and a suffix. */
int links_open_place(const struct links *links, const struct link_id *id);
#define LINKS_NAME_SIZE (LINK_ID_LENGTH + 8)
void links_name(const struct link_id *id, const char *suffix, char name[LINKS_NAME_SIZE]);

#endif
