/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_DEVICES_H
#define HOTPLANE_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

/* One virtio-mem device: what the host calls a region. */
struct mem_device {
	/* `virtio3`: the kernel's name, also of its range in /proc/iomem. */
	char virtio[32];
	/* `0000:00:10.0`: the name both sides share. */
	char pci[32];
};

/* Every device a virtio_mem driver is bound to; returns how many were written to @out. */
int devices_list(struct mem_device *out, int max);

/*
 * One of them by its PCI address, NULL when there is none. Looks at that one only: all are listed
 * when it was not known before, or is not what it was.
 */
const struct mem_device *devices_find(const char *pci);

/*
 * Where the device @virtio sits, as the link of sysfs @link to it or below it tells: its PCI
 * address, or without PCI its bus name.
 */
bool devices_bus_of(const char *link, const char *virtio, char *out, unsigned int out_size);

/* Memory blocks a device may ever fill, by their numbers; none when the kernel does not tell. */
struct block_range {
	uint64_t first;
	/* One after the last. */
	uint64_t end;
};

/* Of the device at this PCI address. */
struct block_range devices_blocks(const char *pci);
/* Has the kernel any memory of these blocks to give? */
bool devices_any_plugged(struct block_range blocks);

struct device_count {
	uint64_t plugged_bytes;
	/* Memory map the kernel keeps for the device's online range. */
	uint64_t map_bytes;
};

/*
 * What the kernel itself has in use of the device: online pages that are not marked offline. The
 * size of its memory blocks would be too much, for a block stays whole while 2 MiB pieces of it
 * are unplugged already.
 */
struct device_count devices_count(const char *virtio);

#endif
