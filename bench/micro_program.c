// SPDX-License-Identifier: Apache-2.0
/* micro as a program of its own, a small one, whose exec costs what a small program's does. */
#include "bench/bench.h"

int main(int argc, char **argv)
{
	return micro_main(argc, argv);
}
