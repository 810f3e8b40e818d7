// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

#define PAGE_BYTES 4096ULL
#define WORDS_PER_PAGE (PAGE_BYTES / sizeof(uint64_t))
/* Neighbours take turns at this many pages, so that their memory lies interleaved. */
#define SLICE_PAGES 64
#define HUGE_BYTES (2ULL << 20)
/* Address space taken once; memory is only what was touched. */
#define SPACE_BYTES (64ULL << 30)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static unsigned char *base;
static uint64_t pages_written;

static uint64_t pattern(uint64_t page)
{
	uint64_t value = (page + 1) * 0x9e3779b97f4a7c15ULL ^ (uint64_t)getpid() << 17;

	return value ^ value >> 29;
}

static const char *reserve(const struct work_options *options)
{
	unsigned char *space;

	if (base)
		return NULL;
	space = mmap(NULL, SPACE_BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return strerror(errno);
	base = (unsigned char *)(((uintptr_t)space + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	if (options->huge)
		madvise(base, SPACE_BYTES, MADV_HUGEPAGE);
	return NULL;
}

static bool is_zero(const volatile uint64_t *words, bool all)
{
	uint64_t seen = words[0] | words[WORDS_PER_PAGE - 1];

	for (uint64_t i = 1; all && i < WORDS_PER_PAGE; i++)
		seen |= words[i];
	return seen == 0;
}

static bool touch_page(uint64_t page, bool check_all)
{
	/* volatile: the first access of a fresh page must stay a write. */
	volatile uint64_t *words = (volatile uint64_t *)(base + page * PAGE_BYTES);
	uint64_t value = pattern(page);

	if (page < pages_written) {
		if (words[0] != value || words[WORDS_PER_PAGE - 1] != ~value)
			return false;
	} else {
		/* A write first, as a program does; a read would map the shared zero page. */
		words[1] = value;
		words[1] = 0;
		if (!is_zero(words, check_all))
			return false;
	}
	words[0] = value;
	words[WORDS_PER_PAGE - 1] = ~value;
	return true;
}

const char *anonymous_populate(uint64_t bytes, const struct work_options *options)
{
	const char *error = reserve(options);

	if (error)
		return error;
	if (bytes > SPACE_BYTES)
		return "more anonymous memory than 64 GiB";
	/* Written to by the kernel, as a write by the program would be, but not changed. */
	if (bytes && madvise(base, bytes, MADV_POPULATE_WRITE))
		return strerror(errno);
	return NULL;
}

void anonymous_release(uint64_t bytes)
{
	uint64_t pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	size_t rest = (size_t)((pages_written - pages) * PAGE_BYTES);

	if (pages >= pages_written)
		return;
	/* Unmapped as a program does it; the address space alone is taken again. */
	if (munmap(base + pages * PAGE_BYTES, rest) == 0 &&
	    mmap(base + pages * PAGE_BYTES, rest, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		pages_written = pages;
}

const char *anonymous_touch(uint64_t bytes, const struct work_options *options)
{
	static char message[128];
	uint64_t pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	const char *error = reserve(options);

	if (error)
		return error;
	if (pages > SPACE_BYTES / PAGE_BYTES)
		return "more anonymous memory than 64 GiB";
	for (uint64_t page = 0; page < pages; page++) {
		if (page % SLICE_PAGES == 0)
			sched_yield();
		if (touch_page(page, options->check_all)) {
			if (page >= pages_written)
				pages_written = page + 1;
			continue;
		}
		snprintf(message, sizeof(message), "page %llu %s", (unsigned long long)page,
			 page < pages_written ? "lost its contents" : "was not zero when fresh");
		return message;
	}
	return NULL;
}
