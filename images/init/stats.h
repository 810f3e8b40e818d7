/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_STATS_H
#define HOTPLANE_STATS_H

#include "../common/text.h"

/*
 * Writes the `stats` result: regions as the guest counts them, and the guest's own counters. Counting
 * an ordinary region reads the page flags of all of it, so @region narrows that to one region by its
 * PCI address, or with an empty name to none; NULL counts all. Partitions are always told.
 */
void stats_write(struct text *text, const char *region);

#endif
