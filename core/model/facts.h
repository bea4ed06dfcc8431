/* SPDX-License-Identifier: Apache-2.0 */
/* facts: what the prober found by trying. Plain data; facts.def has a row a fact. */
#ifndef AMPHORA_MODEL_FACTS_H
#define AMPHORA_MODEL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum fact_status {
	FACT_UNKNOWN, /* not probed (an older facts file) */
	FACT_WORKS,
	FACT_FAILS,   /* with error_code */
	FACT_TRAPPED, /* an outer seccomp filter raised SIGSYS, or killed the probe with it */
	FACT_ABSENT,  /* the kernel has no such thing */
	FACT_STATUS_COUNT
};

enum fact_group {
	FACT_GROUP_MACHINE,
	FACT_GROUP_NAMESPACES,
	FACT_GROUP_TRACING,
	FACT_GROUP_STORE,
	FACT_GROUP_LIMITS,
	FACT_GROUP_COUNT
};

enum fact_id {
#define FACT(id, name, group, title) FACT_ID_##id,
#include "core/model/facts.def"
#undef FACT
	FACT_ID_COUNT
};

#define FACT_TEXT_SIZE 256
#define PLAN_TRAP_WORDS 8 /* call numbers up to 511 */

struct fact {
	enum fact_status status;
	int error_code; /* positive errno, 0 when none */
	int64_t value;	/* meaning: facts.def */
	/* works: what facts.def says; otherwise the sentence that tells a person why */
	char text[FACT_TEXT_SIZE];
};

struct facts {
	struct fact fact[FACT_ID_COUNT];
};

const char *fact_name(enum fact_id id);
const char *fact_title(enum fact_id id);
enum fact_group fact_group(enum fact_id id);
const char *fact_group_name(enum fact_group group); /* "machine", "namespaces", ... */
const char *fact_status_name(enum fact_status status); /* "works", "fails", "trapped", "absent", "unknown" */

/* "EPERM"; NULL when it has no name here. */
const char *fact_errno_name(int code);

static inline bool fact_works(const struct facts *facts, enum fact_id id)
{
	return facts->fact[id].status == FACT_WORKS;
}

/* JSON: {"amphora_facts": 1, "facts": {"userns": {"status": "fails", "errno": 1, "errno_name": "EPERM",
 * "value": 0, "text": "..."}, ...}}. Returned string is a child of parent. */
char *facts_to_json(void *parent, const struct facts *facts);
/* Reads that. Unknown names are ignored, missing facts are FACT_UNKNOWN, wrong types and more than
 * 1 MiB are errors. Untrusted input: has a fuzz target. Returns 0 or -errno. */
int facts_from_json(const char *text, size_t length, struct facts *ret_facts, struct error *err);

#endif
