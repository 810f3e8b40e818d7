// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel-page-flags.h>

#include "../common/protocol_constants.h"
#include "devices.h"
#include "files.h"

#ifndef DRIVER_DIR
#define DRIVER_DIR "/sys/bus/virtio/drivers/virtio_mem"
#endif
#define MEMORY_DIR "/sys/devices/system/memory"
#define PAGE_BYTES 4096ULL
/*
 * The driver takes pages back in pieces of at least one page block (2 MiB with huge pages, more
 * without), aligned to their size, so one page tells of the whole piece.
 */
#define STEP_BYTES (2ULL << 20)
#define MAP_BYTES_PER_PAGE 64

bool devices_bus_of(const char *link, const char *virtio, char *out, unsigned int out_size)
{
	char target[PATH_MAX];
	char *place = NULL, *part, *rest = target;
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = 0;
	while ((part = strsep(&rest, "/"))) {
		if (place && !strcmp(part, virtio)) {
			if (strlen(place) >= out_size)
				return false;
			strcpy(out, place);
			return true;
		}
		place = part;
	}
	return false;
}

static int by_pci(const void *a, const void *b)
{
	return strcmp(((const struct mem_device *)a)->pci, ((const struct mem_device *)b)->pci);
}

static bool describe(const char *name, struct mem_device *out)
{
	char path[320];

	if (strncmp(name, "virtio", 6) || strlen(name) >= sizeof(out->virtio))
		return false;
	snprintf(path, sizeof(path), DRIVER_DIR "/%s", name);
	if (!devices_bus_of(path, name, out->pci, sizeof(out->pci)))
		return false;
	strcpy(out->virtio, name);
	return true;
}

int devices_list(struct mem_device *out, int max)
{
	DIR *dir = opendir(DRIVER_DIR);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while (count < max && (entry = readdir(dir)))
		if (describe(entry->d_name, &out[count]))
			count++;
	closedir(dir);
	qsort(out, (size_t)count, sizeof(*out), by_pci);
	return count;
}

/* Devices come at boot and stay, so what was found once is looked at first. */
static struct mem_device known[PROTOCOL_REGIONS];
static struct block_range known_blocks[PROTOCOL_REGIONS];
static int known_count;

static const struct mem_device *find_known(const char *pci)
{
	for (int i = 0; i < known_count; i++) {
		struct mem_device now;

		if (strcmp(known[i].pci, pci))
			continue;
		if (!describe(known[i].virtio, &now) || strcmp(now.pci, pci))
			return NULL;
		return &known[i];
	}
	return NULL;
}

const struct mem_device *devices_find(const char *pci)
{
	const struct mem_device *found = find_known(pci);

	if (found)
		return found;
	known_count = devices_list(known, PROTOCOL_REGIONS);
	memset(known_blocks, 0, sizeof(known_blocks));
	return find_known(pci);
}

static uint64_t plugged_in_range(int flags_fd, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;

	while (start < end) {
		uint64_t next = (start / STEP_BYTES + 1) * STEP_BYTES;
		uint64_t flags = 0;

		if (next > end)
			next = end;
		if (pread(flags_fd, &flags, sizeof(flags), (off_t)(start / PAGE_BYTES * 8)) != 8)
			break;
		if (!(flags & (1ULL << KPF_NOPAGE | 1ULL << KPF_OFFLINE)))
			bytes += next - start;
		start = next;
	}
	return bytes;
}

static bool is_online(uint64_t block)
{
	char path[96], state[32];

	snprintf(path, sizeof(path), MEMORY_DIR "/memory%" PRIu64 "/state", block);
	return file_read(path, state, sizeof(state)) > 0 && !strncmp(state, "online", 6);
}

/* Online is not enough: a block that is on its way out stays so after its last page has gone. */
bool devices_any_plugged(struct block_range blocks)
{
	int flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0, block_bytes = 0;

	file_read_u64(MEMORY_DIR "/block_size_bytes", 16, &block_bytes);
	for (uint64_t block = blocks.first; block < blocks.end && !bytes; block++) {
		uint64_t start = block * block_bytes;

		if (is_online(block))
			bytes = plugged_in_range(flags_fd, start, start + block_bytes);
	}
	if (flags_fd >= 0)
		close(flags_fd);
	return bytes > 0;
}

/* Depth of a resource: the System RAM of a device lies deeper than the range of its own. */
static int indent_of(const char *line)
{
	int indent = 0;

	while (line[indent] == ' ')
		indent++;
	return indent;
}

static struct block_range read_blocks(const char *virtio)
{
	struct block_range blocks = { 0 };
	FILE *iomem = fopen("/proc/iomem", "re");
	uint64_t block_bytes = 0;
	char line[256];

	file_read_u64(MEMORY_DIR "/block_size_bytes", 16, &block_bytes);
	while (block_bytes && iomem && fgets(line, sizeof(line), iomem)) {
		unsigned long long start, last;
		char name[128];

		if (sscanf(line, " %llx-%llx : %127[^\n]", &start, &last, name) != 3 ||
		    strcmp(name, virtio))
			continue;
		blocks.first = start / block_bytes;
		blocks.end = last / block_bytes + 1;
		break;
	}
	if (iomem)
		fclose(iomem);
	return blocks;
}

struct block_range devices_blocks(const char *pci)
{
	const struct mem_device *device = devices_find(pci);
	struct block_range *blocks;

	if (!device)
		return (struct block_range){ 0 };
	blocks = &known_blocks[device - known];
	if (!blocks->end)
		*blocks = read_blocks(device->virtio);
	return *blocks;
}

struct device_count devices_count(const char *virtio)
{
	struct device_count count = { 0 };
	FILE *iomem = fopen("/proc/iomem", "re");
	int flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int inside = -1;
	char line[256];

	while (iomem && flags_fd >= 0 && fgets(line, sizeof(line), iomem)) {
		unsigned long long start, last;
		char name[128];

		if (sscanf(line, " %llx-%llx : %127[^\n]", &start, &last, name) != 3)
			continue;
		if (inside >= 0 && indent_of(line) <= inside)
			break;
		if (inside < 0 && !strcmp(name, virtio))
			inside = indent_of(line);
		if (inside < 0 || strncmp(name, "System RAM", 10))
			continue;
		count.plugged_bytes += plugged_in_range(flags_fd, start, last + 1);
		count.map_bytes += (last + 1 - start) / PAGE_BYTES * MAP_BYTES_PER_PAGE;
	}
	if (iomem)
		fclose(iomem);
	if (flags_fd >= 0)
		close(flags_fd);
	return count;
}
