// SPDX-License-Identifier: Apache-2.0
/*
 * First and only process of a small VM that runs under counted instructions: the guest's clock then
 * counts instructions. Measures what an ordinary guest pays for a kernel: page faults, fork and
 * exit, and the kernel's work for one plug and one unplug that the host asks for. In a guest that
 * makes partitions: page faults of a process in one and of a process in none. Asked for prices:
 * what operations cost that the bench measures on the host too, and an unplug that has to migrate.
 * Asked for the lock of a partition: where the functions are that take it, or pages that come and
 * go.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest/init/hotmem_abi.h"
#include "measure.h"
#include "prices.h"

#define FAULT_BYTES (64UL << 20)
#define FORKS 400
#define REPEATS 6
/* The size with which faults are measured; others are plugged, used and unplugged. */
#define FAULT_REGION_MIB 512
#define PARTITION_REPEATS 2
#define SLACK_MIB 16
/* Touched of the region before it is taken away. */
#define MIGRATED_BYTES (480UL << 20)
/* 512 MiB, as bench/reclaim/measure/counted-vm.ts makes it. */
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

/* MiB plugged of the only partition there is; -1: there is none. */
static int partition_mib(void)
{
	DIR *dir = opendir("/sys/class/hotmem");
	struct dirent *entry;
	unsigned long long bytes;
	char path[320];
	int mib = -1;
	FILE *file;

	while (dir && mib < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/hotmem/%s/plugged_bytes", entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &bytes) == 1)
			mib = (int)(bytes >> 20);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return mib;
}

/*
 * All this process ever does while the kernel works: a fixed number of steps and a look. There is
 * no idle time then, so what a stretch of clock is longer than its chunks alone would be is work of
 * the kernel, in whatever context: workers, soft interrupts, callbacks.
 */
static int chunk(int (*look)(void))
{
	for (volatile uint64_t step = 0; step < CHUNK_STEPS; step++)
		;
	return look();
}

/* The shortest of a few: nothing but ticks in between. */
static uint64_t quiet_chunk_ns(int (*look)(void))
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < CALIBRATIONS; i++) {
		uint64_t begin = clock_ns(CLOCK_MONOTONIC), took;

		chunk(look);
		took = clock_ns(CLOCK_MONOTONIC) - begin;
		if (took < best)
			best = took;
	}
	return best;
}

/* Instructions of the kernel until @look finds @wanted, and QUIET_CHUNKS more are over. */
static uint64_t resize_ns(int (*look)(void), int wanted, uint64_t chunk_ns)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), took;
	int quiet = 0;
	int chunks = 0;

	while (chunks < CHUNKS_MAX && quiet < QUIET_CHUNKS) {
		quiet = chunk(look) == wanted ? quiet + 1 : 0;
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

static void measure_off(void)
{
	int blocks = memory_blocks();
	uint64_t chunk_ns;

	for (int i = 0; i < REPEATS; i++) {
		say("fault", touch_together(FAULT_BYTES, 1) / (FAULT_BYTES / PAGE_BYTES));
		say("fork-exit", fork_and_exit(FORKS) / FORKS);
	}
	chunk_ns = quiet_chunk_ns(memory_blocks);
	for (int i = 0; i < REPEATS; i++) {
		say("want-plug", REGION_BLOCKS);
		say("plug", resize_ns(memory_blocks, blocks + REGION_BLOCKS, chunk_ns));
		say("want-unplug", REGION_BLOCKS);
		say("unplug", resize_ns(memory_blocks, blocks, chunk_ns));
	}
}

/* Attaches to the only partition there is; sleeps until the host has plugged it. */
static bool attach(void)
{
	struct hotmem_attach request = { .timeout_ms = 60000 };
	DIR *dir = opendir("/dev/hotmem");
	struct dirent *entry;
	char path[300];
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/dev/hotmem/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd >= 0 && ioctl(fd, HOTMEM_IOC_ATTACH, &request) == 0;
}

/* A process of its own each time, so that both sides are as young. */
static void measure_faults(bool attached, unsigned int threads)
{
	static const char *const names[2][2] = {
		{ "unattached-one", "unattached-four" },
		{ "attached-one", "attached-four" },
	};
	pid_t pid = fork();

	if (pid == 0) {
		if (attached && !attach())
			_exit(1);
		for (int i = 0; i < REPEATS; i++)
			say(names[attached][threads == 4],
			    touch_together(FAULT_BYTES, threads) / (FAULT_BYTES / PAGE_BYTES));
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* The kernel's own text is in the last 2 GiB: what is told of an address fits in any number. */
#define TEXT_BASE 0xffffffff80000000ULL

static void say_symbols(void)
{
	static const struct {
		const char *symbol, *name;
	} wanted[] = {
		{ "hotmem_part_take", "text-take" },
		{ "hotmem_part_give", "text-give" },
		{ "_raw_spin_lock_irqsave", "text-acquire" },
		{ "_raw_spin_unlock_irqrestore", "text-release" },
	};
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long address;
	char line[256], symbol[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %127s", &address, symbol) != 2 || address < TEXT_BASE)
			continue;
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (!strcmp(symbol, wanted[i].symbol))
				say(wanted[i].name, address - TEXT_BASE);
	}
	if (file)
		fclose(file);
}

/* Pages of an attached process that come and go: what a fault takes, and a fault with its end. */
static void measure_lock(int mib)
{
	pid_t pid;

	say("want-plug", (uint64_t)mib);
	pid = fork();
	if (pid == 0) {
		if (!attach())
			_exit(1);
		for (int i = 0; i < REPEATS; i++) {
			const uint64_t begin = clock_ns(CLOCK_MONOTONIC);
			const uint64_t faults = touch_together(FAULT_BYTES, 1);
			const uint64_t end = clock_ns(CLOCK_MONOTONIC);

			say("lock-fault", faults / (FAULT_BYTES / PAGE_BYTES));
			say("lock-cycle", (end - begin) / (FAULT_BYTES / PAGE_BYTES));
		}
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Touches nearly all of the partition and ends. */
static void use_partition(int mib)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(attach() && touch_together(((size_t)mib - SLACK_MIB) << 20, 1) ? 0 : 1);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void measure_partition(int mib)
{
	uint64_t chunk_ns = quiet_chunk_ns(partition_mib);

	if (mib == FAULT_REGION_MIB) {
		say("want-plug", (uint64_t)mib);
		measure_faults(true, 1);
		measure_faults(false, 1);
		measure_faults(true, 4);
		measure_faults(false, 4);
		return;
	}
	for (int i = 0; i < PARTITION_REPEATS; i++) {
		say("want-plug", (uint64_t)mib);
		say("replug", resize_ns(partition_mib, mib, chunk_ns));
		use_partition(mib);
		say("want-unplug", (uint64_t)mib);
		say("unplug", resize_ns(partition_mib, 0, chunk_ns));
	}
}

static uint64_t pages_migrated(void)
{
	FILE *file = fopen("/proc/vmstat", "r");
	unsigned long long pages = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "pgmigrate_success %llu", &pages) == 1)
			break;
	if (file)
		fclose(file);
	return pages;
}

static void say_price(void *context, const char *name, uint64_t picoseconds)
{
	(void)context;
	say(name, picoseconds);
}

/* An ordinary region that is in use goes: its pages have to move. */
static void measure_migration(void)
{
	int blocks = memory_blocks();
	uint64_t chunk_ns = quiet_chunk_ns(memory_blocks), before;
	char *held;

	say("want-plug", REGION_BLOCKS);
	if (!resize_ns(memory_blocks, blocks + REGION_BLOCKS, chunk_ns))
		return;
	held = map_anonymous(MIGRATED_BYTES);
	if (!held)
		return;
	madvise(held, MIGRATED_BYTES, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < MIGRATED_BYTES; at += PAGE_BYTES)
		*(volatile char *)(held + at) = 1;
	before = pages_migrated();
	say("want-unplug", REGION_BLOCKS);
	say("migration", resize_ns(memory_blocks, blocks, chunk_ns));
	say("pages-migrated", pages_migrated() - before);
}

/* `bench_mib=N` on the kernel's command line: the region is a partition of that size. */
static int wanted_mib(void)
{
	const char *value = getenv("bench_mib");

	return value ? atoi(value) : 0;
}

int main(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	say("hello", 1);
	sleep(1);
	if (getenv("bench_prices")) {
		measure_prices(say_price, NULL);
		measure_migration();
	} else if (getenv("bench_symbols")) {
		say_symbols();
	} else if (getenv("bench_lock")) {
		measure_lock(wanted_mib());
	} else if (wanted_mib() > 0) {
		measure_partition(wanted_mib());
	} else {
		measure_off();
	}
	say("bye", 1);
	reboot(RB_POWER_OFF);
	return 0;
}
