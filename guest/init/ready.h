/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_INIT_READY_H
#define HOTPLANE_INIT_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "hotmem.h"

/*
 * Memory that is ready before anybody asks for it, of kernels that do that: revision 10 of the
 * series and later. Of others nothing is told.
 */

/*
 * Begins as soon as so much is plugged, and tells a `prepared` event when it is over. 0 or -errno.
 */
int ready_prepare(const char *region_pci, const char name[HOTMEM_NAME_MAX], uint64_t bytes);

/*
 * Whether what is plugged is taken for zero, in all partitions; one that will not do it makes all
 * of them clear it again. 0 or -errno.
 */
int ready_trust(bool plugged_reads_zero);

/* What the partitions of a guest have counted, together. */
struct ready_count {
	uint64_t ready_bytes, pages_cleared, pages_skipped, pages_prepared, pages_cleared_twice;
};

/* Adds what this partition has counted; false: its kernel does not count. */
bool ready_count(const char name[HOTMEM_NAME_MAX], struct ready_count *sum);

#endif
