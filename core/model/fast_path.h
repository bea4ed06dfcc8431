/* SPDX-License-Identifier: Apache-2.0 */
/* The fast path as everyone but its own code knows it: what was asked for, and what `amphora inspect` shows of a
 * container that runs.
 */
#ifndef AMPHORA_MODEL_FAST_PATH_H
#define AMPHORA_MODEL_FAST_PATH_H

#include <stdint.h>

#include "core/base/error.h"

enum fast_path_choice {
	FAST_PATH_OFF,
	FAST_PATH_ONLY_PREPATCHED, /* no text of a running process is changed: only libraries' copies have patched sites */
	FAST_PATH_AUTO,
};

const char *fast_path_name(enum fast_path_choice choice); /* "off", "only-prepatched", "auto" */
/* One of these. Returns 0 or -EINVAL. */
int fast_path_parse(const char *value, enum fast_path_choice *ret_choice, struct error *err);
/* AMPHORA_FAST_PATH; unset or empty leaves *choice alone. Returns 0 or -EINVAL. */
int fast_path_from_environment(enum fast_path_choice *choice, struct error *err);

/* Why a process goes without in a container that has it. */
enum fast_path_lack {
	FAST_LACK_COMPAT,
	FAST_LACK_ROOM,
	FAST_LACK_FILTER,
	FAST_LACK_TRACED,
	FAST_LACK_VIEW,
	FAST_LACK_SHARED,
	FAST_LACK_LISTING,
	FAST_LACK_PARENT,
	FAST_LACK_COUNT
};

/* "32-bit program", … */
const char *fast_path_lack_name(enum fast_path_lack lack);

#define FAST_PATH_COUNTS_MAGIC 0x616d7068u

/* The end of the file FAST_PATH_COUNTS_FILE in a container's state directory, as long as it runs. The tracer writes it;
 * guests have it mapped for reading. */
#define FAST_PATH_COUNTS_FILE "view/fast"
struct fast_path_counts {
	uint64_t magic;
	uint64_t patched;   /* call sites */
	uint64_t unpatched; /* that are used often and can't be */
	uint64_t declined;  /* calls from patched ones that were the tracer's all the same */
	uint64_t copies;    /* of libraries that were made */
	uint64_t copied;    /* sites in the newest of each */
	uint64_t ended;	    /* nobody has it any more: 1 + the enum fast_path_lack; 0 */
	uint64_t lacks[FAST_LACK_COUNT]; /* programs and processes without, by what they lack it for */
};

#endif
