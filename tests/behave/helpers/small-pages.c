// SPDX-License-Identifier: Apache-2.0
/* Linked for pages of 4 KiB (Makefile): a kernel with larger ones can't map it. */
#include <stdio.h>

int main(void)
{
	puts("ran");
	return 0;
}
