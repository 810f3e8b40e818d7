// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices.h"
#include "files.h"
#include "hotmem.h"
#include "hotmem_abi.h"

#ifndef CLASS_DIR
#define CLASS_DIR "/sys/class/hotmem"
#endif

bool hotmem_present(void)
{
	struct hotmem_partition one;

	return hotmem_list(&one, 1) > 0;
}

/* `virtio3.0` belongs to `virtio3`, which its link leads past. */
static bool describe(const char *name, struct hotmem_partition *out)
{
	const char *dot = strrchr(name, '.');
	char virtio[HOTMEM_NAME_MAX];
	char path[320];
	char pci[32];

	if (!dot || strlen(name) >= sizeof(out->name))
		return false;
	snprintf(virtio, sizeof(virtio), "%.*s", (int)(dot - name), name);
	snprintf(path, sizeof(path), CLASS_DIR "/%s", name);
	if (!devices_bus_of(path, virtio, pci, sizeof(pci)))
		return false;
	strcpy(out->name, name);
	if (!strcmp(dot, ".0"))
		snprintf(out->region_pci, sizeof(out->region_pci), "%s", pci);
	else
		snprintf(out->region_pci, sizeof(out->region_pci), "%s#%.8s", pci, dot + 1);
	return true;
}

int hotmem_list(struct hotmem_partition *out, int max)
{
	DIR *dir = opendir(CLASS_DIR);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while (count < max && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && describe(entry->d_name, &out[count]))
			count++;
	closedir(dir);
	return count;
}

/* Partitions come with their devices and stay, so what was found once is looked at first. */
static struct hotmem_partition known[PROTOCOL_REGIONS];
static int known_count;

static bool find_known(const char *region_pci, char name[HOTMEM_NAME_MAX])
{
	for (int i = 0; i < known_count; i++) {
		struct hotmem_partition now;

		if (strcmp(known[i].region_pci, region_pci))
			continue;
		if (!describe(known[i].name, &now) || strcmp(now.region_pci, region_pci))
			return false;
		strcpy(name, now.name);
		return true;
	}
	return false;
}

bool hotmem_find(const char *region_pci, char name[HOTMEM_NAME_MAX])
{
	if (find_known(region_pci, name))
		return true;
	known_count = hotmem_list(known, PROTOCOL_REGIONS);
	return find_known(region_pci, name);
}

bool hotmem_of_region(const char *region_pci, struct hotmem_partition *out)
{
	char name[HOTMEM_NAME_MAX];

	return hotmem_find(region_pci, name) && describe(name, out);
}

uint64_t hotmem_attribute(const char *name, const char *attribute)
{
	char path[160];
	uint64_t value = 0;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	file_read_u64(path, 10, &value);
	return value;
}

bool hotmem_has(const char *name, const char *attribute)
{
	char path[160];

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	return file_exists(path);
}

int hotmem_set(const char *name, const char *attribute, uint64_t value)
{
	char path[160];
	char text[32];

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return file_write(path, text);
}

void hotmem_text(const char *name, const char *attribute, char *out, unsigned int size)
{
	char path[160];

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	file_read(path, out, size);
	out[strcspn(out, "\n")] = 0;
}

static int open_partition(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/dev/hotmem/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* From now on who attaches by @fd attaches to the other one too. */
static int join(int fd, const struct hotmem_beside *beside)
{
	struct hotmem_join request = { .weight = beside->own_weight, .nr = 1 };
	int other = open_partition(beside->name);
	int result;

	if (other < 0)
		return other;
	request.others[0] = (struct hotmem_member){ .fd = other, .weight = beside->weight };
	result = ioctl(fd, HOTMEM_IOC_JOIN, &request) < 0 ? -errno : 0;
	close(other);
	return result;
}

int hotmem_attach_self(const char *name, const struct hotmem_beside *beside, uint32_t timeout_ms)
{
	struct hotmem_attach request = { .timeout_ms = timeout_ms };
	int fd = open_partition(name);
	int result;

	if (fd < 0)
		return fd;
	result = beside ? join(fd, beside) : 0;
	if (!result && ioctl(fd, HOTMEM_IOC_ATTACH, &request) < 0)
		result = -errno;
	close(fd);
	return result;
}
