/* SPDX-License-Identifier: Apache-2.0 */
/* Words for the parts of a plan that its table and its JSON share. Private to core/model. */
#ifndef AMPHORA_MODEL_PLAN_WORDS_H
#define AMPHORA_MODEL_PLAN_WORDS_H

#include "core/model/plan.h"

struct bit_word {
	uint64_t bit;
	const char *word;
};

/* Both end with a NULL word. */
extern const struct bit_word namespace_words[];	   /* CLONE_NEW*: "mount", "pid", ... */
extern const struct bit_word mount_option_words[]; /* enum mount_option: "ro", "nosuid", ... */

const char *plan_backend_name(enum plan_backend backend); /* "ns", "ptrace", "none" */
const char *plan_op_kind_name(enum plan_op_kind kind);	  /* "root", "mount", "symlink", ... */
const char *mount_kind_name(enum mount_kind kind);	  /* "bind", "tmpfs", ... */

#endif
