// SPDX-License-Identifier: Apache-2.0
/* facts_from_json() on anything; what it accepts must survive a trip through facts_to_json(). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "core/model/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts facts, back;
	struct error err = ERROR_INIT;
	char *json;

	if (facts_from_json((const char *)data, size, &facts, &err) < 0)
		return 0;
	json = facts_to_json(NULL, &facts);
	if (facts_from_json(json, strlen(json), &back, &err) < 0)
		abort();
	for (int id = 0; id < FACT_ID_COUNT; id++)
		if (back.fact[id].status != facts.fact[id].status ||
		    back.fact[id].error_code != facts.fact[id].error_code ||
		    back.fact[id].value != facts.fact[id].value ||
		    strcmp(back.fact[id].text, facts.fact[id].text) != 0)
			abort();
	talloc_free(json);
	return 0;
}
