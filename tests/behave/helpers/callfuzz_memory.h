/* SPDX-License-Identifier: Apache-2.0 */
/* callfuzz.h: arguments, and the memory that they point to: a kind of structure a slot. */
#ifndef AMPHORA_TESTS_CALLFUZZ_MEMORY_H
#define AMPHORA_TESTS_CALLFUZZ_MEMORY_H

static char *slot_of(enum slot_kind kind)
{
	return (char *)ARENA_BASE + (long)(roll(SLOTS / SLOT_KINDS) * SLOT_KINDS + kind) * SLOT_SIZE;
}

static long length(void)
{
	static const long odd[] = {
		0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 28, 32, 56, 64, 107, 108, 109, 110, 111, 128, 255, 256,
		1023, 1024, 1025, 4095, 4096, 4097, 65535, 65536, 1L << 20, 0x7fffffff, -1, -4096,
		(long)0x80000000, (long)0xffffffff, (long)0xfffffff0, (long)(1UL << (8 * sizeof(long) - 1)),
	};

	return odd[roll(COUNT(odd))];
}

static long any_pointer(void)
{
	switch (roll(8)) {
	case 0:
		return ARENA_BASE + ARENA_SIZE - (long)roll(40); /* the next page isn't there */
	case 1:
		return ARENA_BASE + (long)roll(ARENA_SIZE);
	case 2:
		return scratch + (long)roll(1 << 16);
	case 3:
		return (long)(roll(4) << 12) - (long)roll(9);
	case 4:
		return -(long)roll(4096);
	default:
		return P(slot_of((enum slot_kind)roll(SLOT_KINDS)));
	}
}

static long any_fd(void)
{
	return roll(12) ? fds[roll(fd_count)] : roll(2) ? -100 : (long)roll(64) - 4;
}

static long any(void)
{
	switch (roll(10)) {
	case 0:
		return any_fd();
	case 1:
		return length();
	case 2:
		return (1L << roll(31)) | (1L << roll(31));
	case 3:
		return (long)((uint64_t)roll(1u << 31) << 32 | roll(1u << 31));
	case 4:
		return (long)roll(24);
	case 5:
		return 0;
	default:
		return any_pointer();
	}
}

/* What calls read. Pointers are as wide as asked, for int 0x80 reads narrow ones. */
struct pen {
	char *at, *end;
	unsigned width;
};

static void put(struct pen *pen, uint64_t value, unsigned size)
{
	if (pen->at + size > pen->end)
		return;
	copy(pen->at, &value, size);
	pen->at += size;
}

static void put_word(struct pen *pen, uint64_t value) { put(pen, value, pen->width); }

static void put_message(struct pen *pen, bool many)
{
	put_word(pen, roll(3) ? (uint64_t)P(slot_of(SLOT_ADDRESS)) : (uint64_t)any_pointer() * roll(2));
	put(pen, (uint64_t)length(), 4);
	if (pen->width == 8)
		put(pen, 0, 4);
	put_word(pen, roll(8) ? (uint64_t)P(slot_of(SLOT_VECTOR)) : (uint64_t)any_pointer());
	put_word(pen, roll(4) ? roll(4) : (uint64_t)length());
	put_word(pen, roll(4) ? (uint64_t)P(slot_of(SLOT_CONTROL)) : (uint64_t)any_pointer() * roll(2));
	put_word(pen, roll(4) ? roll(SLOT_SIZE) : (uint64_t)length());
	put(pen, 0, 4);
	if (pen->width == 8)
		put(pen, 0, 4);
	if (many)
		put_word(pen, 0);
}

static void put_control(struct pen *pen)
{
	static const uint16_t levels[] = { 1, 0, 41, 270 };

	while (pen->at + 8 < pen->end && roll(8)) {
		uint32_t size = roll(3) ? (uint32_t)pen->width + 8 + 12 : (uint32_t)length();
		char *from = pen->at;

		put_word(pen, size);
		put(pen, levels[roll(COUNT(levels))], 4);
		put(pen, roll(5), 4);
		for (unsigned i = 0; i < 3; i++)
			put(pen, roll(3) ? roll(3) : (uint64_t)any_fd(), 4);
		pen->at = from + ((pen->width + 8 + 12 + pen->width - 1) & ~(pen->width - 1));
	}
}

static void put_netlink(struct pen *pen)
{
	while (pen->at + 20 < pen->end && roll(8)) {
		uint32_t body = roll(64), size = roll(4) ? 16 + body : (uint32_t)length();

		put(pen, size, 4);
		put(pen, roll(5) ? 18 + 4 * roll(30) : roll(65536), 2);
		put(pen, roll(4) ? 0x301 : roll(65536), 2);
		put(pen, roll(100), 4);
		put(pen, roll(2), 4);
		for (uint32_t i = 0; i < body; i += 4) {
			put(pen, roll(3) ? roll(12) : roll(65536), 2);
			put(pen, roll(30), 2);
		}
	}
}

static void put_path(struct pen *pen)
{
	static const char *const paths[] = {
		"/etc/passwd", "/", "", ".", "..", "/proc/self/mem", "/proc/self/maps", "/proc/self/smaps",
		"/proc/self/status", "/proc/self/mountinfo", "/proc/self/fd/0", "/proc/self/fd/5", "/proc/1/root",
		"/proc/self/exe", "/proc/self/auxv", "/proc/net/unix", "/proc/self/uid_map", "/proc/stat",
		"/proc/thread-self/fd", "/proc/self/ns/net", "/proc/self/task", "/tmp/../../../..", "/tmp/a", "/tmp/b",
		"a", "b/c", "/tmp/loop", "/dev/null", "/dev/ptmx", "/bin/true", "/tmp/script", "/proc/sys/kernel/panic",
		"/proc/self/cwd/..", "//", "/tmp/fifo", "/proc/self/setgroups", "/proc/uptime", "/dev/fd/3", "/proc",
	};
	const char *text = roll(8) ? paths[roll(COUNT(paths))] : outside;
	unsigned length_left = SLOT_SIZE;

	if (!roll(20)) { /* no end */
		fill(pen->at, 'a' + (int)roll(3), (size_t)(pen->end - pen->at));
		return;
	}
	for (unsigned i = roll(4) ? 0 : roll(12); i--;)
		put(pen, '/' | '.' << 8 | '.' << 16, 3);
	do
		put(pen, (unsigned char)*text, 1);
	while (*text++ && --length_left);
}

static void fill_slot(unsigned index)
{
	enum slot_kind kind = index % SLOT_KINDS;
	char *at = (char *)ARENA_BASE + (long)index * SLOT_SIZE;
	struct pen pen = { at, at + SLOT_SIZE, roll(3) ? sizeof(long) : 4 };

	if (kind != SLOT_PATH || roll(4))
		fill(at, 0, SLOT_SIZE);
	switch (kind) {
	case SLOT_PATH:
		put_path(&pen);
		break;
	case SLOT_ADDRESS:
		put(&pen, roll(4) ? 1 : roll(4) ? 16 : roll(50), 2);
		if (roll(4))
			put_path(&pen);
		else
			put(&pen, roll(1 << 30), 8);
		break;
	case SLOT_MESSAGE:
		put_message(&pen, false);
		break;
	case SLOT_MESSAGES:
		while (pen.at + 64 < pen.end)
			put_message(&pen, true);
		break;
	case SLOT_VECTOR:
		for (unsigned i = 0; i < 8; i++) {
			put_word(&pen, roll(2) ? (uint64_t)P(slot_of(SLOT_NETLINK)) : (uint64_t)any_pointer());
			put_word(&pen, roll(3) ? roll(SLOT_SIZE) : (uint64_t)length());
		}
		break;
	case SLOT_CONTROL:
		put_control(&pen);
		break;
	case SLOT_NETLINK:
		put_netlink(&pen);
		break;
	case SLOT_POINTERS:
		for (unsigned i = 0; i < roll(20); i++)
			put_word(&pen, roll(8) ? (uint64_t)P(slot_of(SLOT_PATH)) : (uint64_t)any_pointer());
		break;
	case SLOT_NOISE:
		for (unsigned i = 0; i < SLOT_SIZE / 4; i++)
			put(&pen, (uint64_t)any(), 4);
		break;
	case SLOT_HOW:
		for (unsigned i = 0; i < 4; i++)
			put(&pen, roll(3) ? 0 : (uint64_t)any(), 8);
		break;
	case SLOT_ZERO:
		break;
	default: /* clone_args, and the arguments of socketcall */
		for (unsigned i = 0; i < 12; i++)
			put(&pen, (uint64_t)any(), kind == SLOT_CLONE ? 8 : 4);
	}
}

#endif
