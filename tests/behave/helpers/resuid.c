// SPDX-License-Identifier: Apache-2.0
/* resuid: prints the real, effective and saved user ids. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0)
		return 1;
	return printf("%u %u %u\n", (unsigned)real, (unsigned)effective, (unsigned)saved) < 0;
}
