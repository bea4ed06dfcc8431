/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a file is, with faked ids, for the stub alone: the guest's own, unless it has a record. */
#ifndef AMPHORA_STUB_OWNER_H
#define AMPHORA_STUB_OWNER_H

/* What this slot has found out: its thread's own, so that nobody else writes meanwhile. */
static inline volatile struct fast_absence *own_absence(struct slot *slot, uint64_t inode)
{
	return (volatile struct fast_absence *)((char *)slot + SLOT_ABSENT) + fast_mix(inode) % SLOT_ABSENT_MAX;
}

/* Whether a file has no record: 1, 0 (it may have one), or -1: its attribute has to be asked for. */
SECTION static inline __attribute__((always_inline)) int is_unrecorded(struct slot *slot, uint64_t inode, uint32_t mode,
								       uint64_t change)
{
	const struct fast_shared *shared = shared_of();
	const struct fast_absence *absence = &shared->absent[FAST_ABSENCE(inode)];
	volatile struct fast_absence *own = own_absence(slot, inode);
	uint32_t type = mode & S_IFMT;

	if (fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, inode))
		return 0;
	if (shared->proven || (type != S_IFREG && type != S_IFDIR) ||
	    (absence->inode == inode && absence->change == change) ||
	    (absence[1].inode == inode && absence[1].change == change) ||
	    (own->inode == inode && own->change == change))
		return 1;
	return -1;
}

/* The path of a name below an fd, for calls that take no fd: /proc/thread-self/fd/N/NAME. 0: it is too long. */
SECTION static inline __attribute__((always_inline)) const char *path_below(struct slot *slot, const struct place *place)
{
	char *path = (char *)slot + SLOT_STATUS + 0x400; /* behind the status */
	unsigned length = 21;
	int fd = (int)place->dirfd;

	if (fd == AT_FDCWD)
		return place->path;
	if (fd < 0)
		return 0;
	((uint64_t *)(void *)path)[0] = 0x68742f636f72702fULL; /* "/proc/th" */
	((uint64_t *)(void *)path)[1] = 0x6c65732d64616572ULL; /* "read-sel" */
	((uint64_t *)(void *)path)[2] = 0x2f64662f66ULL;       /* "f/fd/" */
	length += put_number(path + length, (unsigned)fd);
	path[length++] = '/';
	for (unsigned i = 0; i < 256; i++) {
		path[length + i] = ((const volatile char *)place->path)[i];
		if (path[length + i] == '\0')
			return path;
	}
	return 0;
}

/* The same, having asked. */
SECTION static __attribute__((noinline)) int has_no_record(struct slot *slot, const struct place *place, uint64_t inode,
							   uint32_t mode, uint64_t change)
{
	volatile struct fast_absence *own = own_absence(slot, inode);
	int answer = is_unrecorded(slot, inode, mode, change);
	const char *path = place->found == FOUND_BELOW ? path_below(slot, place) : place->path;
	long result;

	if (answer >= 0)
		return answer;
	if (place->found == FOUND_FD)
		result = make_call(slot, SYS_fgetxattr, place->dirfd, (long)shared_of()->record_name, 0, 0);
	else if (path)
		result = make_call(slot, SYS_lgetxattr, (long)path, (long)shared_of()->record_name, 0, 0);
	else
		return 0;
	/* What its owner may not read has none for the tracer, either. */
	if (result != -ENODATA && result != -EOPNOTSUPP && (result != -EACCES || place->found != FOUND_FD))
		return 0;
	own->inode = 0;
	own->change = change;
	own->inode = inode;
	return 1;
}

/* What two structures say alike of a file. */
struct owned {
	uint64_t device, inode, change; /* as fast_absence has it */
	uint32_t mode;
	uint32_t *uid, *gid;
};

/* Puts the owner right: 0 when the tracer has to. */
SECTION static __attribute__((noinline)) int show_owner(struct slot *slot, const struct place *place,
							const struct owned *file)
{
	const struct fast_shared *shared = shared_of();

	if (shared->links && fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, file->inode))
		return 0;
	if (!shared->fake_ids)
		return 1;
	if (file->device == shared->proc_device ||
	    !has_no_record(slot, place, file->inode, file->mode, file->change))
		return 0;
	if (*file->uid == shared->host_uid)
		*file->uid = shared->own_uid;
	if (*file->gid == shared->host_gid)
		*file->gid = shared->own_gid;
	return 1;
}

SECTION static inline __attribute__((always_inline)) int show_status(struct slot *slot, const struct place *place,
								     struct status *status)
{
	struct owned file = { .device = status->device, .inode = status->inode, .mode = status->mode,
			      .change = (status->change << 30) + status->change_ns,
			      .uid = &status->uid, .gid = &status->gid };

	return show_owner(slot, place, &file);
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

SECTION static inline __attribute__((always_inline)) int show_statx(struct slot *slot, const struct place *place,
								    struct statx *status)
{
	struct owned file = { .inode = status->inode, .mode = status->mode,
			      .change = (status->change.seconds << 30) + status->change.nanoseconds,
			      .uid = &status->uid, .gid = &status->gid };

	/* As makedev(3). */
	file.device = (status->device_minor & 0xffu) | (uint64_t)(status->device_major & 0xfffu) << 8 |
		      (uint64_t)(status->device_minor & ~0xffu) << 12;
	return show_owner(slot, place, &file);
}

#endif
