/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a file by its fd, for the stub alone. What the tracer would only remember is the tracer's, and so is all that
 * the record may say something of; what is left the kernel does as the tracer would have it done.
 */
#ifndef AMPHORA_STUB_CHANGE_H
#define AMPHORA_STUB_CHANGE_H

#define S_BITS	07000 /* set-id and sticky */
#define NO_ID	0xffffffffu

/* Whether an fd is a file or directory of the host user's that nothing is remembered of; its status is in the slot
 * then. */
SECTION static __attribute__((noinline)) int is_ours(struct slot *slot, long fd)
{
	const struct fast_shared *shared = shared_of();
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	struct place place;
	uint32_t type;

	place_of_fd(&place, fd);
	if (!(shared->may & FAST_MAY_CHANGE) || shared->off || process_of()->off || process_of()->others || (int)fd < 0 ||
	    make_call(slot, SYS_fstat, fd, (long)status, 0, 0))
		return 0;
	type = status->mode & S_IFMT;
	if ((type != S_IFREG && type != S_IFDIR) || status->uid != shared->host_uid || status->gid != shared->host_gid ||
	    status->device == shared->proc_device || fast_bloom_has(shared->recorded, FAST_BLOOM_WORDS, status->inode))
		return 0;
	return !shared->fake_ids || has_no_record(slot, &place, status->inode, status->mode,
						  (status->change << 30) + status->change_ns);
}

/* Whether a file has no attribute of this name. A directory has no capabilities. */
SECTION static __attribute__((noinline)) int lacks(struct slot *slot, long fd, const char *name)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	long result;

	if ((status->mode & S_IFMT) == S_IFDIR || make_call(slot, SYS_flistxattr, fd, 0, 0, 0) == 0)
		return 1;
	result = make_call(slot, SYS_fgetxattr, fd, (long)name, 0, 0);
	return result == -ENODATA || result == -EOPNOTSUPP;
}

/* Where the real file gets these very bits (ids_chmod()): its owner keeps what root always may. */
SECTION static __attribute__((noinline)) long fast_fchmod(struct slot *slot, long fd, long mode)
{
	struct status *status = (void *)((char *)slot + SLOT_STATUS);
	long kept = 0600;

	if ((mode & S_BITS) || !is_ours(slot, fd))
		return FAST_IS_SLOW;
	if ((status->mode & S_IFMT) == S_IFDIR || (mode & 0111))
		kept = 0700;
	if (shared_of()->fake_ids && (mode & kept) != kept)
		return FAST_IS_SLOW;
	return make_call(slot, SYS_fchmod, fd, mode & 0777, 0, 0) ? FAST_IS_SLOW : 0;
}

/* To whom it is shown to belong already: nothing is to be done. Set-id bits and capabilities would go. */
SECTION static __attribute__((noinline)) long fast_fchown(struct slot *slot, long fd, uint32_t uid, uint32_t gid)
{
	const struct fast_shared *shared = shared_of();
	struct status *status = (void *)((char *)slot + SLOT_STATUS);

	if (!shared->fake_ids || (uid != NO_ID && uid != shared->own_uid) || (gid != NO_ID && gid != shared->own_gid) ||
	    !is_ours(slot, fd) || (status->mode & S_BITS) || !lacks(slot, fd, shared->capability_name) ||
	    !lacks(slot, fd, shared->capability_name + sizeof("user.containers.override_") - 1))
		return FAST_IS_SLOW;
	return 0;
}

/* A file with capabilities would lose them by it, but for the tracer. */
SECTION static __attribute__((noinline)) long fast_times(struct slot *slot, long fd, long path, long times, long flags)
{
	if (path || flags || !is_ours(slot, fd) || !lacks(slot, fd, shared_of()->stamp_name))
		return FAST_IS_SLOW;
	return make_call(slot, SYS_utimensat, fd, 0, times, 0) ? FAST_IS_SLOW : 0;
}

#endif
