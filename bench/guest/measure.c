// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define THREADS_MAX 64
#define KERNEL_THREADS_PARENT 2

void *map_anonymous(size_t bytes)
{
	size_t room = bytes + HUGE_BYTES;
	char *start = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t head;

	if (start == MAP_FAILED)
		return NULL;
	head = (HUGE_BYTES - (uintptr_t)start % HUGE_BYTES) % HUGE_BYTES;
	if (head)
		munmap(start, head);
	if (HUGE_BYTES - head)
		munmap(start + head + bytes, HUGE_BYTES - head);
	return start + head;
}

void unmap_anonymous(void *base, size_t bytes)
{
	munmap(base, bytes);
}

static bool is_kernel_thread(int pid)
{
	char path[64], text[512];
	char *name_end;
	size_t got;
	FILE *file;
	int parent = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	got = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[got] = 0;
	name_end = strrchr(text, ')');
	if (!name_end || sscanf(name_end + 1, " %*c %d", &parent) != 1)
		return false;
	return parent == KERNEL_THREADS_PARENT;
}

uint64_t kernel_threads_cpu_ns(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t sum = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		int pid = atoi(entry->d_name);
		clockid_t clock;

		if (pid > 0 && is_kernel_thread(pid) && !clock_getcpuclockid(pid, &clock))
			sum += clock_ns(clock);
	}
	closedir(dir);
	return sum;
}

/* Virtio devices with the type of virtio-mem, as "virtioN". */
static bool is_virtio_mem(const char *name, size_t length)
{
	char path[96], text[32] = "";
	FILE *file;

	if (length > 16)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%.*s/device", (int)length, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtoul(text, NULL, 16) == 24;
}

static uint64_t sum_of_counts(const char *line)
{
	const char *at = strchr(line, ':');
	uint64_t sum = 0;
	char *end;

	for (at = at ? at + 1 : line;; at = end) {
		uint64_t value = strtoull(at, &end, 10);

		if (end == at)
			return sum;
		sum += value;
	}
}

/* Whether the handlers of an interrupt are all of virtio-mem; *none when there is none of them. */
static bool only_virtio_mem(const char *line, bool *none)
{
	const char *name = strstr(line, "virtio");

	*none = true;
	for (; name; name = strstr(name + 1, "virtio")) {
		if (!is_virtio_mem(name, strcspn(name, "-, \n")))
			return *none;
		*none = false;
	}
	return true;
}

bool virtio_mem_interrupts(uint64_t *count)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1024];
	bool apart = true, none;

	*count = 0;
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		apart = only_virtio_mem(line, &none) && apart;
		if (!none)
			*count += sum_of_counts(line);
	}
	fclose(file);
	return apart && *count > 0;
}

struct toucher {
	pthread_t thread;
	pthread_barrier_t *start;
	char *base;
	size_t bytes;
};

static void *touch(void *argument)
{
	struct toucher *toucher = argument;

	pthread_barrier_wait(toucher->start);
	for (size_t at = 0; at < toucher->bytes; at += PAGE_BYTES)
		*(volatile char *)(toucher->base + at) = 1;
	return NULL;
}

uint64_t touch_together(size_t bytes, unsigned int threads)
{
	static struct toucher touchers[THREADS_MAX];
	pthread_barrier_t start;
	char *base = map_anonymous(bytes);
	size_t part = bytes / (threads ? threads : 1) / PAGE_BYTES * PAGE_BYTES;
	uint64_t begin, end;

	if (!base || !threads || threads > THREADS_MAX)
		return 0;
	pthread_barrier_init(&start, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++) {
		touchers[i] = (struct toucher){
			.start = &start, .base = base + i * part, .bytes = part,
		};
		if (pthread_create(&touchers[i].thread, NULL, touch, &touchers[i]))
			_exit(1);
	}
	begin = clock_ns(CLOCK_MONOTONIC);
	pthread_barrier_wait(&start);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(touchers[i].thread, NULL);
	end = clock_ns(CLOCK_MONOTONIC);
	pthread_barrier_destroy(&start);
	unmap_anonymous(base, bytes);
	return end - begin;
}

uint64_t fork_and_exit(unsigned int count)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	for (unsigned int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 0;
	}
	return clock_ns(CLOCK_MONOTONIC) - begin;
}

void stay_on_cpu(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)(cpu % CPU_SETSIZE), &set);
	sched_setaffinity(0, sizeof(set), &set);
}
