// SPDX-License-Identifier: Apache-2.0
/*
 * A kernel that nobody can hold to anything: it writes to every page of memory that its machine
 * answers for, plugged or not, from 4 GiB upwards, and then sleeps.
 */
#include <stdint.h>

#define MULTIBOOT_MAGIC 0x1BADB002u
#define GIB (1ull << 30)
#define LARGE_PAGE (2ull << 20)
#define PAGE 4096u
/* Present, writable, 2 MiB. */
#define LARGE_ENTRY 0x83ull
#define FROM_GIB 4
#define UNTIL_GIB 12

__attribute__((section(".text.boot"), used, aligned(4)))
static const uint32_t multiboot[] = { MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC };

static uint8_t stack[16384] __attribute__((aligned(16)));
static uint64_t pointers[4] __attribute__((aligned(32)));
static uint64_t low[512] __attribute__((aligned(4096)));
static uint64_t window[512] __attribute__((aligned(4096)));

static void map_window(uint64_t from)
{
	for (uint32_t at = 0; at < 512; at++)
		window[at] = (from + at * LARGE_PAGE) | LARGE_ENTRY;
	__asm__ volatile("mov %0, %%cr3" : : "r"(pointers) : "memory");
}

static void take(volatile uint32_t *from)
{
	for (uint32_t large = 0; large < 512; large++) {
		volatile uint32_t *page = from + large * (LARGE_PAGE / 4);

		*page = 0x600DF00D;
		if (*page != 0x600DF00D)
			continue;
		for (uint32_t at = 0; at < LARGE_PAGE / PAGE; at++)
			page[at * (PAGE / 4)] = 0x600DF00D;
	}
}

__attribute__((used)) static void go(void)
{
	uint32_t control;

	for (uint32_t at = 0; at < 512; at++)
		low[at] = (at * LARGE_PAGE) | LARGE_ENTRY;
	pointers[0] = (uint32_t)low | 1;
	pointers[1] = (uint32_t)window | 1;
	__asm__ volatile("mov %%cr4, %0; or $0x20, %0; mov %0, %%cr4" : "=&r"(control));
	map_window(FROM_GIB * GIB);
	__asm__ volatile("mov %%cr0, %0; or $0x80000000, %0; mov %0, %%cr0" : "=&r"(control));
	for (uint64_t gib = FROM_GIB; gib < UNTIL_GIB; gib++) {
		map_window(gib * GIB);
		take((volatile uint32_t *)(uint32_t)GIB);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

__attribute__((naked, section(".text.start"))) void _start(void)
{
	__asm__ volatile("mov %0, %%esp; call go" : : "i"(stack + sizeof(stack)));
}
