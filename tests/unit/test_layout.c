// SPDX-License-Identifier: Apache-2.0
/* Structures as 32-bit programs have them: written into this very process, and read back by the offsets
 * that the kernel's own structures have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ptrace_backend/layout.h"
#include "ptrace_backend/syscall_table.h"

static struct plan plan;
static struct tracer tracer = { .plan = &plan };
static struct tracee tracee = { .tracer = &tracer };
static struct syscall_call call;
static unsigned char memory[256];

static void as(bool compat, enum call_shape shape)
{
	plan.process_vm = true;
	tracee.tid = tracee.tgid = getpid();
	tracee.regs.compat = compat;
	tracee.call = &call;
	call.shape = (uint8_t)shape;
	memset(memory, 0xee, sizeof(memory));
}

static uint64_t number_at(size_t offset, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, memory + offset, size);
	return number;
}
#define HERE ((uint64_t)(uintptr_t)memory)

static const struct stat status = {
	.st_mode = S_IFREG | 0640, .st_nlink = 3, .st_uid = 70000, .st_gid = 44, .st_ino = 0x12345678,
	.st_size = 0x1234567, .st_blksize = 4096, .st_blocks = 8,
	.st_ctim = { .tv_sec = 1700000000, .tv_nsec = 7 },
};

static void stat64_is_where_the_kernel_has_it(void **state)
{
	bool packed = ARCH_COMPAT_ALIGN == 4;
	struct stat large = status;

	(void)state;
	large.st_size = 0x123456789a;
	large.st_ino = 0x987654321f;
	large.st_rdev = makedev(259, 300);
	as(true, SHAPE_STAT64);
	assert_int_equal(layout_write_stat(&tracee, HERE, &large), 0);
	assert_int_equal(number_at(16, 4), S_IFREG | 0640);
	assert_int_equal(number_at(20, 4), 3);
	assert_int_equal(number_at(24, 4), 70000);
	assert_int_equal(number_at(28, 4), 44);
	assert_int_equal(number_at(32, 8), 44 | 259 << 8 | 256 << 12); /* new_encode_dev() */
	assert_int_equal(number_at(packed ? 44 : 48, 8), 0x123456789a);
	assert_int_equal(number_at(packed ? 52 : 56, 4), 4096);
	assert_int_equal(number_at(packed ? 56 : 64, 8), 8);
	assert_int_equal(number_at(packed ? 80 : 88, 4), 1700000000);
	assert_int_equal(number_at(packed ? 88 : 96, 8), 0x987654321f);
	assert_int_equal(number_at(12, 4), 0x7654321f);
	assert_int_equal(memory[packed ? 96 : 104], 0xee);
}

static void older_stats_refuse_what_does_not_fit(void **state)
{
	struct stat large = status;

	(void)state;
	as(true, SHAPE_STAT32);
	assert_int_equal(layout_write_stat(&tracee, HERE, &status), 0);
	assert_int_equal(number_at(4, 4), 0x12345678);
	assert_int_equal(number_at(8, 2), S_IFREG | 0640);
	assert_int_equal(number_at(12, 2), 65534); /* an id of more than 16 bits */
	assert_int_equal(number_at(14, 2), 44);
	assert_int_equal(number_at(20, 4), 0x1234567);
	assert_int_equal(memory[64], 0xee);
	large.st_size = 0x80000000;
	assert_int_equal(layout_write_stat(&tracee, HERE, &large), -EOVERFLOW);
	large.st_size = 0x7fffffff;
	assert_int_equal(layout_write_stat(&tracee, HERE, &large), 0);
	large.st_ino = 0x100000000;
	assert_int_equal(layout_write_stat(&tracee, HERE, &large), -EOVERFLOW);
	as(true, SHAPE_OLD_STAT);
	assert_int_equal(layout_write_stat(&tracee, HERE, &status), -EOVERFLOW);
	large = status;
	large.st_ino = 0xffff;
	assert_int_equal(layout_write_stat(&tracee, HERE, &large), 0);
	assert_int_equal(number_at(2, 2), 0xffff);
	assert_int_equal(number_at(16, 4), 0x1234567);
	assert_int_equal(memory[32], 0xee);
	assert_int_equal(layout_write_stat(&tracee, 8, &large), -EFAULT);
	as(false, SHAPE_SAME);
	assert_int_equal(layout_write_stat(&tracee, HERE, &status), 0);
	assert_memory_equal(memory, &status, sizeof(status));
}

static void ids_of_16_bits_widen_and_narrow(void **state)
{
	static const uint32_t ids[3] = { 0, 65535, 100000 };
	uint32_t back[3];

	(void)state;
	as(true, SHAPE_IDS16);
	assert_int_equal(layout_write_ids(&tracee, HERE, ids, 3), 0);
	assert_int_equal(number_at(0, 2), 0);
	assert_int_equal(number_at(2, 2), 65535);
	assert_int_equal(number_at(4, 2), 65534);
	assert_int_equal(memory[6], 0xee);
	assert_int_equal(layout_read_ids(&tracee, HERE, back, 3), 0);
	assert_int_equal(back[0], 0);
	assert_int_equal(back[1], (uint32_t)-1);
	assert_int_equal(back[2], 65534);
	as(true, SHAPE_SAME);
	assert_int_equal(layout_write_ids(&tracee, HERE, ids, 3), 0);
	assert_memory_equal(memory, ids, sizeof(ids));
}

static void messages_have_32_bit_pointers(void **state)
{
	static const uint32_t words[8] = { 0x1000, 110, 0x2000, 3, 0xfffff000, 24, 0x40, 99 };
	struct msghdr message, second;
	uint64_t pointer;

	(void)state;
	as(true, SHAPE_SAME);
	memcpy(memory, words, sizeof(words));
	memcpy(memory + sizeof(words), words, sizeof(words));
	assert_int_equal(layout_read_message(&tracee, HERE, &message), 0);
	assert_int_equal((uintptr_t)message.msg_name, 0x1000);
	assert_int_equal(message.msg_namelen, 110);
	assert_int_equal((uintptr_t)message.msg_iov, 0x2000);
	assert_int_equal(message.msg_iovlen, 3);
	assert_int_equal((uintptr_t)message.msg_control, 0xfffff000);
	assert_int_equal(message.msg_controllen, 24);
	assert_int_equal(layout_message_stride(&tracee), 32);
	assert_int_equal(layout_read_message(&tracee, HERE + 32, &second), 0);
	assert_memory_equal(&second, &message, sizeof(message));
	assert_int_equal(layout_write_name_size(&tracee, HERE, 5), 0);
	assert_int_equal(number_at(4, 4), 5);
	assert_int_equal(number_at(28, 4), 99);
	assert_int_equal(layout_write_sent(&tracee, HERE, 7), 0);
	assert_int_equal(number_at(28, 4), 7);
	assert_int_equal(layout_read_pointer(&tracee, HERE, 4, &pointer), 0);
	assert_int_equal(pointer, 0xfffff000);
}

/* Whatever the lengths say: what is found lies inside, and the walk comes to an end. */
static void control_messages_never_reach_outside(void **state)
{
	unsigned char buffer[64];
	struct control_message message;

	(void)state;
	for (unsigned compat = 0; compat < 2; compat++)
		for (unsigned length = 0; length < 80; length++)
			for (size_t size = 0; size <= sizeof(buffer); size++) {
				unsigned found = 0;

				as(compat, SHAPE_SAME);
				memset(buffer, 0, sizeof(buffer));
				for (size_t at = 0; at + 8 <= sizeof(buffer); at += compat ? 4 : 8)
					buffer[at] = (unsigned char)length;
				for (size_t at = 0;
				     layout_control_message(&tracee, buffer, size, at, &message);
				     at = message.next) {
					assert_true(message.data <= size);
					assert_true(message.data_size <= size - message.data);
					assert_true(message.next > at);
					assert_in_range(found++, 0, sizeof(buffer));
				}
			}
	as(true, SHAPE_SAME);
	memset(buffer, 0, sizeof(buffer));
	buffer[0] = 13;
	buffer[4] = 1;
	buffer[8] = 2;
	assert_true(layout_control_message(&tracee, buffer, 16, 0, &message));
	assert_int_equal(message.level, 1);
	assert_int_equal(message.type, 2);
	assert_int_equal(message.data, 12);
	assert_int_equal(message.data_size, 1);
	assert_int_equal(message.next, 16);
	buffer[3] = 0xff;
	assert_false(layout_control_message(&tracee, buffer, 16, 0, &message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat64_is_where_the_kernel_has_it),
		cmocka_unit_test(older_stats_refuse_what_does_not_fit),
		cmocka_unit_test(ids_of_16_bits_widen_and_narrow),
		cmocka_unit_test(messages_have_32_bit_pointers),
		cmocka_unit_test(control_messages_never_reach_outside),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
