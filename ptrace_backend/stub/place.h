/* SPDX-License-Identifier: Apache-2.0 */
/* What a path leads to, for the stub alone: where its directory is known, or it is a name below an fd; or nothing, where a
 * name on the way isn't there.
 */
#ifndef AMPHORA_STUB_PLACE_H
#define AMPHORA_STUB_PLACE_H

#define ABOVE_MAX 12

struct name {
	uint64_t directory; /* hash of what is before the last slash */
	uint64_t last;	    /* hash of the last component */
	uint64_t all;	    /* of the whole */
	unsigned length, slash; /* slash: position of the last one; ~0u when there is none */
	int is_number, is_dot;
	int ends; /* a slash follows, which isn't part of length: it has to be a directory */
	unsigned above_count;
	struct {
		uint64_t hash;
		unsigned length;
	} above[ABOVE_MAX]; /* what is before each slash */
};

/* Takes a path apart. 0 when its end is something that only the tracer understands: "..", more than one slash; and
 * when it has more than FAST_PATH_MAX bytes. */
SECTION static inline __attribute__((always_inline)) int parse(const char *path, uint64_t start, struct name *name)
{
	uint64_t hash = start, last = FAST_HASH_START;
	unsigned length = 0, component = 0, dots = 0, digits = 0;

	name->slash = ~0u;
	name->directory = start;
	name->above_count = 0;
	name->ends = 0;
	for (;; length++) {
		char byte = ((const volatile char *)path)[length];

		if (length >= FAST_PATH_MAX)
			return 0;
		if (byte == '/') {
			if (component && ((const volatile char *)path)[length + 1] == '\0') {
				name->ends = 1;
				break;
			}
			if (name->above_count < ABOVE_MAX) {
				name->above[name->above_count].hash = hash;
				name->above[name->above_count++].length = length;
			}
			name->slash = length;
			name->directory = hash;
			component = dots = digits = 0;
			last = FAST_HASH_START;
		} else if (byte == '\0') {
			break;
		} else {
			component++;
			dots += byte == '.';
			digits += byte >= '0' && byte <= '9';
			last = FAST_HASH_STEP(last, byte);
		}
		hash = FAST_HASH_STEP(hash, byte);
	}
	name->length = length;
	name->all = hash;
	name->last = last;
	name->is_number = digits == component;
	name->is_dot = dots == component && component == 1;
	return component && !(dots == component && component == 2);
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

/* Of a string, or of its first `most` bytes. */
SECTION static inline __attribute__((always_inline)) uint64_t hash_text(const char *text, unsigned most,
									unsigned *ret_length)
{
	uint64_t hash = FAST_HASH_START;
	unsigned length = 0;

	for (; length < most && text[length]; length++)
		hash = FAST_HASH_STEP(hash, text[length]);
	*ret_length = length;
	return hash;
}

/* In decimal digits; returns how many. */
SECTION static inline __attribute__((always_inline)) unsigned put_number(char *to, unsigned number)
{
	unsigned digits = 1;

	for (unsigned rest = number; rest >= 10; rest /= 10)
		digits++;
	for (unsigned i = digits; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	return digits;
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

enum found {
	UNKNOWN,
	FOUND_HOST,  /* by its host path, in the slot */
	FOUND_BELOW, /* a name in the directory that the program says: all is right as it is */
	FOUND_FD,    /* the fd itself */
	FOUND_NONE,  /* there is nothing of this name */
};

struct place {
	enum found found;
	int follows; /* the caller's: a symlink is followed */
	int ends; /* it has to be a directory, or else it is the tracer's */
	long dirfd;
	const char *path; /* these two for the call */
	uint32_t flags;	  /* of the entry of the directory that the name is in, or of its own; 0: not known */
	int mount;	  /* the same */
	const struct fast_entry *entry;
};

/* Field by field: an initializer may become a call of memset(). */
SECTION static inline __attribute__((always_inline)) void place_of_fd(struct place *place, long fd)
{
	place->found = FOUND_FD;
	place->follows = place->ends = 0;
	place->dirfd = fd;
	place->path = 0;
}

/* translate() is asked for a name in a directory whose entry is known, FOUND_BELOW too. */
#define WANTS_ENTRY 1
/* And the name is to be made or taken away: none that means something, "." or with a slash behind it. */
#define WANTS_NAME  2

/* Whether entries may have changed since translate() began. */
SECTION static inline __attribute__((always_inline)) int has_changed(struct slot *slot)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&shared_of()->generation, __ATOMIC_RELAXED) != *slot_generation(slot);
}

/* Whether what translate() found may be wrong by now: a call made meanwhile may have followed a symlink in the
 * place of a directory. */
SECTION static inline __attribute__((always_inline)) int is_stale(struct slot *slot, const struct place *place)
{
	return place->found == FOUND_HOST && has_changed(slot);
}

/* Whether the last component is one of PRoot's files. */
SECTION static inline __attribute__((always_inline)) int is_l2s(const char *path, const struct name *name)
{
	const volatile char *last = path + (name->slash == ~0u ? 0 : name->slash + 1);

	return last[0] == '.' && last[1] == 'l' && last[2] == '2' && last[3] == 's';
}

/* The entry of a directory: `hash` is that of `prefix` and a slash, and the first `length` bytes of `path`. */
SECTION static __attribute__((noinline)) const struct fast_entry *find(uint64_t hash, const char *path, unsigned length,
								       const char *prefix, unsigned prefix_length)
{
	const struct fast_shared *shared = shared_of();
	unsigned extra = prefix ? prefix_length + 1 : 0, steps = 0;

	for (uint32_t index = shared->buckets[hash % FAST_BUCKETS]; index && index <= FAST_ENTRIES_MAX && steps < 16;
	     steps++) {
		const struct fast_entry *entry = &shared->entries[index - 1];

		index = entry->next;
		if (entry->hash != hash || entry->guest_length != extra + length ||
		    entry->guest + entry->guest_length > FAST_STRINGS || entry->host + entry->host_length > FAST_STRINGS)
			continue;
		if (extra && (!same(shared->strings + entry->guest, prefix, prefix_length) ||
			      shared->strings[entry->guest + prefix_length] != '/'))
			continue;
		if (same(shared->strings + entry->guest + extra, path, length))
			return entry;
	}
	return 0;
}

/* The same of the directory behind an fd, or of the working directory. */
SECTION static __attribute__((noinline)) const struct fast_entry *find_by_fd(struct slot *slot, long fd)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	const struct fast_shared *shared = shared_of();
	char *dot = (char *)slot + SLOT_PATH;
	unsigned steps = 0;

	dot[0] = '.';
	dot[1] = '\0';
	if (((int)fd < 0 && (int)fd != AT_FDCWD) ||
	    make_call((void *)((char *)slot + SLOT_ASIDE), SYS_newfstatat, fd, (long)dot, (long)status, 0))
		return 0;
	for (uint32_t index = shared->inode_buckets[FAST_INODE_BUCKET(status->inode)];
	     index && index <= FAST_ENTRIES_MAX && steps < 16; steps++) {
		const struct fast_entry *entry = &shared->entries[index - 1];

		index = entry->next_inode;
		if (entry->inode == status->inode && entry->device == status->device &&
		    (entry->flags & FAST_ENTRY_BY_FD) && entry->guest_length <= FAST_PATH_MAX &&
		    entry->guest + entry->guest_length <= FAST_STRINGS)
			return entry;
	}
	return 0;
}

SECTION static __attribute__((noinline)) int has_slash(const char *path)
{
	for (unsigned i = 0; i < FAST_PATH_MAX && ((const volatile char *)path)[i]; i++)
		if (((const volatile char *)path)[i] == '/')
			return 1;
	return 0;
}

/* Whether there is nothing of the name that `path` begins with, in a directory whose host path (`length` bytes of it) is
 * in the slot already, or in dirfd. For what lies below it all the same. */
SECTION static __attribute__((noinline)) int is_missing(struct slot *slot, long dirfd, unsigned length, const char *path)
{
	struct slot *aside = (void *)((char *)slot + SLOT_ASIDE);
	char *host = (char *)slot + SLOT_PATH;
	uint64_t hash = FAST_HASH_START;
	unsigned size = 0, dots = 0, digits = 0;

	for (; size < 256; size++) {
		char byte = ((const volatile char *)path)[size];

		host[length + size] = byte;
		if (byte == '/' || byte == '\0')
			break;
		dots += byte == '.';
		digits += byte >= '0' && byte <= '9';
		hash = FAST_HASH_STEP(hash, byte);
	}
	if (size == 256 || (dots == size && size < 3) || digits == size || !is_plain(shared_of(), hash))
		return 0;
	host[length + size] = '\0';
	return make_call(aside, SYS_newfstatat, dirfd, (long)host, (long)slot + SLOT_STATUS, AT_SYMLINK_NOFOLLOW) == -ENOENT;
}

/* The directory of a name isn't known, but maybe one above it is, and there is nothing below that. */
SECTION static __attribute__((noinline)) enum found look_above(struct slot *slot, const struct name *name, long dirfd,
							       const char *path, const char *prefix,
							       unsigned prefix_length)
{
	const struct fast_shared *shared = shared_of();

	if (path[0] != '/' && is_missing(slot, dirfd, 0, path))
		return FOUND_NONE;
	for (unsigned i = name->above_count; i-- > 0;) {
		const struct fast_entry *entry;
		unsigned length;

		if (path[0] != '/' && !prefix)
			break;
		/* It may have become known meanwhile. That the name itself isn't there is no answer to who makes it. */
		if (name->above[i].length == name->slash)
			continue;
		entry = find(name->above[i].hash, path, name->above[i].length, prefix, prefix_length);
		if (!entry || entry->host_length + 258 >= SLOT_PATH_SIZE)
			continue;
		length = copy((char *)slot + SLOT_PATH, shared->strings + entry->host, entry->host_length);
		((char *)slot)[SLOT_PATH + length++] = '/';
		if (has_changed(slot))
			break;
		return is_missing(slot, AT_FDCWD, length, path + name->above[i].length + 1) && !has_changed(slot) ?
			       FOUND_NONE :
			       UNKNOWN;
	}
	return UNKNOWN;
}

/* What a relative path counts from. */
struct base {
	const char *path; /* guest path; 0: not known */
	unsigned length;
	uint64_t hash; /* of it */
	const struct fast_entry *entry; /* where it was found by an fd */
	uint64_t version; /* of the working directory */
};

SECTION static __attribute__((noinline)) void find_base(struct slot *slot, long dirfd, const char *path, int wants,
							uint64_t generation, struct base *base)
{
	const struct fast_process *process = process_of();

	base->path = 0;
	base->entry = 0;
	base->length = 0;
	base->hash = FAST_HASH_START;
	if (path[0] == '/')
		return;
	base->version = __atomic_load_n(&process->cwd_version, __ATOMIC_ACQUIRE);
	if ((int)dirfd == AT_FDCWD && process->cwd_generation == generation &&
	    process->cwd_length < sizeof(process->cwd)) {
		base->path = process->cwd;
		base->length = process->cwd_length;
	} else if (wants || has_slash(path)) {
		base->entry = find_by_fd(slot, dirfd);
		if (!base->entry)
			return;
		base->path = shared_of()->strings + base->entry->guest;
		base->length = base->entry->guest_length;
	}
	for (unsigned i = 0; i < base->length; i++)
		base->hash = FAST_HASH_STEP(base->hash, base->path[i]);
}

/* The entry of the directory that a name without a slash is in. */
SECTION static inline __attribute__((always_inline)) const struct fast_entry *entry_of_base(const struct base *base)
{
	if (base->entry || !base->path)
		return base->entry;
	return find(base->hash, base->path, base->length, 0, 0);
}

/* A single name: all is right as it is. */
SECTION static inline __attribute__((always_inline)) int find_below(struct slot *slot, long dirfd, const char *path,
								    int wants, const struct name *name,
								    const struct base *base, struct place *place)
{
	const struct fast_entry *entry = wants ? entry_of_base(base) : 0;
	char *host = (char *)slot + SLOT_PATH;

	/* Names that are numbers are processes, where this is /proc. */
	if (!entry && (wants || name->is_number))
		return 0;
	if (entry) {
		place->flags = entry->flags;
		place->mount = entry->mount;
		place->entry = entry;
	}
	place->dirfd = dirfd;
	place->path = path;
	if (name->ends) {
		if (name->length > 255)
			return 0;
		host[copy(host, path, name->length)] = '\0';
		place->path = host;
	}
	return 1;
}

SECTION static __attribute__((noinline)) enum found translate(struct slot *slot, long dirfd, const char *path, int wants,
							      struct place *place)
{
	const struct fast_shared *shared = shared_of();
	const struct fast_process *process = process_of();
	uint64_t generation = __atomic_load_n(&shared->generation, __ATOMIC_ACQUIRE);
	char *host = (char *)slot + SLOT_PATH;
	const struct fast_entry *entry = 0;
	struct base base;
	struct name name;
	unsigned at;

	place->found = UNKNOWN;
	place->ends = 0;
	place->flags = 0;
	if ((generation & 1) || shared->off || process->off || !path)
		return UNKNOWN;
	find_base(slot, dirfd, path, wants, generation, &base);
	/* A directory's hash is that of its path and a slash. */
	if (!parse(path, base.path ? FAST_HASH_STEP(base.hash, '/') : FAST_HASH_START, &name) ||
	    (shared->links && is_l2s(path, &name)))
		return UNKNOWN;
	place->ends = name.ends;
	if (wants == WANTS_NAME && (name.is_dot || name.ends || !is_plain(shared, name.last)))
		return UNKNOWN;
	if (place->follows && !name.is_dot && (path[0] == '/' || base.path))
		entry = find(FAST_HASH_LINK(name.all), path, name.length, base.path, base.length);
	if (!entry && !name.is_dot && !is_plain(shared, name.last)) {
		if (path[0] != '/' && (!base.path || name.slash == ~0u))
			return UNKNOWN;
		entry = find(FAST_HASH_LEAF(name.all), path, name.length, base.path, base.length);
		if (!entry)
			return UNKNOWN;
	}
	if (entry) { /* it is all of the path's */
		name.slash = name.length;
		name.above_count = 0;
	}
	*slot_generation(slot) = generation;
	if (name.slash == ~0u) {
		if (!find_below(slot, dirfd, path, wants, &name, &base, place))
			return UNKNOWN;
		place->found = FOUND_BELOW;
		if (wants && has_changed(slot))
			place->found = UNKNOWN;
	} else {
		if (!entry && (path[0] == '/' || base.path))
			entry = find(name.directory, path, name.slash, base.path, base.length);
		if (entry && entry->host_length + name.length < SLOT_PATH_SIZE - 1) {
			at = copy(host, shared->strings + entry->host, entry->host_length);
			at += copy(host + at, path + name.slash, name.length - name.slash);
			host[at] = '\0';
			/* Another thread may have changed it since: then it is the tracer's. */
			if (((const volatile char *)path)[name.length] != (name.ends ? '/' : '\0'))
				return UNKNOWN;
			place->flags = entry->flags;
			place->mount = entry->mount;
			place->dirfd = AT_FDCWD;
			place->path = host;
			place->found = FOUND_HOST;
		} else if (!entry) {
			place->found = look_above(slot, &name, dirfd, path, base.path, base.length);
		}
		if (place->found == FOUND_HOST && has_changed(slot))
			place->found = UNKNOWN;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (base.path && !base.entry && __atomic_load_n(&process->cwd_version, __ATOMIC_RELAXED) != base.version)
		place->found = UNKNOWN;
	return place->found;
}

#endif
