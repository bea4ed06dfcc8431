// SPDX-License-Identifier: Apache-2.0
/* Structures of 64-bit and of 32-bit calls. */
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "ptrace_backend/layout.h"
#include "ptrace_backend/syscall_table.h"

#define SMALL_OVERFLOW_ID 65534 /* kernel.overflowuid's default */

static enum call_shape shape_of(const struct tracee *tracee)
{
	return tracee->call ? (enum call_shape)tracee->call->shape : SHAPE_SAME;
}

/* Pointers */

int layout_read_pointer(const struct tracee *tracee, uint64_t array, uint64_t index,
			uint64_t *ret_pointer)
{
	uint32_t narrow;
	int error;

	if (!tracee->regs.compat)
		return tracee_read(tracee, array + index * sizeof(*ret_pointer), ret_pointer,
				   sizeof(*ret_pointer));
	error = tracee_read(tracee, array + index * sizeof(narrow), &narrow, sizeof(narrow));
	*ret_pointer = narrow;
	return error;
}

int layout_put_pointers(struct tracee *tracee, uint64_t *pointers, size_t count,
			uint64_t *ret_address)
{
	size_t size = count * (tracee->regs.compat ? sizeof(uint32_t) : sizeof(uint64_t));
	int error;

	if (tracee->regs.compat)
		for (size_t i = 0; i < count; i++)
			((uint32_t *)(void *)pointers)[i] = (uint32_t)pointers[i];
	error = tracee_put(tracee, pointers, size, ret_address);
	return error == -E2BIG ? tracee_put_large(tracee, pointers, size, ret_address) : error;
}

int layout_read_vector(const struct tracee *tracee, uint64_t address, struct iovec *vector)
{
	uint32_t narrow[2];

	if (!tracee->regs.compat)
		return tracee_read(tracee, address, vector, sizeof(*vector));
	if (tracee_read(tracee, address, narrow, sizeof(narrow)) < 0)
		return -EFAULT;
	vector->iov_base = (void *)(uintptr_t)narrow[0];
	vector->iov_len = narrow[1];
	return 0;
}

int layout_write_vector_size(const struct tracee *tracee, uint64_t address, size_t size)
{
	return tracee_write(tracee, address + layout_word(tracee), &size, layout_word(tracee));
}

/* stat */

typedef uint64_t u64_compat __attribute__((aligned(ARCH_COMPAT_ALIGN)));
typedef int64_t s64_compat __attribute__((aligned(ARCH_COMPAT_ALIGN)));

struct stat_old {
	uint16_t device, inode, mode, links, uid, gid, special;
	uint32_t size, atime, mtime, ctime;
};

struct stat_32 {
	uint32_t device, inode;
	uint16_t mode, links, uid, gid;
	uint32_t special, size, block_size, blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	uint32_t unused[2];
};
_Static_assert(sizeof(struct stat_32) == 64, "as struct compat_stat");

struct stat_64 {
	u64_compat device;
	uint32_t pad, short_inode, mode, links, uid, gid;
	u64_compat special;
	uint32_t pad_size;
	s64_compat size;
	uint32_t block_size;
	u64_compat blocks;
	uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
	u64_compat inode;
};
_Static_assert(sizeof(struct stat_64) == (ARCH_COMPAT_ALIGN == 4 ? 96 : 104),
	       "as the 32-bit struct stat64");

/* The kernel's new_encode_dev(). */
static uint32_t encode_device(dev_t device)
{
	return (minor(device) & 0xff) | (major(device) << 8) | ((minor(device) & ~0xffu) << 12);
}

static uint16_t narrow_id(uint32_t id)
{
	return id > UINT16_MAX ? SMALL_OVERFLOW_ID : (uint16_t)id;
}

static int write_stat_old(const struct tracee *tracee, uint64_t address, const struct stat *status)
{
	struct stat_old old = {
		.device = (uint16_t)(major(status->st_dev) << 8 | (minor(status->st_dev) & 0xff)),
		.inode = (uint16_t)status->st_ino,
		.mode = (uint16_t)status->st_mode,
		.links = (uint16_t)status->st_nlink,
		.uid = narrow_id(status->st_uid),
		.gid = narrow_id(status->st_gid),
		.special = (uint16_t)(major(status->st_rdev) << 8 | (minor(status->st_rdev) & 0xff)),
		.size = (uint32_t)status->st_size,
		.atime = (uint32_t)status->st_atim.tv_sec,
		.mtime = (uint32_t)status->st_mtim.tv_sec,
		.ctime = (uint32_t)status->st_ctim.tv_sec,
	};

	if (old.inode != status->st_ino || old.links != status->st_nlink ||
	    status->st_size > INT32_MAX)
		return -EOVERFLOW;
	return tracee_write(tracee, address, &old, sizeof(old));
}

static int write_stat_32(const struct tracee *tracee, uint64_t address, const struct stat *status)
{
	struct stat_32 narrow = {
		.device = encode_device(status->st_dev),
		.inode = (uint32_t)status->st_ino,
		.mode = (uint16_t)status->st_mode,
		.links = (uint16_t)status->st_nlink,
		.uid = narrow_id(status->st_uid),
		.gid = narrow_id(status->st_gid),
		.special = encode_device(status->st_rdev),
		.size = (uint32_t)status->st_size,
		.block_size = (uint32_t)status->st_blksize,
		.blocks = (uint32_t)status->st_blocks,
		.atime = (uint32_t)status->st_atim.tv_sec,
		.atime_ns = (uint32_t)status->st_atim.tv_nsec,
		.mtime = (uint32_t)status->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)status->st_mtim.tv_nsec,
		.ctime = (uint32_t)status->st_ctim.tv_sec,
		.ctime_ns = (uint32_t)status->st_ctim.tv_nsec,
	};

	if (narrow.inode != status->st_ino || narrow.links != status->st_nlink ||
	    status->st_size > INT32_MAX)
		return -EOVERFLOW;
	return tracee_write(tracee, address, &narrow, sizeof(narrow));
}

static int write_stat_64(const struct tracee *tracee, uint64_t address, const struct stat *status)
{
	struct stat_64 wide = {
		.device = encode_device(status->st_dev),
		.short_inode = (uint32_t)status->st_ino,
		.mode = status->st_mode,
		.links = (uint32_t)status->st_nlink,
		.uid = status->st_uid,
		.gid = status->st_gid,
		.special = encode_device(status->st_rdev),
		.size = status->st_size,
		.block_size = (uint32_t)status->st_blksize,
		.blocks = (uint64_t)status->st_blocks,
		.atime = (uint32_t)status->st_atim.tv_sec,
		.atime_ns = (uint32_t)status->st_atim.tv_nsec,
		.mtime = (uint32_t)status->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)status->st_mtim.tv_nsec,
		.ctime = (uint32_t)status->st_ctim.tv_sec,
		.ctime_ns = (uint32_t)status->st_ctim.tv_nsec,
		.inode = status->st_ino,
	};

	return tracee_write(tracee, address, &wide, sizeof(wide));
}

bool layout_stat_is_own(const struct tracee *tracee)
{
	return shape_of(tracee) == SHAPE_SAME;
}

int layout_write_stat(const struct tracee *tracee, uint64_t address, const struct stat *status)
{
	switch (shape_of(tracee)) {
	case SHAPE_OLD_STAT:
		return write_stat_old(tracee, address, status);
	case SHAPE_STAT32:
		return write_stat_32(tracee, address, status);
	case SHAPE_STAT64:
		return write_stat_64(tracee, address, status);
	default:
		return tracee_write(tracee, address, status, sizeof(*status));
	}
}

/* uname */

int layout_write_uname(const struct tracee *tracee, uint64_t address, const struct utsname *name)
{
	const char *const names[5] = { name->sysname, name->nodename, name->release, name->version,
				       name->machine };
	char oldest[5][9] = { 0 };

	switch (shape_of(tracee)) {
	case SHAPE_OLD_UNAME:
		return tracee_write(tracee, address, name, offsetof(struct utsname, domainname));
	case SHAPE_OLDEST_UNAME:
		for (unsigned i = 0; i < 5; i++)
			memcpy(oldest[i], names[i], strnlen(names[i], sizeof(oldest[i]) - 1));
		return tracee_write(tracee, address, oldest, sizeof(oldest));
	default:
		return tracee_write(tracee, address, name, sizeof(*name));
	}
}

/* Ids */

int layout_write_ids(const struct tracee *tracee, uint64_t address, const uint32_t *ids,
		     uint32_t count)
{
	bool narrow = shape_of(tracee) == SHAPE_IDS16;

	if (!narrow)
		return tracee_write(tracee, address, ids, count * sizeof(*ids));
	for (uint32_t i = 0; i < count; i++) {
		uint16_t id = narrow_id(ids[i]);

		if (tracee_write(tracee, address + i * sizeof(id), &id, sizeof(id)) < 0)
			return -EFAULT;
	}
	return 0;
}

int layout_read_ids(const struct tracee *tracee, uint64_t address, uint32_t *ids, uint32_t count)
{
	uint16_t *narrow = (uint16_t *)(void *)ids;

	if (shape_of(tracee) != SHAPE_IDS16)
		return tracee_read(tracee, address, ids, count * sizeof(*ids));
	if (tracee_read(tracee, address, narrow, count * sizeof(*narrow)) < 0)
		return -EFAULT;
	for (uint32_t i = count; i-- > 0;)
		ids[i] = narrow[i] == UINT16_MAX ? (uint32_t)-1 : narrow[i];
	return 0;
}

/* Messages */

struct message_32 {
	uint32_t name, name_size, vector, vector_size, control, control_size, flags;
};
struct many_32 {
	struct message_32 header;
	uint32_t length;
};
struct control_32 {
	uint32_t size;
	int32_t level, type;
};

static void widen_message(const struct message_32 *from, struct msghdr *to)
{
	memset(to, 0, sizeof(*to));
	to->msg_name = (void *)(uintptr_t)from->name;
	to->msg_namelen = from->name_size;
	to->msg_iov = (void *)(uintptr_t)from->vector;
	to->msg_iovlen = from->vector_size;
	to->msg_control = (void *)(uintptr_t)from->control;
	to->msg_controllen = from->control_size;
	to->msg_flags = (int)from->flags;
}

int layout_read_message(const struct tracee *tracee, uint64_t address, struct msghdr *message)
{
	struct message_32 narrow;

	if (!tracee->regs.compat)
		return tracee_read(tracee, address, message, sizeof(*message));
	if (tracee_read(tracee, address, &narrow, sizeof(narrow)) < 0)
		return -EFAULT;
	widen_message(&narrow, message);
	return 0;
}

static void narrow_message(const struct msghdr *from, struct message_32 *to)
{
	*to = (struct message_32){
		.name = (uint32_t)(uintptr_t)from->msg_name,
		.name_size = from->msg_namelen,
		.vector = (uint32_t)(uintptr_t)from->msg_iov,
		.vector_size = (uint32_t)from->msg_iovlen,
		.control = (uint32_t)(uintptr_t)from->msg_control,
		.control_size = (uint32_t)from->msg_controllen,
		.flags = (uint32_t)from->msg_flags,
	};
}

int layout_put_message(struct tracee *tracee, const struct msghdr *message, uint64_t *ret_address)
{
	struct message_32 narrow;

	if (!tracee->regs.compat)
		return tracee_put(tracee, message, sizeof(*message), ret_address);
	narrow_message(message, &narrow);
	return tracee_put(tracee, &narrow, sizeof(narrow), ret_address);
}

size_t layout_message_stride(const struct tracee *tracee)
{
	return tracee->regs.compat ? sizeof(struct many_32) : sizeof(struct mmsghdr);
}

int layout_write_name_size(const struct tracee *tracee, uint64_t message, uint32_t size)
{
	size_t offset = tracee->regs.compat ? offsetof(struct message_32, name_size) :
					      offsetof(struct msghdr, msg_namelen);

	return tracee_write(tracee, message + offset, &size, sizeof(size));
}

int layout_write_sent(const struct tracee *tracee, uint64_t message, uint32_t size)
{
	size_t offset = tracee->regs.compat ? offsetof(struct many_32, length) :
					      offsetof(struct mmsghdr, msg_len);

	return tracee_write(tracee, message + offset, &size, sizeof(size));
}

struct filter_32 {
	uint16_t length, pad;
	uint32_t program;
};

int layout_read_filter(const struct tracee *tracee, uint64_t address, uint64_t *ret_program,
		       uint16_t *ret_length)
{
	struct sock_fprog wide;
	struct filter_32 narrow;

	if (tracee->regs.compat) {
		if (tracee_read(tracee, address, &narrow, sizeof(narrow)) < 0)
			return -EFAULT;
		*ret_program = narrow.program;
		*ret_length = narrow.length;
		return 0;
	}
	if (tracee_read(tracee, address, &wide, sizeof(wide)) < 0)
		return -EFAULT;
	*ret_program = (uint64_t)(uintptr_t)wide.filter;
	*ret_length = wide.len;
	return 0;
}

int layout_put_filter(struct tracee *tracee, uint64_t program, uint16_t length,
		      uint64_t *ret_address)
{
	struct sock_fprog wide = {
		.len = length,
		.filter = (struct sock_filter *)(uintptr_t)program,
	};
	struct filter_32 narrow = { length, 0, (uint32_t)program };

	if (!tracee->regs.compat)
		return tracee_put(tracee, &wide, sizeof(wide), ret_address);
	return tracee_put(tracee, &narrow, sizeof(narrow), ret_address);
}

bool layout_control_message(const struct tracee *tracee, const void *buffer, size_t size, size_t at,
			    struct control_message *ret_message)
{
	bool compat = tracee->regs.compat;
	size_t header = compat ? sizeof(struct control_32) : sizeof(struct cmsghdr);
	size_t word = compat ? sizeof(uint32_t) : sizeof(size_t), length;
	struct cmsghdr wide;
	struct control_32 narrow;

	if (at > size || size - at < header)
		return false;
	if (compat) {
		memcpy(&narrow, (const char *)buffer + at, sizeof(narrow));
		length = narrow.size;
		ret_message->level = narrow.level;
		ret_message->type = narrow.type;
	} else {
		memcpy(&wide, (const char *)buffer + at, sizeof(wide));
		length = wide.cmsg_len;
		ret_message->level = wide.cmsg_level;
		ret_message->type = wide.cmsg_type;
	}
	if (length < header || length > size - at)
		return false;
	ret_message->data = at + header;
	ret_message->data_size = length - header;
	ret_message->next = at + ((length + word - 1) & ~(word - 1));
	return true;
}
