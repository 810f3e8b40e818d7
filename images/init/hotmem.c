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

#define CLASS_DIR "/sys/class/hotmem"

bool hotmem_present(void)
{
	struct hotmem_partition one;

	return hotmem_list(&one, 1) > 0;
}

static bool describe(const char *name, struct hotmem_partition *out)
{
	const char *dot = strrchr(name, '.');
	char path[320];
	char pci[32];

	if (!dot || strlen(name) >= sizeof(out->name))
		return false;
	snprintf(path, sizeof(path), CLASS_DIR "/%s/device", name);
	if (!devices_pci_of(path, pci, sizeof(pci)))
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

bool hotmem_find(const char *region_pci, char name[HOTMEM_NAME_MAX])
{
	static struct hotmem_partition all[DEVICES_MAX];
	int count = hotmem_list(all, DEVICES_MAX);

	for (int i = 0; i < count; i++) {
		if (strcmp(all[i].region_pci, region_pci))
			continue;
		strcpy(name, all[i].name);
		return true;
	}
	return false;
}

uint64_t hotmem_attribute(const char *name, const char *attribute)
{
	char path[160];
	uint64_t value = 0;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	file_read_u64(path, 10, &value);
	return value;
}

void hotmem_text(const char *name, const char *attribute, char *out, unsigned int size)
{
	char path[160];

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", name, attribute);
	file_read(path, out, size);
	out[strcspn(out, "\n")] = 0;
}

int hotmem_attach_self(const char *name, uint32_t timeout_ms)
{
	struct hotmem_attach request = { .timeout_ms = timeout_ms };
	char path[96];
	int result = 0;
	int fd;

	snprintf(path, sizeof(path), "/dev/hotmem/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, HOTMEM_IOC_ATTACH, &request) < 0)
		result = -errno;
	close(fd);
	return result;
}
