// SPDX-License-Identifier: Apache-2.0
/* The default profile's rows with the numbers of 32-bit programs.
 *
 * libseccomp is not asked: it takes i386's socket and System V calls for socketcall(2) and ipc(2) only, though
 * the kernel has them by numbers of their own, too. A name without a number there is -1, by the outer enum.
 */
#include "core/arch/compat.h"
#include "core/base/cleanup.h"
#include "ns_backend/profile_rows.h"
#include "ns_backend/seccomp_table.h"

enum {
#pragma push_macro("ALLOW")
#pragma push_macro("NEWER")
#pragma push_macro("DENY")
#pragma push_macro("ABSENT")
#pragma push_macro("NEED")
#undef ALLOW
#undef NEWER
#undef DENY
#undef ABSENT
#undef NEED
#define ALLOW(name)		      NUMBER_##name = -1,
#define NEWER(number)
#define DENY(name)		      NUMBER_##name = -1,
#define ABSENT(name)		      NUMBER_##name = -1,
#define NEED(name, capability, error) NUMBER_##name = -1,
#include "ns_backend/profile.def"
#pragma pop_macro("ALLOW")
#pragma pop_macro("NEWER")
#pragma pop_macro("DENY")
#pragma pop_macro("ABSENT")
#pragma pop_macro("NEED")
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
const struct seccomp_call *seccomp_compat_calls(size_t *ret_count)
{
	enum {
#define CALL(number, name)		  NUMBER_##name = (number),
#define CALL_AS(number, name, row, shape) NUMBER_##name = (number),
#define CALL_HIGH(number, name)		  NUMBER_##name = COMPAT_HIGH_CALLS + (number),
#include COMPAT_CALLS_FILE
#undef CALL
#undef CALL_AS
#undef CALL_HIGH
	};
#define NUMBER(name) NUMBER_##name
	static const struct seccomp_call calls[] = {
#include "ns_backend/profile.def"
	};

	*ret_count = ARRAY_SIZE(calls);
	return calls;
}
#pragma GCC diagnostic pop
