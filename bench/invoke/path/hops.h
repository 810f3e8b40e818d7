/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_BENCH_HOPS_H
#define HOTPLANE_BENCH_HOPS_H

/*
 * The median time (ms) in which a byte goes the way of a call inside the guest and back, through
 * processes that do nothing else: init, supervisor (a socket), program (TCP). Negative: it failed.
 */
double hops_ms(void);

#endif
