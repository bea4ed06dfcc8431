/* SPDX-License-Identifier: Apache-2.0 */
/* How amphora finds out that it is a guest of its own path translation: prctl(PR_GET_DUMPABLE) ignores this
 * argument, but there it is the answer. */
#ifndef AMPHORA_NESTED_H
#define AMPHORA_NESTED_H

#define NESTED_ASK 0x616d7068L

#endif
