// SPDX-License-Identifier: Apache-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "node_memory.h"

#define RATIOS "/proc/sys/vm/lowmem_reserve_ratio"
/*
 * A zone keeps this share of the movable memory beside it from whoever could have taken that: of
 * the smallest region, 128 MiB, it is the 8 MiB of hypervisor-client/host/guest-node.ts.
 */
#define KEPT_SHARE 16

void node_memory_keep(void)
{
	static bool done;
	char now[256], wanted[256] = "";
	char *at = now, *end;
	int error;

	if (done)
		return;
	done = true;
	file_read(RATIOS, now, sizeof(now));
	/* One for each zone, as many as this kernel has; 0 keeps nothing. */
	for (long ratio = strtol(at, &end, 10); end != at; ratio = strtol(at, &end, 10)) {
		size_t used = strlen(wanted);

		snprintf(wanted + used, sizeof(wanted) - used, "%ld ",
			 ratio > KEPT_SHARE ? KEPT_SHARE : ratio);
		at = end;
	}
	error = file_write(RATIOS, wanted);
	if (error)
		fprintf(stderr, "hotplane-init: " RATIOS ": %s\n", strerror(-error));
}
