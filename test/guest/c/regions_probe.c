// SPDX-License-Identifier: Apache-2.0
/*
 * Asks the guest's look-up of regions from standard input, a word and its values a line, below the
 * folders it was compiled for: `partition PCI` and `device PCI` answer `NAME LISTINGS`, with how
 * many folders were listed for it; `link FOLDER NAME TARGET` and `unlink FOLDER NAME` change them.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../guest/init/devices.h"
#include "../../../guest/init/hotmem.h"

static int listings;

DIR *__real_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
	listings++;
	return __real_opendir(path);
}

static const char *folder_of(const char *word)
{
	return strcmp(word, "class") ? DRIVER_DIR : CLASS_DIR;
}

static void change(const char *word, char values[3][256])
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder_of(values[0]), values[1]);
	if (!strcmp(word, "link") ? symlink(values[2], path) : unlink(path))
		perror(path);
}

int main(void)
{
	char line[1024], word[256], values[3][256];

	while (fgets(line, sizeof(line), stdin)) {
		char name[HOTMEM_NAME_MAX] = "-";
		const struct mem_device *device;

		if (sscanf(line, "%255s %255s %255s %255s", word, values[0], values[1],
			   values[2]) < 2)
			return 1;
		listings = 0;
		if (!strcmp(word, "partition")) {
			if (!hotmem_find(values[0], name))
				strcpy(name, "-");
			printf("%s %d\n", name, listings);
		} else if (!strcmp(word, "device")) {
			device = devices_find(values[0]);
			printf("%s %d\n", device ? device->virtio : "-", listings);
		} else {
			change(word, values);
		}
	}
	return 0;
}
