/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_HOTMEM_H
#define HOTPLANE_HOTMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "../common/protocol_constants.h"

#define HOTMEM_NAME_MAX 48

struct hotmem_partition {
	/* `virtio3.0`: name in /dev/hotmem and /sys/class/hotmem. */
	char name[HOTMEM_NAME_MAX];
	/* PCI address of its device; `#k` is appended to all but the first partition of it. */
	char region_pci[PROTOCOL_REGION_PCI_BYTES + 1];
};

/* True on a kernel with the HotMem series switched on. */
bool hotmem_present(void);
int hotmem_list(struct hotmem_partition *out, int max);
/*
 * Name of the partition of a region; false when there is none. Looks at that one only: all are
 * listed when it was not known before, or is not what it was.
 */
bool hotmem_find(const char *region_pci, char name[HOTMEM_NAME_MAX]);
/* The partition of this region; false when there is none. */
bool hotmem_of_region(const char *region_pci, struct hotmem_partition *out);
uint64_t hotmem_attribute(const char *name, const char *attribute);
bool hotmem_has(const char *name, const char *attribute);
/* 0 or -errno: kernels differ in which attributes they have. */
int hotmem_set(const char *name, const char *attribute, uint64_t value);
void hotmem_text(const char *name, const char *attribute, char *out, unsigned int size);

/* Another partition that memory is taken from as well, and the weights of the two. */
struct hotmem_beside {
	const char *name;
	uint32_t weight;
	uint32_t own_weight;
};

/*
 * Attaches the caller's memory, sleeping until each partition is populated: to all or none.
 * @beside: NULL where there is no other. 0 or -errno.
 */
int hotmem_attach_self(const char *name, const struct hotmem_beside *beside, uint32_t timeout_ms);

#endif
