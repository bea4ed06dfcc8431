// SPDX-License-Identifier: Apache-2.0
/* A program that takes up all addresses that the fast path's area might have (the Makefile links it so). */
#include <stdio.h>

static volatile char everything[0x20000000];

int main(void)
{
	everything[sizeof(everything) - 1] = 'x';
	printf("wide ok\n");
	return 0;
}
