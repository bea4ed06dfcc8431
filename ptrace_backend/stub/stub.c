// SPDX-License-Identifier: Apache-2.0
/* The stub: a system call with a path, translated and made without a stop.
 *
 * Theory of operation
 *
 * A patched call site leads to the architecture's entry (arch/stub_arch.h), which saves the program's registers in a
 * slot, takes the stack there and comes to amphora_stub_call().
 *
 * What can be answered exactly from struct fast_shared is: the directory's host path is known there, and the
 * last component is looked at with a call that doesn't follow a symlink. Anything else, and whatever comes
 * out odd, is left to the tracer: the record's slow code makes the call as the program would have.
 *
 * There is one call that counts, made at one place (the filter knows its address), so that the tracer can tell
 * what a signal interrupted (fast_patch.c): before it all can be done again, after it the result is there.
 *
 * It runs in the guest with nothing relocated: no library, no data, no literal, like the loader.
 */
#include "ptrace_backend/fast_area.h"

#define SECTION __attribute__((section("stub_text")))

#include "ptrace_backend/arch/stub_arch.h"

#define AT_FDCWD	    (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_NO_AUTOMOUNT	    0x800
#define AT_EMPTY_PATH	    0x1000
#define AT_EACCESS	    0x200
#define R_OK		    4
#define W_OK		    2
#define X_OK		    1

#define AT_STATX_SYNC_TYPE  0x6000
#define STATX_BASIC_STATS   0x7ff
#define STATX_SIZE	    256

#define O_WRONLY    01
#define O_ACCMODE   03
#define O_CREAT	    0100
#define O_EXCL	    0200
#define O_TRUNC	    01000
#define O_APPEND    02000
#define O_SYNC	    04010000 /* and O_DSYNC */
#define O_WRITES    (O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_SYNC)
#define O_NOCTTY    0400
#define O_NONBLOCK  04000
#define O_CLOEXEC   02000000
/* For reading, and nothing that the filter wouldn't let pass (filter.c). */
#define O_READS	    (O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE)

#define S_IFMT	0170000
#define S_IFLNK 0120000
#define S_IFIFO 0010000
#define S_IFREG 0100000
#define S_IFDIR 0040000

#define ENOENT	   2
#define EACCES	   13
#define EEXIST	   17
#define ENOTEMPTY  39
#define ERANGE	   34
#define ENODATA	   61
#define EOPNOTSUPP 95

extern const char amphora_stub_start[] __attribute__((visibility("hidden")));

static inline const struct fast_shared *shared_of(void)
{
	return (const void *)(amphora_stub_start + FAST_SHARED);
}

static inline const struct fast_process *process_of(void)
{
	return (const void *)(amphora_stub_start + FAST_PROCESS);
}

SECTION static inline __attribute__((always_inline)) long make_call(struct slot *slot, long number, long a, long b,
								    long c, long d)
{
	return amphora_stub_make_call(slot, number, a, b, c, d, 0);
}

#include "ptrace_backend/stub/place.h"
#include "ptrace_backend/stub/owner.h"

/* What is said where translate() has found nothing to make a call with; 0: it has. */
SECTION static inline __attribute__((always_inline)) long without_call(const struct place *place)
{
	return place->found == UNKNOWN ? FAST_IS_SLOW : place->found == FOUND_NONE ? -ENOENT : 0;
}

#include "ptrace_backend/stub/change.h"
#include "ptrace_backend/stub/names.h"

/* Whether a call that doesn't follow a symlink has told of a file of this mode what the program's would: it is none that
 * would be followed, or may be an emulated hard link; and what a slash stands behind is a directory. */
SECTION static inline __attribute__((always_inline)) int is_answerable(const struct place *place, uint32_t mode,
								       int follows)
{
	uint32_t type = mode & S_IFMT;

	return (type != S_IFLNK || !(follows || shared_of()->links)) && (!place->ends || type == S_IFDIR);
}

/* What a call has written in the slot, to the program: only what succeeds writes there. */
SECTION static __attribute__((noinline)) long give(struct slot *slot, long address, unsigned size)
{
	const uint64_t *from = (const void *)((const char *)slot + SLOT_STATUS);

	for (unsigned i = 0; i < size / 8; i++)
		((volatile uint64_t *)address)[i] = from[i];
	return 0;
}

SECTION static __attribute__((noinline)) long fast_stat(struct slot *slot, long dirfd, const char *path, long address,
							long flags)
{
	int follows = !(flags & AT_SYMLINK_NOFOLLOW);
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	struct place place = { .follows = follows };
	long result;

	if (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return FAST_IS_SLOW;
	translate(slot, dirfd, path, 0, &place);
	result = without_call(&place);
	if (result)
		return result;
	result = make_call(slot, SYS_newfstatat, place.dirfd, (long)place.path, (long)status,
			   AT_SYMLINK_NOFOLLOW | (flags & AT_NO_AUTOMOUNT));
	if (is_stale(slot, &place))
		return FAST_IS_SLOW;
	if (result)
		return result == -ENOENT ? result : FAST_IS_SLOW;
	if (!is_answerable(&place, status->mode, follows) || !show_status(slot, &place, status))
		return FAST_IS_SLOW;
	return give(slot, address, sizeof(*status));
}

SECTION static __attribute__((noinline)) long fast_fstat(struct slot *slot, long fd, long address)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	struct place place;
	long result;

	place_of_fd(&place, fd);
	if (process_of()->off || shared_of()->off || (int)fd < 0)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_fstat, fd, (long)status, 0, 0);
	if (result)
		return result;
	return show_status(slot, &place, status) ? give(slot, address, sizeof(*status)) : FAST_IS_SLOW;
}

SECTION static __attribute__((noinline)) long fast_statx(struct slot *slot, long dirfd, const char *path, long flags,
							 long mask, long address)
{
	int follows = !(flags & AT_SYMLINK_NOFOLLOW);
	struct statx *status = (void *)((char *)slot + SLOT_STATUS);
	struct place place = { .found = FOUND_FD, .follows = follows, .dirfd = dirfd, .path = path };
	long result;

	if (!path || !shared_of()->statx ||
	    (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)))
		return FAST_IS_SLOW;
	if ((flags & AT_EMPTY_PATH) && path[0] == '\0') {
		if (process_of()->off || shared_of()->off || (int)dirfd < 0)
			return FAST_IS_SLOW;
		follows = 0;
	} else {
		translate(slot, dirfd, path, 0, &place);
	}
	result = without_call(&place);
	if (result)
		return result;
	result = amphora_stub_make_call(slot, SYS_statx, place.dirfd, (long)place.path, flags | AT_SYMLINK_NOFOLLOW,
			    mask | STATX_BASIC_STATS, (long)status);
	if (is_stale(slot, &place))
		return FAST_IS_SLOW;
	if (result)
		return result == -ENOENT ? result : FAST_IS_SLOW;
	if (!is_answerable(&place, status->mode, follows) || !show_statx(slot, &place, status))
		return FAST_IS_SLOW;
	return give(slot, address, STATX_SIZE);
}

/* What translate() found, where it isn't a symlink, which the call would follow: 1. 0: it is the tracer's. Or -ENOENT. */
SECTION static __attribute__((noinline)) int is_followed(struct slot *slot, const struct place *place)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	long result = make_call(slot, SYS_newfstatat, place->dirfd, (long)place->path, (long)status, AT_SYMLINK_NOFOLLOW);

	if (is_stale(slot, place))
		return 0;
	if (result)
		return result == -ENOENT ? -ENOENT : 0;
	return is_answerable(place, status->mode, 1);
}

/* Attributes that are the kernel's alone: FAST_HASH of the names. */
#define SECURITY_SELINUX	 0x6853fe6533e196f3ULL
#define SYSTEM_POSIX_ACL_ACCESS	 0xcea5bb44587e165ULL
#define SYSTEM_POSIX_ACL_DEFAULT 0x57129e74591529e0ULL

SECTION static __attribute__((noinline)) long fast_getxattr(struct slot *slot, int follows)
{
	const char *path = (const char *)slot->arguments[0];
	const char *name = (const char *)slot->arguments[1];
	struct place place = { .follows = follows };
	unsigned length;
	uint64_t hash;
	long result;

	if (!path || !name)
		return FAST_IS_SLOW;
	hash = hash_text(name, 32, &length);
	if (hash != SECURITY_SELINUX && hash != SYSTEM_POSIX_ACL_ACCESS && hash != SYSTEM_POSIX_ACL_DEFAULT)
		return FAST_IS_SLOW;
	if (translate(slot, AT_FDCWD, path, 0, &place) != FOUND_HOST || place.ends)
		return place.found == FOUND_NONE ? -ENOENT : FAST_IS_SLOW;
	if ((follows || shared_of()->links) && is_followed(slot, &place) != 1)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_lgetxattr, (long)place.path, (long)name, slot->arguments[2], slot->arguments[3]);
	if (is_stale(slot, &place))
		return FAST_IS_SLOW;
	return result >= 0 || result == -ENODATA || result == -EOPNOTSUPP || result == -ENOENT ? result : FAST_IS_SLOW;
}

/* It may have been waited for long, and its writer would take a close for the end. */
SECTION static __attribute__((noinline)) int is_fifo(struct slot *slot, struct slot *aside, long fd)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);

	return make_call(aside, SYS_fstat, fd, (long)status, 0, 0) == 0 && (status->mode & S_IFMT) == S_IFIFO;
}

/* Whether an fd is that of the path in the slot, with no symlink on the way. The call that counts has been made:
 * this one's result goes where nobody looks for it. */
SECTION static __attribute__((noinline)) int is_of_path(struct slot *slot, struct slot *aside, long fd)
{
	const char *path = (const char *)slot + SLOT_PATH;
	char *link = (char *)slot + SLOT_STATUS, *text = link + 64;
	unsigned length = 0;
	long result;

	((uint64_t *)(void *)link)[0] = 0x65732f636f72702fULL; /* "/proc/se" */
	((uint64_t *)(void *)link)[1] = 0x2f64662f666cULL;     /* "lf/fd/" */
	link[14 + put_number(link + 14, (unsigned)fd)] = '\0';
	result = make_call(aside, SYS_readlinkat, AT_FDCWD, (long)link, (long)text, SLOT_ASIDE - SLOT_STATUS - 64);
	while (path[length])
		length++;
	return result == length && same(path, text, length);
}

/* Where the file in the slot has a copy, the copy's path takes its place: 1. It may be half of one: -1. */
SECTION static __attribute__((noinline)) int take_copy(struct slot *slot)
{
	const struct fast_copy *copies = shared_of()->copies;
	char *host = (char *)slot + SLOT_PATH;
	unsigned length;
	uint64_t hash = hash_text(host, SLOT_PATH_SIZE, &length);

	for (unsigned i = 0; i < FAST_COPIES_MAX; i++) {
		uint32_t version = __atomic_load_n(&copies[i].version, __ATOMIC_ACQUIRE);

		if ((version & 1) || copies[i].hash != hash || copies[i].length != length ||
		    length >= FAST_COPY_PATH || !same(copies[i].original, host, length))
			continue;
		copy(host, copies[i].copy, FAST_COPY_PATH);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		return __atomic_load_n(&copies[i].version, __ATOMIC_RELAXED) == version ? 1 : -1;
	}
	return 0;
}

/* Whether an open that writes or creates is one that the tracer would hand to the kernel as it is. */
SECTION static inline __attribute__((always_inline)) int may_write(const struct place *place, long flags, long mode)
{
	if (!(shared_of()->may & FAST_MAY_OPEN) || !(place->flags & FAST_ENTRY_WRITABLE) ||
	    (flags & O_ACCMODE) == O_ACCMODE || ((flags & O_TRUNC) && !(flags & O_ACCMODE)))
		return 0;
	if (!(flags & O_CREAT))
		return !(flags & O_EXCL);
	/* Who gets it may be the record's to tell. */
	return !(flags & O_DIRECTORY) && !place->ends && !(mode & 07000) && !process_of()->others &&
	       !(place->flags & FAST_ENTRY_SETGID);
}

/* Whether the file may be one of a program that runs (the kernel sees amphora's own run), or is no file: 1, 0, or
 * -errno. The call that counts is still to come, hence this one is made aside. */
SECTION static __attribute__((noinline)) long is_busy(struct slot *slot, struct slot *aside, const struct place *place)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	long result = make_call(aside, SYS_newfstatat, place->dirfd, (long)place->path, (long)status, AT_SYMLINK_NOFOLLOW);
	uint64_t at = status->inode % FAST_PROGRAMS;

	if (result)
		return result;
	return (status->mode & S_IFMT) == S_IFLNK ||
	       ((status->mode & S_IFMT) == S_IFREG && (shared_of()->programs[at / 64] >> at % 64 & 1));
}

SECTION static __attribute__((noinline)) long fast_open(struct slot *slot, long dirfd, const char *path, long flags,
							long mode)
{
	struct slot *aside = (void *)((char *)slot + SLOT_ASIDE);
	int writes = (flags & O_WRITES) != 0, copied = 0;
	long result, kept = flags & O_CREAT ? mode & 07777 : 0;
	struct place place = { .follows = !(flags & (O_NOFOLLOW | O_EXCL)) };

	if (flags & ~(long)(O_READS | O_WRITES))
		return FAST_IS_SLOW;
	translate(slot, dirfd, path, writes, &place);
	result = without_call(&place);
	if (result)
		return result;
	if (writes && !may_write(&place, flags, kept))
		return FAST_IS_SLOW;
	if ((flags & O_ACCMODE) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
		result = is_busy(slot, aside, &place);
		if (result && (result != -ENOENT || !(flags & O_CREAT)))
			return result == -ENOENT && !is_stale(slot, &place) ? result : FAST_IS_SLOW;
	}
	if (place.ends)
		flags |= O_DIRECTORY;
	if (place.found == FOUND_HOST && (slot_flags(slot) & FAST_SITE_OPENS_COPIES) && flags == O_CLOEXEC)
		copied = take_copy(slot);
	if (copied < 0)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_openat, place.dirfd, (long)place.path, (flags & ~(long)O_LARGEFILE) | O_NOFOLLOW, kept);
	if (is_stale(slot, &place) && result > -512 &&
	    (result < 0 || (!is_of_path(slot, aside, result) && !is_fifo(slot, aside, result)))) {
		slot->phase = FAST_BEFORE;
		if (result >= 0)
			make_call(aside, SYS_close, result, 0, 0, 0);
		return FAST_IS_SLOW;
	}
	/* ERESTART* are the kernel's own business. */
	return result >= 0 || (result == -ENOENT && !copied) || (result == -EEXIST && (flags & O_EXCL)) || result <= -512 ?
		       result :
		       FAST_IS_SLOW;
}

/* Whether a symlink's text is that of an emulated hard link, or of PRoot's (core/path/link.h), or like it. */
SECTION static __attribute__((noinline)) int may_be_link(const char *text, long length)
{
	for (long i = 0; i + 3 < length; i++)
		if (text[i] == '.' && (i == 0 || text[i - 1] == '/') &&
		    ((text[i + 1] == 'l' && text[i + 2] == '2') || (text[i + 1] == 'a' && text[i + 2] == 'm')))
			return 1;
	return 0;
}

SECTION static __attribute__((noinline)) long fast_readlink(struct slot *slot, long dirfd, const char *path,
							    long buffer, long size)
{
	struct place place = { .follows = 0 };
	long result;

	if (translate(slot, dirfd, path, 0, &place) == UNKNOWN || place.ends)
		return FAST_IS_SLOW;
	if (place.found == FOUND_NONE)
		return (int)size <= 0 ? FAST_IS_SLOW : -ENOENT;
	result = make_call(slot, SYS_readlinkat, place.dirfd, (long)place.path, buffer, size);
	if (is_stale(slot, &place))
		return FAST_IS_SLOW;
	if (result > 0 && shared_of()->links && (result == size || may_be_link((const char *)buffer, result)))
		return FAST_IS_SLOW;
	return result >= 0 || result == -ENOENT || result == -22 /* EINVAL */ ? result : FAST_IS_SLOW;
}

/* The kernel is asked about the host's file, as the tracer has it asked. Refusals are the tracer's. */
SECTION static __attribute__((noinline)) long fast_access(struct slot *slot, long dirfd, const char *path, long mode,
							  long flags)
{
	struct place place = { .follows = 1 };
	long result;

	if (!shared_of()->access || (mode & ~(long)(R_OK | W_OK | X_OK)) || (flags & ~(long)AT_EACCESS))
		return FAST_IS_SLOW;
	translate(slot, dirfd, path, mode & W_OK, &place);
	result = without_call(&place);
	if (result)
		return result;
	if ((mode & W_OK) && !(place.flags & FAST_ENTRY_WRITABLE))
		return FAST_IS_SLOW;
	result = is_followed(slot, &place);
	if (result != 1)
		return result ? result : FAST_IS_SLOW;
	result = make_call(slot, SYS_faccessat2, place.dirfd, (long)place.path, mode, flags | AT_SYMLINK_NOFOLLOW);
	return result || is_stale(slot, &place) ? FAST_IS_SLOW : 0;
}

SECTION static __attribute__((noinline)) long fast_getcwd(char *buffer, unsigned long size)
{
	const struct fast_shared *shared = shared_of();
	const struct fast_process *process = process_of();
	uint64_t generation = __atomic_load_n(&shared->generation, __ATOMIC_ACQUIRE);
	uint64_t version = __atomic_load_n(&process->cwd_version, __ATOMIC_ACQUIRE);
	unsigned length = process->cwd_length;
	long result = -ERANGE;

	if ((generation & 1) || shared->off || process->off || process->cwd_generation != generation ||
	    length >= sizeof(process->cwd))
		return FAST_IS_SLOW;
	if (size > length + !length) {
		copy(buffer, process->cwd, length);
		if (!length)
			((volatile char *)buffer)[length++] = '/';
		((volatile char *)buffer)[length] = '\0';
		result = length + 1;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&process->cwd_version, __ATOMIC_RELAXED) == version &&
			       __atomic_load_n(&process->cwd_generation, __ATOMIC_RELAXED) == generation ?
		       result :
		       FAST_IS_SLOW;
}

/* For tests (fast.h): this call goes to the tracer for no reason of its own. */
SECTION static inline __attribute__((always_inline)) int is_switched(struct slot *slot)
{
	const volatile struct fast_shared *shared = shared_of();
	volatile uint32_t *state = (volatile uint32_t *)(void *)((char *)slot + SLOT_RANDOM);

	if (!shared->switched)
		return 0;
	*state = (*state + shared->seed) * 1664525u + 1013904223u;
	return *state >> 24 < shared->switched;
}

#ifdef SYS_wait4
/* The kernel knows children, but nothing of guests that trace: from the first of these on waits are the tracer's, and one
 * under way is sent back to its site (fast_is_traced()). */
SECTION static __attribute__((noinline)) long fast_wait(struct slot *slot, long number)
{
	const long *arguments = slot->arguments;

	if (process_of()->off || __atomic_load_n(&shared_of()->off, __ATOMIC_ACQUIRE))
		return FAST_IS_SLOW;
	return amphora_stub_make_call(slot, number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
}
#endif

/* Faked ids, where every thread has the container's own: no call is made. */
SECTION static inline __attribute__((always_inline)) long fast_id(uint32_t own)
{
	return process_of()->off || process_of()->others || shared_of()->off || !shared_of()->fake_ids ? FAST_IS_SLOW :
													  (long)own;
}

__attribute__((section("stub_text"), used, visibility("hidden"))) long amphora_stub_call(struct slot *slot);

long amphora_stub_call(struct slot *slot)
{
	long first = slot->arguments[0], second = slot->arguments[1], third = slot->arguments[2];
	long fourth = slot->arguments[3];

	if (is_switched(slot))
		return FAST_IS_SLOW;
	switch (slot_number(slot)) {
#ifdef SYS_open /* and its kin: newer architectures have none of them */
	case SYS_stat:
		return fast_stat(slot, AT_FDCWD, (const char *)first, second, 0);
	case SYS_lstat:
		return fast_stat(slot, AT_FDCWD, (const char *)first, second, AT_SYMLINK_NOFOLLOW);
	case SYS_access:
		return fast_access(slot, AT_FDCWD, (const char *)first, (int)second, 0);
	case SYS_open:
		return fast_open(slot, AT_FDCWD, (const char *)first, (int)second, third);
	case SYS_unlink:
		return fast_unlink(slot, AT_FDCWD, (const char *)first, 0);
	case SYS_rmdir:
		return fast_unlink(slot, AT_FDCWD, (const char *)first, AT_REMOVEDIR);
	case SYS_mkdir:
		return fast_mkdir(slot, AT_FDCWD, (const char *)first, (uint32_t)second);
	case SYS_rename:
		return fast_move(slot, SYS_renameat, AT_FDCWD, (const char *)first, AT_FDCWD, (const char *)second);
	case SYS_link:
		return fast_move(slot, SYS_linkat, AT_FDCWD, (const char *)first, AT_FDCWD, (const char *)second);
	case SYS_symlink:
		return fast_symlink(slot, (const char *)first, AT_FDCWD, (const char *)second);
	case SYS_creat:
		return fast_open(slot, AT_FDCWD, (const char *)first, O_CREAT | O_WRONLY | O_TRUNC, second);
	case SYS_readlink:
		return fast_readlink(slot, AT_FDCWD, (const char *)first, second, third);
#endif
#ifdef SYS_wait4
	case SYS_wait4:
	case SYS_waitid:
		return fast_wait(slot, slot_number(slot));
#endif
	case SYS_getuid:
	case SYS_geteuid:
		return fast_id(shared_of()->own_uid);
	case SYS_getgid:
	case SYS_getegid:
		return fast_id(shared_of()->own_gid);
	case SYS_getcwd:
		return fast_getcwd((char *)first, (unsigned long)second);
	case SYS_unlinkat:
		return fast_unlink(slot, first, (const char *)second, (int)third);
	case SYS_mkdirat:
		return fast_mkdir(slot, first, (const char *)second, (uint32_t)third);
	case SYS_symlinkat:
		return fast_symlink(slot, (const char *)first, second, (const char *)third);
	case SYS_renameat2:
		if ((uint32_t)slot->arguments[4])
			return FAST_IS_SLOW;
		/* fall through */
	case SYS_renameat:
		return fast_move(slot, SYS_renameat, first, (const char *)second, third, (const char *)fourth);
	case SYS_linkat:
		if ((uint32_t)slot->arguments[4])
			return FAST_IS_SLOW;
		return fast_move(slot, SYS_linkat, first, (const char *)second, third, (const char *)fourth);
	case SYS_fstat:
		return fast_fstat(slot, first, second);
	case SYS_fchmod:
		return fast_fchmod(slot, first, second);
	case SYS_fchown:
		return fast_fchown(slot, first, (uint32_t)second, (uint32_t)third);
	case SYS_utimensat:
		return fast_times(slot, first, second, third, (int)fourth);
	case SYS_faccessat:
		return fast_access(slot, first, (const char *)second, (int)third, 0);
	case SYS_faccessat2:
		return fast_access(slot, first, (const char *)second, (int)third, (int)fourth);
	case SYS_newfstatat:
		if (fourth == AT_EMPTY_PATH && second && ((const char *)second)[0] == '\0')
			return fast_fstat(slot, first, third);
		return fast_stat(slot, first, (const char *)second, third, (int)fourth);
	case SYS_openat:
		return fast_open(slot, first, (const char *)second, (int)third, fourth);
	case SYS_statx:
		return fast_statx(slot, first, (const char *)second, (int)third, (unsigned)fourth,
				  slot->arguments[4]);
	case SYS_getxattr:
		return fast_getxattr(slot, 1);
	case SYS_lgetxattr:
		return fast_getxattr(slot, 0);
	case SYS_readlinkat:
		return fast_readlink(slot, first, (const char *)second, third, fourth);
	default:
		return FAST_IS_SLOW;
	}
}

/* Whole pages are moved: nothing else may lie in the last one. gcc puts an instruction behind a naked function,
 * clang all assembly before the functions. */
#ifdef __clang__
__attribute__((naked, section("stub_text"), used, visibility("hidden"))) void amphora_stub_end(void);

void amphora_stub_end(void)
{
	__asm__(".balign 16384");
}
#else
__asm__(".section stub_text,\"ax\",@progbits\n"
	".balign 16384\n"
	".previous\n");
#endif
