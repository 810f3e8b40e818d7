/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_GROWTH_H
#define HOTPLANE_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

/*
 * How much memory an instance uses and wants, told to the agent as `memory` events: hints, of which
 * there are few however the instance behaves. Kernels without these files tell less, or nothing.
 */
struct growth {
	/* Its agent wants to know. */
	bool told;
	/* On the partition's want_bytes; not added where the kernel has none. */
	struct watch want;
	uint64_t want_bytes, used_bytes, plugged_bytes, free_tail_bytes;
	double sent_at_ms;
	double look_at_ms;
};

struct instance;

/* Before anything of the instance runs. @wait_ms: how long it waits where it is full; 0: not. */
void growth_open(struct instance *instance, uint32_t wait_ms);
void growth_close(struct instance *instance);
/* Tells what has changed; before the answer of an invocation, whose end it shows. */
void growth_tell(struct instance *instance);
/* Looks where it is time to; called once a round. */
void growths_tick(void);
/* Whoever waits in this region is told that nothing comes; false: this kernel cannot. */
bool growth_deny(const char *region_pci);

#endif
