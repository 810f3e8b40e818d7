/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_BENCH_PRICES_H
#define HOTPLANE_BENCH_PRICES_H

#include <stdint.h>

/* Takes one price: picoseconds of one operation, the least of some tries. */
typedef void (*price_taker)(void *context, const char *name, uint64_t picoseconds);

/*
 * What the memory management of the kernel this runs on costs, operation by operation: the same
 * program on the host, in an emulated guest, and in one whose clock counts instructions.
 */
void measure_prices(price_taker take, void *context);

#endif
