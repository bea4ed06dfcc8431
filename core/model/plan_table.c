// SPDX-License-Identifier: Apache-2.0
/* The table of `amphora plan`: at most 80 columns, for a phone's terminal.
 *
 * Each facet is a line; what a person should know about it and each better mechanism with what
 * refused it stand indented below. Operations follow, those of a kind gathered in one line. Paths
 * and reasons may come from a facts file or a command line, so control characters are replaced.
 */
#include <string.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/model/plan.h"
#include "core/model/plan_words.h"

#define COLUMNS		 80
#define DETAIL_INDENT	 4
#define MECHANISM_COLUMN 16
#define STRENGTH_COLUMN	 46
#define LABEL_WIDTH	 12

struct text {
	char *string; /* talloc, grows by append; NULL after running out of memory */
	size_t column;
};

static void put(struct text *text, const char *bytes, size_t length)
{
	if (text->string)
		text->string = talloc_strndup_append_buffer(text->string, bytes, length);
}

static void put_newline(struct text *text)
{
	put(text, "\n", 1);
	text->column = 0;
}

static void put_spaces(struct text *text, size_t count)
{
	for (; count > 0; count--, text->column++)
		put(text, " ", 1);
}

/* One character, which may be several bytes of UTF-8; bytes that would steer a terminal become '?'.
 * Returns its length. */
static size_t put_character(struct text *text, const char *at)
{
	unsigned char first = (unsigned char)at[0], second = (unsigned char)at[1];
	size_t length = 1;

	if (first < 0x20 || first == 0x7f || (first == 0xc2 && second >= 0x80 && second < 0xa0)) {
		put(text, "?", 1);
		text->column++;
		return first == 0xc2 ? 2 : 1;
	}
	if (first >= 0x80)
		while (length < 4 && ((unsigned char)at[length] & 0xc0) == 0x80)
			length++;
	put(text, at, length);
	text->column++;
	return length;
}

/* Characters up to the next space. */
static size_t word_width(const char *word)
{
	size_t width = 0;

	for (; *word && *word != ' '; word++)
		width += ((unsigned char)*word & 0xc0) != 0x80;
	return width;
}

/* Words, wrapped at COLUMNS with the following lines indented; a longer word is cut. */
static void put_wrapped(struct text *text, const char *words, size_t indent)
{
	while (*words) {
		bool starts = text->column <= indent;

		if (*words == ' ') {
			words++;
			continue;
		}
		if (!starts && text->column + 1 + word_width(words) > COLUMNS) {
			put_newline(text);
			starts = true;
		}
		if (text->column < indent)
			put_spaces(text, indent - text->column);
		else if (!starts)
			put_spaces(text, 1);
		while (*words && *words != ' ') {
			if (text->column == COLUMNS) {
				put_newline(text);
				put_spaces(text, indent);
			}
			words += put_character(text, words);
		}
	}
}

/* A word that starts a column, padded up to where the next one starts. */
static void put_padded(struct text *text, const char *word, size_t next_column)
{
	while (*word)
		word += put_character(text, word);
	do
		put_spaces(text, 1);
	while (text->column < next_column);
}

/* "not cgroup v2, cgroup v1: reason": refusals in a row that have one reason share a line, and what
 * refused the mount namespace is said once, under files. */
static void put_refusals(void *scratch, struct text *text, const struct plan_facet *files,
			 const struct plan_facet *facet)
{
	for (unsigned i = 0; i < facet->refusal_count;) {
		const char *reason = facet->refusals[i].reason;
		char *line = talloc_strdup(scratch, "not");

		for (unsigned first = i; i < facet->refusal_count &&
					 strcmp(facet->refusals[i].reason, reason) == 0; i++)
			line = talloc_asprintf_append(line, "%s %s", i == first ? "" : ",",
						      mechanism_name(facet->refusals[i].mechanism));
		if (facet != files && files->refusal_count > 0 &&
		    strcmp(files->refusals[0].reason, reason) == 0)
			reason = "as for files";
		line = talloc_asprintf_append(line, ": %s", reason);
		if (line)
			put_wrapped(text, line, DETAIL_INDENT);
		put_newline(text);
	}
}

static void put_facet(void *scratch, struct text *text, const struct plan *plan, enum facet id)
{
	const struct plan_facet *facet = &plan->facets[id];

	if (facet->mechanism == MECHANISM_NOT_CHOSEN && facet->refusal_count == 0)
		return;
	put_padded(text, facet_name(id), MECHANISM_COLUMN);
	put_padded(text, mechanism_name(facet->mechanism), STRENGTH_COLUMN);
	put_wrapped(text, strength_name(facet->strength), STRENGTH_COLUMN);
	if (facet->weakened)
		put_wrapped(text, "(less than asked for)", STRENGTH_COLUMN);
	put_newline(text);
	if (facet->note[0]) {
		put_wrapped(text, facet->note, DETAIL_INDENT);
		put_newline(text);
	}
	put_refusals(scratch, text, &plan->facets[FACET_FILES], facet);
}

static void put_options(struct text *text, uint32_t options)
{
	for (size_t i = 0; mount_option_words[i].word; i++)
		if (options & mount_option_words[i].bit)
			put_wrapped(text, mount_option_words[i].word, LABEL_WIDTH);
}

static bool is_device(const struct plan_op *op)
{
	return op->kind == PLAN_OP_MOUNT && op->mount_kind == MOUNT_KIND_BIND &&
	       strncmp(op->target, "/dev/", 5) == 0 && op->source && strcmp(op->source, op->target) == 0;
}

/* The label of the line an operation belongs to; several operations share one if `gathers`. */
static const char *op_label(const struct plan_op *op, bool *ret_gathers)
{
	*ret_gathers = op->kind != PLAN_OP_ROOT && op->kind != PLAN_OP_MOUNT;
	if (is_device(op)) {
		*ret_gathers = true;
		return "devices";
	}
	return op->kind == PLAN_OP_MOUNT ? mount_kind_name(op->mount_kind) : plan_op_kind_name(op->kind);
}

static void put_op(struct text *text, const struct plan *plan, const struct plan_op *op)
{
	if (op->source && !is_device(op)) {
		put_wrapped(text, op->source, LABEL_WIDTH);
		if (op->kind == PLAN_OP_MOUNT)
			put_wrapped(text, "on", LABEL_WIDTH);
	}
	if (op->kind != PLAN_OP_ROOT)
		put_wrapped(text, op->target, LABEL_WIDTH);
	else if (plan->layer == MECHANISM_KERNEL_OVERLAY)
		put_wrapped(text, "under a scratch layer", LABEL_WIDTH);
	if (!is_device(op))
		put_options(text, op->options);
}

static void put_operations(struct text *text, const struct plan *plan)
{
	const char *open_label = NULL;

	put_wrapped(text, "operations, in this order", 0);
	put_newline(text);
	for (size_t i = 0; i < plan->op_count; i++) {
		bool gathers;
		const char *label = op_label(&plan->ops[i], &gathers);

		if (!open_label || !gathers || strcmp(label, open_label) != 0) {
			if (open_label)
				put_newline(text);
			put_spaces(text, 2);
			put_padded(text, label, LABEL_WIDTH);
		}
		open_label = label;
		put_op(text, plan, &plan->ops[i]);
	}
	put_newline(text);
}

static void put_namespaces(struct text *text, const struct plan *plan)
{
	put_padded(text, "namespaces", MECHANISM_COLUMN);
	for (size_t i = 0; namespace_words[i].word; i++)
		if (plan->clone_flags & namespace_words[i].bit)
			put_wrapped(text, namespace_words[i].word, MECHANISM_COLUMN);
	put_newline(text);
}

char *plan_to_table(void *parent, const struct plan *plan)
{
	void *scratch = talloc_new(NULL);
	struct text text = {.string = talloc_strdup(parent, "")};

	put_padded(&text, "backend", MECHANISM_COLUMN);
	put_wrapped(&text, plan_backend_name(plan->backend), MECHANISM_COLUMN);
	put_newline(&text);
	if (plan->backend == PLAN_BACKEND_NS)
		put_namespaces(&text, plan);
	put_newline(&text);
	for (int i = 0; i < FACET_COUNT; i++)
		put_facet(scratch, &text, plan, (enum facet)i);
	if (plan->op_count > 0) {
		put_newline(&text);
		put_operations(&text, plan);
	}
	for (unsigned i = 0; i < plan->warning_count; i++) {
		put_newline(&text);
		put_wrapped(&text, "warning:", 0);
		put_wrapped(&text, plan->warnings[i], DETAIL_INDENT);
		put_newline(&text);
	}
	talloc_free(scratch);
	return text.string;
}
