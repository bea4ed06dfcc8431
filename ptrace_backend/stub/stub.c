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

#define SECTION __attribute__((section("stub_text"), used))

#include "ptrace_backend/arch/stub_arch.h"

#define AT_FDCWD	    (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_NO_AUTOMOUNT	    0x800
#define AT_EMPTY_PATH	    0x1000

#define AT_STATX_SYNC_TYPE  0x6000
#define STATX_BASIC_STATS   0x7ff

#define O_NOCTTY    0400
#define O_NONBLOCK  04000
#define O_CLOEXEC   02000000
/* For reading, and nothing that the filter wouldn't let pass (filter.c). */
#define O_READS	    (O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE)

#define S_IFMT	0170000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFDIR 0040000

#define ENOENT	   2
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

struct name {
	uint64_t directory; /* hash of what is before the last slash */
	uint64_t last;	    /* hash of the last component */
	unsigned length, slash; /* slash: position of the last one; length when there is none */
};

/* Takes a path apart. 0 when it has what only the tracer understands: an empty component, "." or "..", a
 * slash at the end, more than FAST_PATH_MAX bytes, or a last component that is a number. */
SECTION static inline __attribute__((always_inline)) int parse(const char *path, uint64_t start, struct name *name)
{
	uint64_t hash = start, last = FAST_HASH_START;
	unsigned length = 0, component = 0, dots = 0, digits = 0;

	name->slash = ~0u;
	name->directory = start;
	for (;; length++) {
		char byte = ((const volatile char *)path)[length];

		if (byte == '\0' || byte == '/') {
			if ((component == dots && component < 3 && component) || (!component && length) ||
			    length >= FAST_PATH_MAX)
				return 0;
			if (byte == '\0')
				break;
			name->slash = length;
			name->directory = hash;
			component = dots = digits = 0;
			last = FAST_HASH_START;
		} else {
			component++;
			dots += byte == '.';
			digits += byte >= '0' && byte <= '9';
			last = FAST_HASH_STEP(last, byte);
		}
		hash = FAST_HASH_STEP(hash, byte);
	}
	name->length = length;
	name->last = last;
	return component && digits != component;
}

SECTION static inline __attribute__((always_inline)) int same(const char *a, const char *b, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		if (a[i] != ((const volatile char *)b)[i])
			return 0;
	return 1;
}

SECTION static inline __attribute__((always_inline)) unsigned copy(char *to, const char *from, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		to[i] = ((const volatile char *)from)[i];
	return length;
}

/* Whether a name means the same in every directory. */
SECTION static inline __attribute__((always_inline)) int is_plain(const struct fast_shared *shared, uint64_t name)
{
	return !fast_bloom_has(shared->names, FAST_NAMES_WORDS, name);
}

static inline uint64_t *slot_generation(struct slot *slot)
{
	return (void *)((char *)slot + SLOT_GENERATION);
}

/* Whether what translate() found may have changed since: a call made meanwhile may have followed a symlink in the
 * place of a directory. */
SECTION static inline __attribute__((always_inline)) int is_stale(struct slot *slot, int found)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return found == 1 && __atomic_load_n(&shared_of()->generation, __ATOMIC_RELAXED) != *slot_generation(slot);
}

/* Whether the last component is one of PRoot's files. */
SECTION static inline __attribute__((always_inline)) int is_l2s(const char *path, const struct name *name)
{
	const volatile char *last = path + (name->slash == ~0u ? 0 : name->slash + 1);

	return last[0] == '.' && last[1] == 'l' && last[2] == '2' && last[3] == 's';
}

/* The host path of path, in the slot: 1. 0: not known. 2: dirfd and path are right as they are. */
SECTION static __attribute__((noinline)) int translate(struct slot *slot, long dirfd, const char *path)
{
	const struct fast_shared *shared = shared_of();
	const struct fast_process *process = process_of();
	uint64_t generation = __atomic_load_n(&shared->generation, __ATOMIC_ACQUIRE);
	char *host = (char *)slot + SLOT_PATH;
	const char *prefix = 0;
	unsigned prefix_length = 0, steps = 0, at;
	uint64_t start = FAST_HASH_START;
	struct name name;

	if ((generation & 1) || shared->off || process->off || !path)
		return 0;
	if (path[0] != '/') {
		int relative;

		/* A working directory's hash is that of its path and a slash. */
		prefix = process->cwd;
		prefix_length = process->cwd_length;
		if (process->cwd_generation == generation && prefix_length < sizeof(process->cwd)) {
			for (unsigned i = 0; i < prefix_length; i++)
				start = FAST_HASH_STEP(start, prefix[i]);
			start = FAST_HASH_STEP(start, '/');
		} else {
			prefix_length = ~0u;
		}
		relative = parse(path, start, &name);
		if (!relative || !is_plain(shared, name.last) || (shared->links && is_l2s(path, &name)))
			return 0;
		if (name.slash == ~0u)
			return 2;
		if ((int)dirfd != AT_FDCWD || prefix_length == ~0u)
			return 0;
	} else if (!parse(path, start, &name) || !is_plain(shared, name.last) ||
		   (shared->links && is_l2s(path, &name))) {
		return 0;
	}
	for (uint32_t index = shared->buckets[name.directory % FAST_BUCKETS];
	     index && index <= FAST_ENTRIES_MAX && steps < 16; steps++) {
		const struct fast_entry *entry = &shared->entries[index - 1];
		uint32_t extra = path[0] == '/' ? 0 : prefix_length + 1;

		index = entry->next;
		if (entry->hash != name.directory || entry->guest_length != extra + name.slash ||
		    entry->guest + entry->guest_length > FAST_STRINGS || entry->host + entry->host_length > FAST_STRINGS ||
		    entry->host_length + name.length >= SLOT_PATH_SIZE - 1)
			continue;
		if (extra && (!same(shared->strings + entry->guest, prefix, prefix_length) ||
			      shared->strings[entry->guest + prefix_length] != '/'))
			continue;
		if (!same(shared->strings + entry->guest + extra, path, name.slash))
			continue;
		at = copy(host, shared->strings + entry->host, entry->host_length);
		/* Read once more: another thread may have changed it, and then it is the tracer's. */
		if (copy(host + at, path + name.slash, name.length - name.slash + 1) &&
		    host[at + name.length - name.slash] != '\0')
			return 0;
		*slot_generation(slot) = generation;
		return !is_stale(slot, 1);
	}
	return 0;
}

/* Whether a file has no record: 1, 0 (it may have one), or -1: its attribute has to be asked for. */
SECTION static inline __attribute__((always_inline)) int is_unrecorded(uint64_t inode, uint32_t mode, uint64_t change)
{
	const struct fast_shared *shared = shared_of();
	const struct fast_absence *absence = &shared->absent[fast_mix(inode) % FAST_ABSENT];
	uint32_t type = mode & S_IFMT;

	if (fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, inode))
		return 0;
	if (shared->proven || (type != S_IFREG && type != S_IFDIR) ||
	    (absence->inode == inode && absence->change == change))
		return 1;
	return -1;
}

#define FOUND_FD 3 /* beside what translate() says: dirfd is the object itself */

/* The same, having asked. `found`: as translate() said; the path is in the slot. */
SECTION static __attribute__((noinline)) int has_no_record(struct slot *slot, int found, long dirfd, uint64_t inode,
							   uint32_t mode, uint64_t change)
{
	int answer = is_unrecorded(inode, mode, change);
	long result;

	if (answer >= 0)
		return answer;
	if (found != 1 && found != FOUND_FD)
		return 0;
	result = make_call(slot, found == 1 ? SYS_lgetxattr : SYS_fgetxattr,
			   found == 1 ? (long)slot + SLOT_PATH : dirfd, (long)shared_of()->record_name, 0, 0);
	return result == -ENODATA || result == -EOPNOTSUPP;
}

/* What two structures say alike of a file. */
struct owned {
	uint64_t device, inode, change; /* as fast_absence has it */
	uint32_t mode;
	uint32_t *uid, *gid;
};

/* Puts the owner right: 0 when the tracer has to. */
SECTION static __attribute__((noinline)) int show_owner(struct slot *slot, int found, long dirfd,
							const struct owned *file)
{
	const struct fast_shared *shared = shared_of();

	if (shared->links && fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, file->inode))
		return 0;
	if (!shared->fake_ids)
		return 1;
	if (file->device == shared->proc_device ||
	    !has_no_record(slot, found, dirfd, file->inode, file->mode, file->change))
		return 0;
	if (*file->uid == shared->host_uid)
		*file->uid = shared->own_uid;
	if (*file->gid == shared->host_gid)
		*file->gid = shared->own_gid;
	return 1;
}

SECTION static inline __attribute__((always_inline)) int show_status(struct slot *slot, int found, long dirfd,
								     struct status *status)
{
	struct owned file = { .device = status->device, .inode = status->inode, .mode = status->mode,
			      .change = (status->change << 30) + status->change_ns,
			      .uid = &status->uid, .gid = &status->gid };

	return show_owner(slot, found, dirfd, &file);
}

/* The kernel's struct statx, as far as it matters. */
struct statx {
	uint32_t mask, block_size;
	uint64_t attributes;
	uint32_t links, uid, gid;
	uint16_t mode, padding;
	uint64_t inode, size, blocks, attributes_mask;
	struct {
		uint64_t seconds;
		uint32_t nanoseconds, reserved;
	} access, birth, change, modify;
	uint32_t special_major, special_minor, device_major, device_minor;
};

SECTION static inline __attribute__((always_inline)) int show_statx(struct slot *slot, int found, long dirfd,
								    struct statx *status)
{
	struct owned file = { .inode = status->inode, .mode = status->mode,
			      .change = (status->change.seconds << 30) + status->change.nanoseconds,
			      .uid = &status->uid, .gid = &status->gid };

	/* As makedev(3). */
	file.device = (status->device_minor & 0xffu) | (uint64_t)(status->device_major & 0xfffu) << 8 |
		      (uint64_t)(status->device_minor & ~0xffu) << 12;
	return show_owner(slot, found, dirfd, &file);
}

SECTION static __attribute__((noinline)) long fast_stat(struct slot *slot, long dirfd, const char *path, long address,
							long flags)
{
	int follows = !(flags & AT_SYMLINK_NOFOLLOW), found;
	struct status *status = (struct status *)address;
	long result;

	if (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return FAST_IS_SLOW;
	found = translate(slot, dirfd, path);
	if (!found)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_newfstatat, found == 1 ? AT_FDCWD : dirfd,
			   found == 1 ? (long)slot + SLOT_PATH : (long)path, address,
			   AT_SYMLINK_NOFOLLOW | (flags & AT_NO_AUTOMOUNT));
	if (is_stale(slot, found))
		return FAST_IS_SLOW;
	if (result)
		return result == -ENOENT ? result : FAST_IS_SLOW;
	if (((follows || shared_of()->links) && (status->mode & S_IFMT) == S_IFLNK) || !show_status(slot, found, dirfd, status))
		return FAST_IS_SLOW;
	return 0;
}

SECTION static __attribute__((noinline)) long fast_fstat(struct slot *slot, long fd, long address)
{
	long result;

	if (process_of()->off || shared_of()->off || (int)fd < 0)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_fstat, fd, address, 0, 0);
	return result || show_status(slot, FOUND_FD, fd, (struct status *)address) ? result : FAST_IS_SLOW;
}

SECTION static __attribute__((noinline)) long fast_statx(struct slot *slot, long dirfd, const char *path, long flags,
							 long mask, long address)
{
	int follows = !(flags & AT_SYMLINK_NOFOLLOW), found;
	struct statx *status = (struct statx *)address;
	long result;

	if (!path ||
	    (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)))
		return FAST_IS_SLOW;
	if ((flags & AT_EMPTY_PATH) && path[0] == '\0') {
		if (process_of()->off || shared_of()->off || (int)dirfd < 0)
			return FAST_IS_SLOW;
		found = FOUND_FD;
		follows = 0;
	} else {
		found = translate(slot, dirfd, path);
	}
	if (!found)
		return FAST_IS_SLOW;
	result = amphora_stub_make_call(slot, SYS_statx, found == 1 ? AT_FDCWD : dirfd,
			    found == 1 ? (long)slot + SLOT_PATH : (long)path, flags | AT_SYMLINK_NOFOLLOW,
			    mask | STATX_BASIC_STATS, address);
	if (is_stale(slot, found))
		return FAST_IS_SLOW;
	if (result)
		return result == -ENOENT ? result : FAST_IS_SLOW;
	if (((follows || shared_of()->links) && (status->mode & S_IFMT) == S_IFLNK) || !show_statx(slot, found, dirfd, status))
		return FAST_IS_SLOW;
	return 0;
}

/* Whether what translate() found isn't a symlink, which the call would follow. */
SECTION static __attribute__((noinline)) int is_followed(struct slot *slot, int found, long dirfd, const char *path)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);

	return make_call(slot, SYS_newfstatat, found == 1 ? AT_FDCWD : dirfd,
			 found == 1 ? (long)slot + SLOT_PATH : (long)path, (long)status, AT_SYMLINK_NOFOLLOW) != 0 ||
	       (status->mode & S_IFMT) == S_IFLNK;
}

/* Attributes that are the kernel's alone: FAST_HASH of the names. */
#define SECURITY_SELINUX	 0x6853fe6533e196f3ULL
#define SYSTEM_POSIX_ACL_ACCESS	 0xcea5bb44587e165ULL
#define SYSTEM_POSIX_ACL_DEFAULT 0x57129e74591529e0ULL

SECTION static __attribute__((noinline)) long fast_getxattr(struct slot *slot, int follows)
{
	const char *path = (const char *)slot->arguments[0];
	const char *name = (const char *)slot->arguments[1];
	uint64_t hash = FAST_HASH_START;
	unsigned length = 0;
	long result;

	if (!path || !name)
		return FAST_IS_SLOW;
	for (; length < 32 && name[length]; length++)
		hash = FAST_HASH_STEP(hash, name[length]);
	if (hash != SECURITY_SELINUX && hash != SYSTEM_POSIX_ACL_ACCESS && hash != SYSTEM_POSIX_ACL_DEFAULT)
		return FAST_IS_SLOW;
	if (translate(slot, AT_FDCWD, path) != 1 ||
	    ((follows || shared_of()->links) && is_followed(slot, 1, AT_FDCWD, path)))
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_lgetxattr, (long)slot + SLOT_PATH, (long)name, slot->arguments[2],
			   slot->arguments[3]);
	if (is_stale(slot, 1))
		return FAST_IS_SLOW;
	return result >= 0 || result == -ENODATA || result == -EOPNOTSUPP || result == -ENOENT ? result : FAST_IS_SLOW;
}

/* Whether an fd is that of the path in the slot, with no symlink on the way. The call that counts has been made:
 * this one's result goes where nobody looks for it. */
SECTION static __attribute__((noinline)) int is_of_path(struct slot *slot, struct slot *aside, long fd)
{
	const char *path = (const char *)slot + SLOT_PATH;
	char *link = (char *)slot + SLOT_STATUS, *text = link + 64;
	unsigned digits = 1, length = 0;
	long result;

	((uint64_t *)(void *)link)[0] = 0x65732f636f72702fULL; /* "/proc/se" */
	((uint64_t *)(void *)link)[1] = 0x2f64662f666cULL;     /* "lf/fd/" */
	for (long rest = fd; rest >= 10; rest /= 10)
		digits++;
	link[14 + digits] = '\0';
	for (unsigned i = digits; i-- > 0; fd /= 10)
		link[14 + i] = (char)('0' + fd % 10);
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
	uint64_t hash = FAST_HASH_START;
	unsigned length = 0;

	for (; host[length]; length++)
		hash = FAST_HASH_STEP(hash, host[length]);
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

SECTION static __attribute__((noinline)) long fast_open(struct slot *slot, long dirfd, const char *path, long flags)
{
	struct slot *aside = (void *)((char *)slot + SLOT_ASIDE);
	int found, copied = 0;
	long result;

	if (flags & ~(long)O_READS)
		return FAST_IS_SLOW;
	found = translate(slot, dirfd, path);
	if (!found)
		return FAST_IS_SLOW;
	if (found == 1 && (slot_flags(slot) & FAST_SITE_OPENS_COPIES) && flags == O_CLOEXEC)
		copied = take_copy(slot);
	if (copied < 0)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_openat, found == 1 ? AT_FDCWD : dirfd,
			   found == 1 ? (long)slot + SLOT_PATH : (long)path, (flags & ~(long)O_LARGEFILE) | O_NOFOLLOW, 0);
	/* It may have waited long for a FIFO's writer, who would take a close for the end. */
	if (is_stale(slot, found) && result > -512 && (result < 0 || !is_of_path(slot, aside, result))) {
		slot->phase = FAST_BEFORE;
		if (result >= 0)
			make_call(aside, SYS_close, result, 0, 0, 0);
		return FAST_IS_SLOW;
	}
	/* ERESTART* are the kernel's own business. */
	return result >= 0 || (result == -ENOENT && !copied) || result <= -512 ? result : FAST_IS_SLOW;
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
	int found = translate(slot, dirfd, path);
	long result;

	if (!found)
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_readlinkat, found == 1 ? AT_FDCWD : dirfd,
			   found == 1 ? (long)slot + SLOT_PATH : (long)path, buffer, size);
	if (is_stale(slot, found))
		return FAST_IS_SLOW;
	if (result > 0 && shared_of()->links && (result == size || may_be_link((const char *)buffer, result)))
		return FAST_IS_SLOW;
	return result >= 0 || result == -ENOENT || result == -22 /* EINVAL */ ? result : FAST_IS_SLOW;
}

__attribute__((section("stub_text"), used, visibility("hidden"))) long amphora_stub_call(struct slot *slot);

long amphora_stub_call(struct slot *slot)
{
	long first = slot->arguments[0], second = slot->arguments[1], third = slot->arguments[2];
	long fourth = slot->arguments[3];

	switch (slot_number(slot)) {
#ifdef SYS_open /* and its kin: newer architectures have none of them */
	case SYS_stat:
		return fast_stat(slot, AT_FDCWD, (const char *)first, second, 0);
	case SYS_lstat:
		return fast_stat(slot, AT_FDCWD, (const char *)first, second, AT_SYMLINK_NOFOLLOW);
	case SYS_open:
		return fast_open(slot, AT_FDCWD, (const char *)first, (int)second);
	case SYS_readlink:
		return fast_readlink(slot, AT_FDCWD, (const char *)first, second, third);
#endif
	case SYS_fstat:
		return fast_fstat(slot, first, second);
	case SYS_newfstatat:
		if (fourth == AT_EMPTY_PATH && second && ((const char *)second)[0] == '\0')
			return fast_fstat(slot, first, third);
		return fast_stat(slot, first, (const char *)second, third, (int)fourth);
	case SYS_openat:
		return fast_open(slot, first, (const char *)second, (int)third);
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
