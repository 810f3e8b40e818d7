// SPDX-License-Identifier: Apache-2.0
/*
 * What the host alone needs to take memory back: maps MAP bytes as a VMM maps a region, touches the
 * first TOUCH bytes, and gives the whole range back in one call, as a VMM does for one request.
 *
 *   floor MAP TOUCH anonymous-huge|anonymous-4k|memfd
 *
 * Prints "discard_ns huge_bytes resident_bytes resident_after_bytes".
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096UL
#define HUGE_BYTES (2UL << 20)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Sums of all mappings that lie in the range: what is resident, and what of it in huge pages. */
static void residency(const char *base, size_t bytes, uint64_t *resident, uint64_t *huge)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	uintptr_t start = 0, end = 0, from, to;
	char line[512];
	uint64_t kib;

	*resident = 0;
	*huge = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2) {
			start = from;
			end = to;
			continue;
		}
		if (start < (uintptr_t)base || end > (uintptr_t)base + bytes)
			continue;
		if (sscanf(line, "Rss: %" SCNu64, &kib) == 1)
			*resident += kib * 1024;
		else if (sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1)
			*huge += kib * 1024;
	}
	if (file)
		fclose(file);
}

static char *map_region(size_t bytes, int fd)
{
	int flags = (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | MAP_NORESERVE;
	char *room = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *base;

	if (room == MAP_FAILED)
		return MAP_FAILED;
	base = (char *)(((uintptr_t)room + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES);
	return mmap(base, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
}

static int discard(char *base, size_t bytes, int fd)
{
	if (fd >= 0 &&
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) < 0)
		return -1;
	return madvise(base, bytes, MADV_DONTNEED);
}

int main(int argc, char **argv)
{
	size_t map_bytes = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	size_t touch_bytes = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	const char *mode = argc == 4 ? argv[3] : "";
	uint64_t resident, huge, after, unused, begin, end;
	int fd = -1;
	char *base;

	if (!map_bytes || touch_bytes > map_bytes) {
		fprintf(stderr, "usage: floor MAP TOUCH anonymous-huge|anonymous-4k|memfd\n");
		return 2;
	}
	if (!strcmp(mode, "memfd")) {
		fd = memfd_create("floor", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, (off_t)map_bytes) < 0)
			return perror("memfd"), 1;
	}
	base = map_region(map_bytes, fd);
	if (base == MAP_FAILED)
		return perror("mmap"), 1;
	if (fd < 0)
		madvise(base, map_bytes, strcmp(mode, "anonymous-4k") ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	for (size_t at = 0; at < touch_bytes; at += PAGE_BYTES)
		*(volatile char *)(base + at) = 1;
	residency(base, map_bytes, &resident, &huge);
	begin = now_ns();
	if (discard(base, map_bytes, fd) < 0)
		return perror("discard"), 1;
	end = now_ns();
	residency(base, map_bytes, &after, &unused);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", end - begin, huge, resident, after);
	return 0;
}
