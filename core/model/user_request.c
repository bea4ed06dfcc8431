// SPDX-License-Identifier: Apache-2.0
/* `-u` parsed strictly: what is not plainly a number or a name is refused, never read as 0
 * (CVE-2026-30892). */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <talloc.h>

#include "core/model/spec.h"

#define USER_NAME_LENGTH_MAX 255
#define ID_LAST		     4294967294u /* 4294967295 is (uid_t)-1: "leave it alone" to the kernel */

/* Digits only, no sign, no leading zero (it would be octal to some), at most ID_LAST. */
static bool id_parse(const char *text, size_t length, uint32_t *ret_id)
{
	uint64_t value = 0;

	if (length == 0 || length > 10 || (length > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (value > ID_LAST)
		return false;
	*ret_id = (uint32_t)value;
	return true;
}

/* useradd's idea of a name. One that starts with a digit is a mistyped number ("0x0", "1abc"). */
static bool name_is_valid(const char *text, size_t length)
{
	if (length == 0 || length > USER_NAME_LENGTH_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool first = isascii(c) && (isalpha(c) || c == '_');
		bool later = isascii(c) && (isdigit(c) || c == '.' || c == '-' ||
					    (c == '$' && i == length - 1));

		if (!first && !(later && i > 0))
			return false;
	}
	return true;
}

/* One half: a number, or a name copied to parent. */
static int part_parse(void *parent, const char *text, size_t length, const char *what,
		      const char **ret_name, uint32_t *ret_id, struct error *err)
{
	if (id_parse(text, length, ret_id)) {
		*ret_name = NULL;
		return 0;
	}
	if (!name_is_valid(text, length)) {
		error_plain(err, "user: \"%.*s\" is not a %s: a name, or a number up to %u",
			    (int)(length > 64 ? 64 : length), text, what, ID_LAST);
		return -EINVAL;
	}
	*ret_name = talloc_strndup(parent, text, length);
	return *ret_name ? 0 : error_set(err, ENOMEM, "user");
}

int user_request_parse(void *parent, const char *text, struct user_request *ret_request,
		       struct error *err)
{
	struct user_request request = {0};
	const char *colon = strchr(text, ':');
	int r;

	r = part_parse(parent, text, colon ? (size_t)(colon - text) : strlen(text), "user",
		       &request.user_name, &request.uid, err);
	if (r < 0)
		return r;
	if (colon) {
		r = part_parse(parent, colon + 1, strlen(colon + 1), "group", &request.group_name,
			       &request.gid, err);
		if (r < 0)
			return r;
		request.has_group = true;
	}
	*ret_request = request;
	return 0;
}
