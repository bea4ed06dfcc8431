// SPDX-License-Identifier: Apache-2.0
/* Where the tracer puts the load script in the 32-bit loader: the writable segment's start. In our own
 * image it goes into memory that is there anyway.
 */
#include "ptrace_backend/loader/loader.h"

extern char amphora_load_script[LOAD_IMAGE_MAX + 16];
char amphora_load_script[LOAD_IMAGE_MAX + 16];
