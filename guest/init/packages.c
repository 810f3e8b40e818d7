// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "../common/protocol_constants.h"
#include "files.h"
#include "packages.h"

#define BLOCK_DIR "/sys/block"
#define IMAGE_DIR "/image"
#define BASE_DIR IMAGE_DIR "/base"
#define FUNCTION_DIR IMAGE_DIR "/function"
#define ROOT_DIR IMAGE_DIR "/root"
/* VIRTIO_BLK_ID_BYTES: a serial of this length has no end mark. */
#define SERIAL_SIZE 21
#define IMAGE_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV)

static bool has_root;
static char error_text[160];

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error_text, sizeof(error_text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "hotplane-init: %s\n", error_text);
}

/* Writes the device of the disk with that serial; false when there is none. */
static bool find_disk(const char *serial, char *out, size_t size)
{
	DIR *dir = opendir(BLOCK_DIR);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char path[320], told[SERIAL_SIZE];

		snprintf(path, sizeof(path), BLOCK_DIR "/%s/serial", entry->d_name);
		if (file_read(path, told, sizeof(told)) < 0 || strcmp(told, serial))
			continue;
		snprintf(out, size, "/dev/%s", entry->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whether the VM has the image at all is told by @there; false when it has and cannot be used. */
static bool mount_image(const char *serial, const char *path, bool *there)
{
	char device[320];

	*there = find_disk(serial, device, sizeof(device));
	if (!*there)
		return true;
	mkdir(path, 0755);
	if (!mount(device, path, "erofs", IMAGE_FLAGS, NULL))
		return true;
	fail("the image %s cannot be mounted: %s", serial, strerror(errno));
	return false;
}

/* An image alone is the root as it is; of two, the function lies over the base runtime. */
static bool mount_root(bool base, bool function)
{
	mkdir(ROOT_DIR, 0755);
	if (base && function)
		return !mount("overlay", ROOT_DIR, "overlay", IMAGE_FLAGS,
			      "lowerdir=" FUNCTION_DIR ":" BASE_DIR);
	return !mount(base ? BASE_DIR : FUNCTION_DIR, ROOT_DIR, NULL, MS_BIND, NULL);
}

void packages_setup(void)
{
	bool base, function;

	mkdir(IMAGE_DIR, 0755);
	if (!mount_image(PROTOCOL_BASE_SERIAL, BASE_DIR, &base) ||
	    !mount_image(PROTOCOL_FUNCTION_SERIAL, FUNCTION_DIR, &function))
		return;
	if (!base && !function)
		return;
	has_root = mount_root(base, function);
	if (!has_root)
		fail("the root of the function cannot be mounted: %s", strerror(errno));
}

const char *packages_root(void)
{
	return has_root ? ROOT_DIR : NULL;
}

const char *packages_error(void)
{
	return error_text[0] ? error_text : NULL;
}
