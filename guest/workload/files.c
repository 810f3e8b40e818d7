// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

/* Stands for a function's runtime and libraries: one file, shared by all instances of a VM. */
#define SHARED_FILE "/tmp/function-files"
#define PAGE_BYTES 4096ULL

static int grow_locked(int fd, uint64_t bytes)
{
	static unsigned char page[PAGE_BYTES];
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -errno;
	memset(page, 0x5a, sizeof(page));
	for (uint64_t at = (uint64_t)now.st_size; at < bytes; at += PAGE_BYTES)
		if (pwrite(fd, page, sizeof(page), (off_t)at) != (ssize_t)sizeof(page))
			return errno ? -errno : -ENOSPC;
	return 0;
}

/* Born open to all: were it opened by a chmod() after this, another may come in between. */
static int create_open_to_all(const char *path)
{
	mode_t mask = umask(0);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	int result = fd < 0 ? -errno : fd;

	umask(mask);
	return result;
}

static int open_shared(uint64_t bytes)
{
	int fd = create_open_to_all(SHARED_FILE);
	int error;

	if (fd < 0)
		return fd;
	flock(fd, LOCK_EX);
	error = grow_locked(fd, bytes);
	flock(fd, LOCK_UN);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

const char *file_touch(uint64_t bytes)
{
	volatile unsigned char *map;
	const char *error = NULL;
	int fd;

	if (bytes == 0)
		return NULL;
	fd = open_shared((bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
	if (fd < 0)
		return strerror(-fd);
	map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return strerror(errno);
	for (uint64_t at = 0; at < bytes && !error; at += PAGE_BYTES)
		if (map[at] != 0x5a)
			error = "a file page does not hold what was written";
	munmap((void *)map, bytes);
	return error;
}
