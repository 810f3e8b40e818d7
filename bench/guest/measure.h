/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_BENCH_MEASURE_H
#define HOTPLANE_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define PAGE_BYTES 4096UL
#define HUGE_BYTES (2UL << 20)

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Anonymous memory that starts at a huge page, or NULL. */
void *map_anonymous(size_t bytes);
void unmap_anonymous(void *base, size_t bytes);

/*
 * CPU time of all kernel threads since boot, to the nanosecond, interrupts on top of them included.
 */
uint64_t kernel_threads_cpu_ns(void);

/*
 * Interrupts of all virtio-mem devices since boot: one for each answer of the VMM to a request, and
 * one for each time the host set a target. False when they cannot be told from others.
 */
bool virtio_mem_interrupts(uint64_t *count);

/*
 * @threads touch one part each of fresh memory, all at once. Returns wall nanoseconds; 0: failed.
 */
uint64_t touch_together(size_t bytes, unsigned int threads);

/* Runs on this CPU from now on; anywhere if the guest has no such CPU. */
void stay_on_cpu(uint64_t cpu);

/* Forks a child that ends at once, and reaps it; @count times. Returns wall nanoseconds. */
uint64_t fork_and_exit(unsigned int count);

#endif
