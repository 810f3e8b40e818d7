/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_STATS_H
#define HOTPLANE_STATS_H

#include "../common/json.h"
#include "../common/text.h"

/* Which regions are told. */
struct stats_selection {
	/*
	 * Counting an ordinary region reads the page flags of all of it: this narrows that to one
	 * region by its PCI address, or with an empty name to none; NULL counts all.
	 */
	const char *region;
	/* Nothing is told but the regions of this array, partitions included; NULL for no array. */
	const struct json_token *regions;
	const struct json_document *document;
};

/* Writes the `stats` result: regions as the guest counts them, and the guest's own counters. */
void stats_write(struct text *text, const struct stats_selection *selection);

#endif
