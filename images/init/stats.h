/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_STATS_H
#define HOTPLANE_STATS_H

#include "../common/text.h"

/* Writes the `stats` result: every region as the guest counts it, and the guest's own counters. */
void stats_write(struct text *text);

#endif
