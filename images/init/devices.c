// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/kernel-page-flags.h>

#include "devices.h"
#include "files.h"

#define DRIVER_DIR "/sys/bus/virtio/drivers/virtio_mem"
#define PAGE_BYTES 4096ULL
/*
 * The driver takes pages back in pieces of at least one page block (2 MiB with huge pages, more
 * without), aligned to their size, so one page tells of the whole piece.
 */
#define STEP_BYTES (2ULL << 20)
#define MAP_BYTES_PER_PAGE 64

bool devices_pci_of(const char *virtio_path, char *out, unsigned int out_size)
{
	char resolved[PATH_MAX];
	char *slash, *parent;

	if (!realpath(virtio_path, resolved))
		return false;
	slash = strrchr(resolved, '/');
	if (!slash)
		return false;
	*slash = 0;
	parent = strrchr(resolved, '/');
	if (!parent || strlen(parent + 1) >= out_size)
		return false;
	strcpy(out, parent + 1);
	return true;
}

static int by_pci(const void *a, const void *b)
{
	return strcmp(((const struct mem_device *)a)->pci, ((const struct mem_device *)b)->pci);
}

int devices_list(struct mem_device *out, int max)
{
	DIR *dir = opendir(DRIVER_DIR);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while (count < max && (entry = readdir(dir))) {
		char path[320];

		if (strncmp(entry->d_name, "virtio", 6) || strlen(entry->d_name) > 31)
			continue;
		snprintf(path, sizeof(path), DRIVER_DIR "/%s", entry->d_name);
		if (!devices_pci_of(path, out[count].pci, sizeof(out[count].pci)))
			continue;
		strcpy(out[count].virtio, entry->d_name);
		count++;
	}
	closedir(dir);
	qsort(out, (size_t)count, sizeof(*out), by_pci);
	return count;
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

/* Depth of a resource: the System RAM of a device lies deeper than the range of its own. */
static int indent_of(const char *line)
{
	int indent = 0;

	while (line[indent] == ' ')
		indent++;
	return indent;
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
