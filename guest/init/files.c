// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

int file_read(const char *path, char *out, size_t size)
{
	size_t used = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	out[0] = 0;
	if (fd < 0)
		return -errno;
	while (used < size - 1) {
		got = read(fd, out + used, size - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	out[used] = 0;
	if (got < 0) {
		got = -errno;
		close(fd);
		return (int)got;
	}
	close(fd);
	return (int)used;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

int file_read_u64(const char *path, int base, uint64_t *out)
{
	char text[64];
	char *end;
	int length = file_read(path, text, sizeof(text));

	if (length < 0)
		return length;
	errno = 0;
	*out = strtoull(text, &end, base);
	return errno || end == text ? -EINVAL : 0;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

uint64_t keyed_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, length) && (text[length] == ' ' || text[length] == ':'))
			return strtoull(text + length + 1, NULL, 10);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return 0;
}

uint64_t assigned_value(const char *text, const char *key)
{
	size_t length = strlen(key);
	const char *found = strstr(text, key);

	while (found && found[length] != '=')
		found = strstr(found + 1, key);
	return found ? strtoull(found + length + 1, NULL, 10) : 0;
}
