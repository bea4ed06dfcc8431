/* SPDX-License-Identifier: Apache-2.0 */
/* THE path resolver: (mount table, root, base, path, rule) -> the host object.
 *
 * Freestanding: no libc call, no allocation, no TLS, no global state; every system call goes
 * through struct path_ops. The tracer uses it, and the in-process stub will; hence the mount
 * table is one block without pointers that can be mapped read-only into another process.
 *
 * What a mount is. As in the kernel, a mount sits on (parent mount, path inside the parent),
 * not on a guest path string: the same host directory bound at two places has independent
 * mounts below each, and a mount over /a hides an older mount on /a/b.
 * Paths inside a mount ("rel") have no leading and no trailing slash; "" is the mount's root.
 */
#ifndef AMPHORA_PATH_RESOLVE_H
#define AMPHORA_PATH_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_SIZE	4096 /* PATH_MAX with the NUL, as the kernel's getname() */
#define PATH_NAME_MAX	255
#define PATH_LINKS_MAX	40   /* MAXSYMLINKS */
#define PATH_MOUNTS_MAX 512
#define PATH_STRINGS	(256 * 1024)
#define PATH_BUCKETS	1024 /* power of two */

enum path_mount_flags {
	PATH_MOUNT_READ_ONLY = 1 << 0,
	PATH_MOUNT_NOSUID = 1 << 1,
	PATH_MOUNT_NODEV = 1 << 2,
	PATH_MOUNT_NOEXEC = 1 << 3,
	PATH_MOUNT_PROC = 1 << 4,   /* symlinks in it go through path_ops.magic */
	PATH_MOUNT_FILE = 1 << 5,   /* the root of the mount is not a directory */
	PATH_MOUNT_HIDDEN = 1 << 6, /* detached by unmount: never crossed into; old positions live */
	PATH_MOUNT_LOCKED = 1 << 7, /* goes only with the mount that it sits on, and goes on to cover
				     * its place for those who stand there */
};

/* Above the shifted options, see below: a guest may rename or replace a directory that leads to the mount's
 * source, so there may be a symlink by now. What lies in such a mount is looked at once more. */
#define PATH_MOUNT_MOVABLE (1u << 12)
/* All of the machine uses what is there: owner, mode and times aren't the guest's to change. */
#define PATH_MOUNT_SHARED (1u << 13)

/* READ_ONLY, NOSUID, NODEV, NOEXEC; and, shifted, those of them that a remount can't take away. */
#define PATH_MOUNT_OPTIONS 0xfu
#define PATH_MOUNT_LOCK(options) ((uint32_t)(options) << 8)

struct path_mount {
	int32_t parent;	       /* mount it sits on; -1: the root mount */
	uint32_t flags;	       /* enum path_mount_flags */
	uint32_t point;	       /* offset into strings: rel of the mount point inside the parent */
	uint32_t point_length;
	uint32_t host;	       /* offset into strings: absolute host path of the mount's root, no
				* trailing slash ("" is the host's "/"). Canonical: a symlink in it
				* costs every resolution its fast path */
	uint32_t host_length;
	/* Private to table.c and internal.h: how a mount point is found. */
	uint32_t next;		/* mount after this one in its bucket, plus one; 0: none */
	uint64_t child_lengths; /* bit n: a mount point in this mount has length n modulo 64 */
};

struct path_table {
	uint32_t sequence;     /* even: stable; the writer makes it odd while it changes things */
	uint32_t mount_count;
	uint32_t strings_used;
	int32_t root; /* the mount that all others sit on: mounts[0] until path_table_pivot() */
	struct path_mount mounts[PATH_MOUNTS_MAX];
	uint32_t buckets[PATH_BUCKETS]; /* newest mount of the bucket, plus one; 0: none */
	char strings[PATH_STRINGS];
};

/* A place in the guest's tree. */
struct path_position {
	int32_t mount;
	uint32_t flags;	  /* enum path_position_flags */
	uint32_t length;  /* of rel, without the NUL */
	char rel[PATH_SIZE];
};

enum path_position_flags {
	/* The directory has been removed: "." and ".." work, every name is ENOENT. */
	PATH_POSITION_DELETED = 1 << 0,
	/* Known to be a directory, as a cwd is: saves a look at it. Never set in a result. */
	PATH_POSITION_DIRECTORY = 1 << 1,
};

enum path_resolve_flags {
	PATH_FOLLOW = 1 << 0,	 /* follow a symlink in the last component */
	PATH_CREATE = 1 << 1,	 /* the last component may be missing (its parent may not) */
	PATH_DIRECTORY = 1 << 2, /* the object must be a directory (ENOTDIR) */
	PATH_EMPTY = 1 << 3,	 /* "" means base itself (AT_EMPTY_PATH); without it ENOENT */
	PATH_WANT_FD = 1 << 4,	 /* keep the O_PATH fd of the object where resolving opened one */
	PATH_PARENT = 1 << 5,	 /* don't look at the last component at all: mkdir, link target,
				  * rename source and target, unlink; see path_result.last */
	/* openat2(2) RESOLVE_*, same meaning */
	PATH_NO_SYMLINKS = 1 << 8,
	PATH_NO_MAGICLINKS = 1 << 9,
	PATH_NO_XDEV = 1 << 10,
	PATH_BENEATH = 1 << 11,
	PATH_IN_ROOT = 1 << 12,
};

/* What a symlink of a proc mount means for this guest. */
enum path_magic_kind {
	PATH_MAGIC_TEXT,     /* an ordinary symlink: follow text (guest path) */
	PATH_MAGIC_POSITION, /* jump to position (cwd, root, exe, a directory fd) */
	PATH_MAGIC_OPAQUE,   /* only the kernel can follow it (pipe, socket, deleted file, object
			      * outside the guest's tree): good as a last component, -ENOTDIR before
			      * another one */
};

struct path_magic {
	enum path_magic_kind kind;
	char text[PATH_SIZE];		/* TEXT */
	struct path_position position;	/* POSITION */
};

/* System calls and guest knowledge. Host paths are absolute. Every function returns >= 0 or
 * -errno. `context` is path_request.context. */
struct path_ops {
	/* readlink(2): length, not NUL-terminated. -EINVAL: exists, not a symlink. */
	long (*readlink)(void *context, const char *host, char *buffer, size_t size);
	/* openat2(O_PATH | O_CLOEXEC | extra_flags, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS).
	 * Returns an fd. -ENOSYS where the kernel or a filter refuses openat2: then the resolver
	 * walks component by component and never calls it again for this request. May be NULL. */
	long (*open_path)(void *context, const char *host, int extra_flags);
	void (*close)(void *context, int fd);
	/* 1 when host is a directory (lstat: not following a symlink), 0 when not, -errno. `host`
	 * may end in "/.", which asks for search permission too. */
	long (*is_directory)(void *context, const char *host);
	/* The symlink at `link` (in a mount with PATH_MOUNT_PROC), asked before it is followed.
	 * -EINVAL: an ordinary one, its own text counts. NULL: proc mounts are treated like others. */
	long (*magic)(void *context, const struct path_position *link, struct path_magic *ret_magic);
	/* Whether names may be looked up in this directory: 0, or -errno. Asked before each look; makes every
	 * resolution a walk, so `open_path` must be NULL then. NULL: the host's own check is enough. What
	 * is no directory is answered 0. */
	long (*search)(void *context, const char *host);
	/* The symlink at `host` in `mount` has this text (not NUL-terminated): the host path of its object
	 * (PATH_SIZE bytes, NUL-terminated) when it is the name of an emulated hard link (link.h), which the
	 * resolver then takes for the file itself; returns its length. 0: an ordinary symlink. NULL:
	 * hard links aren't emulated; otherwise no name may be LINK_DIRECTORY either (-ENOENT). */
	long (*object)(void *context, int mount, const char *host, const char *text, size_t length,
		       char *ret_object);
};

struct path_request {
	const struct path_table *table;
	const struct path_ops *ops;
	void *context;
	const struct path_position *root; /* the process's root (chroot) */
	const struct path_position *base; /* its cwd, or the dirfd; ignored for absolute paths */
	const char *path;		  /* NUL-terminated */
	uint32_t flags;			  /* enum path_resolve_flags */
};

/* With PATH_PARENT and anything but NORMAL, host ends in "/.": the kernel then refuses as it would
 * for the guest's path, except that rmdir is EINVAL for DOT, ENOTEMPTY for DOTDOT, EBUSY for ROOT. */
enum path_last {
	PATH_LAST_NORMAL,
	PATH_LAST_DOT,	  /* the path ended in "." */
	PATH_LAST_DOTDOT, /* the path ended in ".." */
	PATH_LAST_ROOT,	  /* the path was all slashes */
};

enum path_result_flags {
	PATH_RESULT_SLASH = 1 << 0,	 /* trailing slash: host ends in one too */
	PATH_RESULT_MISSING = 1 << 1,	 /* known not to exist (only with PATH_CREATE) */
	PATH_RESULT_MAGIC = 1 << 2,	 /* host names a magic link that the kernel must follow */
	PATH_RESULT_MOUNT_ROOT = 1 << 3, /* the object is the root of its mount (EBUSY for removal) */
	PATH_RESULT_SYMLINK = 1 << 4,	 /* the object is a symlink that was not followed */
	PATH_RESULT_LINK = 1 << 5,	 /* an emulated hard link: position is the name's, host the
					  * object's */
};

struct path_result {
	/* The object (with PATH_PARENT: mount and rel of the new name, in its parent's mount; a
	 * mount that sits on that name is reported by PATH_RESULT_MOUNT_ROOT, not crossed). */
	struct path_position position;
	enum path_last last;
	uint32_t flags; /* enum path_result_flags */
	int fd;		/* O_PATH fd, or -1; the caller closes it */
	uint32_t host_length;
	char host[PATH_SIZE]; /* absolute host path, no symlink before the last component */
};

/* Resolves. Returns 0 or -errno, the errno that the kernel would give (ENOENT, ENOTDIR, ELOOP,
 * ENAMETOOLONG, EACCES, EXDEV); *result is then undefined and no fd is left open. -EINVAL: root or
 * base isn't in the table. Needs about 40 KiB of stack.
 *
 * With PATH_PARENT, a single name below the root or a PATH_POSITION_DIRECTORY costs no system call, so
 * EACCES is left to the call that is made on host.
 * Differences from the kernel: a host path of PATH_SIZE or more is ENAMETOOLONG; so are nested
 * symlinks whose unconsumed texts exceed 16 KiB. Directories above base and above a mount's source
 * must be searchable. fs.protected_symlinks doesn't apply to symlinks that the resolver follows. */
int path_resolve(const struct path_request *request, struct path_result *result);

/* Host path of a position. Returns its length or -ENAMETOOLONG. size should be PATH_SIZE. */
int path_to_host(const struct path_table *table, const struct path_position *position, char *host,
		 size_t size);

/* Absolute guest path of a position, as a process with that root sees it (getcwd, readlink of
 * /proc/self/fd). Returns its length, -ENAMETOOLONG, or -ENOENT when position isn't below root. */
int path_to_guest(const struct path_table *table, const struct path_position *root,
		  const struct path_position *position, char *guest, size_t size);

/* The position of an absolute, symlink-free host path (as readlink of /proc/PID/cwd gives).
 * `hint_mount` (or -1) is preferred when the path lies inside its host tree and isn't hidden by
 * a deeper mount; otherwise the longest host match wins, then the newest. A place that a mount
 * covers comes after these, a detached mount last: a process may have been there first. A place that a
 * locked mount covers is none at all: nobody gets there, and its mount's flags say nothing about those
 * of what covers it. Returns 0, or -ENOENT when there is no such place. */
int path_from_host(const struct path_table *table, int hint_mount, const char *host,
		   struct path_position *ret_position);
/* The same when the mount is known. -ENOENT when the host path lies outside its host tree, or below a
 * locked mount. */
int path_from_host_in(const struct path_table *table, int mount, const char *host,
		      struct path_position *ret_position);

/* Table building; host side only, not async-safe, one writer. */
void path_table_init(struct path_table *table, const char *host_root, uint32_t flags);
/* Mounts host on `point` (NULL for a further root mount is -EINVAL). `point` must be a position
 * from path_resolve() or path_table_root(); a mount that sits there already is mounted on in its
 * turn. Returns the mount's index, or -ENOSPC. */
int path_table_add(struct path_table *table, const struct path_position *point, const char *host,
		   uint32_t flags);
/* Hides a mount and the locked ones on it. -EBUSY when another sits on these, -EINVAL for the root
 * mount. */
int path_table_remove(struct path_table *table, int mount);
/* The guest's "/": topmost mount at the root of the root mount. */
void path_table_root(const struct path_table *table, struct path_position *ret_root);

/* Changes while guests live in the table (table_change.c); host side only as well. */

/* Whether the mount is `above`, or sits on it directly or by way of others. */
bool path_table_sits_on(const struct path_table *table, int mount, int above);
/* From a place to the root of the topmost mount on it, if any. */
void path_table_top(const struct path_table *table, struct path_position *position);
/* Mounts the place `source` of the table `from` (which may be `table`), whose host path is `host`, on
 * `point` too. Mounts below source come along when `recursive`; locked ones always, or what they cover
 * would show. flags are those of the first mount; ret_copies[index in from] is the index of a copy, or
 * -1. Returns the first mount's index or -ENOSPC. */
int path_table_bind(struct path_table *table, const struct path_table *from,
		    const struct path_position *source, const char *host,
		    const struct path_position *point, uint32_t flags, bool recursive,
		    int32_t ret_copies[PATH_MOUNTS_MAX]);
/* Hides a mount and all that sit on it. -EINVAL for the root mount and a hidden one. */
int path_table_detach(struct path_table *table, int mount);
/* Moves a mount with all that sit on it. -ELOOP: point lies in one of these. -EINVAL as above. */
int path_table_move(struct path_table *table, int mount, const struct path_position *point);
/* Puts new_root where the mount `root` sits, and `root` on put_old, which lies in new_root or in a
 * mount on it. -EINVAL when it doesn't, -EBUSY when the two are the same. */
int path_table_pivot(struct path_table *table, int root, int new_root,
		     const struct path_position *put_old);
void path_table_set_flags(struct path_table *table, int mount, uint32_t flags);
/* Copies a table without its hidden mounts, but for those in keep[] and what they are covered with. ret_map[old index] is the index in
 * the copy, or -1. */
void path_table_copy(struct path_table *to, const struct path_table *from,
		     const bool keep[PATH_MOUNTS_MAX], int32_t ret_map[PATH_MOUNTS_MAX]);

#endif
