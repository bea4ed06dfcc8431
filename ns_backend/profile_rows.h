/* SPDX-License-Identifier: Apache-2.0 */
/* profile.def as rows of struct seccomp_call, by whatever NUMBER(name) is. */
#include <errno.h>
#include <sys/capability.h>

#include "core/base/compat.h"

/* clang-format off */
#define ROW(number, ...) {number, __VA_ARGS__},
#define ALLOW(name)		      ROW(NUMBER(name), CALL_ALLOWED, -1, 0)
#define NEWER(number)		      ROW(number, CALL_ALLOWED, -1, 0)
#define DENY(name)		      ROW(NUMBER(name), CALL_DENIED, -1, EPERM)
#define ABSENT(name)		      ROW(NUMBER(name), CALL_ABSENT, -1, ENOSYS)
#define NEED(name, capability, error) ROW(NUMBER(name), CALL_NEEDS, CAP_##capability, error)
/* clang-format on */
