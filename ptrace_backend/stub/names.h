/* SPDX-License-Identifier: Apache-2.0 */
/* Names that come and go, for the stub alone.
 *
 * Theory of operation
 *
 * What an entry's resolution went through is in the filter `watched`, which the tracer puts it in before it resolves
 * for the last time. A name is taken away only while it isn't there, and looked for again afterwards: what was resolved
 * through it meanwhile, or in another place because a directory has moved, is void, which the tracer is told
 * (amphora_stub_tell()). Where a signal comes first, deadly or not, the tracer knows by itself; a thread that its process's
 * exit_group() or execve() ends just there leaves what is void until the next such change.
 *
 * Only regular files, symlinks and empty directories that nothing is remembered of. Where hard links are emulated and
 * there are any, a name that goes may be one: then they are the tracer's, who has the lock.
 */
#ifndef AMPHORA_STUB_NAMES_H
#define AMPHORA_STUB_NAMES_H

#define AT_REMOVEDIR 0x200
#define FIRST_PATH   (SLOT_STATUS + 0x600) /* of a call with two: behind the status */
#define FIRST_SIZE   (SLOT_ASIDE - FIRST_PATH)

/* FAST_HASH of the host path of a name. */
SECTION static __attribute__((noinline)) uint64_t hash_of_name(const struct place *place)
{
	const struct fast_shared *shared = shared_of();
	uint64_t hash = FAST_HASH_START;
	unsigned length;

	if (place->found == FOUND_HOST)
		return hash_text(place->path, SLOT_PATH_SIZE, &length);
	for (unsigned i = 0; i < place->entry->host_length && i < SLOT_PATH_SIZE; i++)
		hash = FAST_HASH_STEP(hash, shared->strings[(place->entry->host + i) % FAST_STRINGS]);
	hash = FAST_HASH_STEP(hash, '/');
	for (unsigned i = 0; i < 256 && ((const volatile char *)place->path)[i]; i++)
		hash = FAST_HASH_STEP(hash, ((const volatile char *)place->path)[i]);
	return hash;
}

SECTION static inline __attribute__((always_inline)) int is_watched(uint64_t hash)
{
	return fast_bloom_has(shared_of()->watched, FAST_WATCHED_WORDS, hash);
}

/* After a call: the tracer is told where what it knows may be void. */
SECTION static inline __attribute__((always_inline)) void look_again(struct slot *slot, uint64_t first, uint64_t second)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (has_changed(slot) || is_watched(first) || is_watched(second))
		amphora_stub_tell();
}

/* A name that may be made or taken away: 0, -ENOENT where its directory isn't there, or FAST_IS_SLOW. */
SECTION static __attribute__((noinline)) long find_name(struct slot *slot, long dirfd, const char *path,
							struct place *place)
{
	long result;

	if (!(shared_of()->may & FAST_MAY_NAME))
		return FAST_IS_SLOW;
	translate(slot, dirfd, path, WANTS_NAME, place);
	result = without_call(place);
	return result || (place->flags & FAST_ENTRY_WRITABLE) ? result : FAST_IS_SLOW;
}

/* The type of what has the name, in the mode's bits, 0 where there is nothing; FAST_IS_SLOW where it is the tracer's. */
SECTION static __attribute__((noinline)) long type_of(struct slot *slot, const struct place *place)
{
	const struct fast_shared *shared = shared_of();
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	long result = make_call((void *)((char *)slot + SLOT_ASIDE), SYS_newfstatat, place->dirfd, (long)place->path,
				(long)status, AT_SYMLINK_NOFOLLOW);

	if (result)
		return result == -ENOENT ? 0 : FAST_IS_SLOW;
	/* A symlink that isn't an emulated hard link is as good as a file. */
	if ((status->mode & S_IFMT) == S_IFLNK && !shared->links)
		status->mode = S_IFREG;
	if ((shared->fake_ids || shared->links) && fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, status->inode))
		return FAST_IS_SLOW;
	return status->mode & S_IFMT;
}

SECTION static __attribute__((noinline)) long fast_unlink(struct slot *slot, long dirfd, const char *path, long flags)
{
	struct place place = { .follows = 0 };
	long result = find_name(slot, dirfd, path, &place), type;
	uint64_t hash;

	if (result)
		return result;
	type = type_of(slot, &place);
	if (!type)
		return is_stale(slot, &place) ? FAST_IS_SLOW : -ENOENT;
	if (type != (flags ? S_IFDIR : S_IFREG) || (flags & ~(long)AT_REMOVEDIR) || (!flags && shared_of()->objects))
		return FAST_IS_SLOW;
	hash = hash_of_name(&place);
	if (is_watched(hash))
		return FAST_IS_SLOW;
	result = make_call(slot, SYS_unlinkat, place.dirfd, (long)place.path, flags, 0);
	if (result)
		return result == -ENOTEMPTY && !is_stale(slot, &place) ? result : FAST_IS_SLOW;
	look_again(slot, hash, hash);
	return 0;
}

/* Whether who makes a name in this directory needs no record of it. */
SECTION static inline __attribute__((always_inline)) int makes_own(const struct place *place)
{
	return !process_of()->others && !(place->flags & FAST_ENTRY_SETGID);
}

/* What a call that makes a name has said. */
SECTION static inline __attribute__((always_inline)) long made(struct slot *slot, const struct place *place, long result)
{
	return !result || ((result == -EEXIST || result == -ENOENT) && !is_stale(slot, place)) ? result : FAST_IS_SLOW;
}

SECTION static __attribute__((noinline)) long fast_mkdir(struct slot *slot, long dirfd, const char *path, uint32_t mode)
{
	struct place place = { .follows = 0 };
	long result = find_name(slot, dirfd, path, &place);

	if (result)
		return result;
	/* A directory of the fake root's is made with all that its owner may. */
	if ((mode & S_BITS) || (shared_of()->fake_ids && (mode & 0700) != 0700) || !makes_own(&place))
		return FAST_IS_SLOW;
	return made(slot, &place, make_call(slot, SYS_mkdirat, place.dirfd, (long)place.path, mode & 0777, 0));
}

SECTION static __attribute__((noinline)) long fast_symlink(struct slot *slot, const char *text, long dirfd,
							   const char *path)
{
	struct place place = { .follows = 0 };
	long result = find_name(slot, dirfd, path, &place);

	if (result)
		return result;
	/* Its text may be that of an emulated hard link. */
	if (shared_of()->links || !makes_own(&place))
		return FAST_IS_SLOW;
	return made(slot, &place, make_call(slot, SYS_symlinkat, (long)text, place.dirfd, (long)place.path, 0));
}

/* rename and link: of a regular file or a symlink, and over one or nothing. */
SECTION static __attribute__((noinline)) long fast_move(struct slot *slot, long number, long old_dirfd, const char *old,
							long new_dirfd, const char *new)
{
	const struct fast_shared *shared = shared_of();
	char *kept = (char *)slot + FIRST_PATH;
	struct place from = { .follows = 0 }, to = { .follows = 0 };
	uint64_t first, second, generation;
	long result = find_name(slot, old_dirfd, old, &from), type;
	unsigned length = 0;

	if (result)
		return result;
	generation = *slot_generation(slot);
	first = hash_of_name(&from);
	if (from.found == FOUND_HOST) { /* the other's comes where this is */
		for (; length < FIRST_SIZE; length++)
			if (!(kept[length] = from.path[length]))
				break;
		if (length == FIRST_SIZE)
			return FAST_IS_SLOW;
		from.path = kept;
	}
	result = find_name(slot, new_dirfd, new, &to);
	if (result)
		return result;
	second = hash_of_name(&to);
	if (generation != *slot_generation(slot) || from.mount != to.mount || is_watched(first) || is_watched(second))
		return FAST_IS_SLOW;
	type = type_of(slot, &from);
	if (type != S_IFREG)
		return type || has_changed(slot) ? FAST_IS_SLOW : -ENOENT;
	if (number == SYS_linkat) {
		if (shared->links)
			return FAST_IS_SLOW;
	} else {
		type = type_of(slot, &to);
		if (type && (type != S_IFREG || shared->objects))
			return FAST_IS_SLOW;
	}
	if (make_call(slot, number, from.dirfd, (long)from.path, to.dirfd, (long)to.path))
		return FAST_IS_SLOW;
	if (number != SYS_linkat)
		look_again(slot, first, second);
	return 0;
}

#endif
