// SPDX-License-Identifier: Apache-2.0
/* Says on the host what its kernel's memory management costs: one "NAME PICOSECONDS" a line. */
#include <inttypes.h>
#include <stdio.h>

#include "../../guest/prices.h"

static void print(void *context, const char *name, uint64_t picoseconds)
{
	fprintf(context, "%s %" PRIu64 "\n", name, picoseconds);
}

int main(void)
{
	measure_prices(print, stdout);
	return 0;
}
