/* SPDX-License-Identifier: Apache-2.0 */
/* A root filesystem with its record, for tests: include after cmocka.h's own prerequisites. */
#ifndef AMPHORA_TESTS_RECORD_PLACE_H
#define AMPHORA_TESTS_RECORD_PLACE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/store/record.h"

/* A rootfs and its sidecar; the current directory is the rootfs. */
struct place {
	char directory[64], rootfs[80], sidecar[80];
};

static inline int set_up(void **state)
{
	struct place *place = talloc_zero(NULL, struct place);

	/* Not /tmp: it may be a tmpfs, which forgets xattrs before Linux 6.6. */
	strcpy(place->directory, "/var/tmp/amphora-record.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->rootfs, sizeof(place->rootfs), "%s/rootfs", place->directory);
	snprintf(place->sidecar, sizeof(place->sidecar), "%s/sidecar", place->directory);
	assert_int_equal(mkdir(place->rootfs, 0755), 0);
	assert_int_equal(chdir(place->rootfs), 0);
	*state = place;
	return 0;
}

static inline int tear_down(void **state)
{
	struct place *place = *state;

	assert_int_equal(chdir("/"), 0);
	file_remove_tree(AT_FDCWD, place->directory);
	talloc_free(place);
	return 0;
}

static inline struct record *open_record(const struct place *place)
{
	struct record *record;
	struct error err = ERROR_INIT;

	assert_int_equal(record_open(NULL, place->sidecar, place->rootfs, &record, &err), 0);
	return record;
}

/* A file held as the handlers hold it. */
struct held {
	struct record_file file;
	struct stat status;
};

static inline void hold(const char *name, struct held *held)
{
	held->file = (struct record_file){ .status = &held->status };
	held->file.fd = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	assert_true(held->file.fd >= 0);
	assert_int_equal(fstat(held->file.fd, &held->status), 0);
}

static inline void make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static inline void set(struct record *record, const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	struct record_entry entry = { .uid = uid, .gid = gid, .mode = mode };
	struct held held;

	hold(name, &held);
	assert_int_equal(record_set(record, &held.file, &entry), 0);
	close(held.file.fd);
}

static inline int get(struct record *record, const char *name, struct record_entry *ret_entry)
{
	struct held held;
	int result;

	memset(ret_entry, 0, sizeof(*ret_entry));
	hold(name, &held);
	result = record_get(record, &held.file, ret_entry);
	close(held.file.fd);
	return result;
}

static inline void assert_owner(struct record *record, const char *name, uid_t uid, gid_t gid)
{
	struct record_entry entry;

	assert_int_equal(get(record, name, &entry), 1);
	assert_int_equal(entry.uid, uid);
	assert_int_equal(entry.gid, gid);
}

static inline void assert_nothing(struct record *record, const char *name)
{
	struct record_entry entry;

	assert_int_equal(get(record, name, &entry), 0);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
