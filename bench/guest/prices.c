// SPDX-License-Identifier: Apache-2.0
#include "prices.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

#define TRIES 5
#define BYTES (16UL << 20)
#define PAGES (BYTES / PAGE_BYTES)
/* More than the caches of most hosts hold. */
#define COLD_BYTES (64UL << 20)
#define COLD_PAGES (COLD_BYTES / PAGE_BYTES)
#define HOT_ROUNDS 4096UL
#define FORKS 64

/* As Linux zeroes and copies a page: by bytes where the CPU says that this is fast (ERMS). */
static bool bytes_are_fast(void)
{
	unsigned int a, b = 0, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1U << 9));
}

static void zero_page(void *page, bool by_bytes)
{
	size_t count = by_bytes ? PAGE_BYTES : PAGE_BYTES / 8;

	if (by_bytes)
		__asm__ volatile("rep stosb" : "+D"(page), "+c"(count) : "a"(0) : "memory");
	else
		__asm__ volatile("rep stosq" : "+D"(page), "+c"(count) : "a"(0UL) : "memory");
}

static void copy_page(void *to, const void *from)
{
	size_t count = PAGE_BYTES / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/* Of this thread: others that run meanwhile on a busy host are no part of a price. */
static uint64_t now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void touch(char *base, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += PAGE_BYTES)
		*(volatile char *)(base + at) = 1;
}

static char *fresh(size_t bytes, int advice)
{
	char *base = map_anonymous(bytes);

	if (base)
		madvise(base, bytes, advice);
	return base;
}

static uint64_t fault(void)
{
	char *base = fresh(BYTES, MADV_NOHUGEPAGE);
	uint64_t begin = now();

	if (!base)
		return 0;
	touch(base, BYTES);
	begin = now() - begin;
	unmap_anonymous(base, BYTES);
	return begin * 1000 / PAGES;
}

/* 2 MiB at a time where the kernel gives them; told for 4 KiB. */
static uint64_t huge_fault(void)
{
	char *base = fresh(COLD_BYTES, MADV_HUGEPAGE);
	uint64_t begin = now();

	if (!base)
		return 0;
	for (size_t at = 0; at < COLD_BYTES; at += HUGE_BYTES)
		*(volatile char *)(base + at) = 1;
	begin = now() - begin;
	unmap_anonymous(base, COLD_BYTES);
	return begin * 1000 / COLD_PAGES;
}

static uint64_t unmap(void)
{
	char *base = fresh(BYTES, MADV_NOHUGEPAGE);
	uint64_t begin;

	if (!base)
		return 0;
	touch(base, BYTES);
	begin = now();
	unmap_anonymous(base, BYTES);
	return (now() - begin) * 1000 / PAGES;
}

static uint64_t protect(void)
{
	char *base = fresh(BYTES, MADV_NOHUGEPAGE);
	uint64_t begin;

	if (!base)
		return 0;
	touch(base, BYTES);
	begin = now();
	if (mprotect(base, BYTES, PROT_READ))
		return 0;
	begin = now() - begin;
	unmap_anonymous(base, BYTES);
	return begin * 1000 / PAGES;
}

/* A child writes to what its parent holds: fault, new page, copy. */
static uint64_t copy_on_write(void)
{
	char *base = fresh(BYTES, MADV_NOHUGEPAGE);
	uint64_t took = 0;
	int ends[2];
	pid_t pid;

	if (!base || pipe(ends))
		return 0;
	touch(base, BYTES);
	pid = fork();
	if (pid == 0) {
		took = now();
		touch(base, BYTES);
		took = now() - took;
		_exit(write(ends[1], &took, sizeof(took)) != sizeof(took));
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &took, sizeof(took)) != sizeof(took))
		took = 0;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(ends[0]);
	unmap_anonymous(base, BYTES);
	return took * 1000 / PAGES;
}

static uint64_t fork_exit(void)
{
	return fork_and_exit(FORKS) * 1000 / FORKS;
}

static uint64_t zero_hot(void)
{
	bool by_bytes = bytes_are_fast();
	char *page = fresh(HUGE_BYTES, MADV_NOHUGEPAGE);
	uint64_t begin;

	if (!page)
		return 0;
	zero_page(page, by_bytes);
	begin = now();
	for (size_t i = 0; i < HOT_ROUNDS; i++)
		zero_page(page, by_bytes);
	begin = now() - begin;
	unmap_anonymous(page, HUGE_BYTES);
	return begin * 1000 / HOT_ROUNDS;
}

static uint64_t zero_cold(void)
{
	bool by_bytes = bytes_are_fast();
	char *base = fresh(COLD_BYTES, MADV_NOHUGEPAGE);
	uint64_t begin;

	if (!base)
		return 0;
	touch(base, COLD_BYTES);
	begin = now();
	for (size_t at = 0; at < COLD_BYTES; at += PAGE_BYTES)
		zero_page(base + at, by_bytes);
	begin = now() - begin;
	unmap_anonymous(base, COLD_BYTES);
	return begin * 1000 / COLD_PAGES;
}

/*
 * The two pages are no multiple of 256 pages apart: those would push each other out of QEMU's TLB.
 */
static uint64_t copy_hot(void)
{
	char *base = fresh(HUGE_BYTES, MADV_NOHUGEPAGE);
	uint64_t begin;

	if (!base)
		return 0;
	touch(base, HUGE_BYTES);
	begin = now();
	for (size_t i = 0; i < HOT_ROUNDS; i++)
		copy_page(base, base + 3 * PAGE_BYTES);
	begin = now() - begin;
	unmap_anonymous(base, HUGE_BYTES);
	return begin * 1000 / HOT_ROUNDS;
}

static uint64_t copy_cold(void)
{
	size_t half = COLD_BYTES / 2;
	char *base = fresh(COLD_BYTES + HUGE_BYTES, MADV_NOHUGEPAGE);
	char *to;
	uint64_t begin;

	if (!base)
		return 0;
	touch(base, COLD_BYTES + HUGE_BYTES);
	to = base + half + 3 * PAGE_BYTES;
	begin = now();
	for (size_t at = 0; at < half; at += PAGE_BYTES)
		copy_page(to + at, base + at);
	begin = now() - begin;
	unmap_anonymous(base, COLD_BYTES + HUGE_BYTES);
	return begin * 1000 / (half / PAGE_BYTES);
}

static const struct {
	const char *name;
	uint64_t (*measure)(void);
} operations[] = {
	{ "fault", fault },
	{ "huge-fault", huge_fault },
	{ "unmap", unmap },
	{ "protect", protect },
	{ "copy-on-write", copy_on_write },
	{ "fork-exit", fork_exit },
	{ "zero-hot", zero_hot },
	{ "zero-cold", zero_cold },
	{ "copy-hot", copy_hot },
	{ "copy-cold", copy_cold },
};

void measure_prices(price_taker take, void *context)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		uint64_t least = UINT64_MAX;

		for (int try = 0; try < TRIES; try++) {
			uint64_t took = operations[i].measure();

			if (took && took < least)
				least = took;
		}
		if (least != UINT64_MAX)
			take(context, operations[i].name, least);
	}
}
