// SPDX-License-Identifier: Apache-2.0
/* The table of `amphora probe`, and what the facts mean for the two backends. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "probe/probe.h"

#define COLUMNS      80
#define TITLE_WIDTH  23
#define STATUS_WIDTH 8
#define TEXT_COLUMN  (2 + TITLE_WIDTH + STATUS_WIDTH)

static const char *const headings[FACT_GROUP_COUNT] = {
	[FACT_GROUP_MACHINE] = "Machine",
	[FACT_GROUP_NAMESPACES] = "Namespaces",
	[FACT_GROUP_TRACING] = "Tracing and filters",
	[FACT_GROUP_STORE] = "Store",
	[FACT_GROUP_LIMITS] = "Limits and network",
};

static const char *const colours[FACT_STATUS_COUNT] = {
	[FACT_UNKNOWN] = "\033[2m",  [FACT_WORKS] = "\033[32m",  [FACT_FAILS] = "\033[31m",
	[FACT_TRAPPED] = "\033[31m", [FACT_ABSENT] = "\033[33m",
};

/* Facts that say what is there rather than what works: no status, just the value. */
static bool is_statement(enum fact_id id)
{
	static const enum fact_id statements[] = {
		FACT_ID_KERNEL,        FACT_ID_ARCHITECTURE, FACT_ID_UID,
		FACT_ID_GID,           FACT_ID_CAPABILITIES, FACT_ID_NO_NEW_PRIVS,
		FACT_ID_CHROOTED,      FACT_ID_ANDROID,      FACT_ID_SELINUX,
		FACT_ID_APPARMOR,      FACT_ID_YAMA,         FACT_ID_OUTER_SECCOMP,
		FACT_ID_TRAP_MAP,      FACT_ID_DENY_MAP,     FACT_ID_HIDDEN_PROC,
		FACT_ID_PHANTOM_LIMIT, FACT_ID_USERNS_GATE,  FACT_ID_STORE_FS,
		FACT_ID_TRAP_NUMBERS,
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (statements[i] == id)
			return true;
	return false;
}

/* What stands behind the title of a fact that is told by its value. */
static void describe_value(enum fact_id id, const struct fact *fact, char *text, size_t size)
{
	switch (id) {
	case FACT_ID_UID:
	case FACT_ID_GID:
		snprintf(text, size, "%lld", (long long)fact->value);
		break;
	case FACT_ID_NO_NEW_PRIVS:
	case FACT_ID_CHROOTED:
		snprintf(text, size, "%s", fact->value ? "yes" : "no");
		break;
	case FACT_ID_OUTER_SECCOMP:
	case FACT_ID_TRAP_MAP:
	case FACT_ID_DENY_MAP:
	case FACT_ID_HIDDEN_PROC:
		snprintf(text, size, "none");
		break;
	case FACT_ID_TRAP_NUMBERS:
		snprintf(text, size, "%lld", (long long)fact->value);
		break;
	case FACT_ID_USERNS_GATE:
		snprintf(text, size, "open");
		break;
	case FACT_ID_CGROUP2_WRITABLE:
		snprintf(text, size, "%s", fact->text[0] ? fact->text : "no controllers");
		break;
	case FACT_ID_ANDROID:
		snprintf(text, size, "%s (API level %lld)", fact->text, (long long)fact->value);
		break;
	case FACT_ID_SELINUX:
		snprintf(text, size, "%s, we are %s", fact->value ? "enforcing" : "permissive",
			 fact->text);
		break;
	case FACT_ID_APPARMOR:
		snprintf(text, size, "%s%s", fact->text,
			 fact->value ? "; restricts user namespaces" : "");
		break;
	case FACT_ID_YAMA:
		snprintf(text, size, "ptrace_scope %lld: %s", (long long)fact->value, fact->text);
		break;
	case FACT_ID_NEWUIDMAP:
		snprintf(text, size, "%lld ids, uids and gids %s", (long long)fact->value,
			 fact->text);
		break;
	default:
		snprintf(text, size, "%s", fact->text);
	}
}

static void describe(enum fact_id id, const struct fact *fact, char *text, size_t size)
{
	const char *name = fact->error_code ? fact_errno_name(fact->error_code) : NULL;
	char number[24] = "";

	if (fact->status == FACT_WORKS) {
		describe_value(id, fact, text, size);
		return;
	}
	if (fact->status == FACT_FAILS && fact->error_code && !name) {
		snprintf(number, sizeof(number), "errno %d", fact->error_code);
		name = number;
	}
	if (id == FACT_ID_TRAP_MAP || id == FACT_ID_DENY_MAP || id == FACT_ID_HIDDEN_PROC) {
		snprintf(text, size, "%lld: %s", (long long)fact->value, fact->text);
		return;
	}
	if (fact->status != FACT_FAILS)
		name = NULL; /* absent, trapped: the status says it */
	snprintf(text, size, "%s%s%s", name ? name : "", name && fact->text[0] ? ": " : "",
		 fact->text);
}

/* Length of the longest beginning of text that fits `width`, broken at a space if there is one. */
static size_t line_length(const char *text, size_t width)
{
	size_t at = 0, columns = 0, space = 0;

	for (; text[at] && columns < width; at++) {
		if (text[at] == ' ')
			space = at;
		columns += (text[at + 1] & 0xc0) != 0x80; /* UTF-8 continuation */
	}
	if (!text[at] || text[at] == ' ' || !space)
		return at;
	return space;
}

/* Appends text, wrapped; the first line starts at column `column`, others are indented to there. */
static char *append_wrapped(char *table, const char *text, int column)
{
	size_t width = (size_t)(COLUMNS - column);

	for (;;) {
		size_t length = line_length(text, width);

		table = talloc_asprintf_append_buffer(table, "%.*s\n", (int)length, text);
		text += length;
		while (*text == ' ')
			text++;
		if (!*text)
			return table;
		table = talloc_asprintf_append_buffer(table, "%*s", column, "");
	}
}

static char *append_row(char *table, const char *title, const char *status,
			const char *start_colour, const char *text)
{
	const char *end_colour = start_colour[0] ? "\033[0m" : "";

	table = talloc_asprintf_append_buffer(table, "  %-*s", TITLE_WIDTH, title);
	if (!status)
		return append_wrapped(table, text, 2 + TITLE_WIDTH);
	if (!text[0])
		return talloc_asprintf_append_buffer(table, "%s%s%s\n", start_colour, status,
						     end_colour);
	table = talloc_asprintf_append_buffer(table, "%s%-*s%s", start_colour, STATUS_WIDTH, status,
					      end_colour);
	return append_wrapped(table, text, TEXT_COLUMN);
}

static char *append_fact(char *table, const struct facts *facts, enum fact_id id, bool colour)
{
	const struct fact *fact = &facts->fact[id];
	char text[FACT_TEXT_SIZE + 64];
	bool plain = fact->status == FACT_WORKS && is_statement(id);

	describe(id, fact, text, sizeof(text));
	return append_row(table, fact_title(id), plain ? NULL : fact_status_name(fact->status),
			  colour && !plain ? colours[fact->status] : "", text);
}

/* The first of these that doesn't work. */
static const struct fact *first_failure(const struct facts *facts, const enum fact_id *ids,
					enum fact_id *ret_id)
{
	for (; *ids != FACT_ID_COUNT; ids++) {
		if (fact_works(facts, *ids))
			continue;
		*ret_id = *ids;
		return &facts->fact[*ids];
	}
	return NULL;
}

static void reason(const struct facts *facts, enum fact_id id, char *text, size_t size)
{
	describe(id, &facts->fact[id], text, size);
	if (!text[0])
		snprintf(text, size, "%s: %s", fact_title(id),
			 fact_status_name(facts->fact[id].status));
}

bool probe_namespaces_work(const struct facts *facts, char *ret_reason, size_t size)
{
	enum fact_id id;

	if (facts->fact[FACT_ID_UID].value == 0 && fact_works(facts, FACT_ID_ROOT_MOUNT)) {
		snprintf(ret_reason, size, "%s",
			 fact_works(facts, FACT_ID_USERNS_MOUNT)
				 ? "as root, or in a user namespace"
				 : "as root, without user namespaces");
		return true;
	}
	if (!first_failure(
		    facts,
		    (const enum fact_id[]){FACT_ID_USERNS, FACT_ID_USERNS_MOUNT, FACT_ID_COUNT},
		    &id)) {
		snprintf(ret_reason, size, "in a user namespace");
		return true;
	}
	if (facts->fact[FACT_ID_UID].value == 0 &&
	    facts->fact[FACT_ID_ROOT_MOUNT].status != FACT_UNKNOWN)
		id = FACT_ID_ROOT_MOUNT;
	else if (facts->fact[FACT_ID_USERNS_GATE].status == FACT_FAILS)
		id = FACT_ID_USERNS_GATE;
	reason(facts, id, ret_reason, size);
	return false;
}

bool probe_ptrace_works(const struct facts *facts, char *ret_reason, size_t size)
{
	enum fact_id id;

	if (first_failure(
		    facts,
		    (const enum fact_id[]){FACT_ID_PTRACE, FACT_ID_SECCOMP_FILTER, FACT_ID_COUNT},
		    &id)) {
		reason(facts, id, ret_reason, size);
		return false;
	}
	snprintf(ret_reason, size, "%s",
		 fact_works(facts, FACT_ID_LANDLOCK) ? "with Landlock as boundary"
						     : "no Landlock: no boundary");
	return true;
}

char *probe_table(void *parent, const struct facts *facts, bool colour)
{
	const char *bold = colour ? "\033[1m" : "", *normal = colour ? "\033[0m" : "";
	char *table = talloc_strdup(parent, ""), text[FACT_TEXT_SIZE + 128];
	bool works;

	for (int group = 0; group < FACT_GROUP_COUNT; group++) {
		table = talloc_asprintf_append_buffer(table, "%s%s%s\n", bold, headings[group],
						      normal);
		for (int id = 0; id < FACT_ID_COUNT; id++)
			if (fact_group(id) == (enum fact_group)group)
				table = append_fact(table, facts, id, colour);
		table = talloc_asprintf_append_buffer(table, "\n");
	}
	table = talloc_asprintf_append_buffer(table, "%sBackends%s\n", bold, normal);
	works = probe_namespaces_work(facts, text, sizeof(text));
	table = append_row(table, "namespaces", works ? "works" : "fails",
			   colour ? colours[works ? FACT_WORKS : FACT_FAILS] : "", text);
	works = probe_ptrace_works(facts, text, sizeof(text));
	return append_row(table, "ptrace", works ? "works" : "fails",
			  colour ? colours[works ? FACT_WORKS : FACT_FAILS] : "", text);
}
