// SPDX-License-Identifier: Apache-2.0
/*
 * First and only process of a small VM that runs under counted instructions: the guest's clock then
 * counts instructions. Measures what an ordinary guest pays for a kernel: page faults, fork and
 * exit, and the kernel threads' work for one plug and one unplug that the host asks for.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "measure.h"

#define FAULT_BYTES (32UL << 20)
#define FORKS 200
#define REPEATS 5
#define POLL_US 20000
/* Nothing more happens when the kernel threads were quiet this many looks in a row. */
#define QUIET_LOOKS 10
#define LOOKS_MAX 3000

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

/* Work of the kernel threads until the number of blocks is other than @before, and all is quiet. */
static uint64_t resize_cpu_ns(int before)
{
	uint64_t begin = kernel_threads_cpu_ns();
	int last = before, quiet = 0;

	for (int look = 0; look < LOOKS_MAX && quiet < QUIET_LOOKS; look++) {
		int now;

		usleep(POLL_US);
		now = memory_blocks();
		quiet = now != before && now == last ? quiet + 1 : 0;
		last = now;
	}
	return quiet < QUIET_LOOKS ? 0 : kernel_threads_cpu_ns() - begin;
}

static void say(const char *name, uint64_t value)
{
	printf("bench-off %s %" PRIu64 "\n", name, value);
	fflush(stdout);
}

int main(void)
{
	int blocks;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	say("hello", 1);
	for (int i = 0; i < REPEATS; i++) {
		say("fault", touch_together(FAULT_BYTES, 1) / (FAULT_BYTES / PAGE_BYTES));
		say("fork-exit", fork_and_exit(FORKS) / FORKS);
	}
	for (int i = 0; i < REPEATS; i++) {
		blocks = memory_blocks();
		say("want-plug", (uint64_t)blocks);
		say("plug", resize_cpu_ns(blocks));
		blocks = memory_blocks();
		say("want-unplug", (uint64_t)blocks);
		say("unplug", resize_cpu_ns(blocks));
	}
	say("bye", 1);
	reboot(RB_POWER_OFF);
	return 0;
}
