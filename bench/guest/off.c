// SPDX-License-Identifier: Apache-2.0
/*
 * First and only process of a small VM that runs under counted instructions: the guest's clock then
 * counts instructions. Measures what an ordinary guest pays for a kernel: page faults, fork and
 * exit, and the kernel's work for one plug and one unplug that the host asks for.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "measure.h"

#define FAULT_BYTES (64UL << 20)
#define FORKS 400
#define REPEATS 6
/* 512 MiB, as bench/counted-vm.ts makes it. */
#define REGION_BLOCKS 4
/* About 20 million instructions. */
#define CHUNK_STEPS 4000000ULL
#define CALIBRATIONS 8
#define QUIET_CHUNKS 3
#define CHUNKS_MAX 500

static int memory_blocks(void)
{
	DIR *dir = opendir("/sys/devices/system/memory");
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += !strncmp(entry->d_name, "memory", 6) && entry->d_name[6] >= '0' &&
			 entry->d_name[6] <= '9';
	closedir(dir);
	return count;
}

/*
 * All this process ever does while the kernel works: a fixed number of steps and a look. There is no
 * idle time then, so what a stretch of clock is longer than its chunks alone would be is work of the
 * kernel, in whatever context: workers, soft interrupts, callbacks.
 */
static int chunk(void)
{
	for (volatile uint64_t step = 0; step < CHUNK_STEPS; step++)
		;
	return memory_blocks();
}

/* The shortest of a few: nothing but ticks in between. */
static uint64_t quiet_chunk_ns(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < CALIBRATIONS; i++) {
		uint64_t begin = clock_ns(CLOCK_MONOTONIC), took;

		chunk();
		took = clock_ns(CLOCK_MONOTONIC) - begin;
		if (took < best)
			best = took;
	}
	return best;
}

/* Instructions of the kernel until there are @wanted blocks and @QUIET_CHUNKS more are over. */
static uint64_t resize_ns(int wanted, uint64_t chunk_ns)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), took;
	int quiet = 0;
	int chunks = 0;

	while (chunks < CHUNKS_MAX && quiet < QUIET_CHUNKS) {
		quiet = chunk() == wanted ? quiet + 1 : 0;
		chunks++;
	}
	took = clock_ns(CLOCK_MONOTONIC) - begin;
	if (quiet < QUIET_CHUNKS || took < (uint64_t)chunks * chunk_ns)
		return 0;
	return took - (uint64_t)chunks * chunk_ns;
}

static void say(const char *name, uint64_t value)
{
	printf("bench-off %s %" PRIu64 "\n", name, value);
	fflush(stdout);
}

int main(void)
{
	uint64_t chunk_ns;
	int blocks;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	say("hello", 1);
	sleep(1);
	blocks = memory_blocks();
	for (int i = 0; i < REPEATS; i++) {
		say("fault", touch_together(FAULT_BYTES, 1) / (FAULT_BYTES / PAGE_BYTES));
		say("fork-exit", fork_and_exit(FORKS) / FORKS);
	}
	chunk_ns = quiet_chunk_ns();
	for (int i = 0; i < REPEATS; i++) {
		say("want-plug", REGION_BLOCKS);
		say("plug", resize_ns(blocks + REGION_BLOCKS, chunk_ns));
		say("want-unplug", REGION_BLOCKS);
		say("unplug", resize_ns(blocks, chunk_ns));
	}
	say("bye", 1);
	reboot(RB_POWER_OFF);
	return 0;
}
