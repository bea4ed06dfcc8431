// SPDX-License-Identifier: Apache-2.0
/* Shared objects that get a segment of records. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "ptrace_backend/arch/aarch64/fast_record.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_copy.h"

#define TEXT	  0x1000
#define FILE_SIZE 0x2100
#define ROOM	  0x20000
#define AFTER	  (TEXT + 0x80)
#define TURNS	  20000

struct object {
	Elf64_Ehdr elf;
	Elf64_Phdr headers[4];
};

static struct object an_object(void)
{
	struct object object = {
		.elf = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phnum = 4,
			.e_phentsize = sizeof(Elf64_Phdr),
		},
		.headers = {
			{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 0x200, .p_memsz = 0x200, .p_align = 0x1000 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = TEXT, .p_vaddr = 0x3000,
			  .p_filesz = 0x1000, .p_memsz = 0x1000, .p_align = 0x1000 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2000, .p_vaddr = 0x5000,
			  .p_filesz = 0x100, .p_memsz = 0x4321, .p_align = 0x1000 },
			{ .p_type = PT_NOTE, .p_offset = 0x180, .p_filesz = 0x20, .p_memsz = 0x20, .p_align = 4 },
		},
	};

	return object;
}

static int64_t told_distance;

/* Marks site and record. */
static bool patch(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record)
{
	if (context && !*(bool *)context)
		return false;
	told_distance = distance;
	memset(after - 7, (int)number, 7);
	memset(record, (int)number, FAST_SITE_SIZE);
	return true;
}

static void a_copy_has_one_segment_more(void **state)
{
	static const struct fast_copy_site sites[] = { { AFTER, 5 }, { AFTER + 0x20, 6 }, { 0x2080, 7 } };
	_cleanup_free_ uint8_t *bytes = calloc(1, ROOM);
	struct object object = an_object();
	const Elf64_Phdr *added = &((const struct object *)(const void *)bytes)->headers[3];

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, &object, sizeof(object));
	/* The third site is no text. */
	assert_int_equal(fast_copy_edit(bytes, FILE_SIZE, ROOM, sites, 3, patch, NULL), 0x3000 + 2 * FAST_SITE_SIZE);
	assert_int_equal(added->p_type, PT_LOAD);
	assert_int_equal(added->p_flags, PF_R | PF_X);
	assert_int_equal(added->p_offset, 0x3000);
	assert_int_equal(added->p_vaddr, 0xa000);
	assert_int_equal(added->p_filesz, 2 * FAST_SITE_SIZE);
	assert_int_equal(bytes[AFTER - 1], 5);
	assert_int_equal(bytes[0x3000], 5);
	assert_int_equal(bytes[0x3000 + FAST_SITE_SIZE], 6);
	assert_int_equal(told_distance, 0xa000 + FAST_SITE_SIZE - (0x3000 + 0x80 + 0x20));
}

static void what_can_have_none_is_left_alone(void **state)
{
	static const struct fast_copy_site sites[] = { { AFTER, 5 } };
	_cleanup_free_ uint8_t *bytes = calloc(1, ROOM);
	struct object object = an_object();
	bool patches = false;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, &object, sizeof(object));
	assert_int_equal(fast_copy_edit(bytes, FILE_SIZE, ROOM, sites, 1, patch, &patches), -ENOENT);
	assert_int_equal(fast_copy_edit(bytes, FILE_SIZE, FILE_SIZE, sites, 1, patch, NULL), -ENOSPC);
	assert_memory_equal(bytes, &object, sizeof(object));
	assert_int_equal(fast_copy_edit(bytes, sizeof(Elf64_Ehdr), ROOM, sites, 1, patch, NULL), -ENOEXEC);
	/* A note before the last segment can't become one behind it. */
	object.headers[0] = object.headers[3];
	object.headers[3] = (Elf64_Phdr){ .p_type = PT_GNU_STACK };
	memcpy(bytes, &object, sizeof(object));
	assert_int_equal(fast_copy_edit(bytes, FILE_SIZE, ROOM, sites, 1, patch, NULL), -ENOEXEC);
}

/* Where aarch64's branch at an address leads. */
static uint64_t branch_target(const uint8_t *bytes, uint64_t address)
{
	uint32_t code;

	memcpy(&code, bytes, sizeof(code));
	assert_int_equal(code & ~BRANCH_MASK, BRANCH);
	return address + (uint64_t)((int64_t)((uint64_t)(code & BRANCH_MASK) << 38) >> 36);
}

static bool patch_arm(void *context, uint8_t *after, int64_t distance, uint32_t number, uint8_t *record)
{
	(void)context;
	return record_patch_copy(0x21000000, number, 0x1234567890abcdef, after, distance, record);
}

static struct object an_arm_object(void)
{
	struct object object = an_object();

	object.elf.e_machine = EM_AARCH64;
	for (unsigned i = 0; i < 3; i++)
		object.headers[i].p_align = 0x10000;
	object.headers[1].p_vaddr = 0x11000;
	object.headers[2].p_vaddr = 0x22000;
	return object;
}

static void a_copy_for_aarch64_leads_to_its_records_and_back(void **state)
{
	/* The third site is no call, the fourth no instruction's. */
	static const struct fast_copy_site sites[] = { { AFTER, 5 }, { AFTER + 0x20, 6 }, { AFTER + 0x10, 7 }, { AFTER + 0x32, 8 } };
	const uint32_t svc = SVC, before = 0xd2800708; /* mov x8, #56 */
	const uint64_t records = 0x30000, from = 0x10000;
	_cleanup_free_ uint8_t *bytes = calloc(1, ROOM);
	struct object object = an_arm_object();
	struct fast_record record;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, &object, sizeof(object));
	for (unsigned i = 0; i < ARRAY_SIZE(sites); i++)
		memcpy(bytes + sites[i].after - 4, i == 2 ? &before : &svc, 4);
	assert_int_equal(fast_copy_edit(bytes, FILE_SIZE, ROOM, sites, ARRAY_SIZE(sites), patch_arm, NULL),
			 from + 2 * FAST_SITE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at = records + i * FAST_SITE_SIZE, after = sites[i].after + 0x10000;
		const uint8_t *code = bytes + from + i * FAST_SITE_SIZE;

		assert_int_equal(branch_target(bytes + sites[i].after - 4, after - 4), at);
		assert_int_equal(branch_target(code + RECORD_SLOW + 12, at + RECORD_SLOW + 12), after);
		assert_int_equal(branch_target(code + RECORD_LEAVE + 8, at + RECORD_LEAVE + 8), after);
		memcpy(&record, code, sizeof(record));
		assert_int_equal(at + record.back, after);
		assert_int_equal(record.stub, 0x21000000);
		assert_int_equal(record.slow[2], SVC);
		assert_int_equal(record.flags, sites[i].number);
		assert_int_equal(record.magic, 0x1234567890abcdef);
	}
	for (unsigned i = 2; i < 4; i++)
		assert_memory_equal(bytes + sites[i].after - 4, i == 2 ? &before : &svc, 4);
}

static void aarch64_leaves_alone_what_a_branch_does_not_reach(void **state)
{
	uint32_t text[2] = { SVC, SVC };
	struct fast_record record = { .flags = 9 };

	(void)state;
	assert_false(patch_arm(NULL, (uint8_t *)&text[1], REACH, 1, (uint8_t *)&record));
	assert_false(patch_arm(NULL, (uint8_t *)&text[1], -REACH - 8, 1, (uint8_t *)&record));
	assert_false(patch_arm(NULL, (uint8_t *)&text[1], 0x1002, 1, (uint8_t *)&record));
	assert_int_equal(text[0], SVC);
	assert_int_equal(record.flags, 9);
	assert_true(patch_arm(NULL, (uint8_t *)&text[1], REACH - 0x100, 1, (uint8_t *)&record));
	assert_true(patch_arm(NULL, (uint8_t *)&text[2], -REACH + 0x100, 1, (uint8_t *)&record));
	assert_int_equal(branch_target((const uint8_t *)&text[1], 0), -REACH + 0x104);
}

/* With the sanitizers on: whatever the headers say, nothing is touched outside of the room. */
static void headers_may_say_anything(void **state)
{
	_cleanup_free_ uint8_t *bytes = malloc(ROOM);
	const uint32_t svc = SVC;
	unsigned seed = 7;

	(void)state;
	assert_non_null(bytes);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		struct object object = turn & 1 ? an_arm_object() : an_object();
		struct fast_copy_site sites[8];
		size_t size = FILE_SIZE - (size_t)rand_r(&seed) % 0x400;

		for (unsigned i = 0; i < 1U + turn % 4; i++)
			((uint8_t *)&object)[(size_t)rand_r(&seed) % sizeof(object)] = (uint8_t)rand_r(&seed);
		for (unsigned i = 0; i < ARRAY_SIZE(sites); i++)
			sites[i] = (struct fast_copy_site){ (uint64_t)rand_r(&seed) % (2UL * FILE_SIZE), i };
		memset(bytes, 0, ROOM);
		for (unsigned i = TEXT; i < FILE_SIZE; i += 4)
			memcpy(bytes + i, &svc, sizeof(svc));
		memcpy(bytes, &object, sizeof(object));
		assert_true(fast_copy_edit(bytes, size, ROOM, sites, ARRAY_SIZE(sites), turn & 1 ? patch_arm : patch, NULL) <=
			    ROOM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_has_one_segment_more),
		cmocka_unit_test(what_can_have_none_is_left_alone),
		cmocka_unit_test(a_copy_for_aarch64_leads_to_its_records_and_back),
		cmocka_unit_test(aarch64_leaves_alone_what_a_branch_does_not_reach),
		cmocka_unit_test(headers_may_say_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
