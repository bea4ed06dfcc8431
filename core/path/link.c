// SPDX-License-Identifier: Apache-2.0
/* The texts of link.h. */
#include "core/path/internal.h"
#include "core/path/link.h"

static const char prefix[] = "/" LINK_DIRECTORY "/";
static const char l2s[] = ".l2s.";

#define PREFIX_LENGTH (sizeof(prefix) - 1)
#define L2S_LENGTH    (sizeof(l2s) - 1)
#define L2S_DIGITS    4 /* at least; PRoot's own limit is 999 */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool link_parse(const char *text, size_t length, struct link_id *ret_id)
{
	const char *id = text + PREFIX_LENGTH + 3;

	if (length != LINK_TEXT_LENGTH || !path_equal(text, prefix, PREFIX_LENGTH) ||
	    id[-1] != '/' || id[-2] != id[1] || id[-3] != id[0])
		return false;
	for (size_t i = 0; i < LINK_ID_LENGTH; i++)
		if (!is_hex(id[i]))
			return false;
	path_copy(ret_id->text, id, LINK_ID_LENGTH);
	ret_id->text[LINK_ID_LENGTH] = '\0';
	return true;
}

void link_format(const struct link_id *id, char text[LINK_TEXT_LENGTH + 1])
{
	path_copy(text, prefix, PREFIX_LENGTH);
	path_copy(text + PREFIX_LENGTH, id->text, 2);
	text[PREFIX_LENGTH + 2] = '/';
	path_copy(text + PREFIX_LENGTH + 3, id->text, LINK_ID_LENGTH);
	text[LINK_TEXT_LENGTH] = '\0';
}

bool link_of_host(const char *host, size_t length, struct link_id *ret_id)
{
	return length >= LINK_TEXT_LENGTH &&
	       link_parse(host + length - LINK_TEXT_LENGTH, LINK_TEXT_LENGTH, ret_id);
}

bool link_is_hidden(const char *name, size_t length)
{
	return length == sizeof(LINK_DIRECTORY) - 1 && path_equal(name, LINK_DIRECTORY, length);
}

/* The last component and its length. */
static const char *last_component(const char *text, size_t *length)
{
	size_t start = *length;

	while (start && text[start - 1] != '/')
		start--;
	*length -= start;
	return text + start;
}

/* How many digits text ends in. */
static size_t digits_at_end(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length && is_digit(text[length - 1 - count]))
		count++;
	return count;
}

bool link_is_l2s(const char *text, size_t length)
{
	const char *name = last_component(text, &length);

	return length > L2S_LENGTH + L2S_DIGITS && path_equal(name, l2s, L2S_LENGTH) &&
	       digits_at_end(name, length) >= L2S_DIGITS;
}

unsigned link_l2s_count(const char *text, size_t length)
{
	const char *name = last_component(text, &length);
	size_t digits;
	unsigned count = 0;

	if (!link_is_l2s(name, length))
		return 0;
	digits = digits_at_end(name, length);
	/* ".l2s.NAMEnnnn.cccc": a NAME may end in digits, but a dot stands between the two. */
	if (digits > 9 || name[length - digits - 1] != '.' ||
	    digits_at_end(name, length - digits - 1) < L2S_DIGITS)
		return 0;
	for (size_t i = length - digits; i < length; i++)
		count = count * 10 + (unsigned)(name[i] - '0');
	return count;
}
