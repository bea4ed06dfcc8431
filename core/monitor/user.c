// SPDX-License-Identifier: Apache-2.0
/* User lookup in the guest's files. Never getpwnam(): NSS would load the guest's or the host's
 * modules, and the host's answer would be the wrong one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/monitor/user.h"
#include "core/path/rootfs.h"

#define FILE_SIZE_MAX (1024 * 1024)
#define FIELDS_MAX    7

struct field {
	const char *text;
	size_t length;
};

/* Splits one line at its colons. Returns the start of the next line, NULL at the end. */
static const char *split_line(const char *line, struct field fields[FIELDS_MAX], size_t *ret_count)
{
	size_t length = strcspn(line, "\n"), count = 0;
	const char *at = line, *end = line + length;

	while (count < FIELDS_MAX) {
		const char *colon = memchr(at, ':', (size_t)(end - at));

		fields[count].text = at;
		fields[count].length = (size_t)((colon ? colon : end) - at);
		count++;
		if (!colon)
			break;
		at = colon + 1;
	}
	*ret_count = count;
	return *end ? end + 1 : NULL;
}

static bool field_is(const struct field *field, const char *text)
{
	return strlen(text) == field->length && !memcmp(field->text, text, field->length);
}

/* Digits only, at most 4294967294. */
static bool field_id(const struct field *field, uint32_t *ret_id)
{
	uint64_t value = 0;

	if (field->length == 0 || field->length > 10)
		return false;
	for (size_t i = 0; i < field->length; i++) {
		if (field->text[i] < '0' || field->text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(field->text[i] - '0');
	}
	if (value >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)value;
	return true;
}

/* Finds a user by name, or by uid when name is NULL. */
static bool find_user(const char *passwd, const char *name, uid_t uid, struct field *ret_name,
		      struct user_identity *user, struct field *ret_home)
{
	const char *line = passwd;

	while (line) {
		struct field fields[FIELDS_MAX];
		uint32_t found_uid, found_gid;
		size_t count;

		line = split_line(line, fields, &count);
		if (count < 6 || !field_id(&fields[2], &found_uid) ||
		    !field_id(&fields[3], &found_gid))
			continue;
		if (name ? !field_is(&fields[0], name) : found_uid != uid)
			continue;
		user->uid = found_uid;
		user->gid = found_gid;
		*ret_name = fields[0];
		*ret_home = fields[5];
		return true;
	}
	return false;
}

static bool find_group(const char *group, const char *name, gid_t *ret_gid)
{
	const char *line = group;

	while (line) {
		struct field fields[FIELDS_MAX];
		size_t count;

		line = split_line(line, fields, &count);
		if (count >= 3 && field_is(&fields[0], name) && field_id(&fields[2], ret_gid))
			return true;
	}
	return false;
}

static bool list_names(const struct field *list, const struct field *name)
{
	const char *at = list->text, *end = list->text + list->length;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t length = (size_t)((comma ? comma : end) - at);

		if (length == name->length && !memcmp(at, name->text, length))
			return true;
		at += length + 1;
	}
	return false;
}

static int collect_groups(void *parent, const char *group, const struct field *name,
			  struct user_identity *user)
{
	const char *line = group;

	user->groups = talloc_array(parent, gid_t, USER_GROUPS_MAX);
	if (!user->groups)
		return -ENOMEM;
	while (line && user->group_count < USER_GROUPS_MAX) {
		struct field fields[FIELDS_MAX];
		size_t count;
		gid_t gid;

		line = split_line(line, fields, &count);
		if (count >= 4 && field_id(&fields[2], &gid) && list_names(&fields[3], name))
			user->groups[user->group_count++] = gid;
	}
	return 0;
}

int user_resolve(void *parent, const struct user_request *request, const char *passwd,
		 const char *group, struct user_identity *ret_user, struct error *err)
{
	struct user_identity user = {.uid = request->uid};
	struct field name = {0}, home = {"/", 1};
	bool known = find_user(passwd, request->user_name, request->uid, &name, &user, &home);

	if (!known && request->user_name) {
		error_set(err, ENOENT, "user '%s' is not in the guest's /etc/passwd",
			  request->user_name);
		error_hint(err, "Give a number, or a name that the root filesystem knows");
		return -ENOENT;
	}
	if (request->group_name) {
		if (!find_group(group, request->group_name, &user.gid)) {
			error_set(err, ENOENT, "group '%s' is not in the guest's /etc/group",
				  request->group_name);
			error_hint(err, "Give a number, or a name that the root filesystem knows");
			return -ENOENT;
		}
	} else if (request->has_group) {
		user.gid = request->gid;
	} else if (known && collect_groups(parent, group, &name, &user) < 0) {
		return error_set(err, ENOMEM, "cannot list the user's groups");
	}
	if (home.length == 0 || home.text[0] != '/')
		home = (struct field){"/", 1};
	user.home = talloc_strndup(parent, home.text, home.length);
	if (!user.home)
		return error_set(err, ENOMEM, "cannot keep the user's home");
	*ret_user = user;
	return 0;
}

static int read_guest_file(void *parent, int root_fd, const char *path, char **ret_text,
			   struct error *err)
{
	char *buffer = talloc_size(parent, FILE_SIZE_MAX + 1);
	ssize_t length;

	if (!buffer)
		return error_set(err, ENOMEM, "cannot read the guest's %s", path);
	length = rootfs_read(root_fd, path, buffer, FILE_SIZE_MAX + 1, err);
	if (length == -ENOENT || length == -ENOTDIR) {
		buffer[0] = '\0';
		length = 0;
	}
	if (length < 0)
		return error_wrap(err, (int)length, "cannot read the guest's %s", path);
	*ret_text = buffer;
	return 0;
}

int user_lookup(void *parent, int root_fd, const char *text, struct user_identity *ret_user,
		struct error *err)
{
	struct user_request request;
	void *scratch = talloc_new(parent);
	char *passwd, *group;
	int result;

	result = user_request_parse(scratch, text ? text : "0:0", &request, err);
	if (!result)
		result = read_guest_file(scratch, root_fd, "/etc/passwd", &passwd, err);
	if (!result)
		result = read_guest_file(scratch, root_fd, "/etc/group", &group, err);
	if (!result)
		result = user_resolve(parent, &request, passwd, group, ret_user, err);
	talloc_free(scratch);
	return result;
}
