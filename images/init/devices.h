/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_DEVICES_H
#define HOTPLANE_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#define DEVICES_MAX 256

/* One virtio-mem device: what the host calls a region. */
struct mem_device {
	/* `virtio3`: the kernel's name, also of its range in /proc/iomem. */
	char virtio[32];
	/* `0000:00:10.0`: the name both sides share. */
	char pci[32];
};

/* Every device a virtio_mem driver is bound to; returns how many were written to @out. */
int devices_list(struct mem_device *out, int max);

/* PCI address (or, without PCI, the bus name) of the device that @virtio_path leads to. */
bool devices_pci_of(const char *virtio_path, char *out, unsigned int out_size);

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
