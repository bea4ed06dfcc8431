/* SPDX-License-Identifier: Apache-2.0 */
/* For clang-tidy only: these calls never return 0. The analyzer sees one file at a time, and would take
 * every ret_x for unset behind `if (f(&x, err))`.
 */
#include "core/base/error.h"

#define error_set(...) (error_set(__VA_ARGS__), -1)
#define error_plain(...) (error_plain(__VA_ARGS__), -1)
#define error_wrap(...) (error_wrap(__VA_ARGS__), -1)
