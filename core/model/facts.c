// SPDX-License-Identifier: Apache-2.0
/* Names of facts, and facts as JSON. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/model/facts.h"

#define FORMAT_VERSION 1
#define JSON_SIZE_MAX  (1024 * 1024)
#define JSON_DEPTH_MAX 8
#define ERRNO_MAX      4095

static const struct {
	const char *name, *title;
	enum fact_group group;
} descriptions[FACT_ID_COUNT] = {
#define FACT(id, name, group, title) {name, title, FACT_GROUP_##group},
#include "core/model/facts.def"
#undef FACT
};

static const char *const status_names[FACT_STATUS_COUNT] = {
	[FACT_UNKNOWN] = "unknown", [FACT_WORKS] = "works",   [FACT_FAILS] = "fails",
	[FACT_TRAPPED] = "trapped", [FACT_ABSENT] = "absent",
};

const char *fact_name(enum fact_id id)
{
	return descriptions[id].name;
}

const char *fact_title(enum fact_id id)
{
	return descriptions[id].title;
}

enum fact_group fact_group(enum fact_id id)
{
	return descriptions[id].group;
}

const char *fact_group_name(enum fact_group group)
{
	static const char *const names[FACT_GROUP_COUNT] = {
		[FACT_GROUP_MACHINE] = "machine",           [FACT_GROUP_NAMESPACES] = "namespaces",
		[FACT_GROUP_TRACING] = "tracing",           [FACT_GROUP_STORE] = "store",
		[FACT_GROUP_LIMITS] = "limits and network",
	};

	return names[group];
}

const char *fact_status_name(enum fact_status status)
{
	return status_names[status];
}

/* Those that calls we probe can answer. strerrorname_np() is glibc's alone. */
const char *fact_errno_name(int code)
{
	static const char *const names[] = {
#define NAME(code) [code] = #code
		NAME(EPERM),        NAME(ENOENT),          NAME(ESRCH),        NAME(EINTR),
		NAME(EIO),          NAME(ENXIO),           NAME(E2BIG),        NAME(ENOEXEC),
		NAME(EBADF),        NAME(ECHILD),          NAME(EAGAIN),       NAME(ENOMEM),
		NAME(EACCES),       NAME(EFAULT),          NAME(ENOTBLK),      NAME(EBUSY),
		NAME(EEXIST),       NAME(EXDEV),           NAME(ENODEV),       NAME(ENOTDIR),
		NAME(EISDIR),       NAME(EINVAL),          NAME(ENFILE),       NAME(EMFILE),
		NAME(ENOTTY),       NAME(ETXTBSY),         NAME(EFBIG),        NAME(ENOSPC),
		NAME(ESPIPE),       NAME(EROFS),           NAME(EMLINK),       NAME(EPIPE),
		NAME(ENAMETOOLONG), NAME(ENOSYS),          NAME(ENOTEMPTY),    NAME(ELOOP),
		NAME(ENODATA),      NAME(ETIME),           NAME(EPROTO),       NAME(EOVERFLOW),
		NAME(EUSERS),       NAME(EOPNOTSUPP),      NAME(EADDRINUSE),   NAME(EADDRNOTAVAIL),
		NAME(ENETUNREACH),  NAME(ETIMEDOUT),       NAME(ESTALE),       NAME(EDQUOT),
		NAME(EAFNOSUPPORT), NAME(EPROTONOSUPPORT), NAME(ECONNREFUSED),
#undef NAME
	};

	if (code < 0 || (size_t)code >= ARRAY_SIZE(names) || !names[code])
		return NULL;
	return names[code];
}

/* Length of the UTF-8 sequence at text, 0 when it is none or a control character. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead, length;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t point = text[0] & (unsigned char)~forms[i].mask;
		size_t n = 1;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (; n < forms[i].length && (text[n] & 0xc0) == 0x80; n++)
			point = point << 6 | (text[n] & 0x3f);
		if (n < forms[i].length || point < forms[i].least || point > 0x10ffff ||
		    (point >= 0xd800 && point <= 0xdfff) || (point >= 0x80 && point < 0xa0))
			return 0;
		return n;
	}
	return 0;
}

/* Copies what fits, whole characters only; what isn't text becomes '?'. Facts hold paths and words
 * of other programs, and end on terminals and in JSON. */
static void copy_text(char *to, size_t size, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t used = 0;

	while (*at) {
		size_t n = utf8_length(at);

		if (used + (n ? n : 1) >= size)
			break;
		if (n)
			memcpy(to + used, at, n);
		else
			to[used] = '?';
		used += n ? n : 1;
		at += n ? n : 1;
	}
	to[used] = '\0';
}

static struct json_object *fact_to_object(const struct fact *fact)
{
	struct json_object *object = json_object_new_object();
	const char *name = fact->error_code ? fact_errno_name(fact->error_code) : NULL;
	char text[FACT_TEXT_SIZE];

	copy_text(text, sizeof(text), fact->text);
	json_object_object_add(object, "status",
			       json_object_new_string(fact_status_name(fact->status)));
	json_object_object_add(object, "errno", json_object_new_int(fact->error_code));
	json_object_object_add(object, "errno_name", name ? json_object_new_string(name) : NULL);
	json_object_object_add(object, "value", json_object_new_int64(fact->value));
	json_object_object_add(object, "text", json_object_new_string(text));
	return object;
}

char *facts_to_json(void *parent, const struct facts *facts)
{
	struct json_object *root = json_object_new_object(), *table = json_object_new_object();
	char *text;

	json_object_object_add(root, "amphora_facts", json_object_new_int(FORMAT_VERSION));
	for (int id = 0; id < FACT_ID_COUNT; id++)
		json_object_object_add(table, fact_name(id), fact_to_object(&facts->fact[id]));
	json_object_object_add(root, "facts", table);
	text = talloc_strdup(
		parent, json_object_to_json_string_ext(
				root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return text;
}

/* An integer member within limits; missing is 0. */
static int read_integer(struct json_object *object, const char *fact, const char *key,
			int64_t least, int64_t most, int64_t *ret_value, struct error *err)
{
	struct json_object *member;
	int64_t value;

	*ret_value = 0;
	if (!json_object_object_get_ex(object, key, &member))
		return 0;
	if (!json_object_is_type(member, json_type_int))
		return error_plain(err, "facts: %s.%s is not an integer", fact, key);
	value = json_object_get_int64(member);
	if (value < least || value > most)
		return error_plain(err, "facts: %s.%s is out of range", fact, key);
	*ret_value = value;
	return 0;
}

static int read_text(struct json_object *object, const char *fact, const char *key, char *ret_text,
		     size_t size, struct error *err)
{
	struct json_object *member;
	const char *text;

	ret_text[0] = '\0';
	if (!json_object_object_get_ex(object, key, &member))
		return 0;
	if (!json_object_is_type(member, json_type_string))
		return error_plain(err, "facts: %s.%s is not a string", fact, key);
	text = json_object_get_string(member);
	if (strlen(text) != (size_t)json_object_get_string_len(member))
		return error_plain(err, "facts: %s.%s contains a zero byte", fact, key);
	copy_text(ret_text, size, text);
	return 0;
}

static int read_fact(struct json_object *object, const char *name, struct fact *ret_fact,
		     struct error *err)
{
	struct fact fact = {0};
	char status[16];
	int64_t code = 0;
	int result;

	if (!json_object_is_type(object, json_type_object))
		return error_plain(err, "facts: %s is not an object", name);
	result = read_text(object, name, "status", status, sizeof(status), err);
	if (result == 0)
		result = read_integer(object, name, "errno", 0, ERRNO_MAX, &code, err);
	if (result == 0)
		result =
			read_integer(object, name, "value", INT64_MIN, INT64_MAX, &fact.value, err);
	if (result == 0)
		result = read_text(object, name, "text", fact.text, sizeof(fact.text), err);
	if (result < 0)
		return result;
	fact.error_code = (int)code;
	for (int i = 0; i < FACT_STATUS_COUNT; i++) {
		if (strcmp(status, status_names[i]) != 0)
			continue;
		fact.status = i;
		*ret_fact = fact;
		return 0;
	}
	return error_plain(
		err, "facts: %s.status is none of works, fails, trapped, absent, unknown", name);
}

static int read_root(struct json_object *root, struct facts *ret_facts, struct error *err)
{
	struct json_object *version, *table, *object;
	struct facts facts = {0};
	int result = 0;

	if (!json_object_is_type(root, json_type_object) ||
	    !json_object_object_get_ex(root, "amphora_facts", &version) ||
	    !json_object_is_type(version, json_type_int))
		return error_plain(err, "not a facts file: no \"amphora_facts\" in it");
	if (json_object_get_int64(version) != FORMAT_VERSION)
		return error_plain(err, "facts of format %lld, this amphora reads %d",
				   (long long)json_object_get_int64(version), FORMAT_VERSION);
	if (!json_object_object_get_ex(root, "facts", &table) ||
	    !json_object_is_type(table, json_type_object))
		return error_plain(err, "not a facts file: no object \"facts\" in it");
	for (int id = 0; id < FACT_ID_COUNT && result == 0; id++)
		if (json_object_object_get_ex(table, fact_name(id), &object))
			result = read_fact(object, fact_name(id), &facts.fact[id], err);
	if (result == 0)
		*ret_facts = facts;
	return result;
}

int facts_from_json(const char *text, size_t length, struct facts *ret_facts, struct error *err)
{
	struct json_tokener *tokener;
	struct json_object *root;
	enum json_tokener_error problem;
	size_t end;
	int result;

	if (length > JSON_SIZE_MAX)
		return error_plain(err, "facts: more than %d bytes", JSON_SIZE_MAX);
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tokener)
		return error_set(err, ENOMEM, "facts");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
						JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, text, (int)length);
	problem = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (!root && problem == json_tokener_success) /* null */
		return error_plain(err, "not a facts file: no \"amphora_facts\" in it");
	if (!root)
		return error_plain(err, "facts: not JSON at byte %zu: %s", end,
				   problem == json_tokener_continue
					   ? "it ends too early"
					   : json_tokener_error_desc(problem));
	while (end < length && strchr(" \t\r\n", text[end]))
		end++;
	result = end < length
			 ? error_plain(err, "facts: something follows the JSON at byte %zu", end)
			 : read_root(root, ret_facts, err);
	json_object_put(root);
	return result;
}
